/* SPDX-License-Identifier: MIT */
/* What room repositories and namespaces take. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_writer.h"
#include "base/num.h"
#include "cli/columns.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/tree.h"
#include "oci/pattern.h"
#include "store/usage.h"

#define LINE_BYTES_MAX 4096

struct words {
    const char *file;
    const char *depth_text;
    uint64_t depth;
    bool json;
    char **kept;
};

static int parse_words(char **words, struct words *out)
{
    char **kept = words;

    out->kept = words;
    out->depth = 1;
    while (*words != NULL) {
        if (!command_value(&words, "-c", &out->file) &&
            !command_flag(&words, "--json", &out->json) &&
            !command_value(&words, "--depth", &out->depth_text) &&
            !command_word(&words, &kept))
            return -1;
    }
    *kept = NULL;
    if (out->depth_text == NULL)
        return 0;
    return num_parse(span_of(out->depth_text), USAGE_DEPTH_MAX, &out->depth) <
                       0 ||
                   out->depth == 0
               ? -1
               : 0;
}

static int tick(void *context, uint64_t done)
{
    progress_set(context, done);
    return interrupt_came() ? COMMAND_INTERRUPTED : 0;
}

static bool is_wanted(char *const *patterns, const char *name)
{
    if (patterns[0] == NULL)
        return true;
    for (; *patterns != NULL; patterns++)
        if (pattern_matches(*patterns, name))
            return true;
    return false;
}

static const char *const group_names[] = {
    [USAGE_REPOSITORY] = "repository", [USAGE_NAMESPACE] = "namespace"};
_Static_assert(ARRAY_SIZE(group_names) == USAGE_GROUPS, "all groups");

static void print_line(const struct buf *line)
{
    fwrite(buf_text(line), 1, line->len, stdout);
}

static void print_row_json(enum usage_group group, const struct usage_row *row)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_BYTES_MAX);
    struct json_writer json;

    json_writer_begin(&json, &line);
    json_writer_text(&json, group_names[group], span_of(row->name));
    if (group == USAGE_NAMESPACE)
        json_writer_number(&json, "repositories", row->repositories);
    json_writer_number(&json, "bytes", row->bytes);
    json_writer_number(&json, "ownBytes", row->own_bytes);
    json_writer_number(&json, "sharedBytes", row->bytes - row->own_bytes);
    json_writer_number(&json, "blobs", row->blobs);
    json_writer_number(&json, "ownBlobs", row->own_blobs);
    json_writer_end(&json);
    print_line(&line);
}

static void add_row(struct columns *columns, const struct usage_row *row)
{
    columns_add_size(columns, row->bytes);
    columns_add_size(columns, row->own_bytes);
    columns_add_size(columns, row->bytes - row->own_bytes);
    columns_add_number(columns, row->blobs);
    columns_add(columns, span_of(row->name));
}

static void add_heads(struct columns *columns, const char *name)
{
    static const char *const heads[] = {"BYTES", "OWN", "SHARED", "BLOBS"};

    for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
        columns_add(columns, span_of(heads[i]));
    columns_add(columns, span_of(name));
}

/* A namespace is shown when its name fits, or with all others. */
static void print_rows(const struct usage *usage, enum usage_group group,
                       const struct words *words)
{
    CLEANUP(columns) struct columns columns = {0};

    columns_begin(&columns, ">>>><", "");
    add_heads(&columns, group == USAGE_REPOSITORY ? "REPOSITORY" : "NAMESPACE");
    for (size_t i = 0; i < usage_row_count(usage, group); i++) {
        struct usage_row row;

        usage_row_at(usage, group, i, &row);
        if (!is_wanted(words->kept, row.name))
            continue;
        if (words->json)
            print_row_json(group, &row);
        else
            add_row(&columns, &row);
    }
    if (words->json)
        return;
    columns_print(&columns);
    putchar('\n');
}

static void print_totals_json(const struct usage_totals *totals)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_BYTES_MAX);
    struct json_writer json;

    json_writer_begin(&json, &line);
    json_writer_begin_object(&json, "total");
    json_writer_number(&json, "bytes", totals->bytes);
    json_writer_number(&json, "blobs", totals->blobs);
    json_writer_number(&json, "unreferencedBytes", totals->unreferenced_bytes);
    json_writer_number(&json, "unreferencedBlobs", totals->unreferenced_blobs);
    json_writer_number(&json, "uploadBytes", totals->upload_bytes);
    json_writer_number(&json, "uploads", totals->uploads);
    json_writer_number(&json, "unreadableManifests", totals->unreadable);
    json_writer_end_object(&json);
    json_writer_end(&json);
    print_line(&line);
}

static void print_total(const char *what, uint64_t bytes, uint64_t count,
                        const char *of)
{
    char text[NUM_SIZE_MAX];

    num_format_size(bytes, text);
    printf("%-28s %10s in %" PRIu64 " %s\n", what, text, count, of);
}

static void print_totals(const struct usage_totals *totals)
{
    print_total("in the store:", totals->bytes, totals->blobs, "blobs");
    print_total("no manifest refers to:", totals->unreferenced_bytes,
                totals->unreferenced_blobs, "blobs");
    print_total("unfinished uploads:", totals->upload_bytes, totals->uploads,
                "uploads");
}

static void print_usage(const struct usage *usage, const struct words *words)
{
    const struct usage_totals *totals = usage_totals(usage);

    print_rows(usage, USAGE_REPOSITORY, words);
    print_rows(usage, USAGE_NAMESPACE, words);
    if (words->json)
        print_totals_json(totals);
    else
        print_totals(totals);
    if (totals->unreadable > 0)
        fprintf(stderr,
                "berth: manifests that cannot be read: %" PRIu64
                "; all of their repositories counts as referred to (berth "
                "check names them)\n",
                totals->unreadable);
}

int command_usage(char **argv)
{
    CLEANUP(tree) struct tree tree = {0};
    CLEANUP(usage) struct usage *usage = NULL;
    struct words words = {0};
    struct progress progress;
    struct err err = {0};
    int result;

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    if (tree_open(words.file, &tree, &err) < 0)
        return command_no_tree(&err);
    interrupt_catch();
    progress_begin(&progress, "blobs and repositories", 0);
    result = usage_measure(&tree.store, (size_t)words.depth, tick, &progress,
                           &usage, &err);
    progress_end(&progress);
    if (result < 0)
        return command_failed(&err);
    if (result > 0)
        return result;
    print_usage(usage, &words);
    return usage_totals(usage)->unreadable > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
