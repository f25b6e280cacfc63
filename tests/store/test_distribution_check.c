/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "oci/distribution.h"
#include "oci/media_type.h"
#include "store/distribution_check.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/tag.h"

TestSuite(distribution_check, .init = fixture_setup, .fini = fixture_teardown);

static char said[4096];

static int append(void *context, const struct distribution_finding *finding,
                  struct err *error)
{
    static const char *const effects[] = {"stops", "may stop", "deletes"};
    size_t len = strlen(said);

    (void)context;
    (void)error;
    snprintf(said + len, sizeof(said) - len, "%.24s %s %s\n", finding->where,
             finding->releases, effects[finding->effect]);
    return 0;
}

static const char *findings(const char *name)
{
    said[0] = '\0';
    cr_assert_eq(
        distribution_check_repository(&store, name, append, NULL, &err), 0,
        "%s", err.text);
    return said;
}

static void put(const char *path, const char *text)
{
    cr_assert_eq(
        driver_put(store.driver, path, span_of(text), DRIVER_DURABLE, &err), 0,
        "%s", err.text);
}

static struct digest push_image(const char *name)
{
    struct digest config = push_blob(name, SPAN("{}"));
    struct digest layer = push_blob(name, SPAN("layer"));

    return push_manifest(name, image_json(&config, &layer));
}

Test(distribution_check, finds_nothing_where_berth_wrote)
{
    struct digest image = push_image("a/b");

    cr_assert_eq(tag_set(&store, "a/b", "v1", &image, &err), 0);
    push_blob("blobs-only", SPAN("x"));
    cr_expect_str_eq(findings("a/b"), "");
    cr_expect_str_eq(findings("blobs-only"), "");
    push_image("untagged");
    cr_expect_str_eq(findings("untagged"), "");
    cr_expect_str_eq(findings("nothing"),
                     "_layers 2.8 deletes\n_layers 3 stops\n");
}

Test(distribution_check, finds_manifests_of_types_it_does_not_know)
{
    push_manifest("a", "{\"schemaVersion\":2,\"mediaType\":\"x/y\"}");
    cr_expect_not_null(strstr(findings("a"), " 2.8 and 3 stops\n"));
    push_manifest("b", "{\"schemaVersion\":2,\"mediaType\":"
                       "\"" MEDIA_TYPE_OCI_INDEX "\",\"manifests\":[{"
                       "\"digest\":\"sha256:"
                       "e3b0c44298fc1c149afbf4c8996fb924"
                       "27ae41e4649b934ca495991b7852b855\","
                       "\"size\":0,\"data\":\"!\"}]}");
    cr_expect_not_null(strstr(findings("b"), " 3 stops\n"));
}

Test(distribution_check, finds_broken_links)
{
    struct digest image = push_image("a");
    struct layout_path revision = layout_revision_link("a", &image);
    struct layout_path tag = layout_tag_current("a", "v1");

    cr_assert_eq(tag_set(&store, "a", "v1", &image, &err), 0);
    put(tag.text, "");
    cr_expect_str_eq(findings("a"),
                     "_manifests/tags/v1 2.8 and 3 with -m stops\n");
    cr_assert_eq(tag_set(&store, "a", "v1", &image, &err), 0);
    put(revision.text, "rubbish");
    cr_expect_not_null(strstr(findings("a"), " 2.8 and 3 stops\n"));
    put(revision.text, text_of(&image));
    cr_expect_str_eq(findings("a"), "");
}

Test(distribution_check, finds_a_layer_link_that_only_release_3_reads)
{
    struct digest blob = push_blob("a", SPAN("x"));
    struct layout_path link = layout_layer_link("a", &blob);

    put(link.text, "");
    cr_expect_not_null(strstr(findings("a"), " 3 stops\n"));
}

Test(distribution_check, finds_empty_bytes_and_passes_over_missing_ones)
{
    struct digest image = push_image("a");
    struct layout_path data = layout_blob(&image);

    put(data.text, "");
    cr_expect_not_null(strstr(findings("a"), " 2.8 and 3 stops\n"));
    cr_assert_eq(driver_remove(store.driver, data.text, DRIVER_DURABLE, &err),
                 0);
    cr_expect_str_eq(findings("a"), "");
}

static void put_blanks(const struct digest *digest, size_t count)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(count);

    while (bytes.len < count)
        buf_add_char(&bytes, ' ');
    put(layout_blob(digest).text, buf_text(&bytes));
}

Test(distribution_check, finds_a_manifest_longer_than_it_reads)
{
    struct digest image = push_image("a");

    put_blanks(&image, DISTRIBUTION_MANIFEST_MAX + 1);
    cr_expect_not_null(strstr(findings("a"), " 2.8 and 3 stops\n"));
    put_blanks(&image, MANIFEST_BYTES_MAX + 1);
    cr_expect_not_null(strstr(findings("a"), " 2.8 and 3 stops\n"));
}

Test(distribution_check, cannot_tell_of_what_is_no_json_by_our_reading)
{
    struct digest image = push_image("a");

    put(layout_blob(&image).text, "{\"schemaVersion\":2,\"schemaVersion\":2}");
    cr_expect_not_null(strstr(findings("a"), " 2.8 and 3 may stop\n"));
}

Test(distribution_check, finds_a_file_among_the_tags)
{
    struct digest image = push_image("a");

    cr_assert_eq(tag_set(&store, "a", "v1", &image, &err), 0);
    put(layout_tag("a", "litter").text, "x");
    cr_expect_str_eq(findings("a"),
                     "_manifests/tags/litter 2.8 and 3 with -m stops\n");
}

Test(distribution_check, passes_over_revisions_and_tags_without_a_link)
{
    struct digest image = push_image("a");
    struct layout_path revision = layout_revision_link("a", &image);

    cr_assert_eq(tag_set(&store, "a", "v1", &image, &err), 0);
    cr_assert_eq(
        driver_remove(store.driver, revision.text, DRIVER_DURABLE, &err), 0);
    cr_assert_eq(driver_remove(store.driver, layout_tag_current("a", "v1").text,
                               DRIVER_DURABLE, &err),
                 0);
    cr_expect_str_eq(findings("a"), "");
}

Test(distribution_check, finds_bytes_stored_under_another_digest)
{
    struct digest config = push_blob("a", SPAN("{}")), alias;
    struct digest layer = push_blob("a", SPAN("layer"));
    struct layout_path link;

    digest_of_bytes(HASH_SHA512, SPAN("layer"), &alias);
    link = layout_layer_link("a", &alias);
    put(link.text, text_of(&layer));
    push_manifest("a", image_json(&config, &alias));
    cr_expect_not_null(strstr(findings("a"), " 2.8 and 3 deletes\n"));
}

Test(distribution_check, finds_a_repository_without_its_directories)
{
    push_image("a");
    cr_assert_eq(driver_remove(store.driver, layout_tags("a").text,
                               DRIVER_DURABLE, &err),
                 0, "%s", err.text);
    cr_expect_str_eq(findings("a"), "_manifests/tags 2.8 with -m stops\n");
    cr_assert_eq(driver_remove(store.driver, layout_layers("a").text,
                               DRIVER_DURABLE, &err),
                 0);
    cr_expect_not_null(strstr(findings("a"), "_layers 2.8 deletes\n"));
}
