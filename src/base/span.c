/* SPDX-License-Identifier: MIT */
#include "base/span.h"

#include <strings.h>

struct span span_cut(struct span *rest, char separator)
{
    const char *at = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    struct span head = *rest;

    if (at == NULL) {
        *rest = (struct span){NULL, 0};
        return head;
    }
    head.len = (size_t)(at - head.ptr);
    *rest = span_from(*rest, head.len + 1);
    return head;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = span_from(s, 1);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool span_equals_nocase(struct span a, struct span b)
{
    return a.len == b.len &&
           (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}
