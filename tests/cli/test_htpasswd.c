/* SPDX-License-Identifier: MIT */
/* Lines of a file of passwords, as other programs and people wrote them. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "cli/token/htpasswd.h"

static struct buf result = BUF_INIT(1024);

static void clean_up(void)
{
    buf_cleanup(&result);
}

TestSuite(htpasswd, .fini = clean_up);

static const char *set(const char *text)
{
    buf_clear(&result);
    htpasswd_set(span_of(text), SPAN("robot-ci"), SPAN("new"), &result);
    return buf_text(&result);
}

static const char *removed(const char *text)
{
    buf_clear(&result);
    htpasswd_remove(span_of(text), SPAN("robot-ci"), &result);
    return buf_text(&result);
}

static const char *users(const char *text)
{
    struct span rest = span_of(text), user;

    buf_clear(&result);
    while (htpasswd_next_user(&rest, &user))
        buf_add_format(&result, "<%.*s>", SPAN_ARGS(user));
    return buf_text(&result);
}

Test(htpasswd, has_a_user_in_each_line_that_is_no_comment)
{
    cr_expect_str_eq(users(""), "");
    cr_expect_str_eq(users("alice:x\n# bob:y\n\n#\nno colon\n:z\ncarol:"),
                     "<alice><carol>");
    cr_expect_str_eq(users("a b:x:more\r\n\t robot-ci:y\r\n  # c:z\n"),
                     "<a b><robot-ci>");
}

Test(htpasswd, knows_a_user_by_the_whole_name)
{
    static const char text[] = "robot-ci2:x\nxrobot-ci:y\n#robot-ci:z\n"
                               "Robot-CI:x\nrobot-ci\nrobot-ci :x\n";

    cr_expect_not(htpasswd_has(span_of(text), SPAN("robot-ci")));
    cr_expect(htpasswd_has(SPAN("a:b\nrobot-ci:"), SPAN("robot-ci")));
    cr_expect_str_eq(removed(text), text);
}

Test(htpasswd, gets_a_new_user_at_its_end)
{
    cr_expect_str_eq(set(""), "robot-ci:new\n");
    cr_expect_str_eq(set("a:b\n\n"), "a:b\n\nrobot-ci:new\n");
    cr_expect_str_eq(set("a:b\r\n# c"), "a:b\r\n# c\nrobot-ci:new\n");
}

Test(htpasswd, gets_a_known_user_in_its_place)
{
    cr_expect_str_eq(set("a:b\nrobot-ci:old\n\nc:d"),
                     "a:b\nrobot-ci:new\n\nc:d");
    cr_expect_str_eq(set("robot-ci:old\r\na:b\r\n"), "robot-ci:new\r\na:b\r\n");
    cr_expect_str_eq(set("a:b\nrobot-ci:old"), "a:b\nrobot-ci:new");
}

Test(htpasswd, keeps_no_second_line_of_a_user)
{
    static const char text[] = "robot-ci:1\na:b\n robot-ci:2\nrobot-ci:3";

    cr_expect_str_eq(set(text), "robot-ci:new\na:b\n");
    cr_expect_str_eq(removed(text), "a:b\n");
}

Test(htpasswd, loses_the_line_of_a_user_and_nothing_else)
{
    cr_expect_str_eq(removed("robot-ci:x"), "");
    cr_expect_str_eq(removed("#c\n\n a :b\nrobot-ci:x\r\n\nc:d"),
                     "#c\n\n a :b\n\nc:d");
    cr_expect_str_eq(removed("a:b\nrobot-ci:x"), "a:b\n");
}

Test(htpasswd, may_hold_any_byte)
{
    static const char text[] = "a:\0b\n\xff\0:c\nrobot-ci:\0x\nd:e";
    static const char rest[] = "a:\0b\n\xff\0:c\nd:e";
    struct span all = {text, sizeof(text) - 1}, left = {rest, sizeof(rest) - 1};

    htpasswd_remove(all, SPAN("robot-ci"), &result);
    cr_expect(span_equals(buf_span(&result), left));
}
