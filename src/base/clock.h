/* SPDX-License-Identifier: MIT */
/* Wall clock, a clock for durations, and RFC 3339 text. */
#ifndef BERTH_BASE_CLOCK_H
#define BERTH_BASE_CLOCK_H

#include <stdint.h>

#define CLOCK_RFC3339_MAX sizeof("2026-11-21T07:51:00Z")
#define CLOCK_NS_PER_SECOND INT64_C(1000000000)

/* Nanoseconds since 1970 UTC. */
int64_t clock_now_ns(void);

/* Nanoseconds of a clock that never steps; only differences mean anything. */
int64_t clock_monotonic_ns(void);

/* "2026-11-21T07:51:00Z" of UTC seconds (RFC 3339 section 5.6). */
void clock_format_rfc3339(int64_t seconds, char out[CLOCK_RFC3339_MAX]);

/* Waits; for polling loops with a deadline. */
void clock_sleep_ms(int64_t milliseconds);

#endif
