/* SPDX-License-Identifier: MIT */
/* Purging while the storage fails, and while clients go on. */
#include <string.h>

#include "base/clock.h"
#include "store/layout.h"
#include "store/litter.h"
#include "store/sweep.h"
#include "store/upload.h"
#include "store/upload_purge.h"

TestSuite(fault_purge, .init = sweep_begin, .fini = sweep_end);

static int64_t cutoff_ns(void)
{
    return clock_now_ns() - 3600 * CLOCK_NS_PER_SECOND;
}

/* --- uploads --- */

static void age_upload(void)
{
    struct layout_path started = layout_upload_started("a", world.uuid);

    EXPECT_OK(driver_put(store.driver, started.text,
                         SPAN("2020-01-01T00:00:00Z"), DRIVER_RELAXED, &err));
    sweep_age(started.text);
    sweep_age(layout_upload_data("a", world.uuid).text);
}

static int purge(struct err *error)
{
    struct upload_purge how = {.cutoff_ns = cutoff_ns()};
    struct upload_purged purged = {0};

    return upload_purge(&store, "a", &how, &purged, error);
}

static void expect_purged(void)
{
    struct layout_path path = layout_upload("a", world.uuid);

    /* One that seems to be held open stays for the next purge. */
    if (sweep_plan.code == ERR_BUSY && size_of_upload() == 3)
        return;
    EXPECT(!object_exists(path.text));
}

static void expect_purged_or_not(void)
{
    EXPECT(size_of_upload() == 3 || size_of_upload() == -1);
}

Test(fault_purge, uploads)
{
    sweep(&(struct sweep){.prepare = age_upload,
                          .run = purge,
                          .expect = expect_purged,
                          .touches = TOUCHES_UPLOAD,
                          .expect_after_failure = expect_purged_or_not});
}

/* What somebody goes on with is never purged. */
Test(fault_purge, young_uploads)
{
    sweep(&(struct sweep){.run = purge});
}

static int send_chunk(struct err *error)
{
    return send_to_upload(SPAN("def"), error);
}

static void expect_chunk(int sent, const struct err *error, int purged)
{
    EXPECT(purged == 0);
    if (sent == 0)
        EXPECT(size_of_upload() == 6);
    else
        EXPECT(error->code == ERR_BLOB_UPLOAD_UNKNOWN ||
               error->code == ERR_UPLOAD_BUSY);
}

static void expect_chunk_of_run(void)
{
    expect_chunk(sweep_result, &sweep_err, sweep_meanwhile_result);
}

static void expect_chunk_of_meanwhile(void)
{
    expect_chunk(sweep_meanwhile_result, &sweep_meanwhile_err, sweep_result);
}

/* A client comes back at the last moment: its chunk counts or is refused. */
Test(fault_purge, a_purge_and_a_chunk)
{
    interleave(&(struct interleaving){.prepare = age_upload,
                                      .run = send_chunk,
                                      .meanwhile = purge,
                                      .expect = expect_chunk_of_run,
                                      .touches = TOUCHES_UPLOAD});
    interleave(&(struct interleaving){.prepare = age_upload,
                                      .run = purge,
                                      .meanwhile = send_chunk,
                                      .expect = expect_chunk_of_meanwhile,
                                      .touches = TOUCHES_UPLOAD});
}

/* --- what registry:2 leaves --- */

#define LITTER                                                                 \
    "repositories/a/_manifests/link.00000000-0000-4000-8000-000000000000.tmp"

static void leave_litter(void)
{
    EXPECT_OK(
        driver_put(store.driver, LITTER, SPAN("x"), DRIVER_RELAXED, &err));
    sweep_age(LITTER);
}

static int purge_litter(struct err *error)
{
    struct driver_swept swept = {0};

    return litter_purge(&store, cutoff_ns(), false, &swept, error);
}

static void expect_no_litter(void)
{
    EXPECT(!object_exists(LITTER));
}

Test(fault_purge, litter)
{
    sweep(&(struct sweep){.prepare = leave_litter,
                          .run = purge_litter,
                          .expect = expect_no_litter});
}
