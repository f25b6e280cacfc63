/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "access/policy_internal.h"
#include "oci/name.h"

static bool is_wildcard(char c)
{
    return c == '*' || c == '?';
}

/*
 * A letter goes beside everything: if none of the names a pattern stands for is
 * possible with letters for its wildcards, none is possible at all.
 */
static bool is_possible(struct span pattern)
{
    char name[NAME_MAX_LENGTH];

    if (pattern.len > sizeof(name))
        return false;
    for (size_t i = 0; i < pattern.len; i++)
        name[i] = is_wildcard(pattern.ptr[i]) ? 'a' : pattern.ptr[i];
    return name_is_valid((struct span){name, pattern.len});
}

int policy_pattern_check(struct span pattern, struct policy_section *out,
                         struct err *err)
{
    size_t prefix = pattern.len, literals = pattern.len;

    for (size_t i = 0; i < pattern.len; i++) {
        if (!is_wildcard(pattern.ptr[i]))
            continue;
        if (i < prefix)
            prefix = i;
        literals--;
        if (i > 0 && pattern.ptr[i] == '*' && pattern.ptr[i - 1] == '*')
            return err_set(err, ERR_SYNTAX,
                           "** is no more than *, which stands for any "
                           "characters, '/' too");
    }
    if (!is_possible(pattern))
        return err_set(err, ERR_SYNTAX,
                       "no repository can have a name like [%.*s]",
                       SPAN_ARGS(pattern));
    out->prefix = prefix;
    out->literals = literals;
    return 0;
}

bool policy_pattern_matches(const char *pattern, const char *name)
{
    const char *behind = NULL; /* the last star */
    const char *resume = NULL; /* what it may take next */

    while (*name != '\0') {
        if (*pattern == '*') {
            behind = ++pattern;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (behind != NULL) {
            pattern = behind;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
