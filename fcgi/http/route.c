/* SPDX-License-Identifier: MIT */
#include "http/route.h"

#include <stdio.h>

#define NAME_PART SPAN("<name>")

enum part {
    PART_LITERAL,
    PART_DIGEST,
    PART_REFERENCE,
    PART_UUID,
};

static enum part part_of(struct span component)
{
    if (span_equals(component, SPAN("<digest>")))
        return PART_DIGEST;
    if (span_equals(component, SPAN("<reference>")))
        return PART_REFERENCE;
    if (span_equals(component, SPAN("<uuid>")))
        return PART_UUID;
    return PART_LITERAL;
}

/* The pattern in front of <name>, and behind it; false without one. */
static bool split_pattern(struct span pattern, struct span *before,
                          struct span *after)
{
    const char *at =
        memmem(pattern.ptr, pattern.len, NAME_PART.ptr, NAME_PART.len);

    if (at == NULL)
        return false;
    *before = span_first(pattern, (size_t)(at - pattern.ptr));
    *after = span_from(pattern, before->len + NAME_PART.len);
    return true;
}

/* Cuts the last component, with its slash, off the end of `text`. */
static struct span cut_last(struct span *text)
{
    size_t at = text->len;
    struct span last;

    while (at > 0 && text->ptr[at - 1] != '/')
        at--;
    last = span_from(*text, at);
    text->len = at > 0 ? at - 1 : 0;
    return last;
}

/* What a path has where the pattern has <name>, and in its variable part. */
struct parts {
    struct span name;
    enum part kind;
    struct span value;
};

/*
 * From the end, component by component, so that <name> takes as many as it
 * can. At most one component of the end is variable.
 */
static bool match_end(struct span path, struct span after, struct parts *out)
{
    while (after.len > 0) {
        struct span expected = cut_last(&after);
        struct span found = cut_last(&path);
        enum part kind = part_of(expected);

        if (kind == PART_LITERAL && !span_equals(expected, found))
            return false;
        if (kind != PART_LITERAL) {
            out->kind = kind;
            out->value = found;
        }
    }
    out->name = path;
    return true;
}

static bool match_pattern(struct span pattern, struct span path,
                          struct parts *out)
{
    struct span before, after;

    *out = (struct parts){.kind = PART_LITERAL};
    if (!split_pattern(pattern, &before, &after))
        return span_equals(pattern, path);
    if (!span_starts_with(path, before))
        return false;
    return match_end(span_from(path, before.len), after, out) &&
           out->name.len > 0;
}

static int unknown_upload(struct span uuid, struct err *err)
{
    err_set(err, ERR_BLOB_UPLOAD_UNKNOWN, "malformed upload id");
    return err_detail(err, "%.*s", SPAN_ARGS(uuid));
}

static int fill_value(const struct parts *parts, struct call *call,
                      struct err *err)
{
    switch (parts->kind) {
    case PART_LITERAL:
        return 0;
    case PART_DIGEST:
        return digest_parse(parts->value, &call->digest, err);
    case PART_REFERENCE:
        return reference_parse(parts->value, &call->reference, err);
    case PART_UUID:
        if (!uuid_is_valid(parts->value))
            return unknown_upload(parts->value, err);
        snprintf(call->uuid, sizeof(call->uuid), "%.*s",
                 SPAN_ARGS(parts->value));
        return 0;
    }
    return err_set(err, ERR_INTERNAL, "unknown part");
}

static int fill_call(const struct parts *parts, struct call *call,
                     struct err *err)
{
    if (parts->name.len > 0) {
        if (!name_is_valid(parts->name)) {
            err_set(err, ERR_NAME_INVALID, "malformed repository name");
            return err_detail(err, "%.*s", SPAN_ARGS(parts->name));
        }
        snprintf(call->name, sizeof(call->name), "%.*s",
                 SPAN_ARGS(parts->name));
    }
    return fill_value(parts, call, err);
}

const struct endpoint *route_match(const struct route *route, struct span path,
                                   struct call *call, struct err *err)
{
    for (size_t i = 0; i < route->endpoint_count; i++) {
        const struct endpoint *endpoint = &route->endpoints[i];
        struct parts parts;

        if (!match_pattern(span_of(endpoint->path), path, &parts))
            continue;
        return fill_call(&parts, call, err) == 0 ? endpoint : NULL;
    }
    err_set(err, ERR_ROUTE_UNKNOWN, "no endpoint of %s", route->name);
    return NULL;
}

const struct action *endpoint_action(const struct endpoint *endpoint,
                                     enum http_method method)
{
    if (method == HTTP_HEAD)
        method = HTTP_GET;
    for (const struct action *a = endpoint->actions; a->access != ACCESS_NONE;
         a++) {
        if (a->method == method)
            return a;
    }
    return NULL;
}

void endpoint_methods(const struct endpoint *endpoint,
                      bool (*admits)(const struct settings *settings,
                                     enum action_access access),
                      const struct settings *settings, struct buf *out)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET, HEAD", [HTTP_HEAD] = "HEAD",
        [HTTP_POST] = "POST",     [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH",   [HTTP_DELETE] = "DELETE",
        [HTTP_OTHER] = "",
    };

    for (const struct action *a = endpoint->actions; a->access != ACCESS_NONE;
         a++) {
        if (admits(settings, a->access))
            buf_add_format(out, "%s%s", out->len > 0 ? ", " : "",
                           names[a->method]);
    }
}
