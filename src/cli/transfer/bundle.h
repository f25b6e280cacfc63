/* SPDX-License-Identifier: MIT */
/*
 * A set of files with images in it, from elsewhere: a directory, or a tar
 * archive of one. Nobody here trusts it: names in it are looked up, never used
 * as paths to write to, and links in an archive lead nowhere but into it.
 *
 * An archive is gone through twice, once to learn what is in it, and once for
 * the large files, in whatever order they stand. One that comes through a pipe
 * is kept in a file without a name meanwhile, compressed as it is.
 */
#ifndef BERTH_CLI_TRANSFER_BUNDLE_H
#define BERTH_CLI_TRANSFER_BUNDLE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/reader.h"

/* The largest file that bundle_get gives: a manifest, a config, a list. */
#define BUNDLE_DOCUMENT_MAX (16 * 1024 * 1024)

/* Of a name that a list in a bundle may ask for, with its NUL. */
#define BUNDLE_NAME_MAX 1024

/* The first bytes of a file that tell how it is compressed. */
#define BUNDLE_FIRST 4

struct bundle;

struct bundle_file {
    const char *name; /* the one it is kept by, behind all links */
    uint64_t size;
    char first[BUNDLE_FIRST];
    size_t first_len;
};

/*
 * Opens what `fd` is; takes it. `label` is borrowed and names it in errors.
 * ERR_SYNTAX for what is neither, or has too much in it.
 */
int bundle_open(int fd, const char *label, struct bundle **out,
                struct err *err) WARN_UNUSED;
void bundle_free(struct bundle *bundle);
void bundle_cleanup(struct bundle **bundle);

/*
 * Finds a file by its name, "blobs/sha256/...". The name in `*out` lives as
 * long as the bundle. ERR_NOT_FOUND, also for links that lead out of it.
 */
int bundle_find(struct bundle *bundle, const char *name,
                struct bundle_file *out, struct err *err) WARN_UNUSED;

/*
 * Appends a document, which is JSON: an archive keeps only what begins as such
 * at hand. ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_SYNTAX.
 */
int bundle_get(struct bundle *bundle, const char *name, struct buf *into,
               struct err *err) WARN_UNUSED;

/* `index` is that of the name; `bytes` are read once. -1 ends it. */
typedef int bundle_visit(void *context, size_t index, struct reader *bytes,
                         struct err *err);

/*
 * Visits the files with these names, which are as bundle_find gave them and in
 * ascending order of strcmp, in any order. Fails when one is not there.
 */
int bundle_read(struct bundle *bundle, const char *const *names, size_t count,
                bundle_visit *visit, void *context,
                struct err *err) WARN_UNUSED;

#endif
