/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oci/name.h"
#include "store/blob.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/upload.h"

TestSuite(upload, .init = fixture_setup, .fini = fixture_teardown);

#define NAME "team/app"

static char uuid[UUID_LENGTH + 1];

static void start(enum hash_algorithm algorithm)
{
    cr_assert_eq(upload_start(&store, NAME, algorithm, uuid, &err), 0, "%s",
                 err.text);
}

static struct upload *open_upload(void)
{
    struct upload *upload = NULL;

    cr_assert_eq(upload_open(&store, NAME, uuid, &upload, &err), 0, "%s",
                 err.text);
    return upload;
}

static void patch(struct span bytes)
{
    struct upload *upload = open_upload();
    struct body body;
    uint64_t received;

    body_init(&body, bytes);
    cr_assert_eq(upload_receive(upload, &body.reader, &received, &err), 0);
    cr_assert_eq(received, bytes.len);
    cr_assert_eq(upload_suspend(upload, &err), 0);
}

static uint64_t status(void)
{
    uint64_t size = UINT64_MAX;

    cr_assert_eq(upload_status(&store, NAME, uuid, &size, &err), 0, "%s",
                 err.text);
    return size;
}

static struct digest digest_of(enum hash_algorithm algorithm, const char *text)
{
    struct digest digest;

    digest_of_bytes(algorithm, span_of(text), &digest);
    return digest;
}

/* On disk, where registry:2 looks, whatever the saved states say. */
static void expect_data(const char *text)
{
    cr_assert_str_eq(object_text(layout_upload_data(NAME, uuid).text), text);
}

Test(upload, starts_empty_under_a_random_uuid)
{
    char first[UUID_LENGTH + 1];

    start(HASH_SHA256);
    cr_assert(uuid_is_valid(span_of(uuid)));
    cr_assert_eq(status(), 0);
    strcpy(first, uuid);
    start(HASH_SHA256);
    cr_assert_str_neq(first, uuid);
}

Test(upload, leaves_the_files_registry_2_looks_for)
{
    start(HASH_SHA256);
    patch(SPAN("hello"));
    cr_assert(object_exists(layout_upload_started(NAME, uuid).text));
    cr_assert_str_eq(object_text(layout_upload_data(NAME, uuid).text), "hello");
    cr_assert(
        object_exists(layout_upload_state(NAME, uuid, HASH_SHA256, 0).text));
    cr_assert(
        object_exists(layout_upload_state(NAME, uuid, HASH_SHA256, 5).text));
}

Test(upload, chunks_of_several_requests_become_one_blob)
{
    struct digest digest = digest_of(HASH_SHA256, "hello world");
    struct blob blob;

    start(HASH_SHA256);
    patch(SPAN("hello"));
    patch(SPAN(""));
    patch(SPAN(" world"));
    cr_assert_eq(status(), 11);
    cr_assert_eq(upload_commit(open_upload(), &digest, &err), 0, "%s",
                 err.text);
    cr_assert_eq(blob_find(&store, NAME, &digest, &blob, &err), 0);
    cr_assert_eq(blob.size, 11);
    cr_assert_str_eq(object_text(layout_layer_link(NAME, &digest).text),
                     text_of(&digest));
}

Test(upload, commit_leaves_nothing_of_the_upload)
{
    struct digest digest = digest_of(HASH_SHA256, "x");

    start(HASH_SHA256);
    patch(SPAN("x"));
    cr_assert_eq(upload_commit(open_upload(), &digest, &err), 0);
    cr_assert_not(object_exists(layout_upload(NAME, uuid).text));
}

Test(upload, an_empty_blob_is_a_blob)
{
    struct digest digest = digest_of(HASH_SHA256, "");
    struct blob blob;

    start(HASH_SHA256);
    cr_assert_eq(upload_commit(open_upload(), &digest, &err), 0);
    cr_assert_eq(blob_find(&store, NAME, &digest, &blob, &err), 0);
    cr_assert_eq(blob.size, 0);
}

