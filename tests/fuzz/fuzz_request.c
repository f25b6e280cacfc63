/* SPDX-License-Identifier: MIT */
/*
 * "TARGET\nCONTENT-LENGTH\nIF-NONE-MATCH": a request's target with its query,
 * what pages make of `n` and `last`, and which endpoint it finds.
 */
#include "fuzz.h"

#include "base/num.h"
#include "http/etag.h"
#include "http/page.h"
#include "http/request.h"
#include "http/route.h"

extern const struct route version_route, catalog_route, tags_route,
    referrers_route, manifest_route, blob_route, upload_route;
static const struct route *const routes[] = {
    &version_route,  &catalog_route, &tags_route,  &referrers_route,
    &manifest_route, &blob_route,    &upload_route};

static void parameter(struct buf *into, const char *name, struct span value)
{
    buf_add_format(into, "%s=", name);
    buf_add(into, value);
}

static int parse(struct span target, struct span length, struct span known,
                 struct request *request, struct err *err)
{
    static struct buf texts[3];
    const char *parameters[] = {"REQUEST_METHOD=GET", NULL, NULL, NULL, NULL};
    static const char *kept[ARRAY_SIZE(parameters)];

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        texts[i].max = 1 << 22;
        buf_clear(&texts[i]);
    }
    parameter(&texts[0], "REQUEST_URI", target);
    parameter(&texts[1], "CONTENT_LENGTH", length);
    parameter(&texts[2], "HTTP_IF_NONE_MATCH", known);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        parameters[i + 1] = buf_text(&texts[i]);
    memcpy(kept, parameters, sizeof(parameters));
    return request_parse(kept, request, err);
}

static bool lies_within(struct span part, const struct buf *whole)
{
    return part.len == 0 || (part.ptr >= whole->ptr &&
                             part.ptr + part.len <= whole->ptr + whole->len);
}

static void check_path(const struct request *request)
{
    struct span rest = request->path;

    MUST(rest.len > 0 && rest.ptr[0] == '/');
    MUST(lies_within(rest, &request->decoded));
    for (size_t i = 0; i < rest.len; i++)
        MUST(rest.ptr[i] > ' ' && rest.ptr[i] < 0x7F && rest.ptr[i] != '\\' &&
             rest.ptr[i] != '%');
    rest = span_from(rest, 1);
    while (rest.len > 0) {
        struct span component = span_cut(&rest, '/');

        MUST(component.len > 0);
        MUST(!span_equals(component, SPAN(".")));
        MUST(!span_equals(component, SPAN("..")));
    }
}

/* All but what has to stand as it is. */
static void add_escaped(struct buf *into, struct span text, char plain)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == plain)
            buf_add_char(into, plain);
        else
            buf_add_format(into, "%%%02X", (unsigned char)text.ptr[i]);
    }
}

/* Each byte of the target escaped: the same path and pairs come out. */
static void check_again(const struct request *request)
{
    CLEANUP(buf) struct buf target = BUF_INIT(8 * REQUEST_TARGET_MAX);
    struct request again;
    struct err err = {0};

    add_escaped(&target, request->path, '/');
    for (size_t i = 0; i < request->query_count; i++) {
        buf_add_char(&target, i == 0 ? '?' : '&');
        add_escaped(&target, request->query[i].name, '~');
        buf_add_char(&target, '=');
        add_escaped(&target, request->query[i].value, '~');
    }
    if (target.len < REQUEST_TARGET_MAX) {
        MUST(parse(buf_span(&target), SPAN(""), SPAN(""), &again, &err) == 0);
        MUST(span_equals(again.path, request->path));
        MUST(again.query_count == request->query_count);
        for (size_t i = 0; i < again.query_count; i++) {
            MUST(span_equals(again.query[i].name, request->query[i].name));
            MUST(span_equals(again.query[i].value, request->query[i].value));
        }
        request_cleanup(&again);
    }
}

static void check_page(const struct request *request)
{
    struct err err = {0};
    struct page page;

    if (page_parse(request, 100, 1000, &page, &err) < 0) {
        MUST(err.code == ERR_PAGINATION_NUMBER_INVALID);
        return;
    }
    MUST(page.limited && page.limit <= 1000);
    MUST(lies_within(page.last, &request->decoded));
}

/* What a route takes from the path is what the path says. */
static void check_match(const struct route *route,
                        const struct request *request)
{
    struct call call = {.request = request};
    struct err err = {0};
    const struct endpoint *endpoint =
        route_match(route, request->path, &call, &err);

    if (endpoint == NULL) {
        MUST(err.code != ERR_NONE && err.code != ERR_INTERNAL);
        return;
    }
    if (strstr(endpoint->path, "<name>") != NULL) {
        MUST(name_is_valid(span_of(call.name)));
        MUST(span_starts_with(span_from(request->path, strlen("/v2/")),
                              span_of(call.name)));
    }
    if (strstr(endpoint->path, "<uuid>") != NULL)
        MUST(uuid_is_valid(span_of(call.uuid)));
}

static void check_known(const struct request *request)
{
    struct digest digest;
    char text[DIGEST_TEXT_MAX];
    struct span field = request->if_none_match;
    size_t len;

    digest_of_bytes(HASH_SHA256, SPAN(""), &digest);
    len = digest_format(&digest, text);
    if (etag_is_known(request, &digest))
        MUST(memchr(field.ptr, '*', field.len) != NULL ||
             memmem(field.ptr, field.len, text, len) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = fuzz_input(data, size);
    struct span target = span_cut(&rest, '\n');
    struct span length = span_cut(&rest, '\n');
    struct request request;
    struct err err = {0};

    if (parse(target, length, rest, &request, &err) == 0) {
        check_path(&request);
        MUST(request.query_count <= REQUEST_QUERY_MAX);
        check_page(&request);
        check_known(&request);
        for (size_t i = 0; i < ARRAY_SIZE(routes); i++)
            check_match(routes[i], &request);
        check_again(&request);
    } else {
        MUST(err.code == ERR_BAD_REQUEST || err.code == ERR_TOO_MANY_TAGS);
    }
    request_cleanup(&request);
    return 0;
}
