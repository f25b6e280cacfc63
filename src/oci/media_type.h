/* SPDX-License-Identifier: MIT */
/*
 * Media types this registry knows by name. Everything else is stored and
 * served as well, under the type its author gave it.
 */
#ifndef BERTH_OCI_MEDIA_TYPE_H
#define BERTH_OCI_MEDIA_TYPE_H

#include <stdbool.h>

#include "base/span.h"

#define MEDIA_TYPE_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_TYPE_OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define MEDIA_TYPE_OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define MEDIA_TYPE_OCI_EMPTY "application/vnd.oci.empty.v1+json"
#define MEDIA_TYPE_DOCKER_MANIFEST                                             \
    "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_TYPE_DOCKER_LIST                                                 \
    "application/vnd.docker.distribution.manifest.list.v2+json"

/* RFC 6838 section 4.2: 127 bytes on either side of the slash. */
#define MEDIA_TYPE_MAX_LENGTH 255

/* An OCI index or a Docker manifest list. */
bool media_type_is_index(struct span type);

/* An OCI image manifest or a Docker schema 2 manifest. */
bool media_type_is_image(struct span type);

/* A Docker schema 1 manifest, signed or not; refused since it has no digest
 * of its own bytes. */
bool media_type_is_schema1(struct span type);

/*
 * A layer that its author keeps elsewhere: Docker's foreign layers, OCI's
 * non-distributable ones. A manifest may name it without having pushed it.
 */
bool media_type_is_foreign_layer(struct span type);

/* A Content-Type without parameters and blanks around it. */
struct span media_type_essence(struct span content_type);

/*
 * `type/subtype` in RFC 6838's restricted names, at most
 * MEDIA_TYPE_MAX_LENGTH bytes, no parameters. Such a text may stand in a
 * header as it is.
 */
bool media_type_is_valid(struct span type);

#endif
