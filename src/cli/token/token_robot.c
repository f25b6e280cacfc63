/* SPDX-License-Identifier: MIT */
/* Programs that log in: users of the web server's, with a password of ours. */
#include "token_command.h"

#include <crypt.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "htpasswd.h"
#include "store/settings.h"

#define PREFIX "robot-" /* by which robots are told from people */
#define ROBOT_NAME_MAX 64
#define PASSWORD_LENGTH 32 /* of 62 letters: 190 bits */
/*
 * bcrypt in the form that nginx, Apache and lighttpd know. A password that
 * nobody can guess needs no dear hash, and the web server computes it for each
 * request.
 */
#define HASH_PREFIX "$2y$"
#define HASH_COST 5

struct robot {
    const char *name; /* NULL = none was given */
    bool replace;
    const char *path; /* of the file with the passwords */
    char user[sizeof(PREFIX) + ROBOT_NAME_MAX];
    struct settings settings;
};

/* --- the password --- */

static int make_password(char out[PASSWORD_LENGTH + 1], struct err *err)
{
    static const char letters[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const size_t count = sizeof(letters) - 1;
    size_t len = 0;

    while (len < PASSWORD_LENGTH) {
        unsigned char byte;

        if (getrandom(&byte, 1, 0) != 1)
            return err_set_errno(err, errno, "no random numbers");
        /* Without the rest, each letter is as likely as the next. */
        if (byte < 256 / count * count)
            out[len++] = letters[byte % count];
    }
    out[len] = '\0';
    return 0;
}

static int hash_password(const char *password, char out[CRYPT_OUTPUT_SIZE],
                         struct err *err)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data data = {0};
    const char *hash = NULL;

    if (crypt_gensalt_rn(HASH_PREFIX, HASH_COST, NULL, 0, setting,
                         sizeof(setting)) != NULL)
        hash = crypt_rn(password, setting, &data, sizeof(data));
    if (hash == NULL)
        return err_set_errno(err, errno, "hash a password by bcrypt");
    snprintf(out, CRYPT_OUTPUT_SIZE, "%s", hash);
    return 0;
}

/* --- the words --- */

static void print_tokens_end(const struct robot *robot, FILE *to)
{
    if (robot->settings.token_realm[0] != '\0')
        fprintf(to,
                "tokens it has from before end within %" PRIu64 " seconds\n",
                robot->settings.token_lifetime);
}

/* The password alone on standard output: for docker login, or for a file. */
static int print_password(const struct robot *robot, const char *password,
                          struct err *err)
{
    fprintf(stderr,
            "the password of %s, shown this once; to use it: docker login -u "
            "%s --password-stdin HOST\n",
            robot->user, robot->user);
    if (puts(password) >= 0 && fflush(stdout) == 0)
        return 0;
    return err_set_errno(err, errno,
                         "standard output: nobody got the password of %s; add "
                         "it again, with --replace",
                         robot->user);
}

static int add(const struct robot *robot, struct err *err)
{
    CLEANUP(htpasswd) struct htpasswd file = HTPASSWD_INIT;
    CLEANUP(buf) struct buf text = BUF_INIT(HTPASSWD_MAX);
    char password[PASSWORD_LENGTH + 1], hash[CRYPT_OUTPUT_SIZE];
    struct span user = span_of(robot->user);
    bool known;

    if (htpasswd_open(&file, robot->path, true, err) < 0)
        return -1;
    known = htpasswd_has(buf_span(&file.text), user);
    if (known && !robot->replace)
        return err_set(err, ERR_EXISTS,
                       "%s is in %s already; --replace gives it another "
                       "password",
                       robot->user, robot->path);
    if (make_password(password, err) < 0 ||
        hash_password(password, hash, err) < 0)
        return -1;
    htpasswd_set(buf_span(&file.text), user, span_of(hash), &text);
    if (htpasswd_write(&file, &text, err) < 0)
        return -1;
    if (file.is_new)
        fprintf(stderr,
                "%s is new; the web server has to read it: chgrp www-data %s\n",
                robot->path, robot->path);
    if (known)
        print_tokens_end(robot, stderr);
    return print_password(robot, password, err);
}

