/* SPDX-License-Identifier: MIT */
#include "token_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64url.h"
#include "base/files.h"
#include "token_rsa.h"

static char directory[64];
static EVP_PKEY *keys[SIGNER_COUNT];
struct token_trust trust;

static EVP_PKEY *decode(const char *base64)
{
    unsigned char bytes[2048];
    const unsigned char *at = bytes;
    int len = EVP_DecodeBlock(bytes, (const unsigned char *)base64,
                              (int)strlen(base64));

    return d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, len);
}

static EVP_PKEY *make(enum signer who)
{
    switch (who) {
    case OUR_RSA:
        return decode(rsa_ours);
    case CERTIFICATE_RSA:
        return decode(rsa_certificate);
    case JWKS_RSA:
        return decode(rsa_jwks);
    case STRANGE_RSA:
        return decode(rsa_strange);
    case SMALL_RSA:
        return EVP_RSA_gen(1024);
    case OTHER_EC:
        return EVP_EC_gen("P-384");
    case OUR_EC:
    case DROPPED_EC:
    case CERTIFICATE_EC:
    case JWKS_EC:
    case STRANGE_EC:
    case SIGNER_COUNT:
        break;
    }
    return EVP_EC_gen("P-256");
}

EVP_PKEY *key_of(enum signer who)
{
    if (keys[who] == NULL)
        keys[who] = make(who);
    cr_assert_not_null(keys[who]);
    return keys[who];
}

static void add_number(struct buf *into, EVP_PKEY *key, const char *member,
                       const char *name, int size)
{
    unsigned char bytes[512];
    BIGNUM *number = NULL;
    int len;

    cr_assert_eq(EVP_PKEY_get_bn_param(key, name, &number), 1, "%s", name);
    len = BN_bn2binpad(number, bytes, size > 0 ? size : BN_num_bytes(number));
    BN_free(number);
    buf_add_format(into, ",\"%s\":\"", member);
    base64url_add(into, (struct span){(char *)bytes, (size_t)len});
    buf_add_char(into, '"');
}

static void add_rsa(struct buf *into, EVP_PKEY *key, bool secret)
{
    buf_add(into, SPAN("{\"kty\":\"RSA\""));
    add_number(into, key, "n", OSSL_PKEY_PARAM_RSA_N, 0);
    add_number(into, key, "e", OSSL_PKEY_PARAM_RSA_E, 0);
    if (!secret)
        return;
    add_number(into, key, "d", OSSL_PKEY_PARAM_RSA_D, 0);
    add_number(into, key, "p", OSSL_PKEY_PARAM_RSA_FACTOR1, 0);
    add_number(into, key, "q", OSSL_PKEY_PARAM_RSA_FACTOR2, 0);
    add_number(into, key, "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1, 0);
    add_number(into, key, "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2, 0);
    add_number(into, key, "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, 0);
}

void add_jwk(struct buf *into, enum signer who, bool secret, const char *kid)
{
    EVP_PKEY *key = key_of(who);
    int size = who == OTHER_EC ? 48 : 32;

    if (EVP_PKEY_is_a(key, "RSA")) {
        add_rsa(into, key, secret);
    } else {
        buf_add_format(into, "{\"kty\":\"EC\",\"crv\":\"%s\"",
                       who == OTHER_EC ? "P-384" : "P-256");
        add_number(into, key, "x", OSSL_PKEY_PARAM_EC_PUB_X, size);
        add_number(into, key, "y", OSSL_PKEY_PARAM_EC_PUB_Y, size);
        if (secret)
            add_number(into, key, "d", OSSL_PKEY_PARAM_PRIV_KEY, size);
    }
    if (kid != NULL)
        buf_add_format(into, ",\"kid\":\"%s\"", kid);
    buf_add_char(into, '}');
}

void add_secret_jwk(struct buf *into, const char *secret)
{
    buf_add(into, SPAN("{\"kty\":\"oct\",\"k\":\""));
    base64url_add(into, span_of(secret));
    buf_add(into, SPAN("\"}"));
}

void add_certificate(struct buf *into, enum signer who)
{
    BIO *pem = BIO_new(BIO_s_mem());
    X509 *certificate = X509_new();
    char *text;
    long len;

    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    cr_assert_eq(X509_set_pubkey(certificate, key_of(who)), 1);
    cr_assert_gt(X509_sign(certificate, key_of(who), EVP_sha256()), 0);
    cr_assert_eq(PEM_write_bio_X509(pem, certificate), 1);
    len = BIO_get_mem_data(pem, &text);
    buf_add(into, (struct span){text, (size_t)len});
    X509_free(certificate);
    BIO_free(pem);
}

void add_unsigned(struct buf *into, const char *header, const char *payload)
{
    base64url_add(into, span_of(header));
    buf_add_char(into, '.');
    base64url_add(into, span_of(payload));
}

/* r and s from their DER, each as long as the curve (RFC 7518 section 3.4). */
static size_t flatten(unsigned char *bytes, size_t len, int size)
{
    const unsigned char *at = bytes;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);

    cr_assert_not_null(pair);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, size);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + size, size);
    ECDSA_SIG_free(pair);
    return 2 * (size_t)size;
}

