/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/catalog.h"
#include "store/fixture.h"
#include "store/layout.h"

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

static int walk(void)
{
    listed[0] = '\0';
    wanted = 100;
    return catalog_walk(&store, append, NULL, &err);
}

Test(catalog, walk_comes_to_every_place_there_is)
{
    cr_assert_eq(driver_make_directory(store.driver,
                                       "repositories/b/new/_uploads", &err),
                 0);
    cr_assert_eq(walk(), 0, "%s", err.text);
    cr_assert_str_eq(listed, "a a/b a/b/c a-b ab b b/deep b/deep/er b/new z ");
    wanted = 2;
    listed[0] = '\0';
    cr_assert_eq(catalog_walk(&store, append, NULL, &err), 0);
    cr_assert_str_eq(listed, "a a/b ");
}

static struct driver_ops hooked;
static const struct driver_ops *plain;

static int list_others(struct driver *driver, const char *path,
                       const char *after, driver_visit *visit, void *context,
                       struct err *error)
{
    if (strcmp(path, "repositories/a") == 0)
        return err_set(error, ERR_READ_ONLY, "%s: denied", path);
    return plain->list(driver, path, after, visit, context, error);
}

Test(catalog, walk_goes_on_past_what_cannot_be_read)
{
    plain = store.driver->ops;
    hooked = *plain;
    hooked.list = list_others;
    store.driver->ops = &hooked;
    cr_assert_eq(walk(), -1);
    cr_assert_str_eq(err.text, "repositories/a: denied");
    cr_assert_str_eq(listed, "a a-b ab b b/deep b/deep/er z ");
    cr_assert_eq(catalog_list(&store, NULL, append, NULL, &err), -1);
    store.driver->ops = plain;
}

static int fail_at(void *context, const char *name, struct err *error)
{
    return strcmp(name, context) == 0
               ? err_set(error, ERR_INTERNAL, "at %s", name)
               : append(NULL, name, error);
}

Test(catalog, walk_ends_when_its_visitor_fails)
{
    char place[] = "a/b";

    wanted = 100;
    listed[0] = '\0';
    cr_assert_eq(catalog_walk(&store, fail_at, place, &err), -1);
    cr_assert_str_eq(err.text, "at a/b");
    cr_assert_str_eq(listed, "a ");
}

/* --- many repositories --- */

#define TOPS 10000 /* from here on there is an index */
#define MANY (TOPS + 2 * TOPS / 10)

static char (*many)[32];

static int compare_by_components(const void *a, const void *b)
{
    const char *one = a, *other = b;

    while (*one != '\0' && *one == *other)
        one++, other++;
    if (*one == '\0' || *other == '\0' || (*one != '/' && *other != '/'))
        return *one - *other;
    return *one == '/' ? -1 : 1;
}

/* Some with others in them, some whose names only look like that. */
static void fill_many(void)
{
    size_t count = 0;

    fixture_teardown();
    fixture_setup();
    many = calloc(MANY, sizeof(*many));
    for (unsigned int i = 0; i < TOPS - TOPS / 10; i++)
        snprintf(many[count++], sizeof(*many), "r%05u", i);
    for (unsigned int i = 0; i < TOPS / 10; i++) {
        snprintf(many[count++], sizeof(*many), "r%05u-y", 9 * i);
        snprintf(many[count++], sizeof(*many), "r%05u/x", 9 * i);
        snprintf(many[count++], sizeof(*many), "r%05u/x/z", 9 * i);
    }
    cr_assert_eq(count, MANY);
    qsort(many, MANY, sizeof(*many), compare_by_components);
    for (size_t i = 0; i < MANY; i++)
        cr_assert_eq(driver_make_directory(store.driver,
                                           layout_layers(many[i]).text, &err),
                     0, "%s", err.text);
}

static void expect_many_behind(const char *last)
{
    char expected[1024] = "";
    size_t first = 0;

    while (first < MANY && compare_by_components(many[first], last) <= 0)
        first++;
    for (size_t i = first; i < MANY && i < first + 20; i++) {
        strcat(expected, many[i]);
        strcat(expected, " ");
    }
    cr_assert_str_eq(list(last, 20), expected, "behind '%s'", last);
}

Test(catalog, many_are_listed_by_an_index)
{
    fill_many();
    expect_many_behind("");
    cr_assert(object_exists(layout_catalog_index("").text));
    cr_assert_not(object_exists(layout_catalog_index(many[0]).text));
    for (size_t i = 0; i < MANY; i += 97) {
        char last[sizeof(*many)];

        snprintf(last, sizeof(last), "%s", many[i]);
        expect_many_behind(last);
        last[strlen(last) - 1]++;
        expect_many_behind(last);
    }
    expect_many_behind("r00009/x");
    expect_many_behind("r00009/xx");
    expect_many_behind("s");
    free(many);
}

Test(catalog, one_that_comes_or_goes_among_many_is_seen_at_once)
{
    fill_many();
    list(NULL, 1);
    push_blob("r00001/new", SPAN("x"));
    push_blob("r00001a", SPAN("x"));
    cr_assert_str_eq(list("r00001", 3), "r00001/new r00001a r00002 ");
    cr_assert_str_eq(list("r00001", 3), "r00001/new r00001a r00002 ");
    cr_assert_eq(driver_remove(store.driver, layout_repository("r00001").text,
                               DRIVER_DURABLE, &err),
                 0);
    cr_assert_str_eq(list("r00000/y", 2), "r00000-y r00001a ");
    /* Another program makes the directory first, and what is in it later. */
    cr_assert_eq(driver_make_directory(store.driver,
                                       layout_uploads("r00003a").text, &err),
                 0);
    cr_assert_str_eq(list("r00003", 1), "r00004 ");
    cr_assert_eq(driver_make_directory(store.driver,
                                       layout_manifests("r00003a").text, &err),
                 0);
    cr_assert_str_eq(list("r00003", 1), "r00003a ");
    free(many);
}

Test(catalog, many_in_one_namespace_have_an_index_of_their_own)
{
    struct layout_path index = layout_catalog_index("team/a");

    for (unsigned int i = 0; i < TOPS; i++) {
        char name[32];

        snprintf(name, sizeof(name), "team/a/r%05u", i);
        cr_assert_eq(
            driver_make_directory(store.driver, layout_layers(name).text, &err),
            0);
    }
    cr_assert_str_eq(list("b/deep/er", 2), "team/a/r00000 team/a/r00001 ");
    cr_assert_str_eq(index.text, "_berth/catalog/team/a/_children");
    cr_assert(object_exists(index.text));
    cr_assert_str_eq(list("team/a/r05000", 1), "team/a/r05001 ");
    cr_assert_str_eq(list("team/a/r09999", 9), "z ");
}

Test(catalog, passes_over_files)
{
    cr_assert_eq(driver_put(store.driver, "repositories/c", SPAN("x"),
                            DRIVER_DURABLE, &err),
                 0);
    cr_assert_str_eq(list("b", 100), "b/deep/er z ");
}
