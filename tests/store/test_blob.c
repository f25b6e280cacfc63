/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "store/blob.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/link.h"

TestSuite(blob, .init = fixture_setup, .fini = fixture_teardown);

static struct blob found;

Test(blob, is_known_only_where_it_was_pushed)
{
    struct digest digest = push_blob("a", SPAN("bytes"));

    cr_assert_eq(blob_find(&store, "a", &digest, &found, &err), 0);
    cr_assert_eq(blob_find(&store, "b", &digest, &found, &err), -1);
    cr_assert_eq(err.code, ERR_BLOB_UNKNOWN);
    cr_assert_str_eq(err.detail, text_of(&digest));
}

Test(blob, damaged_links_and_missing_bytes_mean_unknown)
{
    struct digest digest = push_blob("a", SPAN("bytes"));
    struct layout_path link = layout_layer_link("a", &digest);
    static const char *const bad[] = {"", "sha256:", "sha256:zz\n", "../../x"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        driver_put(store.driver, link.text, span_of(bad[i]), DRIVER_DURABLE,
                   &err);
        cr_assert_eq(blob_find(&store, "a", &digest, &found, &err), -1);
        cr_assert_eq(err.code, ERR_BLOB_UNKNOWN, "link \"%s\"", bad[i]);
    }
    cr_assert_eq(link_write(&store, &link, &digest, &err), 0);
    driver_put(store.driver, layout_blob(&digest).text, SPAN(""),
               DRIVER_DURABLE, &err);
    cr_assert_eq(blob_find(&store, "a", &digest, &found, &err), -1);
    cr_assert_eq(err.code, ERR_BLOB_UNKNOWN);
    driver_remove(store.driver, layout_blob(&digest).text, DRIVER_DURABLE,
                  &err);
    cr_assert_eq(blob_find(&store, "a", &digest, &found, &err), -1);
    cr_assert_eq(err.code, ERR_BLOB_UNKNOWN);
}

Test(blob, a_link_that_names_another_blob_is_no_link)
{
    struct digest digest = push_blob("a", SPAN("bytes"));
    struct digest other = push_blob("a", SPAN("others"));
    struct layout_path link = layout_layer_link("a", &digest);
    struct blob found;

    cr_assert_eq(link_write(&store, &link, &other, &err), 0);
    cr_expect_lt(blob_find(&store, "a", &digest, &found, &err), 0);
    cr_expect_eq(err.code, ERR_BLOB_UNKNOWN);
}

Test(blob, an_alias_link_leads_to_the_bytes)
{
    struct digest stored = push_blob("a", SPAN("bytes")), alias;
    struct layout_path link;

    digest_of_bytes(HASH_SHA512, SPAN("bytes"), &alias);
    link = layout_layer_link("a", &alias);
    cr_assert_eq(link_write(&store, &link, &stored, &err), 0);
    cr_assert_eq(blob_find(&store, "a", &alias, &found, &err), 0);
    cr_assert(digest_equals(&found.stored, &stored));
    cr_assert_eq(found.size, 5);
}

Test(blob, lease_renews_bytes_and_link)
{
    struct digest digest = push_blob("a", SPAN("bytes"));
    struct layout_path blob = layout_blob(&digest);
    struct layout_path link = layout_layer_link("a", &digest);
    int64_t old;

    object_age(blob.text);
    object_age(link.text);
    old = object_mtime(blob.text);
    cr_assert_eq(blob_lease(&store, "a", &digest, &found, &err), 0);
    cr_assert_gt(object_mtime(blob.text), old);
    cr_assert_gt(object_mtime(link.text), old);
}

Test(blob, find_alone_renews_nothing)
{
    struct digest digest = push_blob("a", SPAN("bytes"));
    struct layout_path blob = layout_blob(&digest);
    int64_t old;

    object_age(blob.text);
    old = object_mtime(blob.text);
    cr_assert_eq(blob_find(&store, "a", &digest, &found, &err), 0);
    cr_assert_eq(object_mtime(blob.text), old);
}

Test(blob, mount_gives_it_to_another_repository_and_renews)
{
    struct digest digest = push_blob("a", SPAN("bytes"));
    struct layout_path blob = layout_blob(&digest);
    static const char *const sources[] = {"a", NULL};

    for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
        const char *target = i == 0 ? "b" : "c";
        int64_t old;

        object_age(blob.text);
        old = object_mtime(blob.text);
        cr_assert_eq(blob_mount(&store, target, sources[i], &digest, &err), 0,
                     "%s", err.text);
        cr_assert_eq(blob_find(&store, target, &digest, &found, &err), 0);
        cr_assert_gt(object_mtime(blob.text), old);
    }
}

Test(blob, mount_of_what_is_not_there_makes_no_link)
{
    struct digest digest = push_blob("a", SPAN("bytes")), absent;

    digest_of_bytes(HASH_SHA256, SPAN("other"), &absent);
    cr_assert_eq(blob_mount(&store, "b", NULL, &absent, &err), -1);
    cr_assert_eq(err.code, ERR_BLOB_UNKNOWN);
    cr_assert_eq(blob_mount(&store, "b", "c", &digest, &err), -1);
    cr_assert_eq(err.code, ERR_BLOB_UNKNOWN);
    cr_assert_not(object_exists(layout_layer_link("b", &digest).text));
    cr_assert_not(object_exists(layout_layer_link("b", &absent).text));
}

Test(blob, delete_takes_it_from_one_repository_only)
{
    struct digest digest = push_blob("a", SPAN("bytes"));

    push_blob("b", SPAN("bytes"));
    cr_assert_eq(blob_delete(&store, "a", &digest, &err), 0);
    cr_assert_eq(blob_find(&store, "a", &digest, &found, &err), -1);
    cr_assert_eq(blob_find(&store, "b", &digest, &found, &err), 0);
    cr_assert_eq(blob_delete(&store, "a", &digest, &err), -1);
    cr_assert_eq(err.code, ERR_BLOB_UNKNOWN);
}
