/* SPDX-License-Identifier: MIT */
/* Tokens signed by the right key, whose claims are wrong. */
#include <criterion/criterion.h>
#include <string.h>

#include "token_fixture.h"

TestSuite(token_claims, .init = token_scene_begin, .fini = token_scene_end);

struct wrong {
    const char *name, *payload, *reason;
};

/* A payload of these claims, which are JSON. */
#define CLAIMS(iss, aud, exp)                                                  \
    "{\"iss\":" iss ",\"aud\":" aud ",\"exp\":" exp "}"
#define ISS "\"berth\""
#define AUD "\"registry\""
#define EXP "1700000300"
#define REST(rest) CLAIMS_OF("berth", rest)
#define ENTRY(entry) REST(",\"access\":[" entry "]")

static void expect_refusals(const struct wrong *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf) struct buf text = TOKEN_BUF;

        sign(&text, OUR_EC, ES256_HEADER, rows[i].payload);
        refused(rows[i].name, buf_span(&text), rows[i].reason);
    }
}

static const struct wrong names[] = {
    {"iss absent", "{\"aud\":\"registry\",\"exp\":1700000300}",
     "iss is no string"},
    {"iss a number", CLAIMS("1", AUD, EXP), "iss is no string"},
    {"iss an array", CLAIMS("[\"berth\"]", AUD, EXP), "iss is no string"},
    {"iss null", CLAIMS("null", AUD, EXP), "iss is no string"},
    {"iss empty", CLAIMS("\"\"", AUD, EXP), "iss is nobody we trust"},
    {"iss of a stranger", CLAIMS("\"quay\"", AUD, EXP),
     "iss is nobody we trust"},
    {"iss in another case", CLAIMS("\"Berth\"", AUD, EXP),
     "iss is nobody we trust"},
    {"iss with more behind a NUL", CLAIMS("\"berth\\u0000x\"", AUD, EXP),
     "iss is nobody we trust"},
    {"iss twice", REST(",\"iss\":\"elsewhere\""), "payload: "},
    {"aud absent", "{\"iss\":\"berth\",\"exp\":1700000300}",
     "aud is neither a string nor an array"},
    {"aud null", CLAIMS(ISS, "null", EXP),
     "aud is neither a string nor an array"},
    {"aud an object", CLAIMS(ISS, "{\"registry\":1}", EXP),
     "aud is neither a string nor an array"},
    {"aud empty", CLAIMS(ISS, "\"\"", EXP), "aud is another service"},
    {"aud of another service", CLAIMS(ISS, "\"mirror\"", EXP),
     "aud is another service"},
    {"aud a beginning of ours", CLAIMS(ISS, "\"registr\"", EXP),
     "aud is another service"},
    {"aud an empty array", CLAIMS(ISS, "[]", EXP), "aud has other services"},
    {"aud of other services", CLAIMS(ISS, "[\"a\",\"registry2\"]", EXP),
     "aud has other services"},
    {"aud with a number", CLAIMS(ISS, "[\"registry\",1]", EXP),
     "aud has other things than strings"},
    {"aud nested", CLAIMS(ISS, "[[\"registry\"]]", EXP),
     "aud has other things than strings"},
    {"sub a number", CLAIMS(ISS, AUD, EXP ",\"sub\":1"), "sub is no string"},
    {"sub null", CLAIMS(ISS, AUD, EXP ",\"sub\":null"), "sub is no string"},
    {"sub with a NUL", CLAIMS(ISS, AUD, EXP ",\"sub\":\"root\\u0000x\""),
     "sub is too long or has control characters"},
    {"sub with a line feed", CLAIMS(ISS, AUD, EXP ",\"sub\":\"a\\nb\""),
     "sub is too long or has control characters"},
    {"sub with a DEL", CLAIMS(ISS, AUD, EXP ",\"sub\":\"a\x7f\""),
     "sub is too long or has control characters"},
    {"sub with a control of Latin-1",
     CLAIMS(ISS, AUD, EXP ",\"sub\":\"\\u0085\""),
     "sub is too long or has control characters"},
    {"sub twice", REST(",\"sub\":\"root\""), "payload: "},
};