void add_signature(struct buf *into, enum signer who)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY *key = key_of(who);
    unsigned char bytes[512];
    size_t len = sizeof(bytes);

    cr_assert_eq(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    cr_assert_eq(EVP_DigestSign(context, bytes, &len,
                                (const unsigned char *)into->ptr, into->len),
                 1);
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_is_a(key, "EC"))
        len = flatten(bytes, len, who == OTHER_EC ? 48 : 32);
    buf_add_char(into, '.');
    base64url_add(into, (struct span){(char *)bytes, len});
}

void add_hmac(struct buf *into, struct span secret)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    cr_assert_not_null(HMAC(EVP_sha256(), secret.ptr, (int)secret.len,
                            (const unsigned char *)into->ptr, into->len, bytes,
                            &len));
    buf_add_char(into, '.');
    base64url_add(into, (struct span){(char *)bytes, len});
}

void sign(struct buf *into, enum signer who, const char *header,
          const char *payload)
{
    add_unsigned(into, header, payload);
    add_signature(into, who);
}

const char *scene_path(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

void scene_write(const char *name, const char *text, unsigned mode)
{
    CLEANUP(fd)
    int fd = open(scene_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    struct err err = {0};

    cr_assert_geq(fd, 0);
    cr_assert_eq(fd_write_at(fd, 0, span_of(text), &err), 0);
    cr_assert_eq(fchmod(fd, mode), 0);
}

struct token_keys *scene_read(const struct followed_kind *kind,
                              const char *name, struct err *err)
{
    void *value;

    return kind->read(scene_path(name), &value, err) < 0 ? NULL : value;
}

static const struct token_keys *read_good(const struct followed_kind *kind,
                                          const char *name)
{
    struct err err = {0};
    const struct token_keys *read = scene_read(kind, name, &err);

    cr_assert_not_null(read, "%s", err.text);
    return read;
}

static void write_ours(void)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;

    buf_add(&text, SPAN("{\"keys\":["));
    add_jwk(&text, OUR_EC, true, "ours");
    buf_add_char(&text, ',');
    add_jwk(&text, OUR_RSA, true, NULL);
    buf_add(&text, SPAN("]}"));
    scene_write("ours", buf_text(&text), 0640);
}

static void write_theirs(void)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;

    add_certificate(&text, CERTIFICATE_RSA);
    add_certificate(&text, SMALL_RSA);
    add_certificate(&text, OTHER_EC);
    add_certificate(&text, CERTIFICATE_EC);
    scene_write("certificates", buf_text(&text), 0644);
    buf_clear(&text);
    buf_add(&text, SPAN("{\"keys\":["));
    add_secret_jwk(&text, JWKS_SECRET);
    buf_add_char(&text, ',');
    add_jwk(&text, SMALL_RSA, false, "small");
    buf_add_char(&text, ',');
    add_jwk(&text, OTHER_EC, false, "other");
    buf_add_char(&text, ',');
    add_jwk(&text, JWKS_RSA, false, "theirs-rsa");
    buf_add_char(&text, ',');
    add_jwk(&text, JWKS_EC, false, "theirs-ec");
    buf_add(&text, SPAN("]}"));
    scene_write("jwks", buf_text(&text), 0644);
}

void token_scene_begin(void)
{
    snprintf(directory, sizeof(directory), "/tmp/berth-token-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    write_ours();
    write_theirs();
    trust = (struct token_trust){
        .service = "registry",
        .issuer = "berth",
        .keys = read_good(&token_keys_kind, "ours"),
        .trusted_issuer = "elsewhere",
        .certificates = read_good(&token_certificates_kind, "certificates"),
        .jwks = read_good(&token_jwks_kind, "jwks"),
    };
}

static void free_keys(const struct token_keys *read)
{
    token_keys_free((struct token_keys *)(uintptr_t)read);
}

void token_scene_end(void)
{
    char command[96];

    free_keys(trust.keys);
    free_keys(trust.certificates);
    free_keys(trust.jwks);
    for (size_t i = 0; i < SIGNER_COUNT; i++)
        EVP_PKEY_free(keys[i]);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    cr_assert_eq(system(command), 0);
}

struct token *accepted(struct span compact)
{
    struct token *token = NULL;
    struct err err = {0};

    cr_assert_eq(token_verify(&trust, compact, NOW, &token, &err), 0, "%s",
                 err.text);
    return token;
}

void refused(const char *name, struct span compact, const char *reason)
{
    struct token *token = NULL;
    struct err err = {0};

    cr_expect_eq(token_verify(&trust, compact, NOW, &token, &err), -1, "%s",
                 name);
    cr_expect_null(token, "%s", name);
    cr_expect_eq(err.code, ERR_UNAUTHORIZED, "%s", name);
    cr_expect(strstr(err.text, reason) != NULL, "%s: %s", name, err.text);
    cr_expect_str_empty(err.detail, "%s", name);
    token_free(token);
}
