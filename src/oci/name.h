/* SPDX-License-Identifier: MIT */
/*
 * What clients call things: repositories, tags, references, upload ids.
 *
 * The grammar is the distribution spec's, section "Pulling manifests". What
 * is valid here may be put into a path: no component of a repository name and
 * no tag starts with a dot, and no component starts with '_', which is kept
 * for the store's own directories.
 */
#ifndef BERTH_OCI_NAME_H
#define BERTH_OCI_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"
#include "oci/digest.h"

#define NAME_MAX_LENGTH 255
#define TAG_MAX_LENGTH 128
#define UUID_LENGTH 36

/*
 * [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*
 * of at most NAME_MAX_LENGTH bytes. Linear in the length.
 */
bool name_is_valid(struct span name);

/* [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} */
bool tag_is_valid(struct span tag);

/* Lower-case hex in the form 8-4-4-4-12, of any version and variant. */
bool uuid_is_valid(struct span uuid);

/* What may stand behind `/manifests/`. */
struct reference {
    bool is_digest;
    struct digest digest;         /* when is_digest */
    char tag[TAG_MAX_LENGTH + 1]; /* else */
};

/*
 * A text with a ':' is a digest, any other a tag. ERR_DIGEST_INVALID and
 * ERR_DIGEST_UNSUPPORTED as digest_parse, ERR_TAG_INVALID.
 */
int reference_parse(struct span text, struct reference *out,
                    struct err *err) WARN_UNUSED;

#endif
