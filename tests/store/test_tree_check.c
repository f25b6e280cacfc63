/* SPDX-License-Identifier: MIT */
/* The table of damages: diagnosed, mended, and healed by a push. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/damaged_tree.h"
#include "store/damages.h"
#include "store/syscalls.h"
#include "store/tree_checked.h"

static void expect_whole_but(const struct damage *damage, const char *images,
                             const char *when)
{
    for (size_t i = 0; tree_images[i] != NULL; i++)
        cr_expect_eq(tree_is_whole(tree_images[i]),
                     !has_image(images, tree_images[i]), "%s: %s %s",
                     damage->name, tree_images[i], when);
}

static void expect_hurt(const struct damage *damage)
{
    if (!damage->keeps_bytes)
        for (size_t i = 0; tree_images[i] != NULL; i++)
            cr_expect_eq(has_image(checked.hurt, tree_images[i]),
                         has_image(damage->lost, tree_images[i]),
                         "%s: %s: \"%s\"", damage->name, tree_images[i],
                         checked.hurt);
}

static void expect_found(const struct damage *damage, const char *wanted,
                         const char *when)
{
    cr_expect_str_eq(checked.found, wanted ? wanted : "", "%s: %s: \"%s\"",
                     damage->name, when, checked.found);
}

static void push_lost(const struct damage *damage)
{
    for (size_t i = 0; tree_images[i] != NULL; i++)
        if (has_image(damage->lost, tree_images[i]))
            tree_push(tree_images[i]);
}

static void run(const struct damage *damage)
{
    damage->make();
    tree_age();
    expect_whole_but(damage, damage->broken, "when it is damaged");
    check(false, damage->is_in_bytes);
    expect_found(damage, damage->found, "diagnosed");
    expect_whole_but(damage, damage->broken, "when it was looked at");
    if (damage->is_in_bytes) {
        check(false, false);
        expect_found(damage, "", "without its bytes");
    }
    check(true, damage->is_in_bytes);
    expect_hurt(damage);
    expect_whole_but(damage, damage->lost, "when it is mended");
    check(false, true);
    expect_found(damage, damage->left, "after a repair");
    check(true, true);
    expect_found(damage, damage->left, "after another repair");
    expect_whole_but(damage, damage->lost, "when it is mended again");
    push_lost(damage);
    expect_whole_but(damage, NULL, "when it was pushed");
    if (damage->lost != NULL) {
        check(false, true);
        cr_expect_eq(checked.result.hurt, 0, "%s: %s", damage->name,
                     checked.hurt);
        cr_expect(checked.result.damages == 0 ||
                      strcmp(damage->left, checked.found) == 0,
                  "%s: after a push: %s", damage->name, checked.found);
    }
}

static void run_list(const struct damage_list *damages,
                     enum subject_driver which)
{
    for (size_t i = 0; i < damages->count; i++) {
        if (damages->list[i].only_files && which != OVER_FILES)
            continue;
        tree_begin(which);
        run(&damages->list[i]);
        tree_end();
    }
}

static void run_all(enum subject_driver which)
{
    for (size_t i = 0; i < damage_list_count; i++)
        run_list(damage_lists[i], which);
}

Test(tree_check, each_damage_is_found_mended_and_healed_in_memory)
{
    run_all(OVER_MEMORY);
}

Test(tree_check, each_damage_is_found_mended_and_healed_in_files)
{
    /* Where a disk is waited for by renames, too, memory will do. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    syscalls_skip_syncs();
    run_all(OVER_FILES);
}

Test(tree_check, there_are_enough_damages)
{
    size_t count = 0;

    for (size_t i = 0; i < damage_list_count; i++)
        count += damage_lists[i]->count;
    cr_expect_geq(count, 50);
}
