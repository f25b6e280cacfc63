/* SPDX-License-Identifier: MIT */
/*
 * The error object every fallible function fills.
 *
 * A fallible function returns 0 or -1 and takes `struct err *err` last. On -1
 * the object says what happened; on 0 it is untouched. The caller owns it, on
 * the stack as a rule, and nothing in it needs freeing:
 *
 *     struct err err = {0};
 *     if (tag_resolve(store, name, tag, &digest, &err) < 0)
 *         ...
 *
 * `code` decides what a program does next (and, in fcgi/http/http_error.c,
 * which answer a client gets). `text` is for the log and may name paths.
 * `detail` may reach a client: put only a digest, a name or a limit in it.
 *
 * The driver reports the codes of the first group; src/store turns them into
 * the domain codes of the second. A code of the first group that reaches HTTP
 * is a bug or a broken machine, and shows as 500 or 503.
 */
#ifndef BERTH_BASE_ERR_H
#define BERTH_BASE_ERR_H

#include "base/compiler.h"

#define ERR_TEXT_MAX 384
#define ERR_DETAIL_MAX 288

enum err_code {
    ERR_NONE,

    /* What a machine, a file or a library says. */
    ERR_INTERNAL,  /* a bug, or an answer nobody expected */
    ERR_IO,        /* the storage failed: EIO, a failed fsync */
    ERR_NOT_FOUND, /* no such object */
    ERR_EXISTS,    /* it is there already */
    ERR_BUSY,      /* somebody else holds it; try again */
    ERR_NO_SPACE,  /* disk, inodes or quota are used up */
    ERR_EXHAUSTED, /* the machine has no more files, memory or locks now */
    ERR_READ_ONLY, /* the storage refuses writes (EROFS, EACCES) */
    ERR_TOO_LARGE, /* an object is longer than the caller admits */
    ERR_SYNTAX,    /* a text does not follow its grammar */

    /* What a registry says. */
    ERR_BAD_REQUEST,
    ERR_BLOB_UNKNOWN,
    ERR_BLOB_UPLOAD_INVALID,
    ERR_BLOB_UPLOAD_UNKNOWN,
    ERR_BODY_INCOMPLETE, /* the client went away in the middle of a body */
    ERR_CLIENT_GONE,     /* nobody waits for the answer any more */
    ERR_DENIED,          /* whoever asks may not do that */
    ERR_DIGEST_INVALID,
    ERR_DIGEST_UNSUPPORTED,
    ERR_MANIFEST_BLOB_UNKNOWN,
    ERR_MANIFEST_INVALID,
    ERR_MANIFEST_TOO_LARGE,
    ERR_MANIFEST_UNKNOWN,
    ERR_METHOD_NOT_ALLOWED,
    ERR_MISCONFIGURED, /* the web server and our settings do not fit */
    ERR_NAME_INVALID,
    ERR_NAME_UNKNOWN,
    ERR_PAGINATION_NUMBER_INVALID,
    ERR_QUOTA_EXCEEDED, /* what is pushed does not fit into its quota */
    ERR_RANGE_INVALID,
    ERR_ROUTE_UNKNOWN,
    ERR_SIZE_INVALID,
    ERR_STORE_READ_ONLY, /* readonly = yes */
    ERR_TAG_INVALID,
    ERR_TOO_MANY_TAGS,
    ERR_UNAUTHORIZED, /* who asks has to say who that is, or say it better */
    ERR_UPLOAD_BUSY,  /* another request writes to the same upload */
    ERR_LAST = ERR_UPLOAD_BUSY,
};
#define ERR_COUNT (ERR_LAST + 1)

struct err {
    enum err_code code;
    int sys_errno; /* 0 where no system call was involved */
    char text[ERR_TEXT_MAX];
    char detail[ERR_DETAIL_MAX];
};

/* Fills `err` and returns -1, so that `return err_set(...)` is one line. */
int err_set(struct err *err, enum err_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/*
 * The same after a failed system call: maps errno to a code of the first
 * group (ENOSPC and EDQUOT to ERR_NO_SPACE, ENOENT to ERR_NOT_FOUND, ...) and
 * appends its text.
 */
int err_set_errno(struct err *err, int sys_errno, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Puts `context: ` in front of the text. Returns -1. */
int err_wrap(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Says what a client may know besides the code. Returns -1. */
int err_detail(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Gives the error the code of the layer above, keeping the text. Returns -1. */
int err_recode(struct err *err, enum err_code code);

/*
 * The callers' compiler, and each analyser, shall know that -1 comes back: or
 * it takes `if (f(&out) < 0) return -1;` for a way on with nothing in `out`.
 */
static inline int err_minus_one(int result UNUSED)
{
    return -1;
}

#define err_set(...) err_minus_one((err_set)(__VA_ARGS__))
#define err_set_errno(...) err_minus_one((err_set_errno)(__VA_ARGS__))
#define err_wrap(...) err_minus_one((err_wrap)(__VA_ARGS__))
#define err_detail(...) err_minus_one((err_detail)(__VA_ARGS__))
#define err_recode(...) err_minus_one((err_recode)(__VA_ARGS__))

/* Empties the object for another try. */
void err_clear(struct err *err);

/* The name of a code in lower case with dashes, for logs: "blob-unknown". */
const char *err_name(enum err_code code);

#endif
