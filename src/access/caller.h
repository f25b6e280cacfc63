/* SPDX-License-Identifier: MIT */
/*
 * Who asks, and what that one may do: the one place where the web server's
 * word, a bearer token and the policy come together.
 *
 *     caller_begin_named or caller_begin_bearer, caller_may ..., caller_end
 *
 * Three ways, by configuration. Open: nobody is asked, and everybody may do
 * everything. Basic: the web server has checked a password and says a name.
 * Bearer: a token says the name, and what it is good for. A policy limits all
 * of them; with a token both have to grant. So a right that is taken out of
 * the policy is gone with the next request, whatever tokens are about.
 *
 * Without anything that could be decided by (a policy that is named and has
 * never been good) everything is denied.
 */
#ifndef BERTH_ACCESS_CALLER_H
#define BERTH_ACCESS_CALLER_H

#include <stdbool.h>

#include "access/right.h"
#include "base/err.h"
#include "base/followed.h"
#include "base/span.h"

/* What the settings say of it; "" = not set. */
struct caller_rules {
    const char *policy;
    const char *realm; /* of bearer tokens; "" = the web server asks */
    const char *service, *issuer, *keys;
    const char *trusted_issuer, *certificates, *jwks;
};

/* The files all of it is read from, followed; one for a process. */
struct caller_source;

struct caller_source *caller_source_new(void);
void caller_source_free(struct caller_source *source);

/*
 * Reads what the rules name, so that the processes forked after it have a good
 * state to fall back to, also those that have not answered anything yet.
 */
void caller_source_read(struct caller_source *source,
                        const struct caller_rules *rules,
                        struct err *complaint);

/* Our own keys, as they are now, or NULL; ends with followed_put. */
struct followed_state *caller_source_keys(struct caller_source *source,
                                          const struct caller_rules *rules,
                                          struct err *complaint);

struct token;

struct caller {
    char name[USER_NAME_MAX + 1]; /* "" = anonymous */
    bool has_policy;
    bool has_token;    /* a token is asked for; it may be missing */
    bool token_is_bad; /* there was one, and it was refused */
    struct followed_state *policy;
    struct token *token;
};

/* Who is asked for nothing, and may do nothing. */
#define CALLER_NOBODY ((struct caller){.has_policy = true})

/*
 * The caller is whom the web server has let in; "" for nobody. `complaint`,
 * here and below, gets what is wrong with one of the files, once per change,
 * and stays untouched otherwise. Fails with ERR_DENIED when that can be no
 * name. `*out` ends with caller_end in any case.
 */
int caller_begin_named(struct caller_source *source,
                       const struct caller_rules *rules, struct span user,
                       struct caller *out, struct err *complaint,
                       struct err *err) WARN_UNUSED;

/*
 * The caller is who a token says, which is in `authorization`: the value of
 * the field of that name (RFC 9110, 11.6.2; RFC 6750, 2.1). Fails with
 * ERR_UNAUTHORIZED when there is none, or it is not good.
 */
int caller_begin_bearer(struct caller_source *source,
                        const struct caller_rules *rules,
                        struct span authorization, struct caller *out,
                        struct err *complaint, struct err *err) WARN_UNUSED;

/* Leaves CALLER_NOBODY. */
void caller_end(struct caller *caller);

/* The rights of this caller in a repository, see right.h. */
unsigned caller_rights(const struct caller *caller, const char *repository);
bool caller_may(const struct caller *caller, unsigned right,
                const char *repository);

/* Whether there may be a repository the right is granted in. */
bool caller_may_somewhere(const struct caller *caller, unsigned right);

/* True when there is anything at all that this caller might not do. */
bool caller_is_limited(const struct caller *caller);

#endif
