/* SPDX-License-Identifier: MIT */
/*
 * The low-level SHA functions are deprecated in OpenSSL 3 in favour of EVP,
 * whose contexts cannot be saved and restored: for resumable uploads these
 * are the only way, and they run the same assembly.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <endian.h>
#include <openssl/sha.h>
#include <string.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(((struct hash *)0)->context) &&
                   sizeof(SHA512_CTX) <= sizeof(((struct hash *)0)->context),
               "struct hash holds either context");

#define MAGIC_SIZE 4
#define SHA256_STATE_SIZE (MAGIC_SIZE + 8 * 4 + SHA256_CBLOCK + 8)
#define SHA512_STATE_SIZE (MAGIC_SIZE + 8 * 8 + SHA512_CBLOCK + 8)
_Static_assert(SHA512_STATE_SIZE == HASH_STATE_MAX, "the longer of the two");

static const char magic_sha256[MAGIC_SIZE] = {'s', 'h', 'a', 3};
static const char magic_sha512[MAGIC_SIZE] = {'s', 'h', 'a', 7};

static SHA256_CTX *sha256_of(struct hash *hash)
{
    return (SHA256_CTX *)(void *)hash->context;
}

static SHA512_CTX *sha512_of(struct hash *hash)
{
    return (SHA512_CTX *)(void *)hash->context;
}

void hash_init(struct hash *hash, enum hash_algorithm algorithm)
{
    memset(hash, 0, sizeof(*hash));
    hash->algorithm = algorithm;
    switch (algorithm) {
    case HASH_SHA256:
        SHA256_Init(sha256_of(hash));
        break;
    case HASH_SHA512:
        SHA512_Init(sha512_of(hash));
        break;
    }
}

void hash_update(struct hash *hash, const void *bytes, size_t len)
{
    switch (hash->algorithm) {
    case HASH_SHA256:
        SHA256_Update(sha256_of(hash), bytes, len);
        break;
    case HASH_SHA512:
        SHA512_Update(sha512_of(hash), bytes, len);
        break;
    }
    hash->length += len;
}

void hash_final_bytes(struct hash *hash, unsigned char bytes[HASH_BYTES_MAX])
{
    switch (hash->algorithm) {
    case HASH_SHA256:
        SHA256_Final(bytes, sha256_of(hash));
        break;
    case HASH_SHA512:
        SHA512_Final(bytes, sha512_of(hash));
        break;
    }
}

void hash_final(struct hash *hash, char hex[HASH_HEX_MAX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[HASH_BYTES_MAX];
    size_t size = hash_size(hash->algorithm);

    hash_final_bytes(hash, bytes);
    for (size_t i = 0; i < size; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    hex[2 * size] = '\0';
}

size_t hash_size(enum hash_algorithm algorithm)
{
    return algorithm == HASH_SHA256 ? SHA256_DIGEST_LENGTH
                                    : SHA512_DIGEST_LENGTH;
}

static unsigned char *put_u32(unsigned char *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static unsigned char *put_u64(unsigned char *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static uint32_t get_u32(const unsigned char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

static uint64_t get_u64(const unsigned char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return be64toh(value);
}

size_t hash_save(const struct hash *hash, unsigned char out[HASH_STATE_MAX])
{
    struct hash copy = *hash;
    unsigned char *at = out + MAGIC_SIZE;
    bool small = hash->algorithm == HASH_SHA256;
    size_t block = small ? SHA256_CBLOCK : SHA512_CBLOCK;
    const void *partial;

    memcpy(out, small ? magic_sha256 : magic_sha512, MAGIC_SIZE);
    for (size_t i = 0; i < 8; i++)
        at = small ? put_u32(at, sha256_of(&copy)->h[i])
                   : put_u64(at, sha512_of(&copy)->h[i]);
    partial = small ? (const void *)sha256_of(&copy)->data
                    : (const void *)sha512_of(&copy)->u.p;
    memset(at, 0, block);
    memcpy(at, partial, hash->length % block);
    at = put_u64(at + block, hash->length);
    return (size_t)(at - out);
}

static void restore_sha256(SHA256_CTX *context, const unsigned char *at,
                           uint64_t length)
{
    for (size_t i = 0; i < 8; i++, at += 4)
        context->h[i] = get_u32(at);
    memcpy(context->data, at, SHA256_CBLOCK);
    context->num = (unsigned int)(length % SHA256_CBLOCK);
    context->Nl = (SHA_LONG)(length << 3);
    context->Nh = (SHA_LONG)(length >> 29);
}

static void restore_sha512(SHA512_CTX *context, const unsigned char *at,
                           uint64_t length)
{
    for (size_t i = 0; i < 8; i++, at += 8)
        context->h[i] = get_u64(at);
    memcpy(context->u.p, at, SHA512_CBLOCK);
    context->num = (unsigned int)(length % SHA512_CBLOCK);
    context->Nl = length << 3;
    context->Nh = length >> 61;
}

bool hash_restore(struct hash *hash, enum hash_algorithm algorithm,
                  uint64_t length, struct span state)
{
    bool small = algorithm == HASH_SHA256;
    size_t size = small ? SHA256_STATE_SIZE : SHA512_STATE_SIZE;
    const unsigned char *bytes = (const unsigned char *)state.ptr;

    hash_init(hash, algorithm);
    if (state.len != size ||
        memcmp(bytes, small ? magic_sha256 : magic_sha512, MAGIC_SIZE) != 0 ||
        get_u64(bytes + size - 8) != length)
        return false;
    if (small)
        restore_sha256(sha256_of(hash), bytes + MAGIC_SIZE, length);
    else
        restore_sha512(sha512_of(hash), bytes + MAGIC_SIZE, length);
    hash->length = length;
    return true;
}
