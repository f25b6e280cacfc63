/* SPDX-License-Identifier: MIT */
/* Numbers from text and arithmetic that cannot wrap. */
#ifndef BERTH_BASE_NUM_H
#define BERTH_BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

/*
 * A whole decimal number of digits only, at most `max`. Returns 0 and writes
 * `*out`, or -1 for anything else (an empty text, a sign, a blank, too large).
 */
int num_parse(struct span text, uint64_t max, uint64_t *out) WARN_UNUSED;

/* A size with an optional K, M, G or T (powers of 1024): "4M". */
int num_parse_size(struct span text, uint64_t *out) WARN_UNUSED;

/* Seconds with an optional s, m, h or d: "24h". */
int num_parse_duration(struct span text, uint64_t *out) WARN_UNUSED;

/* Of the longest that num_format_size writes, with its NUL: "1023 KiB". */
#define NUM_SIZE_MAX 16

/*
 * Bytes for people, in powers of 1024, rounded to three or four digits:
 * "0 B", "1023 B", "1.5 KiB", "20.3 MiB", "512 GiB".
 */
void num_format_size(uint64_t bytes, char out[NUM_SIZE_MAX]);

/* Sum and product; -1 and nothing written when they do not fit. */
int num_add(uint64_t a, uint64_t b, uint64_t *out) WARN_UNUSED;
int num_multiply(uint64_t a, uint64_t b, uint64_t *out) WARN_UNUSED;

#endif
