/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/fixture.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/upload.h"

extern const struct route upload_route;

static char uuid[UUID_LENGTH + 1];

static void setup(void)
{
    route_setup(&upload_route);
}

TestSuite(upload_route, .init = setup, .fini = route_teardown);

#define NAME "team/app"
#define UPLOADS "/v2/team/app/blobs/uploads/"
#define UNKNOWN_UUID "00000000-0000-4000-8000-000000000000"

static struct digest digest_of(enum hash_algorithm algorithm, struct span bytes)
{
    struct digest digest;

    digest_of_bytes(algorithm, bytes, &digest);
    return digest;
}

/* --- what answers say --- */

static void expect_progress(const char *status, const char *range)
{
    bool has_length = strcmp(status, "204 No Content") != 0;

    expect_head(status,
                "Location: " UPLOADS "%s\nDocker-Upload-UUID: %s\n"
                "Range: %s\n%s",
                uuid, uuid, range, has_length ? "Content-Length: 0\n" : "");
    expect_body(SPAN(""));
}

static void expect_created(const struct digest *digest, struct span bytes)
{
    struct blob blob;

    expect_head("201 Created",
                "Location: /v2/" NAME "/blobs/%s\n"
                "Docker-Content-Digest: %s\nContent-Length: 0\n",
                text_of(digest), text_of(digest));
    expect_body(SPAN(""));
    cr_assert_eq(blob_find(&store, NAME, digest, &blob, &err), 0);
    cr_expect_eq(blob.size, bytes.len);
    cr_expect_str_eq(object_text(layout_blob(digest).text),
                     text("%.*s", SPAN_ARGS(bytes)));
}

static bool has_uploads(void)
{
    return object_exists(text("repositories/" NAME "/_uploads/%s", uuid));
}

static void start(const char *query)
{
    cr_assert_eq(ASK("POST", text(UPLOADS "%s", query)), 202);
    snprintf(uuid, sizeof(uuid), "%s", header("Docker-Upload-UUID"));
}

static const char *session(void)
{
    return text(UPLOADS "%s", uuid);
}

static int patch(const char *range, struct span bytes)
{
    return ASK("PATCH", session(), .body = bytes,
               .parameters = {range == NULL
                                  ? NULL
                                  : text("HTTP_CONTENT_RANGE=%s", range)});
}

static int finish(const struct digest *digest, const char *range,
                  struct span bytes)
{
    return ASK(
        "PUT", text("%s?digest=%s", session(), text_of(digest)), .body = bytes,
        .parameters = {range == NULL ? NULL
                                     : text("HTTP_CONTENT_RANGE=%s", range)});
}

static void expect_range(const char *range)
{
    ASK("GET", session());
    expect_progress("204 No Content", range);
    cr_expect_not(answer.changed_store);
}

/* --- the session --- */

Test(upload_route, an_upload_begins_with_a_place_of_its_own)
{
    static const char *const targets[] = {UPLOADS,
                                          "/v2/" NAME "/blobs/uploads"};

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        ASK("POST", targets[i]);
        cr_assert_not_null(header("Docker-Upload-UUID"));
        snprintf(uuid, sizeof(uuid), "%s", header("Docker-Upload-UUID"));
        cr_expect(uuid_is_valid(span_of(uuid)), "%s", uuid);
        expect_progress("202 Accepted", "0-0");
        expect_range("0-0");
    }
}

Test(upload_route, the_answer_to_get_is_that_to_head)
{
    start("");
    patch(NULL, SPAN("hello"));
    expect_range("0-4");
    expect_head_like_get((struct question){.target = session()});
}

Test(upload_route, chunks_in_order_become_a_blob)
{
    struct digest digest = digest_of(HASH_SHA256, SPAN("hello world!"));

    start("");
    patch("0-4", SPAN("hello"));
    expect_progress("202 Accepted", "0-4");
    patch("5-10", SPAN(" world"));
    expect_progress("202 Accepted", "0-10");
    expect_range("0-10");
    finish(&digest, "11-11", SPAN("!"));
    expect_created(&digest, SPAN("hello world!"));
    cr_expect_not(has_uploads());
    cr_expect_eq(ASK("GET", session()), 404);
}

