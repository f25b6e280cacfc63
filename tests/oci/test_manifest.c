/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/tight.h"
#include "oci/manifest.h"

#define A                                                                      \
    "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B                                                                      \
    "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C                                                                      \
    "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define D512                                                                   \
    "sha512:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"  \
    "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"
#define FOREIGN_TYPE "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

#define Q(text) "\"" text "\""
#define PART(type, digest, size)                                               \
    "{\"mediaType\":" Q(type) ",\"digest\":" Q(digest) ",\"size\":" size "}"
#define CONFIG PART(MEDIA_TYPE_OCI_CONFIG, A, "2")
#define LAYER PART(LAYER_TYPE, B, "3")
#define CHILD PART(MEDIA_TYPE_OCI_MANIFEST, C, "4")
#define HEAD "{\"schemaVersion\":2"
#define TYPED(type) HEAD ",\"mediaType\":" Q(type)

#define IMAGE                                                                  \
    TYPED(MEDIA_TYPE_OCI_MANIFEST)                                             \
    ",\"config\":" CONFIG ",\"layers\":[" LAYER "]}"
#define INDEX TYPED(MEDIA_TYPE_OCI_INDEX) ",\"manifests\":[" CHILD "]}"

/* Parses a copy and frees it: a manifest does not need its bytes. */
static int parse(const char *text, const char *content_type,
                 struct manifest **out, struct err *err)
{
    CLEANUP(tight) struct span bytes = tight_text(text);
    CLEANUP(tight) struct span header = tight_text(content_type);

    return manifest_parse(bytes, header, out, err);
}

struct accepted_case {
    const char *text;
    const char *content_type;
    const char *type;
    bool is_index;
    size_t references;
    const char *artifact_type;
};

