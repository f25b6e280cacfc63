/* SPDX-License-Identifier: MIT */
/* One request of a FastCGI program: parameters, body, answer. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "fcgi/http/fcgi_client.h"

static struct program program;
static struct client_answer answer;
static char piece[1 << 20];

static void start_one(void)
{
    program_start(&program, (const char *const[]){NULL});
}

static void teardown(void)
{
    program_stop(&program);
    buf_cleanup(&answer.text);
}

TestSuite(fastcgi, .fini = teardown, .timeout = 60);

static bool answer_has(const char *text)
{
    return strstr(buf_text(&answer.text), text) != NULL;
}

/* --- bodies --- */

Test(fastcgi, a_body_arrives_whole)
{
    static const size_t sizes[] = {0, 1, 8191, 8192, 8193, sizeof(piece)};
    char expected[32];

    start_one();
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        snprintf(expected, sizeof(expected), "%zu", sizes[i]);
        cr_expect_str_eq(client_ask(&program, "PUT", "/count",
                                    (struct span){piece, sizes[i]}),
                         expected);
    }
}

Test(fastcgi, a_chunked_body_needs_no_length)
{
    int fd;

    start_one();
    fd = client_connect(&program);
    client_head(fd, "PUT", "/count", NULL, NULL);
    client_body(fd, SPAN("12345"));
    client_end(fd);
    client_read(fd, &answer);
    cr_expect(answer_has("\r\n\r\n5"));
}

/* A streamed body over HTTP/2, whose first byte takes longer than 5 s. */
Test(fastcgi, a_body_without_length_and_coding_may_begin_late)
{
    int fd;

    start_one();
    fd = client_connect(&program);
    client_head(fd, "PUT", "/count", "", NULL);
    clock_sleep_ms(6000);
    client_body(fd, SPAN("12345"));
    client_end(fd);
    client_read(fd, &answer);
    cr_expect(answer_has("\r\n\r\n5"), "%s", buf_text(&answer.text));
}

/* What a web server does whose client went away: it just closes. */
Test(fastcgi, a_body_that_breaks_off_is_not_a_short_body)
{
    static const char *const lengths[] = {"10", NULL};

    start_one();
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        int fd = client_connect(&program);

        client_head(fd, "PUT", "/count", lengths[i], NULL);
        client_body(fd, SPAN("12345"));
        shutdown(fd, SHUT_WR);
        client_read(fd, &answer);
        cr_expect(answer_has("Status: 400 "), "%s", buf_text(&answer.text));
        cr_expect(answer_has("\"SIZE_INVALID\""));
        cr_expect(strstr(program_log(&program), "error=body-incomplete"));
        buf_cleanup(&answer.text);
    }
}

Test(fastcgi, a_body_of_another_length_than_announced_is_refused)
{
    static const char *const lengths[] = {"4", "6"};

    start_one();
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        int fd = client_connect(&program);

        client_head(fd, "PUT", "/count", lengths[i], NULL);
        client_body(fd, SPAN("12345"));
        client_end(fd);
        client_read(fd, &answer);
        cr_expect(answer_has("Status: 400 "), "%s", lengths[i]);
        buf_cleanup(&answer.text);
    }
}

Test(fastcgi, a_refused_body_does_not_hide_the_answer)
{
    int fd;

    start_one();
    fd = client_connect(&program);
    client_head(fd, "PUT", "/refuse", "16777216", NULL);
    for (int i = 0; i < 16; i++)
        cr_assert(client_body(fd, (struct span){piece, sizeof(piece)}),
                  "a web server would report a broken connection");
    client_end(fd);
    client_read(fd, &answer);
    cr_expect(answer_has("Status: 400 "));
    cr_expect(answer.ended);
}

/* --- answers --- */

Test(fastcgi, an_answer_of_any_size_arrives_whole)
{
    static const unsigned sizes[] = {0,     1,      7000,   7999,   8000,
                                     8001,  8192,   65527,  65528,  65529,
                                     65536, 131072, 262112, 262113, 1000000};
    char target[64];

    start_one();
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        const char *text;
        bool right = true;

        snprintf(target, sizeof(target), "/much?n=%u", sizes[i]);
        text = client_ask(&program, "GET", target, SPAN(""));
        cr_expect_eq(strlen(text), sizes[i]);
        for (unsigned k = 0; k < sizes[i]; k++)
            right = right && text[k] == (char)('a' + (sizes[i] - k) % 26);
        cr_expect(right, "%u bytes", sizes[i]);
    }
}

