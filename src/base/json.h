/* SPDX-License-Identifier: MIT */
/*
 * JSON, read strictly and written simply. The only user of json-c.
 *
 *     CLEANUP(json) struct json *document = NULL;
 *     if (json_parse(bytes, &limits, &document, err) < 0)
 *         return -1;
 *     version = json_member(document, "schemaVersion");
 *
 * What json_parse lets through is one RFC 8259 value in valid UTF-8, in which
 * no object has a key twice. A scan of our own checks the grammar and the
 * limits before json-c allocates a byte; so versions of json-c (0.16 to 0.19
 * were tried) do not differ in what is accepted.
 *
 * Values are borrowed from the document and live as long as it. Every reading
 * function accepts NULL (an absent value) and a value of another type.
 */
#ifndef BERTH_BASE_JSON_H
#define BERTH_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

struct json; /* a value of a parsed document, or the document itself */

enum json_kind {
    JSON_ABSENT, /* a NULL pointer, as json_member gives for a missing key */
    JSON_NULL,
    JSON_BOOLEAN,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/*
 * What bounds the memory of a document, whatever its text. Measured with
 * json-c 0.16 on amd64, beside the bytes of its strings: 800 bytes for an
 * object, 150 for an array, 70 to 105 for any other value, up to 200 for a
 * value that is a member. Depth is bounded by JSON_DEPTH_MAX.
 */
struct json_limits {
    size_t containers; /* arrays and objects */
    size_t values;     /* of any kind, containers too */
};

#define JSON_DEPTH_MAX 32
#define JSON_NUMBER_MAX 64 /* bytes of a number's text */

/* ERR_SYNTAX with the reason and the place; nothing in it is the client's. */
int json_parse(struct span text, const struct json_limits *limits,
               struct json **out, struct err *err) WARN_UNUSED;
void json_free(struct json *document);
void json_cleanup(struct json **document);

enum json_kind json_kind(const struct json *value);

/* A member of an object; NULL when there is none or `object` is no object. */
const struct json *json_member(const struct json *object, const char *key);

/*
 * Calls `visit` for each member in the order of the text, until it returns
 * other than 0, and returns that; 0 for what is no object.
 */
typedef int json_visit(void *context, struct span key,
                       const struct json *value);
int json_each_member(const struct json *object, json_visit *visit,
                     void *context);

/*
 * True when two keys of an object differ in nothing but case. Go's decoder
 * fills a struct's field from either, but keeps both in a map: so what others
 * read into a struct is ambiguous with such keys, and annotations are not.
 */
bool json_has_case_twins(const struct json *object);

/* Equal to Go's decoder: without regard to case; also U+017F is an s and
 * U+212A a k. */
bool json_keys_match(struct span a, struct span b);

/* 0 for what is no array. */
size_t json_array_length(const struct json *array);
/* NULL beyond the end. */
const struct json *json_at(const struct json *array, size_t index);

/* The decoded bytes (there may be NULs among them); false if no string. */
bool json_as_string(const struct json *value, struct span *out) WARN_UNUSED;

/*
 * A number that is written whole ("10", not "1e1" or "10.0") from 0 to
 * UINT64_MAX - 1; false for any other value.
 */
bool json_as_u64(const struct json *value, uint64_t *out) WARN_UNUSED;

/* True for `true` alone. */
bool json_is_true(const struct json *value);

/* Appends the value without blanks; `null` for NULL. */
void json_print(const struct json *value, struct buf *into);

/*
 * Appends a text, which must be UTF-8, in quotes and escaped; '/' is left as
 * it is. What is not UTF-8 is replaced by U+FFFD, so that the result is JSON
 * whatever the text.
 */
void json_add_string(struct buf *into, struct span text);

/* True for valid UTF-8: no surrogates, no overlong forms (RFC 3629). */
bool json_is_utf8(struct span text);

#endif
