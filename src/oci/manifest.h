/* SPDX-License-Identifier: MIT */
/*
 * Manifests: what they are, what they refer to.
 *
 * OCI image manifests and indexes, Docker schema 2 manifests and lists, and
 * any other JSON document with `schemaVersion` 2, which is taken by its shape:
 * `manifests` makes it an index. The rules keep a document from being read as
 * an image by one program and as an index by another (GHSA-mc8v-mgrf-8f4m).
 *
 *     CLEANUP(manifest) struct manifest *manifest = NULL;
 *     if (manifest_parse(bytes, content_type, &manifest, err) < 0)
 *         return -1;
 *     for (size_t i = 0; i < manifest_reference_count(manifest); i++)
 *         manifest_reference_at(manifest, i, &reference);
 *
 * A JSON null counts as an absent member, as it does for Go's decoder.
 */
#ifndef BERTH_OCI_MANIFEST_H
#define BERTH_OCI_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/json.h"
#include "base/span.h"
#include "oci/digest.h"
#include "oci/media_type.h"

struct manifest;

/* Spans live as long as the manifest it came from. */
struct descriptor {
    struct span media_type;    /* as written; empty when absent */
    struct span artifact_type; /* likewise */
    struct digest digest;
    uint64_t size;
    bool has_urls;
    const struct json *platform;    /* an object or NULL; see platform.h */
    const struct json *annotations; /* an object of strings or NULL */
};

/*
 * Reads a manifest; `content_type` is the request's header, parameters
 * allowed, or empty when there is none or none matters. The bytes are not
 * needed afterwards. Their number is the caller's to limit.
 *
 * ERR_MANIFEST_INVALID with a detail fit for clients; ERR_DIGEST_INVALID and
 * ERR_DIGEST_UNSUPPORTED never come from here.
 */
int manifest_parse(struct span bytes, struct span content_type,
                   struct manifest **out, struct err *err) WARN_UNUSED;
void manifest_free(struct manifest *manifest);
void manifest_cleanup(struct manifest **manifest);

/*
 * The media type it is served under: the `mediaType` of the JSON; if absent,
 * the OCI index for a document with `manifests`, else the OCI image manifest.
 */
struct span manifest_type(const struct manifest *manifest);
bool manifest_is_index(const struct manifest *manifest);

/* NULL when it has none. */
const struct descriptor *manifest_config(const struct manifest *manifest);
const struct descriptor *manifest_subject(const struct manifest *manifest);

/*
 * What the referrers list tells of it: `artifactType`, else the media type of
 * the config; empty for an index without.
 */
struct span manifest_artifact_type(const struct manifest *manifest);

/* The object of strings, or NULL. */
const struct json *manifest_annotations(const struct manifest *manifest);

enum manifest_reference_kind {
    MANIFEST_CONFIG,  /* a blob */
    MANIFEST_LAYER,   /* a blob */
    MANIFEST_CHILD,   /* of an index: a manifest or, in old caches, a blob */
    MANIFEST_SUBJECT, /* a manifest */
};

struct manifest_reference {
    enum manifest_reference_kind kind;
    bool may_be_absent; /* a foreign layer or the subject */
    struct descriptor descriptor;
};

/* All references: the config, the layers, the children, the subject. */
size_t manifest_reference_count(const struct manifest *manifest);
/* `index` is below the count. */
void manifest_reference_at(const struct manifest *manifest, size_t index,
                           struct manifest_reference *out);

/*
 * Appends the descriptor of this manifest for a referrers reply: mediaType,
 * digest, size, artifactType and annotations if it has them.
 */
void manifest_descriptor_print(const struct manifest *manifest,
                               const struct digest *digest, uint64_t size,
                               struct buf *into);

#define MANIFEST_MEDIA_TYPE_MAX (MEDIA_TYPE_MAX_LENGTH + 1)

/*
 * manifest_type of stored bytes without parsing them all, for the path every
 * pull takes: the same answer for whatever manifest_parse accepts, and a
 * valid media type for any bytes at all (the OCI image manifest when nothing
 * better is found). Returns the length of the text written to `out`.
 */
size_t manifest_media_type(struct span bytes,
                           char out[MANIFEST_MEDIA_TYPE_MAX]);

#endif
