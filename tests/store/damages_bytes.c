/* SPDX-License-Identifier: MIT */
/* Damages of bytes: layers, configs, manifests. */
#include "store/damages.h"

#include <stdio.h>
#include <string.h>

#include "store/damaged_tree.h"

static void flip_layer(void)
{
    tree_flip(&blob_two);
}

static void flip_shared(void)
{
    tree_flip(&blob_shared);
}

static void flip_config(void)
{
    tree_flip(&blob_config);
}

static void flip_alias(void)
{
    tree_flip(&blob_stored);
}

static void cut_layer(void)
{
    tree_put(layout_blob(&blob_two), "the bytes");
}

static void lengthen_layer(void)
{
    tree_put(layout_blob(&blob_two), "the bytes of the second layer and more");
}

static void empty_layer(void)
{
    tree_put(layout_blob(&blob_two), "");
}

static void empty_shared(void)
{
    tree_put(layout_blob(&blob_shared), "");
}

static void lose_layer(void)
{
    tree_remove(layout_blob(&blob_two));
}

static void lose_layer_directory(void)
{
    tree_remove_above(layout_blob(&blob_two));
}

static void lose_shared(void)
{
    tree_remove(layout_blob(&blob_shared));
}

static void lose_config(void)
{
    tree_remove(layout_blob(&blob_config));
}

static void lose_alias(void)
{
    tree_remove(layout_blob(&blob_stored));
}

static void lose_child_layer(void)
{
    tree_remove(layout_blob(&blob_four));
}

static void flip_manifest(void)
{
    tree_flip(&image_v2);
}

static void empty_manifest(void)
{
    tree_put(layout_blob(&image_v2), "");
}

static void cut_manifest(void)
{
    tree_put(layout_blob(&image_v2), "{\"schemaVersion\":2,");
}

static void replace_manifest(void)
{
    tree_put(layout_blob(&image_v2), "{\"schemaVersion\":2,\"layers\":[]}");
}

static void lose_manifest(void)
{
    tree_remove(layout_blob(&image_v2));
}

static void lose_child(void)
{
    tree_remove(layout_blob(&image_child));
}

static void flip_index(void)
{
    tree_flip(&image_multi);
}

static void lose_all_bytes(void)
{
    tree_remove(tree_path(LAYOUT_BLOBS));
}

static void data_is_directory(void)
{
    tree_make_instead(layout_blob(&blob_two));
}

static void blob_at_wrong_prefix(void)
{
    struct layout_path path;

    tree_remove_above(layout_blob(&blob_two));
    snprintf(path.text, sizeof(path.text), "blobs/sha256/%s/%s/data",
             strncmp(blob_two.hex, "ff", 2) == 0 ? "00" : "ff", blob_two.hex);
    tree_put(path, "the bytes of the second layer");
}

