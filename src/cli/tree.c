/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <errno.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account.h"
#include "base/buf.h"
#include "command.h"
#include "store/layout.h"

static int become(uid_t uid, gid_t gid)
{
    const struct passwd *owner = account_user(uid);

    if (owner != NULL
            ? account_join_groups(owner->pw_name, owner->pw_gid) < 0 ||
                  setgid(owner->pw_gid) < 0
            : setgroups(0, NULL) < 0 || setgid(gid) < 0)
        return -1;
    return setuid(uid);
}

static int become_owner(const struct stat *tree, struct err *err)
{
    if (geteuid() != 0 || tree->st_uid == 0)
        return 0;
    if (become(tree->st_uid, tree->st_gid) < 0)
        return err_set_errno(err, errno, "become user %u",
                             (unsigned)tree->st_uid);
    return 0;
}

static int find_tree(const char *root, struct stat *tree, struct err *err)
{
    CLEANUP(buf) struct buf path = BUF_INIT(2 * SETTINGS_PATH_MAX);

    buf_add_format(&path, "%s/" LAYOUT_ROOT, root);
    if (stat(buf_text(&path), tree) == 0)
        return 0;
    if (errno == ENOENT && stat(root, tree) == 0)
        return err_set(err, ERR_NOT_FOUND, "%s holds no registry yet", root);
    err_set_errno(err, errno, "root = %s", root);
    return err_recode(err, ERR_IO);
}

static void read_rules(struct tree *tree)
{
    struct err err = {0};

    tree->store.rules = rules_none();
    if (tree->settings.rules[0] == '\0')
        return;
    if (rules_read(tree->settings.rules, &tree->rules, &err) < 0)
        (void)command_failed(&err);
    tree->store.rules = tree->rules;
}

static int open_here(const struct settings *settings, struct tree *out,
                     struct err *err)
{
    struct tree tree = {.settings = *settings,
                        .store.free_floor = settings->free_floor};

    if (store_open_driver(settings, &tree.store.driver, err) < 0)
        return -1;
    read_rules(&tree);
    *out = tree;
    return 0;
}

int tree_open_at(const struct settings *settings, struct tree *out,
                 struct err *err)
{
    struct stat st;

    if (find_tree(settings->root, &st, err) < 0 || become_owner(&st, err) < 0)
        return -1;
    return open_here(settings, out, err);
}

int tree_open_or_make(const struct settings *settings, struct tree *out,
                      struct err *err)
{
    struct stat st;

    if (find_tree(settings->root, &st, err) < 0) {
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        if (stat(settings->root, &st) < 0)
            return err_set_errno(err, errno, "root = %s", settings->root);
    }
    if (become_owner(&st, err) < 0)
        return -1;
    return open_here(settings, out, err);
}

static int load(const char *file, struct settings *out, struct err *err)
{
    if (settings_load(file, out, err) == 0)
        return 0;
    /* A file that is not there is no tree that is not there. */
    if (err->code == ERR_NOT_FOUND)
        err_recode(err, ERR_IO);
    return -1;
}

int tree_open(const char *file, struct tree *out, struct err *err)
{
    struct settings settings;

    if (load(file, &settings, err) < 0)
        return -1;
    return tree_open_at(&settings, out, err);
}

int tree_open_to_read(const char *file, struct tree *out, struct err *err)
{
    struct settings settings;
    struct stat st;

    if (load(file, &settings, err) < 0 ||
        find_tree(settings.root, &st, err) < 0)
        return -1;
    return open_here(&settings, out, err);
}

void tree_cleanup(struct tree *tree)
{
    driver_free(tree->store.driver);
    rules_free(tree->rules);
    tree->store = (struct store){0};
    tree->rules = NULL;
}
