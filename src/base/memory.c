/* SPDX-License-Identifier: MIT */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *or_die(void *memory)
{
    static const char text[] = "<2>berth: out of memory\n";

    if (memory == NULL) {
        /* Nothing else can be done if even this fails. */
        ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

        (void)ignored;
        abort();
    }
    return memory;
}

void *memory_new(size_t size)
{
    return or_die(calloc(1, size));
}

void *memory_resize(void *old, size_t size)
{
    return or_die(realloc(old, size));
}

/* Doubles where the number is a power of two, so that it need not be kept. */
void *memory_grow(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return array;
    return memory_resize(array, (count > 0 ? 2 * count : 1) * size);
}

char *memory_copy_text(const char *text)
{
    return or_die(strdup(text));
}
