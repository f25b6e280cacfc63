/* SPDX-License-Identifier: MIT */
#include "columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/plain.h"

#define GAP "  "
#define CELLS_BYTES_MAX (SIZE_MAX / 2) /* as many as there are tags */

void columns_begin(struct columns *columns, const char *sides,
                   const char *indent)
{
    *columns = (struct columns){.sides = sides,
                                .indent = indent,
                                .count = strlen(sides),
                                .cells = BUF_INIT(CELLS_BYTES_MAX)};
}

void columns_cleanup(struct columns *columns)
{
    buf_cleanup(&columns->cells);
}

/* Characters: bytes that go on with one do not count (RFC 3629). */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

void columns_add(struct columns *columns, struct span text)
{
    size_t start = columns->cells.len, width;

    if (text.len == 0)
        text = SPAN("-");
    plain_add(&columns->cells, text);
    width = width_of(columns->cells.ptr + start);
    buf_add_char(&columns->cells, '\0');
    if (width > columns->widths[columns->at])
        columns->widths[columns->at] = width;
    columns->at = (columns->at + 1) % columns->count;
}

void columns_add_number(struct columns *columns, uint64_t number)
{
    char text[32];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    columns_add(columns, span_of(text));
}

void columns_add_size(struct columns *columns, uint64_t bytes)
{
    char text[NUM_SIZE_MAX];

    num_format_size(bytes, text);
    columns_add(columns, span_of(text));
}

void columns_add_time(struct columns *columns, int64_t ns)
{
    char text[CLOCK_RFC3339_MAX];

    if (ns <= 0) {
        columns_add(columns, SPAN("-"));
        return;
    }
    clock_format_rfc3339(ns / CLOCK_NS_PER_SECOND, text);
    text[sizeof("2026-11-27") - 1] = ' ';
    columns_add(columns, span_of(text));
}

/* The last column of a line has no blanks behind. */
static void print_cell(const struct columns *columns, size_t column,
                       const char *text)
{
    size_t blanks = columns->widths[column] - width_of(text);

    if (column == 0)
        fputs(columns->indent, stdout);
    else
        fputs(GAP, stdout);
    if (columns->sides[column] == '>')
        printf("%*s%s", (int)blanks, "", text);
    else if (column + 1 < columns->count)
        printf("%s%*s", text, (int)blanks, "");
    else
        fputs(text, stdout);
    if (column + 1 == columns->count)
        putchar('\n');
}

void columns_print(struct columns *columns)
{
    const char *cell = columns->cells.ptr;
    const char *end = cell != NULL ? cell + columns->cells.len : NULL;

    for (size_t column = 0; cell < end; cell += strlen(cell) + 1) {
        print_cell(columns, column, cell);
        column = (column + 1) % columns->count;
    }
    buf_clear(&columns->cells);
    memset(columns->widths, 0, sizeof(columns->widths));
    columns->at = 0;
}
