/* SPDX-License-Identifier: MIT */
#include "base/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/num.h"

struct unit {
    char letter;
    uint64_t factor;
};

/* Those of num.h, the largest first. */
static const struct unit size_units[] = {
    {'T', UINT64_C(1) << 40},
    {'G', UINT64_C(1) << 30},
    {'M', UINT64_C(1) << 20},
    {'K', UINT64_C(1) << 10},
};
static const struct unit duration_units[] = {
    {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

/* What a line of a file can say, so that a printed setting reads the same. */
static bool is_sayable(struct span value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 0x7F)
            return false;
    return span_equals(span_trim(value), value);
}

static int keep(const struct config_key *key, char *field, struct span value,
                struct err *err)
{
    if (value.len >= key->size)
        return err_set(err, ERR_SYNTAX, "%s is longer than %zu bytes",
                       key->name, key->size - 1);
    memcpy(field, value.ptr, value.len);
    field[value.len] = '\0';
    return 0;
}

static int set_path(const struct config_key *key, char *field,
                    struct span value, struct err *err)
{
    while (value.len > 1 && value.ptr[value.len - 1] == '/')
        value.len--;
    if (value.len == 0 || value.ptr[0] != '/')
        return err_set(err, ERR_SYNTAX, "%s must be an absolute path",
                       key->name);
    if (!is_sayable(value))
        return err_set(err, ERR_SYNTAX,
                       "%s must have no control characters in it and no blank "
                       "at its end",
                       key->name);
    return keep(key, field, value, err);
}

/* What stands between quotes in HTTP (RFC 9110, 5.6.4) and JSON as it is. */
static int set_text(const struct config_key *key, char *field,
                    struct span value, struct err *err)
{
    if (value.len == 0)
        return err_set(err, ERR_SYNTAX, "%s must not be empty", key->name);
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < ' ' || value.ptr[i] > '~' || value.ptr[i] == '"' ||
            value.ptr[i] == '\\')
            return err_set(err, ERR_SYNTAX,
                           "%s must be ASCII without quotes, backslashes and "
                           "control characters",
                           key->name);
    return keep(key, field, value, err);
}

static int set_boolean(const struct config_key *key, bool *field,
                       struct span value, struct err *err)
{
    if (!span_equals(value, SPAN("yes")) && !span_equals(value, SPAN("no")))
        return err_set(err, ERR_SYNTAX, "%s must be yes or no", key->name);
    *field = span_equals(value, SPAN("yes"));
    return 0;
}

static int set_number(const struct config_key *key, uint64_t *field,
                      struct span value, struct err *err)
{
    uint64_t number = 0;
    int result;

    if (key->type == CONFIG_SIZE)
        result = num_parse_size(value, &number);
    else if (key->type == CONFIG_DURATION)
        result = num_parse_duration(value, &number);
    else
        result = num_parse(value, UINT64_MAX, &number);
    if (result < 0)
        return err_set(err, ERR_SYNTAX, "%s must be a number%s", key->name,
                       key->type == CONFIG_SIZE       ? " of bytes such as 4M"
                       : key->type == CONFIG_DURATION ? " of seconds such as "
                                                        "24h"
                                                      : "");
    if (number < key->minimum || number > key->maximum)
        return err_set(err, ERR_SYNTAX,
                       "%s must lie between %" PRIu64 " and %" PRIu64,
                       key->name, key->minimum, key->maximum);
    *field = number;
    return 0;
}

static int set_share(const struct config_key *key, struct config_share *field,
                     struct span value, struct err *err)
{
    struct config_share share = {0};
    bool is_percentage = value.len > 0 && value.ptr[value.len - 1] == '%';
    int result = is_percentage ? num_parse(span_first(value, value.len - 1), 99,
                                           &share.percent)
                               : num_parse_size(value, &share.bytes);

    if (result < 0)
        return err_set(err, ERR_SYNTAX,
                       "%s must be a number of bytes such as 4M, or a "
                       "percentage such as 5%%",
                       key->name);
    *field = share;
    return 0;
}

static int set_choice(const struct config_key *key, int *field,
                      struct span value, struct err *err)
{
    char known[128] = "";

    for (int i = 0; key->choices[i] != NULL; i++) {
        size_t used = strlen(known);

        if (span_equals(value, span_of(key->choices[i]))) {
            *field = i;
            return 0;
        }
        snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "",
                 key->choices[i]);
    }
    return err_set(err, ERR_SYNTAX, "%s must be one of: %s", key->name, known);
}

static int set_key(const struct config_key *key, void *settings,
                   struct span value, struct err *err)
{
    void *field = (char *)settings + key->offset;

    switch (key->type) {
    case CONFIG_PATH:
        return set_path(key, field, value, err);
    case CONFIG_TEXT:
        return set_text(key, field, value, err);
    case CONFIG_BOOLEAN:
        return set_boolean(key, field, value, err);
    case CONFIG_COUNT:
    case CONFIG_SIZE:
    case CONFIG_DURATION:
        return set_number(key, field, value, err);
    case CONFIG_SHARE:
        return set_share(key, field, value, err);
    case CONFIG_CHOICE:
        return set_choice(key, field, value, err);
    }
    return err_set(err, ERR_INTERNAL, "key of no type");
}

