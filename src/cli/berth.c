/* SPDX-License-Identifier: MIT */
/* The administrator's command; see berth(1). */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/settings.h"

static int print_usage(FILE *to)
{
    fputs("usage: berth configtest [-c FILE]\n"
          "       berth --version | --help\n",
          to);
    return to == stdout ? EXIT_SUCCESS : 2;
}

/* Says what is in force, or what is wrong and where. */
static int configtest(int argc, char **argv)
{
    CLEANUP(buf) struct buf text = BUF_INIT(64 * 1024);
    struct settings settings;
    const char *file = NULL;
    struct err err = {0};

    if (argc == 2 && strcmp(argv[0], "-c") == 0)
        file = argv[1];
    else if (argc != 0)
        return print_usage(stderr);
    if (settings_load(file, &settings, &err) < 0) {
        fprintf(stderr, "berth: %s\n", err.text);
        return EXIT_FAILURE;
    }
    settings_print(&settings, &text);
    fputs(buf_text(&text), stdout);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("berth " PACKAGE_VERSION) < 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return print_usage(stdout);
    if (argc >= 2 && strcmp(argv[1], "configtest") == 0)
        return configtest(argc - 2, argv + 2);
    return print_usage(stderr);
}
