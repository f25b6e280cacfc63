/* SPDX-License-Identifier: MIT */
/* POST of a whole blob, and of one that is somewhere already. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/fixture.h"
#include "store/blob.h"
#include "store/layout.h"

extern const struct route upload_route;

#define NAME "team/app"
#define UPLOADS "/v2/team/app/blobs/uploads/"

static struct digest digest; /* of "hello", which "source" has */

static void setup(void)
{
    route_setup(&upload_route);
    digest = push_blob("source", SPAN("hello"));
}

TestSuite(upload_post, .init = setup, .fini = route_teardown);

static int post(const char *query, struct span body)
{
    return ASK("POST", text(UPLOADS "?%s", query), .body = body);
}

static bool has_blob(const char *name)
{
    struct err error = {0};
    struct blob blob;

    return blob_find(&store, name, &digest, &blob, &error) == 0;
}

static int count_child(void *context, const char *name, bool is_directory,
                       struct err *error)
{
    (void)name;
    (void)is_directory;
    (void)error;
    ++*(int *)context;
    return 0;
}

static int uploads(void)
{
    struct err error = {0};
    int count = 0;

    if (driver_list(store.driver, "repositories/" NAME "/_uploads", NULL,
                    count_child, &count, &error) < 0)
        cr_assert_eq(error.code, ERR_NOT_FOUND);
    return count;
}

static void expect_created(void)
{
    expect_head("201 Created",
                "Location: /v2/" NAME "/blobs/%s\n"
                "Docker-Content-Digest: %s\nContent-Length: 0\n",
                text_of(&digest), text_of(&digest));
    expect_body(SPAN(""));
    cr_expect(has_blob(NAME));
    cr_expect_eq(uploads(), 0);
}

static void expect_started(void)
{
    const char *uuid = text("%s", header("Docker-Upload-UUID"));

    expect_head("202 Accepted",
                "Location: " UPLOADS "%s\nDocker-Upload-UUID: %s\n"
                "Range: 0-0\nContent-Length: 0\n",
                uuid, uuid);
    expect_body(SPAN(""));
    cr_expect_eq(uploads(), 1);
    cr_expect_eq(ASK("DELETE", text(UPLOADS "%s", uuid)), 204);
}

/* --- whole --- */

Test(upload_post, a_whole_blob_needs_no_session)
{
    static const struct span bodies[] = {{"new", 3}, {"", 0}};

    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(bodies); j++) {
            digest_of_bytes(i, bodies[j], &digest);
            post(text("digest=%s", text_of(&digest)), bodies[j]);
            expect_created();
            ASK("POST",
                text("/v2/" NAME "/blobs/uploads?digest=%s", text_of(&digest)),
                .body = bodies[j], .no_length = true);
            expect_created();
        }
    }
}

Test(upload_post, a_whole_blob_that_is_another_leaves_nothing)
{
    struct digest actual;

    digest_of_bytes(HASH_SHA256, SPAN("other"), &actual);
    post(text("digest=%s", text_of(&digest)), SPAN("other"));
    expect_error("400 Bad Request", "DIGEST_INVALID",
                 text("the bytes received are %s", text_of(&actual)), "");
    cr_expect_eq(uploads(), 0);
}

Test(upload_post, a_whole_blob_that_breaks_off_leaves_nothing)
{
    for (int no_length = 0; no_length < 2; no_length++) {
        ASK("POST", text(UPLOADS "?digest=%s", text_of(&digest)),
            .body = SPAN("hello"), .no_length = no_length, .breaks_off = true);
        expect_error("400 Bad Request", "SIZE_INVALID", NULL, "");
        cr_expect_eq(uploads(), 0);
    }
}

