/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "driver/driver_mem.h"
#include "store/collect_clock.h"
#include "store/collect_fixture.h"
#include "store/fixture.h"
#include "store/layout.h"

TestSuite(collect_clock, .init = fixture_setup, .fini = fixture_teardown);

static void given_state(int64_t wall_ago, int64_t boot_ago, uint64_t grace)
{
    char boot_id[CLOCK_BOOT_ID_MAX], text[512];
    int64_t boot_ns = clock_boot_ns(boot_id);

    snprintf(text, sizeof(text),
             "wall %lld\nboot %lld\nboot_id %s\ngrace %llu\n",
             (long long)(clock_now_ns() - wall_ago * CLOCK_NS_PER_SECOND),
             (long long)(boot_ns - boot_ago * CLOCK_NS_PER_SECOND), boot_id,
             (unsigned long long)grace);
    put_text(LAYOUT_COLLECTION, text);
}

Test(collect_clock, a_clock_that_was_set_holds_it_for_a_grace)
{
    static const int64_t steps[] = {-7200, 7200};

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct digest spare = push_blob("a", SPAN("spare"));
        int64_t until;

        age_all();
        given_state(10 + steps[i], 10, FIXTURE_GRACE);
        cr_assert_str_eq(collect_now(), "");
        cr_assert_gt(result.held_until,
                     clock_now_ns() / CLOCK_NS_PER_SECOND + FIXTURE_GRACE);
        cr_assert(has_blob(&spare));
        /* It is still so at the next one, and no longer. */
        until = result.held_until;
        cr_assert_str_eq(collect_now(), "");
        cr_assert_eq(result.held_until, until);
    }
}

Test(collect_clock, one_that_began_anew_is_of_another_start)
{
    push_blob("a", SPAN("spare"));
    age_all();
    given_state(7200, -7200, FIXTURE_GRACE);
    cr_assert_str_eq(collect_now(), "layer a;blob -;");
    cr_assert_eq(result.held_until, 0);
}

Test(collect_clock, who_deletes_by_age_is_told_of_the_clock)
{
    const char *fault;

    cr_assert_eq(collect_check_clock(&store, &fault, &err), 0);
    cr_assert_null(fault);
    push_blob("a", SPAN("layer"));
    given_state(10, 10, FIXTURE_GRACE);
    cr_assert_eq(collect_check_clock(&store, &fault, &err), 0);
    cr_assert_null(fault);
    given_state(7210, 10, FIXTURE_GRACE);
    cr_assert_eq(collect_check_clock(&store, &fault, &err), 0);
    cr_assert_not_null(fault);
    collect_now();
    cr_assert_eq(collect_check_clock(&store, &fault, &err), 0);
    cr_assert_not_null(fault);
}

Test(collect_clock, a_clock_that_goes_on_holds_nothing)
{
    push_blob("a", SPAN("spare"));
    age_all();
    given_state(10 + 3500, 10, FIXTURE_GRACE);
    cr_assert_str_eq(collect_now(), "layer a;blob -;");
}

Test(collect_clock, a_note_that_is_damaged_holds_it)
{
    push_blob("a", SPAN("spare"));
    age_all();
    put_text(LAYOUT_COLLECTION, "wall x\n");
    cr_assert_str_eq(collect_now(), "");
    cr_assert_neq(result.held_until, 0);
}

Test(collect_clock, a_grace_that_was_larger_counts_for_a_while)
{
    struct digest spare = push_blob("a", SPAN("spare"));

    age_all();
    given_state(10, 10, 10 * FIXTURE_GRACE);
    cr_assert_str_eq(collect_now(), "");
    cr_assert(has_blob(&spare));
    cr_assert_eq(result.held_until, 0);
    cr_assert_not_null(strstr(object_text(LAYOUT_COLLECTION), "grace 864000"));
}

Test(collect_clock, who_deletes_by_age_is_told_of_a_larger_grace)
{
    uint64_t grace = 0;

    cr_assert_eq(collect_find_grace(&store, 60, &grace, &err), 0);
    cr_assert_eq(grace, 60);
    given_state(10, 10, 3600);
    cr_assert_eq(collect_find_grace(&store, 60, &grace, &err), 0);
    cr_assert_eq(grace, 3600);
    cr_assert_eq(collect_find_grace(&store, 7200, &grace, &err), 0);
    cr_assert_eq(grace, 7200);
    put_text(LAYOUT_COLLECTION, "wall 1\ngrace 3600\ngrace_until 2\n");
    cr_assert_eq(collect_find_grace(&store, 60, &grace, &err), 0);
    cr_assert_eq(grace, 60);
}

Test(collect_clock, a_wanted_grace_counts_for_one_run)
{
    push_blob("a", SPAN("spare"));
    age_all();
    options.wanted_grace = 10 * FIXTURE_GRACE;
    cr_assert_str_eq(collect_now(), "");
    options.wanted_grace = 0;
    cr_assert_str_eq(collect_now(), "layer a;blob -;");
}
