/* SPDX-License-Identifier: MIT */
/* What a single pattern decides is in tests/access/test_policy.c, too. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "oci/pattern.h"

static const char *const texts[] = {
    "*", "team/*", "team/app", "t*", "team/a*p", "team/*p", "*app", "other",
};

static struct pattern_list build(void)
{
    struct pattern_list list = {0};
    struct err err = {0};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pattern pattern = {.line = (int)i + 1, .number = i};

        cr_assert_eq(pattern_parse(texts[i], &pattern, &err), 0, "%s",
                     err.text);
        pattern_list_add(&list, &pattern);
    }
    cr_assert_eq(pattern_list_sort(&list, "f", &err), 0, "%s", err.text);
    return list;
}

static void expect(const char *name, const char *const *expected)
{
    struct pattern_list list = build();
    struct pattern_search search = {.list = &list, .name = name};
    const struct pattern *pattern;

    for (; (pattern = pattern_next(&search)) != NULL; expected++) {
        cr_assert_not_null(*expected, "%s: also %s", name, pattern->text);
        cr_assert_str_eq(pattern->text, *expected, "%s", name);
        cr_assert_str_eq(texts[pattern->number], *expected);
    }
    cr_assert_null(*expected, "%s: not %s", name, *expected);
    cr_assert_null(pattern_next(&search), "it ends for good");
    free(list.items);
}

Test(pattern, all_that_match_come_the_most_specific_first)
{
    expect("team/app", (const char *[]){"team/app", "team/a*p", "team/*p",
                                        "team/*", "t*", "*app", "*", NULL});
    expect("team/ap",
           (const char *[]){"team/a*p", "team/*p", "team/*", "t*", "*", NULL});
    expect("other", (const char *[]){"other", "*", NULL});
    expect("x", (const char *[]){"*", NULL});
}

Test(pattern, no_list_has_a_match)
{
    struct pattern_list list = {0};
    struct pattern_search search = {.list = &list, .name = "a"};
    struct err err = {0};

    cr_assert_eq(pattern_list_sort(&list, "f", &err), 0);
    cr_assert_null(pattern_next(&search));
}

Test(pattern, of_a_tag_has_to_be_possible)
{
    static const char *const good[] = {"*",  "v*", "?",   "release-?",
                                       "_x", "V1", "*.*", "*-rc?"};
    static const char *const bad[] = {"",    "-x",  ".x",       "a b", "a/b",
                                      "v**", "a:b", "\xC3\xA9", "#"};
    char longest[130];
    struct err err = {0};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect_eq(pattern_check_tag(good[i], &err), 0, "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_eq(pattern_check_tag(bad[i], &err), -1, "%s", bad[i]);
    memset(longest, 'a', sizeof(longest));
    longest[128] = '\0';
    cr_expect_eq(pattern_check_tag(longest, &err), 0);
    longest[128] = 'a';
    longest[129] = '\0';
    cr_expect_eq(pattern_check_tag(longest, &err), -1);
}
