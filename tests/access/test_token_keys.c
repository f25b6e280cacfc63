/* SPDX-License-Identifier: MIT */
/* Files of keys: what is read from them, and what is written. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/token_keys_internal.h"
#include "token_fixture.h"

TestSuite(token_keys, .init = token_scene_begin, .fini = token_scene_end);

static void expect_wrong(const struct followed_kind *kind, const char *text,
                         enum err_code code, const char *reason)
{
    struct err err = {0};

    scene_write("keys", text, 0640);
    cr_assert_null(scene_read(kind, "keys", &err));
    cr_expect_eq(err.code, code, "%s: %s", text, err.text);
    cr_expect(strstr(err.text, reason) != NULL, "%s", err.text);
    cr_expect(strstr(err.text, scene_path("keys")) == err.text, "%s", err.text);
}

Test(token_keys, our_own_file_has_to_make_sense)
{
    const struct followed_kind *ours = &token_keys_kind;

    expect_wrong(ours, "", ERR_SYNTAX, "");
    expect_wrong(ours, "{}", ERR_SYNTAX, "no key that can be used");
    expect_wrong(ours, "{\"keys\":{}}", ERR_SYNTAX, "no key that can be used");
    expect_wrong(ours, "{\"keys\":[1]}", ERR_SYNTAX, "keys[0]: ");
    expect_wrong(ours, "{\"keys\":[],\"keys\":[]}", ERR_SYNTAX, "twice");
    expect_wrong(ours, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}]}",
                 ERR_SYNTAX, "a secret of less than 32 bytes");
}

static void expect_wrong_key(enum signer who, bool secret, const char *reason)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;

    buf_add(&text, SPAN("{\"keys\":["));
    add_jwk(&text, who, secret, NULL);
    buf_add(&text, SPAN("]}"));
    expect_wrong(&token_keys_kind, buf_text(&text), ERR_SYNTAX, reason);
}

Test(token_keys, our_own_keys_have_to_be_fit)
{
    expect_wrong_key(OUR_EC, false, "a key that cannot sign");
    expect_wrong_key(OUR_RSA, false, "a key that cannot sign");
    expect_wrong_key(SMALL_RSA, true, "not of 2048 to 8192 bits");
    expect_wrong_key(OTHER_EC, true, "a curve that is not P-256");
}

Test(token_keys, our_own_file_has_two_keys_at_most)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;

    buf_add(&text, SPAN("{\"keys\":["));
    add_jwk(&text, OUR_EC, true, NULL);
    buf_add_char(&text, ',');
    add_jwk(&text, OUR_EC, true, NULL);
    buf_add_char(&text, ',');
    add_jwk(&text, OUR_EC, true, NULL);
    buf_add(&text, SPAN("]}"));
    expect_wrong(&token_keys_kind, buf_text(&text), ERR_SYNTAX,
                 "keys[2]: more than 2 keys");
}

Test(token_keys, our_own_file_is_nobody_elses)
{
    static const unsigned open_to_others[] = {0644, 0602, 0641};
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_SIZE(open_to_others); i++) {
        cr_assert_eq(chmod(scene_path("ours"), open_to_others[i]), 0);
        cr_assert_null(scene_read(&token_keys_kind, "ours", &err));
        cr_assert_eq(err.code, ERR_MISCONFIGURED);
        cr_assert(strstr(err.text, "that others may use") != NULL);
    }
}

Test(token_keys, an_absent_file_is_not_found)
{
    struct err err = {0};

    cr_assert_null(scene_read(&token_keys_kind, "none", &err));
    cr_assert_eq(err.code, ERR_NOT_FOUND);
}

Test(token_keys, a_set_of_others_has_sixteen_keys_at_most)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;

    buf_add(&text, SPAN("{\"keys\":["));
    for (int i = 0; i < TOKEN_KEYS_MAX; i++) {
        add_jwk(&text, JWKS_EC, false, NULL);
        buf_add_char(&text, ',');
    }
    add_jwk(&text, JWKS_EC, false, NULL);
    buf_add(&text, SPAN("]}"));
    expect_wrong(&token_jwks_kind, buf_text(&text), ERR_SYNTAX,
                 "keys[16]: more than 16 keys");
}

Test(token_keys, keys_for_other_things_are_passed_over)
{
    static const char *const members[] = {
        ",\"use\":\"enc\"}", ",\"alg\":\"ES384\"}", ",\"alg\":\"RS256\"}"};

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        CLEANUP(buf) struct buf text = TOKEN_BUF;

        buf_add(&text, SPAN("{\"keys\":["));
        add_jwk(&text, JWKS_EC, false, NULL);
        buf_truncate(&text, text.len - 1);
        buf_add(&text, span_of(members[i]));
        buf_add(&text, SPAN("]}"));
        expect_wrong(&token_jwks_kind, buf_text(&text), ERR_SYNTAX,
                     "no key that can be used");
    }
}

/* At some of these cjose ends the process. */
Test(token_keys, numbers_have_to_be_base64url)
{
    static const char *const wrong[] = {
        "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AAAAA\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQABA\",\"n\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQ==\",\"n\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"RSA\",\"e\":65537,\"n\":\"AAAA\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"A\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"AAAAA\"}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAAA\"}]}",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"+/+/\"}]}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        expect_wrong(&token_keys_kind, wrong[i], ERR_SYNTAX, "no base64url");
        expect_wrong(&token_jwks_kind, wrong[i], ERR_SYNTAX,
                     "no key that can be used");
    }
}

