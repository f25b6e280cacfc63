/* SPDX-License-Identifier: MIT */
#include "store/digest_list.h"

struct listing {
    enum hash_algorithm algorithm;
    digest_list_visit *visit;
    void *context;
};

static int visit_hex(void *context, const char *hex, bool is_directory,
                     struct err *err)
{
    struct listing *listing = context;
    CLEANUP(buf) struct buf text = BUF_INIT(DIGEST_TEXT_MAX);
    struct err ignored = {0};
    struct digest digest;

    buf_add_format(&text, "%s:%s", digest_algorithm_name(listing->algorithm),
                   hex);
    if (!is_directory || text.overflowed ||
        digest_parse(buf_span(&text), &digest, &ignored) < 0)
        return 0;
    return listing->visit(listing->context, &digest, err);
}

int digest_list(const struct store *store, const struct layout_path *path,
                enum hash_algorithm algorithm, digest_list_visit *visit,
                void *context, struct err *err)
{
    struct listing listing = {algorithm, visit, context};

    return driver_list_if_there(store->driver, path->text, NULL, visit_hex,
                                &listing, err);
}

int digest_list_links(const struct store *store, digest_list_place *place,
                      const char *name, digest_list_visit *visit, void *context,
                      struct err *err)
{
    for (int i = 0; i < HASH_COUNT; i++) {
        enum hash_algorithm algorithm = (enum hash_algorithm)i;
        struct layout_path path = place(name, algorithm);

        if (digest_list(store, &path, algorithm, visit, context, err) < 0)
            return -1;
    }
    return 0;
}
