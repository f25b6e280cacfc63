/* SPDX-License-Identifier: MIT */
/* What somebody may do with a repository: a set of these bits. */
#ifndef BERTH_ACCESS_RIGHT_H
#define BERTH_ACCESS_RIGHT_H

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

#endif
