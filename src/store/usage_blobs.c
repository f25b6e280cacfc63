/* SPDX-License-Identifier: MIT */
#include "store/usage_blobs.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/layout.h"

_Static_assert(sizeof(struct usage_blob) == 24, "bytes for each blob");

#define KEY_DIGITS 16
#define TICKS_EVERY 1024 /* blobs */

static uint64_t key_of(const struct digest *digest)
{
    uint64_t key = 0;

    for (int i = 0; i < KEY_DIGITS; i++) {
        char c = digest->hex[i];

        key = key << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return key;
}

void usage_blobs_cleanup(struct usage_blobs *blobs)
{
    for (size_t i = 0; i < HASH_COUNT; i++)
        free(blobs->lists[i]);
}

struct load {
    const struct store *store;
    struct usage_blobs *blobs;
    enum hash_algorithm algorithm;
    usage_tick *tick;
    void *context;
    uint64_t done;
    int ended; /* what `tick` returned */
};

/* By half of what there is: at most 36 bytes for each blob. */
static struct usage_blob *add(struct load *load)
{
    struct usage_blobs *blobs = load->blobs;
    enum hash_algorithm i = load->algorithm;

    if (blobs->counts[i] == blobs->room[i]) {
        blobs->room[i] += blobs->room[i] / 2 + 64;
        blobs->lists[i] = memory_resize(
            blobs->lists[i], blobs->room[i] * sizeof(*blobs->lists[i]));
    }
    return &blobs->lists[i][blobs->counts[i]++];
}

static int tick(struct load *load)
{
    if (load->tick == NULL || ++load->done % TICKS_EVERY != 0)
        return 0;
    load->ended = load->tick(load->context, load->done);
    return load->ended != 0 ? 1 : 0;
}

static int visit_blob(void *context, const char *hex, bool is_directory,
                      struct err *err)
{
    struct load *load = context;
    struct layout_path path;
    struct driver_stat stat;
    struct digest digest;
    bool is_there;

    if (!is_directory || !digest_of_hex(load->algorithm, span_of(hex), &digest))
        return 0;
    path = layout_blob(&digest);
    if (driver_stat_if_there(load->store->driver, path.text, &stat, &is_there,
                             err) < 0)
        return -1;
    if (!is_there || stat.is_directory)
        return 0;
    *add(load) = (struct usage_blob){.key = key_of(&digest),
                                     .size = stat.size & (UINT64_MAX >> 2)};
    return tick(load);
}

static int visit_shard(void *context, const char *shard, bool is_directory,
                       struct err *err)
{
    struct load *load = context;
    struct layout_path path = layout_blob_shard(load->algorithm, shard);

    if (!is_directory || strlen(shard) != 2)
        return 0;
    if (driver_list_if_there(load->store->driver, path.text, NULL, visit_blob,
                             load, err) < 0)
        return -1;
    return load->ended != 0 ? 1 : 0;
}

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const struct usage_blob *)a)->key;
    uint64_t y = ((const struct usage_blob *)b)->key;

    return (x > y) - (x < y);
}

/* Listed in the order of their digits, unless a shard has what is not its. */
static void put_in_order(struct usage_blobs *blobs, enum hash_algorithm i)
{
    for (size_t at = 1; at < blobs->counts[i]; at++) {
        if (blobs->lists[i][at - 1].key <= blobs->lists[i][at].key)
            continue;
        qsort(blobs->lists[i], blobs->counts[i], sizeof(*blobs->lists[i]),
              by_key);
        return;
    }
}

int usage_blobs_load(const struct store *store, struct usage_blobs *blobs,
                     usage_tick *tick_of, void *context, struct err *err)
{
    struct load load = {
        .store = store, .blobs = blobs, .tick = tick_of, .context = context};

    for (enum hash_algorithm i = 0; i < HASH_COUNT && load.ended == 0; i++) {
        struct layout_path path = layout_blobs_of(i);

        load.algorithm = i;
        if (driver_list_if_there(store->driver, path.text, NULL, visit_shard,
                                 &load, err) < 0)
            return -1;
        put_in_order(blobs, i);
    }
    return load.ended;
}

/*
 * Digests are spread evenly, so their place is nearly known: after a few steps
 * the rest is halved as usual.
 */
static size_t guess(const struct usage_blob *list, size_t low, size_t high,
                    uint64_t key)
{
    uint64_t first = list[low].key, last = list[high - 1].key;
    double part;

    if (key <= first)
        return low;
    if (key >= last)
        return high - 1;
    part = (double)(key - first) / (double)(last - first);
    return low + (size_t)(part * (double)(high - 1 - low));
}

#define GUESSES 4

struct usage_blob *usage_blobs_find(const struct usage_blobs *blobs,
                                    const struct digest *digest)
{
    struct usage_blob *list = blobs->lists[digest->algorithm];
    size_t low = 0, high = blobs->counts[digest->algorithm];
    uint64_t key = key_of(digest);

    for (int i = 0; low < high; i++) {
        size_t at =
            i < GUESSES ? guess(list, low, high, key) : low + (high - low) / 2;

        if (list[at].key == key)
            return &list[at];
        if (list[at].key < key)
            low = at + 1;
        else
            high = at;
    }
    return NULL;
}
