/* SPDX-License-Identifier: MIT */
/*
 * The web server's side of FastCGI 1.0, as little of it as the tests need,
 * and a program started the way spawn-fcgi does.
 */
#ifndef BERTH_TESTS_FCGI_HTTP_FCGI_CLIENT_H
#define BERTH_TESTS_FCGI_HTTP_FCGI_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/span.h"

/*
 * A program of this build that listens on a socket in `directory`. It is
 * executed by `path`, a symbolic link.
 */
struct program {
    char directory[64];
    char path[80], socket[80], settings[80], log[80];
    pid_t pid;
};

/* `arguments` end with NULL; "-c FILE" is added. */
void program_start(struct program *program, const char *const *arguments);

/* Again, in the same directory with its settings. */
void program_restart(struct program *program, const char *const *arguments);

/* Replace the settings, or what `path` leads to. */
void program_set(const struct program *program, const char *settings);
void program_link(const struct program *program, const char *target);

/* The exit status, or -1 when a signal ended it; ends the test after 20 s. */
int program_wait(struct program *program);

/* Kills what is left and removes the files. */
void program_stop(struct program *program);

/* All that the program has written to standard error. */
const char *program_log(const struct program *program);

/* How many descriptors it has open; of a pool, its master. */
int program_descriptors(const struct program *program);

/* -1 while the program refuses connections. */
int client_connect(const struct program *program);

/* Sends the head of a request; `length` NULL = no CONTENT_LENGTH. */
void client_head(int fd, const char *method, const char *target,
                 const char *length, const char *extra);
/* False when the program does not take it any more. */
bool client_body(int fd, struct span bytes);
void client_end(int fd); /* of the body */

struct client_answer {
    struct buf text; /* "Status: ..." and all */
    bool ended;      /* FCGI_END_REQUEST came */
};

/* Reads until the program closes, and closes. */
void client_read(int fd, struct client_answer *answer);

/* A whole request with this body; the text of the answer's body. */
const char *client_ask(const struct program *program, const char *method,
                       const char *target, struct span body);

#endif
