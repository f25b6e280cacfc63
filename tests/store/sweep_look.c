/* SPDX-License-Identifier: MIT */
/* What a store shows of itself after a run: see sweep.h. */
#include <stdio.h>
#include <string.h>

#include "oci/manifest.h"
#include "store/blob.h"
#include "store/catalog.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/referrers.h"
#include "store/sweep.h"
#include "store/tag.h"
#include "store/upload.h"

#define BYTES_MAX (16 * 1024 * 1024)

/* --- looking --- */

void expect_blob(const char *name, const struct digest *digest)
{
    CLEANUP(reader) struct reader *reader = NULL;
    struct blob blob;
    struct hash hash;
    struct digest actual;
    char piece[4096];
    ssize_t count;

    EXPECT_OK(blob_find(&store, name, digest, &blob, &err));
    EXPECT_OK(blob_open(&store, &blob, 0, blob.size, &reader, &err));
    hash_init(&hash, digest->algorithm);
    while ((count = reader_read(reader, piece, sizeof(piece), &err)) > 0)
        hash_update(&hash, piece, (size_t)count);
    EXPECT(count == 0);
    EXPECT(hash.length == blob.size);
    digest_finish(&hash, &actual);
    EXPECT(digest_equals(&actual, digest));
}

void expect_manifest(const char *name, const struct digest *digest,
                     const char *json)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(BYTES_MAX);

    EXPECT_OK(manifest_get(&store, name, digest, &bytes, &err));
    EXPECT(span_equals(buf_span(&bytes), span_of(json)));
}

bool tag_names(const char *name, const char *tag, const struct digest *digest)
{
    struct err error = {0};
    struct digest named;

    if (tag_resolve(&store, name, tag, &named, &error) == 0)
        return digest_equals(&named, digest);
    EXPECT(error.code == ERR_MANIFEST_UNKNOWN);
    return false;
}

void expect_tag(const char *name, const char *tag, const struct digest *digest)
{
    cr_assert(tag_names(name, tag, digest), "%s: %s", sweep_where(), tag);
}

bool is_listed_referrer(const struct digest *referrer)
{
    static const struct referrers_query all = {.artifact_type = {"", 0}};
    CLEANUP(buf) struct buf list = BUF_INIT(BYTES_MAX);
    struct referrers_page page;

    EXPECT_OK(
        referrers_list(&store, "a", &world.image, &all, &list, &page, &err));
    return strstr(buf_text(&list), text_of(referrer)) != NULL;
}

/* --- soundness --- */

static int check_blobs_below(void *context, const char *name, bool is_directory,
                             struct err *error)
{
    CLEANUP(buf) struct buf path = BUF_INIT(LAYOUT_PATH_MAX);
    CLEANUP(buf) struct buf bytes = BUF_INIT(BYTES_MAX);
    struct digest digest;

    buf_add_format(&path, "%s/%s", (const char *)context, name);
    if (is_directory)
        return driver_list(store.driver, buf_text(&path), NULL,
                           check_blobs_below, path.ptr, error);
    EXPECT_OK(driver_get(store.driver, buf_text(&path), &bytes, NULL, &err));
    digest_of_bytes(strstr(buf_text(&path), "/sha512/") ? HASH_SHA512
                                                        : HASH_SHA256,
                    buf_span(&bytes), &digest);
    EXPECT(strcmp(layout_blob(&digest).text, buf_text(&path)) == 0);
    return 0;
}

static void check_references(const char *name, struct span bytes)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;

    EXPECT_OK(manifest_parse(bytes, SPAN(""), &manifest, &err));
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        CLEANUP(buf) struct buf child = BUF_INIT(BYTES_MAX);
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind == MANIFEST_CHILD)
            EXPECT_OK(manifest_get(&store, name, &reference.descriptor.digest,
                                   &child, &err));
        else if (reference.kind != MANIFEST_SUBJECT)
            expect_blob(name, &reference.descriptor.digest);
    }
}

static int check_tag(void *context, const char *tag, struct err *error)
{
    const char *name = context;
    CLEANUP(buf) struct buf bytes = BUF_INIT(BYTES_MAX);
    struct digest digest, actual;

    (void)error;
    EXPECT_OK(tag_resolve(&store, name, tag, &digest, &err));
    EXPECT_OK(manifest_get(&store, name, &digest, &bytes, &err));
    digest_of_bytes(digest.algorithm, buf_span(&bytes), &actual);
    EXPECT(digest_equals(&actual, &digest));
    check_references(name, buf_span(&bytes));
    return 0;
}

static int check_repository(void *context, const char *name, struct err *error)
{
    char copy[NAME_MAX_LENGTH + 1];

    (void)context;
    snprintf(copy, sizeof(copy), "%s", name);
    if (tag_list(&store, name, NULL, check_tag, copy, error) == 0)
        return 0;
    /* One that has only blobs. */
    EXPECT(error->code == ERR_NAME_UNKNOWN);
    err_clear(error);
    return 0;
}

void expect_sound(void)
{
    char blobs[] = LAYOUT_BLOBS;

    EXPECT_OK(
        driver_list(store.driver, blobs, NULL, check_blobs_below, blobs, &err));
    EXPECT_OK(catalog_list(&store, NULL, check_repository, NULL, &err));
}

static void expect_image(unsigned int touches)
{
    if (touches & TOUCHES_IMAGE)
        return;
    expect_manifest("a", &world.image, world.image_json);
    expect_tag("a", "latest", &world.image);
    if (!(touches & TOUCHES_V1))
        expect_tag("a", "v1", &world.image);
}

void expect_kept(unsigned int touches)
{
    uint64_t size;

    expect_blob("a", &world.config);
    expect_blob("a", &world.layer);
    expect_blob("b", &world.config);
    if (!(touches & TOUCHES_SPARE))
        expect_blob("a", &world.spare);
    expect_image(touches);
    expect_manifest("a", &world.other, world.other_json);
    expect_tag("a", "v2", &world.other);
    if (!(touches & TOUCHES_SIGNATURE))
        expect_manifest("a", &world.signature, world.signature_json);
    if (!(touches & (TOUCHES_INDEX | TOUCHES_SIGNATURE)))
        EXPECT(is_listed_referrer(&world.signature));
    if (touches & TOUCHES_UPLOAD)
        return;
    EXPECT_OK(upload_status(&store, "a", world.uuid, &size, &err));
    EXPECT(size == 3);
}
