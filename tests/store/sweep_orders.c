/* SPDX-License-Identifier: MIT */
/* Two operations that meet, in every order of their steps. */
#include <pthread.h>
#include <semaphore.h>

#include "driver/fs_fixture.h"
#include "store/sweep_internal.h"

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
    struct driver *another = sweep_in_memory ? sweep_inner : fs_another();

    patient = another->ops;
    impatient = *patient;
    impatient.open_upload = open_at_once;
    another->ops = &impatient;
    store.driver = another;
    sweep_meanwhile_result = interleaving->meanwhile(&sweep_meanwhile_err);
    store.driver = sweep_fault;
    another->ops = patient;
    if (!sweep_in_memory)
        driver_free(another);
}

static bool interleave_one(struct interleaving *interleaving, uint64_t n)
{
    bool reached;

    sweep_begin_world();
    if (interleaving->prepare != NULL)
        interleaving->prepare();
    sweep_plan = (struct driver_fault_plan){.call = n,
                                            .kind = DRIVER_FAULT_DELAY,
                                            .meanwhile = run_meanwhile,
                                            .context = interleaving};
    err_clear(&sweep_err);
    err_clear(&sweep_meanwhile_err);
    driver_fault_plan(sweep_fault, &sweep_plan);
    store.driver = sweep_fault;
    sweep_result = interleaving->run(&sweep_err);
    store.driver = sweep_inner;
    reached = driver_fault_calls(sweep_fault) >= n;
    if (reached) {
        interleaving->expect();
        expect_kept(interleaving->touches);
        expect_sound();
    }
    sweep_end_world();
    return reached;
}

uint64_t interleave(const struct interleaving *interleaving)
{
    struct interleaving copy = *interleaving;
    uint64_t cases = 0;

    for (int i = 0; i < 2; i++) {
        uint64_t n = 1;

        sweep_in_memory = i == 0;
        while (interleave_one(&copy, n))
            cr_assert(++n < CALLS_MAX);
        cr_assert(n > 1, "no call was overtaken");
        cases += n - 1;
    }
    return cases;
}

/* --- in halves --- */

/* The one that runs in a thread; both never run at once. */
static struct {
    struct interleaving *interleaving;
    struct driver *driver; /* its own, over the same tree */
    uint64_t stop_at;
    bool has_begun, is_over;
    pthread_t thread;
    sem_t go, stopped;
} half;

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0)
        ;
}

static void stop_here(void *context)
{
    (void)context;
    sem_post(&half.stopped);
    wait_for(&half.go);
}

static void *run_half(void *context)
{
    (void)context;
    wait_for(&half.go);
    sweep_meanwhile_result = half.interleaving->meanwhile(&sweep_meanwhile_err);
    half.is_over = true;
    sem_post(&half.stopped);
    return NULL;
}

/* Until it stops or ends. */
static void let_go_on(struct driver *mine)
{
    store.driver = half.driver;
    sem_post(&half.go);
    wait_for(&half.stopped);
    store.driver = mine;
}

static void begin_half(void *context)
{
    struct driver_fault_plan plan = {.call = half.stop_at,
                                     .kind = DRIVER_FAULT_DELAY,
                                     .meanwhile = stop_here};

    (void)context;
    driver_fault_plan(half.driver, &plan);
    half.has_begun = true;
    cr_assert(!pthread_create(&half.thread, NULL, run_half, NULL));
    let_go_on(sweep_fault);
}

static void end_half(void)
{
    if (!half.is_over)
        let_go_on(sweep_inner);
    pthread_join(half.thread, NULL);
}

/* Which of the two calls were reached. */
static void halve_one(struct interleaving *interleaving, uint64_t n, uint64_t m,
                      bool *first, bool *second)
{
    sweep_begin_world();
    if (interleaving->prepare != NULL)
        interleaving->prepare();
    half.interleaving = interleaving;
    half.driver = driver_fault_new(sweep_inner);
    half.stop_at = m;
    half.has_begun = half.is_over = false;
    sem_init(&half.go, 0, 0);
    sem_init(&half.stopped, 0, 0);
    sweep_plan = (struct driver_fault_plan){
        .call = n, .kind = DRIVER_FAULT_DELAY, .meanwhile = begin_half};
    err_clear(&sweep_err);
    err_clear(&sweep_meanwhile_err);
    driver_fault_plan(sweep_fault, &sweep_plan);
    store.driver = sweep_fault;
    sweep_result = interleaving->run(&sweep_err);
    store.driver = sweep_inner;
    *first = half.has_begun;
    if (*first) {
        end_half();
        interleaving->expect();
        expect_kept(interleaving->touches);
        expect_sound();
    }
    *second = *first && driver_fault_calls(half.driver) >= m;
    driver_free(half.driver);
    sweep_end_world();
}

uint64_t interleave_halves(const struct interleaving *interleaving)
{
    struct interleaving copy = *interleaving;
    bool first = true, second;
    uint64_t cases = 0;

    sweep_in_memory = true;
    for (uint64_t n = 1; first; n++) {
        second = true;
        for (uint64_t m = 2; first && second; m++) {
            halve_one(&copy, n, m, &first, &second);
            cases += first;
            cr_assert(n < CALLS_MAX && m < CALLS_MAX);
        }
    }
    cr_assert(cases > 0, "no call was overtaken");
    return cases;
}
