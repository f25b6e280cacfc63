/* SPDX-License-Identifier: MIT */
/* GET /v2/_catalog: the names of all repositories, in pages. */
#include <stdio.h>

#include "http/page.h"
#include "http/route.h"
#include "store/catalog.h"

extern const struct route catalog_route;

struct listing {
    struct buf *into;
    uint64_t limit, count;
    bool more;
    char last[NAME_MAX_LENGTH + 1];
};

static int add_name(void *context, const char *name, struct err *err)
{
    struct listing *listing = context;

    (void)err;
    if (listing->count == listing->limit) {
        listing->more = true;
        return 1;
    }
    /* A repository name has nothing JSON would escape. */
    buf_add_format(listing->into, "%s\"%s\"", listing->count > 0 ? "," : "",
                   name);
    snprintf(listing->last, sizeof(listing->last), "%s", name);
    listing->count++;
    return 0;
}

static int get_catalog(struct call *call)
{
    struct listing listing = {.into = &call->response->bytes};
    uint64_t most = call->settings->catalog_limit;
    char last[NAME_MAX_LENGTH + 1];
    struct page page;

    if (page_parse(call->request, most, most, &page, call->err) < 0)
        return -1;
    if (page.last.len > NAME_MAX_LENGTH) {
        err_set(call->err, ERR_NAME_INVALID, "last is too long");
        return err_detail(call->err, "last is no repository name");
    }
    snprintf(last, sizeof(last), "%.*s", SPAN_ARGS(page.last));
    listing.limit = page.limit;
    response_header(call->response, "Content-Type", "application/json");
    buf_add(listing.into, SPAN("{\"repositories\":["));
    if (page.limit > 0 &&
        catalog_list(call->store, last, add_name, &listing, call->err) < 0)
        return -1;
    buf_add(listing.into, SPAN("]}\n"));
    if (listing.more)
        page_link(call, &page, listing.last, NULL);
    return 0;
}

static const struct endpoint endpoints[] = {
    {.path = "/v2/_catalog",
     .actions = {{HTTP_GET, ACCESS_CATALOG, get_catalog}}},
};

const struct route catalog_route = {
    .name = "catalog",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_SIZE(endpoints),
};
