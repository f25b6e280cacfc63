/* SPDX-License-Identifier: MIT */
/*
 * Makes a large data tree as a registry leaves it, quickly: without syncs,
 * and with holes for the bytes of layers, so that it needs little disk. Always
 * the same for the same arguments. Prints what it made as JSON.
 *
 *     plant TREE tags REPOSITORY COUNT
 *     plant TREE repositories COUNT flat|nested
 *     plant TREE registry BLOBS MANIFESTS
 *
 * TREE is docker/registry/v2 of the data directory. "flat" are repositories
 * side by side, "nested" some hundreds in each namespace. A registry has
 * repositories of 10 to 1000 tags, as many up to 100 as above; images share
 * layers with others of their repository, and some with all; one manifest in
 * twenty is an index. Of the blobs, 3 in 100 have nothing that refers to them,
 * and of those every other one has not been asked for in a month.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "bench/http.h"
#include "oci/media_type.h"
#include "oci/name.h"
#include "store/layout.h"

#define MONTH_SECONDS (30 * 24 * 3600)
#define LAYERS_MAX 256
#define MANIFEST_MAX (64 * 1024)
#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"

static struct {
    uint64_t blobs, manifests, links, tags, repositories, garbage;
} made;

/* --- files --- */

static void make_directory(const char *path)
{
    char parent[LAYOUT_PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return;
    if (errno != ENOENT || slash == NULL)
        fail("mkdir %s: %s", path, strerror(errno));
    snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
    make_directory(parent);
    make_directory(path);
}

static int create(const char *path)
{
    char parent[LAYOUT_PATH_MAX];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

    if (fd >= 0)
        return fd;
    if (errno != ENOENT)
        fail("create %s: %s", path, strerror(errno));
    snprintf(parent, sizeof(parent), "%.*s", (int)(strrchr(path, '/') - path),
             path);
    make_directory(parent);
    return create(path);
}

/* A file of these bytes, and a hole behind them up to `size`. */
static void put(const char *path, struct span bytes, uint64_t size, bool is_old)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = time(NULL) - MONTH_SECONDS}};
    int fd = create(path);

    if (write(fd, bytes.ptr, bytes.len) != (ssize_t)bytes.len ||
        (size > bytes.len && ftruncate(fd, (off_t)size) < 0) ||
        (is_old && futimens(fd, times) < 0))
        fail("write %s: %s", path, strerror(errno));
    close(fd);
}

static void put_link(struct layout_path path, const struct digest *digest,
                     bool is_old)
{
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    put(path.text, span_of(text), 0, is_old);
    made.links++;
}

/* --- numbers --- */

