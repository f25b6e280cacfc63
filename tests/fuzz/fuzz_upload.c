/* SPDX-License-Identifier: MIT */
/*
 * An upload in chunks, "CONTENT-RANGE|CONTENT-LENGTH|BODY" line by line,
 * against a model of what it must hold; at the end it is the blob of just
 * those bytes. The first byte of the input chooses the algorithm.
 */
#include "asker.h"

#include <inttypes.h>

#include "base/compiler.h"
#include "base/num.h"
#include "driver/driver_mem.h"
#include "store/upload.h"

#define NAME "team/app"
#define HELD_MAX (1024 * 1024)

extern const struct route upload_route;

struct session {
    const struct server *server;
    struct store store;
    char uuid[UUID_LENGTH + 1];
    struct buf held; /* the model */
};

/* What the fuzzer gives as a value ends at its first NUL. */
static void set(struct buf *into, const char *name, struct span value)
{
    buf_add_format(into, "%s=", name);
    buf_add(
        into,
        span_first(value, value.len > 0 ? strnlen(value.ptr, value.len) : 0));
}

/* True when the field is "first-last" for `len` bytes at the end. */
static bool chunk_fits(const struct session *session, struct span range,
                       uint64_t len)
{
    struct span first = span_cut(&range, '-');
    uint64_t from, to;

    return num_parse(first, UINT64_MAX, &from) == 0 &&
           num_parse(range, UINT64_MAX, &to) == 0 &&
           from == session->held.len && len > 0 && to == from + len - 1;
}

static void check_size(const struct session *session)
{
    struct err err = {0};
    uint64_t size;

    MUST(upload_status(&session->store, NAME, session->uuid, &size, &err) == 0);
    MUST(size == session->held.len);
}

static void send_chunk(struct session *session, struct span line)
{
    CLEANUP(buf) struct buf target = BUF_INIT(1024);
    CLEANUP(buf) struct buf range = BUF_INIT(HELD_MAX);
    CLEANUP(buf) struct buf length = BUF_INIT(HELD_MAX);
    struct span body = line, range_text = span_cut(&body, '|');
    struct span length_text = span_cut(&body, '|'), answer;
    const char *parameters[5] = {"REQUEST_METHOD=PATCH"};
    int status;

    buf_add_format(&target, "REQUEST_URI=/v2/" NAME "/blobs/uploads/%s",
                   session->uuid);
    set(&range, "HTTP_CONTENT_RANGE", range_text);
    set(&length, "CONTENT_LENGTH", length_text);
    parameters[1] = buf_text(&target);
    parameters[2] = buf_text(&length);
    parameters[3] = range_text.len > 0 ? buf_text(&range) : NULL;
    status = asker_ask(session->server, parameters, body, &answer);
    if (status == 202) {
        MUST(range_text.len == 0 ||
             chunk_fits(session,
                        span_of(parameters[3] + sizeof("HTTP_CONTENT_RANGE")),
                        body.len));
        buf_add(&session->held, body);
    } else {
        MUST(status == 400 || status == 416);
    }
    check_size(session);
}

static void finish(struct session *session, enum hash_algorithm algorithm)
{
    CLEANUP(buf) struct buf target = BUF_INIT(1024);
    const char *parameters[] = {"REQUEST_METHOD=PUT", NULL, NULL};
    char text[DIGEST_TEXT_MAX];
    struct digest digest;
    struct span answer;

    digest_of_bytes(algorithm, buf_span(&session->held), &digest);
    digest_format(&digest, text);
    buf_add_format(&target,
                   "REQUEST_URI=/v2/" NAME "/blobs/uploads/%s?digest=%s",
                   session->uuid, text);
    parameters[1] = buf_text(&target);
    MUST(asker_ask(session->server, parameters, SPAN(""), &answer) == 201);
    MUST(span_equals(asker_header(answer, SPAN("Docker-Content-Digest")),
                     span_of(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(driver) struct driver *driver = driver_mem_new(3600);
    struct session session = {
        .store = {.driver = driver, .rules = rules_none()},
        .held = BUF_INIT(HELD_MAX)};
    enum hash_algorithm start, end;
    struct span rest = fuzz_input(data, size);
    struct err err = {0};

    if (size < 1)
        return 0;
    start = (data[0] & 1) != 0 ? HASH_SHA512 : HASH_SHA256;
    end = (data[0] & 2) != 0 ? HASH_SHA512 : HASH_SHA256;
    rest = span_from(rest, 1);
    session.server = asker_server(&upload_route, driver);
    MUST(upload_start(&session.store, NAME, start, session.uuid, &err) == 0);
    while (rest.len > 0)
        send_chunk(&session, span_cut(&rest, '\n'));
    finish(&session, end);
    buf_cleanup(&session.held);
    return 0;
}
