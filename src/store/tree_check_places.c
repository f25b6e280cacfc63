/* SPDX-License-Identifier: MIT */
/*
 * A walk by the grammar of layout.h: each place knows what may stand in it.
 * It reads every directory of the tree but those of uploads and our own.
 */
#include "store/tree_check_internal.h"

#include <limits.h>
#include <stdio.h>

#include "base/clock.h"
#include "oci/name.h"
#include "store/litter.h"
#include "store/upload_purge.h"

#define UPLOAD_AGE_MIN_NS (3600 * CLOCK_NS_PER_SECOND)

enum place {
    PLACE_NOWHERE, /* not looked into */
    PLACE_BLOBS,
    PLACE_BLOBS_OF, /* an algorithm */
    PLACE_PREFIX,
    PLACE_BLOB,
    PLACE_ODD_BLOBS, /* unknown, but registry:2 walks there, too */
    PLACE_REPOSITORIES,
    PLACE_REPOSITORY,
    PLACE_LINKS,
    PLACE_LINKS_OF, /* an algorithm */
    PLACE_LINK,
    PLACE_MANIFESTS,
    PLACE_TAGS,
    PLACE_TAG,
    PLACE_UPLOADS,
    PLACE_UPLOAD,
};

struct walk {
    struct tree_run *run;
    const char *name;                  /* of the one repository; NULL = all */
    char current[NAME_MAX_LENGTH + 1]; /* where the walk stands; "" = nowhere */
    enum place place;                  /* of what is being listed */
    enum hash_algorithm algorithm;     /* likewise */
    struct buf path;
};

/* --- what is where --- */

typedef bool grammar(const struct walk *walk, struct span name);

static bool is_algorithm(const struct walk *walk, struct span name)
{
    enum hash_algorithm ignored;

    (void)walk;
    return digest_algorithm_parse(name, &ignored);
}

static bool is_prefix(const struct walk *walk, struct span name)
{
    (void)walk;
    return name.len == 2 && strspn(name.ptr, "0123456789abcdef") == 2;
}

static bool is_hex(const struct walk *walk, struct span name)
{
    struct digest ignored;

    return tree_digest_of(walk->algorithm, name.ptr, &ignored);
}

/* Below its own first two digits: ".../<2>/<hex>" is where the walk stands. */
static bool is_blob(const struct walk *walk, struct span name)
{
    const char *at =
        buf_text(&walk->path) + walk->path.len - name.len - strlen("ab/");

    return is_hex(walk, name) && strncmp(at, name.ptr, 2) == 0;
}

static bool is_component(const struct walk *walk, struct span name)
{
    return walk->name == NULL && name_is_valid(name);
}

static bool is_tag(const struct walk *walk, struct span name)
{
    (void)walk;
    return tag_is_valid(name);
}

static bool is_uuid(const struct walk *walk, struct span name)
{
    (void)walk;
    return uuid_is_valid(name);
}

