/* SPDX-License-Identifier: MIT */
/* What a kind of bundle is made of; see bundle.h for the contract. */
#ifndef BERTH_CLI_TRANSFER_BUNDLE_INTERNAL_H
#define BERTH_CLI_TRANSFER_BUNDLE_INTERNAL_H

#include "bundle.h"

struct bundle_ops {
    int (*find)(struct bundle *, const char *name, struct bundle_file *out,
                struct err *err);
    int (*get)(struct bundle *, const char *name, struct buf *into,
               struct err *err);
    int (*read)(struct bundle *, const char *const *names, size_t count,
                bundle_visit *visit, void *context, struct err *err);
    void (*free)(struct bundle *);
};

struct bundle {
    const struct bundle_ops *ops;
    const char *label;
};

/* Both take `fd`, also when they fail. */
int bundle_open_directory(int fd, const char *label, struct bundle **out,
                          struct err *err) WARN_UNUSED;
/* `fd` can seek. */
int bundle_open_archive(int fd, const char *label, struct bundle **out,
                        struct err *err) WARN_UNUSED;

#endif
