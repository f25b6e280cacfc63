/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "oci/manifest.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/tag.h"

#define INDEX_OF_NOTHING "{\"schemaVersion\":2,\"manifests\":[]}"

TestSuite(manifest_store, .init = fixture_setup, .fini = fixture_teardown);

static int protect(const char *name, const char *json, bool sparse)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;

    err_clear(&err);
    cr_assert_eq(manifest_parse(span_of(json), SPAN(""), &manifest, &err), 0,
                 "%s: %s", err.text, json);
    return manifest_protect_references(&store, name, manifest, sparse, &err);
}

static const char *index_json(const struct digest *child)
{
    static char json[512];

    snprintf(json, sizeof(json),
             "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":"
             "\"" MEDIA_TYPE_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":1}]}",
             text_of(child));
    return json;
}

Test(manifest_store, gives_back_the_very_bytes)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    const char *json = "{ \"schemaVersion\": 2,\n\"manifests\" : [ ] }\n";
    struct digest digest = push_manifest("a", json);

    cr_assert_eq(manifest_get(&store, "a", &digest, &bytes, &err), 0);
    cr_assert_str_eq(buf_text(&bytes), json);
}

Test(manifest_store, makes_layers_and_manifests_for_both_registries)
{
    push_manifest("a", "{\"schemaVersion\":2,\"manifests\":[]}");
    cr_assert(object_exists(layout_layers("a").text));
    cr_assert(object_exists(layout_manifests("a").text));
    cr_assert(object_exists(layout_tags("a").text));
}

/* As a power cut leaves it where Distribution wrote; a push heals it. */
Test(manifest_store, an_empty_file_is_no_manifest)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    const char *json = "{\"schemaVersion\":2,\"manifests\":[]}";
    struct digest digest = push_manifest("a", json);

    cr_assert_eq(driver_put(store.driver, layout_blob(&digest).text, SPAN(""),
                            DRIVER_DURABLE, &err),
                 0);
    cr_assert_eq(manifest_get(&store, "a", &digest, &bytes, &err), -1);
    cr_assert_eq(err.code, ERR_MANIFEST_UNKNOWN);
    err_clear(&err);
    push_manifest("a", json);
    cr_assert_eq(manifest_get(&store, "a", &digest, &bytes, &err), 0);
    cr_assert_str_eq(buf_text(&bytes), json);
}

Test(manifest_store, a_blob_is_no_manifest)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    struct digest digest =
        push_blob("a", SPAN("{\"schemaVersion\":2,\"manifests\":[]}"));

    cr_assert_eq(manifest_get(&store, "a", &digest, &bytes, &err), -1);
    cr_assert_eq(err.code, ERR_MANIFEST_UNKNOWN);
}

Test(manifest_store, protect_names_what_is_missing)
{
    struct digest config = push_blob("a", SPAN("{}"));
    struct digest layer;

    digest_of_bytes(HASH_SHA256, SPAN("absent"), &layer);
    cr_assert_eq(protect("a", image_json(&config, &layer), false), -1);
    cr_assert_eq(err.code, ERR_MANIFEST_BLOB_UNKNOWN);
    cr_assert_str_eq(err.detail, text_of(&layer));
    cr_assert_eq(protect("a", image_json(&config, &layer), true), 0);
}

Test(manifest_store, what_another_repository_has_is_missing)
{
    struct digest config = push_blob("a", SPAN("{}"));
    struct digest layer = push_blob("b", SPAN("layer"));

    cr_assert_eq(protect("a", image_json(&config, &layer), false), -1);
    cr_assert_eq(err.code, ERR_MANIFEST_BLOB_UNKNOWN);
}

Test(manifest_store, an_index_may_hold_blobs)
{
    struct digest blob = push_blob("a", SPAN("cache layer"));

    cr_assert_eq(protect("a", index_json(&blob), false), 0, "%s", err.text);
}

Test(manifest_store, protect_renews_the_closure_of_an_index)
{
    struct digest config = push_blob("a", SPAN("{}"));
    struct digest layer = push_blob("a", SPAN("layer"));
    struct digest image = push_manifest("a", image_json(&config, &layer));
    struct digest inner = push_manifest("a", index_json(&image));
    struct layout_path paths[] = {
        layout_blob(&config), layout_layer_link("a", &config),
        layout_blob(&layer),  layout_layer_link("a", &layer),
        layout_blob(&image),  layout_revision_link("a", &image),
        layout_blob(&inner),  layout_revision_link("a", &inner),
    };
    int64_t old[ARRAY_SIZE(paths)];

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        object_age(paths[i].text);
        old[i] = object_mtime(paths[i].text);
    }
    cr_assert_eq(protect("a", index_json(&inner), false), 0, "%s", err.text);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        cr_assert_gt(object_mtime(paths[i].text), old[i], "%s", paths[i].text);
}

