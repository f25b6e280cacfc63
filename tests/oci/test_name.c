/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <regex.h>

#include "base/tight.h"
#include "oci/name.h"

#define HEX64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Distribution spec, "Pulling manifests", anchored. */
#define COMPONENT "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*"
#define NAME_PATTERN "^" COMPONENT "(/" COMPONENT ")*$"
#define TAG_PATTERN "^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$"

static bool matches(const char *pattern, const char *text)
{
    regex_t regex;
    bool result;

    cr_assert_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    result = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return result;
}

Test(name, repositories_are_read_by_the_grammar)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"a", true},
        {"0", true},
        {"team/app", true},
        {"a/b/c/d/e/f/g", true},
        {"a.b", true},
        {"a_b", true},
        {"a__b", true},
        {"a-b", true},
        {"a-----b", true},
        {"a.b_c__d-e--f/0.1", true},
        {"blobs/uploads/tags/list", true},
        {"v2", true},
        {"", false},
        {"/", false},
        {"/a", false},
        {"a/", false},
        {"a//b", false},
        {"A", false},
        {"a/B", false},
        {".a", false},
        {"a.", false},
        {"a..b", false},
        {"..", false},
        {"a/..", false},
        {"../a", false},
        {"a/./b", false},
        {"_a", false},
        {"a/_b", false},
        {"a_", false},
        {"a___b", false},
        {"a._b", false},
        {"a_.b", false},
        {"a-_b", false},
        {"a-", false},
        {"-a", false},
        {"a-/b", false},
        {"a/-b", false},
        {"a b", false},
        {"a:b", false},
        {"a@b", false},
        {"a%2fb", false},
        {"a\\b", false},
        {"a\nb", false},
        {"a\n", false},
        {"\xC3\xA4", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_text(cases[i].text);

        cr_expect_eq(name_is_valid(text), cases[i].valid, "'%s'",
                     cases[i].text);
    }
    cr_expect_not(name_is_valid((struct span){NULL, 0}));
    cr_expect_not(name_is_valid(SPAN("a\0b")));
    cr_expect_not(name_is_valid(SPAN("a\0")));
}

Test(name, short_texts_are_as_the_regular_expression_has_them)
{
    static const char letters[] = "a0._-/A";
    regex_t regex;

    cr_assert_eq(regcomp(&regex, NAME_PATTERN, REG_EXTENDED | REG_NOSUB), 0);
    /* All texts of up to six of these letters. */
    for (size_t len = 1, count = 7; len <= 6; len++, count *= 7) {
        for (size_t n = 0; n < count; n++) {
            char text[8] = {0};

            for (size_t i = 0, rest = n; i < len; i++, rest /= 7)
                text[i] = letters[rest % 7];
            cr_assert_eq(name_is_valid(span_of(text)),
                         regexec(&regex, text, 0, NULL, 0) == 0, "'%s'", text);
        }
    }
    regfree(&regex);
}

Test(name, length_is_limited)
{
    CLEANUP(tight) struct span longest = tight_repeat("", "a", 255, "");
    CLEANUP(tight) struct span longer = tight_repeat("", "a", 256, "");
    CLEANUP(tight) struct span parts = tight_repeat("a", "/a", 127, "");
    CLEANUP(tight) struct span endless = tight_repeat("", "a-", 1000000, "a");

    cr_expect(name_is_valid(longest));
    cr_expect_not(name_is_valid(longer));
    cr_expect(name_is_valid(parts));
    cr_expect_not(name_is_valid(endless));
}

Test(tag, every_byte_is_as_the_regular_expression_has_it)
{
    for (int c = 1; c < 256; c++) {
        char first[] = {(char)c, 'x', '\0'}, second[] = {'x', (char)c, '\0'};

        cr_expect_eq(tag_is_valid(span_of(first)), matches(TAG_PATTERN, first),
                     "%02x first", c);
        cr_expect_eq(tag_is_valid(span_of(second)),
                     matches(TAG_PATTERN, second), "%02x second", c);
    }
    cr_expect_not(tag_is_valid(SPAN("")));
    cr_expect_not(tag_is_valid(SPAN("a\0")));
    cr_expect_not(tag_is_valid(SPAN("\0")));
    cr_expect_not(tag_is_valid(SPAN("..")));
    cr_expect(tag_is_valid(SPAN("_")));
    cr_expect(tag_is_valid(SPAN("v1.0-rc_1")));
}

Test(tag, length_is_limited)
{
    CLEANUP(tight) struct span longest = tight_repeat("", "t", 128, "");
    CLEANUP(tight) struct span longer = tight_repeat("", "t", 129, "");

    cr_expect(tag_is_valid(longest));
    cr_expect_not(tag_is_valid(longer));
}

Test(uuid, has_the_one_form)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"6b3c9a93-af5d-473f-a4ef-9710022185cd", true},
        {"00000000-0000-0000-0000-000000000000", true},
        {"6B3c9a93-af5d-473f-a4ef-9710022185cd", false},
        {"6b3c9a93-af5d-473f-a4ef-9710022185c", false},
        {"6b3c9a93-af5d-473f-a4ef-9710022185cdd", false},
        {"6b3c9a93af5d473fa4ef9710022185cd", false},
        {"6b3c9a93-af5d-473f-a4ef-9710022185cg", false},
        {"6b3c9a9-3af5d-473f-a4ef-9710022185cd", false},
        {"6b3c9a93-af5d-473f-a4ef-9710022185..", false},
        {"../../../../../../../../../etc/passw", false},
        {"{b3c9a93-af5d-473f-a4ef-9710022185c}", false},
        {"", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_text(cases[i].text);

        cr_expect_eq(uuid_is_valid(text), cases[i].valid, "'%s'",
                     cases[i].text);
    }
}

Test(reference, a_colon_makes_a_digest)
{
    static const struct {
        const char *text;
        enum err_code code;
        bool is_digest;
    } cases[] = {
        {"latest", ERR_NONE, false},
        {"sha256-" HEX64, ERR_NONE, false},
        {"sha256:" HEX64, ERR_NONE, true},
        {"sha256:baddigeststring", ERR_DIGEST_INVALID, false},
        {"latest:", ERR_DIGEST_INVALID, false},
        {":", ERR_DIGEST_INVALID, false},
        {"sha384:00", ERR_DIGEST_UNSUPPORTED, false},
        {"", ERR_TAG_INVALID, false},
        {".", ERR_TAG_INVALID, false},
        {"a/b", ERR_TAG_INVALID, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_text(cases[i].text);
        struct reference reference;
        struct err err = {0};
        int result = reference_parse(text, &reference, &err);

        cr_assert_eq(result, cases[i].code == ERR_NONE ? 0 : -1, "'%s'",
                     cases[i].text);
        cr_expect_eq(err.code, cases[i].code, "'%s'", cases[i].text);
        if (result < 0)
            continue;
        cr_expect_eq(reference.is_digest, cases[i].is_digest);
        cr_expect_str_eq(reference.tag,
                         cases[i].is_digest ? "" : cases[i].text);
        if (reference.is_digest)
            cr_expect_str_eq(reference.digest.hex, HEX64);
    }
}

Test(reference, the_longest_tag_fits)
{
    CLEANUP(tight) struct span longest = tight_repeat("", "t", 128, "");
    struct reference reference;
    struct err err = {0};

    cr_assert_eq(reference_parse(longest, &reference, &err), 0);
    cr_expect_eq(strlen(reference.tag), TAG_MAX_LENGTH);
}
