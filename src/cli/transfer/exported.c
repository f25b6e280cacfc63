/* SPDX-License-Identifier: MIT */
#include "exported.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/span_reader.h"
#include "cli/interrupt.h"
#include "oci/manifest.h"
#include "store/blob.h"
#include "store/closure.h"
#include "store/manifest_store.h"
#include "store/subjects.h"
#include "store/tag.h"

/* The images of one repository, which share their parts. */
struct repository {
    struct exported *exported;
    const char *name;
    struct closure_repository source;
    struct closure closure;
};

static void repository_cleanup(struct repository *repository)
{
    closure_cleanup(&repository->closure);
}

void exported_cleanup(struct exported *exported)
{
    sink_free(exported->sink);
    free(exported->images);
    digest_set_cleanup(&exported->written);
}

static bool is_asked_for(const struct exported *exported,
                         const char *repository, const char *tag,
                         const struct digest *digest)
{
    for (size_t i = 0; i < exported->count; i++) {
        const struct exported_image *image = &exported->images[i];

        if (strcmp(image->repository, repository) == 0 &&
            (tag[0] == '\0' ? digest_equals(&image->digest, digest)
                            : strcmp(image->tag, tag) == 0))
            return true;
    }
    return false;
}

void exported_add(struct exported *exported, const char *repository,
                  const char *tag, const struct digest *digest)
{
    struct exported_image *image;

    if (is_asked_for(exported, repository, tag, digest))
        return;
    if (exported->count == exported->room) {
        exported->room = exported->room ? 2 * exported->room : 16;
        exported->images = memory_resize(
            exported->images, exported->room * sizeof(*exported->images));
    }
    image = &exported->images[exported->count++];
    *image = (struct exported_image){.digest = *digest};
    snprintf(image->repository, sizeof(image->repository), "%s", repository);
    snprintf(image->tag, sizeof(image->tag), "%s", tag);
}

/* --- parts --- */

static int write_part(struct exported *exported, const struct digest *digest,
                      uint64_t size, struct reader *bytes, struct err *err)
{
    if (interrupt_came())
        return err_set(err, ERR_BUSY, "interrupted");
    if (sink_add(exported->sink, digest, size, bytes, err) < 0)
        return -1;
    digest_set_add(&exported->written, digest);
    exported->files++;
    exported->bytes += size;
    progress_set(&exported->progress, exported->bytes);
    return 0;
}

static int write_blob(struct repository *repository,
                      const struct digest *digest, struct err *err)
{
    CLEANUP(reader) struct reader *bytes = NULL;
    struct blob blob;

    if (closure_find_blob(&repository->source, digest, &blob, err) < 0 ||
        blob_open(repository->exported->store, &blob, 0, blob.size, &bytes,
                  err) < 0)
        return -1;
    return write_part(repository->exported, digest, blob.size, bytes, err);
}

static int write_manifest(struct exported *exported,
                          const struct closure_part *part, struct err *err)
{
    struct span_reader bytes;

    span_reader_init(&bytes, part->bytes);
    return write_part(exported, &part->digest, part->size, &bytes.base, err);
}

static int tell_absent(const struct exported *exported,
                       const struct closure_part *part, struct err *err)
{
    char text[DIGEST_TEXT_MAX];
    bool is_missing = part->why->code == ERR_MANIFEST_UNKNOWN ||
                      part->why->code == ERR_BLOB_UNKNOWN;

    if (is_missing && (part->may_be_absent || exported->sparse))
        return 0;
    digest_format(&part->digest, text);
    if (is_missing)
        return err_set(err, part->why->code, "%s is missing", text);
    *err = *part->why;
    return -1;
}

static int export_part(void *context, const struct closure_part *part,
                       struct err *err)
{
    struct repository *repository = context;
    struct exported *exported = repository->exported;

    if (part->kind == CLOSURE_ABSENT)
        return tell_absent(exported, part, err);
    if (digest_set_has(&exported->written, &part->digest))
        return 0;
    return part->kind == CLOSURE_BLOB
               ? write_blob(repository, &part->digest, err)
               : write_manifest(exported, part, err);
}

/* --- what refers to them --- */

static int add_referrer(void *context, const struct digest *subject,
                        const struct digest *referrer, struct err *err)
{
    struct repository *repository = context;

    (void)err;
    if (digest_set_has(&repository->closure.manifests, subject))
        exported_add(repository->exported, repository->name, "", referrer);
    return 0;
}

/* "sha256-<hex>", or with ".sig" and the like behind it. */
static bool is_fallback_tag(const struct repository *repository,
                            const char *tag)
{
    CLEANUP(buf) struct buf text = BUF_INIT(DIGEST_TEXT_MAX);
    struct span rest = span_of(tag);
    struct span name = span_cut(&rest, '.');
    struct span algorithm = span_cut(&name, '-');
    struct err ignored = {0};
    struct digest subject;

    buf_add_format(&text, "%.*s:%.*s", SPAN_ARGS(algorithm), (int)name.len,
                   name.ptr != NULL ? name.ptr : "");
    return !text.overflowed &&
           digest_parse(buf_span(&text), &subject, &ignored) == 0 &&
           digest_set_has(&repository->closure.manifests, &subject);
}

static int add_fallback(void *context, const char *tag, struct err *err)
{
    struct repository *repository = context;
    struct exported *exported = repository->exported;
    struct digest digest;

    if (!is_fallback_tag(repository, tag))
        return 0;
    if (tag_resolve(exported->store, repository->name, tag, &digest, err) < 0) {
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(err);
        return 0;
    }
    exported_add(exported, repository->name, tag, &digest);
    return 0;
}

