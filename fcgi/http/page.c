/* SPDX-License-Identifier: MIT */
#include "http/page.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"

int page_parse(const struct request *request, uint64_t standard, uint64_t most,
               struct page *out, struct err *err)
{
    struct span n;

    out->limit = standard;
    out->limited = standard > 0;
    if (!request_query(request, "last", &out->last))
        out->last = SPAN("");
    if (!request_query(request, "n", &n))
        return 0;
    if (num_parse(n, UINT64_MAX, &out->limit) < 0) {
        err_set(err, ERR_PAGINATION_NUMBER_INVALID, "n is no number");
        return err_detail(err, "n must be a whole number");
    }
    out->limited = true;
    if (out->limit > most)
        out->limit = most;
    return 0;
}

int page_add_name(struct page_names *names, const char *name)
{
    if (names->page->limited && names->count == names->page->limit) {
        names->more = true;
        return 1;
    }
    buf_add_format(names->into, "%s\"%s\"", names->count > 0 ? "," : "", name);
    snprintf(names->last, sizeof(names->last), "%s", name);
    names->count++;
    return 0;
}

void page_link(struct call *call, const struct page *page, const char *last,
               const char *more)
{
    struct span path = call->request->path;
    CLEANUP(buf) struct buf query = BUF_INIT(RESPONSE_HEADERS_MAX);

    buf_add_format(&query, "last=%s", last);
    if (page->limited)
        buf_add_format(&query, "&n=%" PRIu64, page->limit);
    if (more != NULL)
        buf_add(&query, span_of(more));
    response_header(call->response, "Link", "<%.*s?%s>; rel=\"next\"",
                    SPAN_ARGS(path), buf_text(&query));
}
