/* SPDX-License-Identifier: MIT */
/*
 * A collection of a damaged tree: it goes on for the rest, and takes nothing
 * that a repair could have mended afterwards.
 */
#include <criterion/criterion.h>

#include "store/collect.h"
#include "store/damaged_tree.h"
#include "store/tree_checked.h"

#define RUNS 3

static struct digest garbage;

static void collect_some(const struct damage *damage)
{
    const struct collect_options options = {.grace = FIXTURE_GRACE};

    for (int i = 0; i < RUNS; i++) {
        struct collect_result result = {0};
        struct err failure = {0};

        cr_expect_eq(collect(&store, &options, &result, &failure), 0, "%s: %s",
                     damage->name, failure.text);
        cr_expect_eq(result.restored, 0, "%s", damage->name);
        cr_expect_eq(result.held_until, 0, "%s: %s", damage->name, result.why);
        cr_expect_not(result.is_blind, "%s", damage->name);
    }
}

static void expect_whole_but(const struct damage *damage, const char *images,
                             const char *when)
{
    for (size_t i = 0; tree_images[i] != NULL; i++)
        cr_expect(has_image(images, tree_images[i]) ||
                      tree_is_whole(tree_images[i]),
                  "%s: %s %s", damage->name, tree_images[i], when);
}

/* In repositories of its own, which nothing has damaged. */
static void push_garbage(void)
{
    garbage = push_blob("garbage", SPAN("nobody refers to this"));
    push_blob("healthy", SPAN("nobody refers to this"));
}

static bool is_garbage_there(void)
{
    return object_exists(layout_blob(&garbage).text) ||
           object_exists(layout_layer_link("garbage", &garbage).text) ||
           object_exists(layout_layer_link("healthy", &garbage).text);
}

static void run(const struct damage *damage)
{
    tree_begin(OVER_MEMORY);
    damage->make();
    push_garbage();
    tree_age();
    collect_some(damage);
    expect_whole_but(damage, damage->broken, "when it was collected");
    cr_expect(has_image(damage->broken, "healthy:v1") || !is_garbage_there(),
              "%s: the rest stays", damage->name);
    check(true, true);
    expect_whole_but(damage, damage->lost, "when it was collected and mended");
    for (size_t i = 0; tree_images[i] != NULL; i++)
        if (has_image(damage->broken, tree_images[i]))
            tree_push(tree_images[i]);
    expect_whole_but(damage, NULL, "when it was pushed");
    tree_end();
}

Test(tree_check_collect, a_damage_stops_no_collection_and_grows_by_none)
{
    for (size_t i = 0; i < damage_list_count; i++)
        for (size_t j = 0; j < damage_lists[i]->count; j++)
            if (!damage_lists[i]->list[j].only_files)
                run(&damage_lists[i]->list[j]);
}
