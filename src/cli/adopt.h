/* SPDX-License-Identifier: MIT */
/*
 * Giving a tree to the user of the programs, and back.
 *
 *     adopt.c          the command
 *     adopt_tree.c     there and back: what this header says
 *     adopt_record.c   who owned what before
 *     adopt_walk.c     through the tree, one name at a time
 *
 * Whatever moment it is stopped at, it can be run again, or taken back: the
 * record is on disk before the first change and goes after the last.
 */
#ifndef BERTH_CLI_ADOPT_H
#define BERTH_CLI_ADOPT_H

#include <stdint.h>

#include "adopt_record.h"
#include "adopt_walk.h"

/* Those of driver_fs.c, which makes files like that. */
#define ADOPT_FILE_MODE 0640
#define ADOPT_DIRECTORY_MODE 02750

struct adopt {
    int tree; /* descriptor of docker/registry/v2, locked by adopt_lock */
    uid_t uid;
    gid_t gid;
    bool dry_run; /* count, and change nothing */
    /* Called for what is left alone, with a reason. */
    void (*complain)(const char *path, const char *why);

    /* What was, or would be, done. */
    uint64_t files, directories; /* changed */
    uint64_t unchanged;          /* they were right already */
    uint64_t left;               /* alone: links, devices */
    uint64_t failed;             /* to be changed and not changed */

    struct adopt_reader *reader; /* of adopt_back */

    /* In tests: called before each change; other than 0 ends there. */
    int (*step)(void *context, const char *path);
    void *step_context;
};

/* ERR_BUSY when another adopt is at work. The descriptor holds the lock. */
int adopt_lock(int tree, struct err *err) WARN_UNUSED;

/* Records what is, unless a record is there, and gives all to uid and gid. */
int adopt_forward(struct adopt *adopt, struct err *err) WARN_UNUSED;

/*
 * Gives back what was. What came since gets what its directory had. The
 * record goes at the end, unless something failed. ERR_NOT_FOUND when there is
 * none.
 */
int adopt_back(struct adopt *adopt, struct err *err) WARN_UNUSED;

#endif
