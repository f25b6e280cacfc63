/* SPDX-License-Identifier: MIT */
/*
 * A collection in which one call fails: nothing that is needed goes, and the
 * next ones finish the work.
 */
#include <string.h>

#include "store/collect.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/sweep.h"
#include "store/tag.h"

TestSuite(fault_collect, .init = sweep_begin, .fini = sweep_end);

static struct collect_result collected;
static struct digest lonely;
static bool empty_trash;

static int collect_once(struct err *error)
{
    struct collect_options options = {.grace = FIXTURE_GRACE,
                                      .upload_age = 7 * FIXTURE_GRACE,
                                      .untagged_age = 1,
                                      .empty_trash = empty_trash,
                                      .deep = true};

    return collect(&store, &options, &collected, error);
}

static void prepare(void)
{
    lonely = push_manifest("a", image_json(&world.layer, &world.layer));
    push_manifest("b", world.other_json);
    EXPECT_OK(tag_set(&store, "b", "other", &world.other, &err));
    sweep_age_all();
}

static int fail_at_trash(void *context, const char *run, bool is_directory,
                         struct err *error)
{
    (void)context;
    (void)is_directory;
    return err_set(error, ERR_EXISTS, "%s is left", run);
}

/* Whatever became of the first. */
static void expect_collected(void)
{
    struct layout_path link = layout_layer_link("a", &world.spare);
    struct layout_path blob = layout_blob(&world.spare);
    struct layout_path revision = layout_revision_link("a", &lonely);
    struct layout_path bytes = layout_blob(&lonely);

    EXPECT(collected.restored == 0);
    for (int i = 0; i < 2; i++) {
        EXPECT_OK(collect_once(&err));
        EXPECT(collected.restored == 0);
        EXPECT(collected.complaints == 0 && !collected.is_blind);
        EXPECT(collected.held_until == 0);
    }
    EXPECT(!object_exists(link.text) && !object_exists(blob.text));
    EXPECT(!object_exists(revision.text) && !object_exists(bytes.text));
    EXPECT(collected.blobs == collected.live && collected.retired == 0);
    EXPECT_OK(driver_list_trash(store.driver, NULL, fail_at_trash, NULL, &err));
}

static void expect_nothing_restored(void)
{
    EXPECT(collected.restored == 0);
}

static const struct sweep collection = {
    .prepare = prepare,
    .run = collect_once,
    .expect = expect_collected,
    .touches = TOUCHES_SPARE,
    .expect_after_failure = expect_nothing_restored,
};

Test(fault_collect, collection)
{
    empty_trash = false;
    sweep(&collection);
}

/* The trash of a run that was killed is there, and is looked through. */
static void prepare_trash(void)
{
    prepare();
    empty_trash = false;
    EXPECT_OK(collect_once(&err));
    empty_trash = true;
}

Test(fault_collect, collection_with_a_trash_that_is_emptied)
{
    struct sweep with_trash = collection;

    with_trash.prepare = prepare_trash;
    sweep(&with_trash);
}
