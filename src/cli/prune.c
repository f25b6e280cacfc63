/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "interrupt.h"
#include "oci/name.h"
#include "oci/pattern.h"
#include "progress.h"
#include "store/catalog.h"
#include "store/collect_clock.h"
#include "store/retention.h"
#include "tree.h"

#define LINE_MAX_BYTES 8192

struct words {
    const char *file; /* of the settings; NULL = the usual one */
    bool dry_run, yes, json;
    char **patterns; /* NULL at the end; none = all repositories */
};

struct prune {
    const struct words *words;
    const struct tree *tree;
    struct retention how;
    struct rules_found rules; /* of the repository */
    const char *name;         /* of it, and ... */
    bool is_named;            /* ... whether a text has it already */
    bool is_silent;           /* only counts, before somebody is asked */
    struct progress progress;
    uint64_t looked_at; /* repositories the rules have something for */
    uint64_t found;     /* that were asked for */
    struct retention_result result;
    bool failed;
};

static int parse_words(char **words, struct words *out)
{
    struct err err = {0};

    while (*words != NULL && (*words)[0] == '-') {
        if (!command_value(&words, "-c", &out->file) &&
            !command_flag(&words, "--dry-run", &out->dry_run) &&
            !command_flag(&words, "--yes", &out->yes) &&
            !command_flag(&words, "--json", &out->json))
            return -1;
    }
    out->patterns = words;
    for (; *words != NULL; words++) {
        struct pattern ignored;

        if (pattern_parse(*words, &ignored, &err) == 0)
            continue;
        (void)command_failed(&err);
        return -1;
    }
    return 0;
}

static bool is_asked_for(const struct words *words, const char *name)
{
    if (words->patterns[0] == NULL)
        return true;
    for (char **pattern = words->patterns; *pattern != NULL; pattern++)
        if (pattern_matches(*pattern, name))
            return true;
    return false;
}

/* --- what is said of each --- */

static void add_time(struct buf *into, int64_t ns)
{
    char text[CLOCK_RFC3339_MAX];

    clock_format_rfc3339(ns / CLOCK_NS_PER_SECOND, text);
    buf_add(into, span_of(text));
}

/* 30d, or what divides the seconds without a rest. */
static void add_age(struct buf *into, uint64_t seconds)
{
    static const struct {
        uint64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;

    while (seconds % units[i].seconds != 0)
        i++;
    buf_add_format(into, "%" PRIu64 "%c", seconds / units[i].seconds,
                   units[i].unit);
}

/* Why none of the rules keeps it, in their order. */
static void add_why_it_goes(struct buf *into, const struct prune *prune,
                            const struct retention_tag *tag)
{
    const struct rules_found *rules = &prune->rules;
    const char *before = "";

    if (rules->keep_matching.count > 0) {
        buf_add(into, SPAN("matches no pattern"));
        before = ", ";
    }
    if (rules->keep_last > 0) {
        buf_add_format(into,
                       "%snumber %zu of those pushed last, of which %" PRIu64
                       " are kept",
                       before, tag->rank, rules->keep_last);
        before = ", ";
    }
    if (rules->keep_newer > 0) {
        buf_add_format(into, "%solder than ", before);
        add_age(into, rules->keep_newer);
    }
}

static void add_tag_reason(struct buf *into, const struct prune *prune,
                           const struct retention_tag *tag)
{
    switch (tag->verdict) {
    case RETENTION_GOES:
        add_why_it_goes(into, prune, tag);
        break;
    case RETENTION_PROTECTED:
        buf_add_format(into, "protected by %s", tag->pattern);
        break;
    case RETENTION_MATCHING:
        buf_add_format(into, "matches %s", tag->pattern);
        break;
    case RETENTION_LAST:
        buf_add_format(into, "number %zu of the last %" PRIu64, tag->rank,
                       prune->rules.keep_last);
        break;
    case RETENTION_NEWER:
        buf_add(into, SPAN("newer than "));
        add_age(into, prune->rules.keep_newer);
        break;
    case RETENTION_PUSHED:
        buf_add(into, SPAN("pushed again just now"));
        break;
    }
}

static void add_manifest_reason(struct buf *into, const struct prune *prune,
                                const struct untagged_manifest *manifest)
{
    char of[DIGEST_TEXT_MAX] = "";

    if (manifest->of != NULL)
        digest_format(manifest->of, of);
    switch (manifest->verdict) {
    case UNTAGGED_GOES:
        buf_add(into, SPAN("nothing names it, not used for "));
        add_age(into, untagged_age(prune->rules.untagged, prune->how.grace));
        break;
    case UNTAGGED_TAGGED:
        buf_add_format(into, "tag %s", manifest->tag);
        break;
    case UNTAGGED_YOUNG:
        buf_add(into, SPAN("used of late"));
        break;
    case UNTAGGED_PART:
        buf_add_format(into, "a part of %s", of);
        break;
    case UNTAGGED_REFERRER:
        buf_add_format(into, "refers to %s", of);
        break;
    case UNTAGGED_RENEWED:
        buf_add(into, SPAN("used just now"));
        break;
    }
}

struct decision {
    const char *item; /* "tag" or "manifest" */
    const char *what;
    const struct digest *digest;
    const char *time_key;
    int64_t time_ns;
    bool goes;
    const struct rules_origin *origin;
    struct span reason;
};

static void print_json(const struct prune *prune,
                       const struct decision *decision)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    char digest[DIGEST_TEXT_MAX];
    struct json_writer json;

    digest_format(decision->digest, digest);
    json_writer_begin(&json, &line);
    json_writer_text(&json, "item", span_of(decision->item));
    json_writer_text(&json, "repository", span_of(prune->name));
    if (strcmp(decision->item, "tag") == 0)
        json_writer_text(&json, "tag", span_of(decision->what));
    json_writer_text(&json, "digest", span_of(digest));
    json_writer_time(&json, decision->time_key,
                     decision->time_ns / CLOCK_NS_PER_SECOND);
    json_writer_text(&json, "decision",
                     decision->goes ? SPAN("delete") : SPAN("keep"));
    json_writer_text(&json, "reason", decision->reason);
    json_writer_text(&json, "section", span_of(decision->origin->section));
    json_writer_number(&json, "line", (uint64_t)decision->origin->line);
    json_writer_end(&json);
    fwrite(line.ptr, 1, line.len, stdout);
}

