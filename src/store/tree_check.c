/* SPDX-License-Identifier: MIT */
#include "store/tree_check_internal.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "oci/name.h"
#include "store/catalog.h"

static const struct {
    const char *name;
    const char *text;
    bool is_harmful;
} damages[TREE_DAMAGES] = {
    [TREE_BLOB_CORRUPT] = {"blob-corrupt",
                           "its bytes are not those of the "
                           "digest",
                           true},
    [TREE_BLOB_EMPTY] = {"blob-empty", "it has lost its bytes", true},
    [TREE_BLOB_MISSING] = {"blob-missing",
                           "a manifest needs it and it is not "
                           "there",
                           true},
    [TREE_BLOB_SIZE] = {"blob-size",
                        "it is whole, but a manifest states "
                        "another size",
                        false},
    [TREE_CHILD_MISSING] = {"child-missing",
                            "an index needs the manifest and "
                            "it is not there",
                            true},
    [TREE_DIRECTORY_MISSING] = {"directory-missing",
                                "registry:2 looks for the directory", true},
    [TREE_LAYER_UNLINKED] = {"layer-unlinked",
                             "a manifest needs the blob, which is there, but "
                             "its link is not",
                             true},
    [TREE_LINK_DANGLING] = {"link-dangling",
                            "it leads to a blob that is not there and that "
                            "nothing needs",
                            true},
    [TREE_LINK_EMPTY] = {"link-empty", "the link is empty", true},
    [TREE_LINK_INVALID] = {"link-invalid", "the link is no digest", true},
    [TREE_LINK_WRONG] = {"link-wrong", "the link names other bytes", true},
    [TREE_MANIFEST_INVALID] = {"manifest-invalid",
                               "its bytes are right, but no manifest that can "
                               "be read",
                               false},
    [TREE_MANIFEST_MISSING] = {"manifest-missing",
                               "the bytes of the manifest are not there", true},
    [TREE_MANIFEST_UNLINKED] = {"manifest-unlinked",
                                "the bytes of the manifest are there, but its "
                                "link is not",
                                true},
    [TREE_NO_MANIFEST] = {"no-manifest",
                          "the repository has old blobs and no manifest at "
                          "all: its pushes were given up, or it has lost them",
                          false},
    [TREE_ODD_DIRECTORY] = {"odd-directory",
                            "a collector takes no bytes while it stands "
                            "there",
                            true},
    [TREE_ODD_FILE] = {"odd-file",
                       "the collector of registry:2 stops at the file", true},
    [TREE_QUARANTINED] = {"quarantined", "it was moved aside", false},
    [TREE_REFERRER_MISSING] = {"referrer-missing",
                               "the referrers index lacks the manifest", true},
    [TREE_REFERRER_STALE] = {"referrer-stale",
                             "an entry of the referrers index whose manifest "
                             "is gone",
                             false},
    [TREE_STRAY] = {"stray", "nothing of this name belongs here", false},
    [TREE_TAG_BROKEN] = {"tag-broken", "the tag does not say what it names",
                         true},
    [TREE_TAG_DANGLING] = {"tag-dangling",
                           "the tag names a manifest that the repository does "
                           "not have",
                           true},
    [TREE_TAG_INDEX_BROKEN] = {"tag-index-broken",
                               "an entry of the tag's index is no such "
                               "digest",
                               true},
    [TREE_TAG_INDEX_MISSING] = {"tag-index-missing",
                                "the tag's index lacks what it names", true},
    [TREE_TAG_INDEX_STALE] = {"tag-index-stale",
                              "an entry of the tag's index whose manifest was "
                              "deleted",
                              false},
    [TREE_TEMPORARY] = {"temporary", "a file that a killed registry:2 left",
                        false},
    [TREE_UNREADABLE] = {"unreadable", "it cannot be read", true},
    [TREE_UPLOAD_UNSTARTED] = {"upload-unstarted",
                               "an upload that nobody can continue", false},
    [TREE_WRONG_TYPE] = {"wrong-type",
                         "a directory for a file, or a file for a directory",
                         true},
    [TREE_NOT_OURS] = {"not-ours",
                       "its owner or mode forbids the programs to use it",
                       true},
    [TREE_SPECIAL] = {"special", "it is neither a file nor a directory", true},
};

