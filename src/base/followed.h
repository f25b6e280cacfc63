/* SPDX-License-Identifier: MIT */
/*
 * A file that is kept in memory as what it means, and read again once it has
 * changed. Whoever asks gets the newest good state, without a restart:
 *
 *     struct followed file;
 *     struct followed_state *state;
 *
 *     followed_init(&file, &policy_kind);
 *     state = followed_get(&file, path, &complaint);
 *     if (state != NULL)
 *         ... state->value ...
 *     followed_put(state);
 *     followed_forget(&file);
 *
 * A file that has gone, cannot be read or is wrong leaves the last good state
 * in force. Safe to call from several threads.
 */
#ifndef BERTH_BASE_FOLLOWED_H
#define BERTH_BASE_FOLLOWED_H

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file_stamp.h"

/* How such files are read, and what becomes of what they meant. */
struct followed_kind {
    /*
     * Reads the file. ERR_SYNTAX, with "FILE:LINE: " or "FILE: " in front of
     * the text, when it is wrong; another code when it cannot be read.
     */
    int (*read)(const char *path, void **value, struct err *err);
    void (*free)(void *value);
};

/* One state of a file, never changed. */
struct followed_state {
    const void *value;
    uint64_t serial; /* another one for each state this process has read */
    const struct followed_kind *kind;
    int users; /* guarded by a mutex of all states */
};

struct followed {
    const struct followed_kind *kind;
    pthread_mutex_t mutex;
    char *path; /* of the last look; NULL = there was none */
    struct file_stamp stamp;
    bool is_done;       /* the file need not be read until it changes */
    enum err_code told; /* of the complaint about the file as it is */
    struct followed_state *state; /* NULL = no good one yet */
};

void followed_init(struct followed *followed, const struct followed_kind *kind);

/*
 * The state in force, or NULL when there has been no good one yet; ends with
 * followed_put. `complaint` gets the reason why the file is not in force as it
 * is now, once per change of the file; it stays untouched otherwise.
 *
 * Another path than the last time is another file: what the former one meant
 * is in force no more, whether this one can be read or not.
 */
struct followed_state *followed_get(struct followed *followed, const char *path,
                                    struct err *complaint);

/* Gives a state back; NULL is fine. */
void followed_put(struct followed_state *state);

/* Ends what followed_init began; states somebody uses live on. */
void followed_forget(struct followed *followed);

#endif
