/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/config.h"

struct example {
    char path[16];
    char text[16];
    bool flag;
    uint64_t count, bytes, seconds;
    struct config_share share;
    int choice;
};

static const char *const choices[] = {"red", "green", NULL};

static const struct config_key keys[] = {
    {.name = "path",
     .type = CONFIG_PATH,
     .offset = offsetof(struct example, path),
     .size = sizeof(((struct example *)NULL)->path)},
    {.name = "text",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct example, text),
     .size = sizeof(((struct example *)NULL)->text)},
    {.name = "the_flag",
     .type = CONFIG_BOOLEAN,
     .offset = offsetof(struct example, flag)},
    {.name = "count",
     .type = CONFIG_COUNT,
     .offset = offsetof(struct example, count),
     .minimum = 1,
     .maximum = 50},
    {.name = "bytes",
     .type = CONFIG_SIZE,
     .offset = offsetof(struct example, bytes),
     .maximum = UINT64_MAX},
    {.name = "seconds",
     .type = CONFIG_DURATION,
     .offset = offsetof(struct example, seconds),
     .maximum = UINT64_MAX},
    {.name = "share",
     .type = CONFIG_SHARE,
     .offset = offsetof(struct example, share)},
    {.name = "choice",
     .type = CONFIG_CHOICE,
     .offset = offsetof(struct example, choice),
     .choices = choices},
};
static const struct config_table table = {keys, ARRAY_SIZE(keys)};

static char file[] = "/tmp/berth-config-XXXXXX";
static struct example example;
static struct err err;

static int read_text(struct span text)
{
    FILE *out = fopen(file, "w");

    cr_assert_not_null(out);
    fwrite(text.ptr, 1, text.len, out);
    fclose(out);
    err_clear(&err);
    return config_read_file(&table, &example, file, &err);
}

static void setup(void)
{
    int fd = mkstemp(file);

    cr_assert(fd >= 0);
    close(fd);
}

static void teardown(void)
{
    unlink(file);
}

TestSuite(config, .init = setup, .fini = teardown);

Test(config, reads_keys_of_every_type)
{
    cr_assert_eq(read_text(SPAN("# a comment\n"
                                "\n"
                                "   # another = one\n"
                                "path = /a/b/\n"
                                "text =  https://a b=c \n"
                                "the_flag=yes\n"
                                "\tcount \t=  7\t \n"
                                "bytes = 4M\r\n"
                                "seconds = 24h\n"
                                "choice = green")),
                 0, "%s", err.text);
    cr_expect_str_eq(example.path, "/a/b", "without the slash at its end");
    cr_expect_str_eq(example.text, "https://a b=c");
    cr_expect(example.flag);
    cr_expect_eq(example.count, 7);
    cr_expect_eq(example.bytes, 4 << 20);
    cr_expect_eq(example.seconds, 86400);
    cr_expect_eq(example.choice, 1);
}

Test(config, a_value_may_have_an_equals_sign_and_blanks)
{
    cr_assert_eq(read_text(SPAN("path = /a b=c\n")), 0, "%s", err.text);
    cr_expect_str_eq(example.path, "/a b=c");
}

Test(config, the_root_directory_keeps_its_slash)
{
    cr_assert_eq(read_text(SPAN("path = //\n")), 0, "%s", err.text);
    cr_expect_str_eq(example.path, "/");
}

Test(config, a_mistake_is_told_with_file_and_line)
{
    static const struct {
        const char *text;
        const char *message; /* behind the name of the file */
    } cases[] = {
        {"path", ":1: expected key = value"},
        {"\n\n# x\nflag = yes", ":4: unknown key \"flag\""},
        {"PATH = /a", ":1: unknown key \"PATH\""},
        {"= /a", ":1: unknown key \"\""},
        {"path = a", ":1: path must be an absolute path"},
        {"path =", ":1: path must be an absolute path"},
        {"path = /a\rb", ":1: path must have no control characters in it and "
                         "no blank at its end"},
        {"path = /a /", ":1: path must have no control characters in it and "
                        "no blank at its end"},
        {"path = /a/b/c/d/e/f/g/h", ":1: path is longer than 15 bytes"},
        {"the_flag = true", ":1: the_flag must be yes or no"},
        {"the_flag = YES", ":1: the_flag must be yes or no"},
        {"the_flag = yes # why", ":1: the_flag must be yes or no"},
        {"\ncount = x", ":2: count must be a number"},
        {"count = 0", ":1: count must lie between 1 and 50"},
        {"count = 51", ":1: count must lie between 1 and 50"},
        {"count = 1K", ":1: count must be a number"},
        {"bytes = 4MB", ":1: bytes must be a number of bytes such as 4M"},
        {"bytes = 99999999T", ":1: bytes must be a number of bytes such as 4M"},
        {"seconds = 1w", ":1: seconds must be a number of seconds such as 24h"},
        {"choice = blue", ":1: choice must be one of: red, green"},
    };
    char expected[256];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cr_expect_eq(read_text(span_of(cases[i].text)), -1, "%s",
                     cases[i].text);
        cr_expect_eq(err.code, ERR_SYNTAX, "%s", cases[i].text);
        snprintf(expected, sizeof(expected), "%s%s", file, cases[i].message);
        cr_expect_str_eq(err.text, expected);
    }
}

Test(config, a_binary_file_is_refused)
{
    cr_expect_eq(read_text(SPAN("path = /a\0b\n")), -1);
    cr_expect(strstr(err.text, ":1: a NUL byte"), "%s", err.text);
}