/* What stays is told in a dry run alone. */
static void print_text(struct prune *prune, const struct decision *decision)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);

    if (!decision->goes && !prune->how.dry_run)
        return;
    if (!prune->is_named)
        printf("%s\n", prune->name);
    prune->is_named = true;
    buf_add_format(&line, "  %s %s %s, %s ",
                   !decision->goes      ? "keep"
                   : prune->how.dry_run ? "would delete"
                                        : "deleted",
                   decision->item, decision->what, decision->time_key);
    add_time(&line, decision->time_ns);
    buf_add_format(&line, ": %.*s ([%s], line %d)\n",
                   SPAN_ARGS(decision->reason), decision->origin->section,
                   decision->origin->line);
    fputs(buf_text(&line), stdout);
}

static int tell(struct prune *prune, const struct decision *decision)
{
    if (!prune->is_silent) {
        progress_end(&prune->progress);
        if (prune->words->json)
            print_json(prune, decision);
        else
            print_text(prune, decision);
    }
    return interrupt_came() ? 1 : 0;
}

static int tell_tag(void *context, const struct retention_tag *tag,
                    struct err *err)
{
    CLEANUP(buf) struct buf reason = BUF_INIT(LINE_MAX_BYTES);
    struct prune *prune = context;
    bool is_protected = tag->verdict == RETENTION_PROTECTED;
    struct decision decision = {
        .item = "tag",
        .what = tag->tag,
        .digest = &tag->info.digest,
        .time_key = "pushed",
        .time_ns = tag->info.pushed_ns,
        .goes = tag->verdict == RETENTION_GOES,
        .origin = is_protected ? &prune->rules.protect_origin
                               : &prune->rules.keep_origin,
    };

    (void)err;
    add_tag_reason(&reason, prune, tag);
    decision.reason = buf_span(&reason);
    return tell(prune, &decision);
}

static int tell_manifest(void *context,
                         const struct untagged_manifest *manifest,
                         struct err *err)
{
    CLEANUP(buf) struct buf reason = BUF_INIT(LINE_MAX_BYTES);
    struct prune *prune = context;
    char text[DIGEST_TEXT_MAX];
    struct decision decision = {
        .item = "manifest",
        .what = text,
        .digest = manifest->digest,
        .time_key = "used",
        .time_ns = manifest->lease_ns,
        .goes = manifest->verdict == UNTAGGED_GOES,
        .origin = &prune->rules.untagged_origin,
    };

    (void)err;
    digest_format(manifest->digest, text);
    add_manifest_reason(&reason, prune, manifest);
    decision.reason = buf_span(&reason);
    return tell(prune, &decision);
}

/* --- the whole --- */

static int stop(void *context, const char *tag, struct err *err)
{
    (void)context;
    (void)tag;
    (void)err;
    return 1;
}

/* The walk visits each place where one could be; "team" of "team/app", too. */
static bool is_repository(const struct prune *prune, const char *name)
{
    struct err err = {0};

    return tag_list(&prune->tree->store, name, NULL, stop, NULL, &err) == 0 ||
           err.code != ERR_NAME_UNKNOWN;
}

