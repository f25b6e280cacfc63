/* SPDX-License-Identifier: MIT */
#include "base/followed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static pthread_mutex_t users_mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_serial; /* guarded by the same */

void followed_init(struct followed *followed, const struct followed_kind *kind)
{
    *followed = (struct followed){.kind = kind};
    pthread_mutex_init(&followed->mutex, NULL);
}

static struct followed_state *state_new(const struct followed_kind *kind,
                                        const void *value)
{
    struct followed_state *state = memory_new(sizeof(*state));

    state->kind = kind;
    state->value = value;
    state->users = 1;
    pthread_mutex_lock(&users_mutex);
    state->serial = ++last_serial;
    pthread_mutex_unlock(&users_mutex);
    return state;
}

static struct followed_state *state_share(struct followed_state *state)
{
    if (state == NULL)
        return NULL;
    pthread_mutex_lock(&users_mutex);
    state->users++;
    pthread_mutex_unlock(&users_mutex);
    return state;
}

void followed_put(struct followed_state *state)
{
    int left;

    if (state == NULL)
        return;
    pthread_mutex_lock(&users_mutex);
    left = --state->users;
    pthread_mutex_unlock(&users_mutex);
    if (left > 0)
        return;
    state->kind->free((void *)(uintptr_t)state->value);
    free(state);
}

/* What was looked at last is this file in this state. */
static bool is_known(const struct followed *followed, const char *path,
                     const struct file_stamp *stamp)
{
    return followed->path != NULL && strcmp(followed->path, path) == 0 &&
           file_stamp_equals(&followed->stamp, stamp);
}

static void remember(struct followed *followed, const char *path,
                     const struct file_stamp *stamp)
{
    if (followed->path == NULL || strcmp(followed->path, path) != 0) {
        free(followed->path);
        followed->path = memory_copy_text(path);
    }
    followed->stamp = *stamp;
}

/* Under the mutex. A file that cannot be read for now is looked at again. */
static void look(struct followed *followed, const char *path,
                 const struct file_stamp *stamp, struct err *complaint)
{
    void *value;

    if (!file_stamp_is_there(stamp)) {
        remember(followed, path, stamp);
        err_set_errno(complaint, ENOENT, "%s", path);
        return;
    }
    if (followed->kind->read(path, &value, complaint) < 0) {
        if (complaint->code == ERR_SYNTAX)
            remember(followed, path, stamp);
        return;
    }
    remember(followed, path, stamp);
    followed_put(followed->state);
    followed->state = state_new(followed->kind, value);
}

struct followed_state *followed_get(struct followed *followed, const char *path,
                                    struct err *complaint)
{
    /* Before the file is read: a change meanwhile is seen by the next look. */
    struct file_stamp stamp = file_stamp_of(path);
    struct followed_state *state;

    pthread_mutex_lock(&followed->mutex);
    if (!is_known(followed, path, &stamp))
        look(followed, path, &stamp, complaint);
    state = state_share(followed->state);
    pthread_mutex_unlock(&followed->mutex);
    return state;
}

void followed_forget(struct followed *followed)
{
    followed_put(followed->state);
    free(followed->path);
    pthread_mutex_destroy(&followed->mutex);
}
