/* SPDX-License-Identifier: MIT */
/*
 * Two operations that meet: the second runs whole at each call of the first,
 * so every order of the steps of the first with it is met, each time.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "oci/manifest.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/sweep.h"
#include "store/tag.h"
#include "store/upload.h"

TestSuite(fault_overtaken, .init = sweep_begin, .fini = sweep_end);

static void expect_both(void)
{
    cr_assert(sweep_result == 0, "%s: %s", sweep_where(), sweep_err.text);
    cr_assert(sweep_meanwhile_result == 0, "%s: meanwhile: %s", sweep_where(),
              sweep_meanwhile_err.text);
}

/* --- manifests and tags --- */

static struct digest digest_of(const char *json)
{
    struct digest digest;

    digest_of_bytes(HASH_SHA256, span_of(json), &digest);
    return digest;
}

static int put(const char *json, struct err *error)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct digest digest = digest_of(json);

    EXPECT_OK(manifest_parse(span_of(json), SPAN(""), &manifest, &err));
    if (manifest_protect_references(&store, "a", manifest, false, error) < 0)
        return -1;
    return manifest_put(&store, "a", &digest, manifest, span_of(json), error);
}

/* The steps of a PUT, as manifest_store.h has them; one deletion comes. */
static int push_image(struct err *error)
{
    for (int i = 0; i < 2; i++) {
        err_clear(error);
        if (put(world.image_json, error) < 0 ||
            tag_set(&store, "a", "new", &world.image, error) < 0)
            return -1;
        if (manifest_check(&store, "a", &world.image, error) == 0)
            return 0;
        if (error->code != ERR_MANIFEST_UNKNOWN)
            return -1;
    }
    return -1;
}

static bool has_image(void)
{
    struct err error = {0};

    if (manifest_check(&store, "a", &world.image, &error) == 0)
        return true;
    EXPECT(error.code == ERR_MANIFEST_UNKNOWN);
    return false;
}

/* As if one had come after the other, whichever. */
static void expect_pushed_or_deleted(void)
{
    expect_both();
    EXPECT(has_image() == tag_names("a", "new", &world.image));
    EXPECT(!tag_names("a", "v1", &world.image));
}

Test(fault_overtaken, push_by_a_deletion)
{
    interleave(&(struct interleaving){.run = push_image,
                                      .meanwhile = delete_image,
                                      .expect = expect_pushed_or_deleted,
                                      .touches = TOUCHES_IMAGE});
}

static void expect_deleted_or_pushed(void)
{
    expect_both();
    /* The push may have found the tags it did not set. */
    EXPECT(has_image() || !tag_names("a", "v1", &world.image));
    EXPECT(has_image() == tag_names("a", "new", &world.image));
}

Test(fault_overtaken, deletion_by_a_push)
{
    interleave(&(struct interleaving){.run = delete_image,
                                      .meanwhile = push_image,
                                      .expect = expect_deleted_or_pushed,
                                      .touches = TOUCHES_IMAGE});
}

static int move_v1(struct err *error)
{
    return tag_set(&store, "a", "v1", &world.other, error);
}

static int delete_tags(struct err *error)
{
    return tag_delete_all(&store, "a", &world.image, NULL, error);
}

/* Only tags of the image go, and at no moment is this one of them for good. */
static void expect_moved(void)
{
    expect_both();
    expect_tag("a", "v1", &world.other);
    EXPECT(!tag_names("a", "latest", &world.image));
}

Test(fault_overtaken, move_of_a_tag_by_the_deletion_of_tags)
{
    interleave(&(struct interleaving){.run = move_v1,
                                      .meanwhile = delete_tags,
                                      .expect = expect_moved,
                                      .touches = TOUCHES_IMAGE});
    interleave(&(struct interleaving){.run = delete_tags,
                                      .meanwhile = move_v1,
                                      .expect = expect_moved,
                                      .touches = TOUCHES_IMAGE});
}

static int tag_image(struct err *error)
{
    return tag_set(&store, "a", "new", &world.image, error);
}

static int tag_other(struct err *error)
{
    return tag_set(&store, "a", "new", &world.other, error);
}

static void expect_tagged(void)
{
    expect_both();
    EXPECT(tag_names("a", "new", &world.image) ||
           tag_names("a", "new", &world.other));
}

