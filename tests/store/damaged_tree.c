/* SPDX-License-Identifier: MIT */
#include "store/damaged_tree.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "driver/driver_mem.h"
#include "driver/fs_fixture.h"
#include "oci/manifest.h"
#include "store/blob.h"
#include "store/link.h"
#include "store/manifest_store.h"
#include "store/tag.h"

#define AGE_NS (2 * 24 * 3600 * CLOCK_NS_PER_SECOND)
#define LAYERS_MAX 2

bool is_over_files;
struct digest blob_shared, blob_two, blob_three, blob_four;
struct digest blob_config, blob_alias, blob_stored;
struct digest image_v1, image_v2, image_child, image_multi, image_sbom;

const char *const tree_images[] = {"app:v1",     "app:v2",    "app:multi",
                                   "app:sbom",   "app:moved", "other:v1",
                                   "healthy:v1", NULL};

static int64_t moment_ns;

/* --- images --- */

#define CONFIG_V1 "{\"config\":\"v1\"}"
#define SHARED "the bytes of a layer that two repositories share"
#define TWO "the bytes of the second layer"
#define THREE "the bytes of a third layer"
#define FOUR "the bytes of the layer of a child"
#define ALIAS "the bytes of a layer that was pushed as sha512"

/* What clients have of an image. */
static const struct image {
    const char *name, *tag; /* NULL = none */
    const char *config;
    const char *layers[LAYERS_MAX];
    const struct digest *subject;
    struct digest *manifest; /* NULL = nobody asks */
} images[] = {
    {"app", NULL, "{\"config\":\"child\"}", {FOUR}, NULL, &image_child},
    {"app", "v1", CONFIG_V1, {SHARED, TWO}, NULL, &image_v1},
    {"app", "v2", "{\"config\":\"v2\"}", {SHARED, THREE}, NULL, &image_v2},
    {"app", "moved", "{\"config\":\"v2\"}", {SHARED, THREE}, NULL, NULL},
    {"app",
     "sbom",
     "{}",
     {"the bytes of a bill of materials"},
     &image_v1,
     &image_sbom},
    {"other", "v1", "{\"config\":\"other\"}", {SHARED, ALIAS}, NULL, NULL},
    {"healthy", "v1", "{\"config\":\"healthy\"}", {"sound"}, NULL, NULL},
};

static struct digest digest_of(const char *bytes)
{
    struct digest digest;

    digest_of_bytes(strcmp(bytes, ALIAS) == 0 ? HASH_SHA512 : HASH_SHA256,
                    span_of(bytes), &digest);
    return digest;
}

static void add_descriptor(struct buf *json, const char *type,
                           const struct digest *digest, size_t size)
{
    buf_add_format(json,
                   "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}",
                   type, text_of(digest), size);
}

static void print_image(const struct image *image, struct buf *json)
{
    struct digest digest = digest_of(image->config);

    buf_add_format(json,
                   "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":",
                   MEDIA_TYPE_OCI_MANIFEST);
    add_descriptor(json, MEDIA_TYPE_OCI_CONFIG, &digest, strlen(image->config));
    buf_add(json, SPAN(",\"layers\":["));
    for (int i = 0; i < LAYERS_MAX && image->layers[i] != NULL; i++) {
        digest = digest_of(image->layers[i]);
        if (i > 0)
            buf_add_char(json, ',');
        add_descriptor(json, "application/vnd.oci.image.layer.v1.tar", &digest,
                       strlen(image->layers[i]));
    }
    buf_add_char(json, ']');
    if (image->subject != NULL) {
        buf_add(json, SPAN(",\"subject\":"));
        add_descriptor(json, MEDIA_TYPE_OCI_MANIFEST, image->subject, 1);
    }
    buf_add_char(json, '}');
}

/* --- pushing --- */

/* As registry:2 keeps a sha512 upload. */
static void push_as_alias(const char *name, const char *bytes)
{
    struct digest stored = push_blob(name, span_of(bytes));
    struct digest digest = digest_of(bytes);

    cr_assert_eq(
        link_write(&store,
                   &(struct layout_path[]){layout_layer_link(name, &digest)}[0],
                   &stored, &err),
        0);
    blob_alias = digest;
    blob_stored = stored;
}