static const struct accepted_case accepted[] = {
    {IMAGE, MEDIA_TYPE_OCI_MANIFEST, MEDIA_TYPE_OCI_MANIFEST, false, 2,
     MEDIA_TYPE_OCI_CONFIG},
    {IMAGE, "", MEDIA_TYPE_OCI_MANIFEST, false, 2, MEDIA_TYPE_OCI_CONFIG},
    {IMAGE, MEDIA_TYPE_OCI_MANIFEST " ; charset=utf-8", MEDIA_TYPE_OCI_MANIFEST,
     false, 2, MEDIA_TYPE_OCI_CONFIG},
    {IMAGE, "Application/VND.oci.image.manifest.v1+JSON",
     MEDIA_TYPE_OCI_MANIFEST, false, 2, MEDIA_TYPE_OCI_CONFIG},
    {INDEX, MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_OCI_INDEX, true, 1, ""},
    /* By shape. */
    {HEAD ",\"config\":" CONFIG ",\"layers\":[" LAYER "]}", "",
     MEDIA_TYPE_OCI_MANIFEST, false, 2, MEDIA_TYPE_OCI_CONFIG},
    {HEAD ",\"manifests\":[" CHILD "]}", "", MEDIA_TYPE_OCI_INDEX, true, 1, ""},
    {HEAD ",\"mediaType\":\"\",\"manifests\":[]}", MEDIA_TYPE_OCI_INDEX,
     MEDIA_TYPE_OCI_INDEX, true, 0, ""},
    {HEAD ",\"mediaType\":null,\"manifests\":[]}", "", MEDIA_TYPE_OCI_INDEX,
     true, 0, ""},
    /* Docker. */
    {TYPED(MEDIA_TYPE_DOCKER_MANIFEST) ",\"config\":" CONFIG
                                       ",\"layers\":[" LAYER "]}",
     MEDIA_TYPE_DOCKER_MANIFEST, MEDIA_TYPE_DOCKER_MANIFEST, false, 2,
     MEDIA_TYPE_OCI_CONFIG},
    {TYPED(MEDIA_TYPE_DOCKER_LIST) ",\"manifests\":[" CHILD "]}", "",
     MEDIA_TYPE_DOCKER_LIST, true, 1, ""},
    /* Little in it. */
    {TYPED(MEDIA_TYPE_OCI_INDEX) ",\"manifests\":[]}", "", MEDIA_TYPE_OCI_INDEX,
     true, 0, ""},
    {TYPED(MEDIA_TYPE_OCI_INDEX) ",\"manifests\":null}", "",
     MEDIA_TYPE_OCI_INDEX, true, 0, ""},
    {HEAD ",\"config\":" CONFIG "}", "", MEDIA_TYPE_OCI_MANIFEST, false, 1,
     MEDIA_TYPE_OCI_CONFIG},
    {HEAD ",\"config\":" CONFIG ",\"layers\":[]}", "", MEDIA_TYPE_OCI_MANIFEST,
     false, 1, MEDIA_TYPE_OCI_CONFIG},
    {HEAD ",\"config\":" CONFIG
          ",\"layers\":null,\"manifests\":null,\"subject\":null,"
          "\"annotations\":null,\"artifactType\":null}",
     "", MEDIA_TYPE_OCI_MANIFEST, false, 1, MEDIA_TYPE_OCI_CONFIG},
    {HEAD ",\"config\":null,\"layers\":null,\"manifests\":[]}", "",
     MEDIA_TYPE_OCI_INDEX, true, 0, ""},
    /* Artifacts. */
    {HEAD ",\"artifactType\":\"a/sbom\",\"config\":{\"mediaType\":" Q(
         MEDIA_TYPE_OCI_EMPTY) ",\"digest\":" Q(A) ",\"size\":2,\"data\":"
                                                   "\"e30=\"},\"layers\":[]}",
     "", MEDIA_TYPE_OCI_MANIFEST, false, 1, "a/sbom"},
    {HEAD ",\"artifactType\":\"a/b+json;version=0.2\",\"manifests\":[]}", "",
     MEDIA_TYPE_OCI_INDEX, true, 0, "a/b+json;version=0.2"},
    {HEAD ",\"subject\":" CHILD ",\"manifests\":[]}", "", MEDIA_TYPE_OCI_INDEX,
     true, 1, ""},
    /* Of the future, by shape. */
    {TYPED("application/vnd.example.v9+json") ",\"blobs\":[1]}",
     "application/vnd.example.v9+json", "application/vnd.example.v9+json",
     false, 0, ""},
    {TYPED("application/vnd.example.v9+json") ",\"manifests\":[" CHILD "]}", "",
     "application/vnd.example.v9+json", true, 1, ""},
    {TYPED("application/vnd.example.v9+json") ",\"layers\":[" LAYER "]}", "",
     "application/vnd.example.v9+json", false, 1, ""},
    {TYPED("application\\/vnd.example.v\\u0039+json") "}", "",
     "application/vnd.example.v9+json", false, 0, ""},
    /* Children that are blobs, as in BuildKit's older caches. */
    {HEAD ",\"manifests\":[" LAYER
          "," PART("application/vnd.buildkit.cacheconfig.v0", A, "0") "]}",
     "", MEDIA_TYPE_OCI_INDEX, true, 2, ""},
    /* Members nobody knows, and descriptors with little. */
    {HEAD ",\"x-other\":{\"a\":[1,{\"b\":null}]},\"config\":{\"digest\":" Q(
         D512) ",\"size\":9223372036854775807,\"y\":1}}",
     "", MEDIA_TYPE_OCI_MANIFEST, false, 1, ""},
    {HEAD ",\"annotations\":{\"a\":\"1\",\"A\":\"2\"},\"manifests\":[]}", "",
     MEDIA_TYPE_OCI_INDEX, true, 0, ""},
};

Test(manifest, good_ones_are_understood)
{
    for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
        const struct accepted_case *want = &accepted[i];
        CLEANUP(manifest) struct manifest *manifest = NULL;
        char type[MANIFEST_MEDIA_TYPE_MAX];
        struct err err = {0};

        cr_assert_eq(parse(want->text, want->content_type, &manifest, &err), 0,
                     "row %zu: %s", i, err.text);
        cr_expect(span_equals(manifest_type(manifest), span_of(want->type)),
                  "row %zu", i);
        cr_expect_eq(manifest_is_index(manifest), want->is_index, "row %zu", i);
        cr_expect_eq(manifest_reference_count(manifest), want->references,
                     "row %zu", i);
        cr_expect(span_equals(manifest_artifact_type(manifest),
                              span_of(want->artifact_type)),
                  "row %zu", i);
        manifest_media_type(span_of(want->text), type);
        cr_expect_str_eq(type, want->type, "row %zu", i);
    }
}

