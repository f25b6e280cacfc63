/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/fixture.h"
#include "store/image.h"
#include "store/layout.h"

TestSuite(image, .init = fixture_setup, .fini = fixture_teardown);

#define CONFIG(architecture)                                                   \
    SPAN("{\"os\":\"linux\",\"architecture\":\"" architecture "\"}")

static struct image_summary summarize(const struct digest *digest)
{
    struct image_summary summary;

    cr_assert_eq(image_summarize(&store, "a", digest, &summary, &err), 0, "%s",
                 err.text);
    return summary;
}

/* image_json says of its config and layer that they have a byte each. */
Test(image, has_the_size_its_manifest_says_and_the_platform_of_its_config)
{
    struct digest config = push_blob("a", CONFIG("amd64"));
    struct digest layer = push_blob("a", SPAN("layer"));
    const char *json = image_json(&config, &layer);
    struct digest digest = push_manifest("a", json);
    CLEANUP(image_summary) struct image_summary summary = summarize(&digest);

    cr_expect_str_eq(summary.media_type, MEDIA_TYPE_OCI_MANIFEST);
    cr_expect_str_eq(buf_text(&summary.platforms), "linux/amd64");
    cr_expect_eq(summary.size, strlen(json) + 2);
}

Test(image, without_its_config_or_with_a_broken_one_has_no_platform)
{
    struct digest layer = push_blob("a", SPAN("layer")), absent;
    struct digest broken = push_blob("a", SPAN("{\"os\":")), digest;

    digest_of_bytes(HASH_SHA256, SPAN("absent"), &absent);
    for (int i = 0; i < 2; i++) {
        digest = push_manifest("a", image_json(i ? &absent : &broken, &layer));
        CLEANUP(image_summary)
        struct image_summary summary = summarize(&digest);

        cr_expect_eq(summary.platforms.len, 0);
    }
}

static const char *index_json(const struct digest *one,
                              const struct digest *two)
{
    static char json[2048];

    snprintf(json, sizeof(json),
             "{\"schemaVersion\":2,\"manifests\":["
             "{\"digest\":\"%s\",\"size\":1000,\"platform\":{\"os\":\"linux\","
             "\"architecture\":\"amd64\"}},"
             "{\"digest\":\"%s\",\"size\":2000,\"platform\":{\"os\":\"linux\","
             "\"architecture\":\"arm\",\"variant\":\"v7\"}},"
             "{\"digest\":\"%s\",\"size\":2000,\"platform\":{"
             "\"os\":\"unknown\",\"architecture\":\"unknown\"}}]}",
             text_of(one), text_of(two), text_of(two));
    return json;
}

Test(image, of_an_index_counts_each_part_once)
{
    struct digest config = push_blob("a", CONFIG("amd64"));
    struct digest layer = push_blob("a", SPAN("layer"));
    struct digest other = push_blob("a", SPAN("other"));
    struct digest one = push_manifest("a", image_json(&config, &layer));
    struct digest two = push_manifest("a", image_json(&config, &other));
    const char *json = index_json(&one, &two);
    struct digest digest = push_manifest("a", json);
    CLEANUP(image_summary) struct image_summary summary = summarize(&digest);

    cr_expect_str_eq(summary.media_type, MEDIA_TYPE_OCI_INDEX);
    cr_expect_str_eq(buf_text(&summary.platforms), "linux/amd64,linux/arm/v7");
    cr_expect_eq(summary.size, strlen(json) + 1000 + 2000 + 3);
}

Test(image, children_that_are_absent_count_as_the_index_says)
{
    struct digest one, two, digest;
    const char *json;

    digest_of_bytes(HASH_SHA256, SPAN("1"), &one);
    digest_of_bytes(HASH_SHA256, SPAN("2"), &two);
    json = index_json(&one, &two);
    digest = push_manifest("a", json);
    CLEANUP(image_summary) struct image_summary summary = summarize(&digest);

    cr_expect_eq(summary.size, strlen(json) + 3000);
}

Test(image, that_is_not_there_or_no_manifest_is_told)
{
    struct digest digest = push_blob("a", SPAN("no manifest"));
    struct layout_path path = layout_revision_link("a", &digest);
    CLEANUP(image_summary) struct image_summary summary;

    cr_expect_eq(image_summarize(&store, "a", &digest, &summary, &err), -1);
    cr_expect_eq(err.code, ERR_MANIFEST_UNKNOWN);
    err_clear(&err);
    cr_assert_eq(driver_put(store.driver, path.text, span_of(text_of(&digest)),
                            DRIVER_DURABLE, &err),
                 0);
    cr_expect_eq(image_summarize(&store, "a", &digest, &summary, &err), -1);
    cr_expect_eq(err.code, ERR_MANIFEST_INVALID);
}
