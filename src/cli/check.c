/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/num.h"
#include "check_access.h"
#include "check_print.h"
#include "interrupt.h"
#include "oci/name.h"
#include "progress.h"
#include "store/layout.h"
#include "store/tree_check.h"
#include "store/untagged.h"
#include "tree.h"

/* A disk reads several times as much, and leaves the rest to the requests. */
#define RATE_DEFAULT "50M"

/* What is younger may be in the middle of being written, by a registry:2. */
#define AGE_DEFAULT "1h"

struct words {
    const char *file; /* of the settings; NULL = the usual one */
    struct tree_check_options options;
    uint64_t age; /* seconds */
    bool yes, json;
    const char **names; /* of repositories; ours to free */
    size_t count;
};

static void words_cleanup(struct words *words)
{
    free(words->names);
}

static int parse_numbers(const char *rate, const char *age, struct words *out)
{
    if (rate != NULL && !out->options.data)
        return -1;
    if (num_parse_size(span_of(rate ? rate : RATE_DEFAULT),
                       &out->options.rate) < 0 ||
        num_parse_duration(span_of(age ? age : AGE_DEFAULT), &out->age) < 0 ||
        out->age > SETTINGS_AGE_MAX)
        return -1;
    return 0;
}

static int parse_words(char **words, struct words *out)
{
    const char *rate = NULL, *age = NULL;

    while (*words != NULL) {
        if (command_value(&words, "-c", &out->file) ||
            command_value(&words, "--rate", &rate) ||
            command_value(&words, "--older-than", &age) ||
            command_flag(&words, "--data", &out->options.data) ||
            command_flag(&words, "--repair", &out->options.repair) ||
            command_flag(&words, "--yes", &out->yes) ||
            command_flag(&words, "--json", &out->json))
            continue;
        if (!name_is_valid(span_of(*words)))
            return -1;
        out->names[out->count++] = *words++;
    }
    return parse_numbers(rate, age, out);
}

struct check {
    const struct words *words;
    struct tree *tree;
    struct tree_check_result result;
    struct progress progress;
    bool has_progress;
};

static void end_progress(struct check *check)
{
    if (check->has_progress)
        progress_end(&check->progress);
}

static void print_finding(void *context, const struct tree_finding *finding)
{
    struct check *check = context;

    end_progress(check);
    check_print_finding(finding, check->words->json);
}

static void print_hurt(void *context, const struct tree_hurt *hurt)
{
    struct check *check = context;

    end_progress(check);
    check_print_hurt(hurt, check->words->json);
}

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    struct check *check = context;

    if (!check->has_progress)
        progress_begin(&check->progress, "reading blobs", total);
    check->has_progress = true;
    progress_set(&check->progress, done);
}

static bool is_interrupted(void *context)
{
    (void)context;
    return interrupt_came();
}

static int find_repositories(const struct check *check, struct err *err)
{
    for (size_t i = 0; i < check->words->count; i++) {
        const char *name = check->words->names[i];
        struct layout_path path = layout_repository(name);
        struct driver_stat stat;

        if (driver_stat(check->tree->store.driver, path.text, &stat, err) < 0)
            return err_wrap(err, "%s", name);
    }
    return 0;
}

static void check_all(struct check *check,
                      const struct tree_check_options *options)
{
    const struct words *words = check->words;
    const struct tree_check_visitor visitor = {
        print_finding, print_hurt, show_progress, is_interrupted, check};
    const char *root = check->tree->settings.root;

    for (size_t i = 0; i < words->count; i++)
        check_access(root, layout_repository(words->names[i]).text, &visitor,
                     &check->result);
    if (words->count == 0)
        check_access(root, ".", &visitor, &check->result);
    tree_check(&check->tree->store, options, &visitor, words->names,
               words->count, &check->result);
    end_progress(check);
}

static int status_of(const struct tree_check_result *result, bool repair)
{
    if (interrupt_came())
        return COMMAND_INTERRUPTED;
    if (!repair)
        return result->damages > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    return result->damages > result->mended || result->hurt > 0 ? COMMAND_PARTLY
                                                                : EXIT_SUCCESS;
}

static int check_tree(struct words *words)
{
    CLEANUP(tree) struct tree tree = {0};
    struct check check = {.words = words, .tree = &tree};
    struct err err = {0};

    if (tree_open(words->file, &tree, &err) < 0)
        return command_no_tree(&err);
    if (find_repositories(&check, &err) < 0)
        return command_failed(&err);
    if (words->options.repair &&
        !ask_consent(words->yes, "mend %s and move wrong bytes aside",
                     tree.settings.root))
        return EXIT_FAILURE;
    words->options.sparse = tree.settings.sparse;
    words->options.cutoff_ns =
        clock_now_ns() - (int64_t)words->age * CLOCK_NS_PER_SECOND;
    words->options.promised_ns =
        untagged_cutoff(clock_now_ns(), 0, tree.settings.grace);
    interrupt_catch();
    check_all(&check, &words->options);
    check_print_summary(&check.result, &words->options, words->json);
    return status_of(&check.result, words->options.repair);
}

static size_t count_words(char **words)
{
    size_t count = 0;

    while (words[count] != NULL)
        count++;
    return count;
}

static int command_check_tree(char **argv)
{
    CLEANUP(words) struct words words = {0};

    words.names = memory_new((count_words(argv) + 1) * sizeof(*words.names));
    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    return check_tree(&words);
}

int command_check(char **words)
{
    static const struct {
        const char *word;
        command_function *run;
    } others[] = {{"--distribution", command_check_distribution},
                  {"--shared", command_check_shared},
                  {"--web", command_check_web}};

    for (char **word = words; *word != NULL; word++)
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
            if (strcmp(*word, others[i].word) == 0)
                return others[i].run(words);
    return command_check_tree(words);
}
