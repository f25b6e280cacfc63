/* SPDX-License-Identifier: MIT */
#include "store/image.h"

#include <stdio.h>

#include "base/num.h"
#include "oci/digest_set.h"
#include "store/blob.h"
#include "store/layout.h"
#include "store/manifest_store.h"

/* As deep as a push goes, see manifest_store.c. */
#define LEVELS_MAX 4

struct measure {
    const struct store *store;
    const char *name;
    struct digest_set met;
    uint64_t size;
};

static void measure_cleanup(struct measure *measure)
{
    digest_set_cleanup(&measure->met);
}

int image_config_load(const struct store *store, const char *name,
                      const struct manifest *manifest,
                      struct image_config **out, struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(IMAGE_CONFIG_BYTES_MAX);
    const struct descriptor *config = manifest_config(manifest);
    struct layout_path path;
    struct blob blob;

    *out = NULL;
    if (config == NULL || !image_config_has_type(config->media_type))
        return 0;
    if (blob_find(store, name, &config->digest, &blob, err) == 0) {
        path = layout_blob(&blob.stored);
        if (driver_get(store->driver, path.text, &bytes, NULL, err) == 0 &&
            image_config_parse(buf_span(&bytes), out, err) == 0)
            return 0;
    }
    if (err->code != ERR_BLOB_UNKNOWN && err->code != ERR_NOT_FOUND &&
        err->code != ERR_TOO_LARGE && err->code != ERR_SYNTAX)
        return -1;
    err_clear(err);
    return 0;
}

/* False when it was counted before: an index may name a child many times. */
static bool add_size(struct measure *measure, const struct digest *digest,
                     uint64_t size)
{
    if (!digest_set_add(&measure->met, digest))
        return false;
    if (num_add(measure->size, size, &measure->size) < 0)
        measure->size = UINT64_MAX;
    return true;
}

static int measure_all(struct measure *measure, const struct manifest *manifest,
                       int level, struct err *err);

static int measure_child(struct measure *measure,
                         const struct descriptor *descriptor, int level,
                         struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *child = NULL;

    if (level >= LEVELS_MAX)
        return 0;
    if (manifest_get(measure->store, measure->name, &descriptor->digest, &bytes,
                     err) == 0 &&
        manifest_parse(buf_span(&bytes), SPAN(""), &child, err) == 0)
        return measure_all(measure, child, level + 1, err);
    if (err->code != ERR_MANIFEST_UNKNOWN && err->code != ERR_TOO_LARGE &&
        err->code != ERR_MANIFEST_INVALID)
        return -1;
    err_clear(err);
    return 0;
}

static int measure_all(struct measure *measure, const struct manifest *manifest,
                       int level, struct err *err)
{
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;
        const struct descriptor *descriptor = &reference.descriptor;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind == MANIFEST_SUBJECT ||
            !add_size(measure, &descriptor->digest, descriptor->size))
            continue;
        if (reference.kind == MANIFEST_CHILD &&
            measure_child(measure, descriptor, level, err) < 0)
            return -1;
    }
    return 0;
}

static void add_platform(struct buf *platforms, const struct platform *platform)
{
    if (platforms->len > 0)
        buf_add_char(platforms, ',');
    platform_print(platform, platforms);
}

static void add_platforms_of_index(const struct manifest *manifest,
                                   struct buf *platforms)
{
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;
        struct platform platform;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind == MANIFEST_CHILD &&
            platform_read(reference.descriptor.platform, &platform))
            add_platform(platforms, &platform);
    }
}

static int add_platforms(const struct store *store, const char *name,
                         const struct manifest *manifest, struct buf *platforms,
                         struct err *err)
{
    CLEANUP(image_config) struct image_config *config = NULL;
    struct platform platform;

    if (manifest_is_index(manifest)) {
        add_platforms_of_index(manifest, platforms);
        return 0;
    }
    if (image_config_load(store, name, manifest, &config, err) < 0)
        return -1;
    if (config != NULL && image_config_platform(config, &platform))
        add_platform(platforms, &platform);
    return 0;
}

int image_summarize(const struct store *store, const char *name,
                    const struct digest *digest, struct image_summary *out,
                    struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *manifest = NULL;
    CLEANUP(measure) struct measure measure = {.store = store, .name = name};

    *out = (struct image_summary){.platforms = BUF_INIT(IMAGE_PLATFORMS_MAX)};
    if (manifest_get(store, name, digest, &bytes, err) < 0 ||
        manifest_parse(buf_span(&bytes), SPAN(""), &manifest, err) < 0)
        return -1;
    (void)add_size(&measure, digest, bytes.len);
    if (measure_all(&measure, manifest, 1, err) < 0 ||
        add_platforms(store, name, manifest, &out->platforms, err) < 0)
        return -1;
    snprintf(out->media_type, sizeof(out->media_type), "%.*s",
             SPAN_ARGS(manifest_type(manifest)));
    out->size = measure.size;
    return 0;
}

void image_summary_cleanup(struct image_summary *summary)
{
    buf_cleanup(&summary->platforms);
}
