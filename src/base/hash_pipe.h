/* SPDX-License-Identifier: MIT */
/*
 * Hashing in a second thread, beside the one that receives and writes.
 *
 *     hash_pipe_new(&hash); hash_pipe_add ...; hash_pipe_free
 *
 * The pieces are borrowed. After hash_pipe_add has returned, at most
 * HASH_PIPE_DEPTH pieces (the last ones) are still in use; so a caller with a
 * ring of HASH_PIPE_DEPTH + 1 buffers never overwrites one in use.
 */
#ifndef BERTH_BASE_HASH_PIPE_H
#define BERTH_BASE_HASH_PIPE_H

#include "base/hash.h"
#include "base/span.h"

#define HASH_PIPE_DEPTH 2

struct hash_pipe;

/*
 * `hash` is updated by the pipe until hash_pipe_free. NULL when no thread can
 * be had: the caller then hashes by itself.
 */
struct hash_pipe *hash_pipe_new(struct hash *hash);

void hash_pipe_add(struct hash_pipe *pipe, struct span piece);

/* Waits until all is hashed and ends the thread. Accepts NULL. */
void hash_pipe_free(struct hash_pipe *pipe);

#endif
