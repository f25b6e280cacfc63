/* SPDX-License-Identifier: MIT */
#include "oci/media_type.h"

#include <string.h>

#include "base/compiler.h"

/* RFC 6838 section 4.2. */
#define RESTRICTED_NAME_MAX 127

/* Of a static table; SPAN's compound literal is no constant expression. */
#define TEXT(literal)                                                          \
    {                                                                          \
        literal, sizeof(literal) - 1                                           \
    }

static const struct span foreign_layers[] = {
    TEXT("application/vnd.docker.image.rootfs.foreign.diff.tar"),
    TEXT("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
    TEXT("application/vnd.oci.image.layer.nondistributable.v1.tar"),
    TEXT("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    TEXT("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"),
};

/* Types are case-insensitive (RFC 6838 section 4.2), and so are clients. */
bool media_type_is_index(struct span type)
{
    return span_equals_nocase(type, SPAN(MEDIA_TYPE_OCI_INDEX)) ||
           span_equals_nocase(type, SPAN(MEDIA_TYPE_DOCKER_LIST));
}

bool media_type_is_image(struct span type)
{
    return span_equals_nocase(type, SPAN(MEDIA_TYPE_OCI_MANIFEST)) ||
           span_equals_nocase(type, SPAN(MEDIA_TYPE_DOCKER_MANIFEST));
}

bool media_type_is_schema1(struct span type)
{
    return span_equals_nocase(
               type,
               SPAN("application/vnd.docker.distribution.manifest.v1+json")) ||
           span_equals_nocase(
               type, SPAN("application/"
                          "vnd.docker.distribution.manifest.v1+prettyjws"));
}

bool media_type_is_foreign_layer(struct span type)
{
    for (size_t i = 0; i < ARRAY_SIZE(foreign_layers); i++)
        if (span_equals_nocase(type, foreign_layers[i]))
            return true;
    return false;
}

struct span media_type_essence(struct span content_type)
{
    return span_trim(span_cut(&content_type, ';'));
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

/* restricted-name-first *126restricted-name-chars */
static bool is_restricted_name(struct span name)
{
    if (name.len == 0 || name.len > RESTRICTED_NAME_MAX ||
        !is_alphanumeric(name.ptr[0]))
        return false;
    for (size_t i = 1; i < name.len; i++) {
        char c = name.ptr[i];

        if (!is_alphanumeric(c) &&
            (c == '\0' || strchr("!#$&-^_.+", c) == NULL))
            return false;
    }
    return true;
}

bool media_type_is_valid(struct span type)
{
    struct span subtype = type, main = span_cut(&subtype, '/');

    return is_restricted_name(main) && is_restricted_name(subtype);
}
