/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

static const char *added(const char *key, struct span value)
{
    static struct buf line = BUF_INIT(LOG_LINE_MAX);

    buf_clear(&line);
    log_add(&line, key, value);
    return buf_text(&line);
}

Test(log, quotes_and_escapes_only_where_a_value_needs_it)
{
    static const struct {
        struct span value;
        const char *text;
    } cases[] = {
        {{"plain", 5}, " k=plain"},
        {{"a/b:c?d&e", 9}, " k=a/b:c?d&e"},
        {{"", 0}, " k=\"\""},
        {{NULL, 0}, " k=\"\""},
        {{"a b", 3}, " k=\"a b\""},
        {{"a=b", 3}, " k=\"a=b\""},
        {{"a\"b", 3}, " k=\"a\\\"b\""},
        {{"a\\b", 3}, " k=\"a\\\\b\""},
        {{"a\nb", 3}, " k=\"a\\x0ab\""},
        {{"a\0b", 3}, " k=\"a\\x00b\""},
        {{"\x1b[31m", 5}, " k=\"\\x1b[31m\""},
        {{"\xC3\xA4", 2}, " k=\"\\xc3\\xa4\""},
        {{"\x7f", 1}, " k=\"\\x7f\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        cr_expect_str_eq(added("k", cases[i].value), cases[i].text);
}

Test(log, a_long_value_is_cut_and_says_so)
{
    static char value[5000];
    const char *text;

    memset(value, 'a', sizeof(value));
    text = added("k", (struct span){value, sizeof(value)});
    cr_expect_eq(strlen(text), strlen(" k=\"\"...") + 640);
    cr_expect_str_eq(text + strlen(text) - 6, "aa...\"");
    memset(value, '\x01', sizeof(value));
    text = added("k", (struct span){value, sizeof(value)});
    cr_expect_leq(strlen(text), strlen(" k=\"\"...") + 640);
    cr_expect_str_eq(text + strlen(text) - 8, "\\x01...\"");
}

Test(log, a_pair_without_room_is_left_out_and_the_line_stays_whole)
{
    static struct buf line = BUF_INIT(20);

    log_add(&line, "a", SPAN("1"));
    log_add(&line, "b", SPAN("too long for the line"));
    log_add(&line, "c", SPAN("2"));
    cr_expect_str_eq(buf_text(&line), " a=1");
}

static const char *written(void (*write_it)(void))
{
    static char text[2 * PIPE_BUF];
    ssize_t len;
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    write_it();
    len = read(ends[0], text, sizeof(text) - 1);
    cr_assert(len >= 0);
    text[len] = '\0';
    return text;
}

static void write_message(void)
{
    log_message(LOG_PRIORITY_ERROR, "cannot open %s: \"x\"\n", "/a b");
}

Test(log, a_message_is_one_line_with_its_priority)
{
    cr_expect_str_eq(written(write_message),
                     "<3>message=\"cannot open /a b: \\\"x\\\"\\x0a\"\n");
}

static void write_full_line(void)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LOG_LINE_MAX);

    while (!line.overflowed)
        buf_add_char(&line, 'x');
    log_write(LOG_PRIORITY_INFO, &line);
}

Test(log, the_longest_line_is_one_write_that_a_pipe_takes_whole)
{
    const char *text = written(write_full_line);

    cr_expect_leq(strlen(text), PIPE_BUF);
    cr_expect_eq(strlen(text), LOG_LINE_MAX + strlen("<6>\n"));
    cr_expect_eq(text[strlen(text) - 1], '\n');
}
