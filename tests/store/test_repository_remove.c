/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/catalog.h"
#include "store/distribution_check.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/manifest_store.h"
#include "store/repository_clear.h"
#include "store/repository_remove.h"
#include "store/rules.h"
#include "store/tag.h"

TestSuite(repository_remove, .init = fixture_setup, .fini = fixture_teardown);

static struct repository_removed removed;
static bool now;

static int remove_it(const char *name)
{
    const struct repository_removal how = {
        .grace = FIXTURE_GRACE, .upload_age = 3600, .now = now};

    removed = (struct repository_removed){0};
    return repository_remove(&store, name, &how, &removed, &err);
}

static void removes(const char *name)
{
    cr_assert_eq(remove_it(name), 0, "%s", err.text);
}

/* An image whose tag is v1, all leases of its blobs over. */
static struct digest push_image(const char *name, const char *layer_text)
{
    struct digest config = push_blob(name, SPAN("config"));
    struct digest layer = push_blob(name, span_of(layer_text));
    struct digest digest = push_manifest(name, image_json(&config, &layer));

    cr_assert_eq(tag_set(&store, name, "v1", &digest, &err), 0);
    object_age(layout_layer_link(name, &config).text);
    object_age(layout_layer_link(name, &layer).text);
    return digest;
}

static int append_name(void *context, const char *name, struct err *error)
{
    (void)error;
    strncat(context, name, 100);
    strncat(context, " ", 2);
    return 0;
}

static const char *catalog(void)
{
    static char names[1024];

    names[0] = '\0';
    cr_assert_eq(catalog_list(&store, NULL, append_name, names, &err), 0);
    return names;
}

Test(repository_remove, takes_all_and_the_directories)
{
    push_image("team/app", "layer");
    removes("team/app");
    cr_expect(removed.is_gone);
    cr_expect_eq(removed.tags, 1);
    cr_expect_eq(removed.manifests, 1);
    cr_expect_eq(removed.blobs, 2);
    cr_expect_str_eq(catalog(), "");
    cr_expect(!object_exists("repositories/team"));
    cr_expect(object_exists("repositories"));
}

Test(repository_remove, spares_repositories_below_and_beside)
{
    push_image("team/app", "layer");
    push_image("team/app/sub", "layer");
    push_image("team/other", "layer");
    removes("team/app");
    cr_expect(removed.is_gone);
    cr_expect_str_eq(catalog(), "team/app/sub team/other ");
    cr_expect(!object_exists(layout_own("team/app").text));
}

Test(repository_remove, of_none_is_done)
{
    removes("none");
    cr_expect(removed.is_gone);
    cr_expect(!object_exists("repositories/none"));
}

/* Who was told that the repository has a blob goes on with his push. */
Test(repository_remove, young_blobs_stay_unless_nobody_pushes)
{
    struct digest young;

    push_image("a", "layer");
    young = push_blob("a", SPAN("of a push that goes on"));
    removes("a");
    cr_expect(!removed.is_gone);
    cr_expect_eq(removed.kept_blobs, 1);
    cr_expect_eq(removed.kept_manifests, 0);
    cr_expect(object_exists(layout_layer_link("a", &young).text));
    cr_expect_str_eq(catalog(), "a ");
    now = true;
    removes("a");
    cr_expect(removed.is_gone);
    cr_expect_str_eq(catalog(), "");
}

Test(repository_remove, a_repository_that_stays_has_all_its_directories)
{
    push_blob("a", SPAN("young"));
    removes("a");
    cr_expect(object_exists(layout_layers("a").text));
    cr_expect(object_exists(layout_tags("a").text));
}

Test(repository_remove, goes_on_past_what_cannot_be_read)
{
    struct digest broken;
    struct layout_path path;

    push_image("a", "layer");
    broken = push_blob("a", SPAN("no JSON"));
    path = layout_revision_link("a", &broken);
    cr_assert_eq(link_write(&store, &path, &broken, &err), 0);
    object_age(layout_layer_link("a", &broken).text);
    removes("a");
    cr_expect(removed.is_gone);
    cr_expect_eq(removed.manifests, 2);
}

