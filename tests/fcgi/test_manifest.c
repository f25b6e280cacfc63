/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/fixture.h"
#include "oci/media_type.h"
#include "store/layout.h"

extern const struct route manifest_route;

#define MANIFESTS "/v2/team/app/manifests/"
#define ABOUT                                                                  \
    "Docker-Content-Digest: %s\n"                                              \
    "ETag: \"%s\"\n"

static struct image image;

static void setup(void)
{
    route_setup(&manifest_route);
    image = push_image("team/app");
}

TestSuite(manifest_route, .init = setup, .fini = route_teardown);

/* --- pull --- */

Test(manifest_route, a_manifest_comes_as_it_was_pushed)
{
    const char *const references[] = {"latest", text_of(&image.digest)};

    set_tag("team/app", "latest", &image.digest);
    for (size_t i = 0; i < ARRAY_SIZE(references); i++) {
        const char *target = text(MANIFESTS "%s", references[i]);

        ASK("GET", target);
        expect_head("200 OK",
                    ABOUT "Content-Type: " MEDIA_TYPE_OCI_MANIFEST
                          "\nContent-Length: %zu\n",
                    text_of(&image.digest), text_of(&image.digest),
                    strlen(image.json));
        expect_body(span_of(image.json));
        cr_expect_not(answer.changed_store);
        expect_head_like_get((struct question){.target = target});
    }
}

Test(manifest_route, the_type_is_what_the_manifest_says_of_itself)
{
    static const struct {
        const char *json, *type;
    } cases[] = {
        {"{\"schemaVersion\":2,\"manifests\":[]}", MEDIA_TYPE_OCI_INDEX},
        {"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_DOCKER_LIST
         "\",\"manifests\":[]}",
         MEDIA_TYPE_DOCKER_LIST},
        {"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.x+json\","
         "\"config\":null}",
         "application/vnd.x+json"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct digest pushed = push_manifest("team/app", cases[i].json);

        ASK("GET", text(MANIFESTS "%s", text_of(&pushed)));
        cr_expect_str_eq(header("Content-Type"), cases[i].type);
        expect_body(span_of(cases[i].json));
    }
}

Test(manifest_route, a_client_that_has_it_is_told_so_without_a_body)
{
    const char *const fields[] = {
        text("\"%s\"", text_of(&image.digest)),
        text("W/\"%s\"", text_of(&image.digest)), text_of(&image.digest),
        text("\"x\",\"%s\"", text_of(&image.digest)), "*"};

    set_tag("team/app", "latest", &image.digest);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        struct question question = {
            .method = "GET",
            .target = MANIFESTS "latest",
            .parameters = {text("HTTP_IF_NONE_MATCH=%s", fields[i])},
        };

        ask(&question);
        expect_head("304 Not Modified", ABOUT, text_of(&image.digest),
                    text_of(&image.digest));
        expect_body(SPAN(""));
        expect_head_like_get(question);
    }
    ASK("GET", MANIFESTS "latest",
        .parameters = {"HTTP_IF_NONE_MATCH=\"" UNKNOWN_DIGEST "\""});
    expect_body(span_of(image.json));
}

