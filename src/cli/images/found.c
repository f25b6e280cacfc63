/* SPDX-License-Identifier: MIT */

#include <stdio.h>

#include "found.h"
#include "store/manifest_store.h"
#include "store/repository.h"
#include "store/tag.h"

#define TAG_OF_NONE "latest"

int found_check_repository(const struct store *store, const char *name,
                           struct err *err)
{
    bool exists;

    if (repository_exists(store, name, &exists, err) < 0)
        return -1;
    if (!exists)
        return err_set(err, ERR_NAME_UNKNOWN, "%s: no such repository", name);
    return 0;
}

static int find_digest(const struct store *store, struct found *found,
                       struct err *err)
{
    const struct image_reference *reference = &found->reference;
    char text[DIGEST_TEXT_MAX];

    found->digest = reference->digest;
    if (manifest_check(store, reference->name, &found->digest, err) == 0)
        return 0;
    if (err->code != ERR_MANIFEST_UNKNOWN)
        return -1;
    digest_format(&found->digest, text);
    return err_set(err, ERR_MANIFEST_UNKNOWN, "%s: no manifest %s",
                   reference->name, text);
}

static int find_tag(const struct store *store, struct found *found,
                    struct err *err)
{
    struct image_reference *reference = &found->reference;
    bool was_given = reference->tag[0] != '\0';

    if (!was_given)
        snprintf(reference->tag, sizeof(reference->tag), TAG_OF_NONE);
    if (tag_resolve(store, reference->name, reference->tag, &found->digest,
                    err) == 0)
        return 0;
    if (err->code != ERR_MANIFEST_UNKNOWN)
        return -1;
    if (was_given)
        return err_set(err, ERR_MANIFEST_UNKNOWN, "%s: no tag %s",
                       reference->name, reference->tag);
    return err_set(err, ERR_MANIFEST_UNKNOWN,
                   "%s: which tag? It has no " TAG_OF_NONE, reference->name);
}

int found_image(const struct store *store, const char *word, struct found *out,
                struct err *err)
{
    if (image_reference_parse(span_of(word), &out->reference, err) < 0 ||
        found_check_repository(store, out->reference.name, err) < 0)
        return -1;
    return out->reference.has_digest ? find_digest(store, out, err)
                                     : find_tag(store, out, err);
}