Test(token_claims, names_have_to_be_right)
{
    expect_refusals(names, ARRAY_SIZE(names));
}

Test(token_claims, a_subject_has_255_bytes_at_most)
{
    CLEANUP(buf) struct buf payload = TOKEN_BUF;

    buf_add(&payload, SPAN("{\"iss\":\"berth\",\"aud\":\"registry\","
                           "\"exp\":1700000300,\"sub\":\""));
    for (int length = 1; length <= USER_NAME_MAX + 1; length++) {
        CLEANUP(buf) struct buf text = TOKEN_BUF;
        size_t before;

        buf_add_char(&payload, 'a');
        if (length < USER_NAME_MAX)
            continue;
        before = payload.len;
        buf_add(&payload, SPAN("\"}"));
        sign(&text, OUR_EC, ES256_HEADER, buf_text(&payload));
        buf_truncate(&payload, before);
        if (length == USER_NAME_MAX)
            token_free(accepted(buf_span(&text)));
        else
            refused("sub of 256 bytes", buf_span(&text), "sub is too long");
    }
}

static const struct wrong times[] = {
    {"exp absent", "{\"iss\":\"berth\",\"aud\":\"registry\"}", "no exp"},
    {"exp null", CLAIMS(ISS, AUD, "null"), "exp is no time"},
    {"exp a string", CLAIMS(ISS, AUD, "\"1700000300\""), "exp is no time"},
    {"exp a fraction", CLAIMS(ISS, AUD, "1700000300.5"), "exp is no time"},
    {"exp with an exponent", CLAIMS(ISS, AUD, "17e8"), "exp is no time"},
    {"exp negative", CLAIMS(ISS, AUD, "-1"), "exp is no time"},
    {"exp of 64 bits", CLAIMS(ISS, AUD, "18446744073709551615"),
     "exp is no time"},
    {"exp of 63 bits", CLAIMS(ISS, AUD, "9223372036854775807"),
     "exp is no time"},
    {"exp of 70 bits", CLAIMS(ISS, AUD, "1180591620717411303424"),
     "exp is no time"},
    {"exp after the year 9999", CLAIMS(ISS, AUD, "253402300800"),
     "exp is no time"},
    {"exp infinite", CLAIMS(ISS, AUD, "1e999"), "exp is no time"},
    {"exp NaN", CLAIMS(ISS, AUD, "NaN"), "payload: "},
    {"exp an array", CLAIMS(ISS, AUD, "[1700000300]"), "exp is no time"},
    {"exp true", CLAIMS(ISS, AUD, "true"), "exp is no time"},
    {"exp twice", REST(",\"exp\":1800000000"), "payload: "},
    {"exp zero", CLAIMS(ISS, AUD, "0"), "expired"},
    {"exp long ago", CLAIMS(ISS, AUD, "1600000000"), "expired"},
    {"exp now", CLAIMS(ISS, AUD, "1700000000"), "expired"},
    {"nbf ahead", REST(",\"nbf\":1700000061"), "nbf: not yet"},
    {"nbf a string", REST(",\"nbf\":\"0\""), "nbf is no time"},
    {"nbf null", REST(",\"nbf\":null"), "nbf is no time"},
    {"nbf negative", REST(",\"nbf\":-1"), "nbf is no time"},
    {"nbf a fraction", REST(",\"nbf\":0.5"), "nbf is no time"},
    {"iat ahead", REST(",\"iat\":1700000061"), "iat is ahead"},
    {"iat far ahead", REST(",\"iat\":253402300799"), "iat is ahead"},
    {"iat a string", REST(",\"iat\":\"now\""), "iat is no time"},
    {"iat an object", REST(",\"iat\":{}"), "iat is no time"},
};

