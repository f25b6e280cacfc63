/* SPDX-License-Identifier: MIT */
/* Pushes under a quota while the storage fails. */
#include <stdlib.h>
#include <string.h>

#include "store/blob.h"
#include "store/manifest_store.h"
#include "store/quota.h"
#include "store/quota_look.h"
#include "store/rules.h"
#include "store/sweep.h"
#include "store/upload.h"

static struct rules *rules;

static void setup(void)
{
    sweep_begin();
    cr_assert_eq(rules_parse(SPAN("[*]\nquota = 1M\n"), "rules", &rules, &err),
                 0, "%s", err.text);
}

static void teardown(void)
{
    sweep_end();
    rules_free(rules);
}

TestSuite(fault_quota, .init = setup, .fini = teardown);

/* Somebody has counted what is there. */
static void count(void)
{
    struct quota quota;

    store.rules = rules;
    EXPECT(quota_find(&store, "a", &quota));
    EXPECT_OK(quota_recount(&store, &quota, &err));
}

/* Whatever has failed, nothing is there that was not counted. */
static void expect_counted(void)
{
    struct quota_look look = {&store, "*"};
    struct quota_state state;
    struct quota quota;
    uint64_t there;

    store.rules = rules;
    EXPECT(quota_find(&store, "a", &quota));
    EXPECT_OK(quota_read(&store, &quota, &state, &err));
    EXPECT_OK(quota_look(&look, &there, &err));
    EXPECT(!state.is_known || state.bytes >= there);
    EXPECT_OK(quota_recount(&store, &quota, &err));
    EXPECT_OK(quota_read(&store, &quota, &state, &err));
    EXPECT(state.bytes == there);
}

static int push(struct err *error)
{
    CLEANUP(upload) struct upload *upload = NULL;
    char uuid[UUID_LENGTH + 1];
    struct digest digest;
    struct body body;
    uint64_t received;

    store.rules = rules;
    body_init(&body, SPAN("a new blob"));
    digest_of_bytes(HASH_SHA256, SPAN("a new blob"), &digest);
    if (upload_start(&store, "a", HASH_SHA256, uuid, error) < 0 ||
        upload_open(&store, "a", uuid, &upload, error) < 0 ||
        upload_receive(upload, &body.reader, &received, error) < 0)
        return -1;
    return upload_commit(upload_take(&upload), &digest, error);
}

Test(fault_quota, push)
{
    sweep(&(struct sweep){.prepare = count,
                          .run = push,
                          .expect = expect_counted,
                          .expect_after_failure = expect_counted});
}

/* The first push under a quota counts what is there. */
Test(fault_quota, first_push)
{
    sweep(&(struct sweep){.run = push,
                          .expect = expect_counted,
                          .expect_after_failure = expect_counted});
}

static int mount(struct err *error)
{
    store.rules = rules;
    return blob_mount(&store, "b", "a", &world.spare, error);
}

Test(fault_quota, mount)
{
    sweep(&(struct sweep){.prepare = count,
                          .run = mount,
                          .expect = expect_counted,
                          .expect_after_failure = expect_counted});
}

static int put(struct err *error)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct span bytes = span_of(world.index_json);

    store.rules = rules;
    if (manifest_parse(bytes, SPAN(""), &manifest, error) < 0)
        return -1;
    return manifest_put(&store, "a", &world.index, manifest, bytes, error);
}

Test(fault_quota, put)
{
    sweep(&(struct sweep){.prepare = count,
                          .run = put,
                          .expect = expect_counted,
                          .touches = TOUCHES_INDEX,
                          .expect_after_failure = expect_counted});
}
