/* SPDX-License-Identifier: MIT */
/*
 * How long requests wait for a collector: takes the locks of a tree as they
 * do, one after the other, and lets each go at once, until it is terminated.
 * Prints as JSON how many it has taken, for how many it had to wait, and the
 * longest wait.
 *
 *     waits LOCKS
 *
 * LOCKS is _berth/locks in the tree; files that are not there are made. Only a
 * wait for another holder counts, not what the machine takes for the call.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/http.h"

#define SHARDS 256
#define POLL_US 1000 /* as in driver_fs_lease.c */
#define PAUSE_US 50

static volatile sig_atomic_t ends;

static void end(int number_of_signal)
{
    (void)number_of_signal;
    ends = 1;
}

static void pause_us(long microseconds)
{
    struct timespec pause = {.tv_nsec = microseconds * 1000};

    nanosleep(&pause, NULL);
}

/* Nanoseconds until the lock was free; 0 when it was so at once. */
static int64_t wait_for(int fd)
{
    struct flock shared = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    int64_t began_ns = now_ns();
    bool waited = false;

    while (fcntl(fd, F_OFD_SETLK, &shared) < 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            fail("lock: %s", strerror(errno));
        waited = true;
        pause_us(POLL_US);
    }
    return waited ? now_ns() - began_ns : 0;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = end};
    uint64_t taken = 0, waited = 0;
    int64_t longest_ns = 0;

    if (argc != 2)
        fail("usage: waits LOCKS");
    sigaction(SIGTERM, &action, NULL);
    if (chdir(argv[1]) < 0)
        fail("%s: %s", argv[1], strerror(errno));
    for (unsigned int shard = 0; !ends; shard = (shard + 1) % SHARDS) {
        char name[sizeof("ff")];
        int64_t ns;
        int fd;

        snprintf(name, sizeof(name), "%02x", shard);
        fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
        if (fd < 0)
            fail("%s: %s", name, strerror(errno));
        ns = wait_for(fd);
        close(fd);
        taken++;
        waited += ns > 0;
        longest_ns = ns > longest_ns ? ns : longest_ns;
        pause_us(PAUSE_US);
    }
    printf("{\"taken\": %" PRIu64 ", \"waited\": %" PRIu64
           ", \"longest_us\": %.1f}\n",
           taken, waited, (double)longest_ns / 1000);
    return EXIT_SUCCESS;
}
