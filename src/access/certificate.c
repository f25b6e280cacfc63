/* SPDX-License-Identifier: MIT */
#include "access/certificate.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "access/crypto.h"
#include "base/base64url.h"
#include "base/hash.h"

#define COORDINATE 32 /* bytes of x and y on P-256 */
#define LIBTRUST_BYTES 30
#define NUMBER_MAX 2048 /* bytes of an RSA modulus */

/* Letters and digits of RFC 4648 section 6, in twelve groups of four. */
static void add_libtrust_id(struct buf *into, EVP_PKEY *key)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned char digest[HASH_BYTES_MAX];
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    struct hash hash;
    uint64_t bits = 0;

    hash_init(&hash, HASH_SHA256);
    hash_update(&hash, der, len > 0 ? (size_t)len : 0);
    hash_final_bytes(&hash, digest);
    OPENSSL_free(der);
    for (size_t i = 0; i < LIBTRUST_BYTES; i++) {
        bits = bits << 8 | digest[i];
        if (i % 5 != 4)
            continue;
        for (int letter = 7; letter >= 0; letter--) {
            buf_add_char(into, alphabet[bits >> 5 * letter & 31]);
            if (letter == 4 || (letter == 0 && i + 1 < LIBTRUST_BYTES))
                buf_add_char(into, ':');
        }
        bits = 0;
    }
}

/* `size` 0 means as many bytes as the number needs. */
static int add_number(struct buf *into, EVP_PKEY *key, const char *name,
                      const char *member, int size)
{
    unsigned char bytes[NUMBER_MAX];
    BIGNUM *number = NULL;
    int len = -1;

    if (EVP_PKEY_get_bn_param(key, name, &number) == 1) {
        if (size == 0)
            size = BN_num_bytes(number);
        if (size <= NUMBER_MAX)
            len = BN_bn2binpad(number, bytes, size);
    }
    BN_free(number);
    if (len < 0)
        return -1;
    buf_add_format(into, ",\"%s\":\"", member);
    base64url_add(into, (struct span){(const char *)bytes, (size_t)len});
    buf_add_char(into, '"');
    return 0;
}

static int add_parts(struct buf *into, EVP_PKEY *key)
{
    char curve[32] = "";

    if (EVP_PKEY_is_a(key, "RSA")) {
        buf_add(into, SPAN(",\"kty\":\"RSA\""));
        return add_number(into, key, OSSL_PKEY_PARAM_RSA_N, "n", 0) < 0 ||
                       add_number(into, key, OSSL_PKEY_PARAM_RSA_E, "e", 0) < 0
                   ? -1
                   : 0;
    }
    if (!EVP_PKEY_is_a(key, "EC") ||
        EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve,
                                       sizeof(curve), NULL) != 1 ||
        strcmp(curve, SN_X9_62_prime256v1) != 0)
        return -1;
    buf_add(into, SPAN(",\"kty\":\"EC\",\"crv\":\"P-256\""));
    return add_number(into, key, OSSL_PKEY_PARAM_EC_PUB_X, "x", COORDINATE) <
                       0 ||
                   add_number(into, key, OSSL_PKEY_PARAM_EC_PUB_Y, "y",
                              COORDINATE) < 0
               ? -1
               : 0;
}

/* Adds nothing for a key we do not use. */
static void add_key(struct buf *into, EVP_PKEY *key, bool *first)
{
    size_t before = into->len;

    buf_add_format(into, "%s{\"kid\":\"", *first ? "" : ",");
    if (key != NULL) {
        add_libtrust_id(into, key);
        buf_add_char(into, '"');
    }
    if (key == NULL || add_parts(into, key) < 0) {
        buf_truncate(into, before);
        return;
    }
    buf_add_char(into, '}');
    *first = false;
}

static int add_keys(struct buf *into, BIO *pem, struct err *err)
{
    char password[] = ""; /* else it would ask for one */
    bool first = true;
    X509 *certificate;
    unsigned long why;

    ERR_clear_error();
    while ((certificate = PEM_read_bio_X509(pem, NULL, NULL, password)) !=
           NULL) {
        add_key(into, X509_get0_pubkey(certificate), &first);
        X509_free(certificate);
    }
    why = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_LIB(why) != ERR_LIB_PEM ||
        ERR_GET_REASON(why) != PEM_R_NO_START_LINE)
        return err_set(err, ERR_SYNTAX, "a certificate that cannot be read");
    return 0;
}

int certificate_print_jwks(struct span pem, struct buf *into, struct err *err)
{
    BIO *bio = NULL;
    int result;

    crypto_begin();
    if (pem.len <= INT_MAX)
        bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (bio == NULL)
        return err_set(err, ERR_EXHAUSTED, "no memory for certificates");
    buf_add(into, SPAN("{\"keys\":["));
    result = add_keys(into, bio, err);
    buf_add(into, SPAN("]}"));
    BIO_free(bio);
    return result;
}
