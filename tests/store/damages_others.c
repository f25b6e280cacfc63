/* SPDX-License-Identifier: MIT */
/* Damages of tags, referrers, and of what else lies about. */
#include "store/damages.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/damaged_tree.h"
#include "store/referrers.h"
#include "store/upload.h"

#define UUID "01234567-89ab-4def-8123-456789abcdef"
#define NOBODYS                                                                \
    "sha256:0123456789012345678901234567890123456789012345678901234567890123"
/* --- tags --- */

static struct layout_path tag_v2(void)
{
    return layout_tag_current("app", "v2");
}

static void empty_tag(void)
{
    tree_put(tag_v2(), "");
}

static void rubbish_tag(void)
{
    tree_put(tag_v2(), "sha256:rubbish");
}

static void lose_tag_link(void)
{
    tree_remove(tag_v2());
}

static void lose_tag_current(void)
{
    tree_remove_above(tag_v2());
}

static void lose_ambiguous_tag(void)
{
    tree_remove(layout_tag_current("app", "moved"));
}

static void bare_tag(void)
{
    tree_remove(layout_tag("app", "v2"));
    tree_make(layout_tag("app", "v2"));
}

static void dangling_tag(void)
{
    tree_put(tag_v2(), NOBODYS);
}

static void tag_is_directory(void)
{
    tree_make_instead(tag_v2());
}

static void tag_current_is_file(void)
{
    struct layout_path path = tag_v2();

    *strrchr(path.text, '/') = '\0';
    tree_put_instead(path);
}

static void file_among_tags(void)
{
    tree_put(tree_path("repositories/app/_manifests/tags/README"), "x");
}

static void odd_file_among_tags(void)
{
    tree_put(tree_path("repositories/app/_manifests/tags/.DS_Store"), "x");
}

static void lose_tags(void)
{
    tree_remove(layout_tags("app"));
}

static void tags_is_file(void)
{
    tree_put_instead(layout_tags("app"));
}

static struct layout_path entry_v2(void)
{
    return layout_tag_index_link("app", "v2", &image_v2);
}

static void lose_entry(void)
{
    tree_remove_above(entry_v2());
}

static void lose_index(void)
{
    tree_remove(tree_path("repositories/app/_manifests/tags/v2/index"));
}

static void index_is_file(void)
{
    tree_put_instead(tree_path("repositories/app/_manifests/tags/v2/index"));
}

static void empty_entry(void)
{
    tree_put(entry_v2(), "");
}

static struct digest nobodys(void)
{
    struct digest digest;

    cr_assert_eq(digest_parse(SPAN(NOBODYS), &digest, &err), 0);
    return digest;
}

static void stale_entry(void)
{
    struct digest digest = nobodys();

    tree_put(layout_tag_index_link("app", "v2", &digest), NOBODYS);
}

static void empty_stale_entry(void)
{
    struct digest digest = nobodys();

    tree_put(layout_tag_index_link("app", "v2", &digest), "");
}

/* --- referrers --- */

/* A query, which says that all until now is known. */
static void given_known_referrers(void)
{
    const struct referrers_query query = {0};
    CLEANUP(buf) struct buf list = BUF_INIT(4096);
    struct referrers_page page;

    cr_assert_eq(
        referrers_list(&store, "app", &image_v1, &query, &list, &page, &err),
        0);
    cr_assert(list.len > 0);
}

static void lose_referrer(void)
{
    given_known_referrers();
    tree_remove(layout_referrer("app", &image_v1, &image_sbom));
}

static void rubbish_referrer(void)
{
    given_known_referrers();
    tree_put(layout_referrer("app", &image_v1, &image_sbom), "rubbish");
}

static void stale_referrer(void)
{
    struct digest digest = nobodys();

    tree_put(layout_referrer("app", &image_v1, &digest), "x\n{}");
}

/* --- other things --- */

static void litter_of_link(void)
{
    tree_put(
        tree_beside(layout_layer_link("app", &blob_two), "link." UUID ".tmp"),
        "sha");
}

static void litter_of_blob(void)
{
    tree_put(tree_beside(layout_blob(&blob_two), "data." UUID ".tmp"), "the");
}

static void data_at_odd_place(void)
{
    tree_put(tree_path("blobs/sha256/data"), "x");
}

static void data_at_odd_depth(void)
{
    tree_put(tree_path("blobs/backup/of/something/data"), "x");
}

static void prefix_is_file(void)
{
    tree_put(tree_path("blobs/sha512/ab"), "x");
}

static void odd_repository(void)
{
    tree_make(tree_path("repositories/Upper"));
}

static void odd_repository_of_files(void)
{
    tree_put(tree_path("repositories/Upper/notes"), "x");
}

static void stray_file(void)
{
    tree_put(tree_path("repositories/app/.DS_Store"), "x");
}

