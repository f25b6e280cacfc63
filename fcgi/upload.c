/* SPDX-License-Identifier: MIT */
/*
 * /v2/<name>/blobs/uploads/: blobs on their way in (end-4, 5, 6, 11, 13, 14).
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/num.h"
#include "http/route.h"
#include "store/blob.h"
#include "store/room.h"
#include "store/upload.h"
#include "store/upload_purge.h"

/*
 * What a request that begins an upload does for those that were given up. A
 * look is one stat; a removal may free gigabytes while the client waits.
 */
#define PURGE_LOOKS 32
#define PURGE_REMOVALS 2

/*
 * Uploads a request may list for that in the mean: after a list of many, as
 * many requests pass as this one was over. Those of one process, as a client
 * may begin uploads without end.
 */
#define PURGE_LISTED 128

extern const struct route upload_route;

static void tell_progress(struct call *call, int status, const char *uuid,
                          uint64_t size)
{
    struct response *response = call->response;

    response->status = status;
    response_header(response, "Location", "/v2/%s/blobs/uploads/%s", call->name,
                    uuid);
    response_header(response, "Docker-Upload-UUID", "%s", uuid);
    /* Of no bytes at all the field cannot speak; everybody says 0-0. */
    response_header(response, "Range", "0-%" PRIu64, size > 0 ? size - 1 : 0);
}

static void tell_created(struct call *call, const struct digest *digest)
{
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    call->response->status = 201;
    response_header(call->response, "Location", "/v2/%s/blobs/%s", call->name,
                    text);
    response_header(call->response, "Docker-Content-Digest", "%s", text);
}

/* Where a chunk says it belongs: "first-last", both included. */
struct chunk {
    bool given;
    uint64_t first, last;
};

static int parse_chunk(struct call *call, struct chunk *chunk)
{
    struct span rest = call->request->content_range;
    struct span first = span_cut(&rest, '-');

    chunk->given = call->request->content_range.ptr != NULL;
    if (!chunk->given)
        return 0;
    if (num_parse(first, UINT64_MAX - 1, &chunk->first) < 0 ||
        num_parse(rest, UINT64_MAX - 1, &chunk->last) < 0 ||
        chunk->last < chunk->first) {
        err_set(call->err, ERR_RANGE_INVALID, "malformed Content-Range");
        return err_detail(call->err, "Content-Range must be first-last");
    }
    return 0;
}

static int wrong_length(struct call *call)
{
    err_set(call->err, ERR_SIZE_INVALID,
            "the body is not what Content-Range "
            "says");
    return err_detail(call->err, "the body is not as long as Content-Range "
                                 "says");
}

static int check_chunk(struct call *call, const struct upload *upload,
                       const struct chunk *chunk)
{
    const struct request *request = call->request;

    if (!chunk->given)
        return 0;
    if (chunk->first != upload_size(upload)) {
        err_set(call->err, ERR_RANGE_INVALID, "chunk out of order");
        return err_detail(call->err, "the upload has %" PRIu64 " bytes",
                          upload_size(upload));
    }
    if (request->has_content_length &&
        request->content_length != chunk->last - chunk->first + 1)
        return wrong_length(call);
    return 0;
}

/*
 * Before the first byte is read, as far as the client says how many will come;
 * who does not say has one at least.
 */
static int check_room(struct call *call, const struct chunk *chunk)
{
    const struct request *request = call->request;
    uint64_t bytes = 1;

    if (request->has_content_length)
        bytes = request->content_length;
    else if (chunk->given)
        bytes = chunk->last - chunk->first + 1;
    return room_check(call->store, call->name, bytes, call->err);
}

