/* SPDX-License-Identifier: MIT */
#include "store/sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "driver/driver_mem.h"
#include "driver/fs_fixture.h"
#include "oci/manifest.h"
#include "store/blob.h"
#include "store/catalog.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/referrers.h"
#include "store/syscalls.h"
#include "store/tag.h"
#include "store/upload.h"

#define CALLS_MAX 10000
#define BYTES_MAX (16 * 1024 * 1024)

struct world world;
struct driver_fault_plan sweep_plan;
int sweep_result, sweep_meanwhile_result;
struct err sweep_err, sweep_meanwhile_err;

static bool in_memory, is_open;
static struct driver *inner, *fault;
static struct syscalls_plan system_plan; /* instead, when its call is not 0 */
static uint64_t system_calls;

const char *sweep_where(void)
{
    static const char *const kinds[] = {"none",  "fail", "fail-after", "short",
                                        "delay", "die",  "dead"};
    static char text[16 * 1024];

    if (system_plan.call > 0) {
        snprintf(text, sizeof(text), "system call %" PRIu64 " %s errno %d:\n%s",
                 system_plan.call, system_plan.is_after ? "after" : "fails",
                 system_plan.sys_errno, syscalls_log());
        return text;
    }
    snprintf(text, sizeof(text), "driver_%s, %" PRIu64 " %s %s:\n%s",
             in_memory ? "mem" : "fs", sweep_plan.call, kinds[sweep_plan.kind],
             err_name(sweep_plan.code), driver_fault_log(fault));
    return text;
}

/* --- the world --- */

static void begin_driver(void)
{
    if (in_memory) {
        inner = driver_mem_new(FIXTURE_GRACE);
    } else {
        fs_begin();
        inner = fixture.subject.driver;
    }
    fault = driver_fault_new(inner);
    store.driver = inner;
    err_clear(&err);
    is_open = true;
}

static void end_driver(void)
{
    is_open = false;
    driver_free(fault);
    if (in_memory)
        driver_free(inner);
    else
        fs_end();
}

static void begin_upload(void)
{
    struct upload *upload;
    struct body body;
    uint64_t received;

    body_init(&body, SPAN("abc"));
    EXPECT_OK(upload_start(&store, "a", HASH_SHA256, world.uuid, &err));
    EXPECT_OK(upload_open(&store, "a", world.uuid, &upload, &err));
    EXPECT_OK(upload_receive(upload, &body.reader, &received, &err));
    EXPECT_OK(upload_suspend(upload, &err));
}

static void write_manifests(void)
{
    snprintf(world.image_json, sizeof(world.image_json), "%s",
             image_json(&world.config, &world.layer));
    world.image = push_manifest("a", world.image_json);
    snprintf(world.other_json, sizeof(world.other_json), "%s",
             image_json(&world.config, &world.config));
    world.other = push_manifest("a", world.other_json);
    snprintf(world.signature_json, sizeof(world.signature_json),
             "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"artifactType\":\"a/b\",\"config\":{\"mediaType\":\"a/c\","
             "\"digest\":\"%s\",\"size\":6},\"layers\":[],\"subject\":{"
             "\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"digest\":\"%s\",\"size\":%zu}}",
             text_of(&world.config), text_of(&world.image),
             strlen(world.image_json));
    world.signature = push_manifest("a", world.signature_json);
    snprintf(world.index_json, sizeof(world.index_json),
             "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX
             "\",\"manifests\":[{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"digest\":\"%s\",\"size\":%zu}]}",
             text_of(&world.image), strlen(world.image_json));
    digest_of_bytes(HASH_SHA256, span_of(world.index_json), &world.index);
}

static void begin_world(void)
{
    begin_driver();
    world.config = push_blob("a", SPAN("config"));
    world.layer = push_blob("a", SPAN("layer"));
    world.spare = push_blob("a", SPAN("spare"));
    push_blob("b", SPAN("config"));
    write_manifests();
    EXPECT_OK(tag_set(&store, "a", "v1", &world.image, &err));
    EXPECT_OK(tag_set(&store, "a", "latest", &world.image, &err));
    EXPECT_OK(tag_set(&store, "a", "v2", &world.other, &err));
    begin_upload();
}

/* What is asked here is no question to a disk, and a memory is quicker. */
void sweep_begin(void)
{
    static const char memory[] = "/dev/shm";

    if (access(memory, W_OK) == 0)
        setenv("TMPDIR", memory, 0);
    is_open = false;
}

void sweep_end(void)
{
    if (is_open)
        end_driver();
}

void sweep_age(const char *path)
{
    if (in_memory)
        object_age(path);
    else
        fs_age(&fixture.subject, path, 2 * FIXTURE_GRACE);
}

