/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "driver/driver_mem.h"
#include "store/blob.h"
#include "store/carry.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/manifest_store.h"
#include "store/rules.h"
#include "store/tag.h"

#define NAME "team/app"

/* What the fixture has is carried to this one. */
static struct store target;
static struct carry carry;
static char complaint[ERR_TEXT_MAX];

static void complain(void *context, const char *name, const char *why)
{
    (void)context;
    (void)name;
    snprintf(complaint, sizeof(complaint), "%s", why);
}

static void setup(void)
{
    fixture_setup();
    target.driver = driver_mem_new(FIXTURE_GRACE);
    target.rules = rules_none();
    complaint[0] = '\0';
    carry = (struct carry){.from = &store,
                           .to = &target,
                           .manner = CARRY_AS_IS,
                           .mirror = true,
                           .complain = complain};
}

static void teardown(void)
{
    driver_free(target.driver);
    fixture_teardown();
}

TestSuite(carry, .init = setup, .fini = teardown);

static void run(void)
{
    memset(&carry.counts, 0, sizeof(carry.counts));
    cr_assert(carry_repository(&carry, NAME, &err) == 0 &&
                  (!carry.mirror || carry_mirror(&carry, &err) == 0),
              "%s", err.text);
}

static bool is_in_target(struct layout_path path)
{
    struct err ignored = {0};
    struct driver_stat stat;

    return driver_stat(target.driver, path.text, &stat, &ignored) == 0;
}

static struct digest given_image(const char *tag, const char *layer_bytes)
{
    struct digest layer = push_blob(NAME, span_of(layer_bytes));
    struct digest config = push_blob(NAME, SPAN("{}"));
    struct digest image = push_manifest(NAME, image_json(&config, &layer));

    if (tag != NULL)
        cr_assert_eq(tag_set(&store, NAME, tag, &image, &err), 0);
    return image;
}

static struct digest digest_of(const char *text)
{
    struct digest digest;

    digest_of_bytes(HASH_SHA256, span_of(text), &digest);
    return digest;
}

Test(carry, brings_an_image_with_its_parts_and_tag)
{
    struct digest image = given_image("v1", "layer"), found;
    struct digest layer = digest_of("layer");
    struct blob blob;

    run();
    cr_assert_eq(tag_resolve(&target, NAME, "v1", &found, &err), 0);
    cr_assert(digest_equals(&found, &image));
    cr_assert_eq(blob_find(&target, NAME, &layer, &blob, &err), 0);
    cr_assert_eq(carry.counts.tags, 1);
    cr_assert_eq(carry.counts.manifests, 1);
    cr_assert_eq(carry.counts.blobs, 2);
    cr_assert_eq(carry.counts.problems, 0);
}

Test(carry, brings_nothing_a_second_time)
{
    given_image("v1", "layer");
    run();
    run();
    cr_assert_eq(carry.counts.tags + carry.counts.manifests +
                     carry.counts.blobs + carry.counts.removed,
                 0);
    cr_assert_eq(carry.counts.kept, 4);
}

Test(carry, a_mirror_forgets_what_was_deleted)
{
    struct digest image = given_image("v1", "layer");
    struct digest layer = digest_of("layer");

    run();
    cr_assert_eq(manifest_delete(&store, NAME, &image, &err), 0);
    cr_assert_eq(blob_delete(&store, NAME, &layer, &err), 0);
    cr_assert_eq(driver_remove(store.driver, layout_blob(&layer).text,
                               DRIVER_DURABLE, &err),
                 0);
    run();
    cr_assert_not(is_in_target(layout_tag_current(NAME, "v1")));
    cr_assert_not(is_in_target(layout_revision_link(NAME, &image)));
    cr_assert_not(is_in_target(layout_layer_link(NAME, &layer)));
    cr_assert_not(is_in_target(layout_blob(&layer)));
}

Test(carry, without_mirroring_nothing_is_taken_away)
{
    struct digest image = given_image("v1", "layer");

    run();
    carry.mirror = false;
    cr_assert_eq(manifest_delete(&store, NAME, &image, &err), 0);
    run();
    cr_assert(is_in_target(layout_tag_current(NAME, "v1")));
}

