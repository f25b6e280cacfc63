/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/num.h"
#include "base/tight.h"

#define UNTOUCHED UINT64_C(0x5555)

struct number_case {
    const char *text;
    uint64_t max;
    int result;
    uint64_t value;
};

Test(num, parses_digits_and_nothing_else)
{
    static const struct number_case cases[] = {
        {"0", UINT64_MAX, 0, 0},
        {"00012", UINT64_MAX, 0, 12},
        {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, -1, 0},
        {"18446744073709551620", UINT64_MAX, -1, 0},
        {"99999999999999999999999999", UINT64_MAX, -1, 0},
        {"10", 10, 0, 10},
        {"11", 10, -1, 0},
        {"", 10, -1, 0},
        {"-1", 10, -1, 0},
        {"+1", 10, -1, 0},
        {" 1", 10, -1, 0},
        {"1 ", 10, -1, 0},
        {"1.0", 10, -1, 0},
        {"1e1", 10, -1, 0},
        {"0x1", 10, -1, 0},
        {"\xD9\xA1", 10, -1, 0}, /* a digit, but not an ASCII one */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_text(cases[i].text);
        uint64_t value = UNTOUCHED;

        cr_expect_eq(num_parse(text, cases[i].max, &value), cases[i].result,
                     "'%s'", cases[i].text);
        cr_expect_eq(value, cases[i].result == 0 ? cases[i].value : UNTOUCHED,
                     "'%s'", cases[i].text);
    }
}

Test(num, sizes_take_a_power_of_1024)
{
    static const struct number_case cases[] = {
        {"4M", 0, 0, 4194304},
        {"1K", 0, 0, 1024},
        {"2G", 0, 0, UINT64_C(2) << 30},
        {"3T", 0, 0, UINT64_C(3) << 40},
        {"7", 0, 0, 7},
        {"16777215T", 0, 0, UINT64_C(16777215) << 40},
        {"16777216T", 0, -1, 0},
        {"M", 0, -1, 0},
        {"", 0, -1, 0},
        {"4m", 0, -1, 0},
        {"4MB", 0, -1, 0},
        {"4KK", 0, -1, 0},
        {"4 M", 0, -1, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_text(cases[i].text);
        uint64_t value = UNTOUCHED;

        cr_expect_eq(num_parse_size(text, &value), cases[i].result, "'%s'",
                     cases[i].text);
        cr_expect_eq(value, cases[i].result == 0 ? cases[i].value : UNTOUCHED,
                     "'%s'", cases[i].text);
    }
}

Test(num, durations_are_seconds)
{
    static const struct number_case cases[] = {
        {"24h", 0, 0, 86400},
        {"5", 0, 0, 5},
        {"5s", 0, 0, 5},
        {"5m", 0, 0, 300},
        {"7d", 0, 0, 604800},
        {"0h", 0, 0, 0},
        {"h", 0, -1, 0},
        {"1w", 0, -1, 0},
        {"-1h", 0, -1, 0},
        {"1h30m", 0, -1, 0},
        {"213503982334602d", 0, -1, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_text(cases[i].text);
        uint64_t value = UNTOUCHED;

        cr_expect_eq(num_parse_duration(text, &value), cases[i].result, "'%s'",
                     cases[i].text);
        cr_expect_eq(value, cases[i].result == 0 ? cases[i].value : UNTOUCHED,
                     "'%s'", cases[i].text);
    }
}

Test(num, sizes_for_people_have_few_digits)
{
    static const struct {
        uint64_t bytes;
        const char *wanted;
    } cases[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {1536, "1.5 KiB"},
        {102348, "99.9 KiB"},
        {102400, "100 KiB"},
        {1048063, "1023 KiB"},
        {1048064, "1.0 MiB"},
        {UINT64_C(1) << 40, "1.0 TiB"},
        {UINT64_MAX, "16.0 EiB"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[NUM_SIZE_MAX];

        num_format_size(cases[i].bytes, text);
        cr_expect_str_eq(text, cases[i].wanted);
    }
}

Test(num, sums_and_products_do_not_wrap)
{
    uint64_t out = UNTOUCHED;

    cr_expect_eq(num_add(UINT64_MAX, 1, &out), -1);
    cr_expect_eq(num_multiply(UINT64_C(1) << 32, UINT64_C(1) << 32, &out), -1);
    cr_expect_eq(out, UNTOUCHED);
    cr_expect_eq(num_add(UINT64_MAX - 1, 1, &out), 0);
    cr_expect_eq(out, UINT64_MAX);
    cr_expect_eq(num_multiply(UINT64_C(1) << 32, 3, &out), 0);
    cr_expect_eq(out, UINT64_C(3) << 32);
}