static int add_referrers(struct repository *repository, struct err *err)
{
    const struct store *store = repository->exported->store;

    if (subjects_list(store, repository->name, add_referrer, repository, err) <
        0)
        return -1;
    if (tag_list(store, repository->name, NULL, add_fallback, repository,
                 err) == 0)
        return 0;
    if (err->code != ERR_NAME_UNKNOWN)
        return -1;
    err_clear(err);
    return 0;
}

/* --- the list of images --- */

#define LAYOUT_NAME_MAX                                                        \
    (NAME_MAX_LENGTH + 1 + TAG_MAX_LENGTH + 1 + DIGEST_TEXT_MAX)

/* "team/app:v1", or "team/app@sha256:..." for one without a tag. */
static void print_name(const struct exported_image *image, struct buf *into)
{
    char digest[DIGEST_TEXT_MAX];

    digest_format(&image->digest, digest);
    buf_add_format(into, "%s%c%s", image->repository,
                   image->tag[0] != '\0' ? ':' : '@',
                   image->tag[0] != '\0' ? image->tag : digest);
}

static bool is_qualified(const struct exported *exported)
{
    const struct image_layout *layout = sink_layout(exported->sink);

    if (layout != NULL && image_layout_count(layout) > 0)
        return true;
    for (size_t i = 1; i < exported->count; i++)
        if (strcmp(exported->images[0].repository,
                   exported->images[i].repository) != 0)
            return true;
    return false;
}

/* An image that is there already under the name of a new one goes. */
static bool is_replaced(const struct exported *exported,
                        const struct image_layout_entry *old)
{
    for (size_t i = 0; i < exported->count; i++) {
        const struct exported_image *image = &exported->images[i];
        CLEANUP(buf) struct buf name = BUF_INIT(LAYOUT_NAME_MAX);

        print_name(image, &name);
        if (span_equals(old->name, buf_span(&name)) ||
            (old->name.len == 0 && old->reference.len == 0 &&
             digest_equals(&old->digest, &image->digest)) ||
            (old->name.len == 0 && image->tag[0] != '\0' &&
             span_equals(old->reference, buf_span(&name))))
            return true;
    }
    return false;
}

static void keep_others(const struct exported *exported, struct buf *index)
{
    const struct image_layout *layout = sink_layout(exported->sink);
    size_t count = layout != NULL ? image_layout_count(layout) : 0;

    for (size_t i = 0; i < count; i++) {
        struct image_layout_entry entry;

        image_layout_at(layout, i, &entry);
        if (!is_replaced(exported, &entry))
            image_layout_keep(index, layout, i);
    }
}

static int list_image(const struct exported *exported,
                      const struct exported_image *image, bool qualified,
                      struct buf *index, struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(buf) struct buf name = BUF_INIT(LAYOUT_NAME_MAX);
    char type[MANIFEST_MEDIA_TYPE_MAX];
    struct image_layout_entry entry = {.digest = image->digest};

    if (manifest_get_stored(exported->store, &image->digest, &bytes, err) < 0)
        return -1;
    print_name(image, &name);
    entry.media_type =
        (struct span){type, manifest_media_type(buf_span(&bytes), type)};
    entry.size = bytes.len;
    entry.name = buf_span(&name);
    if (image->tag[0] != '\0')
        entry.reference = qualified ? entry.name : span_of(image->tag);
    image_layout_add(index, &entry);
    return 0;
}

static int end(struct exported *exported, struct err *err)
{
    CLEANUP(buf) struct buf index = BUF_INIT(IMAGE_LAYOUT_BYTES_MAX);
    bool qualified = is_qualified(exported);

    image_layout_begin(&index);
    keep_others(exported, &index);
    for (size_t i = 0; i < exported->count; i++)
        if (list_image(exported, &exported->images[i], qualified, &index, err) <
            0)
            return -1;
    image_layout_end(&index);
    if (index.overflowed)
        return err_set(err, ERR_TOO_LARGE, "too many images in one layout");
    return sink_end(exported->sink, buf_span(&index), err);
}

/* --- all of it --- */

static int export_image(struct repository *repository, size_t index,
                        struct err *err)
{
    struct exported_image *image = &repository->exported->images[index];
    CLEANUP(buf) struct buf name = BUF_INIT(LAYOUT_NAME_MAX);

    image->is_done = true;
    if (closure_walk(&repository->closure, &image->digest, err) == 0)
        return 0;
    print_name(image, &name);
    return err_wrap(err, "%s", buf_text(&name));
}

/* All images of the repository that the one at `first` is of. */
static int export_repository(struct exported *exported, size_t first,
                             struct err *err)
{
    char name[NAME_MAX_LENGTH + 1];
    CLEANUP(repository)
    struct repository repository = {.exported = exported, .name = name};
    size_t before;

    memcpy(name, exported->images[first].repository, sizeof(name));
    repository.source = closure_repository(exported->store, name);
    repository.closure.source = &repository.source.source;
    repository.closure.visit = export_part;
    repository.closure.context = &repository;
    do {
        before = exported->count;
        for (size_t i = first; i < exported->count; i++)
            if (!exported->images[i].is_done &&
                strcmp(exported->images[i].repository, name) == 0 &&
                export_image(&repository, i, err) < 0)
                return -1;
        if (exported->referrers && add_referrers(&repository, err) < 0)
            return -1;
    } while (exported->count > before);
    return 0;
}

int exported_run(struct exported *exported, struct err *err)
{
    for (size_t i = 0; i < exported->count; i++)
        if (!exported->images[i].is_done &&
            export_repository(exported, i, err) < 0)
            return -1;
    return end(exported, err);
}
