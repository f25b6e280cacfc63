/* SPDX-License-Identifier: MIT */
/*
 * Text in columns, for people. Cells are gathered, made fit for a terminal
 * (plain.h) and printed as wide as the widest of their column:
 *
 *     CLEANUP(columns) struct columns columns = {0};
 *
 *     columns_begin(&columns, "<>", "");
 *     columns_add(&columns, span_of(tag));
 *     columns_add_size(&columns, bytes);
 *     ...
 *     columns_print(&columns);
 */
#ifndef BERTH_CLI_COLUMNS_H
#define BERTH_CLI_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

#define COLUMNS_MAX 8

struct columns {
    const char *sides;  /* a '<' or '>' for each column; borrowed */
    const char *indent; /* before each line; borrowed */
    size_t count;       /* of columns */
    size_t at;          /* the column of the next cell */
    size_t widths[COLUMNS_MAX];
    struct buf cells; /* each with a NUL behind */
};

void columns_begin(struct columns *columns, const char *sides,
                   const char *indent);
void columns_add(struct columns *columns, struct span text);
void columns_add_number(struct columns *columns, uint64_t number);
/* "1.5 GiB" */
void columns_add_size(struct columns *columns, uint64_t bytes);
/* "2026-11-27 20:15:00Z"; "-" for 0. */
void columns_add_time(struct columns *columns, int64_t ns);

/* Prints what was gathered on standard output, and begins anew. */
void columns_print(struct columns *columns);
void columns_cleanup(struct columns *columns);

#endif
