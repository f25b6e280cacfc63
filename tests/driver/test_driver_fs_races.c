/* SPDX-License-Identifier: MIT */
/*
 * Requests against the collector, in every order of their steps.
 *
 * Two actors run in threads of their own, over drivers of their own, and stop
 * at each step the hook tells of. One of them at a time is let go on. Which
 * one is a choice; all sequences of choices are tried, depth first.
 */
#include <pthread.h>
#include <semaphore.h>

#include "driver/fs_fixture.h"

TestSuite(driver_fs_races, .init = fs_begin, .fini = fs_end);

/* --- actors --- */

struct actor {
    int (*act)(struct driver *driver, struct err *err);
    struct driver *driver;
    pthread_t thread;
    sem_t go, stopped;
    bool is_waiting; /* for the lock the other one holds */
    bool is_done;
    int result;
    struct err err;
};

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0)
        ;
}

static int stop_at_step(void *context, enum fs_step step)
{
    struct actor *actor = context;

    if (step == FS_STEP_SYNC)
        return 0;
    actor->is_waiting = step == FS_STEP_LOCK_WAIT;
    sem_post(&actor->stopped);
    wait_for(&actor->go);
    return 0;
}

static void *play(void *context)
{
    struct actor *actor = context;

    wait_for(&actor->go);
    actor->result = actor->act(actor->driver, &actor->err);
    actor->is_done = true;
    sem_post(&actor->stopped);
    return NULL;
}

static void actor_begin(struct actor *actor,
                        int (*act)(struct driver *, struct err *))
{
    *actor = (struct actor){.act = act, .driver = fs_another()};
    fs_of(actor->driver)->hook = stop_at_step;
    fs_of(actor->driver)->hook_context = actor;
    sem_init(&actor->go, 0, 0);
    sem_init(&actor->stopped, 0, 0);
    cr_assert(!pthread_create(&actor->thread, NULL, play, actor));
}

static void actor_end(struct actor *actor)
{
    pthread_join(actor->thread, NULL);
    sem_destroy(&actor->go);
    sem_destroy(&actor->stopped);
    driver_free(actor->driver);
}

/* --- choices --- */

#define CHOICES_MAX 64

struct choices {
    int which[CHOICES_MAX];
    size_t made, count; /* in this run; known from the one before */
};

/* The next choice of this run: as planned, and else 0. */
static int choose(struct choices *choices)
{
    cr_assert(choices->made < CHOICES_MAX);
    if (choices->made == choices->count)
        choices->which[choices->count++] = 0;
    return choices->which[choices->made++];
}

/* Plans the next run; false when all have been made. */
static bool next_run(struct choices *choices)
{
    choices->count = choices->made;
    while (choices->count > 0 && choices->which[choices->count - 1] == 1)
        choices->count--;
    if (choices->count == 0)
        return false;
    choices->which[choices->count - 1] = 1;
    choices->made = 0;
    return true;
}

/* One who waits for the other's lock cannot go on before the other has. */
static struct actor *next_actor(struct actor pair[2], struct choices *choices)
{
    for (int i = 0; i < 2; i++)
        if (pair[i].is_done || (pair[i].is_waiting && !pair[1 - i].is_done))
            return &pair[1 - i];
    return &pair[choose(choices)];
}

static void run_pair(struct actor pair[2], struct choices *choices)
{
    while (!pair[0].is_done || !pair[1].is_done) {
        struct actor *actor = next_actor(pair, choices);

        pair[0].is_waiting = pair[1].is_waiting = false;
        sem_post(&actor->go);
        wait_for(&actor->stopped);
    }
}

struct meeting {
    int (*request)(struct driver *driver, struct err *err);
    void (*prepare)(void);
    void (*check)(const struct actor *request, const struct actor *retire,
                  int64_t begin);
};

/* Returns how many orders there are. */
static int try_all_orders(const struct meeting *meeting)
{
    struct choices choices = {0};
    int runs = 0;

    do {
        struct actor pair[2];
        int64_t begin = clock_now_ns();

        fs_given_old_data();
        if (meeting->prepare != NULL)
            meeting->prepare();
        actor_begin(&pair[0], meeting->request);
        actor_begin(&pair[1], fs_retire_data);
        run_pair(pair, &choices);
        actor_end(&pair[0]);
        actor_end(&pair[1]);
        meeting->check(&pair[0], &pair[1], begin);
        runs++;
    } while (next_run(&choices));
    return runs;
}

/* --- protect against retire --- */

static int outcomes[3]; /* kept young, kept by the lock, taken */

static void check_protect(const struct actor *protect,
                          const struct actor *retire, int64_t begin)
{
    struct driver *driver = fixture.subject.driver;

    if (protect->result == 0) {
        cr_assert(retire->result < 0);
        cr_assert(retire->err.code == ERR_EXISTS ||
                  retire->err.code == ERR_BUSY);
        outcomes[retire->err.code == ERR_BUSY]++;
        expect_text(driver, FS_DATA, "old");
        expect_fresh(driver, FS_DATA, begin);
    } else {
        cr_assert(protect->err.code == ERR_NOT_FOUND);
        cr_assert(retire->result == 0);
        outcomes[2]++;
        expect_missing(driver, FS_DATA);
        OK(driver_restore(driver, "run", FS_DATA, &err));
    }
}

Test(driver_fs_races, protect_against_retire_in_every_order)
{
    static const struct meeting meeting = {fs_protect_data, NULL,
                                           check_protect};
    int runs = try_all_orders(&meeting);

    cr_assert(runs >= 20, "only %d orders", runs);
    cr_assert(outcomes[0] > 0 && outcomes[1] > 0 && outcomes[2] > 0);
}

/* --- a new object against retire --- */

static void check_new(const struct actor *request, const struct actor *retire,
                      int64_t begin)
{
    struct driver *driver = fixture.subject.driver;

    cr_assert(request->result == 0, "%s", request->err.text);
    cr_assert(retire->result == 0 || retire->err.code == ERR_EXISTS ||
              retire->err.code == ERR_BUSY);
    outcomes[retire->result == 0 ? 2 : retire->err.code == ERR_BUSY]++;
    expect_text(driver, FS_DATA, "new");
    expect_fresh(driver, FS_DATA, begin);
}

Test(driver_fs_races, put_against_retire_in_every_order)
{
    static const struct meeting meeting = {fs_put_data, NULL, check_new};
    int runs = try_all_orders(&meeting);

    cr_assert(runs >= 20, "only %d orders", runs);
    cr_assert(outcomes[0] > 0 && outcomes[1] > 0 && outcomes[2] > 0);
}

Test(driver_fs_races, commit_against_retire_in_every_order)
{
    static const struct meeting meeting = {fs_commit_data, fs_given_upload,
                                           check_new};
    int runs = try_all_orders(&meeting);

    cr_assert(runs >= 20, "only %d orders", runs);
    cr_assert(outcomes[0] > 0 && outcomes[1] > 0 && outcomes[2] > 0);
}
