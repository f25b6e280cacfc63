/* SPDX-License-Identifier: MIT */
#include "oci/digest_set.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void digest_set_cleanup(struct digest_set *set)
{
    free(set->slots);
    *set = (struct digest_set){0};
}

/* The slot that has the digest, or the one where it belongs. */
static struct digest *find(const struct digest_set *set,
                           const struct digest *digest)
{
    uint64_t start; /* digests are random enough as they are */

    memcpy(&start, digest->hex, sizeof(start));
    start *= UINT64_C(0x9E3779B97F4A7C15);
    for (size_t i = (size_t)(start >> 32);; i++) {
        struct digest *slot = &set->slots[i & (set->room - 1)];

        if (slot->hex[0] == '\0' || digest_equals(slot, digest))
            return slot;
    }
}

static void grow(struct digest_set *set)
{
    struct digest_set larger = {.room = set->room ? 2 * set->room : 16};

    larger.slots = memory_new(larger.room * sizeof(*larger.slots));
    for (size_t i = 0; i < set->room; i++)
        if (set->slots[i].hex[0] != '\0')
            *find(&larger, &set->slots[i]) = set->slots[i];
    larger.count = set->count;
    digest_set_cleanup(set);
    *set = larger;
}

bool digest_set_has(const struct digest_set *set, const struct digest *digest)
{
    return set->room > 0 && find(set, digest)->hex[0] != '\0';
}

bool digest_set_add(struct digest_set *set, const struct digest *digest)
{
    struct digest *slot;

    if (set->count >= set->room / 2)
        grow(set);
    slot = find(set, digest);
    if (slot->hex[0] != '\0')
        return false;
    *slot = *digest;
    set->count++;
    return true;
}
