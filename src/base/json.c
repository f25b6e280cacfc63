/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <json-c/json.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/memory.h"

/*
 * A `struct json *` is a json-c object under another name, but for one: null,
 * for which json-c has a NULL pointer. Ours shall tell it from an absent value.
 */
struct json {
    char unused;
};
static struct json null_value;

/* json-c's getters differ in what they call const, so nothing is. */
static struct json_object *object_of(const struct json *value)
{
    if (value == &null_value)
        return NULL;
    return (struct json_object *)(uintptr_t)value;
}

static struct json *json_of(struct json_object *object)
{
    if (object == NULL)
        return &null_value;
    return (struct json *)(void *)object;
}

static bool is_a(const struct json *value, enum json_type type)
{
    return value != NULL && json_object_is_type(object_of(value), type);
}

/* The first member in the order of the text. */
static const struct lh_entry *first_member(struct json_object *object)
{
    return json_object_get_object(object)->head;
}

static struct json_object *member_value(const struct lh_entry *entry)
{
    return (struct json_object *)(uintptr_t)entry->v;
}

static struct span member_key(const struct lh_entry *entry)
{
    return span_of((const char *)entry->k);
}

struct tally {
    size_t members; /* of all objects */
    size_t memory;  /* that json-c took, roughly */
};

static void add_tally(struct json_object *object, struct tally *tally)
{
    const struct lh_entry *entry;

    tally->memory += 100;
    if (json_object_is_type(object, json_type_string)) {
        tally->memory += (size_t)json_object_get_string_len(object);
    } else if (json_object_is_type(object, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(object); i++)
            add_tally(json_object_array_get_idx(object, i), tally);
    } else if (json_object_is_type(object, json_type_object)) {
        tally->memory += 700;
        entry = first_member(object);
        for (; entry != NULL; entry = entry->next) {
            tally->members++;
            tally->memory += 100 + strlen((const char *)entry->k);
            add_tally(member_value(entry), tally);
        }
    }
}

/*
 * Without JSON_TOKENER_STRICT, for json_scan is stricter already, and with it
 * 0.18 takes every byte of a string above 0x7F for a control character.
 */
static int run_json_c(struct span text, struct json_object **out,
                      struct err *err)
{
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
    enum json_tokener_error result;

    if (tokener == NULL)
        return err_set(err, ERR_INTERNAL, "json-c: no memory");
    *out = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
    result = json_tokener_get_error(tokener);
    if (result == json_tokener_continue) {
        /* A number at the very end goes on until something ends it. */
        *out = json_tokener_parse_ex(tokener, "", 1);
        result = json_tokener_get_error(tokener);
    }
    json_tokener_free(tokener);
    if (result != json_tokener_success)
        return err_set(err, ERR_SYNTAX, "no JSON: %s",
                       json_tokener_error_desc(result));
    return 0;
}

int json_parse(struct span text, const struct json_limits *limits,
               struct json **out, struct err *err)
{
    struct json_object *object = NULL;
    struct tally tally = {0};
    size_t members;

    if (text.len > INT32_MAX)
        return err_set(err, ERR_SYNTAX, "no JSON: %zu bytes", text.len);
    if (json_scan(text, limits, &members, err) < 0 ||
        run_json_c(text, &object, err) < 0)
        return -1;
    /* json-c keeps the last of equal keys: then some are missing. */
    add_tally(object, &tally);
    if (tally.members != members) {
        json_free(json_of(object));
        return err_set(err, ERR_SYNTAX, "no JSON: an object has a key twice");
    }
    *out = json_of(object);
    return 0;
}

/*
 * A large document leaves megabytes of small free pieces, which the C library
 * keeps (15 MB after 20,000 descriptors) until told to give them back. A
 * worker must not stay that large for one odd client.
 */
#define TRIM_MEMORY (1u << 20)

void json_free(struct json *document)
{
    struct tally tally = {0};

    if (document == NULL)
        return;
    add_tally(object_of(document), &tally);
    json_object_put(object_of(document));
    if (tally.memory > TRIM_MEMORY)
        malloc_trim(0);
}

void json_cleanup(struct json **document)
{
    json_free(*document);
    *document = NULL;
}

enum json_kind json_kind(const struct json *value)
{
    if (value == NULL)
        return JSON_ABSENT;
    switch (json_object_get_type(object_of(value))) {
    case json_type_null:
        return JSON_NULL;
    case json_type_boolean:
        return JSON_BOOLEAN;
    case json_type_int:
    case json_type_double:
        return JSON_NUMBER;
    case json_type_string:
        return JSON_STRING;
    case json_type_array:
        return JSON_ARRAY;
    case json_type_object:
        return JSON_OBJECT;
    }
    return JSON_ABSENT;
}

const struct json *json_member(const struct json *object, const char *key)
{
    struct json_object *found;

    if (!is_a(object, json_type_object) ||
        !json_object_object_get_ex(object_of(object), key, &found))
        return NULL;
    return json_of(found);
}

int json_each_member(const struct json *object, json_visit *visit,
                     void *context)
{
    const struct lh_entry *entry;
    int result = 0;

    if (!is_a(object, json_type_object))
        return 0;
    entry = first_member(object_of(object));
    for (; entry != NULL && result == 0; entry = entry->next)
        result =
            visit(context, member_key(entry), json_of(member_value(entry)));
    return result;
}

/*
 * The character at `*at` as Go's encoding/json folds it for a field's name:
 * ASCII letters, and the two others that fold to one.
 */
