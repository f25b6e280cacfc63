/* SPDX-License-Identifier: MIT */
#include "base/num.h"

#include <stdio.h>

int num_add(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return -1;
    *out = sum;
    return 0;
}

int num_multiply(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t product;

    if (__builtin_mul_overflow(a, b, &product))
        return -1;
    *out = product;
    return 0;
}

int num_parse(struct span text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (text.len == 0)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c < '0' || c > '9' || num_multiply(value, 10, &value) < 0 ||
            num_add(value, (uint64_t)(c - '0'), &value) < 0)
            return -1;
    }
    if (value > max)
        return -1;
    *out = value;
    return 0;
}

struct unit {
    char letter;
    uint64_t factor;
};

static int parse_with_unit(struct span text, const struct unit *units,
                           size_t count, uint64_t *out)
{
    uint64_t factor = 1, value;

    for (size_t i = 0; text.len > 0 && i < count; i++) {
        if (text.ptr[text.len - 1] == units[i].letter) {
            factor = units[i].factor;
            text.len--;
            break;
        }
    }
    if (num_parse(text, UINT64_MAX, &value) < 0)
        return -1;
    return num_multiply(value, factor, out);
}

int num_parse_size(struct span text, uint64_t *out)
{
    static const struct unit units[] = {
        {'K', UINT64_C(1) << 10},
        {'M', UINT64_C(1) << 20},
        {'G', UINT64_C(1) << 30},
        {'T', UINT64_C(1) << 40},
    };

    return parse_with_unit(text, units, ARRAY_SIZE(units), out);
}

void num_format_size(uint64_t bytes, char out[NUM_SIZE_MAX])
{
    static const char *const units[] = {"KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(out, NUM_SIZE_MAX, "%u B", (unsigned)bytes);
        return;
    }
    /* 1023.5 would be shown as 1024. */
    while (value >= 1023.5 && unit + 1 < ARRAY_SIZE(units)) {
        value /= 1024;
        unit++;
    }
    snprintf(out, NUM_SIZE_MAX, value < 99.95 ? "%.1f %s" : "%.0f %s", value,
             units[unit]);
}

int num_parse_duration(struct span text, uint64_t *out)
{
    static const struct unit units[] = {
        {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};

    return parse_with_unit(text, units, ARRAY_SIZE(units), out);
}