Test(fault_overtaken, a_new_tag_by_another)
{
    interleave(&(struct interleaving){
        .run = tag_image, .meanwhile = tag_other, .expect = expect_tagged});
}

/* The move is the later word, unless the deletion was; never by half. */
static void expect_moved_or_deleted(void)
{
    struct layout_path index = layout_tag_index_link("a", "v1", &world.other);

    expect_both();
    EXPECT(!tag_names("a", "v1", &world.image));
    EXPECT(tag_names("a", "v1", &world.other) == object_exists(index.text));
}

Test(fault_overtaken, move_of_a_tag_by_its_deletion)
{
    interleave(&(struct interleaving){.run = move_v1,
                                      .meanwhile = delete_v1,
                                      .expect = expect_moved_or_deleted,
                                      .touches = TOUCHES_V1});
}

/* --- referrers --- */

static void remove_index(void)
{
    static const char path[] = "repositories/a/_berth";

    EXPECT_OK(driver_remove(store.driver, path, DRIVER_DURABLE, &err));
    sweep_age_revisions();
}

static int list_referrers(struct err *error)
{
    (void)error;
    (void)is_listed_referrer(&world.signature);
    return 0;
}

static int put_attestation(struct err *error)
{
    return put(attestation_json(), error);
}

static void expect_attestation(void)
{
    struct digest digest = digest_of(attestation_json());

    expect_both();
    EXPECT(is_listed_referrer(&digest));
}

Test(fault_overtaken, rebuilding_of_the_index_by_a_push)
{
    interleave(&(struct interleaving){.prepare = remove_index,
                                      .run = list_referrers,
                                      .meanwhile = put_attestation,
                                      .expect = expect_attestation});
    interleave(&(struct interleaving){.prepare = remove_index,
                                      .run = put_attestation,
                                      .meanwhile = list_referrers,
                                      .expect = expect_attestation});
}

static void push_attestation(void)
{
    EXPECT_OK(put_attestation(&err));
    remove_index();
}

static int delete_attestation(struct err *error)
{
    struct digest digest = digest_of(attestation_json());

    return manifest_delete(&store, "a", &digest, error);
}

static void expect_no_attestation(void)
{
    struct digest digest = digest_of(attestation_json());

    expect_both();
    EXPECT(!is_listed_referrer(&digest));
}

Test(fault_overtaken, rebuilding_of_the_index_by_a_deletion)
{
    interleave(&(struct interleaving){.prepare = push_attestation,
                                      .run = list_referrers,
                                      .meanwhile = delete_attestation,
                                      .expect = expect_no_attestation});
    interleave(&(struct interleaving){.prepare = push_attestation,
                                      .run = delete_attestation,
                                      .meanwhile = list_referrers,
                                      .expect = expect_no_attestation});
}

/* --- blobs --- */

static int mount_spare(struct err *error)
{
    return blob_mount(&store, "b", "a", &world.spare, error);
}

static void expect_mounted_or_refused(void)
{
    struct blob blob;

    EXPECT(sweep_meanwhile_result == 0);
    EXPECT_CODE(ERR_BLOB_UNKNOWN,
                blob_find(&store, "a", &world.spare, &blob, &err));
    if (sweep_result == 0)
        expect_blob("b", &world.spare);
    else
        EXPECT(sweep_err.code == ERR_BLOB_UNKNOWN);
}

Test(fault_overtaken, mount_by_a_deletion)
{
    interleave(&(struct interleaving){.run = mount_spare,
                                      .meanwhile = delete_spare,
                                      .expect = expect_mounted_or_refused,
                                      .touches = TOUCHES_SPARE});
}

/* A collector that has seen no reference takes the bytes. */
static int retire_spare(struct err *error)
{
    struct layout_path path = layout_blob(&world.spare);

    if (driver_retire(store.driver, "run", path.text,
                      clock_now_ns() - FIXTURE_GRACE * CLOCK_NS_PER_SECOND,
                      error) == 0 ||
        error->code == ERR_EXISTS)
        return 0;
    return -1;
}

static void age_spare(void)
{
    sweep_age(layout_blob(&world.spare).text);
}

