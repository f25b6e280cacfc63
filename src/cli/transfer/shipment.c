/* SPDX-License-Identifier: MIT */
#include "shipment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json_writer.h"
#include "base/memory.h"
#include "cli/interrupt.h"
#include "store/blob.h"
#include "store/intake.h"

#define LINE_MAX_BYTES 4096

void shipment_cleanup(struct shipment *shipment)
{
    for (size_t i = 0; i < shipment->blob_count; i++)
        free(shipment->blobs[i].file);
    free(shipment->blobs);
    free(shipment->tags);
    bundle_free(shipment->bundle);
}

/* Room for one more in an array that grows. */
static void *grow(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? 2 * *room : 64;
    return memory_resize(array, *room * size);
}

static int check(struct err *err)
{
    return interrupt_came() ? err_set(err, ERR_BUSY, "interrupted") : 0;
}

/* --- blobs --- */

int shipment_add_blob(struct shipment *shipment, const char *repository,
                      const char *file, const struct digest *digest,
                      struct err *err)
{
    struct shipment_blob *blob;
    struct bundle_file found;

    if (check(err) < 0 || bundle_find(shipment->bundle, file, &found, err) < 0)
        return -1;
    if (shipment->blob_count == SHIPMENT_BLOBS_MAX)
        return err_set(err, ERR_SYNTAX,
                       "there are more than %d blobs to bring to repositories",
                       SHIPMENT_BLOBS_MAX);
    shipment->blobs = grow(shipment->blobs, shipment->blob_count,
                           &shipment->blob_room, sizeof(*shipment->blobs));
    blob = &shipment->blobs[shipment->blob_count++];
    *blob = (struct shipment_blob){.file = memory_copy_text(found.name),
                                   .is_new = digest == NULL,
                                   .size = found.size};
    snprintf(blob->repository, sizeof(blob->repository), "%s", repository);
    if (digest != NULL)
        blob->digest = *digest;
    return 0;
}

/* By file, then by repository; what is twice the same is next to itself. */
static int compare_blobs(const void *a, const void *b)
{
    const struct shipment_blob *x = a, *y = b;
    int order = strcmp(x->file, y->file);

    return order != 0 ? order : strcmp(x->repository, y->repository);
}

/* Bytes on their way, which show, and end with Ctrl-C. */
struct watched {
    struct reader base;
    struct reader *bytes;
    struct shipment *shipment;
};

static ssize_t read_watched(struct reader *base, void *into, size_t size,
                            struct err *err)
{
    struct watched *watched = (struct watched *)base;
    struct shipment *shipment = watched->shipment;
    ssize_t got =
        check(err) < 0 ? -1 : reader_read(watched->bytes, into, size, err);

    if (got > 0) {
        shipment->bytes_done += (uint64_t)got;
        progress_set(&shipment->progress, shipment->bytes_done);
    }
    return got;
}

static void keep_open(struct reader *base)
{
    (void)base;
}

static int take_one(struct shipment *shipment, struct shipment_blob *blob,
                    struct reader *bytes, struct err *err)
{
    static const struct reader_ops ops = {read_watched, keep_open};
    const struct store *store = &shipment->tree->store;
    struct watched watched = {{&ops}, bytes, shipment};
    int result = blob->is_new
                     ? intake_new_blob(store, blob->repository, &watched.base,
                                       &blob->digest, &blob->size, err)
                     : intake_blob(store, blob->repository, &blob->digest,
                                   &watched.base, err);

    if (result < 0)
        return err_wrap(err, "%s", blob->file);
    blob->is_new = false;
    shipment->taken++;
    shipment->bytes += blob->size;
    return 0;
}

static int find_here(struct shipment *shipment,
                     const struct shipment_blob *blob, bool *found,
                     struct err *err)
{
    *found = false;
    return blob->is_new
               ? 0
               : intake_find_blob(&shipment->tree->store, blob->repository,
                                  &blob->digest, blob->size, found, err);
}

