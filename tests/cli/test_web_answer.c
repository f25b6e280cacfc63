/* SPDX-License-Identifier: MIT */
/* Answers of servers that may be anything, and what is shown of them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "cli/web/web_answer.h"

static struct web_answer answer = WEB_ANSWER_INIT;

static void parse(const char *text)
{
    buf_clear(&answer.text);
    buf_add(&answer.text, span_of(text));
    web_answer_parse(&answer);
}

static const char *field(const char *name)
{
    static char text[256];
    struct span value;

    if (!web_answer_field(&answer, name, &value))
        return NULL;
    snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(value));
    return text;
}

static void clean_up(void)
{
    web_answer_cleanup(&answer);
}

TestSuite(web_answer, .fini = clean_up);

Test(web_answer, has_status_fields_and_body)
{
    parse("HTTP/1.1 404 Not Found\r\nServer: nginx\r\ncontent-LENGTH:  3 \r\n"
          "Empty:\r\n\r\nabc");
    cr_assert_eq(answer.status, 404);
    cr_assert(span_equals(answer.body, SPAN("abc")));
    cr_assert_str_eq(field("server"), "nginx");
    cr_assert_str_eq(field("Content-Length"), "3");
    cr_assert_str_eq(field("Empty"), "");
    cr_assert_null(field("Length"));
    cr_assert(web_answer_field_begins(&answer, "Server", "NGI"));
    cr_assert_not(web_answer_field_begins(&answer, "Server", "nginx/"));
}

Test(web_answer, is_the_one_behind_those_that_say_go_on)
{
    parse("HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 103 Early\r\n\r\n"
          "HTTP/2 202\r\nY: 2\r\n\r\n");
    cr_assert(answer.continued);
    cr_assert_eq(answer.status, 202);
    cr_assert_null(field("X"));
    cr_assert_str_eq(field("Y"), "2");
    cr_assert_eq(answer.body.len, 0);
}

Test(web_answer, is_none_yet_after_go_on_alone)
{
    parse("HTTP/1.1 100 Continue\r\n\r\n");
    cr_assert(answer.continued);
    cr_assert_eq(answer.status, 0);
}

Test(web_answer, forgets_the_one_before)
{
    parse("HTTP/1.1 401 No\r\nA: b\r\n\r\n{\"errors\":[{\"code\":\"X\"}]}");
    cr_assert_str_eq(answer.code, "X");
    parse("");
    cr_assert_eq(answer.status, 0);
    cr_assert_str_eq(answer.code, "");
    cr_assert_null(field("A"));
}

Test(web_answer, is_none_without_a_header_that_ends)
{
    static const char *const texts[] = {
        "",
        "\r\n\r\n",
        "<html>\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 \r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 -20 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n\r",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: b",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        parse(texts[i]);
        cr_assert_eq(answer.status, 0, "%s", texts[i]);
        cr_assert_eq(answer.body.len, 0);
    }
}

Test(web_answer, may_have_bare_line_feeds_and_lines_that_are_no_fields)
{
    parse("HTTP/1.0 200\nno field\n: none\n folded: x\nA: 1\nA: 2\n\nbody");
    cr_assert_eq(answer.status, 200);
    cr_assert_str_eq(field("A"), "1");
    cr_assert_null(field("folded"));
    cr_assert(span_equals(answer.body, SPAN("body")));
}

Test(web_answer, has_the_code_of_the_oci_form_only)
{
    static const char *const others[] = {
        "<html>",
        "{}",
        "[]",
        "{\"errors\":[]}",
        "{\"errors\":[{\"code\":7}]}",
        "{\"errors\":{\"code\":\"A\"}}",
        "{\"errors\":[{\"code\":\"a\\u001b[2J\"}]}",
        "{\"errors\":[{\"code\":\"TOO_LONG_"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAA\"}]}",
    };
    char text[512];

    parse("HTTP/1.1 404 X\r\n\r\n{\"errors\":[{\"code\":\"BLOB_UNKNOWN\","
          "\"message\":\"m\"}]}\n");
    cr_assert_str_eq(answer.code, "BLOB_UNKNOWN");
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        snprintf(text, sizeof(text), "HTTP/1.1 404 X\r\n\r\n%s", others[i]);
        parse(text);
        cr_assert_str_eq(answer.code, "", "%s", others[i]);
    }
}

Test(web_answer, is_described_without_control_bytes)
{
    CLEANUP(buf) struct buf text = BUF_INIT(1024);

    parse(
        "HTTP/1.1 502 \x1b[2J\r\nContent-Type: text/\x1b]0;x\x07\x9b\r\n\r\n");
    web_answer_describe(&answer, &text);
    cr_assert_str_eq(buf_text(&text), "502, text/\\x1b]0;x\\x07\\x9b");
    parse("");
    buf_add(&answer.trouble, SPAN("curl: (7)\tno"));
    buf_clear(&text);
    web_answer_describe(&answer, &text);
    cr_assert_str_eq(buf_text(&text), "no answer: curl: (7)\\x09no");
}

Test(web_answer, shows_no_more_than_a_line_of_what_a_server_says)
{
    CLEANUP(buf) struct buf text = BUF_INIT(4096);
    char many[2000];

    memset(many, '\n', sizeof(many));
    web_clean(&text, (struct span){many, sizeof(many)});
    cr_assert(span_ends_with(buf_span(&text), SPAN("\\x0a...")));
    cr_assert_leq(text.len, 700);
}
