/* SPDX-License-Identifier: MIT */
/*
 * The served media type of a stored manifest, from one pass over its bytes.
 *
 * The bytes were checked when they were stored, as a rule: so this looks only
 * as closely as it must to find the members of the outermost object. Whatever
 * the bytes are, it reads none beyond them and ends.
 */
#include "oci/manifest.h"

#include <string.h>

static struct span skip_blanks(struct span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\n' ||
                         s.ptr[0] == '\r' || s.ptr[0] == '\t'))
        s = span_from(s, 1);
    return s;
}

/*
 * Cuts a string off `*rest`, which begins with its opening quote. Gives what
 * stands between the quotes, escapes and all; false if it does not end.
 */
static bool cut_string(struct span *rest, struct span *out)
{
    struct span body = span_from(*rest, 1);
    size_t from = 0;

    for (;;) {
        const char *quote = memchr(body.ptr + from, '"', body.len - from);
        size_t at, escapes = 0;

        if (quote == NULL)
            return false;
        at = (size_t)(quote - body.ptr);
        while (escapes < at - from && quote[-1 - (ptrdiff_t)escapes] == '\\')
            escapes++;
        if (escapes % 2 == 0) {
            *out = span_first(body, at);
            *rest = span_from(body, at + 1);
            return true;
        }
        from = at + 1;
    }
}

/* Cuts an array or object off `*rest`; false if it does not end. */
static bool skip_container(struct span *rest)
{
    size_t depth = 0;
    struct span ignored;

    while (rest->len > 0) {
        switch (rest->ptr[0]) {
        case '"':
            if (!cut_string(rest, &ignored))
                return false;
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            depth--;
            break;
        default:
            break;
        }
        *rest = span_from(*rest, 1);
        if (depth == 0)
            return true;
    }
    return false;
}

static bool skip_value(struct span *rest)
{
    struct span ignored;

    if (rest->len == 0)
        return false;
    if (rest->ptr[0] == '"')
        return cut_string(rest, &ignored);
    if (rest->ptr[0] == '{' || rest->ptr[0] == '[')
        return skip_container(rest);
    while (rest->len > 0 && rest->ptr[0] != ',' && rest->ptr[0] != '}')
        *rest = span_from(*rest, 1);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What follows "\u" as an ASCII character, or -1. */
static int decode_unicode(struct span digits)
{
    int value = 0;

    if (digits.len < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_digit(digits.ptr[i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value < 0x80 ? value : -1;
}

/*
 * Cuts one character off the inside of a string, escapes decoded. What is
 * not ASCII comes out as -1: no member looked for, and no media type, has it.
 */
static int next_character(struct span *body)
{
    char c = body->ptr[0];
    int value;

    *body = span_from(*body, 1);
    if (c != '\\')
        return (unsigned char)c < 0x80 ? c : -1;
    if (body->len == 0)
        return -1;
    c = body->ptr[0];
    *body = span_from(*body, 1);
    if (c != 'u')
        return c == '"' || c == '\\' || c == '/' ? c : -1;
    value = decode_unicode(*body);
    if (value >= 0)
        *body = span_from(*body, 4);
    return value;
}

static bool body_equals(struct span body, struct span text)
{
    if (memchr(body.ptr, '\\', body.len) == NULL)
        return span_equals(body, text);
    while (body.len > 0 && text.len > 0) {
        if (next_character(&body) != text.ptr[0])
            return false;
        text = span_from(text, 1);
    }
    return body.len == 0 && text.len == 0;
}

/* The length of the valid media type the string holds; 0 for none. */
static size_t decode_type(struct span body, char out[MANIFEST_MEDIA_TYPE_MAX])
{
    size_t len = 0;

    while (body.len > 0) {
        int c = next_character(&body);

        if (c < 0 || len == MEDIA_TYPE_MAX_LENGTH)
            return 0;
        out[len++] = (char)c;
    }
    out[len] = '\0';
    return media_type_is_valid((struct span){out, len}) ? len : 0;
}

/*
 * Cuts a key and its colon off `*rest`, which begins with '{' or ','. Then at
 * least one byte follows; false when the text is no such thing.
 */
static bool cut_key(struct span *rest, struct span *key)
{
    *rest = skip_blanks(span_from(*rest, 1));
    if (rest->len == 0 || rest->ptr[0] != '"' || !cut_string(rest, key))
        return false;
    *rest = skip_blanks(*rest);
    if (rest->len == 0 || rest->ptr[0] != ':')
        return false;
    *rest = skip_blanks(span_from(*rest, 1));
    return rest->len > 0;
}

/* Looks through the members; 0 without a media type of their own. */
static size_t find_type(struct span rest, char out[MANIFEST_MEDIA_TYPE_MAX],
                        bool *has_children)
{
    struct span key, value;
    size_t len;

    rest = skip_blanks(rest);
    if (rest.len == 0 || rest.ptr[0] != '{')
        return 0;
    do {
        if (!cut_key(&rest, &key))
            return 0;
        if (rest.ptr[0] == '"' && body_equals(key, SPAN("mediaType"))) {
            if (!cut_string(&rest, &value))
                return 0;
            len = decode_type(value, out);
            if (len > 0)
                return len;
        } else {
            if (rest.ptr[0] == '[' && body_equals(key, SPAN("manifests")))
                *has_children = true;
            if (!skip_value(&rest))
                return 0;
        }
        rest = skip_blanks(rest);
    } while (rest.len > 0 && rest.ptr[0] == ',');
    return 0;
}

size_t manifest_media_type(struct span bytes, char out[MANIFEST_MEDIA_TYPE_MAX])
{
    bool has_children = false;
    size_t len = find_type(bytes, out, &has_children);
    struct span type;

    if (len > 0)
        return len;
    type = has_children ? SPAN(MEDIA_TYPE_OCI_INDEX)
                        : SPAN(MEDIA_TYPE_OCI_MANIFEST);
    memcpy(out, type.ptr, type.len);
    out[type.len] = '\0';
    return type.len;
}
