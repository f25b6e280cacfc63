/* SPDX-License-Identifier: MIT */
#include "base/json_scan.h"

struct scan {
    struct span rest;
    const struct json_limits *limits;
    size_t containers;
    size_t values;
    size_t members;
    const char *reason; /* NULL until something is wrong */
};

static int fail(struct scan *scan, const char *reason)
{
    scan->reason = reason;
    return -1;
}

static void advance(struct scan *scan, size_t len)
{
    scan->rest = span_from(scan->rest, len);
}

static void skip_blanks(struct scan *scan)
{
    size_t len = 0;

    while (len < scan->rest.len) {
        char c = scan->rest.ptr[len];

        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            break;
        len++;
    }
    advance(scan, len);
}

/* The next byte; a NUL at the end, which no JSON text has outside strings. */
static char peek(const struct scan *scan)
{
    return scan->rest.len > 0 ? scan->rest.ptr[0] : '\0';
}

static bool take(struct scan *scan, char c)
{
    if (scan->rest.len == 0 || scan->rest.ptr[0] != c)
        return false;
    advance(scan, 1);
    return true;
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* RFC 3629 section 4: the ranges of a second byte after each first one. */
static bool second_byte_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xE0: /* overlong */
        return second >= 0xA0;
    case 0xED: /* surrogates */
        return second <= 0x9F;
    case 0xF0: /* overlong */
        return second >= 0x90;
    case 0xF4: /* beyond U+10FFFF */
        return second <= 0x8F;
    default:
        return true;
    }
}

size_t json_utf8_length(struct span text)
{
    unsigned char first = (unsigned char)text.ptr[0];
    size_t len;

    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    len = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (text.len < len || !second_byte_fits(first, (unsigned char)text.ptr[1]))
        return 0;
    for (size_t i = 1; i < len; i++)
        if (!is_continuation(text.ptr[i]))
            return 0;
    return len;
}

static int scan_hex4(struct scan *scan, unsigned int *out)
{
    unsigned int value = 0;

    if (scan->rest.len < 4)
        return fail(scan, "an escape is cut off");
    for (size_t i = 0; i < 4; i++) {
        char c = scan->rest.ptr[i];

        value <<= 4;
        if (c >= '0' && c <= '9')
            value |= (unsigned int)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value |= (unsigned int)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            value |= (unsigned int)(c - 'A' + 10);
        else
            return fail(scan, "\\u wants four hexadecimal digits");
    }
    advance(scan, 4);
    *out = value;
    return 0;
}

/* Behind "\u". Readers differ in what they make of half a pair. */
static int scan_unicode_escape(struct scan *scan, bool is_key)
{
    unsigned int unit, low;

    if (scan_hex4(scan, &unit) < 0)
        return -1;
    if (unit == 0 && is_key)
        return fail(scan, "a key has a NUL in it");
    if (unit < 0xD800 || unit > 0xDFFF)
        return 0;
    if (unit > 0xDBFF || !take(scan, '\\') || !take(scan, 'u'))
        return fail(scan, "half a surrogate pair");
    if (scan_hex4(scan, &low) < 0)
        return -1;
    if (low < 0xDC00 || low > 0xDFFF)
        return fail(scan, "half a surrogate pair");
    return 0;
}

/* Behind a backslash. */
static int scan_escape(struct scan *scan, bool is_key)
{
    switch (peek(scan)) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        advance(scan, 1);
        return 0;
    case 'u':
        advance(scan, 1);
        return scan_unicode_escape(scan, is_key);
    default:
        return fail(scan, "not an escape");
    }
}

static size_t plain_length(struct span text)
{
    size_t len = 0;

    while (len < text.len) {
        unsigned char c = (unsigned char)text.ptr[len];

        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
        len++;
    }
    return len;
}

/* Behind the opening quote. */
static int scan_string(struct scan *scan, bool is_key)
{
    for (;;) {
        size_t len;

        advance(scan, plain_length(scan->rest));
        if (scan->rest.len == 0)
            return fail(scan, "a string does not end");
        if (take(scan, '"'))
            return 0;
        if (take(scan, '\\')) {
            if (scan_escape(scan, is_key) < 0)
                return -1;
            continue;
        }
        if ((unsigned char)peek(scan) < 0x20)
            return fail(scan, "a control character in a string");
        len = json_utf8_length(scan->rest);
        if (len == 0)
            return fail(scan, "not UTF-8");
        advance(scan, len);
    }
}

