/* SPDX-License-Identifier: MIT */
#include "store/layout.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oci/name.h"

_Static_assert(sizeof("repositories/") + NAME_MAX_LENGTH +
                       sizeof("/_manifests/tags/") + TAG_MAX_LENGTH +
                       sizeof("/index/sha512/") + HASH_HEX_MAX +
                       sizeof("/link") <
                   LAYOUT_PATH_MAX,
               "the longest path fits");

static struct layout_path path_format(const char *format, ...)
    PRINTF_LIKE(1, 2);

static struct layout_path path_format(const char *format, ...)
{
    struct layout_path path;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(path.text, sizeof(path.text), format, args);
    va_end(args);
    /* Parts are checked by their grammar; a longer path is a bug. */
    if (len < 0 || (size_t)len >= sizeof(path.text))
        abort();
    return path;
}

static const char *algorithm_of(const struct digest *digest)
{
    return digest_algorithm_name(digest->algorithm);
}

struct layout_path layout_quota(const struct digest *digest)
{
    return path_format("_berth/quota/%s", digest->hex);
}

struct layout_path layout_blob(const struct digest *digest)
{
    return path_format(LAYOUT_BLOBS "/%s/%.2s/%s/data", algorithm_of(digest),
                       digest->hex, digest->hex);
}

struct layout_path layout_parent(const struct layout_path *path)
{
    const char *slash = strrchr(path->text, '/');

    return path_format("%.*s", slash ? (int)(slash - path->text) : 0,
                       path->text);
}

struct layout_path layout_blob_directory(const struct digest *digest)
{
    return path_format(LAYOUT_BLOBS "/%s/%.2s/%s", algorithm_of(digest),
                       digest->hex, digest->hex);
}

struct layout_path layout_blobs_of(enum hash_algorithm algorithm)
{
    return path_format(LAYOUT_BLOBS "/%s", digest_algorithm_name(algorithm));
}

struct layout_path layout_blob_shard(enum hash_algorithm algorithm,
                                     const char *shard)
{
    return path_format(LAYOUT_BLOBS "/%s/%.2s",
                       digest_algorithm_name(algorithm), shard);
}

struct layout_path layout_repository(const char *name)
{
    return path_format(LAYOUT_REPOSITORIES "/%s", name);
}

struct layout_path layout_own(const char *name)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_berth", name);
}

struct layout_path layout_layers(const char *name)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_layers", name);
}

struct layout_path layout_layers_of(const char *name,
                                    enum hash_algorithm algorithm)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_layers/%s", name,
                       digest_algorithm_name(algorithm));
}

struct layout_path layout_layer(const char *name, const struct digest *digest)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_layers/%s/%s", name,
                       algorithm_of(digest), digest->hex);
}

struct layout_path layout_layer_link(const char *name,
                                     const struct digest *digest)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_layers/%s/%s/link", name,
                       algorithm_of(digest), digest->hex);
}

struct layout_path layout_manifests(const char *name)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_manifests", name);
}

struct layout_path layout_all_revisions(const char *name)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_manifests/revisions", name);
}

struct layout_path layout_revisions(const char *name,
                                    enum hash_algorithm algorithm)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_manifests/revisions/%s", name,
                       digest_algorithm_name(algorithm));
}

struct layout_path layout_revision(const char *name,
                                   const struct digest *digest)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_manifests/revisions/%s/%s",
                       name, algorithm_of(digest), digest->hex);
}

struct layout_path layout_revision_link(const char *name,
                                        const struct digest *digest)
{
    return path_format(LAYOUT_REPOSITORIES
                       "/%s/_manifests/revisions/%s/%s/link",
                       name, algorithm_of(digest), digest->hex);
}

struct layout_path layout_tags(const char *name)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_manifests/tags", name);
}

struct layout_path layout_tag(const char *name, const char *tag)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_manifests/tags/%s", name, tag);
}

struct layout_path layout_tag_current(const char *name, const char *tag)
{
    return path_format(LAYOUT_REPOSITORIES
                       "/%s/_manifests/tags/%s/" LAYOUT_TAG_CURRENT,
                       name, tag);
}

struct layout_path layout_tag_index_of(const char *name, const char *tag,
                                       enum hash_algorithm algorithm)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_manifests/tags/%s/index/%s",
                       name, tag, digest_algorithm_name(algorithm));
}

struct layout_path layout_tag_index_link(const char *name, const char *tag,
                                         const struct digest *digest)
{
    return path_format(LAYOUT_REPOSITORIES
                       "/%s/_manifests/tags/%s/index/%s/%s/link",
                       name, tag, algorithm_of(digest), digest->hex);
}

struct layout_path layout_within_tag_index_link(const struct digest *digest)
{
    return path_format("index/%s/%s/link", algorithm_of(digest), digest->hex);
}

