/* SPDX-License-Identifier: MIT */
#include "store/collect_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/catalog.h"
#include "store/collection_hold.h"
#include "store/litter.h"
#include "store/manifest_store.h"
#include "store/untagged.h"
#include "store/upload_purge.h"

/* A lock that a request holds is free again within microseconds. */
#define TRIES 5
#define TRY_MS 1

/* Younger files may be in use by an operation that goes on. */
#define LITTER_AGE 3600

/* --- telling --- */

bool collect_is_over(struct collection *c)
{
    const struct collect_watcher *watcher = &c->options->watcher;

    if (!c->result->is_over && watcher->is_over != NULL)
        c->result->is_over = watcher->is_over(watcher->context);
    return c->result->is_over;
}

void collect_complain(struct collection *c, const char *where,
                      const struct err *err)
{
    const struct collect_watcher *watcher = &c->options->watcher;

    c->result->complaints++;
    if (watcher->complain != NULL)
        watcher->complain(watcher->context, where, err);
}

static void tell(struct collection *c, const struct collect_item *item)
{
    const struct collect_watcher *watcher = &c->options->watcher;

    if (watcher->take != NULL)
        watcher->take(watcher->context, item);
}

bool collect_is_fixed(struct collection *c, const struct layout_path *link,
                      const struct driver_stat *stat)
{
    struct err err = {0};

    if (!stat->is_fixed)
        return false;
    if (!c->has_fixed) {
        err_set(&err, ERR_READ_ONLY,
                "is another user's, so the repository is not collected; see "
                "berth adopt");
        collect_complain(c, link->text, &err);
    }
    c->has_fixed = true;
    return true;
}

/* --- taking --- */

static int retire(struct collection *c, const char *path, int64_t cutoff_ns,
                  bool *for_good, struct err *err)
{
    struct driver *driver = c->store->driver;

    for (int i = 0; i < TRIES; i++) {
        err_clear(err);
        *for_good = c->has_no_space && c->options->empty_trash;
        if (driver_retire(driver, *for_good ? NULL : c->run, path, cutoff_ns,
                          err) == 0)
            return 0;
        if (err->code == ERR_NO_SPACE && !c->has_no_space)
            c->has_no_space = true;
        else if (err->code == ERR_BUSY)
            clock_sleep_ms(TRY_MS);
        else
            return -1;
    }
    return -1;
}

static enum collect_taken stays(struct collection *c, const char *path,
                                const struct err *err)
{
    if (err->code == ERR_NOT_FOUND)
        return COLLECT_GONE;
    if (err->code == ERR_BUSY)
        c->result->skipped++;
    else if (err->code == ERR_NO_SPACE && c->told_no_space)
        return COLLECT_STAYS;
    else if (err->code != ERR_EXISTS)
        collect_complain(c, path, err);
    c->told_no_space = c->told_no_space || err->code == ERR_NO_SPACE;
    return COLLECT_STAYS;
}

enum collect_taken collect_take(struct collection *c,
                                const struct collect_item *item,
                                const char *path, int64_t cutoff_ns)
{
    struct err err = {0};
    bool for_good = false;

    if (collect_is_over(c))
        return COLLECT_STAYS;
    if (!c->options->dry_run) {
        if (retire(c, path, cutoff_ns, &for_good, &err) < 0)
            return stays(c, path, &err);
        if (!for_good)
            marks_add(&c->trash, marks_of_text(path));
    }
    c->result->retired++;
    c->result->retired_bytes += item->bytes;
    if (for_good) {
        c->result->purged++;
        c->result->bytes += item->bytes;
    }
    tell(c, item);
    return COLLECT_TAKEN;
}

static int stop_at_first(void *context, const char *name, bool is_directory,
                         struct err *err)
{
    bool *is_empty = context;

    (void)name;
    (void)is_directory;
    (void)err;
    *is_empty = false;
    return 1;
}

void collect_tidy(struct collection *c, const char *name,
                  const struct layout_path *directory)
{
    struct collect_item item = {.kind = COLLECT_DIRECTORY,
                                .repository = name,
                                .what = directory->text,
                                .reason = "nothing is in it"};
    struct driver *driver = c->store->driver;
    bool is_empty = true;
    struct driver_stat stat;
    struct err err = {0};

    if (driver_stat(driver, directory->text, &stat, &err) < 0 ||
        stat.mtime_ns >= c->cutoff_ns ||
        driver_list(driver, directory->text, NULL, stop_at_first, &is_empty,
                    &err) < 0 ||
        !is_empty)
        return;
    if (!c->options->dry_run &&
        driver_remove_empty(driver, directory->text, &err) < 0)
        return;
    c->result->directories++;
    tell(c, &item);
}

