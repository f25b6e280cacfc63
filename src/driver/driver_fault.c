/* SPDX-License-Identifier: MIT */
#include "driver/driver_fault_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define LOG_MAX (64 * 1024)
#define WHAT_MAX 4096

/* --- the plan --- */

static struct driver_fault *fault_of(struct driver *driver)
{
    return (struct driver_fault *)driver;
}

static struct driver *inner_of(struct driver *driver)
{
    return fault_of(driver)->inner;
}

/* The number of this call, and the plan it is held against. */
static uint64_t count(struct driver_fault *fault, const char *operation,
                      const char *path, struct driver_fault_plan *plan)
{
    CLEANUP(buf) struct buf what = BUF_INIT(WHAT_MAX);
    uint64_t number;

    buf_add_format(&what, "%s %s", operation, path);
    if (fault->ask != NULL)
        return fault->ask(fault->context, buf_text(&what), plan);
    pthread_mutex_lock(&fault->mutex);
    number = ++fault->calls;
    *plan = fault->plan;
    buf_add_format(&fault->log, "%" PRIu64 " %s\n", number, buf_text(&what));
    pthread_mutex_unlock(&fault->mutex);
    return number;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

struct fault_call fault_begin(struct driver_fault *fault, const char *operation,
                              const char *path)
{
    struct driver_fault_plan plan = {0};
    struct fault_call call = {.number = count(fault, operation, path, &plan)};

    if (plan.call == 0 || call.number < plan.call ||
        (call.number > plan.call && plan.kind != DRIVER_FAULT_DEAD))
        return call;
    switch (plan.kind) {
    case DRIVER_FAULT_DELAY:
        if (plan.meanwhile != NULL)
            plan.meanwhile(plan.context);
        else
            clock_sleep_ms(plan.delay_ms);
        return call;
    case DRIVER_FAULT_DIE:
        die();
        return call;
    case DRIVER_FAULT_NONE:
    case DRIVER_FAULT_FAIL:
    case DRIVER_FAULT_FAIL_AFTER:
    case DRIVER_FAULT_SHORT:
    case DRIVER_FAULT_DEAD:
        break;
    }
    call.kind = plan.kind;
    call.code = plan.code;
    return call;
}

bool fault_comes_before(const struct fault_call *call)
{
    return call->kind == DRIVER_FAULT_FAIL ||
           call->kind == DRIVER_FAULT_SHORT || call->kind == DRIVER_FAULT_DEAD;
}

/* As a file system has them, where it has any. */
static int errno_of(enum err_code code)
{
    if (code == ERR_IO)
        return EIO;
    if (code == ERR_NO_SPACE)
        return ENOSPC;
    return code == ERR_READ_ONLY ? EROFS : 0;
}

int fault_fail(const struct fault_call *call, struct err *err)
{
    err_set(err, call->code, "call %" PRIu64 " is made to fail", call->number);
    err->sys_errno = errno_of(call->code);
    return -1;
}

int fault_end(const struct fault_call *call, int result, struct err *err)
{
    if (result == 0 && call->kind == DRIVER_FAULT_FAIL_AFTER)
        return fault_fail(call, err);
    return result;
}

/* --- looking --- */

static int fault_stat(struct driver *driver, const char *path,
                      struct driver_stat *out, struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "stat", path);
    struct driver_stat stat;

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    if (fault_end(&call, driver_stat(inner_of(driver), path, &stat, err), err) <
        0)
        return -1;
    *out = stat;
    return 0;
}

static int fault_get(struct driver *driver, const char *path, struct buf *into,
                     struct driver_stat *out, struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "get", path);
    struct driver_stat stat;
    size_t len = into->len;

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    if (fault_end(&call, driver_get(inner_of(driver), path, into, &stat, err),
                  err) < 0) {
        buf_truncate(into, len);
        return -1;
    }
    if (out != NULL)
        *out = stat;
    return 0;
}

static int count_child(void *context, const char *name, bool is_directory,
                       struct err *err)
{
    size_t *children = context;

