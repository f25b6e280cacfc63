/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "store/catalog.h"
#include "store/litter.h"
#include "store/upload_purge.h"
#include "tree.h"

/* A temporary file that is younger may be in use, whatever the age asked. */
#define LITTER_AGE_MIN 3600

struct words {
    const char *file; /* of the settings; NULL = the usual one */
    bool has_age;
    uint64_t age; /* seconds */
    bool dry_run;
    bool deep;
};

struct purge {
    struct store store;
    struct upload_purge how;
    struct upload_purged uploads;
    struct driver_swept litter;
    bool failed;
};

static int parse_words(char **words, struct words *out)
{
    const char *age = NULL;

    while (*words != NULL) {
        if (!command_value(&words, "-c", &out->file) &&
            !command_value(&words, "--older-than", &age) &&
            !command_flag(&words, "--dry-run", &out->dry_run) &&
            !command_flag(&words, "--deep", &out->deep))
            return -1;
    }
    if (age == NULL)
        return 0;
    out->has_age = true;
    if (num_parse_duration(span_of(age), &out->age) < 0 || out->age == 0 ||
        out->age > SETTINGS_AGE_MAX)
        return -1;
    return 0;
}

static void complain(struct purge *purge, const struct err *err)
{
    (void)command_failed(err);
    purge->failed = true;
}

static int purge_repository(void *context, const char *name, struct err *err)
{
    struct purge *purge = context;
    struct upload_purged purged = {0};
    struct err failure = {0};

    (void)err;
    if (upload_purge(&purge->store, name, &purge->how, &purged, &failure) < 0)
        complain(purge, &failure);
    if (purged.count > 0)
        printf("%s: uploads: %" PRIu64 ", bytes: %" PRIu64 "\n", name,
               purged.count, purged.bytes);
    purge->uploads.count += purged.count;
    purge->uploads.bytes += purged.bytes;
    return 0;
}

static void purge_litter(struct purge *purge, uint64_t age, bool deep)
{
    int64_t seconds = (int64_t)(age > LITTER_AGE_MIN ? age : LITTER_AGE_MIN);
    int64_t cutoff_ns = clock_now_ns() - seconds * CLOCK_NS_PER_SECOND;
    struct err err = {0};

    if (driver_sweep(purge->store.driver, cutoff_ns, purge->how.dry_run,
                     &purge->litter, &err) < 0)
        complain(purge, &err);
    err_clear(&err);
    if (deep && litter_purge(&purge->store, cutoff_ns, purge->how.dry_run,
                             &purge->litter, &err) < 0)
        complain(purge, &err);
}

static void purge_all(struct purge *purge, uint64_t age, bool deep)
{
    struct err err = {0};

    purge->how.cutoff_ns = clock_now_ns() - (int64_t)age * CLOCK_NS_PER_SECOND;
    if (catalog_walk(&purge->store, purge_repository, purge, &err) < 0)
        complain(purge, &err);
    purge_litter(purge, age, deep);
    printf("%s uploads: %" PRIu64 ", bytes: %" PRIu64
           "; files of killed programs: %" PRIu64 ", bytes: %" PRIu64 "\n",
           purge->how.dry_run ? "to remove:" : "removed:", purge->uploads.count,
           purge->uploads.bytes, purge->litter.count, purge->litter.bytes);
}

int command_purge(char **argv)
{
    CLEANUP(tree) struct tree tree = {0};
    struct words words = {0};
    struct purge purge = {0};
    struct settings settings;
    struct err err = {0};

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    if (settings_load(words.file, &settings, &err) < 0)
        return command_failed(&err);
    if (!words.has_age)
        words.age = settings.upload_age;
    if (words.age == 0) {
        puts("upload_age = 0: nothing grows old");
        return EXIT_SUCCESS;
    }
    if (tree_open_at(&settings, &tree, &err) < 0)
        return command_no_tree(&err);
    purge.store = tree.store;
    purge.how.dry_run = words.dry_run;
    purge_all(&purge, words.age, words.deep);
    return purge.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
