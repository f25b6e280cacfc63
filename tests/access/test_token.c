/* SPDX-License-Identifier: MIT */
/* Tokens that are as they should be; others are in test_token_forged.c. */
#include <criterion/criterion.h>

#include "token_fixture.h"

TestSuite(token, .init = token_scene_begin, .fini = token_scene_end);

static void expect_good(enum signer who, const char *header,
                        const char *payload)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;
    CLEANUP(token) struct token *token = NULL;

    sign(&text, who, header, payload);
    token = accepted(buf_span(&text));
    cr_assert_str_eq(token->subject, "alice");
    cr_assert_eq(token->expires, NOW + 300);
    cr_assert_eq(token_rights(token, "team/app"), RIGHT_PULL | RIGHT_PUSH);
    cr_assert_eq(token_rights(token, "team/app2"), 0);
    cr_assert_not(token->lists_catalog);
}

Test(token, our_first_key_is_good)
{
    expect_good(OUR_EC, ES256_HEADER, OUR_CLAIMS);
    expect_good(OUR_EC, "{\"kid\":\"ours\",\"alg\":\"ES256\"}", OUR_CLAIMS);
}

Test(token, our_former_key_is_good)
{
    expect_good(OUR_RSA, RS256_HEADER, OUR_CLAIMS);
}

Test(token, keys_of_certificates_are_good)
{
    expect_good(CERTIFICATE_RSA, RS256_HEADER, TRUSTED_CLAIMS);
    expect_good(CERTIFICATE_EC, ES256_HEADER, TRUSTED_CLAIMS);
}

Test(token, keys_of_a_jwks_are_good)
{
    expect_good(JWKS_RSA, RS256_HEADER, TRUSTED_CLAIMS);
    expect_good(JWKS_EC, ES256_HEADER, TRUSTED_CLAIMS);
    expect_good(JWKS_EC, "{\"kid\":\"theirs-ec\",\"alg\":\"ES256\"}",
                TRUSTED_CLAIMS);
}

Test(token, an_unknown_kid_is_no_more_than_a_hint)
{
    expect_good(OUR_EC, "{\"kid\":\"mine\",\"alg\":\"ES256\"}", OUR_CLAIMS);
    expect_good(JWKS_EC, "{\"kid\":\"\",\"alg\":\"ES256\"}", TRUSTED_CLAIMS);
}

Test(token, keys_a_token_brings_along_are_not_looked_at)
{
    expect_good(OUR_EC,
                "{\"alg\":\"ES256\",\"jku\":\"http://127.0.0.1:9/\","
                "\"x5c\":[\"\"],\"jwk\":{\"kty\":\"oct\",\"k\":\"\"}}",
                OUR_CLAIMS);
}

Test(token, typ_may_be_an_access_token)
{
    expect_good(OUR_EC, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", OUR_CLAIMS);
    expect_good(OUR_EC, "{\"alg\":\"ES256\",\"typ\":\"jwt\"}", OUR_CLAIMS);
}

Test(token, one_name_of_both_issuers_means_all_keys)
{
    trust.trusted_issuer = "berth";
    expect_good(OUR_EC, ES256_HEADER, OUR_CLAIMS);
    expect_good(JWKS_RSA, RS256_HEADER, OUR_CLAIMS);
    expect_good(CERTIFICATE_EC, ES256_HEADER, OUR_CLAIMS);
}

Test(token, a_clock_may_be_a_minute_ahead)
{
    expect_good(OUR_EC, ES256_HEADER,
                CLAIMS_OF("berth", ",\"nbf\":1700000060,"
                                   "\"iat\":1700000060" ACCESS));
}

static struct token *read_claims(const char *payload)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;

    sign(&text, OUR_EC, ES256_HEADER, payload);
    return accepted(buf_span(&text));
}

Test(token, the_service_may_be_one_of_several)
{
    CLEANUP(token)
    struct token *token =
        read_claims("{\"iss\":\"berth\",\"aud\":[\"mirror\",\"registry\"],"
                    "\"exp\":1700000001}");

    cr_assert_eq(token->count, 0);
}

Test(token, without_a_subject_it_is_anonymous)
{
    CLEANUP(token)
    struct token *absent = read_claims(
        "{\"iss\":\"berth\",\"aud\":\"registry\",\"exp\":1700000001}");
    CLEANUP(token)
    struct token *empty =
        read_claims("{\"iss\":\"berth\",\"aud\":\"registry\",\"sub\":\"\","
                    "\"exp\":1700000001}");

    cr_assert_str_eq(absent->subject, "");
    cr_assert_str_eq(empty->subject, "");
}

Test(token, a_star_means_pull_push_and_delete)
{
    CLEANUP(token)
    struct token *token = read_claims(CLAIMS_OF(
        "berth", ",\"access\":[{\"type\":\"repository\",\"name\":\"a\","
                 "\"actions\":[\"*\"]}]"));

    cr_assert_eq(token_rights(token, "a"),
                 RIGHT_PULL | RIGHT_PUSH | RIGHT_DELETE);
}

Test(token, two_entries_for_a_repository_add_up)
{
    CLEANUP(token)
    struct token *token = read_claims(CLAIMS_OF(
        "berth", ",\"access\":[{\"type\":\"repository\",\"name\":\"a\","
                 "\"actions\":[\"pull\"]},{\"type\":\"repository\","
                 "\"name\":\"a\",\"actions\":[\"delete\",\"hug\"]}]"));

    cr_assert_eq(token_rights(token, "a"), RIGHT_PULL | RIGHT_DELETE);
}

Test(token, the_catalog_wants_a_star)
{
    CLEANUP(token)
    struct token *star = read_claims(CLAIMS_OF(
        "berth", ",\"access\":[{\"type\":\"registry\",\"name\":\"catalog\","
                 "\"actions\":[\"*\"]}]"));
    CLEANUP(token)
    struct token *pull = read_claims(CLAIMS_OF(
        "berth", ",\"access\":[{\"type\":\"registry\",\"name\":\"catalog\","
                 "\"actions\":[\"pull\"]}]"));
    CLEANUP(token)
    struct token *repository = read_claims(CLAIMS_OF(
        "berth", ",\"access\":[{\"type\":\"repository\",\"name\":\"catalog\","
                 "\"actions\":[\"*\"]}]"));

    cr_assert(star->lists_catalog);
    cr_assert_not(pull->lists_catalog);
    cr_assert_not(repository->lists_catalog);
}

Test(token, entries_of_other_things_grant_nothing)
{
    CLEANUP(token)
    struct token *token = read_claims(CLAIMS_OF(
        "berth", ",\"access\":[{\"type\":\"repository(plugin)\",\"name\":\"a\","
                 "\"actions\":[\"*\"]},{\"type\":\"repository\","
                 "\"name\":\"../a\",\"actions\":[\"*\"]},"
                 "{\"type\":\"repository\",\"name\":\"A\","
                 "\"actions\":[\"*\"]}]"));

    cr_assert_eq(token->count, 0);
}

Test(token, an_empty_list_may_be_null)
{
    CLEANUP(token)
    struct token *token = read_claims(CLAIMS_OF("berth", ",\"access\":null"));

    cr_assert_eq(token->count, 0);
}

Test(token, a_copy_is_as_good)
{
    CLEANUP(token) struct token *token = read_claims(OUR_CLAIMS);
    CLEANUP(token) struct token *copy = token_copy(token);

    cr_assert_str_eq(copy->subject, token->subject);
    cr_assert_eq(token_rights(copy, "team/app"), RIGHT_PULL | RIGHT_PUSH);
}
