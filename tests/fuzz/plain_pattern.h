/* SPDX-License-Identifier: MIT */
/*
 * Which pattern matches, and which is more specific, as the manual pages say,
 * written out without any order or search.
 */
#ifndef BERTH_TESTS_FUZZ_PLAIN_PATTERN_H
#define BERTH_TESTS_FUZZ_PLAIN_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "oci/name.h"

/* By a table of what matches what, so that no step back is needed. */
static inline bool plain_matches(const char *pattern, const char *name)
{
    bool reached[NAME_MAX_LENGTH + 1] = {true};
    size_t len = strlen(name);

    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '*') {
            for (size_t i = 1; i <= len; i++)
                reached[i] = reached[i] || reached[i - 1];
            continue;
        }
        for (size_t i = len; i > 0; i--)
            reached[i] =
                reached[i - 1] && (*pattern == '?' || *pattern == name[i - 1]);
        reached[0] = false;
    }
    return reached[len];
}

static inline size_t plain_prefix(const char *pattern)
{
    return strcspn(pattern, "*?");
}

static inline size_t plain_literals(const char *pattern)
{
    size_t count = 0;

    for (; *pattern != '\0'; pattern++)
        count += *pattern != '*' && *pattern != '?';
    return count;
}

static inline bool plain_is_better(const char *a, int a_line, const char *b,
                                   int b_line)
{
    bool exact = a[plain_prefix(a)] == '\0';

    if (exact != (b[plain_prefix(b)] == '\0'))
        return exact;
    if (plain_prefix(a) != plain_prefix(b))
        return plain_prefix(a) > plain_prefix(b);
    if (plain_literals(a) != plain_literals(b))
        return plain_literals(a) > plain_literals(b);
    return a_line < b_line;
}

#endif
