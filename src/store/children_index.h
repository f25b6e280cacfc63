/* SPDX-License-Identifier: MIT */
/*
 * The file with the names of a directory's children, in order. Private to
 * children.c.
 *
 * It is made of blocks of one size, so that a name is found by bisection. A
 * block is a line of text, and the names that fit behind it, each ended by a
 * NUL, the rest filled with those. No name lies in two blocks. The line is
 *
 *   berth-children-1 <changed> <directory> <number> <count> <checksum>
 *
 * in hexadecimal digits: the version of the directory, which block of how
 * many this is, and FNV-1a of the 64-bit kind over what follows. A block whose
 * line is not the expected one, because the file is old, cut, damaged or was
 * replaced in between, is not used.
 */
#ifndef BERTH_STORE_CHILDREN_INDEX_H
#define BERTH_STORE_CHILDREN_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"
#include "driver/driver.h"

#define CHILDREN_BLOCK 4096

/* Of a name; file systems have no longer ones. */
#define CHILDREN_NAME_MAX 255

/* A place in the file. Nothing is to be freed. */
struct children_index {
    struct driver *driver;
    const char *path;
    struct driver_version version;
    uint32_t number, count; /* of the block that was read, of all */
    size_t at;              /* of the next name in it */
    char block[CHILDREN_BLOCK + 1];
};

enum children_index_state {
    CHILDREN_INDEX_NONE,
    CHILDREN_INDEX_USELESS, /* of another version, damaged, not readable */
    CHILDREN_INDEX_GOOD,
};

/* Opens the file, which is borrowed, to read the names behind `after`. */
enum children_index_state
children_index_open(struct driver *driver, const char *path,
                    const struct driver_version *version, const char *after,
                    struct children_index *out);

/*
 * The next name, good until the next call. Returns 1, 0 behind the last one,
 * or -1 when the file is of no more use.
 */
int children_index_next(struct children_index *index, const char **name);

/*
 * Writes the file. Each name in `names`, in order, is ended by a NUL and not
 * longer than CHILDREN_NAME_MAX.
 */
int children_index_write(struct driver *driver, const char *path,
                         const struct driver_version *version,
                         struct span names, struct err *err) WARN_UNUSED;

#endif
