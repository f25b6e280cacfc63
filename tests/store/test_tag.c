/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "oci/name.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/tag.h"

TestSuite(tag, .init = fixture_setup, .fini = fixture_teardown);

static struct digest digest_of(const char *text)
{
    struct digest digest;

    digest_of_bytes(HASH_SHA256, span_of(text), &digest);
    return digest;
}

static void set(const char *tag, const char *text)
{
    struct digest digest = digest_of(text);

    cr_assert_eq(tag_set(&store, "a", tag, &digest, &err), 0, "%s", err.text);
}

static char listed[1024];

static int append(void *context, const char *tag, struct err *error)
{
    (void)context;
    (void)error;
    strncat(listed, tag, 100);
    strncat(listed, " ", 2);
    return 0;
}

static const char *list(const char *last)
{
    listed[0] = '\0';
    cr_assert_eq(tag_list(&store, "a", last, append, NULL, &err), 0, "%s",
                 err.text);
    return listed;
}

Test(tag, names_what_was_set_last)
{
    struct digest found, second = digest_of("2");

    set("v1", "1");
    set("v1", "2");
    cr_assert_eq(tag_resolve(&store, "a", "v1", &found, &err), 0);
    cr_assert(digest_equals(&found, &second));
}

Test(tag, keeps_an_index_entry_for_all_it_ever_named)
{
    struct digest one = digest_of("1"), two = digest_of("2");

    set("v1", "1");
    set("v1", "2");
    cr_assert_str_eq(object_text(layout_tag_index_link("a", "v1", &one).text),
                     text_of(&one));
    cr_assert_str_eq(object_text(layout_tag_index_link("a", "v1", &two).text),
                     text_of(&two));
}

Test(tag, unknown_is_manifest_unknown)
{
    struct digest found;

    cr_assert_eq(tag_resolve(&store, "a", "v1", &found, &err), -1);
    cr_assert_eq(err.code, ERR_MANIFEST_UNKNOWN);
    cr_assert_eq(tag_delete(&store, "a", "v1", &err), -1);
    cr_assert_eq(err.code, ERR_MANIFEST_UNKNOWN);
}

Test(tag, lists_in_byte_order_behind_last)
{
    set("b", "1");
    set("B", "1");
    set("a-1", "1");
    set("a", "1");
    set("10", "1");
    set("9", "1");
    cr_assert_str_eq(list(NULL), "10 9 B a a-1 b ");
    cr_assert_str_eq(list("B"), "a a-1 b ");
    cr_assert_str_eq(list("a-0"), "a-1 b ");
    cr_assert_str_eq(list("zzz"), "");
}

Test(tag, list_passes_over_what_a_crash_left)
{
    set("good", "1");
    driver_make_directory(store.driver, layout_tag("a", "bare").text, &err);
    driver_put(store.driver, "repositories/a/_manifests/tags/file", SPAN("x"),
               DRIVER_DURABLE, &err);
    cr_assert_str_eq(list(NULL), "good ");
}

Test(tag, list_is_empty_when_the_last_tag_is_gone)
{
    set("v1", "1");
    cr_assert_eq(tag_delete(&store, "a", "v1", &err), 0);
    cr_assert_str_eq(list(NULL), "");
}

Test(tag, list_of_no_repository_is_name_unknown)
{
    cr_assert_eq(tag_list(&store, "none", NULL, append, NULL, &err), -1);
    cr_assert_eq(err.code, ERR_NAME_UNKNOWN);
}

Test(tag, delete_all_spares_the_tags_of_other_manifests)
{
    struct digest one = digest_of("1");

    set("v1", "1");
    set("v1-again", "1");
    set("v2", "2");
    set("moved", "1");
    set("moved", "2");
    cr_assert_eq(tag_delete_all(&store, "a", &one, NULL, &err), 0);
    cr_assert_str_eq(list(NULL), "moved v2 ");
}

/* --- between its steps, and when one fails --- */

static const struct driver_ops *plain;
static struct driver_ops failing;

static int put_no_index(struct driver *driver, const char *path,
                        struct span bytes, enum driver_durability durability,
                        struct err *error)
{
    if (strstr(path, "/index/") != NULL)
        return err_set(error, ERR_IO, "%s: broken", path);
    return plain->put(driver, path, bytes, durability, error);
}

