/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/token_keys.h"
#include "store/settings.h"
#include "token_command.h"

static int parse_words(char **words, const char **config,
                       enum jose_algorithm *algorithm)
{
    const char *name = NULL;

    while (*words != NULL) {
        if (!command_value(&words, "-c", config) &&
            !command_value(&words, "--algorithm", &name))
            return -1;
    }
    return name == NULL ? 0 : jose_algorithm_parse(span_of(name), algorithm);
}

/* The programs run as the owner of `root`, and read what root makes. */
static int find_reader(const char *root, uid_t *reader, struct err *err)
{
    struct stat st;

    *reader = (uid_t)-1;
    if (geteuid() != 0)
        return 0;
    if (stat(root, &st) < 0)
        return err_set_errno(err, errno, "root = %s", root);
    *reader = st.st_uid;
    return 0;
}

static void print_outcome(const struct settings *settings, const char *id,
                          enum jose_algorithm algorithm, bool had_former)
{
    printf("kid: %s\nalgorithm: %s\nfile: %s\n", id,
           jose_algorithm_name(algorithm), settings->token_keys);
    if (had_former)
        puts("Tokens signed by the former key stay good until this is run "
             "again; an older key is gone.");
}

int token_key(char **words)
{
    enum jose_algorithm algorithm = JOSE_ES256;
    char id[TOKEN_KEY_ID_LENGTH + 1];
    const char *config = NULL;
    struct settings settings;
    struct err err = {0};
    bool had_former;
    uid_t reader;

    if (parse_words(words, &config, &algorithm) < 0)
        return COMMAND_USAGE;
    if (settings_load(config, &settings, &err) < 0)
        return command_failed(&err);
    if (settings.token_keys[0] == '\0') {
        err_set(&err, ERR_MISCONFIGURED,
                "in which file? Say token_keys = FILE in berth.conf");
        return command_failed(&err);
    }
    if (find_reader(settings.root, &reader, &err) < 0 ||
        token_keys_generate(settings.token_keys, algorithm, reader, id,
                            &had_former, &err) < 0)
        return command_failed(&err);
    print_outcome(&settings, id, algorithm, had_former);
    return EXIT_SUCCESS;
}
