/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "driver/driver_mem.h"
#include "driver/fs_fixture.h"
#include "oci/media_type.h"
#include "store/blob.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/protection.h"
#include "store/tag.h"

static struct rules *rules;
static struct digest config, layer, spare, image, other, list, list_of_lists;

static void protect(const char *text)
{
    rules_cleanup(&rules);
    cr_assert_eq(rules_parse(span_of(text), "f", &rules, &err), 0, "%s",
                 err.text);
    store.rules = rules;
}

static struct digest push_list(const char *name, const struct digest *child)
{
    char json[512];

    snprintf(json, sizeof(json),
             "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":"
             "\"" MEDIA_TYPE_OCI_MANIFEST "\",\"digest\":\"%s\",\"size\":1}]}",
             text_of(child));
    return push_manifest(name, json);
}

static void fill(void)
{
    config = push_blob("a", SPAN("config"));
    layer = push_blob("a", SPAN("layer"));
    spare = push_blob("a", SPAN("spare"));
    image = push_manifest("a", image_json(&config, &layer));
    other = push_manifest("a", image_json(&config, &spare));
    list = push_list("a", &image);
    list_of_lists = push_list("a", &list);
}

static void setup(void)
{
    fixture_setup();
    fill();
    protect("[a]\nprotect = v*\n");
}

static void teardown(void)
{
    rules_cleanup(&rules);
    fixture_teardown();
}

TestSuite(protection, .init = setup, .fini = teardown);

/* --- what may be done, and what not --- */

static void expect_ok(int result)
{
    cr_assert_eq(result, 0, "%s", err.text);
}

static void expect_failure(int result, enum err_code code)
{
    cr_assert_eq(result, -1);
    cr_assert_eq(err.code, code, "%s: %s", err_name(err.code), err.text);
    err_clear(&err);
}

static void expect_denied(int result, const char *tag)
{
    char detail[ERR_DETAIL_MAX];

    snprintf(detail, sizeof(detail),
             "the tag %s is protected: it stays as it is", tag);
    cr_assert_eq(result, -1);
    cr_assert_eq(err.code, ERR_DENIED, "%s: %s", err_name(err.code), err.text);
    cr_assert_str_eq(err.detail, detail);
    err_clear(&err);
}

static int set(const char *tag, const struct digest *digest)
{
    return tag_set(&store, "a", tag, digest, &err);
}

static bool names(const char *tag, const struct digest *digest)
{
    struct digest found;
    struct err ignored = {0};

    return tag_resolve(&store, "a", tag, &found, &ignored) == 0 &&
           digest_equals(&found, digest);
}

Test(protection, a_protected_tag_is_made_once)
{
    int64_t made;

    expect_ok(tag_check(&store, "a", "v1", &image, &err));
    expect_ok(set("v1", &image));
    made = object_mtime(layout_tag_current("a", "v1").text);
    expect_ok(set("v1", &image));
    cr_expect_eq(object_mtime(layout_tag_current("a", "v1").text), made);
    expect_denied(tag_check(&store, "a", "v1", &other, &err), "v1");
    expect_denied(set("v1", &other), "v1");
    cr_expect(names("v1", &image));
    cr_expect_not(object_exists(layout_tag_index_link("a", "v1", &other).text));
}

Test(protection, a_protected_tag_is_not_deleted)
{
    expect_failure(tag_delete(&store, "a", "v1", &err), ERR_MANIFEST_UNKNOWN);
    expect_ok(set("v1", &image));
    expect_denied(tag_delete(&store, "a", "v1", &err), "v1");
    expect_denied(tag_delete_all(&store, "a", &image, NULL, &err), "v1");
    cr_expect(names("v1", &image));
}

Test(protection, what_a_protected_tag_names_is_not_deleted)
{
    expect_ok(set("latest", &image));
    expect_ok(set("v1", &image));
    expect_denied(manifest_delete(&store, "a", &image, &err), "v1");
    cr_expect(names("latest", &image));
    cr_expect(names("v1", &image));
    expect_ok(manifest_check(&store, "a", &image, &err));
    expect_ok(manifest_delete(&store, "a", &other, &err));
}

Test(protection, what_a_protected_tag_leads_to_is_not_deleted)
{
    expect_ok(set("v1", &list_of_lists));
    expect_denied(manifest_delete(&store, "a", &list_of_lists, &err), "v1");
    expect_denied(manifest_delete(&store, "a", &list, &err), "v1");
    expect_denied(manifest_delete(&store, "a", &image, &err), "v1");
    expect_denied(blob_delete(&store, "a", &layer, &err), "v1");
    expect_denied(blob_delete(&store, "a", &config, &err), "v1");
    expect_ok(blob_delete(&store, "a", &spare, &err));
    expect_failure(blob_delete(&store, "a", &spare, &err), ERR_BLOB_UNKNOWN);
    expect_ok(manifest_delete(&store, "a", &other, &err));
    expect_failure(manifest_delete(&store, "a", &other, &err),
                   ERR_MANIFEST_UNKNOWN);
}