static uint64_t draw(uint64_t below)
{
    static uint64_t state;
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

/* Twice as much is half as often. */
static uint64_t draw_scaled(double low, double high)
{
    return (uint64_t)(low * pow(high / low, (double)draw(1000) / 1000));
}

/* --- tags and repositories alone --- */

static void put_tag(const char *name, const char *tag,
                    const struct digest *digest)
{
    put_link(layout_tag_index_link(name, tag, digest), digest, false);
    put_link(layout_tag_current(name, tag), digest, false);
    made.tags++;
}

static void make_repository(const char *name)
{
    make_directory(layout_layers(name).text);
    make_directory(layout_tags(name).text);
    made.repositories++;
}

static void plant_tags(const char *name, uint64_t count)
{
    struct digest digest;
    char tag[TAG_MAX_LENGTH + 1];

    digest_of_bytes(HASH_SHA256, SPAN(""), &digest);
    make_repository(name);
    for (uint64_t i = 0; i < count; i++) {
        snprintf(tag, sizeof(tag), "build-%06" PRIu64 "-%08" PRIx64, i,
                 draw(UINT32_MAX));
        put_tag(name, tag, &digest);
    }
}

static void plant_repositories(uint64_t count, bool nested)
{
    char name[NAME_MAX_LENGTH + 1];

    for (uint64_t i = 0; i < count; i++) {
        if (nested)
            snprintf(name, sizeof(name), "team-%03" PRIu64 "/app-%03" PRIu64,
                     i / 300, i % 300);
        else
            snprintf(name, sizeof(name), "app-%06" PRIu64, i);
        make_repository(name);
    }
}

/* --- a registry --- */

struct part {
    struct digest digest;
    uint64_t size;
};

static struct {
    uint64_t blobs, manifests; /* still to be made */
    struct part common[20];    /* layers that are found everywhere */
} plan;

struct repository {
    char name[NAME_MAX_LENGTH + 1];
    struct part images[4]; /* the last ones, for indexes */
    uint64_t manifests;    /* so far */
    struct part layers[8]; /* some that its images share */
};

static void put_blob(const struct digest *digest, struct span bytes,
                     uint64_t size, bool is_old)
{
    put(layout_blob(digest).text, bytes, size, is_old);
    made.blobs++;
    plan.blobs -= plan.blobs > 0;
}

/* Another blob, whose bytes are a hole. */
static struct part put_hole(double low, double high, bool is_old)
{
    struct part part = {.size = draw_scaled(low, high)};
    struct span seed = {(const char *)&made.blobs, sizeof(made.blobs)};

    digest_of_bytes(HASH_SHA256, seed, &part.digest);
    put_blob(&part.digest, SPAN(""), part.size, is_old);
    return part;
}

static struct part put_layer(const struct repository *repository, bool is_old)
{
    struct part layer = put_hole(1000, 100e6, is_old);

    put_link(layout_layer_link(repository->name, &layer.digest), &layer.digest,
             is_old);
    return layer;
}

static void add_descriptor(struct buf *json, const char *type,
                           const struct part *part)
{
    char text[DIGEST_TEXT_MAX];

    digest_format(&part->digest, text);
    buf_add_format(
        json, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%" PRIu64 "}",
        type, text, part->size);
}

/* Stores a manifest; one in 33 loses its tag to a later one. */
static struct part put_manifest(struct repository *repository,
                                const struct buf *json, bool is_old)
{
    struct part manifest = {.size = json->len};
    char tag[TAG_MAX_LENGTH + 1];

    if (json->overflowed)
        fail("a manifest became too long");
    digest_of_bytes(HASH_SHA256, buf_span(json), &manifest.digest);
    put_blob(&manifest.digest, buf_span(json), 0, is_old);
    put_link(layout_revision_link(repository->name, &manifest.digest),
             &manifest.digest, is_old);
    snprintf(tag, sizeof(tag), "v1.%" PRIu64, repository->manifests);
    if (draw(33) > 0)
        put_tag(repository->name, tag, &manifest.digest);
    repository->manifests++;
    made.manifests++;
    plan.manifests--;
    return manifest;
}

/* What is left of the blobs goes to what is left of the images. */
static size_t draw_own_layers(void)
{
    uint64_t each = plan.blobs / plan.manifests;
    /* Beside the manifest, its config, and what nothing refers to. */
    uint64_t count = each > 2 ? draw(2 * (each - 2) + 1) : 0;

    return (size_t)(count < LAYERS_MAX ? count : LAYERS_MAX);
}

static void add_shared(struct buf *json, const struct repository *repository,
                       const struct part *layer)
{
    struct layout_path link =
        layout_layer_link(repository->name, &layer->digest);

    if (access(link.text, F_OK) < 0)
        put_link(link, &layer->digest, false);
    buf_add_char(json, ',');
    add_descriptor(json, LAYER_TYPE, layer);
}

