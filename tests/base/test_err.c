/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/err.h"

Test(err, set_fills_code_and_text_and_returns_minus_one)
{
    struct err err = {.sys_errno = 5, .detail = "old"};

    cr_assert_eq(err_set(&err, ERR_TAG_INVALID, "tag %d", 7), -1);
    cr_expect_eq(err.code, ERR_TAG_INVALID);
    cr_expect_str_eq(err.text, "tag 7");
    cr_expect_str_eq(err.detail, "");
    cr_expect_eq(err.sys_errno, 0);
}

Test(err, errno_becomes_a_code_of_the_first_group)
{
    static const struct {
        int sys_errno;
        enum err_code code;
    } cases[] = {
        {ENOENT, ERR_NOT_FOUND}, {ENOTDIR, ERR_NOT_FOUND},
        {EEXIST, ERR_EXISTS},    {ENOTEMPTY, ERR_EXISTS},
        {ENOSPC, ERR_NO_SPACE},  {EDQUOT, ERR_NO_SPACE},
        {EROFS, ERR_READ_ONLY},  {EACCES, ERR_READ_ONLY},
        {EPERM, ERR_READ_ONLY},  {EAGAIN, ERR_BUSY},
        {EBUSY, ERR_BUSY},       {EIO, ERR_IO},
        {ENAMETOOLONG, ERR_IO},  {EFBIG, ERR_NO_SPACE},
        {EMFILE, ERR_EXHAUSTED}, {ENFILE, ERR_EXHAUSTED},
        {ENOMEM, ERR_EXHAUSTED}, {ENOBUFS, ERR_EXHAUSTED},
        {ENOLCK, ERR_EXHAUSTED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err err = {0};

        cr_assert_eq(err_set_errno(&err, cases[i].sys_errno, "open %s", "x"),
                     -1);
        cr_expect_eq(err.code, cases[i].code, "errno %d", cases[i].sys_errno);
        cr_expect_eq(err.sys_errno, cases[i].sys_errno);
    }
}

Test(err, errno_text_follows_the_context)
{
    struct err err = {0};

    err_set_errno(&err, ENOENT, "open %s", "x");
    cr_assert_str_eq(err.text, "open x: No such file or directory");
}

Test(err, wrap_puts_context_in_front)
{
    struct err err = {0};

    err_set(&err, ERR_IO, "inner");
    cr_assert_eq(err_wrap(&err, "outer %d", 1), -1);
    cr_expect_str_eq(err.text, "outer 1: inner");
    cr_expect_eq(err.code, ERR_IO);
}

Test(err, long_texts_are_cut_not_overrun)
{
    struct err err = {0};
    char text[3 * ERR_TEXT_MAX];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    err_set_errno(&err, EIO, "%s", text);
    cr_expect_eq(strlen(err.text), ERR_TEXT_MAX - 1);
    err_wrap(&err, "%s", text);
    cr_expect_eq(strlen(err.text), ERR_TEXT_MAX - 1);
    err_detail(&err, "%s", text);
    cr_expect_eq(strlen(err.detail), ERR_DETAIL_MAX - 1);
}

Test(err, recode_keeps_text_and_detail)
{
    struct err err = {0};

    err_set(&err, ERR_NOT_FOUND, "no link");
    err_detail(&err, "sha256:0");
    cr_assert_eq(err_recode(&err, ERR_BLOB_UNKNOWN), -1);
    cr_expect_eq(err.code, ERR_BLOB_UNKNOWN);
    cr_expect_str_eq(err.text, "no link");
    cr_expect_str_eq(err.detail, "sha256:0");
}

Test(err, clear_empties_it)
{
    struct err err = {0};

    err_set_errno(&err, EIO, "x");
    err_detail(&err, "y");
    err_clear(&err);
    cr_expect_eq(err.code, ERR_NONE);
    cr_expect_eq(err.sys_errno, 0);
    cr_expect_str_eq(err.text, "");
    cr_expect_str_eq(err.detail, "");
}

Test(err, every_code_has_a_name_of_its_own)
{
    for (int a = 0; a < ERR_COUNT; a++) {
        cr_assert_not_null(err_name((enum err_code)a), "code %d", a);
        for (int b = 0; b < a; b++)
            cr_expect_str_neq(err_name((enum err_code)a),
                              err_name((enum err_code)b));
    }
}