/* cjose would take the point from `d`; of 0, that is one for any signature. */
Test(token_keys, a_published_secret_part_makes_a_key_worthless)
{
    static const struct {
        enum signer who;
        const char *secret; /* NULL = the right one */
    } rows[] = {{JWKS_EC, NULL},
                {JWKS_EC, ",\"d\":\"AA\"}"},
                {JWKS_RSA, NULL},
                {JWKS_RSA, ",\"d\":\"AQ\"}"}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP(buf) struct buf text = TOKEN_BUF;

        buf_add(&text, SPAN("{\"keys\":["));
        add_jwk(&text, rows[i].who, rows[i].secret == NULL, NULL);
        if (rows[i].secret != NULL) {
            buf_truncate(&text, text.len - 1);
            buf_add(&text, span_of(rows[i].secret));
        }
        buf_add(&text, SPAN("]}"));
        expect_wrong(&token_jwks_kind, buf_text(&text), ERR_SYNTAX,
                     "no key that can be used");
    }
}

Test(token_keys, a_point_off_the_curve_is_no_key)
{
    expect_wrong(&token_jwks_kind,
                 "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
                 "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
                 "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}",
                 ERR_SYNTAX, "no key that can be used");
}

Test(token_keys, a_bundle_has_to_be_whole)
{
    const struct followed_kind *bundle = &token_certificates_kind;

    expect_wrong(bundle, "", ERR_SYNTAX, "no key that can be used");
    expect_wrong(bundle, "what is this?\n", ERR_SYNTAX, "no key that can");
    expect_wrong(bundle, "-----BEGIN CERTIFICATE-----\nMIIB\n", ERR_SYNTAX,
                 "a certificate that cannot be read");
    expect_wrong(bundle,
                 "-----BEGIN CERTIFICATE-----\nMIIB\n"
                 "-----END CERTIFICATE-----\n",
                 ERR_SYNTAX, "a certificate that cannot be read");
    expect_wrong(bundle,
                 "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
                 "DEK-Info: AES-256-CBC,0102030405060708090A0B0C0D0E0F10\n\n"
                 "MIIB\n-----END CERTIFICATE-----\n",
                 ERR_SYNTAX, "a certificate that cannot be read");
}