static int prune_repository(void *context, const char *name, struct err *err)
{
    struct prune *prune = context;
    struct err failure = {0};

    (void)err;
    if (interrupt_came())
        return 1;
    if (!is_asked_for(prune->words, name) || !is_repository(prune, name))
        return 0;
    prune->found++;
    rules_find(prune->tree->store.rules, name, &prune->rules);
    if (retention_is_idle(&prune->rules))
        return 0;
    prune->name = name;
    prune->is_named = false;
    if (retention_apply(&prune->tree->store, name, &prune->how, &prune->result,
                        &failure) < 0) {
        progress_end(&prune->progress);
        (void)command_failed(&failure);
        prune->failed = true;
    }
    progress_set(&prune->progress, ++prune->looked_at);
    return 0;
}

static void walk(struct prune *prune)
{
    struct err err = {0};

    prune->how.now_ns = clock_now_ns();
    progress_begin(&prune->progress, "looking at repositories", 0);
    if (catalog_walk(&prune->tree->store, prune_repository, prune, &err) < 0) {
        progress_end(&prune->progress);
        (void)command_failed(&err);
        prune->failed = true;
    }
    progress_end(&prune->progress);
}

static void print_summary(const struct prune *prune)
{
    const struct retention_result *result = &prune->result;
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct json_writer json;

    if (!prune->words->json) {
        printf("%s tags: %" PRIu64 ", manifests: %" PRIu64
               "; kept tags: %" PRIu64 "\n",
               prune->how.dry_run ? "to delete:" : "deleted:",
               result->tags_gone, result->manifests.count, result->tags_kept);
        return;
    }
    json_writer_begin(&json, &line);
    json_writer_flag(&json, "dry_run", prune->how.dry_run);
    json_writer_number(&json, "repositories", prune->looked_at);
    json_writer_number(&json, "tags_deleted", result->tags_gone);
    json_writer_number(&json, "tags_kept", result->tags_kept);
    json_writer_number(&json, "manifests_deleted", result->manifests.count);
    json_writer_number(&json, "manifests_kept", result->manifests.stayed);
    json_writer_flag(&json, "interrupted", interrupt_came());
    json_writer_end(&json);
    fwrite(line.ptr, 1, line.len, stdout);
}

/* Counts first, so that who is asked knows what about. */
static bool is_wanted(const struct prune *prune)
{
    struct prune trial = *prune;

    if (prune->words->dry_run || prune->words->yes)
        return true;
    trial.is_silent = true;
    trial.how.dry_run = true;
    trial.how.context = &trial;
    walk(&trial);
    return !interrupt_came() &&
           ask_consent(false,
                       "delete %" PRIu64 " tags and %" PRIu64
                       " manifests that nothing names",
                       trial.result.tags_gone, trial.result.manifests.count);
}

static int status_of(const struct prune *prune)
{
    if (interrupt_came())
        return COMMAND_INTERRUPTED;
    if (prune->found == 0 && prune->words->patterns[0] != NULL) {
        fputs("berth: no repository has such a name\n", stderr);
        return EXIT_FAILURE;
    }
    return prune->failed ? COMMAND_PARTLY : EXIT_SUCCESS;
}

/* Under a clock that has been set, what is young may look old. */
static bool clock_is_good(const struct prune *prune)
{
    const char *fault = NULL;
    struct err err = {0};

    if (collect_check_clock(&prune->tree->store, &fault, &err) < 0)
        fault = err.text;
    if (fault != NULL)
        fprintf(stderr, "berth: nothing is deleted by its age: %s\n", fault);
    return fault == NULL;
}

static int run(struct prune *prune)
{
    const struct rules *rules = prune->tree->store.rules;

    if (rules == NULL) {
        fputs("berth: nothing is deleted without rules\n", stderr);
        return EXIT_FAILURE;
    }
    if (!rules_have_retention(rules)) {
        if (prune->words->json)
            print_summary(prune);
        else
            puts("no rules say what goes: nothing to do");
        return EXIT_SUCCESS;
    }
    if (!clock_is_good(prune) && !prune->words->dry_run)
        return EXIT_FAILURE;
    interrupt_catch();
    if (!is_wanted(prune))
        return interrupt_came() ? COMMAND_INTERRUPTED : EXIT_FAILURE;
    walk(prune);
    print_summary(prune);
    return status_of(prune);
}

int command_prune(char **argv)
{
    CLEANUP(tree) struct tree tree = {0};
    struct words words = {0};
    struct prune prune = {.words = &words, .tree = &tree};
    struct err err = {0};

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    if (tree_open(words.file, &tree, &err) < 0)
        return command_no_tree(&err);
    prune.how = (struct retention){
        .dry_run = words.dry_run,
        .visit_tag = tell_tag,
        .visit_manifest = tell_manifest,
        .context = &prune,
    };
    if (collect_find_grace(&tree.store, tree.settings.grace, &prune.how.grace,
                           &err) < 0)
        return command_failed(&err);
    return run(&prune);
}
