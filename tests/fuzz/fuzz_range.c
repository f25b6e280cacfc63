/* SPDX-License-Identifier: MIT */
/* "SIZE\nRANGE": the Range field of a GET for an object of that size. */
#include "fuzz.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/num.h"
#include "http/range.h"

static void check_ranges(const struct range_set *set, uint64_t size)
{
    uint64_t total = 0;

    MUST(set->count > 0 && set->count <= RANGE_COUNT_MAX);
    for (size_t i = 0; i < set->count; i++) {
        const struct range *range = &set->ranges[i];

        MUST(range->length > 0 && range->length <= size);
        MUST(range->offset <= size - range->length);
        MUST(num_add(total, range->length, &total) == 0);
    }
    MUST(total <= size);
}

static bool sets_are_equal(const struct range_set *a, const struct range_set *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->ranges[i].offset != b->ranges[i].offset ||
            a->ranges[i].length != b->ranges[i].length)
            return false;
    return true;
}

/* What was understood, written out in full, is understood again. */
static void check_again(const struct range_set *set, uint64_t size)
{
    CLEANUP(buf) struct buf field = BUF_INIT(RANGE_COUNT_MAX * 48);
    struct range_set again;

    buf_add(&field, SPAN("bytes="));
    for (size_t i = 0; i < set->count; i++)
        buf_add_format(&field, "%s%" PRIu64 "-%" PRIu64, i > 0 ? "," : "",
                       set->ranges[i].offset,
                       set->ranges[i].offset + set->ranges[i].length - 1);
    MUST(range_parse(buf_span(&field), size, &again) == RANGE_PARTIAL);
    MUST(sets_are_equal(set, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span field = fuzz_input(data, size);
    struct range_set set;
    uint64_t object;

    if (num_parse(span_cut(&field, '\n'), UINT64_MAX, &object) < 0)
        return 0;
    switch (range_parse(field, object, &set)) {
    case RANGE_WHOLE:
        break;
    case RANGE_PARTIAL:
        check_ranges(&set, object);
        check_again(&set, object);
        break;
    case RANGE_UNSATISFIABLE:
        MUST(set.count == 0 && memchr(field.ptr, '-', field.len) != NULL);
        break;
    }
    return 0;
}
