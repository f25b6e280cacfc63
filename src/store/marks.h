/* SPDX-License-Identifier: MIT */
/*
 * A set of digests and paths that remembers a number of 64 bits for each, for
 * walks over millions of them: 9 to 14 bytes each, 24 while it grows.
 *
 * Two of them may fall together, once in 10^19 pairs, and nobody outside can
 * bring that about, for the numbers depend on a secret of the process. So it
 * is for whom a false "it is there" does no harm: a collector keeps garbage.
 */
#ifndef BERTH_STORE_MARKS_H
#define BERTH_STORE_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci/digest.h"

struct marks {
    uint64_t *slots; /* an empty one is 0 */
    size_t count, room;
};

void marks_cleanup(struct marks *marks);

/* Forgets all and keeps the memory, unless it is much. */
void marks_clear(struct marks *marks);

/* The numbers; never 0, the same for all sets of the process. */
uint64_t marks_of_digest(const struct digest *digest);
uint64_t marks_of_text(const char *text);

/* False when it was there already. */
bool marks_add(struct marks *marks, uint64_t number);
bool marks_has(const struct marks *marks, uint64_t number);

#endif