/* Blobs of one file, each for another repository. */
struct batch {
    struct shipment *shipment;
    size_t *begins; /* of each file, and the end of the last */
};

static int take_file(void *context, size_t index, struct reader *bytes,
                     struct err *err)
{
    struct batch *batch = context;
    struct shipment *shipment = batch->shipment;
    size_t begin = batch->begins[index], end = batch->begins[index + 1];
    bool is_read = false;

    for (size_t i = begin; i < end; i++) {
        struct shipment_blob *blob = &shipment->blobs[i];
        bool found;

        if (blob->is_new && is_read) {
            blob->digest = shipment->blobs[begin].digest;
            blob->size = shipment->blobs[begin].size;
            blob->is_new = false;
        }
        if (check(err) < 0 || find_here(shipment, blob, &found, err) < 0)
            return -1;
        if (found) {
            shipment->kept++;
            continue;
        }
        /* Once it is there for one, the others are given it. */
        if (is_read)
            return err_set(err, ERR_IO, "%s was taken away at once",
                           blob->file);
        if (take_one(shipment, blob, bytes, err) < 0)
            return -1;
        is_read = true;
    }
    return 0;
}

static size_t list_files(const struct shipment *shipment, const char **names,
                         size_t *begins)
{
    size_t count = 0;

    for (size_t i = 0; i < shipment->blob_count; i++) {
        const char *file = shipment->blobs[i].file;

        if (count > 0 && strcmp(names[count - 1], file) == 0)
            continue;
        begins[count] = i;
        names[count++] = file;
    }
    begins[count] = shipment->blob_count;
    return count;
}

static uint64_t total_bytes(const struct shipment *shipment)
{
    uint64_t total = 0;

    for (size_t i = 0; i < shipment->blob_count; i++)
        total += shipment->blobs[i].size;
    return total;
}

int shipment_take_blobs(struct shipment *shipment, struct err *err)
{
    size_t room = shipment->blob_count + 1;
    const char **names = memory_new(room * sizeof(*names));
    size_t *begins = memory_new(room * sizeof(*begins));
    struct batch batch = {shipment, begins};
    size_t count;
    int result;

    if (shipment->blob_count > 1)
        qsort(shipment->blobs, shipment->blob_count, sizeof(*shipment->blobs),
              compare_blobs);
    count = list_files(shipment, names, begins);
    progress_begin(&shipment->progress, "importing", total_bytes(shipment));
    result =
        bundle_read(shipment->bundle, names, count, take_file, &batch, err);
    progress_end(&shipment->progress);
    free(names);
    free(begins);
    return result;
}

static int compare_file(const void *file, const void *blob)
{
    return strcmp(file, ((const struct shipment_blob *)blob)->file);
}

const struct shipment_blob *shipment_find(const struct shipment *shipment,
                                          const char *file)
{
    struct bundle_file found;
    struct err ignored = {0};

    if (bundle_find(shipment->bundle, file, &found, &ignored) < 0)
        return NULL;
    return shipment->blob_count == 0
               ? NULL
               : bsearch(found.name, shipment->blobs, shipment->blob_count,
                         sizeof(*shipment->blobs), compare_file);
}

/* --- manifests and tags --- */

int shipment_put_manifest(struct shipment *shipment, const char *repository,
                          const struct digest *digest, struct span bytes,
                          struct err *err)
{
    const struct settings *settings = &shipment->tree->settings;
    CLEANUP(manifest) struct manifest *manifest = NULL;
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    if (check(err) < 0)
        return -1;
    if (bytes.len > settings->manifest_limit)
        return err_set(err, ERR_MANIFEST_TOO_LARGE,
                       "%s: a manifest of %zu bytes is above manifest_limit",
                       text, bytes.len);
    if (manifest_parse(bytes, SPAN(""), &manifest, err) == 0 &&
        intake_manifest(&shipment->tree->store, repository, digest, manifest,
                        bytes, settings->sparse, err) == 0) {
        shipment->manifests++;
        return 0;
    }
    if (err->code == ERR_MANIFEST_BLOB_UNKNOWN) {
        struct err why = *err;

        return err_set(err, ERR_MANIFEST_BLOB_UNKNOWN,
                       "%s refers to %s, which is neither in the archive nor "
                       "here (sparse = yes would do without)",
                       text, why.detail);
    }
    return err_wrap(err, "%s", text);
}

