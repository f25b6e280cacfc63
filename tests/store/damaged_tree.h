/* SPDX-License-Identifier: MIT */
/*
 * A good tree of a few images, made through the store, to be damaged; over
 * the driver in memory and over that of a directory tree.
 *
 *     app      v1 (shared, two), v2 (shared, three), multi (an index of v1
 *              and of an image without a tag), sbom (its subject is v1),
 *              moved (once v1, now v2)
 *     other    v1 (shared, and a layer pushed as sha512, kept as sha256)
 *     healthy  v1, which nothing ever happens to
 */
#ifndef BERTH_TESTS_DAMAGED_TREE_H
#define BERTH_TESTS_DAMAGED_TREE_H

#include <stdbool.h>

#include "store/fixture.h"
#include "store/layout.h"

enum subject_driver {
    OVER_MEMORY,
    OVER_FILES
};

extern bool is_over_files;

/* What the damages name. */
extern struct digest blob_shared, blob_two, blob_three, blob_four;
extern struct digest blob_config, blob_alias, blob_stored;
extern struct digest image_v1, image_v2, image_child, image_multi, image_sbom;

void tree_begin(enum subject_driver which);
void tree_end(void);

/* Makes everything two days old, always the same moment. */
void tree_age(void);

/*
 * Pushes an image again as clients do: what HEAD finds is not sent. The name
 * is "app:v1".
 */
void tree_push(const char *image);

/* Whether its tag leads to right bytes of all it is made of. */
bool tree_is_whole(const char *image);

/* All of them; NULL at the end. */
extern const char *const tree_images[];

/* A path that layout.h does not know, and one in the same directory. */
struct layout_path tree_path(const char *text);
struct layout_path tree_beside(struct layout_path path, const char *name);

/* Steps damages are made of. */
void tree_put(struct layout_path path, const char *text);
void tree_remove(struct layout_path path);
void tree_remove_above(struct layout_path path); /* its directory */
void tree_make(struct layout_path path);         /* a directory */
void tree_make_instead(struct layout_path path); /* of a file */
void tree_put_instead(struct layout_path path);  /* a file, of a directory */
void tree_flip(const struct digest *digest);     /* a bit of its bytes */
void tree_touch(struct layout_path path);        /* it is written just now */

#endif
