/* SPDX-License-Identifier: MIT */
#include "ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"

#define QUESTION_MAX 4096

static bool read_consent(void)
{
    char answer[16];

    if (fgets(answer, sizeof(answer), stdin) == NULL)
        return false;
    answer[strcspn(answer, "\n")] = '\0';
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

bool ask_consent(bool yes, const char *question, ...)
{
    CLEANUP(buf) struct buf text = BUF_INIT(QUESTION_MAX);
    va_list args;

    if (yes)
        return true;
    va_start(args, question);
    buf_add_format_args(&text, question, args);
    va_end(args);
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "berth: to %s, say --yes\n", buf_text(&text));
        return false;
    }
    fprintf(stderr, "%s? [y/N] ", buf_text(&text));
    return read_consent();
}
