/* SPDX-License-Identifier: MIT */
/*
 * The route programs over a storage that fails to order.
 *
 * tests/fault/<route> is fcgi/<route> with this file in it, whose
 * store_open_driver wins over the one in the archive: the driver of the tree,
 * wrapped into driver_fault.h. A plan comes from outside while they run.
 *
 *     BERTH_FAULT=FILE    in the environment of the programs. Without it they
 *                         are what fcgi/<route> is.
 *     FILE                the plan, one line, read anew at each call:
 *
 *         N fail CODE         call N fails, and nothing has happened
 *         N fail-after CODE   call N takes effect, and fails
 *         N short CODE        call N is half done (see driver_fault.h)
 *         N delay MS          call N begins so many milliseconds later
 *         N die               the process is killed before call N
 *         N dead CODE         call N and all after it fail
 *
 *                         CODE is io, no-space, read-only or busy; io when
 *                         left out. No file, or an empty one: nothing
 *                         happens. Put a new plan by rename(2), so that none
 *                         is read half-written. A line that is none of these
 *                         ends the program that reads it (status 3).
 *     FILE.count          the number of calls so far, of all processes of all
 *                         routes that have the same FILE: a uint64_t of this
 *                         machine's byte order. It is made with 0 when it is
 *                         not there. To count from 1 again, write 8 zero bytes
 *                         over it; do not truncate or replace it, for it is
 *                         mapped into the programs.
 *     FILE.log            a line for each time a plan struck, appended:
 *                         "N what PID", such as
 *                         "17 put repositories/a/_layers/.../link 4711".
 *                         Removing it is fine.
 *
 * So the Nth call of a whole pool is struck: write the plan away, the counter
 * to zero, the plan back, and send the requests. A plan whose N was never
 * reached has left no line in the log.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/num.h"
#include "driver/driver_fault.h"
#include "driver/driver_fs.h"
#include "store/layout.h"
#include "store/store.h"

#define PLAN_BYTES_MAX 256
#define DELAY_MS_MAX (3600 * 1000)

static const char *plan_file, *log_file;
static _Atomic uint64_t *calls;
static struct driver *struck; /* lives as long as the program */

/* --- the plan --- */

static const char *const kinds[] = {
    [DRIVER_FAULT_NONE] = "none",
    [DRIVER_FAULT_FAIL] = "fail",
    [DRIVER_FAULT_FAIL_AFTER] = "fail-after",
    [DRIVER_FAULT_SHORT] = "short",
    [DRIVER_FAULT_DELAY] = "delay",
    [DRIVER_FAULT_DIE] = "die",
    [DRIVER_FAULT_DEAD] = "dead",
};
_Static_assert(ARRAY_SIZE(kinds) == DRIVER_FAULT_LAST + 1, "one name a kind");

static bool parse_kind(struct span text, enum driver_fault_kind *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (span_equals(text, span_of(kinds[i]))) {
            *out = (enum driver_fault_kind)i;
            return true;
        }
    }
    return false;
}

static bool parse_code(struct span text, enum err_code *out)
{
    static const enum err_code codes[] = {ERR_IO, ERR_NO_SPACE, ERR_READ_ONLY,
                                          ERR_BUSY};

    *out = ERR_IO;
    if (text.len == 0)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        if (span_equals(text, span_of(err_name(codes[i])))) {
            *out = codes[i];
            return true;
        }
    }
    return false;
}

static bool parse_delay(struct span text, int64_t *out)
{
    uint64_t milliseconds;

    if (num_parse(text, DELAY_MS_MAX, &milliseconds) < 0)
        return false;
    *out = (int64_t)milliseconds;
    return true;
}

static bool parse_plan(struct span line, struct driver_fault_plan *plan)
{
    struct span number = span_cut(&line, ' ');
    struct span kind = span_cut(&line, ' ');

    if (num_parse(number, UINT64_MAX, &plan->call) < 0 || plan->call == 0 ||
        !parse_kind(kind, &plan->kind))
        return false;
    return plan->kind == DRIVER_FAULT_DELAY ? parse_delay(line, &plan->delay_ms)
                                            : parse_code(line, &plan->code);
}

static void read_plan(struct driver_fault_plan *plan)
{
    CLEANUP(fd) int fd = open(plan_file, O_RDONLY | O_CLOEXEC);
    char text[PLAN_BYTES_MAX];
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text)) : 0;
    struct span rest = {text, len > 0 ? (size_t)len : 0};
    struct span line = span_cut(&rest, '\n');

    *plan = (struct driver_fault_plan){0};
    if (line.len == 0 || parse_plan(line, plan))
        return;
    log_message(LOG_PRIORITY_ERROR, "%s: '%.*s' is no plan", plan_file,
                SPAN_ARGS(line));
    _exit(3);
}

/* --- the calls --- */

static void note(uint64_t number, const char *what)
{
    CLEANUP(fd)
    int fd = open(log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

    if (fd >= 0)
        dprintf(fd, "%" PRIu64 " %s %d\n", number, what, (int)getpid());
}

static uint64_t ask(void *context, const char *what,
                    struct driver_fault_plan *plan)
{
    uint64_t number = ++*calls;

    (void)context;
    read_plan(plan);
    if (plan->call == number ||
        (plan->kind == DRIVER_FAULT_DEAD && number > plan->call))
        note(number, what);
    return number;
}

/* --- the driver --- */

static char *beside_plan(const char *suffix)
{
    char *path = NULL;

    if (asprintf(&path, "%s%s", plan_file, suffix) < 0)
        abort();
    return path;
}

static int map_counter(const char *path, struct err *err)
{
    CLEANUP(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    void *mapped;

    /* Zeros are added when it is shorter, which two may do at once. */
    if (fd < 0 || ftruncate(fd, sizeof(*calls)) < 0)
        return err_set_errno(err, errno, "%s", path);
    mapped =
        mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        return err_set_errno(err, errno, "map %s", path);
    calls = mapped;
    return 0;
}

int store_open_driver(const struct settings *settings, struct driver **out,
                      struct err *err)
{
    struct driver_fs_options options = {
        .root = settings->root,
        .below = LAYOUT_ROOT,
        .grace_seconds = settings->grace,
    };
    char *count_file;
    int result;

    plan_file = getenv("BERTH_FAULT");
    if (plan_file == NULL)
        return driver_fs_new(&options, out, err);
    log_file = beside_plan(".log");
    count_file = beside_plan(".count");
    result = map_counter(count_file, err);
    free(count_file);
    if (result < 0 || driver_fs_new(&options, &struck, err) < 0)
        return -1;
    *out = driver_fault_new(struck);
    driver_fault_follow(*out, ask, NULL);
    return 0;
}
