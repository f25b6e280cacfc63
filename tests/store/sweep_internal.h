/* SPDX-License-Identifier: MIT */
/* What the files of the sweep share: the world of the run that goes on. */
#ifndef BERTH_TESTS_STORE_SWEEP_INTERNAL_H
#define BERTH_TESTS_STORE_SWEEP_INTERNAL_H

#include "store/sweep.h"

/* Of an operation; one that makes more goes in circles. */
#define CALLS_MAX 10000

extern bool sweep_in_memory;       /* else in a file system */
extern struct driver *sweep_inner; /* the driver */
extern struct driver *sweep_fault; /* around it, with the plan */

void sweep_begin_world(void);
void sweep_end_world(void);

#endif
