/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "adopt.h"
#include "base/files.h"

static const char *const odds[ADOPT_ODDS] = {
    [ADOPT_ODD_LINK] = "is a symbolic link",
    [ADOPT_ODD_SPECIAL] = "is neither file nor directory",
    [ADOPT_ODD_FILESYSTEM] = "is on another filesystem",
    [ADOPT_ODD_DEPTH] = "lies too deep",
    [ADOPT_ODD_CLOSED] = "cannot be opened",
};

static void leave_alone(void *context, const char *path, enum adopt_odd odd)
{
    struct adopt *adopt = context;

    if (odd == ADOPT_ODD_CLOSED)
        adopt->failed++;
    else
        adopt->left++;
    adopt->complain(path, odds[odd]);
}

/* The other name may be outside the tree, and the file somebody's. */
static bool has_names(struct adopt *adopt, const struct adopt_entry *entry)
{
    if (S_ISDIR(entry->st.st_mode) || entry->st.st_nlink == 1)
        return false;
    adopt->left++;
    adopt->complain(entry->path, "has more than one name (hard links)");
    return true;
}

static void say_nothing(void *context, const char *path, enum adopt_odd odd)
{
    (void)context;
    (void)path;
    (void)odd;
}

int adopt_lock(int tree, struct err *err)
{
    if (flock(tree, LOCK_EX | LOCK_NB) == 0)
        return 0;
    err_set_errno(err, errno, "lock");
    return err->sys_errno == EWOULDBLOCK
               ? err_set(err, ERR_BUSY, "another berth adopt is at work")
               : -1;
}

/* The owner first, as that clears bits of the mode. */
static int change(struct adopt *adopt, const struct adopt_entry *entry,
                  const struct adopt_state *wanted, struct err *err)
{
    struct adopt_state now = adopt_state_of(&entry->st);
    bool directory = S_ISDIR(entry->st.st_mode);

    if (adopt_state_equals(&now, wanted)) {
        adopt->unchanged++;
        return 0;
    }
    if (adopt->step != NULL &&
        adopt->step(adopt->step_context, entry->path) != 0)
        return err_set(err, ERR_INTERNAL, "stopped by the test");
    if (!adopt->dry_run && (fchown(entry->fd, wanted->uid, wanted->gid) < 0 ||
                            fchmod(entry->fd, wanted->mode) < 0)) {
        adopt->failed++;
        adopt->complain(entry->path, strerrordesc_np(errno));
        return 0;
    }
    adopt->files += !directory;
    adopt->directories += directory;
    return 0;
}

/* --- there --- */

static int record_entry(void *context, const struct adopt_entry *entry,
                        struct adopt_state *state, struct err *err)
{
    struct adopt_state inherited;

    if (entry->above != NULL) {
        inherited =
            adopt_state_inherited(entry->above, S_ISDIR(entry->st.st_mode));
        if (adopt_state_equals(&inherited, state))
            return 0;
    }
    return adopt_record_add(context, entry->path, state, err);
}

/* The directory the record is made in is none of what was before. */
static int record_but_ours(void *context, const struct adopt_entry *entry,
                           struct adopt_state *state, struct err *err)
{
    if (strcmp(entry->path, "./" ADOPT_DIRECTORY) == 0)
        return 0;
    return record_entry(context, entry, state, err);
}

static int record(struct adopt *adopt, struct err *err)
{
    CLEANUP(adopt_writer) struct adopt_writer *writer = NULL;
    struct adopt_walker walker = {record_entry, say_nothing, NULL};

    if (adopt_record_begin(adopt->tree, adopt->uid, &writer, err) < 0)
        return -1;
    walker.context = writer;
    if (adopt_record_made_directory(writer))
        walker.visit = record_but_ours;
    if (adopt_walk(adopt->tree, &walker, err) < 0)
        return -1;
    return adopt_record_commit(writer, err);
}

static int take(void *context, const struct adopt_entry *entry,
                struct adopt_state *state, struct err *err)
{
    struct adopt *adopt = context;
    struct adopt_state wanted = {adopt->uid, adopt->gid, ADOPT_FILE_MODE};

    (void)state;
    if (has_names(adopt, entry))
        return 0;
    if (S_ISDIR(entry->st.st_mode))
        wanted.mode = ADOPT_DIRECTORY_MODE;
    return change(adopt, entry, &wanted, err);
}

static int is_recorded(const struct adopt *adopt, bool *out, struct err *err)
{
    CLEANUP(adopt_reader) struct adopt_reader *reader = NULL;

    *out = adopt_record_open(adopt->tree, &reader, err) == 0;
    if (!*out && err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    return 0;
}

int adopt_forward(struct adopt *adopt, struct err *err)
{
    const struct adopt_walker walker = {take, leave_alone, adopt};
    bool recorded;

    if (is_recorded(adopt, &recorded, err) < 0)
        return -1;
    if (!recorded && !adopt->dry_run && record(adopt, err) < 0)
        return -1;
    return adopt_walk(adopt->tree, &walker, err);
}

/* --- and back --- */

/* A second name got after adopt is no reason to keep what we gave. */
static int give_back(void *context, const struct adopt_entry *entry,
                     struct adopt_state *state, struct err *err)
{
    struct adopt *adopt = context;
    struct adopt_state was = *state;

    if (entry->above != NULL)
        was = adopt_state_inherited(entry->above, S_ISDIR(entry->st.st_mode));
    if (adopt_record_find(adopt->reader, entry->path, &was, err) < 0)
        return -1;
    if (!S_ISDIR(entry->st.st_mode))
        was.mode &= 0777;
    *state = was;
    if (entry->st.st_uid != adopt_record_to(adopt->reader) &&
        has_names(adopt, entry))
        return 0;
    return change(adopt, entry, &was, err);
}

/* Durable before the record goes, without which nobody knows any more. */
int adopt_back(struct adopt *adopt, struct err *err)
{
    CLEANUP(adopt_reader) struct adopt_reader *reader = NULL;
    const struct adopt_walker walker = {give_back, leave_alone, adopt};

    if (adopt_record_open(adopt->tree, &reader, err) < 0)
        return -1;
    adopt->reader = reader;
    if (adopt_walk(adopt->tree, &walker, err) < 0)
        return -1;
    if (adopt->dry_run || adopt->failed > 0)
        return 0;
    if (syncfs(adopt->tree) < 0)
        return err_set_errno(err, errno, "sync");
    return adopt_record_remove(adopt->tree, err);
}
