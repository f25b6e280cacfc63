/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/base64url.h"

static void expect_text(struct span bytes, const char *text)
{
    CLEANUP(buf) struct buf into = BUF_INIT(64);

    base64url_add(&into, bytes);
    cr_assert_str_eq(buf_text(&into), text);
    cr_assert_eq(into.len, BASE64URL_LENGTH(bytes.len));
    buf_clear(&into);
    cr_assert_eq(base64url_decode(span_of(text), &into), 0, "%s", text);
    cr_assert(span_equals(buf_span(&into), bytes), "%s", text);
}

/* The first seven are those of RFC 4648 section 10. */
Test(base64url, what_is_written_is_read_again)
{
    expect_text(SPAN(""), "");
    expect_text(SPAN("f"), "Zg");
    expect_text(SPAN("fo"), "Zm8");
    expect_text(SPAN("foo"), "Zm9v");
    expect_text(SPAN("foob"), "Zm9vYg");
    expect_text(SPAN("fooba"), "Zm9vYmE");
    expect_text(SPAN("foobar"), "Zm9vYmFy");
    expect_text(SPAN("\0\xff\xfe"), "AP_-");
    expect_text(SPAN("\xfb\xff"), "-_8");
}

Test(base64url, other_texts_are_refused)
{
    static const char *const wrong[] = {
        "Z",     "Zm9vY", "Zg=",   "Zg==",   "Zh",     "Zm9",  "Zm8=",
        "AP/+",  "Zm9v ", " Zm9v", "Zm\n9v", "Zm9v.",  "Zm9*", "Zm9v\xc3\xa9",
        "Z\x80", "====",  "-_9",   "-_-",    "Zm9vYh", "_-==", "Zm9v\r\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        CLEANUP(buf) struct buf into = BUF_INIT(64);

        buf_add(&into, SPAN("before"));
        cr_expect_eq(base64url_decode(span_of(wrong[i]), &into), -1, "%s",
                     wrong[i]);
        cr_expect_str_eq(buf_text(&into), "before");
    }
}

Test(base64url, a_nul_is_no_letter)
{
    CLEANUP(buf) struct buf into = BUF_INIT(64);

    cr_assert_eq(base64url_decode(SPAN("Zm9v\0AAA"), &into), -1);
}

Test(base64url, what_does_not_fit_is_refused)
{
    CLEANUP(buf) struct buf into = BUF_INIT(2);

    cr_assert_eq(base64url_decode(SPAN("Zm9v"), &into), -1);
    cr_assert_eq(into.len, 0);
}