static unsigned char fold_next(struct span *at)
{
    static const struct span long_s = {"\xC5\xBF", 2};
    static const struct span kelvin = {"\xE2\x84\xAA", 3};
    unsigned char c = (unsigned char)at->ptr[0];

    if (c >= 0x80 && span_starts_with(*at, long_s)) {
        *at = span_from(*at, long_s.len);
        return 's';
    }
    if (c >= 0x80 && span_starts_with(*at, kelvin)) {
        *at = span_from(*at, kelvin.len);
        return 'k';
    }
    *at = span_from(*at, 1);
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

static int compare_folded(struct span a, struct span b)
{
    while (a.len > 0 && b.len > 0) {
        int order = fold_next(&a) - fold_next(&b);

        if (order != 0)
            return order;
    }
    return (a.len > 0) - (b.len > 0);
}

bool json_keys_match(struct span a, struct span b)
{
    return compare_folded(a, b) == 0;
}

static int compare_keys(const void *a, const void *b)
{
    return compare_folded(*(const struct span *)a, *(const struct span *)b);
}

bool json_has_case_twins(const struct json *object)
{
    const struct lh_entry *entry;
    struct span *keys;
    size_t count = 0;
    bool found = false;

    if (!is_a(object, json_type_object))
        return false;
    entry = first_member(object_of(object));
    keys =
        memory_new(sizeof(*keys) *
                   (size_t)(1 + json_object_object_length(object_of(object))));
    for (; entry != NULL; entry = entry->next)
        keys[count++] = member_key(entry);
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count && !found; i++)
        found = json_keys_match(keys[i - 1], keys[i]);
    free(keys);
    return found;
}

size_t json_array_length(const struct json *array)
{
    return is_a(array, json_type_array)
               ? json_object_array_length(object_of(array))
               : 0;
}

const struct json *json_at(const struct json *array, size_t index)
{
    if (index >= json_array_length(array))
        return NULL;
    return json_of(json_object_array_get_idx(object_of(array), index));
}

bool json_as_string(const struct json *value, struct span *out)
{
    struct json_object *object;

    if (!is_a(value, json_type_string))
        return false;
    object = object_of(value);
    out->ptr = json_object_get_string(object);
    out->len = (size_t)json_object_get_string_len(object);
    return true;
}

bool json_is_true(const struct json *value)
{
    return is_a(value, json_type_boolean) &&
           json_object_get_boolean(object_of(value));
}

bool json_as_u64(const struct json *value, uint64_t *out)
{
    uint64_t number;

    /* json-c gives 0 for what is negative, the maximum for what is beyond. */
    if (!is_a(value, json_type_int) ||
        json_object_get_int64(object_of(value)) < 0)
        return false;
    number = json_object_get_uint64(object_of(value));
    if (number == UINT64_MAX)
        return false;
    *out = number;
    return true;
}

static void print_array(const struct json *array, struct buf *into)
{
    buf_add_char(into, '[');
    for (size_t i = 0; i < json_array_length(array); i++) {
        if (i > 0)
            buf_add_char(into, ',');
        json_print(json_at(array, i), into);
    }
    buf_add_char(into, ']');
}

static void print_object(const struct json *object, struct buf *into)
{
    const struct lh_entry *entry = first_member(object_of(object));

    buf_add_char(into, '{');
    for (; entry != NULL; entry = entry->next) {
        json_add_string(into, member_key(entry));
        buf_add_char(into, ':');
        json_print(json_of(member_value(entry)), into);
        if (entry->next != NULL)
            buf_add_char(into, ',');
    }
    buf_add_char(into, '}');
}

/* Not by json-c, whose versions differ in what they escape. */
void json_print(const struct json *value, struct buf *into)
{
    struct span text;

    switch (json_kind(value)) {
    case JSON_ABSENT:
    case JSON_NULL:
        buf_add(into, SPAN("null"));
        break;
    case JSON_BOOLEAN:
    case JSON_NUMBER:
        buf_add(into, span_of(json_object_to_json_string_ext(
                          object_of(value), JSON_C_TO_STRING_PLAIN)));
        break;
    case JSON_STRING:
        if (json_as_string(value, &text))
            json_add_string(into, text);
        break;
    case JSON_ARRAY:
        print_array(value, into);
        break;
    case JSON_OBJECT:
        print_object(value, into);
        break;
    }
}

/* How many bytes at the start stand in a JSON string as they are. */
static size_t unescaped_length(struct span text)
{
    size_t len = 0;

    while (len < text.len) {
        unsigned char c = (unsigned char)text.ptr[len];
        size_t step = 1;

        if (c < 0x20 || c == '"' || c == '\\')
            break;
        if (c >= 0x80)
            step = json_utf8_length(span_from(text, len));
        if (step == 0)
            break;
        len += step;
    }
    return len;
}

static void add_escaped(struct buf *into, unsigned char c)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
        ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

    if (c >= 0x80)
        buf_add(into, SPAN("\xEF\xBF\xBD"));
    else if (c < sizeof(letters) && letters[c] != '\0')
        buf_add(into, (struct span){(const char[]){'\\', letters[c]}, 2});
    else
        buf_add_format(into, "\\u%04x", c);
}

void json_add_string(struct buf *into, struct span text)
{
    buf_add_char(into, '"');
    while (text.len > 0) {
        size_t plain = unescaped_length(text);

        buf_add(into, span_first(text, plain));
        text = span_from(text, plain);
        if (text.len > 0) {
            add_escaped(into, (unsigned char)text.ptr[0]);
            text = span_from(text, 1);
        }
    }
    buf_add_char(into, '"');
}

bool json_is_utf8(struct span text)
{
    while (text.len > 0) {
        size_t len = json_utf8_length(text);

        if (len == 0)
            return false;
        text = span_from(text, len);
    }
    return true;
}
