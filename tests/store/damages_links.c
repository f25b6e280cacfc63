/* SPDX-License-Identifier: MIT */
/* Damages of links to blobs and to manifests. */
#include "store/damages.h"

#include <string.h>

#include "store/damaged_tree.h"

/* --- links to blobs --- */

static struct layout_path link_two(void)
{
    return layout_layer_link("app", &blob_two);
}

static void empty_link(void)
{
    tree_put(link_two(), "");
}

static void rubbish_link(void)
{
    tree_put(link_two(), "rubbish");
}

static void half_link(void)
{
    tree_put(link_two(), "sha256:0123456789");
}

static void wrong_link(void)
{
    tree_put(link_two(), text_of(&blob_three));
}

static void long_link(void)
{
    static char text[128 * 1024];

    memset(text, 'x', sizeof(text) - 1);
    tree_put(link_two(), text);
}

static void lose_link(void)
{
    tree_remove(link_two());
}

static void lose_link_directory(void)
{
    tree_remove_above(link_two());
}

static void lose_config_link(void)
{
    tree_remove_above(layout_layer_link("app", &blob_config));
}

static void link_is_directory(void)
{
    tree_make_instead(link_two());
}

static void lose_layers(void)
{
    tree_remove(layout_layers("app"));
}

static void layers_is_file(void)
{
    tree_put_instead(layout_layers("app"));
}

static void empty_link_and_bytes(void)
{
    empty_link();
    tree_remove(layout_blob(&blob_two));
}

static void dangling_link(void)
{
    struct digest blob = push_blob("app", SPAN("nobody needs this"));

    tree_remove(layout_blob(&blob));
}

static void empty_link_of_nothing(void)
{
    struct digest blob = push_blob("app", SPAN("nobody needs this"));

    tree_put(layout_layer_link("app", &blob), "");
}

/* --- links to manifests --- */

static struct layout_path link_v2(void)
{
    return layout_revision_link("app", &image_v2);
}

static void empty_revision(void)
{
    tree_put(link_v2(), "");
}

static void rubbish_revision(void)
{
    tree_put(link_v2(), "rubbish");
}

static void wrong_revision(void)
{
    tree_put(link_v2(), text_of(&image_v1));
}

static void empty_revision_of_child(void)
{
    tree_put(layout_revision_link("app", &image_child), "");
}

static void empty_revision_and_bytes(void)
{
    empty_revision();
    tree_remove(layout_blob(&image_v2));
}

/* As a deletion would leave it: so it is not undone. */
static void lose_revision_link(void)
{
    tree_remove(link_v2());
}

static void lose_revision(void)
{
    tree_remove_above(link_v2());
}

static void lose_child_revision(void)
{
    tree_remove_above(layout_revision_link("app", &image_child));
}

static void lose_child_wholly(void)
{
    lose_child_revision();
    tree_remove(layout_blob(&image_child));
}

static void lose_revisions(void)
{
    tree_remove(tree_path("repositories/app/_manifests/revisions"));
}

static void revision_is_directory(void)
{
    tree_make_instead(link_v2());
}

static const struct damage list[] = {
    {.name = "a link emptied",
     .make = empty_link,
     .found = "link-empty",
     .broken = "app:v1 app:multi"},
    {.name = "a link of rubbish",
     .make = rubbish_link,
     .found = "link-invalid",
     .broken = "app:v1 app:multi"},
    {.name = "half a link",
     .make = half_link,
     .found = "link-invalid",
     .broken = "app:v1 app:multi"},
    {.name = "a link to another blob",
     .make = wrong_link,
     .found = "link-wrong",
     .broken = "app:v1 app:multi"},
    {.name = "a link of 128 KiB",
     .make = long_link,
     .found = "link-invalid",
     .broken = "app:v1 app:multi"},
    {.name = "a link lost",
     .make = lose_link,
     .found = "layer-unlinked",
     .broken = "app:v1 app:multi"},
    {.name = "a link lost with its directory",
     .make = lose_link_directory,
     .found = "layer-unlinked",
     .broken = "app:v1 app:multi"},
    {.name = "the link of a config lost",
     .make = lose_config_link,
     .found = "layer-unlinked",
     .broken = "app:v1 app:multi"},
    {.name = "a directory for a link",
     .make = link_is_directory,
     .found = "wrong-type",
     .broken = "app:v1 app:multi",
     .blocks_pushes = true},
    {.name = "all links of a repository lost",
     .make = lose_layers,
     .found = "directory-missing layer-unlinked*9",
     .broken = "app:v1 app:v2 app:multi app:sbom app:moved"},
    {.name = "a file for all links",
     .make = layers_is_file,
     .found = "wrong-type layer-unlinked*9",
     .broken = "app:v1 app:v2 app:multi app:sbom app:moved",
     .blocks_pushes = true},
    {.name = "a link emptied and its bytes lost",
     .make = empty_link_and_bytes,
     .found = "blob-missing link-empty",
     .left = "blob-missing",
     .broken = "app:v1 app:multi",
     .lost = "app:v1 app:multi"},
    {.name = "a link to nothing that nobody needs",
     .make = dangling_link,
     .found = "link-dangling"},
    {.name = "an empty link that nobody needs",
     .make = empty_link_of_nothing,
     .found = "link-empty"},
    {.name = "the link of a manifest emptied",
     .make = empty_revision,
     .found = "link-empty",
     .broken = "app:v2 app:moved"},
    {.name = "the link of a manifest of rubbish",
     .make = rubbish_revision,
     .found = "link-invalid",
     .broken = "app:v2 app:moved"},
    {.name = "the link of a manifest to another",
     .make = wrong_revision,
     .found = "link-wrong",
     .broken = "app:v2 app:moved"},
    {.name = "the link of a child emptied",
     .make = empty_revision_of_child,
     .found = "link-empty",
     .broken = "app:multi"},
    {.name = "the link of a manifest emptied and its bytes lost",
     .make = empty_revision_and_bytes,
     .found = "link-empty",
     .left = "tag-dangling*2",
     .broken = "app:v2 app:moved",
     .lost = "app:v2 app:moved"},
    {.name = "the link of a manifest lost",
     .make = lose_revision_link,
     .found = "tag-dangling*2",
     .left = "tag-dangling*2",
     .broken = "app:v2 app:moved",
     .lost = "app:v2 app:moved",
     .keeps_bytes = true},
    {.name = "the link of a manifest lost with its directory",
     .make = lose_revision,
     .found = "manifest-unlinked",
     .broken = "app:v2 app:moved"},
    {.name = "the link of a child lost with its directory",
     .make = lose_child_revision,
     .found = "manifest-unlinked",
     .broken = "app:multi"},
    {.name = "a child lost with its link",
     .make = lose_child_wholly,
     .found = "child-missing",
     .left = "child-missing",
     .broken = "app:multi",
     .lost = "app:multi"},
    {.name = "all links of manifests lost",
     .make = lose_revisions,
     .found = "manifest-unlinked*5",
     .broken = "app:v1 app:v2 app:multi app:sbom app:moved"},
    {.name = "a directory for the link of a manifest",
     .make = revision_is_directory,
     .found = "wrong-type",
     .broken = "app:v2 app:moved",
     .blocks_pushes = true},
};

const struct damage_list damages_of_links = {list,
                                             sizeof(list) / sizeof(list[0])};
