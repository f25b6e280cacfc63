/* SPDX-License-Identifier: MIT */
/*
 * The lists of archives, which come from anywhere: manifest.json of Docker, a
 * config, and oci-layout and index.json of a layout. What is read can be gone
 * through, and what is kept of an index reads the same again.
 */
#include "fuzz.h"

#include "oci/docker_archive.h"
#include "oci/image_layout.h"
#include "oci/reference.h"

static void check_name(struct span text)
{
    struct image_reference reference;
    struct err err = {0};

    if (image_reference_parse_foreign(text, &reference, &err) < 0)
        MUST(err.code != ERR_NONE);
    else
        MUST(name_is_valid(span_of(reference.name)));
}

static void check_docker(struct span bytes)
{
    CLEANUP(docker_archive) struct docker_archive *archive = NULL;
    struct err err = {0};

    if (docker_archive_parse(bytes, &archive, &err) < 0) {
        MUST(err.code == ERR_SYNTAX);
        return;
    }
    MUST(docker_archive_count(archive) > 0);
    for (size_t i = 0; i < docker_archive_count(archive); i++) {
        size_t layers = docker_archive_layer_count(archive, i);

        MUST(docker_archive_config(archive, i).len > 0);
        MUST(layers <= DOCKER_ARCHIVE_LAYERS_MAX);
        for (size_t j = 0; j < layers; j++)
            MUST(docker_archive_layer(archive, i, j).len > 0);
        for (size_t j = 0; j < docker_archive_tag_count(archive, i); j++)
            check_name(docker_archive_tag(archive, i, j));
    }
}

static void check_config(struct span bytes)
{
    struct digest ids[DOCKER_ARCHIVE_LAYERS_MAX];
    struct err err = {0};

    for (size_t count = 0; count < 3; count++)
        if (docker_archive_diff_ids(bytes, count, ids, &err) < 0) {
            MUST(err.code == ERR_SYNTAX);
            err_clear(&err);
        }
}

static bool is_same(const struct image_layout_entry *a,
                    const struct image_layout_entry *b)
{
    return digest_equals(&a->digest, &b->digest) && a->size == b->size &&
           span_equals(a->media_type, b->media_type) &&
           span_equals(a->reference, b->reference) &&
           span_equals(a->name, b->name);
}

static void check_kept(const struct image_layout *layout)
{
    CLEANUP(buf) struct buf again = BUF_INIT(IMAGE_LAYOUT_BYTES_MAX);
    CLEANUP(image_layout) struct image_layout *second = NULL;
    struct image_layout_entry a, b;
    struct err err = {0};

    image_layout_begin(&again);
    for (size_t i = 0; i < image_layout_count(layout); i++)
        image_layout_keep(&again, layout, i);
    image_layout_end(&again);
    if (again.overflowed)
        return;
    MUST(image_layout_parse(buf_span(&again), &second, &err) == 0);
    MUST(image_layout_count(second) == image_layout_count(layout));
    for (size_t i = 0; i < image_layout_count(layout); i++) {
        image_layout_at(layout, i, &a);
        image_layout_at(second, i, &b);
        MUST(is_same(&a, &b));
        check_name(a.reference);
        check_name(a.name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = fuzz_input(data, size);
    CLEANUP(image_layout) struct image_layout *layout = NULL;
    struct err err = {0};

    check_docker(bytes);
    check_config(bytes);
    if (image_layout_check(bytes, &err) < 0)
        MUST(err.code == ERR_SYNTAX);
    err_clear(&err);
    if (image_layout_parse(bytes, &layout, &err) == 0)
        check_kept(layout);
    else
        MUST(err.code == ERR_SYNTAX);
    return 0;
}
