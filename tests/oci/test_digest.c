/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/tight.h"
#include "oci/digest.h"

#define HEX64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HEX128                                                                 \
    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"         \
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"

Test(digest, texts_are_read_by_the_grammar)
{
    static const struct {
        const char *text;
        enum err_code code;
    } cases[] = {
        {"sha256:" HEX64, ERR_NONE},
        {"sha512:" HEX128, ERR_NONE},
        /* Of a known algorithm, but not as it has to be. */
        {"sha256:" HEX128, ERR_DIGEST_INVALID},
        {"sha512:" HEX64, ERR_DIGEST_INVALID},
        {"sha256:" HEX64 "0", ERR_DIGEST_INVALID},
        {"sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B8"
         "55",
         ERR_DIGEST_INVALID},
        {"sha256:g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8"
         "55",
         ERR_DIGEST_INVALID},
        {"sha256:../../../../../../../../../../../../../../../../../../../../et"
         "c/p",
         ERR_DIGEST_INVALID},
        {"sha256:baddigeststring", ERR_DIGEST_INVALID},
        {"sha256:", ERR_DIGEST_INVALID},
        {"sha256", ERR_DIGEST_INVALID},
        {"sha256-" HEX64, ERR_DIGEST_INVALID},
        {"sha256:sha256:" HEX64, ERR_DIGEST_INVALID},
        {" sha256:" HEX64, ERR_DIGEST_INVALID},
        {"sha256:" HEX64 " ", ERR_DIGEST_INVALID},
        {"sha256:" HEX64 "\n", ERR_DIGEST_INVALID},
        {"SHA256:" HEX64, ERR_DIGEST_INVALID},
        {"", ERR_DIGEST_INVALID},
        {":", ERR_DIGEST_INVALID},
        {":" HEX64, ERR_DIGEST_INVALID},
        {"latest", ERR_DIGEST_INVALID},
        /* Well-formed, of an algorithm not known here. */
        {"blake3:" HEX64, ERR_DIGEST_UNSUPPORTED},
        {"sha384:abc", ERR_DIGEST_UNSUPPORTED},
        {"md5:d41d8cd98f00b204e9800998ecf8427e", ERR_DIGEST_UNSUPPORTED},
        {"sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
         ERR_DIGEST_UNSUPPORTED},
        {"multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
         ERR_DIGEST_UNSUPPORTED},
        {"a.b_c-d+e:A=", ERR_DIGEST_UNSUPPORTED},
        /* Neither. */
        {"sha-:abc", ERR_DIGEST_INVALID},
        {"+sha:abc", ERR_DIGEST_INVALID},
        {"sha++256:abc", ERR_DIGEST_INVALID},
        {"blake3:", ERR_DIGEST_INVALID},
        {"blake3:a b", ERR_DIGEST_INVALID},
        {"blake3:a/b", ERR_DIGEST_INVALID},
        {"blake3:a.b", ERR_DIGEST_INVALID},
        {"blake3:a:b", ERR_DIGEST_INVALID},
        {"bl\xC3\xA4ke:ab", ERR_DIGEST_INVALID},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_text(cases[i].text);
        struct digest digest;
        struct err err = {0};
        int result = digest_parse(text, &digest, &err);

        cr_expect_eq(result, cases[i].code == ERR_NONE ? 0 : -1, "%s",
                     cases[i].text);
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].text,
                     err_name(err.code));
    }
}

Test(digest, a_nul_byte_is_no_digit)
{
    CLEANUP(tight) struct span text = tight_text("sha256:" HEX64);
    struct digest digest;

    for (size_t i = 0; i < text.len; i++) {
        CLEANUP(tight) struct span bad = tight_copy(text);
        struct err err = {0};

        ((char *)(uintptr_t)bad.ptr)[i] = '\0';
        cr_expect_eq(digest_parse(bad, &digest, &err), -1, "at %zu", i);
        cr_expect_eq(err.code, ERR_DIGEST_INVALID, "at %zu", i);
    }
}

Test(digest, an_endless_text_is_invalid)
{
    CLEANUP(tight) struct span text = tight_repeat("blake3:", "a", 100000, "");
    struct digest digest;
    struct err err = {0};

    cr_expect_eq(digest_parse(text, &digest, &err), -1);
    cr_expect_eq(err.code, ERR_DIGEST_INVALID);
}

Test(digest, text_comes_back_as_it_was)
{
    static const char *const texts[] = {"sha256:" HEX64, "sha512:" HEX128};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        CLEANUP(tight) struct span text = tight_text(texts[i]);
        char out[DIGEST_TEXT_MAX];
        struct digest digest;
        struct err err = {0};

        cr_assert_eq(digest_parse(text, &digest, &err), 0);
        cr_expect_eq(digest_format(&digest, out), text.len);
        cr_expect_str_eq(out, texts[i]);
    }
    cr_expect_eq(strlen("sha512:" HEX128) + 1, DIGEST_TEXT_MAX);
}

Test(digest, bytes_have_the_digest_of_their_hash)
{
    CLEANUP(tight) struct span empty = tight_text("");
    char out[DIGEST_TEXT_MAX];
    struct digest digest;
    struct hash hash;

    digest_of_bytes(HASH_SHA256, empty, &digest);
    digest_format(&digest, out);
    cr_expect_str_eq(out, "sha256:" HEX64);
    hash_init(&hash, HASH_SHA512);
    digest_finish(&hash, &digest);
    digest_format(&digest, out);
    cr_expect_str_eq(out, "sha512:" HEX128);
    digest_of_bytes(HASH_SHA256, SPAN("abc"), &digest);
    cr_expect_str_eq(digest.hex,
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a"
                     "9cb410ff61f20015ad");
}

Test(digest, equality_looks_at_algorithm_and_value)
{
    struct digest a, b, c, d;

    /* What stands behind the NUL of a shorter hex does not matter. */
    memset(&a, 'a', sizeof(a));
    memset(&b, 'b', sizeof(b));
    digest_of_bytes(HASH_SHA256, SPAN("x"), &a);
    digest_of_bytes(HASH_SHA256, SPAN("x"), &b);
    digest_of_bytes(HASH_SHA256, SPAN("y"), &c);
    digest_of_bytes(HASH_SHA512, SPAN("x"), &d);
    cr_expect(digest_equals(&a, &b));
    cr_expect_not(digest_equals(&a, &c));
    cr_expect_not(digest_equals(&a, &d));
    cr_expect_not(digest_equals(&d, &a));
}

Test(digest, algorithms_have_names)
{
    enum hash_algorithm algorithm = HASH_SHA512;

    cr_expect_str_eq(digest_algorithm_name(HASH_SHA256), "sha256");
    cr_expect_str_eq(digest_algorithm_name(HASH_SHA512), "sha512");
    cr_expect(digest_algorithm_parse(SPAN("sha256"), &algorithm));
    cr_expect_eq(algorithm, HASH_SHA256);
    cr_expect(digest_algorithm_parse(SPAN("sha512"), &algorithm));
    cr_expect_eq(algorithm, HASH_SHA512);
    cr_expect_not(digest_algorithm_parse(SPAN("sha25"), &algorithm));
    cr_expect_not(digest_algorithm_parse(SPAN("sha2566"), &algorithm));
    cr_expect_not(digest_algorithm_parse(SPAN("SHA256"), &algorithm));
    cr_expect_not(digest_algorithm_parse(SPAN(""), &algorithm));
    cr_expect_eq(algorithm, HASH_SHA512, "nothing was written");
}
