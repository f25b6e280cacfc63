/* SPDX-License-Identifier: MIT */
/*
 * berth restore: a backup into a registry that is empty, or has lost a part,
 * and may be in use. Nothing is taken away from it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "backup_mark.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "carrying.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/tree.h"
#include "oci/digest_set.h"
#include "oci/name.h"
#include "other_tree.h"
#include "store/catalog.h"

#define CONFLICTS_SHOWN 20
#define LINE_MAX_BYTES 4096

struct words {
    const char *file; /* of the settings; NULL = the usual one */
    const char *directory;
    char **names; /* of repositories, up to NULL; empty = all */
    bool keep, yes, data, json;
};

/*
 * The tags that name something else here, as they were looked at: those may be
 * moved, and none that is set to another image since.
 */
struct conflicts {
    const struct words *words;
    const struct store *from, *to;
    uint64_t count;
    struct digest_set seen; /* of each, see digest_seen */
};

static void conflicts_cleanup(struct conflicts *conflicts)
{
    digest_set_cleanup(&conflicts->seen);
}

static int parse_words(char **words, struct words *out)
{
    char **rest = words, **end = words;

    while (*words != NULL)
        if (!command_value(&words, "-c", &out->file) &&
            !command_flag(&words, "--keep", &out->keep) &&
            !command_flag(&words, "--yes", &out->yes) &&
            !command_flag(&words, "--data", &out->data) &&
            !command_flag(&words, "--json", &out->json) &&
            !command_word(&words, &end))
            return -1;
    if (end == rest || (out->keep && out->yes))
        return -1;
    *end = NULL;
    out->directory = rest[0];
    out->names = rest + 1;
    for (char **name = out->names; *name != NULL; name++)
        if (!name_is_valid(span_of(*name)))
            return -1;
    return 0;
}

/* --- what would be moved --- */

/* Of a tag, and what it names here. */
static struct digest digest_seen(const char *name, const char *tag,
                                 const struct digest *digest)
{
    CLEANUP(buf) struct buf text = BUF_INIT(LINE_MAX_BYTES);
    char names[DIGEST_TEXT_MAX];
    struct digest seen;

    digest_format(digest, names);
    buf_add_format(&text, "%s:%s@%s", name, tag, names);
    digest_of_bytes(HASH_SHA256, buf_span(&text), &seen);
    return seen;
}

static int note_conflict(void *context, const char *name, const char *tag,
                         const struct digest *from, const struct digest *to,
                         struct err *err)
{
    struct conflicts *conflicts = context;
    struct digest seen = digest_seen(name, tag, to);
    char theirs[DIGEST_TEXT_MAX], ours[DIGEST_TEXT_MAX];

    (void)err;
    digest_set_add(&conflicts->seen, &seen);
    if (conflicts->words->yes)
        return 0;
    digest_format(from, theirs);
    digest_format(to, ours);
    if (++conflicts->count <= CONFLICTS_SHOWN)
        fprintf(stderr, "berth: %s:%s is %s, in the backup %s\n", name, tag,
                ours, theirs);
    else if (conflicts->count == CONFLICTS_SHOWN + 1)
        fputs("berth: and more like these\n", stderr);
    return 0;
}

static bool is_wanted(const struct words *words, const char *name)
{
    char **wanted = words->names;

    while (*wanted != NULL && strcmp(*wanted, name) != 0)
        wanted++;
    return words->names[0] == NULL || *wanted != NULL;
}

static int find_conflicts(void *context, const char *name, struct err *err)
{
    struct conflicts *conflicts = context;

    if (!is_wanted(conflicts->words, name))
        return 0;
    return carry_find_conflicts(conflicts->from, conflicts->to, name,
                                note_conflict, conflicts, err);
}

static int check_conflicts(struct conflicts *conflicts, struct err *err)
{
    if (conflicts->words->keep)
        return 0;
    if (catalog_list(conflicts->from, NULL, find_conflicts, conflicts, err) < 0)
        return -1;
    if (conflicts->count == 0 ||
        ask_consent(false, "let these tags name again what the backup says "
                           "(or use --keep)"))
        return 0;
    return err_set(err, ERR_DENIED, "nothing was restored");
}

static enum carry_verdict may_move(void *context, const char *name,
                                   const char *tag, const struct digest *there)
{
    const struct conflicts *conflicts = context;
    struct digest seen = digest_seen(name, tag, there);

    if (conflicts->words->keep)
        return CARRY_KEEP;
    return digest_set_has(&conflicts->seen, &seen) ? CARRY_MOVE : CARRY_REFUSE;
}

static int check_mark(const struct words *words,
                      const struct other_tree *backup, struct err *err)
{
    struct backup_mark mark;
    struct err ignored = {0};

    if (backup_mark_read(backup->directory, &mark, &ignored) == 0 &&
        mark.is_complete)
        return 0;
    if (ask_consent(words->yes || words->keep,
                    "restore from %s, of which nothing says that it is a "
                    "complete backup",
                    words->directory))
        return 0;
    return err_set(err, ERR_DENIED, "nothing was restored");
}

/* --- all of it --- */

static int run(const struct words *words, struct carrying *carrying,
               struct err *err)
{
    CLEANUP(conflicts)
    struct conflicts conflicts = {
        .words = words, .from = carrying->carry.from, .to = carrying->carry.to};
    int result;

    if (check_conflicts(&conflicts, err) < 0)
        return -1;
    carrying->may_move = may_move;
    carrying->context = &conflicts;
    result = carrying_run(carrying, err);
    carrying->context = NULL;
    return result;
}

int command_restore(char **argv)
{
    CLEANUP(tree) struct tree tree = {0};
    CLEANUP(other_tree) struct other_tree backup = OTHER_TREE_INIT;
    struct words words = {0};
    struct carrying carrying = {.what = "restoring"};
    struct settings settings;
    struct err err = {0};
    int result;

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    interrupt_catch();
    if (settings_load(words.file, &settings, &err) < 0 ||
        other_tree_find(words.directory, &settings, false, &backup, &err) < 0 ||
        check_mark(&words, &backup, &err) < 0 ||
        tree_open_or_make(&settings, &tree, &err) < 0 ||
        other_tree_check(&backup, &tree, &err) < 0 ||
        other_tree_open(&backup, false, &err) < 0)
        return command_failed(&err);
    carrying.json = words.json;
    if (words.names[0] != NULL)
        carrying.only = (const char *const *)words.names;
    carrying.carry = (struct carry){.from = &backup.store,
                                    .to = &tree.store,
                                    .manner = CARRY_AS_IS,
                                    .sparse = settings.sparse,
                                    .is_live = true,
                                    .verify = words.data};
    result = run(&words, &carrying, &err);
    if (result == 0)
        carrying_print(&carrying, "restored");
    return carrying_status(&carrying, result, &err);
}
