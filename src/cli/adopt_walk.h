/* SPDX-License-Identifier: MIT */
/*
 * A walk through a tree that others may write to while we are root: names are
 * opened one below the other, symbolic links are never followed, and no other
 * filesystem is entered.
 *
 * The order is that of adopt_path_compare. Memory is needed for the names in
 * the directories on the way down, not for the tree.
 */
#ifndef BERTH_CLI_ADOPT_WALK_H
#define BERTH_CLI_ADOPT_WALK_H

#include <sys/stat.h>

#include "adopt_record.h"
#include "base/compiler.h"
#include "base/err.h"

/* Levels of directories; each keeps a descriptor open. */
#define ADOPT_DEPTH_MAX 200

/* What is left alone. */
enum adopt_odd {
    ADOPT_ODD_LINK,       /* a symbolic link */
    ADOPT_ODD_SPECIAL,    /* a socket, a pipe, a device */
    ADOPT_ODD_FILESYSTEM, /* another filesystem begins there */
    ADOPT_ODD_DEPTH,      /* ADOPT_DEPTH_MAX */
    ADOPT_ODD_CLOSED,     /* it cannot be opened */
};
#define ADOPT_ODDS (ADOPT_ODD_CLOSED + 1)

struct adopt_entry {
    const char *path; /* "." or "./blobs/..." */
    int fd;           /* open for reading */
    struct stat st;
    const struct adopt_state *above; /* of its directory; NULL for "." */
};

struct adopt_walker {
    /*
     * Called for a directory before what is in it. `state` is what those in
     * it get to see as `above`; it is that of `st` unless set.
     */
    int (*visit)(void *context, const struct adopt_entry *entry,
                 struct adopt_state *state, struct err *err);
    void (*odd)(void *context, const char *path, enum adopt_odd odd);
    void *context;
};

/*
 * Visits `tree`, a directory, and all below it but the record. What vanishes
 * meanwhile was not there. Ends when a visit fails or a directory cannot be
 * read.
 */
int adopt_walk(int tree, const struct adopt_walker *walker,
               struct err *err) WARN_UNUSED;

#endif
