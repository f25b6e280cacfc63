/* SPDX-License-Identifier: MIT */
/*
 * Locks whose holder is killed, stopped or simply slow.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/fs_fixture.h"

TestSuite(driver_fs_locks, .init = fs_begin, .fini = fs_end);

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

Test(driver_fs_locks, a_killed_collector_leaves_no_lock)
{
    struct driver *driver = fixture.subject.driver;
    pid_t child;
    struct err failure = {0};

    fs_given_old_data();
    child = start_holder(fs_retire_data);
    fixture.fs->lock_wait_ms = 20;
    cr_assert(fs_protect_data(driver, &failure) < 0 &&
              failure.code == ERR_BUSY);
    cr_assert(fs_put_data(driver, &failure) < 0 && failure.code == ERR_BUSY);
    fs_expect_no_leftovers();
    fs_given_upload();
    cr_assert(fs_commit_data(driver, &failure) < 0 && failure.code == ERR_BUSY);
    cr_assert(fs_retire_data(driver, &failure) < 0 && failure.code == ERR_BUSY);

    kill_holder(child);
    fixture.fs->lock_wait_ms = 0;
    OK(fs_protect_data(driver, &err));
    OK(fs_put_data(driver, &err));
    OK(fs_commit_data(driver, &err));
}

Test(driver_fs_locks, a_killed_request_leaves_no_lock)
{
    struct driver *driver = fixture.subject.driver;
    struct err failure = {0};
    pid_t child;

    fs_given_old_data();
    child = start_holder(fs_protect_data);
    cr_assert(fs_retire_data(driver, &failure) < 0 && failure.code == ERR_BUSY);
    OK(fs_protect_data(driver, &err));
    kill_holder(child);
    fs_age(&fixture.subject, FS_DATA, 2 * SUITE_GRACE_SECONDS);
    OK(fs_retire_data(driver, &err));
}

Test(driver_fs_locks, young_leases_need_no_lock)
{
    pid_t child;

    fs_given_old_data();
    child = start_holder(fs_retire_data);
    fixture.fs->lock_wait_ms = 0;
    fs_age(&fixture.subject, FS_DATA, -2 * SUITE_GRACE_SECONDS);
    OK(fs_protect_data(fixture.subject.driver, &err));
    kill_holder(child);
}

static int hold_upload(struct driver *driver, struct err *err)
{
    struct writer *writer;

    if (driver_open_upload(driver, FS_UPLOAD, DRIVER_UPLOAD_RESUME, 0, &writer,
                           err) < 0 ||
        writer_append(writer, SPAN("more"), err) < 0)
        return -1;
    return hold_on(NULL, FS_STEP_LOCKED);
}

Test(driver_fs_locks, a_killed_writer_leaves_an_upload_to_resume)
{
    struct driver *driver = fixture.subject.driver;
    struct writer *writer;
    pid_t child;

    fs_given_upload();
    child = start_holder(hold_upload);
    FAILS(ERR_BUSY, driver_open_upload(driver, FS_UPLOAD, DRIVER_UPLOAD_RESUME,
                                       0, &writer, &err));
    kill_holder(child);
    writer = open_writer(driver, FS_UPLOAD, DRIVER_UPLOAD_RESUME);
    cr_assert(writer->size == 7);
    OK(writer_commit(writer, FS_DATA, &err));
    expect_text(driver, FS_DATA, "newmore");
}

static struct writer *first_writer;

/* The first writer ends while the second waits. */
static int commit_first(void *context, enum fs_step step)
{
    (void)context;
    if (step == FS_STEP_LOCK_WAIT && first_writer != NULL) {
        struct writer *writer = first_writer;

        first_writer = NULL;
        OK(writer_append(writer, SPAN("done"), &err));
        OK(writer_commit(writer, FS_DATA, &err));
    }
    return 0;
}

static int abort_first(void *context, enum fs_step step)
{
    (void)context;
    if (step == FS_STEP_LOCK_WAIT && first_writer != NULL) {
        writer_abort(first_writer);
        first_writer = NULL;
    }
    return 0;
}

/* What the second has open is then a blob, or nothing any more. */
Test(driver_fs_locks, a_waiting_writer_does_not_get_what_was_ended)
{
    static fs_hook *const ends[] = {commit_first, abort_first};
    struct driver *another = fs_another();
    struct writer *second = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        first_writer = open_writer(fixture.subject.driver, FS_UPLOAD,
                                   DRIVER_UPLOAD_CREATE);
        fs_of(another)->hook = ends[i];
        FAILS(ERR_NOT_FOUND,
              driver_open_upload(another, FS_UPLOAD, DRIVER_UPLOAD_RESUME,
                                 60000, &second, &err));
        cr_assert(first_writer == NULL);
    }
    driver_free(another);
    expect_text(fixture.subject.driver, FS_DATA, "done");
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
    _exit(fs_retire_data(fixture.subject.driver, &err) == 0 ? 0 : 1);
}

Test(driver_fs_locks, a_stopped_collector_holds_no_lock)
{
    struct driver *driver = fixture.subject.driver;
    int status;
    pid_t child;

    fs_given_old_data();
    child = fs_fork();
    if (child == 0)
        retire_and_be_stopped();
    cr_assert(waitpid(child, &status, WUNTRACED) == child);
    cr_assert(WIFSTOPPED(status), "was not stopped");
    fixture.fs->lock_wait_ms = 0;
    OK(fs_put_data(driver, &err));
    fs_given_old_data();
    OK(fs_protect_data(driver, &err));
    cr_assert(kill(child, SIGCONT) == 0);
    cr_assert(waitpid(child, &status, 0) == child);
    cr_assert(WIFEXITED(status));
}