void sweep_age_revisions(void)
{
    struct layout_path revisions = layout_revisions("a", HASH_SHA256);

    if (!in_memory)
        fs_age(&fixture.subject, revisions.text, 2 * FIXTURE_GRACE);
}

/* --- looking --- */

void expect_blob(const char *name, const struct digest *digest)
{
    CLEANUP(reader) struct reader *reader = NULL;
    struct blob blob;
    struct hash hash;
    struct digest actual;
    char piece[4096];
    ssize_t count;

    EXPECT_OK(blob_find(&store, name, digest, &blob, &err));
    EXPECT_OK(blob_open(&store, &blob, 0, blob.size, &reader, &err));
    hash_init(&hash, digest->algorithm);
    while ((count = reader_read(reader, piece, sizeof(piece), &err)) > 0)
        hash_update(&hash, piece, (size_t)count);
    EXPECT(count == 0);
    EXPECT(hash.length == blob.size);
    digest_finish(&hash, &actual);
    EXPECT(digest_equals(&actual, digest));
}

void expect_manifest(const char *name, const struct digest *digest,
                     const char *json)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(BYTES_MAX);

    EXPECT_OK(manifest_get(&store, name, digest, &bytes, &err));
    EXPECT(span_equals(buf_span(&bytes), span_of(json)));
}

bool tag_names(const char *name, const char *tag, const struct digest *digest)
{
    struct err error = {0};
    struct digest named;

    if (tag_resolve(&store, name, tag, &named, &error) == 0)
        return digest_equals(&named, digest);
    EXPECT(error.code == ERR_MANIFEST_UNKNOWN);
    return false;
}

void expect_tag(const char *name, const char *tag, const struct digest *digest)
{
    cr_assert(tag_names(name, tag, digest), "%s: %s", sweep_where(), tag);
}

bool is_listed_referrer(const struct digest *referrer)
{
    static const struct referrers_query all = {.artifact_type = {"", 0}};
    CLEANUP(buf) struct buf list = BUF_INIT(BYTES_MAX);
    struct referrers_page page;

    EXPECT_OK(
        referrers_list(&store, "a", &world.image, &all, &list, &page, &err));
    return strstr(buf_text(&list), text_of(referrer)) != NULL;
}

/* --- soundness --- */

static int check_blobs_below(void *context, const char *name, bool is_directory,
                             struct err *error)
{
    CLEANUP(buf) struct buf path = BUF_INIT(LAYOUT_PATH_MAX);
    CLEANUP(buf) struct buf bytes = BUF_INIT(BYTES_MAX);
    struct digest digest;

    buf_add_format(&path, "%s/%s", (const char *)context, name);
    if (is_directory)
        return driver_list(store.driver, buf_text(&path), NULL,
                           check_blobs_below, path.ptr, error);
    EXPECT_OK(driver_get(store.driver, buf_text(&path), &bytes, NULL, &err));
    digest_of_bytes(strstr(buf_text(&path), "/sha512/") ? HASH_SHA512
                                                        : HASH_SHA256,
                    buf_span(&bytes), &digest);
    EXPECT(strcmp(layout_blob(&digest).text, buf_text(&path)) == 0);
    return 0;
}

static void check_references(const char *name, struct span bytes)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;

    EXPECT_OK(manifest_parse(bytes, SPAN(""), &manifest, &err));
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        CLEANUP(buf) struct buf child = BUF_INIT(BYTES_MAX);
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind == MANIFEST_CHILD)
            EXPECT_OK(manifest_get(&store, name, &reference.descriptor.digest,
                                   &child, &err));
        else if (reference.kind != MANIFEST_SUBJECT)
            expect_blob(name, &reference.descriptor.digest);
    }
}

static int check_tag(void *context, const char *tag, struct err *error)
{
    const char *name = context;
    CLEANUP(buf) struct buf bytes = BUF_INIT(BYTES_MAX);
    struct digest digest, actual;

    (void)error;
    EXPECT_OK(tag_resolve(&store, name, tag, &digest, &err));
    EXPECT_OK(manifest_get(&store, name, &digest, &bytes, &err));
    digest_of_bytes(digest.algorithm, buf_span(&bytes), &actual);
    EXPECT(digest_equals(&actual, &digest));
    check_references(name, buf_span(&bytes));
    return 0;
}

static int check_repository(void *context, const char *name, struct err *error)
{
    char copy[NAME_MAX_LENGTH + 1];

    (void)context;
    snprintf(copy, sizeof(copy), "%s", name);
    if (tag_list(&store, name, NULL, check_tag, copy, error) == 0)
        return 0;
    /* One that has only blobs. */
    EXPECT(error->code == ERR_NAME_UNKNOWN);
    err_clear(error);
    return 0;
}