Test(manifest_route, what_the_repository_has_not_is_unknown)
{
    struct digest blob = push_blob("team/app", SPAN("{}"));
    const char *const references[][2] = {
        {"team/app", "latest"},       {"team/app", UNKNOWN_DIGEST},
        {"team/app", text_of(&blob)}, {"none", text_of(&image.digest)},
        {"none", "latest"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(references); i++) {
        const char *target =
            text("/v2/%s/manifests/%s", references[i][0], references[i][1]);

        ASK("GET", target);
        expect_error("404 Not Found", "MANIFEST_UNKNOWN", references[i][1], "");
        ASK("DELETE", target);
        expect_error("404 Not Found", "MANIFEST_UNKNOWN", references[i][1], "");
        expect_head_like_get((struct question){.target = target});
    }
}

Test(manifest_route, what_is_malformed_is_refused_by_every_method)
{
    static const char *const methods[] = {"GET", "PUT", "DELETE"};
    const struct {
        const char *target, *code;
    } cases[] = {
        {MANIFESTS ".hidden", "TAG_INVALID"},
        {MANIFESTS "a+b", "TAG_INVALID"},
        {text(MANIFESTS "%0129d", 0), "TAG_INVALID"},
        {MANIFESTS "sha256:baddigeststring", "DIGEST_INVALID"},
        {MANIFESTS "md5:d41d8cd98f00b204e9800998ecf8427e", "DIGEST_INVALID"},
        {"/v2/team/App/manifests/latest", "NAME_INVALID"},
        {"/v2/team/app/manifests/a%2Fb", "UNSUPPORTED"},
        {"/v2/team/./app/manifests/a", "UNSUPPORTED"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(methods); j++) {
            ASK(methods[j], cases[i].target, .body = span_of(image.json));
            cr_expect_eq(answer.status, 400, "%s", cases[i].target);
            cr_expect_not_null(
                strstr(answer.body.ptr, text("\"%s\"", cases[i].code)), "%s",
                answer.body.ptr);
            cr_expect_not(answer.changed_store);
        }
    }
}

Test(manifest_route, what_others_stored_above_our_limit_is_served)
{
    const char *json =
        text("%-4000s%97s", "{\"schemaVersion\":2,\"manifests\":[]", "}");
    struct digest large = push_manifest("team/app", json);

    cr_assert_eq(strlen(json), 4097);
    ASK("GET", text(MANIFESTS "%s", text_of(&large)),
        .parameters = {"BERTH_MANIFEST_LIMIT=4096"});
    cr_expect_eq(answer.status, 200);
}

static bool renews_lease(const char *method, const char *reference,
                         const char *setting)
{
    const struct layout_path path = layout_blob(&image.digest);
    int64_t before;

    object_age(path.text);
    before = object_mtime(path.text);
    cr_assert_eq(
        ASK(method, text(MANIFESTS "%s", reference), .parameters = {setting}),
        200);
    return object_mtime(path.text) != before;
}

Test(manifest_route, who_asks_for_a_digest_may_count_on_it)
{
    cr_expect(renews_lease("GET", text_of(&image.digest), NULL));
    cr_expect(renews_lease("HEAD", text_of(&image.digest), NULL));
}

Test(manifest_route, a_registry_that_is_read_only_renews_no_lease)
{
    cr_expect_not(
        renews_lease("GET", text_of(&image.digest), "BERTH_READONLY=yes"));
    cr_expect_not(
        renews_lease("HEAD", text_of(&image.digest), "BERTH_READONLY=yes"));
}

/* --- deletion --- */

Test(manifest_route, deleting_a_tag_leaves_the_manifest_and_other_tags)
{
    set_tag("team/app", "old", &image.digest);
    set_tag("team/app", "latest", &image.digest);
    ASK("DELETE", MANIFESTS "latest");
    expect_head("202 Accepted", "Content-Length: 0\n");
    expect_body(SPAN(""));
    ASK("GET", MANIFESTS "latest");
    expect_error("404 Not Found", "MANIFEST_UNKNOWN", "latest", "");
    cr_expect_eq(ASK("GET", MANIFESTS "old"), 200);
    cr_expect_eq(ASK("GET", text(MANIFESTS "%s", text_of(&image.digest))), 200);
}

Test(manifest_route, deleting_a_manifest_deletes_every_tag_of_it)
{
    struct digest other =
        push_manifest("team/app", "{\"schemaVersion\":2,\"manifests\":[]}");
    const char *target = text(MANIFESTS "%s", text_of(&image.digest));

    set_tag("team/app", "a", &image.digest);
    set_tag("team/app", "b", &image.digest);
    set_tag("team/app", "c", &other);
    ASK("DELETE", target);
    expect_head("202 Accepted", "Content-Length: 0\n");
    cr_expect_eq(ASK("GET", target), 404);
    cr_expect_eq(ASK("GET", MANIFESTS "a"), 404);
    cr_expect_eq(ASK("GET", MANIFESTS "b"), 404);
    cr_expect_eq(ASK("GET", MANIFESTS "c"), 200);
    ASK("DELETE", target);
    expect_error("404 Not Found", "MANIFEST_UNKNOWN", text_of(&image.digest),
                 "");
}

/* --- what is let through --- */

Test(manifest_route, settings_say_which_methods_there_are)
{
    static const char *const targets[] = {"/v2/none/manifests/latest",
                                          "/v2/none/manifests/" UNKNOWN_DIGEST};

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        expect_methods(targets[i], NULL, "GET, HEAD, PUT, DELETE");
        expect_methods(targets[i], "BERTH_DELETE=no", "GET, HEAD, PUT");
        expect_methods(targets[i], "BERTH_READONLY=yes", "GET, HEAD");
    }
}

Test(manifest_route, a_write_that_is_switched_off_says_why)
{
    set_tag("team/app", "latest", &image.digest);
    ASK("DELETE", MANIFESTS "latest", .parameters = {"BERTH_DELETE=no"});
    expect_error("405 Method Not Allowed", "UNSUPPORTED",
                 "deletion is switched off", "Allow: GET, HEAD, PUT\n");
    ASK("PUT", MANIFESTS "latest", .body = span_of(image.json),
        .parameters = {"BERTH_READONLY=yes"});
    expect_error("405 Method Not Allowed", "UNSUPPORTED",
                 "nothing can be pushed or deleted now", "Allow: GET, HEAD\n");
    cr_expect_eq(answer.body_left, strlen(image.json));
    ASK("POST", MANIFESTS "latest", .body = span_of(image.json));
    expect_error("405 Method Not Allowed", "UNSUPPORTED",
                 "allowed: GET, HEAD, PUT, DELETE",
                 "Allow: GET, HEAD, PUT, DELETE\n");
}

/* Behind a full backlog a request outlives its client: see set_tags. */
Test(manifest_route, a_client_that_has_gone_deletes_nothing)
{
    const char *const references[] = {"latest", text_of(&image.digest)};

    set_tag("team/app", "latest", &image.digest);
    for (size_t i = 0; i < ARRAY_SIZE(references); i++) {
        ASK("DELETE", text(MANIFESTS "%s", references[i]), .gone_at = 1);
        cr_expect_eq(answer.status, 503);
        cr_expect_not(answer.changed_store);
    }
}
