/* SPDX-License-Identifier: MIT */
/*
 * A repair that is killed at any step, or met by a push or a deletion at any:
 * every damage, each step that changes something.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "driver/driver_fault.h"
#include "store/damaged_tree.h"
#include "store/tag.h"
#include "store/tree_checked.h"

#define IMAGES_MAX 16

static struct {
    struct driver *fault, *plain;
    struct driver_fault_plan plan;
    uint64_t calls; /* that change something */
    bool is_busy;   /* with what comes in between */
} steps;

static bool changes_something(const char *what)
{
    static const char *const operations[] = {"put",  "move",   "remove",
                                             "make", "retire", "purge"};

    for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
        if (strncmp(what, operations[i], strlen(operations[i])) == 0)
            return true;
    return false;
}

static uint64_t ask(void *context, const char *what,
                    struct driver_fault_plan *plan)
{
    (void)context;
    *plan = steps.plan;
    if (steps.is_busy)
        plan->call = 0;
    else if (changes_something(what))
        return ++steps.calls;
    else if (plan->kind != DRIVER_FAULT_DEAD)
        plan->call = 0;
    /* Who is dead looks at nothing, either. */
    return steps.calls;
}

static void begin_steps(const struct damage *damage)
{
    tree_begin(OVER_MEMORY);
    damage->make();
    tree_age();
    steps.plain = store.driver;
    steps.fault = driver_fault_new(store.driver);
    steps.calls = 0;
    driver_fault_follow(steps.fault, ask, NULL);
    store.driver = steps.fault;
}

static void end_steps(void)
{
    store.driver = steps.plain;
    driver_free(steps.fault);
}

static void expect_whole_but(const struct damage *damage, const char *images,
                             const char *when)
{
    for (size_t i = 0; tree_images[i] != NULL; i++)
        cr_expect(has_image(images, tree_images[i]) ||
                      tree_is_whole(tree_images[i]),
                  "%s: %s %s, step %d", damage->name, tree_images[i], when,
                  (int)steps.plan.call);
}

/* Returns false when there is no such step. */
static bool die_at(const struct damage *damage, enum driver_fault_kind kind,
                   uint64_t step)
{
    bool was_there;

    steps.plan =
        (struct driver_fault_plan){.call = step, .kind = kind, .code = ERR_IO};
    begin_steps(damage);
    check(true, damage->is_in_bytes);
    was_there = steps.calls >= step;
    end_steps();
    expect_whole_but(damage, damage->broken, "after a failure");
    check(true, damage->is_in_bytes);
    expect_whole_but(damage, damage->lost, "after a failure and a repair");
    tree_end();
    return was_there;
}

/* At each step of each damage, until `run` says that there is none. */
static void at_each_step(bool (*run)(const struct damage *damage,
                                     enum driver_fault_kind kind,
                                     uint64_t step),
                         enum driver_fault_kind kind)
{
    unsigned int count = 0;

    for (size_t i = 0; i < damage_list_count; i++)
        for (size_t j = 0; j < damage_lists[i]->count; j++) {
            const struct damage *damage = &damage_lists[i]->list[j];

            for (uint64_t step = 1;
                 !damage->only_files && run(damage, kind, step); step++)
                count++;
        }
    cr_expect_gt(count, 50);
}

Test(tree_check_races, a_repair_that_is_killed_loses_nothing)
{
    at_each_step(die_at, DRIVER_FAULT_DEAD);
}

Test(tree_check_races, a_repair_that_is_told_of_a_failure_loses_nothing)
{
    at_each_step(die_at, DRIVER_FAULT_FAIL_AFTER);
}

static bool was_whole[IMAGES_MAX];

static void push_all(void *context)
{
    (void)context;
    steps.is_busy = true;
    for (size_t i = 0; tree_images[i] != NULL; i++)
        tree_push(tree_images[i]);
    for (size_t i = 0; tree_images[i] != NULL; i++)
        was_whole[i] = tree_is_whole(tree_images[i]);
    steps.is_busy = false;
}

static bool push_at(const struct damage *damage, enum driver_fault_kind kind,
                    uint64_t step)
{
    bool was_there;

    if (damage->blocks_pushes)
        return false;
    steps.plan = (struct driver_fault_plan){
        .call = step, .kind = kind, .meanwhile = push_all};
    begin_steps(damage);
    memset(was_whole, 0, sizeof(was_whole));
    check(true, damage->is_in_bytes);
    was_there = steps.calls >= step;
    end_steps();
    for (size_t i = 0; tree_images[i] != NULL; i++)
        cr_expect(!was_whole[i] || tree_is_whole(tree_images[i]),
                  "%s: %s was pushed at step %d", damage->name, tree_images[i],
                  (int)step);
    tree_end();
    return was_there;
}

Test(tree_check_races, what_is_pushed_at_any_step_of_a_repair_stays)
{
    at_each_step(push_at, DRIVER_FAULT_DELAY);
}

static void delete_tags(void *context)
{
    static const char *const tags[] = {"v1", "v2", "multi", "sbom", "moved"};
    struct err ignored = {0};

    (void)context;
    steps.is_busy = true;
    for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
        (void)!tag_delete(&store, "app", tags[i], &ignored);
    steps.is_busy = false;
}

static bool delete_at(const struct damage *damage, enum driver_fault_kind kind,
                      uint64_t step)
{
    static const char *const tags[] = {"v1", "v2", "multi", "sbom", "moved"};
    bool was_there;

    steps.plan = (struct driver_fault_plan){
        .call = step, .kind = kind, .meanwhile = delete_tags};
    begin_steps(damage);
    check(true, damage->is_in_bytes);
    was_there = steps.calls >= step;
    end_steps();
    for (size_t i = 0; was_there && i < ARRAY_SIZE(tags); i++)
        cr_expect_not(object_exists(layout_tag("app", tags[i]).text),
                      "%s: %s was deleted at step %d", damage->name, tags[i],
                      (int)step);
    tree_end();
    return was_there;
}

Test(tree_check_races, no_tag_that_is_deleted_at_any_step_comes_back)
{
    at_each_step(delete_at, DRIVER_FAULT_DELAY);
}
