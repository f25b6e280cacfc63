/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return now.tv_sec * CLOCK_NS_PER_SECOND + now.tv_nsec;
}

int64_t clock_now_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void clock_format_rfc3339(int64_t seconds, char out[CLOCK_RFC3339_MAX])
{
    time_t when = (time_t)seconds;
    struct tm parts;

    gmtime_r(&when, &parts);
    strftime(out, CLOCK_RFC3339_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void clock_sleep_ms(int64_t milliseconds)
{
    struct timespec span = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    nanosleep(&span, NULL);
}
