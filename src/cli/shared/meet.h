/* SPDX-License-Identifier: MIT */
/*
 * Two processes, on one host or on two, that meet in a directory of the tree
 * and talk by files in it: nothing else is common to them.
 *
 * One leads, the other answers. Each message is a file of its own that is
 * renamed into place, so a message says by when it is seen how fresh the
 * tree is.
 */
#ifndef BERTH_CLI_SHARED_MEET_H
#define BERTH_CLI_SHARED_MEET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"

#define MEET_TEXT_MAX 1024
#define MEET_ID_MAX sizeof("0123456789abcdef")

struct meet {
    int place;                     /* descriptor of the directory */
    char id[MEET_ID_MAX];          /* ours */
    char peer[MEET_ID_MAX];        /* of the other */
    char session[2 * MEET_ID_MAX]; /* begins the names of the messages */
    char host[256];                /* of the other */
    bool leads;
    unsigned int number; /* of the last message */
};

/*
 * Waits `seconds` for the other. ERR_BUSY when nobody came. The caller ends
 * it with meet_end, also after a failure.
 */
int meet_begin(const char *directory, uint64_t seconds, struct meet *meet,
               struct err *err) WARN_UNUSED;

/* Removes what we wrote. */
void meet_end(struct meet *meet);

/* The next message of the other: ERR_BUSY when none comes for long. */
int meet_hear(struct meet *meet, struct buf *text, struct err *err) WARN_UNUSED;
int meet_say(struct meet *meet, const char *text, struct err *err) WARN_UNUSED;

/* A file of this session, for a test: its name, and its text by a rename. */
struct meet_name {
    char text[96];
};
struct meet_name meet_name(const struct meet *meet, const char *what);
int meet_write(const struct meet *meet, const char *name, const char *text,
               struct err *err) WARN_UNUSED;
/* "" when it is not there. */
int meet_read(const struct meet *meet, const char *name, struct buf *text,
              struct err *err) WARN_UNUSED;

#endif