    (void)name;
    (void)is_directory;
    (void)err;
    ++*children;
    return 0;
}

struct half {
    driver_visit *visit;
    void *context;
    size_t left;
};

static int visit_half(void *context, const char *name, bool is_directory,
                      struct err *err)
{
    struct half *half = context;

    if (half->left-- == 0)
        return 1;
    return half->visit(half->context, name, is_directory, err);
}

static int list_half(const struct fault_call *call, struct driver *inner,
                     const char *path, const char *after, driver_visit *visit,
                     void *context, struct err *err)
{
    struct half half = {visit, context, 0};

    if (driver_list(inner, path, after, count_child, &half.left, err) < 0)
        return -1;
    half.left /= 2;
    if (driver_list(inner, path, after, visit_half, &half, err) < 0)
        return -1;
    return fault_fail(call, err);
}

static int fault_list(struct driver *driver, const char *path,
                      const char *after, driver_visit *visit, void *context,
                      struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "list", path);

    if (call.kind == DRIVER_FAULT_SHORT)
        return list_half(&call, inner_of(driver), path, after, visit, context,
                         err);
    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, driver_list(inner_of(driver), path, after, visit, context, err),
        err);
}

/* --- changing --- */

static int fault_put(struct driver *driver, const char *path, struct span bytes,
                     enum driver_durability durability, struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "put", path);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, driver_put(inner_of(driver), path, bytes, durability, err), err);
}

static int fault_put_directory(struct driver *driver, const char *directory,
                               const struct driver_file *files, size_t count,
                               struct err *err)
{
    struct fault_call call =
        fault_begin(fault_of(driver), "put_directory", directory);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call,
        driver_put_directory(inner_of(driver), directory, files, count, err),
        err);
}

static int fault_make_directory(struct driver *driver, const char *path,
                                struct err *err)
{
    struct fault_call call =
        fault_begin(fault_of(driver), "make_directory", path);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(&call, driver_make_directory(inner_of(driver), path, err),
                     err);
}

static int fault_remove(struct driver *driver, const char *path,
                        enum driver_durability durability, struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "remove", path);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, driver_remove(inner_of(driver), path, durability, err), err);
}

static int fault_remove_if(struct driver *driver, const char *directory,
                           const struct driver_condition *condition,
                           struct err *err)
{
    struct fault_call call =
        fault_begin(fault_of(driver), "remove_if", directory);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, driver_remove_if(inner_of(driver), directory, condition, err),
        err);
}

static int fault_put_if(struct driver *driver, const char *path,
                        struct span bytes, const struct driver_place *place,
                        struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "put_if", path);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, driver_put_if(inner_of(driver), path, bytes, place, err), err);
}

static int fault_move_if(struct driver *driver, const char *path,
                         const char *to, const struct driver_stat *seen,
                         struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "move_if", path);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, driver_move_if(inner_of(driver), path, to, seen, err), err);
}

static int fault_remove_empty(struct driver *driver, const char *directory,
                              struct err *err)
{
    struct fault_call call =
        fault_begin(fault_of(driver), "remove_empty", directory);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, driver_remove_empty(inner_of(driver), directory, err), err);
}

static int fault_origin(struct driver *driver, const char *path,
                        struct driver_origin *out, struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "origin", path);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(&call, driver_origin(inner_of(driver), path, out, err),
                     err);
}

/* --- leases --- */

static int fault_protect(struct driver *driver, const char *const *paths,
                         size_t count, size_t *missing, struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "protect",
                                         count > 0 ? paths[0] : "nothing");

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, driver_protect(inner_of(driver), paths, count, missing, err),
        err);
}

static int fault_retire(struct driver *driver, const char *run,
                        const char *path, int64_t cutoff_ns, struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "retire", path);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, driver_retire(inner_of(driver), run, path, cutoff_ns, err), err);
}

static int fault_restore(struct driver *driver, const char *run,
                         const char *path, struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "restore", path);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(&call, driver_restore(inner_of(driver), run, path, err),
                     err);
}

