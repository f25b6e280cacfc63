/* SPDX-License-Identifier: MIT */
/*
 * A carry (store/carry.h) with somebody who watches: how far it has come, what
 * went wrong, Ctrl-C, and the figures at its end. For backup, restore and the
 * import of a tree.
 */
#ifndef BERTH_CLI_TRANSFER_CARRYING_H
#define BERTH_CLI_TRANSFER_CARRYING_H

#include <stdbool.h>

#include "cli/progress.h"
#include "store/carry.h"

struct carrying {
    struct carry carry;      /* from, to and how: the caller's to fill */
    const char *const *only; /* names, with NULL at their end; NULL = all */
    const char *what;        /* for the progress: "backing up" */
    bool json;
    /* As in a carry, with a context of its own; NULL = each tag may. */
    enum carry_verdict (*may_move)(void *context, const char *name,
                                   const char *tag, const struct digest *there);
    void *context;

    struct progress progress; /* from here on not the caller's */
    bool is_over;
};

/*
 * Carries all repositories, and mirrors where that is asked for. 0, or -1 and
 * `err`; ERR_BUSY when it was interrupted.
 */
int carrying_run(struct carrying *carrying, struct err *err) WARN_UNUSED;

/* Prints the figures: "backed up: ..." or the last line of JSON. */
void carrying_print(const struct carrying *carrying, const char *done);

/* The exit status for how it went. */
int carrying_status(const struct carrying *carrying, int result,
                    const struct err *err);

#endif