void shipment_add_tag(struct shipment *shipment, const char *repository,
                      const char *tag, const struct digest *digest)
{
    struct shipment_tag *added;

    shipment->tags = grow(shipment->tags, shipment->tag_count,
                          &shipment->tag_room, sizeof(*shipment->tags));
    added = &shipment->tags[shipment->tag_count++];
    *added = (struct shipment_tag){.digest = *digest};
    snprintf(added->repository, sizeof(added->repository), "%s", repository);
    snprintf(added->tag, sizeof(added->tag), "%s", tag);
}

static int compare_tags(const void *a, const void *b)
{
    const struct shipment_tag *x = a, *y = b;
    int order = strcmp(x->repository, y->repository);

    return order != 0 ? order : strcmp(x->tag, y->tag);
}

static int check_tags(struct shipment *shipment, struct err *err)
{
    if (shipment->tag_count > 1)
        qsort(shipment->tags, shipment->tag_count, sizeof(*shipment->tags),
              compare_tags);
    for (size_t i = 1; i < shipment->tag_count; i++) {
        const struct shipment_tag *one = &shipment->tags[i - 1];
        const struct shipment_tag *next = &shipment->tags[i];

        if (next->tag[0] != '\0' && compare_tags(one, next) == 0 &&
            !digest_equals(&one->digest, &next->digest))
            return err_set(err, ERR_SYNTAX,
                           "there are two images for %s:%s, so none was tagged",
                           next->repository, next->tag);
    }
    return 0;
}

static void print_tag(const struct shipment *shipment,
                      const struct shipment_tag *tag)
{
    char digest[DIGEST_TEXT_MAX];

    digest_format(&tag->digest, digest);
    if (shipment->json) {
        CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
        struct json_writer json;

        json_writer_begin(&json, &line);
        json_writer_text(&json, "repository", span_of(tag->repository));
        if (tag->tag[0] != '\0')
            json_writer_text(&json, "tag", span_of(tag->tag));
        json_writer_text(&json, "digest", span_of(digest));
        json_writer_end(&json);
        fputs(buf_text(&line), stdout);
        return;
    }
    printf("%s%s%s %s\n", tag->repository, tag->tag[0] != '\0' ? ":" : "",
           tag->tag, digest);
}

int shipment_set_tags(struct shipment *shipment, struct err *err)
{
    if (check_tags(shipment, err) < 0)
        return -1;
    for (size_t i = 0; i < shipment->tag_count; i++) {
        const struct shipment_tag *tag = &shipment->tags[i];

        if (check(err) < 0)
            return -1;
        if (tag->tag[0] != '\0' &&
            intake_tag(&shipment->tree->store, tag->repository, tag->tag,
                       &tag->digest, err) < 0)
            return err_wrap(err, "%s:%s", tag->repository, tag->tag);
        print_tag(shipment, tag);
    }
    return 0;
}

void shipment_print(const struct shipment *shipment)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct json_writer json;

    if (!shipment->json) {
        printf("imported: images: %zu, manifests: %" PRIu64 ", blobs: %" PRIu64
               ", bytes: %" PRIu64 "; already there: %" PRIu64 "\n",
               shipment->tag_count, shipment->manifests, shipment->taken,
               shipment->bytes, shipment->kept);
        return;
    }
    json_writer_begin(&json, &line);
    json_writer_number(&json, "images", shipment->tag_count);
    json_writer_number(&json, "manifests", shipment->manifests);
    json_writer_number(&json, "blobs", shipment->taken);
    json_writer_number(&json, "bytes", shipment->bytes);
    json_writer_number(&json, "kept", shipment->kept);
    json_writer_end(&json);
    fputs(buf_text(&line), stdout);
}
