/* SPDX-License-Identifier: MIT */
/*
 * Borrowed bytes: a pointer and a length, owned by somebody else, with no
 * terminator promised. What parsers take and give.
 */
#ifndef BERTH_BASE_SPAN_H
#define BERTH_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *ptr;
    size_t len;
};

/* A span over a string literal, usable as a constant. */
#define SPAN(literal) ((struct span){"" literal, sizeof(literal) - 1})

/* For printf's "%.*s". */
#define SPAN_ARGS(s) (int)(s).len, (s).ptr

static inline struct span span_of(const char *text)
{
    return (struct span){text, text ? strlen(text) : 0};
}

static inline bool span_equals(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Compares as strcmp does: bytes, the shorter first. */
static inline int span_compare(struct span a, struct span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;

    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static inline bool span_starts_with(struct span s, struct span prefix)
{
    return s.len >= prefix.len &&
           span_equals((struct span){s.ptr, prefix.len}, prefix);
}

/*
 * The part from `offset` to the end; `offset` is at most the length. C gives
 * no meaning to NULL + 0, and an empty span may have a NULL pointer.
 */
static inline struct span span_from(struct span s, size_t offset)
{
    return (struct span){offset > 0 ? s.ptr + offset : s.ptr, s.len - offset};
}

static inline bool span_ends_with(struct span s, struct span suffix)
{
    return s.len >= suffix.len &&
           span_equals(span_from(s, s.len - suffix.len), suffix);
}

/* The first `len` bytes; `len` is at most the length. */
static inline struct span span_first(struct span s, size_t len)
{
    return (struct span){s.ptr, len};
}

/*
 * Cuts `*rest` at the first `separator`: returns what stands before it and
 * leaves in `*rest` what follows; without a separator, returns all and
 * leaves `*rest` empty with a NULL pointer.
 */
struct span span_cut(struct span *rest, char separator);

/* Without blanks and tabs at both ends. */
struct span span_trim(struct span s);

/* ASCII letters of either case are equal. */
bool span_equals_nocase(struct span a, struct span b);

#endif
