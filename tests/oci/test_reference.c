/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "base/tight.h"
#include "oci/reference.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct image_reference reference;
static struct err err;

static int parse(const char *text)
{
    CLEANUP(tight) struct span tight = tight_text(text);

    err_clear(&err);
    return image_reference_parse(tight, &reference, &err);
}

Test(reference, has_a_name_and_perhaps_a_tag_and_a_digest)
{
    static const struct {
        const char *text, *name, *tag;
        bool has_digest;
    } cases[] = {
        {"app", "app", "", false},
        {"team/app", "team/app", "", false},
        {"team/app:v1.0", "team/app", "v1.0", false},
        {"team/app@sha256:" HEX, "team/app", "", true},
        {"team/app:v1@sha256:" HEX, "team/app", "v1", true},
        {"registry.example.com/app", "registry.example.com/app", "", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLEANUP(buf) struct buf printed = BUF_INIT(1024);

        cr_assert_eq(parse(cases[i].text), 0, "%s", err.text);
        cr_expect_str_eq(reference.name, cases[i].name);
        cr_expect_str_eq(reference.tag, cases[i].tag);
        cr_expect_eq(reference.has_digest, cases[i].has_digest);
        if (reference.has_digest)
            cr_expect_str_eq(reference.digest.hex, HEX);
        image_reference_print(&reference, &printed);
        cr_expect_str_eq(buf_text(&printed), cases[i].text);
    }
}

Test(reference, what_is_wrong_with_it_is_said)
{
    static const struct {
        const char *text;
        enum err_code code;
        const char *says;
    } cases[] = {
        {"", ERR_NAME_INVALID, "a repository is wanted"},
        {":v1", ERR_NAME_INVALID, "a repository is wanted"},
        {"@sha256:" HEX, ERR_NAME_INVALID, "a repository is wanted"},
        {"Team/app", ERR_NAME_INVALID, "no capital letters"},
        {"team//app", ERR_NAME_INVALID, "no repository name"},
        {"../etc", ERR_NAME_INVALID, "no repository name"},
        {"a/_layers", ERR_NAME_INVALID, "no repository name"},
        {"docker://host/app:v1", ERR_NAME_INVALID, "no URL"},
        {"host:5000/app:v1", ERR_TAG_INVALID, "leave out the host"},
        {"app:", ERR_TAG_INVALID, "no tag"},
        {"app:-x", ERR_TAG_INVALID, "no tag"},
        {"app:v1:v2", ERR_TAG_INVALID, "no tag"},
        {"app@", ERR_DIGEST_INVALID, "in full"},
        {"app@sha256:abc", ERR_DIGEST_INVALID, "in full"},
        {"app@v1", ERR_DIGEST_INVALID, "in full"},
        {"app@md5:" HEX, ERR_DIGEST_UNSUPPORTED, "sha256 or sha512"},
        {"app\x1b[2m", ERR_NAME_INVALID, "\"app\\x1b[2m\": no rep"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(parse(cases[i].text), -1, "%s", cases[i].text);
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].text,
                     err.text);
        cr_expect(strstr(err.text, cases[i].says), "%s", err.text);
    }
}

Test(reference, lengths_are_those_of_the_grammar)
{
    char name[NAME_MAX_LENGTH + 2], tag[TAG_MAX_LENGTH + 4] = "a:";

    memset(name, 'a', sizeof(name));
    name[NAME_MAX_LENGTH] = '\0';
    cr_expect_eq(parse(name), 0);
    name[NAME_MAX_LENGTH] = 'a';
    name[NAME_MAX_LENGTH + 1] = '\0';
    cr_expect_eq(parse(name), -1);
    cr_expect(strstr(err.text, "at most 255"), "%s", err.text);
    memset(tag + 2, 't', TAG_MAX_LENGTH + 1);
    tag[TAG_MAX_LENGTH + 3] = '\0';
    cr_expect_eq(parse(tag), -1);
    cr_expect(strstr(err.text, "at most 128"), "%s", err.text);
    tag[TAG_MAX_LENGTH + 2] = '\0';
    cr_expect_eq(parse(tag), 0);
}

Test(reference, foreign_ones_lose_their_host)
{
    static const char *const names[][2] = {
        {"docker.io/library/alpine:3", "library/alpine"},
        {"host:5000/app:v1", "app"},
        {"localhost/app:v1", "app"},
        {"team/app:v1", "team/app"},
        {"alpine:3", "alpine"},
        {"a.b:3", "a.b"},
        {"example.com/app@sha256:" HEX, "app"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        CLEANUP(tight) struct span tight = tight_text(names[i][0]);

        cr_assert_eq(image_reference_parse_foreign(tight, &reference, &err), 0,
                     "%s: %s", names[i][0], err.text);
        cr_expect_str_eq(reference.name, names[i][1]);
    }
}