#define WITH_CONFIG(config) HEAD ",\"config\":" config "}"
#define NUMBER_SIZE(size)                                                      \
    WITH_CONFIG("{\"mediaType\":\"a/b\",\"digest\":" Q(A) ",\"size\":" size "}")

static const struct {
    const char *text;
    const char *content_type;
    const char *detail;
} refused[] = {
    {"", "", "no JSON: empty"},
    {"hello", "", "no JSON: not a value (byte 0 of 5)"},
    {IMAGE "x", "", "no JSON: more bytes behind the value"},
    {"null", "", "manifest: not a JSON object"},
    {"[]", "", "manifest: not a JSON object"},
    {"\"" MEDIA_TYPE_OCI_MANIFEST "\"", "", "manifest: not a JSON object"},
    /* Versions. */
    {"{}", "", "schemaVersion: not 2"},
    {"{\"schemaVersion\":1,\"config\":" CONFIG "}", "", "schemaVersion: not 2"},
    {"{\"schemaVersion\":\"2\",\"config\":" CONFIG "}", "",
     "schemaVersion: not 2"},
    {"{\"schemaVersion\":2.0,\"config\":" CONFIG "}", "",
     "schemaVersion: not 2"},
    {"{\"schemaVersion\":-2,\"config\":" CONFIG "}", "",
     "schemaVersion: not 2"},
    {"{\"schemaVersion\":null,\"config\":" CONFIG "}", "",
     "schemaVersion: not 2"},
    {"{\"schemaVersion\":18446744073709551618,\"config\":" CONFIG "}", "",
     "schemaVersion: not 2"},
    {TYPED("application/vnd.docker.distribution.manifest.v1+json") "}", "",
     "mediaType: Docker schema 1 is not supported"},
    {TYPED("application/vnd.docker.distribution.manifest.v1+prettyjws") "}", "",
     "mediaType: Docker schema 1 is not supported"},
    /* Two readings. */
    {HEAD ",\"manifests\":[],\"layers\":[]}", "",
     "manifest: both \"manifests\" and \"layers\""},
    {HEAD ",\"manifests\":[],\"config\":" CONFIG "}", "",
     "manifest: both \"manifests\" and \"config\""},
    {TYPED(MEDIA_TYPE_OCI_INDEX) ",\"manifests\":[" CHILD "],\"layers\":[" LAYER
                                 "]}",
     "", "manifest: both \"manifests\" and \"layers\""},
    {HEAD ",\"Manifests\":[],\"layers\":[],\"config\":" CONFIG "}", "",
     "manifest: a member is like \"manifests\", but in another case"},
    {HEAD ",\"manifests\":[],\"LAYERS\":[]}", "",
     "manifest: a member is like \"layers\", but in another case"},
    {HEAD ",\"manife\xC5\xBFts\":[],\"config\":" CONFIG "}", "",
     "manifest: a member is like \"manifests\", but in another case"},
    {HEAD ",\"MediaType\":\"a/b\",\"config\":" CONFIG "}", "",
     "manifest: a member is like \"mediaType\", but in another case"},
    {HEAD ",\"x\":1,\"X\":2,\"config\":" CONFIG "}", "",
     "manifest: two members differ in case only"},
    {HEAD ",\"config\":" CONFIG ",\"config\":" CONFIG "}", "",
     "no JSON: an object has a key twice"},
    {WITH_CONFIG("{\"Digest\":" Q(B) ",\"digest\":" Q(A) ",\"size\":1}"), "",
     "config: a member is like \"digest\", but in another case"},
    {HEAD ",\"manifests\":[" CHILD
          ",{\"digest\":" Q(A) ",\"size\":1,\"\xC5\xBFize\":2}]}",
     "", "manifests[1]: a member is like \"size\", but in another case"},
    /* The type against the shape. */
    {TYPED(MEDIA_TYPE_OCI_INDEX) ",\"layers\":[]}", "",
     "manifest: an index with \"layers\""},
    {TYPED(MEDIA_TYPE_DOCKER_LIST) ",\"config\":" CONFIG "}", "",
     "manifest: an index with \"config\""},
    {TYPED(MEDIA_TYPE_OCI_INDEX) "}", "",
     "manifest: an index without \"manifests\""},
    {TYPED(MEDIA_TYPE_OCI_MANIFEST) ",\"manifests\":[]}", "",
     "manifest: an image with \"manifests\""},
    {TYPED(MEDIA_TYPE_DOCKER_MANIFEST) ",\"manifests\":[]}", "",
     "manifest: an image with \"manifests\""},
    {TYPED("Application/VND.oci.image.index.v1+json") ",\"layers\":[]}", "",
     "manifest: an index with \"layers\""},
    {TYPED(MEDIA_TYPE_OCI_MANIFEST) ",\"layers\":[" LAYER "]}", "",
     "manifest: an image without \"config\""},
    {HEAD "}", "", "manifest: an image without \"config\""},
    /* The header against the type. */
    {IMAGE, MEDIA_TYPE_OCI_INDEX,
     "Content-Type: the manifest is " MEDIA_TYPE_OCI_MANIFEST},
    {IMAGE, MEDIA_TYPE_DOCKER_MANIFEST,
     "Content-Type: the manifest is " MEDIA_TYPE_OCI_MANIFEST},
    {INDEX, MEDIA_TYPE_OCI_MANIFEST "; a=b",
     "Content-Type: the manifest is " MEDIA_TYPE_OCI_INDEX},
    {HEAD ",\"manifests\":[]}", MEDIA_TYPE_OCI_MANIFEST,
     "Content-Type: the manifest is " MEDIA_TYPE_OCI_INDEX},
    {WITH_CONFIG(CONFIG), MEDIA_TYPE_DOCKER_MANIFEST,
     "Content-Type: the manifest is " MEDIA_TYPE_OCI_MANIFEST},
    /* Wrong types of members. */
    {TYPED("not a type") ",\"config\":" CONFIG "}", "",
     "mediaType: not a media type"},
    {TYPED("a/b\\r\\nSet-Cookie: c") ",\"config\":" CONFIG "}", "",
     "mediaType: not a media type"},
    {TYPED("a/b\\u0000") ",\"config\":" CONFIG "}", "",
     "mediaType: not a media type"},
    {HEAD ",\"mediaType\":[],\"config\":" CONFIG "}", "",
     "manifest.mediaType: not a string"},
    {HEAD ",\"artifactType\":1,\"config\":" CONFIG "}", "",
     "manifest.artifactType: not a string"},
    {HEAD ",\"artifactType\":\"a\\nb\",\"config\":" CONFIG "}", "",
     "manifest.artifactType: a control character"},
    {HEAD ",\"manifests\":{}}", "", "manifests: not an array"},
    {HEAD ",\"manifests\":\"\"}", "", "manifests: not an array"},
    {HEAD ",\"config\":" CONFIG ",\"layers\":{\"0\":" LAYER "}}", "",
     "layers: not an array"},
    {HEAD ",\"config\":" CONFIG ",\"layers\":[" LAYER ",1]}", "",
     "layers[1]: not an object"},
    {HEAD ",\"config\":" CONFIG ",\"layers\":[null]}", "",
     "layers[0]: not an object"},
    {WITH_CONFIG("[]"), "", "config: not an object"},
    {WITH_CONFIG(Q(A)), "", "config: not an object"},
    {HEAD ",\"config\":" CONFIG ",\"subject\":" Q(A) "}", "",
     "subject: not an object"},
    {HEAD ",\"config\":" CONFIG ",\"subject\":{}}", "",
     "subject.digest: missing or not a string"},
    {HEAD ",\"config\":" CONFIG ",\"annotations\":[]}", "",
     "manifest.annotations: not an object of strings"},
    {HEAD ",\"config\":" CONFIG ",\"annotations\":{\"a\":1}}", "",
     "manifest.annotations: not an object of strings"},
    {HEAD ",\"config\":" CONFIG ",\"annotations\":{\"a\":null}}", "",
     "manifest.annotations: not an object of strings"},
    /* Descriptors. */
    {WITH_CONFIG("{}"), "", "config.digest: missing or not a string"},
    {WITH_CONFIG("{\"digest\":1,\"size\":1}"), "",
     "config.digest: missing or not a string"},
    {WITH_CONFIG("{\"digest\":\"\",\"size\":1}"), "",
     "config.digest: not a digest"},
    {WITH_CONFIG("{\"digest\":\"sha256:AA\",\"size\":1}"), "",
     "config.digest: not a digest"},
    {WITH_CONFIG("{\"digest\":\"sha256:../../../x\",\"size\":1}"), "",
     "config.digest: not a digest"},
    {WITH_CONFIG("{\"digest\":\"" A "\\u0000\",\"size\":1}"), "",
     "config.digest: not a digest"},
    {WITH_CONFIG("{\"digest\":\"sha384:aa\",\"size\":1}"), "",
     "config.digest: neither sha256 nor sha512"},
    {WITH_CONFIG("{\"digest\":" Q(A) "}"), "", "config.size: missing"},
    {NUMBER_SIZE("null"), "", "config.size: missing"},
    {NUMBER_SIZE("-1"), "", "config.size: not a size"},
    {NUMBER_SIZE("1.0"), "", "config.size: not a size"},
    {NUMBER_SIZE("1e3"), "", "config.size: not a size"},
    {NUMBER_SIZE("\"1\""), "", "config.size: not a size"},
    {NUMBER_SIZE("[1]"), "", "config.size: not a size"},
    {NUMBER_SIZE("9223372036854775808"), "", "config.size: not a size"},
    {NUMBER_SIZE("18446744073709551616"), "", "config.size: not a size"},
    {NUMBER_SIZE("99999999999999999999999"), "", "config.size: not a size"},
    {WITH_CONFIG("{\"mediaType\":1,\"digest\":" Q(A) ",\"size\":1}"), "",
     "config.mediaType: not a string"},
    {WITH_CONFIG("{\"mediaType\":\"a\\tb\",\"digest\":" Q(A) ",\"size\":1}"),
     "", "config.mediaType: a control character"},
    {WITH_CONFIG("{\"urls\":\"x\",\"digest\":" Q(A) ",\"size\":1}"), "",
     "config.urls: not an array"},
    {WITH_CONFIG("{\"urls\":[1],\"digest\":" Q(A) ",\"size\":1}"), "",
     "config.urls: not an array of strings"},
    {WITH_CONFIG("{\"data\":{},\"digest\":" Q(A) ",\"size\":1}"), "",
     "config.data: not a string"},
    {WITH_CONFIG("{\"annotations\":{\"a\":{}},\"digest\":" Q(A) ",\"size\":1}"),
     "", "config.annotations: not an object of strings"},
    {HEAD ",\"manifests\":[{\"platform\":[],\"digest\":" Q(A) ",\"size\":1}]}",
     "", "manifests[0].platform: not an object"},
};

