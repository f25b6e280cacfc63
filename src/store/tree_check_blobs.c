/* SPDX-License-Identifier: MIT */
#include "store/tree_check_internal.h"

#include <limits.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/reader.h"

#define CHUNK (256 * 1024)
#define NAP_MS 50

/* --- reading at a limited rate --- */

/* Waits until the bytes read so far are no more than the rate allows. */
static void keep_rate(struct tree_run *run)
{
    uint64_t rate = run->how->rate;

    if (rate == 0)
        return;
    for (;;) {
        int64_t passed_ns = clock_monotonic_ns() - run->data_began_ns;
        double due_ns = (double)run->result->bytes / (double)rate * 1e9;

        if ((double)passed_ns >= due_ns || tree_stopped(run))
            return;
        clock_sleep_ms(due_ns - (double)passed_ns > NAP_MS * 1e6
                           ? NAP_MS
                           : 1 + (int64_t)((due_ns - (double)passed_ns) / 1e6));
    }
}

static void count_read(struct tree_run *run, size_t count)
{
    const struct tree_check_visitor *visitor = run->visitor;

    run->result->bytes += count;
    if (visitor->progress != NULL)
        visitor->progress(visitor->context, run->result->bytes,
                          run->total_bytes);
    keep_rate(run);
}

/* -1 with no error when the run is stopped. */
static int hash_stream(struct tree_run *run, struct reader *reader,
                       struct hash *hash, bool is_counted, struct err *err)
{
    CLEANUP(buf) struct buf chunk = BUF_INIT(CHUNK);
    char *at = buf_reserve(&chunk, CHUNK);

    for (;;) {
        ssize_t got = reader_read(reader, at, CHUNK, err);

        if (got <= 0)
            return (int)got;
        hash_update(hash, at, (size_t)got);
        if (is_counted)
            count_read(run, (size_t)got);
        if (tree_stopped(run))
            return -1;
    }
}

static int hash_blob(struct tree_run *run, const struct digest *digest,
                     uint64_t size, bool is_counted, struct digest *out,
                     struct err *err)
{
    struct layout_path path = layout_blob(digest);
    CLEANUP(reader) struct reader *reader = NULL;
    struct hash hash;

    if (driver_open_read(run->store->driver, path.text, 0, size, &reader, err) <
        0)
        return -1;
    hash_init(&hash, digest->algorithm);
    if (hash_stream(run, reader, &hash, is_counted, err) < 0)
        return -1;
    digest_finish(&hash, out);
    return 0;
}

/* --- what is wrong --- */

static void tell(struct tree_run *run, enum tree_damage damage,
                 enum tree_outcome outcome, const struct digest *digest,
                 const struct err *failure)
{
    struct layout_path path = layout_blob(digest);

    tree_report(run, &(struct tree_finding){.damage = damage,
                                            .outcome = outcome,
                                            .digest = digest,
                                            .path = path.text,
                                            .reason = tree_reason(failure)});
}

void tree_condemn(struct tree_run *run, const struct digest *digest,
                  enum tree_damage damage, const struct driver_stat *seen)
{
    enum tree_outcome outcome;
    struct err failure = {0};

    if (digest_set_has(&run->bad, digest))
        return;
    outcome = tree_quarantine(run, digest, seen, &failure);
    digest_set_add(outcome == TREE_MENDED ? &run->aside : &run->bad, digest);
    tell(run, damage, outcome, digest, &failure);
}

static bool is_empty_digest(const struct digest *digest)
{
    struct digest empty;

    digest_of_bytes(digest->algorithm, SPAN(""), &empty);
    return digest_equals(digest, &empty);
}

static enum tree_bytes cannot_read(struct tree_run *run,
                                   const struct digest *digest,
                                   const struct err *failure)
{
    if (failure->code == ERR_NONE)
        return TREE_BYTES_GOOD; /* stopped */
    if (failure->code == ERR_NOT_FOUND)
        return TREE_BYTES_GONE;
    digest_set_add(&run->bad, digest);
    tell(run, TREE_UNREADABLE, TREE_LEFT, digest, failure);
    return TREE_BYTES_BAD;
}

/*
 * Reads it all. When it is not the same afterwards, somebody has pushed it
 * meanwhile, which is read instead.
 */
static enum tree_bytes read_blob(struct tree_run *run,
                                 const struct digest *digest, bool is_counted)
{
    struct layout_path path = layout_blob(digest);

    for (;;) {
        struct driver_stat before, after;
        struct err failure = {0};
        struct digest found;

        if (driver_stat(run->store->driver, path.text, &before, &failure) < 0 ||
            hash_blob(run, digest, before.size, is_counted, &found, &failure) <
                0)
            return cannot_read(run, digest, &failure);
        if (digest_equals(&found, digest))
            return TREE_BYTES_GOOD;
        if (driver_stat(run->store->driver, path.text, &after, &failure) < 0)
            return cannot_read(run, digest, &failure);
        if (!driver_stat_equals(&before, &after))
            continue;
        tree_condemn(run, digest,
                     before.size == 0 ? TREE_BLOB_EMPTY : TREE_BLOB_CORRUPT,
                     &before);
        return TREE_BYTES_BAD;
    }
}

