/* SPDX-License-Identifier: MIT */
/*
 * A route: the endpoints one program answers, as tables.
 *
 * A file fcgi/<route>.c holds one `const struct route` and a short function
 * per method. To add a route: the file; three lines in Makefile.am, which
 * links it with fcgi_main.c; its path in nginx/ and apache/; its tests in
 * tests/fcgi/ and tests/e2e/; a paragraph in fcgi/berth-routes.8.
 */
#ifndef BERTH_FCGI_HTTP_ROUTE_H
#define BERTH_FCGI_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "access/caller.h"
#include "base/err.h"
#include "http/request.h"
#include "http/response.h"
#include "oci/digest.h"
#include "oci/name.h"
#include "store/settings.h"
#include "store/store.h"

/* What an action needs of whoever asks; settings and the policy decide. */
enum action_access {
    ACCESS_NONE,   /* no action: the end of a table */
    ACCESS_PUBLIC, /* nobody is asked who that is */
    ACCESS_LOGIN,  /* to show who one is, to the web server */
    ACCESS_PING,   /* to be somebody, or nobody where that will do */
    ACCESS_PULL,
    ACCESS_PUSH,
    ACCESS_DELETE,
    ACCESS_CATALOG,
};

/*
 * One request being answered. `name`, `digest`, `reference` and `uuid` are
 * what stands for <name>, <digest>, <reference> and <uuid> in the path of the
 * endpoint, checked; those the path does not have are empty.
 */
struct call {
    const struct request *request;
    struct response *response;
    struct store *store;
    const struct settings *settings;
    const struct caller *caller; /* who asks */
    struct caller_source *callers;
    char name[NAME_MAX_LENGTH + 1];
    struct digest digest;
    struct reference reference;
    char uuid[UUID_LENGTH + 1];
    struct err *err;
};

/* Fills call->response and returns 0, or returns -1 with call->err filled. */
typedef int action_function(struct call *call);

struct action {
    enum http_method method; /* HTTP_GET also answers HEAD */
    enum action_access access;
    action_function *run;
};

/*
 * One action of a table. What it needs has to be said: without it, or with
 * ACCESS_NONE, the program does not build.
 */
#define ACTION(its_method, needs, function)                                    \
    {                                                                          \
        .method = (its_method), .access = DECLARED(needs), .run = (function)   \
    }
#define DECLARED(needs)                                                        \
    ((enum action_access)((int)(needs) +                                       \
                          0 * (int)sizeof(struct {                             \
                              _Static_assert((needs) != ACCESS_NONE,           \
                                             "an action says what it needs");  \
                              int unused;                                      \
                          })))

#define ENDPOINT_ACTIONS_MAX 4

struct endpoint {
    const char *path; /* "/v2/<name>/blobs/<digest>" */
    struct action actions[ENDPOINT_ACTIONS_MAX + 1];
};

struct route {
    const char *name; /* of the program, for the log */
    const struct endpoint *endpoints;
    size_t endpoint_count;
};

/*
 * Finds the endpoint for a checked path and fills the path fields of `call`.
 * NULL with `err` filled: ERR_ROUTE_UNKNOWN, or what the grammar of a
 * component says (ERR_NAME_INVALID, ERR_DIGEST_INVALID, ERR_TAG_INVALID,
 * ERR_BLOB_UPLOAD_UNKNOWN for a <uuid>). <name> takes as many components as
 * it can.
 */
const struct endpoint *route_match(const struct route *route, struct span path,
                                   struct call *call, struct err *err);

/* The action for a method, or NULL. HEAD finds GET. */
const struct action *endpoint_action(const struct endpoint *endpoint,
                                     enum http_method method);

/*
 * "GET, HEAD, DELETE": what the Allow field of a 405 says, which is the
 * methods that `admits` lets through.
 */
void endpoint_methods(const struct endpoint *endpoint,
                      bool (*admits)(const struct settings *settings,
                                     enum action_access access),
                      const struct settings *settings, struct buf *out);

#endif
