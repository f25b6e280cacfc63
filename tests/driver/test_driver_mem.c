/* SPDX-License-Identifier: MIT */
#include "driver/driver_mem.h"
#include "driver/driver_suite.h"

static struct subject subject;

static void age(struct subject *self, const char *path, int64_t seconds)
{
    OK(driver_mem_age(self->driver, path, -seconds, &err));
}

static void begin(void)
{
    subject.driver = driver_mem_new(SUITE_GRACE_SECONDS);
    subject.age = age;
}

static void end(void)
{
    driver_free(subject.driver);
}

#define RUN(name)                                                              \
    Test(driver_mem, name, .init = begin, .fini = end)                         \
    {                                                                          \
        suite_##name(&subject);                                                \
    }
DRIVER_SUITE(RUN)

Test(driver_mem, age_moves_the_mtime, .init = begin, .fini = end)
{
    int64_t before;

    given(subject.driver, "a", "x");
    before = mtime_of(subject.driver, "a");
    OK(driver_mem_age(subject.driver, "a", -5, &err));
    cr_assert(mtime_of(subject.driver, "a") ==
              before - 5 * CLOCK_NS_PER_SECOND);
    FAILS(ERR_NOT_FOUND, driver_mem_age(subject.driver, "b", -5, &err));
}