Test(upload_route, a_stream_needs_neither_range_nor_length)
{
    struct digest digest = digest_of(HASH_SHA256, SPAN("hello world"));

    start("");
    ASK("PATCH", session(), .body = SPAN("hello"), .no_length = true);
    expect_progress("202 Accepted", "0-4");
    ASK("PATCH", session(), .body = SPAN(" "), .no_length = true,
        .parameters = {"HTTP_CONTENT_RANGE=5-5"});
    expect_progress("202 Accepted", "0-5");
    ASK("PUT", text("%s?digest=%s", session(), text_of(&digest)),
        .body = SPAN("world"), .no_length = true);
    expect_created(&digest, SPAN("hello world"));
}

Test(upload_route, a_put_may_bring_all_or_nothing)
{
    struct digest digest = digest_of(HASH_SHA256, SPAN("hello"));
    struct digest empty = digest_of(HASH_SHA256, SPAN(""));

    start("");
    finish(&digest, NULL, SPAN("hello"));
    expect_created(&digest, SPAN("hello"));
    start("");
    finish(&empty, NULL, SPAN(""));
    expect_created(&empty, SPAN(""));
    start("");
    patch(NULL, SPAN("hello"));
    finish(&digest, NULL, SPAN(""));
    expect_created(&digest, SPAN("hello"));
}

Test(upload_route, a_large_body_is_received_whole)
{
    static char large[3 * 1024 * 1024 + 7];
    struct span bytes = {large, sizeof(large)};
    struct digest digest;
    struct blob blob;

    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (char)(i % 253);
    digest = digest_of(HASH_SHA256, bytes);
    start("");
    cr_expect_eq(patch(NULL, span_first(bytes, 2000000)), 202);
    cr_expect_str_eq(header("Range"), "0-1999999");
    cr_expect_eq(finish(&digest, NULL, span_from(bytes, 2000000)), 201);
    cr_assert_eq(blob_find(&store, NAME, &digest, &blob, &err), 0);
    cr_expect_eq(blob.size, sizeof(large));
}

Test(upload_route, sha512_is_accepted_announced_or_not)
{
    static const char *const queries[] = {"", "?digest-algorithm=sha512",
                                          "?digest-algorithm=sha256"};
    struct digest digest = digest_of(HASH_SHA512, SPAN("hello"));

    for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
        enum hash_algorithm hashed = i == 1 ? HASH_SHA512 : HASH_SHA256;

        start(queries[i]);
        cr_expect(
            object_exists(layout_upload_state(NAME, uuid, hashed, 0).text));
        patch(NULL, SPAN("hello"));
        finish(&digest, NULL, SPAN(""));
        expect_created(&digest, SPAN("hello"));
    }
}

Test(upload_route, a_canceled_upload_is_gone)
{
    start("");
    patch(NULL, SPAN("hello"));
    ASK("DELETE", session());
    expect_head("204 No Content", "%s", "");
    expect_body(SPAN(""));
    cr_expect_not(has_uploads());
    ASK("DELETE", session());
    expect_error("404 Not Found", "BLOB_UPLOAD_UNKNOWN", uuid, "");
}

/* --- refused, and the session goes on --- */

Test(upload_route, a_chunk_out_of_order_is_refused_and_the_upload_goes_on)
{
    struct digest digest = digest_of(HASH_SHA256, SPAN("hello world"));
    static const char *const ranges[] = {"0-5", "4-9", "6-11", "1000-1005"};

    start("");
    patch("0-4", SPAN("hello"));
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        patch(ranges[i], SPAN(" world"));
        expect_error("416 Range Not Satisfiable", "RANGE_INVALID",
                     "the upload has 5 bytes", "");
        cr_expect_eq(answer.body_left, 6);
        finish(&digest, ranges[i], SPAN(" world"));
        expect_error("416 Range Not Satisfiable", "RANGE_INVALID",
                     "the upload has 5 bytes", "");
    }
    expect_range("0-4");
    finish(&digest, "5-10", SPAN(" world"));
    expect_created(&digest, SPAN("hello world"));
}

