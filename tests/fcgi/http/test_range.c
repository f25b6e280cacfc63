/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/tight.h"
#include "http/range.h"

struct range_case {
    const char *field;
    uint64_t size;
    enum range_result result;
    struct range_set set;
};

#define ONE(a, b)                                                              \
    {                                                                          \
        .ranges = {{a, b}}, .count = 1                                         \
    }
#define TWO(a, b, c, d)                                                        \
    {                                                                          \
        .ranges = {{a, b}, {c, d}}, .count = 2                                 \
    }

static void expect(const struct range_case *c)
{
    static struct range_set set;
    CLEANUP(tight) struct span field = tight_text(c->field);
    enum range_result result = range_parse(field, c->size, &set);

    cr_expect_eq(result, c->result, "'%s' of %ju", c->field,
                 (uintmax_t)c->size);
    if (result != RANGE_PARTIAL || c->result != RANGE_PARTIAL)
        return;
    cr_assert_eq(set.count, c->set.count, "'%s'", c->field);
    for (size_t i = 0; i < set.count; i++) {
        cr_expect_eq(set.ranges[i].offset, c->set.ranges[i].offset, "'%s'",
                     c->field);
        cr_expect_eq(set.ranges[i].length, c->set.ranges[i].length, "'%s'",
                     c->field);
    }
}

Test(range, a_range_is_clipped_to_what_is_there)
{
    static const struct range_case cases[] = {
        {"bytes=0-", 10, RANGE_PARTIAL, ONE(0, 10)},
        {"bytes=0-0", 10, RANGE_PARTIAL, ONE(0, 1)},
        {"bytes=9-9", 10, RANGE_PARTIAL, ONE(9, 1)},
        {"bytes=5-", 10, RANGE_PARTIAL, ONE(5, 5)},
        {"bytes=2-5", 10, RANGE_PARTIAL, ONE(2, 4)},
        {"bytes=2-500", 10, RANGE_PARTIAL, ONE(2, 8)},
        {"bytes=-3", 10, RANGE_PARTIAL, ONE(7, 3)},
        {"bytes=-10", 10, RANGE_PARTIAL, ONE(0, 10)},
        {"bytes=-500", 10, RANGE_PARTIAL, ONE(0, 10)},
        {"BYTES=0-1", 10, RANGE_PARTIAL, ONE(0, 2)},
        {"bytes = 0-1", 10, RANGE_PARTIAL, ONE(0, 2)},
        {"bytes=0-18446744073709551615", 10, RANGE_PARTIAL, ONE(0, 10)},
        {"bytes=18446744073709551614-", UINT64_MAX, RANGE_PARTIAL,
         ONE(UINT64_MAX - 1, 1)},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(&cases[i]);
}

Test(range, what_lies_beyond_the_end_cannot_be_satisfied)
{
    static const struct range_case cases[] = {
        {"bytes=10-", 10, RANGE_UNSATISFIABLE, {.count = 0}},
        {"bytes=10-20", 10, RANGE_UNSATISFIABLE, {.count = 0}},
        {"bytes=500-0", 1000, RANGE_UNSATISFIABLE, {.count = 0}},
        {"bytes=-0", 10, RANGE_UNSATISFIABLE, {.count = 0}},
        {"bytes=0-", 0, RANGE_UNSATISFIABLE, {.count = 0}},
        {"bytes=-1", 0, RANGE_UNSATISFIABLE, {.count = 0}},
        {"bytes=10-,20-", 10, RANGE_UNSATISFIABLE, {.count = 0}},
        {"bytes=18446744073709551615-", 10, RANGE_UNSATISFIABLE, {.count = 0}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(&cases[i]);
}

Test(range, a_field_that_is_no_range_is_ignored)
{
    static const struct range_case cases[] = {
        {"", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=-", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=,", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=a-b", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=1", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=1-2-3", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=--1", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=0x1-2", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=0-1,x", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=18446744073709551616-", 10, RANGE_WHOLE, {.count = 0}},
        {"items=0-1", 10, RANGE_WHOLE, {.count = 0}},
        {"=0-1", 10, RANGE_WHOLE, {.count = 0}},
        {"0-1", 10, RANGE_WHOLE, {.count = 0}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(&cases[i]);
}

Test(range, several_ranges_keep_the_order_asked_for)
{
    static const struct range_case cases[] = {
        {"bytes=0-1,5-6", 10, RANGE_PARTIAL, TWO(0, 2, 5, 2)},
        {"bytes=5-6, 0-1", 10, RANGE_PARTIAL, TWO(5, 2, 0, 2)},
        {"bytes=0-0,-1", 10, RANGE_PARTIAL, TWO(0, 1, 9, 1)},
        {"bytes=0-1,20-30,5-6", 10, RANGE_PARTIAL, TWO(0, 2, 5, 2)},
        {"bytes=0-1,,5-6", 10, RANGE_PARTIAL, TWO(0, 2, 5, 2)},
        {"bytes=0-1,5-6,", 10, RANGE_PARTIAL, TWO(0, 2, 5, 2)},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(&cases[i]);
}

Test(range, ranges_that_ask_for_more_than_there_is_are_answered_whole)
{
    static const struct range_case cases[] = {
        {"bytes=0-4,5-9", 10, RANGE_PARTIAL, TWO(0, 5, 5, 5)},
        {"bytes=0-5,5-9", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=0-,0-", 10, RANGE_WHOLE, {.count = 0}},
        {"bytes=0-,0-", UINT64_MAX, RANGE_WHOLE, {.count = 0}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(&cases[i]);
}

Test(range, their_number_is_limited)
{
    static struct range_set set;
    static char field[16 * (RANGE_COUNT_MAX + 2)] = "bytes=";
    size_t used = strlen(field);

    for (int i = 0; i < RANGE_COUNT_MAX; i++)
        used += (size_t)snprintf(field + used, sizeof(field) - used, "%d-%d,",
                                 i, i);
    cr_expect_eq(range_parse(span_of(field), 100000, &set), RANGE_PARTIAL);
    cr_expect_eq(set.count, RANGE_COUNT_MAX);
    snprintf(field + used, sizeof(field) - used, "9000-9000");
    cr_expect_eq(range_parse(span_of(field), 100000, &set), RANGE_WHOLE);
}