Test(upload, sha512_is_accepted_announced_or_not)
{
    struct digest digest = digest_of(HASH_SHA512, "big");

    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        start(i);
        patch(SPAN("big"));
        cr_assert_eq(upload_commit(open_upload(), &digest, &err), 0, "%s",
                     err.text);
        cr_assert(object_exists(layout_blob(&digest).text));
    }
}

Test(upload, wrong_digest_leaves_no_blob)
{
    struct digest wrong = digest_of(HASH_SHA256, "something else");
    struct digest right = digest_of(HASH_SHA256, "data");

    start(HASH_SHA256);
    patch(SPAN("data"));
    cr_assert_eq(upload_commit(open_upload(), &wrong, &err), -1);
    cr_assert_eq(err.code, ERR_DIGEST_INVALID);
    cr_assert_not(object_exists(layout_blob(&wrong).text));
    cr_assert_not(object_exists(layout_blob(&right).text));
    cr_assert_not(object_exists(layout_layer_link(NAME, &wrong).text));
}

Test(upload, wrong_digest_leaves_the_upload_as_it_was)
{
    struct digest wrong = digest_of(HASH_SHA256, "something else");
    struct digest right = digest_of(HASH_SHA256, "data");
    struct upload *upload;
    struct body body;
    uint64_t received;

    start(HASH_SHA256);
    patch(SPAN("data"));
    upload = open_upload();
    body_init(&body, SPAN(" and a last chunk"));
    cr_assert_eq(upload_receive(upload, &body.reader, &received, &err), 0);
    cr_assert_eq(upload_commit(upload, &wrong, &err), -1);
    cr_assert_eq(status(), 4);
    expect_data("data");
    cr_assert_eq(upload_commit(open_upload(), &right, &err), 0);
}

Test(upload, a_body_that_breaks_off_changes_nothing)
{
    static const size_t lengths[] = {1, 16 * 1024, 3 * 1024 * 1024};
    struct digest digest = digest_of(HASH_SHA256, "data");
    char *bytes = calloc(1, lengths[2]);

    start(HASH_SHA256);
    patch(SPAN("data"));
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        struct upload *upload = open_upload();
        struct body body;
        uint64_t received;

        body_init(&body, (struct span){bytes, lengths[i]});
        body.break_off = true;
        cr_assert_eq(upload_receive(upload, &body.reader, &received, &err), -1);
        cr_assert_eq(err.code, ERR_BODY_INCOMPLETE);
        cr_assert_eq(upload_size(upload), 4);
        expect_data("data");
        upload_close(upload);
        cr_assert_eq(status(), 4);
    }
    cr_assert_eq(upload_commit(open_upload(), &digest, &err), 0, "%s",
                 err.text);
    free(bytes);
}

Test(upload, bytes_of_a_killed_request_are_cut_off)
{
    struct digest digest = digest_of(HASH_SHA256, "data");
    struct writer *writer;

    start(HASH_SHA256);
    patch(SPAN("data"));
    cr_assert_eq(driver_open_upload(store.driver,
                                    layout_upload_data(NAME, uuid).text,
                                    DRIVER_UPLOAD_RESUME, 0, &writer, &err),
                 0);
    cr_assert_eq(writer_append(writer, SPAN("torn"), &err), 0);
    cr_assert_eq(writer_suspend(writer, &err), 0);
    cr_assert_eq(status(), 4);
    cr_assert_eq(upload_commit(open_upload(), &digest, &err), 0, "%s",
                 err.text);
    cr_assert_str_eq(object_text(layout_blob(&digest).text), "data");
}