struct layout_path layout_tag_index(const char *name, const char *tag,
                                    enum hash_algorithm algorithm)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_manifests/tags/%s/index/%s",
                       name, tag, digest_algorithm_name(algorithm));
}

struct layout_path layout_uploads(const char *name)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/" LAYOUT_UPLOADS, name);
}

struct layout_path layout_upload(const char *name, const char *uuid)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_uploads/%s", name, uuid);
}

struct layout_path layout_upload_started(const char *name, const char *uuid)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_uploads/%s/startedat", name,
                       uuid);
}

struct layout_path layout_upload_data(const char *name, const char *uuid)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_uploads/%s/data", name, uuid);
}

struct layout_path layout_upload_states(const char *name, const char *uuid,
                                        enum hash_algorithm algorithm)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_uploads/%s/hashstates/%s",
                       name, uuid, digest_algorithm_name(algorithm));
}

struct layout_path layout_upload_state(const char *name, const char *uuid,
                                       enum hash_algorithm algorithm,
                                       uint64_t offset)
{
    return path_format(LAYOUT_REPOSITORIES
                       "/%s/_uploads/%s/hashstates/%s/%" PRIu64,
                       name, uuid, digest_algorithm_name(algorithm), offset);
}

struct layout_path layout_referrers(const char *name,
                                    const struct digest *subject)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_berth/referrers/%s/%s", name,
                       algorithm_of(subject), subject->hex);
}

struct layout_path layout_referrer(const char *name,
                                   const struct digest *subject,
                                   const struct digest *referrer)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_berth/referrers/%s/%s/%s-%s",
                       name, algorithm_of(subject), subject->hex,
                       algorithm_of(referrer), referrer->hex);
}

bool layout_parse_referrer(const char *file, struct digest *out)
{
    struct span hex = span_of(file);
    struct span algorithm = span_cut(&hex, '-');
    char text[DIGEST_TEXT_MAX];
    struct err ignored = {0};

    if (algorithm.len + hex.len + 2 > sizeof(text))
        return false;
    snprintf(text, sizeof(text), "%.*s:%.*s", SPAN_ARGS(algorithm),
             SPAN_ARGS(hex));
    return digest_parse(span_of(text), out, &ignored) == 0;
}

struct layout_path layout_referrers_scanned(const char *name)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_berth/referrers/scanned",
                       name);
}

struct layout_path layout_protection(const char *name)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_berth/protection", name);
}

struct layout_path layout_tags_index(const char *name)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_berth/tags", name);
}

struct layout_path layout_catalog_index(const char *name)
{
    return path_format("_berth/catalog/%s%s_children", name,
                       name[0] != '\0' ? "/" : "");
}

struct layout_path layout_referrers_of(const char *name,
                                       enum hash_algorithm algorithm)
{
    return path_format(LAYOUT_REPOSITORIES "/%s/_berth/referrers/%s", name,
                       digest_algorithm_name(algorithm));
}

/* ".3", or nothing for the first. */
struct number_text {
    char text[16];
};

static struct number_text number_text(unsigned int number)
{
    struct number_text out = {""};

    if (number > 0)
        snprintf(out.text, sizeof(out.text), ".%u", number);
    return out;
}

struct layout_path layout_quarantine(const struct digest *digest,
                                     unsigned int number)
{
    return path_format("_berth/quarantine/%s/%s%s", algorithm_of(digest),
                       digest->hex, number_text(number).text);
}

struct layout_path layout_quarantine_of(enum hash_algorithm algorithm)
{
    return path_format("_berth/quarantine/%s",
                       digest_algorithm_name(algorithm));
}

bool layout_parse_quarantined(enum hash_algorithm algorithm, const char *file,
                              struct digest *out)
{
    struct span rest = span_of(file);
    struct span hex = span_cut(&rest, '.');
    struct err ignored = {0};
    char text[DIGEST_TEXT_MAX];
    int len = snprintf(text, sizeof(text), "%s:%.*s",
                       digest_algorithm_name(algorithm), SPAN_ARGS(hex));

    return len > 0 && (size_t)len < sizeof(text) &&
           digest_parse(span_of(text), out, &ignored) == 0;
}

struct layout_path layout_quarantine_odd(const char *path, unsigned int number)
{
    struct digest digest;

    digest_of_bytes(HASH_SHA256, span_of(path), &digest);
    return path_format(LAYOUT_QUARANTINE_ODD "/%s%s", digest.hex,
                       number_text(number).text);
}

struct layout_path layout_quarantine_note(const char *path, unsigned int number)
{
    struct layout_path odd = layout_quarantine_odd(path, number);

    return path_format("%s.path", odd.text);
}