static enum tree_bytes check_size(struct tree_run *run,
                                  const struct digest *digest)
{
    enum tree_bytes bytes = read_blob(run, digest, false);
    struct err nothing = {0};

    if (bytes == TREE_BYTES_GOOD && !tree_stopped(run))
        tell(run, TREE_BLOB_SIZE, TREE_LEFT, digest, &nothing);
    return bytes;
}

enum tree_bytes tree_look_at_blob(struct tree_run *run,
                                  const struct digest *digest, uint64_t size)
{
    struct layout_path path = layout_blob(digest);
    struct err failure = {0};
    struct driver_stat stat;

    if (digest_set_has(&run->bad, digest))
        return TREE_BYTES_BAD;
    if (driver_stat(run->store->driver, path.text, &stat, &failure) < 0) {
        if (failure.code == ERR_NOT_FOUND &&
            digest_set_has(&run->aside, digest))
            return TREE_BYTES_BAD;
        return cannot_read(run, digest, &failure);
    }
    if (stat.is_directory)
        return TREE_BYTES_GONE;
    if (stat.size == 0 && !is_empty_digest(digest)) {
        tree_condemn(run, digest, TREE_BLOB_EMPTY, &stat);
        return TREE_BYTES_BAD;
    }
    if (size != TREE_SIZE_UNKNOWN && stat.size != size)
        return check_size(run, digest);
    return TREE_BYTES_GOOD;
}

/* --- all of them --- */

void tree_check_blob_bytes(struct tree_run *run, const struct digest *digest)
{
    if (run->is_partial && !digest_set_add(&run->hashed, digest))
        return;
    if (run->data_began_ns == 0)
        run->data_began_ns = clock_monotonic_ns();
    if (tree_look_at_blob(run, digest, TREE_SIZE_UNKNOWN) != TREE_BYTES_GOOD)
        return;
    run->result->blobs++;
    (void)read_blob(run, digest, true);
}

struct walk {
    struct tree_run *run;
    enum hash_algorithm algorithm;
    const char *path; /* of what is being listed */
};

static int visit_blob(void *context, const char *hex, bool is_directory,
                      struct err *err)
{
    const struct walk *walk = context;
    struct digest digest;

    (void)err;
    if (is_directory && tree_digest_of(walk->algorithm, hex, &digest))
        tree_check_blob_bytes(walk->run, &digest);
    return tree_go_on(walk->run);
}

/* What cannot be listed has been told by the places. */
static int visit_prefix(void *context, const char *prefix, bool is_directory,
                        struct err *err)
{
    const struct walk *walk = context;
    struct driver *driver = walk->run->store->driver;
    struct layout_path path;
    struct err ignored = {0};

    (void)err;
    snprintf(path.text, sizeof(path.text), "%s/%s", walk->path, prefix);
    if (is_directory)
        (void)!driver_list(driver, path.text, NULL, visit_blob, context,
                           &ignored);
    return tree_go_on(walk->run);
}

void tree_check_all_bytes(struct tree_run *run)
{
    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct layout_path path = layout_blobs_of(i);
        struct walk walk = {run, i, path.text};
        struct err ignored = {0};

        (void)!driver_list(run->store->driver, path.text, NULL, visit_prefix,
                           &walk, &ignored);
    }
}

/* --- the quarantine --- */

static int visit_quarantined(void *context, const char *file, bool is_directory,
                             struct err *err)
{
    const struct walk *walk = context;
    struct layout_path blob, path;
    struct digest digest;
    bool is_back;

    (void)err;
    if (is_directory ||
        !layout_parse_quarantined(walk->algorithm, file, &digest))
        return 0;
    blob = layout_blob(&digest);
    is_back = tree_is_there(walk->run, blob.text) &&
              !digest_set_has(&walk->run->bad, &digest);
    snprintf(path.text, sizeof(path.text), "%s/%s", walk->path, file);
    tree_report(walk->run,
                &(struct tree_finding){
                    .damage = TREE_QUARANTINED,
                    .digest = &digest,
                    .path = path.text,
                    .reason = is_back ? "it was pushed again: this may "
                                        "be deleted"
                                      : "nobody has pushed it again"});
    return tree_go_on(walk->run);
}

/* What stood in the way of something: its note says where. */
static int visit_odd(void *context, const char *file, bool is_directory,
                     struct err *err)
{
    const struct walk *walk = context;
    CLEANUP(buf) struct buf note = BUF_INIT(PATH_MAX);
    struct layout_path path;
    struct err ignored = {0};

    (void)err;
    (void)is_directory;
    if (span_ends_with(span_of(file), SPAN(".path")))
        return 0;
    snprintf(path.text, sizeof(path.text), "%s/%.128s.path", walk->path, file);
    (void)!driver_get(walk->run->store->driver, path.text, &note, NULL,
                      &ignored);
    path.text[strlen(path.text) - strlen(".path")] = '\0';
    tree_report(walk->run, &(struct tree_finding){.damage = TREE_QUARANTINED,
                                                  .path = path.text,
                                                  .reason = buf_text(&note)});
    return tree_go_on(walk->run);
}

void tree_check_quarantine(struct tree_run *run)
{
    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct layout_path path = layout_quarantine_of(i);
        struct walk walk = {run, i, path.text};

        tree_list(run, NULL, path.text, visit_quarantined, &walk);
    }
    tree_list(run, NULL, LAYOUT_QUARANTINE_ODD, visit_odd,
              &(struct walk){.run = run, .path = LAYOUT_QUARANTINE_ODD});
}
