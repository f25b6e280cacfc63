/* SPDX-License-Identifier: MIT */
/* The index of a large directory while the storage fails. */
#include <stdio.h>
#include <string.h>

#include "store/children.h"
#include "store/sweep.h"

TestSuite(fault_children, .init = sweep_begin, .fini = sweep_end);

/* Names that take some blocks. */
#define COUNT 60
#define LONG                                                                   \
    "-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"

static const struct children children = {.directory = "repositories/a/many",
                                         .index = "repositories/a/_berth/many",
                                         .indexed_from = COUNT - 1};

static struct buf listed, expected;
static unsigned int first;

static void make_child(unsigned int number)
{
    char path[300];

    snprintf(path, sizeof(path), "repositories/a/many/%03u" LONG LONG LONG,
             number);
    EXPECT_OK(driver_make_directory(store.driver, path, &err));
}

static int add(void *context, const char *name, struct err *error)
{
    (void)error;
    buf_add_format(context, "%.3s ", name);
    return 0;
}

/* What the list is to be, behind the number `last`. */
static void expect_behind(unsigned int last, unsigned int end)
{
    buf_cleanup(&expected);
    expected = BUF_INIT(4096);
    for (unsigned int i = last + 1; i < end; i++)
        buf_add_format(&expected, "%03u ", i);
    first = last;
}

static int list(struct err *error)
{
    char after[8];

    snprintf(after, sizeof(after), "%03u~", first);
    buf_cleanup(&listed);
    listed = BUF_INIT(4096);
    return children_list(store.driver, &children, after, add, &listed, error);
}

static void expect_listed(void)
{
    EXPECT(strcmp(buf_text(&listed), buf_text(&expected)) == 0);
}

static void prepare_none(void)
{
    for (unsigned int i = 0; i < COUNT; i++)
        make_child(i);
    sweep_settle();
    expect_behind(20, COUNT);
}

static void prepare_good(void)
{
    prepare_none();
    EXPECT_OK(list(&err));
}

static void prepare_stale(void)
{
    prepare_good();
    make_child(COUNT);
    expect_behind(20, COUNT + 1);
}

/* With fewer children than an index is kept for. */
static void prepare_useless(void)
{
    char path[] = "repositories/a/many";

    prepare_good();
    EXPECT_OK(driver_remove(store.driver, path, DRIVER_DURABLE, &err));
    for (unsigned int i = 0; i < COUNT - 2; i++)
        make_child(i);
    expect_behind(20, COUNT - 2);
}

static const struct sweep sweeps[] = {
    {.prepare = prepare_none, .run = list, .expect = expect_listed},
    {.prepare = prepare_good, .run = list, .expect = expect_listed},
    {.prepare = prepare_stale, .run = list, .expect = expect_listed},
    {.prepare = prepare_useless, .run = list, .expect = expect_listed},
};

Test(fault_children, list_and_make_the_index)
{
    sweep(&sweeps[0]);
}

Test(fault_children, list_by_the_index)
{
    sweep(&sweeps[1]);
}

Test(fault_children, list_and_replace_the_index)
{
    sweep(&sweeps[2]);
}

Test(fault_children, list_and_remove_the_index)
{
    sweep(&sweeps[3]);
}

/* --- while others write --- */

static int make_last(struct err *error)
{
    make_child(COUNT);
    (void)error;
    return 0;
}

static void expect_both(void)
{
    EXPECT(sweep_result == 0 && sweep_meanwhile_result == 0);
    EXPECT_OK(list(&err));
    expect_listed();
}

static void prepare_one_more(void)
{
    prepare_good();
    expect_behind(20, COUNT + 1);
}

static void prepare_first(void)
{
    prepare_none();
    expect_behind(20, COUNT + 1);
}

Test(fault_children, a_child_that_comes_in_the_middle_is_seen_by_the_next)
{
    interleave(&(struct interleaving){.prepare = prepare_first,
                                      .run = list,
                                      .meanwhile = make_last,
                                      .expect = expect_both});
    interleave(&(struct interleaving){.prepare = prepare_one_more,
                                      .run = list,
                                      .meanwhile = make_last,
                                      .expect = expect_both});
}

Test(fault_children, two_may_make_the_index_at_once)
{
    interleave(&(struct interleaving){.prepare = prepare_none,
                                      .run = list,
                                      .meanwhile = list,
                                      .expect = expect_both});
}
