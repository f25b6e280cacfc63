/* SPDX-License-Identifier: MIT */
/* The ways to check: bytes, ages, some repositories, storage that refuses. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/blob.h"
#include "store/damaged_tree.h"
#include "store/manifest_store.h"
#include "store/tag.h"
#include "store/tree_checked.h"
#include "store/upload.h"

static void begin(void)
{
    tree_begin(OVER_MEMORY);
}

TestSuite(tree_check_ways, .init = begin, .fini = tree_end);

static struct layout_path link_two(void)
{
    return layout_layer_link("app", &blob_two);
}

/* --- no manifest at all --- */

static void expect_notice(bool is_told, int64_t promised_ns)
{
    const struct tree_check_options options = {.promised_ns = promised_ns};

    check_with(&options, NULL, 0);
    cr_expect_str_eq(checked.found, is_told ? "no-manifest" : "");
    cr_expect_eq(checked.result.damages, 0);
    cr_expect_eq(checked.result.notices, is_told);
}

Test(tree_check_ways, a_repository_that_lost_all_its_manifests_is_told_of)
{
    push_blob("pushed", SPAN("a push that goes on"));
    expect_notice(false, hour_ago_ns());
    tree_remove(layout_manifests("app"));
    expect_notice(true, hour_ago_ns());
    expect_notice(false, 0);
    /* With one image it is a repository like any other. */
    tree_remove(layout_layers("app"));
    expect_notice(false, hour_ago_ns());
}

/* --- bytes --- */

#define BLOBS 1000

/* One bit in each, at another place each time. */
static void push_and_flip(int number)
{
    char text[64];
    struct digest digest;
    int len = snprintf(text, sizeof(text), "blob %d: ", number);

    while (len < 32 + number % 16)
        text[len++] = (char)('a' + number % 26);
    digest = push_blob("flipped", (struct span){text, (size_t)len});
    text[number % len] ^= (char)(1 << number % 7);
    text[len] = '\0';
    tree_put(layout_blob(&digest), text);
}

Test(tree_check_ways, a_thousand_flipped_bits_are_a_thousand_findings)
{
    for (int i = 0; i < BLOBS; i++)
        push_and_flip(i);
    tree_age();
    check(false, false);
    cr_expect_str_eq(checked.found, "");
    check(false, true);
    cr_expect_str_eq(checked.found, "blob-corrupt*1000");
    check(true, true);
    cr_expect_str_eq(checked.found, "blob-corrupt*1000");
    cr_expect_eq(checked.result.damages, checked.result.mended);
    cr_expect_eq(checked.quarantined, BLOBS);
    check(true, true);
    cr_expect_str_eq(checked.found, "link-dangling*1000");
    check(false, true);
    cr_expect_str_eq(checked.found, "");
}

Test(tree_check_ways, each_byte_is_read_once)
{
    uint64_t blobs, bytes;

    check(false, true);
    blobs = checked.result.blobs;
    bytes = checked.result.bytes;
    /* 7 manifests, 6 configs, 7 layers. */
    cr_expect_eq(blobs, 20);
    check(false, true);
    cr_expect_eq(checked.result.bytes, bytes);
}

Test(tree_check_ways, bytes_are_read_no_faster_than_the_rate)
{
    const struct tree_check_options options = {.data = true, .rate = 100000};
    int64_t began_ns = clock_monotonic_ns(), took_ns;
    static char large[20000];

    memset(large, 'x', sizeof(large));
    push_blob("app", (struct span){large, sizeof(large)});
    check_with(&options, NULL, 0);
    took_ns = clock_monotonic_ns() - began_ns;
    cr_expect_geq(checked.result.bytes, sizeof(large));
    cr_expect_geq(took_ns, (int64_t)checked.result.bytes * 10000);
}

Test(tree_check_ways, wrong_bytes_are_moved_and_never_deleted)
{
    struct layout_path aside = layout_quarantine(&blob_two, 0);

    tree_flip(&blob_two);
    tree_age();
    check(true, true);
    cr_expect_str_eq(checked.outcomes, "m");
    cr_expect_not(object_exists(layout_blob(&blob_two).text));
    cr_expect_eq(strlen(object_text(aside.text)),
                 strlen("the bytes of the second layer"));
    check(false, false);
    cr_expect_eq(checked.quarantined, 1);
    cr_expect_str_eq(checked.reason, "nobody has pushed it again");
    tree_push("app:v1");
    check(false, true);
    cr_expect_eq(checked.quarantined, 1);
    cr_expect_str_eq(checked.reason,
                     "it was pushed again: this may be deleted");
    /* A second time the first is spared. */
    tree_put(layout_blob(&blob_two), "wrong again");
    tree_age();
    check(true, true);
    cr_expect_str_eq(object_text(layout_quarantine(&blob_two, 1).text),
                     "wrong again");
    cr_expect(object_exists(aside.text));
}

