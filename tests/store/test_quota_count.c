/* SPDX-License-Identifier: MIT */
/*
 * The number against a tree of two places, in which bytes are written, moved
 * and removed. A recount looks at one place after the other, so all that can
 * happen happens before it, in its three pauses, or after it; whatever is
 * done when, the number is never smaller than what is there.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "driver/driver_mem.h"
#include "driver/fs_fixture.h"
#include "store/quota_count.h"

#define RECORD "_berth/quota/x"
#define START 100 /* bytes in each place at first */

enum when {
    BEFORE,
    PAUSE,
    BETWEEN,
    LOOKED,
    AFTER,
    WHEN_COUNT
};

/* --- what happens --- */

enum step {
    TAKE_ADDED,
    TAKE_MOVED,
    ARRIVE,     /* in the first place */
    LEAVE,      /* it */
    APPEAR,     /* in the second */
    APPEAR_TOO, /* what stays in the first, and counts once */
    LEAVE_ONE,  /* the first, while it stays in the second */
    VANISH,     /* from the second */
    LET_GO,
};

/* Something a request does, in this order. */
struct act {
    const char *name;
    enum step steps[4];
    int count;
    uint64_t bytes;
};

static const struct act acts[] = {
    {"append", {TAKE_ADDED, ARRIVE, LET_GO}, 3, 7},
    {"commit", {TAKE_MOVED, LEAVE, APPEAR, LET_GO}, 4, 11},
    {"mount", {TAKE_ADDED, APPEAR, LET_GO}, 3, 13},
    {"mount what is there", {TAKE_MOVED, APPEAR_TOO, LET_GO, LEAVE_ONE}, 4, 17},
    {"roll back", {TAKE_ADDED, ARRIVE, LEAVE, LET_GO}, 4, 19},
    {"delete", {VANISH}, 1, 23},
};

struct act_run {
    const struct act *act;
    enum when when[4]; /* of each step */
    struct record *held;
    bool has_appeared, has_left, was_seen; /* of APPEAR_TOO */
};

struct world {
    struct quota_count count;
    uint64_t uploads, links; /* the two places */
    uint64_t twice;          /* what is in both, and counts once */
    struct act_run *runs;
    int run_count;
    enum err_code fails; /* what look ends with */
};

static struct quota_state state_of(const struct world *world)
{
    struct quota_state state;

    OK(quota_count_read(&world->count, &state, &err));
    return state;
}

static struct record *take(const struct world *world, uint64_t added,
                           uint64_t moved)
{
    struct quota_need need = {added, moved, UINT64_MAX};
    struct quota_state state;
    struct record *held = NULL;
    bool fits;

    OK(quota_count_take(&world->count, &need, &held, &state, &fits, &err));
    cr_assert(fits);
    return held;
}

static void let_go(struct record **held)
{
    record_cleanup(held);
    *held = NULL;
}

static void do_step(struct world *world, struct act_run *run, enum step step)
{
    switch (step) {
    case TAKE_ADDED:
        run->held = take(world, run->act->bytes, 0);
        break;
    case TAKE_MOVED:
        run->held = take(world, 0, run->act->bytes);
        break;
    case ARRIVE:
        world->uploads += run->act->bytes;
        break;
    case LEAVE:
        world->uploads -= run->act->bytes;
        break;
    case APPEAR:
        world->links += run->act->bytes;
        break;
    case APPEAR_TOO:
        world->links += run->act->bytes;
        world->twice += run->act->bytes;
        run->has_appeared = true;
        break;
    case LEAVE_ONE:
        world->uploads -= run->act->bytes;
        world->twice -= run->act->bytes;
        run->has_left = true;
        break;
    case VANISH:
        world->links -= run->act->bytes;
        break;
    case LET_GO:
        let_go(&run->held);
        break;
    }
}

static uint64_t there(const struct world *world)
{
    return world->uploads + world->links - world->twice;
}

