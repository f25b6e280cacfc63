/* SPDX-License-Identifier: MIT */
/* A master and its workers. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
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

/* systemd does that to a socket that is standard input, at each reload. */
static void make_socket_blocking(void)
{
    int pidfd = pidfd_open(program.pid, 0);
    int listener = pidfd_getfd(pidfd, 0, 0);

    cr_assert(listener >= 0);
    fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) & ~O_NONBLOCK);
    close(listener);
    close(pidfd);
}

Test(pool, a_stop_reaches_workers_whose_socket_blocks)
{
    pid_t pids[4];
    int left;

    program_start(&program, (const char *const[]){"-w", "4", NULL});
    wait_for_workers(4);
    ask_pid();
    make_socket_blocking();
    kill(program.pid, SIGTERM);
    for (int64_t end = clock_monotonic_ns() + 10 * CLOCK_NS_PER_SECOND;
         count_workers(pids, 4) > 0 && clock_monotonic_ns() < end;)
        clock_sleep_ms(5);
    left = count_workers(pids, 4);
    cr_expect_eq(left, 0, "%d workers wait for a connection", left);
    for (int i = 0; i < left; i++)
        close(client_connect(&program));
    cr_expect_eq(program_wait(&program), 0);
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

/* --- a hangup --- */

static void wait_for_log(const char *text)
{
    int64_t end = clock_monotonic_ns() + 20 * CLOCK_NS_PER_SECOND;

    while (strstr(program_log(&program), text) == NULL) {
        cr_assert(clock_monotonic_ns() < end, "%s", program_log(&program));
        clock_sleep_ms(5);
    }
}

/* Begins a request that one worker holds until end_upload(). */
static int begin_upload(void)
{
    int fd = client_connect(&program);

    client_head(fd, "PUT", "/count", "2", NULL);
    client_body(fd, SPAN("1"));
    return fd;
}

static void end_upload(int fd)
{
    struct client_answer answer;

    client_body(fd, SPAN("2"));
    client_end(fd);
    client_read(fd, &answer);
    cr_expect(answer.ended);
    cr_expect(strstr(buf_text(&answer.text), "\r\n\r\n2"));
    buf_cleanup(&answer.text);
}

static bool is_one_of(pid_t pid, const pid_t *pids, int count)
{
    while (count > 0) {
        if (pids[--count] == pid)
            return true;
    }
    return false;
}

/* Asks until somebody else than the workers there were answers. */
static void wait_for_successors(const pid_t *old, int count)
{
    int64_t end = clock_monotonic_ns() + 20 * CLOCK_NS_PER_SECOND;

    while (is_one_of(ask_pid(), old, count)) {
        cr_assert(clock_monotonic_ns() < end, "%s", program_log(&program));
        clock_sleep_ms(5);
    }
}

static void start_pool_of_two(pid_t *workers)
{
    program_start(&program, (const char *const[]){"-w", "2", NULL});
    wait_for_workers(2);
    count_workers(workers, 2);
}

Test(pool, a_hangup_replaces_the_workers_and_cuts_no_request)
{
    pid_t old[2];
    int fd;

    start_pool_of_two(old);
    fd = begin_upload();
    ask_pid();
    kill(program.pid, SIGHUP);
    wait_for_successors(old, 2);
    /* The one that is busy, and two new ones; none is left as a zombie. */
    wait_for_workers(3);
    end_upload(fd);
    wait_for_workers(2);
    cr_expect(strstr(program_log(&program), "reloading"));
    cr_expect_not(strstr(program_log(&program), "worker"));
}

Test(pool, requests_are_answered_while_hangups_come_thick_and_fast)
{
    pid_t old[2];

    start_pool_of_two(old);
    for (int i = 0; i < 200; i++) {
        kill(program.pid, SIGHUP);
        cr_expect(ask_pid() > 0);
    }
    wait_for_successors(old, 2);
    wait_for_workers(2);
    cr_expect_not(strstr(program_log(&program), "worker"));
    kill(program.pid, SIGTERM);
    cr_expect_eq(program_wait(&program), 0);
}

Test(pool, a_hangup_takes_the_program_that_is_there_by_now)
{
    char link[64], target[256];
    pid_t old[2];
    ssize_t len;

    start_pool_of_two(old);
    snprintf(target, sizeof(target), "cp %s %s/other", ECHO_PROGRAM,
             program.directory);
    cr_assert_eq(system(target), 0);
    program_link(&program, "other");
    kill(program.pid, SIGHUP);
    wait_for_successors(old, 2);
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)program.pid);
    len = readlink(link, target, sizeof(target) - 1);
    cr_assert(len > 0);
    target[len] = '\0';
    cr_expect_str_eq(strrchr(target, '/'), "/other");
}

/* Nothing has changed, and a hangup after the repair is obeyed. */
static void check_pool_goes_on(const pid_t *old)
{
    pid_t now[2];

    wait_for_log("not reloaded: the new program cannot start");
    wait_for_workers(2);
    count_workers(now, 2);
    cr_expect_eq(now[0], old[0]);
    cr_expect_eq(now[1], old[1]);
    cr_expect(is_one_of(ask_pid(), old, 2));
}

