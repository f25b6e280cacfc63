/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "base/num.h"
#include "command.h"
#include "interrupt.h"
#include "progress.h"
#include "store/collect.h"
#include "store/quota.h"
#include "tree.h"

#define LINE_MAX_BYTES (1 << 20)

struct words {
    const char *file; /* of the settings; NULL = the usual one */
    bool json, verbose, yes;
    struct collect_options options;
};

struct gc {
    const struct words *words;
    struct progress progress;
    struct buf unreadable; /* texts, each with its NUL */
    int64_t begin_ns;
};

static const char *const kinds[] = {
    [COLLECT_BLOB] = "blob",           [COLLECT_LAYER] = "layer",
    [COLLECT_MANIFEST] = "manifest",   [COLLECT_UPLOADS] = "uploads",
    [COLLECT_TAG_ENTRY] = "tag entry", [COLLECT_DIRECTORY] = "directory",
};

static int parse_age(const char *text, uint64_t *age)
{
    if (text == NULL)
        return 0;
    return num_parse_duration(span_of(text), age) == 0 && *age > 0 &&
                   *age <= SETTINGS_AGE_MAX
               ? 0
               : -1;
}

static int parse_words(char **words, struct words *out)
{
    struct collect_options *options = &out->options;
    const char *grace = NULL, *untagged = NULL;

    while (*words != NULL) {
        if (!command_value(&words, "-c", &out->file) &&
            !command_value(&words, "--grace", &grace) &&
            !command_value(&words, "--untagged", &untagged) &&
            !command_flag(&words, "--json", &out->json) &&
            !command_flag(&words, "--yes", &out->yes) &&
            !command_flag(&words, "--verbose", &out->verbose) &&
            !command_flag(&words, "--dry-run", &options->dry_run) &&
            !command_flag(&words, "--empty-trash", &options->empty_trash) &&
            !command_flag(&words, "--deep", &options->deep) &&
            !command_flag(&words, "--no-other-writer",
                          &options->no_other_writer))
            return -1;
    }
    return parse_age(grace, &options->wanted_grace) < 0
               ? -1
               : parse_age(untagged, &options->untagged_age);
}

/* --- as it goes --- */

static void print_line(struct buf *line)
{
    fwrite(line->ptr, 1, line->len, stdout);
}

static bool is_path(const struct collect_item *item)
{
    return item->kind == COLLECT_DIRECTORY || item->kind == COLLECT_TAG_ENTRY;
}

static void print_item_json(const struct collect_item *item)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct json_writer json;

    json_writer_begin(&json, &line);
    json_writer_text(&json, "item", span_of(kinds[item->kind]));
    if (item->repository != NULL)
        json_writer_text(&json, "repository", span_of(item->repository));
    if (item->kind == COLLECT_UPLOADS)
        json_writer_number(&json, "uploads", strtoull(item->what, NULL, 10));
    else
        json_writer_text(&json, is_path(item) ? "path" : "digest",
                         span_of(item->what));
    json_writer_number(&json, "bytes", item->bytes);
    json_writer_text(&json, "reason", span_of(item->reason));
    json_writer_end(&json);
    print_line(&line);
}

static void take(void *context, const struct collect_item *item)
{
    struct gc *gc = context;

    if (!gc->words->options.dry_run && !gc->words->verbose)
        return;
    progress_end(&gc->progress);
    if (gc->words->json)
        print_item_json(item);
    else
        printf("%s %s%s%s, bytes: %" PRIu64 ": %s\n", kinds[item->kind],
               item->repository != NULL ? item->repository : "",
               item->repository != NULL ? " " : "", item->what, item->bytes,
               item->reason);
}

static void complain(void *context, const char *where, const struct err *err)
{
    struct gc *gc = context;
    CLEANUP(buf) struct buf text = BUF_INIT(LINE_MAX_BYTES);

    buf_add_format(&text, "%s: %s", where, err->text);
    progress_end(&gc->progress);
    fprintf(stderr, "berth: %s\n", buf_text(&text));
    buf_add(&gc->unreadable, (struct span){buf_text(&text), text.len + 1});
}

static void show_progress(void *context, uint64_t done)
{
    struct gc *gc = context;

    progress_set(&gc->progress, done);
}

static bool is_over(void *context)
{
    (void)context;
    return interrupt_came();
}

/* --- at the end --- */

