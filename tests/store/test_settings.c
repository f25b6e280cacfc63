/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store/settings.h"

static char directory[] = "/tmp/berth-settings-XXXXXX";
static char file[64], other[64];
static struct settings settings;
static struct settings_source *source;
static struct err err;

static void write_text(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");

    cr_assert_not_null(out);
    fputs(text, out);
    fclose(out);
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(directory));
    snprintf(file, sizeof(file), "%s/berth.conf", directory);
    snprintf(other, sizeof(other), "%s/other.conf", directory);
    unsetenv("BERTH_CONFIG");
}

static void teardown(void)
{
    settings_source_free(source);
    unlink(file);
    unlink(other);
    rmdir(directory);
}

TestSuite(settings, .init = setup, .fini = teardown);

Test(settings, an_empty_file_means_the_defaults)
{
    write_text(file, "");
    cr_assert_eq(settings_load(file, &settings, &err), 0, "%s", err.text);
    cr_expect_str_eq(settings.root, "/var/lib/berth");
    cr_expect(settings.delete);
    cr_expect_not(settings.readonly);
    cr_expect_not(settings.sparse);
    cr_expect_not(settings.warn_distribution);
    cr_expect_eq(settings.grace, 86400);
    cr_expect_eq(settings.upload_age, 7 * 86400);
    cr_expect_eq(settings.free_floor.bytes, 0);
    cr_expect_eq(settings.free_floor.percent, 0);
    cr_expect_eq(settings.manifest_limit, 4 << 20);
    cr_expect_eq(settings.catalog_limit, 1000);
    cr_expect_eq(settings.blob_transfer, BLOB_TRANSFER_BODY);
    cr_expect_eq(settings.log, LOG_ALL);
}

Test(settings, every_key_can_be_set_and_printed)
{
    static const char text[] = "root = /srv/images\n"
                               "delete = no\n"
                               "readonly = yes\n"
                               "sparse = yes\n"
                               "warn_distribution = yes\n"
                               "grace = 2d\n"
                               "upload_age = 12h\n"
                               "free_floor = 10G\n"
                               "manifest_limit = 8M\n"
                               "catalog_limit = 200\n"
                               "policy = /srv/policy\n"
                               "token_realm = https://r.example/token\n"
                               "token_service = r.example\n"
                               "token_issuer = r.example\n"
                               "token_keys = /srv/token.keys\n"
                               "token_lifetime = 2m\n"
                               "htpasswd = /srv/htpasswd\n"
                               "trusted_issuer = https://sso.example\n"
                               "trusted_certificates = /srv/sso.pem\n"
                               "trusted_jwks = /srv/sso.jwks\n"
                               "blob_transfer = x-sendfile\n"
                               "log = errors\n";
    CLEANUP(buf) struct buf printed = BUF_INIT(4096);

    write_text(file, text);
    cr_assert_eq(settings_load(file, &settings, &err), 0, "%s", err.text);
    cr_expect_not(settings.delete);
    cr_expect(settings.readonly);
    cr_expect(settings.sparse);
    cr_expect(settings.warn_distribution);
    cr_expect_eq(settings.blob_transfer, BLOB_TRANSFER_SENDFILE);
    cr_expect_eq(settings.log, LOG_ERRORS);
    cr_expect_str_eq(settings.htpasswd, "/srv/htpasswd");
    settings_print(&settings, &printed);
    cr_expect_str_eq(buf_text(&printed), text);
}

Test(settings, a_mistake_names_file_and_line_and_leaves_the_rest_alone)
{
    char expected[128];

    write_text(file, "root = /a\n\nreadonly = on\n");
    strcpy(settings.root, "/before");
    cr_expect_eq(settings_load(file, &settings, &err), -1);
    cr_expect_eq(err.code, ERR_SYNTAX);
    snprintf(expected, sizeof(expected), "%s:3: readonly must be yes or no",
             file);
    cr_expect_str_eq(err.text, expected);
    cr_expect_str_eq(settings.root, "/before");
}

Test(settings, a_named_file_must_exist_and_the_usual_one_need_not)
{
    cr_expect_eq(settings_load(file, &settings, &err), -1);
    cr_expect(strstr(err.text, file), "%s", err.text);
    setenv("BERTH_CONFIG", other, 1);
    cr_expect_eq(settings_load(NULL, &settings, &err), -1);
    cr_expect(strstr(err.text, other), "%s", err.text);
    write_text(other, "root = /other\n");
    cr_assert_eq(settings_load(NULL, &settings, &err), 0, "%s", err.text);
    cr_expect_str_eq(settings.root, "/other");
    write_text(file, "root = /file\n");
    cr_assert_eq(settings_load(file, &settings, &err), 0);
    cr_expect_str_eq(settings.root, "/file", "the option wins");
    unsetenv("BERTH_CONFIG");
    if (access(SETTINGS_DEFAULT_FILE, F_OK) < 0)
        cr_expect_eq(settings_load(NULL, &settings, &err), 0, "%s", err.text);
}

