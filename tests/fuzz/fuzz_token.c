/* SPDX-License-Identifier: MIT */
/*
 * A token, and what is inside one: a header in the first line, claims in the
 * rest, which get a right signature here. As it is, no input is a token. One
 * that begins as certificates do, or as a JWK Set, is read as such too.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#include "access/token_cache.h"
#include "base/base64url.h"
#include "base/files.h"
#include "base/json.h"

#define NOW 1700000000
#define SECRET "a secret that no input will guess"
#define TEXT_MAX ((size_t)64 * 1024)

static struct token_keys *ours;
static struct token_cache cache = TOKEN_CACHE_INIT;
static const struct token_serials serials = {1, 0, 0};
static struct token_trust trust = {.service = "registry", .issuer = "berth"};

/* As a file, which is what keys come from. */
static struct token_keys *read_keys(const struct followed_kind *kind,
                                    struct span text)
{
    CLEANUP(fd) int fd = memfd_create("keys", MFD_CLOEXEC);
    struct err err = {0};
    char path[64];
    void *value;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    MUST(fd >= 0 && fchmod(fd, 0600) == 0);
    MUST(fd_write_at(fd, 0, text, &err) == 0);
    if (kind->read(path, &value, &err) == 0)
        return value;
    MUST(err.code == ERR_SYNTAX);
    return NULL;
}

static void read_ours(void)
{
    CLEANUP(buf) struct buf text = BUF_INIT(TEXT_MAX);

    buf_add(&text, SPAN("{\"keys\":[{\"kty\":\"oct\",\"k\":\""));
    base64url_add(&text, SPAN(SECRET));
    buf_add(&text, SPAN("\"}]}"));
    ours = read_keys(&token_keys_kind, buf_span(&text));
    MUST(ours != NULL);
    trust.keys = ours;
}

static void check_base64url(struct span text)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(TEXT_MAX);
    CLEANUP(buf) struct buf again = BUF_INIT(TEXT_MAX);

    if (base64url_decode(text, &bytes) < 0)
        return;
    base64url_add(&again, buf_span(&bytes));
    MUST(span_equals(buf_span(&again), text));
}

static void check_unsigned(struct span compact)
{
    struct token *token = NULL;
    struct err err = {0};

    MUST(token_verify(&trust, compact, NOW, &token, &err) < 0);
    MUST(token == NULL && err.code == ERR_UNAUTHORIZED);
    MUST(err.detail[0] == '\0');
}

static void add_signature(struct buf *compact)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    HMAC(EVP_sha256(), SECRET, sizeof(SECRET) - 1,
         (const unsigned char *)compact->ptr, compact->len, bytes, &len);
    buf_add_char(compact, '.');
    base64url_add(compact, (struct span){(char *)bytes, len});
}

/* What a good token cannot be without. */
static void check_claims(struct span header, struct span payload,
                         const struct token *token)
{
    static const struct json_limits limits = {4096, 65536};
    CLEANUP(json) struct json *head = NULL;
    CLEANUP(json) struct json *claims = NULL;
    struct err err = {0};
    struct span text;
    uint64_t expires;

    MUST(json_parse(header, &limits, &head, &err) == 0);
    MUST(json_parse(payload, &limits, &claims, &err) == 0);
    MUST(json_as_string(json_member(head, "alg"), &text));
    MUST(span_equals(text, SPAN("HS256")));
    MUST(json_as_string(json_member(claims, "iss"), &text));
    MUST(span_equals(text, SPAN("berth")));
    MUST(json_as_u64(json_member(claims, "exp"), &expires));
    MUST(expires > NOW && token->expires == (int64_t)expires);
    if (json_as_string(json_member(claims, "sub"), &text))
        MUST(span_equals(text, span_of(token->subject)));
    else
        MUST(token->subject[0] == '\0');
    MUST(token->count <= json_array_length(json_member(claims, "access")));
    for (size_t i = 0; i < token->count; i++) {
        MUST(name_is_valid(span_of(token->grants[i].name)));
        MUST((token->grants[i].rights &
              ~(unsigned)(RIGHT_PULL | RIGHT_PUSH | RIGHT_DELETE)) == 0);
        MUST((token_rights(token, token->grants[i].name) &
              token->grants[i].rights) == token->grants[i].rights);
    }
}

static void check_signed(struct span header, struct span payload)
{
    CLEANUP(buf) struct buf compact = BUF_INIT(TEXT_MAX);
    CLEANUP(token) struct token *token = NULL;
    CLEANUP(token) struct token *again = NULL;
    struct err err = {0};
    int result;

    base64url_add(&compact, header);
    buf_add_char(&compact, '.');
    base64url_add(&compact, payload);
    add_signature(&compact);
    result = token_cache_verify(&cache, &trust, &serials, buf_span(&compact),
                                NOW, &token, &err);
    MUST(result == token_cache_verify(&cache, &trust, &serials,
                                      buf_span(&compact), NOW, &again, &err));
    if (result < 0) {
        MUST(err.code == ERR_UNAUTHORIZED);
        return;
    }
    MUST(strcmp(token->subject, again->subject) == 0);
    check_claims(header, payload, token);
    compact.ptr[compact.len - 1] ^= 4;
    check_unsigned(buf_span(&compact));
}

static void check_keys(struct span text)
{
    CLEANUP(buf) struct buf jwks = BUF_INIT(TEXT_MAX);
    CLEANUP(token_keys) struct token_keys *keys = NULL;
    struct err err = {0};

    if (span_starts_with(text, SPAN("-----BEGIN")))
        keys = read_keys(&token_certificates_kind, text);
    else if (span_starts_with(text, SPAN("{\"keys\"")))
        keys = read_keys(&token_jwks_kind, text);
    if (keys == NULL)
        return;
    MUST(token_keys_print_public(keys, &jwks, &err) == 0);
    token_keys_free(keys);
    keys = read_keys(&token_jwks_kind, buf_span(&jwks));
    MUST(keys != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span whole = fuzz_input(data, size), rest = whole;
    struct span header = span_cut(&rest, '\n');

    if (ours == NULL)
        read_ours();
    check_base64url(whole);
    check_unsigned(whole);
    check_signed(header, rest);
    check_keys(whole);
    return 0;
}
