/* SPDX-License-Identifier: MIT */
/* Requests to a route through serve(), on a store in memory. */
#ifndef BERTH_TESTS_FUZZ_ASKER_H
#define BERTH_TESTS_FUZZ_ASKER_H

#include "base/buf.h"
#include "fuzz.h"
#include "http/serve.h"

/*
 * The program around `route` on this driver; settings are the defaults, and
 * nothing is logged but failures. Lasts as long as the process.
 */
const struct server *asker_server(const struct route *route,
                                  struct driver *driver);

/*
 * Asks and returns the status; `parameters` is a NULL-terminated array of
 * "NAME=value". The answer is well-formed: a head of lines without control
 * bytes, a body as long as it says, a JSON object of errors for an error.
 * `*answer` is the whole of it until the next one.
 */
int asker_ask(const struct server *server, const char *const *parameters,
              struct span body, struct span *answer);

/* The value of a field of the head; empty with a NULL pointer without it. */
struct span asker_header(struct span answer, struct span name);

#endif
