/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "base/json_writer.h"
#include "inspect.h"

/* Annotations and referrers may be as long as their manifests. */
#define LINE_BYTES_MAX (256 * 1024 * 1024)

static void write_text(struct json_writer *json, const char *key,
                       struct span text)
{
    if (text.len > 0)
        json_writer_text(json, key, text);
}

static void write_digest(struct json_writer *json, const char *key,
                         const struct digest *digest)
{
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    json_writer_text(json, key, span_of(text));
}

static void write_annotations(struct json_writer *json,
                              const struct json *annotations)
{
    CLEANUP(buf) struct buf text = BUF_INIT(LINE_BYTES_MAX);

    if (annotations == NULL)
        return;
    json_print(annotations, &text);
    json_writer_json(json, "annotations", buf_span(&text));
}

static void write_platform(struct json_writer *json,
                           const struct platform *platform)
{
    CLEANUP(buf) struct buf text = BUF_INIT(IMAGE_PLATFORMS_MAX);

    platform_print(platform, &text);
    json_writer_text(json, "platform", buf_span(&text));
}

static void write_descriptor(struct json_writer *json, const char *key,
                             const struct descriptor *descriptor,
                             bool is_missing)
{
    struct platform platform;

    json_writer_begin_object(json, key);
    write_text(json, "mediaType", descriptor->media_type);
    write_text(json, "artifactType", descriptor->artifact_type);
    write_digest(json, "digest", &descriptor->digest);
    json_writer_number(json, "size", descriptor->size);
    if (platform_read(descriptor->platform, &platform))
        write_platform(json, &platform);
    write_annotations(json, descriptor->annotations);
    if (is_missing)
        json_writer_flag(json, "missing", true);
    json_writer_end_object(json);
}

/* The references of one kind: one under the key, or an array of all. */
static void write_references(struct json_writer *json, const char *key,
                             const struct inspection *inspection,
                             enum manifest_reference_kind kind, bool is_array)
{
    const struct manifest *manifest = inspection->manifest;

    if (is_array)
        json_writer_begin_array(json, key);
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind == kind)
            write_descriptor(json, is_array ? NULL : key, &reference.descriptor,
                             inspection->is_missing[i]);
    }
    if (is_array)
        json_writer_end_array(json);
}

static void write_parts(struct json_writer *json,
                        const struct inspection *inspection)
{
    write_references(json, "config", inspection, MANIFEST_CONFIG, false);
    if (manifest_is_index(inspection->manifest))
        write_references(json, "manifests", inspection, MANIFEST_CHILD, true);
    else
        write_references(json, "layers", inspection, MANIFEST_LAYER, true);
    write_references(json, "subject", inspection, MANIFEST_SUBJECT, false);
}

static void write_tags(struct json_writer *json, struct span tags)
{
    json_writer_begin_array(json, "tags");
    while (tags.len > 0)
        json_writer_text(json, NULL, span_cut(&tags, '\0'));
    json_writer_end_array(json);
}

static void write_config(struct json_writer *json,
                         const struct image_config *config)
{
    struct platform platform;

    if (image_config_platform(config, &platform))
        write_platform(json, &platform);
    write_text(json, "created", image_config_created(config));
    json_writer_begin_array(json, "history");
    for (size_t i = 0; i < image_config_step_count(config); i++) {
        struct image_step step;

        image_config_step_at(config, i, &step);
        json_writer_begin_object(json, NULL);
        write_text(json, "created", step.created);
        write_text(json, "createdBy", step.created_by);
        json_writer_flag(json, "emptyLayer", step.is_empty);
        json_writer_end_object(json);
    }
    json_writer_end_array(json);
}

void inspect_print_json(const struct inspection *inspection)
{
    const struct manifest *manifest = inspection->manifest;
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_BYTES_MAX);
    struct json_writer json;

    json_writer_begin(&json, &line);
    json_writer_text(&json, "repository", span_of(inspection->name));
    write_digest(&json, "digest", &inspection->digest);
    json_writer_text(&json, "mediaType", manifest_type(manifest));
    write_text(&json, "artifactType", manifest_artifact_type(manifest));
    json_writer_number(&json, "size", inspection->bytes.len);
    json_writer_number(&json, "bytes", inspection->summary.size);
    write_tags(&json, buf_span(&inspection->tags));
    write_parts(&json, inspection);
    write_annotations(&json, manifest_annotations(manifest));
    json_writer_json(&json, "referrers", buf_span(&inspection->referrers));
    if (inspection->config != NULL)
        write_config(&json, inspection->config);
    json_writer_end(&json);
    fwrite(buf_text(&line), 1, line.len, stdout);
}
