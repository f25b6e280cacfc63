/* SPDX-License-Identifier: MIT */
/*
 * What `docker save` and its like write (oci/docker_archive.h). A layer that
 * is no more compressed than usual, not at all, has to be what the config
 * says; a compressed one is taken as it is, as nothing is unpacked here.
 */
#include <stdio.h>
#include <string.h>

#include "oci/docker_archive.h"
#include "shipment.h"

/* One image, for one repository. */
struct docker_image {
    struct shipment *shipment;
    const struct docker_archive *archive;
    size_t index;
    char config[BUNDLE_NAME_MAX];
    struct buf config_bytes;
    struct digest config_digest;
    size_t layer_count;
    struct digest diff_ids[DOCKER_ARCHIVE_LAYERS_MAX];
};

static void docker_image_cleanup(struct docker_image *image)
{
    buf_cleanup(&image->config_bytes);
}

static int copy_name(struct span name, char out[BUNDLE_NAME_MAX],
                     struct err *err)
{
    if (name.len >= BUNDLE_NAME_MAX || memchr(name.ptr, 0, name.len) != NULL)
        return err_set(err, ERR_SYNTAX,
                       DOCKER_ARCHIVE_MANIFEST ": a name is too long");
    snprintf(out, BUNDLE_NAME_MAX, "%.*s", SPAN_ARGS(name));
    return 0;
}

/*
 * The digest that a name has in it: <hex>.json, sha256:<hex>,
 * blobs/sha256/<hex>, <hex>.tar.gz, with whatever directory before it.
 */
static bool digest_in_name(const char *name, struct digest *out)
{
    const char *slash = strrchr(name, '/');
    struct span hex = span_of(slash != NULL ? slash + 1 : name);
    CLEANUP(buf) struct buf text = BUF_INIT(DIGEST_TEXT_MAX);
    struct err ignored = {0};

    if (span_starts_with(hex, SPAN("sha256:")))
        hex = span_from(hex, strlen("sha256:"));
    hex = span_cut(&hex, '.');
    buf_add_format(&text, "sha256:%.*s", SPAN_ARGS(hex));
    return !text.overflowed &&
           digest_parse(buf_span(&text), out, &ignored) == 0;
}

static int read_config(struct docker_image *image, struct err *err)
{
    struct digest named;

    if (copy_name(docker_archive_config(image->archive, image->index),
                  image->config, err) < 0 ||
        bundle_get(image->shipment->bundle, image->config, &image->config_bytes,
                   err) < 0)
        return -1;
    digest_of_bytes(HASH_SHA256, buf_span(&image->config_bytes),
                    &image->config_digest);
    if (digest_in_name(image->config, &named) &&
        !digest_equals(&named, &image->config_digest))
        return err_set(err, ERR_DIGEST_INVALID, "%s is damaged", image->config);
    image->layer_count =
        docker_archive_layer_count(image->archive, image->index);
    return docker_archive_diff_ids(buf_span(&image->config_bytes),
                                   image->layer_count, image->diff_ids, err);
}

static int layer_file(const struct docker_image *image, size_t layer,
                      char name[BUNDLE_NAME_MAX], struct bundle_file *file,
                      enum docker_layer_form *form, struct err *err)
{
    if (copy_name(docker_archive_layer(image->archive, image->index, layer),
                  name, err) < 0 ||
        bundle_find(image->shipment->bundle, name, file, err) < 0)
        return -1;
    *form = docker_layer_form((struct span){file->first, file->first_len});
    return 0;
}

static int add_layer(const struct docker_image *image, const char *repository,
                     size_t layer, struct err *err)
{
    char name[BUNDLE_NAME_MAX];
    enum docker_layer_form form;
    struct bundle_file file;
    struct digest named;
    const struct digest *digest = &image->diff_ids[layer];

    if (layer_file(image, layer, name, &file, &form, err) < 0)
        return -1;
    if (form != DOCKER_LAYER_TAR)
        digest = digest_in_name(name, &named) &&
                         !digest_equals(&named, &image->diff_ids[layer])
                     ? &named
                     : NULL;
    return shipment_add_blob(image->shipment, repository, name, digest, err);
}

static int add_blobs(const struct docker_image *image, const char *repository,
                     struct err *err)
{
    if (shipment_add_blob(image->shipment, repository, image->config,
                          &image->config_digest, err) < 0)
        return -1;
    for (size_t i = 0; i < image->layer_count; i++)
        if (add_layer(image, repository, i, err) < 0)
            return -1;
    return 0;
}

/* --- names --- */