Test(upload_route, a_range_of_another_form_is_refused)
{
    struct digest digest = digest_of(HASH_SHA256, SPAN("hello"));
    static const char *const ranges[] = {"bytes 0-4",
                                         "bytes=0-4",
                                         "0-4/5",
                                         "0-4/*",
                                         "4-0",
                                         "0-",
                                         "-4",
                                         "-",
                                         "5",
                                         "a-b",
                                         "+0-4",
                                         " 0-4",
                                         "0-18446744073709551615"};

    start("");
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        patch(ranges[i], SPAN("hello"));
        expect_error("416 Range Not Satisfiable", "RANGE_INVALID",
                     "Content-Range must be first-last", "");
        finish(&digest, ranges[i], SPAN("hello"));
        expect_error("416 Range Not Satisfiable", "RANGE_INVALID",
                     "Content-Range must be first-last", "");
    }
    expect_range("0-0");
}

Test(upload_route, a_body_that_is_not_as_long_as_its_range_is_refused)
{
    static const char *const ranges[] = {"5-9", "5-11"};
    static const char *const why =
        "the body is not as long as Content-Range says";
    struct digest digest = digest_of(HASH_SHA256, SPAN("hello world"));

    start("");
    patch("0-4", SPAN("hello"));
    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        const char *range = text("HTTP_CONTENT_RANGE=%s", ranges[i]);

        patch(ranges[i], SPAN(" world"));
        expect_error("400 Bad Request", "SIZE_INVALID", why, "");
        cr_expect_eq(answer.body_left, 6);
        finish(&digest, ranges[i], SPAN(" world"));
        expect_error("400 Bad Request", "SIZE_INVALID", why, "");
        ASK("PATCH", session(), .body = SPAN(" world"), .no_length = true,
            .parameters = {range});
        expect_error("400 Bad Request", "SIZE_INVALID", why, "");
        ASK("PUT", text("%s?digest=%s", session(), text_of(&digest)),
            .body = SPAN(" world"), .no_length = true, .parameters = {range});
        expect_error("400 Bad Request", "SIZE_INVALID", why, "");
    }
    expect_range("0-4");
    finish(&digest, NULL, SPAN(" world"));
    expect_created(&digest, SPAN("hello world"));
}

Test(upload_route, a_body_that_breaks_off_counts_for_nothing)
{
    struct digest digest = digest_of(HASH_SHA256, SPAN("hello world"));

    start("");
    patch(NULL, SPAN("hello"));
    for (int no_length = 0; no_length < 2; no_length++) {
        ASK("PATCH", session(), .body = SPAN(" wor"), .breaks_off = true,
            .no_length = no_length);
        expect_error("400 Bad Request", "SIZE_INVALID", NULL, "");
        ASK("PUT", text("%s?digest=%s", session(), text_of(&digest)),
            .body = SPAN(" world"), .breaks_off = true, .no_length = no_length);
        expect_error("400 Bad Request", "SIZE_INVALID", NULL, "");
    }
    expect_range("0-4");
    finish(&digest, NULL, SPAN(" world"));
    expect_created(&digest, SPAN("hello world"));
}

Test(upload_route, a_wrong_digest_is_refused_and_the_upload_goes_on)
{
    struct digest right = digest_of(HASH_SHA256, SPAN("hello world"));
    struct digest wrong[2] = {digest_of(HASH_SHA256, SPAN("other")),
                              digest_of(HASH_SHA512, SPAN("other"))};

    start("");
    patch(NULL, SPAN("hello"));
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct digest actual =
            digest_of(wrong[i].algorithm, SPAN("hello world"));

        finish(&wrong[i], NULL, SPAN(" world"));
        expect_error("400 Bad Request", "DIGEST_INVALID",
                     text("the bytes received are %s", text_of(&actual)), "");
    }
    expect_range("0-4");
    finish(&right, NULL, SPAN(" world"));
    expect_created(&right, SPAN("hello world"));
}