/* Distribution looks there for what a tag ever named, the present included. */
Test(tag, a_tag_never_names_what_has_no_index_entry)
{
    struct digest one = digest_of("1"), two = digest_of("2"), found;

    set("v1", "1");
    plain = store.driver->ops;
    failing = *plain;
    failing.put = put_no_index;
    store.driver->ops = &failing;
    cr_assert_eq(tag_set(&store, "a", "v1", &two, &err), -1);
    err_clear(&err);
    cr_assert_eq(tag_resolve(&store, "a", "v1", &found, &err), 0);
    cr_assert(digest_equals(&found, &one));
}

static void expect_no_half_tag(void)
{
    struct layout_path directory = layout_tag("a", "v1");
    struct layout_path current = layout_tag_current("a", "v1");

    cr_assert(!object_exists(directory.text) || object_exists(current.text));
}

static int put_and_look(struct driver *driver, const char *path,
                        struct span bytes, enum driver_durability durability,
                        struct err *error)
{
    int result = plain->put(driver, path, bytes, durability, error);

    expect_no_half_tag();
    return result;
}

/* Distribution lists the directory, and fails at one that names nothing. */
Test(tag, a_new_tag_appears_complete)
{
    plain = store.driver->ops;
    failing = *plain;
    failing.put = put_and_look;
    store.driver->ops = &failing;
    set("v1", "1");
    expect_no_half_tag();
    cr_assert_str_eq(list(NULL), "v1 ");
}

/* --- many tags --- */

#define MANY 10000 /* from here on there is an index */

static struct driver_file current_link = {LAYOUT_TAG_CURRENT, {"x", 1}};

/* "tag-00000" and so on; of every hundred, one is not complete. */
static void put_many(const char *name, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++) {
        char tag[TAG_MAX_LENGTH + 1];
        struct layout_path path;

        snprintf(tag, sizeof(tag), "tag-%05u", i);
        path = layout_tag(name, tag);
        if (i % 100 == 7)
            cr_assert_eq(driver_make_directory(store.driver, path.text, &err),
                         0);
        else
            cr_assert_eq(driver_put_directory(store.driver, path.text,
                                              &current_link, 1, &err),
                         0);
    }
}

static int append_three(void *context, const char *tag, struct err *error)
{
    size_t *count = context;

    return (*count)++ == 3 ? 1 : append(NULL, tag, error);
}

static const char *list_three(const char *last)
{
    size_t count = 0;

    listed[0] = '\0';
    cr_assert_eq(tag_list(&store, "a", last, append_three, &count, &err), 0,
                 "%s", err.text);
    return listed;
}

Test(tag, many_are_listed_by_an_index)
{
    put_many("a", MANY);
    list_three(NULL);
    cr_assert(object_exists(layout_tags_index("a").text));
    cr_assert_str_eq(list_three(NULL), "tag-00000 tag-00001 tag-00002 ");
    cr_assert_str_eq(list_three("tag-05004"), "tag-05005 tag-05006 tag-05008 ");
    cr_assert_str_eq(list_three("tag-09998"), "tag-09999 ");
    cr_assert_str_eq(list_three("tag-"), "tag-00000 tag-00001 tag-00002 ");
    cr_assert_str_eq(list_three("u"), "");
}

Test(tag, that_comes_or_goes_among_many_is_seen_at_once)
{
    put_many("a", MANY);
    list_three(NULL);
    set("tag-05000b", "x");
    cr_assert_str_eq(list_three("tag-05000"),
                     "tag-05000b tag-05001 tag-05002 ");
    cr_assert_str_eq(list_three("tag-05000"),
                     "tag-05000b tag-05001 tag-05002 ");
    cr_assert_eq(tag_delete(&store, "a", "tag-05001", &err), 0);
    cr_assert_str_eq(list_three("tag-05000"),
                     "tag-05000b tag-05002 tag-05003 ");
    /* registry:2 makes the directory first, and the link in it later. */
    cr_assert_eq(driver_put(store.driver,
                            layout_tag_current("a", "tag-05007").text,
                            SPAN("x"), DRIVER_DURABLE, &err),
                 0);
    cr_assert_str_eq(list_three("tag-05006"), "tag-05007 tag-05008 tag-05009 ");
}

Test(tag, fewer_have_no_index)
{
    put_many("a", MANY - 1);
    cr_assert_str_eq(list_three("tag-05006"), "tag-05008 tag-05009 tag-05010 ");
    cr_assert_not(object_exists(layout_tags_index("a").text));
}
