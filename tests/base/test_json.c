/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>

#include "base/json.h"
#include "base/tight.h"

static const struct json_limits roomy = {.containers = 1000, .values = 10000};

static int parse(struct span text, struct json **out, struct err *err)
{
    return json_parse(text, &roomy, out, err);
}

static void expect_accepted(struct span given)
{
    CLEANUP(tight) struct span text = tight_copy(given);
    CLEANUP(json) struct json *document = NULL;
    struct err err = {0};

    cr_expect_eq(parse(text, &document, &err), 0, "%.*s: %s", SPAN_ARGS(given),
                 err.text);
    cr_expect_eq(err.code, ERR_NONE);
}

static void expect_refused(struct span given, const char *why)
{
    CLEANUP(tight) struct span text = tight_copy(given);
    CLEANUP(json) struct json *document = NULL;
    struct err err = {0};

    cr_expect_eq(parse(text, &document, &err), -1, "'%.*s' was let through",
                 SPAN_ARGS(given));
    cr_expect_eq(err.code, ERR_SYNTAX);
    cr_expect_null(document);
    cr_expect_not_null(strstr(err.text, why), "'%.*s': '%s', not '%s'",
                       SPAN_ARGS(given), err.text, why);
}

Test(json, every_kind_of_value_is_read)
{
    CLEANUP(tight)
    struct span text = tight_text(
        " {\"n\":null,\"b\":true,\"i\":1,\"d\":1.5,\"s\":\"x\",\"a\":[],"
        "\"o\":{}}\r\n\t");
    CLEANUP(json) struct json *document = NULL;
    struct err err = {0};

    cr_assert_eq(parse(text, &document, &err), 0, "%s", err.text);
    cr_expect_eq(json_kind(document), JSON_OBJECT);
    cr_expect_eq(json_kind(json_member(document, "n")), JSON_NULL);
    cr_expect_eq(json_kind(json_member(document, "b")), JSON_BOOLEAN);
    cr_expect_eq(json_kind(json_member(document, "i")), JSON_NUMBER);
    cr_expect_eq(json_kind(json_member(document, "d")), JSON_NUMBER);
    cr_expect_eq(json_kind(json_member(document, "s")), JSON_STRING);
    cr_expect_eq(json_kind(json_member(document, "a")), JSON_ARRAY);
    cr_expect_eq(json_kind(json_member(document, "o")), JSON_OBJECT);
    cr_expect_eq(json_kind(json_member(document, "absent")), JSON_ABSENT);
    cr_expect_null(json_member(document, "absent"));
}

Test(json, a_document_may_be_any_value)
{
    static const char *const texts[] = {"null", "true",    "false", "0",
                                        "-0",   "-1.5e+3", "1E2",   "\"\"",
                                        "[]",   "{}",      " [ ] ", "[[],{}]"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        expect_accepted(span_of(texts[i]));
}

Test(json, what_rfc_8259_forbids_is_refused)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"", "empty"},
        {" ", "not a value"},
        {"{", "wants a key"},
        {"[", "not a value"},
        {"{}x", "more bytes"},
        {"{} {}", "more bytes"},
        {"[1,]", "not a value"},
        {"[,1]", "not a value"},
        {"[1 2]", "',' or ']'"},
        {"{\"a\":1,}", "wants a key"},
        {"{\"a\"}", "':'"},
        {"{\"a\" 1}", "':'"},
        {"{\"a\":}", "not a value"},
        {"{\"a\":1 \"b\":2}", "',' or '}'"},
        {"{a:1}", "wants a key"},
        {"{'a':1}", "wants a key"},
        {"'a'", "not a value"},
        {"// c\n{}", "not a value"},
        {"/* c */{}", "not a value"},
        {"{}/* c */", "more bytes"},
        {"tru", "not a value"},
        {"True", "not a value"},
        {"nul", "not a value"},
        {"NaN", "not a value"},
        {"Infinity", "not a value"},
        {"-", "not a value"},
        {"-Infinity", "not a value"},
        {"+1", "not a value"},
        {"01", "leading zero"},
        {"-01", "leading zero"},
        {".5", "not a value"},
        {"1.", "point"},
        {"1.e1", "point"},
        {"1e", "exponent"},
        {"1e+", "exponent"},
        {"0x10", "more bytes"},
        {"\"", "does not end"},
        {"\"abc", "does not end"},
        {"\"\\", "not an escape"},
        {"\"\\\"", "does not end"},
        {"\"\\x41\"", "not an escape"},
        {"[\"\\u12\"]", "four hex"},
        {"\"\\u12", "cut off"},
        {"\"\\u12G4\"", "four hex"},
        {"\"\t\"", "control"},
        {"\"\n\"", "control"},
        {"\"\x1f\"", "control"},
        {"\v{}", "not a value"},
        {"\xEF\xBB\xBF{}", "not a value"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_refused(span_of(cases[i].text), cases[i].why);
}

