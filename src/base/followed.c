/* SPDX-License-Identifier: MIT */
#include "base/followed.h"

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

/* Of another file nothing is known yet. */
static void turn_to(struct followed *followed, const char *path)
{
    if (followed->path != NULL && strcmp(followed->path, path) == 0)
        return;
    free(followed->path);
    followed->path = memory_copy_text(path);
    followed->is_done = false;
    followed->told = ERR_NONE;
    followed_put(followed->state);
    followed->state = NULL;
}

static int read_state(struct followed *followed, struct err *err)
{
    void *value;

    if (followed->kind->read(followed->path, &value, err) < 0)
        return -1;
    followed_put(followed->state);
    followed->state = state_new(followed->kind, value);
    return 0;
}

/* A file that cannot be read for now is read again by the next who asks. */
static void look(struct followed *followed, struct err *complaint)
{
    struct file_stamp former = followed->stamp;
    struct err why = {0};

    /* Before the file is read: a change meanwhile is seen by the next look. */
    followed->stamp = file_stamp_settled(followed->path);
    if (!file_stamp_equals(&former, &followed->stamp))
        followed->told = ERR_NONE;
    followed->is_done = read_state(followed, &why) == 0 ||
                        why.code == ERR_SYNTAX ||
                        !file_stamp_is_there(&followed->stamp);
    if (why.code != ERR_NONE && why.code != followed->told)
        *complaint = why;
    followed->told = why.code;
}

struct followed_state *followed_get(struct followed *followed, const char *path,
                                    struct err *complaint)
{
    struct followed_state *state;
    struct file_stamp stamp;

    pthread_mutex_lock(&followed->mutex);
    turn_to(followed, path);
    stamp = file_stamp_of(path);
    if (!followed->is_done || !file_stamp_equals(&stamp, &followed->stamp))
        look(followed, complaint);
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
