/* SPDX-License-Identifier: MIT */
/* An OCI image layout: all digests are what they are. */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "oci/image_layout.h"
#include "shipment.h"
#include "store/closure.h"

struct ordered {
    char repository[NAME_MAX_LENGTH + 1];
    struct digest digest;
};

/* Manifests in the order in which they can be put. */
struct layout {
    struct closure_source source;
    struct shipment *shipment;
    struct image_layout *index;
    struct ordered *manifests;
    size_t count, room;
    const char *repository; /* of the image at hand */
};

static void layout_cleanup(struct layout *layout)
{
    image_layout_free(layout->index);
    free(layout->manifests);
}

/* --- what the closure asks --- */

static int get_document(const struct closure_source *source,
                        const struct digest *digest, bool is_declared,
                        struct buf *bytes, struct err *err)
{
    const struct layout *layout = (const struct layout *)source;
    CLEANUP(manifest) struct manifest *manifest = NULL;
    char path[IMAGE_LAYOUT_PATH_MAX];

    image_layout_path(digest, path);
    if (bundle_get(layout->shipment->bundle, path, bytes, err) < 0)
        return err->code == ERR_NOT_FOUND || err->code == ERR_SYNTAX
                   ? err_recode(err, ERR_MANIFEST_UNKNOWN)
                   : -1;
    if (!is_declared &&
        manifest_parse(buf_span(bytes), SPAN(""), &manifest, err) < 0)
        return err_recode(err, ERR_MANIFEST_UNKNOWN);
    return 0;
}

static int find_file(const struct closure_source *source,
                     const struct digest *digest, uint64_t *size,
                     struct err *err)
{
    const struct layout *layout = (const struct layout *)source;
    char path[IMAGE_LAYOUT_PATH_MAX];
    struct bundle_file file;

    image_layout_path(digest, path);
    if (bundle_find(layout->shipment->bundle, path, &file, err) < 0)
        return err->code == ERR_NOT_FOUND ? err_recode(err, ERR_BLOB_UNKNOWN)
                                          : -1;
    *size = file.size;
    return 0;
}

static void add_manifest(struct layout *layout, const struct digest *digest)
{
    struct ordered *ordered;

    if (layout->count == layout->room) {
        layout->room = layout->room ? 2 * layout->room : 64;
        layout->manifests = memory_resize(
            layout->manifests, layout->room * sizeof(*layout->manifests));
    }
    ordered = &layout->manifests[layout->count++];
    ordered->digest = *digest;
    snprintf(ordered->repository, sizeof(ordered->repository), "%s",
             layout->repository);
}

/*
 * What is not in it may be in the repository already: that is seen when the
 * manifest is put.
 */
static int note_part(void *context, const struct closure_part *part,
                     struct err *err)
{
    struct layout *layout = context;
    char path[IMAGE_LAYOUT_PATH_MAX];

    switch (part->kind) {
    case CLOSURE_BLOB:
        image_layout_path(&part->digest, path);
        return shipment_add_blob(layout->shipment, layout->repository, path,
                                 &part->digest, err);
    case CLOSURE_MANIFEST:
        add_manifest(layout, &part->digest);
        return 0;
    case CLOSURE_ABSENT:
        break;
    }
    if (part->why->code == ERR_MANIFEST_UNKNOWN ||
        part->why->code == ERR_BLOB_UNKNOWN)
        return 0;
    *err = *part->why;
    return -1;
}

/* --- names --- */

/* A text for people stands in for a name nobody gave. */
static int set_no_name(const struct image_layout_entry *entry, struct err *err)
{
    char digest[DIGEST_TEXT_MAX];

    digest_format(&entry->digest, digest);
    return err_set(err, ERR_NAME_INVALID,
                   "nothing says which repository %s (\"%.*s\") is for: name "
                   "one",
                   digest, SPAN_ARGS(entry->reference));
}

static bool has_name(const struct image_layout_entry *entry)
{
    return entry->name.len > 0 || entry->reference.len > 0;
}

/*
 * What the entry calls itself. A reference that could be a tag is one.
 */
static int name_entry(const struct image_layout_entry *entry,
                      struct image_reference *out, struct err *err)
{
    *out = (struct image_reference){.has_digest = false};
    if (entry->name.len > 0)
        return image_reference_parse_foreign(entry->name, out, err);
    if (!tag_is_valid(entry->reference))
        return image_reference_parse_foreign(entry->reference, out, err);
    snprintf(out->tag, sizeof(out->tag), "%.*s", SPAN_ARGS(entry->reference));
    return 0;
}

/*
 * Where an entry goes. One without a name goes where the one before it went:
 * signatures and the like stand behind what they belong to.
 */
static int choose_name(const struct layout *layout,
                       const struct image_layout_entry *entry, bool is_only,
                       struct image_reference *name, struct err *err)
{
    const struct image_reference *given = &layout->shipment->given;
    struct image_reference own = {.has_digest = false};