/* With a text, a child of just this name; else one of the grammar. */
static const struct row {
    enum place place;
    const char *text;
    grammar *grammar;
    bool is_directory;
    enum place next;
} rows[] = {
    {PLACE_BLOBS, NULL, is_algorithm, true, PLACE_BLOBS_OF},
    {PLACE_BLOBS_OF, NULL, is_prefix, true, PLACE_PREFIX},
    {PLACE_PREFIX, NULL, is_blob, true, PLACE_BLOB},
    {PLACE_BLOB, "data", NULL, false, PLACE_NOWHERE},
    {PLACE_REPOSITORIES, NULL, is_component, true, PLACE_REPOSITORY},
    {PLACE_REPOSITORY, "_layers", NULL, true, PLACE_LINKS},
    {PLACE_REPOSITORY, "_manifests", NULL, true, PLACE_MANIFESTS},
    {PLACE_REPOSITORY, LAYOUT_UPLOADS, NULL, true, PLACE_UPLOADS},
    {PLACE_REPOSITORY, "_berth", NULL, true, PLACE_NOWHERE},
    {PLACE_REPOSITORY, NULL, is_component, true, PLACE_REPOSITORY},
    {PLACE_LINKS, NULL, is_algorithm, true, PLACE_LINKS_OF},
    {PLACE_LINKS_OF, NULL, is_hex, true, PLACE_LINK},
    {PLACE_LINK, "link", NULL, false, PLACE_NOWHERE},
    /* Of releases before 2.5. */
    {PLACE_LINK, "signatures", NULL, true, PLACE_NOWHERE},
    {PLACE_MANIFESTS, "revisions", NULL, true, PLACE_LINKS},
    {PLACE_MANIFESTS, "tags", NULL, true, PLACE_TAGS},
    {PLACE_TAGS, NULL, is_tag, true, PLACE_TAG},
    {PLACE_TAG, "current", NULL, true, PLACE_LINK},
    {PLACE_TAG, "index", NULL, true, PLACE_LINKS},
    {PLACE_UPLOADS, NULL, is_uuid, true, PLACE_UPLOAD},
    {PLACE_UPLOAD, "data", NULL, false, PLACE_NOWHERE},
    {PLACE_UPLOAD, "startedat", NULL, false, PLACE_NOWHERE},
    {PLACE_UPLOAD, "hashstates", NULL, true, PLACE_NOWHERE},
};

static const struct row *find_row(const struct walk *walk, struct span name)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];

        if (row->place == walk->place &&
            (row->text != NULL ? span_equals(name, span_of(row->text))
                               : row->grammar(walk, name)))
            return row;
    }
    return NULL;
}

/* The digest whose directory the walk stands in, at this file of it. */
static bool digest_of_path(const struct walk *walk, struct span file,
                           struct digest *out)
{
    size_t len = 2 * hash_size(walk->algorithm);
    char hex[HASH_HEX_MAX];

    if (walk->path.len < len + file.len ||
        !span_ends_with(buf_span(&walk->path), file))
        return false;
    snprintf(hex, sizeof(hex), "%.*s", (int)len,
             buf_text(&walk->path) + walk->path.len - file.len - len);
    return tree_digest_of(walk->algorithm, hex, out);
}

/* --- what is told --- */

static const char *repository_of(const struct walk *walk)
{
    return walk->current[0] != '\0' ? walk->current : NULL;
}

static void tell(struct walk *walk, enum tree_damage damage,
                 enum tree_outcome outcome, const struct err *failure)
{
    tree_report(walk->run,
                &(struct tree_finding){.damage = damage,
                                       .outcome = outcome,
                                       .name = repository_of(walk),
                                       .path = buf_text(&walk->path),
                                       .reason = tree_reason(failure)});
}

/* Whether this is the link of a manifest, and whose. */
static bool is_revision_link(const struct walk *walk, struct digest *digest)
{
    struct layout_path link;

    if (walk->place != PLACE_LINK ||
        !digest_of_path(walk, SPAN("/link"), digest))
        return false;
    link = layout_revision_link(walk->current, digest);
    return strcmp(link.text, buf_text(&walk->path)) == 0;
}

/*
 * The directory of a link without one is what a deletion leaves. So where
 * something else was, the directory goes, and the link is written again;
 * whether it is right is seen later.
 */
static enum tree_outcome set_revision_aside(struct walk *walk,
                                            const struct digest *digest,
                                            struct err *err)
{
    struct layout_path revision = layout_revision(walk->current, digest);
    struct layout_path link = layout_revision_link(walk->current, digest);
    struct layout_path within = layout_repository(walk->current);
    const struct tree_link_look absent = {.state = TREE_LINK_ABSENT};
    enum tree_outcome outcome = tree_set_aside(walk->run, revision.text, err);

    if (outcome == TREE_MENDED &&
        tree_look_at_blob(walk->run, digest, TREE_SIZE_UNKNOWN) ==
            TREE_BYTES_GOOD)
        outcome =
            tree_mend_link(walk->run, &link, within.text, &absent, digest, err);
    return outcome;
}