static void expect_enough(const struct world *world, enum when when)
{
    struct quota_state state = state_of(world);

    if (state.bytes >= there(world))
        return;
    for (int i = 0; i < world->run_count; i++) {
        const struct act_run *run = &world->runs[i];

        fprintf(stderr, "%s at", run->act->name);
        for (int j = 0; j < run->act->count; j++)
            fprintf(stderr, " %d", (int)run->when[j]);
        fprintf(stderr, "\n");
    }
    cr_assert_fail("at %d: %llu counted, %llu there", (int)when,
                   (unsigned long long)state.bytes,
                   (unsigned long long)there(world));
}

static void reach(struct world *world, enum when when)
{
    for (int i = 0; i < world->run_count; i++)
        for (int j = 0; j < world->runs[i].act->count; j++)
            if (world->runs[i].when[j] == when) {
                do_step(world, &world->runs[i], world->runs[i].act->steps[j]);
                expect_enough(world, when);
            }
}

/* --- the recount --- */

/* Who sees something in the first place knows it again in the second. */
static bool is_in_first(const struct act_run *run)
{
    return run->act->steps[1] == APPEAR_TOO && !run->has_left;
}

static uint64_t look_at_links(const struct world *world)
{
    uint64_t bytes = world->links;

    for (int i = 0; i < world->run_count; i++)
        if (world->runs[i].was_seen && world->runs[i].has_appeared)
            bytes -= world->runs[i].act->bytes;
    return bytes;
}

static int look(void *context, uint64_t *bytes, struct err *err)
{
    struct world *world = context;

    reach(world, PAUSE);
    *bytes = world->uploads;
    for (int i = 0; i < world->run_count; i++)
        world->runs[i].was_seen = is_in_first(&world->runs[i]);
    reach(world, BETWEEN);
    *bytes += look_at_links(world);
    reach(world, LOOKED);
    return world->fails == ERR_NONE ? 0 : err_set(err, world->fails, "killed");
}

static int recount(struct world *world, struct err *err)
{
    struct quota_recount how = {
        .look = look, .context = world, .seen = UINT64_MAX};

    return quota_count_recount(&world->count, &how, err);
}

static void begin(struct world *world, struct driver *driver)
{
    *world = (struct world){
        .count = {driver, RECORD}, .uploads = START, .links = START};
    (void)!driver_remove(driver, RECORD, DRIVER_RELAXED, &(struct err){0});
    OK(recount(world, &err));
    cr_assert_eq(state_of(world).bytes, 2 * START);
}

/* What a failed recount has not reached happens all the same. */
static void go_on(struct world *world, int result)
{
    static const enum when pauses[] = {PAUSE, BETWEEN, LOOKED};

    for (size_t i = 0; result < 0 && i < ARRAY_SIZE(pauses); i++)
        reach(world, pauses[i]);
    reach(world, AFTER);
}

static void run_world(struct driver *driver, struct act_run *runs, int count)
{
    struct world world;
    struct err err = {0};
    bool is_held = false;
    int result;

    begin(&world, driver);
    world.runs = runs;
    world.run_count = count;
    for (int i = 0; i < count; i++)
        runs[i].has_appeared = runs[i].has_left = false;
    reach(&world, BEFORE);
    for (int i = 0; i < count; i++)
        is_held = is_held || runs[i].held != NULL;
    result = recount(&world, &err);
    cr_assert_eq(result, is_held ? -1 : 0, "%s", err.text);
    cr_assert_eq(err.code, is_held ? ERR_BUSY : ERR_NONE, "%s", err.text);
    go_on(&world, result);
    expect_enough(&world, AFTER);
    world.run_count = 0;
    OK(recount(&world, &err));
    cr_assert_eq(state_of(&world).bytes, there(&world));
}

