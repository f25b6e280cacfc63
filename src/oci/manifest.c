/* SPDX-License-Identifier: MIT */
#include "oci/manifest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

/*
 * Room for 8,000 layers with a title each, in at most 26 MB beside the bytes
 * of the strings (see json.h).
 */
static const struct json_limits limits = {.containers = 16384, .values = 65536};

struct manifest {
    struct json *document;
    struct span type; /* borrowed from the document, or static */
    struct span artifact_type;
    bool is_index;
    bool has_config;
    bool has_subject;
    struct descriptor config;
    struct descriptor subject;
    const struct json *layers;      /* an array or NULL */
    const struct json *children;    /* an array or NULL */
    const struct json *annotations; /* an object or NULL */
};

#define PLACE_MAX 64 /* "manifests[18446744073709551615].artifactType" */

/* Members others read into structs, for which case must be right. */
static const char *const document_members[] = {
    "schemaVersion", "mediaType", "artifactType", "config",
    "layers",        "manifests", "subject",      "annotations",
};
static const char *const descriptor_members[] = {
    "mediaType", "digest",      "size",         "urls",
    "data",      "annotations", "artifactType", "platform",
};

/* No byte of the client's gets into the text: the places are ours. */
static int invalid(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);
static int invalid(struct err *err, const char *format, ...)
{
    char reason[ERR_DETAIL_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    err_set(err, ERR_MANIFEST_INVALID, "%s", reason);
    return err_detail(err, "%s", reason);
}

/* A member, with null for absent. */
static const struct json *member_of(const struct json *object, const char *key)
{
    const struct json *value = json_member(object, key);

    return json_kind(value) == JSON_NULL ? NULL : value;
}

struct case_check {
    const char *const *known;
    size_t count;
    const char *wrong;
};

static int check_key_case(void *context, struct span key,
                          const struct json *value UNUSED)
{
    struct case_check *check = context;

    for (size_t i = 0; i < check->count; i++) {
        struct span known = span_of(check->known[i]);

        if (json_keys_match(key, known) && !span_equals(key, known)) {
            check->wrong = check->known[i];
            return 1;
        }
    }
    return 0;
}

/*
 * Go programs take "Layers" for "layers", others do not: a document that
 * reads differently to each has no place here.
 */
static int check_case(const struct json *object, const char *place,
                      const char *const *known, size_t count, struct err *err)
{
    struct case_check check = {known, count, NULL};

    if (json_each_member(object, check_key_case, &check) != 0)
        return invalid(err, "%s: a member is like \"%s\", but in another case",
                       place, check.wrong);
    if (json_has_case_twins(object))
        return invalid(err, "%s: two members differ in case only", place);
    return 0;
}

static int read_text(const struct json *object, const char *place,
                     const char *key, struct span *out, struct err *err)
{
    const struct json *value = member_of(object, key);

    *out = (struct span){"", 0};
    if (value != NULL && !json_as_string(value, out))
        return invalid(err, "%s.%s: not a string", place, key);
    return 0;
}

/*
 * The type of a part. Artifacts have types of their own making, parameters
 * too ("...;version=0.2"), so only what could do harm elsewhere is refused.
 */
static int read_part_type(const struct json *object, const char *place,
                          const char *key, struct span *out, struct err *err)
{
    if (read_text(object, place, key, out, err) < 0)
        return -1;
    if (out->len > MEDIA_TYPE_MAX_LENGTH)
        return invalid(err, "%s.%s: longer than %d bytes", place, key,
                       MEDIA_TYPE_MAX_LENGTH);
    for (size_t i = 0; i < out->len; i++)
        if ((unsigned char)out->ptr[i] < 0x20 || out->ptr[i] == 0x7F)
            return invalid(err, "%s.%s: a control character", place, key);
    return 0;
}

static int visit_text(void *context UNUSED, struct span key UNUSED,
                      const struct json *value)
{
    return json_kind(value) == JSON_STRING ? 0 : 1;
}

static int read_annotations(const struct json *object, const char *place,
                            const struct json **out, struct err *err)
{
    *out = member_of(object, "annotations");
    if (*out != NULL && (json_kind(*out) != JSON_OBJECT ||
                         json_each_member(*out, visit_text, NULL) != 0))
        return invalid(err, "%s.annotations: not an object of strings", place);
    return 0;
}

static int read_urls(const struct json *object, const char *place, bool *out,
                     struct err *err)
{
    const struct json *urls = member_of(object, "urls");

    if (urls != NULL && json_kind(urls) != JSON_ARRAY)
        return invalid(err, "%s.urls: not an array", place);
    for (size_t i = 0; i < json_array_length(urls); i++)
        if (json_kind(json_at(urls, i)) != JSON_STRING)
            return invalid(err, "%s.urls: not an array of strings", place);
    *out = json_array_length(urls) > 0;
    return 0;
}

static int read_digest(const struct json *object, const char *place,
                       struct digest *out, struct err *err)
{
    struct err ignored = {0};
    struct span text;

    if (!json_as_string(member_of(object, "digest"), &text))
        return invalid(err, "%s.digest: missing or not a string", place);
    if (digest_parse(text, out, &ignored) == 0)
        return 0;
    if (ignored.code == ERR_DIGEST_UNSUPPORTED)
        return invalid(err, "%s.digest: neither sha256 nor sha512", place);
    return invalid(err, "%s.digest: not a digest", place);
}

/* Go's readers have an int64 here. */
static int read_size(const struct json *object, const char *place,
                     uint64_t *out, struct err *err)
{
    const struct json *value = member_of(object, "size");

    if (value == NULL)
        return invalid(err, "%s.size: missing", place);
    if (!json_as_u64(value, out) || *out > INT64_MAX)
        return invalid(err, "%s.size: not a size", place);
    return 0;
}

/* What people are shown; `data` only needs the right type. */
static int read_shown(const struct json *object, const char *place,
                      struct descriptor *out, struct err *err)
{
    struct span data;

    out->platform = member_of(object, "platform");
    if (out->platform != NULL && json_kind(out->platform) != JSON_OBJECT)
        return invalid(err, "%s.platform: not an object", place);
    if (read_text(object, place, "data", &data, err) < 0)
        return -1;
    return read_annotations(object, place, &out->annotations, err);
}

static int read_descriptor(const struct json *object, const char *place,
                           struct descriptor *out, struct err *err)
{
    if (json_kind(object) != JSON_OBJECT)
        return invalid(err, "%s: not an object", place);
    if (check_case(object, place, descriptor_members,
                   ARRAY_SIZE(descriptor_members), err) < 0 ||
        read_part_type(object, place, "mediaType", &out->media_type, err) < 0 ||
        read_part_type(object, place, "artifactType", &out->artifact_type,
                       err) < 0 ||
        read_digest(object, place, &out->digest, err) < 0 ||
        read_size(object, place, &out->size, err) < 0 ||
        read_urls(object, place, &out->has_urls, err) < 0)
        return -1;
    return read_shown(object, place, out, err);
}

static int read_one(const struct json *document, const char *key,
                    struct descriptor *out, bool *has, struct err *err)
{
    const struct json *object = member_of(document, key);

    *has = object != NULL;
    return *has ? read_descriptor(object, key, out, err) : 0;
}

static int read_list(const struct json *document, const char *key,
                     const struct json **out, struct err *err)
{
    struct descriptor each;

    *out = member_of(document, key);
    if (*out != NULL && json_kind(*out) != JSON_ARRAY)
        return invalid(err, "%s: not an array", key);
    for (size_t i = 0; i < json_array_length(*out); i++) {
        char place[PLACE_MAX];

        snprintf(place, sizeof(place), "%s[%zu]", key, i);
        if (read_descriptor(json_at(*out, i), place, &each, err) < 0)
            return -1;
    }
    return 0;
}

static int check_version(const struct json *document, struct err *err)
{
    uint64_t version;

    if (!json_as_u64(member_of(document, "schemaVersion"), &version) ||
        version != 2)
        return invalid(err, "schemaVersion: not 2");
    return 0;
}

static int read_members(struct manifest *manifest, struct err *err)
{
    const struct json *document = manifest->document;

    if (json_kind(document) != JSON_OBJECT)
        return invalid(err, "manifest: not a JSON object");
    if (check_case(document, "manifest", document_members,
                   ARRAY_SIZE(document_members), err) < 0 ||
        check_version(document, err) < 0 ||
        read_text(document, "manifest", "mediaType", &manifest->type, err) <
            0 ||
        read_part_type(document, "manifest", "artifactType",
                       &manifest->artifact_type, err) < 0 ||
        read_one(document, "config", &manifest->config, &manifest->has_config,
                 err) < 0 ||
        read_list(document, "layers", &manifest->layers, err) < 0 ||
        read_list(document, "manifests", &manifest->children, err) < 0 ||
        read_one(document, "subject", &manifest->subject,
                 &manifest->has_subject, err) < 0)
        return -1;
    return read_annotations(document, "manifest", &manifest->annotations, err);
}

/* One document, one meaning: image or index, by its members and its type. */
static int check_shape(struct manifest *manifest, struct err *err)
{
    bool has_image = manifest->has_config || manifest->layers != NULL;
    bool has_children = manifest->children != NULL;

    if (has_image && has_children)
        return invalid(err, "manifest: both \"manifests\" and \"%s\"",
                       manifest->layers != NULL ? "layers" : "config");
    if (manifest->type.len == 0)
        manifest->type = has_children ? SPAN(MEDIA_TYPE_OCI_INDEX)
                                      : SPAN(MEDIA_TYPE_OCI_MANIFEST);
    if (!media_type_is_valid(manifest->type))
        return invalid(err, "mediaType: not a media type");
    if (media_type_is_schema1(manifest->type))
        return invalid(err, "mediaType: Docker schema 1 is not supported");
    manifest->is_index = has_children;
    if (media_type_is_index(manifest->type)) {
        if (has_image)
            return invalid(err, "manifest: an index with \"%s\"",
                           manifest->layers != NULL ? "layers" : "config");
        if (json_member(manifest->document, "manifests") == NULL)
            return invalid(err, "manifest: an index without \"manifests\"");
        manifest->is_index = true;
    } else if (media_type_is_image(manifest->type)) {
        if (has_children)
            return invalid(err, "manifest: an image with \"manifests\"");
        if (!manifest->has_config)
            return invalid(err, "manifest: an image without \"config\"");
    }
    return 0;
}

/* What was pushed under one type is never served under another. */
static int check_content_type(const struct manifest *manifest,
                              struct span content_type, struct err *err)
{
    struct span essence = media_type_essence(content_type);

    if (essence.len == 0 || span_equals_nocase(essence, manifest->type))
        return 0;
    return invalid(err, "Content-Type: the manifest is %.*s",
                   SPAN_ARGS(manifest->type));
}

int manifest_parse(struct span bytes, struct span content_type,
                   struct manifest **out, struct err *err)
{
    CLEANUP(manifest)
    struct manifest *manifest = memory_new(sizeof(*manifest));
    struct err reason = {0};

    if (json_parse(bytes, &limits, &manifest->document, &reason) < 0)
        return invalid(err, "%.*s", ERR_DETAIL_MAX - 1, reason.text);
    if (read_members(manifest, err) < 0 || check_shape(manifest, err) < 0 ||
        check_content_type(manifest, content_type, err) < 0)
        return -1;
    if (manifest->artifact_type.len == 0 && manifest->has_config)
        manifest->artifact_type = manifest->config.media_type;
    *out = manifest;
    manifest = NULL;
    return 0;
}

void manifest_free(struct manifest *manifest)
{
    if (manifest == NULL)
        return;
    json_free(manifest->document);
    free(manifest);
}

void manifest_cleanup(struct manifest **manifest)
{
    manifest_free(*manifest);
    *manifest = NULL;
}

struct span manifest_type(const struct manifest *manifest)
{
    return manifest->type;
}

bool manifest_is_index(const struct manifest *manifest)
{
    return manifest->is_index;
}

const struct descriptor *manifest_config(const struct manifest *manifest)
{
    return manifest->has_config ? &manifest->config : NULL;
}

const struct descriptor *manifest_subject(const struct manifest *manifest)
{
    return manifest->has_subject ? &manifest->subject : NULL;
}

struct span manifest_artifact_type(const struct manifest *manifest)
{
    return manifest->artifact_type;
}

const struct json *manifest_annotations(const struct manifest *manifest)
{
    return manifest->annotations;
}

size_t manifest_reference_count(const struct manifest *manifest)
{
    return (manifest->has_config ? 1 : 0) +
           json_array_length(manifest->layers) +
           json_array_length(manifest->children) +
           (manifest->has_subject ? 1 : 0);
}

/* From a list that was checked when the manifest was parsed. */
static void reference_in_list(const struct json *list, size_t index,
                              enum manifest_reference_kind kind,
                              struct manifest_reference *out)
{
    struct err never = {0};

    out->kind = kind;
    if (read_descriptor(json_at(list, index), "", &out->descriptor, &never) < 0)
        abort();
    out->may_be_absent =
        kind == MANIFEST_LAYER &&
        media_type_is_foreign_layer(out->descriptor.media_type);
}

void manifest_reference_at(const struct manifest *manifest, size_t index,
                           struct manifest_reference *out)
{
    size_t layers = json_array_length(manifest->layers);
    size_t children = json_array_length(manifest->children);

    if (manifest->has_config && index-- == 0)
        *out = (struct manifest_reference){MANIFEST_CONFIG, false,
                                           manifest->config};
    else if (index < layers)
        reference_in_list(manifest->layers, index, MANIFEST_LAYER, out);
    else if (index - layers < children)
        reference_in_list(manifest->children, index - layers, MANIFEST_CHILD,
                          out);
    else
        *out = (struct manifest_reference){MANIFEST_SUBJECT, true,
                                           manifest->subject};
}

void manifest_descriptor_print(const struct manifest *manifest,
                               const struct digest *digest, uint64_t size,
                               struct buf *into)
{
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    buf_add(into, SPAN("{\"mediaType\":"));
    json_add_string(into, manifest->type);
    buf_add_format(into, ",\"digest\":\"%s\",\"size\":%" PRIu64, text, size);
    if (manifest->artifact_type.len > 0) {
        buf_add(into, SPAN(",\"artifactType\":"));
        json_add_string(into, manifest->artifact_type);
    }
    if (manifest->annotations != NULL) {
        buf_add(into, SPAN(",\"annotations\":"));
        json_print(manifest->annotations, into);
    }
    buf_add_char(into, '}');
}
