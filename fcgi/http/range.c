/* SPDX-License-Identifier: MIT */
#include "http/range.h"

#include <stdbool.h>

#include "base/num.h"

enum piece_result {
    PIECE_BAD,     /* no range at all: the field is to be ignored */
    PIECE_OUTSIDE, /* a range beyond the end */
    PIECE_GOOD,
};

/* "-n": the last n bytes. */
static enum piece_result parse_suffix(struct span text, uint64_t size,
                                      struct range *out)
{
    uint64_t length;

    if (num_parse(text, UINT64_MAX, &length) < 0)
        return PIECE_BAD;
    if (length > size)
        length = size;
    if (length == 0)
        return PIECE_OUTSIDE;
    *out = (struct range){size - length, length};
    return PIECE_GOOD;
}

/* "a-b" or "a-". */
static enum piece_result parse_piece(struct span text, uint64_t size,
                                     struct range *out)
{
    struct span last_text = text;
    struct span first_text = span_cut(&last_text, '-');
    uint64_t first, last = UINT64_MAX;

    if (last_text.ptr == NULL)
        return PIECE_BAD;
    if (first_text.len == 0)
        return parse_suffix(last_text, size, out);
    if (num_parse(first_text, UINT64_MAX, &first) < 0 ||
        (last_text.len > 0 && num_parse(last_text, UINT64_MAX, &last) < 0))
        return PIECE_BAD;
    if (last < first || first >= size)
        return PIECE_OUTSIDE;
    if (last >= size)
        last = size - 1;
    *out = (struct range){first, last - first + 1};
    return PIECE_GOOD;
}

enum range_result range_parse(struct span field, uint64_t size,
                              struct range_set *out)
{
    struct span rest = field;
    struct span unit = span_trim(span_cut(&rest, '='));
    uint64_t total = 0;
    bool outside = false;

    out->count = 0;
    if (field.len == 0 || !span_equals_nocase(unit, SPAN("bytes")) ||
        rest.len == 0)
        return RANGE_WHOLE;
    while (rest.len > 0) {
        struct span piece = span_trim(span_cut(&rest, ','));
        struct range range;

        /* A list may have empty elements (RFC 9110 section 5.6.1). */
        if (piece.len == 0)
            continue;
        switch (parse_piece(piece, size, &range)) {
        case PIECE_BAD:
            return RANGE_WHOLE;
        case PIECE_OUTSIDE:
            outside = true;
            continue;
        case PIECE_GOOD:
            break;
        }
        if (out->count == RANGE_COUNT_MAX ||
            num_add(total, range.length, &total) < 0 || total > size)
            return RANGE_WHOLE;
        out->ranges[out->count++] = range;
    }
    if (out->count > 0)
        return RANGE_PARTIAL;
    return outside ? RANGE_UNSATISFIABLE : RANGE_WHOLE;
}
