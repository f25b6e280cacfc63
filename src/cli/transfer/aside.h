/* SPDX-License-Identifier: MIT */
/*
 * Files written aside: under another name until they are whole and on the
 * disk. Outside the tree; within it that is the driver's work.
 *
 *     CLEANUP(aside) struct aside aside = ASIDE_INIT;
 *
 *     if (aside_open(directory, "index.json", &aside, err) < 0 ||
 *         fd_write_at(aside.fd, ...) < 0 || aside_finish(&aside, err) < 0)
 *         return -1;
 *
 * One that was not finished is deleted at its end. A killed process leaves it
 * as `.NAME.PID`.
 */
#ifndef BERTH_CLI_TRANSFER_ASIDE_H
#define BERTH_CLI_TRANSFER_ASIDE_H

#include <limits.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

struct aside {
    int directory; /* borrowed */
    int fd;        /* write here */
    char name[NAME_MAX + 1];
    char temporary[NAME_MAX + 1];
};

#define ASIDE_INIT ((struct aside){.fd = -1})

/* `name` is one component below `directory`. */
int aside_open(int directory, const char *name, struct aside *out,
               struct err *err) WARN_UNUSED;

/* Durable under its name when it returns 0, in place of what was there. */
int aside_finish(struct aside *aside, struct err *err) WARN_UNUSED;

void aside_cleanup(struct aside *aside);

/* All of it for bytes at hand. */
int aside_put(int directory, const char *name, struct span bytes,
              struct err *err) WARN_UNUSED;

#endif
