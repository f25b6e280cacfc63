/* SPDX-License-Identifier: MIT */
/* /v2/<name>/manifests/<reference>: pull, push, delete (end-3, 7, 9). */
#include <inttypes.h>
#include <stdio.h>

#include "http/etag.h"
#include "http/route.h"
#include "oci/manifest.h"
#include "store/distribution_check.h"
#include "store/manifest_store.h"
#include "store/room.h"
#include "store/tag.h"

extern const struct route manifest_route;

/* The spec wants ten `?tag=` of one request; nobody has a use for more. */
#define TAGS_MAX 100

static int resolve(struct call *call, struct digest *digest)
{
    if (!call->reference.is_digest)
        return tag_resolve(call->store, call->name, call->reference.tag, digest,
                           call->err);
    *digest = call->reference.digest;
    if (!call->settings->readonly)
        manifest_lease(call->store, call->name, digest);
    return 0;
}

static int get_manifest(struct call *call)
{
    struct response *response = call->response;
    char media_type[MANIFEST_MEDIA_TYPE_MAX];
    struct digest digest;

    if (resolve(call, &digest) < 0 ||
        manifest_get(call->store, call->name, &digest, &response->bytes,
                     call->err) < 0)
        return -1;
    etag_headers(response, &digest);
    if (etag_is_known(call->request, &digest)) {
        buf_clear(&response->bytes);
        response->status = 304;
        return 0;
    }
    manifest_media_type(buf_span(&response->bytes), media_type);
    response_header(response, "Content-Type", "%s", media_type);
    return 0;
}

static int too_large(const struct call *call)
{
    err_set(call->err, ERR_MANIFEST_TOO_LARGE, "manifest too large");
    return err_detail(call->err, "the limit is %" PRIu64 " bytes",
                      call->settings->manifest_limit);
}

/* The whole body, bounded by the limit whether a length was announced or not.
 */
static int read_body(struct call *call, struct buf *bytes)
{
    if (request_read_body(call->request, bytes, call->err) == 0)
        return 0;
    return call->err->code == ERR_TOO_LARGE ? too_large(call) : -1;
}

/* The digest of the body, which has to be the one the path names, if any. */
static int check_digest(struct call *call, struct span bytes,
                        struct digest *digest)
{
    const struct reference *reference = &call->reference;
    char text[DIGEST_TEXT_MAX];

    digest_of_bytes(reference->is_digest ? reference->digest.algorithm
                                         : HASH_SHA256,
                    bytes, digest);
    if (!reference->is_digest || digest_equals(digest, &reference->digest))
        return 0;
    digest_format(digest, text);
    err_set(call->err, ERR_DIGEST_INVALID, "the body is %s", text);
    return err_detail(call->err, "the manifest received is %s", text);
}

struct tags {
    size_t count;
    char list[TAGS_MAX][TAG_MAX_LENGTH + 1];
};

static int add_tag(struct call *call, struct tags *tags, struct span tag)
{
    if (tags->count == TAGS_MAX) {
        err_set(call->err, ERR_TOO_MANY_TAGS, "too many tags");
        return err_detail(call->err, "at most %d tags in one request",
                          TAGS_MAX);
    }
    if (!tag_is_valid(tag)) {
        err_set(call->err, ERR_TAG_INVALID, "invalid tag");
        return err_detail(call->err, "%.*s", SPAN_ARGS(tag));
    }
    snprintf(tags->list[tags->count++], sizeof(tags->list[0]), "%.*s",
             SPAN_ARGS(tag));
    return 0;
}

/* The tag in the path, or those of `?tag=` beside a digest (end-7b). */
static int collect_tags(struct call *call, struct tags *tags)
{
    const struct request *request = call->request;

    tags->count = 0;
    if (!call->reference.is_digest)
        return add_tag(call, tags, span_of(call->reference.tag));
    for (size_t i = 0; i < request->query_count; i++) {
        if (span_equals(request->query[i].name, SPAN("tag")) &&
            add_tag(call, tags, request->query[i].value) < 0)
            return -1;
    }
    return 0;
}

/* Before anything is stored: what is refused shall leave nothing behind. */
static int check_tags(struct call *call, const struct tags *tags,
                      const struct digest *digest)
{
    for (size_t i = 0; i < tags->count; i++)
        if (tag_check(call->store, call->name, tags->list[i], digest,
                      call->err) < 0)
            return -1;
    return 0;
}

static int set_tags(struct call *call, const struct tags *tags,
                    const struct digest *digest)
{
    for (size_t i = 0; i < tags->count; i++) {
        /*
         * Behind a full backlog or a slow disk the gateway may have given up
         * on us, and the client may have moved the tag since.
         */
        if (request_check_client(call->request, tags->list[i], call->err) < 0 ||
            tag_set(call->store, call->name, tags->list[i], digest, call->err) <
                0)
            return -1;
    }
    return 0;
}

