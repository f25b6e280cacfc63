/* SPDX-License-Identifier: MIT */
/* Bytes at hand as a stream; borrowed, like the reader itself. */
#ifndef BERTH_BASE_SPAN_READER_H
#define BERTH_BASE_SPAN_READER_H

#include "base/reader.h"
#include "base/span.h"

struct span_reader {
    struct reader base;
    struct span rest;
};

void span_reader_init(struct span_reader *reader, struct span bytes);

#endif
