/* SPDX-License-Identifier: MIT */
/*
 * The config of an image, as far as an administrator wants to see it
 * (image-spec, config.md; Docker's has the same members). Its bytes are their
 * author's: nothing in it is checked but that it is JSON, and what has another
 * type than it should counts as absent.
 */
#ifndef BERTH_OCI_IMAGE_CONFIG_H
#define BERTH_OCI_IMAGE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"
#include "oci/platform.h"

/* Larger ones are not read. */
#define IMAGE_CONFIG_BYTES_MAX (4 * 1024 * 1024)

struct image_config;

/* One step of the build. Spans live as long as the config. */
struct image_step {
    struct span created; /* RFC 3339, if its author kept to that */
    struct span created_by;
    bool is_empty; /* it made no layer */
};

/* Whether a config of this media type is such a document. */
bool image_config_has_type(struct span media_type);

/* ERR_SYNTAX when it is no JSON object. The bytes are not needed afterwards. */
int image_config_parse(struct span bytes, struct image_config **out,
                       struct err *err) WARN_UNUSED;
void image_config_free(struct image_config *config);
void image_config_cleanup(struct image_config **config);

/* Empty when it does not say. */
struct span image_config_created(const struct image_config *config);

/* As platform_read. */
bool image_config_platform(const struct image_config *config,
                           struct platform *out) WARN_UNUSED;

size_t image_config_step_count(const struct image_config *config);
/* `index` is below the count. */
void image_config_step_at(const struct image_config *config, size_t index,
                          struct image_step *out);

#endif
