/* SPDX-License-Identifier: MIT */
/*
 * What an image runs on: the `platform` of a descriptor in an index, and the
 * same members of an image's config (image-spec, image-index.md, config.md).
 */
#ifndef BERTH_OCI_PLATFORM_H
#define BERTH_OCI_PLATFORM_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/span.h"

/* Spans of the document it came from; empty where it says nothing. */
struct platform {
    struct span os;
    struct span architecture;
    struct span variant;
};

/*
 * False, with nothing written, when the object names none, or "unknown", as
 * builders do for what runs nowhere (attestations). NULL is no object.
 */
bool platform_read(const struct json *object, struct platform *out) WARN_UNUSED;

/* Appends "linux/amd64", "linux/arm/v7". The texts are their author's. */
void platform_print(const struct platform *platform, struct buf *into);

#endif
