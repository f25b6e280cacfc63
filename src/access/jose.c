/* SPDX-License-Identifier: MIT */
#include "access/jose.h"

#include <cjose/cjose.h>
#include <stdlib.h>

#include "access/crypto.h"
#include "base/base64url.h"
#include "base/memory.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192 /* a longer one takes too long to ask */
#define SECRET_BITS_MIN 256
#define KEY_TEXT_MAX ((size_t)64 * 1024)
#define ES256_SIGNATURE 64
#define HS256_SIGNATURE 32

struct jose_key {
    cjose_jwk_t *jwk;
    enum jose_algorithm algorithm;
};

static const char *const names[JOSE_COUNT] = {
    [JOSE_ES256] = "ES256",
    [JOSE_RS256] = "RS256",
    [JOSE_HS256] = "HS256",
};

const char *jose_algorithm_name(enum jose_algorithm algorithm)
{
    return names[algorithm];
}

int jose_algorithm_parse(struct span name, enum jose_algorithm *out)
{
    for (size_t i = 0; i < JOSE_COUNT; i++) {
        if (span_equals(name, span_of(names[i]))) {
            *out = (enum jose_algorithm)i;
            return 0;
        }
    }
    return -1;
}

static int fail(struct err *err, enum err_code code, const char *what,
                const cjose_err *why)
{
    return err_set(err, code, "%s: %s", what,
                   why->message != NULL ? why->message : "failed");
}

/* NULL when the key is fit, else why not. */
static const char *find_algorithm(const cjose_jwk_t *jwk,
                                  enum jose_algorithm *out)
{
    cjose_err why = {0};
    size_t bits = cjose_jwk_get_keysize(jwk, &why);

    switch (cjose_jwk_get_kty(jwk, &why)) {
    case CJOSE_JWK_KTY_EC:
        *out = JOSE_ES256;
        if (cjose_jwk_EC_get_curve(jwk, &why) != CJOSE_JWK_EC_P_256)
            return "a curve that is not P-256";
        return NULL;
    case CJOSE_JWK_KTY_RSA:
        *out = JOSE_RS256;
        if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
            return "RSA, but not of 2048 to 8192 bits";
        return NULL;
    case CJOSE_JWK_KTY_OCT:
        *out = JOSE_HS256;
        if (bits < SECRET_BITS_MIN)
            return "a secret of less than 32 bytes";
        return NULL;
    }
    return "a type of key nobody uses here";
}

/* Takes the key. */
static int key_new(cjose_jwk_t *jwk, struct jose_key **out, struct err *err)
{
    enum jose_algorithm algorithm = JOSE_ES256;
    const char *unfit = find_algorithm(jwk, &algorithm);

    if (unfit != NULL) {
        cjose_jwk_release(jwk);
        return err_set(err, ERR_SYNTAX, "%s", unfit);
    }
    *out = memory_new(sizeof(**out));
    (*out)->jwk = jwk;
    (*out)->algorithm = algorithm;
    return 0;
}

/* Members that are names; the others are numbers or bytes. */
static bool is_name(const char *member)
{
    return strcmp(member, "kty") == 0 || strcmp(member, "crv") == 0;
}

/*
 * What makes the key, and nothing else. cjose ends the process at a base64url
 * of a length that no bytes have.
 */
static int copy_members(const struct json *jwk, struct buf *into,
                        struct err *err)
{
    static const char *const members[] = {
        "kty", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi", "k",
    };
    const char *separator = "{";

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const struct json *value = json_member(jwk, members[i]);
        CLEANUP(buf) struct buf bytes = BUF_INIT(KEY_TEXT_MAX);
        struct span text;

        if (value == NULL)
            continue;
        if (!json_as_string(value, &text) ||
            (!is_name(members[i]) && base64url_decode(text, &bytes) < 0))
            return err_set(err, ERR_SYNTAX, "%s: no base64url", members[i]);
        buf_add_format(into, "%s\"%s\":", separator, members[i]);
        json_add_string(into, text);
        separator = ",";
    }
    buf_add_char(into, '}');
    return 0;
}

