/* SPDX-License-Identifier: MIT */
/* A master and its workers. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "fcgi/http/fcgi_client.h"

static struct program program;

static void teardown(void)
{
    program_stop(&program);
}

TestSuite(pool, .fini = teardown, .timeout = 60);

static pid_t ask_pid(void)
{
    return atoi(client_ask(&program, "GET", "/pid", SPAN("")));
}

/* The children of the master, as the kernel sees them. */
static int count_workers(pid_t *pids, int most)
{
    char path[64];
    int count = 0;
    FILE *in;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)program.pid,
             (int)program.pid);
    in = fopen(path, "r");
    cr_assert_not_null(in);
    while (count < most && fscanf(in, "%d", &pids[count]) == 1)
        count++;
    fclose(in);
    return count;
}

static void wait_for_workers(int count)
{
    pid_t pids[16];
    int64_t end = clock_monotonic_ns() + 20 * CLOCK_NS_PER_SECOND;

    while (count_workers(pids, ARRAY_SIZE(pids)) != count) {
        cr_assert(clock_monotonic_ns() < end);
        clock_sleep_ms(5);
    }
}

Test(pool, workers_answer_and_the_master_does_not)
{
    program_start(&program, (const char *const[]){"-w", "3", NULL});
    wait_for_workers(3);
    for (int i = 0; i < 20; i++)
        cr_expect_neq(ask_pid(), program.pid);
}

Test(pool, a_killed_worker_is_replaced_and_told_of)
{
    pid_t before[3], after[3];
    char expected[64];

    program_start(&program, (const char *const[]){"-w", "3", NULL});
    wait_for_workers(3);
    count_workers(before, 3);
    kill(before[1], SIGKILL);
    snprintf(expected, sizeof(expected), "worker %d died of signal 9",
             (int)before[1]);
    while (strstr(program_log(&program), expected) == NULL)
        clock_sleep_ms(5);
    wait_for_workers(3);
    count_workers(after, 3);
    for (int i = 0; i < 3; i++)
        cr_expect_neq(after[i], before[1]);
    for (int i = 0; i < 20; i++)
        cr_expect_neq(ask_pid(), before[1]);
}

Test(pool, a_worker_that_dies_takes_only_its_request_with_it)
{
    struct client_answer answer;

    program_start(&program, (const char *const[]){"-w", "2", NULL});
    for (int i = 0; i < 3; i++) {
        int fd = client_connect(&program);

        client_head(fd, "GET", "/die", "0", NULL);
        client_end(fd);
        client_read(fd, &answer);
        cr_expect_not(answer.ended);
        buf_cleanup(&answer.text);
        cr_expect(ask_pid() > 0);
    }
    wait_for_workers(2);
}

/* A worker that dies at its start must not make the master spin. */
Test(pool, workers_that_die_young_are_replaced_slowly)
{
    struct client_answer answer;
    const char *text;
    int deaths = 0;

    program_start(&program, (const char *const[]){"-w", "1", NULL});
    wait_for_workers(1);
    for (int64_t end = clock_monotonic_ns() + 2 * CLOCK_NS_PER_SECOND;
         clock_monotonic_ns() < end;) {
        int fd = client_connect(&program);

        client_head(fd, "GET", "/die", "0", NULL);
        client_end(fd);
        client_read(fd, &answer);
        buf_cleanup(&answer.text);
    }
    text = program_log(&program);
    while ((text = strstr(text, "died of signal")) != NULL) {
        deaths++;
        text++;
    }
    cr_expect(deaths >= 2 && deaths <= 5, "%d deaths in 2 s", deaths);
}

Test(pool, a_stop_reaches_all_workers_and_waits_for_them)
{
    struct client_answer answer;
    int fd;

    program_start(&program, (const char *const[]){"-w", "4", NULL});
    fd = client_connect(&program);
    client_head(fd, "PUT", "/count", "2", NULL);
    client_body(fd, SPAN("1"));
    wait_for_workers(4);
    ask_pid();
    kill(program.pid, SIGTERM);
    wait_for_workers(1);
    client_body(fd, SPAN("2"));
    client_end(fd);
    client_read(fd, &answer);
    cr_expect(answer.ended);
    cr_expect(strstr(buf_text(&answer.text), "\r\n\r\n2"));
    buf_cleanup(&answer.text);
    cr_expect_eq(program_wait(&program), 0);
    cr_expect(client_connect(&program) < 0);
}

Test(pool, a_stop_right_at_the_start_is_not_lost)
{
    for (int i = 0; i < 20; i++) {
        program_start(&program, (const char *const[]){"-w", "4", NULL});
        ask_pid();
        kill(program.pid, SIGTERM);
        cr_expect_eq(program_wait(&program), 0);
        program_stop(&program);
    }
}

Test(pool, workers_end_when_their_master_is_gone)
{
    int64_t end = clock_monotonic_ns() + 20 * CLOCK_NS_PER_SECOND;
    int fd;

    program_start(&program, (const char *const[]){"-w", "3", NULL});
    wait_for_workers(3);
    ask_pid();
    kill(program.pid, SIGKILL);
    program_wait(&program);
    while ((fd = client_connect(&program)) >= 0) {
        close(fd);
        cr_assert(clock_monotonic_ns() < end, "somebody still listens");
        clock_sleep_ms(5);
    }
}

Test(pool, a_hangup_changes_nothing)
{
    program_start(&program, (const char *const[]){"-w", "2", NULL});
    wait_for_workers(2);
    kill(program.pid, SIGHUP);
    kill(ask_pid(), SIGHUP);
    wait_for_workers(2);
    cr_expect_not(strstr(program_log(&program), "worker"));
}

/* --- what is wrong at the start --- */

static void write_settings(const char *text)
{
    FILE *out = fopen(program.settings, "w");

    fputs(text, out);
    fclose(out);
}

Test(pool, a_wrong_settings_file_ends_the_program_with_its_line)
{
    char expected[128];

    program_start(&program, (const char *const[]){"-w", "2", NULL});
    kill(program.pid, SIGTERM);
    program_wait(&program);
    write_settings("root = /tmp\nreadonly = 1\n");
    program_restart(&program, (const char *const[]){"-w", "2", NULL});
    cr_expect_eq(program_wait(&program), 1);
    snprintf(expected, sizeof(expected),
             "echo: %s:2: readonly must be yes or no", program.settings);
    cr_expect(strstr(program_log(&program), expected), "%s",
              program_log(&program));
}

Test(pool, a_root_that_is_not_there_ends_the_program)
{
    program_start(&program, (const char *const[]){"-w", "2", NULL});
    kill(program.pid, SIGTERM);
    program_wait(&program);
    write_settings("root = /nowhere/at/all\n");
    program_restart(&program, (const char *const[]){"-w", "2", NULL});
    cr_expect_eq(program_wait(&program), 1);
    cr_expect(strstr(program_log(&program), "root = /nowhere/at/all: "), "%s",
              program_log(&program));
}

Test(pool, options_are_checked)
{
    static const char *const options[][3] = {
        {"-w", "0"},  {"-w", "x"},  {"-w", "257"},  {"-t", "0"},
        {"-t", "33"}, {"-x", NULL}, {"more", NULL}, {"-w", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        program_start(&program, options[i]);
        cr_expect_eq(program_wait(&program), 2, "%s", options[i][0]);
        cr_expect(strstr(program_log(&program), "usage: "));
        program_stop(&program);
    }
}
