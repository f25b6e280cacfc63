/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdint.h>

#include "base/buf.h"

Test(buf, an_unused_one_is_an_empty_text)
{
    CLEANUP(buf) struct buf buf = BUF_INIT(10);

    cr_expect_str_eq(buf_text(&buf), "");
    cr_expect_eq(buf_span(&buf).len, 0);
    buf_clear(&buf);
    buf_add(&buf, (struct span){NULL, 0});
    cr_expect_not(buf.overflowed);
    cr_expect_str_eq(buf_text(&buf), "");
}

Test(buf, additions_follow_each_other)
{
    CLEANUP(buf) struct buf buf = BUF_INIT(100);

    buf_add(&buf, SPAN("ab"));
    buf_add_char(&buf, 'c');
    buf_add_format(&buf, "%d-%s", 4, "de");
    cr_expect_str_eq(buf_text(&buf), "abc4-de");
    cr_expect_eq(buf.len, 7);
    cr_expect_not(buf.overflowed);
}

Test(buf, fills_to_its_maximum_and_not_beyond)
{
    CLEANUP(buf) struct buf buf = BUF_INIT(5);

    buf_add(&buf, SPAN("12345"));
    cr_expect_not(buf.overflowed);
    cr_expect_str_eq(buf_text(&buf), "12345");
    buf_add_char(&buf, '6');
    cr_expect(buf.overflowed);
    cr_expect_str_eq(buf_text(&buf), "12345");
}

Test(buf, after_an_overflow_nothing_more_is_added)
{
    CLEANUP(buf) struct buf buf = BUF_INIT(5);

    buf_add(&buf, SPAN("123"));
    buf_add(&buf, SPAN("456"));
    cr_expect(buf.overflowed);
    buf_add(&buf, SPAN("x"));
    buf_add_format(&buf, "y");
    cr_expect_null(buf_reserve(&buf, 0));
    cr_expect_str_eq(buf_text(&buf), "123");
}

Test(buf, format_too_long_overflows)
{
    CLEANUP(buf) struct buf buf = BUF_INIT(5);

    buf_add_format(&buf, "%s", "123456");
    cr_expect(buf.overflowed);
    cr_expect_eq(buf.len, 0);
}

Test(buf, clear_forgets_the_overflow)
{
    CLEANUP(buf) struct buf buf = BUF_INIT(3);

    buf_add(&buf, SPAN("1234"));
    buf_clear(&buf);
    cr_expect_not(buf.overflowed);
    buf_add(&buf, SPAN("123"));
    cr_expect_str_eq(buf_text(&buf), "123");
}

Test(buf, cleanup_leaves_a_usable_buffer_of_the_same_maximum)
{
    struct buf buf = BUF_INIT(3);

    buf_add(&buf, SPAN("123"));
    buf_cleanup(&buf);
    cr_expect_eq(buf.len, 0);
    buf_add(&buf, SPAN("abcd"));
    cr_expect(buf.overflowed);
    buf_clear(&buf);
    buf_add(&buf, SPAN("abc"));
    cr_expect_str_eq(buf_text(&buf), "abc");
    buf_cleanup(&buf);
}

Test(buf, reserved_room_is_filled_by_the_caller)
{
    CLEANUP(buf) struct buf buf = BUF_INIT(1000);
    char *room = buf_reserve(&buf, 300);

    cr_assert_not_null(room);
    memset(room, 'x', 300);
    buf_grown(&buf, 200);
    cr_expect_eq(buf.len, 200);
    cr_expect_eq(buf_text(&buf)[200], '\0');
}

Test(buf, a_huge_reservation_overflows_without_wrapping)
{
    CLEANUP(buf) struct buf buf = BUF_INIT(1000);

    buf_add(&buf, SPAN("x"));
    cr_expect_null(buf_reserve(&buf, SIZE_MAX));
    cr_expect(buf.overflowed);
}

Test(buf, grows_byte_by_byte_with_all_bytes_kept)
{
    CLEANUP(buf) struct buf buf = BUF_INIT(100000);

    for (size_t i = 0; i < 100000; i++)
        buf_add_char(&buf, (char)('a' + i % 26));
    cr_assert_not(buf.overflowed);
    cr_assert_eq(buf.len, 100000);
    for (size_t i = 0; i < 100000; i++)
        cr_assert_eq(buf.ptr[i], (char)('a' + i % 26));
}

Test(buf, truncate_cuts_and_terminates)
{
    CLEANUP(buf) struct buf buf = BUF_INIT(10);

    buf_add(&buf, SPAN("abcdef"));
    buf_truncate(&buf, 2);
    cr_expect_str_eq(buf_text(&buf), "ab");
}
