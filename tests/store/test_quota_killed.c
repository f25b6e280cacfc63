/* SPDX-License-Identifier: MIT */
/* Processes that are killed wherever they stand, while others recount. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/fs_fixture.h"
#include "store/quota_count.h"

#define RECORD "_berth/quota/x"

#define CHILDREN 4
#define ROUNDS 20
#define PIECE 1000

static struct quota_count count;

static struct record *take(void)
{
    struct quota_need need = {PIECE, 0, UINT64_MAX};
    struct quota_state state;
    struct record *held = NULL;
    bool fits;

    OK(quota_count_take(&count, &need, &held, &state, &fits, &err));
    cr_assert(fits);
    return held;
}

static uint64_t counted(void)
{
    struct quota_state state;

    OK(quota_count_read(&count, &state, &err));
    return state.bytes;
}

/* A file whose size is what a child has written. */
static void write_for_ever(int number)
{
    char path[64];
    static const char piece[PIECE];
    struct writer *writer;

    snprintf(path, sizeof(path), "r/_uploads/%d/data", number);
    writer = open_writer(fixture.subject.driver, path, DRIVER_UPLOAD_RESUME);
    for (;;) {
        struct record *held = take();

        OK(writer_append(writer, (struct span){piece, PIECE}, &err));
        record_cleanup(&held);
    }
}

static uint64_t written(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < CHILDREN; i++) {
        struct driver_stat st;
        char path[64];

        snprintf(path, sizeof(path), "r/_uploads/%d/data", i);
        OK(driver_stat(fixture.subject.driver, path, &st, &err));
        sum += st.size;
    }
    return sum;
}

static int look_at_written(void *context, uint64_t *bytes, struct err *err)
{
    (void)context;
    (void)err;
    *bytes = written();
    return 0;
}

static pid_t children[CHILDREN];

static void begin(int number)
{
    children[number] = fs_fork();
    if (children[number] == 0)
        write_for_ever(number);
}

static void end(int number)
{
    kill(children[number], SIGKILL);
    cr_assert(waitpid(children[number], NULL, 0) == children[number]);
}

static void create(int number)
{
    char path[64];

    snprintf(path, sizeof(path), "r/_uploads/%d/data", number);
    OK(writer_suspend(
        open_writer(fixture.subject.driver, path, DRIVER_UPLOAD_CREATE), &err));
}

Test(quota_killed, writers_leave_no_byte_uncounted, .init = fs_begin,
     .fini = fs_end)
{
    const struct quota_recount how = {
        .look = look_at_written, .wait_ms = 60000, .seen = UINT64_MAX};

    count = (struct quota_count){fixture.subject.driver, RECORD};
    for (int i = 0; i < CHILDREN; i++)
        create(i);
    OK(quota_count_recount(&count, &how, &err));
    for (int i = 0; i < CHILDREN; i++)
        begin(i);
    for (int round = 0; round < ROUNDS; round++) {
        /* What is looked at first may grow until the number is read. */
        uint64_t there = written();

        cr_assert(counted() >= there);
        OK(quota_count_recount(&count, &how, &err));
        end(round % CHILDREN);
        begin(round % CHILDREN);
    }
    for (int i = 0; i < CHILDREN; i++)
        end(i);
    cr_assert(counted() >= written());
    OK(quota_count_recount(&count, &how, &err));
    cr_assert_eq(counted(), written());
}
