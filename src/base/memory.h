/* SPDX-License-Identifier: MIT */
/*
 * Allocation that never returns NULL.
 *
 * A process that cannot get a few kilobytes cannot answer either, and its
 * supervisor starts another; so these end the process. Every size a client
 * can influence is checked against a limit before it gets here.
 */
#ifndef BERTH_BASE_MEMORY_H
#define BERTH_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed memory; freed by free(). */
void *memory_new(size_t size);
void *memory_resize(void *old, size_t size);

/* Room for one more behind `count` elements of `size` bytes. */
void *memory_grow(void *array, size_t count, size_t size);

char *memory_copy_text(const char *text);

#endif
