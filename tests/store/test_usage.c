/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/blob.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/upload.h"
#include "store/usage.h"

static struct usage *usage;

static void measure(size_t depth)
{
    usage_cleanup(&usage);
    cr_assert_eq(usage_measure(&store, depth, NULL, NULL, &usage, &err), 0,
                 "%s", err.text);
}

static void teardown(void)
{
    usage_cleanup(&usage);
    fixture_teardown();
}

TestSuite(usage, .init = fixture_setup, .fini = teardown);

static struct usage_row row(enum usage_group group, const char *name)
{
    struct usage_row row;

    for (size_t i = 0; i < usage_row_count(usage, group); i++) {
        usage_row_at(usage, group, i, &row);
        if (strcmp(row.name, name) == 0)
            return row;
    }
    cr_assert_fail("no row %s", name);
    return row;
}

static void expect_row(enum usage_group group, const char *name, uint64_t bytes,
                       uint64_t own)
{
    struct usage_row found = row(group, name);

    cr_expect_eq(found.bytes, bytes, "%s: %lu bytes", name, found.bytes);
    cr_expect_eq(found.own_bytes, own, "%s: %lu own", name, found.own_bytes);
}

/* An image of 100 + 200 bytes and its manifest; returns the length of that. */
static uint64_t push_image(const char *name, char config, char layer)
{
    static char bytes[200];
    struct digest config_digest, layer_digest;
    const char *json;

    memset(bytes, config, sizeof(bytes));
    config_digest = push_blob(name, (struct span){bytes, 100});
    memset(bytes, layer, sizeof(bytes));
    layer_digest = push_blob(name, (struct span){bytes, 200});
    json = image_json(&config_digest, &layer_digest);
    push_manifest(name, json);
    return strlen(json);
}

Test(usage, of_an_empty_store_is_nothing)
{
    measure(1);
    cr_expect_eq(usage_row_count(usage, USAGE_REPOSITORY), 0);
    cr_expect_eq(usage_totals(usage)->blobs, 0);
}

Test(usage, a_blob_is_own_until_another_repository_has_it)
{
    uint64_t json = push_image("team/a", 'c', 'l');

    measure(1);
    expect_row(USAGE_REPOSITORY, "team/a", 300 + json, 300 + json);
    /* Another config, the same layer: the manifest is another, too. */
    push_image("team/b", 'd', 'l');
    push_image("other/c", 'e', 'f');
    measure(1);
    expect_row(USAGE_REPOSITORY, "team/a", 300 + json, 100 + json);
    expect_row(USAGE_REPOSITORY, "team/b", 300 + json, 100 + json);
    expect_row(USAGE_REPOSITORY, "other/c", 300 + json, 300 + json);
    expect_row(USAGE_NAMESPACE, "team", 400 + 2 * json, 400 + 2 * json);
    expect_row(USAGE_NAMESPACE, "other", 300 + json, 300 + json);
    cr_expect_eq(row(USAGE_NAMESPACE, "team").repositories, 2);
    cr_expect_eq(usage_totals(usage)->bytes, 700 + 3 * json);
    cr_expect_eq(usage_totals(usage)->blobs, 8);
    cr_expect_eq(usage_totals(usage)->unreferenced_blobs, 0);
}

Test(usage, what_three_have_is_nobodys_own)
{
    uint64_t json = push_image("a", 'c', 'l');

    push_image("b", 'c', 'l');
    push_image("c", 'c', 'l');
    measure(1);
    expect_row(USAGE_REPOSITORY, "a", 300 + json, 0);
    expect_row(USAGE_REPOSITORY, "b", 300 + json, 0);
    expect_row(USAGE_REPOSITORY, "c", 300 + json, 0);
    cr_expect_eq(usage_totals(usage)->bytes, 300 + json);
}

