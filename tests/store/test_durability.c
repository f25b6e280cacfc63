/* SPDX-License-Identifier: MIT */
/*
 * What a request acknowledges is written, or removed, durably, and bytes
 * before the links to them: what the store asks of its driver. That the driver
 * keeps its word is seen in tests/driver.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "store/blob.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/tag.h"

static const struct driver_ops *plain;
static struct driver_ops watching;
static size_t durable, relaxed;
static size_t links, early_links;

/* An upload that goes on may be lost; its owner has been told nothing. */
static void note(const char *path, enum driver_durability durability)
{
    if (strstr(path, "/_uploads/") != NULL)
        return;
    if (durability == DRIVER_DURABLE)
        durable++;
    else
        relaxed++;
}

static void look_for_bytes(struct span link)
{
    struct digest digest;

    cr_assert_eq(digest_parse(link, &digest, &err), 0, "%s", err.text);
    links++;
    early_links += !object_exists(layout_blob(&digest).text);
}

static int watched_put(struct driver *driver, const char *path,
                       struct span bytes, enum driver_durability durability,
                       struct err *error)
{
    note(path, durability);
    if (strcmp(path + strlen(path) - strlen("/link"), "/link") == 0)
        look_for_bytes(bytes);
    return plain->put(driver, path, bytes, durability, error);
}

static int watched_remove(struct driver *driver, const char *path,
                          enum driver_durability durability, struct err *error)
{
    note(path, durability);
    return plain->remove(driver, path, durability, error);
}

static struct digest blob, manifest;

static void setup(void)
{
    fixture_setup();
    blob = push_blob("a", SPAN("layer"));
    manifest = push_manifest("a", "{\"schemaVersion\":2,\"manifests\":[]}");
    cr_assert_eq(tag_set(&store, "a", "v1", &manifest, &err), 0);
    plain = store.driver->ops;
    watching = *plain;
    watching.put = watched_put;
    watching.remove = watched_remove;
    store.driver->ops = &watching;
}

TestSuite(durability, .init = setup, .fini = fixture_teardown);

/* So many objects were put or removed since the test began, all durably. */
static void expect_durable(size_t count)
{
    cr_assert(durable == count && relaxed == 0, "%zu durable, %zu relaxed",
              durable, relaxed);
}

Test(durability, of_the_link_of_a_pushed_blob)
{
    push_blob("a", SPAN("another layer"));
    /* The bytes are a writer's. */
    expect_durable(1);
}

Test(durability, a_link_comes_after_its_bytes)
{
    push_blob("a", SPAN("another layer"));
    push_manifest("a", "{\"schemaVersion\":2,\"manifests\":[] }");
    cr_assert(links == 2 && early_links == 0, "%zu of %zu", early_links, links);
}

Test(durability, of_a_mounted_blob)
{
    cr_assert_eq(blob_mount(&store, "b", "a", &blob, &err), 0, "%s", err.text);
    expect_durable(1);
}

Test(durability, of_a_pushed_manifest)
{
    push_manifest("a", "{\"schemaVersion\":2,\"manifests\":[] }");
    /* Bytes and link. */
    expect_durable(2);
}

Test(durability, of_a_tag_that_moves)
{
    cr_assert_eq(tag_set(&store, "a", "v1", &manifest, &err), 0, "%s",
                 err.text);
    /* Index entry and tag. */
    expect_durable(2);
}

Test(durability, of_a_deleted_tag)
{
    cr_assert_eq(tag_delete(&store, "a", "v1", &err), 0, "%s", err.text);
    expect_durable(1);
}

Test(durability, of_a_deleted_manifest)
{
    cr_assert_eq(tag_delete(&store, "a", "v1", &err), 0, "%s", err.text);
    durable = 0;
    cr_assert_eq(manifest_delete(&store, "a", &manifest, &err), 0, "%s",
                 err.text);
    expect_durable(1);
}

Test(durability, of_a_deleted_blob)
{
    cr_assert_eq(blob_delete(&store, "a", &blob, &err), 0, "%s", err.text);
    expect_durable(1);
}
