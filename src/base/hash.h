/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 and SHA-512 (FIPS 180-4) whose state can leave the process.
 *
 *     hash_init, hash_update ..., hash_final
 *
 * hash_save writes the state in the form Go's crypto/sha256 and crypto/sha512
 * marshal it, which is what CNCF Distribution keeps in `hashstates/`: magic,
 * the chaining words, the partial block padded with zeros, the length, all
 * big-endian. So an upload begun by one registry can be ended by the other.
 */
#ifndef BERTH_BASE_HASH_H
#define BERTH_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

enum hash_algorithm {
    HASH_SHA256,
    HASH_SHA512,
    HASH_LAST = HASH_SHA512,
};
#define HASH_COUNT (HASH_LAST + 1)

#define HASH_BYTES_MAX 64
#define HASH_HEX_MAX (2 * HASH_BYTES_MAX + 1)
#define HASH_STATE_MAX 204 /* 108 for SHA-256 */

struct hash {
    enum hash_algorithm algorithm;
    uint64_t length;                         /* bytes hashed so far */
    _Alignas(16) unsigned char context[224]; /* the library's own */
};

void hash_init(struct hash *hash, enum hash_algorithm algorithm);
void hash_update(struct hash *hash, const void *bytes, size_t len);

/* Lower-case hexadecimal, NUL-terminated. Ends the hash. */
void hash_final(struct hash *hash, char hex[HASH_HEX_MAX]);

/* The same as hash_size() bytes. */
void hash_final_bytes(struct hash *hash, unsigned char bytes[HASH_BYTES_MAX]);

/* Writes the state and returns its length. */
size_t hash_save(const struct hash *hash, unsigned char out[HASH_STATE_MAX]);

/*
 * Resumes from a saved state of `algorithm` over `length` bytes. False, with
 * `hash` unusable, when the state is not one of those.
 */
bool hash_restore(struct hash *hash, enum hash_algorithm algorithm,
                  uint64_t length, struct span state);

/* Bytes of a digest: 32 or 64. */
size_t hash_size(enum hash_algorithm algorithm);

#endif