Test(config, a_line_may_be_long_and_a_wrong_one_is_told_short)
{
    static char text[100000];

    memset(text, 'x', sizeof(text));
    text[0] = '#';
    cr_expect_eq(read_text((struct span){text, sizeof(text)}), 0);
    text[0] = '\n';
    cr_expect_eq(read_text((struct span){text, sizeof(text)}), -1);
    cr_expect(strstr(err.text, ":2: expected key = value"), "%s", err.text);
}

Test(config, a_file_that_is_not_there_is_told_from_a_wrong_one)
{
    cr_expect_eq(config_read_file(&table, &example, "/nowhere/x", &err), -1);
    cr_expect_eq(err.code, ERR_NOT_FOUND);
    cr_expect_eq(config_read_file(&table, &example, "/tmp", &err), -1);
    cr_expect(strstr(err.text, "/tmp: "), "%s", err.text);
}

Test(config, variables_of_the_prefix_set_keys)
{
    static const char *const variables[] = {
        "PATH=/not/ours", "TEST_PATH=/ours", "TEST_THE_FLAG= yes ",
        "TEST_UNKNOWN=1", "TEST_=1",         "TEST=1",
        "TEST_COUNT=5",   "OTHER_COUNT=6",   NULL,
    };

    cr_assert_eq(
        config_read_variables(&table, &example, "TEST_", variables, &err), 0);
    cr_expect_str_eq(example.path, "/ours");
    cr_expect(example.flag);
    cr_expect_eq(example.count, 5);
}

Test(config, a_bad_variable_is_told_by_its_name)
{
    static const char *const variables[] = {"TEST_COUNT=many", NULL};

    cr_expect_eq(
        config_read_variables(&table, &example, "TEST_", variables, &err), -1);
    cr_expect_str_eq(err.text, "TEST_COUNT: count must be a number");
}

/* A file could not say it, and so not print it either. */
Test(config, a_path_of_a_variable_has_no_second_line)
{
    static const char *const variables[] = {"TEST_PATH=/a\ncount = 1", NULL};

    cr_expect_eq(
        config_read_variables(&table, &example, "TEST_", variables, &err), -1);
    cr_expect_eq(err.code, ERR_SYNTAX);
    cr_expect_str_eq(example.path, "");
}

Test(config, prints_what_it_would_read_again)
{
    CLEANUP(buf) struct buf text = BUF_INIT(4096);
    struct example again;

    example = (struct example){.path = "/a",
                               .flag = true,
                               .count = 3,
                               .bytes = 1536,
                               .seconds = 5400,
                               .share.percent = 7,
                               .choice = 1};
    again = example;
    config_print(&table, &example, &text);
    cr_expect_str_eq(buf_text(&text), "path = /a\n"
                                      "the_flag = yes\n"
                                      "count = 3\n"
                                      "bytes = 1536\n"
                                      "seconds = 90m\n"
                                      "share = 7%\n"
                                      "choice = green\n");
    memset(&example, 0, sizeof(example));
    cr_assert_eq(read_text(buf_span(&text)), 0, "%s", err.text);
    cr_expect_str_eq(example.path, again.path);
    cr_expect_eq(example.bytes, again.bytes);
    cr_expect_eq(example.seconds, again.seconds);
    cr_expect_eq(example.share.percent, again.share.percent);
}

Test(config, a_share_is_a_size_or_a_percentage)
{
    static const char *const bad[] = {"",    "%",   "-1%",  "100%", "5 %",
                                      "5%%", "1G%", "1.5%", "some"};

    cr_assert_eq(read_text(SPAN("share = 3G\n")), 0, "%s", err.text);
    cr_expect_eq(example.share.bytes, UINT64_C(3) << 30);
    cr_expect_eq(example.share.percent, 0);
    cr_assert_eq(read_text(SPAN("share = 99%\n")), 0, "%s", err.text);
    cr_expect_eq(example.share.bytes, 0);
    cr_expect_eq(example.share.percent, 99);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        err_clear(&err);
        cr_expect_eq(
            config_set(&table, &example, SPAN("share"), span_of(bad[i]), &err),
            -1, "%s", bad[i]);
        cr_expect_eq(err.code, ERR_SYNTAX);
        cr_expect_eq(example.share.percent, 99);
    }
    cr_assert_eq(read_text(SPAN("share = 0\n")), 0, "%s", err.text);
    cr_expect_eq(example.share.bytes, 0);
    cr_expect_eq(example.share.percent, 0);
}

Test(config, what_has_no_value_is_not_printed)
{
    CLEANUP(buf) struct buf text = BUF_INIT(1024);

    config_print(&table, &example, &text);
    cr_expect_null(strstr(buf_text(&text), "path"));
    cr_expect_null(strstr(buf_text(&text), "text"));
    cr_assert_eq(read_text(SPAN("text = x\n")), 0, "%s", err.text);
    config_print(&table, &example, &text);
    cr_expect_not_null(strstr(buf_text(&text), "text = x\n"));
}

Test(config, a_text_is_what_can_stand_between_quotes)
{
    static const char *const bad[] = {"",
                                      "a\tb",
                                      "a\"b",
                                      "a\\b",
                                      "\xC3\xA9",
                                      "a\x7F"
                                      "b",
                                      "a\x01"
                                      "b",
                                      "sixteen-bytes-xx"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        err_clear(&err);
        cr_expect_eq(
            config_set(&table, &example, SPAN("text"), span_of(bad[i]), &err),
            -1, "%s", bad[i]);
        cr_expect_eq(err.code, ERR_SYNTAX);
        cr_expect_str_empty(example.text);
    }
    cr_expect_eq(config_set(&table, &example, SPAN("text"),
                            SPAN("fifteen-bytes-x"), &err),
                 0);
}
