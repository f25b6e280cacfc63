/* SPDX-License-Identifier: MIT */
#include "base/json_writer.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"

static void begin_value(struct json_writer *json, const char *key)
{
    if (!json->is_first)
        buf_add_char(json->into, ',');
    json->is_first = false;
    if (key != NULL)
        buf_add_format(json->into, "\"%s\":", key);
}

static void open_with(struct json_writer *json, const char *key, char bracket)
{
    begin_value(json, key);
    buf_add_char(json->into, bracket);
    json->is_first = true;
}

/* What was opened is itself a member of something, and not the next one. */
static void close_with(struct json_writer *json, char bracket)
{
    buf_add_char(json->into, bracket);
    json->is_first = false;
}

void json_writer_begin(struct json_writer *json, struct buf *into)
{
    *json = (struct json_writer){.into = into, .is_first = true};
    open_with(json, NULL, '{');
}

void json_writer_end(struct json_writer *json)
{
    close_with(json, '}');
    buf_add_char(json->into, '\n');
}

void json_writer_text(struct json_writer *json, const char *key,
                      struct span value)
{
    begin_value(json, key);
    json_add_string(json->into, value);
}

void json_writer_number(struct json_writer *json, const char *key,
                        uint64_t value)
{
    begin_value(json, key);
    buf_add_format(json->into, "%" PRIu64, value);
}

void json_writer_flag(struct json_writer *json, const char *key, bool value)
{
    begin_value(json, key);
    buf_add(json->into, value ? SPAN("true") : SPAN("false"));
}

void json_writer_json(struct json_writer *json, const char *key,
                      struct span value)
{
    begin_value(json, key);
    buf_add(json->into, value);
}

void json_writer_time(struct json_writer *json, const char *key,
                      int64_t seconds)
{
    char text[CLOCK_RFC3339_MAX];

    clock_format_rfc3339(seconds, text);
    json_writer_text(json, key, span_of(text));
}

void json_writer_begin_object(struct json_writer *json, const char *key)
{
    open_with(json, key, '{');
}

void json_writer_end_object(struct json_writer *json)
{
    close_with(json, '}');
}

void json_writer_begin_array(struct json_writer *json, const char *key)
{
    open_with(json, key, '[');
}

void json_writer_end_array(struct json_writer *json)
{
    close_with(json, ']');
}