static const struct damage list[] = {
    {.name = "nothing", .make = tree_age, .found = ""},
    {.name = "a bit of a layer",
     .make = flip_layer,
     .found = "blob-corrupt",
     .left = "blob-missing",
     .broken = "app:v1 app:multi",
     .lost = "app:v1 app:multi",
     .is_in_bytes = true},
    {.name = "a bit of a layer of two repositories",
     .make = flip_shared,
     .found = "blob-corrupt",
     .left = "blob-missing*2",
     .broken = "app:v1 app:v2 app:multi app:moved other:v1",
     .lost = "app:v1 app:v2 app:multi app:moved other:v1",
     .is_in_bytes = true},
    {.name = "a bit of a config",
     .make = flip_config,
     .found = "blob-corrupt",
     .left = "blob-missing",
     .broken = "app:v1 app:multi",
     .lost = "app:v1 app:multi",
     .is_in_bytes = true},
    {.name = "a bit of a layer with an alias",
     .make = flip_alias,
     .found = "blob-corrupt",
     .left = "blob-missing",
     .broken = "other:v1",
     .lost = "other:v1",
     .is_in_bytes = true},
    {.name = "a layer cut",
     .make = cut_layer,
     .found = "blob-corrupt",
     .left = "blob-missing",
     .broken = "app:v1 app:multi",
     .lost = "app:v1 app:multi"},
    {.name = "a layer lengthened",
     .make = lengthen_layer,
     .found = "blob-corrupt",
     .left = "blob-missing",
     .broken = "app:v1 app:multi",
     .lost = "app:v1 app:multi"},
    {.name = "a layer emptied",
     .make = empty_layer,
     .found = "blob-empty",
     .left = "blob-missing",
     .broken = "app:v1 app:multi",
     .lost = "app:v1 app:multi"},
    {.name = "a layer of two repositories emptied",
     .make = empty_shared,
     .found = "blob-empty",
     .left = "blob-missing*2",
     .broken = "app:v1 app:v2 app:multi app:moved other:v1",
     .lost = "app:v1 app:v2 app:multi app:moved other:v1"},
    {.name = "a layer lost",
     .make = lose_layer,
     .found = "blob-missing",
     .left = "blob-missing",
     .broken = "app:v1 app:multi",
     .lost = "app:v1 app:multi"},
    {.name = "a layer lost with its directory",
     .make = lose_layer_directory,
     .found = "blob-missing",
     .left = "blob-missing",
     .broken = "app:v1 app:multi",
     .lost = "app:v1 app:multi"},
    {.name = "a layer of two repositories lost",
     .make = lose_shared,
     .found = "blob-missing*2",
     .left = "blob-missing*2",
     .broken = "app:v1 app:v2 app:multi app:moved other:v1",
     .lost = "app:v1 app:v2 app:multi app:moved other:v1"},
    {.name = "a config lost",
     .make = lose_config,
     .found = "blob-missing",
     .left = "blob-missing",
     .broken = "app:v1 app:multi",
     .lost = "app:v1 app:multi"},
    {.name = "a layer with an alias lost",
     .make = lose_alias,
     .found = "blob-missing",
     .left = "blob-missing",
     .broken = "other:v1",
     .lost = "other:v1"},
    {.name = "a layer of a child lost",
     .make = lose_child_layer,
     .found = "blob-missing",
     .left = "blob-missing",
     .broken = "app:multi",
     .lost = "app:multi"},
    {.name = "a bit of a manifest",
     .make = flip_manifest,
     .found = "blob-corrupt",
     .left = "manifest-missing",
     .broken = "app:v2 app:moved",
     .lost = "app:v2 app:moved"},
    {.name = "a manifest emptied",
     .make = empty_manifest,
     .found = "blob-empty",
     .left = "manifest-missing",
     .broken = "app:v2 app:moved",
     .lost = "app:v2 app:moved"},
    {.name = "a manifest cut",
     .make = cut_manifest,
     .found = "blob-corrupt",
     .left = "manifest-missing",
     .broken = "app:v2 app:moved",
     .lost = "app:v2 app:moved"},
    {.name = "another manifest in its place",
     .make = replace_manifest,
     .found = "blob-corrupt",
     .left = "manifest-missing",
     .broken = "app:v2 app:moved",
     .lost = "app:v2 app:moved"},
    {.name = "a manifest lost",
     .make = lose_manifest,
     .found = "manifest-missing",
     .left = "manifest-missing",
     .broken = "app:v2 app:moved",
     .lost = "app:v2 app:moved"},
    {.name = "a child lost",
     .make = lose_child,
     .found = "manifest-missing",
     .left = "manifest-missing",
     .broken = "app:multi",
     .lost = "app:multi"},
    {.name = "a bit of an index",
     .make = flip_index,
     .found = "blob-corrupt",
     .left = "manifest-missing",
     .broken = "app:multi",
     .lost = "app:multi"},
    {.name = "all bytes lost",
     .make = lose_all_bytes,
     .found = "manifest-missing*7",
     .left = "manifest-missing*7",
     .broken = "app:v1 app:v2 app:multi app:sbom app:moved other:v1 healthy:v1",
     .lost = "app:v1 app:v2 app:multi app:sbom app:moved other:v1 healthy:v1"},
    {.name = "a directory for the bytes of a layer",
     .make = data_is_directory,
     .found = "wrong-type blob-missing",
     .left = "blob-missing",
     .broken = "app:v1 app:multi",
     .lost = "app:v1 app:multi",
     .blocks_pushes = true},
    {.name = "a layer below the wrong prefix",
     .make = blob_at_wrong_prefix,
     .found = "stray odd-file blob-missing",
     .left = "stray blob-missing",
     .broken = "app:v1 app:multi",
     .lost = "app:v1 app:multi"},
};

const struct damage_list damages_of_bytes = {list,
                                             sizeof(list) / sizeof(list[0])};
