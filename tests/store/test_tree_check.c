/* SPDX-License-Identifier: MIT */
/* The table of damages: diagnosed, mended, and healed by a push. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/damaged_tree.h"
#include "store/damages.h"
#include "store/syscalls.h"
#include "store/tree_check.h"

#define HOUR_NS (3600 * CLOCK_NS_PER_SECOND)
#define SAID_MAX 4096

/* What a check said. */
static char found[SAID_MAX];    /* as in struct damage */
static char hurt[SAID_MAX];     /* images with a tag */
static char outcomes[SAID_MAX]; /* one letter each: l a m y f */
static struct tree_check_result result;

static char last[64];
static unsigned int times;

static void end_repetition(void)
{
    size_t len = strlen(found);

    if (times > 1)
        snprintf(found + len, sizeof(found) - len, "*%u", times);
}

static void note_finding(void *context, const struct tree_finding *finding)
{
    static const char letters[] = "lamyf";
    const char *name = tree_damage_name(finding->damage);
    size_t len;

    (void)context;
    /* What was moved aside is told for ever. */
    if (finding->damage == TREE_QUARANTINED)
        return;
    len = strlen(outcomes);
    snprintf(outcomes + len, sizeof(outcomes) - len, "%c",
             letters[finding->outcome]);
    if (strcmp(last, name) == 0) {
        times++;
        return;
    }
    end_repetition();
    times = 1;
    snprintf(last, sizeof(last), "%s", name);
    len = strlen(found);
    snprintf(found + len, sizeof(found) - len, "%s%s", len > 0 ? " " : "",
             name);
}

static void note_hurt(void *context, const struct tree_hurt *image)
{
    size_t len = strlen(hurt);

    (void)context;
    if (image->tag != NULL)
        snprintf(hurt + len, sizeof(hurt) - len, " %s:%s ", image->name,
                 image->tag);
}

static const struct tree_check_visitor visitor = {.finding = note_finding,
                                                  .hurt = note_hurt};

static void check(bool repair, bool data)
{
    const struct tree_check_options options = {
        .repair = repair, .data = data, .cutoff_ns = clock_now_ns() - HOUR_NS};

    found[0] = hurt[0] = outcomes[0] = last[0] = '\0';
    times = 0;
    memset(&result, 0, sizeof(result));
    tree_check(&store, &options, &visitor, NULL, 0, &result);
    end_repetition();
}

/* Whether `images`, separated by blanks, has this one. */
static bool has(const char *images, const char *image)
{
    char with_blanks[SAID_MAX], wanted[64];

    snprintf(with_blanks, sizeof(with_blanks), " %s ", images ? images : "");
    snprintf(wanted, sizeof(wanted), " %s ", image);
    return strstr(with_blanks, wanted) != NULL;
}

static void expect_whole_but(const struct damage *damage, const char *images,
                             const char *when)
{
    for (size_t i = 0; tree_images[i] != NULL; i++)
        cr_expect_eq(tree_is_whole(tree_images[i]),
                     !has(images, tree_images[i]), "%s: %s %s", damage->name,
                     tree_images[i], when);
}

static void expect_hurt(const struct damage *damage)
{
    if (!damage->keeps_bytes)
        for (size_t i = 0; tree_images[i] != NULL; i++)
            cr_expect_eq(has(hurt, tree_images[i]),
                         has(damage->lost, tree_images[i]), "%s: %s: \"%s\"",
                         damage->name, tree_images[i], hurt);
}

static void expect_found(const struct damage *damage, const char *wanted,
                         const char *when)
{
    cr_expect_str_eq(found, wanted ? wanted : "", "%s: %s: \"%s\"",
                     damage->name, when, found);
}

static void push_lost(const struct damage *damage)
{
    for (size_t i = 0; tree_images[i] != NULL; i++)
        if (has(damage->lost, tree_images[i]))
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
        cr_expect_eq(result.hurt, 0, "%s: %s", damage->name, hurt);
        cr_expect(result.damages == 0 || strcmp(damage->left, found) == 0,
                  "%s: after a push: %s", damage->name, found);
    }
}

static const struct damage_list *const lists[] = {
    &damages_of_bytes, &damages_of_links, &damages_of_others};

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
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        run_list(lists[i], which);
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

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        count += lists[i]->count;
    cr_expect_geq(count, 50);
}