Test(upload, without_a_saved_state_the_bytes_are_hashed_again)
{
    struct digest digest = digest_of(HASH_SHA256, "datamore");

    start(HASH_SHA256);
    patch(SPAN("data"));
    for (uint64_t offset = 0; offset <= 4; offset += 4)
        cr_assert_eq(
            driver_remove(
                store.driver,
                layout_upload_state(NAME, uuid, HASH_SHA256, offset).text,
                DRIVER_DURABLE, &err),
            0);
    cr_assert_eq(status(), 4);
    patch(SPAN("more"));
    cr_assert_eq(upload_commit(open_upload(), &digest, &err), 0, "%s",
                 err.text);
}

Test(upload, large_bodies_are_hashed_beside_writing)
{
    size_t length = 5 * 1024 * 1024 + 17;
    char *bytes = malloc(length);
    struct digest digest;
    struct blob blob;

    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(i * 31 % 251);
    digest_of_bytes(HASH_SHA256, (struct span){bytes, length}, &digest);
    start(HASH_SHA256);
    patch((struct span){bytes, length});
    cr_assert_eq(upload_commit(open_upload(), &digest, &err), 0, "%s",
                 err.text);
    cr_assert_eq(blob_find(&store, NAME, &digest, &blob, &err), 0);
    cr_assert_eq(blob.size, length);
    free(bytes);
}

Test(upload, a_push_over_a_damaged_blob_heals_it)
{
    struct digest digest = push_blob(NAME, SPAN("precious"));
    struct layout_path path = layout_blob(&digest);

    cr_assert_eq(
        driver_put(store.driver, path.text, SPAN("prec"), DRIVER_DURABLE, &err),
        0);
    push_blob(NAME, SPAN("precious"));
    cr_assert_str_eq(object_text(path.text), "precious");
}

Test(upload, is_unknown_to_other_repositories)
{
    struct upload *upload;
    uint64_t size;

    start(HASH_SHA256);
    cr_assert_eq(upload_open(&store, "team/other", uuid, &upload, &err), -1);
    cr_assert_eq(err.code, ERR_BLOB_UPLOAD_UNKNOWN);
    cr_assert_eq(upload_status(&store, "team/other", uuid, &size, &err), -1);
    cr_assert_eq(err.code, ERR_BLOB_UPLOAD_UNKNOWN);
    cr_assert_eq(upload_cancel(&store, "team/other", uuid, &err), -1);
    cr_assert_eq(err.code, ERR_BLOB_UPLOAD_UNKNOWN);
}

Test(upload, cancelled_is_gone)
{
    uint64_t size;

    start(HASH_SHA256);
    patch(SPAN("data"));
    cr_assert_eq(upload_cancel(&store, NAME, uuid, &err), 0, "%s", err.text);
    cr_assert_not(object_exists(layout_upload(NAME, uuid).text));
    cr_assert_eq(upload_status(&store, NAME, uuid, &size, &err), -1);
    cr_assert_eq(err.code, ERR_BLOB_UPLOAD_UNKNOWN);
}

Test(upload, commit_gives_blob_and_link_fresh_leases)
{
    struct digest digest = push_blob(NAME, SPAN("x"));
    struct layout_path blob = layout_blob(&digest);
    struct layout_path link = layout_layer_link(NAME, &digest);
    int64_t old_blob, old_link;

    object_age(blob.text);
    object_age(link.text);
    old_blob = object_mtime(blob.text);
    old_link = object_mtime(link.text);
    push_blob(NAME, SPAN("x"));
    cr_assert_gt(object_mtime(blob.text), old_blob);
    cr_assert_gt(object_mtime(link.text), old_link);
}

/* Stands in front of the driver's put, to look around when it is called. */
static const struct driver_ops *real_ops;
static size_t states_saved;

static int put_while_locked(struct driver *driver, const char *path,
                            struct span bytes,
                            enum driver_durability durability,
                            struct err *error)
{
    struct layout_path data = layout_upload_data(NAME, uuid);
    struct err busy = {0};
    struct writer *writer;