Test(manifest, bad_ones_are_refused_with_a_reason)
{
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        CLEANUP(manifest) struct manifest *manifest = NULL;
        struct err err = {0};

        cr_assert_eq(
            parse(refused[i].text, refused[i].content_type, &manifest, &err),
            -1, "row %zu: %s", i, refused[i].text);
        cr_expect_null(manifest);
        cr_expect_eq(err.code, ERR_MANIFEST_INVALID, "row %zu", i);
        cr_expect(
            span_starts_with(span_of(err.detail), span_of(refused[i].detail)),
            "row %zu: '%s'", i, err.detail);
        cr_expect_str_eq(err.text, err.detail);
    }
}

Test(manifest, references_come_in_one_order)
{
    static const char text[] = HEAD ",\"subject\":" PART(
        MEDIA_TYPE_OCI_MANIFEST, C,
        "4") ",\"layers\":[" LAYER
             ",{\"mediaType\":" Q(FOREIGN_TYPE) ",\"digest\":" Q(
                 D512) ",\"size\":5,\"urls\":[\"https://example.org/\"]}],"
                       "\"config\":" CONFIG "}";
    static const struct {
        enum manifest_reference_kind kind;
        bool may_be_absent;
        const char *type;
        const char *digest;
        uint64_t size;
        bool has_urls;
    } want[] = {
        {MANIFEST_CONFIG, false, MEDIA_TYPE_OCI_CONFIG, A, 2, false},
        {MANIFEST_LAYER, false, LAYER_TYPE, B, 3, false},
        {MANIFEST_LAYER, true, FOREIGN_TYPE, D512, 5, true},
        {MANIFEST_SUBJECT, true, MEDIA_TYPE_OCI_MANIFEST, C, 4, false},
    };
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct err err = {0};

    cr_assert_eq(parse(text, "", &manifest, &err), 0, "%s", err.text);
    cr_assert_eq(manifest_reference_count(manifest), ARRAY_SIZE(want));
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        struct manifest_reference reference;
        char digest[DIGEST_TEXT_MAX];

        manifest_reference_at(manifest, i, &reference);
        digest_format(&reference.descriptor.digest, digest);
        cr_expect_eq(reference.kind, want[i].kind, "%zu", i);
        cr_expect_eq(reference.may_be_absent, want[i].may_be_absent, "%zu", i);
        cr_expect(
            span_equals(reference.descriptor.media_type, span_of(want[i].type)),
            "%zu", i);
        cr_expect_str_eq(digest, want[i].digest);
        cr_expect_eq(reference.descriptor.size, want[i].size, "%zu", i);
        cr_expect_eq(reference.descriptor.has_urls, want[i].has_urls, "%zu", i);
    }
}

