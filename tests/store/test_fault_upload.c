/* SPDX-License-Identifier: MIT */
/* Uploads while the storage fails. */
#include <stdlib.h>
#include <string.h>

#include "store/blob.h"
#include "store/layout.h"
#include "store/sweep.h"
#include "store/upload.h"

#define LARGE (1024 * 1024 + 600 * 1024)

TestSuite(fault_upload, .init = sweep_begin, .fini = sweep_end);

/* --- begin and look --- */

static char uuid[UUID_LENGTH + 1];

static int start(struct err *error)
{
    return upload_start(&store, "a", HASH_SHA512, uuid, error);
}

static void expect_started(void)
{
    uint64_t size;

    EXPECT_OK(upload_status(&store, "a", uuid, &size, &err));
    EXPECT(size == 0);
}

/* No client was told its name. */
static void expect_not_started(void)
{
    uint64_t size;

    EXPECT_CODE(ERR_BLOB_UPLOAD_UNKNOWN,
                upload_status(&store, "a", uuid, &size, &err));
}

Test(fault_upload, start)
{
    sweep(&(struct sweep){.run = start,
                          .expect = expect_started,
                          .expect_after_failure = expect_not_started});
}

static int status(struct err *error)
{
    uint64_t size;

    if (upload_status(&store, "a", world.uuid, &size, error) < 0)
        return -1;
    EXPECT(size == 3);
    return 0;
}

Test(fault_upload, status)
{
    sweep(&(struct sweep){.run = status});
}

/* --- a chunk --- */

static struct upload *open_upload(struct err *error)
{
    struct upload *upload = NULL;

    if (upload_open(&store, "a", world.uuid, &upload, error) < 0)
        return NULL;
    return upload;
}

static int receive(struct upload *upload, struct span bytes, struct err *error)
{
    struct body body;
    uint64_t received;

    body_init(&body, bytes);
    if (upload_receive(upload, &body.reader, &received, error) < 0)
        return -1;
    EXPECT(received == bytes.len);
    return 0;
}

static int send_chunk(struct err *error)
{
    CLEANUP(upload) struct upload *upload = open_upload(error);

    if (upload == NULL || receive(upload, SPAN("def"), error) < 0)
        return -1;
    return upload_suspend(upload_take(&upload), error);
}

/* A failed fsync may have taken the bytes, and the upload with them. */
static bool may_be_lost(void)
{
    return sweep_may_lose_bytes() && sweep_result < 0;
}

static struct digest digest_of(struct span bytes)
{
    struct digest digest;

    digest_of_bytes(HASH_SHA256, bytes, &digest);
    return digest;
}

/* The chunk is there, and with it the upload can be ended. */
static void expect_chunk(void)
{
    struct digest digest = digest_of(SPAN("abcdef"));
    struct upload *upload;

    if (size_of_upload() == -1 && may_be_lost())
        return;
    EXPECT(size_of_upload() == 6);
    EXPECT_OK(upload_open(&store, "a", world.uuid, &upload, &err));
    EXPECT(upload_size(upload) == 6);
    EXPECT_OK(upload_commit(upload, &digest, &err));
    expect_blob("a", &digest);
}

/* All of it or nothing: a client asks, and goes on from there. */
static void expect_chunk_or_none(void)
{
    int64_t size = size_of_upload();

    EXPECT(size == 3 || size == 6 || (size == -1 && may_be_lost()));
}

static int send_chunk_again(struct err *error)
{
    return size_of_upload() == 6 ? 0 : send_chunk(error);
}

Test(fault_upload, chunk)
{
    sweep(&(struct sweep){.run = send_chunk,
                          .expect = expect_chunk,
                          .again = send_chunk_again,
                          .over = ERR_BLOB_UPLOAD_UNKNOWN,
                          .touches = TOUCHES_UPLOAD,
                          .expect_after_failure = expect_chunk_or_none});
}

/* Then the bytes are read and hashed from the start. */
static void remove_states(void)
{
    struct layout_path states =
        layout_upload_states("a", world.uuid, HASH_SHA256);

    EXPECT_OK(driver_remove(store.driver, states.text, DRIVER_RELAXED, &err));
}

Test(fault_upload, chunk_without_a_saved_state)
{
    sweep(&(struct sweep){.prepare = remove_states,
                          .run = send_chunk,
                          .expect = expect_chunk,
                          .again = send_chunk_again,
                          .over = ERR_BLOB_UPLOAD_UNKNOWN,
                          .touches = TOUCHES_UPLOAD,
                          .expect_after_failure = expect_chunk_or_none});
}

/* Large enough for the ring and its second thread. */
static struct span large_body(void)
{
    static char *bytes;

    if (bytes == NULL) {
        bytes = malloc(LARGE);
        cr_assert(bytes != NULL);
        for (size_t i = 0; i < LARGE; i++)
            bytes[i] = (char)(i * 7 + i / 4096);
    }
    return (struct span){bytes, LARGE};
}

static int send_large(struct err *error)
{
    CLEANUP(upload) struct upload *upload = open_upload(error);

    if (upload == NULL || receive(upload, large_body(), error) < 0)
        return -1;
    return upload_suspend(upload_take(&upload), error);
}