/* What a PUT stores. */
struct push {
    struct span bytes;
    struct digest digest;
    const struct manifest *manifest;
};

/* How often a deletion of the same manifest may come in between. */
#define PUT_TRIES 8

/* ERR_MANIFEST_UNKNOWN when it is gone again before its tags are set. */
static int put_whole(struct call *call, const struct push *push)
{
    if (manifest_put(call->store, call->name, &push->digest, push->manifest,
                     push->bytes, call->err) < 0)
        return -1;
    return manifest_confirm(call->store, call->name, &push->digest,
                            push->manifest, call->settings->sparse, call->err);
}

static int tag_whole(struct call *call, const struct push *push,
                     const struct tags *tags)
{
    if (set_tags(call, tags, &push->digest) < 0)
        return -1;
    return tags->count == 0 ? 0
                            : manifest_check(call->store, call->name,
                                             &push->digest, call->err);
}

/* Stores the manifest and lets the tags name it, see manifest_store.h. */
static int put_and_tag(struct call *call, const struct push *push,
                       const struct tags *tags)
{
    for (int i = 0; i < PUT_TRIES; i++) {
        if (put_whole(call, push) == 0 && tag_whole(call, push, tags) == 0)
            return 0;
        if (call->err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(call->err);
    }
    return err_set(call->err, ERR_BUSY, "deleted again and again");
}

static void tell_created(struct call *call, const struct tags *tags,
                         const struct digest *digest,
                         const struct manifest *manifest)
{
    const struct descriptor *subject = manifest_subject(manifest);
    CLEANUP(buf) struct buf accepted = BUF_INIT(RESPONSE_HEADERS_MAX);
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    call->response->status = 201;
    response_header(call->response, "Location", "/v2/%s/manifests/%s",
                    call->name, text);
    response_header(call->response, "Docker-Content-Digest", "%s", text);
    if (subject != NULL) {
        digest_format(&subject->digest, text);
        response_header(call->response, "OCI-Subject", "%s", text);
    }
    if (!call->reference.is_digest || tags->count == 0)
        return;
    for (size_t i = 0; i < tags->count; i++)
        buf_add_format(&accepted, "%s%s", i > 0 ? ", " : "", tags->list[i]);
    response_header(call->response, "OCI-Tag", "%s", buf_text(&accepted));
}

static int warn_of_finding(void *context,
                           const struct distribution_finding *finding,
                           struct err *err UNUSED)
{
    response_warning(context,
                     "the garbage collector of CNCF Distribution %s %s: %s",
                     finding->releases,
                     finding->effect == DISTRIBUTION_DELETES
                         ? "would delete a part of this manifest"
                         : "would stop at this manifest",
                     finding->reason);
    return 1;
}

/* After the push, which stands even when this cannot be told. */
static void warn_of_distribution(struct call *call, const struct digest *digest,
                                 struct span bytes)
{
    struct err ignored = {0};

    if (call->settings->warn_distribution)
        (void)!distribution_check_manifest(call->store, call->name, digest,
                                           bytes, warn_of_finding,
                                           call->response, &ignored);
}

static int put_manifest(struct call *call)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(call->settings->manifest_limit);
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct push push;
    struct tags tags;

    /* Whether its bytes are there already only they can tell. */
    if (collect_tags(call, &tags) < 0 ||
        room_check(call->store, call->name, 0, call->err) < 0 ||
        read_body(call, &bytes) < 0 ||
        check_digest(call, buf_span(&bytes), &push.digest) < 0 ||
        manifest_parse(buf_span(&bytes), call->request->content_type, &manifest,
                       call->err) < 0 ||
        check_tags(call, &tags, &push.digest) < 0)
        return -1;
    push.bytes = buf_span(&bytes);
    push.manifest = manifest;
    if (manifest_protect_references(call->store, call->name, manifest,
                                    call->settings->sparse, call->err) < 0 ||
        put_and_tag(call, &push, &tags) < 0)
        return -1;
    tell_created(call, &tags, &push.digest, manifest);
    warn_of_distribution(call, &push.digest, push.bytes);
    return 0;
}

static int delete_manifest(struct call *call)
{
    const struct reference *reference = &call->reference;

    call->response->status = 202;
    /* What is there now may be newer than the request, see set_tags. */
    if (request_check_client(call->request, "deletion", call->err) < 0)
        return -1;
    if (reference->is_digest)
        return manifest_delete(call->store, call->name, &reference->digest,
                               call->err);
    return tag_delete(call->store, call->name, reference->tag, call->err);
}

static const struct endpoint endpoints[] = {
    {.path = "/v2/<name>/manifests/<reference>",
     .actions = {ACTION(HTTP_GET, ACCESS_PULL, get_manifest),
                 ACTION(HTTP_PUT, ACCESS_PUSH, put_manifest),
                 ACTION(HTTP_DELETE, ACCESS_DELETE, delete_manifest)}},
};

const struct route manifest_route = {
    .name = "manifest",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_SIZE(endpoints),
};
