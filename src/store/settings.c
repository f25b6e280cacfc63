/* SPDX-License-Identifier: MIT */
#include "store/settings.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/file_stamp.h"
#include "base/memory.h"

#define PREFIX "BERTH_"
#define KEY(field) .name = #field, .offset = offsetof(struct settings, field)

_Static_assert(sizeof(enum blob_transfer) == sizeof(int) &&
                   sizeof(enum log_level) == sizeof(int),
               "a choice is stored as an int");

static const char *const transfers[] = {"body", "x-accel-redirect",
                                        "x-sendfile", NULL};
static const char *const log_levels[] = {"all", "errors", NULL};

static const struct config_key keys[] = {
    {KEY(root), .type = CONFIG_PATH, .size = SETTINGS_PATH_MAX},
    {KEY(delete), .type = CONFIG_BOOLEAN},
    {KEY(readonly), .type = CONFIG_BOOLEAN},
    {KEY(sparse), .type = CONFIG_BOOLEAN},
    {KEY(warn_distribution), .type = CONFIG_BOOLEAN},
    {KEY(grace), .type = CONFIG_DURATION, .minimum = 1, .maximum = 31536000},
    {KEY(upload_age), .type = CONFIG_DURATION, .maximum = SETTINGS_AGE_MAX},
    {KEY(manifest_limit), .type = CONFIG_SIZE, .minimum = 4096,
     .maximum = 16 * 1024 * 1024},
    {KEY(catalog_limit), .type = CONFIG_COUNT, .minimum = 1, .maximum = 50000},
    {KEY(policy), .type = CONFIG_PATH, .size = SETTINGS_PATH_MAX},
    {KEY(token_realm), .type = CONFIG_TEXT, .size = SETTINGS_TEXT_MAX},
    {KEY(token_service), .type = CONFIG_TEXT, .size = SETTINGS_TEXT_MAX},
    {KEY(token_issuer), .type = CONFIG_TEXT, .size = SETTINGS_TEXT_MAX},
    {KEY(token_keys), .type = CONFIG_PATH, .size = SETTINGS_PATH_MAX},
    {KEY(token_lifetime), .type = CONFIG_DURATION, .minimum = 60,
     .maximum = 300},
    {KEY(htpasswd), .type = CONFIG_PATH, .size = SETTINGS_PATH_MAX},
    {KEY(trusted_issuer), .type = CONFIG_TEXT, .size = SETTINGS_TEXT_MAX},
    {KEY(trusted_certificates), .type = CONFIG_PATH, .size = SETTINGS_PATH_MAX},
    {KEY(trusted_jwks), .type = CONFIG_PATH, .size = SETTINGS_PATH_MAX},
    {KEY(blob_transfer), .type = CONFIG_CHOICE, .choices = transfers},
    {KEY(log), .type = CONFIG_CHOICE, .choices = log_levels},
};
static const struct config_table table = {keys, ARRAY_SIZE(keys)};

static const struct settings defaults = {
    .root = "/var/lib/berth",
    .delete = true,
    .grace = 24 * 3600,
    .upload_age = 7 * 24 * 3600,
    .manifest_limit = 4 * 1024 * 1024,
    .catalog_limit = 1000,
    .token_issuer = "berth",
    .token_lifetime = 300,
};

static const char *chosen_file(const char *file)
{
    return file != NULL ? file : getenv("BERTH_CONFIG");
}

int settings_load(const char *file, struct settings *out, struct err *err)
{
    const char *named = chosen_file(file);
    struct settings settings = defaults;

    if (config_read_file(&table, &settings,
                         named != NULL ? named : SETTINGS_DEFAULT_FILE,
                         err) < 0) {
        if (named != NULL || err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
    }
    if (settings_override(&settings, (const char *const *)environ, err) < 0)
        return -1;
    *out = settings;
    return 0;
}

int settings_override(struct settings *settings, const char *const *parameters,
                      struct err *err)
{
    return config_read_variables(&table, settings, PREFIX, parameters, err);
}

void settings_print(const struct settings *settings, struct buf *into)
{
    config_print(&table, settings, into);
}

struct settings_source {
    pthread_mutex_t mutex;
    char *file; /* as given; NULL = the usual one */
    struct file_stamp stamp;
    struct settings current;
};

static const char *path_of(const char *file)
{
    const char *named = chosen_file(file);

    return named != NULL ? named : SETTINGS_DEFAULT_FILE;
}

/*
 * Of somebody who writes over it, or could not for want of room. To fall back
 * to the defaults would open a registry that has a policy.
 */
static bool has_lost_its_bytes(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

int settings_source_new(const char *file, struct settings_source **out,
                        struct err *err)
{
    struct file_stamp stamp = file_stamp_settled(path_of(file));
    struct settings_source *source;
    struct settings settings;

    if (has_lost_its_bytes(path_of(file)))
        return err_set(err, ERR_SYNTAX, "%s: empty", path_of(file));
    if (settings_load(file, &settings, err) < 0)
        return -1;
    source = memory_new(sizeof(*source));
    pthread_mutex_init(&source->mutex, NULL);
    source->file = file != NULL ? memory_copy_text(file) : NULL;
    source->stamp = stamp;
    source->current = settings;
    *out = source;
    return 0;
}

/*
 * Under the mutex. A file that has gone is a mistake, or on its way, as is an
 * empty one. False when the file could not be read for now, so that the next
 * request tries again: no change will tell of it.
 */
static bool reload(struct settings_source *source, const char *path,
                   const struct file_stamp *stamp, struct err *complaint)
{
    struct settings fresh;

    if (!file_stamp_is_there(stamp) || has_lost_its_bytes(path)) {
        err_set(complaint, ERR_NOT_FOUND,
                "the file of the settings is %s; the last ones count",
                file_stamp_is_there(stamp) ? "empty" : "gone");
        return true;
    }
    if (settings_load(source->file, &fresh, complaint) < 0)
        return complaint->code == ERR_SYNTAX;
    memcpy(fresh.root, source->current.root, sizeof(fresh.root));
    fresh.grace = source->current.grace;
    source->current = fresh;
    return true;
}

static void look(struct settings_source *source, const char *path,
                 struct err *complaint)
{
    struct file_stamp stamp = file_stamp_settled(path);

    if (reload(source, path, &stamp, complaint))
        source->stamp = stamp;
}

void settings_source_get(struct settings_source *source, struct settings *out,
                         struct err *complaint)
{
    const char *path = path_of(source->file);
    struct err ignored = {0};
    struct file_stamp stamp;

    pthread_mutex_lock(&source->mutex);
    stamp = file_stamp_of(path);
    if (!file_stamp_equals(&stamp, &source->stamp))
        look(source, path, complaint != NULL ? complaint : &ignored);
    *out = source->current;
    pthread_mutex_unlock(&source->mutex);
}

void settings_source_free(struct settings_source *source)
{
    if (source == NULL)
        return;
    pthread_mutex_destroy(&source->mutex);
    free(source->file);
    free(source);
}