Test(upload_post, a_whole_blob_with_a_false_range_leaves_nothing)
{
    static const struct {
        const char *range, *status, *code, *detail;
    } cases[] = {
        {"1-5", "416 Range Not Satisfiable", "RANGE_INVALID",
         "the upload has 0 bytes"},
        {"0-3", "400 Bad Request", "SIZE_INVALID",
         "the body is not as long as Content-Range says"},
        {"bytes 0-4/5", "416 Range Not Satisfiable", "RANGE_INVALID",
         "Content-Range must be first-last"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ASK("POST", text(UPLOADS "?digest=%s", text_of(&digest)),
            .body = SPAN("hello"),
            .parameters = {text("HTTP_CONTENT_RANGE=%s", cases[i].range)});
        expect_error(cases[i].status, cases[i].code, cases[i].detail, "");
        cr_expect_eq(uploads(), 0);
    }
}

Test(upload_post, what_is_malformed_is_refused)
{
    const struct {
        const char *target, *code, *detail;
    } cases[] = {
        {UPLOADS "?digest=sha256:bad", "DIGEST_INVALID", NULL},
        {UPLOADS "?digest=", "DIGEST_INVALID", NULL},
        {UPLOADS "?digest=md5:d41d8cd98f00b204e9800998ecf8427e",
         "DIGEST_INVALID", NULL},
        {UPLOADS "?digest-algorithm=md5", "DIGEST_INVALID",
         "digest-algorithm is not supported"},
        {UPLOADS "?digest-algorithm=", "DIGEST_INVALID",
         "digest-algorithm is not supported"},
        {UPLOADS "?digest-algorithm=SHA256", "DIGEST_INVALID",
         "digest-algorithm is not supported"},
        {UPLOADS "?mount=sha256:bad&from=source", "DIGEST_INVALID", NULL},
        {UPLOADS "?mount=&from=source", "DIGEST_INVALID", NULL},
        {text(UPLOADS "?mount=%s&from=Source", text_of(&digest)),
         "NAME_INVALID", "from is no repository name"},
        {text(UPLOADS "?mount=%s&from=", text_of(&digest)), "NAME_INVALID",
         "from is no repository name"},
        {text(UPLOADS "?mount=%s&from=../source", text_of(&digest)),
         "NAME_INVALID", "from is no repository name"},
        {"/v2/Team/blobs/uploads/", "NAME_INVALID", "Team"},
        {"/v2/team%2Fapp/blobs/uploads/", "UNSUPPORTED",
         "the path has an escape that has no place there"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ASK("POST", cases[i].target, .body = SPAN("hello"));
        expect_error("400 Bad Request", cases[i].code, cases[i].detail, "");
        cr_expect_eq(uploads(), 0);
        cr_expect_eq(answer.body_left, 5);
    }
}

/* --- mounts --- */

Test(upload_post, a_blob_is_mounted_from_a_repository_that_has_it)
{
    post(text("mount=%s&from=source", text_of(&digest)), SPAN(""));
    expect_created();
    cr_expect(has_blob("source"));
}

Test(upload_post, a_blob_is_mounted_from_wherever_it_is)
{
    post(text("mount=%s", text_of(&digest)), SPAN(""));
    expect_created();
}

Test(upload_post, what_the_repository_has_is_mounted_from_itself)
{
    push_blob(NAME, SPAN("hello"));
    post(text("mount=%s&from=" NAME, text_of(&digest)), SPAN(""));
    expect_created();
    cr_expect_not(answer.changed_store);
}

Test(upload_post, what_cannot_be_mounted_is_uploaded)
{
    const char *const queries[] = {
        "mount=" UNKNOWN_DIGEST,
        "mount=" UNKNOWN_DIGEST "&from=source",
        text("mount=%s&from=none", text_of(&digest)),
        "from=source",
    };

    for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
        post(queries[i], SPAN(""));
        expect_started();
        cr_expect_not(has_blob(NAME));
    }
}

Test(upload_post, a_mount_that_fails_may_bring_the_whole_blob)
{
    post(text("mount=%s&from=none&digest=%s", text_of(&digest),
              text_of(&digest)),
         SPAN("hello"));
    expect_created();
}

static void post_as_alice(const char *query, const char *rules)
{
    ASK("POST", text(UPLOADS "?%s", query), .body = SPAN(""),
        .parameters = {"REMOTE_USER=alice", under_policy(rules)});
}

Test(upload_post, what_may_not_be_read_is_not_mounted)
{
    const char *query = text("mount=%s&from=source", text_of(&digest));

    post_as_alice(query, "[team/*]\nalice = pull, push\n"
                         "[source]\nalice = push, delete, catalog\n");
    expect_started();
    cr_expect_not(has_blob(NAME));
    post_as_alice(query, "[team/*]\nalice = pull, push\n"
                         "[source]\nalice = pull\n");
    expect_created();
}

/* It would come from a repository nobody has looked for a right in. */
Test(upload_post, under_a_policy_nothing_is_mounted_from_wherever_it_is)
{
    post_as_alice(text("mount=%s", text_of(&digest)),
                  "[*]\nalice = pull, push\n");
    expect_started();
    cr_expect_not(has_blob(NAME));
}

Test(upload_post, a_mounted_blob_is_leased)
{
    const struct layout_path path = layout_blob(&digest);
    int64_t before;

    object_age(path.text);
    before = object_mtime(path.text);
    post(text("mount=%s&from=source", text_of(&digest)), SPAN(""));
    expect_created();
    cr_expect_gt(object_mtime(path.text), before);
}

Test(upload_post, a_registry_that_is_read_only_takes_nothing)
{
    const char *const queries[] = {
        "", text("digest=%s", text_of(&digest)),
        text("mount=%s&from=source", text_of(&digest))};

    for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
        ASK("POST", text(UPLOADS "?%s", queries[i]), .body = SPAN("hello"),
            .parameters = {"BERTH_READONLY=yes"});
        expect_error("405 Method Not Allowed", "UNSUPPORTED",
                     "nothing can be pushed or deleted now", "Allow: \n");
    }
}