/* Made by openssl(1), and its name by Python. */
Test(token_keys, a_certificate_is_called_as_libtrust_calls_it)
{
    static const char certificate[] =
        "-----BEGIN CERTIFICATE-----\n"
        "MIIBdjCCAR2gAwIBAgIUIfdUEAXqWx6WYs6/E5W6zHmiJGswCgYIKoZIzj0EAwIw\n"
        "EDEOMAwGA1UEAwwFdG9rZW4wIBcNMjYxMTI3MDUzNDAxWhgPMjEyNjExMDMwNTM0\n"
        "MDFaMBAxDjAMBgNVBAMMBXRva2VuMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n"
        "WRvEq+kq48ecBBut2zluaDK6MKVVMGfppKW+T30Tqk+1vEntJd1Ia46eMdIZnSX7\n"
        "thYnEKfQF4mS8ICXm7t4IaNTMFEwHQYDVR0OBBYEFMTB4oCQje6+x2mm/ZktxAEf\n"
        "+lvkMB8GA1UdIwQYMBaAFMTB4oCQje6+x2mm/ZktxAEf+lvkMA8GA1UdEwEB/wQF\n"
        "MAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgfzmQ5Ftrib0rDZxI+xnfkPZWK8LUg6oc\n"
        "mt2kT9QKjkUCIG+22lGfD/B1LRF2DrWxPF2nVNp5p6Sb+c0pu154/6bz\n"
        "-----END CERTIFICATE-----\n";
    CLEANUP(token_keys) struct token_keys *keys = NULL;
    CLEANUP(buf) struct buf jwks = TOKEN_BUF;
    struct err err = {0};

    scene_write("bundle", certificate, 0644);
    keys = scene_read(&token_certificates_kind, "bundle", &err);
    cr_assert_not_null(keys, "%s", err.text);
    cr_assert_eq(token_keys_print_public(keys, &jwks, &err), 0);
    cr_assert(strstr(buf_text(&jwks),
                     "\"kid\":\"MMJN:IXAW:3YSG:NKMH:WWVO:E5LR:UAPY:R3RM:"
                     "PFXG:3SQ5:UBC7:3ID2\"") != NULL,
              "%s", buf_text(&jwks));
}

