/* SPDX-License-Identifier: MIT */
/*
 * What people and archives call an image: `NAME`, `NAME:TAG`, `NAME@DIGEST`,
 * where the name may have a host before it ("docker.io/library/alpine:3.20").
 */
#ifndef BERTH_OCI_IMAGE_NAME_H
#define BERTH_OCI_IMAGE_NAME_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/err.h"
#include "oci/name.h"

struct image_name {
    char repository[NAME_MAX_LENGTH + 1];
    char tag[TAG_MAX_LENGTH + 1]; /* "" = none was given */
    bool has_digest;
    struct digest digest;
};

/*
 * ERR_NAME_INVALID, ERR_TAG_INVALID, or as digest_parse. A host stays a part
 * of the name, unless it has a port, which no name can have.
 */
int image_name_parse(struct span text, struct image_name *out,
                     struct err *err) WARN_UNUSED;

/*
 * The same for names that other programs gave: without a host. That is, as for
 * Docker, a first component that is followed by others and has a dot or a port
 * in it, or is "localhost".
 */
int image_name_parse_foreign(struct span text, struct image_name *out,
                             struct err *err) WARN_UNUSED;

#endif