Test(manifest, children_and_subject_of_an_index)
{
    static const char text[] = HEAD ",\"subject\":" PART(
        "a/b", A,
        "1") ",\"manifests\":[" CHILD ",{"
             "\"mediaType\":\"a/c\",\"artifactType\":\"a/d\",\"digest\":" Q(
                 B) ",\"size\":0}]}";
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct manifest_reference reference;
    struct err err = {0};

    cr_assert_eq(parse(text, "", &manifest, &err), 0, "%s", err.text);
    cr_assert_eq(manifest_reference_count(manifest), 3);
    cr_expect_null(manifest_config(manifest));
    manifest_reference_at(manifest, 0, &reference);
    cr_expect_eq(reference.kind, MANIFEST_CHILD);
    cr_expect_not(reference.may_be_absent);
    manifest_reference_at(manifest, 1, &reference);
    cr_expect_eq(reference.kind, MANIFEST_CHILD);
    cr_expect(span_equals(reference.descriptor.artifact_type, SPAN("a/d")));
    manifest_reference_at(manifest, 2, &reference);
    cr_expect_eq(reference.kind, MANIFEST_SUBJECT);
    cr_expect(digest_equals(&reference.descriptor.digest,
                            &manifest_subject(manifest)->digest));
}

/* An index names what it holds: a foreign layer's type excuses no child. */
Test(manifest, a_child_of_a_foreign_layers_type_must_be_there)
{
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct manifest_reference reference;
    struct err err = {0};

    cr_assert_eq(parse(HEAD ",\"manifests\":[" PART(FOREIGN_TYPE, A, "1") "]}",
                       "", &manifest, &err),
                 0);
    manifest_reference_at(manifest, 0, &reference);
    cr_expect_not(reference.may_be_absent);
}

