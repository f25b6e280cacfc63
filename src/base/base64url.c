/* SPDX-License-Identifier: MIT */
#include "base/base64url.h"

#include <stdint.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_add(struct buf *into, struct span bytes)
{
    uint32_t bits = 0;
    unsigned held = 0; /* bits not written yet */

    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | (unsigned char)bytes.ptr[i];
        for (held += 8; held >= 6; held -= 6)
            buf_add_char(into, alphabet[bits >> (held - 6) & 63]);
    }
    if (held > 0)
        buf_add_char(into, alphabet[bits << (6 - held) & 63]);
}

static int value_of(char c)
{
    const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

    return at != NULL ? (int)(at - alphabet) : -1;
}

static int decode(struct span text, struct buf *into)
{
    uint32_t bits = 0;
    unsigned held = 0;

    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.ptr[i]);

        if (value < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            buf_add_char(into, (char)(unsigned char)(bits >> held));
        }
    }
    /* One text only for the same bytes: nothing hides in the last letter. */
    if (held >= 6 || (bits & ((1u << held) - 1)) != 0 || into->overflowed)
        return -1;
    return 0;
}

int base64url_decode(struct span text, struct buf *into)
{
    size_t before = into->len;

    if (decode(text, into) == 0)
        return 0;
    buf_truncate(into, before);
    return -1;
}
