/* SPDX-License-Identifier: MIT */
#include "cli/shared/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"

static void say(struct buf *answer, const char *text)
{
    buf_clear(answer);
    buf_add(answer, span_of(text));
}

static void say_errno(struct buf *answer, const char *what)
{
    buf_clear(answer);
    buf_add_format(answer, "%s: %s", what, strerror(errno));
}

/* The lock the driver takes: see driver_fs_lease.c. */
static int take_lock(const struct meet *meet, short type, int *out)
{
    struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
    struct meet_name name = meet_name(meet, "lock");
    CLEANUP(fd)
    int fd = openat(meet->place, name.text, O_RDWR | O_CREAT | O_CLOEXEC, 0640);

    if (fd < 0 || fcntl(fd, F_OFD_SETLK, &whole) < 0)
        return -1;
    *out = fd_take(&fd);
    return 0;
}

static void lock(struct agent *agent, short type, struct buf *answer)
{
    fd_cleanup(&agent->lock);
    agent->lock = -1;
    if (take_lock(agent->meet, type, &agent->lock) == 0)
        say(answer, "got");
    else if (errno == EAGAIN || errno == EACCES)
        say(answer, "refused");
    else
        say_errno(answer, "lock");
}

/* The child tells by a pipe, which it then holds open until it is killed. */
static void lock_in_child(struct agent *agent, struct buf *answer)
{
    int told[2], fd = -1;
    char got = 'n';

    if (pipe(told) < 0) {
        say_errno(answer, "pipe");
        return;
    }
    agent->child = fork();
    if (agent->child == 0) {
        (void)!prctl(PR_SET_PDEATHSIG, SIGKILL);
        got = take_lock(agent->meet, F_WRLCK, &fd) == 0 ? 'y' : 'n';
        close(told[0]);
        (void)!write(told[1], &got, 1);
        for (;;)
            pause();
    }
    close(told[1]);
    if (agent->child > 0)
        (void)!read(told[0], &got, 1);
    close(told[0]);
    say(answer, got == 'y' ? "got" : "refused");
}

static void kill_child(struct agent *agent)
{
    if (agent->child <= 0)
        return;
    kill(agent->child, SIGKILL);
    waitpid(agent->child, NULL, 0);
    agent->child = 0;
}

/* The storage's clock may be a server's. */
static void tell_age(const struct agent *agent, const char *file,
                     struct buf *answer)
{
    struct err err = {0};
    struct stat st;

    if (meet_write(agent->meet, file, "age", &err) < 0) {
        say(answer, err.text);
        return;
    }
    if (fstatat(agent->meet->place, file, &st, 0) < 0) {
        say_errno(answer, "stat");
        return;
    }
    buf_clear(answer);
    buf_add_format(answer, "%" PRId64,
                   clock_now_ns() - (st.st_mtim.tv_sec * CLOCK_NS_PER_SECOND +
                                     st.st_mtim.tv_nsec));
}

static void create(const struct agent *agent, const char *file,
                   struct buf *answer)
{
    struct err err = {0};

    if (meet_write(agent->meet, file, "created", &err) < 0)
        say(answer, err.text);
    else
        say(answer, "done");
}

static void read_file(const struct agent *agent, const char *file,
                      struct buf *answer)
{
    struct err err = {0};

    if (meet_read(agent->meet, file, answer, &err) < 0)
        say(answer, err.text);
    else if (answer->len == 0)
        say(answer, "absent");
}

void agent_do(struct agent *agent, const char *what, struct buf *answer)
{
    struct span rest = span_of(what);
    struct span word = span_cut(&rest, ' ');
    const char *file = rest.ptr != NULL ? rest.ptr : "";

    if (span_equals(word, SPAN("lock-read"))) {
        lock(agent, F_RDLCK, answer);
    } else if (span_equals(word, SPAN("lock-write"))) {
        lock(agent, F_WRLCK, answer);
    } else if (span_equals(word, SPAN("unlock"))) {
        fd_cleanup(&agent->lock);
        agent->lock = -1;
        say(answer, "done");
    } else if (span_equals(word, SPAN("child-lock"))) {
        lock_in_child(agent, answer);
    } else if (span_equals(word, SPAN("child-kill"))) {
        kill_child(agent);
        say(answer, "done");
    } else if (span_equals(word, SPAN("clock"))) {
        buf_clear(answer);
        buf_add_format(answer, "%" PRId64, clock_now_ns());
    } else if (span_equals(word, SPAN("age"))) {
        tell_age(agent, file, answer);
    } else if (span_equals(word, SPAN("create"))) {
        create(agent, file, answer);
    } else if (span_equals(word, SPAN("read"))) {
        read_file(agent, file, answer);
    } else {
        say(answer, "another version of berth");
    }
}

void agent_cleanup(struct agent *agent)
{
    fd_cleanup(&agent->lock);
    agent->lock = -1;
    kill_child(agent);
}

int agent_serve(struct meet *meet, struct buf *verdict, struct err *err)
{
    CLEANUP(agent) struct agent agent = {.meet = meet, .lock = -1};
    CLEANUP(buf) struct buf answer = BUF_INIT(MEET_TEXT_MAX);

    for (;;) {
        if (meet_hear(meet, verdict, err) < 0)
            return -1;
        if (strncmp(buf_text(verdict), AGENT_END, strlen(AGENT_END)) == 0)
            return meet_say(meet, "bye", err);
        agent_do(&agent, buf_text(verdict), &answer);
        if (meet_say(meet, buf_text(&answer), err) < 0)
            return -1;
    }
}