const char *tree_damage_name(enum tree_damage damage)
{
    return damages[damage].name;
}

const char *tree_damage_text(enum tree_damage damage)
{
    return damages[damage].text;
}

bool tree_damage_is_harmful(enum tree_damage damage)
{
    return damages[damage].is_harmful;
}

bool tree_stopped(const struct tree_run *run)
{
    return run->visitor->interrupted != NULL &&
           run->visitor->interrupted(run->visitor->context);
}

void tree_report(struct tree_run *run, const struct tree_finding *finding)
{
    if (tree_damage_is_harmful(finding->damage)) {
        run->result->damages++;
        run->result->mended += finding->outcome == TREE_MENDED;
    } else {
        run->result->notices++;
    }
    run->visitor->finding(run->visitor->context, finding);
}

void tree_report_unreadable(struct tree_run *run, const char *name,
                            const char *path, const struct err *failure)
{
    tree_report(run, &(struct tree_finding){.damage = TREE_UNREADABLE,
                                            .name = name,
                                            .path = path,
                                            .reason = failure->text});
}

void tree_list(struct tree_run *run, const char *name, const char *path,
               driver_visit *visit, void *context)
{
    struct err failure = {0};

    if (driver_list_if_there(run->store->driver, path, NULL, visit, context,
                             &failure) < 0)
        tree_report_unreadable(run, name, path, &failure);
}

bool tree_is_there(struct tree_run *run, const char *path)
{
    struct driver_stat stat;
    struct err ignored = {0};

    return driver_stat(run->store->driver, path, &stat, &ignored) == 0;
}

bool tree_digest_of(enum hash_algorithm algorithm, const char *hex,
                    struct digest *out)
{
    char text[DIGEST_TEXT_MAX + NAME_MAX_LENGTH];
    struct err ignored = {0};

    snprintf(text, sizeof(text), "%s:%s", digest_algorithm_name(algorithm),
             hex);
    return digest_parse(span_of(text), out, &ignored) == 0;
}

static int visit_repository(void *context, const char *name, struct err *err)
{
    struct tree_run *run = context;

    (void)err;
    tree_check_repository(run, name);
    return tree_go_on(run);
}

/*
 * The bytes first: what a repository lacks is told with the images it hurts,
 * and by then all that is wrong is known.
 */
static void check_all(struct tree_run *run)
{
    struct err failure = {0};

    tree_check_blob_places(run);
    if (run->how->data)
        tree_check_all_bytes(run);
    tree_check_repository_places(run, NULL);
    /* What it could not list, the places have told. */
    (void)!catalog_walk(run->store, visit_repository, run, &failure);
    if (!tree_stopped(run))
        tree_check_quarantine(run);
}

void tree_check(const struct store *store,
                const struct tree_check_options *options,
                const struct tree_check_visitor *visitor,
                const char *const *names, size_t count,
                struct tree_check_result *result)
{
    struct tree_run run = {.store = store,
                           .how = options,
                           .visitor = visitor,
                           .result = result,
                           .is_partial = count > 0};
    struct driver_swept purged = {0};
    struct err ignored = {0};

    snprintf(run.trash, sizeof(run.trash), "check-%" PRId64, clock_now_ns());
    for (size_t i = 0; i < count && !tree_stopped(&run); i++) {
        tree_check_repository_places(&run, names[i]);
        tree_check_repository(&run, names[i]);
    }
    if (count == 0)
        check_all(&run);
    if (run.has_trash)
        (void)!driver_purge(store->driver, run.trash, &purged, &ignored);
    digest_set_cleanup(&run.bad);
    digest_set_cleanup(&run.aside);
    digest_set_cleanup(&run.hashed);
}
