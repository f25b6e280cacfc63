/* SPDX-License-Identifier: MIT */
/* GET /v2/<name>/referrers/<digest>: what refers to a manifest (end-12). */
#include <stdio.h>

#include "http/page.h"
#include "http/route.h"
#include "oci/media_type.h"
#include "store/referrers.h"

extern const struct route referrers_route;

#define REFERRERS_COUNT_MAX 10000

/* The filter again, for the link to the next page. */
static int more_query(struct span artifact_type, struct buf *out,
                      struct err *err)
{
    if (artifact_type.len == 0)
        return 0;
    buf_add(out, SPAN("&artifactType="));
    for (size_t i = 0; i < artifact_type.len; i++) {
        char c = artifact_type.ptr[i];

        if (c == '+' || c == '&' || c == '#' || c == '%')
            buf_add_format(out, "%%%02X", (unsigned int)(unsigned char)c);
        else
            buf_add_char(out, c);
    }
    return out->overflowed ? err_set(err, ERR_BAD_REQUEST, "filter too long")
                           : 0;
}

static int parse_query(struct call *call, struct page *page,
                       struct digest *last, struct referrers_query *query)
{
    struct span type;

    if (page_parse(call->request, 0, REFERRERS_COUNT_MAX, page, call->err) < 0)
        return -1;
    query->limit = page->limited ? page->limit : 0;
    if (page->last.len > 0) {
        if (digest_parse(page->last, last, call->err) < 0)
            return -1;
        query->last = last;
    }
    if (!request_query(call->request, "artifactType", &type) || type.len == 0)
        return 0;
    if (!media_type_is_valid(type)) {
        err_set(call->err, ERR_BAD_REQUEST, "artifactType is no media type");
        return err_detail(call->err, "artifactType is no media type");
    }
    query->artifact_type = type;
    return 0;
}

static int link_next(struct call *call, const struct page *page,
                     const struct referrers_query *query,
                     const struct digest *digest)
{
    CLEANUP(buf) struct buf more = BUF_INIT(1024);
    char last[DIGEST_TEXT_MAX];

    if (more_query(query->artifact_type, &more, call->err) < 0)
        return -1;
    digest_format(digest, last);
    page_link(call, page, last, buf_text(&more));
    return 0;
}

static int get_referrers(struct call *call)
{
    struct referrers_query query = {.artifact_type = SPAN("")};
    struct buf *bytes = &call->response->bytes;
    struct referrers_page result = {.more = false};
    struct digest last;
    struct page page;

    if (parse_query(call, &page, &last, &query) < 0)
        return -1;
    response_header(call->response, "Content-Type", MEDIA_TYPE_OCI_INDEX);
    if (query.artifact_type.len > 0)
        response_header(call->response, "OCI-Filters-Applied", "artifactType");
    buf_add(bytes, SPAN("{\"schemaVersion\":2,\"mediaType\":\"" //
                        MEDIA_TYPE_OCI_INDEX "\",\"manifests\":["));
    if (!(page.limited && page.limit == 0) &&
        referrers_list(call->store, call->name, &call->digest, &query, bytes,
                       &result, call->err) < 0)
        return -1;
    buf_add(bytes, SPAN("]}"));
    if (result.more)
        return link_next(call, &page, &query, &result.last);
    return 0;
}

static const struct endpoint endpoints[] = {
    {.path = "/v2/<name>/referrers/<digest>",
     .actions = {ACTION(HTTP_GET, ACCESS_PULL, get_referrers)}},
};

const struct route referrers_route = {
    .name = "referrers",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_SIZE(endpoints),
};
