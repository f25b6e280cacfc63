/* SPDX-License-Identifier: MIT */
#include "access/token_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "token_keys_internal.h"

#define MODE 0600
#define TEXT_MAX ((size_t)256 * 1024)

struct text {
    char *ptr;
};

static void text_cleanup(struct text *text)
{
    free(text->ptr);
}

/* Who the file belongs to: as the former one, else as told. */
struct ownership {
    uid_t user;
    gid_t group;
    mode_t mode;
};

/* The former keys, or NULL when there is no file yet. */
static int read_former(const char *path, struct ownership *owner,
                       struct token_keys **out, struct err *err)
{
    struct stat st;
    void *value;

    *out = NULL;
    if (stat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_set_errno(err, errno, "%s", path);
    owner->user = st.st_uid;
    owner->group = st.st_gid;
    owner->mode = st.st_mode & 07777;
    if (token_keys_kind.read(path, &value, err) < 0)
        return -1;
    *out = value;
    return 0;
}

static int print_keys(const struct token_key *fresh,
                      const struct token_keys *former, struct buf *into,
                      struct err *err)
{
    buf_add(into, SPAN("{\"keys\":[\n"));
    if (token_key_print(fresh, true, into, err) < 0)
        return -1;
    if (former != NULL) {
        buf_add(into, SPAN(",\n"));
        if (token_key_print(&former->keys[0], true, into, err) < 0)
            return -1;
    }
    buf_add(into, SPAN("\n]}\n"));
    if (into->overflowed)
        return err_set(err, ERR_TOO_LARGE, "keys of too many bytes");
    return 0;
}

/* Nobody can read the file before it belongs to whom it shall. */
static int fill(int fd, const struct ownership *owner, struct span text,
                struct err *err)
{
    struct stat st;

    if (fd_write_at(fd, 0, text, err) < 0)
        return -1;
    if (fstat(fd, &st) < 0)
        return err_set_errno(err, errno, "stat");
    if ((owner->user != st.st_uid && owner->user != (uid_t)-1) ||
        (owner->group != st.st_gid && owner->group != (gid_t)-1)) {
        if (fchown(fd, owner->user, owner->group) < 0)
            return err_set_errno(err, errno, "give it to user %u, group %u",
                                 (unsigned)owner->user, (unsigned)owner->group);
    }
    if (fchmod(fd, owner->mode) < 0 || fsync(fd) < 0)
        return err_set_errno(err, errno, "write");
    return 0;
}

static int sync_directory(const char *path, struct err *err)
{
    CLEANUP(text) struct text copy = {memory_copy_text(path)};
    CLEANUP(fd)
    int fd = open(dirname(copy.ptr), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) < 0)
        return err_set_errno(err, errno, "%s: sync its directory", path);
    return 0;
}

/* A link stays one: others may lead to the same keys. */
static int replace(const char *link, const struct ownership *owner,
                   struct span text, struct err *err)
{
    CLEANUP(text) struct text real = {realpath(link, NULL)};
    CLEANUP(buf) struct buf name = BUF_INIT(4096);
    const char *path = real.ptr != NULL ? real.ptr : link;
    CLEANUP(fd) int fd = -1;

    buf_add_format(&name, "%s.XXXXXX", path);
    if (name.overflowed)
        return err_set(err, ERR_SYNTAX, "%s: too long a name", path);
    fd = mkostemp(name.ptr, O_CLOEXEC);
    if (fd < 0)
        return err_set_errno(err, errno, "%s", buf_text(&name));
    if (fill(fd, owner, text, err) < 0) {
        unlink(name.ptr);
        return err_wrap(err, "%s", path);
    }
    if (rename(name.ptr, path) < 0) {
        err_set_errno(err, errno, "%s", path);
        unlink(name.ptr);
        return -1;
    }
    return sync_directory(path, err);
}

int token_keys_generate(const char *path, enum jose_algorithm algorithm,
                        uid_t reader, char id[TOKEN_KEY_ID_LENGTH + 1],
                        bool *had_former, struct err *err)
{
    CLEANUP(token_keys) struct token_keys *former = NULL;
    CLEANUP(jose_key) struct jose_key *jose = NULL;
    CLEANUP(buf) struct buf text = BUF_INIT(TEXT_MAX);
    struct ownership owner = {reader, (gid_t)-1, MODE};
    struct token_key fresh = {0};
    int result;

    if (read_former(path, &owner, &former, err) < 0 ||
        jose_key_generate(algorithm, &jose, err) < 0)
        return -1;
    fresh.jose = jose;
    if (token_key_thumbprint(jose, fresh.thumbprint, err) < 0)
        return -1;
    result = print_keys(&fresh, former, &text, err);
    if (result == 0)
        result = replace(path, &owner, buf_span(&text), err);
    if (text.ptr != NULL)
        explicit_bzero(text.ptr, text.len);
    if (result < 0)
        return -1;
    memcpy(id, fresh.thumbprint, sizeof(fresh.thumbprint));
    *had_former = former != NULL;
    return 0;
}
