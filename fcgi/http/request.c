/* SPDX-License-Identifier: MIT */
#include "http/request.h"

#include <string.h>

#include "base/num.h"

struct span request_parameter(const struct request *request, const char *name)
{
    size_t len = strlen(name);

    for (const char *const *p = request->parameters; *p != NULL; p++) {
        if (strncmp(*p, name, len) == 0 && (*p)[len] == '=')
            return span_of(*p + len + 1);
    }
    return (struct span){NULL, 0};
}

int request_check_client(const struct request *request, const char *what,
                         struct err *err)
{
    if (!request->client_is_gone(request))
        return 0;
    return err_set(err, ERR_CLIENT_GONE, "before %s", what);
}

#define READ_PIECE (16 * 1024)

int request_read_body(const struct request *request, struct buf *into,
                      struct err *err)
{
    if (request->has_content_length && request->content_length > into->max)
        return err_set(err, ERR_TOO_LARGE, "body too large");
    for (;;) {
        char piece[READ_PIECE];
        ssize_t count = reader_read(request->body, piece, sizeof(piece), err);

        if (count < 0)
            return -1;
        if (count == 0)
            return 0;
        buf_add(into, (struct span){piece, (size_t)count});
        if (into->overflowed)
            return err_set(err, ERR_TOO_LARGE, "body too large");
    }
}

bool request_query(const struct request *request, const char *name,
                   struct span *out)
{
    for (size_t i = 0; i < request->query_count; i++) {
        if (span_equals(request->query[i].name, span_of(name))) {
            *out = request->query[i].value;
            return true;
        }
    }
    return false;
}

static enum http_method parse_method(struct span text)
{
    static const struct {
        struct span text;
        enum http_method method;
    } methods[] = {
        {{"GET", 3}, HTTP_GET},     {{"HEAD", 4}, HTTP_HEAD},
        {{"POST", 4}, HTTP_POST},   {{"PUT", 3}, HTTP_PUT},
        {{"PATCH", 5}, HTTP_PATCH}, {{"DELETE", 6}, HTTP_DELETE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        if (span_equals(text, methods[i].text))
            return methods[i].method;
    }
    return HTTP_OTHER;
}

/* What a parameter is stored in, found in one pass over all of them. */
struct field {
    const char *name;
    size_t offset;
};

static void read_fields(struct request *request)
{
    static const struct field fields[] = {
        {"REQUEST_METHOD", offsetof(struct request, method_text)},
        {"REQUEST_URI", offsetof(struct request, target)},
        {"CONTENT_TYPE", offsetof(struct request, content_type)},
        {"HTTP_RANGE", offsetof(struct request, range)},
        {"HTTP_IF_RANGE", offsetof(struct request, if_range)},
        {"HTTP_IF_NONE_MATCH", offsetof(struct request, if_none_match)},
        {"HTTP_CONTENT_RANGE", offsetof(struct request, content_range)},
        {"HTTP_USER_AGENT", offsetof(struct request, user_agent)},
        {"REMOTE_ADDR", offsetof(struct request, remote_address)},
        {"REMOTE_USER", offsetof(struct request, remote_user)},
    };

    for (const char *const *p = request->parameters; *p != NULL; p++) {
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
            size_t len;

            /* By far the most differ there. */
            if ((*p)[0] != fields[i].name[0])
                continue;
            len = strlen(fields[i].name);
            if (strncmp(*p, fields[i].name, len) != 0 || (*p)[len] != '=')
                continue;
            memcpy((char *)request + fields[i].offset,
                   &(struct span){*p + len + 1, strlen(*p + len + 1)},
                   sizeof(struct span));
            break;
        }
    }
}

static int read_length(struct request *request, struct err *err)
{
    struct span text = request_parameter(request, "CONTENT_LENGTH");

    /* Empty: a chunked body that the web server streams to us. */
    if (text.len == 0)
        return 0;
    if (num_parse(text, UINT64_MAX, &request->content_length) < 0) {
        err_set(err, ERR_BAD_REQUEST, "bad CONTENT_LENGTH");
        return err_detail(err, "Content-Length is no number");
    }
    request->has_content_length = true;
    return 0;
}

static int bad_target(struct err *err, const char *why)
{
    err_set(err, ERR_BAD_REQUEST, "bad target: %s", why);
    return err_detail(err, "%s", why);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum form {
    FORM_PATH, /* an escaped slash would make one component of two */
    /*
     * A '+' is itself (RFC 3986), not the blank of HTML forms: no parameter
     * has blanks, and media types have plus signs ("application/x+json").
     */
    FORM_QUERY,
};

/*
 * Decodes %XX to the end of `into`. False for an escape that is none, or has
 * no place in this form. The room was reserved before.
 */
static bool decode(struct span text, enum form form, struct buf *into,
                   struct span *out)
{
    size_t start = into->len;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%') {
            int high = -1, low = -1;

            if (text.len - i > 2) {
                high = hex_value(text.ptr[i + 1]);
                low = hex_value(text.ptr[i + 2]);
            }
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            if (c == '/' && form == FORM_PATH)
                return false;
            i += 2;
        }
        buf_add_char(into, c);
    }
    *out = (struct span){into->ptr + start, into->len - start};
    return true;
}

