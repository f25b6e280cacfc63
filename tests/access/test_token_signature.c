/* SPDX-License-Identifier: MIT */
/* Signatures that are none, and tokens that bring their own key along. */
#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/base64url.h"
#include "token_fixture.h"

TestSuite(token_signature, .init = token_scene_begin, .fini = token_scene_end);

#define NOT_OURS "no key of our own has signed it"
#define NOT_THEIRS "no key of the trusted issuer has signed it"

struct forged {
    const char *name;
    void (*forge)(struct buf *into);
    const char *reason;
};

static void expect_refusals(const struct forged *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf) struct buf text = TOKEN_BUF;

        rows[i].forge(&text);
        refused(rows[i].name, buf_span(&text), rows[i].reason);
    }
}

/* --- a public key as the secret of an HMAC --- */

static void add_pem(struct buf *into, enum signer who)
{
    BIO *pem = BIO_new(BIO_s_mem());
    char *text;
    long len;

    cr_assert_eq(PEM_write_bio_PUBKEY(pem, key_of(who)), 1);
    len = BIO_get_mem_data(pem, &text);
    buf_add(into, (struct span){text, (size_t)len});
    BIO_free(pem);
}

static void add_der(struct buf *into, enum signer who)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key_of(who), &der);

    cr_assert_gt(len, 0);
    buf_add(into, (struct span){(char *)der, (size_t)len});
    OPENSSL_free(der);
}

static void add_public_jwk(struct buf *into, enum signer who)
{
    add_jwk(into, who, false, NULL);
}

static void hmac(struct buf *into, enum signer who, const char *payload,
                 void (*add)(struct buf *, enum signer))
{
    CLEANUP(buf) struct buf secret = TOKEN_BUF;

    add(&secret, who);
    add_unsigned(into, HS256_HEADER, payload);
    add_hmac(into, buf_span(&secret));
}

#define HMAC_OF(function, who, payload, add)                                   \
    static void function(struct buf *into)                                     \
    {                                                                          \
        hmac(into, who, payload, add);                                         \
    }
HMAC_OF(pem_of_ours, OUR_EC, OUR_CLAIMS, add_pem)
HMAC_OF(der_of_ours, OUR_EC, OUR_CLAIMS, add_der)
HMAC_OF(jwk_of_ours, OUR_EC, OUR_CLAIMS, add_public_jwk)
HMAC_OF(rsa_pem_of_ours, OUR_RSA, OUR_CLAIMS, add_pem)
HMAC_OF(rsa_der_of_ours, OUR_RSA, OUR_CLAIMS, add_der)
HMAC_OF(rsa_jwk_of_ours, OUR_RSA, OUR_CLAIMS, add_public_jwk)
HMAC_OF(pem_of_theirs, CERTIFICATE_RSA, TRUSTED_CLAIMS, add_pem)
HMAC_OF(certificate_of_theirs, CERTIFICATE_RSA, TRUSTED_CLAIMS, add_certificate)
HMAC_OF(jwk_of_theirs, JWKS_RSA, TRUSTED_CLAIMS, add_public_jwk)

static void empty_secret(struct buf *into)
{
    add_unsigned(into, HS256_HEADER, OUR_CLAIMS);
    add_hmac(into, SPAN(""));
}

static void secret_of_the_jwks(struct buf *into)
{
    add_unsigned(into, HS256_HEADER, TRUSTED_CLAIMS);
    add_hmac(into, SPAN(JWKS_SECRET));
}

static const struct forged secrets[] = {
    {"HS256 with our public key, PEM", pem_of_ours, NOT_OURS},
    {"HS256 with our public key, DER", der_of_ours, NOT_OURS},
    {"HS256 with our public key, JWK", jwk_of_ours, NOT_OURS},
    {"HS256 with our RSA key, PEM", rsa_pem_of_ours, NOT_OURS},
    {"HS256 with our RSA key, DER", rsa_der_of_ours, NOT_OURS},
    {"HS256 with our RSA key, JWK", rsa_jwk_of_ours, NOT_OURS},
    {"HS256 with their key, PEM", pem_of_theirs, NOT_THEIRS},
    {"HS256 with their certificate", certificate_of_theirs, NOT_THEIRS},
    {"HS256 with their key, JWK", jwk_of_theirs, NOT_THEIRS},
    {"HS256 with an empty secret", empty_secret, NOT_OURS},
    {"HS256 with a secret from their JWKS", secret_of_the_jwks, NOT_THEIRS},
};

Test(token_signature, a_public_key_is_no_secret)
{
    expect_refusals(secrets, ARRAY_SIZE(secrets));
}

/* --- a key in the header --- */

static void embedded_jwk(struct buf *into)
{
    CLEANUP(buf) struct buf header = TOKEN_BUF;

    buf_add(&header, SPAN("{\"alg\":\"ES256\",\"kid\":\"ours\",\"jwk\":"));
    add_jwk(&header, STRANGE_EC, false, "ours");
    buf_add_char(&header, '}');
    sign(into, STRANGE_EC, buf_text(&header), OUR_CLAIMS);
}

