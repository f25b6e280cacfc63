/* SPDX-License-Identifier: MIT */
#include "store/settings.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/followed.h"
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
    {KEY(free_floor), .type = CONFIG_SHARE},
    {KEY(manifest_limit), .type = CONFIG_SIZE, .minimum = 4096,
     .maximum = 16 * 1024 * 1024},
    {KEY(catalog_limit), .type = CONFIG_COUNT, .minimum = 1, .maximum = 50000},
    {KEY(policy), .type = CONFIG_PATH, .size = SETTINGS_PATH_MAX},
    {KEY(rules), .type = CONFIG_PATH, .size = SETTINGS_PATH_MAX},
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

/*
 * Of somebody who writes over it, or could not for want of room. To fall back
 * to the defaults would open a registry that has a policy.
 */
static bool has_lost_its_bytes(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

static int read_settings(const char *path, void **value, struct err *err)
{
    struct settings settings;

    if (has_lost_its_bytes(path))
        return err_set(err, ERR_SYNTAX, "%s: empty", path);
    if (settings_load(path, &settings, err) < 0)
        return -1;
    *value = memory_new(sizeof(settings));
    memcpy(*value, &settings, sizeof(settings));
    return 0;
}

static const struct followed_kind settings_kind = {read_settings, free};

struct settings_source {
    struct followed file;
    char *path;
    struct settings start; /* of which some stay */
};

/* The usual file may be absent. */
static int begin(struct settings_source *source, bool named, struct err *err)
{
    struct err why = {0};
    struct followed_state *state =
        followed_get(&source->file, source->path, &why);

    if (state != NULL) {
        source->start = *(const struct settings *)state->value;
        followed_put(state);
        return 0;
    }
    if (!named && why.code == ERR_NOT_FOUND)
        return settings_load(NULL, &source->start, err);
    *err = why;
    return -1;
}

int settings_source_new(const char *file, struct settings_source **out,
                        struct err *err)
{
    const char *named = chosen_file(file);
    struct settings_source *source = memory_new(sizeof(*source));

    followed_init(&source->file, &settings_kind);
    source->path =
        memory_copy_text(named != NULL ? named : SETTINGS_DEFAULT_FILE);
    if (begin(source, named != NULL, err) < 0) {
        settings_source_free(source);
        return -1;
    }
    *out = source;
    return 0;
}

void settings_source_get(struct settings_source *source, struct settings *out,
                         struct err *complaint)
{
    struct err ignored = {0};
    struct followed_state *state = followed_get(
        &source->file, source->path, complaint != NULL ? complaint : &ignored);

    *out =
        state != NULL ? *(const struct settings *)state->value : source->start;
    memcpy(out->root, source->start.root, sizeof(out->root));
    out->grace = source->start.grace;
    followed_put(state);
}

void settings_source_free(struct settings_source *source)
{
    if (source == NULL)
        return;
    followed_forget(&source->file);
    free(source->path);
    free(source);
}
