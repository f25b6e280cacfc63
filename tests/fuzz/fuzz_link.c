/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a link file, whoever wrote them: a digest and nothing else
 * counts, and nobody who follows the link fails for anything else.
 */
#include "fuzz.h"

#include "driver/driver_mem.h"
#include "store/blob.h"
#include "store/link.h"
#include "store/manifest_store.h"
#include "store/tag.h"

#define LINK_MAX 1024

static struct digest known;

static void put(const struct store *store, struct layout_path path,
                struct span bytes)
{
    struct err err = {0};

    MUST(driver_put(store->driver, path.text, bytes, DRIVER_DURABLE, &err) ==
         0);
}

static void check_link(const struct store *store, struct span bytes)
{
    struct layout_path path = layout_layer_link("team/app", &known);
    struct digest direct, read;
    struct err err = {0}, ignored = {0};
    bool good =
        bytes.len <= LINK_MAX && digest_parse(bytes, &direct, &ignored) == 0;

    if (link_read(store, &path, &read, &err) < 0) {
        MUST(!good && err.code == ERR_NOT_FOUND);
        return;
    }
    MUST(good && digest_equals(&direct, &read));
    MUST(link_write(store, &path, &read, &err) == 0);
    MUST(link_read(store, &path, &direct, &err) == 0);
    MUST(digest_equals(&direct, &read));
}

/* Through the links of a blob, a manifest and a tag. */
static void check_followers(const struct store *store)
{
    CLEANUP(buf) struct buf manifest = BUF_INIT(MANIFEST_BYTES_MAX);
    struct err err = {0};
    struct digest tagged;
    struct blob blob;

    if (blob_find(store, "team/app", &known, &blob, &err) < 0)
        MUST(err.code == ERR_BLOB_UNKNOWN);
    err_clear(&err);
    if (blob_lease(store, "team/app", &known, &blob, &err) < 0)
        MUST(err.code == ERR_BLOB_UNKNOWN);
    err_clear(&err);
    if (manifest_get(store, "team/app", &known, &manifest, &err) < 0)
        MUST(err.code == ERR_MANIFEST_UNKNOWN);
    err_clear(&err);
    if (tag_resolve(store, "team/app", "1", &tagged, &err) < 0)
        MUST(err.code == ERR_MANIFEST_UNKNOWN);
    err_clear(&err);
    if (tag_delete_all(store, "team/app", &known, NULL, &err) < 0)
        MUST(err.code == ERR_MANIFEST_UNKNOWN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(driver) struct driver *driver = driver_mem_new(3600);
    struct store store = {.driver = driver, .rules = rules_none()};
    struct span bytes = fuzz_input(data, size);

    digest_of_bytes(HASH_SHA256, SPAN("x"), &known);
    put(&store, layout_blob(&known), SPAN("x"));
    put(&store, layout_layer_link("team/app", &known), bytes);
    put(&store, layout_revision_link("team/app", &known), bytes);
    put(&store, layout_tag_current("team/app", "1"), bytes);
    check_followers(&store);
    check_link(&store, bytes);
    return 0;
}
