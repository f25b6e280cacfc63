/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/fixture.h"
#include "oci/media_type.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/tag.h"

extern const struct route manifest_route;

#define MANIFESTS "/v2/team/app/manifests/"
#define CREATED                                                                \
    "Location: /v2/team/app/manifests/%s\n"                                    \
    "Docker-Content-Digest: %s\n"
#define INDEX "{\"schemaVersion\":2,\"manifests\":[]}"

/* In the store without a tag; the tests push `other`. */
static struct image image;
static char other[2048];
static struct digest digest; /* of `other` */

static void setup(void)
{
    struct image parts;

    route_setup(&manifest_route);
    image = push_image("team/app");
    parts = image;
    snprintf(other, sizeof(other), " %s", parts.json);
    digest_of_bytes(HASH_SHA256, span_of(other), &digest);
}

TestSuite(manifest_push, .init = setup, .fini = route_teardown);

static int put(const char *reference)
{
    return ASK("PUT", text(MANIFESTS "%s", reference), .body = span_of(other));
}

static void expect_created(const char *extra)
{
    expect_head("201 Created", CREATED "%sContent-Length: 0\n",
                text_of(&digest), text_of(&digest), extra);
    expect_body(SPAN(""));
    cr_expect_str_eq(object_text(layout_blob(&digest).text), other);
}

/* --- accepted --- */

#define STRANGE "{\"schemaVersion\":2,\"mediaType\":\"x/y\"}"
#define SETTING "BERTH_WARN_DISTRIBUTION=yes"

Test(manifest_push, what_stops_a_foreign_collector_is_warned_of_when_asked)
{
    cr_expect_eq(ASK("PUT", MANIFESTS "v1", .body = SPAN(STRANGE),
                     .parameters = {SETTING}),
                 201);
    cr_expect_str_eq(header("Warning"),
                     "299 - \"the garbage collector of CNCF Distribution 2.8 "
                     "and 3 would stop at this manifest: mediaType is none it "
                     "knows\"");
    cr_expect_eq(ASK("PUT", MANIFESTS "v1", .body = SPAN(STRANGE)), 201);
    cr_expect_null(header("Warning"));
    cr_expect_eq(ASK("PUT", MANIFESTS "v1", .body = span_of(other),
                     .parameters = {SETTING}),
                 201);
    cr_expect_null(header("Warning"));
}

Test(manifest_push, a_push_by_tag_tells_the_digest)
{
    put("latest");
    expect_created("");
    cr_expect_str_eq(get_tag("team/app", "latest"), text_of(&digest));
    put("latest");
    expect_created("");
    cr_expect_not(answer.changed_store);
}

Test(manifest_push, a_push_by_digest_sets_no_tag)
{
    put(text_of(&digest));
    expect_created("");
    cr_expect_str_eq(get_tag("team/app", "latest"), "");
}

Test(manifest_push, a_push_by_sha512_keeps_that_digest)
{
    digest_of_bytes(HASH_SHA512, span_of(other), &digest);
    put(text("%s?tag=v1", text_of(&digest)));
    expect_created("OCI-Tag: v1\n");
    cr_expect_str_eq(get_tag("team/app", "v1"), text_of(&digest));
    cr_expect_eq(ASK("GET", MANIFESTS "v1"), 200);
    cr_expect_str_eq(header("Docker-Content-Digest"), text_of(&digest));
}

Test(manifest_push, a_tag_moves_to_what_was_pushed_last)
{
    set_tag("team/app", "latest", &image.digest);
    put("latest");
    cr_expect_str_eq(get_tag("team/app", "latest"), text_of(&digest));
}

Test(manifest_push, a_subject_is_told_to_be_understood)
{
    snprintf(other, sizeof(other),
             "{\"schemaVersion\":2,\"manifests\":[],\"subject\":{"
             "\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"digest\":\"%s\",\"size\":1}}",
             UNKNOWN_DIGEST);
    digest_of_bytes(HASH_SHA256, span_of(other), &digest);
    put("latest");
    expect_created("OCI-Subject: " UNKNOWN_DIGEST "\n");
    put(text("%s?tag=a", text_of(&digest)));
    expect_created("OCI-Subject: " UNKNOWN_DIGEST "\nOCI-Tag: a\n");
}

