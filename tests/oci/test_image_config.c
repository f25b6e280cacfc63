/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "oci/image_config.h"
#include "oci/media_type.h"

static struct err err;

Test(image_config, tells_platform_time_and_steps)
{
    CLEANUP(image_config) struct image_config *config = NULL;
    struct platform platform;
    struct image_step step;

    cr_assert_eq(
        image_config_parse(
            SPAN(
                "{\"os\":\"linux\",\"architecture\":\"arm64\","
                "\"created\":\"2026-01-02T03:04:05Z\",\"history\":["
                "{\"created\":\"2026-01-01T00:00:00Z\",\"created_by\":\"ADD\"},"
                "{\"created_by\":\"ENV\",\"empty_layer\":true},7]}"),
            &config, &err),
        0, "%s", err.text);
    cr_assert(image_config_platform(config, &platform));
    cr_expect(span_equals(platform.architecture, SPAN("arm64")));
    cr_expect(span_equals(image_config_created(config),
                          SPAN("2026-01-02T03:04:05Z")));
    cr_assert_eq(image_config_step_count(config), 3);
    image_config_step_at(config, 0, &step);
    cr_expect(span_equals(step.created_by, SPAN("ADD")));
    cr_expect(!step.is_empty);
    image_config_step_at(config, 1, &step);
    cr_expect_eq(step.created.len, 0);
    cr_expect(step.is_empty);
    image_config_step_at(config, 2, &step);
    cr_expect_eq(step.created_by.len, 0);
}

Test(image_config, what_it_does_not_say_is_absent)
{
    CLEANUP(image_config) struct image_config *config = NULL;
    struct platform platform;

    cr_assert_eq(image_config_parse(SPAN("{\"created\":1,\"history\":{}}"),
                                    &config, &err),
                 0);
    cr_expect(!image_config_platform(config, &platform));
    cr_expect_eq(image_config_created(config).len, 0);
    cr_expect_eq(image_config_step_count(config), 0);
}

Test(image_config, what_is_no_object_is_refused)
{
    static const char *const texts[] = {"", "[]", "7", "{\"os\":", "\x1f\x8b"};
    CLEANUP(image_config) struct image_config *config = NULL;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        err_clear(&err);
        cr_expect_eq(image_config_parse(span_of(texts[i]), &config, &err), -1);
        cr_expect_eq(err.code, ERR_SYNTAX);
    }
    cr_expect_null(config);
}

Test(image_config, artifacts_have_other_configs)
{
    cr_expect(image_config_has_type(SPAN(MEDIA_TYPE_OCI_CONFIG)));
    cr_expect(!image_config_has_type(SPAN(MEDIA_TYPE_OCI_EMPTY)));
}
