/* SPDX-License-Identifier: MIT */
#include "oci/digest.h"

#include <string.h>

#include "base/compiler.h"

/* Longer texts are no digests of any algorithm in use. */
#define DIGEST_UNKNOWN_MAX 512

static const struct span algorithm_names[] = {
    [HASH_SHA256] = {"sha256", 6},
    [HASH_SHA512] = {"sha512", 6},
};
_Static_assert(ARRAY_SIZE(algorithm_names) == HASH_COUNT, "all algorithms");

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_lower_hex(char c)
{
    return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9');
}

static bool all_lower_hex(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_lower_hex(text.ptr[i]))
            return false;
    return true;
}

/* algorithm ::= component (separator component)*, separator ::= [+._-] */
static bool is_algorithm(struct span text)
{
    bool in_component = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (is_lower_or_digit(c))
            in_component = true;
        else if (in_component && (c == '+' || c == '.' || c == '_' || c == '-'))
            in_component = false;
        else
            return false;
    }
    return in_component;
}

/* encoded ::= [a-zA-Z0-9=_-]+ */
static bool is_encoded(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (!is_lower_or_digit(c) && !(c >= 'A' && c <= 'Z') && c != '=' &&
            c != '_' && c != '-')
            return false;
    }
    return text.len > 0;
}

int digest_parse(struct span text, struct digest *out, struct err *err)
{
    struct span encoded = text, algorithm = span_cut(&encoded, ':');
    enum hash_algorithm known;

    if (!digest_algorithm_parse(algorithm, &known)) {
        if (text.len <= DIGEST_UNKNOWN_MAX && is_algorithm(algorithm) &&
            is_encoded(encoded))
            return err_set(err, ERR_DIGEST_UNSUPPORTED,
                           "no support for the digest %.*s", SPAN_ARGS(text));
        return err_set(err, ERR_DIGEST_INVALID, "not a digest");
    }
    if (!digest_of_hex(known, encoded, out))
        return err_set(err, ERR_DIGEST_INVALID,
                       "a %s digest has %zu lower-case hexadecimal digits",
                       digest_algorithm_name(known), 2 * hash_size(known));
    return 0;
}

bool digest_of_hex(enum hash_algorithm algorithm, struct span hex,
                   struct digest *out)
{
    if (hex.len != 2 * hash_size(algorithm) || !all_lower_hex(hex))
        return false;
    out->algorithm = algorithm;
    memcpy(out->hex, hex.ptr, hex.len);
    out->hex[hex.len] = '\0';
    return true;
}

void digest_of_bytes(enum hash_algorithm algorithm, struct span bytes,
                     struct digest *out)
{
    struct hash hash;

    hash_init(&hash, algorithm);
    hash_update(&hash, bytes.ptr, bytes.len);
    digest_finish(&hash, out);
}

void digest_finish(struct hash *hash, struct digest *out)
{
    out->algorithm = hash->algorithm;
    hash_final(hash, out->hex);
}

size_t digest_format(const struct digest *digest, char out[DIGEST_TEXT_MAX])
{
    struct span name = algorithm_names[digest->algorithm];
    size_t hex = 2 * hash_size(digest->algorithm);

    memcpy(out, name.ptr, name.len);
    out[name.len] = ':';
    memcpy(out + name.len + 1, digest->hex, hex + 1);
    return name.len + 1 + hex;
}

bool digest_equals(const struct digest *a, const struct digest *b)
{
    return a->algorithm == b->algorithm &&
           memcmp(a->hex, b->hex, 2 * hash_size(a->algorithm)) == 0;
}

const char *digest_algorithm_name(enum hash_algorithm algorithm)
{
    return algorithm_names[algorithm].ptr;
}

bool digest_algorithm_parse(struct span name, enum hash_algorithm *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(algorithm_names); i++) {
        if (span_equals(name, algorithm_names[i])) {
            *out = (enum hash_algorithm)i;
            return true;
        }
    }
    return false;
}
