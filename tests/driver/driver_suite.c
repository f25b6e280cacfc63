/* SPDX-License-Identifier: MIT */
#include "driver/driver_suite.h"

/* File systems take their time from a clock that ticks every few ms. */
#define TICK_NS 20000000

void given(struct driver *driver, const char *path, const char *text)
{
    OK(driver_put(driver, path, span_of(text), DRIVER_DURABLE, &err));
}

void expect_text(struct driver *driver, const char *path, const char *text)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(1 << 20);

    OK(driver_get(driver, path, &bytes, NULL, &err));
    cr_assert(span_equals(buf_span(&bytes), span_of(text)), "%s: '%s'", path,
              buf_text(&bytes));
}

void expect_missing(struct driver *driver, const char *path)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(1 << 20);
    struct driver_stat st;

    FAILS(ERR_NOT_FOUND, driver_get(driver, path, &bytes, NULL, &err));
    FAILS(ERR_NOT_FOUND, driver_stat(driver, path, &st, &err));
}

int64_t mtime_of(struct driver *driver, const char *path)
{
    struct driver_stat st;

    OK(driver_stat(driver, path, &st, &err));
    return st.mtime_ns;
}

void expect_fresh(struct driver *driver, const char *path, int64_t since_ns)
{
    int64_t mtime_ns = mtime_of(driver, path);

    cr_assert(mtime_ns >= since_ns - TICK_NS, "%s: %lld ns too old", path,
              (long long)(since_ns - mtime_ns));
    cr_assert(mtime_ns <= clock_now_ns() + TICK_NS, "%s: in the future", path);
}

struct writer *open_writer(struct driver *driver, const char *path,
                           enum driver_upload_mode mode)
{
    struct writer *writer = NULL;

    OK(driver_open_upload(driver, path, mode, 0, &writer, &err));
    return writer;
}