/* Another program checked nothing, or the disk lost something. */
Test(manifest_store, a_damaged_child_refers_to_nothing)
{
    struct digest child = push_manifest("a", INDEX_OF_NOTHING);

    cr_assert_eq(driver_put(store.driver, layout_blob(&child).text,
                            SPAN("{\"manifests\":[{\"digest\":\"?\"}]"),
                            DRIVER_DURABLE, &err),
                 0, "%s", err.text);
    cr_expect_eq(protect("a", index_json(&child), false), 0, "%s", err.text);
    cr_assert_eq(driver_remove(store.driver, layout_blob(&child).text,
                               DRIVER_DURABLE, &err),
                 0, "%s", err.text);
    cr_expect_eq(protect("a", index_json(&child), false), -1);
    cr_expect_eq(err.code, ERR_MANIFEST_BLOB_UNKNOWN, "%s", err.text);
}

Test(manifest_store, lease_renews_manifest_and_link)
{
    struct digest digest =
        push_manifest("a", "{\"schemaVersion\":2,\"manifests\":[]}");
    struct layout_path link = layout_revision_link("a", &digest);
    int64_t old;

    object_age(link.text);
    old = object_mtime(link.text);
    manifest_lease(&store, "a", &digest);
    cr_assert_gt(object_mtime(link.text), old);
}

Test(manifest_store, delete_takes_its_tags_along)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    struct digest digest =
        push_manifest("a", "{\"schemaVersion\":2,\"manifests\":[]}");
    struct digest found;

    cr_assert_eq(tag_set(&store, "a", "v1", &digest, &err), 0);
    cr_assert_eq(manifest_delete(&store, "a", &digest, &err), 0, "%s",
                 err.text);
    cr_assert_eq(manifest_get(&store, "a", &digest, &bytes, &err), -1);
    cr_assert_eq(tag_resolve(&store, "a", "v1", &found, &err), -1);
    cr_assert_eq(manifest_delete(&store, "a", &digest, &err), -1);
    cr_assert_eq(err.code, ERR_MANIFEST_UNKNOWN);
}

/* 300 times the same child, which has 300 times the same child, and so on. */
static void push_repeated(const char *name, int levels, struct buf *json)
{
    struct digest child = push_manifest(name, INDEX_OF_NOTHING);

    for (int level = 0; level < levels; level++) {
        buf_clear(json);
        buf_add(json, SPAN("{\"schemaVersion\":2,\"manifests\":["));
        for (int i = 0; i < 300; i++)
            buf_add_format(json,
                           "%s{\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX
                           "\",\"digest\":\"%s\",\"size\":1}",
                           i > 0 ? "," : "", text_of(&child));
        buf_add(json, SPAN("]}"));
        child = push_manifest(name, buf_text(json));
    }
}

Test(manifest_store, protect_goes_to_each_child_once, .timeout = 30)
{
    CLEANUP(buf) struct buf json = BUF_INIT(MANIFEST_BYTES_MAX);

    push_repeated("a", 4, &json);
    cr_assert_eq(protect("a", buf_text(&json), false), 0, "%s", err.text);
}

/* --- deletion against a push at the same moment --- */

static const struct driver_ops *plain;
static struct driver_ops racing;
static struct digest moved; /* what the other request lets "late" name */

/* Another request sets a tag right before something is removed. */
static void push_late(void)
{
    store.driver->ops = plain;
    cr_assert_eq(tag_set(&store, "a", "late", &moved, &err), 0);
    err_clear(&err);
}

static int remove_late(struct driver *driver, const char *path,
                       enum driver_durability durability, struct err *error)
{
    push_late();
    return driver_remove(driver, path, durability, error);
}

static int remove_if_late(struct driver *driver, const char *directory,
                          const struct driver_condition *condition,
                          struct err *error)
{
    push_late();
    return driver_remove_if(driver, directory, condition, error);
}

static void begin_race(void)
{
    plain = store.driver->ops;
    racing = *plain;
    racing.remove = remove_late;
    racing.remove_if = remove_if_late;
    store.driver->ops = &racing;
}

Test(manifest_store, a_deletion_spares_a_tag_that_is_moved_meanwhile)
{
    struct digest found, digest = push_manifest("a", INDEX_OF_NOTHING);

    moved = push_manifest("a", " " INDEX_OF_NOTHING);
    cr_assert_eq(tag_set(&store, "a", "late", &digest, &err), 0);
    begin_race();
    cr_assert_eq(manifest_delete(&store, "a", &digest, &err), 0);
    cr_assert_eq(tag_resolve(&store, "a", "late", &found, &err), 0);
    cr_assert(digest_equals(&found, &moved));
}

Test(manifest_store, a_deletion_leaves_no_tag_that_was_set_meanwhile)
{
    struct digest found, digest = push_manifest("a", INDEX_OF_NOTHING);

    moved = digest;
    begin_race();
    cr_assert_eq(manifest_delete(&store, "a", &digest, &err), 0);
    cr_assert_eq(manifest_check(&store, "a", &digest, &err), -1);
    cr_assert_eq(err.code, ERR_MANIFEST_UNKNOWN);
    cr_assert_eq(tag_resolve(&store, "a", "late", &found, &err), -1);
    cr_assert_eq(err.code, ERR_MANIFEST_UNKNOWN);
}
