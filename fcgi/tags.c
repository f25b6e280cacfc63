/* SPDX-License-Identifier: MIT */
/* GET /v2/<name>/tags/list: the tags of a repository, in pages (end-8). */
#include <stdio.h>

#include "http/page.h"
#include "http/route.h"
#include "store/tag.h"

extern const struct route tags_route;

/* What one page holds at most; without `n` all tags come, as in registry:2. */
#define TAGS_PAGE_MAX 10000

static int add_tag(void *context, const char *tag, struct err *err)
{
    (void)err;
    return page_add_name(context, tag);
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
    char last[TAG_MAX_LENGTH + 1];
    struct page page;
    struct page_names names = {.page = &page, .into = &call->response->bytes};

    if (page_parse(call->request, 0, TAGS_PAGE_MAX, &page, call->err) < 0)
        return -1;
    /* Nothing longer than a tag lies between two tags. */
    if (page.last.len > TAG_MAX_LENGTH)
        page.last.len = TAG_MAX_LENGTH;
    snprintf(last, sizeof(last), "%.*s", SPAN_ARGS(page.last));
    response_header(call->response, "Content-Type", "application/json");
    buf_add_format(names.into, "{\"name\":\"%s\",\"tags\":[", call->name);
    if (tag_list(call->store, call->name, last,
                 page.limited && page.limit == 0 ? stop_at_once : add_tag,
                 &names, call->err) < 0)
        return -1;
    buf_add(names.into, SPAN("]}\n"));
    if (names.more)
        page_link(call, &page, names.last, NULL);
    return 0;
}

static const struct endpoint endpoints[] = {
    {.path = "/v2/<name>/tags/list",
     .actions = {ACTION(HTTP_GET, ACCESS_PULL, get_tags)}},
};

const struct route tags_route = {
    .name = "tags",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_SIZE(endpoints),
};
