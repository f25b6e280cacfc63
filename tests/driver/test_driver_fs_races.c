/* SPDX-License-Identifier: MIT */
/*
 * Requests against the collector, in every order of their steps; and holders
 * of locks that are killed or stopped.
 *
 * Two actors run in threads of their own, over drivers of their own, and stop
 * at each step the hook tells of. One of them at a time is let go on. Which
 * one is a choice; all sequences of choices are tried, depth first.
 */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/fs_fixture.h"

TestSuite(driver_fs_races, .init = fs_begin, .fini = fs_end);

#define DATA "blobs/ab/abcd/data"
#define UPLOAD "r/_uploads/1/data"

static int64_t cutoff_now(void)
{
    return clock_now_ns() - SUITE_GRACE_NS - SUITE_GRACE_NS / 4;
}

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

static int retire_data(struct driver *driver, struct err *err)
{
    return driver_retire(driver, "run", DATA, cutoff_now(), err);
}

static void given_old_data(void)
{
    struct err ignored = {0};

    driver_purge(fixture.subject.driver, "run", &ignored);
    OK(driver_put(fixture.subject.driver, DATA, SPAN("old"), DRIVER_RELAXED,
                  &err));
    fs_age(&fixture.subject, DATA, 2 * SUITE_GRACE_SECONDS);
}

/* Returns how many orders there are. */
static int try_all_orders(const struct meeting *meeting)
{
    struct choices choices = {0};
    int runs = 0;

    do {
        struct actor pair[2];
        int64_t begin = clock_now_ns();

        given_old_data();
        if (meeting->prepare != NULL)
            meeting->prepare();
        actor_begin(&pair[0], meeting->request);
        actor_begin(&pair[1], retire_data);
        run_pair(pair, &choices);
        actor_end(&pair[0]);
        actor_end(&pair[1]);
        meeting->check(&pair[0], &pair[1], begin);
        runs++;
    } while (next_run(&choices));
    return runs;
}

/* --- protect against retire --- */

static int protect_data(struct driver *driver, struct err *err)
{
    const char *path = DATA;
    size_t missing;

    return driver_protect(driver, &path, 1, &missing, err);
}

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
        expect_text(driver, DATA, "old");
        expect_fresh(driver, DATA, begin);
    } else {
        cr_assert(protect->err.code == ERR_NOT_FOUND);
        cr_assert(retire->result == 0);
        outcomes[2]++;
        expect_missing(driver, DATA);
        OK(driver_restore(driver, "run", DATA, &err));
    }
}

Test(driver_fs_races, protect_against_retire_in_every_order)
{
    static const struct meeting meeting = {protect_data, NULL, check_protect};
    int runs = try_all_orders(&meeting);

    cr_assert(runs >= 20, "only %d orders", runs);
    cr_assert(outcomes[0] > 0 && outcomes[1] > 0 && outcomes[2] > 0);
}

/* --- a new object against retire --- */

static int put_data(struct driver *driver, struct err *err)
{
    return driver_put(driver, DATA, SPAN("new"), DRIVER_DURABLE, err);
}

static void check_new(const struct actor *request, const struct actor *retire,
                      int64_t begin)
{
    struct driver *driver = fixture.subject.driver;

    cr_assert(request->result == 0, "%s", request->err.text);
    cr_assert(retire->result == 0 || retire->err.code == ERR_EXISTS ||
              retire->err.code == ERR_BUSY);
    outcomes[retire->result == 0 ? 2 : retire->err.code == ERR_BUSY]++;
    expect_text(driver, DATA, "new");
    expect_fresh(driver, DATA, begin);
}

Test(driver_fs_races, put_against_retire_in_every_order)
{
    static const struct meeting meeting = {put_data, NULL, check_new};
    int runs = try_all_orders(&meeting);

    cr_assert(runs >= 20, "only %d orders", runs);
    cr_assert(outcomes[0] > 0 && outcomes[1] > 0 && outcomes[2] > 0);
}

static void prepare_upload(void)
{
    struct writer *writer =
        open_writer(fixture.subject.driver, UPLOAD, DRIVER_UPLOAD_CREATE);

    OK(writer_append(writer, SPAN("new"), &err));
    OK(writer_suspend(writer, &err));
}

static int commit_data(struct driver *driver, struct err *err)
{
    struct writer *writer;

    if (driver_open_upload(driver, UPLOAD, DRIVER_UPLOAD_RESUME, 0, &writer,
                           err) < 0)
        return -1;
    return writer_commit(writer, DATA, err);
}

Test(driver_fs_races, commit_against_retire_in_every_order)
{
    static const struct meeting meeting = {commit_data, prepare_upload,
                                           check_new};
    int runs = try_all_orders(&meeting);

    cr_assert(runs >= 20, "only %d orders", runs);
    cr_assert(outcomes[0] > 0 && outcomes[1] > 0 && outcomes[2] > 0);
}

/* --- locks that are held --- */

static int holder_pipe[2];