Test(manifest, the_descriptor_for_referrers_has_what_clients_need)
{
    static const struct {
        const char *text;
        const char *json;
    } cases[] = {
        {HEAD ",\"config\":" CONFIG "}",
         "{\"mediaType\":" Q(MEDIA_TYPE_OCI_MANIFEST) ",\"digest\":" Q(
             B) ",\"size\":77,\"artifactType\":" Q(MEDIA_TYPE_OCI_CONFIG) "}"},
        {HEAD ",\"manifests\":[]}",
         "{\"mediaType\":" Q(MEDIA_TYPE_OCI_INDEX) ",\"digest\":" Q(
             B) ",\"size\":77}"},
        {HEAD ",\"artifactType\":\"a/\\\"b\",\"manifests\":[],\"annotations\":"
              "{\"z\":\"a/b\\n\",\"\xC3\xA4\":\"\"}}",
         "{\"mediaType\":" Q(MEDIA_TYPE_OCI_INDEX) ",\"digest\":" Q(
             B) ",\"size\":77,\"artifactType\":\"a/\\\"b\",\"annotations\":"
                "{\"z\":\"a/b\\n\",\"\xC3\xA4\":\"\"}}"},
        {HEAD ",\"manifests\":[],\"annotations\":{}}",
         "{\"mediaType\":" Q(MEDIA_TYPE_OCI_INDEX) ",\"digest\":" Q(
             B) ",\"size\":77,\"annotations\":{}}"},
    };
    struct digest digest;
    struct err err = {0};

    cr_assert_eq(digest_parse(SPAN(B), &digest, &err), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(manifest) struct manifest *manifest = NULL;
        CLEANUP(buf) struct buf out = BUF_INIT(4096);

        cr_assert_eq(parse(cases[i].text, "", &manifest, &err), 0, "%s",
                     err.text);
        manifest_descriptor_print(manifest, &digest, 77, &out);
        cr_expect_str_eq(buf_text(&out), cases[i].json);
    }
}

