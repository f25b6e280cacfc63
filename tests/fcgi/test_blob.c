/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/fixture.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/settings.h"

extern const struct route blob_route;

static struct digest digest; /* of the blob "0123456789" in "team/app" */

static void setup(void)
{
    route_setup(&blob_route);
    digest = push_blob("team/app", SPAN("0123456789"));
}

TestSuite(blob_route, .init = setup, .fini = route_teardown);

#define NAMES                                                                  \
    "Docker-Content-Digest: %s\n"                                              \
    "ETag: \"%s\"\n"
#define RANGES "Accept-Ranges: bytes\n"
#define CACHED "Cache-Control: max-age=31536000\n"
#define ABOUT NAMES RANGES CACHED
#define OCTETS "Content-Type: application/octet-stream\n"

static const char *target(void)
{
    return text("/v2/team/app/blobs/%s", text_of(&digest));
}

static int get_range(const char *range)
{
    return ASK("GET", target(), .parameters = {text("HTTP_RANGE=%s", range)});
}

static void expect_whole(void)
{
    expect_head("200 OK", ABOUT OCTETS "Content-Length: 10\n", text_of(&digest),
                text_of(&digest));
    expect_body(SPAN("0123456789"));
}

/* --- whole --- */

Test(blob_route, a_blob_comes_as_it_was_pushed)
{
    ASK("GET", target());
    expect_whole();
    cr_expect_not(answer.changed_store);
    expect_head_like_get((struct question){.target = target()});
}

Test(blob_route, the_empty_blob_is_a_blob)
{
    digest = push_blob("team/app", SPAN(""));
    ASK("GET", target());
    expect_head("200 OK", ABOUT OCTETS "Content-Length: 0\n", text_of(&digest),
                text_of(&digest));
    expect_body(SPAN(""));
    expect_head_like_get((struct question){.target = target()});
    cr_expect_eq(get_range("bytes=0-0"), 416);
}

Test(blob_route, a_large_blob_comes_in_pieces_and_whole)
{
    static char large[1000003];

    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (char)(i % 251);
    digest = push_blob("team/app", (struct span){large, sizeof(large)});
    ASK("GET", target());
    expect_head("200 OK", ABOUT OCTETS "Content-Length: 1000003\n",
                text_of(&digest), text_of(&digest));
    expect_body((struct span){large, sizeof(large)});
}

/* Distribution keeps a blob pushed as sha512 under its sha256. */
Test(blob_route, a_blob_has_the_name_it_was_asked_for_by)
{
    struct layout_path link;
    struct digest stored = digest;

    digest_of_bytes(HASH_SHA512, SPAN("0123456789"), &digest);
    link = layout_layer_link("team/app", &digest);
    cr_assert_eq(link_write(&store, &link, &stored, &err), 0);
    ASK("GET", target());
    expect_whole();
}

Test(blob_route, what_the_repository_has_not_is_unknown)
{
    struct digest other = push_blob("other", SPAN("other"));
    const char *const names[][2] = {
        {"team/app", UNKNOWN_DIGEST},
        {"team/app", text_of(&other)},
        {"team", text_of(&digest)},
        {"none", text_of(&digest)},
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *path = text("/v2/%s/blobs/%s", names[i][0], names[i][1]);

        ASK("GET", path);
        expect_error("404 Not Found", "BLOB_UNKNOWN", names[i][1], "");
        ASK("DELETE", path);
        expect_error("404 Not Found", "BLOB_UNKNOWN", names[i][1], "");
        expect_head_like_get((struct question){.target = path});
    }
}

Test(blob_route, a_link_without_its_bytes_is_unknown)
{
    cr_assert_eq(driver_remove(store.driver, layout_blob(&digest).text,
                               DRIVER_DURABLE, &err),
                 0);
    ASK("GET", target());
    expect_error("404 Not Found", "BLOB_UNKNOWN", text_of(&digest), "");
    cr_assert_eq(driver_put(store.driver, layout_blob(&digest).text, SPAN(""),
                            DRIVER_DURABLE, &err),
                 0);
    ASK("HEAD", target());
    cr_expect_eq(answer.status, 404, "emptied by a crash");
}