void collect_tidy_now(struct collection *c, const struct layout_path *directory)
{
    struct err ignored = {0};

    (void)!driver_remove_empty(c->store->driver, directory->text, &ignored);
}

/* --- uploads and litter --- */

static void purge_uploads(struct collection *c, const char *name)
{
    int64_t age_ns = (int64_t)c->options->upload_age * CLOCK_NS_PER_SECOND;
    struct upload_purge how = {.cutoff_ns = c->t0_ns - age_ns,
                               .dry_run = c->options->dry_run};
    struct upload_purged purged = {0};
    char number[32];
    struct collect_item item = {.kind = COLLECT_UPLOADS,
                                .repository = name,
                                .what = number,
                                .reason = "their clients gave them up"};
    struct err err = {0};

    if (c->options->upload_age == 0)
        return;
    if (upload_purge(c->store, name, &how, &purged, &err) < 0)
        collect_complain(c, layout_uploads(name).text, &err);
    if (purged.count == 0)
        return;
    c->result->uploads += purged.count;
    c->result->bytes += purged.bytes;
    item.bytes = purged.bytes;
    snprintf(number, sizeof(number), "%llu", (unsigned long long)purged.count);
    tell(c, &item);
}

static void purge_litter(struct collection *c, bool deep)
{
    int64_t cutoff_ns = c->t0_ns - LITTER_AGE * CLOCK_NS_PER_SECOND;
    struct driver_swept swept = {0};
    struct err err = {0};
    int result = deep ? litter_purge(c->store, cutoff_ns, c->options->dry_run,
                                     &swept, &err)
                      : driver_sweep(c->store->driver, cutoff_ns,
                                     c->options->dry_run, &swept, &err);

    if (result < 0)
        collect_complain(c, "litter", &err);
    c->result->litter += swept.count;
    c->result->bytes += swept.bytes;
}

/* --- the walk --- */

static bool has_content(struct collection *c, const char *name)
{
    struct layout_path layers = layout_layers(name);
    struct layout_path manifests = layout_manifests(name);
    struct driver_stat stat;
    struct err err = {0};
    bool has_layers, has_manifests;

    /* What cannot be looked at is there: listing it will complain. */
    return driver_stat_if_there(c->store->driver, layers.text, &stat,
                                &has_layers, &err) < 0 ||
           driver_stat_if_there(c->store->driver, manifests.text, &stat,
                                &has_manifests, &err) < 0 ||
           has_layers || has_manifests;
}

struct untagged_walk {
    struct collection *c;
    const char *name;
};

static int note_untagged(void *context,
                         const struct untagged_manifest *manifest,
                         struct err *err)
{
    struct untagged_walk *walk = context;
    struct layout_path link =
        layout_revision_link(walk->name, manifest->digest);
    char text[DIGEST_TEXT_MAX];
    struct collect_item item = {.kind = COLLECT_MANIFEST,
                                .repository = walk->name,
                                .what = text,
                                .reason = "no tag names it"};

    (void)err;
    if (manifest->verdict != UNTAGGED_GOES)
        return collect_is_over(walk->c);
    digest_format(manifest->digest, text);
    if (walk->c->options->dry_run)
        marks_add(&walk->c->absent, marks_of_text(link.text));
    walk->c->result->untagged++;
    tell(walk->c, &item);
    return collect_is_over(walk->c);
}

static void remove_untagged(struct collection *c, const char *name)
{
    struct untagged_walk walk = {c, name};
    struct untagged how = {.cutoff_ns = c->untagged_cutoff_ns,
                           .dry_run = c->options->dry_run,
                           .visit = note_untagged,
                           .context = &walk};
    struct untagged_removed removed = {0};
    struct err err = {0};

    if (c->options->untagged_age != 0 &&
        untagged_remove(c->store, name, &how, &removed, &err) < 0)
        collect_complain(c, name, &err);
}

static int collect_repository(void *context, const char *name, struct err *err)
{
    struct collection *c = context;

    (void)err;
    if (has_content(c, name)) {
        c->result->repositories++;
        remove_untagged(c, name);
        collect_mark_repository(c, name);
        if (!collect_is_over(c))
            collect_sweep_layers(c, name);
        if (!collect_is_over(c))
            collect_sweep_tags(c, name);
    }
    if (!collect_is_over(c))
        purge_uploads(c, name);
    if (c->options->watcher.progress != NULL)
        c->options->watcher.progress(c->options->watcher.context,
                                     c->result->repositories);
    return collect_is_over(c);
}