/* Tells the parent that the lock is held, and keeps it until killed. */
static int hold_on(void *context, enum fs_step step)
{
    (void)context;
    if (step != FS_STEP_LOCKED)
        return 0;
    (void)!write(holder_pipe[1], "x", 1);
    for (;;)
        pause();
}

static pid_t start_holder(int (*act)(struct driver *, struct err *))
{
    char byte;
    pid_t child;

    cr_assert(pipe(holder_pipe) == 0);
    child = fs_fork();
    if (child == 0) {
        struct err err = {0};

        fs_of(fixture.subject.driver)->hook = hold_on;
        act(fixture.subject.driver, &err);
        _exit(1);
    }
    cr_assert(read(holder_pipe[0], &byte, 1) == 1);
    return child;
}

static void kill_holder(pid_t child)
{
    int status;

    cr_assert(kill(child, SIGKILL) == 0);
    cr_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
}

Test(driver_fs_races, a_killed_collector_leaves_no_lock)
{
    struct driver *driver = fixture.subject.driver;
    pid_t child;
    struct err failure = {0};

    given_old_data();
    child = start_holder(retire_data);
    fixture.fs->lock_wait_ms = 20;
    cr_assert(protect_data(driver, &failure) < 0 && failure.code == ERR_BUSY);
    cr_assert(put_data(driver, &failure) < 0 && failure.code == ERR_BUSY);
    fs_expect_no_leftovers();
    prepare_upload();
    cr_assert(commit_data(driver, &failure) < 0 && failure.code == ERR_BUSY);
    cr_assert(retire_data(driver, &failure) < 0 && failure.code == ERR_BUSY);

    kill_holder(child);
    fixture.fs->lock_wait_ms = 0;
    OK(protect_data(driver, &err));
    OK(put_data(driver, &err));
    OK(commit_data(driver, &err));
}

Test(driver_fs_races, a_killed_request_leaves_no_lock)
{
    struct driver *driver = fixture.subject.driver;
    struct err failure = {0};
    pid_t child;

    given_old_data();
    child = start_holder(protect_data);
    cr_assert(retire_data(driver, &failure) < 0 && failure.code == ERR_BUSY);
    OK(protect_data(driver, &err));
    kill_holder(child);
    fs_age(&fixture.subject, DATA, 2 * SUITE_GRACE_SECONDS);
    OK(retire_data(driver, &err));
}

Test(driver_fs_races, young_leases_need_no_lock)
{
    pid_t child;

    given_old_data();
    child = start_holder(retire_data);
    fixture.fs->lock_wait_ms = 0;
    fs_age(&fixture.subject, DATA, -2 * SUITE_GRACE_SECONDS);
    OK(protect_data(fixture.subject.driver, &err));
    kill_holder(child);
}

static int hold_upload(struct driver *driver, struct err *err)
{
    struct writer *writer;

    if (driver_open_upload(driver, UPLOAD, DRIVER_UPLOAD_RESUME, 0, &writer,
                           err) < 0 ||
        writer_append(writer, SPAN("more"), err) < 0)
        return -1;
    return hold_on(NULL, FS_STEP_LOCKED);
}

Test(driver_fs_races, a_killed_writer_leaves_an_upload_to_resume)
{
    struct driver *driver = fixture.subject.driver;
    struct writer *writer;
    pid_t child;

    prepare_upload();
    child = start_holder(hold_upload);
    FAILS(ERR_BUSY, driver_open_upload(driver, UPLOAD, DRIVER_UPLOAD_RESUME, 0,
                                       &writer, &err));
    kill_holder(child);
    writer = open_writer(driver, UPLOAD, DRIVER_UPLOAD_RESUME);
    cr_assert(writer->size == 7);
    OK(writer_commit(writer, DATA, &err));
    expect_text(driver, DATA, "newmore");
}

/* --- a collector stopped at the terminal --- */

static int stop_when_locked(void *context, enum fs_step step)
{
    (void)context;
    if (step == FS_STEP_LOCKED)
        raise(SIGTSTP);
    return 0;
}

/*
 * In a process group of its own whose parent is in another group of the same
 * session, a child is not orphaned, so SIGTSTP does stop it.
 */
static void retire_and_be_stopped(void)
{
    struct err err = {0};

    signal(SIGTSTP, SIG_DFL);
    setpgid(0, 0);
    fs_of(fixture.subject.driver)->hook = stop_when_locked;
    _exit(retire_data(fixture.subject.driver, &err) == 0 ? 0 : 1);
}

Test(driver_fs_races, a_stopped_collector_holds_no_lock)
{
    struct driver *driver = fixture.subject.driver;
    int status;
    pid_t child;

    given_old_data();
    child = fs_fork();
    if (child == 0)
        retire_and_be_stopped();
    cr_assert(waitpid(child, &status, WUNTRACED) == child);
    cr_assert(WIFSTOPPED(status), "was not stopped");
    fixture.fs->lock_wait_ms = 0;
    OK(put_data(driver, &err));
    given_old_data();
    OK(protect_data(driver, &err));
    cr_assert(kill(child, SIGCONT) == 0);
    cr_assert(waitpid(child, &status, 0) == child);
    cr_assert(WIFEXITED(status));
}
