/* SPDX-License-Identifier: MIT */
/* Manifests and tags while the storage fails. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "oci/manifest.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/sweep.h"
#include "store/tag.h"

TestSuite(fault_manifest, .init = sweep_begin, .fini = sweep_end);
TestSuite(fault_tag, .init = sweep_begin, .fini = sweep_end);

/* --- looking --- */

static int get(struct err *error)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);

    if (manifest_get(&store, "a", &world.image, &bytes, error) < 0)
        return -1;
    EXPECT(span_equals(buf_span(&bytes), span_of(world.image_json)));
    return 0;
}

static int look(struct err *error)
{
    return manifest_check(&store, "a", &world.image, error);
}

/* Best effort: whatever happens, nothing is said. */
static int lease(struct err *error)
{
    (void)error;
    manifest_lease(&store, "a", &world.image);
    return 0;
}

Test(fault_manifest, get_check_and_lease)
{
    sweep(&(struct sweep){.run = get});
    sweep(&(struct sweep){.run = look});
    sweep(&(struct sweep){.run = lease});
}

/* --- protecting what it refers to --- */

static struct manifest *parse(const char *json)
{
    struct manifest *manifest = NULL;

    EXPECT_OK(manifest_parse(span_of(json), SPAN(""), &manifest, &err));
    return manifest;
}

static struct layout_path parts(size_t i)
{
    switch (i) {
    case 0:
        return layout_revision_link("a", &world.image);
    case 1:
        return layout_blob(&world.image);
    case 2:
        return layout_layer_link("a", &world.config);
    case 3:
        return layout_blob(&world.config);
    case 4:
        return layout_layer_link("a", &world.layer);
    default:
        return layout_blob(&world.layer);
    }
}
#define PARTS 6

static void age_parts(void)
{
    for (size_t i = 0; i < PARTS; i++)
        sweep_age(parts(i).text);
}

static int protect(struct err *error)
{
    CLEANUP(manifest) struct manifest *index = parse(world.index_json);

    return manifest_protect_references(&store, "a", index, false, error);
}

static void expect_protected(void)
{
    /* Nothing is collected from a storage mounted read-only. */
    if (sweep_plan.code == ERR_READ_ONLY && sweep_result == 0)
        return;
    for (size_t i = 0; i < PARTS; i++)
        EXPECT(object_mtime(parts(i).text) >
               clock_now_ns() - 3600 * CLOCK_NS_PER_SECOND);
}

Test(fault_manifest, protect_references)
{
    sweep(&(struct sweep){
        .prepare = age_parts, .run = protect, .expect = expect_protected});
}

/* --- putting --- */

static struct digest digest_of(const char *json)
{
    struct digest digest;

    digest_of_bytes(HASH_SHA256, span_of(json), &digest);
    return digest;
}

static int put(const char *json, struct err *error)
{
    CLEANUP(manifest) struct manifest *manifest = parse(json);
    struct digest digest = digest_of(json);

    return manifest_put(&store, "a", &digest, manifest, span_of(json), error);
}

static int put_attestation(struct err *error)
{
    return put(attestation_json(), error);
}

static void expect_attestation(void)
{
    struct digest digest = digest_of(attestation_json());

    expect_manifest("a", &digest, attestation_json());
    EXPECT(is_listed_referrer(&digest));
}

static void expect_attestation_or_none(void)
{
    struct digest digest = digest_of(attestation_json());
    struct err error = {0};

    if (manifest_check(&store, "a", &digest, &error) == 0)
        expect_attestation();
    else
        EXPECT(!is_listed_referrer(&digest));
}

static int put_image(struct err *error)
{
    return put(world.image_json, error);
}

Test(fault_manifest, put)
{
    sweep(&(struct sweep){.run = put_attestation,
                          .expect = expect_attestation,
                          .expect_after_failure = expect_attestation_or_none});
    /* What is there already never goes away. */
    sweep(&(struct sweep){.run = put_image});
}

/* The steps of a PUT, as manifest_store.h has them; nobody deletes. */
static int push(const char *json, const char *tag, struct err *error)
{
    CLEANUP(manifest) struct manifest *manifest = parse(json);
    struct digest digest = digest_of(json);

    if (manifest_protect_references(&store, "a", manifest, false, error) < 0)
        return -1;
    if (put(json, error) < 0 || tag_set(&store, "a", tag, &digest, error) < 0)
        return -1;
    return manifest_check(&store, "a", &digest, error);
}

