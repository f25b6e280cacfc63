/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>

#include "http/route.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define UUID "01234567-89ab-4cde-8f01-23456789abcd"

static int act(struct call *call)
{
    (void)call;
    return 0;
}

static const struct endpoint endpoints[] = {
    {.path = "/v2/", .actions = {ACTION(HTTP_GET, ACCESS_PING, act)}},
    {.path = "/v2/_catalog",
     .actions = {ACTION(HTTP_GET, ACCESS_CATALOG, act)}},
    {.path = "/v2/<name>/tags/list",
     .actions = {ACTION(HTTP_GET, ACCESS_PULL, act)}},
    {.path = "/v2/<name>/blobs/<digest>",
     .actions = {ACTION(HTTP_GET, ACCESS_PULL, act),
                 ACTION(HTTP_DELETE, ACCESS_DELETE, act)}},
    {.path = "/v2/<name>/manifests/<reference>",
     .actions = {ACTION(HTTP_GET, ACCESS_PULL, act),
                 ACTION(HTTP_PUT, ACCESS_PUSH, act),
                 ACTION(HTTP_DELETE, ACCESS_DELETE, act)}},
    {.path = "/v2/<name>/blobs/uploads/",
     .actions = {ACTION(HTTP_POST, ACCESS_PUSH, act)}},
    {.path = "/v2/<name>/blobs/uploads/<uuid>",
     .actions = {ACTION(HTTP_PATCH, ACCESS_PUSH, act)}},
};

static const struct route route = {"test", endpoints, ARRAY_SIZE(endpoints)};

/* The same, with uploads first, as a path may fit two patterns. */
static const struct route uploads = {"uploads", endpoints + 5, 2};

static struct call call;
static struct err err;

static const char *match(const struct route *in, const char *path)
{
    const struct endpoint *endpoint;

    memset(&call, 0, sizeof(call));
    err_clear(&err);
    endpoint = route_match(in, span_of(path), &call, &err);
    return endpoint != NULL ? endpoint->path : NULL;
}