/* What a request has removed since it was listed is none. */
static void tell_and_set_aside(struct walk *walk, enum tree_damage damage)
{
    const char *path = buf_text(&walk->path);
    enum tree_outcome outcome;
    struct err failure = {0};
    struct digest digest;

    if (!tree_is_there(walk->run, path))
        return;
    outcome = is_revision_link(walk, &digest)
                  ? set_revision_aside(walk, &digest, &failure)
                  : tree_set_aside(walk->run, path, &failure);
    tell(walk, damage, outcome, &failure);
}

static bool is_below_blobs(const struct walk *walk)
{
    return walk->place >= PLACE_BLOBS && walk->place <= PLACE_ODD_BLOBS;
}

static void check_odd_file(struct walk *walk, struct span name)
{
    const char *path = buf_text(&walk->path);
    struct err failure = {0};

    if (litter_is_temporary(name))
        tell(walk, TREE_TEMPORARY, tree_take_away(walk->run, path, &failure),
             &failure);
    else if (walk->place == PLACE_TAGS ||
             (is_below_blobs(walk) && span_equals(name, SPAN("data"))))
        tell_and_set_aside(walk, TREE_ODD_FILE);
    else
        tell(walk, TREE_STRAY, TREE_LEFT, &failure);
}

static void walk_here(struct walk *walk, enum place place);

/* It may be what somebody has renamed; but with nothing in it, it may go. */
static void tell_odd_repository(struct walk *walk)
{
    struct driver *driver = walk->run->store->driver;
    enum tree_outcome outcome = TREE_LEFT;
    struct err failure = {0};

    if (walk->run->how->repair &&
        driver_remove_empty(driver, buf_text(&walk->path), &failure) == 0)
        outcome = TREE_MENDED;
    if (failure.code == ERR_EXISTS)
        err_clear(&failure);
    tell(walk, TREE_ODD_DIRECTORY, outcome, &failure);
}

/* Below blobs registry:2 goes on looking for files named `data`. */
static void check_odd_directory(struct walk *walk, struct span name)
{
    bool in_repositories =
        walk->place == PLACE_REPOSITORIES || walk->place == PLACE_REPOSITORY;
    struct err nothing = {0};

    /* Of one repository, the others below it are none of our business. */
    if (walk->name != NULL && in_repositories && name_is_valid(name))
        return;
    if (in_repositories)
        tell_odd_repository(walk);
    else if (walk->place != PLACE_ODD_BLOBS)
        tell(walk, TREE_STRAY, TREE_LEFT, &nothing);
    if (is_below_blobs(walk))
        walk_here(walk, PLACE_ODD_BLOBS);
}

/* One that is just being made looks the same, whatever the age asked. */
static int64_t upload_cutoff_ns(const struct tree_run *run)
{
    int64_t sure_ns = clock_now_ns() - UPLOAD_AGE_MIN_NS;

    return run->how->cutoff_ns < sure_ns ? run->how->cutoff_ns : sure_ns;
}

/* One that is on its way out has lost its name already. */
static void check_upload(struct walk *walk, const char *uuid)
{
    struct layout_path started = layout_upload_started(walk->current, uuid);
    const struct upload_purge how = {.cutoff_ns = upload_cutoff_ns(walk->run)};
    enum tree_outcome outcome = TREE_MENDABLE;
    struct upload_purged purged = {0};
    struct err failure = {0};
    struct driver_stat stat;

    if (tree_is_there(walk->run, started.text) ||
        driver_stat(walk->run->store->driver, buf_text(&walk->path), &stat,
                    &failure) < 0 ||
        stat.mtime_ns >= how.cutoff_ns)
        return;
    if (walk->run->how->repair) {
        outcome =
            tree_outcome_of(upload_purge_one(walk->run->store, walk->current,
                                             uuid, &how, &purged, &failure),
                            &failure);
        if (outcome == TREE_MENDED && purged.count == 0)
            outcome = TREE_YOUNG;
    }
    tell(walk, TREE_UPLOAD_UNSTARTED, outcome, &failure);
}

