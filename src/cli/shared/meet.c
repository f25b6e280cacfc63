/* SPDX-License-Identifier: MIT */
#include "cli/shared/meet.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/num.h"

#define HELLO "hello-"
#define POLL_MS 10
/* How long the other may need for a step: caches of a minute included. */
#define HEAR_NS (90 * CLOCK_NS_PER_SECOND)

struct meet_name meet_name(const struct meet *meet, const char *what)
{
    struct meet_name name;

    snprintf(name.text, sizeof(name.text), "%s%s", meet->session, what);
    return name;
}

/* Durable as the registry writes: a file system without fsync fails here. */
static int write_file(const struct meet *meet, const char *name,
                      const char *text, struct err *err)
{
    CLEANUP(fd)
    int fd = openat(meet->place, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0640);

    if (fd < 0)
        return err_set_errno(err, errno, "create %s", name);
    if (fd_write_at(fd, 0, span_of(text), err) < 0)
        return -1;
    return fsync(fd) == 0 ? 0 : err_set_errno(err, errno, "fsync %s", name);
}

int meet_write(const struct meet *meet, const char *name, const char *text,
               struct err *err)
{
    char aside[MEET_ID_MAX + 4];

    snprintf(aside, sizeof(aside), "%s.tmp", meet->id);
    if (write_file(meet, aside, text, err) < 0)
        return -1;
    if (renameat(meet->place, aside, meet->place, name) < 0)
        return err_set_errno(err, errno, "rename to %s", name);
    return 0;
}

int meet_read(const struct meet *meet, const char *name, struct buf *text,
              struct err *err)
{
    CLEANUP(fd) int fd = openat(meet->place, name, O_RDONLY | O_CLOEXEC);

    buf_clear(text);
    if (fd < 0)
        return errno == ENOENT || errno == ESTALE
                   ? 0
                   : err_set_errno(err, errno, "open %s", name);
    return fd_read_all(fd, text, err);
}

/* --- meeting --- */

/* "ID PEER BEAT HOST"; the beat shows that its writer lives. */
struct hello {
    char peer[MEET_ID_MAX];
    char host[256];
    uint64_t beat;
};

static int write_hello(struct meet *meet, unsigned int beat, struct err *err)
{
    char name[sizeof(HELLO) + MEET_ID_MAX], text[MEET_TEXT_MAX], host[256];

    if (gethostname(host, sizeof(host)) < 0)
        return err_set_errno(err, errno, "gethostname");
    host[sizeof(host) - 1] = '\0';
    snprintf(name, sizeof(name), HELLO "%s", meet->id);
    snprintf(text, sizeof(text), "%s %u %s",
             meet->peer[0] != '\0' ? meet->peer : "-", beat, host);
    return meet_write(meet, name, text, err);
}

static bool read_hello(const struct meet *meet, const char *id,
                       struct hello *out)
{
    CLEANUP(buf) struct buf text = BUF_INIT(MEET_TEXT_MAX);
    char name[sizeof(HELLO) + MEET_ID_MAX];
    struct err ignored = {0};
    struct span host, peer, beat;

    snprintf(name, sizeof(name), HELLO "%s", id);
    if (meet_read(meet, name, &text, &ignored) < 0)
        return false;
    host = buf_span(&text);
    peer = span_cut(&host, ' ');
    beat = span_cut(&host, ' ');
    host = span_cut(&host, '\n');
    snprintf(out->peer, sizeof(out->peer), "%.*s", SPAN_ARGS(peer));
    snprintf(out->host, sizeof(out->host), "%.*s", SPAN_ARGS(host));
    return host.len > 0 && num_parse(beat, UINT64_MAX, &out->beat) == 0;
}

/* The first other one who calls, if any; one that was killed calls for ever. */
static bool find_other(const struct meet *meet, char id[MEET_ID_MAX])
{
    CLEANUP(dir) DIR *dir = dir_open(meet->place, ".");
    const struct dirent *entry;

    while (dir != NULL && (entry = dir_next(dir)) != NULL) {
        const char *other = entry->d_name + strlen(HELLO);

        if (strncmp(entry->d_name, HELLO, strlen(HELLO)) == 0 &&
            strlen(other) == MEET_ID_MAX - 1 && strcmp(other, meet->id) != 0) {
            struct hello before, now;

            if (!read_hello(meet, other, &before) ||
                (before.peer[0] != '-' && strcmp(before.peer, meet->id) != 0))
                continue;
            for (int i = 0; i < 100; i++) {
                clock_sleep_ms(POLL_MS);
                if (read_hello(meet, other, &now) && now.beat != before.beat) {
                    snprintf(id, MEET_ID_MAX, "%s", other);
                    return true;
                }
            }
        }
    }
    return false;
}

