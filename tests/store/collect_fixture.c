/* SPDX-License-Identifier: MIT */
#include "store/collect_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/fixture.h"
#include "store/layout.h"

struct collect_options options;
struct collect_result result;

static char told[4096]; /* what was taken, and complaints */

static const char *const kinds[] = {"blob",  "layer",   "manifest",
                                    "entry", "uploads", "directory"};

static void note_item(void *context, const struct collect_item *item)
{
    size_t len = strlen(told);

    (void)context;
    snprintf(told + len, sizeof(told) - len, "%s %s;", kinds[item->kind],
             item->repository != NULL ? item->repository : "-");
    cr_assert_gt(strlen(item->reason), 5);
}

static void note_complaint(void *context, const char *where,
                           const struct err *error)
{
    size_t len = strlen(told);

    (void)context;
    (void)error;
    snprintf(told + len, sizeof(told) - len, "bad %s;", where);
}

const char *collect_now(void)
{
    told[0] = '\0';
    options.grace = FIXTURE_GRACE;
    options.watcher.take = note_item;
    options.watcher.complain = note_complaint;
    cr_assert_eq(collect(&store, &options, &result, &err), 0, "%s", err.text);
    return told;
}

static int age_below(void *context, const char *name, bool is_directory,
                     struct err *error)
{
    char path[LAYOUT_PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", (const char *)context, name);
    if (is_directory)
        return driver_list(store.driver, path, NULL, age_below, path, error);
    object_age(path);
    return 0;
}

void age_all(void)
{
    static const char *const tops[] = {LAYOUT_BLOBS, LAYOUT_REPOSITORIES};

    for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
        char top[LAYOUT_PATH_MAX];

        snprintf(top, sizeof(top), "%s", tops[i]);
        if (object_exists(top))
            cr_assert_eq(
                driver_list(store.driver, top, NULL, age_below, top, &err), 0);
        err_clear(&err);
    }
}

bool has_blob(const struct digest *digest)
{
    return object_exists(layout_blob(digest).text);
}

bool has_layer(const char *name, const struct digest *digest)
{
    return object_exists(layout_layer_link(name, digest).text);
}

void put_text(const char *path, const char *text)
{
    cr_assert_eq(
        driver_put(store.driver, path, span_of(text), DRIVER_DURABLE, &err), 0,
        "%s", err.text);
}

void remove_at(const char *path)
{
    cr_assert_eq(driver_remove(store.driver, path, DRIVER_DURABLE, &err), 0);
}