/* The next of all ways to put the steps of an act in time; false at the end. */
static bool next_times(struct act_run *run)
{
    int i = run->act->count - 1;

    while (i >= 0 && run->when[i] == AFTER)
        i--;
    if (i < 0)
        return false;
    run->when[i]++;
    for (int j = i + 1; j < run->act->count; j++)
        run->when[j] = run->when[i];
    return true;
}

static struct driver *memory;

static void setup(void)
{
    memory = driver_mem_new(1);
}

static void teardown(void)
{
    driver_free(memory);
}

TestSuite(quota_count, .init = setup, .fini = teardown);

static int run_pair(struct driver *driver, const struct act *a,
                    const struct act *b)
{
    struct act_run runs[2] = {{.act = a}};
    int worlds = 0;

    do {
        runs[1] = (struct act_run){.act = b};
        do {
            run_world(driver, runs, 2);
            worlds++;
        } while (next_times(&runs[1]));
    } while (next_times(&runs[0]));
    return worlds;
}

Test(quota_count, nothing_is_missed_in_any_order_of_two)
{
    int worlds = 0;

    for (size_t a = 0; a < ARRAY_SIZE(acts); a++)
        for (size_t b = a; b < ARRAY_SIZE(acts); b++)
            worlds += run_pair(memory, &acts[a], &acts[b]);
    cr_assert(worlds > 40000, "%d", worlds);
}

Test(quota_count, nothing_is_missed_in_any_order_in_files, .init = fs_begin,
     .fini = fs_end)
{
    for (size_t a = 0; a < ARRAY_SIZE(acts); a++) {
        struct act_run run = {.act = &acts[a]};

        do {
            run_world(fixture.subject.driver, &run, 1);
        } while (next_times(&run));
    }
}

/* --- recounts that end early --- */

static void fail_recount(struct world *world, enum err_code code)
{
    world->fails = code;
    FAILS(code, recount(world, &err));
    world->fails = ERR_NONE;
}

Test(quota_count, a_failed_recount_changes_nothing_but_caution)
{
    struct world world;
    struct record *held;

    begin(&world, memory);
    fail_recount(&world, ERR_IO);
    cr_expect_eq(state_of(&world).bytes, 2 * START);
    cr_expect_eq(state_of(&world).recounts, 1);
    /* Nobody knows whether somebody still looks. */
    held = take(&world, 0, 5);
    cr_expect_eq(state_of(&world).bytes, 2 * START + 5);
    let_go(&held);
    OK(recount(&world, &err));
    cr_expect_eq(state_of(&world).bytes, 2 * START);
    held = take(&world, 0, 5);
    cr_expect_eq(state_of(&world).bytes, 2 * START);
    let_go(&held);
}

Test(quota_count, who_came_before_a_failed_recount_is_waited_for)
{
    struct world world;
    struct record *held;

    begin(&world, memory);
    held = take(&world, 5, 0);
    FAILS(ERR_BUSY, recount(&world, &err));
    FAILS(ERR_BUSY, recount(&world, &err));
    FAILS(ERR_BUSY, recount(&world, &err));
    world.uploads += 5;
    let_go(&held);
    OK(recount(&world, &err));
    cr_expect_eq(state_of(&world).bytes, 2 * START + 5);
}

static int look_at_lost(void *context, uint64_t *bytes, struct err *failure)
{
    struct world *world = context;
    CLEANUP(record) struct record *record = NULL;

    (void)failure;
    OK(driver_open_record(memory, RECORD, &record, &err));
    OK(record_write(record, SPAN("some bytes of somebody else"), &err));
    *bytes = world->uploads;
    return 0;
}

Test(quota_count, a_record_that_is_lost_meanwhile_is_not_trusted)
{
    struct world world;
    struct quota_recount how = {
        .look = look_at_lost, .context = &world, .seen = UINT64_MAX};

    begin(&world, memory);
    FAILS(ERR_BUSY, quota_count_recount(&world.count, &how, &err));
    cr_expect_not(state_of(&world).is_known);
    OK(recount(&world, &err));
    cr_expect_eq(state_of(&world).bytes, 2 * START);
}