Test(manifest_push, the_header_may_repeat_the_type_with_parameters)
{
    static const char *const types[] = {
        "CONTENT_TYPE=" MEDIA_TYPE_OCI_MANIFEST,
        "CONTENT_TYPE=" MEDIA_TYPE_OCI_MANIFEST "; charset=utf-8",
        "CONTENT_TYPE=",
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        ASK("PUT", MANIFESTS "latest", .body = span_of(other),
            .parameters = {types[i]});
        expect_created("");
    }
}

Test(manifest_push, a_body_without_a_length_is_read_to_its_end)
{
    ASK("PUT", MANIFESTS "latest", .body = span_of(other), .no_length = true);
    expect_created("");
}

/* --- several tags --- */

/* "?tag=t0&tag=t1..." and "t0, t1...". */
static const char *tags_query(int count, struct buf *query, struct buf *names)
{
    buf_add_format(query, "%s", text_of(&digest));
    for (int i = 0; i < count; i++) {
        buf_add_format(query, "%ctag=t%d", i == 0 ? '?' : '&', i);
        buf_add_format(names, "%st%d", i == 0 ? "" : ", ", i);
    }
    return buf_text(query);
}

Test(manifest_push, every_tag_of_the_query_is_set_and_told)
{
    static const int counts[] = {1, 10, 100};

    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        CLEANUP(buf) struct buf query = BUF_INIT(8192), names = BUF_INIT(8192);

        put(tags_query(counts[i], &query, &names));
        expect_created(text("OCI-Tag: %s\n", buf_text(&names)));
        for (int j = 0; j < counts[i]; j++)
            cr_expect_str_eq(get_tag("team/app", text("t%d", j)),
                             text_of(&digest));
    }
}

Test(manifest_push, a_hundred_of_the_longest_tags_fit_into_the_answer)
{
    CLEANUP(buf) struct buf query = BUF_INIT(32 * 1024);
    CLEANUP(buf) struct buf names = BUF_INIT(32 * 1024);

    buf_add_format(&query, MANIFESTS "%s", text_of(&digest));
    for (int i = 0; i < 100; i++) {
        buf_add_format(&query, "%ctag=%0128d", i == 0 ? '?' : '&', i);
        buf_add_format(&names, "%s%0128d", i == 0 ? "" : ", ", i);
    }
    ASK("PUT", buf_text(&query), .body = span_of(other));
    cr_expect_eq(answer.status, 201);
    cr_expect_str_eq(header("OCI-Tag"), buf_text(&names));
}

Test(manifest_push, one_tag_too_many_writes_nothing)
{
    CLEANUP(buf) struct buf query = BUF_INIT(8192), names = BUF_INIT(8192);

    put(tags_query(101, &query, &names));
    expect_error("414 URI Too Long", "UNSUPPORTED",
                 "at most 100 tags in one request", "");
    cr_expect_eq(answer.body_left, strlen(other));
    buf_clear(&query);
    put(tags_query(161, &query, &names));
    expect_error("414 URI Too Long", "UNSUPPORTED", NULL, "");
}

Test(manifest_push, one_invalid_tag_among_valid_ones_writes_nothing)
{
    static const char *const tags[] = {"", ".x", "a b", "a/b", "-"};
    const char *too_long = text("%0129d", 0);

    for (size_t i = 0; i <= ARRAY_SIZE(tags); i++) {
        const char *tag = i < ARRAY_SIZE(tags) ? tags[i] : too_long;

        put(text("%s?tag=good&tag=%s&tag=fine", text_of(&digest), tag));
        expect_error("400 Bad Request", "TAG_INVALID",
                     tag[0] != '\0' ? tag : NULL, "");
    }
}

Test(manifest_push, tags_of_the_query_need_a_digest_in_the_path)
{
    put("latest?tag=other");
    expect_created("");
    cr_expect_str_eq(get_tag("team/app", "latest"), text_of(&digest));
    cr_expect_str_eq(get_tag("team/app", "other"), "");
}

/* --- refused --- */

Test(manifest_push, a_body_that_is_not_the_digest_is_refused)
{
    put(UNKNOWN_DIGEST);
    expect_error("400 Bad Request", "DIGEST_INVALID",
                 text("the manifest received is %s", text_of(&digest)), "");
    put(text("%s?tag=a", text_of(&image.digest)));
    expect_error("400 Bad Request", "DIGEST_INVALID",
                 text("the manifest received is %s", text_of(&digest)), "");
}