/* --- ages --- */

Test(tree_check_ways, what_is_young_is_left_alone)
{
    tree_put(link_two(), "");
    tree_age();
    tree_touch(link_two());
    check(true, false);
    cr_expect_str_eq(checked.found, "link-empty");
    cr_expect_str_eq(checked.outcomes, "y");
    cr_expect_str_eq(object_text(link_two().text), "");
    tree_age();
    check(true, false);
    cr_expect_str_eq(checked.outcomes, "m");
}

Test(tree_check_ways, bytes_that_may_be_being_written_are_left_alone)
{
    tree_flip(&blob_two);
    check(true, true);
    cr_expect_str_eq(checked.outcomes, "y");
    cr_expect(object_exists(layout_blob(&blob_two).text));
    cr_expect(has_image(checked.hurt, "app:v1"));
}

Test(tree_check_ways, without_repair_nothing_is_changed)
{
    tree_put(link_two(), "");
    tree_remove(layout_layers("other"));
    tree_flip(&image_v2);
    tree_age();
    check(false, true);
    cr_expect_eq(checked.result.mended, 0);
    cr_expect_str_eq(object_text(link_two().text), "");
    cr_expect_not(object_exists(layout_layers("other").text));
    cr_expect_not(object_exists("_berth/quarantine"));
}

Test(tree_check_ways, what_stood_in_the_way_can_be_brought_back)
{
    const char *path = "repositories/app/_manifests/tags/.DS_Store";

    tree_put(tree_path(path), "precious");
    tree_age();
    check(true, false);
    cr_expect_not(object_exists(path));
    cr_expect_str_eq(object_text(layout_quarantine_odd(path, 0).text),
                     "precious");
    cr_expect_str_eq(object_text(layout_quarantine_note(path, 0).text), path);
    check(false, false);
    cr_expect_eq(checked.quarantined, 1);
    cr_expect_str_eq(checked.reason, path);
}

/* --- what is no damage --- */

Test(tree_check_ways, what_was_deleted_is_not_missed)
{
    cr_assert_eq(tag_delete(&store, "app", "moved", &err), 0);
    cr_assert_eq(manifest_delete(&store, "app", &image_v2, &err), 0);
    cr_assert_eq(blob_delete(&store, "app", &blob_three, &err), 0);
    check(false, true);
    cr_expect_str_eq(checked.found, "");
}

Test(tree_check_ways, an_upload_that_goes_on_is_none)
{
    char uuid[UUID_LENGTH + 1];

    cr_assert_eq(upload_start(&store, "app", HASH_SHA256, uuid, &err), 0);
    check(true, true);
    cr_expect_str_eq(checked.found, "");
    cr_expect(object_exists(layout_upload("app", uuid).text));
}

Test(tree_check_ways, what_a_sparse_registry_was_never_given_is_not_missed)
{
    struct tree_check_options options = {.sparse = true};

    tree_remove_above(link_two());
    tree_remove_above(layout_revision_link("app", &image_child));
    check_with(&options, NULL, 0);
    cr_expect_str_eq(checked.found, "");
    options.sparse = false;
    check_with(&options, NULL, 0);
    cr_expect_str_eq(checked.found, "manifest-unlinked layer-unlinked");
}

Test(tree_check_ways, a_size_that_a_manifest_states_wrongly_is_only_told)
{
    struct digest config = push_blob("sizes", SPAN("{}"));

    push_manifest("sizes", image_json(&config, &config));
    check(true, false);
    cr_expect_str_eq(checked.found, "blob-size*2");
    cr_expect_eq(checked.result.damages, 0);
    cr_expect(object_exists(layout_blob(&config).text));
}

Test(tree_check_ways, bytes_that_are_no_manifest_are_only_told)
{
    struct digest digest = push_blob("old", SPAN("{\"schemaVersion\":1}"));

    tree_put(layout_revision_link("old", &digest), text_of(&digest));
    tree_make(layout_tags("old"));
    check(false, false);
    cr_expect_str_eq(checked.found, "manifest-invalid");
    cr_expect_eq(checked.result.damages, 0);
}

/* --- some repositories --- */

