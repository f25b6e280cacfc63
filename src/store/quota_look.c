/* SPDX-License-Identifier: MIT */
#include "store/quota_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/num.h"
#include "oci/digest.h"
#include "oci/name.h"
#include "store/catalog.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/rules.h"

/* Enough of a digest to tell it from all others that will ever be here. */
struct key {
    char bytes[32]; /* hexadecimal digits; an empty slot has none */
};

struct keys {
    struct key *slots;
    size_t count, room; /* room is a power of two, or 0 */
};

struct sum {
    const struct quota_look *look;
    const char *name; /* of the repository */
    enum hash_algorithm algorithm;
    bool of_manifests;
    struct keys keys; /* of blobs that are counted */
    uint64_t bytes;
};

/* --- the set --- */

static size_t find(const struct keys *keys, const struct key *key)
{
    uint64_t start; /* digests are random enough as they are */

    memcpy(&start, key->bytes, sizeof(start));
    start *= UINT64_C(0x9E3779B97F4A7C15);
    for (size_t i = (size_t)(start >> 32);; i++) {
        const struct key *slot = &keys->slots[i & (keys->room - 1)];

        if (slot->bytes[0] == '\0' || memcmp(slot, key, sizeof(*key)) == 0)
            return i & (keys->room - 1);
    }
}

static void grow(struct keys *keys)
{
    struct keys larger = {.count = keys->count,
                          .room = keys->room ? 2 * keys->room : 64};

    larger.slots = memory_new(larger.room * sizeof(*larger.slots));
    for (size_t i = 0; i < keys->room; i++)
        if (keys->slots[i].bytes[0] != '\0')
            larger.slots[find(&larger, &keys->slots[i])] = keys->slots[i];
    free(keys->slots);
    *keys = larger;
}

/* False when it was there already. */
static bool add_key(struct keys *keys, const struct digest *digest)
{
    struct key key;
    size_t at;

    memcpy(key.bytes, digest->hex, sizeof(key.bytes));
    if (keys->count >= keys->room / 4 * 3)
        grow(keys);
    at = find(keys, &key);
    if (keys->slots[at].bytes[0] != '\0')
        return false;
    keys->slots[at] = key;
    keys->count++;
    return true;
}

static bool has_key(const struct keys *keys, const struct digest *digest)
{
    struct key key;

    if (keys->room == 0)
        return false;
    memcpy(key.bytes, digest->hex, sizeof(key.bytes));
    return keys->slots[find(keys, &key)].bytes[0] != '\0';
}

/* --- uploads --- */

static int add_bytes(struct sum *sum, uint64_t bytes, struct err *err)
{
    if (num_add(sum->bytes, bytes, &sum->bytes) == 0)
        return 0;
    return err_set(err, ERR_INTERNAL, "more bytes than can be counted");
}

static int add_object(struct sum *sum, const struct layout_path *path,
                      bool *is_there, struct err *err)
{
    struct driver_stat stat;

    if (driver_stat_if_there(sum->look->store->driver, path->text, &stat,
                             is_there, err) < 0)
        return -1;
    return *is_there ? add_bytes(sum, stat.size, err) : 0;
}

static int visit_upload(void *context, const char *uuid, bool is_directory,
                        struct err *err)
{
    struct sum *sum = context;
    struct layout_path path;
    bool is_there;

    if (!is_directory || !uuid_is_valid(span_of(uuid)))
        return 0;
    path = layout_upload_data(sum->name, uuid);
    return add_object(sum, &path, &is_there, err);
}

/* --- links --- */

static struct layout_path link_of(const struct sum *sum,
                                  const struct digest *digest)
{
    return sum->of_manifests ? layout_revision_link(sum->name, digest)
                             : layout_layer_link(sum->name, digest);
}

/*
 * As a rule the blob has the digest of the link's place, and the link need
 * not be read; else it names the blob.
 */
