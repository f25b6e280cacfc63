/* SPDX-License-Identifier: MIT */
#include "store/collect_internal.h"

#include <stdio.h>
#include <string.h>

static int note_path(void *context, const char *path, bool is_directory,
                     struct err *err)
{
    struct collection *c = context;

    (void)is_directory;
    (void)err;
    marks_add(&c->trash, marks_of_text(path));
    return 0;
}

static int note_run(void *context, const char *run, bool is_directory,
                    struct err *err)
{
    struct collection *c = context;

    (void)is_directory;
    if (c->run_count == COLLECT_RUNS_MAX)
        return 1;
    if (strlen(run) >= COLLECT_RUN_MAX)
        return 0;
    snprintf(c->runs[c->run_count++], COLLECT_RUN_MAX, "%s", run);
    return driver_list_trash(c->store->driver, run, note_path, c, err);
}

/* What cannot be looked through is not purged either. */
void collect_trash_begin(struct collection *c)
{
    struct err err = {0};

    if (driver_list_trash(c->store->driver, NULL, note_run, c, &err) == 0)
        return;
    c->is_unverified = true;
    collect_complain(c, "trash", &err);
}

/* The run's own number, counted behind those of earlier runs. */
static const char *run_at(const struct collection *c, size_t i)
{
    return i < c->run_count ? c->runs[i] : c->run;
}

/* The latest has the latest bytes. */
static int restore(struct collection *c, const char *path, struct err *err)
{
    for (size_t i = c->run_count + 1; i-- > 0;) {
        if (driver_restore(c->store->driver, run_at(c, i), path, err) == 0)
            return 0;
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
    }
    return err_set(err, ERR_NOT_FOUND, "%s is in no trash", path);
}

bool collect_is_in_trash(const struct collection *c,
                         const struct layout_path *path)
{
    return c->trash.count > 0 &&
           marks_has(&c->trash, marks_of_text(path->text));
}

void collect_rescue(struct collection *c, const struct layout_path *path)
{
    struct driver_stat stat;
    struct err err = {0};
    bool is_there;

    if (!collect_is_in_trash(c, path))
        return;
    if (driver_stat_if_there(c->store->driver, path->text, &stat, &is_there,
                             &err) == 0) {
        if (is_there || c->options->dry_run)
            return;
        if (restore(c, path->text, &err) == 0) {
            c->result->restored++;
            err_set(&err, ERR_EXISTS, "was in the trash and is needed");
            collect_complain(c, path->text, &err);
            return;
        }
        if (err.code == ERR_NOT_FOUND)
            return;
    }
    c->is_unverified = true;
    collect_complain(c, path->text, &err);
}

static void purge_run(struct collection *c, const char *run)
{
    struct driver_swept purged = {0};
    struct err err = {0};

    if (driver_purge(c->store->driver, run, &purged, &err) < 0)
        collect_complain(c, run, &err);
    c->result->purged += purged.count;
    c->result->bytes += purged.bytes;
}

void collect_trash_purge(struct collection *c, bool own)
{
    for (size_t i = 0; i < c->run_count + own; i++)
        if (!collect_is_over(c))
            purge_run(c, run_at(c, i));
    c->run_count = 0;
}
