/* SPDX-License-Identifier: MIT */
#include "store/referrers_index.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/referrer_entry.h"

/*
 * File times tick coarsely, and two writes within a tick leave one time. So
 * a directory that changed within this span before the scan is scanned again
 * next time, and so is what was written this much before the last change.
 */
#define RACY_NS (2 * CLOCK_NS_PER_SECOND)

#define SCANNED_BYTES_MAX 256

/*
 * What the index accounts for. `blank` tells that some revision was a bare
 * directory, as a deletion leaves it, whose manifest is not known: when it is
 * pushed again by another program, that shows in no directory but its own.
 */
struct mark {
    int64_t mtime_ns; /* of `revisions/<alg>`; 0 = none */
    bool blank;
};

struct scanned {
    struct mark marks[HASH_COUNT];
};

#define BLANK " blank"

static int read_scanned(const struct store *store, const char *name,
                        struct scanned *out, struct err *err)
{
    struct layout_path path = layout_referrers_scanned(name);
    CLEANUP(buf) struct buf text = BUF_INIT(SCANNED_BYTES_MAX);
    struct span rest;

    memset(out, 0, sizeof(*out));
    if (driver_get(store->driver, path.text, &text, NULL, err) < 0) {
        if (err->code != ERR_NOT_FOUND && err->code != ERR_TOO_LARGE)
            return -1;
        err_clear(err);
        return 0;
    }
    rest = buf_span(&text);
    while (rest.len > 0) {
        struct span value = span_cut(&rest, '\n');
        struct span algorithm = span_cut(&value, ' ');
        struct span number = span_cut(&value, ' ');
        enum hash_algorithm which;
        uint64_t mtime;

        if (digest_algorithm_parse(algorithm, &which) &&
            num_parse(number, INT64_MAX, &mtime) == 0)
            out->marks[which] = (struct mark){(int64_t)mtime, value.len > 0};
    }
    return 0;
}

static int write_scanned(const struct store *store, const char *name,
                         const struct scanned *scanned, struct err *err)
{
    struct layout_path path = layout_referrers_scanned(name);
    CLEANUP(buf) struct buf text = BUF_INIT(SCANNED_BYTES_MAX);

    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++)
        buf_add_format(&text, "%s %" PRId64 "%s\n", digest_algorithm_name(i),
                       scanned->marks[i].mtime_ns,
                       scanned->marks[i].blank ? BLANK : "");
    return driver_put(store->driver, path.text, buf_span(&text), DRIVER_RELAXED,
                      err);
}

struct scan {
    const struct store *store;
    const char *name;
    enum hash_algorithm algorithm;
    int64_t since_ns; /* revisions older than this are known */
    bool incomplete;  /* something could not be read: perhaps next time */
    bool blank;       /* see struct mark */
};

/*
 * Passes over what is no manifest, and so refers to nothing, or has gone;
 * and over what could not be read, which is unknown until another scan.
 */
static int pass_over(struct scan *scan, struct err *err)
{
    if (err->code != ERR_NONE && err->code != ERR_NOT_FOUND &&
        err->code != ERR_TOO_LARGE && err->code != ERR_MANIFEST_UNKNOWN &&
        err->code != ERR_MANIFEST_INVALID)
        scan->incomplete = true;
    err_clear(err);
    return 0;
}

/*
 * The bytes of a revision. Those of a deleted one too, which are there until
 * they are collected: readers pass over its entry as long as it is deleted.
 */
static int read_revision(const struct scan *scan, const struct digest *digest,
                         struct buf *bytes, struct err *err)
{
    struct layout_path blob = layout_blob(digest);

    if (manifest_get(scan->store, scan->name, digest, bytes, err) == 0)
        return 0;
    if (err->code != ERR_MANIFEST_UNKNOWN)
        return -1;
    err_clear(err);
    buf_clear(bytes);
    if (driver_get(scan->store->driver, blob.text, bytes, NULL, err) < 0)
        return -1;
    return bytes->len > 0 ? 0 : err_set(err, ERR_NOT_FOUND, "it is empty");
}

