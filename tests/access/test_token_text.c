/* SPDX-License-Identifier: MIT */
/* Texts that are nearly a token. */
#include <criterion/criterion.h>
#include <string.h>

#include "token_fixture.h"

TestSuite(token_text, .init = token_scene_begin, .fini = token_scene_end);

struct forged {
    const char *name;
    void (*forge)(struct buf *into);
    const char *reason;
};

static void expect_refusals(const struct forged *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf) struct buf text = TOKEN_BUF;

        rows[i].forge(&text);
        refused(rows[i].name, buf_span(&text), rows[i].reason);
    }
}

static void good(struct buf *into)
{
    sign(into, OUR_EC, ES256_HEADER, OUR_CLAIMS);
}

static void nothing(struct buf *into)
{
    buf_add(into, SPAN(""));
}

static void dots(struct buf *into)
{
    buf_add(into, SPAN(".."));
}

static void no_signature(struct buf *into)
{
    add_unsigned(into, ES256_HEADER, OUR_CLAIMS);
    buf_add_char(into, '.');
}

static void two_parts(struct buf *into)
{
    add_unsigned(into, ES256_HEADER, OUR_CLAIMS);
}

static void four_parts(struct buf *into)
{
    good(into);
    buf_add(into, SPAN(".AAAA"));
}

static void five_parts(struct buf *into)
{
    buf_add(into, SPAN("eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA"));
}

static void dot_at_the_end(struct buf *into)
{
    good(into);
    buf_add_char(into, '.');
}

static void dot_at_the_front(struct buf *into)
{
    buf_add_char(into, '.');
    good(into);
}

static void padded(struct buf *into)
{
    good(into);
    buf_add(into, SPAN("=="));
}

static void blank_behind(struct buf *into)
{
    good(into);
    buf_add_char(into, ' ');
}

static void line_feed_behind(struct buf *into)
{
    good(into);
    buf_add_char(into, '\n');
}

static void blank_in_front(struct buf *into)
{
    buf_add_char(into, ' ');
    good(into);
}

static void nul_behind(struct buf *into)
{
    good(into);
    buf_add_char(into, '\0');
}

/* The last letter of 64 bytes has four bits that mean nothing. */
static void bits_left_over(struct buf *into)
{
    good(into);
    into->ptr[into->len - 1]++;
}

/* Signed over the very text, in the alphabet of RFC 4648 section 4. */
static void standard_alphabet(struct buf *into)
{
    add_unsigned(into, "{\"alg\":\"ES256\",\"kid\":\"~~~~\?\?\?\?\"}",
                 OUR_CLAIMS);
    cr_assert(memchr(into->ptr, '-', into->len) != NULL ||
              memchr(into->ptr, '_', into->len) != NULL);
    for (size_t i = 0; i < into->len; i++) {
        if (into->ptr[i] == '-')
            into->ptr[i] = '+';
        if (into->ptr[i] == '_')
            into->ptr[i] = '/';
    }
    add_signature(into, OUR_EC);
}

static void nested(struct buf *into)
{
    CLEANUP(buf) struct buf inner = TOKEN_BUF;

    good(&inner);
    sign(into, OUR_EC, "{\"alg\":\"ES256\",\"cty\":\"JWT\"}", buf_text(&inner));
}

static void json_form(struct buf *into)
{
    CLEANUP(buf) struct buf whole = TOKEN_BUF;
    struct span rest;

    good(&whole);
    rest = buf_span(&whole);
    buf_add(into, SPAN("{\"protected\":\""));
    buf_add(into, span_cut(&rest, '.'));
    buf_add(into, SPAN("\",\"payload\":\""));
    buf_add(into, span_cut(&rest, '.'));
    buf_add(into, SPAN("\",\"signature\":\""));
    buf_add(into, rest);
    buf_add(into, SPAN("\"}"));
}

static void too_long(struct buf *into)
{
    CLEANUP(buf) struct buf payload = TOKEN_BUF;

    buf_add(&payload, SPAN("{\"iss\":\"berth\",\"aud\":\"registry\","
                           "\"exp\":1700000300,\"x\":\""));
    while (payload.len < 17 * 1024 * 3 / 4)
        buf_add_char(&payload, 'x');
    buf_add(&payload, SPAN("\"}"));
    sign(into, OUR_EC, ES256_HEADER, buf_text(&payload));
}

