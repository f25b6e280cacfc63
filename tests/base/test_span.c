/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/span.h"
#include "base/tight.h"

Test(span, equality_is_of_bytes_and_length)
{
    cr_expect(span_equals(SPAN("a\0b"), SPAN("a\0b")));
    cr_expect_not(span_equals(SPAN("a\0b"), SPAN("a\0c")));
    cr_expect_not(span_equals(SPAN("a"), SPAN("ab")));
    cr_expect(span_equals(SPAN(""), (struct span){NULL, 0}));
}

Test(span, order_is_that_of_bytes_with_the_shorter_first)
{
    static const char *const ordered[] = {"",   "A", "a",       "a-b",
                                          "aa", "b", "\xC3\xA4"};

    for (size_t a = 0; a < ARRAY_SIZE(ordered); a++)
        for (size_t b = 0; b < ARRAY_SIZE(ordered); b++) {
            int order = span_compare(span_of(ordered[a]), span_of(ordered[b]));

            cr_expect_eq((order > 0) - (order < 0), (a > b) - (a < b),
                         "%s against %s", ordered[a], ordered[b]);
        }
}

/* The undefined behaviour sanitizer looks on. */
Test(span, what_has_no_bytes_may_have_no_pointer)
{
    struct span none = {NULL, 0};

    cr_expect_null(span_from(none, 0).ptr);
    cr_expect_null(span_first(none, 0).ptr);
    cr_expect_null(span_trim(none).ptr);
    cr_expect_eq(span_cut(&none, ',').len, 0);
    cr_expect(span_starts_with(none, none) && span_ends_with(none, none));
    cr_expect_eq(span_compare(none, SPAN("")), 0);
}

Test(span, starts_and_ends)
{
    CLEANUP(tight) struct span text = tight_text("blobs/uploads");

    cr_expect(span_starts_with(text, SPAN("blobs")));
    cr_expect(span_starts_with(text, SPAN("")));
    cr_expect(span_starts_with(text, text));
    cr_expect_not(span_starts_with(text, SPAN("blobs/uploads/")));
    cr_expect_not(span_starts_with(text, SPAN("lobs")));
    cr_expect(span_ends_with(text, SPAN("uploads")));
    cr_expect(span_ends_with(text, SPAN("")));
    cr_expect_not(span_ends_with(text, SPAN("upload")));
    cr_expect_not(span_ends_with(text, SPAN("xblobs/uploads")));
}

Test(span, cut_gives_each_part_once)
{
    CLEANUP(tight) struct span text = tight_text("a,,b,");
    struct span rest = text;

    cr_expect(span_equals(span_cut(&rest, ','), SPAN("a")));
    cr_expect(span_equals(span_cut(&rest, ','), SPAN("")));
    cr_expect(span_equals(span_cut(&rest, ','), SPAN("b")));
    cr_expect_not_null(rest.ptr, "an empty part is left");
    cr_expect(span_equals(span_cut(&rest, ','), SPAN("")));
    cr_expect_null(rest.ptr, "nothing is left");
    cr_expect_eq(span_cut(&rest, ',').len, 0);
}

Test(span, trim_takes_blanks_and_tabs_only)
{
    CLEANUP(tight) struct span text = tight_text(" \t a b\n \t");
    CLEANUP(tight) struct span blank = tight_text(" \t ");

    cr_expect(span_equals(span_trim(text), SPAN("a b\n")));
    cr_expect_eq(span_trim(blank).len, 0);
    cr_expect_eq(span_trim((struct span){NULL, 0}).len, 0);
}

Test(span, case_is_ignored_for_ascii_letters)
{
    cr_expect(span_equals_nocase(SPAN("Content-TYPE"), SPAN("content-type")));
    cr_expect_not(span_equals_nocase(SPAN("a"), SPAN("ab")));
    cr_expect_not(span_equals_nocase(SPAN("@"), SPAN("`")));
    cr_expect(span_equals_nocase(SPAN(""), (struct span){NULL, 0}));
}
