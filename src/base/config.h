/* SPDX-License-Identifier: MIT */
/*
 * Settings from text: `key = value` lines, environment variables, FastCGI
 * parameters, all by one table that says what each key is.
 *
 * A file has one `key = value` per line; blanks around both do not count; a
 * line whose first character is '#' is a comment. That is all there is.
 */
#ifndef BERTH_BASE_CONFIG_H
#define BERTH_BASE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

enum config_type {
    CONFIG_PATH,     /* char[], absolute */
    CONFIG_TEXT,     /* char[], of ASCII without quotes and backslashes */
    CONFIG_BOOLEAN,  /* bool: yes or no */
    CONFIG_COUNT,    /* uint64_t */
    CONFIG_SIZE,     /* uint64_t, bytes: 4M */
    CONFIG_DURATION, /* uint64_t, seconds: 24h */
    CONFIG_SHARE,    /* struct config_share: 4M, or 5% */
    CONFIG_CHOICE,   /* an enum (int) counted from 0 in `choices` */
};

/* A part of something: so many bytes of it, or so many hundredths. */
struct config_share {
    uint64_t bytes;   /* 0 = a percentage */
    uint64_t percent; /* below 100; both 0 = nothing of it */
};

struct config_key {
    const char *name; /* lower case with underscores */
    enum config_type type;
    size_t offset;              /* in the struct of settings */
    size_t size;                /* of the array of a path or text */
    uint64_t minimum, maximum;  /* of numbers */
    const char *const *choices; /* NULL-terminated, of a CONFIG_CHOICE */
};

struct config_table {
    const struct config_key *keys;
    size_t count;
};

/* ERR_SYNTAX for a value the key does not admit; the text says what it does. */
int config_set(const struct config_table *table, void *settings,
               struct span key, struct span value, struct err *err) WARN_UNUSED;

/*
 * Reads a file; the text of an ERR_SYNTAX begins with "FILE:LINE: ".
 * ERR_NOT_FOUND and other codes of the system when it cannot be read.
 */
int config_read_file(const struct config_table *table, void *settings,
                     const char *file, struct err *err) WARN_UNUSED;

/*
 * Sets the keys named in a NULL-terminated array of "NAME=value": `prefix`
 * and the key in upper case ("BERTH_ROOT"). Other names are not ours.
 */
int config_read_variables(const struct config_table *table, void *settings,
                          const char *prefix, const char *const *variables,
                          struct err *err) WARN_UNUSED;

/* Prints each key that has a value, as the file would have it. */
struct buf;
void config_print(const struct config_table *table, const void *settings,
                  struct buf *into);

#endif
