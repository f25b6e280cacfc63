/* SPDX-License-Identifier: MIT */
#include "base/plain.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/json_scan.h"

/*
 * What is not to be seen, or makes that others are seen elsewhere: C1, the
 * soft hyphen, marks of direction, embeddings and isolates, what has no width,
 * ends of lines and paragraphs, interlinear marks, tags.
 */
static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x80, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},
    {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
    {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F},
};

static bool is_hidden(uint32_t character)
{
    for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
        if (character >= hidden[i].first && character <= hidden[i].last)
            return true;
    return false;
}

/* Of `len` bytes that are known to be one character (RFC 3629 section 3). */
static uint32_t decode(const char *bytes, size_t len)
{
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t character = (unsigned char)bytes[0] & first_bits[len];

    for (size_t i = 1; i < len; i++)
        character = character << 6 | ((unsigned char)bytes[i] & 0x3F);
    return character;
}

static void add_byte(struct buf *into, unsigned char byte)
{
    if (byte == '\\')
        buf_add(into, SPAN("\\\\"));
    else if (byte < 0x20 || byte >= 0x7F)
        buf_add_format(into, "\\x%02x", byte);
    else
        buf_add_char(into, (char)byte);
}

void plain_add(struct buf *into, struct span text)
{
    while (text.len > 0) {
        size_t len = json_utf8_length(text);

        if (len <= 1)
            add_byte(into, (unsigned char)text.ptr[0]);
        else if (is_hidden(decode(text.ptr, len)))
            buf_add_format(into, "\\u{%x}", decode(text.ptr, len));
        else
            buf_add(into, span_first(text, len));
        text = span_from(text, len > 0 ? len : 1);
    }
}
