/* SPDX-License-Identifier: MIT */
/*
 * Requests while the storage fails, at every call and in every way: what is
 * answered with success is there, all else is the server's failure and never
 * the client's, and asking again succeeds.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "driver/driver_fault.h"
#include "fcgi/fixture.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/manifest_store.h"

extern const struct route blob_route, catalog_route, manifest_route,
    referrers_route, tags_route, upload_route;

#define NAME "team/app"
#define V2 "/v2/" NAME
#define BYTES_MAX (1024 * 1024)

static struct driver *fault;
static bool is_head; /* the question, so that the answer has no body */
static struct driver_fault_plan plan;
static struct image image;
static struct digest spare;

static void setup(void)
{
    route_setup(&upload_route);
    fault = driver_fault_new(store.driver);
    route_work_on(fault);
}

static void teardown(void)
{
    driver_free(fault);
    route_teardown();
}

TestSuite(faults, .init = setup, .fini = teardown);

static const char *where(void)
{
    return text("call %d %d %s:\n%s", (int)plan.call, (int)plan.kind,
                err_name(plan.code), driver_fault_log(fault));
}

/* --- one answer --- */

/* What the failure may be answered with. */
static bool is_status_of_plan(int status)
{
    if (plan.kind == DRIVER_FAULT_SHORT && status == 500)
        return true;
    switch ((int)plan.code) {
    case ERR_IO:
        return status == 500;
    case ERR_NO_SPACE:
        return status == 507;
    default:
        return status == 503;
    }
}

/* Whether it is the answer of a success; else it must say what failed. */
static bool succeeds(int expected)
{
    if (answer.status == expected)
        return true;
    cr_assert(is_status_of_plan(answer.status), "%s: %s", where(), answer.head);
    if (!is_head)
        expect_error_body(answer.status == 500 ? "UNKNOWN" : "UNAVAILABLE",
                          NULL);
    cr_assert((header("Retry-After") != NULL) == (answer.status == 503));
    return false;
}

/* --- a whole push --- */

static const char config[] = "{\"a\":1}", layer[] = "some bytes";
static struct digest config_digest, layer_digest, manifest_digest;
static char manifest[1024];

static void plan_push(void)
{
    digest_of_bytes(HASH_SHA256, span_of(config), &config_digest);
    digest_of_bytes(HASH_SHA256, span_of(layer), &layer_digest);
    snprintf(manifest, sizeof(manifest), "%s",
             image_json(&config_digest, &layer_digest));
    digest_of_bytes(HASH_SHA256, span_of(manifest), &manifest_digest);
}

static void expect_stored(const struct digest *digest, const char *bytes)
{
    struct blob blob;

    cr_assert_eq(blob_find(&store, NAME, digest, &blob, &err), 0, "%s: %s",
                 where(), err.text);
    cr_assert_str_eq(object_text(layout_blob(digest).text), bytes);
}

/* In three requests. */
static bool push_config(void)
{
    const char *location;

    route_turn_to(&upload_route);
    ASK("POST", V2 "/blobs/uploads/");
    if (!succeeds(202))
        return false;
    location = text("%s", header("Location"));
    ASK("PATCH", location, .body = span_of(config));
    if (!succeeds(202))
        return false;
    ASK("PUT", text("%s?digest=%s", location, text_of(&config_digest)));
    if (!succeeds(201))
        return false;
    expect_stored(&config_digest, config);
    return true;
}

/* In one. */
static bool push_layer(void)
{
    route_turn_to(&upload_route);
    ASK("POST", text(V2 "/blobs/uploads/?digest=%s", text_of(&layer_digest)),
        .body = span_of(layer));
    if (!succeeds(201))
        return false;
    expect_stored(&layer_digest, layer);
    return true;
}

/* From the tag down to the bytes. */
static void expect_pushed(void)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(BYTES_MAX);

    cr_assert_str_eq(get_tag(NAME, "v1"), text_of(&manifest_digest), "%s",
                     where());
    cr_assert_eq(manifest_get(&store, NAME, &manifest_digest, &bytes, &err), 0,
                 "%s: %s", where(), err.text);
    cr_assert_str_eq(buf_text(&bytes), manifest);
    expect_stored(&config_digest, config);
    expect_stored(&layer_digest, layer);
}

static bool push(void)
{
    if (!push_config() || !push_layer())
        return false;
    route_turn_to(&manifest_route);
    ASK("PUT", V2 "/manifests/v1", .body = span_of(manifest));
    return succeeds(201);
}