static void push_bytes(const char *name, const char *bytes)
{
    struct digest digest = digest_of(bytes);
    struct err ignored = {0};
    struct blob blob;

    if (blob_lease(&store, name, &digest, &blob, &ignored) == 0)
        return;
    if (digest.algorithm == HASH_SHA512)
        push_as_alias(name, bytes);
    else
        push_blob(name, span_of(bytes));
}

static void put_tag(const char *name, const char *tag,
                    const struct digest *digest)
{
    cr_assert_eq(tag_set(&store, name, tag, digest, &err), 0, "%s", err.text);
}

static struct digest push_image(const struct image *image)
{
    CLEANUP(buf) struct buf json = BUF_INIT(4096);
    struct digest digest;

    push_bytes(image->name, image->config);
    for (int i = 0; i < LAYERS_MAX && image->layers[i] != NULL; i++)
        push_bytes(image->name, image->layers[i]);
    print_image(image, &json);
    digest = push_manifest(image->name, buf_text(&json));
    if (image->manifest != NULL)
        *image->manifest = digest;
    if (image->tag != NULL)
        put_tag(image->name, image->tag, &digest);
    return digest;
}

static void push_index(void)
{
    CLEANUP(buf) struct buf json = BUF_INIT(4096);

    push_image(&images[0]);
    push_image(&images[1]);
    buf_add_format(&json,
                   "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[",
                   MEDIA_TYPE_OCI_INDEX);
    add_descriptor(&json, MEDIA_TYPE_OCI_MANIFEST, &image_v1, 1);
    buf_add_char(&json, ',');
    add_descriptor(&json, MEDIA_TYPE_OCI_MANIFEST, &image_child, 1);
    buf_add(&json, SPAN("]}"));
    image_multi = push_manifest("app", buf_text(&json));
    put_tag("app", "multi", &image_multi);
}

static bool is_image(const struct image *image, const char *text)
{
    char name[64];

    snprintf(name, sizeof(name), "%s:%s", image->name,
             image->tag != NULL ? image->tag : "");
    return strcmp(name, text) == 0;
}

void tree_push(const char *image)
{
    if (strcmp(image, "app:multi") == 0)
        push_index();
    for (size_t i = 0; i < ARRAY_SIZE(images); i++)
        if (is_image(&images[i], image))
            push_image(&images[i]);
}

static void push_all(void)
{
    struct digest moved;

    for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
        if (images[i].tag != NULL && strcmp(images[i].tag, "moved") == 0)
            put_tag("app", "moved", &image_v1);
        moved = push_image(&images[i]);
    }
    (void)moved;
    push_index();
    blob_shared = digest_of(SHARED);
    blob_two = digest_of(TWO);
    blob_three = digest_of(THREE);
    blob_four = digest_of(FOUR);
    blob_config = digest_of(CONFIG_V1);
}

/* --- is it whole? --- */

static bool has_bytes(const char *name, const struct digest *digest)
{
    CLEANUP(reader) struct reader *reader = NULL;
    struct err ignored = {0};
    struct digest found;
    struct hash hash;
    struct blob blob;
    char bytes[4096];
    ssize_t got;

    if (blob_find(&store, name, digest, &blob, &ignored) < 0 ||
        blob_open(&store, &blob, 0, blob.size, &reader, &ignored) < 0)
        return false;
    hash_init(&hash, digest->algorithm);
    while ((got = reader_read(reader, bytes, sizeof(bytes), &ignored)) > 0)
        hash_update(&hash, bytes, (size_t)got);
    digest_finish(&hash, &found);
    return got == 0 && digest_equals(&found, digest);
}

static bool has_manifest(const char *name, const struct digest *digest)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    struct err ignored = {0};
    struct digest found;

    if (manifest_get(&store, name, digest, &bytes, &ignored) < 0)
        return false;
    digest_of_bytes(digest->algorithm, buf_span(&bytes), &found);
    if (!digest_equals(&found, digest) ||
        manifest_parse(buf_span(&bytes), SPAN(""), &manifest, &ignored) < 0)
        return false;
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;
        const struct digest *part = &reference.descriptor.digest;

        manifest_reference_at(manifest, i, &reference);
        if (reference.kind == MANIFEST_CHILD     ? !has_manifest(name, part)
            : reference.kind == MANIFEST_SUBJECT ? false
                                                 : !has_bytes(name, part))
            return false;
    }
    return true;
}