Test(usage, a_blob_counts_once_in_a_row)
{
    uint64_t json = push_image("a", 'c', 'l');

    push_image("a", 'd', 'l');
    measure(1);
    expect_row(USAGE_REPOSITORY, "a", 400 + 2 * json, 400 + 2 * json);
    cr_expect_eq(row(USAGE_REPOSITORY, "a").blobs, 5);
}

Test(usage, a_namespace_is_as_deep_as_asked)
{
    push_image("team", 'a', 'b');
    push_image("team/x/one", 'c', 'd');
    push_image("team/x/two", 'e', 'f');
    push_image("team/y", 'g', 'h');
    measure(2);
    cr_expect_eq(usage_row_count(usage, USAGE_NAMESPACE), 3);
    cr_expect_eq(row(USAGE_NAMESPACE, "team/x").repositories, 2);
    cr_expect_eq(row(USAGE_NAMESPACE, "team").repositories, 1);
    cr_expect_eq(row(USAGE_NAMESPACE, "team/y").repositories, 1);
}

Test(usage, what_no_manifest_refers_to_is_told)
{
    struct digest gone;

    push_image("a", 'c', 'l');
    push_blob("a", SPAN("a layer without an image"));
    gone = push_blob("b", SPAN("no repository has it"));
    cr_assert_eq(blob_delete(&store, "b", &gone, &err), 0);
    measure(1);
    cr_expect_eq(usage_totals(usage)->unreferenced_blobs, 2);
    cr_expect_eq(usage_totals(usage)->unreferenced_bytes,
                 strlen("a layer without an image") +
                     strlen("no repository has it"));
    expect_row(USAGE_REPOSITORY, "b", 0, 0);
}

Test(usage, nothing_is_free_where_a_manifest_cannot_be_read)
{
    struct digest digest = push_blob("a", SPAN("no JSON"));
    struct layout_path path = layout_revision_link("a", &digest);

    push_blob("a", SPAN("a layer"));
    cr_assert_eq(driver_put(store.driver, path.text, span_of(text_of(&digest)),
                            DRIVER_DURABLE, &err),
                 0);
    measure(1);
    cr_expect_eq(usage_totals(usage)->unreadable, 1);
    cr_expect_eq(usage_totals(usage)->unreferenced_blobs, 0);
}

Test(usage, uploads_in_progress_are_counted)
{
    char uuid[UUID_LENGTH + 1];
    struct upload *upload;
    struct body body;
    uint64_t received;

    body_init(&body, SPAN("12345"));
    cr_assert(upload_start(&store, "new", HASH_SHA256, uuid, &err) == 0 &&
              upload_open(&store, "new", uuid, &upload, &err) == 0 &&
              upload_receive(upload, &body.reader, &received, &err) == 0 &&
              upload_suspend(upload, &err) == 0);
    measure(1);
    cr_expect_eq(usage_totals(usage)->uploads, 1);
    cr_expect_eq(usage_totals(usage)->upload_bytes, 5);
    cr_expect_eq(usage_row_count(usage, USAGE_REPOSITORY), 0);
}

/* Many, so that places are guessed and halved. */
Test(usage, finds_each_of_many_blobs)
{
    char text[32];

    for (int i = 0; i < 2000; i++) {
        snprintf(text, sizeof(text), "%08d", i);
        push_blob(i % 2 ? "a" : "b", span_of(text));
    }
    measure(1);
    cr_expect_eq(row(USAGE_REPOSITORY, "a").own_blobs, 1000);
    cr_expect_eq(row(USAGE_REPOSITORY, "b").own_bytes, 8000);
    cr_expect_eq(usage_totals(usage)->blobs, 2000);
}

static int stop(void *context, uint64_t done)
{
    (void)context;
    return done > 0 ? 7 : 0;
}

Test(usage, can_be_ended)
{
    push_image("a", 'c', 'l');
    cr_expect_eq(usage_measure(&store, 1, stop, NULL, &usage, &err), 7);
    cr_expect_null(usage);
}