Test(protection, other_tags_move_and_go_as_ever)
{
    expect_ok(set("latest", &image));
    expect_ok(set("latest", &other));
    expect_ok(tag_delete(&store, "a", "latest", &err));
    expect_ok(set("latest", &list));
    expect_ok(manifest_delete(&store, "a", &list, &err));
    cr_expect_not(names("latest", &list));
    expect_ok(blob_delete(&store, "a", &layer, &err));
}

Test(protection, is_of_the_repositories_the_rules_name)
{
    struct digest theirs = push_list("b", &image);

    expect_ok(tag_set(&store, "b", "v1", &theirs, &err));
    expect_ok(tag_delete(&store, "b", "v1", &err));
    cr_expect_not(object_exists(layout_protection("b").text));
}

Test(protection, nothing_is_changed_where_the_rules_are_not_known)
{
    expect_ok(set("latest", &image));
    store.rules = NULL;
    expect_failure(tag_check(&store, "a", "new", &image, &err),
                   ERR_MISCONFIGURED);
    expect_failure(set("new", &image), ERR_MISCONFIGURED);
    expect_failure(set("latest", &image), ERR_MISCONFIGURED);
    expect_failure(tag_delete(&store, "a", "latest", &err), ERR_MISCONFIGURED);
    expect_failure(tag_delete_all(&store, "a", &image, NULL, &err),
                   ERR_MISCONFIGURED);
    expect_failure(manifest_delete(&store, "a", &image, &err),
                   ERR_MISCONFIGURED);
    expect_failure(blob_delete(&store, "a", &spare, &err), ERR_MISCONFIGURED);
    cr_expect(names("latest", &image));
}

Test(protection, no_protected_tag_names_a_manifest_that_is_gone)
{
    expect_ok(manifest_delete(&store, "a", &image, &err));
    expect_failure(set("v1", &image), ERR_MANIFEST_UNKNOWN);
    cr_expect_not(object_exists(layout_tag("a", "v1").text));
}

Test(protection, what_registry_2_left_half_made_is_still_to_be_made)
{
    struct layout_path current = layout_tag_current("a", "v1");
    struct layout_path index = layout_tag_index_link("a", "v2", &other);

    expect_ok(
        driver_put(store.driver, current.text, SPAN(""), DRIVER_DURABLE, &err));
    expect_ok(driver_put(store.driver, index.text, span_of(text_of(&other)),
                         DRIVER_DURABLE, &err));
    expect_denied(tag_delete(&store, "a", "v1", &err), "v1");
    expect_ok(set("v1", &image));
    expect_ok(set("v2", &image));
    cr_expect(names("v1", &image));
    cr_expect(names("v2", &image));
}

Test(protection, a_damaged_manifest_of_a_protected_tag_holds_itself_alone)
{
    expect_ok(set("v1", &list));
    expect_ok(driver_put(store.driver, layout_blob(&list).text, SPAN("{"),
                         DRIVER_DURABLE, &err));
    expect_denied(manifest_delete(&store, "a", &list, &err), "v1");
    expect_ok(manifest_delete(&store, "a", &image, &err));
}

/* Deeper than a push looks. */
Test(protection, what_a_protected_tag_leads_to_by_many_steps_is_not_deleted)
{
    struct digest last = list_of_lists;

    for (int i = 0; i < 6; i++)
        last = push_list("a", &last);
    expect_ok(set("v1", &last));
    expect_denied(manifest_delete(&store, "a", &image, &err), "v1");
    expect_denied(blob_delete(&store, "a", &layer, &err), "v1");
}

/* --- one at a time --- */

Test(protection, who_waits_too_long_is_told_so)
{
    CLEANUP(protection) struct protection mine = {0};

    expect_ok(protection_enter(&store, "a", &mine, &err));
    expect_failure(set("v1", &image), ERR_BUSY);
    cr_expect_not(names("v1", &image));
    protection_cleanup(&mine);
    expect_ok(set("v1", &image));
}

/* So nobody waits while all that tags lead to is read. */
Test(protection, a_deletion_reads_before_it_has_to_be_the_only_one)
{
    CLEANUP(protection) struct protection mine = {0};

    expect_ok(set("v1", &list_of_lists));
    expect_ok(protection_enter(&store, "a", &mine, &err));
    expect_denied(manifest_delete(&store, "a", &image, &err), "v1");
    expect_failure(manifest_delete(&store, "a", &other, &err), ERR_BUSY);
    protection_cleanup(&mine);
    expect_ok(manifest_delete(&store, "a", &other, &err));
}