Test(blob_route, what_is_malformed_is_refused)
{
    const struct {
        const char *target, *code, *detail;
    } cases[] = {
        {"/v2/a/blobs/sha256:bad", "DIGEST_INVALID", NULL},
        {"/v2/a/blobs/latest", "DIGEST_INVALID", NULL},
        {"/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e", "DIGEST_INVALID",
         NULL},
        {"/v2/A/blobs/" UNKNOWN_DIGEST, "NAME_INVALID", "A"},
        {"/v2/a/../b/blobs/" UNKNOWN_DIGEST, "UNSUPPORTED",
         "the path is not in its normal form"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ASK("GET", cases[i].target);
        expect_error("400 Bad Request", cases[i].code, cases[i].detail, "");
        ASK("DELETE", cases[i].target);
        expect_error("400 Bad Request", cases[i].code, cases[i].detail, "");
    }
}

/* --- conditions --- */

Test(blob_route, a_client_that_has_it_is_told_so_without_a_body)
{
    const char *const fields[] = {
        text("\"%s\"", text_of(&digest)),
        text("W/\"%s\"", text_of(&digest)),
        text("%s", text_of(&digest)),
        text("\"x\", \"%s\"", text_of(&digest)),
        "*",
    };

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        struct question question = {
            .target = target(),
            .parameters = {text("HTTP_IF_NONE_MATCH=%s", fields[i]),
                           "HTTP_RANGE=bytes=0-1"},
        };

        question.method = "GET";
        ask(&question);
        expect_head("304 Not Modified", ABOUT, text_of(&digest),
                    text_of(&digest));
        expect_body(SPAN(""));
        expect_head_like_get(question);
    }
    ASK("GET", target(),
        .parameters = {"HTTP_IF_NONE_MATCH=\"" UNKNOWN_DIGEST "\""});
    expect_whole();
    ASK("GET", "/v2/team/app/blobs/" UNKNOWN_DIGEST,
        .parameters = {"HTTP_IF_NONE_MATCH=*"});
    cr_expect_eq(answer.status, 404);
}

Test(blob_route, a_range_of_another_version_is_answered_whole)
{
    const char *const fields[] = {
        "\"" UNKNOWN_DIGEST "\"",
        text("W/\"%s\"", text_of(&digest)),
        "Sat, 29 Oct 1994 19:43:31 GMT",
    };

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        ASK("GET", target(),
            .parameters = {text("HTTP_IF_RANGE=%s", fields[i]),
                           "HTTP_RANGE=bytes=0-1"});
        expect_whole();
    }
    ASK("GET", target(),
        .parameters = {text("HTTP_IF_RANGE=\"%s\"", text_of(&digest)),
                       "HTTP_RANGE=bytes=0-1"});
    cr_expect_eq(answer.status, 206);
    expect_body(SPAN("01"));
}

/* --- ranges --- */

Test(blob_route, a_range_is_answered_with_just_its_bytes)
{
    static const struct {
        const char *range, *content_range;
        struct span body;
    } cases[] = {
        {"bytes=0-0", "0-0", SPAN("0")},
        {"bytes=2-5", "2-5", SPAN("2345")},
        {"bytes=5-", "5-9", SPAN("56789")},
        {"bytes=-3", "7-9", SPAN("789")},
        {"bytes=0-9", "0-9", SPAN("0123456789")},
        {"bytes=8-99", "8-9", SPAN("89")},
        {"bytes=-99", "0-9", SPAN("0123456789")},
        {"bytes=9-18446744073709551615", "9-9", SPAN("9")},
        {"bytes=99-, 3-4", "3-4", SPAN("34")},
        {"BYTES = 1-2", "1-2", SPAN("12")},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        get_range(cases[i].range);
        expect_head("206 Partial Content",
                    ABOUT "Content-Range: bytes %s/10\n" OCTETS
                          "Content-Length: %zu\n",
                    text_of(&digest), text_of(&digest), cases[i].content_range,
                    cases[i].body.len);
        expect_body(cases[i].body);
    }
}

