/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/tight.h"
#include "oci/media_type.h"

enum {
    INDEX = 1,
    IMAGE = 2,
    SCHEMA1 = 4,
    FOREIGN = 8,
};

Test(media_type, known_ones_are_told_apart)
{
    static const struct {
        const char *type;
        int is;
    } cases[] = {
        {MEDIA_TYPE_OCI_INDEX, INDEX},
        {MEDIA_TYPE_DOCKER_LIST, INDEX},
        {"Application/vnd.OCI.image.index.v1+JSON", INDEX},
        {MEDIA_TYPE_OCI_MANIFEST, IMAGE},
        {MEDIA_TYPE_DOCKER_MANIFEST, IMAGE},
        {MEDIA_TYPE_OCI_CONFIG, 0},
        {MEDIA_TYPE_OCI_EMPTY, 0},
        {"application/vnd.docker.distribution.manifest.v1+json", SCHEMA1},
        {"application/vnd.docker.distribution.manifest.v1+prettyjws", SCHEMA1},
        {"application/vnd.docker.image.rootfs.foreign.diff.tar", FOREIGN},
        {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", FOREIGN},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar", FOREIGN},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
         FOREIGN},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
         FOREIGN},
        {"application/vnd.oci.image.layer.v1.tar", 0},
        {"application/vnd.oci.image.layer.v1.tar+gzip", 0},
        {"application/vnd.docker.image.rootfs.diff.tar.gzip", 0},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar+xz", 0},
        {"application/vnd.oci.image.index.v1+jso", 0},
        {"application/vnd.oci.image.index.v1+json;x=y", 0},
        {"application/json", 0},
        {"", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span type = tight_text(cases[i].type);
        int is = (media_type_is_index(type) ? INDEX : 0) |
                 (media_type_is_image(type) ? IMAGE : 0) |
                 (media_type_is_schema1(type) ? SCHEMA1 : 0) |
                 (media_type_is_foreign_layer(type) ? FOREIGN : 0);

        cr_expect_eq(is, cases[i].is, "%s is %d", cases[i].type, is);
    }
}

Test(media_type, essence_is_without_parameters_and_blanks)
{
    static const struct {
        const char *text;
        const char *essence;
    } cases[] = {
        {"a/b", "a/b"},
        {"a/b;charset=utf-8", "a/b"},
        {" a/b ; q=\";\"", "a/b"},
        {"\ta/b\t", "a/b"},
        {";", ""},
        {"", ""},
        {"  ", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span text = tight_text(cases[i].text);

        cr_expect(
            span_equals(media_type_essence(text), span_of(cases[i].essence)),
            "'%s'", cases[i].text);
    }
    cr_expect_eq(media_type_essence((struct span){NULL, 0}).len, 0);
}

Test(media_type, validity_is_that_of_rfc_6838)
{
    static const struct {
        const char *type;
        bool valid;
    } cases[] = {
        {"a/b", true},
        {MEDIA_TYPE_OCI_MANIFEST, true},
        {"application/vnd.a!#$&-^_.+1", true},
        {"0/0", true},
        {"", false},
        {"a", false},
        {"a/", false},
        {"/b", false},
        {"a/b/c", false},
        {"a/b;c=d", false},
        {"a /b", false},
        {"a/ b", false},
        {"a/b ", false},
        {"a/.b", false},
        {"+a/b", false},
        {"a/b\r\nSet-Cookie: x", false},
        {"a/b\n", false},
        {"a/b\x7F", false},
        {"a/\xC3\xA4", false},
        {"*/*", false},
        {"a/b,c", false},
        {"a/\"b\"", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(tight) struct span type = tight_text(cases[i].type);

        cr_expect_eq(media_type_is_valid(type), cases[i].valid, "'%s'",
                     cases[i].type);
    }
    cr_expect_not(media_type_is_valid(SPAN("a/b\0")));
    cr_expect_not(media_type_is_valid((struct span){NULL, 0}));
}

Test(media_type, either_side_is_limited)
{
    CLEANUP(tight) struct span longest = tight_repeat("a/", "b", 127, "");
    CLEANUP(tight) struct span longer = tight_repeat("a/", "b", 128, "");
    CLEANUP(tight) struct span left = tight_repeat("", "a", 128, "/b");

    cr_expect(media_type_is_valid(longest));
    cr_expect_not(media_type_is_valid(longer));
    cr_expect_not(media_type_is_valid(left));
}
