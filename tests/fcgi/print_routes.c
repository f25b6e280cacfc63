/* SPDX-License-Identifier: MIT */
/*
 * Prints the tables of all routes, a line for each action: the program, the
 * path, the method and what it needs, with blanks between. The end-to-end
 * tests make their matrix of who may do what from it, so that no route is
 * forgotten there.
 */
#include <stdio.h>

#include "http/route.h"

extern const struct route blob_route, catalog_route, manifest_route,
    referrers_route, tags_route, token_route, upload_route, version_route;

static const struct route *const routes[] = {
    &blob_route, &catalog_route, &manifest_route, &referrers_route,
    &tags_route, &token_route,   &upload_route,   &version_route};

static const char *const methods[] = {
    [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT",     [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
    [HTTP_OTHER] = "OTHER",
};

static const char *const needs[] = {
    [ACCESS_PUBLIC] = "public",   [ACCESS_LOGIN] = "login",
    [ACCESS_PING] = "ping",       [ACCESS_PULL] = "pull",
    [ACCESS_PUSH] = "push",       [ACCESS_DELETE] = "delete",
    [ACCESS_CATALOG] = "catalog",
};

static void print_endpoint(const char *program, const struct endpoint *endpoint)
{
    for (const struct action *a = endpoint->actions; a->access != ACCESS_NONE;
         a++)
        printf("%s %s %s %s\n", program, endpoint->path, methods[a->method],
               needs[a->access]);
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
        for (size_t j = 0; j < routes[i]->endpoint_count; j++)
            print_endpoint(routes[i]->name, &routes[i]->endpoints[j]);
    return 0;
}
