/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "store/layout.h"

static struct digest digest_of_nothing(void)
{
    struct digest digest;

    digest_of_bytes(HASH_SHA256, SPAN(""), &digest);
    return digest;
}

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

Test(layout, is_that_of_registry_2)
{
    struct digest digest = digest_of_nothing();

    cr_assert_str_eq(layout_blob(&digest).text, "blobs/sha256/e3/" HEX "/data");
    cr_assert_str_eq(layout_layer_link("a/b", &digest).text,
                     "repositories/a/b/_layers/sha256/" HEX "/link");
    cr_assert_str_eq(layout_revision_link("a/b", &digest).text,
                     "repositories/a/b/_manifests/revisions/sha256/" HEX
                     "/link");
    cr_assert_str_eq(layout_tag_current("a", "v1").text,
                     "repositories/a/_manifests/tags/v1/current/link");
    cr_assert_str_eq(layout_tag_index_link("a", "v1", &digest).text,
                     "repositories/a/_manifests/tags/v1/index/sha256/" HEX
                     "/link");
    cr_assert_str_eq(layout_upload_state("a", "u", HASH_SHA512, 7).text,
                     "repositories/a/_uploads/u/hashstates/sha512/7");
}

Test(layout, referrer_files_can_be_read_back)
{
    struct digest digest = digest_of_nothing(), back;

    cr_assert(layout_parse_referrer("sha256-" HEX, &back));
    cr_assert(digest_equals(&digest, &back));
    cr_assert_not(layout_parse_referrer("sha256-" HEX ".tmp", &back));
    cr_assert_not(layout_parse_referrer("sha256", &back));
    cr_assert_not(layout_parse_referrer("", &back));
    cr_assert_not(layout_parse_referrer("scanned", &back));
}

Test(layout, indexes_of_names_are_ours_alone)
{
    cr_assert_str_eq(layout_tags_index("a/b").text,
                     "repositories/a/b/_berth/tags");
    cr_assert_str_eq(layout_catalog_index("").text, "_berth/catalog/_children");
    cr_assert_str_eq(layout_catalog_index("a/b").text,
                     "_berth/catalog/a/b/_children");
}
