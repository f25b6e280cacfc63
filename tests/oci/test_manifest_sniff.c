/* SPDX-License-Identifier: MIT */
/*
 * manifest_media_type reads loosely what manifest_parse reads strictly: the
 * same answer for whatever the latter accepts, a harmless one for the rest.
 */
#include <criterion/criterion.h>

#include "base/tight.h"
#include "oci/manifest.h"

#define OTHER "application/vnd.example.v9+json"
#define TYPE(type) "\"mediaType\":\"" type "\""

static void expect_type(struct span bytes, const char *type)
{
    CLEANUP(tight) struct span text = tight_copy(bytes);
    char out[MANIFEST_MEDIA_TYPE_MAX];
    size_t len = manifest_media_type(text, out);

    cr_expect_str_eq(out, type, "%.*s gives %s", SPAN_ARGS(bytes), out);
    cr_expect_eq(len, strlen(out));
}

Test(manifest_sniff, the_outermost_media_type_counts)
{
    static const struct {
        const char *text;
        const char *type;
    } cases[] = {
        {"{" TYPE(OTHER) "}", OTHER},
        {" \r\n\t{ \"schemaVersion\" : 2 , \"mediaType\"\n:\t\"" OTHER "\" }",
         OTHER},
        {"{\"config\":{" TYPE("a/b") "},\"layers\":[{" TYPE("a/c") "}]," TYPE(
             OTHER) "}",
         OTHER},
        {"{\"config\":{" TYPE("a/b") "}}", MEDIA_TYPE_OCI_MANIFEST},
        {"{\"a\":\"{\\\"mediaType\\\":\\\"a/b\\\"}\"," TYPE(OTHER) "}", OTHER},
        {"{\"a\":\"\\\\\"," TYPE(OTHER) "}", OTHER},
        {"{\"a\":\"\\\\\\\"\"," TYPE(OTHER) "}", OTHER},
        {"{\"a\":[\"]\",\"}\",\"\\\"]\"]," TYPE(OTHER) "}", OTHER},
        {"{\"a\":-1.5e3,\"b\":null,\"c\":true ," TYPE(OTHER) "}", OTHER},
        {"{\"media\\u0054ype\":\"application\\/vnd.example.v\\u0039+json\"}",
         OTHER},
        {"{\"\\u006d\\u0065\\u0064\\u0069\\u0061\\u0054\\u0079\\u0070\\u0065\""
         ":\"" OTHER "\"}",
         OTHER},
        {"{\"mediaTyp\":\"a/b\",\"mediaTypes\":\"a/c\"," TYPE(OTHER) "}",
         OTHER},
        {"{\"media\\u0154ype\":\"a/b\"}", MEDIA_TYPE_OCI_MANIFEST},
        {"{" TYPE("") ",\"manifests\":[]}", MEDIA_TYPE_OCI_INDEX},
        {"{\"mediaType\":null,\"manifests\":[]}", MEDIA_TYPE_OCI_INDEX},
        {"{\"manifests\":[]}", MEDIA_TYPE_OCI_INDEX},
        {"{\"manif\\u0065sts\":[]}", MEDIA_TYPE_OCI_INDEX},
        {"{\"manifests\":[]," TYPE(OTHER) "}", OTHER},
        {"{\"manifests\":null}", MEDIA_TYPE_OCI_MANIFEST},
        {"{\"a\":{\"manifests\":[]}}", MEDIA_TYPE_OCI_MANIFEST},
        {"{\"a\":\"manifests\",\"b\":[]}", MEDIA_TYPE_OCI_MANIFEST},
        {"{}", MEDIA_TYPE_OCI_MANIFEST},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect_type(span_of(cases[i].text), cases[i].type);
}

Test(manifest_sniff, what_could_break_a_header_is_never_given)
{
    static const char *const texts[] = {
        "{" TYPE("a/b\\r\\nSet-Cookie: c") "}",
        "{" TYPE("a/b\r\nSet-Cookie: c") "}",
        "{" TYPE("a/b\\u000d\\u000aX: y") "}",
        "{" TYPE("a/b\\u0000") "}",
        "{" TYPE("a/b;c") "}",
        "{" TYPE("ab") "}",
        "{" TYPE("a/\\u00e4") "}",
        "{" TYPE("a/\\u12") "}",
        "{" TYPE("a/\\") "}",
        "{" TYPE("a/\\x") "}",
        "{\"mediaType\":[\"a/b\"]}",
        "{\"mediaType\":a/b}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        expect_type(span_of(texts[i]), MEDIA_TYPE_OCI_MANIFEST);
}

Test(manifest_sniff, a_type_of_any_length_fits)
{
    CLEANUP(tight)
    struct span longest = tight_repeat("{\"mediaType\":\"a/", "b", 127, "\"}");
    CLEANUP(tight)
    struct span longer = tight_repeat("{\"mediaType\":\"a/", "b", 128, "\"}");
    CLEANUP(tight)
    struct span endless =
        tight_repeat("{\"mediaType\":\"a/", "b", 1u << 20, "\"}");
    char out[MANIFEST_MEDIA_TYPE_MAX];

    cr_expect_eq(manifest_media_type(longest, out), 129);
    expect_type(longer, MEDIA_TYPE_OCI_MANIFEST);
    expect_type(endless, MEDIA_TYPE_OCI_MANIFEST);
}

Test(manifest_sniff, every_prefix_and_garbage_end_well)
{
    struct span text = SPAN("{\"a\\\"\":[{\"b\":\"\\u0041\"}],\"c\":1," TYPE(
        "application\\/vnd.example.v\\u0039+json") "}");
    CLEANUP(tight) struct span open = tight_repeat("", "[", 4u << 20, "");
    CLEANUP(tight) struct span nested = tight_repeat("{\"a\":", "[", 1000, "");
    CLEANUP(tight)
    struct span slashes = tight_repeat("{\"", "\\", 1u << 20, "");

    expect_type(text, OTHER);
    for (size_t len = 0; len < text.len - 2; len++)
        expect_type(span_first(text, len), MEDIA_TYPE_OCI_MANIFEST);
    expect_type(open, MEDIA_TYPE_OCI_MANIFEST);
    expect_type(nested, MEDIA_TYPE_OCI_MANIFEST);
    expect_type(slashes, MEDIA_TYPE_OCI_MANIFEST);
    expect_type(SPAN("\0\0\0"), MEDIA_TYPE_OCI_MANIFEST);
    expect_type((struct span){NULL, 0}, MEDIA_TYPE_OCI_MANIFEST);
}

/* A small generator, the same numbers in every run. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static struct span pick(uint64_t *state, const char *const *from, size_t count)
{
    return span_of(from[next(state) % count]);
}

#define PICK(state, from) pick(state, from, ARRAY_SIZE(from))
#define DIGEST                                                                 \
    "\"sha256:"                                                                \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"         \
    "\""

/* Members in any order and number; about a third make a good manifest. */
static void add_random_manifest(struct buf *text, uint64_t *state)
{
    static const char *const blanks[] = {"", "", "", " ", "\n  ", "\t\r\n"};
    static const char *const keys[] = {
        "mediaType", "media\\u0054ype", "manifests", "m\\u0061nifests",
        "config",    "layers",          "x",         "a\\\"b",
        "\\\\",      "annotations",     "subject"};
    static const char *const types[] = {
        "\"\"",
        "null",
        "\"" MEDIA_TYPE_OCI_INDEX "\"",
        "\"" MEDIA_TYPE_OCI_MANIFEST "\"",
        "\"" OTHER "\"",
        "\"application\\/vnd.oci.image.index.v1+json\"",
        "\"\\u0061/b\"",
        "\"a b\"",
        "7"};
    static const char *const lists[] = {
        "[]", "null", "[ ]",
        "[{" TYPE("a/b") ",\"size\":1,\"digest\":" DIGEST "}]"};
    static const char *const parts[] = {
        "null", "{" TYPE("a/b") ",\"size\":1,\"digest\":" DIGEST "}"};
    static const char *const maps[] = {
        "null", "{}", "{\"mediaType\":\"a/b\",\"manifests\":\"[\"}",
        "{\"a\":\"\\\\\\\"},\\\"mediaType\\\":\\\"a/c\\\"\"}"};
    static const char *const others[] = {
        "1", "\"\\\"\"", "[[\"]\"],{\"mediaType\":\"a/b\"}]", "true", "-1e5"};
    size_t count = 1 + next(state) % 5;

    buf_add(text, PICK(state, blanks));
    buf_add(text, SPAN("{\"schemaVersion\":2"));
    for (size_t i = 0; i < count; i++) {
        size_t key = next(state) % ARRAY_SIZE(keys);

        buf_add(text, PICK(state, blanks));
        buf_add_format(text, ",%.*s\"%s\"%.*s:", SPAN_ARGS(PICK(state, blanks)),
                       keys[key], SPAN_ARGS(PICK(state, blanks)));
        buf_add(text, PICK(state, blanks));
        switch (key) {
        case 0:
        case 1:
            buf_add(text, PICK(state, types));
            break;
        case 2:
        case 3:
        case 5:
            buf_add(text, PICK(state, lists));
            break;
        case 4:
        case 10:
            buf_add(text, PICK(state, parts));
            break;
        case 9:
            buf_add(text, PICK(state, maps));
            break;
        default:
            buf_add(text, PICK(state, others));
        }
    }
    buf_add_char(text, '}');
}

/* True when the strict parse took it. */
static bool expect_agreement(struct span bytes)
{
    CLEANUP(tight) struct span text = tight_copy(bytes);
    CLEANUP(manifest) struct manifest *manifest = NULL;
    char type[MANIFEST_MEDIA_TYPE_MAX];
    struct err err = {0};

    manifest_media_type(text, type);
    cr_assert(media_type_is_valid(span_of(type)));
    if (manifest_parse(text, SPAN(""), &manifest, &err) < 0)
        return false;
    cr_assert(span_equals(manifest_type(manifest), span_of(type)),
              "%.*s: %.*s, but %s on the fast path", SPAN_ARGS(bytes),
              SPAN_ARGS(manifest_type(manifest)), type);
    return true;
}

Test(manifest_sniff, agrees_with_the_full_parse_of_random_manifests)
{
    uint64_t state = 42;
    size_t good = 0;

    for (size_t i = 0; i < 50000; i++) {
        CLEANUP(buf) struct buf text = BUF_INIT(8192);

        add_random_manifest(&text, &state);
        cr_assert_not(text.overflowed);
        good += expect_agreement(buf_span(&text));
    }
    cr_expect_gt(good, 5000, "only %zu were good", good);
}

Test(manifest_sniff, agrees_with_the_full_parse_of_damaged_manifests)
{
    static const char bytes[] = "\"\\{}[]:,u0/ \nmT\x80\0";
    uint64_t state = 43;
    size_t good = 0;

    for (size_t i = 0; i < 50000; i++) {
        CLEANUP(buf) struct buf text = BUF_INIT(8192);

        add_random_manifest(&text, &state);
        for (size_t n = 1 + next(&state) % 3; n > 0; n--)
            text.ptr[next(&state) % text.len] =
                bytes[next(&state) % sizeof(bytes)];
        good += expect_agreement(buf_span(&text));
    }
    cr_expect_gt(good, 200, "only %zu were good", good);
}
