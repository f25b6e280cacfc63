/* SPDX-License-Identifier: MIT */
/*
 * Clients and the collector, in every order of their steps.
 *
 * The world of sweep.h is old, all of it, and the collector is after `spare`,
 * which no manifest refers to, and after `lonely`, a manifest without a tag.
 * Clients want just these. Whatever was acknowledged to them has to be there
 * in the end, whole, and nothing may have come back from the trash: then the
 * lease alone has kept it.
 *
 * A step is a call of the driver. Those of driver_fs are taken apart into
 * their own steps by tests/driver/test_driver_fs_races.c.
 */
#include <stdio.h>
#include <string.h>

#include "oci/manifest.h"
#include "store/blob.h"
#include "store/collect.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/manifest_store.h"
#include "store/sweep.h"
#include "store/tag.h"
#include "store/upload.h"

TestSuite(collect_races, .init = sweep_begin, .fini = sweep_end);

static struct collect_result collected;
static struct digest lonely, wanted; /* `wanted`: what the client pushes */
static char lonely_json[1024], wanted_json[1024];

/* What the client was told. */
static bool is_acknowledged;

/* --- the collector --- */

static char complaint[LAYOUT_PATH_MAX + ERR_TEXT_MAX];

static void note_complaint(void *context, const char *where,
                           const struct err *error)
{
    (void)context;
    snprintf(complaint, sizeof(complaint), "%s: %s", where, error->text);
}

static int collect_once(struct err *error)
{
    struct collect_options options = {.grace = FIXTURE_GRACE,
                                      .upload_age = 7 * FIXTURE_GRACE,
                                      .untagged_age = 1,
                                      .watcher.complain = note_complaint};

    return collect(&store, &options, &collected, error);
}

static void expect_nothing_restored(void)
{
    EXPECT(collected.restored == 0);
    cr_assert(collected.complaints == 0, "%s: %s", sweep_where(), complaint);
    EXPECT(!collected.is_blind);
}

/* --- the world --- */

static struct digest digest_of(const char *json)
{
    struct digest digest;

    digest_of_bytes(HASH_SHA256, span_of(json), &digest);
    return digest;
}

/* Of what is a witness, nothing is to go: it gets a manifest, or a tag. */
static void make_old(void)
{
    push_manifest("b", world.other_json);
    EXPECT_OK(tag_set(&store, "b", "other", &world.other, &err));
    EXPECT_OK(tag_set(&store, "a", "signed", &world.signature, &err));
    snprintf(lonely_json, sizeof(lonely_json), "%s",
             image_json(&world.layer, &world.layer));
    lonely = push_manifest("a", lonely_json);
    snprintf(wanted_json, sizeof(wanted_json), "%s",
             image_json(&world.config, &world.spare));
    wanted = digest_of(wanted_json);
    sweep_age_all();
    is_acknowledged = false;
}

/* --- clients --- */

static int put_manifest(const char *name, const char *json, struct err *error)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct digest digest = digest_of(json);

    EXPECT_OK(manifest_parse(span_of(json), SPAN(""), &manifest, &err));
    if (manifest_protect_references(&store, name, manifest, false, error) < 0)
        return -1;
    return manifest_put(&store, name, &digest, manifest, span_of(json), error);
}

/* As the route has it: again when a deletion came in between. */
static int push_tagged(const char *name, const char *json, struct err *error)
{
    struct digest digest = digest_of(json);

    for (int i = 0; i < 2; i++) {
        err_clear(error);
        if (put_manifest(name, json, error) < 0 ||
            tag_set(&store, name, "new", &digest, error) < 0)
            return -1;
        if (manifest_check(&store, name, &digest, error) == 0) {
            is_acknowledged = true;
            return 0;
        }
    }
    return -1;
}