Test(blob_route, a_range_outside_tells_the_size)
{
    static const char *const ranges[] = {"bytes=10-",       "bytes=20-30",
                                         "bytes=-0",        "bytes=5-2",
                                         "bytes=10-10,99-", "bytes=10-9"};

    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        get_range(ranges[i]);
        expect_error("416 Range Not Satisfiable", "RANGE_INVALID",
                     "the blob has 10 bytes", "Content-Range: bytes */10\n");
    }
}

Test(blob_route, what_is_no_range_is_answered_whole)
{
    static const char *const ranges[] = {
        "",          "bytes",         "bytes=",    "bytes=a-b",
        "items=0-1", "bytes=1",       "bytes=--1", "bytes=0-1,x",
        "0-1",       "bytes=0-9,0-9", "bytes=,"};

    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
        get_range(ranges[i]);
        expect_whole();
    }
}

Test(blob_route, head_tells_of_the_whole_whatever_range_it_names)
{
    ASK("HEAD", target(), .parameters = {"HTTP_RANGE=bytes=2-5"});
    expect_head("200 OK", ABOUT OCTETS "Content-Length: 10\n", text_of(&digest),
                text_of(&digest));
    ASK("HEAD", target(), .parameters = {"HTTP_RANGE=bytes=10-"});
    cr_expect_eq(answer.status, 200);
}

#define PART(range, bytes)                                                     \
    "\r\n--%1$s\r\nContent-Type: application/octet-stream\r\n"                 \
    "Content-Range: bytes " range "/10\r\n\r\n" bytes

Test(blob_route, several_ranges_come_as_parts_byte_for_byte)
{
    const char *boundary = text("berth%s", digest.hex);
    const char *body = text(PART("0-1", "01") PART("9-9", "9")
                                PART("4-6", "456") "\r\n--%1$s--\r\n",
                            boundary);

    get_range("bytes=0-1, -1,4-6");
    expect_head("206 Partial Content",
                ABOUT "Content-Type: multipart/byteranges; boundary=%s\n"
                      "Content-Length: %zu\n",
                text_of(&digest), text_of(&digest), boundary, strlen(body));
    expect_body(span_of(body));
}

Test(blob_route, ranges_without_measure_are_answered_whole)
{
    CLEANUP(buf) struct buf field = BUF_INIT(8192);
    static char many[257];

    get_range("bytes=0-8,1-9");
    expect_whole();
    digest = push_blob("team/app", (struct span){many, sizeof(many)});
    buf_add(&field, SPAN("bytes=0-0"));
    for (int i = 1; i < 256; i++)
        buf_add_format(&field, ",%d-%d", i, i);
    cr_expect_eq(get_range(buf_text(&field)), 206);
    cr_expect_eq(span_of(header("Content-Length")).len, 5);
    buf_add(&field, SPAN(",256-256"));
    cr_expect_eq(get_range(buf_text(&field)), 200);
    expect_body((struct span){many, sizeof(many)});
}

/* --- files the web server sends --- */

#define X_ACCEL "BERTH_BLOB_TRANSFER=x-accel-redirect"
#define X_SENDFILE "BERTH_BLOB_TRANSFER=x-sendfile"

Test(blob_route, the_web_server_is_told_the_file_and_sends_its_length)
{
    const struct layout_path path = layout_blob(&digest);
    const struct {
        const char *setting, *ranges, *field;
    } cases[] = {
        /* nginx would say it a second time. */
        {X_ACCEL, "", text("X-Accel-Redirect: /v2/_berth/%s", path.text)},
        {X_SENDFILE, RANGES,
         text("X-Sendfile: /var/lib/berth/docker/registry/v2/%s", path.text)},
    };

    cr_assert_str_eq(path.text,
                     text("blobs/sha256/%.2s/%s/data", digest.hex, digest.hex));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ASK("GET", target(),
            .parameters = {cases[i].setting, "HTTP_RANGE=bytes=2-5"});
        expect_head("200 OK", NAMES "%s" CACHED "%s\n" OCTETS, text_of(&digest),
                    text_of(&digest), cases[i].ranges, cases[i].field);
        expect_body(SPAN(""));
    }
}

