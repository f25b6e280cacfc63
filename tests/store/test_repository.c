/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "store/blob.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/repository.h"

TestSuite(repository, .init = fixture_setup, .fini = fixture_teardown);

static size_t visited;
static struct repository_link last;

static int count(void *context, const struct repository_link *link,
                 struct err *error)
{
    (void)context;
    (void)error;
    visited++;
    last = *link;
    return 0;
}

static size_t walk(enum repository_part part)
{
    visited = 0;
    cr_assert_eq(repository_walk(&store, "a", part, count, NULL, &err), 0, "%s",
                 err.text);
    return visited;
}

static bool exists(const char *name)
{
    bool exists;

    cr_assert_eq(repository_exists(&store, name, &exists, &err), 0);
    return exists;
}

Test(repository, is_there_with_a_blob_or_a_manifest)
{
    cr_expect(!exists("a"));
    push_blob("a", SPAN("config"));
    cr_expect(exists("a"));
    push_manifest("team/b", "{\"schemaVersion\":2,\"manifests\":[]}");
    cr_expect(exists("team/b"));
    cr_expect(!exists("team"));
}

Test(repository, walks_what_it_has)
{
    struct digest config = push_blob("a", SPAN("config"));
    struct digest layer = push_blob("a", SPAN("layer"));
    struct digest manifest = push_manifest("a", image_json(&config, &layer));

    push_blob("a/b", SPAN("another repository"));
    cr_expect_eq(walk(REPOSITORY_BLOBS), 2);
    cr_expect_eq(walk(REPOSITORY_MANIFESTS), 1);
    cr_expect(digest_equals(&last.digest, &manifest));
    cr_expect(digest_equals(&last.stored, &manifest));
    cr_expect_eq(last.mtime_ns,
                 object_mtime(layout_revision_link("a", &manifest).text));
}

Test(repository, passes_over_what_is_no_link)
{
    struct digest config = push_blob("a", SPAN("config"));
    struct digest gone = push_blob("a", SPAN("gone"));
    struct digest empty = push_blob("a", SPAN("empty"));
    struct layout_path path = layout_layer_link("a", &empty);

    cr_assert_eq(blob_delete(&store, "a", &gone, &err), 0);
    cr_assert_eq(
        driver_put(store.driver, path.text, SPAN(""), DRIVER_DURABLE, &err), 0);
    cr_assert_eq(driver_put(store.driver,
                            "repositories/a/_layers/sha256/other/link",
                            SPAN("x"), DRIVER_DURABLE, &err),
                 0);
    cr_expect_eq(walk(REPOSITORY_BLOBS), 1);
    cr_expect(digest_equals(&last.digest, &config));
}

/* As registry:2 keeps what is pushed as sha512. */
Test(repository, tells_where_the_bytes_of_another_algorithm_are)
{
    struct digest stored = push_blob("a", SPAN("layer")), digest;
    struct layout_path path;

    digest_of_bytes(HASH_SHA512, SPAN("layer"), &digest);
    path = layout_layer_link("a", &digest);
    cr_assert_eq(driver_put(store.driver, path.text, span_of(text_of(&stored)),
                            DRIVER_DURABLE, &err),
                 0);
    cr_expect_eq(walk(REPOSITORY_BLOBS), 2);
    cr_expect(digest_equals(&last.digest, &digest));
    cr_expect(digest_equals(&last.stored, &stored));
}

Test(repository, that_is_not_there_has_nothing)
{
    cr_expect_eq(walk(REPOSITORY_BLOBS), 0);
    cr_expect_eq(walk(REPOSITORY_MANIFESTS), 0);
}
