/* SPDX-License-Identifier: MIT */
/*
 * "CONTENT-TYPE\nMANIFEST": what a document is taken for when it is pushed
 * is what it is served as, and what it refers to is in order.
 */
#include "fuzz.h"

#include "oci/manifest.h"

#define PRINTED_MAX (8 * 1024 * 1024)

static void check_type(const struct manifest *manifest, struct span bytes)
{
    CLEANUP(manifest) struct manifest *again = NULL;
    char sniffed[MANIFEST_MEDIA_TYPE_MAX];
    struct err err = {0};
    struct span type = manifest_type(manifest);
    size_t len = manifest_media_type(bytes, sniffed);

    MUST(span_equals((struct span){sniffed, len}, type));
    MUST(!media_type_is_schema1(type));
    MUST(!media_type_is_index(type) || manifest_is_index(manifest));
    MUST(!media_type_is_image(type) || !manifest_is_index(manifest));
    MUST(manifest_parse(bytes, type, &again, &err) == 0);
}

static void check_reference(const struct manifest *manifest,
                            const struct manifest_reference *reference)
{
    char text[DIGEST_TEXT_MAX];
    struct err err = {0};
    struct digest digest;

    digest_format(&reference->descriptor.digest, text);
    MUST(digest_parse(span_of(text), &digest, &err) == 0);
    MUST(reference->descriptor.size <= INT64_MAX);
    MUST(reference->descriptor.media_type.len <= MEDIA_TYPE_MAX_LENGTH);
    switch (reference->kind) {
    case MANIFEST_CONFIG:
    case MANIFEST_LAYER:
        MUST(!manifest_is_index(manifest));
        break;
    case MANIFEST_CHILD:
        MUST(manifest_is_index(manifest));
        break;
    case MANIFEST_SUBJECT:
        MUST(reference->may_be_absent);
        MUST(manifest_subject(manifest) != NULL);
        break;
    }
}

static void check_references(const struct manifest *manifest)
{
    size_t count = manifest_reference_count(manifest);

    for (size_t i = 0; i < count; i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        check_reference(manifest, &reference);
    }
    MUST(count > 0 || (manifest_config(manifest) == NULL &&
                       manifest_subject(manifest) == NULL));
}

/* What the referrers list says of it. */
static void check_descriptor(const struct manifest *manifest, struct span bytes)
{
    static const struct json_limits limits = {.containers = 100,
                                              .values = 65536};
    CLEANUP(buf) struct buf printed = BUF_INIT(PRINTED_MAX);
    CLEANUP(json) struct json *descriptor = NULL;
    struct err err = {0};
    struct digest digest;
    struct span type;
    uint64_t size;

    digest_of_bytes(HASH_SHA256, bytes, &digest);
    manifest_descriptor_print(manifest, &digest, bytes.len, &printed);
    MUST(json_parse(buf_span(&printed), &limits, &descriptor, &err) == 0);
    MUST(json_as_string(json_member(descriptor, "mediaType"), &type));
    MUST(span_equals(type, manifest_type(manifest)));
    MUST(json_as_u64(json_member(descriptor, "size"), &size));
    MUST(size == bytes.len);
    MUST((json_member(descriptor, "annotations") == NULL) ==
         (manifest_annotations(manifest) == NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct span bytes = fuzz_input(data, size);
    struct span content_type = span_cut(&bytes, '\n');
    char sniffed[MANIFEST_MEDIA_TYPE_MAX];
    struct err err = {0};
    size_t len = manifest_media_type(bytes, sniffed);

    MUST(media_type_is_valid((struct span){sniffed, len}));
    if (manifest_parse(bytes, content_type, &manifest, &err) < 0) {
        MUST(err.code == ERR_MANIFEST_INVALID && err.detail[0] != '\0');
        return 0;
    }
    check_type(manifest, bytes);
    check_references(manifest);
    check_descriptor(manifest, bytes);
    return 0;
}