static void check_blob(struct walk *walk)
{
    struct err ignored = {0};
    struct driver_stat stat;
    struct digest digest;

    if (digest_of_path(walk, SPAN("/data"), &digest) &&
        tree_look_at_blob(walk->run, &digest, TREE_SIZE_UNKNOWN) ==
            TREE_BYTES_GOOD &&
        driver_stat(walk->run->store->driver, buf_text(&walk->path), &stat,
                    &ignored) == 0)
        walk->run->total_bytes += stat.size;
}

/* --- the walk --- */

/* Steps into a repository; false when the name becomes too long for one. */
static bool enter_repository(struct walk *walk, struct span component)
{
    size_t len = strlen(walk->current);

    if (len + 1 + component.len > NAME_MAX_LENGTH)
        return false;
    snprintf(walk->current + len, sizeof(walk->current) - len, "%s%.*s",
             len > 0 ? "/" : "", SPAN_ARGS(component));
    return true;
}

static void walk_child(struct walk *walk, const struct row *row,
                       struct span name)
{
    enum hash_algorithm algorithm = walk->algorithm;
    size_t len = strlen(walk->current);

    if (row->grammar == is_algorithm)
        (void)!digest_algorithm_parse(name, &walk->algorithm);
    if (row->next == PLACE_REPOSITORY && !enter_repository(walk, name)) {
        check_odd_directory(walk, name);
        return;
    }
    if (row->next == PLACE_UPLOAD)
        check_upload(walk, name.ptr);
    if (row->place == PLACE_BLOB)
        check_blob(walk);
    if (row->next != PLACE_NOWHERE)
        walk_here(walk, row->next);
    walk->current[len] = '\0';
    walk->algorithm = algorithm;
}

static void check_child(struct walk *walk, struct span name, bool is_directory)
{
    const struct row *row = find_row(walk, name);

    if (row != NULL && row->is_directory != is_directory)
        tell_and_set_aside(walk, TREE_WRONG_TYPE);
    else if (row != NULL)
        walk_child(walk, row, name);
    else if (is_directory)
        check_odd_directory(walk, name);
    else
        check_odd_file(walk, name);
}

static int visit(void *context, const char *name, bool is_directory,
                 struct err *err)
{
    struct walk *walk = context;
    size_t len = walk->path.len;

    (void)err;
    buf_add_format(&walk->path, "/%s", name);
    if (!walk->path.overflowed)
        check_child(walk, span_of(name), is_directory);
    walk->path.overflowed = false;
    buf_truncate(&walk->path, len);
    return tree_go_on(walk->run);
}

static void walk_here(struct walk *walk, enum place place)
{
    enum place before = walk->place;

    walk->place = place;
    tree_list(walk->run, repository_of(walk), buf_text(&walk->path), visit,
              walk);
    walk->place = before;
}

static void walk_from(struct tree_run *run, const char *path, const char *name,
                      enum place place)
{
    struct walk walk = {
        .run = run, .name = name, .path = BUF_INIT(PATH_MAX - 1)};

    /* So that it stays in place: a list goes on with the path it was given. */
    (void)buf_reserve(&walk.path, PATH_MAX - 1);
    buf_add(&walk.path, span_of(path));
    snprintf(walk.current, sizeof(walk.current), "%s", name ? name : "");
    walk_here(&walk, place);
    buf_cleanup(&walk.path);
}

void tree_check_blob_places(struct tree_run *run)
{
    walk_from(run, LAYOUT_BLOBS, NULL, PLACE_BLOBS);
}

void tree_check_repository_places(struct tree_run *run, const char *name)
{
    struct layout_path path = {LAYOUT_REPOSITORIES};

    if (name != NULL)
        path = layout_repository(name);
    walk_from(run, path.text, name,
              name != NULL ? PLACE_REPOSITORY : PLACE_REPOSITORIES);
}
