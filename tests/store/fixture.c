/* SPDX-License-Identifier: MIT */
#include "store/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "driver/driver_mem.h"
#include "oci/manifest.h"
#include "store/manifest_store.h"
#include "store/upload.h"

struct store store;
struct err err;

void fixture_setup(void)
{
    store.driver = driver_mem_new(FIXTURE_GRACE);
    store.rules = rules_none();
    err_clear(&err);
}

void fixture_teardown(void)
{
    driver_free(store.driver);
}

static ssize_t read_body(struct reader *reader, void *into, size_t size,
                         struct err *error)
{
    struct body *body = (struct body *)(void *)reader;
    size_t count = body->rest.len < size ? body->rest.len : size;

    if (count == 0 && body->break_off)
        return err_set(error, ERR_BODY_INCOMPLETE, "client gone");
    if (count > 0)
        memcpy(into, body->rest.ptr, count);
    body->rest = span_from(body->rest, count);
    return (ssize_t)count;
}

static void close_body(struct reader *reader)
{
    (void)reader;
}

void body_init(struct body *body, struct span bytes)
{
    static const struct reader_ops ops = {read_body, close_body};

    *body = (struct body){.reader = {&ops}, .rest = bytes};
}

struct digest push_blob(const char *name, struct span bytes)
{
    char uuid[UUID_LENGTH + 1];
    struct upload *upload;
    struct digest digest;
    struct body body;
    uint64_t received;

    body_init(&body, bytes);
    digest_of_bytes(HASH_SHA256, bytes, &digest);
    cr_assert(upload_start(&store, name, HASH_SHA256, uuid, &err) == 0 &&
                  upload_open(&store, name, uuid, &upload, &err) == 0 &&
                  upload_receive(upload, &body.reader, &received, &err) == 0 &&
                  upload_commit(upload, &digest, &err) == 0,
              "push: %s", err.text);
    return digest;
}

struct digest push_manifest(const char *name, const char *json)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct span bytes = span_of(json);
    struct digest digest;

    digest_of_bytes(HASH_SHA256, bytes, &digest);
    cr_assert(manifest_parse(bytes, SPAN(""), &manifest, &err) == 0 &&
                  manifest_put(&store, name, &digest, manifest, bytes, &err) ==
                      0,
              "push: %s", err.text);
    return digest;
}

const char *text_of(const struct digest *digest)
{
    static char texts[8][DIGEST_TEXT_MAX];
    static size_t next;
    char *text = texts[next++ % ARRAY_SIZE(texts)];

    digest_format(digest, text);
    return text;
}

const char *image_json(const struct digest *config, const struct digest *layer)
{
    static char json[1024];

    snprintf(json, sizeof(json),
             "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"config\":{\"mediaType\":\"" MEDIA_TYPE_OCI_CONFIG
             "\",\"digest\":\"%s\",\"size\":1},\"layers\":[{\"mediaType\":"
             "\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"%s\","
             "\"size\":1}]}",
             text_of(config), text_of(layer));
    return json;
}

bool object_exists(const char *path)
{
    struct err ignored = {0};
    struct driver_stat stat;

    return driver_stat(store.driver, path, &stat, &ignored) == 0;
}

int64_t object_mtime(const char *path)
{
    struct driver_stat stat;

    cr_assert(driver_stat(store.driver, path, &stat, &err) == 0, "%s",
              err.text);
    return stat.mtime_ns;
}

void object_age(const char *path)
{
    cr_assert(driver_mem_age(store.driver, path, -2 * FIXTURE_GRACE, &err) == 0,
              "%s", err.text);
}

const char *object_text(const char *path)
{
    static char text[4096];
    CLEANUP(buf) struct buf bytes = BUF_INIT(sizeof(text) - 1);

    cr_assert(driver_get(store.driver, path, &bytes, NULL, &err) == 0, "%s",
              err.text);
    snprintf(text, sizeof(text), "%s", buf_text(&bytes));
    return text;
}