static void write_garbage(struct driver *driver, size_t at, char with)
{
    CLEANUP(record) struct record *record = NULL;
    char bytes[RECORD_BYTES_MAX];

    OK(driver_open_record(driver, RECORD, &record, &err));
    OK(record_read(record, bytes, sizeof(bytes), &err));
    bytes[at] = (char)(bytes[at] ^ with);
    OK(record_write(record, (struct span){bytes, sizeof(bytes)}, &err));
}

Test(quota_count, a_record_with_any_byte_changed_says_nothing)
{
    for (size_t i = 0; i < 56; i++) {
        struct quota_need need = {1, 0, UINT64_MAX};
        struct quota_state state;
        struct record *held = NULL;
        struct world world;
        bool fits = true;

        begin(&world, memory);
        write_garbage(memory, i, 0x10);
        OK(quota_count_take(&world.count, &need, &held, &state, &fits, &err));
        cr_assert(!fits && !state.is_known && held == NULL, "byte %zu", i);
        OK(recount(&world, &err));
        cr_assert_eq(state_of(&world).bytes, 2 * START);
    }
}

/* --- the limit --- */

Test(quota_count, the_limit_is_met_exactly)
{
    struct world world;
    struct quota_need need = {.added = 10, .limit = 2 * START + 10};
    struct quota_state state;
    struct record *held = NULL;
    bool fits;

    begin(&world, memory);
    OK(quota_count_take(&world.count, &need, &held, &state, &fits, &err));
    cr_assert(fits);
    let_go(&held);
    need.added = 1;
    OK(quota_count_take(&world.count, &need, &held, &state, &fits, &err));
    cr_assert_not(fits);
    cr_expect_eq(state.bytes, 2 * START + 10);
    need.added = UINT64_MAX;
    OK(quota_count_take(&world.count, &need, &held, &state, &fits, &err));
    cr_assert_not(fits);
    /* What is there may move, whatever the limit has become. */
    need = (struct quota_need){.moved = START, .limit = 1};
    OK(quota_count_take(&world.count, &need, &held, &state, &fits, &err));
    cr_assert(fits);
    let_go(&held);
}

/* --- when there is a recount --- */

static int count_looks(void *context, uint64_t *bytes, struct err *err)
{
    (void)err;
    *bytes = 1;
    ++*(int *)context;
    return 0;
}

Test(quota_count, one_recount_is_enough_for_all_who_wait)
{
    int looks = 0;
    struct quota_count count = {memory, RECORD};
    struct quota_recount how = {.look = count_looks,
                                .context = &looks,
                                .patience_ms = 60000,
                                .seen = 0};

    OK(quota_count_recount(&count, &how, &err));
    cr_expect_eq(looks, 1);
    OK(quota_count_recount(&count, &how, &err));
    cr_expect_eq(looks, 1);
    how.seen = 1;
    OK(quota_count_recount(&count, &how, &err));
    cr_expect_eq(looks, 2);
}

static int look_for_long(void *context, uint64_t *bytes, struct err *err)
{
    clock_sleep_ms(30);
    return count_looks(context, bytes, err);
}

Test(quota_count, a_long_recount_is_not_repeated_at_once)
{
    int looks = 0;
    struct quota_count count = {memory, RECORD};
    struct quota_recount how = {
        .look = look_for_long, .context = &looks, .seen = 0};

    OK(quota_count_recount(&count, &how, &err));
    how.seen = 1;
    OK(quota_count_recount(&count, &how, &err));
    cr_expect_eq(looks, 1);
    how.patience_ms = 60000;
    OK(quota_count_recount(&count, &how, &err));
    cr_expect_eq(looks, 2);
    how.seen = UINT64_MAX;
    OK(quota_count_recount(&count, &how, &err));
    cr_expect_eq(looks, 3);
}
