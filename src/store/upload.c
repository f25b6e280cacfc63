/* SPDX-License-Identifier: MIT */
#include "store/upload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/hash_pipe.h"
#include "base/memory.h"
#include "base/num.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/room.h"
#include "store/upload_state.h"

#define WAIT_FOR_OTHER_MS 5000

/*
 * A body begins with small pieces, as two hundred slow clients are held at
 * once; one that proves to be large gets a ring of large buffers and a second
 * thread for the hash.
 */
#define SMALL_PIECE (16 * 1024)
#define LARGE_PIECE (256 * 1024)
#define LARGE_BODY (1024 * 1024)
#define RING (HASH_PIPE_DEPTH + 1)

struct upload {
    const struct store *store;
    const char *name;
    char uuid[UUID_LENGTH + 1];
    struct writer *writer; /* NULL once it was committed or suspended */
    struct hash hash;      /* over all bytes of the writer */
    struct hash opened;    /* the same when the upload was opened */
};

static int unknown(const char *uuid, struct err *err)
{
    if (err->code == ERR_BUSY)
        return err_recode(err, ERR_UPLOAD_BUSY);
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_detail(err, "%s", uuid);
    return err_recode(err, ERR_BLOB_UPLOAD_UNKNOWN);
}

static int make_uuid(char uuid[UUID_LENGTH + 1], struct err *err)
{
    unsigned char b[16];

    if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
        return err_set_errno(err, errno, "getrandom");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(uuid, UUID_LENGTH + 1,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
             "%02x%02x%02x%02x%02x%02x",
             b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
             b[11], b[12], b[13], b[14], b[15]);
    return 0;
}

/* What is left, no request can name. */
static void remove_upload(const struct store *store, const char *name,
                          const char *uuid)
{
    struct layout_path directory = layout_upload(name, uuid);
    struct err ignored = {0};

    (void)!driver_remove(store->driver, directory.text, DRIVER_RELAXED,
                         &ignored);
}

static int make_upload(const struct store *store, const char *name,
                       enum hash_algorithm algorithm, const char *uuid,
                       struct err *err)
{
    struct layout_path path = layout_upload_data(name, uuid);
    struct writer *writer;
    struct hash nothing;
    char now[CLOCK_RFC3339_MAX];

    if (driver_open_upload(store->driver, path.text, DRIVER_UPLOAD_CREATE, 0,
                           &writer, err) < 0 ||
        writer_suspend(writer, err) < 0)
        return -1;
    hash_init(&nothing, algorithm);
    if (upload_state_save(store, name, uuid, &nothing, err) < 0)
        return -1;
    /* Last: from now on the upload exists. */
    path = layout_upload_started(name, uuid);
    clock_format_rfc3339(clock_now_ns() / CLOCK_NS_PER_SECOND, now);
    return driver_put(store->driver, path.text, span_of(now), DRIVER_RELAXED,
                      err);
}

int upload_start(const struct store *store, const char *name,
                 enum hash_algorithm algorithm, char uuid[UUID_LENGTH + 1],
                 struct err *err)
{
    if (room_check(store, name, 1, err) < 0 || make_uuid(uuid, err) < 0)
        return -1;
    if (make_upload(store, name, algorithm, uuid, err) == 0)
        return 0;
    remove_upload(store, name, uuid);
    return -1;
}

/* A file of an upload; a directory in its place is as good as nothing. */
static int stat_file(const struct store *store, const struct layout_path *path,
                     struct driver_stat *out, struct err *err)
{
    if (driver_stat(store->driver, path->text, out, err) < 0)
        return -1;
    if (out->is_directory)
        return err_set(err, ERR_NOT_FOUND, "%s is a directory", path->text);
    return 0;
}

static int check_started(const struct store *store, const char *name,
                         const char *uuid, struct err *err)
{
    struct layout_path path = layout_upload_started(name, uuid);
    struct driver_stat stat;

    return stat_file(store, &path, &stat, err);
}

/* Hashes the bytes an upload has with `algorithm`, from the start. */
static int hash_again(const struct upload *upload,
                      enum hash_algorithm algorithm, struct hash *out,
                      struct err *err)
{
    struct layout_path path = layout_upload_data(upload->name, upload->uuid);
    CLEANUP(reader) struct reader *bytes = NULL;
    CLEANUP(buf) struct buf piece = BUF_INIT(LARGE_PIECE);
    char *room = buf_reserve(&piece, LARGE_PIECE);
    ssize_t count;

