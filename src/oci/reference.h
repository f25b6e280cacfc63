/* SPDX-License-Identifier: MIT */
/*
 * What people call an image on a command line, and archives in their lists:
 *
 *     name[:tag][@digest]
 *
 * without the host that clients put before it. What stands behind
 * `/manifests/` in a request is another thing, see name.h.
 */
#ifndef BERTH_OCI_REFERENCE_H
#define BERTH_OCI_REFERENCE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"
#include "oci/digest.h"
#include "oci/name.h"

struct image_reference {
    char name[NAME_MAX_LENGTH + 1];
    char tag[TAG_MAX_LENGTH + 1]; /* "" = none was given */
    bool has_digest;
    struct digest digest; /* when has_digest */
};

/*
 * ERR_NAME_INVALID, ERR_TAG_INVALID, ERR_DIGEST_INVALID and
 * ERR_DIGEST_UNSUPPORTED, with a sentence for who typed it, in which the bytes
 * of the text that could harm a terminal are escaped.
 */
int image_reference_parse(struct span text, struct image_reference *out,
                          struct err *err) WARN_UNUSED;

/*
 * The same for names that other programs gave: without a host. That is, as for
 * Docker, a first component that is followed by others and has a dot or a port
 * in it, or is "localhost".
 */
int image_reference_parse_foreign(struct span text, struct image_reference *out,
                                  struct err *err) WARN_UNUSED;

/* Appends it in the form it is read in. */
void image_reference_print(const struct image_reference *reference,
                           struct buf *into);

#endif
