/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "driver/driver_mem.h"
#include "store/collect_fixture.h"
#include "store/collection_hold.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/tag.h"
#include "store/upload.h"

TestSuite(collect, .init = fixture_setup, .fini = fixture_teardown);

/* --- what goes and what stays --- */

Test(collect, leaves_exactly_what_manifests_refer_to)
{
    struct digest config = push_blob("a", SPAN("config"));
    struct digest layer = push_blob("a", SPAN("layer"));
    struct digest spare = push_blob("a", SPAN("spare"));
    struct digest elsewhere = push_blob("b", SPAN("layer"));
    struct digest image = push_manifest("a", image_json(&config, &layer));

    age_all();
    cr_assert_str_eq(collect_now(), "layer a;layer b;blob -;");
    cr_assert(has_blob(&config) && has_blob(&layer) && has_blob(&image));
    cr_assert(has_layer("a", &config) && has_layer("a", &layer));
    cr_assert_not(has_layer("a", &spare) || has_blob(&spare));
    cr_assert_not(has_layer("b", &elsewhere));
    cr_assert_eq(result.repositories, 2);
    cr_assert_eq(result.manifests, 1);
    cr_assert_eq(result.blobs, 4);
    cr_assert_eq(result.live, 3);
    cr_assert_eq(result.retired, 3);
    cr_assert_eq(result.retired_bytes, 2 * strlen(text_of(&layer)) + 5);
    cr_assert_eq(result.purged, 0);

    cr_assert_str_eq(collect_now(), "");
    cr_assert_eq(result.purged, 3);
    cr_assert_eq(result.bytes, 2 * strlen(text_of(&layer)) + 5);
    cr_assert_eq(result.restored, 0);
}

Test(collect, leaves_what_is_young)
{
    struct digest spare = push_blob("a", SPAN("spare"));

    cr_assert_str_eq(collect_now(), "");
    cr_assert(has_blob(&spare) && has_layer("a", &spare));
}

/* No link is left without its bytes, whoever has a lease on it. */
Test(collect, leaves_old_bytes_as_long_as_a_link_is_young)
{
    struct digest spare = push_blob("a", SPAN("spare"));

    object_age(layout_blob(&spare).text);
    cr_assert_str_eq(collect_now(), "");
    cr_assert(has_blob(&spare));
    object_age(layout_layer_link("a", &spare).text);
    cr_assert_str_eq(collect_now(), "layer a;blob -;");
}

Test(collect, leaves_what_an_index_refers_to_but_not_a_subject)
{
    struct digest blob = push_blob("a", SPAN("layer"));
    struct digest subject = push_manifest("b", image_json(&blob, &blob));
    char json[1024];

    snprintf(json, sizeof(json),
             "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image."
             "index.v1+json\",\"manifests\":[{\"mediaType\":\"a/b\",\"digest\":"
             "\"%s\",\"size\":1}],\"subject\":{\"mediaType\":\"a/b\","
             "\"digest\":\"%s\",\"size\":1}}",
             text_of(&blob), text_of(&subject));
    push_manifest("a", json);
    remove_at(layout_revision_link("b", &subject).text);
    age_all();
    collect_now();
    cr_assert(has_blob(&blob) && has_layer("a", &blob));
    cr_assert_not(has_blob(&subject));
}

/* registry:2 stores a sha512 upload under its sha256. */
Test(collect, leaves_the_bytes_that_a_link_of_another_name_names)
{
    struct digest layer = push_blob("a", SPAN("layer")), alias, other;
    struct layout_path link;

    digest_of_bytes(HASH_SHA512, SPAN("layer"), &alias);
    digest_of_bytes(HASH_SHA512, SPAN("other"), &other);
    link = layout_layer_link("a", &alias);
    cr_assert_eq(link_write(&store, &link, &layer, &err), 0);
    push_manifest("a", image_json(&alias, &alias));
    age_all();
    cr_assert_str_eq(collect_now(), "layer a;");
    cr_assert(has_blob(&layer) && has_layer("a", &alias));
    cr_assert_not(has_layer("a", &layer));
}

Test(collect, the_name_of_a_revision_counts_whatever_its_link_says)
{
    struct digest layer = push_blob("a", SPAN("layer"));
    struct digest spare = push_blob("a", SPAN("spare"));
    struct digest image = push_manifest("a", image_json(&layer, &layer));
    struct layout_path link = layout_revision_link("a", &image);
    char expected[LAYOUT_PATH_MAX + 8];

    put_text(link.text, "");
    age_all();
    snprintf(expected, sizeof(expected), "bad %s;", link.text);
    cr_assert_str_eq(collect_now(), expected);
    cr_assert(has_blob(&image) && has_blob(&layer) && has_blob(&spare));
    cr_assert_eq(result.complaints, 1);
}

static void given_damage(const char *name, const char *bytes)
{
    struct digest image = push_manifest(name, "{\"schemaVersion\":2,"
                                              "\"config\":{\"mediaType\":\"a/"
                                              "b\",\"digest\":\"sha256:"
                                              "b79606fb3afea5bd1609ed40b622142f"
                                              "1c98125abcfe89a76a661b0e8e343910"
                                              "\",\"size\":6},\"layers\":[]}");

    put_text(layout_blob(&image).text, bytes);
}