static void expect_large(void)
{
    if (size_of_upload() == -1 && may_be_lost())
        return;
    EXPECT(size_of_upload() == 3 + LARGE);
}

static void expect_large_or_none(void)
{
    if (size_of_upload() != 3)
        expect_large();
}

static int send_large_again(struct err *error)
{
    return size_of_upload() == 3 + LARGE ? 0 : send_large(error);
}

Test(fault_upload, large_chunk)
{
    static const struct sweep_plan plans[] = {
        {DRIVER_FAULT_SHORT, ERR_NO_SPACE},
        {DRIVER_FAULT_DEAD, ERR_IO},
        {DRIVER_FAULT_NONE, ERR_NONE},
    };

    sweep(&(struct sweep){.run = send_large,
                          .expect = expect_large,
                          .again = send_large_again,
                          .over = ERR_BLOB_UPLOAD_UNKNOWN,
                          .touches = TOUCHES_UPLOAD,
                          .plans = plans,
                          .expect_after_failure = expect_large_or_none});
}

/* --- the end --- */

static enum hash_algorithm algorithm;

static struct digest digest_of_whole(void)
{
    struct digest digest;

    digest_of_bytes(algorithm, SPAN("abcdef"), &digest);
    return digest;
}

static int commit(struct err *error)
{
    CLEANUP(upload) struct upload *upload = open_upload(error);
    struct digest digest = digest_of_whole();

    if (upload == NULL || receive(upload, SPAN("def"), error) < 0)
        return -1;
    return upload_commit(upload_take(&upload), &digest, error);
}

static void expect_committed(void)
{
    struct digest digest = digest_of_whole();

    expect_blob("a", &digest);
    EXPECT(size_of_upload() == -1);
}

/* The upload is what it was, or has ended; the blob is whole or not there. */
static void expect_committed_or_not(void)
{
    struct digest digest = digest_of_whole();
    struct err error = {0};
    struct blob blob;

    EXPECT(size_of_upload() == 3 || size_of_upload() == -1);
    if (blob_find(&store, "a", &digest, &blob, &error) == 0)
        expect_blob("a", &digest);
    else
        EXPECT(error.code == ERR_BLOB_UNKNOWN);
}

static int commit_again(struct err *error)
{
    if (size_of_upload() == 3)
        return commit(error);
    EXPECT_OK(upload_start(&store, "a", algorithm, world.uuid, &err));
    {
        CLEANUP(upload) struct upload *upload = open_upload(error);
        struct digest digest = digest_of_whole();

        if (upload == NULL || receive(upload, SPAN("abcdef"), error) < 0)
            return -1;
        return upload_commit(upload_take(&upload), &digest, error);
    }
}

static void sweep_commit(enum hash_algorithm of)
{
    algorithm = of;
    sweep(&(struct sweep){.run = commit,
                          .expect = expect_committed,
                          .again = commit_again,
                          .touches = TOUCHES_UPLOAD,
                          .expect_after_failure = expect_committed_or_not});
}

Test(fault_upload, commit)
{
    sweep_commit(HASH_SHA256);
}

/* The bytes are read back and hashed with what the client asks for. */
Test(fault_upload, commit_under_another_algorithm)
{
    sweep_commit(HASH_SHA512);
}

/* A wrong digest is no fault of the storage, unless there is one as well. */
static int commit_as_another(struct err *error)
{
    CLEANUP(upload) struct upload *upload = open_upload(error);
    struct digest digest = digest_of(SPAN("xyz"));

    if (upload == NULL || receive(upload, SPAN("def"), error) < 0)
        return -1;
    if (upload_commit(upload_take(&upload), &digest, error) == 0)
        return 0;
    if (error->code != ERR_DIGEST_INVALID)
        return -1;
    err_clear(error);
    return 0;
}

static void expect_as_before(void)
{
    struct digest digest = digest_of(SPAN("xyz"));
    struct blob blob;

    EXPECT_CODE(ERR_BLOB_UNKNOWN, blob_find(&store, "a", &digest, &blob, &err));
    EXPECT(size_of_upload() == 3 ||
           (sweep_may_lose_bytes() && size_of_upload() == -1));
}

Test(fault_upload, commit_under_a_wrong_digest)
{
    sweep(&(struct sweep){.run = commit_as_another,
                          .expect = expect_as_before,
                          .touches = TOUCHES_UPLOAD,
                          .expect_after_failure = expect_as_before});
}

static void expect_cancelled(void)
{
    EXPECT(size_of_upload() == -1);
}

static void expect_cancelled_or_not(void)
{
    EXPECT(size_of_upload() == 3 || size_of_upload() == -1);
}

Test(fault_upload, cancel)
{
    sweep(&(struct sweep){.run = cancel_upload,
                          .expect = expect_cancelled,
                          .over = ERR_BLOB_UPLOAD_UNKNOWN,
                          .touches = TOUCHES_UPLOAD,
                          .expect_after_failure = expect_cancelled_or_not});
}
