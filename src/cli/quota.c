/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_writer.h"
#include "store/quota.h"
#include "store/rules.h"
#include "tree.h"

#define LINE_MAX_BYTES 4096

struct words {
    const char *file; /* of the settings; NULL = the usual one */
    bool json;
    bool recount;
};

static int parse_words(char **words, struct words *out)
{
    while (*words != NULL) {
        if (!command_value(&words, "-c", &out->file) &&
            !command_flag(&words, "--json", &out->json) &&
            !command_flag(&words, "--recount", &out->recount))
            return -1;
    }
    return 0;
}

static uint64_t percent_of(uint64_t part, uint64_t whole)
{
    if (part >= whole)
        return whole > 0 ? part / whole * 100 + part % whole * 100 / whole
                         : 100;
    return whole > UINT64_MAX / 100 ? part / (whole / 100) : part * 100 / whole;
}

static void print(const struct words *words, const struct quota *quota,
                  uint64_t used)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    uint64_t percent = percent_of(used, quota->limit);
    struct json_writer json;

    if (!words->json) {
        printf("%s: %" PRIu64 " of %" PRIu64 " bytes, %" PRIu64 " %%\n",
               quota->section, used, quota->limit, percent);
        return;
    }
    json_writer_begin(&json, &line);
    json_writer_text(&json, "section", span_of(quota->section));
    json_writer_number(&json, "limit", quota->limit);
    json_writer_number(&json, "used", used);
    json_writer_number(&json, "percent", percent);
    json_writer_end(&json);
    fputs(buf_text(&line), stdout);
}

/* Also counts what nobody has counted yet. */
static int show(const struct words *words, const struct store *store,
                const struct rules_quota *section, struct err *err)
{
    struct quota quota;
    struct quota_state state;

    quota_of_section(store, section->origin.section, section->bytes, &quota);
    if (quota_read(store, &quota, &state, err) < 0)
        return -1;
    if ((words->recount || !state.is_known) &&
        (quota_recount(store, &quota, err) < 0 ||
         quota_read(store, &quota, &state, err) < 0))
        return err_wrap(err, "%s", quota.section);
    print(words, &quota, state.bytes);
    return 0;
}

static int show_all(const struct words *words, const struct store *store)
{
    struct rules_quota section;
    int status = EXIT_SUCCESS;
    size_t shown = 0;

    for (size_t i = 0; rules_quota_at(store->rules, i, &section); i++) {
        struct err err = {0};

        if (section.bytes == RULES_NO_QUOTA)
            continue;
        shown++;
        if (show(words, store, &section, &err) < 0)
            status = command_failed(&err);
    }
    if (shown == 0 && !words->json)
        puts("no section of the rules has a quota");
    return status;
}

int command_quota(char **argv)
{
    CLEANUP(tree) struct tree tree = {0};
    struct words words = {0};
    struct err err = {0};

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    if (tree_open(words.file, &tree, &err) < 0)
        return command_no_tree(&err);
    /* The reason has been told. */
    if (tree.store.rules == NULL)
        return EXIT_FAILURE;
    return show_all(&words, &tree.store);
}