Test(carry, a_blob_that_is_lost_keeps_its_last_good_copy)
{
    struct digest layer = digest_of("layer");

    given_image("v1", "layer");
    run();
    cr_assert_eq(driver_remove(store.driver, layout_blob(&layer).text,
                               DRIVER_DURABLE, &err),
                 0);
    run();
    cr_assert_gt(carry.counts.problems, 0);
    cr_assert(strstr(complaint, "is missing") != NULL, "%s", complaint);
    cr_assert(is_in_target(layout_blob(&layer)));
    cr_assert(is_in_target(layout_layer_link(NAME, &layer)));
}

Test(carry, a_damaged_blob_is_told_and_not_carried)
{
    struct digest layer = digest_of("layer");

    given_image("v1", "layer");
    cr_assert_eq(driver_put(store.driver, layout_blob(&layer).text,
                            SPAN("LAYER"), DRIVER_DURABLE, &err),
                 0);
    run();
    cr_assert_eq(carry.counts.problems, 1);
    cr_assert_not(is_in_target(layout_layer_link(NAME, &layer)));
}

Test(carry, as_a_push_an_image_without_its_layer_is_left_out)
{
    struct digest image = given_image("v1", "layer");
    struct digest layer = digest_of("layer");

    carry.manner = CARRY_AS_PUSH;
    carry.mirror = false;
    cr_assert_eq(driver_remove(store.driver, layout_blob(&layer).text,
                               DRIVER_DURABLE, &err),
                 0);
    run();
    cr_assert_gt(carry.counts.problems, 0);
    cr_assert_not(is_in_target(layout_revision_link(NAME, &image)));
    cr_assert_not(is_in_target(layout_tag_current(NAME, "v1")));
}

static enum carry_verdict keep(void *context, const char *name, const char *tag,
                               const struct digest *there)
{
    (void)context;
    (void)there;
    cr_assert_str_eq(name, NAME);
    cr_assert_str_eq(tag, "v1");
    return CARRY_KEEP;
}

Test(carry, a_tag_is_left_alone_on_demand)
{
    struct digest ours, found;

    given_image("v1", "one");
    run();
    ours = given_image("v1", "two");
    carry.may_move = keep;
    carry.from = &target;
    carry.to = &store;
    carry.mirror = false;
    run();
    cr_assert_eq(tag_resolve(&store, NAME, "v1", &found, &err), 0);
    cr_assert(digest_equals(&found, &ours));
}

static struct digest pushed_meanwhile;

/* Says yes to what it is asked about, and then a push comes. */
static enum carry_verdict move_first(void *context, const char *name,
                                     const char *tag,
                                     const struct digest *there)
{
    (void)context;
    if (digest_equals(there, &pushed_meanwhile))
        return CARRY_REFUSE;
    cr_assert_eq(tag_set(&store, name, tag, &pushed_meanwhile, &err), 0);
    return CARRY_MOVE;
}

Test(carry, a_tag_that_is_pushed_meanwhile_stays)
{
    struct digest found;

    given_image("v1", "one");
    run();
    pushed_meanwhile = given_image(NULL, "three");
    given_image("v1", "two");
    carry.may_move = move_first;
    carry.from = &target;
    carry.to = &store;
    carry.mirror = false;
    run();
    cr_assert_eq(tag_resolve(&store, NAME, "v1", &found, &err), 0);
    cr_assert(digest_equals(&found, &pushed_meanwhile));
    cr_assert_eq(carry.counts.problems, 1);
    cr_assert(strstr(complaint, "set it meanwhile"), "%s", complaint);
}