Test(pool, a_hangup_with_wrong_settings_changes_nothing)
{
    char settings[128];
    pid_t old[2];
    int fd;

    start_pool_of_two(old);
    fd = begin_upload();
    program_set(&program, "root = /nowhere/at/all\n");
    kill(program.pid, SIGHUP);
    check_pool_goes_on(old);
    wait_for_log("root = /nowhere/at/all: ");
    end_upload(fd);
    snprintf(settings, sizeof(settings), "root = %s\n", program.directory);
    program_set(&program, settings);
    kill(program.pid, SIGHUP);
    wait_for_successors(old, 2);
}

Test(pool, a_hangup_with_a_program_that_cannot_run_changes_nothing)
{
    pid_t old[2];

    start_pool_of_two(old);
    program_link(&program, "/nonexistent");
    kill(program.pid, SIGHUP);
    check_pool_goes_on(old);
    wait_for_log("No such file");
    program_link(&program, ECHO_PROGRAM);
    kill(program.pid, SIGHUP);
    wait_for_successors(old, 2);
}

static void write_script(const char *name, const char *text)
{
    char path[80];
    FILE *script;

    snprintf(path, sizeof(path), "%s/%s", program.directory, name);
    script = fopen(path, "w");
    cr_assert_not_null(script);
    fprintf(script, "#!/bin/sh\n%s\n", text);
    fclose(script);
    chmod(path, 0755);
}

/* Its workers are dismissed by then. */
Test(pool, a_program_that_is_gone_after_its_trial_is_not_missed)
{
    pid_t old[2], now[2];

    start_pool_of_two(old);
    write_script("goes", "rm -- \"$0\"");
    program_link(&program, "goes");
    kill(program.pid, SIGHUP);
    wait_for_log("No such file");
    wait_for_successors(old, 2);
    wait_for_workers(2);
    count_workers(now, 2);
    program_link(&program, ECHO_PROGRAM);
    kill(program.pid, SIGHUP);
    wait_for_successors(now, 2);
    wait_for_workers(2);
    kill(program.pid, SIGTERM);
    cr_expect_eq(program_wait(&program), 0);
}

/* Each would take a descriptor away for good. */
Test(pool, hangups_leave_no_descriptor_open)
{
    int before, after;
    pid_t old[2];

    start_pool_of_two(old);
    before = program_descriptors(&program);
    for (int i = 0; i < 3; i++) {
        count_workers(old, 2);
        kill(program.pid, SIGHUP);
        wait_for_successors(old, 2);
        wait_for_workers(2);
    }
    after = program_descriptors(&program);
    cr_expect_eq(before, after, "%d, then %d", before, after);
}

/* As a shell does after `trap '' CHLD`. */
Test(pool, deaths_are_noticed_where_they_were_ignored)
{
    pid_t old[2];

    signal(SIGCHLD, SIG_IGN);
    program_start(&program, (const char *const[]){"-w", "2", NULL});
    signal(SIGCHLD, SIG_DFL);
    wait_for_workers(2);
    count_workers(old, 2);
    ask_pid();
    kill(program.pid, SIGHUP);
    wait_for_successors(old, 2);
    wait_for_workers(2);
}

Test(pool, a_stop_waits_for_the_workers_from_before_a_hangup)
{
    pid_t old[2];
    int fd;

    start_pool_of_two(old);
    fd = begin_upload();
    ask_pid();
    kill(program.pid, SIGHUP);
    wait_for_successors(old, 2);
    wait_for_workers(3);
    kill(program.pid, SIGTERM);
    wait_for_workers(1);
    end_upload(fd);
    cr_expect_eq(program_wait(&program), 0);
}

Test(pool, a_stop_ends_a_trial_that_hangs)
{
    pid_t old[2];

    start_pool_of_two(old);
    write_script("hangs", "exec sleep 1000");
    program_link(&program, "hangs");
    kill(program.pid, SIGHUP);
    wait_for_workers(3);
    cr_expect(is_one_of(ask_pid(), old, 2));
    kill(program.pid, SIGTERM);
    cr_expect_eq(program_wait(&program), 0);
}

Test(pool, a_hangup_to_a_worker_changes_nothing)
{
    pid_t old[2];

    start_pool_of_two(old);
    kill(old[0], SIGHUP);
    kill(old[1], SIGHUP);
    cr_expect(is_one_of(ask_pid(), old, 2));
    wait_for_workers(2);
    cr_expect_not(strstr(program_log(&program), "worker"));
}

Test(pool, a_trial_says_whether_the_program_could_start)
{
    program_start(&program, (const char *const[]){"-n", "-w", "2", NULL});
    cr_expect_eq(program_wait(&program), 0);
    program_set(&program, "root = /nowhere/at/all\n");
    program_restart(&program, (const char *const[]){"-n", "-w", "2", NULL});
    cr_expect_eq(program_wait(&program), 1);
    cr_expect(strstr(program_log(&program), "root = /nowhere/at/all: "));
}

/* --- what is wrong at the start --- */

Test(pool, a_wrong_settings_file_ends_the_program_with_its_line)
{
    char expected[128];

    program_start(&program, (const char *const[]){"-w", "2", NULL});
    kill(program.pid, SIGTERM);
    program_wait(&program);
    program_set(&program, "root = /tmp\nreadonly = 1\n");
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
    program_set(&program, "root = /nowhere/at/all\n");
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
