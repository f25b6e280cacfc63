/* SPDX-License-Identifier: MIT */
/* Tags of what comes from elsewhere, while others are at work: see sweep.h. */
#include "store/intake.h"
#include "store/manifest_store.h"
#include "store/sweep.h"
#include "store/tag.h"

TestSuite(fault_intake, .init = sweep_begin, .fini = sweep_end);

static bool is_set;

static int tag_image(struct err *error)
{
    return intake_tag(&store, "a", "new", &world.image, error);
}

static void expect_no_tag_of_none(void)
{
    struct err error = {0};

    EXPECT(sweep_meanwhile_result == 0);
    EXPECT(manifest_check(&store, "a", &world.image, &error) < 0);
    EXPECT(!tag_names("a", "new", &world.image));
    EXPECT(sweep_result == 0 || sweep_err.code == ERR_MANIFEST_UNKNOWN);
}

Test(fault_intake, no_tag_is_left_of_a_manifest_that_is_deleted)
{
    interleave(&(struct interleaving){.run = tag_image,
                                      .meanwhile = delete_image,
                                      .expect = expect_no_tag_of_none,
                                      .touches = TOUCHES_IMAGE});
}

/* --- only what was seen --- */

static int move_seen_v1(struct err *error)
{
    return tag_set_seen(&store, "a", "v1", &world.other, &world.image, &is_set,
                        error);
}

static int push_v1(struct err *error)
{
    return tag_set(&store, "a", "v1", &world.signature, error);
}

static void expect_pushed_v1(void)
{
    EXPECT(sweep_result == 0 && sweep_meanwhile_result == 0);
    expect_tag("a", "v1", &world.signature);
}

Test(fault_intake, a_push_is_not_moved_back)
{
    interleave(&(struct interleaving){.run = move_seen_v1,
                                      .meanwhile = push_v1,
                                      .expect = expect_pushed_v1,
                                      .touches = TOUCHES_V1});
}

static int make_unseen(struct err *error)
{
    return tag_set_seen(&store, "a", "new", &world.other, NULL, &is_set, error);
}

static int push_new(struct err *error)
{
    return tag_set(&store, "a", "new", &world.signature, error);
}

static void expect_pushed_new(void)
{
    EXPECT(sweep_result == 0 && sweep_meanwhile_result == 0);
    expect_tag("a", "new", &world.signature);
}

Test(fault_intake, a_new_tag_is_not_moved_back)
{
    interleave(&(struct interleaving){.run = make_unseen,
                                      .meanwhile = push_new,
                                      .expect = expect_pushed_new});
}

/* The later word is the deletion's, or there was no tag to be moved. */
static void expect_deleted_v1(void)
{
    struct err error = {0};
    struct digest found;

    EXPECT(sweep_result == 0 && sweep_meanwhile_result == 0);
    EXPECT(tag_resolve(&store, "a", "v1", &found, &error) < 0);
}

Test(fault_intake, a_deletion_is_not_undone)
{
    interleave(&(struct interleaving){.run = move_seen_v1,
                                      .meanwhile = delete_v1,
                                      .expect = expect_deleted_v1,
                                      .touches = TOUCHES_V1});
}
