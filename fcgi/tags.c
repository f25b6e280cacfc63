/* SPDX-License-Identifier: MIT */
/* GET /v2/<name>/tags/list: the tags of a repository, in pages (end-8). */
#include <stdio.h>

#include "http/page.h"
#include "http/route.h"
#include "store/tag.h"

extern const struct route tags_route;

/* What one page holds at most; without `n` all tags come, as in registry:2. */
#define TAGS_PAGE_MAX 10000

struct listing {
    struct buf *into;
    bool limited;
    uint64_t limit, count;
    bool more;
    char last[TAG_MAX_LENGTH + 1];
};

static int add_tag(void *context, const char *tag, struct err *err)
{
    struct listing *listing = context;

    (void)err;
    if (listing->limited && listing->count == listing->limit) {
        listing->more = true;
        return 1;
    }
    /* A tag has nothing JSON would escape. */
    buf_add_format(listing->into, "%s\"%s\"", listing->count > 0 ? "," : "",
                   tag);
    snprintf(listing->last, sizeof(listing->last), "%s", tag);
    listing->count++;
    return 0;
}

/* With n=0 nothing is listed, but an unknown repository is still unknown. */
static int stop_at_once(void *context, const char *tag, struct err *err)
{
    (void)context;
    (void)tag;
    (void)err;
    return 1;
}

static int get_tags(struct call *call)
{
    struct listing listing = {.into = &call->response->bytes};
    char last[TAG_MAX_LENGTH + 1];
    struct page page;

    if (page_parse(call->request, 0, TAGS_PAGE_MAX, &page, call->err) < 0)
        return -1;
    /* Nothing longer than a tag lies between two tags. */
    if (page.last.len > TAG_MAX_LENGTH)
        page.last.len = TAG_MAX_LENGTH;
    snprintf(last, sizeof(last), "%.*s", SPAN_ARGS(page.last));
    listing.limited = page.limited;
    listing.limit = page.limit;
    response_header(call->response, "Content-Type", "application/json");
    buf_add_format(listing.into, "{\"name\":\"%s\",\"tags\":[", call->name);
    if (tag_list(call->store, call->name, last,
                 page.limited && page.limit == 0 ? stop_at_once : add_tag,
                 &listing, call->err) < 0)
        return -1;
    buf_add(listing.into, SPAN("]}\n"));
    if (listing.more)
        page_link(call, &page, listing.last, NULL);
    return 0;
}

static const struct endpoint endpoints[] = {
    {.path = "/v2/<name>/tags/list",
     .actions = {{HTTP_GET, ACCESS_PULL, get_tags}}},
};

const struct route tags_route = {
    .name = "tags",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_SIZE(endpoints),
};
