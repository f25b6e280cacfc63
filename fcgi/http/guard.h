/* SPDX-License-Identifier: MIT */
/*
 * Who asks, may they, and what they are told if not. What serve() asks before
 * a route runs; see access/caller.h for how that is decided.
 *
 * Where tokens are asked for, a refusal is a 401 with a challenge that says
 * which token would do (RFC 6750 section 3; Distribution's "token
 * authentication specification"), also to those whose token is good and not
 * good enough: clients go by that. Elsewhere it is a 403. Neither looks at
 * what there is.
 */
#ifndef BERTH_FCGI_HTTP_GUARD_H
#define BERTH_FCGI_HTTP_GUARD_H

#include "access/caller.h"
#include "http/route.h"

/*
 * Tells the web server whether it may answer for blobs by itself: see
 * store/guarded.h. Each request sees to it that it must not; that it may is
 * for a ping, which clients begin with. A failure is told to the log, once a
 * process, and changes no answer.
 */
void guard_mark(const struct call *call, const struct action *action);

/*
 * Finds out who asks. `action` is what they want to do, or NULL.
 * ERR_UNAUTHORIZED without a good token where one is needed, ERR_MISCONFIGURED
 * when the web server would pass by what was decided here, or leaves the asking
 * to tokens that nobody has set up. `*out`, which is CALLER_NOBODY before and
 * stays it where nobody is asked, ends with
 * caller_end.
 */
int guard_enter(const struct call *call, const struct action *action,
                struct caller *out, struct err *err) WARN_UNUSED;

/* Lets call->caller do it, or fails with ERR_DENIED or ERR_UNAUTHORIZED. */
int guard_admit(const struct call *call, const struct action *action,
                struct err *err) WARN_UNUSED;

/* Adds the challenge to an answer of 401. `action` is NULL for none. */
void guard_challenge(const struct call *call, const struct action *action,
                     struct response *response);

/* The settings, as those decide who look at no settings. */
struct caller_rules guard_rules(const struct settings *settings);

#endif
