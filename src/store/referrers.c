/* SPDX-License-Identifier: MIT */
#include "store/referrers.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/layout.h"
#include "store/referrer_entry.h"
#include "store/referrers_index.h"

struct digests {
    struct digest *list;
    size_t count, capacity;
};

static void digests_cleanup(struct digests *digests)
{
    free(digests->list);
}

static int collect_entry(void *context, const char *file, bool is_directory,
                         struct err *err)
{
    struct digests *digests = context;
    struct digest digest;

    (void)err;
    if (is_directory || !layout_parse_referrer(file, &digest))
        return 0;
    if (digests->count == digests->capacity) {
        digests->capacity = digests->capacity ? 2 * digests->capacity : 16;
        digests->list = memory_resize(
            digests->list, digests->capacity * sizeof(*digests->list));
    }
    digests->list[digests->count++] = digest;
    return 0;
}

/* All that ever referred to the subject, in ascending order. */
static int collect(const struct store *store, const char *name,
                   const struct digest *subject, struct digests *digests,
                   struct err *err)
{
    struct layout_path path = layout_referrers(name, subject);

    /* A tree that cannot be written is still served as far as it is known. */
    if (referrers_refresh(store, name, err) < 0 && err->code != ERR_READ_ONLY &&
        err->code != ERR_NO_SPACE)
        return -1;
    err_clear(err);
    return driver_list_if_there(store->driver, path.text, NULL, collect_entry,
                                digests, err);
}

/* Reads an entry whose manifest is there; `*present` tells. */
static int load_entry(const struct store *store, const char *name,
                      const struct digest *subject, const struct digest *digest,
                      struct buf *entry, bool *present, struct err *err)
{
    struct layout_path link = layout_revision_link(name, digest);
    struct layout_path path = layout_referrer(name, subject, digest);
    struct driver_stat stat;

    *present = driver_stat(store->driver, link.text, &stat, err) == 0 &&
               driver_get(store->driver, path.text, entry, NULL, err) == 0;
    if (!*present && err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

struct listing {
    const struct store *store;
    const char *name;
    const struct digest *subject;
    const struct referrers_query *query;
    struct buf *into;
    size_t start; /* of `into` */
    struct referrers_page *page;
    uint64_t count;
};

/* Appends a descriptor, or returns 1 when the page is full. */
static int append(struct listing *listing, const struct digest *digest,
                  struct span descriptor)
{
    const struct referrers_query *query = listing->query;
    size_t used = listing->into->len - listing->start;

    if (listing->count > 0 &&
        (used + descriptor.len + 1 > REFERRERS_PAGE_MAX ||
         (query->limit > 0 && listing->count == query->limit))) {
        listing->page->more = true;
        return 1;
    }
    if (listing->count > 0)
        buf_add_char(listing->into, ',');
    buf_add(listing->into, descriptor);
    listing->page->last = *digest;
    listing->count++;
    return 0;
}

static int list_one(struct listing *listing, const struct digest *digest,
                    struct err *err)
{
    CLEANUP(buf) struct buf entry = BUF_INIT(REFERRER_ENTRY_MAX);
    struct span type, descriptor, wanted = listing->query->artifact_type;
    bool present;

    if (load_entry(listing->store, listing->name, listing->subject, digest,
                   &entry, &present, err) < 0)
        return -1;
    referrer_entry_split(buf_span(&entry), &type, &descriptor);
    if (!present || descriptor.len == 0 ||
        (wanted.len > 0 && !span_equals(type, wanted)))
        return 0;
    return append(listing, digest, descriptor);
}

static bool is_behind(const struct digest *digest, const struct digest *last)
{
    if (last == NULL)
        return true;
    if (digest->algorithm != last->algorithm)
        return digest->algorithm > last->algorithm;
    return strcmp(digest->hex, last->hex) > 0;
}

int referrers_list(const struct store *store, const char *name,
                   const struct digest *subject,
                   const struct referrers_query *query, struct buf *into,
                   struct referrers_page *page, struct err *err)
{
    CLEANUP(digests) struct digests digests = {0};
    struct listing listing = {.store = store,
                              .name = name,
                              .subject = subject,
                              .query = query,
                              .into = into,
                              .start = into->len,
                              .page = page};
    int result = 0;

    page->more = false;
    if (collect(store, name, subject, &digests, err) < 0)
        return -1;
    for (size_t i = 0; i < digests.count && result == 0; i++) {
        if (is_behind(&digests.list[i], query->last))
            result = list_one(&listing, &digests.list[i], err);
    }
    return result < 0 ? -1 : 0;
}
