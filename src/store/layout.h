/* SPDX-License-Identifier: MIT */
/*
 * Every path in the store. No other file builds one.
 *
 * The tree is registry:2's, kept exactly, so that either program can serve
 * what the other wrote. Paths are relative to the driver's root, which is
 * `<root>/docker/registry/v2`:
 *
 *   blobs/<alg>/<hex[0:2]>/<hex>/data            bytes of layers, configs
 *                                                and manifests
 *   repositories/<name>/
 *     _layers/<alg>/<hex>/link                   it has the blob
 *     _manifests/
 *       revisions/<alg>/<hex>/link               it has the manifest
 *       tags/<tag>/current/link                  what the tag names now
 *       tags/<tag>/index/<alg>/<hex>/link        what it ever named
 *     _uploads/<uuid>/
 *       startedat                                RFC 3339; absent = no upload
 *       data                                     bytes received so far
 *       hashstates/<alg>/<offset>                hash over the first <offset>
 *     _berth/                                    ours alone, can be rebuilt
 *       referrers/<alg>/<hex>/<alg>-<hex>        descriptor of a referrer
 *       referrers/scanned                        how far the index has seen
 *       protection                               locked, see protection.h
 *       tags                                     the names in _manifests/tags
 *   _berth/                                      ours alone, the driver's
 *     locks/ tmp/ trash/<run>/
 *     quarantine/<alg>/<hex>                     bytes that were not those of
 *                                                the digest; `<hex>.<n>` too
 *     quarantine/odd/<hex>                       what stood where it must not,
 *                                                <hex> being the sha256 of its
 *                                                path, which is in <hex>.path
 *     shared/                                    `berth check --shared`
 *     collection                                 what the last one noted
 *     collector                                  whoever has it locked collects
 *     adopted                                    owners before `berth adopt`
 *     catalog/<name>/_children                   the names there, in order
 *     guarded                                    the web server is to answer
 *                                                for no blob by itself
 *     quota/<hex>                                how much those of a quota have
 *   _berth-<hex>/                                what is being deleted, where
 *                                                tmp/ cannot be used
 *
 * A link holds a digest as text, without a newline. It names the blob to
 * read, which may be another digest than its own path says (Distribution
 * stores a sha512 upload under its sha256).
 *
 * `_layers` and `_manifests` both exist in every repository that has content:
 * Distribution 2 lists and collects repositories by the one, 3 by the other.
 * `tags` exists wherever there is a manifest: `garbage-collect -m` of
 * Distribution 2 stops without it.
 */
#ifndef BERTH_STORE_LAYOUT_H
#define BERTH_STORE_LAYOUT_H

#include <stdint.h>

#include "base/hash.h"
#include "oci/digest.h"

/*
 * The longest: a name of 255, a tag of 128 and a sha512 digest in an index
 * entry, and the fixed words.
 */
#define LAYOUT_PATH_MAX 768

struct layout_path {
    char text[LAYOUT_PATH_MAX];
};

#define LAYOUT_ROOT "docker/registry/v2"
#define LAYOUT_BLOBS "blobs"
#define LAYOUT_REPOSITORIES "repositories"
#define LAYOUT_UPLOADS "_uploads" /* in each repository */
#define LAYOUT_GUARDED "_berth/guarded"
#define LAYOUT_QUARANTINE_ODD "_berth/quarantine/odd"
#define LAYOUT_SHARED "_berth/shared"
#define LAYOUT_COLLECTION "_berth/collection"
#define LAYOUT_COLLECTOR "_berth/collector"

/* Of the directory that holds what stands at `path`. */
struct layout_path layout_parent(const struct layout_path *path);

/* The record of a quota; the digest tells it from others. */
struct layout_path layout_quota(const struct digest *digest);

struct layout_path layout_blob(const struct digest *digest);
/* The directory of that alone. */
struct layout_path layout_blob_directory(const struct digest *digest);
struct layout_path layout_blobs_of(enum hash_algorithm algorithm);
/* `shard` is the name of a directory in there. */
struct layout_path layout_blob_shard(enum hash_algorithm algorithm,
                                     const char *shard);
struct layout_path layout_repository(const char *name);
struct layout_path layout_own(const char *name);
struct layout_path layout_layers(const char *name);
struct layout_path layout_layers_of(const char *name,
                                    enum hash_algorithm algorithm);
struct layout_path layout_layer(const char *name, const struct digest *digest);
struct layout_path layout_layer_link(const char *name,
                                     const struct digest *digest);
struct layout_path layout_manifests(const char *name);
struct layout_path layout_all_revisions(const char *name);
struct layout_path layout_revisions(const char *name,
                                    enum hash_algorithm algorithm);
struct layout_path layout_revision(const char *name,
                                   const struct digest *digest);
/* The link within it, and within that of a layer. */
#define LAYOUT_LINK "link"
struct layout_path layout_revision_link(const char *name,
                                        const struct digest *digest);
struct layout_path layout_tags(const char *name);
struct layout_path layout_tag(const char *name, const char *tag);
struct layout_path layout_tag_current(const char *name, const char *tag);
struct layout_path layout_tag_index_of(const char *name, const char *tag,
                                       enum hash_algorithm algorithm);
struct layout_path layout_tag_index_link(const char *name, const char *tag,
                                         const struct digest *digest);

/* The same two below the tag's own directory, for a tag built aside. */
#define LAYOUT_TAG_CURRENT "current/link"
struct layout_path layout_within_tag_index_link(const struct digest *digest);

struct layout_path layout_tag_index(const char *name, const char *tag,
                                    enum hash_algorithm algorithm);

struct layout_path layout_uploads(const char *name);
struct layout_path layout_upload(const char *name, const char *uuid);
struct layout_path layout_upload_started(const char *name, const char *uuid);
struct layout_path layout_upload_data(const char *name, const char *uuid);
struct layout_path layout_upload_states(const char *name, const char *uuid,
                                        enum hash_algorithm algorithm);
struct layout_path layout_upload_state(const char *name, const char *uuid,
                                       enum hash_algorithm algorithm,
                                       uint64_t offset);

struct layout_path layout_referrers(const char *name,
                                    const struct digest *subject);
/* The file name of a referrer in there, and back; false if it is none. */
struct layout_path layout_referrer(const char *name,
                                   const struct digest *subject,
                                   const struct digest *referrer);
bool layout_parse_referrer(const char *file, struct digest *out);
struct layout_path layout_referrers_scanned(const char *name);
struct layout_path layout_protection(const char *name);

/*
 * Indexes of names, see children.h. That of repositories lies apart from
 * them, for a file made in their directory would change it; with "" as the
 * name it is that of the top.
 */
struct layout_path layout_tags_index(const char *name);
struct layout_path layout_catalog_index(const char *name);

struct layout_path layout_referrers_of(const char *name,
                                       enum hash_algorithm algorithm);

/*
 * Where wrong bytes are moved, the `number`th time that a digest has such
 * (from 0), and which digest a file in there had; false if none.
 */
struct layout_path layout_quarantine(const struct digest *digest,
                                     unsigned int number);
struct layout_path layout_quarantine_of(enum hash_algorithm algorithm);
bool layout_parse_quarantined(enum hash_algorithm algorithm, const char *file,
                              struct digest *out);
/* Where what stood at another path is moved, and the note of that path. */
struct layout_path layout_quarantine_odd(const char *path, unsigned int number);
struct layout_path layout_quarantine_note(const char *path,
                                          unsigned int number);

#endif