Test(blob_route, head_conditions_and_errors_need_no_web_server)
{
    static const char *const settings[] = {X_ACCEL, X_SENDFILE};

    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        ASK("HEAD", target(), .parameters = {settings[i]});
        expect_head("200 OK", ABOUT OCTETS "Content-Length: 10\n",
                    text_of(&digest), text_of(&digest));
        ASK("GET", target(),
            .parameters = {settings[i], "HTTP_IF_NONE_MATCH=*"});
        expect_head("304 Not Modified", ABOUT, text_of(&digest),
                    text_of(&digest));
        ASK("GET", "/v2/team/app/blobs/" UNKNOWN_DIGEST,
            .parameters = {settings[i]});
        expect_error("404 Not Found", "BLOB_UNKNOWN", UNKNOWN_DIGEST, "");
    }
}

/* --- leases --- */

static bool renews_lease(const char *method, const char *setting)
{
    const struct layout_path path = layout_blob(&digest);
    int64_t before;

    object_age(path.text);
    before = object_mtime(path.text);
    cr_assert_eq(ASK(method, target(), .parameters = {setting}), 200);
    return object_mtime(path.text) != before;
}

Test(blob_route, only_head_promises_that_the_blob_stays)
{
    cr_expect(renews_lease("HEAD", NULL));
    cr_expect_not(renews_lease("GET", NULL));
    cr_expect_not(renews_lease("HEAD", "BERTH_READONLY=yes"));
}

/* --- deletion --- */

Test(blob_route, delete_takes_it_from_the_one_repository)
{
    push_blob("other", SPAN("0123456789"));
    ASK("DELETE", target());
    expect_head("202 Accepted", "Content-Length: 0\n");
    expect_body(SPAN(""));
    ASK("GET", target());
    expect_error("404 Not Found", "BLOB_UNKNOWN", text_of(&digest), "");
    ASK("DELETE", target());
    expect_error("404 Not Found", "BLOB_UNKNOWN", text_of(&digest), "");
    cr_expect_eq(ASK("GET", text("/v2/other/blobs/%s", text_of(&digest))), 200);
}

Test(blob_route, settings_say_which_methods_there_are)
{
    static const char *const unknown = "/v2/a/blobs/" UNKNOWN_DIGEST;

    expect_methods(unknown, NULL, "GET, HEAD, DELETE");
    expect_methods(unknown, "BERTH_DELETE=no", "GET, HEAD");
    expect_methods(unknown, "BERTH_READONLY=yes", "GET, HEAD");
}

Test(blob_route, a_deletion_that_is_switched_off_says_why)
{
    ASK("DELETE", target(), .parameters = {"BERTH_DELETE=no"});
    expect_error("405 Method Not Allowed", "UNSUPPORTED",
                 "deletion is switched off", "Allow: GET, HEAD\n");
    ASK("DELETE", target(), .parameters = {"BERTH_READONLY=yes"});
    expect_error("405 Method Not Allowed", "UNSUPPORTED",
                 "nothing can be pushed or deleted now", "Allow: GET, HEAD\n");
    ASK("PUT", target(), .body = SPAN("x"));
    expect_error("405 Method Not Allowed", "UNSUPPORTED",
                 "allowed: GET, HEAD, DELETE", "Allow: GET, HEAD, DELETE\n");
}

/* Behind a full backlog a request outlives its client. */
Test(blob_route, a_client_that_has_gone_deletes_nothing)
{
    ASK("DELETE", target(), .gone_at = 1);
    cr_expect_eq(answer.status, 503);
    cr_expect_not(answer.changed_store);
}