void expect_sound(void)
{
    char blobs[] = LAYOUT_BLOBS;

    EXPECT_OK(
        driver_list(store.driver, blobs, NULL, check_blobs_below, blobs, &err));
    EXPECT_OK(catalog_list(&store, NULL, check_repository, NULL, &err));
}

static void expect_image(unsigned int touches)
{
    if (touches & TOUCHES_IMAGE)
        return;
    expect_manifest("a", &world.image, world.image_json);
    expect_tag("a", "latest", &world.image);
    if (!(touches & TOUCHES_V1))
        expect_tag("a", "v1", &world.image);
}

void expect_kept(unsigned int touches)
{
    uint64_t size;

    expect_blob("a", &world.config);
    expect_blob("a", &world.layer);
    expect_blob("b", &world.config);
    if (!(touches & TOUCHES_SPARE))
        expect_blob("a", &world.spare);
    expect_image(touches);
    expect_manifest("a", &world.other, world.other_json);
    expect_tag("a", "v2", &world.other);
    expect_manifest("a", &world.signature, world.signature_json);
    if (!(touches & TOUCHES_INDEX))
        EXPECT(is_listed_referrer(&world.signature));
    if (touches & TOUCHES_UPLOAD)
        return;
    EXPECT_OK(upload_status(&store, "a", world.uuid, &size, &err));
    EXPECT(size == 3);
}

/* --- the sweep --- */

static const struct sweep_plan all_plans[] = {
    {DRIVER_FAULT_FAIL, ERR_IO},        {DRIVER_FAULT_FAIL, ERR_NO_SPACE},
    {DRIVER_FAULT_FAIL, ERR_READ_ONLY}, {DRIVER_FAULT_FAIL, ERR_BUSY},
    {DRIVER_FAULT_FAIL_AFTER, ERR_IO},  {DRIVER_FAULT_FAIL_AFTER, ERR_NO_SPACE},
    {DRIVER_FAULT_SHORT, ERR_IO},       {DRIVER_FAULT_SHORT, ERR_NO_SPACE},
    {DRIVER_FAULT_DEAD, ERR_IO},        {DRIVER_FAULT_DEAD, ERR_READ_ONLY},
    {DRIVER_FAULT_NONE, ERR_NONE},
};

/*
 * What the store makes of a code does not depend on the driver; and that a
 * call fails before it did anything, its system calls see to.
 */
static const struct sweep_plan fs_plans[] = {
    {DRIVER_FAULT_FAIL_AFTER, ERR_IO},
    {DRIVER_FAULT_SHORT, ERR_NO_SPACE},
    {DRIVER_FAULT_DEAD, ERR_IO},
    {DRIVER_FAULT_NONE, ERR_NONE},
};

bool sweep_may_lose_bytes(void)
{
    return system_plan.call > 0 || sweep_plan.kind == DRIVER_FAULT_SHORT;
}

static bool is_code_of_plan(enum err_code code)
{
    if (system_plan.call > 0)
        return code ==
               (system_plan.sys_errno == ENOSPC ? ERR_NO_SPACE : ERR_IO);
    return code == sweep_plan.code ||
           (sweep_plan.kind == DRIVER_FAULT_SHORT && code == ERR_IO) ||
           (sweep_plan.code == ERR_BUSY && code == ERR_UPLOAD_BUSY);
}

static void run_under_plan(const struct sweep *sweep)
{
    err_clear(&sweep_err);
    driver_fault_plan(fault, &sweep_plan);
    store.driver = fault;
    if (system_plan.call > 0)
        syscalls_begin(&system_plan);
    sweep_result = sweep->run(&sweep_err);
    system_calls = syscalls_end();
    store.driver = inner;
    /* As it was in a success (err.h), and the fault's in a failure. */
    if (sweep_result == 0)
        EXPECT(sweep_err.code == ERR_NONE);
    else
        cr_assert(sweep_result == -1 && is_code_of_plan(sweep_err.code),
                  "%s: %s: %s", sweep_where(), err_name(sweep_err.code),
                  sweep_err.text);
}

/* Through another driver: what the first keeps to itself must not count. */
static void check(const struct sweep *sweep)
{
    int (*again)(struct err *) = sweep->again ? sweep->again : sweep->run;
    struct err error = {0};

    if (sweep_result == 0 && sweep->expect != NULL)
        sweep->expect();
    if (sweep_result < 0 && sweep->expect_after_failure != NULL)
        sweep->expect_after_failure();
    expect_kept(sweep->touches);
    expect_sound();
    if (sweep_result == 0)
        return;
    if (again(&error) < 0)
        cr_assert(sweep->over != ERR_NONE && error.code == sweep->over,
                  "%s: again: %s: %s", sweep_where(), err_name(error.code),
                  error.text);
    if (sweep->expect != NULL)
        sweep->expect();
    expect_kept(sweep->touches);
    expect_sound();
}

