/* SPDX-License-Identifier: MIT */
#include "store/referrers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "oci/name.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/referrers_index.h"
#include "store/tag.h"

/* An entry: the artifact type, a newline, the descriptor as JSON. */
#define ENTRY_BYTES_MAX MANIFEST_BYTES_MAX

/* Fallback tags are written by clients: a few kilobytes each, as a rule. */
static const struct json_limits fallback_limits = {
    .containers = 40000,
    .values = 400000,
};

int referrers_add(const struct store *store, const char *name,
                  const struct digest *subject, const struct digest *digest,
                  const struct manifest *manifest, uint64_t size,
                  struct err *err)
{
    struct layout_path path = layout_referrer(name, subject, digest);
    CLEANUP(buf) struct buf entry = BUF_INIT(ENTRY_BYTES_MAX);

    buf_add(&entry, manifest_artifact_type(manifest));
    buf_add_char(&entry, '\n');
    manifest_descriptor_print(manifest, digest, size, &entry);
    if (entry.overflowed)
        return err_set(err, ERR_INTERNAL, "descriptor too long");
    return driver_put(store->driver, path.text, buf_span(&entry),
                      DRIVER_DURABLE, err);
}

struct item {
    struct digest digest;
    const struct json *fallback; /* its descriptor; NULL = an index entry */
};

struct items {
    struct item *list;
    size_t count, capacity;
};

static void items_cleanup(struct items *items)
{
    free(items->list);
}

static void items_add(struct items *items, const struct digest *digest,
                      const struct json *fallback)
{
    if (items->count == items->capacity) {
        items->capacity = items->capacity ? 2 * items->capacity : 16;
        items->list =
            memory_resize(items->list, items->capacity * sizeof(*items->list));
    }
    items->list[items->count++] = (struct item){*digest, fallback};
}

static int compare_digests(const struct digest *a, const struct digest *b)
{
    if (a->algorithm != b->algorithm)
        return a->algorithm < b->algorithm ? -1 : 1;
    return span_compare(span_of(a->hex), span_of(b->hex));
}

/* Index entries before fallback ones of the same digest. */
static int compare_items(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    int order = compare_digests(&a->digest, &b->digest);

    if (order != 0)
        return order;
    return (a->fallback != NULL) - (b->fallback != NULL);
}

static int collect_entry(void *context, const char *file, bool is_directory,
                         struct err *err)
{
    struct digest digest;

    (void)err;
    if (!is_directory && layout_parse_referrer(file, &digest))
        items_add(context, &digest, NULL);
    return 0;
}

/*
 * The tag older clients keep a list under: `<alg>-<hex>`, cut to 32 and 64
 * characters (distribution-spec "Referrers Tag Schema").
 */
static void fallback_tag(const struct digest *subject,
                         char tag[TAG_MAX_LENGTH + 1])
{
    snprintf(tag, TAG_MAX_LENGTH + 1, "%.32s-%.64s",
             digest_algorithm_name(subject->algorithm), subject->hex);
}

static void collect_descriptors(const struct json *document,
                                struct items *items)
{
    const struct json *list = json_member(document, "manifests");

    for (size_t i = 0; i < json_array_length(list); i++) {
        const struct json *descriptor = json_at(list, i);
        struct err ignored = {0};
        struct digest digest;
        struct span text;

        if (json_as_string(json_member(descriptor, "digest"), &text) &&
            digest_parse(text, &digest, &ignored) == 0)
            items_add(items, &digest, descriptor);
    }
}

/* Adds what the fallback tag lists; `*document` keeps the descriptors. */
static int collect_fallback(const struct store *store, const char *name,
                            const struct digest *subject, struct items *items,
                            struct json **document, struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    char tag[TAG_MAX_LENGTH + 1];
    struct digest digest;

    fallback_tag(subject, tag);
    if (tag_resolve(store, name, tag, &digest, err) == 0 &&
        manifest_get(store, name, &digest, &bytes, err) == 0 &&
        json_parse(buf_span(&bytes), &fallback_limits, document, err) == 0) {
        collect_descriptors(*document, items);
        return 0;
    }
    if (err->code != ERR_MANIFEST_UNKNOWN && err->code != ERR_SYNTAX)
        return -1;
    err_clear(err);
    return 0;
}

