/* SPDX-License-Identifier: MIT */
/*
 * How far long work has come, on standard error, while a person watches: only
 * when that is a terminal, and at most ten times a second.
 *
 *     struct progress progress;
 *
 *     progress_begin(&progress, "reading manifests", total);
 *     while (...)
 *         progress_set(&progress, ++done);
 *     progress_end(&progress);
 *
 * progress_end takes the line away again; call it before anything is printed.
 */
#ifndef BERTH_CLI_PROGRESS_H
#define BERTH_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* borrowed */
    uint64_t total;   /* 0 = nobody knows */
    int64_t next_ns;  /* when it may be drawn again */
    bool is_watched;
    bool is_drawn;
};

void progress_begin(struct progress *progress, const char *what,
                    uint64_t total);
void progress_set(struct progress *progress, uint64_t done);
void progress_end(struct progress *progress);

#endif
