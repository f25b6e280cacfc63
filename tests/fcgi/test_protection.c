/* SPDX-License-Identifier: MIT */
/*
 * Protected tags by every way a request can take. What is refused leaves the
 * store as it was: see expect_error.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "fcgi/fixture.h"
#include "store/layout.h"

extern const struct route manifest_route, blob_route;

#define MANIFESTS "/v2/team/app/manifests/"
#define BLOBS "/v2/team/app/blobs/"
#define DETAIL "the tag v1 is protected: it stays as it is"

static struct image image;
static char other[2048];
static struct digest digest; /* of `other`, which is not pushed yet */
static const char *rules;

static int put(const char *reference, const char *json)
{
    return ASK("PUT", text(MANIFESTS "%s", reference), .body = span_of(json),
               .parameters = {rules});
}

static void setup(void)
{
    route_setup(&manifest_route);
    image = push_image("team/app");
    set_tag("team/app", "latest", &image.digest);
    snprintf(other, sizeof(other), " %s", image.json);
    digest_of_bytes(HASH_SHA256, span_of(other), &digest);
    rules = under_rules("[team/*]\nprotect = v*, release\n");
    /* The first of them makes the file of the lock. */
    cr_assert_eq(put("v1", image.json), 201);
}

TestSuite(route_protection, .init = setup, .fini = route_teardown);

static int delete (const char *target)
{
    return ASK("DELETE", target, .parameters = {rules});
}

static void expect_denied(void)
{
    expect_error("403 Forbidden", "DENIED", DETAIL, "");
}

Test(route_protection, a_push_over_a_protected_tag_leaves_nothing)
{
    put("v1", other);
    expect_denied();
    cr_expect_not(object_exists(layout_blob(&digest).text));
}

Test(route_protection, a_push_of_the_same_is_fine)
{
    cr_expect_eq(put("v1", image.json), 201);
    cr_expect_not(answer.changed_store);
}

Test(route_protection, a_new_protected_tag_is_made_once)
{
    cr_expect_eq(put("v2", other), 201);
    cr_expect_str_eq(get_tag("team/app", "v2"), text_of(&digest));
    cr_expect_eq(put("v2", image.json), 403);
    cr_expect_str_eq(get_tag("team/app", "v2"), text_of(&digest));
}

Test(route_protection, tag_parameters_do_not_go_around_it)
{
    put(text("%s?tag=new&tag=v1", text_of(&digest)), other);
    expect_denied();
    cr_expect_str_eq(get_tag("team/app", "new"), "");
    cr_expect_eq(
        put(text("%s?tag=new&tag=v1", text_of(&image.digest)), image.json),
        201);
}

Test(route_protection, a_push_by_digest_names_nothing_and_is_fine)
{
    cr_expect_eq(put(text_of(&digest), other), 201);
}

Test(route_protection, neither_the_tag_nor_its_manifest_is_deleted)
{
    delete (MANIFESTS "v1");
    expect_denied();
    delete (text(MANIFESTS "%s", text_of(&image.digest)));
    expect_denied();
    cr_expect_eq(delete (MANIFESTS "v3"), 404);
}

Test(route_protection, its_blobs_are_not_deleted)
{
    route_turn_to(&blob_route);
    delete (text(BLOBS "%s", text_of(&image.layer)));
    expect_denied();
    delete (text(BLOBS "%s", text_of(&image.config)));
    expect_denied();
}

Test(route_protection, others_move_and_go)
{
    cr_expect_eq(put("latest", other), 201);
    cr_expect_str_eq(get_tag("team/app", "latest"), text_of(&digest));
    cr_expect_eq(delete (MANIFESTS "latest"), 202);
    cr_expect_eq(delete (text(MANIFESTS "%s", text_of(&digest))), 202);
}

Test(route_protection, a_file_that_changes_counts_from_then_on)
{
    cr_expect_eq(put("v1", other), 403);
    under_rules("[team/*]\nprotect = release\n");
    cr_expect_eq(put("v1", other), 201);
}

Test(route_protection, a_file_that_goes_bad_leaves_the_last_good_one)
{
    cr_expect_eq(put("latest", other), 201);
    under_rules("[team/*\nprotect = nothing\n");
    cr_expect_eq(put("v1", other), 403);
    cr_expect_eq(put("latest", image.json), 201);
}

/* A text, but no rules. */
#define BROKEN "BERTH_RULES=/etc/passwd"

static void expect_unknown(int status)
{
    cr_expect_eq(status, 503);
    expect_error("503 Service Unavailable", "UNAVAILABLE", NULL,
                 "Retry-After: 5\n");
}

Test(route_protection, without_any_good_file_nothing_is_changed_and_pulls_go_on)
{
    rules = BROKEN;
    expect_unknown(put("v1", other));
    expect_unknown(put("new", other));
    expect_unknown(delete (MANIFESTS "latest"));
    expect_unknown(delete (text(MANIFESTS "%s", text_of(&image.digest))));
    cr_expect_eq(ASK("GET", MANIFESTS "v1", .parameters = {rules}), 200);
    expect_unknown(put(text_of(&digest), other));
    route_turn_to(&blob_route);
    expect_unknown(delete (text(BLOBS "%s", text_of(&image.layer))));
    cr_expect_eq(ASK("GET", text(BLOBS "%s", text_of(&image.layer)),
                     .parameters = {rules}),
                 200);
}

Test(route_protection, a_file_that_is_not_there_is_no_permission)
{
    rules = "BERTH_RULES=/nonexistent/rules";
    expect_unknown(put("v1", other));
    cr_expect_eq(ASK("GET", MANIFESTS "v1", .parameters = {rules}), 200);
}