Test(manifest, nearly_four_megabytes_of_annotations_are_fine)
{
    CLEANUP(buf) struct buf text = BUF_INIT(4u << 20);
    CLEANUP(buf) struct buf out = BUF_INIT(4u << 20);
    CLEANUP(tight) struct span value = tight_repeat("", "x", 10000, "");
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct digest digest;
    struct err err = {0};

    buf_add(&text, SPAN(HEAD ",\"config\":" CONFIG ",\"annotations\":{"));
    for (int i = 0; i < 390; i++)
        buf_add_format(&text, "%s\"org.example.%d\":\"%.*s\"", i ? "," : "", i,
                       SPAN_ARGS(value));
    buf_add(&text, SPAN("}}"));
    cr_assert_not(text.overflowed);
    cr_assert_eq(manifest_parse(buf_span(&text), SPAN(""), &manifest, &err), 0,
                 "%s", err.text);
    digest_of_bytes(HASH_SHA256, buf_span(&text), &digest);
    manifest_descriptor_print(manifest, &digest, text.len, &out);
    cr_expect_not(out.overflowed);
    cr_expect_gt(out.len, 3900000);
}

Test(manifest, eight_thousand_layers_with_titles_are_fine)
{
    CLEANUP(buf) struct buf text = BUF_INIT(4u << 20);
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct manifest_reference reference;
    struct err err = {0};

    buf_add(&text, SPAN(HEAD ",\"config\":" CONFIG ",\"layers\":["));
    for (int i = 0; i < 8000; i++)
        buf_add_format(&text,
                       "%s{\"mediaType\":\"" LAYER_TYPE "\",\"digest\":\"" B
                       "\",\"size\":%d,\"annotations\":{\"org.opencontainers."
                       "image.title\":\"file-%d\"}}",
                       i ? "," : "", i, i);
    buf_add(&text, SPAN("]}"));
    cr_assert_not(text.overflowed);
    cr_assert_eq(manifest_parse(buf_span(&text), SPAN(""), &manifest, &err), 0,
                 "%s", err.text);
    cr_assert_eq(manifest_reference_count(manifest), 8001);
    for (size_t i = 0; i < 8000; i++) {
        manifest_reference_at(manifest, 1 + i, &reference);
        cr_assert_eq(reference.descriptor.size, i);
    }
}

Test(manifest, too_many_values_are_refused)
{
    CLEANUP(tight)
    struct span text = tight_repeat(HEAD ",\"config\":" CONFIG ",\"x\":[", "0,",
                                    1u << 20, "0]}");
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct err err = {0};

    cr_assert_eq(manifest_parse(text, SPAN(""), &manifest, &err), -1);
    cr_expect_eq(err.code, ERR_MANIFEST_INVALID);
    cr_expect_not_null(strstr(err.detail, "too many values"));
}
