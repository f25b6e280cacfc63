/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/num.h"

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

int64_t clock_boot_ns(char boot_id[CLOCK_BOOT_ID_MAX])
{
    FILE *file;

    if (boot_id == NULL)
        return read_clock(CLOCK_BOOTTIME);
    file = fopen("/proc/sys/kernel/random/boot_id", "re");
    boot_id[0] = '\0';
    if (file != NULL) {
        if (fgets(boot_id, CLOCK_BOOT_ID_MAX, file) == NULL)
            boot_id[0] = '\0';
        fclose(file);
    }
    return read_clock(CLOCK_BOOTTIME);
}

void clock_format_rfc3339(int64_t seconds, char out[CLOCK_RFC3339_MAX])
{
    time_t when = (time_t)seconds;
    struct tm parts;

    gmtime_r(&when, &parts);
    strftime(out, CLOCK_RFC3339_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

/* Takes `digits` digits, a number from `low` to `high`, off the front. */
static bool take_number(struct span *text, size_t digits, uint64_t low,
                        uint64_t high, int *out)
{
    uint64_t number;

    if (text->len < digits ||
        num_parse((struct span){text->ptr, digits}, high, &number) < 0 ||
        number < low)
        return false;
    *text = span_from(*text, digits);
    *out = (int)number;
    return true;
}

/* One byte, one of these. */
static bool take_one_of(struct span *text, const char *bytes, char *out)
{
    if (text->len == 0 || text->ptr[0] == '\0' ||
        strchr(bytes, text->ptr[0]) == NULL)
        return false;
    *out = text->ptr[0];
    *text = span_from(*text, 1);
    return true;
}

/* 60 is a leap second. */
static bool take_date_and_time(struct span *text, struct tm *parts)
{
    char ignored;

    if (!take_number(text, 4, 0, 9999, &parts->tm_year) ||
        !take_one_of(text, "-", &ignored) ||
        !take_number(text, 2, 1, 12, &parts->tm_mon) ||
        !take_one_of(text, "-", &ignored) ||
        !take_number(text, 2, 1, 31, &parts->tm_mday) ||
        !take_one_of(text, "Tt", &ignored) ||
        !take_number(text, 2, 0, 23, &parts->tm_hour) ||
        !take_one_of(text, ":", &ignored) ||
        !take_number(text, 2, 0, 59, &parts->tm_min) ||
        !take_one_of(text, ":", &ignored) ||
        !take_number(text, 2, 0, 60, &parts->tm_sec))
        return false;
    parts->tm_year -= 1900;
    parts->tm_mon -= 1;
    return true;
}

static bool take_fraction(struct span *text)
{
    char byte;

    if (!take_one_of(text, ".", &byte))
        return true;
    if (!take_one_of(text, "0123456789", &byte))
        return false;
    while (take_one_of(text, "0123456789", &byte))
        continue;
    return true;
}

static bool take_offset(struct span *text, int64_t *seconds)
{
    int hours, minutes;
    char sign, colon;

    if (!take_one_of(text, "Zz+-", &sign))
        return false;
    *seconds = 0;
    if (sign != '+' && sign != '-')
        return true;
    if (!take_number(text, 2, 0, 23, &hours) ||
        !take_one_of(text, ":", &colon) ||
        !take_number(text, 2, 0, 59, &minutes))
        return false;
    *seconds = (hours * 60 + minutes) * (sign == '+' ? 60 : -60);
    return true;
}

int clock_parse_rfc3339(struct span text, int64_t *seconds)
{
    struct tm parts = {0};
    struct tm noon;
    int64_t offset;

    if (!take_date_and_time(&text, &parts) || !take_fraction(&text) ||
        !take_offset(&text, &offset) || text.len > 0)
        return -1;
    /* A day the month does not have becomes one of the next. */
    noon = (struct tm){.tm_year = parts.tm_year,
                       .tm_mon = parts.tm_mon,
                       .tm_mday = parts.tm_mday,
                       .tm_hour = 12};
    timegm(&noon);
    if (noon.tm_mday != parts.tm_mday)
        return -1;
    *seconds = timegm(&parts) - offset;
    return 0;
}

void clock_sleep_ms(int64_t milliseconds)
{
    struct timespec span = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    nanosleep(&span, NULL);
}
