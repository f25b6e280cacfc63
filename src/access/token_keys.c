/* SPDX-License-Identifier: MIT */
#include "access/token_keys.h"

#include <stdlib.h>

#include "access/certificate.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "token_keys_internal.h"

#define FILE_MAX ((size_t)1024 * 1024)
#define KEY_TEXT_MAX ((size_t)64 * 1024)
#define MODE_OTHERS 0007

static const struct json_limits limits = {.containers = 1024, .values = 8192};

void token_keys_free(struct token_keys *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < keys->count; i++) {
        jose_key_free(keys->keys[i].jose);
        free(keys->keys[i].name);
    }
    free(keys);
}

void token_keys_cleanup(struct token_keys **keys)
{
    token_keys_free(*keys);
    *keys = NULL;
}

static void free_value(void *value)
{
    token_keys_free(value);
}

/* Over the members that make the key what it is, in the order of the RFC. */
int token_key_thumbprint(const struct jose_key *key,
                         char out[TOKEN_KEY_ID_LENGTH + 1], struct err *err)
{
    static const char *const members[] = {"crv", "e", "k", "kty",
                                          "n",   "x", "y"};
    CLEANUP(buf) struct buf text = BUF_INIT(KEY_TEXT_MAX);
    CLEANUP(buf) struct buf id = BUF_INIT(TOKEN_KEY_ID_LENGTH);
    CLEANUP(json) struct json *jwk = NULL;
    unsigned char digest[HASH_BYTES_MAX];
    const char *separator = "{";
    struct hash hash;
    bool secret = jose_key_algorithm(key) == JOSE_HS256;

    if (jose_key_print(key, secret, &text, err) < 0 ||
        json_parse(buf_span(&text), &limits, &jwk, err) < 0)
        return -1;
    buf_clear(&text);
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const struct json *value = json_member(jwk, members[i]);

        if (value == NULL)
            continue;
        buf_add_format(&text, "%s\"%s\":", separator, members[i]);
        json_print(value, &text);
        separator = ",";
    }
    buf_add_char(&text, '}');
    hash_init(&hash, HASH_SHA256);
    hash_update(&hash, buf_text(&text), text.len);
    hash_final_bytes(&hash, digest);
    base64url_add(&id, (struct span){(const char *)digest, 32});
    memcpy(out, buf_text(&id), TOKEN_KEY_ID_LENGTH + 1);
    return 0;
}

static struct span text_of(const struct json *object, const char *member)
{
    struct span text = {0};

    if (!json_as_string(json_member(object, member), &text))
        return (struct span){0};
    return text;
}

/* What a JWK says of its own use (RFC 7517 section 4) fits ours. */
static bool is_for_signatures(const struct json *jwk,
                              enum jose_algorithm algorithm)
{
    struct span use = text_of(jwk, "use"), alg = text_of(jwk, "alg");

    return (use.len == 0 || span_equals(use, SPAN("sig"))) &&
           (alg.len == 0 ||
            span_equals(alg, span_of(jose_algorithm_name(algorithm))));
}

static bool has_secret(const struct json *jwk, enum jose_algorithm algorithm)
{
    return text_of(jwk, algorithm == JOSE_HS256 ? "k" : "d").len > 0;
}

/* Takes the key. */
static int append(struct token_keys *keys, struct jose_key *key,
                  struct span name, struct err *err)
{
    struct token_key *last = &keys->keys[keys->count];

    if (keys->count == TOKEN_KEYS_MAX) {
        jose_key_free(key);
        return err_set(err, ERR_SYNTAX, "more than %d keys", TOKEN_KEYS_MAX);
    }
    keys->count++;
    last->jose = key;
    if (name.len > 0 && memchr(name.ptr, '\0', name.len) == NULL)
        last->name = memory_copy_text(name.ptr);
    return token_key_thumbprint(key, last->thumbprint, err);
}

static int add_own(struct token_keys *keys, const struct json *jwk,
                   struct err *err)
{
    struct jose_key *key;

    if (keys->count == TOKEN_KEYS_OWN_MAX)
        return err_set(err, ERR_SYNTAX, "more than %d keys",
                       TOKEN_KEYS_OWN_MAX);
    if (jose_key_import(jwk, &key, err) < 0)
        return -1;
    if (!has_secret(jwk, jose_key_algorithm(key)) ||
        !is_for_signatures(jwk, jose_key_algorithm(key))) {
        jose_key_free(key);
        return err_set(err, ERR_SYNTAX, "a key that cannot sign");
    }
    return append(keys, key, text_of(jwk, "kid"), err);
}

static int add_foreign(struct token_keys *keys, const struct json *jwk,
                       struct err *err)
{
    struct err unfit = {0};
    struct jose_key *key;

    if (jose_key_import(jwk, &key, &unfit) < 0)
        return 0;
    /* A key for HS256 has nothing but its secret. */
    if (has_secret(jwk, jose_key_algorithm(key)) ||
        !is_for_signatures(jwk, jose_key_algorithm(key))) {
        jose_key_free(key);
        return 0;
    }
    return append(keys, key, text_of(jwk, "kid"), err);
}

typedef int add_function(struct token_keys *keys, const struct json *jwk,
                         struct err *err);

static int parse(struct span text, add_function *add, struct token_keys **out,
                 struct err *err)
{
    CLEANUP(json) struct json *set = NULL;
    CLEANUP(token_keys) struct token_keys *keys = memory_new(sizeof(*keys));
    const struct json *array;