/* The example of RFC 7638 section 3.1. */
Test(token_keys, the_thumbprint_is_that_of_the_rfc)
{
    CLEANUP(token_keys) struct token_keys *keys = NULL;
    struct err err = {0};

    scene_write("jwks",
                "{\"keys\":[{\"kty\":\"RSA\",\"n\":"
                "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtV"
                "T86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_"
                "2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
                "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD0"
                "8qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw"
                "0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\","
                "\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}]}",
                0644);
    keys = scene_read(&token_jwks_kind, "jwks", &err);
    cr_assert_not_null(keys, "%s", err.text);
    cr_assert_str_eq(keys->keys[0].thumbprint,
                     "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

Test(token_keys, what_is_published_has_no_secrets)
{
    CLEANUP(buf) struct buf jwks = TOKEN_BUF;
    struct err err = {0};

    cr_assert_eq(token_keys_print_public(trust.keys, &jwks, &err), 0);
    cr_assert(strstr(buf_text(&jwks),
                     "{\"kid\":\"ours\",\"use\":\"sig\","
                     "\"alg\":\"ES256\",\"kty\":\"EC\"") != NULL);
    cr_assert(strstr(buf_text(&jwks), "\"alg\":\"RS256\"") != NULL);
    cr_assert_null(strstr(buf_text(&jwks), "\"d\""));
    cr_assert_null(strstr(buf_text(&jwks), "\"p\""));
    cr_assert_null(strstr(buf_text(&jwks), "\"qi\""));
}

static struct token_keys *generate(enum jose_algorithm algorithm, char *id,
                                   bool expect_former)
{
    struct err err = {0};
    struct token_keys *keys;
    bool had_former = false;

    cr_assert_eq(token_keys_generate(scene_path("fresh"), algorithm, (uid_t)-1,
                                     id, &had_former, &err),
                 0, "%s", err.text);
    cr_assert_eq(had_former, expect_former);
    keys = scene_read(&token_keys_kind, "fresh", &err);
    cr_assert_not_null(keys, "%s", err.text);
    cr_assert_str_eq(keys->keys[0].name, id);
    cr_assert_str_eq(keys->keys[0].thumbprint, id);
    cr_assert_eq(jose_key_algorithm(keys->keys[0].jose), algorithm);
    return keys;
}

Test(token_keys, a_fresh_key_is_put_in_front_and_the_oldest_dropped)
{
    char first[TOKEN_KEY_ID_LENGTH + 1], second[sizeof(first)],
        third[sizeof(first)];
    CLEANUP(token_keys)
    struct token_keys *one = generate(JOSE_HS256, first, false);
    CLEANUP(token_keys)
    struct token_keys *two = generate(JOSE_RS256, second, true);
    CLEANUP(token_keys)
    struct token_keys *three = generate(JOSE_ES256, third, true);
    struct stat st;

    cr_assert_eq(one->count, 1);
    cr_assert_eq(two->count, 2);
    cr_assert_str_eq(two->keys[1].thumbprint, first);
    cr_assert_eq(three->count, 2);
    cr_assert_str_eq(three->keys[1].thumbprint, second);
    cr_assert_eq(stat(scene_path("fresh"), &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0600);
}

Test(token_keys, a_secret_is_not_published)
{
    char id[TOKEN_KEY_ID_LENGTH + 1];
    CLEANUP(token_keys)
    struct token_keys *keys = generate(JOSE_HS256, id, false);
    CLEANUP(buf) struct buf jwks = TOKEN_BUF;
    struct err err = {0};

    cr_assert_eq(token_keys_print_public(keys, &jwks, &err), 0);
    cr_assert_str_eq(buf_text(&jwks), "{\"keys\":[]}");
}

Test(token_keys, a_file_that_is_something_else_is_not_replaced)
{
    char id[TOKEN_KEY_ID_LENGTH + 1];
    struct err err = {0};
    bool had_former;
    struct stat st;

    scene_write("fresh", "precious", 0640);
    cr_assert_eq(token_keys_generate(scene_path("fresh"), JOSE_ES256, (uid_t)-1,
                                     id, &had_former, &err),
                 -1);
    cr_assert_eq(err.code, ERR_SYNTAX);
    cr_assert_eq(stat(scene_path("fresh"), &st), 0);
    cr_assert_eq(st.st_size, (off_t)strlen("precious"));
}

Test(token_keys, where_nothing_can_be_written_nothing_is_left)
{
    char id[TOKEN_KEY_ID_LENGTH + 1];
    struct err err = {0};
    bool had_former;

    cr_assert_eq(token_keys_generate(scene_path("none/fresh"), JOSE_ES256,
                                     (uid_t)-1, id, &had_former, &err),
                 -1);
    cr_assert_eq(err.code, ERR_NOT_FOUND);
}

Test(token_keys, the_owner_and_the_group_stay)
{
    char id[TOKEN_KEY_ID_LENGTH + 1];
    struct stat st;

    if (geteuid() != 0)
        cr_skip_test("gives files away, as only root can");
    token_keys_free(generate(JOSE_ES256, id, false));
    cr_assert_eq(chown(scene_path("fresh"), 1, 2), 0);
    token_keys_free(generate(JOSE_ES256, id, true));
    cr_assert_eq(stat(scene_path("fresh"), &st), 0);
    cr_assert_eq(st.st_uid, 1);
    cr_assert_eq(st.st_gid, 2);
}

Test(token_keys, a_link_stays_one)
{
    char id[TOKEN_KEY_ID_LENGTH + 1];
    struct token_keys *keys;
    struct err err = {0};
    struct stat st;
    bool had_former;

    token_keys_free(generate(JOSE_ES256, id, false));
    cr_assert_eq(symlink("fresh", scene_path("link")), 0);
    cr_assert_eq(token_keys_generate(scene_path("link"), JOSE_ES256, (gid_t)-1,
                                     id, &had_former, &err),
                 0, "%s", err.text);
    cr_assert_eq(lstat(scene_path("link"), &st), 0);
    cr_assert(S_ISLNK(st.st_mode));
    keys = scene_read(&token_keys_kind, "fresh", &err);
    cr_assert_str_eq(token_key_id(&keys->keys[0]), id);
    token_keys_free(keys);
}
