/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "base/plain.h"
#include "cli/columns.h"
#include "inspect.h"

#define TEXT_BYTES_MAX (64 * 1024 * 1024)
#define INDENT "  "

static void print_head(const char *name, struct span value)
{
    CLEANUP(buf) struct buf text = BUF_INIT(TEXT_BYTES_MAX);

    plain_add(&text, value);
    printf("%-11s %s\n", name, buf_text(&text));
}

static void print_digest(const char *name, const struct digest *digest)
{
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    print_head(name, span_of(text));
}

static void print_size(const struct inspection *inspection)
{
    char text[NUM_SIZE_MAX];

    num_format_size(inspection->summary.size, text);
    printf("%-11s %s (manifest: %zu bytes)\n", "size:", text,
           inspection->bytes.len);
}

static void print_tags(struct span tags)
{
    CLEANUP(buf) struct buf text = BUF_INIT(TEXT_BYTES_MAX);

    while (tags.len > 0) {
        if (text.len > 0)
            buf_add(&text, SPAN(", "));
        buf_add(&text, span_cut(&tags, '\0'));
    }
    print_head("tags:", text.len > 0 ? buf_span(&text) : SPAN("none"));
}

static int print_annotation(void *context, struct span key,
                            const struct json *value)
{
    CLEANUP(buf) struct buf text = BUF_INIT(TEXT_BYTES_MAX);
    struct span what = {0};

    (void)!json_as_string(value, &what);
    plain_add(&text, key);
    buf_add(&text, SPAN(" = "));
    plain_add(&text, what);
    printf("%s%s\n", (const char *)context, buf_text(&text));
    return 0;
}

static void print_annotations(const struct json *annotations)
{
    static char indent[] = INDENT;

    if (annotations == NULL)
        return;
    puts("annotations:");
    json_each_member(annotations, print_annotation, indent);
}

/* What a part is called, if its author gave it a name. */
static struct span name_of(const struct descriptor *descriptor)
{
    struct span title = {0};

    (void)!json_as_string(
        json_member(descriptor->annotations, "org.opencontainers.image.title"),
        &title);
    return title;
}

static void add_reference(struct columns *columns,
                          const struct manifest_reference *reference,
                          bool is_missing)
{
    const struct descriptor *descriptor = &reference->descriptor;
    CLEANUP(buf) struct buf what = BUF_INIT(IMAGE_PLATFORMS_MAX);
    char digest[DIGEST_TEXT_MAX];
    struct platform platform;

    digest_format(&descriptor->digest, digest);
    if (platform_read(descriptor->platform, &platform))
        platform_print(&platform, &what);
    else
        buf_add(&what, name_of(descriptor));
    if (is_missing)
        buf_add(&what, what.len > 0 ? SPAN(" (MISSING)") : SPAN("(MISSING)"));
    columns_add(columns, span_of(digest));
    columns_add_size(columns, descriptor->size);
    columns_add(columns, descriptor->media_type);
    columns_add(columns, buf_span(&what));
}

static void print_references(const char *name,
                             const struct inspection *inspection,
                             enum manifest_reference_kind kind)
{
    const struct manifest *manifest = inspection->manifest;
    CLEANUP(columns) struct columns columns = {0};
    size_t found = 0;

    columns_begin(&columns, "<><<", INDENT);
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind != kind)
            continue;
        add_reference(&columns, &reference, inspection->is_missing[i]);
        found++;
    }
    if (found > 0)
        puts(name);
    columns_print(&columns);
}

static struct span member_text(const struct json *object, const char *key)
{
    struct span text = {0};

    (void)!json_as_string(json_member(object, key), &text);
    return text;
}

static void print_referrers(const struct json *referrers)
{
    CLEANUP(columns) struct columns columns = {0};

    if (json_array_length(referrers) == 0)
        return;
    puts("referrers:");
    columns_begin(&columns, "<<", INDENT);
    for (size_t i = 0; i < json_array_length(referrers); i++) {
        const struct json *each = json_at(referrers, i);

        columns_add(&columns, member_text(each, "digest"));
        columns_add(&columns, member_text(each, "artifactType"));
    }
    columns_print(&columns);
}

static void print_history(const struct image_config *config)
{
    CLEANUP(columns) struct columns columns = {0};

    if (image_config_step_count(config) == 0)
        return;
    puts("history:");
    columns_begin(&columns, "<<<", INDENT);
    for (size_t i = 0; i < image_config_step_count(config); i++) {
        struct image_step step;

        image_config_step_at(config, i, &step);
        columns_add(&columns, step.created);
        columns_add(&columns, step.is_empty ? SPAN("no layer") : SPAN("layer"));
        columns_add(&columns, step.created_by);
    }
    columns_print(&columns);
}

static void print_heads(const struct inspection *inspection)
{
    const struct manifest *manifest = inspection->manifest;

    print_head("repository:", span_of(inspection->name));
    print_digest("digest:", &inspection->digest);
    print_head("type:", manifest_type(manifest));
    if (manifest_artifact_type(manifest).len > 0)
        print_head("artifact:", manifest_artifact_type(manifest));
    print_size(inspection);
    print_tags(buf_span(&inspection->tags));
    if (inspection->summary.platforms.len > 0)
        print_head("platforms:", buf_span(&inspection->summary.platforms));
    if (inspection->config != NULL &&
        image_config_created(inspection->config).len > 0)
        print_head("created:", image_config_created(inspection->config));
}

void inspect_print_text(const struct inspection *inspection)
{
    print_heads(inspection);
    print_references("subject:", inspection, MANIFEST_SUBJECT);
    print_references("config:", inspection, MANIFEST_CONFIG);
    print_references("layers:", inspection, MANIFEST_LAYER);
    print_references("manifests:", inspection, MANIFEST_CHILD);
    print_annotations(manifest_annotations(inspection->manifest));
    print_referrers(inspection->listed);
    if (inspection->config != NULL)
        print_history(inspection->config);
}
