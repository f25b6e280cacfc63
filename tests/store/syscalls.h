/* SPDX-License-Identifier: MIT */
/*
 * System calls of driver_fs that fail to order. The linker puts the functions
 * of syscalls.c in the place of the C library's (--wrap, see Makefile.am), in
 * our objects and nowhere else. To be used by one thread.
 */
#ifndef BERTH_TESTS_STORE_SYSCALLS_H
#define BERTH_TESTS_STORE_SYSCALLS_H

#include <stdbool.h>
#include <stdint.h>

struct syscalls_plan {
    uint64_t call; /* which, from 1, of those that it makes a difference to */
    int sys_errno; /* 0: a read or write takes half of the bytes */
    bool is_after; /* it takes effect and fails all the same */
};

/* From now on calls are counted and held against the plan. */
void syscalls_begin(const struct syscalls_plan *plan);

/* No longer; returns how many there were. */
uint64_t syscalls_end(void);

/* Nothing has to survive a power cut from now on: a test is over sooner. */
void syscalls_skip_syncs(void);

/* The calls of the last time, one a line: "3 openat link". */
const char *syscalls_log(void);

#endif
