/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/plain.h"

Test(plain, only_what_could_harm_a_terminal_is_escaped)
{
    static const struct {
        struct span text;
        const char *wanted;
    } cases[] = {
        {SPAN(""), ""},
        {SPAN("v1.0 of team/app: ok"), "v1.0 of team/app: ok"},
        {SPAN("Gr\xc3\xb6\xc3\x9f"
              "e \xe2\x82\xac \xf0\x9f\x90\xb3"),
         "Gr\xc3\xb6\xc3\x9f"
         "e \xe2\x82\xac \xf0\x9f\x90\xb3"},
        {SPAN("\x1b[2J\x07"), "\\x1b[2J\\x07"},
        {SPAN("a\nb\tc\r"), "a\\x0ab\\x09c\\x0d"},
        {SPAN("a\0b"), "a\\x00b"},
        {SPAN("\x7f"), "\\x7f"},
        {SPAN("c:\\x"), "c:\\\\x"},
        {SPAN("\xff\xc3"), "\\xff\\xc3"},
        {SPAN("\xc2\x9b"
              "31m"),
         "\\u{9b}31m"},
        {SPAN("\xe2\x80\xae"
              "gpj"),
         "\\u{202e}gpj"},
        {SPAN("\xef\xbb\xbf"), "\\u{feff}"},
        {SPAN("\xf3\xa0\x81\x81"), "\\u{e0041}"},
        {SPAN("\xed\xa0\x80"), "\\xed\\xa0\\x80"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLEANUP(buf) struct buf plain = BUF_INIT(1024);

        plain_add(&plain, cases[i].text);
        cr_expect_str_eq(buf_text(&plain), cases[i].wanted);
    }
}