/* `tag` NULL: the image has none. */
static int choose_name(const struct docker_image *image, const struct span *tag,
                       struct image_reference *out, struct err *err)
{
    const struct image_reference *given = &image->shipment->given;

    *out = (struct image_reference){.has_digest = false};
    if (tag != NULL && image_reference_parse_foreign(*tag, out, err) < 0)
        return -1;
    if (given->name[0] != '\0')
        memcpy(out->name, given->name, sizeof(out->name));
    if (given->tag[0] != '\0')
        memcpy(out->tag, given->tag, sizeof(out->tag));
    if (out->tag[0] == '\0')
        snprintf(out->tag, sizeof(out->tag), "latest");
    if (out->name[0] == '\0')
        return err_set(err, ERR_NAME_INVALID,
                       "the image of %s has no name: give it one",
                       image->config);
    return 0;
}

typedef int name_visit(struct docker_image *image,
                       const struct image_reference *name, struct err *err);

static int each_name(struct docker_image *image, name_visit *visit,
                     struct err *err)
{
    size_t count = docker_archive_tag_count(image->archive, image->index);
    struct image_reference name;

    if (count == 0)
        return choose_name(image, NULL, &name, err) < 0
                   ? -1
                   : visit(image, &name, err);
    for (size_t i = 0; i < count; i++) {
        struct span tag = docker_archive_tag(image->archive, image->index, i);

        if (choose_name(image, &tag, &name, err) < 0 ||
            visit(image, &name, err) < 0)
            return -1;
    }
    return 0;
}

static int want(struct docker_image *image, const struct image_reference *name,
                struct err *err)
{
    return add_blobs(image, name->name, err);
}

/* --- the manifest --- */

static int print_manifest(const struct docker_image *image, struct buf *into,
                          struct err *err)
{
    struct docker_layer layers[DOCKER_ARCHIVE_LAYERS_MAX];

    for (size_t i = 0; i < image->layer_count; i++) {
        const struct shipment_blob *blob;
        char name[BUNDLE_NAME_MAX];
        struct bundle_file file;

        if (layer_file(image, i, name, &file, &layers[i].form, err) < 0)
            return -1;
        blob = shipment_find(image->shipment, name);
        if (blob == NULL)
            return err_set(err, ERR_INTERNAL, "%s was not taken", name);
        layers[i].digest = blob->digest;
        layers[i].size = blob->size;
    }
    docker_archive_print_manifest(&image->config_digest,
                                  image->config_bytes.len, layers,
                                  image->layer_count, into);
    return 0;
}

static int put(struct docker_image *image, const struct image_reference *name,
               struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(BUNDLE_DOCUMENT_MAX);
    struct digest digest;

    if (print_manifest(image, &bytes, err) < 0)
        return -1;
    digest_of_bytes(HASH_SHA256, buf_span(&bytes), &digest);
    if (shipment_put_manifest(image->shipment, name->name, &digest,
                              buf_span(&bytes), err) < 0)
        return -1;
    shipment_add_tag(image->shipment, name->name, name->tag, &digest);
    return 0;
}

/* --- all of it --- */

static int each_image(struct shipment *shipment,
                      const struct docker_archive *archive, name_visit *visit,
                      struct err *err)
{
    for (size_t i = 0; i < docker_archive_count(archive); i++) {
        CLEANUP(docker_image)
        struct docker_image image = {.shipment = shipment,
                                     .archive = archive,
                                     .index = i,
                                     .config_bytes =
                                         BUF_INIT(BUNDLE_DOCUMENT_MAX)};

        if (read_config(&image, err) < 0 || each_name(&image, visit, err) < 0)
            return -1;
    }
    return 0;
}

int shipment_run_docker(struct shipment *shipment, struct err *err)
{
    CLEANUP(docker_archive) struct docker_archive *archive = NULL;
    CLEANUP(buf) struct buf bytes = BUF_INIT(DOCKER_ARCHIVE_BYTES_MAX);

    if (bundle_get(shipment->bundle, DOCKER_ARCHIVE_MANIFEST, &bytes, err) <
            0 ||
        docker_archive_parse(buf_span(&bytes), &archive, err) < 0)
        return -1;
    if (shipment->given.tag[0] != '\0' && docker_archive_count(archive) > 1)
        return err_set(err, ERR_TAG_INVALID,
                       "there are %zu images: give a repository without a tag",
                       docker_archive_count(archive));
    if (each_image(shipment, archive, want, err) < 0 ||
        shipment_take_blobs(shipment, err) < 0 ||
        each_image(shipment, archive, put, err) < 0)
        return -1;
    return shipment_set_tags(shipment, err);
}
