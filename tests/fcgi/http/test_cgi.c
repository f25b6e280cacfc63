/* SPDX-License-Identifier: MIT */
/* The same program as plain CGI: one process, one request. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

static char directory[] = "/tmp/berth-cgi-XXXXXX";
static char settings[64], input[64], output[64];
static struct buf answer = BUF_INIT(4 << 20);

static void setup(void)
{
    FILE *out;

    cr_assert_not_null(mkdtemp(directory));
    snprintf(settings, sizeof(settings), "%s/berth.conf", directory);
    snprintf(input, sizeof(input), "%s/input", directory);
    snprintf(output, sizeof(output), "%s/output", directory);
    out = fopen(settings, "w");
    cr_assert_not_null(out);
    fputs("root = /tmp\nlog = errors\n", out);
    fclose(out);
    setenv("BERTH_CONFIG", settings, 1);
    setenv("BERTH_ROOT", directory, 1);
}

static void teardown(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf '%s'", directory);
    cr_expect_eq(system(command), 0);
    buf_cleanup(&answer);
}

TestSuite(cgi, .init = setup, .fini = teardown, .timeout = 60);

static void become(int out)
{
    dup2(open(input, O_RDONLY), 0);
    dup2(out, 1);
    execl(ECHO_PROGRAM, ECHO_PROGRAM, NULL);
    _exit(127);
}

static void read_answer(void)
{
    FILE *in = fopen(output, "r");
    size_t count = 1;

    cr_assert_not_null(in);
    buf_clear(&answer);
    while (count > 0) {
        char *room = buf_reserve(&answer, 65536);

        cr_assert_not_null(room);
        count = fread(room, 1, 65536, in);
        buf_grown(&answer, count);
    }
    fclose(in);
}

/* Runs the program with what is in the environment; its exit status. */
static int run_into(int out, struct span body)
{
    FILE *in = fopen(input, "w");
    int status;
    pid_t pid;

    cr_assert_not_null(in);
    fwrite(body.ptr, 1, body.len, in);
    fclose(in);
    pid = fork();
    if (pid == 0)
        become(out);
    close(out);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(struct span body)
{
    int status =
        run_into(open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600), body);

    read_answer();
    return status;
}

/* The same for a client that has gone. */
static int run_for_nobody(void)
{
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    return run_into(ends[1], SPAN(""));
}

/*
 * As Apache's mod_cgid does: one socket for body and answer. Its end in this
 * process; what the program says on standard error goes to `output`.
 */
