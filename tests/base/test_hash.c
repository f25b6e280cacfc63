/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/hash.h"
#include "base/tight.h"

struct known_state {
    enum hash_algorithm algorithm;
    uint64_t length;   /* what the state says */
    size_t input;      /* bytes of input() that were hashed */
    const char *state; /* hexadecimal */
    const char *hex;   /* the digest after "tail" more */
};

#include "hash_states.h"

static const struct {
    enum hash_algorithm algorithm;
    const char *text;
    const char *hex;
} known_digests[] = {
    {HASH_SHA256, "",
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {HASH_SHA256, "abc",
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {HASH_SHA512, "",
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
    {HASH_SHA512, "abc",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
};

/* The bytes hash_states.go hashes. */
static struct span input(size_t len)
{
    static char bytes[4096];

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 7 + 3);
    return (struct span){bytes, len};
}

static struct span from_hex(const char *hex)
{
    size_t len = strlen(hex) / 2;
    char *bytes = malloc(len);

    for (size_t i = 0; i < len; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        bytes[i] = (char)strtoul(pair, NULL, 16);
    }
    return (struct span){bytes, len};
}

Test(hash, digests_are_those_of_fips_180)
{
    for (size_t i = 0; i < ARRAY_SIZE(known_digests); i++) {
        CLEANUP(tight) struct span text = tight_text(known_digests[i].text);
        char hex[HASH_HEX_MAX];
        struct hash hash;

        hash_init(&hash, known_digests[i].algorithm);
        hash_update(&hash, text.ptr, text.len);
        cr_expect_eq(hash.length, text.len);
        hash_final(&hash, hex);
        cr_expect_str_eq(hex, known_digests[i].hex);
    }
}

Test(hash, pieces_of_any_size_give_the_same_digest)
{
    for (int algorithm = 0; algorithm < HASH_COUNT; algorithm++) {
        char whole[HASH_HEX_MAX], pieces[HASH_HEX_MAX];
        struct span bytes = input(1000);
        struct hash hash;

        hash_init(&hash, (enum hash_algorithm)algorithm);
        hash_update(&hash, bytes.ptr, bytes.len);
        hash_final(&hash, whole);
        for (size_t step = 1; step < 300; step++) {
            hash_init(&hash, (enum hash_algorithm)algorithm);
            for (size_t at = 0; at < bytes.len; at += step)
                hash_update(&hash, bytes.ptr + at,
                            bytes.len - at < step ? bytes.len - at : step);
            hash_final(&hash, pieces);
            cr_assert_str_eq(pieces, whole, "steps of %zu", step);
        }
    }
}

Test(hash, saved_states_are_those_of_go)
{
    for (size_t i = 0; i < ARRAY_SIZE(known_states); i++) {
        const struct known_state *known = &known_states[i];
        CLEANUP(tight) struct span expected = from_hex(known->state);
        unsigned char state[HASH_STATE_MAX];
        struct span bytes = input(known->input);
        struct hash hash;
        size_t len;

        if (known->length != known->input)
            continue; /* made up by its length */
        hash_init(&hash, known->algorithm);
        hash_update(&hash, bytes.ptr, bytes.len);
        len = hash_save(&hash, state);
        cr_assert_eq(len, expected.len);
        cr_expect_arr_eq(state, expected.ptr, len, "row %zu", i);
    }
}

Test(hash, states_of_go_resume)
{
    for (size_t i = 0; i < ARRAY_SIZE(known_states); i++) {
        const struct known_state *known = &known_states[i];
        CLEANUP(tight) struct span state = from_hex(known->state);
        unsigned char again[HASH_STATE_MAX];
        char hex[HASH_HEX_MAX];
        struct hash hash;

        cr_assert(hash_restore(&hash, known->algorithm, known->length, state));
        cr_expect_eq(hash.length, known->length);
        cr_assert_eq(hash_save(&hash, again), state.len);
        cr_expect_arr_eq(again, state.ptr, state.len, "row %zu", i);
        hash_update(&hash, "tail", 4);
        hash_final(&hash, hex);
        cr_expect_str_eq(hex, known->hex, "row %zu", i);
    }
}

Test(hash, saving_does_not_disturb)
{
    unsigned char state[HASH_STATE_MAX];
    char hex[HASH_HEX_MAX];
    struct hash hash;

    hash_init(&hash, HASH_SHA256);
    hash_update(&hash, "a", 1);
    hash_save(&hash, state);
    hash_update(&hash, "bc", 2);
    hash_final(&hash, hex);
    cr_expect_str_eq(hex, known_digests[1].hex);
}

Test(hash, foreign_states_are_refused)
{
    CLEANUP(tight) struct span small = from_hex(known_states[2].state);
    CLEANUP(tight) struct span bad = tight_copy(small);
    struct hash hash;

    cr_assert_eq(known_states[2].algorithm, HASH_SHA256);
    cr_assert_eq(known_states[2].length, 1);
    cr_expect(hash_restore(&hash, HASH_SHA256, 1, small));
    cr_expect_not(hash_restore(&hash, HASH_SHA256, 2, small), "length");
    cr_expect_not(hash_restore(&hash, HASH_SHA512, 1, small), "algorithm");
    for (size_t len = 0; len < small.len; len++) {
        CLEANUP(tight) struct span cut = tight_copy(span_first(small, len));

        cr_expect_not(hash_restore(&hash, HASH_SHA256, 1, cut), "%zu", len);
    }
    ((char *)(uintptr_t)bad.ptr)[3] = 2; /* SHA-224 */
    cr_expect_not(hash_restore(&hash, HASH_SHA256, 1, bad), "magic");
}