/* Appends the body of the request, in order and in full. */
static int receive(struct call *call, struct upload *upload)
{
    struct chunk chunk;
    uint64_t received;

    if (parse_chunk(call, &chunk) < 0 ||
        check_chunk(call, upload, &chunk) < 0 || check_room(call, &chunk) < 0 ||
        upload_receive(upload, call->request->body, &received, call->err) < 0)
        return -1;
    if (chunk.given && received != chunk.last - chunk.first + 1)
        return wrong_length(call);
    return 0;
}

static int query_digest(struct call *call, struct digest *digest)
{
    struct span text;

    if (request_query(call->request, "digest", &text))
        return digest_parse(text, digest, call->err);
    err_set(call->err, ERR_DIGEST_INVALID, "no digest");
    return err_detail(call->err, "the digest parameter is missing");
}

static int receive_and_commit(struct call *call, const char *uuid,
                              const struct digest *digest)
{
    CLEANUP(upload) struct upload *upload = NULL;

    if (upload_open(call->store, call->name, uuid, &upload, call->err) < 0 ||
        receive(call, upload) < 0 ||
        upload_commit(upload_take(&upload), digest, call->err) < 0)
        return -1;
    tell_created(call, digest);
    return 0;
}

/*
 * What somebody may not read is not there for them. Without a name it would be
 * taken from wherever it is.
 */
static bool may_mount(const struct call *call, const char *from)
{
    if (from == NULL)
        return !caller_is_limited(call->caller);
    return caller_may(call->caller, RIGHT_PULL, from);
}

/* `?mount=`; without success the client gets an upload to go on with. */
static int mount(struct call *call, struct span text, bool *mounted)
{
    char from[NAME_MAX_LENGTH + 1];
    struct span source;
    struct digest digest;
    bool named = request_query(call->request, "from", &source);

    *mounted = false;
    if (digest_parse(text, &digest, call->err) < 0)
        return -1;
    if (named && !name_is_valid(source)) {
        err_set(call->err, ERR_NAME_INVALID, "from is no repository name");
        return err_detail(call->err, "from is no repository name");
    }
    if (named)
        snprintf(from, sizeof(from), "%.*s", SPAN_ARGS(source));
    if (!may_mount(call, named ? from : NULL))
        return 0;
    if (blob_mount(call->store, call->name, named ? from : NULL, &digest,
                   call->err) == 0) {
        *mounted = true;
        tell_created(call, &digest);
        return 0;
    }
    if (call->err->code != ERR_BLOB_UNKNOWN)
        return -1;
    err_clear(call->err);
    return 0;
}

/* `?digest-algorithm=`, else that of `?digest=`, else the usual one. */
static int choose_algorithm(struct call *call, const struct digest *digest,
                            enum hash_algorithm *algorithm)
{
    struct span name;

    *algorithm = digest != NULL ? digest->algorithm : HASH_SHA256;
    if (!request_query(call->request, "digest-algorithm", &name) ||
        digest_algorithm_parse(name, algorithm))
        return 0;
    err_set(call->err, ERR_DIGEST_UNSUPPORTED, "unknown algorithm");
    return err_detail(call->err, "digest-algorithm is not supported");
}

/* POST with the whole blob (end-4b): one request, no session left behind. */
static int post_whole(struct call *call, const char *uuid,
                      const struct digest *digest)
{
    struct err ignored = {0};

    if (receive_and_commit(call, uuid, digest) == 0)
        return 0;
    (void)!upload_cancel(call->store, call->name, uuid, &ignored);
    return -1;
}

/* Requests that leave purging to others; and whether one is at it. */
static atomic_uint_least64_t passing;
static atomic_flag purging = ATOMIC_FLAG_INIT;

/* A full disk may be full of what is purged, so then nobody passes. */
static bool purge_is_due(const struct err *err)
{
    uint_least64_t left = atomic_load(&passing);

    while (left > 0 && err->code != ERR_NO_SPACE)
        if (atomic_compare_exchange_weak(&passing, &left, left - 1))
            return false;
    return !atomic_flag_test_and_set(&purging);
}