static int collect(const struct store *store, const char *name,
                   const struct digest *subject, struct items *items,
                   struct json **document, struct err *err)
{
    struct layout_path path = layout_referrers(name, subject);

    /* A tree that cannot be written is still served as far as it is known. */
    if (referrers_refresh(store, name, err) < 0 && err->code != ERR_READ_ONLY &&
        err->code != ERR_NO_SPACE)
        return -1;
    err_clear(err);
    if (driver_list(store->driver, path.text, NULL, collect_entry, items, err) <
            0 &&
        err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    if (collect_fallback(store, name, subject, items, document, err) < 0)
        return -1;
    if (items->count > 0)
        qsort(items->list, items->count, sizeof(*items->list), compare_items);
    return 0;
}

/* The descriptor of a fallback item and its artifact type. */
static void load_fallback(const struct item *item, struct buf *descriptor,
                          struct span *artifact_type)
{
    const struct json *type = json_member(item->fallback, "artifactType");

    if (!json_as_string(type, artifact_type))
        *artifact_type = SPAN("");
    json_print(item->fallback, descriptor);
}

/* Reads an entry whose manifest is there; `*present` tells. */
static int load_entry(const struct store *store, const char *name,
                      const struct digest *subject, const struct item *item,
                      struct buf *entry, bool *present, struct err *err)
{
    struct layout_path link = layout_revision_link(name, &item->digest);
    struct layout_path path = layout_referrer(name, subject, &item->digest);
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
static int append(struct listing *listing, const struct item *item,
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
    listing->page->last = item->digest;
    listing->count++;
    return 0;
}

static int list_item(struct listing *listing, const struct item *item,
                     struct err *err)
{
    CLEANUP(buf) struct buf entry = BUF_INIT(ENTRY_BYTES_MAX);
    struct span type, descriptor, wanted = listing->query->artifact_type;
    bool present = true;

    if (item->fallback != NULL) {
        load_fallback(item, &entry, &type);
        descriptor = buf_span(&entry);
    } else {
        if (load_entry(listing->store, listing->name, listing->subject, item,
                       &entry, &present, err) < 0)
            return -1;
        descriptor = buf_span(&entry);
        type = span_cut(&descriptor, '\n');
    }
    if (!present || descriptor.len == 0 ||
        (wanted.len > 0 && !span_equals(type, wanted)))
        return 0;
    return append(listing, item, descriptor);
}

/* Behind the last page, and not twice: the index knows it better. */
static bool is_wanted(const struct items *items, size_t at,
                      const struct digest *last)
{
    const struct item *item = &items->list[at];

    if (last != NULL && compare_digests(&item->digest, last) <= 0)
        return false;
    return at == 0 || !digest_equals(&item->digest, &item[-1].digest);
}

int referrers_list(const struct store *store, const char *name,
                   const struct digest *subject,
                   const struct referrers_query *query, struct buf *into,
                   struct referrers_page *page, struct err *err)
{
    CLEANUP(json) struct json *document = NULL;
    CLEANUP(items) struct items items = {0};
    struct listing listing = {.store = store,
                              .name = name,
                              .subject = subject,
                              .query = query,
                              .into = into,
                              .start = into->len,
                              .page = page};
    int result = 0;

    page->more = false;
    if (collect(store, name, subject, &items, &document, err) < 0)
        return -1;
    for (size_t i = 0; i < items.count && result == 0; i++) {
        if (is_wanted(&items, i, query->last))
            result = list_item(&listing, &items.list[i], err);
    }
    return result < 0 ? -1 : 0;
}
