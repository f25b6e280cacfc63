/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/blob.h"
#include "store/fixture.h"
#include "store/link.h"
#include "store/manifest_store.h"
#include "store/quota.h"
#include "store/rules.h"
#include "store/upload.h"

#define RULES                                                                  \
    "[team/*]\nquota = 1000\n"                                                 \
    "[team/big]\nquota = 1M\n"                                                 \
    "[team/free]\nquota = none\n"                                              \
    "[one]\nquota = 300\n"

static struct rules *rules;
static char bytes[4096];

static void turn_to(const char *text)
{
    rules_free(rules);
    cr_assert_eq(rules_parse(span_of(text), "rules", &rules, &err), 0, "%s",
                 err.text);
    store.rules = rules;
}

static void setup(void)
{
    fixture_setup();
    turn_to(RULES);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * i / 7);
}

static void teardown(void)
{
    rules_free(rules);
    fixture_teardown();
}

TestSuite(quota, .init = setup, .fini = teardown);

/* A text nobody else pushes, by where it begins. */
static struct span blob_of(size_t start, size_t len)
{
    return (struct span){bytes + start, len};
}

static struct quota quota_of(const char *name)
{
    struct quota quota;

    cr_assert(quota_find(&store, name, &quota), "%s", name);
    return quota;
}

static uint64_t counted(const char *name)
{
    struct quota quota = quota_of(name);
    struct quota_state state;

    cr_assert_eq(quota_read(&store, &quota, &state, &err), 0, "%s", err.text);
    return state.bytes;
}

static uint64_t there(const char *name)
{
    struct quota quota = quota_of(name);

    cr_assert_eq(quota_recount(&store, &quota, &err), 0, "%s", err.text);
    return counted(name);
}

/* Pushes a part of a blob; 0, or the code of the error. */
static enum err_code receive(const char *name, const char *uuid,
                             struct span part, bool break_off)
{
    CLEANUP(upload) struct upload *upload = NULL;
    struct err error = {0};
    struct body body;
    uint64_t received;

    body_init(&body, part);
    body.break_off = break_off;
    if (upload_open(&store, name, uuid, &upload, &error) < 0 ||
        upload_receive(upload, &body.reader, &received, &error) < 0 ||
        upload_suspend(upload_take(&upload), &error) < 0)
        return error.code;
    return ERR_NONE;
}

static enum err_code try_push(const char *name, struct span part)
{
    char uuid[UUID_LENGTH + 1];
    struct err error = {0};
    enum err_code code;

    if (upload_start(&store, name, HASH_SHA256, uuid, &error) < 0)
        return error.code;
    code = receive(name, uuid, part, false);
    cr_assert_eq(upload_cancel(&store, name, uuid, &error), 0);
    return code;
}

/* --- what counts --- */

Test(quota, blobs_count_once_for_all_repositories_of_a_section)
{
    push_blob("team/a", blob_of(0, 100));
    push_blob("team/b", blob_of(0, 100));
    push_blob("team/b/c", blob_of(1, 50));
    push_blob("team/big", blob_of(2, 500));
    push_blob("team/free", blob_of(3, 501));
    push_blob("other", blob_of(4, 502));
    push_blob("one", blob_of(5, 7));
    push_blob("one/more", blob_of(6, 503));
    cr_expect_eq(there("team/a"), 150);
    cr_expect_eq(there("team/new"), 150);
    cr_expect_eq(there("team/big"), 500);
    cr_expect_eq(there("one"), 7);
    cr_expect_not(quota_find(&store, "team/free", &(struct quota){0}));
    cr_expect_not(quota_find(&store, "other", &(struct quota){0}));
}

Test(quota, manifests_and_uploads_count)
{
    struct digest config = push_blob("team/a", blob_of(0, 100));
    struct digest layer = push_blob("team/a", blob_of(1, 50));
    const char *json = image_json(&config, &layer);
    uint64_t size = strlen(json);
    char uuid[UUID_LENGTH + 1];

    push_manifest("team/a", json);
    cr_expect_eq(there("team/a"), 150 + size);
    cr_assert_eq(upload_start(&store, "team/b", HASH_SHA256, uuid, &err), 0);
    cr_expect_eq(receive("team/b", uuid, blob_of(2, 33), false), ERR_NONE);
    cr_expect_eq(there("team/a"), 183 + size);
    /* The same bytes as a blob, and as a manifest of another repository. */
    push_blob("team/b", span_of(json));
    cr_expect_eq(there("team/a"), 183 + size);
}

