/* SPDX-License-Identifier: MIT */
#include "store/marks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"

#define ROOM_FIRST 1024
#define ROOM_KEPT (64 * 1024)

/* How many slots may be taken, and how many there are then. */
#define FULL(room) ((room) - (room) / 8)
#define MORE(room) ((room) + (room) / 2)

/* Hexadecimal digits of a digest that tell it from all others. */
#define DIGITS 32

static uint64_t secret;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Where there is no randomness yet, the address will do. */
static void choose_secret(void)
{
    if (getrandom(&secret, sizeof(secret), GRND_NONBLOCK) !=
        (ssize_t)sizeof(secret))
        secret = (uint64_t)(uintptr_t)&secret ^ UINT64_C(0x9e3779b97f4a7c15);
}

/* The last step of MurmurHash3: each bit of `x` turns half of the result. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

static uint64_t number_of(const char *text, size_t len, uint64_t kind)
{
    uint64_t number, word;

    pthread_once(&once, choose_secret);
    number = mix(secret ^ kind);
    for (; len >= sizeof(word); text += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, text, sizeof(word));
        number = mix(number ^ word) + secret;
    }
    word = len;
    memcpy(&word, text, len);
    number = mix(number ^ word ^ (uint64_t)len << 56);
    return number != 0 ? number : 1;
}

uint64_t marks_of_digest(const struct digest *digest)
{
    return number_of(digest->hex, DIGITS, digest->algorithm);
}

uint64_t marks_of_text(const char *text)
{
    return number_of(text, strlen(text), HASH_COUNT);
}

void marks_cleanup(struct marks *marks)
{
    free(marks->slots);
    *marks = (struct marks){0};
}

void marks_clear(struct marks *marks)
{
    if (marks->room > ROOM_KEPT) {
        marks_cleanup(marks);
        return;
    }
    if (marks->count > 0)
        memset(marks->slots, 0, marks->room * sizeof(*marks->slots));
    marks->count = 0;
}

/* Where the number is, or would be. */
static uint64_t *slot_of(const struct marks *marks, uint64_t number)
{
    size_t i = (size_t)((number >> 32) * marks->room >> 32);

    while (marks->slots[i] != 0 && marks->slots[i] != number)
        i = i + 1 < marks->room ? i + 1 : 0;
    return &marks->slots[i];
}

static void grow(struct marks *marks)
{
    struct marks grown = {.count = marks->count,
                          .room =
                              marks->room > 0 ? MORE(marks->room) : ROOM_FIRST};

    grown.slots = memory_new(grown.room * sizeof(*grown.slots));
    for (size_t i = 0; i < marks->room; i++)
        if (marks->slots[i] != 0)
            *slot_of(&grown, marks->slots[i]) = marks->slots[i];
    free(marks->slots);
    *marks = grown;
}

bool marks_add(struct marks *marks, uint64_t number)
{
    uint64_t *slot;

    if (marks->room == 0 || marks->count >= FULL(marks->room))
        grow(marks);
    slot = slot_of(marks, number);
    if (*slot == number)
        return false;
    *slot = number;
    marks->count++;
    return true;
}

bool marks_has(const struct marks *marks, uint64_t number)
{
    return marks->count > 0 && *slot_of(marks, number) == number;
}