static int fault_purge(struct driver *driver, const char *run,
                       struct driver_swept *purged, struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "purge", run);

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(&call, driver_purge(inner_of(driver), run, purged, err),
                     err);
}

static int fault_list_trash(struct driver *driver, const char *run,
                            driver_visit *visit, void *context, struct err *err)
{
    struct fault_call call =
        fault_begin(fault_of(driver), "list_trash", run != NULL ? run : "runs");

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, driver_list_trash(inner_of(driver), run, visit, context, err),
        err);
}

static int fault_sweep(struct driver *driver, int64_t cutoff_ns, bool dry_run,
                       struct driver_swept *swept, struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "sweep", "litter");

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    return fault_end(
        &call, driver_sweep(inner_of(driver), cutoff_ns, dry_run, swept, err),
        err);
}

static int fault_space(struct driver *driver, struct driver_space *out,
                       struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "space", "all");
    struct driver_space space;

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    if (fault_end(&call, driver_space(inner_of(driver), &space, err), err) < 0)
        return -1;
    *out = space;
    return 0;
}

static int fault_open_record(struct driver *driver, const char *path,
                             struct record **out, struct err *err)
{
    struct fault_call call = fault_begin(fault_of(driver), "open_record", path);
    CLEANUP(record) struct record *record = NULL;

    if (fault_comes_before(&call))
        return fault_fail(&call, err);
    if (fault_end(&call,
                  driver_open_record(inner_of(driver), path, &record, err),
                  err) < 0)
        return -1;
    *out = record;
    record = NULL;
    return 0;
}

/* --- new and free --- */

static void fault_free(struct driver *driver)
{
    struct driver_fault *fault = fault_of(driver);

    buf_cleanup(&fault->log);
    pthread_mutex_destroy(&fault->mutex);
    free(fault);
}

static const struct driver_ops driver_fault_ops = {
    .stat = fault_stat,
    .get = fault_get,
    .open_read = fault_open_read,
    .put = fault_put,
    .put_directory = fault_put_directory,
    .make_directory = fault_make_directory,
    .open_upload = fault_open_upload,
    .list = fault_list,
    .remove = fault_remove,
    .remove_if = fault_remove_if,
    .put_if = fault_put_if,
    .move_if = fault_move_if,
    .remove_empty = fault_remove_empty,
    .origin = fault_origin,
    .protect = fault_protect,
    .retire = fault_retire,
    .restore = fault_restore,
    .purge = fault_purge,
    .list_trash = fault_list_trash,
    .sweep = fault_sweep,
    .space = fault_space,
    .open_record = fault_open_record,
    .free = fault_free,
};

struct driver *driver_fault_new(struct driver *inner)
{
    struct driver_fault *fault = memory_new(sizeof(*fault));

    fault->base.ops = &driver_fault_ops;
    fault->inner = inner;
    fault->log = BUF_INIT(LOG_MAX);
    pthread_mutex_init(&fault->mutex, NULL);
    return &fault->base;
}

void driver_fault_plan(struct driver *driver,
                       const struct driver_fault_plan *plan)
{
    struct driver_fault *fault = fault_of(driver);

    pthread_mutex_lock(&fault->mutex);
    fault->plan = plan != NULL ? *plan : (struct driver_fault_plan){0};
    fault->calls = 0;
    buf_clear(&fault->log);
    pthread_mutex_unlock(&fault->mutex);
}

uint64_t driver_fault_calls(struct driver *driver)
{
    struct driver_fault *fault = fault_of(driver);
    uint64_t calls;

    pthread_mutex_lock(&fault->mutex);
    calls = fault->calls;
    pthread_mutex_unlock(&fault->mutex);
    return calls;
}

const char *driver_fault_log(struct driver *driver)
{
    return buf_text(&fault_of(driver)->log);
}

void driver_fault_follow(struct driver *driver, driver_fault_ask *ask,
                         void *context)
{
    fault_of(driver)->ask = ask;
    fault_of(driver)->context = context;
}
