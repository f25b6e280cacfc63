/* SPDX-License-Identifier: MIT */
/* Documents made to cost memory or time. None may cost more than its limits. */
#include <criterion/criterion.h>
#include <malloc.h>

#include "base/json.h"
#include "base/tight.h"

/* As for manifests; at 200 bytes a value and 800 a container about 26 MB. */
static const struct json_limits limits = {.containers = 16384, .values = 65536};
#define MEMORY_MAX (26u << 20)
#define FOUR_MIB (4u << 20)

/* What the C library has handed out. The sanitizers' replacement says 0. */
static size_t memory_in_use(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void expect(struct span text, int result, const char *why)
{
    CLEANUP(json) struct json *document = NULL;
    struct err err = {0};
    size_t before = memory_in_use(), after;

    cr_assert_eq(json_parse(text, &limits, &document, &err), result, "%s",
                 err.text);
    after = memory_in_use();
    if (result < 0) {
        cr_expect_not_null(strstr(err.text, why), "%s", err.text);
        cr_expect_leq(after, before + 4096, "a refusal keeps nothing");
    }
    cr_expect_leq(after, before + MEMORY_MAX + 2 * text.len);
}

/* The memory of a document that fills the limit of either kind. */
Test(json_hostile, the_dearest_documents_keep_to_the_memory_promised)
{
    CLEANUP(tight)
    struct span objects =
        tight_repeat("[", "{},", limits.containers - 2, "{}]");
    CLEANUP(tight)
    struct span values = tight_repeat("[", "1,", limits.values - 2, "1]");
    CLEANUP(buf) struct buf members = BUF_INIT(FOUR_MIB);

    expect(objects, 0, "");
    expect(values, 0, "");
    for (size_t i = 0; i < limits.values - 1; i++)
        buf_add_format(&members, "%c\"%zu\":\"\"", i ? ',' : '{', i);
    buf_add_char(&members, '}');
    cr_assert_not(members.overflowed);
    expect(buf_span(&members), 0, "");
}

Test(json_hostile, both_limits_at_once_keep_to_the_memory_promised)
{
    CLEANUP(tight)
    struct span text = tight_repeat("[", "{\"a\":1.5,\"b\":1.5,\"c\":1.5},",
                                    limits.containers - 2, "{}]");

    expect(text, 0, "");
}

Test(json_hostile, four_mebibytes_of_open_brackets)
{
    CLEANUP(tight) struct span arrays = tight_repeat("", "[", FOUR_MIB, "");
    CLEANUP(tight)
    struct span objects = tight_repeat("", "{\"a\":", FOUR_MIB / 5, "");

    expect(arrays, -1, "too deeply");
    expect(objects, -1, "too deeply");
}

Test(json_hostile, four_mebibytes_of_empty_objects)
{
    CLEANUP(tight)
    struct span text = tight_repeat("[", "{},", FOUR_MIB / 3, "{}]");

    expect(text, -1, "too many objects");
}

Test(json_hostile, four_mebibytes_of_small_values)
{
    CLEANUP(tight)
    struct span text = tight_repeat("[", "0,", FOUR_MIB / 2, "0]");

    expect(text, -1, "too many values");
}

Test(json_hostile, a_number_of_a_million_digits)
{
    CLEANUP(tight) struct span whole = tight_repeat("", "9", 1000000, "");
    CLEANUP(tight) struct span part = tight_repeat("[1.", "9", 1000000, "]");
    CLEANUP(tight) struct span power = tight_repeat("[1e", "9", 1000000, "]");

    expect(whole, -1, "too long");
    expect(part, -1, "too long");
    expect(power, -1, "too long");
}

Test(json_hostile, a_hundred_thousand_times_the_same_key)
{
    CLEANUP(tight)
    struct span text = tight_repeat("{", "\"k\":0,", 65000, "\"k\":0}");
    CLEANUP(tight)
    struct span more = tight_repeat("{", "\"k\":0,", 100000, "\"k\":0}");

    expect(text, -1, "key twice");
    expect(more, -1, "too many values");
}

/*
 * Keys of one hash for a table that computes h * 33 + c, as "Bb" and "CA"
 * have: the classic attack. json-c seeds its hash.
 */
Test(json_hostile, keys_that_collide)
{
    CLEANUP(buf) struct buf text = BUF_INIT(FOUR_MIB);

    for (unsigned int i = 0; i < 65000; i++) {
        char key[33] = {0};

        for (unsigned int bit = 0; bit < 16; bit++)
            memcpy(key + 2 * bit, (i >> bit) & 1 ? "Bb" : "CA", 2);
        buf_add_format(&text, "%c\"%s\":0", i ? ',' : '{', key);
    }
    buf_add_char(&text, '}');
    cr_assert_not(text.overflowed);
    expect(buf_span(&text), 0, "");
}

Test(json_hostile, one_string_of_four_mebibytes)
{
    CLEANUP(tight) struct span plain = tight_repeat("\"", "x", FOUR_MIB, "\"");
    CLEANUP(tight)
    struct span escaped = tight_repeat("\"", "\\u0041", FOUR_MIB / 6, "\"");
    CLEANUP(tight)
    struct span open = tight_repeat("\"", "\\\\", FOUR_MIB / 2, "");

    expect(plain, 0, "");
    expect(escaped, 0, "");
    expect(open, -1, "does not end");
}

Test(json_hostile, overlong_forms_and_nuls)
{
    CLEANUP(tight) struct span overlong = tight_text("[\"\xC0\xAF\"]");
    CLEANUP(tight) struct span nul = tight_copy(SPAN("[\"\0\"]"));
    CLEANUP(tight) struct span nuls = tight_copy(SPAN("\0\0\0\0"));

    expect(overlong, -1, "not UTF-8");
    expect(nul, -1, "control");
    expect(nuls, -1, "not a value");
}

Test(json_hostile, twins_among_many_keys_are_found)
{
    CLEANUP(buf) struct buf text = BUF_INIT(FOUR_MIB);
    CLEANUP(json) struct json *document = NULL;
    struct err err = {0};

    buf_add(&text, SPAN("{\"needle\":0"));
    for (size_t i = 0; i < 60000; i++)
        buf_add_format(&text, ",\"key%zu\":0", i);
    buf_add(&text, SPAN(",\"Needle\":0}"));
    cr_assert_eq(json_parse(buf_span(&text), &limits, &document, &err), 0, "%s",
                 err.text);
    cr_expect(json_has_case_twins(document));
}