Test(quota, a_blob_stored_under_another_digest_counts_once)
{
    struct digest digest = push_blob("team/a", blob_of(0, 100)), other;
    struct layout_path link;

    digest_of_bytes(HASH_SHA512, blob_of(0, 100), &other);
    link = layout_layer_link("team/b", &other);
    cr_assert_eq(link_write(&store, &link, &digest, &err), 0);
    cr_expect_eq(there("team/a"), 100);
    link = layout_layer_link("team/a", &digest);
    cr_assert_eq(driver_remove(store.driver, link.text, DRIVER_DURABLE, &err),
                 0);
    cr_expect_eq(there("team/a"), 100);
}

Test(quota, links_that_lead_nowhere_cost_nothing)
{
    struct digest digest = push_blob("team/a", blob_of(0, 100));
    struct layout_path blob = layout_blob(&digest);

    cr_assert_eq(driver_remove(store.driver, blob.text, DRIVER_DURABLE, &err),
                 0);
    cr_expect_eq(there("team/a"), 0);
}

Test(quota, many_blobs_are_counted)
{
    turn_to("[*]\nquota = 1G\n");
    for (size_t i = 0; i < 800; i++)
        push_blob(i % 2 ? "a" : "b", blob_of(i, 64));
    cr_expect_eq(there("a"), 51200);
}

/* --- the limit --- */

Test(quota, it_can_be_used_up_and_not_passed)
{
    push_blob("team/a", blob_of(0, 600));
    push_blob("team/b", blob_of(1, 399));
    cr_expect_eq(try_push("team/c", blob_of(2, 2)), ERR_QUOTA_EXCEEDED);
    push_blob("team/c", blob_of(2, 1));
    cr_expect_eq(try_push("team/c", blob_of(3, 1)), ERR_QUOTA_EXCEEDED);
    cr_expect_eq(there("team/a"), 1000);
    /* Others have their own. */
    push_blob("team/big", blob_of(3, 1001));
    push_blob("team/free", blob_of(3, 1001));
}

Test(quota, a_refusal_says_how_much_there_is)
{
    char uuid[UUID_LENGTH + 1];

    push_blob("team/a", blob_of(0, 1000));
    cr_assert_eq(upload_start(&store, "team/b", HASH_SHA256, uuid, &err), -1);
    cr_expect_eq(err.code, ERR_QUOTA_EXCEEDED);
    cr_expect_str_eq(err.detail, "the quota of team/* is 1000 bytes, of which "
                                 "1000 are used");
}

Test(quota, a_refused_part_leaves_the_upload_as_it_was)
{
    char uuid[UUID_LENGTH + 1];
    uint64_t size;

    cr_assert_eq(upload_start(&store, "team/a", HASH_SHA256, uuid, &err), 0);
    cr_expect_eq(receive("team/a", uuid, blob_of(0, 500), false), ERR_NONE);
    cr_expect_eq(receive("team/a", uuid, blob_of(500, 501), false),
                 ERR_QUOTA_EXCEEDED);
    cr_assert_eq(upload_status(&store, "team/a", uuid, &size, &err), 0);
    cr_expect_eq(size, 500);
    cr_expect_eq(there("team/a"), 500);
    cr_expect_eq(receive("team/a", uuid, blob_of(500, 500), false), ERR_NONE);
}

Test(quota, what_all_have_already_can_be_pushed_while_it_fits)
{
    for (int i = 0; i < 20; i++)
        push_blob("team/a", blob_of(0, 500));
    cr_expect_eq(there("team/a"), 500);
    cr_expect_eq(try_push("team/a", blob_of(0, 501)), ERR_QUOTA_EXCEEDED);
}

Test(quota, pushes_that_broke_off_use_nothing_up)
{
    char uuid[UUID_LENGTH + 1];

    cr_assert_eq(upload_start(&store, "team/a", HASH_SHA256, uuid, &err), 0);
    for (int i = 0; i < 20; i++)
        cr_expect_eq(receive("team/a", uuid, blob_of(0, 900), true),
                     ERR_BODY_INCOMPLETE);
    push_blob("team/a", blob_of(0, 1000));
}

