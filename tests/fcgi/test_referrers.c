/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/fixture.h"
#include "oci/media_type.h"

extern const struct route referrers_route;

static struct digest subject;

static void setup(void)
{
    route_setup(&referrers_route);
    subject = push_manifest("a", "{\"schemaVersion\":2,\"manifests\":[]}");
}

TestSuite(referrers_route, .init = setup, .fini = route_teardown);

#define BEGIN                                                                  \
    "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX               \
    "\",\"manifests\":["
#define TYPE "Content-Type: " MEDIA_TYPE_OCI_INDEX "\n"

static const char *list(void)
{
    return text("/v2/a/referrers/%s", text_of(&subject));
}

/* An artifact that refers to the subject, with the descriptor it gets. */
struct artifact {
    struct digest digest;
    char descriptor[1024];
};

static struct artifact push_artifact(const char *type, const char *note)
{
    struct artifact artifact;
    const char *json =
        text("{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"artifactType\":\"%s\",\"config\":{\"mediaType\":"
             "\"" MEDIA_TYPE_OCI_EMPTY "\",\"digest\":\"%s\",\"size\":2},"
             "\"layers\":[],\"subject\":{\"mediaType\":"
             "\"" MEDIA_TYPE_OCI_INDEX "\",\"digest\":\"%s\",\"size\":1},"
             "\"annotations\":{\"note\":\"%s\"}}",
             type, text_of(&subject), text_of(&subject), note);

    artifact.digest = push_manifest("a", json);
    snprintf(artifact.descriptor, sizeof(artifact.descriptor),
             "{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"digest\":\"%s\",\"size\":%zu,\"artifactType\":\"%s\","
             "\"annotations\":{\"note\":\"%s\"}}",
             text_of(&artifact.digest), strlen(json), type, note);
    return artifact;
}

/* Two of them, in the order of their digests. */
static void push_two(const char *types[2], struct artifact out[2])
{
    out[0] = push_artifact(types[0], "1");
    out[1] = push_artifact(types[1], "2");
    if (strcmp(out[0].digest.hex, out[1].digest.hex) > 0) {
        struct artifact first = out[1];

        out[1] = out[0];
        out[0] = first;
    }
}

Test(referrers_route, of_a_manifest_nobody_refers_to_are_none)
{
    ASK("GET", list());
    expect_head("200 OK", TYPE "Content-Length: %zu\n", strlen(BEGIN "]}"));
    expect_body(SPAN(BEGIN "]}"));
    expect_head_like_get((struct question){.target = list()});
}

Test(referrers_route, of_what_nobody_knows_are_none_and_leave_no_trace)
{
    static const char *const places[] = {
        "a/referrers/" UNKNOWN_DIGEST,
        "none/referrers/" UNKNOWN_DIGEST,
    };

    ASK("GET", list());
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        cr_expect_eq(ASK("GET", text("/v2/%s", places[i])), 200);
        expect_body(SPAN(BEGIN "]}"));
        cr_expect_not(answer.changed_store, "%s", places[i]);
    }
    cr_expect_not(object_exists("repositories/none"));
}

Test(referrers_route, are_descriptors_in_the_order_of_their_digests)
{
    struct artifact two[2];
    const char *body;

    push_two((const char *[]){"text/sbom", "text/signature"}, two);
    body = text(BEGIN "%s,%s]}", two[0].descriptor, two[1].descriptor);
    ASK("GET", list());
    expect_head("200 OK", TYPE "Content-Length: %zu\n", strlen(body));
    expect_body(span_of(body));
    expect_head_like_get((struct question){.target = list()});
}

Test(referrers_route, of_one_type_are_told_to_be_filtered)
{
    struct artifact sbom = push_artifact("application/sbom+json", "1");
    const char *body = text(BEGIN "%s]}", sbom.descriptor);

    push_artifact("text/signature", "2");
    ASK("GET", text("%s?artifactType=application/sbom+json", list()));
    expect_head("200 OK",
                TYPE "OCI-Filters-Applied: artifactType\n"
                     "Content-Length: %zu\n",
                strlen(body));
    expect_body(span_of(body));
    ASK("GET", text("%s?artifactType=text/none", list()));
    expect_head("200 OK",
                TYPE "OCI-Filters-Applied: artifactType\n"
                     "Content-Length: %zu\n",
                strlen(BEGIN "]}"));
    expect_body(SPAN(BEGIN "]}"));
}

Test(referrers_route, an_empty_filter_is_none)
{
    struct artifact sbom = push_artifact("text/sbom", "1");

    ASK("GET", text("%s?artifactType=", list()));
    cr_expect_null(header("OCI-Filters-Applied"));
    expect_body(span_of(text(BEGIN "%s]}", sbom.descriptor)));
}

