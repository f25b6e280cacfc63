/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/compiler.h"

Test(clock, formats_utc_seconds)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {951782400, "2000-02-29T00:00:00Z"},
        {1795247460, "2026-11-21T07:51:00Z"},
        {4102444799, "2099-12-31T23:59:59Z"},
        {253402300799, "9999-12-31T23:59:59Z"},
        {-1, "1969-12-31T23:59:59Z"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[CLOCK_RFC3339_MAX];

        clock_format_rfc3339(cases[i].seconds, text);
        cr_expect_str_eq(text, cases[i].text);
    }
}

Test(clock, parses_what_rfc_3339_admits)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2000-02-29T00:00:00Z", 951782400},
        {"2026-11-21T07:51:00Z", 1795247460},
        {"2026-11-21t07:51:00z", 1795247460},
        {"2026-11-21T07:51:00.5Z", 1795247460},
        {"2026-11-21T07:51:00.123456789Z", 1795247460},
        {"2026-11-21T09:51:00+02:00", 1795247460},
        {"2026-11-20T22:21:00.25-09:30", 1795247460},
        {"2016-12-31T23:59:60Z", 1483228800},
        {"1969-12-31T23:59:59-00:00", -1},
        {"9999-12-31T23:59:59Z", 253402300799},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t seconds = 42;

        cr_expect_eq(clock_parse_rfc3339(span_of(cases[i].text), &seconds), 0,
                     "%s", cases[i].text);
        cr_expect_eq(seconds, cases[i].seconds, "%s: %lld", cases[i].text,
                     (long long)seconds);
    }
}

Test(clock, parses_nothing_else)
{
    static const char *const cases[] = {
        "",
        "2026",
        "2026-11-21",
        "2026-11-21T07:51:00",
        "2026-11-21 07:51:00Z",
        "2026-11-21T07:51Z",
        "2026-11-21T07:51:00.Z",
        "2026-11-21T07:51:00Z\n",
        "2026-11-21T07:51:00Zulu",
        "2026-11-21T07:51:00+0200",
        "2026-11-21T07:51:00+24:00",
        "2026-11-21T07:51:00+02:60",
        "2026-11-21T24:00:00Z",
        "2026-11-21T07:60:00Z",
        "2026-11-21T07:51:61Z",
        "2026-00-21T07:51:00Z",
        "2026-13-21T07:51:00Z",
        "2026-11-00T07:51:00Z",
        "2026-11-31T07:51:00Z",
        "2026-02-29T07:51:00Z",
        "-026-11-21T07:51:00Z",
        "26-11-21T07:51:00Z",
        " 2026-11-21T07:51:00Z",
    };
    static const char nul[] = "2026-11-21T07:51:00Z\0";

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t seconds;

        cr_expect_eq(clock_parse_rfc3339(span_of(cases[i]), &seconds), -1,
                     "\"%s\"", cases[i]);
    }
    for (size_t len = 0; len < sizeof(nul); len++) {
        int64_t seconds;

        cr_expect_eq(clock_parse_rfc3339((struct span){nul, len}, &seconds),
                     len == strlen(nul) ? 0 : -1, "%zu bytes", len);
    }
}

Test(clock, now_is_the_wall_clock_in_nanoseconds)
{
    time_t before = time(NULL);
    int64_t now = clock_now_ns();
    time_t after = time(NULL);

    /* time() may lag behind by a tick of the kernel's. */
    cr_expect_geq(now / CLOCK_NS_PER_SECOND, before);
    cr_expect_leq(now / CLOCK_NS_PER_SECOND, after + 1);
}

Test(clock, monotonic_never_goes_back)
{
    int64_t last = clock_monotonic_ns();

    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_monotonic_ns();

        cr_assert_geq(now, last);
        last = now;
    }
}

Test(clock, sleep_waits_at_least_as_long)
{
    int64_t start = clock_monotonic_ns();

    clock_sleep_ms(3);
    cr_expect_geq(clock_monotonic_ns() - start, 3000000);
}
