/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "http/response.h"

static struct response response;

static void setup(void)
{
    response_init(&response);
}

static void teardown(void)
{
    response_cleanup(&response);
}

TestSuite(response, .init = setup, .fini = teardown);

Test(response, headers_keep_their_order)
{
    response_header(&response, "Content-Type", "text/%s", "plain");
    response_header(&response, "Range", "0-%d", 7);
    response_header(&response, "Empty", "%s", "");
    cr_expect_str_eq(buf_text(&response.headers),
                     "Content-Type: text/plain\r\nRange: 0-7\r\nEmpty: \r\n");
}

Test(response, a_value_that_would_split_the_answer_makes_it_an_error)
{
    static const char *const values[] = {
        "a\r\nX: y", "a\nX: y", "a\rb", "\x01", "a\x7f", "a\tb", "\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        response_header(&response, "Good", "1");
        response_header(&response, "Bad", "%s", values[i]);
        cr_expect_str_eq(buf_text(&response.headers), "Good: 1\r\n");
        cr_expect(response.headers.overflowed, "serve() makes it a 500");
        response_reset(&response);
        cr_expect_not(response.headers.overflowed);
    }
}

Test(response, headers_have_an_upper_limit)
{
    static char value[RESPONSE_HEADERS_MAX];

    memset(value, 'a', sizeof(value) - 1);
    response_header(&response, "Good", "1");
    response_header(&response, "Link", "%s", value);
    cr_expect_str_eq(buf_text(&response.headers), "Good: 1\r\n");
    cr_expect(response.headers.overflowed);
}

static int closed;

static void close_stream(struct reader *reader)
{
    (void)reader;
    closed++;
}

Test(response, a_stream_is_closed_once_also_when_it_is_forgotten)
{
    static const struct reader_ops ops = {.close = close_stream};
    struct reader stream = {&ops};

    response_stream(&response, &stream, 7);
    response.status = 206;
    response.delegated = true;
    buf_add(&response.bytes, SPAN("x"));
    response_reset(&response);
    cr_expect_eq(closed, 1);
    cr_expect_eq(response.status, 200);
    cr_expect_eq(response.length, 0);
    cr_expect_eq(response.bytes.len, 0);
    cr_expect_not(response.delegated);
    response_reset(&response);
    cr_expect_eq(closed, 1);
    response_stream(&response, &stream, 7);
    response_cleanup(&response);
    cr_expect_eq(closed, 2);
    response_init(&response);
}
