/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/marks.h"

#define MANY 100000

static struct digest digest_number(unsigned int number)
{
    struct digest digest;
    char text[16];
    int len = snprintf(text, sizeof(text), "%u", number);

    digest_of_bytes(HASH_SHA256, (struct span){text, (size_t)len}, &digest);
    return digest;
}

Test(marks, has_what_was_added_and_nothing_else)
{
    struct marks marks = {0};

    for (unsigned int i = 0; i < MANY; i++) {
        struct digest digest = digest_number(i);

        cr_assert(marks_add(&marks, marks_of_digest(&digest)));
        cr_assert_not(marks_add(&marks, marks_of_digest(&digest)));
    }
    cr_assert_eq(marks.count, MANY);
    for (unsigned int i = 0; i < 2 * MANY; i++) {
        struct digest digest = digest_number(i);

        cr_assert_eq(marks_has(&marks, marks_of_digest(&digest)), i < MANY);
    }
    marks_clear(&marks);
    cr_assert_eq(marks.count, 0);
    cr_assert_not(marks_has(&marks, marks_of_text("a")));
    cr_assert(marks_add(&marks, marks_of_text("a")));
    marks_cleanup(&marks);
}

Test(marks, an_empty_set_has_nothing)
{
    struct marks marks = {0};

    cr_assert_not(marks_has(&marks, 1));
    marks_clear(&marks);
    marks_cleanup(&marks);
}

/* What is promised in the header, of memory and of time. */
Test(marks, is_small_and_keeps_near_to_its_slots)
{
    struct marks marks = {0};
    size_t bytes_max = 0;

    for (uint64_t i = 1; i <= MANY; i++) {
        char text[32];

        snprintf(text, sizeof(text), "%llu", (unsigned long long)i);
        marks_add(&marks, marks_of_text(text));
        if (i > MANY / 10 && marks.room * sizeof(uint64_t) / i > bytes_max)
            bytes_max = marks.room * sizeof(uint64_t) / i;
    }
    cr_assert_leq(bytes_max, 14);
    marks_cleanup(&marks);
}

Test(marks, tells_texts_of_any_length_and_algorithms_apart)
{
    static const char text[] = "abcdefghijklmnopqrstuvwxyz";
    struct marks marks = {0};
    struct digest digest = digest_number(1), other = digest;

    for (size_t i = 0; i < sizeof(text); i++)
        cr_assert(marks_add(&marks, marks_of_text(text + i)), "%s", text + i);
    other.algorithm = HASH_SHA512;
    cr_assert(marks_add(&marks, marks_of_digest(&digest)));
    cr_assert(marks_add(&marks, marks_of_digest(&other)));
    marks_cleanup(&marks);
}
