/* SPDX-License-Identifier: MIT */
/* The password: typed without being seen, one line of a file, or given. */
#include "web.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* The terminal as it was, for a signal that ends us. */
static struct termios shown;

static void show_and_end(int number)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &shown);
    raise(number); /* comes when this returns, and is not caught any more */
}

static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};

/* Whoever goes away in between must not leave a terminal that shows nothing. */
static void catch_signals(struct sigaction before[])
{
    const struct sigaction end = {.sa_handler = show_and_end,
                                  .sa_flags = (int)SA_RESETHAND};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        sigaction(signals[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(signals[i], signals[i] == SIGTSTP ? &ignore : &end, NULL);
    }
}

static void release_signals(const struct sigaction before[])
{
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &before[i], NULL);
}

static char *read_unseen(const char *user, char into[WEB_PASSWORD_MAX])
{
    struct sigaction before[ARRAY_SIZE(signals)];
    struct termios quiet = shown;
    char *line;

    quiet.c_lflag &= ~(tcflag_t)ECHO;
    catch_signals(before);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    fprintf(stderr, "Password of %s: ", user);
    line = fgets(into, WEB_PASSWORD_MAX, stdin);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    release_signals(before);
    fputc('\n', stderr);
    return line;
}

static int read_password(const char *user, char into[WEB_PASSWORD_MAX],
                         struct err *err)
{
    char *line = tcgetattr(STDIN_FILENO, &shown) == 0
                     ? read_unseen(user, into)
                     : fgets(into, WEB_PASSWORD_MAX, stdin);

    if (line == NULL)
        return err_set(err, ERR_SYNTAX,
                       "no password: give it on standard input or in "
                       "BERTH_PASSWORD");
    if (strchr(line, '\n') == NULL && !feof(stdin))
        return err_set(err, ERR_TOO_LARGE, "the password is too long");
    line[strcspn(line, "\r\n")] = '\0';
    return 0;
}

static int take_password(const char *user, char into[WEB_PASSWORD_MAX],
                         struct err *err)
{
    const char *given = getenv("BERTH_PASSWORD");

    if (given == NULL)
        return read_password(user, into, err);
    if (snprintf(into, WEB_PASSWORD_MAX, "%s", given) >= WEB_PASSWORD_MAX)
        return err_set(err, ERR_TOO_LARGE, "BERTH_PASSWORD is too long");
    return 0;
}

int web_find_password(struct web *web, char into[WEB_PASSWORD_MAX])
{
    if (web->target.user != NULL) {
        if (take_password(web->target.user, into, &web->err) < 0)
            return -1;
        web->target.password = into;
    }
    /* curl has no use for it. */
    unsetenv("BERTH_PASSWORD");
    return 0;
}