int config_set(const struct config_table *table, void *settings,
               struct span key, struct span value, struct err *err)
{
    for (size_t i = 0; i < table->count; i++) {
        if (span_equals(key, span_of(table->keys[i].name)))
            return set_key(&table->keys[i], settings, value, err);
    }
    return err_set(err, ERR_SYNTAX, "unknown key \"%.*s\"", SPAN_ARGS(key));
}

static int read_line(const struct config_table *table, void *settings,
                     struct span line, struct err *err)
{
    struct span key;

    line = span_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return 0;
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == '\0')
            return err_set(err, ERR_SYNTAX, "a NUL byte; is this a text?");
    }
    key = span_cut(&line, '=');
    if (line.ptr == NULL)
        return err_set(err, ERR_SYNTAX, "expected key = value");
    return config_set(table, settings, span_trim(key), span_trim(line), err);
}

static int read_lines(const struct config_table *table, void *settings,
                      const char *file, FILE *stream, struct err *err)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    int result = 0;

    for (int number = 1;
         result == 0 && (len = getline(&line, &capacity, stream)) >= 0;
         number++) {
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            len--;
        result =
            read_line(table, settings, (struct span){line, (size_t)len}, err);
        if (result < 0)
            err_wrap(err, "%s:%d", file, number);
    }
    if (result == 0 && ferror(stream))
        result = err_set_errno(err, errno, "%s", file);
    free(line);
    return result;
}

int config_read_file(const struct config_table *table, void *settings,
                     const char *file, struct err *err)
{
    FILE *stream = fopen(file, "re");
    int result;

    if (stream == NULL)
        return err_set_errno(err, errno, "%s", file);
    result = read_lines(table, settings, file, stream, err);
    fclose(stream);
    return result;
}

/* "ROOT" of the variable against "root" of the key. */
static const struct config_key *find_variable(const struct config_table *table,
                                              struct span name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (span_equals_nocase(name, span_of(table->keys[i].name)))
            return &table->keys[i];
    }
    return NULL;
}

int config_read_variables(const struct config_table *table, void *settings,
                          const char *prefix, const char *const *variables,
                          struct err *err)
{
    size_t len = strlen(prefix);

    for (const char *const *v = variables; *v != NULL; v++) {
        struct span name, value;
        const struct config_key *key;

        if (strncmp(*v, prefix, len) != 0)
            continue;
        value = span_of(*v + len);
        name = span_cut(&value, '=');
        key = find_variable(table, name);
        if (key != NULL && set_key(key, settings, span_trim(value), err) < 0)
            return err_wrap(err, "%s%.*s", prefix, SPAN_ARGS(name));
    }
    return 0;
}

/* With the largest unit that leaves no rest. */
static void print_unit(uint64_t value, const struct unit *units, size_t count,
                       struct buf *into)
{
    for (size_t i = 0; i < count; i++) {
        if (value > 0 && value % units[i].factor == 0) {
            buf_add_format(into, "%" PRIu64 "%c", value / units[i].factor,
                           units[i].letter);
            return;
        }
    }
    buf_add_format(into, "%" PRIu64, value);
}

static void print_share(const struct config_share *share, struct buf *into)
{
    if (share->percent > 0)
        buf_add_format(into, "%" PRIu64 "%%", share->percent);
    else
        print_unit(share->bytes, size_units, ARRAY_SIZE(size_units), into);
}

static void print_value(const struct config_key *key, const void *settings,
                        struct buf *into)
{
    const void *field = (const char *)settings + key->offset;

    switch (key->type) {
    case CONFIG_PATH:
    case CONFIG_TEXT:
        buf_add(into, span_of(field));
        break;
    case CONFIG_BOOLEAN:
        buf_add(into, *(const bool *)field ? SPAN("yes") : SPAN("no"));
        break;
    case CONFIG_COUNT:
        buf_add_format(into, "%" PRIu64, *(const uint64_t *)field);
        break;
    case CONFIG_SIZE:
        print_unit(*(const uint64_t *)field, size_units, ARRAY_SIZE(size_units),
                   into);
        break;
    case CONFIG_DURATION:
        print_unit(*(const uint64_t *)field, duration_units,
                   ARRAY_SIZE(duration_units), into);
        break;
    case CONFIG_SHARE:
        print_share(field, into);
        break;
    case CONFIG_CHOICE:
        buf_add(into, span_of(key->choices[*(const int *)field]));
        break;
    }
}

/* Such a value cannot be said: it is the default of what is off. */
static bool is_unset(const struct config_key *key, const void *settings)
{
    return (key->type == CONFIG_PATH || key->type == CONFIG_TEXT) &&
           *((const char *)settings + key->offset) == '\0';
}

void config_print(const struct config_table *table, const void *settings,
                  struct buf *into)
{
    for (size_t i = 0; i < table->count; i++) {
        if (is_unset(&table->keys[i], settings))
            continue;
        buf_add_format(into, "%s = ", table->keys[i].name);
        print_value(&table->keys[i], settings, into);
        buf_add_char(into, '\n');
    }
}