Test(fastcgi, an_answer_that_breaks_off_has_no_end)
{
    int fd;

    start_one();
    fd = client_connect(&program);
    client_head(fd, "GET", "/break", "0", NULL);
    client_end(fd);
    client_read(fd, &answer);
    cr_expect_not(answer.ended);
    cr_expect(answer_has("Content-Length: 1048576\r\n"));
    cr_expect_lt(answer.text.len, 600 * 1024);
    cr_expect_str_neq(client_ask(&program, "GET", "/pid", SPAN("")), "");
}

Test(fastcgi, a_reader_who_leaves_in_the_middle_ends_only_his_request)
{
    start_one();
    for (int i = 0; i < 20; i++) {
        int fd = client_connect(&program);

        client_head(fd, "GET", "/much?n=1000000", "0", NULL);
        client_end(fd);
        cr_assert(read(fd, piece, 100) > 0);
        close(fd);
    }
    cr_expect_eq(atoi(client_ask(&program, "GET", "/pid", SPAN(""))),
                 program.pid);
    cr_expect(strstr(program_log(&program), "<4>"), "a warning");
    cr_expect_not(strstr(program_log(&program), "<3>"), "no error");
}

Test(fastcgi, a_handler_can_see_that_its_client_has_gone)
{
    int64_t end = clock_monotonic_ns() + 20 * CLOCK_NS_PER_SECOND;
    char mark[128];
    int fd;

    start_one();
    snprintf(mark, sizeof(mark), "%s/mark", program.directory);
    close(open(mark, O_CREAT | O_WRONLY, 0600));
    fd = client_connect(&program);
    client_head(fd, "GET", "/wait", "0", mark);
    client_end(fd);
    close(fd);
    while (access(mark, F_OK) == 0 && clock_monotonic_ns() < end)
        clock_sleep_ms(5);
    cr_expect(access(mark, F_OK) < 0);
}

/* --- what is no request --- */

static void send_garbage(int fd, int kind)
{
    static const char version_two[16] = {2, 1, 0, 1, 0, 8};
    static const char huge_parameter[] = {
        1, 1, 0, 1, 0, 8, 0, 0, 0,  1,  0,  0,  0,  0,   0,   0,
        1, 4, 0, 1, 0, 8, 0, 0, 14, -1, -1, -1, -1, 'a', 'b', 'c'};
    static const char end_first[16] = {1, 3, 0, 1, 0, 8};

    switch (kind) {
    case 0:
        break;
    case 1:
        send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL);
        break;
    case 2:
        send(fd, version_two, sizeof(version_two), MSG_NOSIGNAL);
        break;
    case 3:
        send(fd, huge_parameter, sizeof(huge_parameter), MSG_NOSIGNAL);
        break;
    case 4:
        send(fd, end_first, sizeof(end_first), MSG_NOSIGNAL);
        break;
    default: /* half a header */
        send(fd, end_first, 3, MSG_NOSIGNAL);
        break;
    }
}

Test(fastcgi, a_hundred_garbage_connections_do_not_end_the_process)
{
    start_one();
    for (int i = 0; i < 100; i++) {
        int fd = client_connect(&program);

        cr_assert(fd >= 0);
        send_garbage(fd, i % 6);
        close(fd);
    }
    cr_expect_eq(atoi(client_ask(&program, "GET", "/pid", SPAN(""))),
                 program.pid);
}

Test(fastcgi, a_silent_peer_is_given_up)
{
    int fd;

    start_one();
    fd = client_connect(&program);
    send_garbage(fd, 5);
    cr_expect_eq(atoi(client_ask(&program, "GET", "/pid", SPAN(""))),
                 program.pid);
    close(fd);
}

/* --- stopped and continued --- */

static bool is_asleep(void)
{
    char path[64], state = 0;
    FILE *in;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)program.pid);
    in = fopen(path, "r");
    cr_assert_not_null(in);
    cr_assert_eq(fscanf(in, "%*d (%*[^)]) %c", &state), 1);
    fclose(in);
    return state == 'S';
}

Test(fastcgi, a_stop_before_the_request_has_come_does_not_lose_it)
{
    int before, fd;

    start_one();
    client_ask(&program, "GET", "/pid", SPAN(""));
    before = program_descriptors(&program);
    fd = client_connect(&program);
    while (program_descriptors(&program) == before || !is_asleep())
        clock_sleep_ms(1);
    kill(program.pid, SIGSTOP);
    cr_assert_eq(waitpid(program.pid, NULL, WUNTRACED), program.pid);
    client_head(fd, "GET", "/pid", NULL, NULL);
    client_end(fd);
    kill(program.pid, SIGCONT);
    client_read(fd, &answer);
    cr_expect(answer.ended);
}