static void settle(struct meet *meet, const struct hello *hello)
{
    meet->leads = strcmp(meet->id, meet->peer) < 0;
    snprintf(meet->host, sizeof(meet->host), "%s", hello->host);
    snprintf(meet->session, sizeof(meet->session), "%.8s%.8s-",
             meet->leads ? meet->id : meet->peer,
             meet->leads ? meet->peer : meet->id);
}

static int wait_for_other(struct meet *meet, uint64_t seconds, struct err *err)
{
    int64_t end_ns =
        clock_monotonic_ns() + (int64_t)seconds * CLOCK_NS_PER_SECOND;
    struct hello hello;

    for (unsigned int beat = 1; clock_monotonic_ns() < end_ns; beat++) {
        if (write_hello(meet, beat, err) < 0)
            return -1;
        if (meet->peer[0] != '\0' && read_hello(meet, meet->peer, &hello) &&
            strcmp(hello.peer, meet->id) == 0) {
            settle(meet, &hello);
            return write_hello(meet, beat + 1, err);
        }
        if (meet->peer[0] == '\0' && !find_other(meet, meet->peer))
            meet->peer[0] = '\0';
        clock_sleep_ms(POLL_MS);
    }
    return err_set(err, ERR_BUSY, "nobody else came");
}

int meet_begin(const char *directory, uint64_t seconds, struct meet *meet,
               struct err *err)
{
    uint64_t random;

    *meet = (struct meet){.place = -1};
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return err_set_errno(err, errno, "getrandom");
    snprintf(meet->id, sizeof(meet->id), "%016" PRIx64, random);
    if (mkdir(directory, 0750) < 0 && errno != EEXIST)
        return err_set_errno(err, errno, "mkdir %s", directory);
    meet->place = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (meet->place < 0)
        return err_set_errno(err, errno, "open %s", directory);
    return wait_for_other(meet, seconds, err);
}

/* What both have written: the last one finds nothing more. */
void meet_end(struct meet *meet)
{
    CLEANUP(dir) DIR *dir = NULL;
    const struct dirent *entry;

    if (meet->place < 0)
        return;
    dir = dir_open(meet->place, ".");
    while (dir != NULL && (entry = dir_next(dir)) != NULL)
        if (strstr(entry->d_name, meet->id) != NULL)
            unlinkat(meet->place, entry->d_name, 0);
    if (dir != NULL && meet->leads) {
        rewinddir(dir);
        while ((entry = dir_next(dir)) != NULL)
            if (strncmp(entry->d_name, meet->session, strlen(meet->session)) ==
                0)
                unlinkat(meet->place, entry->d_name, 0);
    }
    close(meet->place);
    meet->place = -1;
}

/* --- talking --- */

static struct meet_name message(const struct meet *meet, bool is_leaders)
{
    char what[32];

    snprintf(what, sizeof(what), "%c%u", is_leaders ? 'l' : 'f', meet->number);
    return meet_name(meet, what);
}

/* Numbers grow with what the leader says. */
int meet_say(struct meet *meet, const char *text, struct err *err)
{
    if (meet->leads)
        meet->number++;
    return meet_write(meet, message(meet, meet->leads).text, text, err);
}

int meet_hear(struct meet *meet, struct buf *text, struct err *err)
{
    int64_t end_ns = clock_monotonic_ns() + HEAR_NS;

    if (!meet->leads)
        meet->number++;
    do {
        if (meet_read(meet, message(meet, !meet->leads).text, text, err) < 0)
            return -1;
        if (text->len > 0)
            return 0;
        clock_sleep_ms(POLL_MS);
    } while (clock_monotonic_ns() < end_ns);
    return err_set(err, ERR_BUSY, "%s: the other is silent",
                   message(meet, !meet->leads).text);
}
