/* SPDX-License-Identifier: MIT */
/* Pushes that find no room: a quota that is used up, and too little left. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "driver/driver_mem.h"
#include "fcgi/fixture.h"
#include "store/manifest_store.h"

extern const struct route blob_route, manifest_route, upload_route;

#define NAME "team/app"
#define UPLOADS "/v2/" NAME "/blobs/uploads/"
#define LIMIT 100000

static char bytes[LIMIT + 1];
static char uuid[UUID_LENGTH + 1];
static const char *rules;

static struct span body_of(size_t len)
{
    return (struct span){bytes, len};
}

/* An upload that has 10 bytes. */
static void setup(void)
{
    route_setup(&upload_route);
    rules = under_rules("[team/*]\nquota = 100000\n");
    cr_assert_eq(ASK("POST", UPLOADS), 202);
    snprintf(uuid, sizeof(uuid), "%s", header("Docker-Upload-UUID"));
    cr_assert_eq(ASK("PATCH", text(UPLOADS "%s", uuid), .body = body_of(10)),
                 202);
}

TestSuite(room_routes, .init = setup, .fini = route_teardown);

static void expect_denied(uint64_t used)
{
    expect_error("403 Forbidden", "DENIED",
                 text("the quota of team/* is 100000 bytes, of which %d are "
                      "used",
                      (int)used),
                 "");
}

/* --- quotas --- */

Test(room_routes, what_is_announced_is_refused_before_it_is_read)
{
    struct span body = body_of(LIMIT - 9);

    ASK("PATCH", text(UPLOADS "%s", uuid), .body = body, .parameters = {rules});
    expect_denied(10);
    cr_expect_eq(answer.body_left, body.len);
    ASK("PUT", text(UPLOADS "%s?digest=" UNKNOWN_DIGEST, uuid), .body = body,
        .parameters = {rules});
    expect_denied(10);
    cr_expect_eq(answer.body_left, body.len);
    ASK("POST", UPLOADS "?digest=" UNKNOWN_DIGEST, .body = body,
        .parameters = {rules});
    expect_denied(10);
    cr_expect_eq(answer.body_left, body.len);
    ASK("PATCH", text(UPLOADS "%s", uuid), .body = body, .no_length = true,
        .parameters = {rules, "HTTP_CONTENT_RANGE=10-100000"});
    expect_denied(10);
    cr_expect_eq(answer.body_left, body.len);
}

Test(room_routes, what_is_not_announced_ends_at_the_limit)
{
    ASK("PATCH", text(UPLOADS "%s", uuid), .body = body_of(LIMIT - 9),
        .no_length = true, .parameters = {rules});
    cr_expect(answer.body_left < LIMIT - 9);
    cr_expect_eq(answer.status, 403);
    cr_expect_not(answer.changed_store);
    /* It is where it was, and what fits goes on. */
    ASK("PATCH", text(UPLOADS "%s", uuid), .body = body_of(LIMIT - 10),
        .no_length = true, .parameters = {rules});
    cr_expect_eq(answer.status, 202);
    cr_expect_str_eq(header("Range"), "0-99999");
    ASK("PATCH", text(UPLOADS "%s", uuid), .body = body_of(1),
        .no_length = true, .parameters = {rules});
    expect_denied(LIMIT);
    cr_expect_eq(answer.body_left, 1);
}

static void use_up(void)
{
    cr_assert_eq(ASK("PATCH", text(UPLOADS "%s", uuid),
                     .body = body_of(LIMIT - 10), .parameters = {rules}),
                 202);
}

Test(room_routes, a_used_up_quota_begins_no_upload)
{
    use_up();
    ASK("POST", UPLOADS, .parameters = {rules});
    expect_denied(LIMIT);
    cr_expect_eq(ASK("POST", "/v2/other/blobs/uploads/", .parameters = {rules}),
                 202);
    cr_expect_eq(ASK("GET", text(UPLOADS "%s", uuid), .parameters = {rules}),
                 204);
    cr_expect_eq(ASK("DELETE", text(UPLOADS "%s", uuid), .parameters = {rules}),
                 204);
    cr_expect_eq(ASK("POST", UPLOADS, .parameters = {rules}), 202);
}

