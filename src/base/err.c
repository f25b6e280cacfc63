/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int(err_set)(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;

    err_clear(err);
    err->code = code;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return -1;
}

static enum err_code code_of_errno(int sys_errno)
{
    switch (sys_errno) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
        return ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERR_NO_SPACE;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case ENOLCK:
        return ERR_EXHAUSTED;
    case EROFS:
    case EACCES:
    case EPERM:
        return ERR_READ_ONLY;
    case EAGAIN:
    case EBUSY:
        return ERR_BUSY;
    default:
        return ERR_IO;
    }
}

int(err_set_errno)(struct err *err, int sys_errno, const char *format, ...)
{
    va_list args;
    size_t used;

    err_clear(err);
    err->code = code_of_errno(sys_errno);
    err->sys_errno = sys_errno;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s",
             strerrordesc_np(sys_errno));
    return -1;
}

int(err_wrap)(struct err *err, const char *format, ...)
{
    char inner[ERR_TEXT_MAX];
    va_list args;
    size_t used;

    memcpy(inner, err->text, sizeof(inner));
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
    return -1;
}

int(err_detail)(struct err *err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(err->detail, sizeof(err->detail), format, args);
    va_end(args);
    return -1;
}

int(err_recode)(struct err *err, enum err_code code)
{
    err->code = code;
    return -1;
}

void err_clear(struct err *err)
{
    err->code = ERR_NONE;
    err->sys_errno = 0;
    err->text[0] = '\0';
    err->detail[0] = '\0';
}

const char *err_name(enum err_code code)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",
        [ERR_INTERNAL] = "internal",
        [ERR_IO] = "io",
        [ERR_NOT_FOUND] = "not-found",
        [ERR_EXISTS] = "exists",
        [ERR_BUSY] = "busy",
        [ERR_NO_SPACE] = "no-space",
        [ERR_EXHAUSTED] = "exhausted",
        [ERR_READ_ONLY] = "read-only",
        [ERR_TOO_LARGE] = "too-large",
        [ERR_SYNTAX] = "syntax",
        [ERR_BAD_REQUEST] = "bad-request",
        [ERR_BLOB_UNKNOWN] = "blob-unknown",
        [ERR_BLOB_UPLOAD_INVALID] = "blob-upload-invalid",
        [ERR_BLOB_UPLOAD_UNKNOWN] = "blob-upload-unknown",
        [ERR_BODY_INCOMPLETE] = "body-incomplete",
        [ERR_CLIENT_GONE] = "client-gone",
        [ERR_DENIED] = "denied",
        [ERR_DIGEST_INVALID] = "digest-invalid",
        [ERR_DIGEST_UNSUPPORTED] = "digest-unsupported",
        [ERR_MANIFEST_BLOB_UNKNOWN] = "manifest-blob-unknown",
        [ERR_MANIFEST_INVALID] = "manifest-invalid",
        [ERR_MANIFEST_TOO_LARGE] = "manifest-too-large",
        [ERR_MANIFEST_UNKNOWN] = "manifest-unknown",
        [ERR_METHOD_NOT_ALLOWED] = "method-not-allowed",
        [ERR_MISCONFIGURED] = "misconfigured",
        [ERR_NAME_INVALID] = "name-invalid",
        [ERR_NAME_UNKNOWN] = "name-unknown",
        [ERR_PAGINATION_NUMBER_INVALID] = "pagination-number-invalid",
        [ERR_QUOTA_EXCEEDED] = "quota-exceeded",
        [ERR_RANGE_INVALID] = "range-invalid",
        [ERR_ROUTE_UNKNOWN] = "route-unknown",
        [ERR_SIZE_INVALID] = "size-invalid",
        [ERR_STORE_READ_ONLY] = "store-read-only",
        [ERR_TAG_INVALID] = "tag-invalid",
        [ERR_TOO_MANY_TAGS] = "too-many-tags",
        [ERR_UNAUTHORIZED] = "unauthorized",
        [ERR_UPLOAD_BUSY] = "upload-busy",
    };
    _Static_assert(ARRAY_SIZE(names) == ERR_COUNT, "one name per code");

    return names[code];
}