Test(repository_remove, empty_links_of_a_crash_go_along)
{
    struct digest gone;
    struct layout_path path;

    digest_of_bytes(HASH_SHA256, SPAN("never written"), &gone);
    path = layout_layer_link("a", &gone);
    push_image("a", "layer");
    cr_assert_eq(
        driver_put(store.driver, path.text, SPAN(""), DRIVER_DURABLE, &err), 0);
    removes("a");
    cr_expect(removed.is_gone);
}

/* --- protected tags --- */

Test(repository_remove, what_a_protected_tag_needs_stays)
{
    struct digest kept = push_image("a", "kept");
    struct digest gone, index;
    struct rules *rules = NULL;
    char json[512];

    cr_assert_eq(
        rules_parse(SPAN("[a]\nprotect = keep\n"), "rules", &rules, &err), 0,
        "%s", err.text);
    snprintf(json, sizeof(json),
             "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\","
             "\"size\":1}]}",
             text_of(&kept));
    index = push_manifest("a", json);
    cr_assert_eq(tag_set(&store, "a", "keep", &index, &err), 0);
    gone = push_image("a", "gone");
    store.rules = rules;
    removes("a");
    cr_expect_eq(removed.tags, 1);
    cr_expect_eq(removed.protected_tags, 1);
    cr_expect_eq(removed.kept_manifests, 2);
    cr_expect_eq(removed.kept_blobs, 2);
    cr_expect(!object_exists(layout_revision_link("a", &gone).text));
    cr_expect(object_exists(layout_revision_link("a", &kept).text));
    rules_free(rules);
}

Test(repository_remove, without_the_rules_nothing_goes)
{
    struct digest digest = push_image("a", "layer");

    store.rules = NULL;
    cr_expect_eq(remove_it("a"), -1);
    cr_expect_eq(err.code, ERR_MISCONFIGURED);
    cr_expect_eq(removed.tags, 0);
    cr_expect(object_exists(layout_revision_link("a", &digest).text));
}

/* --- while somebody pushes --- */

static const struct driver_ops *plain;
static struct driver_ops meddling;
static void (*meddle)(void);
static const char *meddle_at; /* part of the path that is removed */

static void set_off(const char *path)
{
    if (meddle == NULL || strstr(path, meddle_at) == NULL)
        return;
    void (*once)(void) = meddle;

    meddle = NULL;
    store.driver->ops = plain;
    once();
    store.driver->ops = &meddling;
}

static int meddle_and_remove_if(struct driver *driver, const char *directory,
                                const struct driver_condition *condition,
                                struct err *error)
{
    set_off(directory);
    return plain->remove_if(driver, directory, condition, error);
}

static int meddle_and_remove_empty(struct driver *driver, const char *directory,
                                   struct err *error)
{
    set_off(directory);
    return plain->remove_empty(driver, directory, error);
}

static void meddle_before(const char *path, void (*what)(void))
{
    plain = store.driver->ops;
    meddling = *plain;
    meddling.remove_if = meddle_and_remove_if;
    meddling.remove_empty = meddle_and_remove_empty;
    meddle_at = path;
    meddle = what;
    store.driver->ops = &meddling;
}

static struct digest pushed;

static void push_anew(void)
{
    pushed = push_image("a", "layer");
}

/* The very image that is being removed is pushed again, and tagged. */
static void expect_whole_image(void)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct digest named;

    store.driver->ops = plain;
    cr_assert_null(meddle, "nobody came to %s", meddle_at);
    cr_assert_eq(tag_resolve(&store, "a", "v1", &named, &err), 0);
    cr_assert(digest_equals(&named, &pushed));
    cr_assert_eq(manifest_get(&store, "a", &pushed, &bytes, &err), 0);
    cr_assert_eq(manifest_parse(buf_span(&bytes), SPAN(""), &manifest, &err),
                 0);
    cr_assert_eq(
        manifest_protect_references(&store, "a", manifest, false, &err), 0,
        "%s: %s", meddle_at, err.text);
    cr_assert(object_exists(layout_layers("a").text));
    cr_assert(object_exists(layout_tags("a").text));
}