static size_t scan_digits(struct scan *scan)
{
    size_t len = 0;

    while (len < scan->rest.len && scan->rest.ptr[len] >= '0' &&
           scan->rest.ptr[len] <= '9')
        len++;
    advance(scan, len);
    return len;
}

/* RFC 8259 section 6. */
static int scan_number(struct scan *scan)
{
    struct span start = scan->rest;
    bool zero;

    take(scan, '-');
    zero = peek(scan) == '0';
    switch (scan_digits(scan)) {
    case 0:
        return fail(scan, "not a value");
    case 1:
        break;
    default:
        if (zero)
            return fail(scan, "a number with a leading zero");
    }
    if (take(scan, '.') && scan_digits(scan) == 0)
        return fail(scan, "a number ends in a point");
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+'))
            take(scan, '-');
        if (scan_digits(scan) == 0)
            return fail(scan, "a number without its exponent");
    }
    if (start.len - scan->rest.len > JSON_NUMBER_MAX)
        return fail(scan, "a number is too long");
    return 0;
}

static int scan_literal(struct scan *scan, struct span literal)
{
    if (!span_starts_with(scan->rest, literal))
        return fail(scan, "not a value");
    advance(scan, literal.len);
    return 0;
}

static int scan_value(struct scan *scan, unsigned int depth);

/* Behind the opening bracket. */
static int scan_array(struct scan *scan, unsigned int depth)
{
    skip_blanks(scan);
    if (take(scan, ']'))
        return 0;
    for (;;) {
        if (scan_value(scan, depth) < 0)
            return -1;
        skip_blanks(scan);
        if (take(scan, ']'))
            return 0;
        if (!take(scan, ','))
            return fail(scan, "an array wants ',' or ']' here");
    }
}

/* Behind the opening brace. */
static int scan_object(struct scan *scan, unsigned int depth)
{
    skip_blanks(scan);
    if (take(scan, '}'))
        return 0;
    for (;;) {
        skip_blanks(scan);
        if (!take(scan, '"'))
            return fail(scan, "an object wants a key here");
        if (scan_string(scan, true) < 0)
            return -1;
        scan->members++;
        skip_blanks(scan);
        if (!take(scan, ':'))
            return fail(scan, "an object wants ':' here");
        if (scan_value(scan, depth) < 0)
            return -1;
        skip_blanks(scan);
        if (take(scan, '}'))
            return 0;
        if (!take(scan, ','))
            return fail(scan, "an object wants ',' or '}' here");
    }
}

static int scan_container(struct scan *scan, unsigned int depth)
{
    if (depth == JSON_DEPTH_MAX)
        return fail(scan, "nested too deeply");
    if (++scan->containers > scan->limits->containers)
        return fail(scan, "too many objects and arrays");
    if (take(scan, '{'))
        return scan_object(scan, depth + 1);
    advance(scan, 1);
    return scan_array(scan, depth + 1);
}

/* Recursion goes no deeper than JSON_DEPTH_MAX. */
static int scan_value(struct scan *scan, unsigned int depth)
{
    skip_blanks(scan);
    if (++scan->values > scan->limits->values)
        return fail(scan, "too many values");
    switch (peek(scan)) {
    case '{':
    case '[':
        return scan_container(scan, depth);
    case '"':
        advance(scan, 1);
        return scan_string(scan, false);
    case 't':
        return scan_literal(scan, SPAN("true"));
    case 'f':
        return scan_literal(scan, SPAN("false"));
    case 'n':
        return scan_literal(scan, SPAN("null"));
    default:
        return scan_number(scan);
    }
}

int json_scan(struct span text, const struct json_limits *limits,
              size_t *members, struct err *err)
{
    struct scan scan = {.rest = text, .limits = limits};

    if (text.len == 0)
        return err_set(err, ERR_SYNTAX, "no JSON: empty");
    if (scan_value(&scan, 0) == 0) {
        skip_blanks(&scan);
        if (scan.rest.len > 0)
            fail(&scan, "more bytes behind the value");
    }
    if (scan.reason != NULL)
        return err_set(err, ERR_SYNTAX, "no JSON: %s (byte %zu of %zu)",
                       scan.reason, text.len - scan.rest.len, text.len);
    *members = scan.members;
    return 0;
}
