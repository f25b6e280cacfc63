/* SPDX-License-Identifier: MIT */
/* What an image is made of. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cli/command.h"
#include "cli/tree.h"
#include "found.h"
#include "inspect.h"
#include "store/blob.h"
#include "store/manifest_store.h"
#include "store/referrers.h"
#include "store/tag.h"

#define TAGS_BYTES_MAX (64 * 1024 * 1024)
#define REFERRERS_BYTES_MAX (64 * 1024 * 1024)

static const struct json_limits referrers_limits = {.containers = 1U << 18,
                                                    .values = 1U << 20};

struct words {
    const char *file;
    bool json;
    bool raw;
    char **kept;
};

static int parse_words(char **words, struct words *out)
{
    char **kept = words;

    out->kept = words;
    while (*words != NULL) {
        if (!command_value(&words, "-c", &out->file) &&
            !command_flag(&words, "--json", &out->json) &&
            !command_flag(&words, "--raw", &out->raw) &&
            !command_word(&words, &kept))
            return -1;
    }
    *kept = NULL;
    if (out->kept[0] == NULL || (out->raw && out->json))
        return -1;
    /* Two documents in a row are none. */
    return out->raw && out->kept[1] != NULL ? -1 : 0;
}

static void inspection_cleanup(struct inspection *inspection)
{
    buf_cleanup(&inspection->bytes);
    manifest_free(inspection->manifest);
    image_config_free(inspection->config);
    image_summary_cleanup(&inspection->summary);
    buf_cleanup(&inspection->tags);
    buf_cleanup(&inspection->referrers);
    json_free(inspection->listed);
    free(inspection->is_missing);
}

static int add_tag(void *context, const char *tag, struct err *err)
{
    struct inspection *inspection = context;
    struct digest digest;

    if (tag_resolve(inspection->store, inspection->name, tag, &digest, err) <
        0) {
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(err);
        return 0;
    }
    if (digest_equals(&digest, &inspection->digest))
        buf_add(&inspection->tags, (struct span){tag, strlen(tag) + 1});
    return 0;
}

static int list_referrers(struct inspection *inspection, struct err *err)
{
    struct buf *into = &inspection->referrers;
    struct referrers_query query = {0};
    struct referrers_page page = {0};

    buf_add_char(into, '[');
    do {
        if (page.more) {
            buf_add_char(into, ',');
            query.last = &page.last;
        }
        if (referrers_list(inspection->store, inspection->name,
                           &inspection->digest, &query, into, &page, err) < 0)
            return -1;
    } while (page.more && !into->overflowed);
    buf_add_char(into, ']');
    return json_parse(buf_span(into), &referrers_limits, &inspection->listed,
                      err);
}

/* `*is_there` for one reference of the manifest. */
static int look_for(const struct inspection *inspection,
                    const struct manifest_reference *reference, bool *is_there,
                    struct err *err)
{
    const struct digest *digest = &reference->descriptor.digest;
    struct blob blob;

    *is_there = true;
    if (reference->kind == MANIFEST_CHILD ||
        reference->kind == MANIFEST_SUBJECT) {
        if (manifest_check(inspection->store, inspection->name, digest, err) ==
            0)
            return 0;
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(err);
    }
    if (blob_find(inspection->store, inspection->name, digest, &blob, err) == 0)
        return 0;
    *is_there = false;
    if (err->code != ERR_BLOB_UNKNOWN)
        return -1;
    err_clear(err);
    return 0;
}

static int look_for_all(struct inspection *inspection, struct err *err)
{
    size_t count = manifest_reference_count(inspection->manifest);

    inspection->is_missing = memory_new(count + 1);
    for (size_t i = 0; i < count; i++) {
        struct manifest_reference reference;
        bool is_there;

        manifest_reference_at(inspection->manifest, i, &reference);
        if (look_for(inspection, &reference, &is_there, err) < 0)
            return -1;
        inspection->is_missing[i] = !is_there;
        if (!is_there && !reference.may_be_absent)
            inspection->lacks_something = true;
    }
    return 0;
}

static int inspect(struct inspection *inspection, struct err *err)
{
    const struct store *store = inspection->store;
    const char *name = inspection->name;

    if (manifest_parse(buf_span(&inspection->bytes), SPAN(""),
                       &inspection->manifest, err) < 0)
        return err_wrap(err,
                        "%s: not a manifest that berth reads (--raw "
                        "prints it)",
                        name);
    if (image_config_load(store, name, inspection->manifest,
                          &inspection->config, err) < 0 ||
        image_summarize(store, name, &inspection->digest, &inspection->summary,
                        err) < 0 ||
        tag_list(store, name, NULL, add_tag, inspection, err) < 0 ||
        look_for_all(inspection, err) < 0)
        return -1;
    return list_referrers(inspection, err);
}

/* `*lacks_something` when a part that has to be there is not. */
static int inspect_word(const struct store *store, const char *word,
                        const struct words *words, bool *lacks_something,
                        struct err *err)
{
    CLEANUP(inspection)
    struct inspection inspection = {.store = store,
                                    .bytes = BUF_INIT(MANIFEST_BYTES_MAX),
                                    .tags = BUF_INIT(TAGS_BYTES_MAX),
                                    .referrers = BUF_INIT(REFERRERS_BYTES_MAX)};
    struct found found;

    if (found_image(store, word, &found, err) < 0)
        return -1;
    inspection.name = found.reference.name;
    inspection.digest = found.digest;
    if (manifest_get(store, inspection.name, &found.digest, &inspection.bytes,
                     err) < 0)
        return -1;
    if (words->raw) {
        fwrite(buf_text(&inspection.bytes), 1, inspection.bytes.len, stdout);
        return 0;
    }
    if (inspect(&inspection, err) < 0)
        return -1;
    if (words->json)
        inspect_print_json(&inspection);
    else
        inspect_print_text(&inspection);
    *lacks_something |= inspection.lacks_something;
    return 0;
}

int command_inspect(char **argv)
{
    CLEANUP(tree) struct tree tree = {0};
    struct words words = {0};
    struct err err = {0};
    bool failed = false;

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    if (tree_open(words.file, &tree, &err) < 0)
        return command_failed(&err);
    for (size_t i = 0; words.kept[i] != NULL; i++) {
        struct err failure = {0};

        if (i > 0 && !words.json)
            putchar('\n');
        if (inspect_word(&tree.store, words.kept[i], &words, &failed,
                         &failure) < 0) {
            (void)command_failed(&failure);
            failed = true;
        }
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