static int keep_odd(void *context, const char *path, struct err *err)
{
    struct collection *c = context;

    (void)err;
    collect_keep_odd(c, path);
    return collect_is_over(c);
}

static bool may_have_blobs(const struct collection *c)
{
    struct driver_stat stat;
    struct err err = {0};

    return driver_stat(c->store->driver, LAYOUT_BLOBS, &stat, &err) == 0 ||
           err.code != ERR_NOT_FOUND;
}

/*
 * Without its repositories a tree looks as if nothing were needed. Before the
 * first push it has neither them nor blobs.
 */
static void walk_repositories(struct collection *c)
{
    struct driver_stat stat;
    struct err err = {0};

    if (driver_stat(c->store->driver, LAYOUT_REPOSITORIES, &stat, &err) == 0 &&
        catalog_walk_telling(c->store, collect_repository, keep_odd, c, &err) ==
            0)
        return;
    if (err.code == ERR_NOT_FOUND && !may_have_blobs(c))
        return;
    c->result->is_blind = true;
    if (err.code != ERR_NOT_FOUND)
        collect_complain(c, LAYOUT_REPOSITORIES, &err);
}

static void collect_all(struct collection *c)
{
    purge_litter(c, false);
    walk_repositories(c);
    if (!collect_is_over(c))
        collect_sweep_blobs(c);
    if (!collect_is_over(c) && !c->options->dry_run) {
        collect_verify(c);
        if (!c->is_unverified && !c->result->is_blind)
            collect_trash_purge(c, c->options->empty_trash);
    }
    if (!collect_is_over(c) && c->options->deep)
        purge_litter(c, true);
}

/* --- begin and end --- */

/* By the clock of the storage, on which the leases were given. */
static int look_at_clock(struct collection *c, struct writer *lock,
                         struct err *err)
{
    struct driver_stat stat;
    struct tm parts;
    time_t seconds;
    size_t len;

    if (writer_truncate(lock, 0, err) < 0 ||
        driver_stat(c->store->driver, LAYOUT_COLLECTOR, &stat, err) < 0)
        return -1;
    c->t0_ns = stat.mtime_ns;
    seconds = (time_t)(stat.mtime_ns / CLOCK_NS_PER_SECOND);
    gmtime_r(&seconds, &parts);
    len = strftime(c->run, sizeof(c->run), "%Y%m%d-%H%M%S", &parts);
    snprintf(c->run + len, sizeof(c->run) - len, "-%09d",
             (int)(stat.mtime_ns % CLOCK_NS_PER_SECOND));
    return 0;
}

/*
 * A full disk has to be collected, too. What is lost without the note is how
 * large a grace once was, if it was smaller before.
 */
static int save_state(struct collection *c, uint64_t noted_grace,
                      struct err *err)
{
    if (c->options->dry_run || collect_state_save(c, err) == 0)
        return 0;
    if (err->code != ERR_NO_SPACE ||
        (noted_grace != 0 && noted_grace < c->state.grace))
        return -1;
    c->has_no_space = true;
    err_clear(err);
    return 0;
}

static int run(struct collection *c, struct writer *lock, struct err *err)
{
    uint64_t noted_grace;

    if (look_at_clock(c, lock, err) < 0 ||
        collect_state_begin(c, &noted_grace, err) < 0)
        return -1;
    if (c->result->held_until == 0 && !c->options->no_other_writer &&
        collect_check_foreign(c, err) < 0)
        return -1;
    if (save_state(c, noted_grace, err) < 0)
        return -1;
    if (c->result->held_until != 0)
        return 0;
    collect_trash_begin(c);
    collect_all(c);
    /* A second word, for a disk that was full at the first. */
    return c->has_no_space ? save_state(c, noted_grace, err) : 0;
}

int collect(const struct store *store, const struct collect_options *options,
            struct collect_result *result, struct err *err)
{
    struct collection c = {.store = store,
                           .options = options,
                           .result = result,
                           .bytes = BUF_INIT(MANIFEST_BYTES_MAX)};
    CLEANUP(collection_hold) struct collection_hold hold = {0};
    int status;

    *result = (struct collect_result){0};
    if (collection_hold(store, 0, &hold, err) < 0)
        return -1;
    status = run(&c, hold.lock, err);
    marks_cleanup(&c.live);
    marks_cleanup(&c.here);
    marks_cleanup(&c.trash);
    marks_cleanup(&c.absent);
    buf_cleanup(&c.bytes);
    return status;
}