Test(repository_remove, what_is_pushed_before_any_step_stays)
{
    static const char *const steps[] = {
        "/tags/v1",  "/revisions/sha256/", "/_layers/sha256/",
        "/tags",     "/_manifests",        "/_layers",
        "/_uploads", "repositories/a",
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        push_image("a", "layer");
        meddle_before(steps[i], push_anew);
        removes("a");
        expect_whole_image();
        /* For the next one. */
        now = true;
        removes("a");
        cr_assert(removed.is_gone);
        now = false;
    }
}

static void tag_again(void)
{
    cr_assert_eq(tag_set(&store, "a", "v1", &pushed, &err), 0);
}

Test(repository_remove, a_tag_that_is_set_meanwhile_keeps_its_image)
{
    pushed = push_image("a", "layer");
    meddle_before("/tags/v1", tag_again);
    removes("a");
    cr_expect_eq(removed.kept_tags, 1);
    cr_expect_eq(removed.blobs, 0);
    expect_whole_image();
}

/* After all tags were looked at, to a manifest whose lease is old. */
Test(repository_remove, what_is_tagged_right_before_it_goes_comes_back)
{
    static const char *const steps[] = {"/revisions/sha256/",
                                        "/_layers/sha256/"};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        pushed = push_image("a", "layer");
        meddle_before(steps[i], tag_again);
        removes("a");
        expect_whole_image();
    }
}

static void push_layer_again(void)
{
    pushed = push_blob("a", SPAN("layer"));
}

/* By somebody whose manifest comes later. */
Test(repository_remove, a_blob_that_is_pushed_as_it_goes_stays)
{
    struct layout_path path;

    push_image("a", "layer");
    digest_of_bytes(HASH_SHA256, SPAN("layer"), &pushed);
    path = layout_layer("a", &pushed);
    meddle_before(path.text, push_layer_again);
    now = true;
    removes("a");
    now = false;
    store.driver->ops = plain;
    cr_assert_null(meddle);
    cr_expect(!removed.is_gone);
    cr_expect(object_exists(layout_layer_link("a", &pushed).text));
    cr_expect(object_exists(layout_tags("a").text));
}

static int meddle_and_put(struct driver *driver, const char *path,
                          struct span bytes, enum driver_durability durability,
                          struct err *error)
{
    set_off(path);
    return plain->put(driver, path, bytes, durability, error);
}

static void clear(void)
{
    cr_assert_eq(repository_clear(&store, "a", clock_now_ns(), &err), 0);
}

/* Distribution 3 stops at a repository without `_layers`. */
Test(repository_remove, a_manifest_has_its_directories_whoever_clears_them)
{
    meddle_before("/revisions/", clear);
    meddling.put = meddle_and_put;
    push_manifest("a", "{\"schemaVersion\":2,\"manifests\":[]}");
    store.driver->ops = plain;
    cr_assert_null(meddle);
    cr_expect(object_exists(layout_layers("a").text));
    cr_expect(object_exists(layout_tags("a").text));
}

static struct digest part;

static void push_index_of_part(void)
{
    char json[512];

    snprintf(json, sizeof(json),
             "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"%s\","
             "\"size\":1}]}",
             text_of(&part));
    pushed = push_manifest("a", json);
    cr_assert_eq(tag_set(&store, "a", "v1", &pushed, &err), 0);
}

/* Whose parts were looked at before, and are already gone. */
Test(repository_remove, a_part_that_a_new_index_needs_comes_back)
{
    part = push_image("a", "layer");
    meddle_before("/_layers/sha256/", push_index_of_part);
    now = true;
    removes("a");
    now = false;
    expect_whole_image();
}

static bool end_at_once(void *context)
{
    (void)context;
    return true;
}

Test(repository_remove, that_is_ended_leaves_what_is_in_order)
{
    const struct repository_removal how = {.grace = FIXTURE_GRACE,
                                           .is_ended = end_at_once};

    pushed = push_image("a", "layer");
    cr_assert_eq(repository_remove(&store, "a", &how, &removed, &err), 0);
    cr_expect(!removed.is_gone);
    cr_expect(object_exists(layout_revision_link("a", &pushed).text));
}
