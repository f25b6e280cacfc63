/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "oci/docker_archive.h"
#include "oci/image_layout.h"
#include "oci/manifest.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGEST "sha256:" HEX

Test(image_layout, what_is_written_is_read_and_kept)
{
    CLEANUP(buf) struct buf index = BUF_INIT(4096), again = BUF_INIT(4096);
    CLEANUP(image_layout) struct image_layout *layout = NULL;
    struct image_layout_entry entry = {.size = 7,
                                       .media_type = SPAN("a/b"),
                                       .reference = SPAN("v\"1"),
                                       .name = SPAN("team/app:v1")};
    struct image_layout_entry found;
    struct err err = {0};

    cr_assert_eq(digest_parse(SPAN(DIGEST), &entry.digest, &err), 0);
    image_layout_begin(&index);
    image_layout_add(&index, &entry);
    entry.name = entry.reference = SPAN("");
    image_layout_add(&index, &entry);
    image_layout_end(&index);
    cr_assert_eq(image_layout_parse(buf_span(&index), &layout, &err), 0, "%s",
                 err.text);
    cr_assert_eq(image_layout_count(layout), 2);
    image_layout_at(layout, 0, &found);
    cr_expect(span_equals(found.reference, SPAN("v\"1")));
    cr_expect(span_equals(found.name, SPAN("team/app:v1")));
    cr_expect_eq(found.size, 7);
    image_layout_at(layout, 1, &found);
    cr_expect_eq(found.name.len + found.reference.len, 0);
    image_layout_begin(&again);
    image_layout_keep(&again, layout, 0);
    image_layout_keep(&again, layout, 1);
    image_layout_end(&again);
    cr_expect_str_eq(buf_text(&again), buf_text(&index));
}

Test(image_layout, refuses_other_documents)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"manifests\":{}}",
        "{\"manifests\":[{\"digest\":\"sha256:00\",\"size\":1}]}",
        "{\"manifests\":[{\"digest\":\"" DIGEST "\"}]}",
        "{\"manifests\":[{\"digest\":\"" DIGEST "\",\"size\":-1}]}"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct image_layout *layout;
        struct err err = {0};

        cr_expect_eq(image_layout_parse(span_of(bad[i]), &layout, &err), -1,
                     "%s", bad[i]);
    }
}

Test(image_layout, knows_the_version)
{
    struct err err = {0};

    cr_expect_eq(image_layout_check(SPAN(IMAGE_LAYOUT_MARK), &err), 0);
    cr_expect_eq(
        image_layout_check(SPAN("{\"imageLayoutVersion\":\"2.0\"}"), &err), -1);
    cr_expect_eq(image_layout_check(SPAN("{}"), &err), -1);
}

Test(docker_archive, makes_a_manifest_that_a_push_admits)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(4096);
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct docker_layer layers[2] = {{DOCKER_LAYER_TAR, .size = 1},
                                     {DOCKER_LAYER_GZIP, .size = 2}};
    struct digest config;
    struct err err = {0};

    cr_assert_eq(digest_parse(SPAN(DIGEST), &config, &err), 0);
    layers[0].digest = layers[1].digest = config;
    docker_archive_print_manifest(&config, 3, layers, 2, &bytes);
    cr_assert_eq(manifest_parse(buf_span(&bytes), SPAN(""), &manifest, &err), 0,
                 "%s", err.text);
    cr_expect(
        span_equals(manifest_type(manifest), SPAN(MEDIA_TYPE_DOCKER_MANIFEST)));
    cr_expect_eq(manifest_reference_count(manifest), 3);
    cr_expect(strstr(buf_text(&bytes), "diff.tar\"") != NULL);
    cr_expect(strstr(buf_text(&bytes), "diff.tar.gzip\"") != NULL);
}

Test(docker_archive, refuses_lists_that_are_odd)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "[{}]",
        "[{\"Config\":1}]",
        "[{\"Config\":\"c\",\"Layers\":[1]}]",
        "[{\"Config\":\"c\",\"RepoTags\":[null]}]"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct docker_archive *archive;
        struct err err = {0};

        cr_expect_eq(docker_archive_parse(span_of(bad[i]), &archive, &err), -1,
                     "%s", bad[i]);
    }
}

Test(docker_archive, wants_a_digest_for_each_layer)
{
    struct digest ids[2];
    struct err err = {0};
    struct span config = SPAN("{\"rootfs\":{\"diff_ids\":[\"" DIGEST "\"]}}");

    cr_expect_eq(docker_archive_diff_ids(config, 1, ids, &err), 0);
    cr_expect_str_eq(ids[0].hex, HEX);
    cr_expect_eq(docker_archive_diff_ids(config, 2, ids, &err), -1);
    cr_expect_eq(docker_archive_diff_ids(SPAN("{}"), 1, ids, &err), -1);
}

Test(docker_archive, knows_how_a_layer_is_compressed)
{
    cr_expect_eq(docker_layer_form(SPAN("\x1f\x8b\x08\x00")),
                 DOCKER_LAYER_GZIP);
    cr_expect_eq(docker_layer_form(SPAN("\x28\xb5\x2f\xfd")),
                 DOCKER_LAYER_ZSTD);
    cr_expect_eq(docker_layer_form(SPAN("file")), DOCKER_LAYER_TAR);
    cr_expect_eq(docker_layer_form(SPAN("")), DOCKER_LAYER_TAR);
}
