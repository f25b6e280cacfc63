/* SPDX-License-Identifier: MIT */
/* The image that a word of a command line means. */
#ifndef BERTH_CLI_IMAGES_FOUND_H
#define BERTH_CLI_IMAGES_FOUND_H

#include "base/compiler.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "store/store.h"

struct found {
    struct image_reference reference;
    struct digest digest; /* of the manifest */
};

/*
 * The manifest of the digest, else of the tag, else of the tag "latest", as
 * clients have it. Fails with a sentence that says what is not there: the
 * repository, the tag, the manifest.
 */
int found_image(const struct store *store, const char *word, struct found *out,
                struct err *err) WARN_UNUSED;

/* ERR_NAME_UNKNOWN, with a sentence, unless the repository is there. */
int found_check_repository(const struct store *store, const char *name,
                           struct err *err) WARN_UNUSED;

#endif
