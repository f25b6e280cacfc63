/* SPDX-License-Identifier: MIT */
/* A store in memory, and the few steps most tests begin with. */
#ifndef BERTH_TESTS_STORE_FIXTURE_H
#define BERTH_TESTS_STORE_FIXTURE_H

#include "base/reader.h"
#include "base/span.h"
#include "oci/digest.h"
#include "store/store.h"

#define FIXTURE_GRACE (24 * 3600)

extern struct store store;
extern struct err err;

void fixture_setup(void);
void fixture_teardown(void);

/* A body of these bytes; `break_off` ends it with ERR_BODY_INCOMPLETE. */
struct body {
    struct reader reader;
    struct span rest;
    bool break_off;
};
void body_init(struct body *body, struct span bytes);

/* Pushes a blob, in one request, or ends the test. */
struct digest push_blob(const char *name, struct span bytes);

/* Stores a manifest without any tag, or ends the test. */
struct digest push_manifest(const char *name, const char *json);

/* The JSON of an image with this config and layer, in a static buffer. */
const char *image_json(const struct digest *config, const struct digest *layer);

/* The digest's text, in one of a few static buffers. */
const char *text_of(const struct digest *digest);

/* Whether an object stands at the path, and its mtime. */
bool object_exists(const char *path);
int64_t object_mtime(const char *path);

/* Makes all the leases of an object older than the grace period. */
void object_age(const char *path);

/* The whole of an object, in a static buffer. */
const char *object_text(const char *path);

#endif
