/* SPDX-License-Identifier: MIT */
/* Images on their way from the registry into a sink. */
#ifndef BERTH_CLI_TRANSFER_EXPORTED_H
#define BERTH_CLI_TRANSFER_EXPORTED_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/progress.h"
#include "oci/digest_set.h"
#include "oci/name.h"
#include "sink.h"
#include "store/store.h"

struct exported_image {
    char repository[NAME_MAX_LENGTH + 1];
    char tag[TAG_MAX_LENGTH + 1]; /* "" = asked for by digest, or a referrer */
    struct digest digest;
    bool is_done;
};

struct exported {
    const struct store *store;
    bool sparse;    /* what is missing is passed over, see settings.h */
    bool referrers; /* signatures and the like come along */
    struct sink *sink;
    struct progress progress;

    struct exported_image *images;
    size_t count, room;

    struct digest_set written; /* into the sink */
    uint64_t files, bytes;
};

void exported_cleanup(struct exported *exported);

/* Asks for an image, unless it was asked for already. */
void exported_add(struct exported *exported, const char *repository,
                  const char *tag, const struct digest *digest);

/*
 * Writes all that was asked for, and the list of it. ERR_DIGEST_INVALID and
 * the name of what is damaged; what is missing is an error, too.
 */
int exported_run(struct exported *exported, struct err *err) WARN_UNUSED;

#endif