static int upload_blob(const char *name, const char *text, struct err *error)
{
    CLEANUP(upload) struct upload *upload = NULL;
    char uuid[UUID_LENGTH + 1];
    struct body body;
    struct digest digest = digest_of(text);
    uint64_t received;

    body_init(&body, span_of(text));
    if (upload_start(&store, name, HASH_SHA256, uuid, error) < 0 ||
        upload_open(&store, name, uuid, &upload, error) < 0 ||
        upload_receive(upload, &body.reader, &received, error) < 0)
        return -1;
    return upload_commit(upload_take(&upload), &digest, error);
}

/* 0 when it is said to be there, 1 when not. */
static int head_spare_in(const char *name, struct err *error)
{
    struct blob blob;

    if (blob_lease(&store, name, &world.spare, &blob, error) == 0)
        return 0;
    if (error->code != ERR_BLOB_UNKNOWN)
        return -1;
    err_clear(error);
    return 1;
}

static int head_spare(struct err *error)
{
    int result = head_spare_in("a", error);

    is_acknowledged = result == 0;
    return result < 0 ? -1 : 0;
}

static int commit_spare(struct err *error)
{
    if (upload_blob("a", "spare", error) < 0)
        return -1;
    is_acknowledged = true;
    return 0;
}

static int mount_spare(struct err *error)
{
    if (blob_mount(&store, "b", NULL, &world.spare, error) == 0) {
        is_acknowledged = true;
        return 0;
    }
    return error->code == ERR_BLOB_UNKNOWN ? 0 : -1;
}

/* As clients do: what is not there is uploaded. */
static int head_and_push(struct err *error)
{
    int result = head_spare_in("a", error);

    if (result < 0 || (result == 1 && upload_blob("a", "spare", error) < 0))
        return -1;
    return push_tagged("a", wanted_json, error);
}

static int mount_and_push(struct err *error)
{
    if (blob_mount(&store, "b", "a", &world.spare, error) < 0) {
        if (error->code != ERR_BLOB_UNKNOWN)
            return -1;
        err_clear(error);
        if (upload_blob("b", "spare", error) < 0)
            return -1;
    }
    return push_tagged("b", wanted_json, error);
}

/* A client that asks for nothing and may be refused. */
static int push_at_once(struct err *error)
{
    if (push_tagged("a", wanted_json, error) == 0)
        return 0;
    return error->code == ERR_MANIFEST_BLOB_UNKNOWN ? 0 : -1;
}

static int tag_lonely(struct err *error)
{
    return push_tagged("a", lonely_json, error);
}

static const char *index_of_lonely(void)
{
    static char json[1024];

    snprintf(json, sizeof(json),
             "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX
             "\",\"manifests\":[{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"digest\":\"%s\",\"size\":%zu}]}",
             text_of(&lonely), strlen(lonely_json));
    return json;
}

static int push_index(struct err *error)
{
    if (push_tagged("a", index_of_lonely(), error) == 0)
        return 0;
    return error->code == ERR_MANIFEST_BLOB_UNKNOWN ? 0 : -1;
}

/* HEAD of a manifest by its digest. */
static int lease_lonely(struct err *error)
{
    manifest_lease(&store, "a", &lonely);
    if (manifest_check(&store, "a", &lonely, error) == 0)
        is_acknowledged = true;
    return is_acknowledged || error->code == ERR_MANIFEST_UNKNOWN ? 0 : -1;
}

static int delete_spare_or_not(struct err *error)
{
    if (delete_spare(error) == 0)
        return 0;
    return error->code == ERR_BLOB_UNKNOWN ? 0 : -1;
}

/* Between its tags and itself a collector may have been faster. */
static int delete_and_push(struct err *error)
{
    if (delete_image(error) < 0 && error->code != ERR_MANIFEST_UNKNOWN)
        return -1;
    err_clear(error);
    if (push_tagged("a", world.image_json, error) == 0)
        return 0;
    /* Its layer was nobody's for a moment, and old. */
    if (error->code != ERR_MANIFEST_BLOB_UNKNOWN)
        return -1;
    err_clear(error);
    if (upload_blob("a", "layer", error) < 0)
        return -1;
    return push_tagged("a", world.image_json, error);
}