/*
 * Whatever comes of the request, as it may have failed for want of room.
 * Failures are left to `berth purge`, which tells.
 */
static void purge_given_up(const struct call *call, const char *uuid)
{
    int64_t age_ns = (int64_t)call->settings->upload_age * CLOCK_NS_PER_SECOND;
    struct upload_purge how = {
        .cutoff_ns = clock_now_ns() - age_ns,
        .behind = uuid,
        .looks = PURGE_LOOKS,
        .removals = PURGE_REMOVALS,
    };
    struct upload_purged purged = {0};
    struct err ignored = {0};

    if (age_ns == 0 || !purge_is_due(call->err))
        return;
    (void)!upload_purge(call->store, call->name, &how, &purged, &ignored);
    atomic_store(&passing, purged.listed / PURGE_LISTED);
    atomic_flag_clear(&purging);
}

static int begin_upload(struct call *call, enum hash_algorithm algorithm,
                        const struct digest *whole)
{
    char uuid[UUID_LENGTH + 1] = "";
    int result =
        upload_start(call->store, call->name, algorithm, uuid, call->err);

    if (result == 0 && whole != NULL)
        result = post_whole(call, uuid, whole);
    else if (result == 0)
        tell_progress(call, 202, uuid, 0);
    purge_given_up(call, uuid);
    return result;
}

static int post_upload(struct call *call)
{
    enum hash_algorithm algorithm;
    struct digest digest;
    struct span text;
    bool mounted, whole = request_query(call->request, "digest", &text);

    if (whole && digest_parse(text, &digest, call->err) < 0)
        return -1;
    if (choose_algorithm(call, whole ? &digest : NULL, &algorithm) < 0)
        return -1;
    if (request_query(call->request, "mount", &text)) {
        if (mount(call, text, &mounted) < 0)
            return -1;
        if (mounted)
            return 0;
    }
    return begin_upload(call, algorithm, whole ? &digest : NULL);
}

static int patch_upload(struct call *call)
{
    CLEANUP(upload) struct upload *upload = NULL;
    uint64_t size;

    if (upload_open(call->store, call->name, call->uuid, &upload, call->err) <
            0 ||
        receive(call, upload) < 0)
        return -1;
    size = upload_size(upload);
    if (upload_suspend(upload_take(&upload), call->err) < 0)
        return -1;
    tell_progress(call, 202, call->uuid, size);
    return 0;
}

static int put_upload(struct call *call)
{
    struct digest digest;

    if (query_digest(call, &digest) < 0)
        return -1;
    return receive_and_commit(call, call->uuid, &digest);
}

static int get_upload(struct call *call)
{
    uint64_t size;

    if (upload_status(call->store, call->name, call->uuid, &size, call->err) <
        0)
        return -1;
    tell_progress(call, 204, call->uuid, size);
    return 0;
}

static int delete_upload(struct call *call)
{
    call->response->status = 204;
    return upload_cancel(call->store, call->name, call->uuid, call->err);
}

static const struct endpoint endpoints[] = {
    {.path = "/v2/<name>/blobs/uploads/",
     .actions = {ACTION(HTTP_POST, ACCESS_PUSH, post_upload)}},
    /* Proxies eat the last slash, and some clients never sent it. */
    {.path = "/v2/<name>/blobs/uploads",
     .actions = {ACTION(HTTP_POST, ACCESS_PUSH, post_upload)}},
    {.path = "/v2/<name>/blobs/uploads/<uuid>",
     .actions = {ACTION(HTTP_GET, ACCESS_PULL, get_upload),
                 ACTION(HTTP_PATCH, ACCESS_PUSH, patch_upload),
                 ACTION(HTTP_PUT, ACCESS_PUSH, put_upload),
                 ACTION(HTTP_DELETE, ACCESS_PUSH, delete_upload)}},
};

const struct route upload_route = {
    .name = "upload",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_SIZE(endpoints),
};
