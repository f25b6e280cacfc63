/* SPDX-License-Identifier: MIT */
#include "oci/docker_archive.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "oci/media_type.h"

#define CONFIG_TYPE "application/vnd.docker.container.image.v1+json"
#define LAYER_TYPE "application/vnd.docker.image.rootfs.diff.tar"

static const struct json_limits limits = {65536, 262144};

struct docker_archive {
    struct json *document;
};

static bool is_text(const struct json *value)
{
    struct span text;

    return json_as_string(value, &text) && text.len > 0;
}

static bool are_texts(const struct json *array)
{
    for (size_t i = 0; i < json_array_length(array); i++)
        if (!is_text(json_at(array, i)))
            return false;
    return true;
}

static int check_image(const struct json *image, struct err *err)
{
    const struct json *layers = json_member(image, "Layers");
    const struct json *tags = json_member(image, "RepoTags");

    if (!is_text(json_member(image, "Config")) || !are_texts(layers) ||
        !are_texts(tags))
        return err_set(err, ERR_SYNTAX,
                       DOCKER_ARCHIVE_MANIFEST
                       ": an image without Config, or with odd lists");
    if (json_array_length(layers) > DOCKER_ARCHIVE_LAYERS_MAX)
        return err_set(err, ERR_SYNTAX,
                       DOCKER_ARCHIVE_MANIFEST ": more than %d layers",
                       DOCKER_ARCHIVE_LAYERS_MAX);
    return 0;
}

int docker_archive_parse(struct span bytes, struct docker_archive **out,
                         struct err *err)
{
    CLEANUP(docker_archive)
    struct docker_archive *archive = memory_new(sizeof(*archive));

    if (json_parse(bytes, &limits, &archive->document, err) < 0)
        return err_wrap(err, DOCKER_ARCHIVE_MANIFEST);
    if (json_array_length(archive->document) == 0)
        return err_set(err, ERR_SYNTAX,
                       DOCKER_ARCHIVE_MANIFEST " is no list of images");
    for (size_t i = 0; i < json_array_length(archive->document); i++)
        if (check_image(json_at(archive->document, i), err) < 0)
            return -1;
    *out = archive;
    archive = NULL;
    return 0;
}

void docker_archive_free(struct docker_archive *archive)
{
    if (archive == NULL)
        return;
    json_free(archive->document);
    free(archive);
}

void docker_archive_cleanup(struct docker_archive **archive)
{
    docker_archive_free(*archive);
}

static const struct json *member(const struct docker_archive *archive,
                                 size_t image, const char *key)
{
    return json_member(json_at(archive->document, image), key);
}

static struct span text_of(const struct json *value)
{
    struct span text;

    return json_as_string(value, &text) ? text : SPAN("");
}

size_t docker_archive_count(const struct docker_archive *archive)
{
    return json_array_length(archive->document);
}

struct span docker_archive_config(const struct docker_archive *archive,
                                  size_t image)
{
    return text_of(member(archive, image, "Config"));
}

size_t docker_archive_tag_count(const struct docker_archive *archive,
                                size_t image)
{
    return json_array_length(member(archive, image, "RepoTags"));
}

struct span docker_archive_tag(const struct docker_archive *archive,
                               size_t image, size_t index)
{
    return text_of(json_at(member(archive, image, "RepoTags"), index));
}

size_t docker_archive_layer_count(const struct docker_archive *archive,
                                  size_t image)
{
    return json_array_length(member(archive, image, "Layers"));
}

struct span docker_archive_layer(const struct docker_archive *archive,
                                 size_t image, size_t index)
{
    return text_of(json_at(member(archive, image, "Layers"), index));
}

int docker_archive_diff_ids(struct span config, size_t count,
                            struct digest *out, struct err *err)
{
    CLEANUP(json) struct json *document = NULL;
    const struct json *ids;

    if (json_parse(config, &limits, &document, err) < 0)
        return err_wrap(err, "the config of an image");
    ids = json_member(json_member(document, "rootfs"), "diff_ids");
    if (json_array_length(ids) != count)
        return err_set(err, ERR_SYNTAX,
                       "the config of an image has %zu layers and its list %zu",
                       json_array_length(ids), count);
    for (size_t i = 0; i < count; i++)
        if (digest_parse(text_of(json_at(ids, i)), &out[i], err) < 0)
            return err_recode(err, ERR_SYNTAX);
    return 0;
}

/* RFC 1952 section 2.3.1, RFC 8878 section 3.1.1 */
enum docker_layer_form docker_layer_form(struct span first)
{
    if (span_starts_with(first, SPAN("\x1f\x8b")))
        return DOCKER_LAYER_GZIP;
    if (span_starts_with(first, SPAN("\x28\xb5\x2f\xfd")))
        return DOCKER_LAYER_ZSTD;
    return DOCKER_LAYER_TAR;
}

static const char *suffix_of(enum docker_layer_form form)
{
    switch (form) {
    case DOCKER_LAYER_TAR:
        break;
    case DOCKER_LAYER_GZIP:
        return ".gzip";
    case DOCKER_LAYER_ZSTD:
        return ".zstd";
    }
    return "";
}

void docker_archive_print_manifest(const struct digest *config,
                                   uint64_t config_size,
                                   const struct docker_layer *layers,
                                   size_t count, struct buf *into)
{
    char digest[DIGEST_TEXT_MAX];

    digest_format(config, digest);
    buf_add_format(into,
                   "{\"schemaVersion\":2,\"mediaType\":\"%s\","
                   "\"config\":{\"mediaType\":\"" CONFIG_TYPE
                   "\",\"size\":%" PRIu64 ",\"digest\":\"%s\"},\"layers\":[",
                   MEDIA_TYPE_DOCKER_MANIFEST, config_size, digest);
    for (size_t i = 0; i < count; i++) {
        digest_format(&layers[i].digest, digest);
        buf_add_format(into,
                       "%s{\"mediaType\":\"" LAYER_TYPE "%s\",\"size\":%" PRIu64
                       ",\"digest\":\"%s\"}",
                       i > 0 ? "," : "", suffix_of(layers[i].form),
                       layers[i].size, digest);
    }
    buf_add(into, SPAN("]}"));
}
