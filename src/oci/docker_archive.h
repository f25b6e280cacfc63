/* SPDX-License-Identifier: MIT */
/*
 * The documents of what `docker save` writes: manifest.json, a list of images
 * with the files they consist of, which are a config and layers that are not
 * compressed as a rule. There is no manifest in it as registries have them, so
 * one is made: of schema 2, as health checks and the like count for some
 * clients only in that. Its digest is new then, while those of the config and
 * the layers are what they were.
 */
#ifndef BERTH_OCI_DOCKER_ARCHIVE_H
#define BERTH_OCI_DOCKER_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"
#include "oci/digest.h"

#define DOCKER_ARCHIVE_MANIFEST "manifest.json"
#define DOCKER_ARCHIVE_BYTES_MAX (16 * 1024 * 1024)

/* More than any image has. */
#define DOCKER_ARCHIVE_LAYERS_MAX 1024

struct docker_archive;

/* Reads manifest.json. ERR_SYNTAX */
int docker_archive_parse(struct span bytes, struct docker_archive **out,
                         struct err *err) WARN_UNUSED;
void docker_archive_free(struct docker_archive *archive);
void docker_archive_cleanup(struct docker_archive **archive);

/* Indexes are below the counts; spans live as long as the archive. */
size_t docker_archive_count(const struct docker_archive *archive);
struct span docker_archive_config(const struct docker_archive *archive,
                                  size_t image);
size_t docker_archive_tag_count(const struct docker_archive *archive,
                                size_t image);
struct span docker_archive_tag(const struct docker_archive *archive,
                               size_t image, size_t index);
size_t docker_archive_layer_count(const struct docker_archive *archive,
                                  size_t image);
struct span docker_archive_layer(const struct docker_archive *archive,
                                 size_t image, size_t index);

/*
 * The digests of the layers as they are uncompressed, from the config. `count`
 * is the number there has to be. ERR_SYNTAX
 */
int docker_archive_diff_ids(struct span config, size_t count,
                            struct digest *out, struct err *err) WARN_UNUSED;

enum docker_layer_form {
    DOCKER_LAYER_TAR,
    DOCKER_LAYER_GZIP,
    DOCKER_LAYER_ZSTD,
};

struct docker_layer {
    enum docker_layer_form form;
    struct digest digest; /* of its bytes as they are */
    uint64_t size;
};

/* From the first bytes of a layer; fewer than four are a tar. */
enum docker_layer_form docker_layer_form(struct span first);

/* Appends the manifest. */
void docker_archive_print_manifest(const struct digest *config,
                                   uint64_t config_size,
                                   const struct docker_layer *layers,
                                   size_t count, struct buf *into);

#endif
