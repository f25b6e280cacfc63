/* SPDX-License-Identifier: MIT */
/*
 * Tokens whose header or claims are not as they should be, each signed by a
 * key of the real ones or of a stranger.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "token_fixture.h"

TestSuite(token_forged, .init = token_scene_begin, .fini = token_scene_end);

struct forged {
    const char *name;
    enum signer who;
    const char *header, *payload;
    const char *reason;
};

#define NOT_OURS "no key of our own has signed it"
#define NOT_THEIRS "no key of the trusted issuer has signed it"
#define BAD_ALG "alg is not ES256, RS256 or HS256"
#define KID(text) "{\"alg\":\"ES256\",\"kid\":\"" text "\"}"
#define REST(rest) CLAIMS_OF("berth", rest)

static void expect_refusals(const struct forged *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(buf) struct buf text = TOKEN_BUF;

        sign(&text, rows[i].who, rows[i].header, rows[i].payload);
        refused(rows[i].name, buf_span(&text), rows[i].reason);
    }
}

static const struct forged algorithms[] = {
    {"alg none", OUR_EC, "{\"alg\":\"none\"}", OUR_CLAIMS, BAD_ALG},
    {"alg None", OUR_EC, "{\"alg\":\"None\"}", OUR_CLAIMS, BAD_ALG},
    {"alg NONE", OUR_EC, "{\"alg\":\"NONE\"}", OUR_CLAIMS, BAD_ALG},
    {"alg nOnE", OUR_EC, "{\"alg\":\"nOnE\"}", OUR_CLAIMS, BAD_ALG},
    {"alg empty", OUR_EC, "{\"alg\":\"\"}", OUR_CLAIMS, BAD_ALG},
    {"alg null", OUR_EC, "{\"alg\":null}", OUR_CLAIMS, BAD_ALG},
    {"alg a number", OUR_EC, "{\"alg\":256}", OUR_CLAIMS, BAD_ALG},
    {"alg an array", OUR_EC, "{\"alg\":[\"ES256\"]}", OUR_CLAIMS, BAD_ALG},
    {"alg absent", OUR_EC, "{\"typ\":\"JWT\"}", OUR_CLAIMS, BAD_ALG},
    {"alg in lower case", OUR_EC, "{\"alg\":\"es256\"}", OUR_CLAIMS, BAD_ALG},
    {"alg with a blank", OUR_EC, "{\"alg\":\"ES256 \"}", OUR_CLAIMS, BAD_ALG},
    {"alg with a NUL", OUR_EC, "{\"alg\":\"ES256\\u0000\"}", OUR_CLAIMS,
     BAD_ALG},
    {"alg in another case of its name", OUR_EC, "{\"Alg\":\"ES256\"}",
     OUR_CLAIMS, BAD_ALG},
    {"alg of RSA-PSS", OUR_RSA, "{\"alg\":\"PS256\"}", OUR_CLAIMS, BAD_ALG},
    {"alg of a longer hash", OUR_RSA, "{\"alg\":\"RS512\"}", OUR_CLAIMS,
     BAD_ALG},
    {"alg of Edwards curves", OUR_EC, "{\"alg\":\"EdDSA\"}", OUR_CLAIMS,
     BAD_ALG},
    {"alg of encryption", OUR_RSA,
     "{\"alg\":\"RSA-OAEP\",\"enc\":\"A128CBC-HS256\"}", OUR_CLAIMS, BAD_ALG},
    {"ES256 with an RSA key", OUR_RSA, ES256_HEADER, OUR_CLAIMS, NOT_OURS},
    {"RS256 with a key on P-256", OUR_EC, RS256_HEADER, OUR_CLAIMS, NOT_OURS},
    {"ES256 with a key on P-384", OTHER_EC, ES256_HEADER, TRUSTED_CLAIMS,
     NOT_THEIRS},
    {"ES384 with a key on P-384", OTHER_EC, "{\"alg\":\"ES384\"}",
     TRUSTED_CLAIMS, BAD_ALG},
    {"RSA of 1024 bits", SMALL_RSA, RS256_HEADER, TRUSTED_CLAIMS, NOT_THEIRS},
    {"RSA of 1024 bits, by its kid", SMALL_RSA,
     "{\"alg\":\"RS256\",\"kid\":\"small\"}", TRUSTED_CLAIMS, NOT_THEIRS},
};

Test(token_forged, an_algorithm_is_one_of_three_and_fits_the_key)
{
    expect_refusals(algorithms, ARRAY_SIZE(algorithms));
}

static const struct forged keys[] = {
    {"signed by a stranger", STRANGE_EC, ES256_HEADER, OUR_CLAIMS, NOT_OURS},
    {"signed by a stranger, RSA", STRANGE_RSA, RS256_HEADER, OUR_CLAIMS,
     NOT_OURS},
    {"signed by a dropped key", DROPPED_EC, ES256_HEADER, OUR_CLAIMS, NOT_OURS},
    {"kid of ours", STRANGE_EC, KID("ours"), OUR_CLAIMS, NOT_OURS},
    {"kid of another set", STRANGE_EC, KID("theirs-ec"), OUR_CLAIMS, NOT_OURS},
    {"kid empty", STRANGE_EC, KID(""), OUR_CLAIMS, NOT_OURS},
    {"kid a path", STRANGE_EC, KID("../../../../dev/null"), OUR_CLAIMS,
     NOT_OURS},
    {"kid of SQL", STRANGE_EC, KID("' UNION SELECT 'a'; --"), OUR_CLAIMS,
     NOT_OURS},
    {"kid a command", STRANGE_EC, KID("|id;`id`$(id)"), OUR_CLAIMS, NOT_OURS},
    {"kid a format", STRANGE_EC, KID("%n%s%x%p"), OUR_CLAIMS, NOT_OURS},
    {"kid with a NUL", STRANGE_EC, KID("ours\\u0000"), OUR_CLAIMS, NOT_OURS},
    {"kid a number", OUR_EC, "{\"alg\":\"ES256\",\"kid\":1}", OUR_CLAIMS,
     "kid is no string"},
    {"kid null", OUR_EC, "{\"alg\":\"ES256\",\"kid\":null}", OUR_CLAIMS,
     "kid is no string"},
    {"kid of one key, signed by another of the set", OUR_RSA,
     "{\"alg\":\"RS256\",\"kid\":\"ours\"}", OUR_CLAIMS, NOT_OURS},
    {"jku of a stranger", STRANGE_EC,
     "{\"alg\":\"ES256\",\"jku\":\"http://127.0.0.1:9/keys\"}", OUR_CLAIMS,
     NOT_OURS},
    {"x5u of a stranger", STRANGE_EC,
     "{\"alg\":\"ES256\",\"x5u\":\"http://127.0.0.1:9/chain.pem\"}", OUR_CLAIMS,
     NOT_OURS},
    {"the trusted issuer's key says to be us", JWKS_EC, ES256_HEADER,
     OUR_CLAIMS, NOT_OURS},
    {"the trusted issuer's certificate says to be us", CERTIFICATE_RSA,
     RS256_HEADER, OUR_CLAIMS, NOT_OURS},
    {"our key says to be the trusted issuer", OUR_EC, ES256_HEADER,
     TRUSTED_CLAIMS, NOT_THEIRS},
    {"our RSA key says to be the trusted issuer", OUR_RSA, RS256_HEADER,
     TRUSTED_CLAIMS, NOT_THEIRS},
};

Test(token_forged, the_issuers_keys_alone_count)
{
    expect_refusals(keys, ARRAY_SIZE(keys));
}

static const struct forged headers[] = {
    {"crit", OUR_EC, "{\"alg\":\"ES256\",\"crit\":[\"exp\"]}", OUR_CLAIMS,
     "extensions of JWS"},
    {"crit empty", OUR_EC, "{\"alg\":\"ES256\",\"crit\":[]}", OUR_CLAIMS,
     "extensions of JWS"},
    {"b64", OUR_EC, "{\"alg\":\"ES256\",\"b64\":false}", OUR_CLAIMS,
     "extensions of JWS"},
    {"b64 with crit", OUR_EC,
     "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}", OUR_CLAIMS,
     "extensions of JWS"},
    {"typ of another use", OUR_EC, "{\"alg\":\"ES256\",\"typ\":\"dpop+jwt\"}",
     OUR_CLAIMS, "typ is not JWT"},
    {"typ empty", OUR_EC, "{\"alg\":\"ES256\",\"typ\":\"\"}", OUR_CLAIMS,
     "typ is not JWT"},
    {"typ a number", OUR_EC, "{\"alg\":\"ES256\",\"typ\":1}", OUR_CLAIMS,
     "typ is not JWT"},
    {"header twice alg", OUR_EC, "{\"alg\":\"ES256\",\"alg\":\"none\"}",
     OUR_CLAIMS, "header: "},
    {"header twice alg, escaped", OUR_EC,
     "{\"alg\":\"ES256\",\"\\u0061lg\":\"none\"}", OUR_CLAIMS, "header: "},
    {"header with case twins", OUR_EC, "{\"alg\":\"ES256\",\"ALG\":\"none\"}",
     OUR_CLAIMS, "header: names that differ in case alone"},
    {"header with kid and Kid", OUR_EC,
     "{\"alg\":\"ES256\",\"kid\":\"a\",\"Kid\":\"b\"}", OUR_CLAIMS,
     "header: names that differ in case alone"},
    {"header an array", OUR_EC, "[\"ES256\"]", OUR_CLAIMS, "header: no object"},
    {"header a string", OUR_EC, "\"ES256\"", OUR_CLAIMS, "header: no object"},
    {"header no JSON", OUR_EC, "alg=ES256", OUR_CLAIMS, "header: "},
    {"header cut", OUR_EC, "{\"alg\":\"ES256\"", OUR_CLAIMS, "header: "},
    {"header with more behind", OUR_EC, ES256_HEADER "{}", OUR_CLAIMS,
     "header: "},
    {"header with a comment", OUR_EC, "{\"alg\":\"ES256\"/**/}", OUR_CLAIMS,
     "header: "},
    {"header in single quotes", OUR_EC, "{'alg':'ES256'}", OUR_CLAIMS,
     "header: "},
    {"header not UTF-8", OUR_EC, "{\"alg\":\"ES256\",\"kid\":\"\xff\"}",
     OUR_CLAIMS, "header: "},
    {"header with a byte order mark", OUR_EC, "\xef\xbb\xbf" ES256_HEADER,
     OUR_CLAIMS, "header: "},
    {"payload no JSON", OUR_EC, ES256_HEADER, "iss=berth", "payload: "},
    {"payload an array", OUR_EC, ES256_HEADER, "[" OUR_CLAIMS "]",
     "payload: no object"},
    {"payload with more behind", OUR_EC, ES256_HEADER, OUR_CLAIMS "{}",
     "payload: "},
    {"payload with case twins", OUR_EC, ES256_HEADER, REST(",\"EXP\":1"),
     "payload: names that differ in case alone"},
    {"payload with twins by the long s", OUR_EC, ES256_HEADER,
     REST(",\"\xc5\xbfub\":\"bob\""),
     "payload: names that differ in case alone"},
    {"payload not UTF-8", OUR_EC, ES256_HEADER, REST(",\"x\":\"\xc3\""),
     "payload: "},
    {"payload with a surrogate", OUR_EC, ES256_HEADER,
     REST(",\"x\":\"\\ud800\""), "payload: "},
};

Test(token_forged, both_objects_are_read_strictly)
{
    expect_refusals(headers, ARRAY_SIZE(headers));
}