Test(tree_check_ways, of_some_repositories_nothing_else_is_looked_at)
{
    static const char *const names[] = {"other"};
    const struct tree_check_options options = {.data = true};

    tree_flip(&blob_stored);
    tree_flip(&blob_three);
    tree_put(link_two(), "");
    check_with(&options, names, 1);
    cr_expect_str_eq(checked.found, "blob-corrupt");
    cr_expect(has_image(checked.hurt, "other:v1"));
    cr_expect_eq(checked.result.blobs, 3);
}

/* --- storage that refuses --- */

static struct driver_ops hooked;
static const struct driver_ops *plain;
static const char *refused;

static int list_others(struct driver *driver, const char *path,
                       const char *after, driver_visit *visit, void *context,
                       struct err *error)
{
    if (strcmp(path, refused) == 0)
        return err_set(error, ERR_READ_ONLY, "%s: denied", path);
    return plain->list(driver, path, after, visit, context, error);
}

static int get_others(struct driver *driver, const char *path, struct buf *into,
                      struct driver_stat *out, struct err *error)
{
    if (strcmp(path, refused) == 0)
        return err_set(error, ERR_IO, "%s: bad sector", path);
    return plain->get(driver, path, into, out, error);
}

static int open_others(struct driver *driver, const char *path, uint64_t offset,
                       uint64_t length, struct reader **out, struct err *error)
{
    if (strcmp(path, refused) == 0)
        return err_set(error, ERR_IO, "%s: bad sector", path);
    return plain->open_read(driver, path, offset, length, out, error);
}

static void refuse(const char *path)
{
    refused = path;
    plain = store.driver->ops;
    hooked = *plain;
    hooked.list = list_others;
    hooked.get = get_others;
    hooked.open_read = open_others;
    store.driver->ops = &hooked;
}

static void refuse_no_more(void)
{
    store.driver->ops = plain;
}

Test(tree_check_ways, what_cannot_be_read_is_told_and_hides_nothing_else)
{
    struct layout_path bytes = layout_blob(&blob_two);
    struct layout_path revision = layout_revision_link("app", &image_v2);

    tree_remove_above(layout_layer_link("other", &blob_shared));
    refuse(bytes.text);
    check(false, true);
    cr_expect_str_eq(checked.found, "unreadable layer-unlinked");
    cr_expect(has_image(checked.hurt, "app:v1"));
    refuse_no_more();
    refuse(revision.text);
    check(false, true);
    cr_expect_str_eq(checked.found, "unreadable layer-unlinked");
    cr_expect(has_image(checked.hurt, "app:v2"));
    refuse_no_more();
    refuse("repositories/app/_manifests/revisions/sha256");
    check(false, true);
    cr_expect_not_null(strstr(checked.found, "unreadable"));
    cr_expect_not_null(strstr(checked.found, "layer-unlinked"));
    refuse_no_more();
}

Test(tree_check_ways, nothing_unreadable_is_moved_aside)
{
    struct layout_path bytes = layout_blob(&blob_two);

    refuse(bytes.text);
    check(true, true);
    refuse_no_more();
    cr_expect(object_exists(bytes.text));
    for (size_t i = 0; tree_images[i] != NULL; i++)
        cr_expect(tree_is_whole(tree_images[i]), "%s", tree_images[i]);
}

/* --- an end before the end --- */

static int steps_left;

static bool is_over(void *context)
{
    (void)context;
    return --steps_left < 0;
}

static void no_finding(void *context, const struct tree_finding *finding)
{
    (void)context;
    (void)finding;
}

static void no_hurt(void *context, const struct tree_hurt *hurt)
{
    (void)context;
    (void)hurt;
}

Test(tree_check_ways, an_interrupted_repair_leaves_a_good_tree)
{
    const struct tree_check_options options = {
        .repair = true, .data = true, .cutoff_ns = hour_ago_ns()};
    const struct tree_check_visitor visitor = {
        .finding = no_finding, .hurt = no_hurt, .interrupted = is_over};

    for (int i = 0; i < 200; i += 7) {
        struct tree_check_result result = {0};

        tree_put(link_two(), "");
        tree_age();
        steps_left = i;
        tree_check(&store, &options, &visitor, NULL, 0, &result);
        for (size_t j = 0; tree_images[j] != NULL; j++)
            cr_expect(strcmp(tree_images[j], "app:v1") == 0 ||
                          strcmp(tree_images[j], "app:multi") == 0 ||
                          tree_is_whole(tree_images[j]),
                      "%s", tree_images[j]);
    }
    check(true, true);
    cr_expect(tree_is_whole("app:v1"));
}
