/* SPDX-License-Identifier: MIT */
#include "other_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/files.h"
#include "driver/driver_fs.h"
#include "store/layout.h"

#define MODE 0750

static int make_directory(const char *path, const struct settings *settings,
                          struct err *err)
{
    CLEANUP(buf) struct buf tree = BUF_INIT(2 * SETTINGS_PATH_MAX);
    struct stat st;

    if (mkdir(path, MODE) < 0)
        return errno == EEXIST ? 0 : err_set_errno(err, errno, "%s", path);
    buf_add_format(&tree, "%s/" LAYOUT_ROOT, settings->root);
    if (geteuid() == 0 && stat(buf_text(&tree), &st) == 0 &&
        chown(path, st.st_uid, st.st_gid) < 0)
        return err_set_errno(err, errno, "chown %s", path);
    return 0;
}

int other_tree_find(const char *path, const struct settings *settings,
                    bool make, struct other_tree *out, struct err *err)
{
    if (make && make_directory(path, settings, err) < 0)
        return -1;
    out->path = path;
    out->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->directory >= 0)
        return 0;
    err_set_errno(err, errno, "%s", path);
    return err_recode(err, ERR_IO);
}

/*
 * The driver wants a path, and the way to this one may be closed to whom we
 * became; through the descriptor it is open.
 */
int other_tree_open(struct other_tree *other, bool make, struct err *err)
{
    char root[64];
    struct driver_fs_options options = {
        .root = root, .below = LAYOUT_ROOT, .is_bulk = true};
    struct stat st;

    if (!make && fstatat(other->directory, LAYOUT_ROOT, &st, 0) < 0)
        return err_set(err, ERR_NOT_FOUND,
                       "%s holds no registry: there is no " LAYOUT_ROOT
                       " in it that user %u can see",
                       other->path, (unsigned)geteuid());
    other->store.rules = rules_none(); /* those are for the registry's own */
    snprintf(root, sizeof(root), "/proc/self/fd/%d", other->directory);
    if (driver_fs_new(&options, &other->store.driver, err) < 0)
        return err_wrap(err, "%s, as user %u", other->path,
                        (unsigned)geteuid());
    return 0;
}

int other_tree_check(const struct other_tree *other, const struct tree *tree,
                     struct err *err)
{
    CLEANUP(buf) struct buf ours = BUF_INIT(2 * SETTINGS_PATH_MAX);
    struct stat a, b;

    buf_add_format(&ours, "%s/" LAYOUT_ROOT, tree->settings.root);
    if (stat(buf_text(&ours), &a) == 0 &&
        fstatat(other->directory, LAYOUT_ROOT, &b, 0) == 0 &&
        a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return err_set(err, ERR_MISCONFIGURED, "%s is the registry itself",
                       other->path);
    return 0;
}

int other_tree_lock(const struct other_tree *other, struct err *err)
{
    if (flock(other->directory, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno == EWOULDBLOCK)
        return err_set(err, ERR_BUSY, "%s: another one is at work there",
                       other->path);
    return err_set_errno(err, errno, "lock %s", other->path);
}

void other_tree_cleanup(struct other_tree *other)
{
    driver_free(other->store.driver);
    other->store.driver = NULL;
    fd_cleanup(&other->directory);
}
