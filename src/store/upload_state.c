/* SPDX-License-Identifier: MIT */
#include "store/upload_state.h"

#include "base/num.h"
#include "store/layout.h"

struct search {
    uint64_t limit;
    uint64_t best;
    bool found;
};

static int consider(void *context, const char *name, bool is_directory,
                    struct err *err)
{
    struct search *search = context;
    uint64_t offset;

    (void)err;
    if (!is_directory &&
        num_parse(span_of(name), search->limit, &offset) == 0 &&
        (!search->found || offset > search->best)) {
        search->best = offset;
        search->found = true;
    }
    return 0;
}

static int load_largest(const struct store *store, const char *name,
                        const char *uuid, enum hash_algorithm algorithm,
                        uint64_t size, struct hash *out, struct err *err)
{
    struct layout_path states = layout_upload_states(name, uuid, algorithm);
    CLEANUP(buf) struct buf bytes = BUF_INIT(HASH_STATE_MAX);
    struct search search = {.limit = size};
    struct layout_path path;

    if (driver_list(store->driver, states.text, NULL, consider, &search, err) <
        0)
        return -1;
    if (!search.found)
        return err_set(err, ERR_NOT_FOUND, "%s is empty", states.text);
    path = layout_upload_state(name, uuid, algorithm, search.best);
    if (driver_get(store->driver, path.text, &bytes, NULL, err) < 0)
        return -1;
    if (!hash_restore(out, algorithm, search.best, buf_span(&bytes)))
        return err_set(err, ERR_NOT_FOUND, "%s is no state", path.text);
    return 0;
}

int upload_state_load(const struct store *store, const char *name,
                      const char *uuid, uint64_t size, struct hash *out,
                      struct err *err)
{
    /* An upload announced as sha512 has states of that kind alone. */
    if (load_largest(store, name, uuid, HASH_SHA256, size, out, err) == 0)
        return 0;
    if (err->code != ERR_NOT_FOUND && err->code != ERR_TOO_LARGE)
        return -1;
    err_clear(err);
    if (load_largest(store, name, uuid, HASH_SHA512, size, out, err) == 0)
        return 0;
    if (err->code == ERR_TOO_LARGE)
        return err_recode(err, ERR_NOT_FOUND);
    return -1;
}

int upload_state_save(const struct store *store, const char *name,
                      const char *uuid, const struct hash *hash,
                      struct err *err)
{
    struct layout_path path =
        layout_upload_state(name, uuid, hash->algorithm, hash->length);
    unsigned char state[HASH_STATE_MAX];
    size_t len = hash_save(hash, state);

    return driver_put(store->driver, path.text,
                      (struct span){(const char *)state, len}, DRIVER_RELAXED,
                      err);
}