static void print_json(const struct gc *gc, const struct collect_result *result)
{
    CLEANUP(buf) struct buf line = BUF_INIT(2 * LINE_MAX_BYTES);
    const char *text = buf_text(&gc->unreadable);
    int64_t took_ns = clock_monotonic_ns() - gc->begin_ns;
    struct json_writer json;

    json_writer_begin(&json, &line);
    json_writer_flag(&json, "dry_run", gc->words->options.dry_run);
    json_writer_number(&json, "repositories", result->repositories);
    json_writer_number(&json, "manifests", result->manifests);
    json_writer_number(&json, "blobs", result->blobs);
    json_writer_number(&json, "live", result->live);
    json_writer_number(&json, "retired", result->retired);
    json_writer_number(&json, "retired_bytes", result->retired_bytes);
    json_writer_number(&json, "untagged", result->untagged);
    json_writer_number(&json, "restored", result->restored);
    json_writer_number(&json, "purged", result->purged);
    json_writer_number(&json, "bytes", result->bytes);
    json_writer_number(&json, "uploads", result->uploads);
    json_writer_number(&json, "litter", result->litter);
    json_writer_number(&json, "directories", result->directories);
    json_writer_number(&json, "skipped", result->skipped);
    json_writer_begin_array(&json, "unreadable");
    for (size_t i = 0; i < gc->unreadable.len; i += strlen(text + i) + 1)
        json_writer_text(&json, NULL, span_of(text + i));
    json_writer_end_array(&json);
    json_writer_flag(&json, "blind", result->is_blind);
    json_writer_flag(&json, "interrupted", result->is_over);
    if (result->held_until != 0) {
        json_writer_time(&json, "held_until", result->held_until);
        json_writer_text(&json, "held_for", span_of(result->why));
    }
    json_writer_number(&json, "seconds",
                       (uint64_t)(took_ns / CLOCK_NS_PER_SECOND));
    json_writer_number(&json, "milliseconds", (uint64_t)(took_ns / 1000000));
    json_writer_end(&json);
    print_line(&line);
}

static void print_text(const struct gc *gc, const struct collect_result *result)
{
    bool dry_run = gc->words->options.dry_run;

    printf("repositories: %" PRIu64 ", manifests: %" PRIu64 ", blobs: %" PRIu64
           ", of these in use: %" PRIu64 "\n",
           result->repositories, result->manifests, result->blobs,
           result->live);
    printf("%s %" PRIu64 ", bytes: %" PRIu64 "\n",
           dry_run ? "to put into the trash:" : "put into the trash:",
           result->retired, result->retired_bytes);
    printf("%s files from the trash: %" PRIu64 ", uploads: %" PRIu64
           ", files of killed programs: %" PRIu64 "; bytes freed: %" PRIu64
           "\n",
           dry_run ? "to remove:" : "removed:", result->purged, result->uploads,
           result->litter, result->bytes);
}

/* What is wrong with more than one part of the tree. */
static void print_warnings(const struct collect_result *result)
{
    char until[CLOCK_RFC3339_MAX];

    if (result->held_until != 0) {
        clock_format_rfc3339(result->held_until, until);
        fprintf(stderr, "berth: %s: nothing is collected until %s\n",
                result->why, until);
    }
    if (result->is_blind)
        fputs("berth: it is not known what all repositories need, so no bytes "
              "were collected\n",
              stderr);
    if (result->restored > 0)
        fprintf(stderr,
                "berth: %" PRIu64 " files were needed after all and came back "
                "from the trash: does another program write to this tree?\n",
                result->restored);
}

static int status_of(const struct collect_result *result)
{
    if (result->is_over)
        return COMMAND_INTERRUPTED;
    if (result->complaints > 0 || result->is_blind || result->restored > 0 ||
        result->held_until != 0)
        return COMMAND_PARTLY;
    return EXIT_SUCCESS;
}

/*
 * What went gives room at once. And what came back from the trash while
 * somebody counted may be in no count: a number too small holds nobody.
 */
static void count_quotas(struct gc *gc, const struct store *store,
                         struct collect_result *result)
{
    struct err err = {0};

    if (gc->words->options.dry_run ||
        (result->is_over && result->restored == 0) ||
        quota_recount_all(store, &err) == 0)
        return;
    result->complaints++;
    complain(gc, "counting", &err);
}

static int run(const struct tree *tree, struct words *words)
{
    struct gc gc = {.words = words,
                    .unreadable = BUF_INIT(LINE_MAX_BYTES),
                    .begin_ns = clock_monotonic_ns()};
    struct collect_result result;
    struct err err = {0};
    int status;

    words->options.grace = tree->settings.grace;
    words->options.upload_age = tree->settings.upload_age;
    words->options.watcher =
        (struct collect_watcher){&gc, take, complain, show_progress, is_over};
    interrupt_catch();
    progress_begin(&gc.progress, "collecting", 0);
    status = collect(&tree->store, &words->options, &result, &err);
    progress_end(&gc.progress);
    if (status == 0) {
        count_quotas(&gc, &tree->store, &result);
        (words->json ? print_json : print_text)(&gc, &result);
        print_warnings(&result);
        status = status_of(&result);
    } else {
        status = command_failed(&err);
        if (err.code == ERR_BUSY)
            status = COMMAND_BUSY;
    }
    buf_cleanup(&gc.unreadable);
    return status;
}

int command_gc(char **argv)
{
    CLEANUP(tree) struct tree tree = {0};
    struct words words = {0};
    struct err err = {0};

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    if (tree_open(words.file, &tree, &err) < 0)
        return command_no_tree(&err);
    if (words.options.wanted_grace != 0 &&
        words.options.wanted_grace < tree.settings.grace) {
        err_set(&err, ERR_DENIED,
                "--grace must not be shorter than the grace of the settings, "
                "%" PRIu64 " s, which the programs promise to clients",
                tree.settings.grace);
        return command_failed(&err);
    }
    if (words.options.untagged_age != 0 && !words.options.dry_run &&
        !ask_consent(words.yes, "remove all manifests that no tag names"))
        return EXIT_FAILURE;
    return run(&tree, &words);
}