Test(carry, a_protected_tag_is_made_and_never_moved)
{
    struct digest first = given_image("v1", "one"), found;
    struct rules *rules = NULL;

    cr_assert_eq(
        rules_parse(SPAN("[team/*]\nprotect = v*\n"), "f", &rules, &err), 0);
    target.rules = rules;
    carry.mirror = false;
    run();
    given_image("v1", "two");
    run();
    cr_assert_eq(carry.counts.problems, 1);
    cr_assert_eq(tag_resolve(&target, NAME, "v1", &found, &err), 0);
    cr_assert(digest_equals(&found, &first));
    target.rules = rules_none();
    rules_free(rules);
}

Test(carry, beyond_the_quota_no_tag_is_set)
{
    struct rules *rules = NULL;

    given_image("v1", "a layer of more than a hundred bytes, as far as the sum "
                      "of all that belongs to the image is what counts here");
    cr_assert_eq(
        rules_parse(SPAN("[team/*]\nquota = 100\n"), "f", &rules, &err), 0);
    target.rules = rules;
    carry.mirror = false;
    carry.manner = CARRY_AS_PUSH;
    run();
    cr_assert_gt(carry.counts.problems, 0);
    cr_assert_not(is_in_target(layout_tag_current(NAME, "v1")));
    target.rules = rules_none();
    rules_free(rules);
}

/* As a collector would, between two blobs. */
static bool take_config(void *context, const struct carry_counts *counts)
{
    struct digest config = digest_of("{}");
    struct layout_path link = layout_layer_link(NAME, &config);

    (void)context;
    if (counts->blobs == 1)
        cr_assert_eq(
            driver_remove(target.driver, link.text, DRIVER_DURABLE, &err), 0);
    return false;
}

Test(carry, what_is_taken_away_again_is_told)
{
    given_image(NULL, "layer");
    carry.is_live = true;
    carry.mirror = false;
    carry.should_stop = take_config;
    run();
    cr_assert_gt(carry.counts.problems, 0);
    cr_assert(strstr(complaint, " lacks sha256:"), "%s", complaint);
}

static int count_conflict(void *context, const char *name, const char *tag,
                          const struct digest *from, const struct digest *to,
                          struct err *error)
{
    (void)name;
    (void)from;
    (void)to;
    (void)error;
    cr_assert_str_eq(tag, "v1");
    ++*(int *)context;
    return 0;
}

Test(carry, conflicts_are_tags_that_name_something_else)
{
    int count = 0;

    given_image("v1", "one");
    given_image("v2", "one");
    run();
    given_image("v1", "two");
    given_image("v3", "two");
    cr_assert_eq(carry_find_conflicts(&store, &target, NAME, count_conflict,
                                      &count, &err),
                 0);
    cr_assert_eq(count, 1);
}

Test(carry, the_history_of_a_tag_comes_as_far_as_it_is_there)
{
    struct digest first = given_image("v1", "one");

    given_image("v1", "two");
    run();
    cr_assert(is_in_target(layout_tag_index_link(NAME, "v1", &first)));
}

static bool stop_at_once(void *context, const struct carry_counts *counts)
{
    (void)context;
    return counts->blobs > 0;
}

Test(carry, stopped_it_leaves_a_tree_in_order)
{
    struct digest image = given_image("v1", "layer");

    carry.should_stop = stop_at_once;
    cr_assert_eq(carry_repository(&carry, NAME, &err), -1);
    cr_assert_eq(err.code, ERR_BUSY);
    cr_assert_not(is_in_target(layout_revision_link(NAME, &image)));
    carry.should_stop = NULL;
    err_clear(&err);
    run();
    cr_assert(is_in_target(layout_tag_current(NAME, "v1")));
}

Test(carry, what_no_push_admits_is_kept_as_it_is)
{
    struct span bytes = SPAN("{\"schemaVersion\":1}");
    struct digest digest = digest_of("{\"schemaVersion\":1}");
    struct layout_path blob = layout_blob(&digest);
    struct layout_path link = layout_revision_link(NAME, &digest);

    cr_assert(
        driver_put(store.driver, blob.text, bytes, DRIVER_DURABLE, &err) == 0 &&
        link_write(&store, &link, &digest, &err) == 0);
    run();
    cr_assert(is_in_target(link));
    cr_assert_eq(carry.counts.problems, 0);
}
