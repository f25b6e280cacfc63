/* SPDX-License-Identifier: MIT */
#include "web_answer.h"

#include <stdio.h>

#include "base/json.h"
#include "base/num.h"

#define CLEAN_MAX 160 /* bytes of a server's that are shown */

void web_answer_cleanup(struct web_answer *answer)
{
    buf_cleanup(&answer->text);
    buf_cleanup(&answer->trouble);
}

static struct span cut_line(struct span *rest)
{
    struct span line = span_cut(rest, '\n');

    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* "HTTP/1.1 200 OK"; 0 for what is no status line. */
static int parse_status(struct span line)
{
    struct span version = span_cut(&line, ' ');
    uint64_t status;

    if (!span_starts_with(version, SPAN("HTTP/")) || line.len < 3 ||
        (line.len > 3 && line.ptr[3] != ' ') ||
        num_parse(span_first(line, 3), 999, &status) < 0 || status < 100)
        return 0;
    return (int)status;
}

/* One header; what follows it is left in `rest`. False when it has no end. */
static bool parse_header(struct span *rest, int *status, struct span *fields)
{
    *status = parse_status(cut_line(rest));
    if (*status == 0)
        return false;
    *fields = span_first(*rest, 0);
    while (rest->ptr != NULL) {
        const char *start = rest->ptr;
        struct span line = cut_line(rest);

        if (line.len == 0)
            return rest->ptr != NULL;
        fields->len = (size_t)(start + line.len - fields->ptr);
    }
    return false;
}

static void parse_code(struct web_answer *answer)
{
    static const struct json_limits limits = {.containers = 64, .values = 512};
    CLEANUP(json) struct json *document = NULL;
    struct err ignored = {0};
    struct span code;

    if (json_parse(answer->body, &limits, &document, &ignored) < 0)
        return;
    if (!json_as_string(
            json_member(json_at(json_member(document, "errors"), 0), "code"),
            &code) ||
        code.len >= sizeof(answer->code))
        return;
    for (size_t i = 0; i < code.len; i++) {
        if ((code.ptr[i] < 'A' || code.ptr[i] > 'Z') && code.ptr[i] != '_')
            return;
    }
    snprintf(answer->code, sizeof(answer->code), "%.*s", SPAN_ARGS(code));
}

void web_answer_parse(struct web_answer *answer)
{
    struct span rest = buf_span(&answer->text), fields;
    int status;

    answer->status = 0;
    answer->continued = false;
    answer->code[0] = '\0';
    answer->fields = answer->body = SPAN("");
    do {
        if (!parse_header(&rest, &status, &fields))
            return;
        if (status == 100)
            answer->continued = true;
    } while (status < 200);
    answer->status = status;
    answer->fields = fields;
    answer->body = rest;
    parse_code(answer);
}

bool web_answer_next_field(struct span *rest, const char *name,
                           struct span *value)
{
    while (rest->len > 0) {
        struct span line = cut_line(rest);
        struct span key = span_cut(&line, ':');

        if (line.ptr == NULL || !span_equals_nocase(key, span_of(name)))
            continue;
        *value = span_trim(line);
        return true;
    }
    return false;
}

bool web_answer_field(const struct web_answer *answer, const char *name,
                      struct span *value)
{
    struct span rest = answer->fields;

    return web_answer_next_field(&rest, name, value);
}

bool web_answer_field_begins(const struct web_answer *answer, const char *name,
                             const char *prefix)
{
    struct span value, start = span_of(prefix);

    return web_answer_field(answer, name, &value) && value.len >= start.len &&
           span_equals_nocase(span_first(value, start.len), start);
}

void web_answer_describe(const struct web_answer *answer, struct buf *into)
{
    struct span type;

    if (answer->status == 0) {
        buf_add(into, SPAN("no answer"));
        if (answer->trouble.len > 0)
            buf_add(into, SPAN(": "));
        web_clean(into, buf_span(&answer->trouble));
        return;
    }
    buf_add_format(into, "%d", answer->status);
    if (answer->code[0] != '\0') {
        buf_add_format(into, " %s", answer->code);
    } else if (web_answer_field(answer, "Content-Type", &type)) {
        buf_add(into, SPAN(", "));
        web_clean(into, type);
    }
}

void web_clean(struct buf *into, struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];

        if (i == CLEAN_MAX) {
            buf_add(into, SPAN("..."));
            return;
        }
        if (c < ' ' || c >= 0x7f)
            buf_add_format(into, "\\x%02x", c);
        else
            buf_add_char(into, (char)c);
    }
}
