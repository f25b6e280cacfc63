/* SPDX-License-Identifier: MIT */
/* The grammar of RFC 8259, checked without allocating; a part of json.c. */
#ifndef BERTH_BASE_JSON_SCAN_H
#define BERTH_BASE_JSON_SCAN_H

#include <stddef.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/json.h"
#include "base/span.h"

/*
 * Checks that the text is one JSON value and nothing else, that it is UTF-8,
 * that its escapes make no lone surrogate, that no key has a NUL in it, and
 * that it keeps to the limits. Gives the number of members of all objects.
 * ERR_SYNTAX with the reason and the offset.
 */
int json_scan(struct span text, const struct json_limits *limits,
              size_t *members, struct err *err) WARN_UNUSED;

/* The length of the UTF-8 character at the start; 0 if there is no valid
 * one. `text` is not empty. */
size_t json_utf8_length(struct span text);

#endif