Test(json, nul_bytes_end_nothing)
{
    expect_refused(SPAN("{}\0"), "more bytes");
    expect_refused(SPAN("\0{}"), "not a value");
    expect_refused(SPAN("[1\0]"), "',' or ']'");
    expect_refused(SPAN("\"a\0b\""), "control");
    expect_refused(SPAN("{\"a\0\":1}"), "control");
    expect_refused(SPAN("1\0"), "more bytes");
}

Test(json, every_prefix_of_a_document_is_refused)
{
    struct span text = SPAN("{\"a\":[1.5e1,true,null,\"\\u00e4\\uD83D\\uDE00"
                            "\xC3\xA4\xF0\x9F\x98\x80\"],\"b\":{}}");

    expect_accepted(text);
    for (size_t len = 0; len < text.len; len++)
        expect_refused(span_first(text, len), "no JSON");
}

Test(json, only_utf8_is_let_through)
{
    static const char *const good[] = {
        "\xC2\x80",         "\xDF\xBF",         "\xE0\xA0\x80",
        "\xED\x9F\xBF",     "\xEE\x80\x80",     "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "\x7F"};
    static const char *const bad[] = {"\x80",
                                      "\xBF",
                                      "\xC0\x80", /* overlong NUL */
                                      "\xC1\xBF",
                                      "\xC2",
                                      "\xC2\x41",
                                      "\xE0\x80\x80",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80", /* surrogate */
                                      "\xED\xBF\xBF",
                                      "\xE2\x82",
                                      "\xF0\x80\x80\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xF0\x9F\x98",
                                      "\xFE",
                                      "\xFF",
                                      "\xF8\x88\x80\x80\x80"};
    char text[32];

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        snprintf(text, sizeof(text), "\"%s\"", good[i]);
        expect_accepted(span_of(text));
        cr_expect(json_is_utf8(span_of(good[i])));
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CLEANUP(tight) struct span alone = tight_text(bad[i]);

        snprintf(text, sizeof(text), "\"%s\"", bad[i]);
        expect_refused(span_of(text), "not UTF-8");
        snprintf(text, sizeof(text), "{\"%s\":1}", bad[i]);
        expect_refused(span_of(text), "not UTF-8");
        cr_expect_not(json_is_utf8(alone), "row %zu", i);
    }
}

Test(json, half_a_surrogate_pair_is_refused)
{
    expect_accepted(SPAN("\"\\ud83d\\ude00\""));
    expect_refused(SPAN("\"\\ud83d\""), "surrogate");
    expect_refused(SPAN("\"\\ud83dx\""), "surrogate");
    expect_refused(SPAN("\"\\ud83d\\n\""), "surrogate");
    expect_refused(SPAN("\"\\ud83d\\u0041\""), "surrogate");
    expect_refused(SPAN("\"\\ude00\""), "surrogate");
    expect_refused(SPAN("\"\\ude00\\ud83d\""), "surrogate");
}

Test(json, a_key_that_comes_twice_is_refused)
{
    expect_refused(SPAN("{\"a\":1,\"a\":1}"), "key twice");
    expect_refused(SPAN("{\"a\":1,\"b\":2,\"\\u0061\":3}"), "key twice");
    expect_refused(SPAN("[{\"x\":{\"\":[],\"\":{\"y\":1}}}]"), "key twice");
    expect_refused(SPAN("{\"a\":{\"b\":1},\"a\":{}}"), "key twice");
    expect_accepted(
        SPAN("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}"));
}

Test(json, a_key_with_a_nul_is_refused)
{
    expect_refused(SPAN("{\"layers\\u0000\":1}"), "NUL");
    expect_accepted(SPAN("{\"layers\":\"\\u0000\"}"));
}