Test(route, a_path_finds_its_endpoint_and_fills_the_call)
{
    static const struct {
        const char *path, *endpoint, *name;
    } cases[] = {
        {"/v2/", "/v2/", ""},
        {"/v2/_catalog", "/v2/_catalog", ""},
        {"/v2/a/tags/list", "/v2/<name>/tags/list", "a"},
        {"/v2/a/b/c/tags/list", "/v2/<name>/tags/list", "a/b/c"},
        {"/v2/tags/list/tags/list", "/v2/<name>/tags/list", "tags/list"},
        {"/v2/tags/tags/list", "/v2/<name>/tags/list", "tags"},
        {"/v2/a/manifests/x/tags/list", "/v2/<name>/tags/list",
         "a/manifests/x"},
        {"/v2/a/blobs/sha256:" HEX, "/v2/<name>/blobs/<digest>", "a"},
        {"/v2/blobs/blobs/sha256:" HEX, "/v2/<name>/blobs/<digest>", "blobs"},
        {"/v2/a/manifests/latest", "/v2/<name>/manifests/<reference>", "a"},
        {"/v2/a/manifests/manifests/latest", "/v2/<name>/manifests/<reference>",
         "a/manifests"},
        {"/v2/a/manifests/sha256:" HEX, "/v2/<name>/manifests/<reference>",
         "a"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *found = match(&route, cases[i].path);

        cr_assert_not_null(found, "%s: %s", cases[i].path, err.text);
        cr_expect_str_eq(found, cases[i].endpoint, "%s", cases[i].path);
        cr_expect_str_eq(call.name, cases[i].name, "%s", cases[i].path);
    }
}

Test(route, variable_parts_are_parsed)
{
    cr_assert_not_null(match(&route, "/v2/a/manifests/v1.0_x"));
    cr_expect_not(call.reference.is_digest);
    cr_expect_str_eq(call.reference.tag, "v1.0_x");
    cr_assert_not_null(match(&route, "/v2/a/manifests/sha256:" HEX));
    cr_expect(call.reference.is_digest);
    cr_assert_not_null(match(&uploads, "/v2/a/b/blobs/uploads/" UUID));
    cr_expect_str_eq(call.uuid, UUID);
    cr_expect_str_eq(call.name, "a/b");
    cr_assert_not_null(match(&uploads, "/v2/a/b/blobs/uploads/"));
    cr_expect_str_eq(call.name, "a/b");
    cr_expect_str_eq(call.uuid, "");
}

Test(route, what_is_malformed_says_which_part)
{
    static char long_name[NAME_MAX_LENGTH + 32];
    static const struct {
        const char *path;
        enum err_code code;
    } cases[] = {
        {"/", ERR_ROUTE_UNKNOWN},
        {"/v1/", ERR_ROUTE_UNKNOWN},
        {"/v2/x", ERR_ROUTE_UNKNOWN},
        {"/v2/tags/list", ERR_ROUTE_UNKNOWN},
        {"/v2/a/tags/list/", ERR_ROUTE_UNKNOWN},
        {"/v2/a/tags/", ERR_ROUTE_UNKNOWN},
        {"/v2/_catalog/", ERR_ROUTE_UNKNOWN},
        {"/v2/A/tags/list", ERR_NAME_INVALID},
        {"/v2/_a/tags/list", ERR_NAME_INVALID},
        {"/v2/a/_layers/tags/list", ERR_NAME_INVALID},
        {"/v2/-a/tags/list", ERR_NAME_INVALID},
        {"/v2/a/blobs/sha256:" HEX "0", ERR_DIGEST_INVALID},
        {"/v2/a/blobs/sha256:E3B0", ERR_DIGEST_INVALID},
        {"/v2/a/blobs/" HEX, ERR_DIGEST_INVALID},
        {"/v2/a/blobs/sha256:", ERR_DIGEST_INVALID},
        {"/v2/a/blobs/", ERR_DIGEST_INVALID},
        {"/v2/a/manifests/.hidden", ERR_TAG_INVALID},
        {"/v2/a/manifests/", ERR_TAG_INVALID},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cr_expect_null(match(&route, cases[i].path), "%s", cases[i].path);
        cr_expect_eq(err.code, cases[i].code, "%s: %s", cases[i].path,
                     err_name(err.code));
    }
    memset(long_name, 'a', sizeof(long_name) - 1);
    memcpy(long_name, "/v2/", 4);
    memcpy(long_name + sizeof(long_name) - 11, "/tags/list", 10);
    cr_expect_null(match(&route, long_name));
    cr_expect_eq(err.code, ERR_NAME_INVALID);
}

Test(route, an_upload_id_that_cannot_exist_is_an_unknown_upload)
{
    static const char *const ids[] = {
        "x", "01234567-89ab-4cde-8f01-23456789abcdx",
        "01234567-89AB-4CDE-8F01-23456789ABCD", "%2e%2e"};
    char path[128];

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        snprintf(path, sizeof(path), "/v2/a/blobs/uploads/%s", ids[i]);
        cr_expect_null(match(&uploads, path), "%s", path);
        cr_expect_eq(err.code, ERR_BLOB_UPLOAD_UNKNOWN, "%s", path);
    }
}

static bool admit_all(const struct settings *settings,
                      enum action_access access)
{
    (void)settings;
    (void)access;
    return true;
}

static bool admit_reading(const struct settings *settings,
                          enum action_access access)
{
    (void)settings;
    return access == ACCESS_PULL;
}

Test(route, methods_are_listed_for_the_allow_field)
{
    CLEANUP(buf) struct buf text = BUF_INIT(100);

    endpoint_methods(&endpoints[4], admit_all, NULL, &text);
    cr_expect_str_eq(buf_text(&text), "GET, HEAD, PUT, DELETE");
    buf_clear(&text);
    endpoint_methods(&endpoints[4], admit_reading, NULL, &text);
    cr_expect_str_eq(buf_text(&text), "GET, HEAD");
    buf_clear(&text);
    endpoint_methods(&endpoints[6], admit_reading, NULL, &text);
    cr_expect_str_eq(buf_text(&text), "");
}

Test(route, head_finds_get)
{
    cr_expect_eq(endpoint_action(&endpoints[0], HTTP_HEAD),
                 &endpoints[0].actions[0]);
    cr_expect_null(endpoint_action(&endpoints[6], HTTP_HEAD));
    cr_expect_null(endpoint_action(&endpoints[0], HTTP_OTHER));
    cr_expect_null(endpoint_action(&endpoints[0], HTTP_DELETE));
}