/* What it was, nobody knows; so it may have been anything of there. */
Test(collect, a_repository_with_damage_keeps_all_and_others_do_not)
{
    struct digest spare = push_blob("a", SPAN("spare"));
    struct digest other = push_blob("b", SPAN("other"));

    push_blob("a", SPAN("config"));
    given_damage("a", "{\"schemaVersion\":2,\"manifests\":[]}");
    age_all();
    collect_now();
    cr_assert_eq(result.complaints, 1);
    cr_assert(has_blob(&spare) && has_layer("a", &spare));
    cr_assert_not(has_blob(&other) || has_layer("b", &other));
    cr_assert_not(result.is_blind);
}

Test(collect, empty_directories_go_and_the_frame_of_a_repository_stays)
{
    struct digest spare = push_blob("a", SPAN("spare"));
    struct digest image = push_manifest("a", image_json(&spare, &spare));

    remove_at(layout_revision_link("a", &image).text);
    remove_at(layout_layer_link("a", &spare).text);
    age_all();
    cr_assert_str_eq(collect_now(), "directory a;directory a;blob -;blob -;");
    cr_assert_not(object_exists(layout_revision("a", &image).text));
    cr_assert(object_exists(layout_layers_of("a", HASH_SHA256).text));
    cr_assert(object_exists(layout_tags("a").text));
}

Test(collect, what_a_tag_named_once_goes_with_the_manifest)
{
    struct digest layer = push_blob("a", SPAN("layer"));
    struct digest first = push_manifest("a", image_json(&layer, &layer));
    struct digest config = push_blob("a", SPAN("config"));
    struct digest second = push_manifest("a", image_json(&config, &layer));

    cr_assert_eq(tag_set(&store, "a", "v1", &first, &err), 0);
    cr_assert_eq(tag_set(&store, "a", "v1", &second, &err), 0);
    age_all();
    cr_assert_str_eq(collect_now(), "");
    remove_at(layout_revision_link("a", &first).text);
    object_age(layout_tag_current("a", "v1").text);
    cr_assert_str_eq(collect_now(), "directory a;entry a;blob -;");
    cr_assert_not(object_exists(layout_tag_index_link("a", "v1", &first).text));
    cr_assert(object_exists(layout_tag_index_link("a", "v1", &second).text));
    cr_assert(object_exists(layout_tag_current("a", "v1").text));

    /* What it names now stays, though it is gone: somebody may mend that. */
    remove_at(layout_revision_link("a", &second).text);
    collect_now();
    cr_assert(object_exists(layout_tag_index_link("a", "v1", &second).text));
}

Test(collect, unfinished_uploads_go_by_their_age)
{
    char uuid[37];

    cr_assert_eq(upload_start(&store, "a", HASH_SHA256, uuid, &err), 0);
    age_all();
    put_text(layout_upload_started("a", uuid).text, "2020-01-01T00:00:00Z");
    cr_assert_str_eq(collect_now(), "");
    options.upload_age = FIXTURE_GRACE;
    object_age(layout_upload_data("a", uuid).text);
    cr_assert_str_eq(collect_now(), "uploads a;");
    cr_assert_eq(result.uploads, 1);
    cr_assert_not(object_exists(layout_upload("a", uuid).text));
}

/* --- what cannot be known --- */

Test(collect, without_repositories_no_bytes_are_swept)
{
    struct digest spare = push_blob("a", SPAN("spare"));

    age_all();
    remove_at(LAYOUT_REPOSITORIES);
    collect_now();
    cr_assert(result.is_blind);
    cr_assert(has_blob(&spare));
}

Test(collect, before_the_first_push_there_is_nothing_to_miss)
{
    collect_now();
    cr_assert_not(result.is_blind);
    cr_assert_eq(result.complaints, 0);
}

#define OLD LAYOUT_REPOSITORIES "/team/Old"

Test(collect, a_directory_with_an_odd_name_keeps_what_it_has_links_to)
{
    struct digest linked = push_blob("a", SPAN("linked"));
    struct digest emptied = push_blob("a", SPAN("emptied"));
    struct digest spare = push_blob("a", SPAN("spare"));
    char path[LAYOUT_PATH_MAX];

    put_text(OLD "/below/_layers/sha256/x/link", text_of(&linked));
    snprintf(path, sizeof(path), OLD "/_manifests/revisions/sha256/%s/link",
             emptied.hex);
    put_text(path, "");
    age_all();
    cr_assert_str_eq(
        collect_now(),
        "layer a;layer a;layer a;bad repositories/team/Old;blob -;");
    cr_assert_not(result.is_blind);
    cr_assert(has_blob(&linked) && has_blob(&emptied) && !has_blob(&spare));
}

Test(collect, an_algorithm_that_is_not_known_keeps_the_repository)
{
    struct digest spare = push_blob("a", SPAN("spare"));

    put_text(LAYOUT_REPOSITORIES "/a/_manifests/revisions/blake3/00/link", "");
    age_all();
    collect_now();
    cr_assert_eq(result.complaints, 1);
    cr_assert(has_layer("a", &spare) && has_blob(&spare));
}

