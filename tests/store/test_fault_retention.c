/* SPDX-License-Identifier: MIT */
/*
 * Protected tags and retention while the storage fails, and while clients push
 * what is about to go. That two protect or delete at once is in
 * test_protection.c: they wait for each other.
 */
#include <string.h>

#include "base/clock.h"
#include "oci/manifest.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/retention.h"
#include "store/sweep.h"
#include "store/tag.h"

static struct rules *rules;

static void begin(void)
{
    sweep_begin();
}

static void end(void)
{
    sweep_end();
    rules_cleanup(&rules);
}

TestSuite(fault_retention, .init = begin, .fini = end);

static void load(const char *text)
{
    if (rules == NULL)
        EXPECT_OK(rules_parse(span_of(text), "f", &rules, &err));
    store.rules = rules;
}

static bool has(const struct digest *digest)
{
    struct err error = {0};

    if (manifest_check(&store, "a", digest, &error) == 0)
        return true;
    EXPECT(error.code == ERR_MANIFEST_UNKNOWN);
    return false;
}

/* --- protected tags --- */

static void protect(void)
{
    load("[a]\nprotect = p*, v*\n");
}

static int tag_p1(struct err *error)
{
    return tag_set(&store, "a", "p1", &world.image, error);
}

static void expect_p1(void)
{
    expect_tag("a", "p1", &world.image);
}

static void expect_p1_or_nothing(void)
{
    struct digest found;
    struct err error = {0};

    EXPECT(tag_names("a", "p1", &world.image) ||
           (tag_resolve(&store, "a", "p1", &found, &error) == -1 &&
            error.code == ERR_MANIFEST_UNKNOWN));
}

Test(fault_retention, making_a_protected_tag)
{
    sweep(&(struct sweep){.prepare = protect,
                          .run = tag_p1,
                          .expect = expect_p1,
                          .expect_after_failure = expect_p1_or_nothing});
}

static int delete_signature(struct err *error)
{
    return manifest_delete(&store, "a", &world.signature, error);
}

static void expect_no_signature(void)
{
    EXPECT(!has(&world.signature));
}

Test(fault_retention, a_deletion_beside_protected_tags)
{
    sweep(&(struct sweep){.prepare = protect,
                          .run = delete_signature,
                          .expect = expect_no_signature,
                          .over = ERR_MANIFEST_UNKNOWN,
                          .touches = TOUCHES_SIGNATURE});
}

/* --- retention --- */

#define TOUCHED (TOUCHES_IMAGE | TOUCHES_SIGNATURE)

static void age_manifest(const struct digest *digest)
{
    sweep_age(layout_revision_link("a", digest).text);
}

static void retain(void)
{
    load("[a]\nkeep_newer = 1h\nkeep_matching = v2, w*\nuntagged = 1s\n");
    sweep_age(layout_tag_current("a", "v1").text);
    sweep_age(layout_tag_current("a", "latest").text);
    age_manifest(&world.image);
    age_manifest(&world.other);
    age_manifest(&world.signature);
}

static int apply(struct err *error)
{
    const struct retention how = {.now_ns = clock_now_ns(),
                                  .grace = FIXTURE_GRACE};
    struct retention_result result = {0};

    return retention_apply(&store, "a", &how, &result, error);
}

/* What is busy stays for the next time. */
static void expect_retained(void)
{
    expect_tag("a", "v2", &world.other);
    expect_manifest("a", &world.other, world.other_json);
    if (sweep_plan.code == ERR_BUSY)
        return;
    EXPECT(!tag_names("a", "v1", &world.image));
    EXPECT(!tag_names("a", "latest", &world.image));
    EXPECT(!has(&world.image));
    EXPECT(!has(&world.signature));
}

/* No tag without its manifest, no signature without what it signs. */
static void expect_order(void)
{
    EXPECT(has(&world.image) || (!tag_names("a", "v1", &world.image) &&
                                 !tag_names("a", "latest", &world.image)));
}

