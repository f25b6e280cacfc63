/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "oci/platform.h"

static const struct json_limits limits = {8, 16};

Test(platform, is_read_as_far_as_it_is_told)
{
    static const struct {
        const char *json;
        const char *wanted; /* NULL = none */
    } cases[] = {
        {"{\"os\":\"linux\",\"architecture\":\"amd64\"}", "linux/amd64"},
        {"{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}",
         "linux/arm/v7"},
        {"{\"os\":\"wasip1\"}", "wasip1"},
        {"{\"os\":\"linux\",\"architecture\":1}", "linux"},
        {"{\"os\":\"unknown\",\"architecture\":\"unknown\"}", NULL},
        {"{\"os\":\"\",\"architecture\":\"amd64\"}", NULL},
        {"{\"os\":[\"linux\"]}", NULL},
        {"{}", NULL},
        {"[]", NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CLEANUP(json) struct json *document = NULL;
        CLEANUP(buf) struct buf text = BUF_INIT(64);
        struct platform platform;
        struct err err = {0};
        bool has;

        cr_assert_eq(
            json_parse(span_of(cases[i].json), &limits, &document, &err), 0);
        has = platform_read(document, &platform);
        cr_expect_eq(has, cases[i].wanted != NULL, "%s", cases[i].json);
        if (!has)
            continue;
        platform_print(&platform, &text);
        cr_expect_str_eq(buf_text(&text), cases[i].wanted);
    }
    cr_expect(!platform_read(NULL, &(struct platform){0}));
}
