/* SPDX-License-Identifier: MIT */
#include "adopt_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/files.h"
#include "base/memory.h"

/* What is opened is a file or a directory, so reading cannot block. */
#define OPEN_ENTRY (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

struct walk {
    const struct adopt_walker *walker;
    dev_t device;
    struct buf path;
};

struct names {
    char **names;
    size_t count, capacity;
};

static void names_cleanup(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->names[i]);
    free(names->names);
}

static void add_name(struct names *names, const char *name)
{
    if (names->count == names->capacity) {
        names->capacity = names->capacity ? 2 * names->capacity : 16;
        names->names = memory_resize(names->names,
                                     names->capacity * sizeof(*names->names));
    }
    names->names[names->count++] = memory_copy_text(name);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(int directory, const char *path, struct names *out,
                      struct err *err)
{
    CLEANUP(dir) DIR *dir = dir_open(directory, ".");
    const struct dirent *entry;

    if (dir == NULL)
        return err_set_errno(err, errno, "open %s", path);
    while ((entry = dir_next(dir)) != NULL)
        add_name(out, entry->d_name);
    if (errno != 0)
        return err_set_errno(err, errno, "read %s", path);
    if (out->count > 0)
        qsort(out->names, out->count, sizeof(*out->names), compare);
    return 0;
}

static void tell_odd(struct walk *walk, enum adopt_odd odd)
{
    walk->walker->odd(walk->walker->context, buf_text(&walk->path), odd);
}

/* Looks before it opens, as to open a device can do something. */
static bool is_plain(struct walk *walk, int directory, const char *name)
{
    struct stat st;

    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false; /* gone */
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        return true;
    tell_odd(walk, S_ISLNK(st.st_mode) ? ADOPT_ODD_LINK : ADOPT_ODD_SPECIAL);
    return false;
}

/* The file it is now, whatever it was when we looked. */
static bool is_ours(struct walk *walk, const struct stat *st)
{
    if (st->st_dev != walk->device)
        tell_odd(walk, ADOPT_ODD_FILESYSTEM);
    else if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode))
        return true;
    return false;
}

static bool is_record(const char *path)
{
    return strcmp(path, "./" ADOPT_RECORD) == 0 ||
           strcmp(path, "./" ADOPT_RECORD_NEW) == 0;
}

static int visit_open(struct walk *walk, int fd,
                      const struct adopt_state *above, size_t depth,
                      struct err *err);

static int visit_name(struct walk *walk, int directory, const char *name,
                      const struct adopt_state *above, size_t depth,
                      struct err *err)
{
    CLEANUP(fd) int fd = -1;

    if (is_record(buf_text(&walk->path)) || !is_plain(walk, directory, name))
        return 0;
    if (depth > ADOPT_DEPTH_MAX) {
        tell_odd(walk, ADOPT_ODD_DEPTH);
        return 0;
    }
    fd = openat(directory, name, OPEN_ENTRY);
    if (fd < 0 && (errno == ENOENT || errno == ELOOP))
        return 0; /* gone, or a link by now */
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        return err_set_errno(err, errno, "open %s", buf_text(&walk->path));
    if (fd < 0) {
        tell_odd(walk, ADOPT_ODD_CLOSED);
        return 0;
    }
    return visit_open(walk, fd, above, depth, err);
}

static int visit_all_in(struct walk *walk, int directory,
                        const struct adopt_state *state, size_t depth,
                        struct err *err)
{
    CLEANUP(names) struct names names = {0};
    size_t len = walk->path.len;

    if (read_names(directory, buf_text(&walk->path), &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        buf_add_format(&walk->path, "/%s", names.names[i]);
        if (visit_name(walk, directory, names.names[i], state, depth + 1, err) <
            0)
            return -1;
        buf_truncate(&walk->path, len);
    }
    return 0;
}

static int visit_open(struct walk *walk, int fd,
                      const struct adopt_state *above, size_t depth,
                      struct err *err)
{
    struct adopt_entry entry = {buf_text(&walk->path), fd, .above = above};
    struct adopt_state state;

    if (fstat(fd, &entry.st) < 0)
        return err_set_errno(err, errno, "stat %s", entry.path);
    if (!is_ours(walk, &entry.st))
        return 0;
    state = adopt_state_of(&entry.st);
    if (walk->walker->visit(walk->walker->context, &entry, &state, err) < 0)
        return -1;
    if (!S_ISDIR(entry.st.st_mode))
        return 0;
    return visit_all_in(walk, fd, &state, depth, err);
}

int adopt_walk(int tree, const struct adopt_walker *walker, struct err *err)
{
    struct walk walk = {
        .walker = walker,
        .path = BUF_INIT((size_t)(ADOPT_DEPTH_MAX + 2) * (NAME_MAX + 1))};
    struct stat st;
    int result;

    if (fstat(tree, &st) < 0)
        return err_set_errno(err, errno, "stat the tree");
    walk.device = st.st_dev;
    buf_add(&walk.path, SPAN("."));
    result = visit_open(&walk, tree, NULL, 0, err);
    buf_cleanup(&walk.path);
    return result;
}
