/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "store/catalog.h"
#include "store/fixture.h"

static void fill(void);

TestSuite(catalog, .init = fill, .fini = fixture_teardown);

static const char *const names[] = {
    "a", "a/b", "a/b/c", "a-b", "ab", "b/deep/er", "z",
};

static void fill(void)
{
    fixture_setup();
    for (size_t i = ARRAY_SIZE(names); i > 0; i--)
        push_blob(names[i - 1], SPAN("x"));
}

static char listed[1024];
static size_t wanted;

static int append(void *context, const char *name, struct err *error)
{
    (void)context;
    (void)error;
    if (wanted-- == 0)
        return 1;
    strncat(listed, name, 100);
    strncat(listed, " ", 2);
    return 0;
}

static const char *list(const char *last, size_t count)
{
    listed[0] = '\0';
    wanted = count;
    cr_assert_eq(catalog_list(&store, last, append, NULL, &err), 0, "%s",
                 err.text);
    return listed;
}

Test(catalog, lists_a_tree_in_order)
{
    cr_assert_str_eq(list(NULL, 100), "a a/b a/b/c a-b ab b/deep/er z ");
}

Test(catalog, every_page_size_gives_the_same_whole)
{
    for (size_t size = 1; size <= ARRAY_SIZE(names); size++) {
        const char *last = "";

        for (size_t at = 0; at < ARRAY_SIZE(names); at += size) {
            char expected[256] = "";

            for (size_t i = at; i < at + size && i < ARRAY_SIZE(names); i++) {
                strcat(expected, names[i]);
                strcat(expected, " ");
                last = names[i];
            }
            cr_assert_str_eq(list(at ? names[at - 1] : "", size), expected,
                             "size %zu at %zu", size, at);
        }
        cr_assert_str_eq(list(last, size), "");
    }
}

Test(catalog, last_need_not_exist)
{
    cr_assert_str_eq(list("a/bb", 100), "a-b ab b/deep/er z ");
    cr_assert_str_eq(list("b/deep", 1), "b/deep/er ");
    cr_assert_str_eq(list("zz", 100), "");
}

Test(catalog, last_is_never_a_path)
{
    cr_assert_str_eq(list("..", 1), "a ");
    cr_assert_str_eq(list("../../etc", 1), "a ");
    cr_assert_str_eq(list("a/_layers/sha256", 1), "a/b ");
}

Test(catalog, of_an_empty_store_is_empty)
{
    fixture_teardown();
    fixture_setup();
    cr_assert_str_eq(list(NULL, 10), "");
}
