/* SPDX-License-Identifier: MIT */
#include "oci/name.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* The length of the separator at the start: '.', '_', '__', '-'+; or 0. */
static size_t separator_length(struct span text)
{
    size_t len = 0;

    if (text.len == 0)
        return 0;
    if (text.ptr[0] == '.')
        return 1;
    if (text.ptr[0] == '_')
        return text.len > 1 && text.ptr[1] == '_' ? 2 : 1;
    while (len < text.len && text.ptr[len] == '-')
        len++;
    return len;
}

static size_t alphanumeric_length(struct span text)
{
    size_t len = 0;

    while (len < text.len &&
           (is_lower(text.ptr[len]) || is_digit(text.ptr[len])))
        len++;
    return len;
}

bool name_is_valid(struct span name)
{
    if (name.len == 0 || name.len > NAME_MAX_LENGTH)
        return false;
    /* Each round takes a run of letters and digits and what ends it. */
    for (;;) {
        size_t run = alphanumeric_length(name), separator;

        if (run == 0)
            return false;
        name = span_from(name, run);
        if (name.len == 0)
            return true;
        separator = name.ptr[0] == '/' ? 1 : separator_length(name);
        if (separator == 0)
            return false;
        name = span_from(name, separator);
    }
}

bool tag_is_valid(struct span tag)
{
    if (tag.len == 0 || tag.len > TAG_MAX_LENGTH)
        return false;
    for (size_t i = 0; i < tag.len; i++) {
        char c = tag.ptr[i];

        if (is_lower(c) || is_upper(c) || is_digit(c) || c == '_')
            continue;
        if (i == 0 || (c != '.' && c != '-'))
            return false;
    }
    return true;
}

bool uuid_is_valid(struct span uuid)
{
    if (uuid.len != UUID_LENGTH)
        return false;
    for (size_t i = 0; i < uuid.len; i++) {
        char c = uuid.ptr[i];

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-')
                return false;
        } else if (!is_digit(c) && !(c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    return true;
}

int reference_parse(struct span text, struct reference *out, struct err *err)
{
    if (text.len > 0 && memchr(text.ptr, ':', text.len) != NULL) {
        if (digest_parse(text, &out->digest, err) < 0)
            return -1;
        out->is_digest = true;
        out->tag[0] = '\0';
        return 0;
    }
    if (!tag_is_valid(text))
        return err_set(err, ERR_TAG_INVALID, "not a tag");
    out->is_digest = false;
    memcpy(out->tag, text.ptr, text.len);
    out->tag[text.len] = '\0';
    return 0;
}