static void expect_push_or_none(bool succeeded)
{
    if (succeeded || get_tag(NAME, "v1")[0] != '\0')
        expect_pushed();
}

/* --- all plans --- */

struct swept {
    void (*prepare)(void); /* may be NULL */
    bool (*run)(void);     /* whether all its answers were of success */
    void (*expect)(bool succeeded);
    bool (*again)(void); /* what a client does after a failure; NULL = run */
};

static bool sweep_one(const struct swept *swept)
{
    bool reached, succeeded;

    if (swept->prepare != NULL)
        swept->prepare();
    driver_fault_plan(fault, &plan);
    succeeded = swept->run();
    reached = driver_fault_calls(fault) >= plan.call;
    cr_assert(reached || succeeded, "%s", where());
    plan.kind = DRIVER_FAULT_NONE;
    driver_fault_plan(fault, &plan);
    swept->expect(succeeded);
    if (!succeeded)
        cr_assert(swept->again != NULL ? swept->again() : swept->run(), "%s",
                  where());
    swept->expect(true);
    return reached;
}

/* In a store of its own each time. */
static void sweep(const struct swept *swept)
{
    static const struct driver_fault_plan plans[] = {
        {.kind = DRIVER_FAULT_FAIL, .code = ERR_IO},
        {.kind = DRIVER_FAULT_FAIL, .code = ERR_NO_SPACE},
        {.kind = DRIVER_FAULT_FAIL, .code = ERR_READ_ONLY},
        {.kind = DRIVER_FAULT_FAIL, .code = ERR_BUSY},
        {.kind = DRIVER_FAULT_FAIL_AFTER, .code = ERR_IO},
        {.kind = DRIVER_FAULT_SHORT, .code = ERR_NO_SPACE},
        {.kind = DRIVER_FAULT_DEAD, .code = ERR_IO},
    };

    for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
        uint64_t n = 0;
        bool reached;

        do {
            teardown();
            setup();
            plan = plans[i];
            plan.call = ++n;
            reached = sweep_one(swept);
        } while (reached);
        cr_assert(n > 1, "no call was swept");
    }
}

Test(faults, a_push_is_durable_or_refused)
{
    plan_push();
    sweep(&(struct swept){.run = push, .expect = expect_push_or_none});
}

/* --- one request on an image --- */

static void have_image(void)
{
    image = push_image(NAME);
    set_tag(NAME, "v1", &image.digest);
    spare = push_blob(NAME, SPAN("spare"));
}

static void expect_image(bool succeeded)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(BYTES_MAX);

    (void)succeeded;
    cr_assert_str_eq(get_tag(NAME, "v1"), text_of(&image.digest));
    cr_assert_eq(manifest_get(&store, NAME, &image.digest, &bytes, &err), 0);
    cr_assert_str_eq(buf_text(&bytes), image.json);
    expect_stored(&image.config, "config");
    expect_stored(&image.layer, "layer");
}

/* A body that broke off shows as that; what came whole is right. */
static bool gets(const struct route *route, const char *target,
                 const char *body)
{
    route_turn_to(route);
    ASK("GET", target, .may_break = true);
    if (answer.is_broken)
        return false;
    if (!succeeds(200))
        return false;
    cr_assert(span_equals(answer.body, span_of(body)), "%s: %.*s", where(),
              SPAN_ARGS(answer.body));
    return true;
}

static bool pull(void)
{
    return gets(&manifest_route, V2 "/manifests/v1", image.json) &&
           gets(&manifest_route,
                text(V2 "/manifests/%s", text_of(&image.digest)), image.json) &&
           gets(&blob_route, text(V2 "/blobs/%s", text_of(&image.config)),
                "config") &&
           gets(&blob_route, text(V2 "/blobs/%s", text_of(&image.layer)),
                "layer");
}

Test(faults, a_pull_is_right_or_refused)
{
    sweep(&(struct swept){
        .prepare = have_image, .run = pull, .expect = expect_image});
}

static bool find_layer(void)
{
    bool found;

    route_turn_to(&blob_route);
    ASK("HEAD", text(V2 "/blobs/%s", text_of(&image.layer)));
    is_head = true;
    found = succeeds(200);
    is_head = false;
    return found;
}

static bool look(void)
{
    return find_layer() &&
           gets(&tags_route, V2 "/tags/list",
                "{\"name\":\"" NAME "\",\"tags\":[\"v1\"]}\n") &&
           gets(&catalog_route, "/v2/_catalog",
                "{\"repositories\":[\"" NAME "\"]}\n");
}

