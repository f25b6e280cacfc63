/* SPDX-License-Identifier: MIT */
/* What an image is altogether, for people who look at lists of them. */
#ifndef BERTH_STORE_IMAGE_H
#define BERTH_STORE_IMAGE_H

#include <stdint.h>

#include "base/buf.h"
#include "oci/digest.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "store/store.h"

/* Of the texts of all platforms. */
#define IMAGE_PLATFORMS_MAX 4096

struct image_summary {
    char media_type[MANIFEST_MEDIA_TYPE_MAX];
    /*
     * Bytes of the manifest and of all it needs, as manifests say it, each
     * once: what a pull of everything transfers.
     */
    uint64_t size;
    struct buf platforms; /* "linux/amd64,linux/arm64"; may be empty */
};

/*
 * Looks at a manifest of the repository, at its children and, for the platform
 * of an image, at its config. Children that are absent, and those below the
 * fourth level, count only as what the index says of them.
 * ERR_MANIFEST_UNKNOWN; ERR_MANIFEST_INVALID when it is no manifest we read.
 * The caller ends `out` with CLEANUP(image_summary), also after a failure.
 */
int image_summarize(const struct store *store, const char *name,
                    const struct digest *digest, struct image_summary *out,
                    struct err *err) WARN_UNUSED;
void image_summary_cleanup(struct image_summary *summary);

/*
 * The config of an image; `*out` is NULL when it has none that is such a
 * document (artifacts), or it is not there, or larger than we read.
 */
int image_config_load(const struct store *store, const char *name,
                      const struct manifest *manifest,
                      struct image_config **out, struct err *err) WARN_UNUSED;

#endif
