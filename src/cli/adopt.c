/* SPDX-License-Identifier: MIT */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "base/buf.h"
#include "base/files.h"
#include "command.h"
#include "store/layout.h"
#include "store/settings.h"

#define USER "berth"
#define GROUP "www-data"
#define COMPLAINTS_MAX 20

/* The words of the command line, and what they mean here. */
struct order {
    const char *file; /* NULL: the usual one */
    const char *user; /* USER or USER:GROUP */
    bool dry_run, undo;
    struct settings settings;
};

static int parse_words(char **words, struct order *order)
{
    while (*words != NULL) {
        if (!command_value(&words, "-c", &order->file) &&
            !command_value(&words, "--user", &order->user) &&
            !command_flag(&words, "--dry-run", &order->dry_run) &&
            !command_flag(&words, "--undo", &order->undo))
            return -1;
    }
    return order->undo && order->user != NULL ? -1 : 0;
}

static int find_user(const struct order *order, struct adopt *adopt,
                     struct err *err)
{
    struct span rest = span_of(order->user != NULL ? order->user : USER);
    struct span user = span_cut(&rest, ':');
    CLEANUP(buf) struct buf name = BUF_INIT(256);
    const struct passwd *owner;
    const struct group *group;

    buf_add(&name, user);
    owner = account_user_named(buf_text(&name));
    if (owner == NULL)
        return err_set(err, ERR_NOT_FOUND,
                       "there is no user %s: make it, or name another with "
                       "--user USER[:GROUP]",
                       buf_text(&name));
    adopt->uid = owner->pw_uid;
    buf_clear(&name);
    buf_add(&name, rest.ptr != NULL ? rest : SPAN(GROUP));
    group = account_group_named(buf_text(&name));
    if (group == NULL)
        return err_set(err, ERR_NOT_FOUND,
                       "there is no group %s: name that of the web server with "
                       "--user USER:GROUP",
                       buf_text(&name));
    adopt->gid = group->gr_gid;
    return 0;
}

/* --- the tree --- */

/* One step at a time, so that no link leads out of the root. */
static int open_tree(const char *root, struct err *err)
{
    CLEANUP(fd) int at = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (at < 0)
        return err_set_errno(err, errno, "root = %s", root);
    for (struct span rest = SPAN(LAYOUT_ROOT); rest.ptr != NULL;) {
        struct span step = span_cut(&rest, '/');
        char name[sizeof(LAYOUT_ROOT)];
        int next;

        snprintf(name, sizeof(name), "%.*s", SPAN_ARGS(step));
        next =
            openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0 && errno == ENOENT)
            return err_set(err, ERR_NOT_FOUND,
                           "root = %s holds no registry yet: there is no %s",
                           root, LAYOUT_ROOT);
        if (next < 0)
            return err_set_errno(err, errno,
                                 "%s below %s must be a directory, no link",
                                 name, root);
        close(at);
        at = next;
    }
    return fd_take(&at);
}

static uint64_t complaints;

static void complain(const char *path, const char *why)
{
    if (++complaints <= COMPLAINTS_MAX)
        fprintf(stderr, "berth: %s %s\n", path, why);
    else if (complaints == COMPLAINTS_MAX + 1)
        fputs("berth: and more like these\n", stderr);
}

static bool can_enter(const struct adopt *adopt, const struct stat *st)
{
    if (st->st_uid == adopt->uid)
        return (st->st_mode & S_IXUSR) != 0;
    if (st->st_gid == adopt->gid)
        return (st->st_mode & S_IXGRP) != 0;
    return (st->st_mode & S_IXOTH) != 0;
}