static void huge_kid(struct buf *into)
{
    CLEANUP(buf) struct buf header = TOKEN_BUF;

    buf_add(&header, SPAN("{\"alg\":\"ES256\",\"kid\":\""));
    while (header.len < 8192)
        buf_add(&header, SPAN("ours"));
    buf_add(&header, SPAN("\"}"));
    sign(into, STRANGE_EC, buf_text(&header), OUR_CLAIMS);
}

static void deep(struct buf *into)
{
    CLEANUP(buf) struct buf payload = TOKEN_BUF;

    buf_add(&payload, SPAN("{\"iss\":\"berth\",\"aud\":\"registry\","
                           "\"exp\":1700000300,\"x\":"));
    for (int i = 0; i < 5000; i++)
        buf_add_char(&payload, '[');
    sign(into, OUR_EC, ES256_HEADER, buf_text(&payload));
}

static void many_members(struct buf *into)
{
    CLEANUP(buf) struct buf payload = TOKEN_BUF;

    buf_add(&payload, SPAN("{\"iss\":\"berth\",\"aud\":\"registry\","
                           "\"exp\":1700000300,\"x\":[{}"));
    for (int i = 0; i < 3000; i++)
        buf_add(&payload, SPAN(",{}"));
    buf_add(&payload, SPAN("]}"));
    sign(into, OUR_EC, ES256_HEADER, buf_text(&payload));
}

static const struct forged texts[] = {
    {"nothing", nothing, "not three parts"},
    {"dots", dots, "not three parts"},
    {"no signature", no_signature, "not three parts"},
    {"two parts", two_parts, "not three parts"},
    {"four parts", four_parts, "signature: no base64url"},
    {"five parts, as of encryption", five_parts, "not three parts"},
    {"a dot at the end", dot_at_the_end, "signature: no base64url"},
    {"a dot at the front", dot_at_the_front, "not three parts"},
    {"padding", padded, "signature: no base64url"},
    {"a blank behind", blank_behind, "signature: no base64url"},
    {"a line feed behind", line_feed_behind, "signature: no base64url"},
    {"a blank in front", blank_in_front, "header: no base64url"},
    {"a NUL behind", nul_behind, "signature: no base64url"},
    {"bits left over", bits_left_over, "signature: no base64url"},
    {"the standard alphabet", standard_alphabet, "header: no base64url"},
    {"a token in a token", nested, "payload: "},
    {"JSON serialisation", json_form, "not three parts"},
    {"17 KiB", too_long, "more than 16384 bytes"},
    {"a huge kid", huge_kid, "no key of our own has signed it"},
    {"JSON of 5000 levels", deep, "payload: "},
    {"JSON of 3000 objects", many_members, "payload: "},
};

Test(token_text, there_is_one_way_to_write_a_token)
{
    expect_refusals(texts, ARRAY_SIZE(texts));
}

static void expect_refused(struct span compact)
{
    struct token *token = NULL;
    struct err err = {0};

    cr_assert_eq(token_verify(&trust, compact, NOW, &token, &err), -1);
    cr_assert_eq(err.code, ERR_UNAUTHORIZED);
}

Test(token_text, a_token_cut_anywhere_is_none)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;

    good(&text);
    for (size_t i = 0; i < text.len; i++) {
        expect_refused(span_first(buf_span(&text), i));
        expect_refused(span_from(buf_span(&text), text.len - i));
    }
}

Test(token_text, a_letter_changed_anywhere_is_seen)
{
    static const char others[] = "AB-_.= \n+/\xff";
    CLEANUP(buf) struct buf text = TOKEN_BUF;

    good(&text);
    for (size_t i = 0; i < text.len; i++) {
        char was = text.ptr[i];

        for (size_t n = 0; n < sizeof(others); n++) {
            text.ptr[i] = others[n];
            if (others[n] != was)
                expect_refused(buf_span(&text));
        }
        text.ptr[i] = was;
    }
    token_free(accepted(buf_span(&text)));
}
