/* SPDX-License-Identifier: MIT */
/*
 * berth export: images as an OCI image layout, every byte as it is. It only
 * reads, so it stays whoever calls it, who is to own the result.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/tree.h"
#include "exported.h"
#include "oci/reference.h"
#include "store/tag.h"

#define LINE_MAX_BYTES 4096

struct words {
    const char *file; /* of the settings; NULL = the usual one */
    bool referrers, json;
    char **names; /* up to NULL */
    const char *to;
};

static int parse_words(char **words, struct words *out)
{
    char **end = words;

    out->names = words;
    while (*words != NULL)
        if (!command_value(&words, "-c", &out->file) &&
            !command_flag(&words, "--referrers", &out->referrers) &&
            !command_flag(&words, "--json", &out->json) &&
            !command_word(&words, &end))
            return -1;
    if (end < out->names + 2)
        return -1;
    out->to = end[-1];
    end[-1] = NULL;
    return 0;
}

/* --- what is asked for --- */

struct naming {
    struct exported *exported;
    const char *repository;
};

static int add_tag(void *context, const char *tag, struct err *err)
{
    struct naming *naming = context;
    struct digest digest;

    if (tag_resolve(naming->exported->store, naming->repository, tag, &digest,
                    err) < 0) {
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(err);
        return 0;
    }
    exported_add(naming->exported, naming->repository, tag, &digest);
    return 0;
}

static int add_image(struct exported *exported,
                     const struct image_reference *name, struct err *err)
{
    struct naming naming = {exported, name->name};
    struct digest digest;

    if (name->has_digest) {
        exported_add(exported, name->name, name->tag, &name->digest);
        return 0;
    }
    if (name->tag[0] == '\0')
        return tag_list(exported->store, name->name, NULL, add_tag, &naming,
                        err);
    if (tag_resolve(exported->store, name->name, name->tag, &digest, err) < 0)
        return -1;
    exported_add(exported, name->name, name->tag, &digest);
    return 0;
}

static int add_images(const struct words *words, struct exported *exported,
                      struct err *err)
{
    for (char **word = words->names; *word != NULL; word++) {
        struct image_reference name;

        if (image_reference_parse(span_of(*word), &name, err) < 0)
            return -1;
        if (add_image(exported, &name, err) == 0)
            continue;
        if (err->code == ERR_NAME_UNKNOWN || err->code == ERR_MANIFEST_UNKNOWN)
            return err_set(err, err->code, "there is no %s", *word);
        return err_wrap(err, "%s", *word);
    }
    if (exported->count == 0)
        return err_set(err, ERR_MANIFEST_UNKNOWN,
                       "there is nothing to export: no tag");
    return 0;
}

/* --- what is told --- */

static void print_json(const struct exported *exported)
{
    for (size_t i = 0; i < exported->count; i++) {
        const struct exported_image *image = &exported->images[i];
        CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
        char digest[DIGEST_TEXT_MAX];
        struct json_writer json;

        digest_format(&image->digest, digest);
        json_writer_begin(&json, &line);
        json_writer_text(&json, "repository", span_of(image->repository));
        if (image->tag[0] != '\0')
            json_writer_text(&json, "tag", span_of(image->tag));
        json_writer_text(&json, "digest", span_of(digest));
        json_writer_end(&json);
        fputs(buf_text(&line), stdout);
    }
}

static void print_summary(const struct exported *exported, bool as_json)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct json_writer json;

    if (!as_json) {
        printf("exported: images: %zu, blobs and manifests: %" PRIu64
               ", bytes: %" PRIu64 "\n",
               exported->count, exported->files, exported->bytes);
        return;
    }
    print_json(exported);
    json_writer_begin(&json, &line);
    json_writer_number(&json, "images", exported->count);
    json_writer_number(&json, "files", exported->files);
    json_writer_number(&json, "bytes", exported->bytes);
    json_writer_end(&json);
    fputs(buf_text(&line), stdout);
}

int command_export(char **argv)
{
    CLEANUP(tree) struct tree tree = {0};
    CLEANUP(exported) struct exported exported = {.store = &tree.store};
    struct words words = {0};
    struct err err = {0};
    int result;

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    interrupt_catch();
    if (tree_open_to_read(words.file, &tree, &err) < 0)
        return command_failed(&err);
    exported.sparse = tree.settings.sparse;
    exported.referrers = words.referrers;
    if (add_images(&words, &exported, &err) < 0 ||
        sink_open(words.to, &exported.sink, &err) < 0)
        return command_failed(&err);
    progress_begin(&exported.progress, "exporting bytes", 0);
    result = exported_run(&exported, &err);
    progress_end(&exported.progress);
    if (result < 0 && interrupt_came())
        return COMMAND_INTERRUPTED;
    if (result < 0)
        return command_failed(&err);
    /* Standard output may be the archive. */
    if (strcmp(words.to, "-") != 0)
        print_summary(&exported, words.json);
    return EXIT_SUCCESS;
}
