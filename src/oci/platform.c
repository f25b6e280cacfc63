/* SPDX-License-Identifier: MIT */
#include "oci/platform.h"

static struct span text_of(const struct json *object, const char *key)
{
    struct span text = {"", 0};

    (void)!json_as_string(json_member(object, key), &text);
    return text;
}

bool platform_read(const struct json *object, struct platform *out)
{
    struct platform platform = {
        .os = text_of(object, "os"),
        .architecture = text_of(object, "architecture"),
        .variant = text_of(object, "variant"),
    };

    if (platform.os.len == 0 || span_equals(platform.os, SPAN("unknown")))
        return false;
    *out = platform;
    return true;
}

void platform_print(const struct platform *platform, struct buf *into)
{
    buf_add(into, platform->os);
    if (platform->architecture.len > 0) {
        buf_add_char(into, '/');
        buf_add(into, platform->architecture);
    }
    if (platform->variant.len > 0) {
        buf_add_char(into, '/');
        buf_add(into, platform->variant);
    }
}
