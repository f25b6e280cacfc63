/* SPDX-License-Identifier: MIT */
#include "store/collect_internal.h"

#include <stdio.h>
#include <string.h>

#include "store/link.h"

/* --- the links of a repository --- */

struct layers {
    struct collection *c;
    const char *name;
    enum hash_algorithm algorithm; /* of the directory at hand */
};

/*
 * After something could not be read: what manifests refer to is marked all the
 * same. Not so what a repository only has links to, when it is to keep that;
 * nor where other bytes are than the name tells (registry:2 stores a sha512
 * upload under its sha256).
 */
static void look_failed(struct layers *layers, const char *where,
                        const struct err *err)
{
    if (layers->c->is_whole || layers->algorithm != HASH_SHA256)
        layers->c->result->is_blind = true;
    collect_complain(layers->c, where, err);
}

/*
 * Bytes stay as long as a link does that names them: so no link is ever left
 * without them. Only one of another length can name another digest's.
 */
static void keep_target(struct layers *layers, const struct digest *digest,
                        const struct layout_path *link, uint64_t size)
{
    struct collection *c = layers->c;
    char text[DIGEST_TEXT_MAX];
    struct digest stored;
    struct err err = {0};

    marks_add(&c->live, marks_of_digest(digest));
    if (size == digest_format(digest, text))
        return;
    if (link_read(c->store, link, &stored, &err) == 0) {
        marks_add(&c->live, marks_of_digest(&stored));
    } else if (err.code != ERR_NOT_FOUND) {
        look_failed(layers, link->text, &err);
    }
}

static bool is_referenced(const struct collection *c,
                          const struct digest *digest)
{
    return c->is_whole || marks_has(&c->here, marks_of_digest(digest));
}

static void sweep_link(struct layers *layers, const struct digest *digest,
                       const struct layout_path *link,
                       const struct driver_stat *stat)
{
    struct collection *c = layers->c;
    struct layout_path directory = layout_parent(link);
    char text[DIGEST_TEXT_MAX];
    struct collect_item item = {
        .kind = COLLECT_LAYER,
        .repository = layers->name,
        .what = text,
        .bytes = stat->size,
        .reason = "no manifest of the repository refers to it"};

    digest_format(digest, text);
    if (!is_referenced(c, digest) && !collect_is_fixed(c, link, stat) &&
        stat->mtime_ns < c->cutoff_ns) {
        enum collect_taken taken =
            collect_take(c, &item, link->text, c->cutoff_ns);

        if (taken == COLLECT_TAKEN && !c->options->dry_run)
            collect_tidy_now(c, &directory);
        if (taken != COLLECT_STAYS)
            return;
    }
    keep_target(layers, digest, link, stat->size);
}

static int visit_layer(void *context, const char *hex, bool is_directory,
                       struct err *err)
{
    struct layers *layers = context;
    struct collection *c = layers->c;
    char text[DIGEST_TEXT_MAX];
    struct layout_path link, directory;
    struct driver_stat stat;
    struct digest digest;
    struct err failure = {0};
    bool is_there;

    (void)err;
    snprintf(text, sizeof(text), "%s:%s",
             digest_algorithm_name(layers->algorithm), hex);
    if (!is_directory || digest_parse(span_of(text), &digest, &failure) < 0)
        return 0;
    link = layout_layer_link(layers->name, &digest);
    if (driver_stat_if_there(c->store->driver, link.text, &stat, &is_there,
                             &failure) < 0) {
        marks_add(&c->live, marks_of_digest(&digest));
        look_failed(layers, link.text, &failure);
    } else if (is_there) {
        sweep_link(layers, &digest, &link, &stat);
    } else {
        directory = layout_parent(&link);
        collect_tidy(c, layers->name, &directory);
    }
    return collect_is_over(c);
}

void collect_sweep_layers(struct collection *c, const char *name)
{
    struct layers layers = {.c = c, .name = name};

    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct layout_path path = layout_layers_of(name, i);
        struct err err = {0};

        layers.algorithm = i;
        if (driver_list_if_there(c->store->driver, path.text, NULL, visit_layer,
                                 &layers, &err) < 0)
            look_failed(&layers, path.text, &err);
    }
}

/* --- blobs --- */

struct blobs {
    struct collection *c;
    enum hash_algorithm algorithm;
};

static void sweep_blob(struct collection *c, const struct digest *digest)
{
    struct layout_path path = layout_blob(digest);
    struct layout_path directory = layout_parent(&path);
    char text[DIGEST_TEXT_MAX];
    struct collect_item item = {
        .kind = COLLECT_BLOB, .what = text, .reason = "no repository has it"};
    struct driver_stat stat;
    struct err err = {0};
    bool is_there;

    digest_format(digest, text);
    if (driver_stat_if_there(c->store->driver, path.text, &stat, &is_there,
                             &err) < 0) {
        collect_complain(c, path.text, &err);
        return;
    }
    if (!is_there) {
        collect_tidy(c, NULL, &directory);
        return;
    }
    c->result->blobs++;
    c->result->live++;
    item.bytes = stat.size;
    if (stat.is_directory || stat.is_fixed || stat.mtime_ns >= c->cutoff_ns ||
        collect_take(c, &item, path.text, c->cutoff_ns) == COLLECT_STAYS)
        return;
    c->result->live--;
    if (!c->options->dry_run)
        collect_tidy_now(c, &directory);
}

static int visit_blob(void *context, const char *hex, bool is_directory,
                      struct err *err)
{
    struct blobs *blobs = context;
    struct collection *c = blobs->c;
    char text[DIGEST_TEXT_MAX];
    struct digest digest;
    struct err invalid = {0};

    (void)err;
    snprintf(text, sizeof(text), "%s:%s",
             digest_algorithm_name(blobs->algorithm), hex);
    if (!is_directory || digest_parse(span_of(text), &digest, &invalid) < 0)
        return 0;
    if (marks_has(&c->live, marks_of_digest(&digest))) {
        c->result->blobs++;
        c->result->live++;
    } else if (!c->result->is_blind) {
        sweep_blob(c, &digest);
    }
    return collect_is_over(c);
}

static int visit_shard(void *context, const char *shard, bool is_directory,
                       struct err *err)
{
    struct blobs *blobs = context;
    struct layout_path path = layout_blob_shard(blobs->algorithm, shard);
    struct err failure = {0};

    (void)err;
    if (!is_directory || strlen(shard) != 2)
        return 0;
    if (driver_list_if_there(blobs->c->store->driver, path.text, NULL,
                             visit_blob, blobs, &failure) < 0)
        collect_complain(blobs->c, path.text, &failure);
    if (blobs->c->options->watcher.progress != NULL)
        blobs->c->options->watcher.progress(blobs->c->options->watcher.context,
                                            blobs->c->result->repositories +
                                                blobs->c->result->blobs);
    return collect_is_over(blobs->c);
}

void collect_sweep_blobs(struct collection *c)
{
    struct blobs blobs = {.c = c};

    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct layout_path path = layout_blobs_of(i);
        struct err err = {0};

        blobs.algorithm = i;
        if (driver_list_if_there(c->store->driver, path.text, NULL, visit_shard,
                                 &blobs, &err) < 0)
            collect_complain(c, path.text, &err);
    }
}
