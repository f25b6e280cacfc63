/* SPDX-License-Identifier: MIT */
/*
 * Images from a bundle on their way into the registry.
 *
 *     shipment_add_blob ...      what a repository wants of the bundle
 *     shipment_take_blobs        one way through the bundle, for all of them
 *     shipment_put_manifest ...  parts before what refers to them
 *     shipment_add_tag ...; shipment_set_tags
 *
 * Each step is a step of a push (store/intake.h): what is interrupted leaves
 * the registry in order, and goes faster the next time.
 */
#ifndef BERTH_CLI_TRANSFER_SHIPMENT_H
#define BERTH_CLI_TRANSFER_SHIPMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "bundle.h"
#include "cli/progress.h"
#include "cli/tree.h"
#include "oci/reference.h"

/*
 * What one import may ask for, so that a short list with many names for one
 * image of many layers takes no more memory than this: some 400 bytes each.
 */
#define SHIPMENT_BLOBS_MAX 500000

struct shipment_blob {
    char *file; /* in the bundle */
    char repository[NAME_MAX_LENGTH + 1];
    bool is_new; /* its digest is not known until it is taken */
    struct digest digest;
    uint64_t size;
};

struct shipment_tag {
    char repository[NAME_MAX_LENGTH + 1];
    char tag[TAG_MAX_LENGTH + 1]; /* "" = none: told, and no more */
    struct digest digest;
};

struct shipment {
    const struct tree *tree;
    struct bundle *bundle;
    struct image_reference given; /* by the administrator; "" = nothing */
    bool json;

    struct shipment_blob *blobs; /* sorted by file once they are taken */
    size_t blob_count, blob_room;
    struct shipment_tag *tags;
    size_t tag_count, tag_room;

    struct progress progress;
    uint64_t bytes_done;
    uint64_t taken, kept, manifests, bytes; /* what is told at the end */
};

void shipment_cleanup(struct shipment *shipment);

/* `digest` NULL when nobody knows it yet. ERR_SYNTAX for too many. */
int shipment_add_blob(struct shipment *shipment, const char *repository,
                      const char *file, const struct digest *digest,
                      struct err *err) WARN_UNUSED;

/* Takes those that the registry does not have. */
int shipment_take_blobs(struct shipment *shipment, struct err *err) WARN_UNUSED;

/* The digest, and the size, of a file that was taken as a new one. */
const struct shipment_blob *shipment_find(const struct shipment *shipment,
                                          const char *file);

int shipment_put_manifest(struct shipment *shipment, const char *repository,
                          const struct digest *digest, struct span bytes,
                          struct err *err) WARN_UNUSED;

void shipment_add_tag(struct shipment *shipment, const char *repository,
                      const char *tag, const struct digest *digest);

/* Sets the tags and tells of each; ERR_SYNTAX for two of one name. */
int shipment_set_tags(struct shipment *shipment, struct err *err) WARN_UNUSED;

/* What is said at the end. */
void shipment_print(const struct shipment *shipment);

/* The two forms; all that lies between the opened bundle and the end. */
int shipment_run_layout(struct shipment *shipment, struct err *err) WARN_UNUSED;
int shipment_run_docker(struct shipment *shipment, struct err *err) WARN_UNUSED;

#endif
