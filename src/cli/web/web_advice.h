/* SPDX-License-Identifier: MIT */
/* What mends a finding, for each web server. */
#ifndef BERTH_CLI_WEB_ADVICE_H
#define BERTH_CLI_WEB_ADVICE_H

#include "base/span.h"

enum web_server {
    WEB_NGINX,
    WEB_APACHE,
    WEB_LIGHTTPD,
    WEB_UNKNOWN,
};

enum web_advice {
    WEB_ADVICE_NONE,
    WEB_ADVICE_CHAIN,
    WEB_ADVICE_CERTIFICATE,
    WEB_ADVICE_TLS,
    WEB_ADVICE_REDIRECT,
    WEB_ADVICE_SITE,
    WEB_ADVICE_CLOSED,
    WEB_ADVICE_STOPPED,
    WEB_ADVICE_FAILED,
    WEB_ADVICE_CHALLENGE,
    WEB_ADVICE_PASSWORD,
    WEB_ADVICE_PART,
    WEB_ADVICE_USER,
    WEB_ADVICE_METHODS,
    WEB_ADVICE_LENGTH,
    WEB_ADVICE_EMPTY,
    WEB_ADVICE_COMPRESSION,
    WEB_ADVICE_LIMIT,
    WEB_ADVICE_UPLOAD,
    WEB_ADVICE_EXPECT,
    WEB_ADVICE_LOCATION,
    WEB_ADVICE_RANGE,
    WEB_ADVICE_REALM,
    WEB_ADVICE_TOKEN,
    WEB_ADVICE_DIRECT,
};
#define WEB_ADVICE_COUNT (WEB_ADVICE_DIRECT + 1)

/* By the field Server of an answer. */
enum web_server web_server_of(struct span field);

/* Prints the lines for one server, or for all when it is unknown. */
void web_advice_print(enum web_advice advice, enum web_server server);

#endif