/* --- what has to hold --- */

static void expect_both(void)
{
    cr_assert(sweep_result == 0, "%s: %s", sweep_where(), sweep_err.text);
    cr_assert(sweep_meanwhile_result == 0, "%s: meanwhile: %s", sweep_where(),
              sweep_meanwhile_err.text);
    expect_nothing_restored();
}

/* It still does when another one has come after. */
static void collect_again(void)
{
    EXPECT_OK(collect_once(&err));
    expect_nothing_restored();
}

static void expect_nothing_more(void)
{
    expect_both();
    collect_again();
}

static void expect_spare_in_a(void)
{
    expect_both();
    collect_again();
    if (is_acknowledged)
        expect_blob("a", &world.spare);
}

static void expect_spare_in_b(void)
{
    expect_both();
    collect_again();
    if (is_acknowledged)
        expect_blob("b", &world.spare);
}

static void expect_pushed_to(const char *name)
{
    expect_both();
    collect_again();
    if (!is_acknowledged)
        return;
    expect_tag(name, "new", &wanted);
    expect_manifest(name, &wanted, wanted_json);
    expect_blob(name, &world.config);
    expect_blob(name, &world.spare);
}

static void expect_pushed_to_a(void)
{
    expect_pushed_to("a");
}

static void expect_pushed_to_b(void)
{
    EXPECT(is_acknowledged);
    expect_pushed_to("b");
}

static void expect_lonely(void)
{
    expect_both();
    collect_again();
    if (!is_acknowledged)
        return;
    expect_manifest("a", &lonely, lonely_json);
    expect_blob("a", &world.layer);
}

static void expect_index(void)
{
    struct digest index = digest_of(index_of_lonely());

    expect_lonely();
    if (is_acknowledged)
        expect_tag("a", "new", &index);
}

static void expect_image_again(void)
{
    expect_both();
    collect_again();
    EXPECT(is_acknowledged);
    expect_tag("a", "new", &world.image);
    expect_manifest("a", &world.image, world.image_json);
}

/* Both ways, with the other one whole at each step, and in halves. */
static void race(int (*client)(struct err *), void (*expect)(void),
                 unsigned int touches)
{
    struct interleaving ways[] = {
        {make_old, collect_once, client, expect, touches | TOUCHES_SPARE},
        {make_old, client, collect_once, expect, touches | TOUCHES_SPARE},
    };
    uint64_t cases = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
        cases += interleave(&ways[i]) + interleave_halves(&ways[i]);
    cr_log_info("%llu orders", (unsigned long long)cases);
    cr_assert_gt(cases, 500);
}

#define RACE(name, client, expect, touches)                                    \
    Test(collect_races, name)                                                  \
    {                                                                          \
        race(client, expect, touches);                                         \
    }

RACE(head_of_a_blob, head_spare, expect_spare_in_a, 0)
RACE(commit_of_a_blob_that_is_there, commit_spare, expect_spare_in_a, 0)
RACE(mount_of_a_blob, mount_spare, expect_spare_in_b, 0)
RACE(push_after_a_head, head_and_push, expect_pushed_to_a, 0)
RACE(push_after_a_mount, mount_and_push, expect_pushed_to_b, 0)
RACE(push_that_asks_for_nothing, push_at_once, expect_pushed_to_a, 0)
RACE(push_that_tags_a_manifest_again, tag_lonely, expect_lonely, 0)
RACE(push_of_an_index_over_a_manifest, push_index, expect_index, 0)
RACE(head_of_a_manifest, lease_lonely, expect_lonely, 0)
RACE(deletion_of_a_blob, delete_spare_or_not, expect_nothing_more, 0)
RACE(deletion_of_a_tag, delete_v1, expect_nothing_more, TOUCHES_V1)
RACE(deletion_and_push_of_a_manifest, delete_and_push, expect_image_again,
     TOUCHES_IMAGE)