#define CREATORS 8
#define ROUNDS 60

struct creator {
    pthread_t thread;
    char tag[16];
    struct digest digest;
    struct err err;
    int result;
};

static void *create(void *context)
{
    struct creator *creator = context;

    creator->result =
        tag_set(&store, "a", creator->tag, &creator->digest, &creator->err);
    return NULL;
}

static void create_all_at_once(int round)
{
    const struct digest *digests[] = {&image, &other, &list, &list_of_lists};
    struct creator creators[CREATORS] = {0};
    struct digest made;
    char tag[16];

    snprintf(tag, sizeof(tag), "v%d", round);
    for (size_t i = 0; i < CREATORS; i++) {
        creators[i].digest = *digests[(i + (size_t)round) % 4];
        snprintf(creators[i].tag, sizeof(creators[i].tag), "%s", tag);
        cr_assert_eq(
            pthread_create(&creators[i].thread, NULL, create, &creators[i]), 0);
    }
    for (size_t i = 0; i < CREATORS; i++)
        pthread_join(creators[i].thread, NULL);
    expect_ok(tag_resolve(&store, "a", tag, &made, &err));
    for (size_t i = 0; i < CREATORS; i++) {
        bool is_winner = digest_equals(&made, &creators[i].digest);

        cr_assert_eq(creators[i].result, is_winner ? 0 : -1, "%s: %s", tag,
                     creators[i].err.text);
        cr_assert(is_winner || creators[i].err.code == ERR_DENIED, "%s: %s",
                  tag, creators[i].err.text);
    }
}

Test(protection, of_many_who_make_a_tag_one_wins_in_memory)
{
    for (int round = 0; round < ROUNDS; round++)
        create_all_at_once(round);
}

Test(protection, of_many_who_make_a_tag_one_wins_in_a_file_system)
{
    struct driver *memory = store.driver;

    fs_begin();
    store.driver = fixture.subject.driver;
    fill();
    for (int round = 0; round < ROUNDS; round++)
        create_all_at_once(round);
    store.driver = memory;
    fs_end();
}

/* --- a deletion comes at each step --- */

static const struct driver_ops *plain;
static struct driver_ops hooked;
static pthread_t intruder, self;
static int step, intrudes_at;
static void *(*intrude)(void *);

static void look(void)
{
    if (!pthread_equal(pthread_self(), self) || step++ != intrudes_at)
        return;
    cr_assert_eq(pthread_create(&intruder, NULL, intrude, NULL), 0);
}

static int hooked_stat(struct driver *driver, const char *path,
                       struct driver_stat *out, struct err *error)
{
    look();
    return plain->stat(driver, path, out, error);
}

static int hooked_get(struct driver *driver, const char *path, struct buf *into,
                      struct driver_stat *out, struct err *error)
{
    look();
    return plain->get(driver, path, into, out, error);
}

static int hooked_put(struct driver *driver, const char *path,
                      struct span bytes, enum driver_durability durability,
                      struct err *error)
{
    look();
    return plain->put(driver, path, bytes, durability, error);
}

static int hooked_put_directory(struct driver *driver, const char *directory,
                                const struct driver_file *files, size_t count,
                                struct err *error)
{
    look();
    return plain->put_directory(driver, directory, files, count, error);
}

static int hooked_open_upload(struct driver *driver, const char *path,
                              enum driver_upload_mode mode, int64_t wait_ms,
                              struct writer **out, struct err *error)
{
    look();
    return plain->open_upload(driver, path, mode, wait_ms, out, error);
}

/* --- what happens while a deletion waits --- */

static void (*meanwhile)(void);

static int open_upload_later(struct driver *driver, const char *path,
                             enum driver_upload_mode mode, int64_t wait_ms,
                             struct writer **out, struct err *error)
{
    store.driver->ops = plain;
    meanwhile();
    return plain->open_upload(driver, path, mode, wait_ms, out, error);
}

static void wait_for(void (*what)(void))
{
    meanwhile = what;
    plain = store.driver->ops;
    hooked = *plain;
    hooked.open_upload = open_upload_later;
    store.driver->ops = &hooked;
}

static void tag_other(void)
{
    expect_ok(set("v2", &other));
}

static void push_image_again(void)
{
    push_manifest("a", image_json(&config, &layer));
}

Test(protection, what_a_tag_leads_to_that_came_while_a_deletion_waited_stays)
{
    expect_ok(set("v1", &image));
    wait_for(tag_other);
    expect_denied(blob_delete(&store, "a", &spare, &err), "v2");
}