/* Whether the operation got as far as the call of the plan. */
static bool sweep_one(const struct sweep *sweep)
{
    struct driver *another = NULL;
    bool reached;

    begin_world();
    if (sweep->prepare != NULL)
        sweep->prepare();
    run_under_plan(sweep);
    reached = system_plan.call > 0
                  ? system_calls >= system_plan.call
                  : driver_fault_calls(fault) >= sweep_plan.call;
    EXPECT(reached || sweep_result == 0);
    if (!in_memory)
        store.driver = another = fs_another();
    check(sweep);
    driver_free(another);
    store.driver = inner;
    end_driver();
    return reached;
}

static void sweep_kind(const struct sweep *sweep, const struct sweep_plan *plan)
{
    uint64_t n = 0;

    do {
        cr_assert(++n < CALLS_MAX);
        sweep_plan = (struct driver_fault_plan){
            .call = n, .kind = plan->kind, .code = plan->code};
    } while (sweep_one(sweep));
    cr_assert(n > 1, "no call was swept");
}

static void sweep_system_calls(const struct sweep *sweep)
{
    static const struct syscalls_plan plans[] = {
        {.sys_errno = 0},
        {.sys_errno = EIO},
        {.sys_errno = EIO, .is_after = true},
    };

    sweep_plan = (struct driver_fault_plan){0};
    for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
        uint64_t n = 0;

        do {
            cr_assert(++n < CALLS_MAX);
            system_plan = plans[i];
            system_plan.call = n;
        } while (sweep_one(sweep));
        /* Some only look, and some move no bytes. */
        cr_assert(n > 1 || system_plan.is_after || system_plan.sys_errno == 0,
                  "no system call was swept");
    }
    system_plan.call = 0;
}

static void sweep_plans(const struct sweep *sweep,
                        const struct sweep_plan *plans)
{
    for (size_t i = 0; plans[i].kind != DRIVER_FAULT_NONE; i++)
        sweep_kind(sweep, &plans[i]);
}

void sweep(const struct sweep *sweep)
{
    in_memory = true;
    sweep_plans(sweep, sweep->plans != NULL ? sweep->plans : all_plans);
    if (sweep->plans != NULL)
        return;
    in_memory = false;
    sweep_plans(sweep, fs_plans);
    sweep_system_calls(sweep);
}

/* --- interleavings --- */

static struct driver_ops impatient;
static const struct driver_ops *patient;

/* The other operation cannot end before this one gives up. */
static int open_at_once(struct driver *driver, const char *path,
                        enum driver_upload_mode mode, int64_t wait_ms,
                        struct writer **out, struct err *error)
{
    (void)wait_ms;
    return patient->open_upload(driver, path, mode, 0, out, error);
}

static void run_meanwhile(void *context)
{
    const struct interleaving *interleaving = context;
    struct driver *another = in_memory ? inner : fs_another();

    patient = another->ops;
    impatient = *patient;
    impatient.open_upload = open_at_once;
    another->ops = &impatient;
    store.driver = another;
    sweep_meanwhile_result = interleaving->meanwhile(&sweep_meanwhile_err);
    store.driver = fault;
    another->ops = patient;
    if (!in_memory)
        driver_free(another);
}

static bool interleave_one(struct interleaving *interleaving, uint64_t n)
{
    bool reached;

    begin_world();
    if (interleaving->prepare != NULL)
        interleaving->prepare();
    sweep_plan = (struct driver_fault_plan){.call = n,
                                            .kind = DRIVER_FAULT_DELAY,
                                            .meanwhile = run_meanwhile,
                                            .context = interleaving};
    err_clear(&sweep_err);
    err_clear(&sweep_meanwhile_err);
    driver_fault_plan(fault, &sweep_plan);
    store.driver = fault;
    sweep_result = interleaving->run(&sweep_err);
    store.driver = inner;
    reached = driver_fault_calls(fault) >= n;
    if (reached) {
        interleaving->expect();
        expect_kept(interleaving->touches);
        expect_sound();
    }
    end_driver();
    return reached;
}

void interleave(const struct interleaving *interleaving)
{
    struct interleaving copy = *interleaving;

    for (int i = 0; i < 2; i++) {
        uint64_t n = 1;

        in_memory = i == 0;
        while (interleave_one(&copy, n))
            cr_assert(++n < CALLS_MAX);
        cr_assert(n > 1, "no call was overtaken");
    }
}