static void dead_upload(void)
{
    tree_put(layout_upload_data("app", UUID), "half of someth");
}

static const struct damage list[] = {
    {.name = "a tag emptied",
     .make = empty_tag,
     .found = "tag-broken",
     .broken = "app:v2"},
    {.name = "a tag of rubbish",
     .make = rubbish_tag,
     .found = "tag-broken",
     .broken = "app:v2"},
    {.name = "the link of a tag lost",
     .make = lose_tag_link,
     .found = "tag-broken",
     .broken = "app:v2"},
    {.name = "what a tag names lost",
     .make = lose_tag_current,
     .found = "tag-broken",
     .broken = "app:v2"},
    {.name = "a tag lost that named two manifests",
     .make = lose_ambiguous_tag,
     .found = "tag-broken",
     .left = "tag-broken",
     .broken = "app:moved",
     .lost = "app:moved",
     .keeps_bytes = true},
    {.name = "all of a tag lost but its name",
     .make = bare_tag,
     .found = "tag-broken",
     .left = "tag-broken",
     .broken = "app:v2",
     .lost = "app:v2",
     .keeps_bytes = true},
    {.name = "a tag of a manifest that never was",
     .make = dangling_tag,
     .found = "tag-dangling",
     .left = "tag-dangling",
     .broken = "app:v2",
     .lost = "app:v2",
     .keeps_bytes = true},
    {.name = "a directory for the link of a tag",
     .make = tag_is_directory,
     .found = "wrong-type",
     .broken = "app:v2",
     .blocks_pushes = true},
    {.name = "a file for what a tag names",
     .make = tag_current_is_file,
     .found = "wrong-type tag-broken",
     .broken = "app:v2",
     .blocks_pushes = true},
    {.name = "a file among the tags",
     .make = file_among_tags,
     .found = "wrong-type",
     .blocks_pushes = true},
    {.name = "a file among the tags that could be none",
     .make = odd_file_among_tags,
     .found = "odd-file"},
    {.name = "all tags lost",
     .make = lose_tags,
     .found = "directory-missing",
     .broken = "app:v1 app:v2 app:multi app:sbom app:moved",
     .lost = "app:v1 app:v2 app:multi app:sbom app:moved",
     .keeps_bytes = true},
    {.name = "a file for the tags",
     .make = tags_is_file,
     .found = "wrong-type",
     .broken = "app:v1 app:v2 app:multi app:sbom app:moved",
     .lost = "app:v1 app:v2 app:multi app:sbom app:moved",
     .keeps_bytes = true,
     .blocks_pushes = true},
    {.name = "an entry of a tag's index lost",
     .make = lose_entry,
     .found = "tag-index-missing"},
    {.name = "a tag's index lost",
     .make = lose_index,
     .found = "tag-index-missing"},
    {.name = "a file for a tag's index",
     .make = index_is_file,
     .found = "wrong-type tag-index-missing",
     .blocks_pushes = true},
    {.name = "an entry of a tag's index emptied",
     .make = empty_entry,
     .found = "tag-index-broken"},
    {.name = "an entry of a tag's index without a manifest",
     .make = stale_entry,
     .found = "tag-index-stale"},
    {.name = "the same emptied",
     .make = empty_stale_entry,
     .found = "tag-index-broken"},
    {.name = "a referrer lost",
     .make = lose_referrer,
     .found = "referrer-missing",
     .only_files = true},
    {.name = "a referrer of rubbish",
     .make = rubbish_referrer,
     .found = "referrer-missing",
     .only_files = true},
    {.name = "a referrer that is gone",
     .make = stale_referrer,
     .found = "referrer-stale"},
    {.name = "litter beside a link",
     .make = litter_of_link,
     .found = "temporary"},
    {.name = "litter beside bytes",
     .make = litter_of_blob,
     .found = "temporary"},
    {.name = "a file named data at an odd place",
     .make = data_at_odd_place,
     .found = "odd-file"},
    {.name = "a file named data in an odd directory",
     .make = data_at_odd_depth,
     .found = "stray odd-file",
     .left = "stray"},
    {.name = "a file for a directory of blobs",
     .make = prefix_is_file,
     .found = "wrong-type"},
    {.name = "an empty directory that is no repository",
     .make = odd_repository,
     .found = "odd-directory"},
    {.name = "a directory that is no repository",
     .make = odd_repository_of_files,
     .found = "odd-directory",
     .left = "odd-directory"},
    {.name = "a stray file",
     .make = stray_file,
     .found = "stray",
     .left = "stray"},
    {.name = "an upload without its beginning",
     .make = dead_upload,
     .found = "upload-unstarted"},
};

const struct damage_list damages_of_others = {list,
                                              sizeof(list) / sizeof(list[0])};