Test(faults, lists_are_complete_or_refused)
{
    sweep(&(struct swept){
        .prepare = have_image, .run = look, .expect = expect_image});
}

static bool mount(void)
{
    route_turn_to(&upload_route);
    ASK("POST",
        text("/v2/b/blobs/uploads/?mount=%s&from=" NAME, text_of(&spare)));
    return succeeds(201);
}

static void expect_mounted(bool succeeded)
{
    struct blob blob;

    expect_image(true);
    if (succeeded)
        cr_assert_eq(blob_find(&store, "b", &spare, &blob, &err), 0, "%s",
                     err.text);
}

Test(faults, a_mount_is_there_or_refused)
{
    sweep(&(struct swept){
        .prepare = have_image, .run = mount, .expect = expect_mounted});
}

/* --- deletions: a repeated one may find its work done --- */

static bool deletes(const struct route *route, const char *target)
{
    route_turn_to(route);
    ASK("DELETE", target);
    return succeeds(202);
}

static bool is_gone(const struct route *route, const char *target)
{
    route_turn_to(route);
    ASK("DELETE", target);
    return answer.status == 202 || answer.status == 404;
}

static const char *by_digest(void)
{
    return text(V2 "/manifests/%s", text_of(&image.digest));
}

static bool delete_manifest(void)
{
    return deletes(&manifest_route, by_digest());
}

static bool delete_manifest_again(void)
{
    return is_gone(&manifest_route, by_digest());
}

static void expect_no_manifest(bool succeeded)
{
    struct err error = {0};
    bool there = manifest_check(&store, NAME, &image.digest, &error) == 0;

    cr_assert(!there || !succeeded, "%s", where());
    cr_assert(there || get_tag(NAME, "v1")[0] == '\0', "%s", where());
}

Test(faults, a_deleted_manifest_leaves_no_tag)
{
    sweep(&(struct swept){.prepare = have_image,
                          .run = delete_manifest,
                          .expect = expect_no_manifest,
                          .again = delete_manifest_again});
}

static bool delete_tag(void)
{
    return deletes(&manifest_route, V2 "/manifests/v1");
}

static bool delete_tag_again(void)
{
    return is_gone(&manifest_route, V2 "/manifests/v1");
}

static void expect_no_tag(bool succeeded)
{
    struct err error = {0};

    cr_assert(!succeeded || get_tag(NAME, "v1")[0] == '\0', "%s", where());
    cr_assert_eq(manifest_check(&store, NAME, &image.digest, &error), 0);
}

Test(faults, a_deleted_tag_is_gone)
{
    sweep(&(struct swept){.prepare = have_image,
                          .run = delete_tag,
                          .expect = expect_no_tag,
                          .again = delete_tag_again});
}

static const char *spare_target(void)
{
    return text(V2 "/blobs/%s", text_of(&spare));
}

static bool delete_blob(void)
{
    return deletes(&blob_route, spare_target());
}

static bool delete_blob_again(void)
{
    return is_gone(&blob_route, spare_target());
}

static void expect_no_blob(bool succeeded)
{
    struct err error = {0};
    struct blob blob;

    expect_image(true);
    cr_assert(!succeeded ||
              (blob_find(&store, NAME, &spare, &blob, &error) < 0 &&
               error.code == ERR_BLOB_UNKNOWN));
}

Test(faults, a_deleted_blob_is_gone)
{
    sweep(&(struct swept){.prepare = have_image,
                          .run = delete_blob,
                          .expect = expect_no_blob,
                          .again = delete_blob_again});
}

/* --- referrers --- */

static struct digest signature;

static void have_signature(void)
{
    have_image();
    signature = push_manifest(
        NAME, text("{\"schemaVersion\":2,\"mediaType\":\"application/"
                   "vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":"
                   "\"a/b\",\"digest\":\"%s\",\"size\":6},\"layers\":[],"
                   "\"subject\":{\"mediaType\":\"a/b\",\"digest\":\"%s\","
                   "\"size\":1}}",
                   text_of(&image.config), text_of(&image.digest)));
}

static bool list_referrers(void)
{
    route_turn_to(&referrers_route);
    ASK("GET", text(V2 "/referrers/%s", text_of(&image.digest)));
    if (!succeeds(200))
        return false;
    cr_assert(strstr(text("%.*s", SPAN_ARGS(answer.body)),
                     text_of(&signature)) != NULL,
              "%s", where());
    return true;
}

Test(faults, referrers_are_complete_or_refused)
{
    sweep(&(struct swept){.prepare = have_signature,
                          .run = list_referrers,
                          .expect = expect_image});
}
