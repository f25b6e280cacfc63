/* SPDX-License-Identifier: MIT */
#include "oci/image_layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "oci/media_type.h"

#define REFERENCE "org.opencontainers.image.ref.name"
#define NAME "io.containerd.image.name"

/* A descriptor is an object with another for its annotations, and platform. */
static const struct json_limits limits = {65536, 262144};

struct image_layout {
    struct json *document;
    const struct json *manifests;
    struct image_layout_entry *entries;
};

void image_layout_path(const struct digest *digest,
                       char out[IMAGE_LAYOUT_PATH_MAX])
{
    snprintf(out, IMAGE_LAYOUT_PATH_MAX, "blobs/%s/%s",
             digest_algorithm_name(digest->algorithm), digest->hex);
}

int image_layout_check(struct span mark, struct err *err)
{
    CLEANUP(json) struct json *document = NULL;
    struct span version;

    if (json_parse(mark, &limits, &document, err) < 0)
        return err_wrap(err, IMAGE_LAYOUT_FILE);
    if (!json_as_string(json_member(document, "imageLayoutVersion"), &version))
        return err_set(err, ERR_SYNTAX, IMAGE_LAYOUT_FILE " says no version");
    if (!span_starts_with(version, SPAN("1.")))
        return err_set(err, ERR_SYNTAX,
                       "a layout of version %.*s is not known here",
                       SPAN_ARGS(version));
    return 0;
}

static struct span text_of(const struct json *object, const char *key)
{
    struct span text;

    return json_as_string(json_member(object, key), &text) ? text : SPAN("");
}

static int parse_entry(const struct json *descriptor,
                       struct image_layout_entry *out, struct err *err)
{
    const struct json *annotations = json_member(descriptor, "annotations");
    struct span digest = text_of(descriptor, "digest");

    if (digest_parse(digest, &out->digest, err) < 0)
        return err_recode(err, ERR_SYNTAX);
    if (!json_as_u64(json_member(descriptor, "size"), &out->size))
        return err_set(err, ERR_SYNTAX, "%.*s has no size", SPAN_ARGS(digest));
    out->media_type = text_of(descriptor, "mediaType");
    out->reference = text_of(annotations, REFERENCE);
    out->name = text_of(annotations, NAME);
    return 0;
}

static int parse_entries(struct image_layout *layout, struct err *err)
{
    size_t count = json_array_length(layout->manifests);

    if (json_kind(layout->manifests) != JSON_ARRAY)
        return err_set(err, ERR_SYNTAX, "there is no list of manifests");
    layout->entries = memory_new((count + 1) * sizeof(*layout->entries));
    for (size_t i = 0; i < count; i++)
        if (parse_entry(json_at(layout->manifests, i), &layout->entries[i],
                        err) < 0)
            return -1;
    return 0;
}

int image_layout_parse(struct span index, struct image_layout **out,
                       struct err *err)
{
    CLEANUP(image_layout)
    struct image_layout *layout = memory_new(sizeof(*layout));

    if (json_parse(index, &limits, &layout->document, err) < 0)
        return err_wrap(err, IMAGE_LAYOUT_INDEX);
    layout->manifests = json_member(layout->document, "manifests");
    if (parse_entries(layout, err) < 0)
        return err_wrap(err, IMAGE_LAYOUT_INDEX);
    *out = layout;
    layout = NULL;
    return 0;
}

void image_layout_free(struct image_layout *layout)
{
    if (layout == NULL)
        return;
    json_free(layout->document);
    free(layout->entries);
    free(layout);
}

void image_layout_cleanup(struct image_layout **layout)
{
    image_layout_free(*layout);
}

size_t image_layout_count(const struct image_layout *layout)
{
    return json_array_length(layout->manifests);
}

void image_layout_at(const struct image_layout *layout, size_t index,
                     struct image_layout_entry *out)
{
    *out = layout->entries[index];
}

/* --- writing --- */

void image_layout_begin(struct buf *into)
{
    buf_add(into, SPAN("{\"schemaVersion\":2,\"mediaType\":"
                       "\"" MEDIA_TYPE_OCI_INDEX "\",\"manifests\":["));
}

static void begin_entry(struct buf *into)
{
    if (!span_ends_with(buf_span(into), SPAN("[")))
        buf_add_char(into, ',');
}

static void add_member(struct buf *into, bool *first, const char *key,
                       struct span text)
{
    if (text.len == 0)
        return;
    buf_add_format(into, "%s\"%s\":", *first ? "" : ",", key);
    json_add_string(into, text);
    *first = false;
}

void image_layout_add(struct buf *into, const struct image_layout_entry *entry)
{
    char digest[DIGEST_TEXT_MAX];
    bool first = true;

    digest_format(&entry->digest, digest);
    begin_entry(into);
    buf_add(into, SPAN("{\"mediaType\":"));
    json_add_string(into, entry->media_type);
    buf_add_format(into, ",\"digest\":\"%s\",\"size\":%" PRIu64, digest,
                   entry->size);
    if (entry->reference.len > 0 || entry->name.len > 0) {
        buf_add(into, SPAN(",\"annotations\":{"));
        add_member(into, &first, NAME, entry->name);
        add_member(into, &first, REFERENCE, entry->reference);
        buf_add_char(into, '}');
    }
    buf_add_char(into, '}');
}

void image_layout_keep(struct buf *into, const struct image_layout *layout,
                       size_t index)
{
    begin_entry(into);
    json_print(json_at(layout->manifests, index), into);
}

void image_layout_end(struct buf *into)
{
    buf_add(into, SPAN("]}"));
}
