/* SPDX-License-Identifier: MIT */
#include "aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/files.h"

#define MODE 0644 /* less what the umask takes away */

int aside_open(int directory, const char *name, struct aside *out,
               struct err *err)
{
    int length = snprintf(out->temporary, sizeof(out->temporary), ".%s.%ld",
                          name, (long)getpid());

    if (length < 0 || (size_t)length >= sizeof(out->temporary))
        return err_set_errno(err, ENAMETOOLONG, "%s", name);
    snprintf(out->name, sizeof(out->name), "%s", name);
    out->directory = directory;
    unlinkat(directory, out->temporary, 0);
    out->fd = openat(directory, out->temporary,
                     O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
    return out->fd < 0 ? err_set_errno(err, errno, "create %s", name) : 0;
}

int aside_finish(struct aside *aside, struct err *err)
{
    if (fsync(aside->fd) < 0)
        return err_set_errno(err, errno, "fsync %s", aside->name);
    if (renameat(aside->directory, aside->temporary, aside->directory,
                 aside->name) < 0)
        return err_set_errno(err, errno, "rename to %s", aside->name);
    fd_cleanup(&aside->fd);
    if (fsync(aside->directory) < 0)
        return err_set_errno(err, errno, "fsync the directory of %s",
                             aside->name);
    return 0;
}

void aside_cleanup(struct aside *aside)
{
    if (aside->fd >= 0)
        unlinkat(aside->directory, aside->temporary, 0);
    fd_cleanup(&aside->fd);
}

int aside_put(int directory, const char *name, struct span bytes,
              struct err *err)
{
    CLEANUP(aside) struct aside aside = ASIDE_INIT;

    if (aside_open(directory, name, &aside, err) < 0)
        return -1;
    if (fd_write_at(aside.fd, 0, bytes, err) < 0)
        return err_wrap(err, "%s", name);
    return aside_finish(&aside, err);
}