/* --- dry run, trash --- */

Test(collect, a_dry_run_tells_all_and_changes_nothing)
{
    struct digest spare = push_blob("a", SPAN("spare"));
    struct digest image = push_manifest("a", image_json(&spare, &spare));

    age_all();
    options.untagged_age = 1;
    options.dry_run = true;
    cr_assert_str_eq(collect_now(), "manifest a;layer a;blob -;blob -;");
    cr_assert_eq(result.untagged, 1);
    cr_assert_eq(result.retired, 3);
    cr_assert(has_blob(&spare) && has_layer("a", &spare) && has_blob(&image));
    cr_assert_not(object_exists(LAYOUT_COLLECTION));
    options.dry_run = false;
    cr_assert_str_eq(collect_now(), "manifest a;layer a;blob -;blob -;");
}

Test(collect, an_empty_trash_frees_the_room_at_once)
{
    push_blob("a", SPAN("spare"));
    age_all();
    options.empty_trash = true;
    collect_now();
    cr_assert_eq(result.retired, 2);
    cr_assert_eq(result.purged, 2);
    cr_assert_eq(result.bytes, result.retired_bytes);
}

/* As a run leaves it that was killed, or that another program overtook. */
static void given_in_trash(const struct layout_path *path)
{
    object_age(path->text);
    cr_assert_eq(driver_retire(store.driver, "20200101-000000-000000000",
                               path->text, clock_now_ns(), &err),
                 0);
}

Test(collect, what_is_needed_comes_back_from_an_earlier_trash)
{
    struct digest layer = push_blob("a", SPAN("layer"));
    struct digest image = push_manifest("a", image_json(&layer, &layer));
    struct digest spare = push_blob("a", SPAN("spare"));
    struct layout_path paths[] = {layout_layer_link("a", &layer),
                                  layout_blob(&layer), layout_blob(&image),
                                  layout_layer_link("a", &spare)};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        given_in_trash(&paths[i]);
    collect_now();
    cr_assert_eq(result.restored, 3);
    cr_assert_eq(result.purged, 1);
    cr_assert_not(result.is_blind);
    for (size_t i = 0; i < 3; i++)
        cr_assert(object_exists(paths[i].text), "%s", paths[i].text);
    cr_assert_not(object_exists(paths[3].text));
}

/* A program that knows nothing of leases pushes between mark and sweep. */
static char late_json[1024];

static bool push_late(void *context)
{
    struct digest *layer = context;

    if (has_layer("a", layer) || late_json[0] == '\0')
        return false;
    late_json[0] = '\0';
    push_manifest("a", image_json(layer, layer));
    return false;
}

Test(collect, what_was_pushed_meanwhile_takes_back_what_it_needs)
{
    struct digest layer = push_blob("a", SPAN("layer"));

    snprintf(late_json, sizeof(late_json), "%s", image_json(&layer, &layer));
    age_all();
    options.watcher.is_over = push_late;
    options.watcher.context = &layer;
    options.empty_trash = true;
    collect_now();
    cr_assert_eq(result.restored, 2);
    cr_assert(has_layer("a", &layer) && has_blob(&layer));
}

/* --- one at a time --- */

static bool collect_within(void *context)
{
    struct collect_options other = {.grace = FIXTURE_GRACE};
    struct collect_result ignored;
    struct err error = {0};
    bool *was_busy = context;

    *was_busy =
        collect(&store, &other, &ignored, &error) < 0 && error.code == ERR_BUSY;
    return true;
}

Test(collect, only_one_at_a_time)
{
    bool was_busy = false;

    push_blob("a", SPAN("layer"));
    options.watcher.is_over = collect_within;
    options.watcher.context = &was_busy;
    collect_now();
    cr_assert(was_busy);
    cr_assert(result.is_over);
}

Test(collect, none_while_a_backup_holds_it_and_one_after_it)
{
    struct collect_options plain = {.grace = FIXTURE_GRACE};
    struct digest layer = push_blob("a", SPAN("layer"));

    age_all();
    {
        CLEANUP(collection_hold) struct collection_hold hold = {0};

        cr_assert_eq(collection_hold(&store, 0, &hold, &err), 0);
        cr_assert_eq(collect(&store, &plain, &result, &err), -1);
        cr_assert_eq(err.code, ERR_BUSY);
        cr_assert(has_blob(&layer));
    }
    collect_now();
    cr_assert_not(has_blob(&layer));
}

static bool hold_within(void *context)
{
    CLEANUP(collection_hold) struct collection_hold hold = {0};
    struct err error = {0};
    bool *was_busy = context;

    *was_busy =
        collection_hold(&store, 0, &hold, &error) < 0 && error.code == ERR_BUSY;
    return true;
}

Test(collect, a_backup_waits_for_it)
{
    bool was_busy = false;

    push_blob("a", SPAN("layer"));
    options.watcher.is_over = hold_within;
    options.watcher.context = &was_busy;
    collect_now();
    cr_assert(was_busy);
}
