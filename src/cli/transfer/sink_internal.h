/* SPDX-License-Identifier: MIT */
/* What a kind of sink is made of; see sink.h for the contract. */
#ifndef BERTH_CLI_TRANSFER_SINK_INTERNAL_H
#define BERTH_CLI_TRANSFER_SINK_INTERNAL_H

#include "sink.h"

struct sink_ops {
    int (*add)(struct sink *, const struct digest *digest, uint64_t size,
               struct reader *bytes, struct err *err);
    int (*end)(struct sink *, struct span index, struct err *err);
    void (*free)(struct sink *);
};

struct sink {
    const struct sink_ops *ops;
    struct image_layout *layout; /* freed by sink_free */
};

int sink_open_directory(const char *path, struct sink **out,
                        struct err *err) WARN_UNUSED;
int sink_open_archive(const char *path, struct sink **out,
                      struct err *err) WARN_UNUSED;

#endif
