/* SPDX-License-Identifier: MIT */
/* What inspect found out about an image. */
#ifndef BERTH_CLI_IMAGES_INSPECT_H
#define BERTH_CLI_IMAGES_INSPECT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "store/image.h"
#include "store/store.h"

struct inspection {
    const struct store *store;
    const char *name;
    struct digest digest;
    struct buf bytes; /* of the manifest */
    struct manifest *manifest;
    struct image_config *config; /* NULL = it has none, or none we read */
    struct image_summary summary;
    struct buf tags;      /* that name it, each with a NUL behind */
    struct buf referrers; /* an array of descriptors, as JSON */
    struct json *listed;  /* the same */
    bool *is_missing;     /* for each reference of the manifest */
    bool lacks_something; /* one of those that have to be there */
};

/* Both print on standard output. */
void inspect_print_json(const struct inspection *inspection);
void inspect_print_text(const struct inspection *inspection);

#endif