static int add_linked(struct sum *sum, const struct digest *digest,
                      struct err *err)
{
    struct layout_path link = link_of(sum, digest);
    struct layout_path blob = layout_blob(digest);
    struct driver_stat stat;
    struct digest stored;
    bool is_there;

    if (driver_stat_if_there(sum->look->store->driver, link.text, &stat,
                             &is_there, err) < 0)
        return -1;
    if (!is_there || !add_key(&sum->keys, digest))
        return 0;
    if (add_object(sum, &blob, &is_there, err) < 0)
        return -1;
    if (is_there)
        return 0;
    if (link_resolve(sum->look->store, &link, digest, &stored, err) < 0) {
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        return 0;
    }
    if (stored.algorithm == digest->algorithm || !add_key(&sum->keys, &stored))
        return 0;
    blob = layout_blob(&stored);
    return add_object(sum, &blob, &is_there, err);
}

static int visit_link(void *context, const char *hex, bool is_directory,
                      struct err *err)
{
    struct sum *sum = context;
    char text[DIGEST_TEXT_MAX];
    struct err ignored = {0};
    struct digest digest;

    if (!is_directory)
        return 0;
    snprintf(text, sizeof(text), "%s:%s", digest_algorithm_name(sum->algorithm),
             hex);
    if (digest_parse(span_of(text), &digest, &ignored) < 0 ||
        has_key(&sum->keys, &digest))
        return 0;
    return add_linked(sum, &digest, err);
}

/* --- repositories --- */

static int visit_all(struct sum *sum, const struct layout_path *path,
                     driver_visit *visit, struct err *err)
{
    return driver_list_if_there(sum->look->store->driver, path->text, NULL,
                                visit, sum, err);
}

static int add_links(struct sum *sum, struct err *err)
{
    for (int i = 0; i < HASH_COUNT; i++) {
        struct layout_path layers, revisions;

        sum->algorithm = (enum hash_algorithm)i;
        layers = layout_layers_of(sum->name, sum->algorithm);
        revisions = layout_revisions(sum->name, sum->algorithm);
        sum->of_manifests = false;
        if (visit_all(sum, &layers, visit_link, err) < 0)
            return -1;
        sum->of_manifests = true;
        if (visit_all(sum, &revisions, visit_link, err) < 0)
            return -1;
    }
    return 0;
}

/*
 * Uploads first: one that is committed in between is counted twice instead of
 * never.
 */
static int visit_repository(void *context, const char *name, struct err *err)
{
    struct sum *sum = context;
    struct layout_path uploads = layout_uploads(name);
    struct rules_found found;

    rules_find(sum->look->store->rules, name, &found);
    if (found.quota_origin.section == NULL ||
        strcmp(found.quota_origin.section, sum->look->section) != 0)
        return 0;
    sum->name = name;
    if (visit_all(sum, &uploads, visit_upload, err) < 0)
        return -1;
    return add_links(sum, err);
}

/* The components of the pattern before the first with a wildcard. */
static void find_top(const char *section, char top[NAME_MAX_LENGTH + 1])
{
    size_t literals = strcspn(section, "*?");

    if (literals > NAME_MAX_LENGTH)
        literals = NAME_MAX_LENGTH;
    memcpy(top, section, literals);
    top[literals] = '\0';
    if (section[literals] == '\0')
        return;
    while (literals > 0 && top[literals - 1] != '/')
        literals--;
    top[literals > 0 ? literals - 1 : 0] = '\0';
}

int quota_look(const struct quota_look *look, uint64_t *bytes, struct err *err)
{
    struct sum sum = {.look = look};
    char top[NAME_MAX_LENGTH + 1];
    int result;

    find_top(look->section, top);
    result = catalog_walk_below(look->store, top, visit_repository, &sum, err);
    free(sum.keys.slots);
    if (result == 0)
        *bytes = sum.bytes;
    return result;
}
