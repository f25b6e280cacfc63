/* SPDX-License-Identifier: MIT */
/* Lists in pages: `n`, `last` and the Link field (RFC 8288). */
#ifndef BERTH_FCGI_HTTP_PAGE_H
#define BERTH_FCGI_HTTP_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "http/route.h"

struct page {
    bool limited;   /* the client, or the default, sets a limit */
    uint64_t limit; /* entries */
    struct span last;
};

/*
 * Reads `n` and `last`. Without `n` the limit is `standard`, 0 for none; an
 * `n` above `most` is lowered to it. ERR_PAGINATION_NUMBER_INVALID for an `n`
 * that is no number.
 */
int page_parse(const struct request *request, uint64_t standard, uint64_t most,
               struct page *out, struct err *err) WARN_UNUSED;

/*
 * The names of a page, gathered as JSON strings. Names of repositories and
 * tags have nothing that JSON would escape.
 */
struct page_names {
    const struct page *page;
    struct buf *into;
    uint64_t count;
    bool more; /* there are others behind `last` */
    char last[NAME_MAX_LENGTH + 1];
};

/* Adds a name; returns 1, and adds nothing, when the page is full. */
int page_add_name(struct page_names *names, const char *name);

/*
 * Says where the next page is: the path of this request with `last` and, when
 * limited, `n`. `more` is NULL or further query text, beginning with '&'.
 */
void page_link(struct call *call, const struct page *page, const char *last,
               const char *more);

#endif
