/* SPDX-License-Identifier: MIT */
#include "base/hash_pipe.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/memory.h"

/* The hash needs little stack; many uploads may have a pipe at once. */
#define STACK_SIZE (64 * 1024)

struct hash_pipe {
    struct hash *hash;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct span pieces[HASH_PIPE_DEPTH + 1];
    size_t added, done; /* counts; a piece stands at its number modulo */
    bool ending;
};

static struct span *piece_at(struct hash_pipe *pipe, size_t number)
{
    return &pipe->pieces[number % ARRAY_SIZE(pipe->pieces)];
}

static void *hash_pieces(void *context)
{
    struct hash_pipe *pipe = context;

    pthread_mutex_lock(&pipe->mutex);
    for (;;) {
        struct span piece;

        while (pipe->done == pipe->added && !pipe->ending)
            pthread_cond_wait(&pipe->changed, &pipe->mutex);
        if (pipe->done == pipe->added)
            break;
        piece = *piece_at(pipe, pipe->done);
        pthread_mutex_unlock(&pipe->mutex);
        hash_update(pipe->hash, piece.ptr, piece.len);
        pthread_mutex_lock(&pipe->mutex);
        pipe->done++;
        pthread_cond_signal(&pipe->changed);
    }
    pthread_mutex_unlock(&pipe->mutex);
    return NULL;
}

/* Signals are for the thread that serves: the new one inherits none. */
static int start_thread(struct hash_pipe *pipe)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int failure;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failure = pthread_create(&pipe->thread, &attributes, hash_pieces, pipe);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failure == 0 ? 0 : -1;
}

static void destroy(struct hash_pipe *pipe)
{
    pthread_cond_destroy(&pipe->changed);
    pthread_mutex_destroy(&pipe->mutex);
    free(pipe);
}

struct hash_pipe *hash_pipe_new(struct hash *hash)
{
    struct hash_pipe *pipe = memory_new(sizeof(*pipe));

    pipe->hash = hash;
    pthread_mutex_init(&pipe->mutex, NULL);
    pthread_cond_init(&pipe->changed, NULL);
    if (start_thread(pipe) < 0) {
        destroy(pipe);
        return NULL;
    }
    return pipe;
}

void hash_pipe_add(struct hash_pipe *pipe, struct span piece)
{
    pthread_mutex_lock(&pipe->mutex);
    *piece_at(pipe, pipe->added) = piece;
    pipe->added++;
    pthread_cond_signal(&pipe->changed);
    while (pipe->added - pipe->done > HASH_PIPE_DEPTH)
        pthread_cond_wait(&pipe->changed, &pipe->mutex);
    pthread_mutex_unlock(&pipe->mutex);
}

void hash_pipe_free(struct hash_pipe *pipe)
{
    if (pipe == NULL)
        return;
    pthread_mutex_lock(&pipe->mutex);
    pipe->ending = true;
    pthread_cond_signal(&pipe->changed);
    pthread_mutex_unlock(&pipe->mutex);
    pthread_join(pipe->thread, NULL);
    destroy(pipe);
}
