/* SPDX-License-Identifier: MIT */
/*
 * `berth check --web`: asks a live server whether it is set up right.
 *
 *     web.c            the command, and the table of checks
 *     web_password.c   the password, typed or given
 *     web_access.c     is Berth there
 *     web_users.c      who is let in
 *     web_bearer.c     tokens in the place of passwords
 *     web_requests.c   do requests and answers arrive as they were sent
 *     web_pushes.c     do bodies and blobs
 *     web_advice.c     which line of which configuration mends what
 *     web_ask.c        the questions, by curl
 *     web_answer.c     reading what came
 *     web_challenge.c  and what of it is of the Bearer scheme
 *
 * Nothing of the registry's is changed. What is pushed goes to the repository
 * `berth-check` and is deleted again.
 */
#ifndef BERTH_CLI_WEB_H
#define BERTH_CLI_WEB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "web_advice.h"
#include "web_ask.h"
#include "web_challenge.h"

#define WEB_REPOSITORY "/v2/berth-check"
#define WEB_PASSWORD_MAX 1024 /* bytes, and the NUL */

enum web_result {
    WEB_OK,
    WEB_WARNING,
    WEB_WRONG,
    WEB_SKIPPED,
};

/* How far we came; a check is skipped unless we came to where it begins. */
enum web_stage {
    WEB_STAGE_NOTHING,
    WEB_STAGE_ANSWERS, /* there is a web server */
    WEB_STAGE_BERTH,   /* and a registry behind it */
    WEB_STAGE_ENTRY,   /* which lets us in */
    WEB_STAGE_METHODS, /* whatever we ask */
    WEB_STAGE_PUSH,    /* and lets us push */
};

struct web {
    struct web_target target;
    bool tls, loopback;
    uint64_t body;  /* bytes to push in one request */
    uint64_t limit; /* the web server refuses longer ones */
    enum web_stage stage;
    enum web_server server;
    bool open;   /* it asks nobody for a password */
    bool shut;   /* it asks everybody, and refuses a wrong one */
    bool denies; /* Berth has refused something to the user */

    /* Of a registry that wants tokens: target.bearer. */
    struct web_challenge challenge;
    bool has_realm; /* where tokens are had */
    struct web_token token, anonymous;
    int64_t token_end; /* when `token` is renewed, on the monotonic clock */

    bool lengthless, compressed; /* told already */
    const char *check;           /* the name of the one that is at work */
    size_t wrong;
    struct err err; /* of this side; nothing is said any more after one */
};

typedef void web_check(struct web *web);

web_check web_check_reachable, web_check_api;
web_check web_check_realm, web_check_passwords, web_check_user;
web_check web_check_methods, web_check_lengths, web_check_compression;
web_check web_check_limit, web_check_uploads, web_check_blobs;

/*
 * Sets the password of the target, if it has a user; it stays in `into`. Fails
 * with the reason in `web->err`. BERTH_PASSWORD is taken off the environment.
 */
int web_find_password(struct web *web, char into[WEB_PASSWORD_MAX]) WARN_UNUSED;

/*
 * web_ask for checks: no answer when this side fails. Where the registry wants
 * tokens it gets the one of `as`.
 */
void web_try(struct web *web, const struct web_question *question,
             struct web_answer *answer);

/* A host, with its port if it has one, that is the machine itself. */
bool web_is_loopback(struct span authority);

/*
 * Asks the realm for a token as docker does, of all that the checks need.
 * False with what came in `answer` when there is none.
 */
bool web_token_ask(struct web *web, enum web_as as, struct web_token *token,
                   struct web_answer *answer);

/* The user's, as the first; false as above. */
bool web_token_begin(struct web *web, struct web_answer *answer);

/* What to show to the registry; NULL = nothing. Renews the user's in time. */
const char *web_token_of(struct web *web, enum web_as as);

/* Prints a finding, and what mends it. */
void web_report(struct web *web, enum web_result result, enum web_advice advice,
                const char *format, ...) PRINTF_LIKE(4, 5);

/* The same of an answer: "TEXT: 403 DENIED". */
void web_report_answer(struct web *web, enum web_result result,
                       enum web_advice advice, const char *text,
                       const struct web_answer *answer);

/*
 * Requests that change nothing, one for each method and route: what they name
 * does not exist, or is no manifest.
 */
struct web_probe {
    const char *name; /* "PUT manifest" */
    struct web_question question;
    const char *code; /* of the error of Berth's answer; NULL = none */
    int status;
    bool writes;
    /* Few, as there are servers that lock out who has tried too often. */
    bool with_wrong_password;
};

extern const struct web_probe web_probes[];
extern const size_t web_probe_count;

/* The first of a method. */
const struct web_probe *web_probe_of(const char *method);

/* Whether the answer is Berth's. */
bool web_probe_arrived(const struct web_probe *probe,
                       const struct web_answer *answer);

/* Berth's own refusal to somebody it knows, by a policy or a token. */
bool web_is_denial(const struct web_answer *answer);

/* Asks it as somebody else than the probe says. */
void web_probe_ask(struct web *web, const struct web_probe *probe,
                   enum web_as as, struct web_answer *answer);

#endif