    cr_assert_eq(real_ops->open_upload(driver, data.text, DRIVER_UPLOAD_RESUME,
                                       0, &writer, &busy),
                 -1, "another writer got in before %s", path);
    cr_assert_eq(busy.code, ERR_BUSY);
    states_saved++;
    return real_ops->put(driver, path, bytes, durability, error);
}

Test(upload, state_is_saved_before_a_waiting_writer_gets_in)
{
    struct driver_ops ops = *store.driver->ops;

    start(HASH_SHA256);
    real_ops = store.driver->ops;
    ops.put = put_while_locked;
    store.driver->ops = &ops;
    patch(SPAN("data"));
    store.driver->ops = real_ops;
    cr_assert_eq(states_saved, 1);
}

static size_t starts;

/* Whoever finds the time an upload began at finds all of it. */
static int put_start_last(struct driver *driver, const char *path,
                          struct span bytes, enum driver_durability durability,
                          struct err *error)
{
    if (strstr(path, "/startedat") != NULL) {
        starts++;
        /* .../_uploads/<uuid>/startedat */
        snprintf(uuid, sizeof(uuid), "%s", strrchr(path, '/') - UUID_LENGTH);
        expect_data("");
        cr_assert(object_exists(
            layout_upload_state(NAME, uuid, HASH_SHA256, 0).text));
    }
    return real_ops->put(driver, path, bytes, durability, error);
}

Test(upload, its_files_are_there_before_it_exists)
{
    struct driver_ops ops = *store.driver->ops;

    real_ops = store.driver->ops;
    ops.put = put_start_last;
    store.driver->ops = &ops;
    start(HASH_SHA256);
    store.driver->ops = real_ops;
    cr_assert_eq(starts, 1);
}

/* --- a full disk --- */

static struct driver_ops full;
static int (*plain_put)(struct driver *, const char *, struct span,
                        enum driver_durability, struct err *);
static int puts_left;

static int put_until_full(struct driver *driver, const char *path,
                          struct span bytes, enum driver_durability durability,
                          struct err *error)
{
    if (puts_left-- == 0)
        return err_set(error, ERR_NO_SPACE, "%s: full", path);
    return plain_put(driver, path, bytes, durability, error);
}

static void fill_disk_after(int puts)
{
    full = *store.driver->ops;
    plain_put = full.put;
    full.put = put_until_full;
    puts_left = puts;
    store.driver->ops = &full;
}

/* Nobody would ever clear that away: it has no time it began at. */
Test(upload, a_start_that_fails_leaves_nothing)
{
    for (int puts = 0; puts < 2; puts++) {
        char uuid[UUID_LENGTH + 1];
        const struct driver_ops *plain = store.driver->ops;

        fill_disk_after(puts);
        cr_assert_eq(upload_start(&store, "a", HASH_SHA256, uuid, &err), -1);
        cr_assert_eq(err.code, ERR_NO_SPACE);
        store.driver->ops = plain;
        cr_expect_not(object_exists(layout_upload_data("a", uuid).text));
        cr_expect_not(object_exists(layout_upload("a", uuid).text));
    }
}

Test(upload, a_commit_without_its_link_leaves_nothing_of_the_upload)
{
    char uuid[UUID_LENGTH + 1];
    struct upload *upload;
    struct digest digest;

    digest_of_bytes(HASH_SHA256, SPAN(""), &digest);
    cr_assert_eq(upload_start(&store, "a", HASH_SHA256, uuid, &err), 0);
    cr_assert_eq(upload_open(&store, "a", uuid, &upload, &err), 0);
    fill_disk_after(0);
    cr_assert_eq(upload_commit(upload, &digest, &err), -1);
    cr_assert_eq(err.code, ERR_NO_SPACE);
    cr_expect_not(object_exists(layout_upload("a", uuid).text));
    cr_expect_not(object_exists(layout_layer_link("a", &digest).text));
}
