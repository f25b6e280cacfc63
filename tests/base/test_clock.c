/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
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
