/* SPDX-License-Identifier: MIT */
/* GET /v2/: is this a registry, and may I use it? (end-1) */
#include "http/route.h"

extern const struct route version_route;

static int get_version(struct call *call)
{
    response_header(call->response, "Content-Type", "application/json");
    buf_add(&call->response->bytes, SPAN("{}"));
    return 0;
}

static const struct endpoint endpoints[] = {
    {.path = "/v2/", .actions = {ACTION(HTTP_GET, ACCESS_PING, get_version)}},
    {.path = "/v2", .actions = {ACTION(HTTP_GET, ACCESS_PING, get_version)}},
};

const struct route version_route = {
    .name = "version",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_SIZE(endpoints),
};
