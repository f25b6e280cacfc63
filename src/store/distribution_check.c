/* SPDX-License-Identifier: MIT */
#include "store/distribution_check.h"

#include <stdio.h>

#include "oci/distribution.h"
#include "oci/manifest.h"
#include "oci/name.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/manifest_store.h"

#define BOTH "2.8 and 3"

struct check {
    const struct store *store;
    const char *name;
    distribution_visit *visit;
    void *context;
    enum hash_algorithm algorithm; /* of the directory being listed */
    bool has_revisions;
};

static int report(const struct check *check, enum distribution_effect effect,
                  const char *where, const char *releases, const char *reason,
                  struct err *err)
{
    const struct distribution_finding finding = {effect, where, releases,
                                                 reason};

    return check->visit(check->context, &finding, err);
}

/* --- one manifest --- */

static int report_unreadable(const struct check *check, const char *where,
                             const struct err reasons[DISTRIBUTION_RELEASES],
                             struct err *err)
{
    const struct err *in_2 = &reasons[DISTRIBUTION_2];
    const struct err *in_3 = &reasons[DISTRIBUTION_3];
    const struct err *first = in_2->code != ERR_NONE ? in_2 : in_3;
    const char *releases = BOTH;

    if (first->code == ERR_NONE)
        return 0;
    if (in_2->code == ERR_NONE)
        releases = "3";
    else if (in_3->code == ERR_NONE)
        releases = "2.8";
    return report(check,
                  first->code == ERR_SYNTAX ? DISTRIBUTION_MAY_STOP
                                            : DISTRIBUTION_STOPS,
                  where, releases, first->text, err);
}

/*
 * The collector keeps the digest that a manifest names. Where registry:2 has
 * stored a sha512 upload under its sha256, that is not where the bytes are.
 */
static int check_reference(const struct check *check, const char *where,
                           const struct digest *digest, struct err *err)
{
    struct layout_path link = layout_layer_link(check->name, digest);
    char text[DIGEST_TEXT_MAX], reason[DIGEST_TEXT_MAX + 128];
    struct err absent = {0};
    struct digest stored;

    if (link_read(check->store, &link, &stored, &absent) < 0 ||
        digest_equals(&stored, digest))
        return 0;
    digest_format(digest, text);
    snprintf(reason, sizeof(reason),
             "it refers to %s, whose bytes are stored under another digest",
             text);
    return report(check, DISTRIBUTION_DELETES, where, BOTH, reason, err);
}

static int check_references(const struct check *check, const char *where,
                            struct span bytes, struct err *err)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct err unreadable = {0};
    int result = 0;

    if (manifest_parse(bytes, SPAN(""), &manifest, &unreadable) < 0)
        return 0;
    for (size_t i = 0; i < manifest_reference_count(manifest) && result == 0;
         i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind != MANIFEST_SUBJECT)
            result = check_reference(check, where, &reference.descriptor.digest,
                                     err);
    }
    return result;
}

static int check_bytes(const struct check *check, const struct digest *digest,
                       struct span bytes, struct err *err)
{
    struct err reasons[DISTRIBUTION_RELEASES] = {0};
    char where[DIGEST_TEXT_MAX];
    int result;

    digest_format(digest, where);
    for (enum distribution_release i = 0; i < DISTRIBUTION_RELEASES; i++)
        (void)!distribution_reads(bytes, i, &reasons[i]);
    result = report_unreadable(check, where, reasons, err);
    if (result == 0)
        result = check_references(check, where, bytes, err);
    return result;
}

int distribution_check_manifest(const struct store *store, const char *name,
                                const struct digest *digest, struct span bytes,
                                distribution_visit *visit, void *context,
                                struct err *err)
{
    const struct check check = {
        .store = store, .name = name, .visit = visit, .context = context};

    return check_bytes(&check, digest, bytes, err);
}

/* --- the rest of a repository --- */