static int push_index(struct err *error)
{
    return push(world.index_json, "v1", error);
}

static void expect_index(void)
{
    expect_manifest("a", &world.index, world.index_json);
    expect_tag("a", "v1", &world.index);
}

static void expect_index_or_image(void)
{
    EXPECT(tag_names("a", "v1", &world.index) ||
           tag_names("a", "v1", &world.image));
}

Test(fault_manifest, push_under_a_tag)
{
    sweep(&(struct sweep){.run = push_index,
                          .expect = expect_index,
                          .touches = TOUCHES_V1,
                          .expect_after_failure = expect_index_or_image});
}

/* --- deleting --- */

static bool is_tag(const char *tag)
{
    struct err error = {0};
    struct digest digest;

    if (tag_resolve(&store, "a", tag, &digest, &error) == 0)
        return true;
    EXPECT(error.code == ERR_MANIFEST_UNKNOWN);
    return false;
}

static void expect_no_image(void)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);

    EXPECT_CODE(ERR_MANIFEST_UNKNOWN,
                manifest_get(&store, "a", &world.image, &bytes, &err));
    EXPECT(!is_tag("v1") && !is_tag("latest"));
}

Test(fault_manifest, delete)
{
    sweep(&(struct sweep){.run = delete_image,
                          .expect = expect_no_image,
                          .over = ERR_MANIFEST_UNKNOWN,
                          .touches = TOUCHES_IMAGE});
}

/* --- tags --- */

static int resolve(struct err *error)
{
    struct digest digest;

    if (tag_resolve(&store, "a", "v1", &digest, error) < 0)
        return -1;
    EXPECT(digest_equals(&digest, &world.image));
    return 0;
}

static int add_tag(void *context, const char *tag, struct err *error)
{
    (void)error;
    buf_add_format(context, "%s ", tag);
    return 0;
}

static int list(struct err *error)
{
    CLEANUP(buf) struct buf tags = BUF_INIT(100);

    if (tag_list(&store, "a", NULL, add_tag, &tags, error) < 0)
        return -1;
    EXPECT(span_equals(buf_span(&tags), SPAN("latest v1 v2 ")));
    return 0;
}

Test(fault_tag, resolve_and_list)
{
    sweep(&(struct sweep){.run = resolve});
    sweep(&(struct sweep){.run = list});
}

static int set_new(struct err *error)
{
    return tag_set(&store, "a", "v3", &world.image, error);
}

static void expect_new(void)
{
    expect_tag("a", "v3", &world.image);
}

static void expect_new_or_none(void)
{
    EXPECT(!is_tag("v3") || tag_names("a", "v3", &world.image));
}

static int move(struct err *error)
{
    return tag_set(&store, "a", "v1", &world.other, error);
}

static void expect_moved(void)
{
    expect_tag("a", "v1", &world.other);
}

static void expect_moved_or_not(void)
{
    EXPECT(tag_names("a", "v1", &world.other) ||
           tag_names("a", "v1", &world.image));
}

Test(fault_tag, set)
{
    sweep(&(struct sweep){.run = set_new,
                          .expect = expect_new,
                          .expect_after_failure = expect_new_or_none});
    sweep(&(struct sweep){.run = move,
                          .expect = expect_moved,
                          .touches = TOUCHES_V1,
                          .expect_after_failure = expect_moved_or_not});
}

static void expect_no_v1(void)
{
    EXPECT(!is_tag("v1"));
}

static void expect_v1_whole_or_none(void)
{
    EXPECT(!is_tag("v1") || tag_names("a", "v1", &world.image));
}

Test(fault_tag, delete)
{
    sweep(&(struct sweep){.run = delete_v1,
                          .expect = expect_no_v1,
                          .over = ERR_MANIFEST_UNKNOWN,
                          .touches = TOUCHES_V1,
                          .expect_after_failure = expect_v1_whole_or_none});
}

static int delete_all(struct err *error)
{
    return tag_delete_all(&store, "a", &world.image, NULL, error);
}

static void expect_no_tags(void)
{
    EXPECT(!is_tag("v1") && !is_tag("latest"));
    expect_manifest("a", &world.image, world.image_json);
}

Test(fault_tag, delete_all)
{
    sweep(&(struct sweep){
        .run = delete_all, .expect = expect_no_tags, .touches = TOUCHES_IMAGE});
}