Test(referrers_route, a_filter_that_is_no_type_is_refused)
{
    static const char *const types[] = {"nonsense", "a/b/c", "a%20b/c",
                                        "a/b%0d%0aX-Evil:1", "a/b%20c"};

    ASK("GET", list());
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        ASK("GET", text("%s?artifactType=%s", list(), types[i]));
        expect_error("400 Bad Request", "UNSUPPORTED",
                     "artifactType is no media type", "");
    }
}

Test(referrers_route, a_page_that_is_not_the_last_links_to_the_next)
{
    struct artifact two[2];
    const char *body;

    push_two((const char *[]){"text/a+b", "text/a+b"}, two);
    body = text(BEGIN "%s]}", two[0].descriptor);
    ASK("GET", text("%s?n=1&artifactType=text/a%%2Bb", list()));
    expect_head("200 OK",
                TYPE "OCI-Filters-Applied: artifactType\n"
                     "Link: <%s?last=%s&n=1&artifactType=text/a%%2Bb>; "
                     "rel=\"next\"\n"
                     "Content-Length: %zu\n",
                list(), text_of(&two[0].digest), strlen(body));
    expect_body(span_of(body));
    ASK("GET", text("%s?last=%s&n=1&artifactType=text/a%%2Bb", list(),
                    text_of(&two[0].digest)));
    cr_expect_null(header("Link"));
    expect_body(span_of(text(BEGIN "%s]}", two[1].descriptor)));
    ASK("GET", text("%s?n=2", list()));
    cr_expect_null(header("Link"));
    ASK("GET", text("%s?last=%s", list(), text_of(&two[1].digest)));
    expect_body(SPAN(BEGIN "]}"));
}

static struct digest push_large(char letter, size_t size)
{
    CLEANUP(buf) struct buf json = BUF_INIT(4 * 1024 * 1024);

    buf_add_format(&json,
                   "{\"schemaVersion\":2,\"manifests\":[],\"subject\":{"
                   "\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX
                   "\",\"digest\":\"%s\",\"size\":1},\"annotations\":{\"x\":\"",
                   text_of(&subject));
    for (size_t i = 0; i < size; i++)
        buf_add_char(&json, letter);
    buf_add(&json, SPAN("\"}}"));
    return push_manifest("a", buf_text(&json));
}

Test(referrers_route, large_ones_are_paged_though_nobody_asked)
{
    struct digest a = push_large('a', 3000000), b = push_large('b', 3000000);
    const struct digest *first = strcmp(a.hex, b.hex) < 0 ? &a : &b;

    cr_expect_eq(ASK("GET", list()), 200);
    cr_expect_str_eq(header("Link"), text("<%s?last=%s>; rel=\"next\"", list(),
                                          text_of(first)));
    cr_expect(answer.body.len > 3000000 && answer.body.len < 4194304);
    ASK("GET", text("%s?last=%s", list(), text_of(first)));
    cr_expect_null(header("Link"));
    cr_expect(answer.body.len > 3000000);
}

Test(referrers_route, a_page_of_none_is_empty_and_has_no_next)
{
    push_artifact("text/sbom", "1");
    ASK("GET", text("%s?n=0", list()));
    expect_head("200 OK", TYPE "Content-Length: %zu\n", strlen(BEGIN "]}"));
    expect_body(SPAN(BEGIN "]}"));
}

Test(referrers_route, what_is_malformed_is_refused)
{
    const struct {
        const char *target, *code, *detail;
    } cases[] = {
        {text("%s?n=x", list()), "PAGINATION_NUMBER_INVALID",
         "n must be a whole number"},
        {text("%s?last=x", list()), "DIGEST_INVALID", NULL},
        {"/v2/a/referrers/sha256:bad", "DIGEST_INVALID", NULL},
        {"/v2/a/referrers/latest", "DIGEST_INVALID", NULL},
        {"/v2/a/referrers/blake3:00ff", "DIGEST_INVALID", NULL},
        {text("/v2/A/referrers/%s", text_of(&subject)), "NAME_INVALID", "A"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ASK("GET", cases[i].target);
        expect_error("400 Bad Request", cases[i].code, cases[i].detail, "");
        expect_head_like_get((struct question){.target = cases[i].target});
    }
}

Test(referrers_route, can_only_be_read)
{
    expect_methods(list(), NULL, "GET, HEAD");
    expect_methods(list(), "BERTH_READONLY=yes", "GET, HEAD");
    expect_methods(list(), "BERTH_DELETE=no", "GET, HEAD");
}
