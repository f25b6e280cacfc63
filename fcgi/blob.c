/* SPDX-License-Identifier: MIT */
/* /v2/<name>/blobs/<digest>: pull in whole or in parts, delete (end-2, 10). */
#include <inttypes.h>

#include "http/etag.h"
#include "http/http_error.h"
#include "http/range.h"
#include "http/route.h"
#include "multipart.h"
#include "store/blob.h"
#include "store/layout.h"

extern const struct route blob_route;

/* Where the shipped nginx include serves blobs for X-Accel-Redirect. */
#define ACCEL_PREFIX "/v2/_berth/"

/* The web server sends the file, ranges and all. */
static int delegate(struct call *call, const struct blob *blob)
{
    struct layout_path path = layout_blob(&blob->stored);
    struct response *response = call->response;

    response->delegated = true;
    if (call->settings->blob_transfer == BLOB_TRANSFER_X_ACCEL)
        response_header(response, "X-Accel-Redirect", ACCEL_PREFIX "%s",
                        path.text);
    else
        response_header(response, "X-Sendfile", "%s/" LAYOUT_ROOT "/%s",
                        call->settings->root, path.text);
    response_header(response, "Content-Type", "application/octet-stream");
    return 0;
}

static int send_range(struct call *call, const struct blob *blob,
                      const struct range *range)
{
    struct reader *stream;

    if (blob_open(call->store, blob, range->offset, range->length, &stream,
                  call->err) < 0)
        return -1;
    response_stream(call->response, stream, range->length);
    response_header(call->response, "Content-Type", "application/octet-stream");
    return 0;
}

static int send_partial(struct call *call, const struct blob *blob,
                        const struct range_set *set)
{
    const struct range *range = &set->ranges[0];

    if (set->count > 1)
        return multipart_respond(call, blob, set);
    call->response->status = 206;
    response_header(call->response, "Content-Range",
                    "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->offset,
                    range->offset + range->length - 1, blob->size);
    return send_range(call, blob, range);
}

/* The one error with a header of its own (RFC 9110 section 15.5.17). */
static int refuse_range(struct call *call, const struct blob *blob)
{
    err_set(call->err, ERR_RANGE_INVALID, "no such range");
    err_detail(call->err, "the blob has %" PRIu64 " bytes", blob->size);
    http_error_response(call->err, call->response);
    response_header(call->response, "Content-Range", "bytes */%" PRIu64,
                    blob->size);
    return 0;
}

static int send_body(struct call *call, const struct blob *blob)
{
    const struct range whole = {0, blob->size};
    struct range_set set;
    struct span field = call->request->range;

    if (call->request->method == HTTP_HEAD ||
        !etag_admits_range(call->request, &call->digest))
        field = SPAN("");
    switch (range_parse(field, blob->size, &set)) {
    case RANGE_PARTIAL:
        return send_partial(call, blob, &set);
    case RANGE_UNSATISFIABLE:
        return refuse_range(call, blob);
    case RANGE_WHOLE:
        break;
    }
    return send_range(call, blob, &whole);
}

/* A HEAD promises that the blob can be used, so it renews the lease. */
static int find(struct call *call, struct blob *blob)
{
    if (call->request->method == HTTP_HEAD && !call->settings->readonly)
        return blob_lease(call->store, call->name, &call->digest, blob,
                          call->err);
    return blob_find(call->store, call->name, &call->digest, blob, call->err);
}

static int get_blob(struct call *call)
{
    const enum blob_transfer transfer = call->settings->blob_transfer;
    const bool is_known = etag_is_known(call->request, &call->digest);
    const bool by_server = call->request->method == HTTP_GET && !is_known &&
                           transfer != BLOB_TRANSFER_BODY;
    struct blob blob;

    if (find(call, &blob) < 0)
        return -1;
    etag_headers(call->response, &call->digest);
    /* nginx says so of any file, and would say it twice. */
    if (!by_server || transfer != BLOB_TRANSFER_X_ACCEL)
        response_header(call->response, "Accept-Ranges", "bytes");
    response_header(call->response, "Cache-Control", "max-age=31536000");
    if (is_known) {
        call->response->status = 304;
        return 0;
    }
    return by_server ? delegate(call, &blob) : send_body(call, &blob);
}

static int delete_blob(struct call *call)
{
    call->response->status = 202;
    /* A late one would take away what was pushed again since. */
    if (request_check_client(call->request, "deletion", call->err) < 0)
        return -1;
    return blob_delete(call->store, call->name, &call->digest, call->err);
}

static const struct endpoint endpoints[] = {
    {.path = "/v2/<name>/blobs/<digest>",
     .actions = {ACTION(HTTP_GET, ACCESS_PULL, get_blob),
                 ACTION(HTTP_DELETE, ACCESS_DELETE, delete_blob)}},
};

const struct route blob_route = {
    .name = "blob",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_SIZE(endpoints),
};
