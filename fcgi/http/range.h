/* SPDX-License-Identifier: MIT */
/*
 * Byte ranges of a GET (RFC 9110 section 14) and the bodies they ask for.
 */
#ifndef BERTH_FCGI_HTTP_RANGE_H
#define BERTH_FCGI_HTTP_RANGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define RANGE_COUNT_MAX 256

struct range {
    uint64_t offset, length;
};

struct range_set {
    struct range ranges[RANGE_COUNT_MAX];
    size_t count;
};

enum range_result {
    RANGE_WHOLE,         /* no Range, or one to ignore: answer 200 */
    RANGE_PARTIAL,       /* answer 206 with the set */
    RANGE_UNSATISFIABLE, /* answer 416 */
};

/*
 * Reads a Range field for an object of `size` bytes. Syntax errors and other
 * units are ignored as the RFC wants; ranges are clipped to the size and
 * those beyond it left out; more than RANGE_COUNT_MAX ranges, or ranges that
 * add up to more than the object, are answered whole.
 */
enum range_result range_parse(struct span field, uint64_t size,
                              struct range_set *out);

#endif