Test(manifest_push, what_is_no_manifest_is_refused)
{
    static const struct {
        const char *body, *detail;
    } cases[] = {
        {"{\"schemaVersion\":1}", "schemaVersion: not 2"},
        {"[]", "manifest: not a JSON object"},
        {"{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}",
         "manifest: both \"manifests\" and \"layers\""},
        {"", NULL},
        {"hello", NULL},
        {"{\"schemaVersion\":2", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ASK("PUT", MANIFESTS "latest", .body = span_of(cases[i].body));
        cr_expect_eq(answer.status, 400);
        if (cases[i].detail != NULL)
            expect_error("400 Bad Request", "MANIFEST_INVALID", cases[i].detail,
                         "");
        cr_expect_not_null(
            strstr(answer.body.ptr, "\"code\":\"MANIFEST_INVALID\""));
        cr_expect_not(answer.changed_store);
    }
}

Test(manifest_push, another_type_in_the_header_is_refused)
{
    ASK("PUT", MANIFESTS "latest", .body = span_of(other),
        .parameters = {"CONTENT_TYPE=" MEDIA_TYPE_OCI_INDEX});
    expect_error("400 Bad Request", "MANIFEST_INVALID",
                 "Content-Type: the manifest is " MEDIA_TYPE_OCI_MANIFEST, "");
}

Test(manifest_push, what_is_missing_is_named)
{
    ASK("PUT", "/v2/empty/manifests/latest", .body = span_of(image.json));
    expect_error("400 Bad Request", "MANIFEST_BLOB_UNKNOWN",
                 text_of(&image.config), "");
    push_blob("empty", SPAN("config"));
    ASK("PUT", "/v2/empty/manifests/latest", .body = span_of(image.json));
    expect_error("400 Bad Request", "MANIFEST_BLOB_UNKNOWN",
                 text_of(&image.layer), "");
    ASK("PUT", "/v2/empty/manifests/latest", .body = span_of(image.json),
        .parameters = {"BERTH_SPARSE=yes"});
    cr_expect_eq(answer.status, 201);
}

/* --- the limit --- */

static const char *index_of_size(size_t size)
{
    static char json[8192];

    snprintf(json, sizeof(json), "%-*s", (int)size, INDEX);
    cr_assert_eq(strlen(json), size);
    return json;
}

Test(manifest_push, the_limit_holds_with_and_without_a_length)
{
    for (int no_length = 0; no_length < 2; no_length++) {
        ASK("PUT", MANIFESTS "large", .body = span_of(index_of_size(4097)),
            .no_length = no_length,
            .parameters = {"BERTH_MANIFEST_LIMIT=4096"});
        expect_error("413 Content Too Large", "MANIFEST_INVALID",
                     "the limit is 4096 bytes", "");
        cr_expect(no_length || answer.body_left == 4097, "not read at all");
        ASK("PUT", MANIFESTS "fits", .body = span_of(index_of_size(4096)),
            .no_length = no_length,
            .parameters = {"BERTH_MANIFEST_LIMIT=4096"});
        cr_expect_eq(answer.status, 201);
    }
}

Test(manifest_push, a_body_without_end_is_read_no_further_than_the_limit)
{
    size_t size = 1024 * 1024;
    char *endless = malloc(size);

    memset(endless, ' ', size);
    ASK("PUT", MANIFESTS "large", .body = {endless, size}, .no_length = true,
        .parameters = {"BERTH_MANIFEST_LIMIT=4096"});
    cr_expect_eq(answer.status, 413);
    cr_expect_geq(answer.body_left, size - 64 * 1024);
    free(endless);
}

/* --- broken off and given up --- */

Test(manifest_push, a_body_that_breaks_off_is_refused)
{
    for (int no_length = 0; no_length < 2; no_length++) {
        ASK("PUT", MANIFESTS "latest", .body = span_of(other),
            .no_length = no_length, .breaks_off = true);
        expect_error("400 Bad Request", "SIZE_INVALID", NULL, "");
    }
}

Test(manifest_push, a_client_that_has_gone_gets_no_tag)
{
    ASK("PUT", MANIFESTS "latest", .body = span_of(other), .gone_at = 1);
    expect_head("503 Service Unavailable",
                "Content-Type: application/json\nRetry-After: 5\n"
                "Content-Length: %zu\n",
                answer.body.len);
    cr_expect_str_eq(get_tag("team/app", "latest"), "");
}

Test(manifest_push, a_client_that_has_gone_moves_no_tag)
{
    set_tag("team/app", "latest", &image.digest);
    ASK("PUT", MANIFESTS "latest", .body = span_of(other), .gone_at = 1);
    cr_expect_eq(answer.status, 503);
    cr_expect_str_eq(get_tag("team/app", "latest"), text_of(&image.digest));
}

Test(manifest_push, each_tag_waits_for_a_client_that_is_still_there)
{
    ASK("PUT", text(MANIFESTS "%s?tag=a&tag=b&tag=c", text_of(&digest)),
        .body = span_of(other), .gone_at = 2);
    cr_expect_eq(answer.status, 503);
    cr_expect_str_eq(get_tag("team/app", "a"), text_of(&digest));
    cr_expect_str_eq(get_tag("team/app", "b"), "");
    cr_expect_str_eq(get_tag("team/app", "c"), "");
}

/* --- the storage --- */

Test(manifest_push, a_storage_that_fails_says_whether_to_try_again)
{
    static const struct {
        enum err_code code;
        const char *status, *oci, *extra;
    } cases[] = {
        {ERR_NO_SPACE, "507 Insufficient Storage", "UNAVAILABLE", ""},
        {ERR_READ_ONLY, "503 Service Unavailable", "UNAVAILABLE",
         "Retry-After: 5\n"},
        {ERR_BUSY, "503 Service Unavailable", "UNAVAILABLE",
         "Retry-After: 5\n"},
        {ERR_IO, "500 Internal Server Error", "UNKNOWN", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        break_storage(cases[i].code);
        put("latest");
        expect_error(cases[i].status, cases[i].oci, NULL, cases[i].extra);
    }
}

/* --- a deletion of the same manifest at the same moment --- */

static const struct driver_ops *plain;
static struct driver_ops racing;

static int delete_before_tag(struct driver *driver, const char *directory,
                             const struct driver_file *files, size_t count,
                             struct err *error)
{
    store.driver->ops = plain;
    cr_assert_eq(manifest_delete(&store, "team/app", &digest, error), 0);
    return driver_put_directory(driver, directory, files, count, error);
}

Test(manifest_push, a_push_outlives_a_deletion_that_came_in_between)
{
    plain = store.driver->ops;
    racing = *plain;
    racing.put_directory = delete_before_tag;
    store.driver->ops = &racing;
    put("latest");
    expect_created("");
    cr_expect_str_eq(get_tag("team/app", "latest"), text_of(&digest));
    cr_expect(object_exists(layout_revision_link("team/app", &digest).text));
}

/* --- a collector that overtakes --- */

static const char *taken; /* when the link is written */

static int collect_before_link(struct driver *driver, const char *path,
                               struct span bytes,
                               enum driver_durability durability,
                               struct err *error)
{
    if (strcmp(path, layout_revision_link("team/app", &digest).text) == 0 &&
        taken != NULL) {
        cr_assert_eq(plain->retire(driver, "run", taken, INT64_MAX, error), 0);
        taken = NULL;
    }
    return plain->put(driver, path, bytes, durability, error);
}

static int push_overtaken(const char *path)
{
    int status;

    plain = store.driver->ops;
    racing = *plain;
    racing.put = collect_before_link;
    store.driver->ops = &racing;
    taken = path;
    status = put("v1");
    store.driver->ops = plain;
    cr_assert_null(taken);
    return status;
}

Test(manifest_push, a_layer_that_went_while_the_push_was_held_up_is_missed)
{
    struct layout_path layer = layout_blob(&image.layer);
    struct digest resolved;

    cr_expect_eq(push_overtaken(layer.text), 400, "%s", answer.head);
    expect_error_body("MANIFEST_BLOB_UNKNOWN", text_of(&image.layer));
    cr_expect_lt(tag_resolve(&store, "team/app", "v1", &resolved, &err), 0);
}

Test(manifest_push, a_manifest_that_went_while_it_was_held_up_is_put_again)
{
    struct layout_path bytes = layout_blob(&digest);

    cr_expect_eq(push_overtaken(bytes.text), 201, "%s", answer.head);
    cr_expect_str_eq(object_text(bytes.text), other);
}
