/* SPDX-License-Identifier: MIT */
/*
 * "METHOD TARGET\nNAME=value\n...\n\nBODY" lines, several of them divided by
 * a line "--", to every route in turn on one store that begins with an image:
 * no request whatever makes a failure of ours, or a malformed answer.
 */
#include "asker.h"

#include "base/compiler.h"
#include "driver/driver_mem.h"
#include "store/layout.h"

#define PARAMETERS_MAX 16

extern const struct route version_route, catalog_route, tags_route,
    referrers_route, manifest_route, blob_route, upload_route;
static const struct route *const routes[] = {
    &version_route,  &catalog_route, &tags_route,  &referrers_route,
    &manifest_route, &blob_route,    &upload_route};

#define BLOB                                                                   \
    "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
#define IMAGE                                                                  \
    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"a/"                      \
    "b\",\"digest\":\"" BLOB "\",\"size\":1},\"layers\":[]}"

static void put(struct driver *driver, struct layout_path path,
                struct span bytes)
{
    struct err err = {0};

    MUST(driver_put(driver, path.text, bytes, DRIVER_DURABLE, &err) == 0);
}

/* The blob "x" and, under the tag "1", an image of it. */
static void fill(struct driver *driver)
{
    struct digest blob, image;
    char text[DIGEST_TEXT_MAX];

    digest_of_bytes(HASH_SHA256, SPAN("x"), &blob);
    digest_of_bytes(HASH_SHA256, SPAN(IMAGE), &image);
    digest_format(&blob, text);
    MUST(strcmp(text, BLOB) == 0);
    put(driver, layout_blob(&blob), SPAN("x"));
    put(driver, layout_layer_link("a", &blob), span_of(text));
    put(driver, layout_blob(&image), SPAN(IMAGE));
    digest_format(&image, text);
    put(driver, layout_revision_link("a", &image), span_of(text));
    put(driver, layout_tag_current("a", "1"), span_of(text));
    put(driver, layout_tag_index_link("a", "1", &image), span_of(text));
}

/* Cuts what stands before `mark` off `*rest`; without the mark, all. */
static struct span cut_at(struct span *rest, struct span mark)
{
    const char *at =
        rest->len > 0 ? memmem(rest->ptr, rest->len, mark.ptr, mark.len) : NULL;
    struct span before = *rest;

    if (at == NULL) {
        *rest = (struct span){NULL, 0};
        return before;
    }
    before.len = (size_t)(at - rest->ptr);
    *rest = span_from(*rest, before.len + mark.len);
    return before;
}

/* A web server's own settings name files of this machine: not these. */
static bool is_setting(struct span line)
{
    return span_starts_with(line, SPAN("BERTH_"));
}

static void ask_one(struct driver *driver, struct span request)
{
    struct span body = request, head = cut_at(&body, SPAN("\n\n"));
    struct span target = span_cut(&head, '\n'), method = span_cut(&target, ' ');
    CLEANUP(buf) struct buf texts = BUF_INIT(4 * 1024 * 1024);
    size_t starts[PARAMETERS_MAX], count = 0;
    const char *parameters[PARAMETERS_MAX + 1];

    buf_add(&texts, SPAN("REQUEST_METHOD="));
    starts[count++] = 0;
    buf_add(&texts, method);
    buf_add_char(&texts, '\0');
    starts[count++] = texts.len;
    buf_add(&texts, SPAN("REQUEST_URI="));
    buf_add(&texts, target);
    buf_add_char(&texts, '\0');
    while (head.len > 0 && count < PARAMETERS_MAX) {
        struct span line = span_cut(&head, '\n');

        if (is_setting(line))
            continue;
        starts[count++] = texts.len;
        buf_add(&texts, line);
        buf_add_char(&texts, '\0');
    }
    for (size_t i = 0; i < count; i++)
        parameters[i] = buf_text(&texts) + starts[i];
    parameters[count] = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        struct span answer;

        MUST(asker_ask(asker_server(routes[i], driver), parameters, body,
                       &answer) < 500);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(driver) struct driver *driver = driver_mem_new(3600);
    struct span rest = fuzz_input(data, size);

    fill(driver);
    while (rest.len > 0)
        ask_one(driver, cut_at(&rest, SPAN("\n--\n")));
    return 0;
}
