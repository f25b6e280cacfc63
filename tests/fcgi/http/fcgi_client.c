/* SPDX-License-Identifier: MIT */
#include "fcgi/http/fcgi_client.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define DEADLINE_MS 20000

enum record {
    RECORD_BEGIN = 1,
    RECORD_END = 3,
    RECORD_PARAMETERS = 4,
    RECORD_STDIN = 5,
    RECORD_STDOUT = 6,
};

static int listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1024), 0);
    return fd;
}

static void become(const struct program *program, const char *const *arguments,
                   int listener)
{
    const char *argv[16] = {program->path, "-c", program->settings};
    int log = open(program->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    for (int i = 0; arguments[i] != NULL; i++)
        argv[i + 3] = arguments[i];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(listener, 0);
    dup2(log, 2);
    execv(program->path, (char *const *)(uintptr_t)argv);
    _exit(127);
}

void program_set(const struct program *program, const char *settings)
{
    FILE *out = fopen(program->settings, "w");

    cr_assert_not_null(out);
    fputs(settings, out);
    fclose(out);
}

void program_link(const struct program *program, const char *target)
{
    unlink(program->path);
    cr_assert_eq(symlink(target, program->path), 0);
}

void program_start(struct program *program, const char *const *arguments)
{
    char settings[80];

    *program = (struct program){.directory = "/tmp/berth-fcgi-XXXXXX"};
    cr_assert_not_null(mkdtemp(program->directory));
    snprintf(program->path, sizeof(program->path), "%s/echo",
             program->directory);
    snprintf(program->socket, sizeof(program->socket), "%s/socket",
             program->directory);
    snprintf(program->settings, sizeof(program->settings), "%s/berth.conf",
             program->directory);
    snprintf(program->log, sizeof(program->log), "%s/log", program->directory);
    snprintf(settings, sizeof(settings), "root = %s\n", program->directory);
    program_set(program, settings);
    program_link(program, ECHO_PROGRAM);
    program_restart(program, arguments);
}

void program_restart(struct program *program, const char *const *arguments)
{
    int listener;

    unlink(program->socket);
    listener = listen_on(program->socket);
    program->pid = fork();
    if (program->pid == 0)
        become(program, arguments, listener);
    close(listener);
}

int program_wait(struct program *program)
{
    int64_t end = clock_monotonic_ns() + DEADLINE_MS * INT64_C(1000000);
    int status;

    while (waitpid(program->pid, &status, WNOHANG) == 0) {
        cr_assert(clock_monotonic_ns() < end, "the program does not end");
        clock_sleep_ms(5);
    }
    program->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *place)
{
    (void)st;
    (void)type;
    (void)place;
    return remove(path);
}

void program_stop(struct program *program)
{
    if (program->pid > 0) {
        kill(program->pid, SIGTERM);
        program_wait(program);
    }
    nftw(program->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

int program_descriptors(const struct program *program)
{
    char path[64];
    int count = 0;
    DIR *directory;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)program->pid);
    directory = opendir(path);
    cr_assert_not_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

const char *program_log(const struct program *program)
{
    static char text[256 * 1024];
    FILE *in = fopen(program->log, "r");
    size_t len = 0;

    if (in != NULL) {
        len = fread(text, 1, sizeof(text) - 1, in);
        fclose(in);
    }
    text[len] = '\0';
    return text;
}

int client_connect(const struct program *program)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", program->socket);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool send_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t count = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);

        if (count <= 0)
            return false;
        bytes = span_from(bytes, (size_t)count);
    }
    return true;
}

static bool send_record(int fd, enum record type, struct span content)
{
    char header[8] = {
        1, (char)type, 0, 1, (char)(content.len >> 8), (char)content.len, 0, 0};

    return send_all(fd, (struct span){header, sizeof(header)}) &&
           send_all(fd, content);
}

static void add_parameter(struct buf *into, const char *name, const char *value)
{
    uint32_t length = (uint32_t)strlen(value);

    buf_add_char(into, (char)strlen(name));
    buf_add_char(into, (char)(length >> 24 | 0x80));
    buf_add_char(into, (char)(length >> 16));
    buf_add_char(into, (char)(length >> 8));
    buf_add_char(into, (char)length);
    buf_add(into, span_of(name));
    buf_add(into, span_of(value));
}

void client_head(int fd, const char *method, const char *target,
                 const char *length, const char *extra)
{
    CLEANUP(buf) struct buf parameters = BUF_INIT(60000);

    add_parameter(&parameters, "REQUEST_METHOD", method);
    add_parameter(&parameters, "REQUEST_URI", target);
    if (length != NULL)
        add_parameter(&parameters, "CONTENT_LENGTH", length);
    else
        add_parameter(&parameters, "HTTP_TRANSFER_ENCODING", "chunked");
    if (extra != NULL)
        add_parameter(&parameters, "HTTP_MARK", extra);
    send_record(fd, RECORD_BEGIN, (struct span){"\0\1\0\0\0\0\0\0", 8});
    send_record(fd, RECORD_PARAMETERS, buf_span(&parameters));
    send_record(fd, RECORD_PARAMETERS, SPAN(""));
}

bool client_body(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        size_t len = bytes.len < 32768 ? bytes.len : 32768;

        if (!send_record(fd, RECORD_STDIN, span_first(bytes, len)))
            return false;
        bytes = span_from(bytes, len);
    }
    return true;
}

void client_end(int fd)
{
    send_record(fd, RECORD_STDIN, SPAN(""));
}

static void split_records(struct span raw, struct client_answer *answer)
{
    while (raw.len >= 8) {
        const unsigned char *h = (const unsigned char *)raw.ptr;
        size_t len = (size_t)(h[4] << 8 | h[5]), padding = h[6];

        if (raw.len < 8 + len)
            break;
        if (h[1] == RECORD_STDOUT)
            buf_add(&answer->text, (struct span){raw.ptr + 8, len});
        answer->ended = answer->ended || h[1] == RECORD_END;
        raw = raw.len < 8 + len + padding ? (struct span){NULL, 0}
                                          : span_from(raw, 8 + len + padding);
    }
}

void client_read(int fd, struct client_answer *answer)
{
    CLEANUP(buf) struct buf raw = BUF_INIT(64 << 20);
    struct pollfd peer = {.fd = fd, .events = POLLIN};
    ssize_t count = 1;

    *answer = (struct client_answer){.text = BUF_INIT(64 << 20)};
    while (count > 0) {
        char *room = buf_reserve(&raw, 65536);

        cr_assert_eq(poll(&peer, 1, DEADLINE_MS), 1, "no answer in time");
        count = read(fd, room, 65536);
        if (count > 0)
            buf_grown(&raw, (size_t)count);
    }
    close(fd);
    split_records(buf_span(&raw), answer);
}

const char *client_ask(const struct program *program, const char *method,
                       const char *target, struct span body)
{
    static struct client_answer answer;
    const char *text;
    char length[32];
    int fd = client_connect(program);

    cr_assert(fd >= 0, "cannot connect");
    snprintf(length, sizeof(length), "%zu", body.len);
    client_head(fd, method, target, length, NULL);
    client_body(fd, body);
    client_end(fd);
    buf_cleanup(&answer.text);
    client_read(fd, &answer);
    cr_assert(answer.ended, "%s %s has no end: %s", method, target,
              buf_text(&answer.text));
    text = strstr(buf_text(&answer.text), "\r\n\r\n");
    cr_assert_not_null(text);
    return text + 4;
}