Test(room_routes, a_used_up_quota_takes_no_mount)
{
    struct digest digest = push_blob("other", SPAN("hello"));
    const char *target = text(UPLOADS "?mount=%s&from=other", text_of(&digest));

    use_up();
    ASK("POST", target, .parameters = {rules});
    expect_denied(LIMIT);
}

Test(room_routes, a_used_up_quota_takes_no_new_manifest)
{
    struct image image = push_image(NAME);
    char json[1024];

    push_blob(NAME, SPAN("more"));
    rules = under_rules("[team/*]\nquota = 10\n");
    route_turn_to(&manifest_route);
    ASK("PUT", "/v2/" NAME "/manifests/v1", .body = span_of(image.json),
        .parameters = {rules});
    cr_expect_eq(answer.status, 201);
    snprintf(json, sizeof(json), "%s\n", image.json);
    ASK("PUT", "/v2/" NAME "/manifests/v2", .body = span_of(json),
        .parameters = {rules});
    cr_expect_eq(answer.status, 403);
    cr_expect_not(answer.changed_store);
    cr_expect_str_eq(get_tag(NAME, "v2"), "");
}

/* --- the floor --- */

static void fill(void)
{
    struct driver_space space = {.bytes_total = 1 << 30, .bytes_free = 1000};

    driver_mem_set_space(store.driver, &space);
}

static void expect_full(void)
{
    expect_error("507 Insufficient Storage", "UNAVAILABLE",
                 "less than 1048576 bytes are free", "");
    cr_expect_eq(answer.body_left, 5);
}

#define FLOOR "BERTH_FREE_FLOOR=1M"

Test(room_routes, below_the_floor_pushes_are_refused_before_they_are_read)
{
    struct digest digest = push_blob("other", SPAN("hello"));
    const char *const targets[][2] = {
        {"POST", UPLOADS},
        {"POST", UPLOADS "?digest=" UNKNOWN_DIGEST},
        {"POST", text(UPLOADS "?mount=%s&from=other", text_of(&digest))},
        {"PATCH", text(UPLOADS "%s", uuid)},
        {"PUT", text(UPLOADS "%s?digest=" UNKNOWN_DIGEST, uuid)},
    };

    fill();
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        ASK(targets[i][0], targets[i][1], .body = SPAN("hello"),
            .parameters = {FLOOR});
        expect_full();
    }
    route_turn_to(&manifest_route);
    ASK("PUT", "/v2/" NAME "/manifests/v1", .body = SPAN("hello"),
        .parameters = {FLOOR});
    expect_full();
}

Test(room_routes, below_the_floor_pulls_and_deletions_go_on)
{
    struct image image = push_image(NAME);
    const char *blob = text("/v2/" NAME "/blobs/%s", text_of(&image.layer));

    fill();
    cr_expect_eq(ASK("GET", text(UPLOADS "%s", uuid), .parameters = {FLOOR}),
                 204);
    cr_expect_eq(ASK("DELETE", text(UPLOADS "%s", uuid), .parameters = {FLOOR}),
                 204);
    route_turn_to(&blob_route);
    cr_expect_eq(ASK("HEAD", blob, .parameters = {FLOOR}), 200);
    cr_expect_eq(ASK("GET", blob, .parameters = {FLOOR}), 200);
    cr_expect_eq(ASK("DELETE", blob, .parameters = {FLOOR}), 202);
    route_turn_to(&manifest_route);
    cr_expect_eq(ASK("DELETE",
                     text("/v2/" NAME "/manifests/%s", text_of(&image.digest)),
                     .parameters = {FLOOR}),
                 202);
}
