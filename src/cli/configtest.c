/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "access/policy.h"
#include "access/token_keys.h"
#include "account.h"
#include "store/rules.h"
#include "store/settings.h"

/* The owner and group of a directory, and who of them may write there. */
static void print_writers(const char *path, const struct stat *st)
{
    const struct passwd *owner = account_user(st->st_uid);
    const struct group *group = account_group(st->st_gid);

    printf("# %s has mode %04o; it can be written by root", path,
           (unsigned)(st->st_mode & 07777));
    if ((st->st_mode & S_IWUSR) != 0 && st->st_uid != 0)
        printf(", user %s", owner != NULL ? owner->pw_name : "(no name)");
    if ((st->st_mode & S_IWGRP) != 0)
        printf(", group %s", group != NULL ? group->gr_name : "(no name)");
    puts((st->st_mode & S_IWOTH) != 0 ? ", and EVERYBODY" : "");
}

/* Blobs are sent by the web server, which is in the group as a rule. */
static void print_readers(const char *path, const struct stat *st, mode_t bits)
{
    const struct group *group = account_group(st->st_gid);

    if ((st->st_mode & bits) == bits ||
        (st->st_mode & (bits >> 3)) == (bits >> 3))
        return;
    printf("# %s is closed to group %s: a web server of that group cannot send "
           "blobs by itself\n",
           path, group != NULL ? group->gr_name : "(no name)");
}

/* The programs make what is below the root, but not the root itself. */
static int check_root(const char *root)
{
    CLEANUP(buf) struct buf tree = BUF_INIT(2 * SETTINGS_PATH_MAX);
    struct stat st;

    if (stat(root, &st) < 0) {
        fprintf(stderr, "berth: root = %s: %s\n", root, strerror(errno));
        return EXIT_FAILURE;
    }
    if (!S_ISDIR(st.st_mode)) {
        fprintf(stderr, "berth: root = %s is no directory\n", root);
        return EXIT_FAILURE;
    }
    print_writers(root, &st);
    print_readers(root, &st, S_IXGRP);
    buf_add_format(&tree, "%s/docker/registry/v2", root);
    if (stat(buf_text(&tree), &st) < 0) {
        puts("# it holds no registry yet");
        return EXIT_SUCCESS;
    }
    print_writers(buf_text(&tree), &st);
    print_readers(buf_text(&tree), &st, S_IRGRP | S_IXGRP);
    return EXIT_SUCCESS;
}

/* Programs that have read it while it was good go on with that. */
static int check_policy(const char *file)
{
    CLEANUP(policy) struct policy *policy = NULL;
    struct err err = {0};

    if (file[0] == '\0' || policy_read(file, &policy, &err) == 0)
        return EXIT_SUCCESS;
    (void)command_failed(&err);
    fputs("berth: programs that start with this policy deny everything\n",
          stderr);
    return EXIT_FAILURE;
}

static int check_rules(const char *file)
{
    CLEANUP(rules) struct rules *rules = NULL;
    struct err err = {0};

    if (file[0] == '\0' || rules_read(file, &rules, &err) == 0)
        return EXIT_SUCCESS;
    (void)command_failed(&err);
    fputs("berth: programs that start with these rules set no tag and delete "
          "nothing\n",
          stderr);
    return EXIT_FAILURE;
}

static bool is_good(const struct followed_kind *kind, const char *file)
{
    struct err err = {0};
    void *keys;

    if (file[0] == '\0')
        return true;
    if (kind->read(file, &keys, &err) < 0) {
        (void)command_failed(&err);
        return false;
    }
    kind->free(keys);
    return true;
}

/* Half of what tokens want is as good as nothing: everybody is refused. */
static int check_tokens(const struct settings *settings)
{
    bool good = true;

    if (settings->token_realm[0] == '\0')
        return EXIT_SUCCESS;
    if (settings->token_service[0] == '\0') {
        fputs("berth: token_realm without token_service: no token is good\n",
              stderr);
        good = false;
    }
    if (settings->token_keys[0] == '\0' &&
        settings->trusted_certificates[0] == '\0' &&
        settings->trusted_jwks[0] == '\0') {
        fputs("berth: token_realm without token_keys: no token is good\n",
              stderr);
        good = false;
    }
    good = is_good(&token_keys_kind, settings->token_keys) && good;
    good = is_good(&token_certificates_kind, settings->trusted_certificates) &&
           good;
    good = is_good(&token_jwks_kind, settings->trusted_jwks) && good;
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Says what is in force, or what is wrong and where. */
int command_configtest(char **words)
{
    CLEANUP(buf) struct buf text = BUF_INIT(64 * 1024);
    struct settings settings;
    const char *file = NULL;
    struct err err = {0};
    int status;

    while (*words != NULL) {
        if (!command_value(&words, "-c", &file))
            return COMMAND_USAGE;
    }
    if (settings_load(file, &settings, &err) < 0)
        return command_failed(&err);
    settings_print(&settings, &text);
    fputs(buf_text(&text), stdout);
    status = check_policy(settings.policy);
    if (check_rules(settings.rules) != EXIT_SUCCESS)
        status = EXIT_FAILURE;
    if (check_tokens(&settings) != EXIT_SUCCESS)
        status = EXIT_FAILURE;
    return check_root(settings.root) == EXIT_SUCCESS ? status : EXIT_FAILURE;
}