static void plant_image(struct repository *repository)
{
    CLEANUP(buf) struct buf json = BUF_INIT(MANIFEST_MAX);
    bool is_old = draw(3) == 0;
    struct part config = put_layer(repository, is_old);
    uint64_t number = repository->manifests;

    buf_add_format(&json,
                   "{\"schemaVersion\":2,\"mediaType\":\"%s\","
                   "\"config\":",
                   MEDIA_TYPE_OCI_MANIFEST);
    add_descriptor(&json, MEDIA_TYPE_OCI_CONFIG, &config);
    buf_add_format(&json, ",\"layers\":[");
    add_descriptor(&json, LAYER_TYPE, &repository->layers[0]);
    for (size_t i = 0, count = draw_own_layers(); i < count; i++) {
        struct part layer = put_layer(repository, is_old);

        buf_add_char(&json, ',');
        add_descriptor(&json, LAYER_TYPE, &layer);
    }
    add_shared(&json, repository,
               &repository->layers[draw(ARRAY_SIZE(repository->layers))]);
    add_shared(&json, repository, &plan.common[draw(ARRAY_SIZE(plan.common))]);
    buf_add(&json, SPAN("]}"));
    repository->images[number % ARRAY_SIZE(repository->images)] =
        put_manifest(repository, &json, is_old);
}

static void plant_index(struct repository *repository)
{
    CLEANUP(buf) struct buf json = BUF_INIT(MANIFEST_MAX);

    buf_add_format(&json,
                   "{\"schemaVersion\":2,\"mediaType\":\"%s\","
                   "\"annotations\":{\"number\":\"%" PRIu64
                   "\"},\"manifests\":[",
                   MEDIA_TYPE_OCI_INDEX, made.manifests);
    for (size_t i = 0; i < 2; i++) {
        if (i > 0)
            buf_add_char(&json, ',');
        add_descriptor(&json, MEDIA_TYPE_OCI_MANIFEST, &repository->images[i]);
    }
    buf_add(&json, SPAN("]}"));
    put_manifest(repository, &json, false);
}

static void plant_garbage(const struct repository *repository)
{
    put_layer(repository, made.garbage % 2 == 0);
    made.garbage++;
}

static void plant_repository(uint64_t number)
{
    struct repository repository = {0};
    uint64_t count = draw_scaled(10, 1000);

    snprintf(repository.name, sizeof(repository.name),
             "team-%02" PRIu64 "/app-%03" PRIu64, number % 37, number);
    make_repository(repository.name);
    for (size_t i = 0; i < ARRAY_SIZE(repository.layers); i++)
        repository.layers[i] = put_layer(&repository, false);
    for (uint64_t i = 0; i < count && plan.manifests > 0; i++) {
        if (i % 20 == 19)
            plant_index(&repository);
        else
            plant_image(&repository);
        while (made.garbage * 100 < made.blobs * 3)
            plant_garbage(&repository);
    }
}

static void plant_registry(uint64_t blobs, uint64_t manifests)
{
    if (blobs < 2 * manifests)
        fail("fewer than two blobs for a manifest");
    plan.blobs = blobs;
    plan.manifests = manifests;
    for (size_t i = 0; i < ARRAY_SIZE(plan.common); i++)
        plan.common[i] = put_hole(1e6, 100e6, false);
    for (uint64_t i = 0; plan.manifests > 0; i++)
        plant_repository(i);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        fail("usage: plant TREE tags REPOSITORY COUNT | repositories COUNT "
             "flat|nested | registry BLOBS MANIFESTS");
    if (chdir(argv[1]) < 0)
        fail("%s: %s", argv[1], strerror(errno));
    if (strcmp(argv[2], "tags") == 0)
        plant_tags(argv[3], (uint64_t)number(argv[4]));
    else if (strcmp(argv[2], "repositories") == 0)
        plant_repositories((uint64_t)number(argv[3]),
                           strcmp(argv[4], "nested") == 0);
    else if (strcmp(argv[2], "registry") == 0)
        plant_registry((uint64_t)number(argv[3]), (uint64_t)number(argv[4]));
    else
        fail("%s: nothing to plant", argv[2]);
    printf("{\"blobs\": %" PRIu64 ", \"manifests\": %" PRIu64
           ", \"links\": %" PRIu64 ", \"tags\": %" PRIu64
           ", \"repositories\": %" PRIu64 ", \"garbage\": %" PRIu64 "}\n",
           made.blobs, made.manifests, made.links, made.tags, made.repositories,
           made.garbage);
    return EXIT_SUCCESS;
}
