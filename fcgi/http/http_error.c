/* SPDX-License-Identifier: MIT */
#include "http/http_error.h"

#include "base/json.h"

#define RETRY_AFTER_SECONDS 5

static const struct http_error errors[] = {
    [ERR_NONE] = {500, "UNKNOWN", "unknown error"},
    [ERR_INTERNAL] = {500, "UNKNOWN", "internal error"},
    [ERR_IO] = {500, "UNKNOWN", "the storage failed"},
    [ERR_NOT_FOUND] = {500, "UNKNOWN", "internal error"},
    [ERR_EXISTS] = {500, "UNKNOWN", "internal error"},
    [ERR_BUSY] = {503, "UNAVAILABLE", "busy, try again"},
    [ERR_NO_SPACE] = {507, "UNAVAILABLE", "no space left in the registry"},
    [ERR_EXHAUSTED] = {503, "UNAVAILABLE", "out of resources, try again"},
    [ERR_READ_ONLY] = {503, "UNAVAILABLE", "the storage refuses writes"},
    [ERR_TOO_LARGE] = {500, "UNKNOWN", "internal error"},
    [ERR_SYNTAX] = {500, "UNKNOWN", "internal error"},
    [ERR_BAD_REQUEST] = {400, "UNSUPPORTED", "bad request"},
    [ERR_BLOB_UNKNOWN] = {404, "BLOB_UNKNOWN", "blob unknown to registry"},
    [ERR_BLOB_UPLOAD_INVALID] = {400, "BLOB_UPLOAD_INVALID",
                                 "blob upload invalid"},
    [ERR_BLOB_UPLOAD_UNKNOWN] = {404, "BLOB_UPLOAD_UNKNOWN",
                                 "blob upload unknown to registry"},
    [ERR_BODY_INCOMPLETE] = {400, "SIZE_INVALID", "the body broke off"},
    [ERR_CLIENT_GONE] = {503, "UNAVAILABLE", "the request was given up"},
    [ERR_DENIED] = {403, "DENIED",
                    "requested access to the resource is denied"},
    [ERR_DIGEST_INVALID] = {400, "DIGEST_INVALID",
                            "provided digest did not match uploaded content"},
    [ERR_DIGEST_UNSUPPORTED] = {400, "DIGEST_INVALID",
                                "digest algorithm not supported"},
    [ERR_MANIFEST_BLOB_UNKNOWN] = {400, "MANIFEST_BLOB_UNKNOWN",
                                   "manifest references an unknown manifest "
                                   "or blob"},
    [ERR_MANIFEST_INVALID] = {400, "MANIFEST_INVALID", "manifest invalid"},
    [ERR_MANIFEST_TOO_LARGE] = {413, "MANIFEST_INVALID", "manifest too large"},
    [ERR_MANIFEST_UNKNOWN] = {404, "MANIFEST_UNKNOWN",
                              "manifest unknown to registry"},
    [ERR_METHOD_NOT_ALLOWED] = {405, "UNSUPPORTED",
                                "the operation is unsupported"},
    [ERR_MISCONFIGURED] = {503, "UNAVAILABLE",
                           "the registry is not set up rightly; its log says "
                           "why"},
    [ERR_NAME_INVALID] = {400, "NAME_INVALID", "invalid repository name"},
    [ERR_NAME_UNKNOWN] = {404, "NAME_UNKNOWN",
                          "repository name not known to registry"},
    [ERR_PAGINATION_NUMBER_INVALID] = {400, "PAGINATION_NUMBER_INVALID",
                                       "invalid number of results requested"},
    [ERR_QUOTA_EXCEEDED] = {403, "DENIED",
                            "the quota of the repository is used up"},
    [ERR_RANGE_INVALID] = {416, "RANGE_INVALID", "invalid content range"},
    [ERR_ROUTE_UNKNOWN] = {404, "UNSUPPORTED", "no such endpoint"},
    [ERR_SIZE_INVALID] = {400, "SIZE_INVALID",
                          "provided length did not match content length"},
    [ERR_STORE_READ_ONLY] = {405, "UNSUPPORTED", "the registry is read-only"},
    [ERR_TAG_INVALID] = {400, "TAG_INVALID", "invalid tag"},
    [ERR_TOO_MANY_TAGS] = {414, "UNSUPPORTED", "the request names too much"},
    [ERR_UNAUTHORIZED] = {401, "UNAUTHORIZED", "authentication required"},
    [ERR_UPLOAD_BUSY] = {503, "UNAVAILABLE",
                         "another request writes to this upload"},
};
_Static_assert(ARRAY_SIZE(errors) == ERR_COUNT, "one answer per code");

const struct http_error *http_error_of(enum err_code code)
{
    return &errors[code];
}

void http_error_response(const struct err *err, struct response *response)
{
    const struct http_error *error = http_error_of(err->code);
    struct buf *body = &response->bytes;

    response_reset(response);
    response->status = error->status;
    response_header(response, "Content-Type", "application/json");
    if (error->status == 503)
        response_header(response, "Retry-After", "%d", RETRY_AFTER_SECONDS);
    buf_add_format(body, "{\"errors\":[{\"code\":\"%s\",\"message\":\"%s\"",
                   error->code, error->message);
    if (err->detail[0] != '\0') {
        buf_add(body, SPAN(",\"detail\":"));
        json_add_string(body, span_of(err->detail));
    }
    buf_add(body, SPAN("}]}\n"));
}