Test(json, twins_in_another_case_are_found)
{
    static const struct {
        const char *text;
        bool twins;
    } cases[] = {
        {"{}", false},
        {"[]", false},
        {"{\"a\":1,\"b\":1}", false},
        {"{\"a\":1,\"A\":1}", true},
        {"{\"layers\":1,\"x\":2,\"LayerS\":1}", true},
        {"{\"layers\":1,\"layer\xC5\xBF\":1}", true}, /* long s */
        {"{\"k\":1,\"\xE2\x84\xAA\":1}", true},       /* Kelvin */
        {"{\"k\":1,\"\xC5\xBF\":1}", false},
        {"{\"\xC3\xA4\":1,\"\xC3\x84\":1}", false}, /* a umlaut */
        {"{\"@\":1,\"`\":1,\"[\":1,\"{\":1}", false},
        {"{\"a\":{\"b\":1},\"B\":1}", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_text(cases[i].text);
        CLEANUP(json) struct json *document = NULL;
        struct err err = {0};

        cr_assert_eq(parse(text, &document, &err), 0, "%s", err.text);
        cr_expect_eq(json_has_case_twins(document), cases[i].twins, "%s",
                     cases[i].text);
    }
    cr_expect_not(json_has_case_twins(NULL));
}

Test(json, strings_come_out_decoded)
{
    CLEANUP(tight)
    struct span text = tight_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e4"
                                  "\\ud83d\\ude00\xC3\xA4\"");
    CLEANUP(json) struct json *document = NULL;
    struct err err = {0};
    struct span decoded;

    cr_assert_eq(parse(text, &document, &err), 0, "%s", err.text);
    cr_assert(json_as_string(document, &decoded));
    cr_expect(
        span_equals(decoded, SPAN("\"\\/\b\f\n\r\t\0\xC3\xA4\xF0\x9F\x98\x80"
                                  "\xC3\xA4")));
}

Test(json, whole_numbers_come_out_exact)
{
    static const struct {
        const char *text;
        bool whole;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"2", true, 2},
        {"9007199254740993", true, UINT64_C(9007199254740993)},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", true, UINT64_C(9223372036854775808)},
        {"18446744073709551614", true, UINT64_MAX - 1},
        {"18446744073709551615", false, 0},
        {"-1", false, 0},
        {"-9223372036854775808", false, 0},
        {"2.0", false, 0},
        {"2e0", false, 0},
        {"1e400", false, 0},
        {"\"2\"", false, 0},
        {"true", false, 0},
        {"null", false, 0},
        {"[2]", false, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_text(cases[i].text);
        CLEANUP(json) struct json *document = NULL;
        struct err err = {0};
        uint64_t value = 0;

        cr_assert_eq(parse(text, &document, &err), 0, "%s", err.text);
        cr_expect_eq(json_as_u64(document, &value), cases[i].whole, "%s",
                     cases[i].text);
        cr_expect_eq(value, cases[i].value, "%s", cases[i].text);
    }
}

Test(json, a_number_beyond_64_bits_never_passes_for_another)
{
    static const char *const texts[] = {
        "18446744073709551616", "99999999999999999999999",
        "-9223372036854775809", "-99999999999999999999999"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        CLEANUP(tight) struct span text = tight_text(texts[i]);
        CLEANUP(json) struct json *document = NULL;
        struct err err = {0};
        uint64_t value;

        cr_assert_eq(parse(text, &document, &err), 0, "%s", err.text);
        cr_expect_not(json_as_u64(document, &value), "%s", texts[i]);
    }
}

Test(json, readers_accept_what_is_absent_or_of_another_kind)
{
    CLEANUP(tight) struct span text = tight_text("[null,1]");
    CLEANUP(json) struct json *document = NULL;
    struct err err = {0};
    struct span string;
    uint64_t number;

    cr_assert_eq(parse(text, &document, &err), 0);
    cr_expect_eq(json_kind(NULL), JSON_ABSENT);
    cr_expect_null(json_member(NULL, "a"));
    cr_expect_null(json_member(document, "a"));
    cr_expect_null(json_member(json_at(document, 0), "a"));
    cr_expect_null(json_at(NULL, 0));
    cr_expect_null(json_at(document, 2));
    cr_expect_null(json_at(json_at(document, 0), 0));
    cr_expect_eq(json_kind(json_at(document, 0)), JSON_NULL);
    cr_expect_eq(json_array_length(NULL), 0);
    cr_expect_eq(json_array_length(json_at(document, 1)), 0);
    cr_expect_not(json_as_string(NULL, &string));
    cr_expect_not(json_as_string(document, &string));
    cr_expect_not(json_as_u64(NULL, &number));
    cr_expect_eq(json_each_member(NULL, NULL, NULL), 0);
    cr_expect_eq(json_each_member(document, NULL, NULL), 0);
    json_free(NULL);
}

struct visits {
    char keys[16];
    size_t count;
    size_t stop;
};

static int visit(void *context, struct span key, const struct json *value)
{
    struct visits *visits = context;

    cr_expect_eq(key.len, 1);
    cr_expect_eq(json_kind(value), JSON_NUMBER);
    visits->keys[visits->count++] = key.ptr[0];
    return visits->count == visits->stop ? 7 : 0;
}

Test(json, members_are_visited_in_order_until_told_to_stop)
{
    CLEANUP(tight) struct span text = tight_text("{\"z\":1,\"a\":2,\"m\":3}");
    CLEANUP(json) struct json *document = NULL;
    struct visits all = {.stop = 9}, two = {.stop = 2};
    struct err err = {0};

    cr_assert_eq(parse(text, &document, &err), 0);
    cr_expect_eq(json_each_member(document, visit, &all), 0);
    cr_expect_str_eq(all.keys, "zam");
    cr_expect_eq(json_each_member(document, visit, &two), 7);
    cr_expect_str_eq(two.keys, "za");
}