/* A link that is there and holds no digest; `*broken` tells. */
static int is_broken(const struct check *check, const struct layout_path *link,
                     bool *broken, struct err *err)
{
    struct driver_stat stat;
    struct digest digest;

    *broken = false;
    if (driver_stat(check->store->driver, link->text, &stat, err) < 0 ||
        stat.is_directory || link_read(check->store, link, &digest, err) == 0) {
        if (err->code != ERR_NONE && err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        return 0;
    }
    *broken = err->code == ERR_NOT_FOUND;
    err_clear(err);
    return *broken ? 0 : -1;
}

static int check_stored(const struct check *check, const struct digest *stored,
                        struct err *err)
{
    struct layout_path blob = layout_blob(stored);
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    char where[DIGEST_TEXT_MAX];

    if (driver_get(check->store->driver, blob.text, &bytes, NULL, err) == 0)
        return check_bytes(check, stored, buf_span(&bytes), err);
    /* It passes over a manifest whose bytes are gone. */
    if (err->code != ERR_NOT_FOUND && err->code != ERR_TOO_LARGE)
        return -1;
    if (err->code == ERR_TOO_LARGE) {
        err_clear(err);
        digest_format(stored, where);
        return report(check, DISTRIBUTION_STOPS, where, BOTH,
                      "it is longer than 4 MiB", err);
    }
    err_clear(err);
    return 0;
}

static int visit_revision(void *context, const char *hex, bool is_directory,
                          struct err *err)
{
    struct check *check = context;
    struct layout_path link;
    struct digest digest, stored;
    char where[DIGEST_TEXT_MAX];
    bool broken;

    if (!is_directory ||
        !digest_of_hex(check->algorithm, span_of(hex), &digest))
        return 0;
    link = layout_revision_link(check->name, &digest);
    if (is_broken(check, &link, &broken, err) < 0)
        return -1;
    if (broken) {
        digest_format(&digest, where);
        return report(check, DISTRIBUTION_STOPS, where, BOTH,
                      "its link is empty or no digest", err);
    }
    if (link_read(check->store, &link, &stored, err) < 0) {
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        return 0;
    }
    check->has_revisions = true;
    return check_stored(check, &stored, err);
}

static int visit_layer(void *context, const char *hex, bool is_directory,
                       struct err *err)
{
    struct check *check = context;
    struct layout_path link;
    struct digest digest;
    char where[DIGEST_TEXT_MAX + sizeof("_layers/")];
    bool broken;

    if (!is_directory ||
        !digest_of_hex(check->algorithm, span_of(hex), &digest))
        return 0;
    link = layout_layer_link(check->name, &digest);
    if (is_broken(check, &link, &broken, err) < 0)
        return -1;
    if (!broken)
        return 0;
    snprintf(where, sizeof(where), "_layers/%s/%s",
             digest_algorithm_name(digest.algorithm), digest.hex);
    return report(check, DISTRIBUTION_STOPS, where, "3",
                  "its link is empty or no digest", err);
}

static int visit_tag(void *context, const char *tag, bool is_directory,
                     struct err *err)
{
    struct check *check = context;
    CLEANUP(buf) struct buf where = BUF_INIT(LAYOUT_PATH_MAX);
    struct layout_path current;
    bool broken = true;

    buf_add_format(&where, "_manifests/tags/%s", tag);
    if (!is_directory)
        return report(check, DISTRIBUTION_STOPS, buf_text(&where),
                      BOTH " with -m", "it is no directory", err);
    if (!tag_is_valid(span_of(tag)))
        return 0;
    current = layout_tag_current(check->name, tag);
    if (is_broken(check, &current, &broken, err) < 0)
        return -1;
    if (!broken)
        return 0;
    return report(check, DISTRIBUTION_STOPS, buf_text(&where), BOTH " with -m",
                  "its link is empty or no digest", err);
}

static int list(struct check *check, const struct layout_path *path,
                driver_visit *visit, struct err *err)
{
    return driver_list_if_there(check->store->driver, path->text, NULL, visit,
                                check, err);
}

static int check_directories(struct check *check, struct err *err)
{
    struct layout_path layers = layout_layers(check->name);
    struct layout_path tags = layout_tags(check->name);
    struct driver *driver = check->store->driver;
    struct driver_stat stat;
    bool has_layers, has_tags;

    if (driver_stat_if_there(driver, layers.text, &stat, &has_layers, err) <
            0 ||
        driver_stat_if_there(driver, tags.text, &stat, &has_tags, err) < 0)
        return -1;
    if (!has_layers &&
        (report(check, DISTRIBUTION_DELETES, "_layers", "2.8",
                "without this directory it does not see the repository",
                err) < 0 ||
         report(check, DISTRIBUTION_STOPS, "_layers", "3",
                "the directory is missing", err) < 0))
        return -1;
    if (!has_tags && check->has_revisions)
        return report(check, DISTRIBUTION_STOPS, "_manifests/tags",
                      "2.8 with -m", "the directory is missing", err);
    return 0;
}

int distribution_check_repository(const struct store *store, const char *name,
                                  distribution_visit *visit, void *context,
                                  struct err *err)
{
    struct check check = {
        .store = store, .name = name, .visit = visit, .context = context};
    struct layout_path path;

    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        check.algorithm = i;
        path = layout_revisions(name, i);
        if (list(&check, &path, visit_revision, err) < 0)
            return -1;
        path = layout_layers_of(name, i);
        if (list(&check, &path, visit_layer, err) < 0)
            return -1;
    }
    path = layout_tags(name);
    if (list(&check, &path, visit_tag, err) < 0)
        return -1;
    return check_directories(&check, err);
}
