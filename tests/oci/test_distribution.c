/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tight.h"
#include "oci/distribution.h"
#include "oci/media_type.h"

#define TYPED(type, more)                                                      \
    "{\"schemaVersion\":2,\"mediaType\":\"" type "\"" more "}"
#define IMAGE(more) TYPED(MEDIA_TYPE_OCI_MANIFEST, more)
#define DOCKER(more) TYPED(MEDIA_TYPE_DOCKER_MANIFEST, more)
#define INDEX(more) TYPED(MEDIA_TYPE_OCI_INDEX, more)
#define LIST(more) TYPED(MEDIA_TYPE_DOCKER_LIST, more)
#define UNTYPED(more) "{\"schemaVersion\":2" more "}"
#define LAYER(more) IMAGE(",\"layers\":[{" more "}]")
#define CHILD(more) ",\"manifests\":[{" more "}]"

/* What each release makes of a text: it reads it, stops, or who knows. */
enum {
    READS,
    STOPS,
    UNKNOWN,
};

static int judge(struct span text, enum distribution_release release)
{
    CLEANUP(tight) struct span bytes = tight_copy(text);
    struct err err = {0};
    int result = distribution_reads(bytes, release, &err);

    if (result == 0)
        return READS;
    cr_assert_neq(err.text[0], '\0');
    return err.code == ERR_SYNTAX ? UNKNOWN : STOPS;
}