/* Nothing that a web server's normal form of the path would change. */
static const char *check_path(struct span path)
{
    struct span rest = path;

    if (path.len == 0 || path.ptr[0] != '/')
        return "the path does not begin with a slash";
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] < '!' || path.ptr[i] > '~' || path.ptr[i] == '%' ||
            path.ptr[i] == '\\')
            return "the path has a character that has no place there";
    }
    rest = span_from(rest, 1);
    while (rest.len > 0) {
        struct span component = span_cut(&rest, '/');

        if (component.len == 0 || span_equals(component, SPAN(".")) ||
            span_equals(component, SPAN("..")))
            return "the path is not in its normal form";
    }
    return NULL;
}

/*
 * "http://host/v2/" is "/v2/" of that host, which the web server has chosen by
 * then (RFC 9112 section 3.2.2). nginx takes the front off, Apache does not.
 */
static struct span without_host(struct span target)
{
    static const struct span schemes[] = {{"http://", 7}, {"https://", 8}};

    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        size_t at = schemes[i].len;

        if (target.len < at ||
            !span_equals_nocase(span_first(target, at), schemes[i]))
            continue;
        while (at < target.len && target.ptr[at] != '/' &&
               target.ptr[at] != '?')
            at++;
        return span_from(target, at);
    }
    return target;
}

static int parse_path(struct request *request, struct span raw, struct err *err)
{
    const char *why;

    if (!decode(raw, FORM_PATH, &request->decoded, &request->path))
        return bad_target(err,
                          "the path has an escape that has no place there");
    why = check_path(request->path);
    return why != NULL ? bad_target(err, why) : 0;
}

/* Decoded to the end of `decoded`, where the room was reserved before. */
static int parse_pairs(struct span raw, struct buf *decoded,
                       struct query_pair pairs[REQUEST_QUERY_MAX],
                       size_t *count, struct err *err)
{
    while (raw.len > 0) {
        struct span value = span_cut(&raw, '&');
        struct span name = span_cut(&value, '=');
        struct query_pair *pair = &pairs[*count];

        if (name.len == 0)
            continue;
        if (*count == REQUEST_QUERY_MAX)
            return err_set(err, ERR_TOO_MANY_TAGS, "too many parameters");
        if (!decode(name, FORM_QUERY, decoded, &pair->name) ||
            !decode(value, FORM_QUERY, decoded, &pair->value))
            return bad_target(err, "the query has a broken escape");
        *count += 1;
    }
    return 0;
}

int request_parse_form(struct span body, struct request_form *out,
                       struct err *err)
{
    out->count = 0;
    out->decoded = BUF_INIT(body.len);
    buf_reserve(&out->decoded, body.len);
    return parse_pairs(body, &out->decoded, out->pairs, &out->count, err);
}

void request_form_cleanup(struct request_form *form)
{
    buf_cleanup(&form->decoded);
}

/*
 * lighttpd takes what follows the last question mark for the query, and would
 * decide on access to another path than ours. No parameter of ours has any.
 */
static int parse_query(struct request *request, struct span raw,
                       struct err *err)
{
    if (raw.len > 0 && memchr(raw.ptr, '?', raw.len) != NULL)
        return bad_target(err, "the query has a question mark");
    return parse_pairs(raw, &request->decoded, request->query,
                       &request->query_count, err);
}

int request_parse(const char *const *parameters, struct request *out,
                  struct err *err)
{
    struct span query, path;

    /* All but the array of the query, which query_count guards. */
    memset(out, 0, offsetof(struct request, query));
    memset((char *)out + offsetof(struct request, query_count), 0,
           sizeof(*out) - offsetof(struct request, query_count));
    out->parameters = parameters;
    out->decoded = BUF_INIT(REQUEST_TARGET_MAX);
    read_fields(out);
    out->method = parse_method(out->method_text);
    if (out->target.len >= REQUEST_TARGET_MAX)
        return err_set(err, ERR_TOO_MANY_TAGS, "target too long");
    if (read_length(out, err) < 0)
        return -1;
    /* Decoding never grows; so the spans into the buffer stay where they are.
     */
    buf_reserve(&out->decoded, out->target.len);
    query = without_host(out->target);
    path = span_cut(&query, '?');
    if (parse_path(out, path, err) < 0)
        return -1;
    return parse_query(out, query, err);
}

void request_cleanup(struct request *request)
{
    buf_cleanup(&request->decoded);
}