Test(quota, what_is_deleted_makes_room)
{
    struct digest digest = push_blob("team/a", blob_of(0, 1000));

    cr_expect_eq(try_push("team/b", blob_of(1, 1)), ERR_QUOTA_EXCEEDED);
    cr_assert_eq(blob_delete(&store, "team/a", &digest, &err), 0);
    push_blob("team/b", blob_of(1, 1000));
}

Test(quota, an_upload_that_has_its_bytes_ends_under_any_limit)
{
    CLEANUP(upload) struct upload *upload = NULL;
    char uuid[UUID_LENGTH + 1];
    struct digest digest;

    digest_of_bytes(HASH_SHA256, blob_of(0, 900), &digest);
    cr_assert_eq(upload_start(&store, "team/a", HASH_SHA256, uuid, &err), 0);
    cr_expect_eq(receive("team/a", uuid, blob_of(0, 900), false), ERR_NONE);
    turn_to("[team/*]\nquota = 10\n");
    cr_assert_eq(upload_open(&store, "team/a", uuid, &upload, &err), 0);
    cr_expect_eq(upload_commit(upload_take(&upload), &digest, &err), 0, "%s",
                 err.text);
    cr_expect_eq(there("team/a"), 900);
}

/* --- mounts and manifests --- */

Test(quota, a_mount_costs_what_the_section_does_not_have)
{
    struct digest mine = push_blob("team/a", blob_of(0, 400));
    struct digest foreign = push_blob("other", blob_of(1, 600));
    struct digest more = push_blob("other", blob_of(2, 1));

    cr_expect_eq(blob_mount(&store, "team/b", "team/a", &mine, &err), 0);
    cr_expect_eq(counted("team/a"), 400);
    cr_expect_eq(blob_mount(&store, "team/b", "other", &foreign, &err), 0);
    cr_expect_eq(counted("team/a"), 1000);
    cr_expect_eq(blob_mount(&store, "team/b", NULL, &foreign, &err), 0);
    cr_expect_eq(blob_mount(&store, "team/b", NULL, &mine, &err), 0);
    cr_expect_eq(blob_mount(&store, "team/b", "team/a", &mine, &err), 0);
    cr_expect_eq(counted("team/a"), 1000);
    cr_expect_eq(blob_mount(&store, "team/b", "other", &more, &err), -1);
    cr_expect_eq(err.code, ERR_QUOTA_EXCEEDED);
    err_clear(&err);
    cr_expect_eq(there("team/a"), 1000);
}

Test(quota, a_mount_from_the_section_itself_is_not_refused)
{
    struct digest digest = push_blob("team/a", blob_of(0, 1000));

    cr_expect_eq(blob_mount(&store, "team/b", "team/a", &digest, &err), 0);
    cr_expect_eq(there("team/a"), 1000);
}

Test(quota, a_manifest_that_is_there_can_be_put_again)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct digest config = push_blob("one", blob_of(0, 10));
    struct digest layer = push_blob("other", blob_of(1, 1)), digest;
    char limit[64], json[1024];

    snprintf(json, sizeof(json), "%s", image_json(&config, &config));
    snprintf(limit, sizeof(limit), "[one]\nquota = %zu\n", 10 + strlen(json));
    turn_to(limit);
    push_manifest("one", json);
    cr_expect_eq(there("one"), 10 + strlen(json));
    push_manifest("one", json);
    cr_expect_eq(counted("one"), 10 + strlen(json));
    snprintf(json, sizeof(json), "%s", image_json(&config, &layer));
    digest_of_bytes(HASH_SHA256, span_of(json), &digest);
    cr_assert_eq(manifest_parse(span_of(json), SPAN(""), &manifest, &err), 0);
    cr_expect_eq(
        manifest_put(&store, "one", &digest, manifest, span_of(json), &err),
        -1);
    cr_expect_eq(err.code, ERR_QUOTA_EXCEEDED);
    cr_expect_not(object_exists(layout_blob(&digest).text));
}

/* --- the record --- */

Test(quota, a_lost_record_is_made_good)
{
    struct quota quota = quota_of("team/a");

    push_blob("team/a", blob_of(0, 900));
    cr_assert_eq(
        driver_remove(store.driver, quota.record.text, DRIVER_RELAXED, &err),
        0);
    cr_expect_eq(try_push("team/a", blob_of(1, 101)), ERR_QUOTA_EXCEEDED);
    push_blob("team/a", blob_of(1, 100));
}