int jose_key_import(const struct json *jwk, struct jose_key **out,
                    struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(KEY_TEXT_MAX);
    cjose_err why = {0};
    cjose_jwk_t *key;

    if (copy_members(jwk, &text, err) < 0)
        return -1;
    if (text.overflowed)
        return err_set(err, ERR_SYNTAX, "a key of too many bytes");
    crypto_begin();
    key = cjose_jwk_import(buf_text(&text), text.len, &why);
    if (key == NULL)
        return fail(err, ERR_SYNTAX, "no key that can be used", &why);
    return key_new(key, out, err);
}

static cjose_jwk_t *generate(enum jose_algorithm algorithm, cjose_err *why)
{
    static const uint8_t exponent[] = {1, 0, 1};

    switch (algorithm) {
    case JOSE_ES256:
        return cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, why);
    case JOSE_RS256:
        return cjose_jwk_create_RSA_random(RSA_BITS_MIN, exponent,
                                           sizeof(exponent), why);
    case JOSE_HS256:
        break;
    }
    return cjose_jwk_create_oct_random(SECRET_BITS_MIN, why);
}

int jose_key_generate(enum jose_algorithm algorithm, struct jose_key **out,
                      struct err *err)
{
    cjose_err why = {0};
    cjose_jwk_t *key;

    crypto_begin();
    key = generate(algorithm, &why);
    if (key == NULL)
        return fail(err, ERR_INTERNAL, "make a key", &why);
    return key_new(key, out, err);
}

void jose_key_free(struct jose_key *key)
{
    if (key == NULL)
        return;
    cjose_jwk_release(key->jwk);
    free(key);
}

void jose_key_cleanup(struct jose_key **key)
{
    jose_key_free(*key);
    *key = NULL;
}

enum jose_algorithm jose_key_algorithm(const struct jose_key *key)
{
    return key->algorithm;
}

int jose_key_print(const struct jose_key *key, bool secret, struct buf *into,
                   struct err *err)
{
    cjose_err why = {0};
    char *json = cjose_jwk_to_json(key->jwk, secret, &why);

    if (json == NULL)
        return fail(err, ERR_INTERNAL, "write a key", &why);
    buf_add(into, span_of(json));
    explicit_bzero(json, strlen(json));
    cjose_get_dealloc()(json);
    return 0;
}

static bool fill_header(cjose_header_t *header, const struct jose_key *key,
                        const char *kid, cjose_err *why)
{
    return header != NULL &&
           cjose_header_set(header, CJOSE_HDR_ALG, names[key->algorithm],
                            why) &&
           cjose_header_set(header, "typ", "JWT", why) &&
           cjose_header_set(header, CJOSE_HDR_KID, kid, why);
}

int jose_sign(const struct jose_key *key, const char *kid, struct span payload,
              struct buf *into, struct err *err)
{
    cjose_err why = {0};
    cjose_header_t *header = cjose_header_new(&why);
    cjose_jws_t *jws = NULL;
    const char *compact = NULL; /* belongs to `jws` */
    int result = 0;

    if (fill_header(header, key, kid, &why))
        jws = cjose_jws_sign(key->jwk, header, (const uint8_t *)payload.ptr,
                             payload.len, &why);
    if (jws != NULL && cjose_jws_export(jws, &compact, &why))
        buf_add(into, span_of(compact));
    else
        result = fail(err, ERR_INTERNAL, "sign", &why);
    cjose_jws_release(jws);
    cjose_header_release(header);
    return result;
}

/* cjose takes half of an ES256 signature for each number, however long. */
static bool length_fits(const struct jose_key *key, size_t len)
{
    cjose_err why = {0};

    switch (key->algorithm) {
    case JOSE_ES256:
        return len == ES256_SIGNATURE;
    case JOSE_RS256:
        return len == cjose_jwk_get_keysize(key->jwk, &why) / 8;
    case JOSE_HS256:
        break;
    }
    return len == HS256_SIGNATURE;
}

bool jose_verify(const struct jose_key *key, struct span compact,
                 size_t signature_len)
{
    cjose_err why = {0};
    cjose_jws_t *jws;
    bool good;

    if (!length_fits(key, signature_len))
        return false;
    jws = cjose_jws_import(compact.ptr, compact.len, &why);
    good = jws != NULL && cjose_jws_verify(jws, key->jwk, &why);
    cjose_jws_release(jws);
    return good;
}