    if (has_name(entry) && name_entry(entry, &own, err) < 0 &&
        given->name[0] == '\0')
        return -1;
    err_clear(err);
    if (is_only && own.tag[0] == '\0' && !own.has_digest)
        snprintf(own.tag, sizeof(own.tag), "latest");
    if (given->name[0] != '\0')
        memcpy(own.name, given->name, sizeof(own.name));
    if (given->tag[0] != '\0')
        memcpy(own.tag, has_name(entry) || is_only ? given->tag : "",
               has_name(entry) || is_only ? sizeof(own.tag) : 1);
    if (own.name[0] == '\0')
        memcpy(own.name, name->name, sizeof(own.name));
    if (own.name[0] == '\0')
        return set_no_name(entry, err);
    *name = own;
    return 0;
}

static size_t count_named(const struct image_layout *index)
{
    struct image_layout_entry entry;
    size_t count = 0;

    for (size_t i = 0; i < image_layout_count(index); i++) {
        image_layout_at(index, i, &entry);
        count += has_name(&entry);
    }
    return count;
}

static int check_given(const struct layout *layout, struct err *err)
{
    size_t named = count_named(layout->index);

    if (layout->shipment->given.tag[0] == '\0' ||
        image_layout_count(layout->index) == 1 || named == 1)
        return 0;
    return err_set(err, ERR_TAG_INVALID,
                   "there are %zu images with names of their own: give a "
                   "repository without a tag",
                   named);
}

/* --- all of it --- */

static int note_entry(struct layout *layout,
                      const struct image_layout_entry *entry, bool is_only,
                      struct image_reference *name, struct err *err)
{
    CLEANUP(closure)
    struct closure closure = {
        .source = &layout->source, .visit = note_part, .context = layout};
    uint64_t size;

    if (choose_name(layout, entry, is_only, name, err) < 0 ||
        find_file(&layout->source, &entry->digest, &size, err) < 0)
        return -1;
    if (size != entry->size)
        return err_set(
            err, ERR_SYNTAX,
            "blobs/%s/%s has another size than " IMAGE_LAYOUT_INDEX " says",
            digest_algorithm_name(entry->digest.algorithm), entry->digest.hex);
    layout->repository = name->name;
    if (closure_walk(&closure, &entry->digest, err) < 0)
        return -1;
    shipment_add_tag(layout->shipment, name->name, name->tag, &entry->digest);
    return 0;
}

static int note_entries(struct layout *layout, struct err *err)
{
    size_t count = image_layout_count(layout->index);
    struct image_reference name = {.has_digest = false};

    if (check_given(layout, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct image_layout_entry entry;

        image_layout_at(layout->index, i, &entry);
        if (note_entry(layout, &entry, count == 1, &name, err) < 0)
            return -1;
    }
    return 0;
}

static int put_manifests(struct layout *layout, struct err *err)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct ordered *ordered = &layout->manifests[i];
        CLEANUP(buf) struct buf bytes = BUF_INIT(BUNDLE_DOCUMENT_MAX);
        char path[IMAGE_LAYOUT_PATH_MAX];
        struct digest actual;

        image_layout_path(&ordered->digest, path);
        if (bundle_get(layout->shipment->bundle, path, &bytes, err) < 0)
            return -1;
        /* A directory may have changed since it was looked at. */
        digest_of_bytes(ordered->digest.algorithm, buf_span(&bytes), &actual);
        if (!digest_equals(&actual, &ordered->digest))
            return err_set(err, ERR_DIGEST_INVALID, "%s is damaged", path);
        if (shipment_put_manifest(layout->shipment, ordered->repository,
                                  &ordered->digest, buf_span(&bytes), err) < 0)
            return -1;
    }
    return 0;
}

static int read_index(struct layout *layout, struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(IMAGE_LAYOUT_BYTES_MAX);

    if (bundle_get(layout->shipment->bundle, IMAGE_LAYOUT_FILE, &bytes, err) <
            0 ||
        image_layout_check(buf_span(&bytes), err) < 0)
        return -1;
    buf_clear(&bytes);
    if (bundle_get(layout->shipment->bundle, IMAGE_LAYOUT_INDEX, &bytes, err) <
        0)
        return -1;
    return image_layout_parse(buf_span(&bytes), &layout->index, err);
}

int shipment_run_layout(struct shipment *shipment, struct err *err)
{
    CLEANUP(layout)
    struct layout layout = {.source = {get_document, find_file},
                            .shipment = shipment};

    if (read_index(&layout, err) < 0 || note_entries(&layout, err) < 0 ||
        shipment_take_blobs(shipment, err) < 0 ||
        put_manifests(&layout, err) < 0)
        return -1;
    return shipment_set_tags(shipment, err);
}