/* tests/e2e/test_dropin_collector.py tries the same kinds on release 2.8. */
Test(distribution, knows_what_each_release_reads)
{
    static const struct {
        const char *text;
        int in_2, in_3;
    } cases[] = {
        {IMAGE(""), READS, READS},
        {IMAGE(",\"config\":null,\"layers\":null"), READS, READS},
        {DOCKER(",\"layers\":[null]"), READS, READS},
        {INDEX(",\"manifests\":[]"), READS, READS},
        {LIST(""), READS, READS},
        {UNTYPED(""), READS, READS},
        {UNTYPED(",\"mediaType\":null"), READS, READS},
        {UNTYPED(",\"mediaType\":\"\",\"manifests\":[]"), READS, READS},
        {IMAGE(",\"config\":{\"digest\":\"blake3:00\",\"size\":-5}"), READS,
         READS},
        {IMAGE(",\"subject\":5,\"artifactType\":5"), READS, READS},
        {IMAGE(",\"annotations\":{\"a\":null}"), READS, READS},
        {LAYER("\"urls\":[null,\"x\"],\"platform\":null"), READS, READS},
        {LAYER("\"size\":9223372036854775807"), READS, READS},

        {UNTYPED(",\"mediaType\":\"application/vnd.example\""), STOPS, STOPS},
        {UNTYPED(",\"mediaType\":\"Application/vnd.oci.image.index.v1+json\""),
         STOPS, STOPS},
        {UNTYPED(",\"mediaType\":5"), STOPS, STOPS},
        {IMAGE(",\"MEDIATYPE\":\"x/y\""), STOPS, STOPS},
        {"{}", STOPS, STOPS},
        {"{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST "\"}", STOPS, STOPS},
        {"{\"schemaVersion\":3}", STOPS, STOPS},
        {"{\"schemaVersion\":\"2\"}", STOPS, STOPS},
        {"{\"schemaVersion\":2.0}", STOPS, STOPS},
        {"[]", STOPS, STOPS},
        {"null", STOPS, STOPS},
        {"", STOPS, STOPS},
        {IMAGE(",\"config\":\"x\""), STOPS, STOPS},
        {IMAGE(",\"layers\":{}"), STOPS, STOPS},
        {IMAGE(",\"layers\":[5]"), STOPS, STOPS},
        {IMAGE(",\"annotations\":{\"a\":1}"), STOPS, STOPS},
        {IMAGE(",\"annotations\":[]"), STOPS, STOPS},
        {LAYER("\"size\":\"5\""), STOPS, STOPS},
        {LAYER("\"size\":1e1"), STOPS, STOPS},
        {LAYER("\"size\":9223372036854775808"), STOPS, STOPS},
        {LAYER("\"size\":-1.5"), STOPS, STOPS},
        {LAYER("\"urls\":\"x\""), STOPS, STOPS},
        {LAYER("\"urls\":[5]"), STOPS, STOPS},
        {LAYER("\"annotations\":{\"a\":1}"), STOPS, STOPS},
        {LAYER("\"platform\":{\"os\":5}"), STOPS, STOPS},
        {INDEX(CHILD("\"platform\":{\"architecture\":5}")), STOPS, STOPS},
        {INDEX(CHILD("\"platform\":{\"os.features\":\"x\"}")), STOPS, STOPS},
        {INDEX(CHILD("\"platform\":\"x\"")), STOPS, STOPS},
        {LIST(CHILD("\"platform\":{\"features\":[1]}")), STOPS, STOPS},
        {UNTYPED(CHILD("\"platform\":{\"architecture\":5}")), STOPS, STOPS},
        {UNTYPED(",\"manifests\":\"x\""), STOPS, STOPS},

        /* Schema 1 was taken out of release 3. */
        {"{\"schemaVersion\":1}", READS, STOPS},
        /* What only one of them has a field for. */
        {INDEX(CHILD("\"platform\":{\"features\":[1]}")), STOPS, READS},
        {INDEX(",\"annotations\":{\"a\":1}"), READS, STOPS},
        {DOCKER(",\"annotations\":{\"a\":1}"), READS, READS},
        {LAYER("\"artifactType\":5"), READS, STOPS},
        {LAYER("\"data\":5"), READS, STOPS},
        {LAYER("\"data\":\"!!\""), READS, STOPS},
        {LAYER("\"data\":\"e30\""), READS, STOPS},
        {LAYER("\"data\":\"=e30\""), READS, STOPS},
        {LAYER("\"data\":\"e30=\""), READS, READS},
        {LAYER("\"data\":\"\""), READS, READS},
        {LAYER("\"platform\":{\"features\":[1]}"), READS, READS},

        /* Go takes the first three of these. */
        {IMAGE(",\"mediaType\":\"x/y\""), UNKNOWN, UNKNOWN},
        {IMAGE(",\"x\":\"\xff\""), UNKNOWN, UNKNOWN},
        {IMAGE(",\"x\":\"\\ud800\""), UNKNOWN, UNKNOWN},
        {"hello", UNKNOWN, UNKNOWN},
        {IMAGE("") " x", UNKNOWN, UNKNOWN},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct span text = span_of(cases[i].text);

        cr_expect_eq(judge(text, DISTRIBUTION_2), cases[i].in_2, "2: %s",
                     cases[i].text);
        cr_expect_eq(judge(text, DISTRIBUTION_3), cases[i].in_3, "3: %s",
                     cases[i].text);
    }
}

Test(distribution, reads_manifests_of_4_mib_and_no_longer_ones)
{
    size_t size = DISTRIBUTION_MANIFEST_MAX + 1;
    char *text = memory_new(size + 1);
    int head = snprintf(text, size, "%s", "{\"schemaVersion\":2,\"x\":\"");

    memset(text + head, 'x', size - (size_t)head);
    memcpy(text + size - 3, "\"}", 2);
    cr_expect_eq(judge((struct span){text, size - 1}, DISTRIBUTION_2), READS);
    memcpy(text + size - 3, "x\"}", 3);
    cr_expect_eq(judge((struct span){text, size}, DISTRIBUTION_2), STOPS);
    cr_expect_eq(judge((struct span){text, size}, DISTRIBUTION_3), STOPS);
    free(text);
}

Test(distribution, says_which_member_it_cannot_read)
{
    struct err err = {0};

    cr_assert_lt(
        distribution_reads(SPAN(IMAGE(",\"layers\":[{\"size\":\"\"}]")),
                           DISTRIBUTION_2, &err),
        0);
    cr_expect_str_eq(err.text, "size is of a type it does not expect");
}
