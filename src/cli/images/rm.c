/* SPDX-License-Identifier: MIT */
/* Deletes tags, manifests and whole repositories. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/tree.h"
#include "found.h"
#include "store/collect_clock.h"
#include "store/manifest_store.h"
#include "store/repository.h"
#include "store/repository_remove.h"
#include "store/tag.h"

#define LINE_BYTES_MAX 4096
#define QUESTION_BYTES_MAX (1024 * 1024)

struct words {
    const char *file;
    bool yes, now, json;
    char **kept;
};

struct rm {
    struct tree tree;
    struct words words;
    struct image_reference *references; /* one for each word */
    size_t count;
    bool partly; /* something stays */
};

static void rm_cleanup(struct rm *rm)
{
    free(rm->references);
    tree_cleanup(&rm->tree);
}

static int parse_words(char **words, struct words *out)
{
    char **kept = words;

    out->kept = words;
    while (*words != NULL) {
        if (!command_value(&words, "-c", &out->file) &&
            !command_flag(&words, "--json", &out->json) &&
            !command_flag(&words, "--now", &out->now) &&
            !command_flag(&words, "--yes", &out->yes) &&
            !command_word(&words, &kept))
            return -1;
    }
    *kept = NULL;
    return out->kept[0] == NULL ? -1 : 0;
}

/* --- what will go --- */

static int count_tag(void *context, const char *tag UNUSED,
                     struct err *err UNUSED)
{
    (*(uint64_t *)context)++;
    return 0;
}

static int count_link(void *context, const struct repository_link *link UNUSED,
                      struct err *err UNUSED)
{
    (*(uint64_t *)context)++;
    return 0;
}

static int describe_repository(const struct store *store, const char *name,
                               struct buf *into, struct err *err)
{
    uint64_t tags = 0, manifests = 0;

    if (found_check_repository(store, name, err) < 0)
        return -1;
    if (tag_list(store, name, NULL, count_tag, &tags, err) < 0) {
        if (err->code != ERR_NAME_UNKNOWN)
            return -1;
        err_clear(err);
    }
    if (repository_walk(store, name, REPOSITORY_MANIFESTS, count_link,
                        &manifests, err) < 0)
        return -1;
    buf_add_format(into,
                   "the whole repository %s (tags: %" PRIu64
                   ", manifests: %" PRIu64 ")",
                   name, tags, manifests);
    return 0;
}

struct naming {
    const struct store *store;
    const struct found *found;
    struct buf *into;
};

static int describe_tag(void *context, const char *tag, struct err *err)
{
    struct naming *naming = context;
    struct digest digest;

    if (tag_resolve(naming->store, naming->found->reference.name, tag, &digest,
                    err) < 0) {
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(err);
        return 0;
    }
    if (digest_equals(&digest, &naming->found->digest))
        buf_add_format(naming->into, ", tag %s", tag);
    return 0;
}

/* Fails when there is nothing such. */
static int describe(const struct store *store, const char *word,
                    const struct image_reference *reference, struct buf *into,
                    struct err *err)
{
    struct found found;
    struct naming naming = {store, &found, into};

    if (reference->tag[0] == '\0' && !reference->has_digest)
        return describe_repository(store, reference->name, into, err);
    if (found_image(store, word, &found, err) < 0)
        return -1;
    buf_add_format(into, "%s%s", reference->has_digest ? "manifest " : "tag ",
                   word);
    return reference->has_digest ? tag_list(store, reference->name, NULL,
                                            describe_tag, &naming, err)
                                 : 0;
}

static int parse_references(struct rm *rm, struct err *err)
{
    while (rm->words.kept[rm->count] != NULL)
        rm->count++;
    rm->references = memory_new(rm->count * sizeof(*rm->references));
    for (size_t i = 0; i < rm->count; i++) {
        struct image_reference *reference = &rm->references[i];

        if (image_reference_parse(span_of(rm->words.kept[i]), reference, err) <
            0)
            return -1;
        if (reference->has_digest && reference->tag[0] != '\0')
            return err_set(err, ERR_BAD_REQUEST,
                           "%s: the tag, or the manifest with all its tags?",
                           rm->words.kept[i]);
    }
    return 0;
}

/* Everything that was named has to be there: a slip of the keyboard ends all.
 */
static int ask(struct rm *rm, bool *consents, struct err *err)
{
    CLEANUP(buf) struct buf question = BUF_INIT(QUESTION_BYTES_MAX);

    for (size_t i = 0; i < rm->count; i++) {
        if (i > 0)
            buf_add(&question, SPAN("; "));
        if (describe(&rm->tree.store, rm->words.kept[i], &rm->references[i],
                     &question, err) < 0)
            return -1;
    }
    *consents = ask_consent(rm->words.yes, "delete %s", buf_text(&question));
    return 0;
}

/* --- removing --- */

