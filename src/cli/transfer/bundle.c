/* SPDX-License-Identifier: MIT */
#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "bundle_internal.h"
#include "cli/interrupt.h"

#define PIECE_BYTES (256 * 1024)

/* In $TMPDIR, or where large things may lie that outlive no process. */
static int open_spool(struct err *err)
{
    const char *directory = getenv("TMPDIR");
    int fd;

    if (directory == NULL || directory[0] == '\0')
        directory = "/var/tmp";
    fd = open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    return fd >= 0
               ? fd
               : err_set_errno(err, errno, "a file in %s (TMPDIR)", directory);
}

static int copy_all(int from, int to, char *piece, struct err *err)
{
    uint64_t offset = 0;

    for (;;) {
        ssize_t got = read(from, piece, PIECE_BYTES);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set_errno(err, errno, "read");
        if (interrupt_came())
            return err_set(err, ERR_BUSY, "interrupted");
        if (got == 0)
            return 0;
        if (fd_write_at(to, offset, (struct span){piece, (size_t)got}, err) < 0)
            return err_wrap(err, "the copy in TMPDIR");
        offset += (uint64_t)got;
    }
}

/* What comes through a pipe can be read once, so it is kept. */
static int spool(int *fd, const char *label, struct err *err)
{
    CLEANUP(fd) int kept = open_spool(err);
    char *piece;
    int result;

    if (kept < 0)
        return -1;
    piece = memory_new(PIECE_BYTES);
    result = copy_all(*fd, kept, piece, err);
    free(piece);
    if (result < 0)
        return err_wrap(err, "%s", label);
    close(*fd);
    *fd = fd_take(&kept);
    return 0;
}

int bundle_open(int fd, const char *label, struct bundle **out, struct err *err)
{
    CLEANUP(fd) int taken = fd;
    struct stat st;

    if (fstat(taken, &st) < 0)
        return err_set_errno(err, errno, "%s", label);
    if (S_ISDIR(st.st_mode))
        return bundle_open_directory(fd_take(&taken), label, out, err);
    if (!S_ISREG(st.st_mode) && spool(&taken, label, err) < 0)
        return -1;
    return bundle_open_archive(fd_take(&taken), label, out, err);
}

void bundle_free(struct bundle *bundle)
{
    if (bundle != NULL)
        bundle->ops->free(bundle);
}

void bundle_cleanup(struct bundle **bundle)
{
    bundle_free(*bundle);
}

int bundle_find(struct bundle *bundle, const char *name,
                struct bundle_file *out, struct err *err)
{
    return bundle->ops->find(bundle, name, out, err);
}

int bundle_get(struct bundle *bundle, const char *name, struct buf *into,
               struct err *err)
{
    return bundle->ops->get(bundle, name, into, err);
}

int bundle_read(struct bundle *bundle, const char *const *names, size_t count,
                bundle_visit *visit, void *context, struct err *err)
{
    return bundle->ops->read(bundle, names, count, visit, context, err);
}
