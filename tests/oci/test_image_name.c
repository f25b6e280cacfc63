/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "oci/image_name.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct {
    const char *text, *name, *tag;
    bool has_digest;
} good[] = {
    {"app", "app", "", false},
    {"team/app:v1", "team/app", "v1", false},
    {"team/app@sha256:" HEX, "team/app", "", true},
    {"team/app:v1@sha256:" HEX, "team/app", "v1", true},
    {"example.com/app:v1", "example.com/app", "v1", false},
};

Test(image_name, reads_what_people_write)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct image_name name;
        struct err err = {0};

        cr_assert_eq(image_name_parse(span_of(good[i].text), &name, &err), 0,
                     "%s: %s", good[i].text, err.text);
        cr_expect_str_eq(name.repository, good[i].name);
        cr_expect_str_eq(name.tag, good[i].tag);
        cr_expect_eq(name.has_digest, good[i].has_digest);
    }
}

Test(image_name, refuses_what_is_none)
{
    static const char *const bad[] = {
        "",          ":v1",        "App:v1",        "app:",
        "app:v 1",   "app@sha256", "app@sha256:00", "../app:v1",
        "a/../b:v1", "/app:v1",    "app:v1/",       "host:5000/app:v1"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct image_name name;
        struct err err = {0};

        cr_expect_eq(image_name_parse(span_of(bad[i]), &name, &err), -1, "%s",
                     bad[i]);
    }
}

Test(image_name, foreign_names_lose_their_host)
{
    static const char *const names[][2] = {
        {"docker.io/library/alpine:3", "library/alpine"},
        {"host:5000/app:v1", "app"},
        {"localhost/app:v1", "app"},
        {"team/app:v1", "team/app"},
        {"alpine:3", "alpine"},
        {"a.b:3", "a.b"}};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct image_name name;
        struct err err = {0};

        cr_assert_eq(
            image_name_parse_foreign(span_of(names[i][0]), &name, &err), 0,
            "%s: %s", names[i][0], err.text);
        cr_expect_str_eq(name.repository, names[i][1]);
    }
}