static void print_removed_json(const char *name,
                               const struct repository_removed *removed)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_BYTES_MAX);
    struct json_writer json;

    json_writer_begin(&json, &line);
    json_writer_text(&json, "repository", span_of(name));
    json_writer_number(&json, "tags", removed->tags);
    json_writer_number(&json, "manifests", removed->manifests);
    json_writer_number(&json, "blobs", removed->blobs);
    json_writer_number(&json, "uploads", removed->uploads);
    json_writer_number(&json, "keptTags", removed->kept_tags);
    json_writer_number(&json, "protectedTags", removed->protected_tags);
    json_writer_number(&json, "keptManifests", removed->kept_manifests);
    json_writer_number(&json, "keptBlobs", removed->kept_blobs);
    json_writer_flag(&json, "gone", removed->is_gone);
    json_writer_end(&json);
    fwrite(buf_text(&line), 1, line.len, stdout);
}

static void print_removed(const char *name,
                          const struct repository_removed *removed)
{
    printf("%s: removed tags: %" PRIu64 ", manifests: %" PRIu64
           ", blobs: %" PRIu64 ", unfinished uploads: %" PRIu64 "\n",
           name, removed->tags, removed->manifests, removed->blobs,
           removed->uploads);
    if (removed->is_gone)
        return;
    printf("%s: stays, with tags: %" PRIu64 " (protected: %" PRIu64
           "), manifests: %" PRIu64 ", blobs: %" PRIu64 "\n",
           name, removed->kept_tags, removed->protected_tags,
           removed->kept_manifests, removed->kept_blobs);
    if (removed->kept_manifests == 0 && removed->kept_blobs > 0)
        puts("The blobs are young: a push may rely on them. berth gc takes "
             "them when they\nare old enough; --now takes them when nobody "
             "pushes there.");
}

static bool is_ended(void *context UNUSED)
{
    return interrupt_came();
}

static int remove_repository(struct rm *rm, const char *name, struct err *err)
{
    struct repository_removal how = {.upload_age = rm->tree.settings.upload_age,
                                     .now = rm->words.now,
                                     .is_ended = is_ended};
    struct repository_removed removed = {0};

    if (collect_find_grace(&rm->tree.store, rm->tree.settings.grace, &how.grace,
                           err) < 0 ||
        repository_remove(&rm->tree.store, name, &how, &removed, err) < 0)
        return err_wrap(err, "%s", name);
    if (rm->words.json)
        print_removed_json(name, &removed);
    else
        print_removed(name, &removed);
    rm->partly |= !removed.is_gone;
    return 0;
}

static void print_one(const struct rm *rm,
                      const struct image_reference *reference)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_BYTES_MAX);
    char digest[DIGEST_TEXT_MAX];
    struct json_writer json;

    if (!rm->words.json) {
        image_reference_print(reference, &line);
        printf("removed %s\n", buf_text(&line));
        return;
    }
    json_writer_begin(&json, &line);
    json_writer_text(&json, "repository", span_of(reference->name));
    if (reference->has_digest) {
        digest_format(&reference->digest, digest);
        json_writer_text(&json, "digest", span_of(digest));
    } else {
        json_writer_text(&json, "tag", span_of(reference->tag));
    }
    json_writer_end(&json);
    fwrite(buf_text(&line), 1, line.len, stdout);
}

static int remove_one(struct rm *rm, const struct image_reference *reference,
                      struct err *err)
{
    const struct store *store = &rm->tree.store;

    if (reference->tag[0] == '\0' && !reference->has_digest)
        return remove_repository(rm, reference->name, err);
    if (reference->has_digest
            ? manifest_delete(store, reference->name, &reference->digest, err) <
                  0
            : tag_delete(store, reference->name, reference->tag, err) < 0)
        return err_wrap(err, "%s", reference->name);
    print_one(rm, reference);
    return 0;
}

static int remove_all(struct rm *rm)
{
    bool failed = false;

    for (size_t i = 0; i < rm->count && !interrupt_came(); i++) {
        struct err err = {0};

        if (remove_one(rm, &rm->references[i], &err) < 0) {
            (void)command_failed(&err);
            failed = true;
        }
    }
    if (interrupt_came())
        return COMMAND_INTERRUPTED;
    if (failed)
        return EXIT_FAILURE;
    return rm->partly ? COMMAND_PARTLY : EXIT_SUCCESS;
}

int command_rm(char **argv)
{
    CLEANUP(rm) struct rm rm = {0};
    struct err err = {0};
    bool consents = false;

    if (parse_words(argv, &rm.words) < 0)
        return COMMAND_USAGE;
    if (parse_references(&rm, &err) < 0 ||
        tree_open(rm.words.file, &rm.tree, &err) < 0 ||
        ask(&rm, &consents, &err) < 0)
        return command_failed(&err);
    if (!consents)
        return EXIT_FAILURE;
    interrupt_catch();
    return remove_all(&rm);
}
