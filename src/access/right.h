/* SPDX-License-Identifier: MIT */
/* What somebody may do with a repository: a set of these bits. */
#ifndef BERTH_ACCESS_RIGHT_H
#define BERTH_ACCESS_RIGHT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

enum {
    RIGHT_PULL = 1 << 0,    /* manifests, blobs, tags, referrers */
    RIGHT_PUSH = 1 << 1,    /* manifests, blobs, uploads, moving a tag */
    RIGHT_DELETE = 1 << 2,  /* manifests, tags, blobs */
    RIGHT_CATALOG = 1 << 3, /* to see its name in the catalog */
    RIGHT_ADMIN = 1 << 4,   /* what there is beyond that */
};
#define RIGHTS_ALL                                                             \
    (RIGHT_PULL | RIGHT_PUSH | RIGHT_DELETE | RIGHT_CATALOG | RIGHT_ADMIN)

#define USER_NAME_MAX 255 /* bytes of the name of a user */

/*
 * "pull, push": a list of names with commas between them, in which "admin" is
 * RIGHTS_ALL; an empty list is no right at all. ERR_SYNTAX names what is not
 * a right.
 */
int rights_parse(struct span list, unsigned *out, struct err *err) WARN_UNUSED;

/* Prints the list; what has RIGHT_ADMIN in it as "admin" alone. */
void rights_print(unsigned rights, struct buf *into);

/* 1 to USER_NAME_MAX bytes of UTF-8 without control characters. */
bool user_name_is_valid(struct span name);

#endif