bool tree_is_whole(const char *image)
{
    struct err ignored = {0};
    struct digest digest;
    char name[64];
    const char *tag = strchr(image, ':') + 1;

    snprintf(name, sizeof(name), "%.*s", (int)(tag - image) - 1, image);
    return tag_resolve(&store, name, tag, &digest, &ignored) == 0 &&
           has_manifest(name, &digest);
}

/* --- age --- */

static void set_time(const char *path, bool is_directory, int64_t ns)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = ns / CLOCK_NS_PER_SECOND,
                                 .tv_nsec = ns % CLOCK_NS_PER_SECOND}};

    if (is_over_files)
        cr_assert_eq(utimensat(fixture.fs->root, path, times, 0), 0);
    else if (!is_directory)
        cr_assert_eq(driver_mem_age(
                         store.driver, path,
                         (ns - object_mtime(path)) / CLOCK_NS_PER_SECOND, &err),
                     0, "%s", err.text);
}

static void age_below(char *path);

static int age_child(void *context, const char *name, bool is_directory,
                     struct err *error)
{
    char path[LAYOUT_PATH_MAX];

    (void)error;
    snprintf(path, sizeof(path), "%s/%s", (const char *)context, name);
    if (is_directory)
        age_below(path);
    set_time(path, is_directory, moment_ns);
    return 0;
}

static void age_below(char *path)
{
    struct err ignored = {0};

    (void)!driver_list(store.driver, path, NULL, age_child, path, &ignored);
}

void tree_age(void)
{
    char blobs[] = LAYOUT_BLOBS, repositories[] = LAYOUT_REPOSITORIES;

    age_below(blobs);
    age_below(repositories);
}

void tree_touch(struct layout_path path)
{
    set_time(path.text, false, clock_now_ns());
}

/* --- begin and end --- */

void tree_begin(enum subject_driver which)
{
    is_over_files = which == OVER_FILES;
    err_clear(&err);
    store.rules = rules_none();
    if (is_over_files) {
        fs_begin();
        store.driver = fixture.subject.driver;
    } else {
        store.driver = driver_mem_new(FIXTURE_GRACE);
    }
    moment_ns = clock_now_ns() - AGE_NS;
    push_all();
    tree_age();
}

void tree_end(void)
{
    if (is_over_files)
        fs_end();
    else
        driver_free(store.driver);
}

/* --- steps --- */

struct layout_path tree_path(const char *text)
{
    struct layout_path path;

    snprintf(path.text, sizeof(path.text), "%s", text);
    return path;
}

struct layout_path tree_beside(struct layout_path path, const char *name)
{
    snprintf(strrchr(path.text, '/') + 1, 64, "%s", name);
    return path;
}

void tree_put(struct layout_path path, const char *text)
{
    cr_assert_eq(driver_put(store.driver, path.text, span_of(text),
                            DRIVER_RELAXED, &err),
                 0, "%s", err.text);
}

void tree_remove(struct layout_path path)
{
    cr_assert_eq(driver_remove(store.driver, path.text, DRIVER_RELAXED, &err),
                 0, "%s", err.text);
}

void tree_remove_above(struct layout_path path)
{
    *strrchr(path.text, '/') = '\0';
    tree_remove(path);
}

void tree_make(struct layout_path path)
{
    cr_assert_eq(driver_make_directory(store.driver, path.text, &err), 0, "%s",
                 err.text);
}

void tree_flip(const struct digest *digest)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(64 * 1024);
    struct layout_path path = layout_blob(digest);

    cr_assert_eq(driver_get(store.driver, path.text, &bytes, NULL, &err), 0);
    bytes.ptr[bytes.len / 2] ^= 1;
    tree_put(path, buf_text(&bytes));
}

void tree_make_instead(struct layout_path path)
{
    tree_remove(path);
    tree_make(path);
}

void tree_put_instead(struct layout_path path)
{
    tree_remove(path);
    tree_put(path, "x");
}
