/* SPDX-License-Identifier: MIT */
/*
 * Objects of JSON on one line each (JSON Lines), for machines that read the
 * output of a command:
 *
 *     struct json_writer json;
 *
 *     json_writer_begin(&json, &line);
 *     json_writer_text(&json, "name", span_of(name));
 *     json_writer_begin_array(&json, "tags");
 *     json_writer_text(&json, NULL, span_of(tag));
 *     json_writer_end_array(&json);
 *     json_writer_number(&json, "bytes", bytes);
 *     json_writer_end(&json);          a newline, too
 *
 * Keys are written as they are and need no escapes; within an array they are
 * NULL. What does not fit into the buffer shows in it as always (buf.h).
 */
#ifndef BERTH_BASE_JSON_WRITER_H
#define BERTH_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

struct json_writer {
    struct buf *into; /* borrowed */
    bool is_first;    /* of the members of what is open */
};

void json_writer_begin(struct json_writer *json, struct buf *into);
void json_writer_end(struct json_writer *json);

/* A text need not be UTF-8, see json_add_string. */
void json_writer_text(struct json_writer *json, const char *key,
                      struct span value);
void json_writer_number(struct json_writer *json, const char *key,
                        uint64_t value);
void json_writer_flag(struct json_writer *json, const char *key, bool value);

/* What is JSON already, such as json_print gives; written as it is. */
void json_writer_json(struct json_writer *json, const char *key,
                      struct span value);

/* RFC 3339 in UTC, whole seconds. */
void json_writer_time(struct json_writer *json, const char *key,
                      int64_t seconds);

/* Within an object or an array; any depth. */
void json_writer_begin_object(struct json_writer *json, const char *key);
void json_writer_end_object(struct json_writer *json);
void json_writer_begin_array(struct json_writer *json, const char *key);
void json_writer_end_array(struct json_writer *json);

#endif
