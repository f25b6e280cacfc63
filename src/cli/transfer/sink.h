/* SPDX-License-Identifier: MIT */
/*
 * Where an export goes: a directory or a tar archive, at a path or standard
 * output. It looks like an image layout only once sink_end has returned 0.
 */
#ifndef BERTH_CLI_TRANSFER_SINK_H
#define BERTH_CLI_TRANSFER_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/reader.h"
#include "oci/digest.h"
#include "oci/image_layout.h"

struct sink;

/* A tar for "-" and what ends in .tar, else a directory, made if need be. */
int sink_open(const char *to, struct sink **out, struct err *err) WARN_UNUSED;

/*
 * The layout that is there already, whose images stay beside the new ones;
 * NULL when there is none.
 */
const struct image_layout *sink_layout(const struct sink *sink);

/*
 * Stores a blob of that size, once. ERR_DIGEST_INVALID when the bytes are
 * others.
 */
int sink_add(struct sink *sink, const struct digest *digest, uint64_t size,
             struct reader *bytes, struct err *err) WARN_UNUSED;

/* The list of images, last of all. */
int sink_end(struct sink *sink, struct span index, struct err *err) WARN_UNUSED;

/* Without sink_end: what was written so far is no layout. */
void sink_free(struct sink *sink);
void sink_cleanup(struct sink **sink);

#endif