Test(settings, the_request_wins_over_the_environment_and_that_over_the_file)
{
    static const char *const parameters[] = {
        "BERTH_LOG=all", "HTTP_BERTH_SPARSE=yes", "BERTH_DIRECT=1", "SPARSE=no",
        NULL};

    write_text(file, "sparse = no\nlog = all\nreadonly = no\n");
    setenv("BERTH_LOG", "errors", 1);
    setenv("BERTH_READONLY", "yes", 1);
    cr_assert_eq(settings_load(file, &settings, &err), 0, "%s", err.text);
    cr_expect_eq(settings.log, LOG_ERRORS);
    cr_expect(settings.readonly);
    cr_assert_eq(settings_override(&settings, parameters, &err), 0);
    cr_expect_eq(settings.log, LOG_ALL);
    cr_expect(settings.readonly);
    cr_expect_not(settings.sparse, "a client's header is no parameter of ours");
}

Test(settings, a_bad_environment_is_told_by_the_name_of_the_variable)
{
    write_text(file, "");
    setenv("BERTH_GRACE", "soon", 1);
    cr_expect_eq(settings_load(file, &settings, &err), -1);
    cr_expect(strncmp(err.text, "BERTH_GRACE: ", 13) == 0, "%s", err.text);
}

static bool is_readonly(struct err *complaint)
{
    err_clear(complaint);
    settings_source_get(source, &settings, complaint);
    return settings.readonly;
}

Test(settings, a_changed_file_counts_from_the_next_request_on)
{
    write_text(file, "readonly = no\nroot = /a\ngrace = 1h\n");
    cr_assert_eq(settings_source_new(file, &source, &err), 0, "%s", err.text);
    cr_expect_not(is_readonly(&err));
    write_text(file, "readonly = yes\nroot = /b\ngrace = 2h\n");
    cr_expect(is_readonly(&err));
    cr_expect_eq(err.code, ERR_NONE);
    cr_expect_str_eq(settings.root, "/a", "as at the start");
    cr_expect_eq(settings.grace, 3600, "as at the start");
    /* As editors do: another file of the same length takes the name. */
    write_text(other, "readonly = no \nroot = /b\ngrace = 2h\n");
    cr_assert_eq(rename(other, file), 0);
    cr_expect_not(is_readonly(&err));
}

Test(settings, a_file_that_cannot_be_opened_for_now_is_read_later)
{
    struct rlimit limit, none;

    write_text(file, "readonly = no\n");
    cr_assert_eq(settings_source_new(file, &source, &err), 0, "%s", err.text);
    write_text(file, "readonly = yes\n");
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){0, limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    cr_expect_not(is_readonly(&err));
    cr_expect_eq(err.sys_errno, EMFILE);
    cr_expect_not(is_readonly(&err));
    cr_expect_eq(err.code, ERR_NONE, "told once");
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_expect(is_readonly(&err));
}

Test(settings, a_file_that_broke_keeps_the_last_good_settings_and_is_told_once)
{
    static const char *const texts[] = {"readonly = perhaps\n", "unknown = 1\n",
                                        "\n\nreadonly"};

    write_text(file, "readonly = yes\n");
    cr_assert_eq(settings_source_new(file, &source, &err), 0);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        write_text(file, texts[i]);
        cr_expect(is_readonly(&err));
        cr_expect_eq(err.code, ERR_SYNTAX, "%s", texts[i]);
        cr_expect(strstr(err.text, file));
        cr_expect(is_readonly(&err));
        cr_expect_eq(err.code, ERR_NONE, "told once");
        settings_source_get(source, &settings, NULL);
    }
    write_text(file, "readonly = no\n");
    cr_expect_not(is_readonly(&err));
}

Test(settings, a_file_that_is_gone_does_not_fall_back_to_the_defaults)
{
    write_text(file, "readonly = yes\n");
    cr_assert_eq(settings_source_new(file, &source, &err), 0);
    unlink(file);
    cr_expect(is_readonly(&err));
    cr_expect_eq(err.code, ERR_NOT_FOUND);
    cr_expect(is_readonly(&err));
    cr_expect_eq(err.code, ERR_NONE);
    write_text(file, "readonly = no\n");
    cr_expect_not(is_readonly(&err));
}

Test(settings, a_file_that_lost_its_bytes_does_not_fall_back_to_the_defaults)
{
    write_text(file, "readonly = yes\n");
    cr_assert_eq(settings_source_new(file, &source, &err), 0);
    cr_assert_eq(truncate(file, 0), 0);
    cr_expect(is_readonly(&err));
    cr_expect_eq(err.code, ERR_SYNTAX);
    cr_expect(is_readonly(&err));
    cr_expect_eq(err.code, ERR_NONE);
    write_text(file, "readonly = no\n");
    cr_expect_not(is_readonly(&err));
}

Test(settings, a_bad_file_at_the_start_is_an_error)
{
    write_text(file, "x\n");
    cr_expect_eq(settings_source_new(file, &source, &err), -1);
    write_text(file, "");
    cr_expect_eq(settings_source_new(file, &source, &err), -1);
    cr_expect_null(source);
}
