/* SPDX-License-Identifier: MIT */
#include "store/sweep_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "driver/driver_mem.h"
#include "driver/fs_fixture.h"
#include "oci/manifest.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/syscalls.h"
#include "store/tag.h"
#include "store/upload.h"

struct world world;
struct driver_fault_plan sweep_plan;
int sweep_result, sweep_meanwhile_result;
struct err sweep_err, sweep_meanwhile_err;

bool sweep_in_memory;
struct driver *sweep_inner, *sweep_fault;
static bool is_open;
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
             sweep_in_memory ? "mem" : "fs", sweep_plan.call,
             kinds[sweep_plan.kind], err_name(sweep_plan.code),
             driver_fault_log(sweep_fault));
    return text;
}

/* --- the world --- */

static void begin_driver(void)
{
    if (sweep_in_memory) {
        sweep_inner = driver_mem_new(FIXTURE_GRACE);
    } else {
        fs_begin();
        sweep_inner = fixture.subject.driver;
    }
    sweep_fault = driver_fault_new(sweep_inner);
    store.driver = sweep_inner;
    store.rules = rules_none();
    err_clear(&err);
    is_open = true;
}

void sweep_end_world(void)
{
    is_open = false;
    driver_free(sweep_fault);
    if (sweep_in_memory)
        driver_free(sweep_inner);
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

void sweep_begin_world(void)
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
        sweep_end_world();
}

void sweep_settle(void)
{
    if (!sweep_in_memory)
        fixture.fs->settle_ns = INT64_MIN;
}

void sweep_age(const char *path)
{
    struct driver *before = store.driver;

    if (!sweep_in_memory) {
        fs_age(&fixture.subject, path, 2 * FIXTURE_GRACE);
        return;
    }
    store.driver = sweep_inner;
    object_age(path);
    store.driver = before;
}

static int age_below(void *context, const char *name, bool is_directory,
                     struct err *error)
{
    CLEANUP(buf) struct buf path = BUF_INIT(LAYOUT_PATH_MAX);

    buf_add_format(&path, "%s/%s", (const char *)context, name);
    if (is_directory)
        return driver_list(store.driver, buf_text(&path), NULL, age_below,
                           path.ptr, error);
    sweep_age(buf_text(&path));
    return 0;
}

void sweep_age_all(void)
{
    char blobs[] = LAYOUT_BLOBS, repositories[] = LAYOUT_REPOSITORIES;

    EXPECT_OK(driver_list(store.driver, blobs, NULL, age_below, blobs, &err));
    EXPECT_OK(driver_list(store.driver, repositories, NULL, age_below,
                          repositories, &err));
}

void sweep_age_revisions(void)
{
    struct layout_path revisions = layout_revisions("a", HASH_SHA256);

    if (!sweep_in_memory)
        fs_age(&fixture.subject, revisions.text, 2 * FIXTURE_GRACE);
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
    driver_fault_plan(sweep_fault, &sweep_plan);
    store.driver = sweep_fault;
    if (system_plan.call > 0)
        syscalls_begin(&system_plan);
    sweep_result = sweep->run(&sweep_err);
    system_calls = syscalls_end();
    store.driver = sweep_inner;
    /* As it was in a success (err.h), and the sweep_fault's in a failure. */
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

    sweep_begin_world();
    if (sweep->prepare != NULL)
        sweep->prepare();
    run_under_plan(sweep);
    reached = system_plan.call > 0
                  ? system_calls >= system_plan.call
                  : driver_fault_calls(sweep_fault) >= sweep_plan.call;
    EXPECT(reached || sweep_result == 0);
    if (!sweep_in_memory)
        store.driver = another = fs_another();
    check(sweep);
    driver_free(another);
    store.driver = sweep_inner;
    sweep_end_world();
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
    sweep_in_memory = true;
    sweep_plans(sweep, sweep->plans != NULL ? sweep->plans : all_plans);
    if (sweep->plans != NULL)
        return;
    sweep_in_memory = false;
    sweep_plans(sweep, fs_plans);
    sweep_system_calls(sweep);
}
