/* SPDX-License-Identifier: MIT */
/* One process of a FastCGI program: connections, threads, its end. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fcgi/http/fcgi_client.h"

static struct program program;
static struct client_answer answer;

static void start_one(void)
{
    program_start(&program, (const char *const[]){NULL});
}

static void teardown(void)
{
    program_stop(&program);
    buf_cleanup(&answer.text);
}

TestSuite(crew, .fini = teardown, .timeout = 60);

static bool answer_has(const char *text)
{
    return strstr(buf_text(&answer.text), text) != NULL;
}

Test(crew, a_shortage_of_descriptors_is_sat_out)
{
    struct rlimit limit = {12, 12};
    int fds[30];

    program_start(&program, (const char *const[]){"-t", "32", NULL});
    client_ask(&program, "GET", "/pid", SPAN(""));
    cr_assert_eq(prlimit(program.pid, RLIMIT_NOFILE, &limit, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = client_connect(&program);
        client_head(fds[i], "PUT", "/count", "5", NULL);
    }
    while (strstr(program_log(&program), "cannot accept: Too many open") ==
           NULL)
        clock_sleep_ms(5);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        client_body(fds[i], SPAN("12345"));
        client_end(fds[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        client_read(fds[i], &answer);
        cr_expect(answer_has("\r\n\r\n5"), "%zu", i);
        buf_cleanup(&answer.text);
    }
}

/* --- threads --- */

static int count_threads(void)
{
    char path[64], line[256];
    int threads = 0;
    FILE *in;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)program.pid);
    in = fopen(path, "r");
    cr_assert_not_null(in);
    while (fgets(line, sizeof(line), in) != NULL) {
        if (sscanf(line, "Threads: %d", &threads) == 1)
            break;
    }
    fclose(in);
    return threads;
}

static void begin_slow(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fds[i] = client_connect(&program);
        client_head(fds[i], "PUT", "/count", "5", NULL);
        client_body(fds[i], SPAN("12"));
    }
}

static void end_slow(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        client_body(fds[i], SPAN("345"));
        client_end(fds[i]);
    }
    for (size_t i = 0; i < count; i++) {
        client_read(fds[i], &answer);
        cr_expect(answer_has("\r\n\r\n5"), "%zu: %s", i,
                  buf_text(&answer.text));
        buf_cleanup(&answer.text);
    }
}

Test(crew, slow_bodies_do_not_hold_up_others)
{
    int fds[20];

    program_start(&program, (const char *const[]){"-t", "32", NULL});
    begin_slow(fds, ARRAY_SIZE(fds));
    for (int i = 0; i < 50; i++)
        client_ask(&program, "GET", "/pid", SPAN(""));
    end_slow(fds, ARRAY_SIZE(fds));
}

Test(crew, more_than_there_are_threads_wait_their_turn)
{
    int fds[40];

    program_start(&program, (const char *const[]){"-t", "8", NULL});
    begin_slow(fds, ARRAY_SIZE(fds));
    while (count_threads() < 8)
        clock_sleep_ms(5);
    cr_expect_eq(count_threads(), 8);
    end_slow(fds, ARRAY_SIZE(fds));
}

Test(crew, threads_that_have_nothing_to_do_end)
{
    int64_t end = clock_monotonic_ns() + 20 * CLOCK_NS_PER_SECOND;
    int fds[20];

    program_start(&program, (const char *const[]){"-t", "32", NULL});
    client_ask(&program, "GET", "/pid", SPAN(""));
    begin_slow(fds, ARRAY_SIZE(fds));
    while (count_threads() < 20)
        clock_sleep_ms(5);
    end_slow(fds, ARRAY_SIZE(fds));
    while (count_threads() > 3 && clock_monotonic_ns() < end)
        clock_sleep_ms(5);
    /* The first thread, one that leads, one that waits. */
    cr_expect_leq(count_threads(), 3);
}

/* The waiting thread has to take over, as no other may be started. */
Test(crew, an_idle_thread_takes_over_from_one_that_is_held)
{
    int fds[2];

    program_start(&program, (const char *const[]){"-t", "2", NULL});
    begin_slow(fds, 2);
    while (count_threads() < 2)
        clock_sleep_ms(5);
    end_slow(fds, 2);
    begin_slow(fds, 1);
    client_ask(&program, "GET", "/pid", SPAN(""));
    end_slow(fds, 1);
}

Test(crew, without_threads_there_is_one)
{
    int fd;

    start_one();
    client_ask(&program, "GET", "/pid", SPAN(""));
    fd = client_connect(&program);
    client_head(fd, "PUT", "/count", "5", NULL);
    cr_expect_eq(count_threads(), 1);
    close(fd);
}

/* --- the end --- */

Test(crew, an_idle_process_ends_at_once)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGUSR1};

    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        int64_t start;

        start_one();
        client_ask(&program, "GET", "/pid", SPAN(""));
        start = clock_monotonic_ns();
        kill(program.pid, signals[i]);
        cr_expect_eq(program_wait(&program), 0);
        cr_expect_lt(clock_monotonic_ns() - start, CLOCK_NS_PER_SECOND);
        program_stop(&program);
    }
}

Test(crew, a_hangup_changes_nothing)
{
    start_one();
    client_ask(&program, "GET", "/pid", SPAN(""));
    kill(program.pid, SIGHUP);
    cr_expect_eq(atoi(client_ask(&program, "GET", "/pid", SPAN(""))),
                 program.pid);
}

Test(crew, a_stop_in_the_middle_of_requests_lets_them_finish)
{
    int fds[10];

    program_start(&program, (const char *const[]){"-t", "32", NULL});
    begin_slow(fds, ARRAY_SIZE(fds));
    client_ask(&program, "GET", "/pid", SPAN(""));
    kill(program.pid, SIGTERM);
    kill(program.pid, SIGTERM);
    while (client_connect(&program) >= 0 && count_threads() > 11)
        clock_sleep_ms(5);
    end_slow(fds, ARRAY_SIZE(fds));
    cr_expect_eq(program_wait(&program), 0);
}

Test(crew, a_stop_empties_the_backlog_first)
{
    int slow, fds[50];

    start_one();
    client_ask(&program, "GET", "/pid", SPAN(""));
    begin_slow(&slow, 1);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = client_connect(&program);
        client_head(fds[i], "PUT", "/count", "1", NULL);
        client_body(fds[i], SPAN("x"));
        client_end(fds[i]);
    }
    kill(program.pid, SIGTERM);
    end_slow(&slow, 1);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        client_read(fds[i], &answer);
        cr_expect(answer_has("\r\n\r\n1"), "%zu", i);
        buf_cleanup(&answer.text);
    }
    cr_expect_eq(program_wait(&program), 0);
}

static void ask_for_ever(void)
{
    char waste[256];
    int fd;

    while ((fd = client_connect(&program)) >= 0) {
        client_head(fd, "GET", "/nap", "0", NULL);
        client_end(fd);
        while (read(fd, waste, sizeof(waste)) > 0)
            continue;
        close(fd);
    }
    _exit(0);
}

/* Eight clients and one process that naps: the backlog is never empty. */
Test(crew, a_stop_is_heard_while_connections_keep_coming)
{
    pid_t clients[8];

    start_one();
    client_ask(&program, "GET", "/pid", SPAN(""));
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
        clients[i] = fork();
        if (clients[i] == 0)
            ask_for_ever();
    }
    clock_sleep_ms(200);
    kill(program.pid, SIGTERM);
    cr_expect_eq(program_wait(&program), 0);
    for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
        waitpid(clients[i], NULL, 0);
}
