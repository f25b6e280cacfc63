/* SPDX-License-Identifier: MIT */
/* The index of referrers while the storage fails. */
#include <string.h>

#include "store/referrers.h"
#include "store/sweep.h"

TestSuite(fault_referrers, .init = sweep_begin, .fini = sweep_end);

static bool has_listed;

static int list(struct err *error)
{
    static const struct referrers_query all = {.artifact_type = {"", 0}};
    CLEANUP(buf) struct buf into = BUF_INIT(64 * 1024);
    struct referrers_page page;

    has_listed = false;
    if (referrers_list(&store, "a", &world.image, &all, &into, &page, error) <
        0)
        return -1;
    has_listed = strstr(buf_text(&into), text_of(&world.signature)) != NULL;
    return 0;
}

static void expect_listed(void)
{
    EXPECT(has_listed);
}

Test(fault_referrers, list)
{
    sweep(&(struct sweep){
        .prepare = sweep_age_revisions, .run = list, .expect = expect_listed});
}

static void remove_index(void)
{
    char path[] = "repositories/a/_berth";

    EXPECT_OK(driver_remove(store.driver, path, DRIVER_DURABLE, &err));
    sweep_age_revisions();
}

/*
 * An index that cannot be built now is served as far as it goes. What counts
 * is that the next query builds it: see expect_kept.
 */
Test(fault_referrers, rebuild)
{
    sweep(&(struct sweep){.prepare = remove_index, .run = list});
}
