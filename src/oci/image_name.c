/* SPDX-License-Identifier: MIT */
#include "oci/image_name.h"

#include <stdio.h>
#include <string.h>

/* Cuts off what stands behind the last `separator` of the last component. */
static bool cut_last(struct span *text, char separator, struct span *behind)
{
    for (size_t i = text->len; i > 0 && text->ptr[i - 1] != '/'; i--) {
        if (text->ptr[i - 1] != separator)
            continue;
        *behind = span_from(*text, i);
        text->len = i - 1;
        return true;
    }
    return false;
}

static bool cut_digest(struct span *text, struct span *digest)
{
    const char *at = text->len > 0 ? memchr(text->ptr, '@', text->len) : NULL;

    if (at == NULL)
        return false;
    *digest = span_from(*text, (size_t)(at - text->ptr) + 1);
    text->len = (size_t)(at - text->ptr);
    return true;
}

int image_name_parse(struct span text, struct image_name *out, struct err *err)
{
    struct image_name name = {.has_digest = false};
    struct span part = {0};

    if (cut_digest(&text, &part)) {
        if (digest_parse(part, &name.digest, err) < 0)
            return -1;
        name.has_digest = true;
    }
    if (cut_last(&text, ':', &part)) {
        if (!tag_is_valid(part))
            return err_set(err, ERR_TAG_INVALID, "%.*s is no tag",
                           SPAN_ARGS(part));
        snprintf(name.tag, sizeof(name.tag), "%.*s", SPAN_ARGS(part));
    }
    if (!name_is_valid(text))
        return err_set(err, ERR_NAME_INVALID, "%.*s is no repository name",
                       SPAN_ARGS(text));
    snprintf(name.repository, sizeof(name.repository), "%.*s", SPAN_ARGS(text));
    *out = name;
    return 0;
}

static bool is_host(struct span first)
{
    return memchr(first.ptr, '.', first.len) != NULL ||
           memchr(first.ptr, ':', first.len) != NULL ||
           span_equals(first, SPAN("localhost"));
}

int image_name_parse_foreign(struct span text, struct image_name *out,
                             struct err *err)
{
    struct span rest = text;
    struct span first = span_cut(&rest, '/');

    return image_name_parse(
        rest.ptr != NULL && first.len > 0 && is_host(first) ? rest : text, out,
        err);
}