static void expect_mounted_or_collected(void)
{
    EXPECT(sweep_meanwhile_result == 0);
    if (sweep_result == 0)
        expect_blob("b", &world.spare);
    else
        EXPECT(sweep_err.code == ERR_BLOB_UNKNOWN);
}

Test(fault_overtaken, mount_by_a_collector)
{
    interleave(&(struct interleaving){.prepare = age_spare,
                                      .run = mount_spare,
                                      .meanwhile = retire_spare,
                                      .expect = expect_mounted_or_collected,
                                      .touches = TOUCHES_SPARE});
}

/* --- a push that is held up for longer than leases last --- */

static char held_json[1024];
static struct digest held;

static const struct digest *held_layer;

/* What a collector may take while the manifest cannot be seen. */
static size_t held_parts(struct layout_path parts[3])
{
    parts[0] = layout_blob(&held);
    parts[1] = layout_layer_link("a", &world.spare);
    parts[2] = layout_blob(&world.spare);
    return held_layer == &world.spare ? 3 : 1;
}

static void age_held(void)
{
    struct layout_path parts[3];

    for (size_t i = 0; i < held_parts(parts); i++)
        if (object_exists(parts[i].text))
            sweep_age(parts[i].text);
}

static void begin_held(const struct digest *layer)
{
    held_layer = layer;
    snprintf(held_json, sizeof(held_json), "%s",
             image_json(&world.layer, layer));
    held = digest_of(held_json);
}

static void begin_held_with_spare(void)
{
    begin_held(&world.spare);
}

/* Another image holds its parts. */
static void begin_held_with_config(void)
{
    begin_held(&world.config);
}

static bool held_is_visible(void)
{
    return object_exists(layout_revision_link("a", &held).text);
}

/* It has marked before the manifest was there. */
static int sweep_held(struct err *error)
{
    int64_t cutoff_ns = clock_now_ns() - FIXTURE_GRACE * CLOCK_NS_PER_SECOND;
    struct layout_path parts[3];

    for (size_t i = 0; i < held_parts(parts); i++) {
        err_clear(error);
        if (driver_retire(store.driver, "run", parts[i].text, cutoff_ns,
                          error) < 0 &&
            error->code != ERR_EXISTS && error->code != ERR_NOT_FOUND)
            return -1;
    }
    return 0;
}

static int collect_held(struct err *error)
{
    if (!held_is_visible())
        age_held();
    return sweep_held(error);
}

/* The steps of a PUT, see manifest_store.h. */
static int push_held_with(void (*hold_up)(void), struct err *error)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct span bytes = span_of(held_json);

    EXPECT_OK(manifest_parse(bytes, SPAN(""), &manifest, &err));
    if (manifest_protect_references(&store, "a", manifest, false, error) < 0)
        return -1;
    if (hold_up != NULL)
        hold_up();
    for (int i = 0; i < 2; i++) {
        err_clear(error);
        if (manifest_put(&store, "a", &held, manifest, bytes, error) == 0 &&
            manifest_confirm(&store, "a", &held, manifest, false, error) == 0)
            return 0;
        if (error->code != ERR_MANIFEST_UNKNOWN)
            return -1;
    }
    return -1;
}

static int push_held(struct err *error)
{
    return push_held_with(NULL, error);
}

static int push_held_up(struct err *error)
{
    return push_held_with(age_held, error);
}

static void expect_whole_or_refused(void)
{
    EXPECT(sweep_meanwhile_result == 0);
    if (sweep_result == 0) {
        expect_manifest("a", &held, held_json);
        expect_blob("a", held_layer);
    } else {
        EXPECT(held_layer == &world.spare);
        EXPECT(sweep_err.code == ERR_MANIFEST_BLOB_UNKNOWN);
    }
}

Test(fault_overtaken, push_that_is_held_up_by_a_collector)
{
    interleave(&(struct interleaving){.prepare = begin_held_with_config,
                                      .run = push_held,
                                      .meanwhile = collect_held,
                                      .expect = expect_whole_or_refused});
    interleave(&(struct interleaving){.prepare = begin_held_with_spare,
                                      .run = push_held,
                                      .meanwhile = collect_held,
                                      .expect = expect_whole_or_refused,
                                      .touches = TOUCHES_SPARE});
    interleave(&(struct interleaving){.prepare = begin_held_with_spare,
                                      .run = push_held_up,
                                      .meanwhile = sweep_held,
                                      .expect = expect_whole_or_refused,
                                      .touches = TOUCHES_SPARE});
}

