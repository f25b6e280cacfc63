/* SPDX-License-Identifier: MIT */
/* GET /v2/_catalog: the names of all repositories, in pages. */
#include <stdio.h>

#include "http/page.h"
#include "http/route.h"
#include "store/catalog.h"

extern const struct route catalog_route;

struct listing {
    const struct caller *caller;
    struct page_names names;
};

/* What may not be seen is not there, on no page. */
static int add_name(void *context, const char *name, struct err *err UNUSED)
{
    struct listing *listing = context;

    if (!caller_may(listing->caller, RIGHT_CATALOG, name))
        return 0;
    return page_add_name(&listing->names, name);
}

static int get_catalog(struct call *call)
{
    uint64_t most = call->settings->catalog_limit;
    char last[NAME_MAX_LENGTH + 1];
    struct page page;
    struct listing listing = {
        .caller = call->caller,
        .names = {.page = &page, .into = &call->response->bytes},
    };

    if (page_parse(call->request, most, most, &page, call->err) < 0)
        return -1;
    if (page.last.len > NAME_MAX_LENGTH) {
        err_set(call->err, ERR_NAME_INVALID, "last is too long");
        return err_detail(call->err, "last is no repository name");
    }
    snprintf(last, sizeof(last), "%.*s", SPAN_ARGS(page.last));
    response_header(call->response, "Content-Type", "application/json");
    buf_add(listing.names.into, SPAN("{\"repositories\":["));
    if (page.limit > 0 &&
        catalog_list(call->store, last, add_name, &listing, call->err) < 0)
        return -1;
    buf_add(listing.names.into, SPAN("]}\n"));
    if (listing.names.more)
        page_link(call, &page, listing.names.last, NULL);
    return 0;
}

static const struct endpoint endpoints[] = {
    {.path = "/v2/_catalog",
     .actions = {ACTION(HTTP_GET, ACCESS_CATALOG, get_catalog)}},
};

const struct route catalog_route = {
    .name = "catalog",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_SIZE(endpoints),
};
