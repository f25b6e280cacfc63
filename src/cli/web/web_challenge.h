/* SPDX-License-Identifier: MIT */
/*
 * The Bearer scheme of a registry, as a client meets it: the challenge that
 * says where tokens are had, the URL to ask there, and the token that comes.
 * All of it is a server's that may be anything.
 */
#ifndef BERTH_CLI_WEB_CHALLENGE_H
#define BERTH_CLI_WEB_CHALLENGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "web_answer.h"

#define WEB_CHALLENGE_MAX 1024 /* bytes of a parameter, and the NUL */
#define WEB_TOKEN_MAX 8192     /* bytes, and the NUL */

struct web_challenge {
    char realm[WEB_CHALLENGE_MAX];
    char service[WEB_CHALLENGE_MAX];
    char error[WEB_CHALLENGE_MAX];
};

/*
 * The first challenge of a scheme in a field WWW-Authenticate (RFC 9110,
 * 11.6.1); false when there is none, or before it something that is not in the
 * grammar, or in it a parameter twice or a long one.
 */
bool web_challenge_parse(struct span field, const char *scheme,
                         struct web_challenge *out);

/* The same in all fields WWW-Authenticate of an answer. */
bool web_challenge_of(const struct web_answer *answer, const char *scheme,
                      struct web_challenge *out);

/*
 * Appends the URL to ask for a token of these scopes (NULL at their end).
 * False for a realm that is no URL of HTTP that can be asked.
 */
bool web_challenge_url(const struct web_challenge *challenge,
                       const char *const *scopes, struct buf *url);

struct web_token {
    char text[WEB_TOKEN_MAX]; /* fit for a header; "" = none */
    uint64_t lifetime;        /* seconds */
};

/* The token in the body of an answer; false when there is none. */
bool web_token_parse(struct span body, struct web_token *out);

#endif