/* Indexes one manifest. */
static int index_manifest(struct scan *scan, const struct digest *digest,
                          struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *manifest = NULL;
    const struct descriptor *subject;

    if (read_revision(scan, digest, &bytes, err) < 0) {
        scan->blank = scan->blank || err->code == ERR_NOT_FOUND;
        return pass_over(scan, err);
    }
    if (memmem(bytes.ptr, bytes.len, "subject", strlen("subject")) == NULL ||
        manifest_parse(buf_span(&bytes), SPAN(""), &manifest, err) < 0)
        return pass_over(scan, err);
    subject = manifest_subject(manifest);
    if (subject == NULL)
        return 0;
    return referrer_entry_mend(scan->store, scan->name, &subject->digest,
                               digest, manifest, bytes.len, err);
}

static int visit_revision(void *context, const char *hex, bool is_directory,
                          struct err *err)
{
    struct scan *scan = context;
    char text[DIGEST_TEXT_MAX];
    struct driver_stat stat;
    struct layout_path path;
    struct digest digest;

    snprintf(text, sizeof(text), "%s:%s",
             digest_algorithm_name(scan->algorithm), hex);
    if (!is_directory || digest_parse(span_of(text), &digest, err) < 0) {
        err_clear(err);
        return 0;
    }
    path = layout_revision(scan->name, &digest);
    if (driver_stat(scan->store->driver, path.text, &stat, err) < 0)
        return pass_over(scan, err);
    if (stat.mtime_ns < scan->since_ns)
        return 0;
    return index_manifest(scan, &digest, err);
}

/* Whether everything of the directory is to be looked at again. */
static bool is_all_new(const struct driver_stat *stat, const struct mark *mark)
{
    /* The clock went back, or the driver cannot tell: believe nothing. */
    return stat->mtime_ns < mark->mtime_ns || stat->mtime_ns == 0;
}

static bool is_up_to_date(const struct driver_stat *stat,
                          const struct mark *mark)
{
    return stat->mtime_ns == mark->mtime_ns && stat->mtime_ns != 0 &&
           !mark->blank;
}

bool referrers_will_look_at(const struct store *store, const char *name,
                            const struct digest *digest)
{
    struct layout_path all = layout_revisions(name, digest->algorithm);
    struct layout_path revision = layout_revision(name, digest);
    const struct mark *mark;
    struct scanned scanned;
    struct driver_stat stat;
    struct err ignored = {0};

    if (read_scanned(store, name, &scanned, &ignored) < 0 ||
        driver_stat(store->driver, all.text, &stat, &ignored) < 0)
        return false;
    mark = &scanned.marks[digest->algorithm];
    if (is_up_to_date(&stat, mark))
        return false;
    return is_all_new(&stat, mark) ||
           (driver_stat(store->driver, revision.text, &stat, &ignored) == 0 &&
            stat.mtime_ns >= mark->mtime_ns - RACY_NS);
}

/* Brings one algorithm up to date, and its mark. */
static int refresh(const struct store *store, const char *name,
                   enum hash_algorithm algorithm, struct mark *mark,
                   bool *changed, struct err *err)
{
    struct layout_path path = layout_revisions(name, algorithm);
    struct scan scan = {.store = store,
                        .name = name,
                        .algorithm = algorithm,
                        .since_ns = mark->mtime_ns - RACY_NS,
                        .blank = mark->blank};
    struct driver_stat stat;

    if (driver_stat(store->driver, path.text, &stat, err) < 0) {
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        return 0;
    }
    if (is_up_to_date(&stat, mark))
        return 0;
    if (is_all_new(&stat, mark))
        scan.since_ns = INT64_MIN;
    if (driver_list(store->driver, path.text, NULL, visit_revision, &scan,
                    err) < 0)
        return -1;
    if (!scan.incomplete && stat.mtime_ns != mark->mtime_ns &&
        clock_now_ns() - stat.mtime_ns > RACY_NS) {
        *mark = (struct mark){stat.mtime_ns, scan.blank};
        *changed = true;
    }
    return 0;
}

int referrers_refresh(const struct store *store, const char *name,
                      struct err *err)
{
    struct scanned scanned;
    bool changed = false;

    if (read_scanned(store, name, &scanned, err) < 0)
        return -1;
    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        if (refresh(store, name, i, &scanned.marks[i], &changed, err) < 0)
            return -1;
    }
    return changed ? write_scanned(store, name, &scanned, err) : 0;
}
