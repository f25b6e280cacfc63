/* SPDX-License-Identifier: MIT */
/*
 * Questions to a web server, asked by the program curl: libcurl cannot be
 * linked statically from Debian's packages, and `berth` also goes to hosts
 * where nothing can be installed.
 *
 * curl gets its options on standard input, so that no password shows in a
 * list of processes.
 */
#ifndef BERTH_CLI_WEB_ASK_H
#define BERTH_CLI_WEB_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/err.h"
#include "web_answer.h"

/* With Bearer the realm alone gets names and passwords: see web_bearer.c. */
enum web_as {
    WEB_AS_USER,      /* the name and password that were given, if any */
    WEB_AS_NOBODY,    /* without */
    WEB_AS_STRANGER,  /* a name that nobody has, and a wrong password */
    WEB_AS_IMPOSTOR,  /* the name that was given, and a wrong password */
    WEB_AS_ANONYMOUS, /* a token that was had without a password */
};

struct web_target {
    const char *url;      /* "https://host:port", no slash at its end */
    const char *user;     /* or NULL */
    const char *password; /* with `user` */
    const char *ca;       /* file, or NULL */
    bool insecure;
    bool bearer; /* passwords go with `url` of a question alone */
    FILE *zeros; /* that bodies are taken from, without a name; or NULL */
};

struct web_question {
    const char *method; /* NULL = GET */
    const char *path;   /* from the slash behind the host on */
    const char *url;    /* or another address altogether */
    const char *token;  /* Bearer; or NULL */
    enum web_as as;
    const char *fields[3]; /* of the request: "Range: bytes=0-3" */
    const char *body;      /* a short text */
    uint64_t zeros;        /* or a body of so many bytes */
    bool chunked;          /* without saying how many */
    bool only_ask; /* ends when the server says it would take the body */
};

/*
 * `answer` gets what came, also when nothing did. Fails only for reasons on
 * this side: ERR_NOT_FOUND without curl.
 */
int web_ask(struct web_target *target, const struct web_question *question,
            struct web_answer *answer, struct err *err) WARN_UNUSED;

/* Gives back what web_ask made. */
void web_target_cleanup(struct web_target *target);

#endif