/* What lies above the tree is not ours to change. Returns how many bar it. */
static int check_way(const struct adopt *adopt, const char *root)
{
    CLEANUP(buf) struct buf path = BUF_INIT(2 * SETTINGS_PATH_MAX);
    CLEANUP(buf) struct buf whole = BUF_INIT(2 * SETTINGS_PATH_MAX);
    struct span rest;
    int closed = 0;

    buf_add_format(&whole, "%s/docker/registry", root + 1);
    rest = buf_span(&whole);
    while (rest.ptr != NULL) {
        struct span step = span_cut(&rest, '/');
        struct stat st;

        buf_add_format(&path, "/%.*s", SPAN_ARGS(step));
        if (stat(buf_text(&path), &st) < 0 || can_enter(adopt, &st))
            continue;
        fprintf(stderr,
                "berth: the programs cannot enter %s: let them, such as by "
                "chmod o+x\n",
                buf_text(&path));
        closed++;
    }
    return closed;
}

/* --- what is said --- */

static void print_names(const struct adopt *adopt)
{
    const struct passwd *owner = account_user(adopt->uid);
    const struct group *group = account_group(adopt->gid);

    printf("%s:%s", owner != NULL ? owner->pw_name : "?",
           group != NULL ? group->gr_name : "?");
}

static void print_counts(const struct order *order, const struct adopt *adopt)
{
    printf("%" PRIu64 " directories and %" PRIu64 " files of %s/%s ",
           adopt->directories, adopt->files, order->settings.root, LAYOUT_ROOT);
    if (order->undo) {
        fputs(order->dry_run ? "would go back to the owners and modes they had"
                             : "have the owners and modes again they had",
              stdout);
    } else {
        fputs(order->dry_run ? "would be given to " : "now belong to ", stdout);
        print_names(adopt);
        printf(" (modes %04o and %04o)", ADOPT_DIRECTORY_MODE, ADOPT_FILE_MODE);
    }
    printf("; %" PRIu64 " were right already.\n", adopt->unchanged);
    if (adopt->left > 0)
        printf("%" PRIu64 " were left alone.\n", adopt->left);
    if (adopt->failed > 0)
        printf("%" PRIu64 " could not be changed; mend that and run it "
               "again.\n",
               adopt->failed);
}

static void print_way_back(const struct order *order)
{
    fputs("To go back, stop the programs and run: berth adopt", stdout);
    if (order->file != NULL)
        printf(" -c %s", order->file);
    puts(" --undo");
}

/* --- the work --- */

static int work(struct order *order, struct adopt *adopt, struct err *err)
{
    if (geteuid() != 0)
        return err_set(err, ERR_READ_ONLY,
                       "only root can give files to another user");
    if (settings_load(order->file, &order->settings, err) < 0 ||
        (!order->undo && find_user(order, adopt, err) < 0))
        return -1;
    adopt->tree = open_tree(order->settings.root, err);
    if (adopt->tree < 0 || adopt_lock(adopt->tree, err) < 0)
        return -1;
    if (!order->undo)
        return adopt_forward(adopt, err);
    if (adopt_back(adopt, err) == 0)
        return 0;
    if (err->code == ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND,
                       "%s was not adopted, or has been given back",
                       order->settings.root);
    return -1;
}

static int report(const struct order *order, const struct adopt *adopt)
{
    int closed = 0;

    if (!order->undo)
        closed = check_way(adopt, order->settings.root);
    print_counts(order, adopt);
    if (!order->undo && !order->dry_run)
        print_way_back(order);
    if (adopt->failed > 0)
        return EXIT_FAILURE;
    return adopt->left > 0 || closed > 0 ? COMMAND_PARTLY : EXIT_SUCCESS;
}

int command_adopt(char **words)
{
    struct order order = {0};
    struct adopt adopt = {.tree = -1, .complain = complain};
    struct err err = {0};
    int status;

    if (parse_words(words, &order) < 0)
        return COMMAND_USAGE;
    adopt.dry_run = order.dry_run;
    if (work(&order, &adopt, &err) < 0)
        status = command_failed(&err);
    else
        status = report(&order, &adopt);
    fd_cleanup(&adopt.tree);
    return status;
}
