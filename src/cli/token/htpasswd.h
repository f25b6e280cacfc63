/* SPDX-License-Identifier: MIT */
/*
 * The file in which a web server keeps names and passwords, as htpasswd(1) of
 * Apache makes it: a line "USER:HASH" each, and lines that begin with '#'.
 *
 * Whoever changes it holds the file from reading to writing, so that two at
 * once lose nothing:
 *
 *     CLEANUP(htpasswd) struct htpasswd file = HTPASSWD_INIT;
 *     CLEANUP(buf) struct buf text = BUF_INIT(HTPASSWD_MAX);
 *     if (htpasswd_open(&file, path, false, &err) < 0)
 *         return -1;
 *     htpasswd_remove(buf_span(&file.text), user, &text);
 *     return htpasswd_write(&file, &text, &err);
 *
 * htpasswd(1) itself holds nothing: do not run both at once.
 */
#ifndef BERTH_CLI_HTPASSWD_H
#define BERTH_CLI_HTPASSWD_H

#include <limits.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

#define HTPASSWD_MAX ((size_t)16 * 1024 * 1024) /* bytes */

/* --- the grammar --- */

/*
 * The user of each line that has one, in the order of the file; false at the
 * end. `*rest` is the text to begin with.
 */
bool htpasswd_next_user(struct span *rest, struct span *user);

bool htpasswd_has(struct span text, struct span user);

/*
 * Appends the text with this line in the place of the user's first, or at the
 * end when there is none. Further lines of the user go; any other byte stays,
 * but for the line feed that the last line may lack.
 */
void htpasswd_set(struct span text, struct span user, struct span hash,
                  struct buf *into);

/* Appends the text without the lines of the user. */
void htpasswd_remove(struct span text, struct span user, struct buf *into);

/* --- the file --- */

struct htpasswd {
    const char *path; /* as given, borrowed */
    int fd;           /* locked */
    int directory;    /* that it is in, links resolved */
    char name[NAME_MAX + 1];
    bool is_new;
    struct buf text;
};

#define HTPASSWD_INIT                                                          \
    {                                                                          \
        .fd = -1, .directory = -1, .text = BUF_INIT(HTPASSWD_MAX)              \
    }

/* The text as it is now, for those who do not change it. */
int htpasswd_read(const char *path, struct buf *text,
                  struct err *err) WARN_UNUSED;

/*
 * Waits until nobody else holds the file, and reads it. With `create` one that
 * is not there is made, empty and with mode 0640.
 */
int htpasswd_open(struct htpasswd *file, const char *path, bool create,
                  struct err *err) WARN_UNUSED;

/*
 * Puts the text in the place of the file: a reader gets all of the old one or
 * all of the new. Owner, group, mode and ACL stay; a symbolic link stays one.
 * Only once: what is held is then no longer the file of this name.
 */
int htpasswd_write(const struct htpasswd *file, const struct buf *text,
                   struct err *err) WARN_UNUSED;

void htpasswd_cleanup(struct htpasswd *file);

#endif