Test(protection, what_came_back_while_a_deletion_waited_needs_its_parts)
{
    expect_ok(set("v1", &list));
    expect_ok(driver_remove(store.driver, layout_revision("a", &image).text,
                            DRIVER_DURABLE, &err));
    wait_for(push_image_again);
    expect_denied(blob_delete(&store, "a", &layer, &err), "v1");
    expect_ok(blob_delete(&store, "a", &spare, &err));
}

static struct err deletion_err;
static int deletion_result;

static void *delete_image(void *context)
{
    deletion_result = manifest_delete(&store, "a", &image, &deletion_err);
    return context;
}

/* The steps of a PUT. Whoever is second is told, and nothing is left half. */
static int put_and_tag(struct err *error)
{
    for (int i = 0; i < 3; i++) {
        err_clear(error);
        push_manifest("a", image_json(&config, &layer));
        if (tag_set(&store, "a", "v1", &image, error) == 0)
            return 0;
        if (error->code != ERR_MANIFEST_UNKNOWN)
            return -1;
    }
    return -1;
}

static bool intrude_at(int at)
{
    struct err error = {0};
    bool came;

    step = 0;
    intrudes_at = at;
    deletion_result = -1;
    err_clear(&deletion_err);
    cr_assert_eq(put_and_tag(&error), 0, "%d: %s", at, error.text);
    came = step > at;
    if (came)
        pthread_join(intruder, NULL);
    cr_assert(names("v1", &image), "%d", at);
    expect_ok(manifest_check(&store, "a", &image, &err));
    if (came)
        cr_assert(deletion_result == 0 || deletion_err.code == ERR_DENIED ||
                      deletion_err.code == ERR_MANIFEST_UNKNOWN,
                  "%d: %s", at, deletion_err.text);
    /* Again from the beginning. */
    expect_ok(driver_remove(store.driver, layout_tag("a", "v1").text,
                            DRIVER_DURABLE, &err));
    return came;
}

Test(protection, a_deletion_at_any_step_of_a_push_loses_no_protected_tag)
{
    int at = 0;

    self = pthread_self();
    intrude = delete_image;
    plain = store.driver->ops;
    hooked = *plain;
    hooked.stat = hooked_stat;
    hooked.get = hooked_get;
    hooked.put = hooked_put;
    hooked.put_directory = hooked_put_directory;
    hooked.open_upload = hooked_open_upload;
    store.driver->ops = &hooked;
    for (int round = 0; round < 10; round++)
        for (at = 0; intrude_at(at); at++)
            ;
    store.driver->ops = plain;
    cr_expect(at > 6, "%d steps", at);
}

static struct err push_err;
static int push_result;

static void *push_image(void *context)
{
    push_result = put_and_tag(&push_err);
    return context;
}

static bool push_at(int at)
{
    bool came;

    err_clear(&deletion_err);
    err_clear(&push_err);
    push_manifest("a", image_json(&config, &layer));
    step = 0;
    intrudes_at = at;
    (void)delete_image(NULL);
    came = step > at;
    if (!came)
        return false;
    pthread_join(intruder, NULL);
    cr_assert_eq(push_result, 0, "%d: %s", at, push_err.text);
    cr_assert(deletion_result == 0 || deletion_err.code == ERR_DENIED, "%d: %s",
              at, deletion_err.text);
    cr_assert(names("v1", &image), "%d", at);
    expect_ok(manifest_check(&store, "a", &image, &err));
    expect_ok(driver_remove(store.driver, layout_tag("a", "v1").text,
                            DRIVER_DURABLE, &err));
    return true;
}

static int hooked_remove(struct driver *driver, const char *path,
                         enum driver_durability durability, struct err *error)
{
    look();
    return plain->remove(driver, path, durability, error);
}

static int hooked_list(struct driver *driver, const char *path,
                       const char *after, driver_visit *visit, void *context,
                       struct err *error)
{
    look();
    return plain->list(driver, path, after, visit, context, error);
}

Test(protection, a_push_at_any_step_of_a_deletion_loses_no_protected_tag)
{
    int at = 0;

    self = pthread_self();
    intrude = push_image;
    plain = store.driver->ops;
    hooked = *plain;
    hooked.stat = hooked_stat;
    hooked.remove = hooked_remove;
    hooked.list = hooked_list;
    hooked.open_upload = hooked_open_upload;
    store.driver->ops = &hooked;
    for (int round = 0; round < 10; round++)
        for (at = 0; push_at(at); at++)
            ;
    store.driver->ops = plain;
    cr_expect(at > 3, "%d steps", at);
}
