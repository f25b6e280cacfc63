/* SPDX-License-Identifier: MIT */
/*
 * Inputs in memory of exactly their length, so that the address sanitizer
 * sees a parser that looks one byte too far.
 *
 *     CLEANUP(tight) struct span text = tight_copy(SPAN("team/app"));
 */
#ifndef BERTH_TESTS_BASE_TIGHT_H
#define BERTH_TESTS_BASE_TIGHT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/span.h"

static inline struct span tight_copy(struct span text)
{
    char *copy = malloc(text.len);

    if (copy != NULL && text.len > 0)
        memcpy(copy, text.ptr, text.len);
    return (struct span){copy, text.len};
}

static inline struct span tight_text(const char *text)
{
    return tight_copy(span_of(text));
}

/* `count` times `unit` between `head` and `tail`. */
static inline struct span tight_repeat(const char *head, const char *unit,
                                       size_t count, const char *tail)
{
    size_t a = strlen(head), b = strlen(unit), c = strlen(tail);
    char *text = malloc(a + b * count + c);

    if (text == NULL)
        abort();
    memcpy(text, head, a);
    for (size_t i = 0; i < count; i++)
        memcpy(text + a + b * i, unit, b);
    memcpy(text + a + b * count, tail, c);
    return (struct span){text, a + b * count + c};
}

static inline void tight_cleanup(struct span *text)
{
    free((void *)(uintptr_t)text->ptr);
}

#endif