    if (json_parse(text, &limits, &set, err) < 0)
        return -1;
    array = json_member(set, "keys");
    for (size_t i = 0; i < json_array_length(array); i++) {
        if (add(keys, json_at(array, i), err) < 0)
            return err_wrap(err, "keys[%zu]", i);
    }
    if (keys->count == 0)
        return err_set(err, ERR_SYNTAX, "no key that can be used");
    *out = keys;
    keys = NULL;
    return 0;
}

static int read_file(const char *path, mode_t forbidden, struct buf *into,
                     struct err *err)
{
    CLEANUP(fd) int fd = -1;
    struct stat st;

    if (fd_open_file(path, &fd, &st, err) < 0)
        return -1;
    if ((st.st_mode & forbidden) != 0)
        return err_set(err, ERR_MISCONFIGURED,
                       "%s: mode %04o: a file of keys that others may use; "
                       "chmod 0640 it, and make a new key",
                       path, (unsigned)st.st_mode & 07777);
    if (fd_read_all(fd, into, err) < 0) {
        err_wrap(err, "%s", path);
        return err->code == ERR_TOO_LARGE ? err_recode(err, ERR_SYNTAX) : -1;
    }
    return 0;
}

static int parse_file(const char *path, struct span text, add_function *add,
                      void **value, struct err *err)
{
    struct token_keys *keys;

    if (parse(text, add, &keys, err) < 0)
        return err_wrap(err, "%s", path);
    *value = keys;
    return 0;
}

static int read_own(const char *path, void **value, struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(FILE_MAX);

    if (read_file(path, MODE_OTHERS, &text, err) < 0)
        return -1;
    return parse_file(path, buf_span(&text), add_own, value, err);
}

static int read_certificates(const char *path, void **value, struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(FILE_MAX);
    CLEANUP(buf) struct buf set = BUF_INIT(FILE_MAX);

    if (read_file(path, 0, &text, err) < 0)
        return -1;
    if (certificate_print_jwks(buf_span(&text), &set, err) < 0)
        return err_wrap(err, "%s", path);
    return parse_file(path, buf_span(&set), add_foreign, value, err);
}

static int read_jwks(const char *path, void **value, struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(FILE_MAX);

    if (read_file(path, 0, &text, err) < 0)
        return -1;
    return parse_file(path, buf_span(&text), add_foreign, value, err);
}

const struct followed_kind token_keys_kind = {read_own, free_value};
const struct followed_kind token_certificates_kind = {read_certificates,
                                                      free_value};
const struct followed_kind token_jwks_kind = {read_jwks, free_value};

const char *token_key_id(const struct token_key *key)
{
    return key->name != NULL ? key->name : key->thumbprint;
}

static int print_member(void *into, struct span name, const struct json *value)
{
    if (span_equals(name, SPAN("kid")))
        return 0;
    buf_add_char(into, ',');
    json_add_string(into, name);
    buf_add_char(into, ':');
    json_print(value, into);
    return 0;
}

int token_key_print(const struct token_key *key, bool secret, struct buf *into,
                    struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(KEY_TEXT_MAX);
    CLEANUP(json) struct json *jwk = NULL;

    if (jose_key_print(key->jose, secret, &text, err) < 0 ||
        json_parse(buf_span(&text), &limits, &jwk, err) < 0)
        return -1;
    buf_add(into, SPAN("{\"kid\":"));
    json_add_string(into, span_of(token_key_id(key)));
    buf_add_format(into, ",\"use\":\"sig\",\"alg\":\"%s\"",
                   jose_algorithm_name(jose_key_algorithm(key->jose)));
    json_each_member(jwk, print_member, into);
    buf_add_char(into, '}');
    return 0;
}

int token_keys_print_public(const struct token_keys *keys, struct buf *into,
                            struct err *err)
{
    const char *separator = "";

    buf_add(into, SPAN("{\"keys\":["));
    for (size_t i = 0; i < keys->count; i++) {
        const struct token_key *key = &keys->keys[i];

        if (jose_key_algorithm(key->jose) == JOSE_HS256)
            continue;
        buf_add(into, span_of(separator));
        if (token_key_print(key, false, into, err) < 0)
            return -1;
        separator = ",";
    }
    buf_add(into, SPAN("]}"));
    return 0;
}

int token_keys_sign(const struct token_keys *keys, struct span payload,
                    struct buf *into, struct err *err)
{
    const struct token_key *key = &keys->keys[0];

    return jose_sign(key->jose, token_key_id(key), payload, into, err);
}

static bool is_called(const struct token_key *key, struct span kid)
{
    return span_equals(kid, span_of(key->thumbprint)) ||
           (key->name != NULL && span_equals(kid, span_of(key->name)));
}

bool token_keys_verify(const struct token_keys *keys,
                       enum jose_algorithm algorithm, struct span kid,
                       struct span compact, size_t signature_len)
{
    bool known = false;

    for (size_t i = 0; kid.len > 0 && i < keys->count; i++)
        known = known || is_called(&keys->keys[i], kid);
    for (size_t i = 0; i < keys->count; i++) {
        const struct token_key *key = &keys->keys[i];

        if (jose_key_algorithm(key->jose) == algorithm &&
            (!known || is_called(key, kid)) &&
            jose_verify(key->jose, compact, signature_len))
            return true;
    }
    return false;
}
