/* SPDX-License-Identifier: MIT */
/*
 * The driver that keeps everything in memory: the double of the unit tests,
 * and the shortest example of what a driver has to do.
 */
#ifndef BERTH_DRIVER_DRIVER_MEM_H
#define BERTH_DRIVER_DRIVER_MEM_H

#include "driver/driver.h"

/* An empty store with this grace period; ended by driver_free. */
struct driver *driver_mem_new(uint64_t grace_seconds);

/*
 * Moves the mtime of the object at `path` by `seconds` (negative = older),
 * for tests of leases. ERR_NOT_FOUND when there is none.
 */
int driver_mem_age(struct driver *driver, const char *path, int64_t seconds,
                   struct err *err);

/* How much room there is from now on; at first there is no end of it. */
void driver_mem_set_space(struct driver *driver,
                          const struct driver_space *space);

#endif