Test(fault_retention, retention)
{
    sweep(&(struct sweep){.prepare = retain,
                          .run = apply,
                          .expect = expect_retained,
                          .touches = TOUCHED,
                          .expect_after_failure = expect_order});
}

/* --- somebody pushes what is about to go --- */

static int put(const char *json, struct err *error)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct digest digest;

    digest_of_bytes(HASH_SHA256, span_of(json), &digest);
    EXPECT_OK(manifest_parse(span_of(json), SPAN(""), &manifest, &err));
    if (manifest_protect_references(&store, "a", manifest, false, error) < 0)
        return -1;
    return manifest_put(&store, "a", &digest, manifest, span_of(json), error);
}

/* Under a tag that is about to go; what it names goes with it. */
static int push_image(struct err *error)
{
    if (put(world.image_json, error) < 0 ||
        tag_set(&store, "a", "latest", &world.image, error) < 0)
        return -1;
    return manifest_check(&store, "a", &world.image, error);
}

static void expect_pushed(int pushed, int applied)
{
    EXPECT(applied == 0);
    EXPECT(pushed == 0);
    expect_tag("a", "latest", &world.image);
    expect_manifest("a", &world.image, world.image_json);
}

static void expect_pushed_by_run(void)
{
    expect_pushed(sweep_result, sweep_meanwhile_result);
}

static void expect_pushed_meanwhile(void)
{
    expect_pushed(sweep_meanwhile_result, sweep_result);
}

Test(fault_retention, a_push_by_retention)
{
    interleave(&(struct interleaving){.prepare = retain,
                                      .run = push_image,
                                      .meanwhile = apply,
                                      .expect = expect_pushed_by_run,
                                      .touches = TOUCHED});
}

Test(fault_retention, retention_by_a_push)
{
    interleave(&(struct interleaving){.prepare = retain,
                                      .run = apply,
                                      .meanwhile = push_image,
                                      .expect = expect_pushed_meanwhile,
                                      .touches = TOUCHED});
}

/* An index whose part is about to go: it is refused, or has it all. */
static int push_index(struct err *error)
{
    if (put(world.index_json, error) < 0 ||
        tag_set(&store, "a", "w1", &world.index, error) < 0)
        return -1;
    return 0;
}

static void expect_index(int pushed, const struct err *error, int applied)
{
    EXPECT(applied == 0);
    if (pushed == 0) {
        expect_tag("a", "w1", &world.index);
        expect_manifest("a", &world.image, world.image_json);
    } else {
        EXPECT(error->code == ERR_MANIFEST_BLOB_UNKNOWN);
        EXPECT(!has(&world.image));
    }
}

static void expect_index_of_run(void)
{
    expect_index(sweep_result, &sweep_err, sweep_meanwhile_result);
}

static void expect_index_of_meanwhile(void)
{
    expect_index(sweep_meanwhile_result, &sweep_meanwhile_err, sweep_result);
}

Test(fault_retention, a_push_of_an_index_and_retention)
{
    interleave(&(struct interleaving){.prepare = retain,
                                      .run = push_index,
                                      .meanwhile = apply,
                                      .expect = expect_index_of_run,
                                      .touches = TOUCHED});
    interleave(&(struct interleaving){.prepare = retain,
                                      .run = apply,
                                      .meanwhile = push_index,
                                      .expect = expect_index_of_meanwhile,
                                      .touches = TOUCHED});
}

static void expect_both_retained(void)
{
    EXPECT(sweep_result == 0 && sweep_meanwhile_result == 0);
    expect_retained();
}

Test(fault_retention, retention_twice_at_once)
{
    interleave(&(struct interleaving){.prepare = retain,
                                      .run = apply,
                                      .meanwhile = apply,
                                      .expect = expect_both_retained,
                                      .touches = TOUCHED});
}