Test(quota, other_sections_make_another_record)
{
    push_blob("team/big", blob_of(0, 1200));
    push_blob("team/a", blob_of(1, 900));
    /* What was another section's is now in this one. */
    turn_to("[team/*]\nquota = 1000\n[one]\nquota = 300\n");
    cr_expect_eq(try_push("team/a", blob_of(2, 1)), ERR_QUOTA_EXCEEDED);
    /* Another limit does not change what is known. */
    turn_to("[one]\nquota = 7\n[team/*]\nquota = 3000\n");
    push_blob("team/a", blob_of(2, 1));
    turn_to("[one]\nquota = 7\n[team/*]\nquota = 2K\n");
    cr_expect_eq(counted("team/a"), 2101);
}

Test(quota, without_rules_nothing_is_pushed)
{
    struct digest digest = push_blob("other", blob_of(0, 9));

    store.rules = NULL;
    cr_expect_eq(try_push("other", blob_of(0, 1)), ERR_MISCONFIGURED);
    cr_expect_eq(blob_mount(&store, "team/a", "other", &digest, &err), -1);
    cr_expect_eq(err.code, ERR_MISCONFIGURED);
}

/* --- what happens during a recount --- */

static const struct driver_ops *plain;
static struct driver_ops hooked;
static void (*meanwhile)(void);
static const char *moment; /* the directory that is listed then */

static int list(struct driver *driver, const char *path, const char *after,
                driver_visit *visit, void *context, struct err *error)
{
    if (strcmp(path, moment) == 0) {
        moment = "";
        meanwhile();
    }
    return plain->list(driver, path, after, visit, context, error);
}

static void hook(const char *when, void (*what)(void))
{
    plain = store.driver->ops;
    hooked = *plain;
    hooked.list = list;
    moment = when;
    meanwhile = what;
    store.driver->ops = &hooked;
}

static void push_another(void)
{
    push_blob("team/b", blob_of(1, 100));
}

/*
 * It may be seen where it was, where it is, in both or in neither place: so
 * all it moves is counted once more.
 */
Test(quota, what_is_pushed_during_a_recount_is_not_missed)
{
    static const char *const moments[] = {"repositories/team/a/_layers/sha256",
                                          "repositories/team/b/_layers/sha256",
                                          "repositories/team/b/_uploads",
                                          "repositories/team/z/_uploads"};

    for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
        uint64_t then;

        push_blob("team/a", blob_of(0, 100));
        push_blob("team/z", blob_of(7, 100));
        push_another();
        cr_assert_eq(driver_remove(store.driver, "repositories/team/b/_layers",
                                   DRIVER_DURABLE, &err),
                     0);
        cr_assert_eq(driver_make_directory(store.driver,
                                           "repositories/team/b/_layers/sha256",
                                           &err),
                     0);
        hook(moments[i], push_another);
        then = there("team/a");
        store.driver->ops = plain;
        cr_expect_str_empty(moment);
        cr_expect(then == 400 || then == 500, "%s: %d", moments[i], (int)then);
        cr_expect_eq(there("team/a"), 300);
    }
}

static void delete_it(void)
{
    struct digest digest;

    digest_of_bytes(HASH_SHA256, blob_of(0, 100), &digest);
    cr_assert_eq(blob_delete(&store, "team/a", &digest, &err), 0);
}

Test(quota, what_goes_during_a_recount_harms_nothing)
{
    push_blob("team/a", blob_of(0, 100));
    push_blob("team/z", blob_of(7, 100));
    hook("repositories/team/a/_layers/sha256", delete_it);
    cr_expect_eq(there("team/a"), 100);
    store.driver->ops = plain;
}

static int fail_to_list(struct driver *driver, const char *path,
                        const char *after, driver_visit *visit, void *context,
                        struct err *error)
{
    if (strcmp(path, moment) == 0)
        return err_set(error, ERR_IO, "%s: bad block", path);
    return plain->list(driver, path, after, visit, context, error);
}

Test(quota, what_cannot_be_read_is_not_taken_for_nothing)
{
    push_blob("team/a", blob_of(0, 1000));
    hook("repositories/team/a/_layers/sha256", NULL);
    hooked.list = fail_to_list;
    cr_expect_eq(try_push("team/a", blob_of(1, 1)), ERR_IO);
    store.driver->ops = plain;
    cr_expect_eq(try_push("team/a", blob_of(1, 1)), ERR_QUOTA_EXCEEDED);
}