/* --- uploads --- */

static struct digest digest_of_upload(void)
{
    return digest_of("abcdef");
}

static int commit(struct err *error)
{
    CLEANUP(upload) struct upload *upload = NULL;
    struct digest digest = digest_of_upload();
    struct body body;
    uint64_t received;

    body_init(&body, SPAN("def"));
    if (upload_open(&store, "a", world.uuid, &upload, error) < 0 ||
        upload_receive(upload, &body.reader, &received, error) < 0)
        return -1;
    return upload_commit(upload_take(&upload), &digest, error);
}

/* Who came late, or while the other had it open. */
static bool was_refused(int result, const struct err *error)
{
    return result == -1 && (error->code == ERR_BLOB_UPLOAD_UNKNOWN ||
                            error->code == ERR_UPLOAD_BUSY);
}

static bool has_blob(void)
{
    struct digest digest = digest_of_upload();
    struct err error = {0};
    struct blob blob;

    if (blob_find(&store, "a", &digest, &blob, &error) < 0)
        return false;
    expect_blob("a", &digest);
    return true;
}

static bool has_upload(void)
{
    struct err error = {0};
    uint64_t size;

    return upload_status(&store, "a", world.uuid, &size, &error) == 0;
}

/* Exactly one of them did something, and the upload has ended. */
static void expect_one(void)
{
    EXPECT(sweep_result == 0 || was_refused(sweep_result, &sweep_err));
    EXPECT(sweep_meanwhile_result == 0 ||
           was_refused(sweep_meanwhile_result, &sweep_meanwhile_err));
    EXPECT((sweep_result == 0) != (sweep_meanwhile_result == 0));
    EXPECT(!has_upload());
}

static void expect_committed_or_cancelled(void)
{
    expect_one();
    EXPECT(has_blob() == (sweep_result == 0));
}

static void expect_cancelled_or_committed(void)
{
    expect_one();
    EXPECT(has_blob() == (sweep_meanwhile_result == 0));
}

Test(fault_overtaken, commit_by_a_cancellation)
{
    interleave(&(struct interleaving){.run = commit,
                                      .meanwhile = cancel_upload,
                                      .expect = expect_committed_or_cancelled,
                                      .touches = TOUCHES_UPLOAD});
    interleave(&(struct interleaving){.run = cancel_upload,
                                      .meanwhile = commit,
                                      .expect = expect_cancelled_or_committed,
                                      .touches = TOUCHES_UPLOAD});
}

static void expect_committed(void)
{
    expect_one();
    EXPECT(has_blob());
}

Test(fault_overtaken, commit_by_another)
{
    interleave(&(struct interleaving){.run = commit,
                                      .meanwhile = commit,
                                      .expect = expect_committed,
                                      .touches = TOUCHES_UPLOAD});
}

static int send_chunk(struct err *error)
{
    return send_to_upload(SPAN("xyz"), error);
}

/* What was acknowledged stands, at its place. */
static void expect_chunks(void)
{
    uint64_t size, sent = 3;
    struct upload *upload;
    struct digest digest;

    EXPECT(sweep_result == 0 || was_refused(sweep_result, &sweep_err));
    EXPECT(sweep_meanwhile_result == 0 ||
           was_refused(sweep_meanwhile_result, &sweep_meanwhile_err));
    sent += (sweep_result == 0 ? 3 : 0) + (sweep_meanwhile_result == 0 ? 3 : 0);
    EXPECT_OK(upload_status(&store, "a", world.uuid, &size, &err));
    EXPECT(size == sent);
    digest_of_bytes(HASH_SHA256, span_first(SPAN("abcxyzxyz"), sent), &digest);
    EXPECT_OK(upload_open(&store, "a", world.uuid, &upload, &err));
    EXPECT_OK(upload_commit(upload, &digest, &err));
}

Test(fault_overtaken, chunk_by_another)
{
    interleave(&(struct interleaving){.run = send_chunk,
                                      .meanwhile = send_chunk,
                                      .expect = expect_chunks,
                                      .touches = TOUCHES_UPLOAD});
}
