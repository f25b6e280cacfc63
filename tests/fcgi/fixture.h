/* SPDX-License-Identifier: MIT */
/*
 * Requests to a route through serve(), on a store in memory, and what tests
 * expect of the answers: every header, every byte, and of a refused request
 * that the store holds what it held before.
 */
#ifndef BERTH_TESTS_FCGI_FIXTURE_H
#define BERTH_TESTS_FCGI_FIXTURE_H

#include "http/serve.h"
#include "store/fixture.h"

/* Begins with an empty store and the default settings. */
void route_setup(const struct route *route);
void route_teardown(void);

/* From now on questions go to this route; the store stays. */
void route_turn_to(const struct route *route);

/* From now on routes work on this driver, while the tests look at `store`. */
void route_work_on(struct driver *driver);

/* A request; what is not set is empty. */
struct question {
    const char *method, *target;
    struct span body;
    const char *parameters[8]; /* "HTTP_RANGE=bytes=0-1", "BERTH_DELETE=no" */
    bool no_length;            /* a chunked body */
    bool breaks_off;           /* the body is shorter than announced */
    int gone_at;               /* the client is gone at this look, from 1 */
    bool may_break;            /* so may the answer, see is_broken */
};

/* The answer to the last question. */
struct answer {
    int status;
    const char *head; /* the header fields with "\r\n" each */
    struct span body;
    bool changed_store; /* in objects or their bytes */
    size_t body_left;   /* bytes of the request that were not read */
    bool is_broken;     /* it could not be sent whole */
};
extern struct answer answer;

/* Asks and returns the status. */
int ask(const struct question *question);
#define ASK(verb, uri, ...)                                                    \
    ask(&(struct question){.method = (verb), .target = (uri), __VA_ARGS__})

/* The value of a header of the answer in a static buffer, NULL without it. */
const char *header(const char *name);

/*
 * The whole head: the status, what every answer has, and these lines, each
 * ended by "\n".
 */
void expect_head(const char *status, const char *format, ...) PRINTF_LIKE(2, 3);
void expect_body(struct span body);

/* The body of an error, in the OCI form. */
void expect_error_body(const char *code, const char *detail);

/*
 * An error in the OCI form that changed nothing. `detail` is NULL when it has
 * none; `extra` are the lines of its head beside Content-Type and
 * Content-Length.
 */
void expect_error(const char *status, const char *code, const char *detail,
                  const char *extra);

/* HEAD gets the head of GET and no body, whatever the answer is. */
void expect_head_like_get(struct question question);

/*
 * Of all methods just these are let through, under this setting (NULL for
 * none). The target is to name nothing there is.
 */
void expect_methods(const char *target, const char *setting,
                    const char *allowed);

/* Formatted text in one of a few static buffers. */
const char *text(const char *format, ...) PRINTF_LIKE(1, 2);

/*
 * Writes a policy and returns the parameter of a request that puts it in
 * force, "BERTH_POLICY=...".
 */
const char *under_policy(const char *rules);

/* The same for the rules of repositories: "BERTH_RULES=...". */
const char *under_rules(const char *rules);

/* An image whose parts the repository has; nothing has a tag. */
struct image {
    struct digest config, layer, digest;
    char json[1024];
};
struct image push_image(const char *name);
void set_tag(const char *name, const char *tag, const struct digest *digest);
/* What the tag names, or "" when there is none. */
const char *get_tag(const char *name, const char *tag);

/* A digest nothing has. */
#define UNKNOWN_DIGEST                                                         \
    "sha256:0000000000000000000000000000000000000000000000000000000000000000"

/* From now on the driver's put and open_upload fail with this code. */
void break_storage(enum err_code code);

#endif
