/* SPDX-License-Identifier: MIT */
/* Wall clock, a clock for durations, and RFC 3339 text. */
#ifndef BERTH_BASE_CLOCK_H
#define BERTH_BASE_CLOCK_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

#define CLOCK_RFC3339_MAX sizeof("2026-11-21T07:51:00Z")
#define CLOCK_NS_PER_SECOND INT64_C(1000000000)

/* Nanoseconds since 1970 UTC. */
int64_t clock_now_ns(void);

/* Nanoseconds of a clock that never steps; only differences mean anything. */
int64_t clock_monotonic_ns(void);

/*
 * Nanoseconds since the machine was started, also while it slept: a clock that
 * never steps, the same for all processes. `boot_id` (may be NULL) gets which
 * start that was; "" where the system does not tell.
 */
#define CLOCK_BOOT_ID_MAX 37
int64_t clock_boot_ns(char boot_id[CLOCK_BOOT_ID_MAX]);

/*
 * "2026-11-21T07:51:00Z" of UTC seconds (RFC 3339 section 5.6), in the years
 * 1000 to 9999.
 */
void clock_format_rfc3339(int64_t seconds, char out[CLOCK_RFC3339_MAX]);

/*
 * The UTC seconds of such a text, which may have a fraction (passed over) and
 * an offset ("2026-11-21T09:51:00.5+02:00"). Returns 0 and writes `*seconds`,
 * or -1 for anything else.
 */
int clock_parse_rfc3339(struct span text, int64_t *seconds) WARN_UNUSED;

/* Waits; for polling loops with a deadline. */
void clock_sleep_ms(int64_t milliseconds);

#endif