static int revoke(const struct robot *robot, struct err *err)
{
    CLEANUP(htpasswd) struct htpasswd file = HTPASSWD_INIT;
    CLEANUP(buf) struct buf text = BUF_INIT(HTPASSWD_MAX);
    struct span user = span_of(robot->user);

    if (htpasswd_open(&file, robot->path, false, err) < 0)
        return -1;
    if (!htpasswd_has(buf_span(&file.text), user))
        return err_set(err, ERR_NOT_FOUND, "%s is not in %s", robot->user,
                       robot->path);
    htpasswd_remove(buf_span(&file.text), user, &text);
    if (htpasswd_write(&file, &text, err) < 0)
        return -1;
    printf("%s is removed from %s\n", robot->user, robot->path);
    print_tokens_end(robot, stdout);
    return 0;
}

static bool name_is_valid(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              (i > 0 && (c == '.' || c == '_' || c == '-'))))
            return false;
    }
    return name.len > 0 && name.len <= ROBOT_NAME_MAX;
}

static int list(const struct robot *robot, struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(HTPASSWD_MAX);
    struct span rest, user;

    if (htpasswd_read(robot->path, &text, err) < 0)
        return -1;
    rest = buf_span(&text);
    while (htpasswd_next_user(&rest, &user)) {
        if (!span_starts_with(user, SPAN(PREFIX)))
            continue;
        user = span_from(user, strlen(PREFIX));
        if (name_is_valid(user))
            printf("%.*s\n", SPAN_ARGS(user));
    }
    return 0;
}

/* --- the command --- */

static const struct {
    const char *word;
    bool of_one; /* wants a NAME */
    int (*run)(const struct robot *robot, struct err *err);
} actions[] = {
    {"add", true, add},
    {"list", false, list},
    {"revoke", true, revoke},
};

static int parse_words(char **words, struct robot *robot, const char **config)
{
    while (*words != NULL) {
        if (command_value(&words, "-c", config) ||
            command_value(&words, "--file", &robot->path) ||
            command_flag(&words, "--replace", &robot->replace))
            continue;
        if (robot->name != NULL || (*words)[0] == '-')
            return -1;
        robot->name = *words++;
    }
    return 0;
}

/* What the words leave to berth.conf. */
static int complete(struct robot *robot, const char *config, struct err *err)
{
    if (robot->name != NULL && !name_is_valid(span_of(robot->name)))
        return err_set(err, ERR_SYNTAX,
                       "the name of a robot is 1 to %d of a-z 0-9 . _ - and "
                       "begins with one of the first two kinds",
                       ROBOT_NAME_MAX);
    snprintf(robot->user, sizeof(robot->user), PREFIX "%s",
             robot->name != NULL ? robot->name : "");
    if (settings_load(config, &robot->settings, err) < 0)
        return -1;
    if (robot->path == NULL)
        robot->path = robot->settings.htpasswd;
    if (robot->path[0] == '\0')
        return err_set(err, ERR_MISCONFIGURED,
                       "in which file? Say --file HTPASSWD, or htpasswd = "
                       "HTPASSWD in berth.conf");
    return 0;
}

int token_robot(char **words)
{
    struct robot robot = {0};
    const char *config = NULL;
    struct err err = {0};

    for (size_t i = 0; *words != NULL && i < ARRAY_SIZE(actions); i++) {
        if (strcmp(*words, actions[i].word) != 0)
            continue;
        if (parse_words(words + 1, &robot, &config) < 0 ||
            (robot.name != NULL) != actions[i].of_one ||
            (robot.replace && actions[i].run != add))
            return COMMAND_USAGE;
        if (complete(&robot, config, &err) < 0 ||
            actions[i].run(&robot, &err) < 0)
            return command_failed(&err);
        return EXIT_SUCCESS;
    }
    return COMMAND_USAGE;
}
