/* SPDX-License-Identifier: MIT */
/*
 * What every target has: libFuzzer's entry point, and MUST for what has to be
 * true of any input. A target is a file fuzz_<name>.c; `make fuzz` links it
 * with libFuzzer, `make check` with replay.c, which runs the inputs kept in
 * corpus/<name>/. Inputs are memory of exactly their length.
 *
 * Where a target wants several texts, the input has them line by line, so
 * that a corpus can be read and written by hand.
 */
#ifndef BERTH_TESTS_FUZZ_FUZZ_H
#define BERTH_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/span.h"

/* Returns 0; what is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                        \
    ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))

_Noreturn static inline void fuzz_fail(const char *condition, const char *file,
                                       int line)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
    abort();
}

static inline struct span fuzz_input(const uint8_t *data, size_t size)
{
    return (struct span){(const char *)data, size};
}

/* A copy that ends with a NUL, freed by fuzz_text_cleanup. */
static inline char *fuzz_text(struct span bytes)
{
    char *text = malloc(bytes.len + 1);

    if (text == NULL)
        abort();
    if (bytes.len > 0)
        memcpy(text, bytes.ptr, bytes.len);
    text[bytes.len] = '\0';
    return text;
}

static inline void fuzz_text_cleanup(char **text)
{
    free(*text);
}

#endif