Test(upload_route, a_put_without_a_digest_to_check_is_refused)
{
    static const struct {
        const char *query, *detail;
    } cases[] = {
        {"", "the digest parameter is missing"},
        {"?digest=", NULL},
        {"?digest=sha256:bad", NULL},
        {"?digest=md5:d41d8cd98f00b204e9800998ecf8427e", NULL},
        {"?digest=" UNKNOWN_DIGEST "0", NULL},
    };

    start("");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ASK("PUT", text("%s%s", session(), cases[i].query),
            .body = SPAN("hello"));
        expect_error("400 Bad Request", "DIGEST_INVALID", cases[i].detail, "");
        cr_expect_eq(answer.body_left, 5);
    }
    expect_range("0-0");
}

/* --- unknown sessions --- */

Test(upload_route, an_upload_that_is_not_there_is_unknown)
{
    static const char *const methods[] = {"GET", "PATCH", "PUT", "DELETE"};
    static const char *const ids[] = {UNKNOWN_UUID, "latest",
                                      "00000000-0000-4000-8000-00000000000G"};

    start("");
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(ids); j++) {
            ASK(methods[i], text(UPLOADS "%s?digest=" UNKNOWN_DIGEST, ids[j]),
                .body = SPAN("x"));
            expect_error("404 Not Found", "BLOB_UPLOAD_UNKNOWN", ids[j], "");
        }
        ASK(methods[i],
            text("/v2/other/blobs/uploads/%s?digest=" UNKNOWN_DIGEST, uuid),
            .body = SPAN("x"));
        expect_error("404 Not Found", "BLOB_UPLOAD_UNKNOWN", uuid, "");
    }
    expect_range("0-0");
}

Test(upload_route, a_second_writer_is_asked_to_come_again)
{
    struct upload *upload = NULL;

    start("");
    cr_assert_eq(upload_open(&store, NAME, uuid, &upload, &err), 0);
    patch(NULL, SPAN("hello"));
    expect_error("503 Service Unavailable", "UNAVAILABLE", NULL,
                 "Retry-After: 5\n");
    expect_range("0-0");
    upload_close(upload);
    cr_expect_eq(patch(NULL, SPAN("hello")), 202);
}

/* --- what is let through --- */

Test(upload_route, settings_say_which_methods_there_are)
{
    static const char *const places[] = {UPLOADS, "/v2/" NAME "/blobs/uploads"};

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        expect_methods(places[i], NULL, "POST");
        expect_methods(places[i], "BERTH_DELETE=no", "POST");
        expect_methods(places[i], "BERTH_READONLY=yes", "");
    }
    expect_methods(UPLOADS UNKNOWN_UUID, NULL, "GET, HEAD, PATCH, PUT, DELETE");
    /* To give up an upload deletes nothing that was ever there. */
    expect_methods(UPLOADS UNKNOWN_UUID, "BERTH_DELETE=no",
                   "GET, HEAD, PATCH, PUT, DELETE");
    expect_methods(UPLOADS UNKNOWN_UUID, "BERTH_READONLY=yes", "GET, HEAD");
}

Test(upload_route, a_registry_that_is_read_only_keeps_what_was_begun)
{
    static const char *const methods[] = {"PATCH", "PUT", "DELETE"};

    start("");
    patch(NULL, SPAN("hello"));
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        ASK(methods[i], session(), .body = SPAN("x"),
            .parameters = {"BERTH_READONLY=yes"});
        expect_error("405 Method Not Allowed", "UNSUPPORTED",
                     "nothing can be pushed or deleted now",
                     "Allow: GET, HEAD\n");
    }
    expect_range("0-4");
}

Test(upload_route, a_storage_that_fails_says_whether_to_try_again)
{
    break_storage(ERR_NO_SPACE);
    ASK("POST", UPLOADS);
    expect_error("507 Insufficient Storage", "UNAVAILABLE", NULL, "");
    break_storage(ERR_READ_ONLY);
    ASK("POST", UPLOADS);
    expect_error("503 Service Unavailable", "UNAVAILABLE", NULL,
                 "Retry-After: 5\n");
}
