/* SPDX-License-Identifier: MIT */
/*
 * The documents of an OCI image layout (image-spec, image-layout.md), wherever
 * its files are:
 *
 *   oci-layout               {"imageLayoutVersion": "1.0.0"}
 *   index.json               an index: the images, and what they are called
 *   blobs/<alg>/<hex>        manifests, configs and layers alike
 */
#ifndef BERTH_OCI_IMAGE_LAYOUT_H
#define BERTH_OCI_IMAGE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"
#include "oci/digest.h"

#define IMAGE_LAYOUT_FILE "oci-layout"
#define IMAGE_LAYOUT_INDEX "index.json"
#define IMAGE_LAYOUT_BYTES_MAX (16 * 1024 * 1024)
#define IMAGE_LAYOUT_PATH_MAX (sizeof("blobs/sha512/") + HASH_HEX_MAX)

/* The text of the file that marks a layout. */
#define IMAGE_LAYOUT_MARK "{\"imageLayoutVersion\":\"1.0.0\"}"

/* Spans live as long as what they were parsed from. */
struct image_layout_entry {
    struct digest digest;
    uint64_t size;
    struct span media_type;
    struct span reference; /* org.opencontainers.image.ref.name; may be empty */
    struct span name;      /* io.containerd.image.name; with a host, or empty */
};

/* "blobs/<alg>/<hex>" */
void image_layout_path(const struct digest *digest,
                       char out[IMAGE_LAYOUT_PATH_MAX]);

/* ERR_SYNTAX for a version of the layout that is not known. */
int image_layout_check(struct span mark, struct err *err) WARN_UNUSED;

struct image_layout;

/* Reads index.json. ERR_SYNTAX */
int image_layout_parse(struct span index, struct image_layout **out,
                       struct err *err) WARN_UNUSED;
void image_layout_free(struct image_layout *layout);
void image_layout_cleanup(struct image_layout **layout);

size_t image_layout_count(const struct image_layout *layout);
/* `index` is below the count. */
void image_layout_at(const struct image_layout *layout, size_t index,
                     struct image_layout_entry *out);

/*
 * Writing: begin, then the entries, then end. Empty texts of an entry are left
 * out. image_layout_keep writes an entry of a parsed one as it is.
 */
void image_layout_begin(struct buf *into);
void image_layout_add(struct buf *into, const struct image_layout_entry *entry);
void image_layout_keep(struct buf *into, const struct image_layout *layout,
                       size_t index);
void image_layout_end(struct buf *into);

#endif