static int run_on_socket(pid_t *pid)
{
    int ends[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    *pid = fork();
    if (*pid == 0) {
        dup2(ends[1], 0);
        dup2(ends[1], 1);
        dup2(open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
        execl(ECHO_PROGRAM, ECHO_PROGRAM, NULL);
        _exit(127);
    }
    close(ends[1]);
    return ends[0];
}

static bool answer_has(const char *text)
{
    return strstr(buf_text(&answer), text) != NULL;
}

Test(cgi, answers_the_request_of_the_environment)
{
    setenv("REQUEST_METHOD", "GET", 1);
    setenv("REQUEST_URI", "/much?n=100", 1);
    cr_expect_eq(run(SPAN("")), 0);
    cr_expect(strncmp(buf_text(&answer), "Status: 200 OK\r\n", 16) == 0);
    cr_expect(answer_has("Content-Length: 100\r\n"));
    cr_expect_eq(strlen(strstr(buf_text(&answer), "\r\n\r\n") + 4), 100);
}

Test(cgi, reads_a_body_of_the_announced_length_and_no_more)
{
    setenv("REQUEST_METHOD", "PUT", 1);
    setenv("REQUEST_URI", "/count", 1);
    setenv("CONTENT_LENGTH", "5", 1);
    cr_expect_eq(run(SPAN("1234567")), 0);
    cr_expect(answer_has("\r\n\r\n5"), "%s", buf_text(&answer));
}

Test(cgi, a_chunked_body_ends_with_the_input)
{
    setenv("REQUEST_METHOD", "PUT", 1);
    setenv("REQUEST_URI", "/count", 1);
    setenv("HTTP_TRANSFER_ENCODING", "chunked", 1);
    cr_expect_eq(run(SPAN("1234567")), 0);
    cr_expect(answer_has("\r\n\r\n7"), "%s", buf_text(&answer));
}

Test(cgi, a_body_that_breaks_off_is_not_a_short_body)
{
    setenv("REQUEST_METHOD", "PUT", 1);
    setenv("REQUEST_URI", "/count", 1);
    setenv("CONTENT_LENGTH", "5", 1);
    cr_expect_eq(run(SPAN("123")), 0);
    cr_expect(answer_has("Status: 400 "), "%s", buf_text(&answer));
}

Test(cgi, a_chunked_body_nobody_waits_for_the_end_of_broke_off)
{
    pid_t pid;
    int fd;

    setenv("REQUEST_METHOD", "PUT", 1);
    setenv("REQUEST_URI", "/count", 1);
    setenv("HTTP_TRANSFER_ENCODING", "chunked", 1);
    fd = run_on_socket(&pid);
    cr_assert_eq(write(fd, "1234567", 7), 7);
    close(fd);
    waitpid(pid, NULL, 0);
    read_answer();
    cr_expect(answer_has("body-incomplete"), "%s", buf_text(&answer));
}

/*
 * The client of a refused body may be slow, or never send the rest: the program
 * ends all the same, and the web server still has the answer.
 */
Test(cgi, an_answer_arrives_though_the_body_was_not_read)
{
    static char body[100000];
    char piece[4096];
    ssize_t count, total = 0;
    pid_t pid;
    int fd;

    setenv("REQUEST_METHOD", "PUT", 1);
    setenv("REQUEST_URI", "/refuse", 1);
    setenv("CONTENT_LENGTH", "100000000000", 1);
    signal(SIGPIPE, SIG_IGN);
    fd = run_on_socket(&pid);
    cr_assert_eq(write(fd, body, sizeof(body)), (ssize_t)sizeof(body));
    waitpid(pid, NULL, 0);
    cr_expect_eq(write(fd, body, 1), -1);
    cr_expect_eq(errno, EPIPE);
    while ((count = read(fd, piece, sizeof(piece))) > 0)
        total += count;
    cr_expect_eq(count, 0, "%m");
    cr_expect_gt(total, 0);
    close(fd);
}

/* The exit status of the program with two words. */
static int run_with_words(const char *first, const char *second)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
        execl(ECHO_PROGRAM, ECHO_PROGRAM, first, second, NULL);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    read_answer();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Each word of `GET /pid?-c+/nowhere` (RFC 3875, 4.4). */
Test(cgi, words_of_the_query_are_no_options)
{
    setenv("REQUEST_METHOD", "GET", 1);
    setenv("REQUEST_URI", "/pid?-c+/nowhere/berth.conf", 1);
    cr_expect_eq(run_with_words("-c", "/nowhere/berth.conf"), 0);
    cr_expect(answer_has("Status: 200 OK"), "%s", buf_text(&answer));
}

/* As systemd does before it starts the pool: there is no socket yet. */
Test(cgi, a_trial_needs_neither_socket_nor_request)
{
    unsetenv("REQUEST_METHOD");
    cr_expect_eq(run_with_words("-n", NULL), 0);
    cr_expect_eq(answer.len, 0);
    setenv("BERTH_ROOT", "/nowhere/at/all", 1);
    cr_expect_eq(run_with_words("-n", NULL), 1);
}

Test(cgi, an_answer_that_breaks_off_is_a_failed_exit)
{
    setenv("REQUEST_METHOD", "GET", 1);
    setenv("REQUEST_URI", "/break", 1);
    cr_expect_eq(run(SPAN("")), 1);
    cr_expect(answer_has("Content-Length: 1048576\r\n"));
    cr_expect_lt(answer.len, 600 * 1024);
}

Test(cgi, an_answer_nobody_takes_is_a_failed_exit)
{
    setenv("REQUEST_METHOD", "GET", 1);
    setenv("REQUEST_URI", "/much?n=100", 1);
    cr_expect_eq(run_for_nobody(), 1);
}

Test(cgi, sees_that_the_client_has_gone)
{
    char mark[80];
    int fd;

    snprintf(mark, sizeof(mark), "%s/mark", directory);
    fd = open(mark, O_WRONLY | O_CREAT, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
    setenv("REQUEST_METHOD", "GET", 1);
    setenv("REQUEST_URI", "/wait", 1);
    setenv("HTTP_MARK", mark, 1);
    run_for_nobody();
    cr_expect_neq(access(mark, F_OK), 0);
}

Test(cgi, a_wrong_settings_file_is_a_failed_exit)
{
    setenv("REQUEST_METHOD", "GET", 1);
    setenv("REQUEST_URI", "/pid", 1);
    setenv("BERTH_CONFIG", "/nowhere/berth.conf", 1);
    cr_expect_eq(run(SPAN("")), 1);
    cr_expect_eq(answer.len, 0);
}