Test(token_claims, times_have_to_be_right)
{
    expect_refusals(times, ARRAY_SIZE(times));
}

static const struct wrong grants[] = {
    {"access a string", REST(",\"access\":\"*\""), "access is no array"},
    {"access an object", REST(",\"access\":{}"), "access is no array"},
    {"access true", REST(",\"access\":true"), "access is no array"},
    {"access of strings", ENTRY("\"repository:a:*\""),
     "an entry without type and name"},
    {"access of null", ENTRY("null"), "an entry without type and name"},
    {"an entry without a type", ENTRY("{\"name\":\"a\",\"actions\":[\"*\"]}"),
     "an entry without type and name"},
    {"an entry without a name",
     ENTRY("{\"type\":\"repository\",\"actions\":[\"*\"]}"),
     "an entry without type and name"},
    {"a name that is an array",
     ENTRY("{\"type\":\"repository\",\"name\":[\"a\"],\"actions\":[\"*\"]}"),
     "an entry without type and name"},
    {"actions absent", ENTRY("{\"type\":\"repository\",\"name\":\"a\"}"),
     "actions is no array"},
    {"actions a string",
     ENTRY("{\"type\":\"repository\",\"name\":\"a\",\"actions\":\"*\"}"),
     "actions is no array"},
    {"an action that is a number",
     ENTRY("{\"type\":\"repository\",\"name\":\"a\",\"actions\":[\"pull\",1]}"),
     "an action is no string"},
    {"an entry with case twins",
     ENTRY("{\"type\":\"repository\",\"name\":\"a\",\"Name\":\"b\","
           "\"actions\":[\"*\"]}"),
     "access: names that differ in case alone"},
    {"a broken entry of a type nobody knows",
     ENTRY("{\"type\":\"project\",\"name\":\"a\",\"actions\":1}"),
     "actions is no array"},
    {"a right one before a wrong one",
     ENTRY("{\"type\":\"repository\",\"name\":\"a\",\"actions\":[\"*\"]},7"),
     "an entry without type and name"},
};

Test(token_claims, grants_have_to_be_right)
{
    expect_refusals(grants, ARRAY_SIZE(grants));
}

Test(token_claims, there_are_256_grants_at_most)
{
    CLEANUP(buf) struct buf payload = TOKEN_BUF;
    CLEANUP(buf) struct buf text = TOKEN_BUF;
    CLEANUP(token) struct token *token = NULL;

    buf_add(&payload, SPAN("{\"iss\":\"berth\",\"aud\":\"registry\","
                           "\"exp\":1700000300,\"access\":["));
    for (int i = 0; i < TOKEN_GRANTS_MAX; i++)
        buf_add_format(&payload,
                       "%s{\"type\":\"r\",\"name\":\"\",\"actions\":[]}",
                       i > 0 ? "," : "");
    buf_add(&payload, SPAN("]}"));
    sign(&text, OUR_EC, ES256_HEADER, buf_text(&payload));
    token = accepted(buf_span(&text));
    buf_truncate(&payload, payload.len - 2);
    buf_add(&payload, SPAN(",{}]}"));
    buf_clear(&text);
    sign(&text, OUR_EC, ES256_HEADER, buf_text(&payload));
    refused("257 grants", buf_span(&text), "access has too many entries");
}

Test(token_claims, names_that_are_not_set_are_nobodys)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;

    trust.issuer = "";
    sign(&text, OUR_EC, ES256_HEADER, CLAIMS("\"\"", AUD, EXP));
    refused("no issuer", buf_span(&text), "iss is nobody we trust");
    trust.trusted_issuer = NULL;
    refused("no trusted issuer", buf_span(&text), "iss is nobody we trust");
    trust.issuer = "berth";
    trust.service = "";
    buf_clear(&text);
    sign(&text, OUR_EC, ES256_HEADER, CLAIMS(ISS, "\"\"", EXP));
    refused("no service", buf_span(&text), "aud is another service");
}
