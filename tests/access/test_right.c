/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "access/right.h"

static struct err err;

static unsigned parsed(const char *list)
{
    unsigned rights = 0xFFFF;

    cr_assert_eq(rights_parse(span_of(list), &rights, &err), 0, "%s: %s", list,
                 err.text);
    return rights;
}

Test(right, lists_are_read)
{
    cr_expect_eq(parsed("pull"), RIGHT_PULL);
    cr_expect_eq(parsed(" push ,pull"), RIGHT_PULL | RIGHT_PUSH);
    cr_expect_eq(parsed("delete,catalog,delete"), RIGHT_DELETE | RIGHT_CATALOG);
    cr_expect_eq(parsed("admin"), RIGHTS_ALL);
    cr_expect_eq(parsed(""), 0);
    cr_expect_eq(parsed(" \t"), 0);
}

Test(right, what_is_no_right_is_named)
{
    static const char *const bad[][2] = {
        {"pull, pul", "\"pul\" is not"},
        {"PULL", "\"PULL\" is not"},
        {"pull,", "\"\" is not"},
        {",", "\"\" is not"},
        {"pull push", "\"pull push\" is not"},
        {"*", "\"*\" is not"},
    };
    unsigned rights = 0xFFFF;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        cr_expect_eq(rights_parse(span_of(bad[i][0]), &rights, &err), -1);
        cr_expect_eq(err.code, ERR_SYNTAX);
        cr_expect(strstr(err.text, bad[i][1]), "%s", err.text);
        cr_expect_eq(rights, 0xFFFF);
    }
}

Test(right, what_is_printed_reads_the_same)
{
    for (unsigned rights = 0; rights < RIGHT_ADMIN; rights++) {
        CLEANUP(buf) struct buf text = BUF_INIT(256);

        rights_print(rights, &text);
        cr_expect_eq(parsed(buf_text(&text)), rights);
    }
}

Test(right, all_of_them_are_printed_as_admin)
{
    CLEANUP(buf) struct buf text = BUF_INIT(256);

    rights_print(RIGHTS_ALL, &text);
    cr_expect_str_eq(buf_text(&text), "admin");
    buf_clear(&text);
    rights_print(RIGHT_PUSH | RIGHT_PULL, &text);
    cr_expect_str_eq(buf_text(&text), "pull, push");
}

Test(right, a_user_name_is_utf8_of_some_length)
{
    char longest[USER_NAME_MAX + 1];

    memset(longest, 'x', sizeof(longest));
    cr_expect(user_name_is_valid(SPAN("CN=Zo\xC3\xAB, OU=x \"y\"")));
    cr_expect(user_name_is_valid((struct span){longest, USER_NAME_MAX}));
    cr_expect_not(user_name_is_valid((struct span){longest, sizeof(longest)}));
    cr_expect_not(user_name_is_valid(SPAN("")));
    cr_expect_not(user_name_is_valid(SPAN("a\tb")));
    cr_expect_not(user_name_is_valid(SPAN("a\x7F")));
    cr_expect_not(user_name_is_valid(SPAN("a\0b")));
    cr_expect_not(user_name_is_valid(SPAN("Zo\xEB")));
    cr_expect_not(user_name_is_valid(SPAN("a\xC2\x85")));
    cr_expect_not(user_name_is_valid(SPAN("a\xC2\x9F")));
    cr_expect(user_name_is_valid(SPAN("a\xC2\xA0")));
}
