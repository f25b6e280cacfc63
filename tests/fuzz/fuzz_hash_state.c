/* SPDX-License-Identifier: MIT */
/*
 * "NAME\nSTATE": a saved state of a hash under its file name, as another
 * program may have left it; and the bytes of the whole input hashed in two
 * parts with a saved state between.
 */
#include "fuzz.h"

#include <inttypes.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "base/num.h"
#include "driver/driver_mem.h"
#include "oci/digest.h"
#include "store/layout.h"
#include "store/upload_state.h"

#define UUID "01234567-89ab-4def-8123-456789abcdef"

static void finish(struct hash hash, char hex[HASH_HEX_MAX])
{
    hash_update(&hash, "tail", 4);
    hash_final(&hash, hex);
}

static struct hash save_and_restore(const struct hash *hash)
{
    unsigned char state[HASH_STATE_MAX];
    size_t len = hash_save(hash, state);
    struct hash again;

    MUST(hash_restore(&again, hash->algorithm, hash->length,
                      (struct span){(const char *)state, len}));
    return again;
}

static void check_same(const struct hash *a, const struct hash *b)
{
    char one[HASH_HEX_MAX], other[HASH_HEX_MAX];

    MUST(a->algorithm == b->algorithm && a->length == b->length);
    finish(*a, one);
    finish(*b, other);
    MUST(strcmp(one, other) == 0);
}

static void check_state(enum hash_algorithm algorithm, uint64_t length,
                        struct span state)
{
    struct hash hash, again;

    if (!hash_restore(&hash, algorithm, length, state))
        return;
    MUST(hash.length == length);
    again = save_and_restore(&hash);
    check_same(&hash, &again);
}

/* Under a name of the fuzzer's, beside a good state of nothing. */
static void check_upload(enum hash_algorithm algorithm, struct span name,
                         struct span state)
{
    CLEANUP(driver) struct driver *driver = driver_mem_new(3600);
    struct store store = {.driver = driver, .rules = rules_none()};
    CLEANUP(fuzz_text) char *file = fuzz_text(name);
    struct layout_path states = layout_upload_states("a", UUID, algorithm);
    CLEANUP(buf) struct buf path = BUF_INIT(1024);
    struct err err = {0};
    struct hash hash;
    uint64_t size = 1 << 20;

    hash_init(&hash, algorithm);
    MUST(upload_state_save(&store, "a", UUID, &hash, &err) == 0);
    if (name.len == 0 || strlen(file) != name.len || strchr(file, '/') != NULL)
        return;
    buf_add_format(&path, "%s/%s", states.text, file);
    if (path.overflowed ||
        driver_put(driver, buf_text(&path), state, DRIVER_RELAXED, &err) < 0)
        return;
    if (upload_state_load(&store, "a", UUID, size, &hash, &err) < 0)
        MUST(err.code == ERR_NOT_FOUND);
    else
        MUST(hash.length <= size && hash.algorithm == algorithm);
}

static void check_parts(enum hash_algorithm algorithm, struct span bytes,
                        size_t first)
{
    struct digest whole, parts;
    struct hash hash, again;

    digest_of_bytes(algorithm, bytes, &whole);
    hash_init(&hash, algorithm);
    hash_update(&hash, bytes.ptr, first);
    again = save_and_restore(&hash);
    hash_update(&again, bytes.ptr + first, bytes.len - first);
    digest_finish(&again, &parts);
    MUST(digest_equals(&whole, &parts));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span state = fuzz_input(data, size);
    struct span name = span_cut(&state, '\n');
    uint64_t length = 0;

    if (num_parse(name, UINT64_MAX, &length) < 0)
        length = 0;
    for (int i = 0; i < HASH_COUNT; i++) {
        enum hash_algorithm algorithm = (enum hash_algorithm)i;

        check_state(algorithm, length, state);
        check_upload(algorithm, name, state);
        check_parts(algorithm, fuzz_input(data, size), name.len);
    }
    return 0;
}