    if (driver_open_read(upload->store->driver, path.text, 0,
                         upload->writer->size, &bytes, err) < 0)
        return -1;
    hash_init(out, algorithm);
    while ((count = reader_read(bytes, room, LARGE_PIECE, err)) > 0)
        hash_update(out, room, (size_t)count);
    return count < 0 ? -1 : 0;
}

/* Finds how many bytes count, cuts off the rest, and has the hash ready. */
static int resume(struct upload *upload, struct err *err)
{
    if (upload_state_load(upload->store, upload->name, upload->uuid,
                          upload->writer->size, &upload->hash, err) == 0) {
        if (upload->hash.length < upload->writer->size &&
            writer_truncate(upload->writer, upload->hash.length, err) < 0)
            return -1;
    } else {
        if (err->code != ERR_NOT_FOUND)
            return -1;
        err_clear(err);
        if (hash_again(upload, HASH_SHA256, &upload->hash, err) < 0)
            return -1;
    }
    upload->opened = upload->hash;
    return 0;
}

/* Gives the writer back as it is. */
static void let_go(struct upload *upload)
{
    struct err ignored = {0};

    if (upload->writer != NULL &&
        writer_suspend(upload->writer, &ignored) < 0) {
        /* What was acknowledged stands in the saved states, not here. */
    }
    free(upload);
}

int upload_open(const struct store *store, const char *name, const char *uuid,
                struct upload **out, struct err *err)
{
    struct layout_path path = layout_upload_data(name, uuid);
    struct upload *upload;
    struct writer *writer;

    if (driver_open_upload(store->driver, path.text, DRIVER_UPLOAD_RESUME,
                           WAIT_FOR_OTHER_MS, &writer, err) < 0)
        return unknown(uuid, err);
    upload = memory_new(sizeof(*upload));
    upload->store = store;
    upload->name = name;
    snprintf(upload->uuid, sizeof(upload->uuid), "%s", uuid);
    upload->writer = writer;
    if (check_started(store, name, uuid, err) < 0 || resume(upload, err) < 0) {
        let_go(upload);
        return unknown(uuid, err);
    }
    *out = upload;
    return 0;
}

uint64_t upload_size(const struct upload *upload)
{
    return upload->hash.length;
}

void upload_digest(const struct upload *upload, struct digest *out)
{
    struct hash hash = upload->hash;

    digest_finish(&hash, out);
}

/* Back to what it was when opened. */
static int roll_back(struct upload *upload, struct err *err)
{
    upload->hash = upload->opened;
    return writer_truncate(upload->writer, upload->hash.length, err);
}

/* Fills the piece as far as the body goes; short only at its end. */
static int read_piece(struct reader *body, char *piece, size_t size,
                      size_t *len, struct err *err)
{
    *len = 0;
    while (*len < size) {
        ssize_t count = reader_read(body, piece + *len, size - *len, err);

        if (count < 0)
            return -1;
        if (count == 0)
            break;
        *len += (size_t)count;
    }
    return 0;
}

/* Room is taken for what is here, not while a client is waited for. */
static int append(struct upload *upload, struct span bytes, struct err *err)
{
    CLEANUP(room) struct room room = {0};

    if (room_take(upload->store, upload->name, bytes.len, 0, &room, err) < 0)
        return -1;
    return writer_append(upload->writer, bytes, err);
}

/* The first LARGE_BODY bytes; `*ended` when the body has no more. */
static int receive_small(struct upload *upload, struct reader *body,
                         bool *ended, struct err *err)
{
    uint64_t large = upload->hash.length + LARGE_BODY;
    char piece[SMALL_PIECE];
    size_t len = sizeof(piece);

    while (upload->hash.length < large && len == sizeof(piece)) {
        if (read_piece(body, piece, sizeof(piece), &len, err) < 0 ||
            append(upload, (struct span){piece, len}, err) < 0)
            return -1;
        hash_update(&upload->hash, piece, len);
    }
    *ended = len < sizeof(piece);
    return 0;
}

static int receive_ring(struct upload *upload, struct reader *body,
                        struct hash_pipe *pipe, char *ring, struct err *err)
{
    size_t len = LARGE_PIECE;

    for (size_t turn = 0; len == LARGE_PIECE; turn++) {
        char *piece = ring + turn % RING * LARGE_PIECE;

        if (read_piece(body, piece, LARGE_PIECE, &len, err) < 0)
            return -1;
        if (pipe != NULL)
            hash_pipe_add(pipe, (struct span){piece, len});
        else
            hash_update(&upload->hash, piece, len);
        if (append(upload, (struct span){piece, len}, err) < 0)
            return -1;
    }
    return 0;
}