Test(json, printing_keeps_order_and_escapes_no_slash)
{
    struct span text = SPAN("{\"b\":\"a/b\",\"a\":[1,-2,1.50,true,null,{}],"
                            "\"\\\"\\\\\\n\\u0001\":\"\\u0000\xC3\xA4\x7F\"}");
    CLEANUP(json) struct json *document = NULL;
    CLEANUP(buf) struct buf out = BUF_INIT(1000);
    struct err err = {0};

    cr_assert_eq(parse(text, &document, &err), 0, "%s", err.text);
    json_print(document, &out);
    cr_expect(span_equals(buf_span(&out), text), "%s", buf_text(&out));
    buf_clear(&out);
    json_print(NULL, &out);
    cr_expect_str_eq(buf_text(&out), "null");
}

Test(json, strings_are_written_escaped)
{
    static const struct {
        struct span text;
        const char *json;
    } cases[] = {
        {{"", 0}, "\"\""},
        {{"team/app", 8}, "\"team/app\""},
        {{"\"\\", 2}, "\"\\\"\\\\\""},
        {{"\b\t\n\f\r", 5}, "\"\\b\\t\\n\\f\\r\""},
        {{"\0\x01\x1F", 3}, "\"\\u0000\\u0001\\u001f\""},
        {{"\x7F\xC3\xA4", 3}, "\"\x7F\xC3\xA4\""},
        {{"a\xFFz", 3}, "\"a\xEF\xBF\xBDz\""},
        {{"\xC0\x80", 2}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {{"\xE2\x82", 2}, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_copy(cases[i].text);
        CLEANUP(buf) struct buf out = BUF_INIT(100);

        json_add_string(&out, text);
        cr_expect_str_eq(buf_text(&out), cases[i].json);
    }
}

Test(json, any_bytes_written_read_back_as_json)
{
    for (unsigned int a = 0; a < 256; a++) {
        for (unsigned int b = 0; b < 256; b++) {
            char bytes[2] = {(char)a, (char)b};
            CLEANUP(tight)
            struct span text = tight_copy((struct span){bytes, 2});
            CLEANUP(buf) struct buf out = BUF_INIT(100);
            CLEANUP(json) struct json *document = NULL;
            struct err err = {0};
            struct span back;

            json_add_string(&out, text);
            cr_assert_eq(parse(buf_span(&out), &document, &err), 0, "%s",
                         err.text);
            cr_assert(json_as_string(document, &back));
            if (json_is_utf8(text))
                cr_assert(span_equals(back, text), "%02x %02x", a, b);
        }
    }
}

Test(json, depth_has_a_limit)
{
    for (size_t depth = 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
        CLEANUP(buf) struct buf text = BUF_INIT(1000);

        for (size_t i = 0; i < depth; i++)
            buf_add(&text, i % 2 ? SPAN("{\"a\":") : SPAN("["));
        buf_add_char(&text, '1');
        for (size_t i = depth; i-- > 0;)
            buf_add_char(&text, i % 2 ? '}' : ']');
        if (depth <= JSON_DEPTH_MAX)
            expect_accepted(buf_span(&text));
        else
            expect_refused(buf_span(&text), "too deeply");
    }
}

Test(json, values_and_containers_have_limits)
{
    const struct json_limits limits = {.containers = 3, .values = 5};
    static const struct {
        const char *text;
        const char *why; /* NULL when it passes */
    } cases[] = {
        {"[[],[]]", NULL},
        {"[[],[],{}]", "too many objects"},
        {"[1,2,3,4]", NULL},
        {"[1,2,3,4,5]", "too many values"},
        {"{\"a\":1,\"b\":[2,3]}", NULL},
        {"{\"a\":1,\"b\":[2,3,4]}", "too many values"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_text(cases[i].text);
        CLEANUP(json) struct json *document = NULL;
        struct err err = {0};
        int result = json_parse(text, &limits, &document, &err);

        cr_expect_eq(result, cases[i].why ? -1 : 0, "%s", cases[i].text);
        if (cases[i].why != NULL)
            cr_expect_not_null(strstr(err.text, cases[i].why), "%s", err.text);
    }
}

Test(json, an_error_names_the_place)
{
    CLEANUP(json) struct json *document = NULL;
    struct err err = {0};

    cr_assert_eq(parse(SPAN("{\"a\": nope}"), &document, &err), -1);
    cr_expect_str_eq(err.text, "no JSON: not a value (byte 6 of 11)");
}
