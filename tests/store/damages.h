/* SPDX-License-Identifier: MIT */
/* What happens to trees, and what has to come of it. */
#ifndef BERTH_TESTS_DAMAGES_H
#define BERTH_TESTS_DAMAGES_H

#include <stdbool.h>
#include <stddef.h>

struct damage {
    const char *name;
    void (*make)(void);

    /*
     * Names of findings as they come, a number behind those that come more
     * than once in a row: "directory-missing layer-unlinked*9".
     */
    const char *found;
    const char *left; /* found after a repair; NULL = nothing */

    /* Images that cannot be pulled whole, separated by blanks; NULL = none. */
    const char *broken; /* before a repair */
    const char *lost;   /* after it, until they are pushed again */

    bool is_in_bytes; /* only --data finds it */
    bool keeps_bytes; /* `lost` is said by the findings: no bytes are gone */
    bool
        blocks_pushes; /* until it is mended: nobody is told that all is well */
    bool only_files;   /* it needs the driver of a directory tree */
};

struct damage_list {
    const struct damage *list;
    size_t count;
};

extern const struct damage_list damages_of_bytes, damages_of_links,
    damages_of_others;

#endif
