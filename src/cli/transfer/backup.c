/* SPDX-License-Identifier: MIT */
/*
 * berth backup: while pushes, deletions and re-tagging go on. Only a collector
 * has to wait, see carry.h and collection_hold.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "backup_mark.h"
#include "base/clock.h"
#include "carrying.h"
#include "cli/ask.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/tree.h"
#include "driver/driver_fs.h"
#include "other_tree.h"
#include "store/catalog.h"
#include "store/collection_hold.h"

#define WAIT_MS 500

struct words {
    const char *file; /* of the settings; NULL = the usual one */
    const char *directory;
    bool link, data, json, yes;
};

static int parse_words(char **words, struct words *out)
{
    char **rest = words, **end = words;

    while (*words != NULL)
        if (!command_value(&words, "-c", &out->file) &&
            !command_flag(&words, "--link", &out->link) &&
            !command_flag(&words, "--data", &out->data) &&
            !command_flag(&words, "--json", &out->json) &&
            !command_flag(&words, "--yes", &out->yes) &&
            !command_word(&words, &end))
            return -1;
    if (end != rest + 1)
        return -1;
    out->directory = rest[0];
    return 0;
}

/* A collector is at work for a while; nobody else has this lock for long. */
static int wait_for_collector(const struct store *store,
                              struct collection_hold *hold, struct err *err)
{
    struct progress progress;
    uint64_t waits = 0;
    int result;

    progress_begin(&progress, "waiting for the collector", 0);
    while ((result = collection_hold(store, WAIT_MS, hold, err)) < 0 &&
           err->code == ERR_BUSY && !interrupt_came()) {
        err_clear(err);
        progress_set(&progress, ++waits);
    }
    progress_end(&progress);
    return result;
}

static int note_one(void *context, const char *name, struct err *err)
{
    (void)name;
    (void)err;
    *(bool *)context = true;
    return 1;
}

/*
 * A registry that is suddenly empty is a disk that was not mounted, more often
 * than not; and a mirror of that has nothing left.
 */
static int check_empty(const struct words *words, const struct store *from,
                       const struct store *to, struct err *err)
{
    bool from_has = false, to_has = false;

    if (catalog_list(from, NULL, note_one, &from_has, err) < 0 ||
        catalog_list(to, NULL, note_one, &to_has, err) < 0)
        return -1;
    if (from_has || !to_has ||
        ask_consent(words->yes,
                    "back up a registry that is empty and delete all "
                    "repositories of the backup in %s",
                    words->directory))
        return 0;
    return err_set(err, ERR_DENIED, "nothing was changed in %s",
                   words->directory);
}

static int run(const struct words *words, struct carrying *carrying,
               const struct other_tree *target, struct err *err)
{
    const struct store *from = carrying->carry.from;
    CLEANUP(collection_hold) struct collection_hold hold = {0};
    struct backup_mark mark = {.began = clock_now_ns() / CLOCK_NS_PER_SECOND};

    if (other_tree_lock(target, err) < 0 ||
        check_empty(words, from, carrying->carry.to, err) < 0 ||
        wait_for_collector(from, &hold, err) < 0 ||
        backup_mark_write(target->directory, &mark, err) < 0 ||
        carrying_run(carrying, err) < 0)
        return -1;
    if (driver_fs_flush(carrying->carry.to->driver, err) < 0)
        return -1;
    mark.is_complete = true;
    mark.ended = clock_now_ns() / CLOCK_NS_PER_SECOND;
    mark.counts = &carrying->carry.counts;
    return backup_mark_write(target->directory, &mark, err);
}

int command_backup(char **argv)
{
    CLEANUP(tree) struct tree tree = {0};
    CLEANUP(other_tree) struct other_tree target = OTHER_TREE_INIT;
    struct words words = {0};
    struct carrying carrying = {.what = "backing up"};
    struct settings settings;
    struct err err = {0};
    int result;

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    interrupt_catch();
    if (settings_load(words.file, &settings, &err) < 0 ||
        other_tree_find(words.directory, &settings, true, &target, &err) < 0 ||
        tree_open_at(&settings, &tree, &err) < 0 ||
        other_tree_check(&target, &tree, &err) < 0 ||
        other_tree_open(&target, true, &err) < 0)
        return command_failed(&err);
    carrying.json = words.json;
    carrying.carry =
        (struct carry){.from = &tree.store,
                       .to = &target.store,
                       .manner = CARRY_AS_IS,
                       .mirror = true,
                       .verify = words.data,
                       .share = words.link ? driver_fs_share : NULL};
    result = run(&words, &carrying, &target, &err);
    if (result == 0)
        carrying_print(&carrying, "backed up");
    else if (err.code == ERR_BUSY && !interrupt_came())
        return command_failed(&err), COMMAND_BUSY;
    return carrying_status(&carrying, result, &err);
}
