/* SPDX-License-Identifier: MIT */
/*
 * The one table from error codes to what a client sees: status, OCI code and
 * message (distribution-spec "Error Codes"; statuses as registry:2 sends
 * them, so that clients' own tables fit).
 */
#ifndef BERTH_FCGI_HTTP_HTTP_ERROR_H
#define BERTH_FCGI_HTTP_HTTP_ERROR_H

#include "base/err.h"
#include "http/response.h"

struct http_error {
    int status;
    const char *code;    /* "BLOB_UNKNOWN" */
    const char *message; /* for people; names no internals */
};

const struct http_error *http_error_of(enum err_code code);

/*
 * Describes the error as the whole answer:
 * {"errors":[{"code":..,"message":..,"detail":..}]}, with Retry-After where
 * trying again makes sense. Only err->detail is shown, never err->text.
 */
void http_error_response(const struct err *err, struct response *response);

#endif
