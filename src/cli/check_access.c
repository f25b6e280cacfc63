/* SPDX-License-Identifier: MIT */
#include "check_access.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "store/layout.h"

/* Far more than the tree has; each level keeps a descriptor open. */
#define DEPTH_MAX 200

struct walk {
    const struct tree_check_visitor *visitor;
    struct tree_check_result *result;
    struct buf path;
    int depth;
    uint64_t closed; /* to its owner */
};

static void tell(struct walk *walk, enum tree_damage damage, const char *path,
                 const char *reason)
{
    const struct tree_finding finding = {
        .damage = damage, .path = path, .reason = reason};

    if (tree_damage_is_harmful(damage))
        walk->result->damages++;
    else
        walk->result->notices++;
    walk->visitor->finding(walk->visitor->context, &finding);
}

static void tell_closed(struct walk *walk)
{
    if (walk->closed++ < CHECK_ACCESS_TOLD_MAX)
        tell(walk, TREE_NOT_OURS, buf_text(&walk->path),
             "berth adopt gives it to the programs");
}

/* The driver follows a symbolic link to what it can use. */
static void tell_special(struct walk *walk, int directory, const char *name)
{
    struct stat st;

    if (fstatat(directory, name, &st, 0) == 0 &&
        (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        tell(walk, TREE_STRAY, buf_text(&walk->path), "a symbolic link");
    else
        tell(walk, TREE_SPECIAL, buf_text(&walk->path), NULL);
}

static void walk_directory(struct walk *walk, int at, const char *name);

static void look_at(struct walk *walk, int directory, const char *name)
{
    struct stat st;

    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return; /* gone */
    if (S_ISDIR(st.st_mode)) {
        if (faccessat(directory, name, R_OK | W_OK | X_OK, AT_EACCESS) < 0 &&
            errno == EACCES)
            tell_closed(walk);
        walk_directory(walk, directory, name);
    } else if (!S_ISREG(st.st_mode)) {
        tell_special(walk, directory, name);
    } else if (faccessat(directory, name, R_OK | W_OK, AT_EACCESS) < 0 &&
               errno == EACCES) {
        tell_closed(walk);
    }
}

/* What cannot be read has been told as closed. */
static void walk_directory(struct walk *walk, int at, const char *name)
{
    CLEANUP(dir) DIR *dir = NULL;
    const struct dirent *entry;
    size_t len = walk->path.len;

    if (walk->depth == DEPTH_MAX)
        return;
    walk->depth++;
    dir = dir_open(at, name);
    while (dir != NULL && (entry = dir_next(dir)) != NULL) {
        if (walk->visitor->interrupted(walk->visitor->context))
            break;
        buf_add_format(&walk->path, "/%s", entry->d_name);
        look_at(walk, dirfd(dir), entry->d_name);
        buf_truncate(&walk->path, len);
    }
    walk->depth--;
}

void check_access(const char *root, const char *below,
                  const struct tree_check_visitor *visitor,
                  struct tree_check_result *result)
{
    struct walk walk = {.visitor = visitor,
                        .result = result,
                        .path =
                            BUF_INIT((size_t)(DEPTH_MAX + 2) * (NAME_MAX + 1))};
    CLEANUP(buf) struct buf tree = BUF_INIT(PATH_MAX);
    CLEANUP(fd) int fd = -1;

    buf_add_format(&tree, "%s/" LAYOUT_ROOT, root);
    fd = open(buf_text(&tree), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    buf_add(&walk.path, span_of(below));
    look_at(&walk, fd, below);
    if (walk.closed > CHECK_ACCESS_TOLD_MAX) {
        char more[64];

        snprintf(more, sizeof(more), "and %" PRIu64 " more",
                 walk.closed - CHECK_ACCESS_TOLD_MAX);
        tell(&walk, TREE_NOT_OURS, below, more);
    }
    buf_cleanup(&walk.path);
}
