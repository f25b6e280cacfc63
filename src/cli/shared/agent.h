/* SPDX-License-Identifier: MIT */
/*
 * What either side does of a test: the one who leads by itself, the other
 * when it is asked in a message of one word and, perhaps, the name of a file.
 */
#ifndef BERTH_CLI_SHARED_AGENT_H
#define BERTH_CLI_SHARED_AGENT_H

#include <sys/types.h>

#include "cli/shared/meet.h"

struct agent {
    const struct meet *meet;
    int lock;    /* descriptor of the file that is locked; -1 = none */
    pid_t child; /* that holds a lock; 0 = none */
};

/*
 * Does one thing and says how it went:
 *
 *     lock-read, lock-write    "got" or "refused"; the lock stays
 *     unlock                   "done"
 *     child-lock               "got" or "refused"; a process of its own has it
 *     child-kill               "done": that was killed
 *     clock                    nanoseconds since 1970
 *     age FILE                 writes it: nanoseconds its mtime is behind
 *     create FILE              "done", with the text "created"
 *     read FILE                its text, or "absent"
 */
void agent_do(struct agent *agent, const char *what, struct buf *answer);

/* What the one who leads says last, and how many tests have failed. */
#define AGENT_END "end "

/* Answers until the other says the end, with whose verdict it returns. */
int agent_serve(struct meet *meet, struct buf *verdict,
                struct err *err) WARN_UNUSED;

void agent_cleanup(struct agent *agent);

#endif