static void embedded_secret(struct buf *into)
{
    CLEANUP(buf) struct buf header = TOKEN_BUF;

    buf_add(&header, SPAN("{\"alg\":\"HS256\",\"kid\":\"ours\",\"jwk\":"));
    add_secret_jwk(&header, JWKS_SECRET);
    buf_add_char(&header, '}');
    add_unsigned(into, buf_text(&header), OUR_CLAIMS);
    add_hmac(into, SPAN(JWKS_SECRET));
}

/* The certificate's DER in standard base64 is what its PEM has in lines. */
static void embedded_certificate(struct buf *into)
{
    CLEANUP(buf) struct buf header = TOKEN_BUF;
    CLEANUP(buf) struct buf pem = TOKEN_BUF;
    struct span rest, line;

    add_certificate(&pem, STRANGE_RSA);
    buf_add(&header, SPAN("{\"alg\":\"RS256\",\"x5c\":[\""));
    rest = buf_span(&pem);
    while (rest.len > 0) {
        line = span_cut(&rest, '\n');
        if (!span_starts_with(line, SPAN("-")))
            buf_add(&header, line);
    }
    buf_add(&header, SPAN("\"]}"));
    sign(into, STRANGE_RSA, buf_text(&header), TRUSTED_CLAIMS);
}

static const struct forged embedded[] = {
    {"jwk of a stranger with our kid", embedded_jwk, NOT_OURS},
    {"jwk with a secret", embedded_secret, NOT_OURS},
    {"x5c of a stranger", embedded_certificate, NOT_THEIRS},
};

Test(token_signature, a_key_in_the_header_is_not_looked_at)
{
    expect_refusals(embedded, ARRAY_SIZE(embedded));
}

/* --- signatures --- */

static void with_signature(struct buf *into, struct span bytes)
{
    add_unsigned(into, ES256_HEADER, OUR_CLAIMS);
    buf_add_char(into, '.');
    base64url_add(into, bytes);
}

static void zeros(struct buf *into)
{
    static const char bytes[64];

    with_signature(into, (struct span){bytes, sizeof(bytes)});
}

static void one_zero(struct buf *into)
{
    with_signature(into, SPAN("\0"));
}

static void zeros_by_rsa(struct buf *into)
{
    static const char bytes[256];

    add_unsigned(into, RS256_HEADER, OUR_CLAIMS);
    buf_add_char(into, '.');
    base64url_add(into, (struct span){bytes, sizeof(bytes)});
}

/* The order of P-256, which is 0 once more. */
static void order(struct buf *into)
{
    with_signature(
        into, SPAN("\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff"
                   "\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2"
                   "\xfc\x63\x25\x51\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff"
                   "\xff\xff\xff\xff\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84"
                   "\xf3\xb9\xca\xc2\xfc\x63\x25\x51"));
}

static void der_signature(struct buf *into)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char bytes[128];
    size_t len = sizeof(bytes);

    add_unsigned(into, ES256_HEADER, OUR_CLAIMS);
    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key_of(OUR_EC));
    cr_assert_eq(EVP_DigestSign(context, bytes, &len,
                                (const unsigned char *)into->ptr, into->len),
                 1);
    EVP_MD_CTX_free(context);
    buf_add_char(into, '.');
    base64url_add(into, (struct span){(char *)bytes, len});
}

/* Two more bytes: cjose alone would take half of it for each number. */
static void longer_signature(struct buf *into)
{
    CLEANUP(buf) struct buf whole = TOKEN_BUF;
    CLEANUP(buf) struct buf bytes = TOKEN_BUF;
    struct span rest;

    sign(&whole, OUR_EC, ES256_HEADER, OUR_CLAIMS);
    rest = buf_span(&whole);
    span_cut(&rest, '.');
    span_cut(&rest, '.');
    buf_add(into, span_first(buf_span(&whole), whole.len - rest.len));
    cr_assert_eq(base64url_decode(rest, &bytes), 0);
    buf_add_char(&bytes, '\0');
    base64url_add(into, buf_span(&bytes));
}

static void signature_of_another(struct buf *into)
{
    CLEANUP(buf) struct buf other = TOKEN_BUF;
    const char *signature;

    sign(&other, OUR_EC, ES256_HEADER, CLAIMS_OF("berth", ""));
    signature = strrchr(buf_text(&other), '.');
    add_unsigned(into, ES256_HEADER, OUR_CLAIMS);
    buf_add(into, span_of(signature));
}

static const struct forged signatures[] = {
    {"a signature of zeros", zeros, NOT_OURS},
    {"a signature of one zero", one_zero, NOT_OURS},
    {"a signature of zeros, RSA", zeros_by_rsa, NOT_OURS},
    {"r and s the order of the curve", order, NOT_OURS},
    {"a signature in DER", der_signature, NOT_OURS},
    {"a signature of 65 bytes", longer_signature, NOT_OURS},
    {"a signature of another token", signature_of_another, NOT_OURS},
};

Test(token_signature, a_signature_has_its_form_and_fits)
{
    expect_refusals(signatures, ARRAY_SIZE(signatures));
}