static int receive_large(struct upload *upload, struct reader *body,
                         struct err *err)
{
    char *ring = memory_new((size_t)RING * LARGE_PIECE);
    struct hash_pipe *pipe = hash_pipe_new(&upload->hash);
    int result = receive_ring(upload, body, pipe, ring, err);

    hash_pipe_free(pipe);
    free(ring);
    return result;
}

int upload_receive(struct upload *upload, struct reader *body,
                   uint64_t *received, struct err *err)
{
    struct err ignored = {0};
    bool ended;

    if (receive_small(upload, body, &ended, err) < 0 ||
        (!ended && receive_large(upload, body, err) < 0)) {
        /* When even this fails, the saved state still says where to cut. */
        (void)!roll_back(upload, &ignored);
        return -1;
    }
    *received = upload->hash.length - upload->opened.length;
    return 0;
}

int upload_suspend(struct upload *upload, struct err *err)
{
    int result;

    /*
     * The bytes first, as a state must never vouch for bytes that may be
     * lost; and the state before another writer gets in, as it would cut off
     * what no state vouches for.
     */
    result = writer_sync(upload->writer, err);
    if (result == 0 && upload->hash.length != upload->opened.length)
        result = upload_state_save(upload->store, upload->name, upload->uuid,
                                   &upload->hash, err);
    let_go(upload);
    return result;
}

void upload_close(struct upload *upload)
{
    struct err ignored = {0};

    if (upload == NULL)
        return;
    if (upload->hash.length != upload->opened.length)
        (void)!roll_back(upload, &ignored);
    let_go(upload);
}

void upload_cleanup(struct upload **upload)
{
    upload_close(*upload);
}

struct upload *upload_take(struct upload **upload)
{
    struct upload *taken = *upload;

    *upload = NULL;
    return taken;
}

static int check_digest(struct upload *upload, const struct digest *digest,
                        struct err *err)
{
    struct hash hash;
    struct digest actual;
    char text[DIGEST_TEXT_MAX];

    upload_digest(upload, &actual);
    if (actual.algorithm != digest->algorithm) {
        if (hash_again(upload, digest->algorithm, &hash, err) < 0)
            return -1;
        digest_finish(&hash, &actual);
    }
    if (digest_equals(&actual, digest))
        return 0;
    digest_format(&actual, text);
    err_set(err, ERR_DIGEST_INVALID, "the bytes received are %s", text);
    return err_detail(err, "the bytes received are %s", text);
}

int upload_commit(struct upload *upload, const struct digest *digest,
                  struct err *err)
{
    struct layout_path blob = layout_blob(digest);
    struct layout_path link = layout_layer_link(upload->name, digest);
    struct writer *writer = upload->writer;
    CLEANUP(room) struct room room = {0};
    int result;

    if (check_digest(upload, digest, err) < 0 ||
        room_take(upload->store, upload->name, 0, upload->hash.length, &room,
                  err) < 0) {
        upload_close(upload);
        return -1;
    }
    upload->writer = NULL;
    result = writer_commit(writer, blob.text, err);
    if (result == 0) {
        result = link_write(upload->store, &link, digest, err);
        remove_upload(upload->store, upload->name, upload->uuid);
    }
    let_go(upload);
    return result;
}

int upload_status(const struct store *store, const char *name, const char *uuid,
                  uint64_t *size, struct err *err)
{
    struct layout_path path = layout_upload_data(name, uuid);
    struct driver_stat stat;
    struct hash hash;

    if (check_started(store, name, uuid, err) < 0 ||
        stat_file(store, &path, &stat, err) < 0)
        return unknown(uuid, err);
    if (upload_state_load(store, name, uuid, stat.size, &hash, err) == 0) {
        *size = hash.length;
        return 0;
    }
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    *size = stat.size;
    return 0;
}

int upload_cancel(const struct store *store, const char *name, const char *uuid,
                  struct err *err)
{
    struct layout_path directory = layout_upload(name, uuid);
    CLEANUP(upload) struct upload *upload = NULL;

    if (upload_open(store, name, uuid, &upload, err) < 0)
        return -1;
    if (driver_remove(store->driver, directory.text, DRIVER_RELAXED, err) < 0)
        return unknown(uuid, err);
    return 0;
}
