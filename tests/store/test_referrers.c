/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/driver_mem.h"
#include "oci/manifest.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/manifest_store.h"
#include "store/referrers.h"
#include "store/tag.h"

static struct digest subject;

static void setup(void)
{
    fixture_setup();
    subject = push_manifest("a", "{\"schemaVersion\":2,\"manifests\":[]}");
}

TestSuite(referrers, .init = setup, .fini = fixture_teardown);

static const char *artifact_json(const char *type, int number)
{
    static char json[1024];

    snprintf(json, sizeof(json),
             "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"artifactType\":\"%s\",\"config\":{\"mediaType\":"
             "\"" MEDIA_TYPE_OCI_EMPTY "\",\"digest\":\"%s\",\"size\":2},"
             "\"layers\":[],\"subject\":{\"mediaType\":"
             "\"" MEDIA_TYPE_OCI_INDEX "\",\"digest\":\"%s\",\"size\":1},"
             "\"annotations\":{\"number\":\"%d\"}}",
             type, text_of(&subject), text_of(&subject), number);
    return json;
}

static struct referrers_page page;

static const char *list(const struct referrers_query *query)
{
    static char text[8192];
    CLEANUP(buf) struct buf into = BUF_INIT(8000);

    cr_assert_eq(
        referrers_list(&store, "a", &subject, query, &into, &page, &err), 0,
        "%s", err.text);
    snprintf(text, sizeof(text), "%s", buf_text(&into));
    return text;
}

static const struct referrers_query all = {.artifact_type = {"", 0}};

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

Test(referrers, of_a_manifest_nobody_refers_to_are_none)
{
    cr_assert_str_eq(list(&all), "");
    cr_assert_not(page.more);
}

Test(referrers, tell_type_and_annotations)
{
    struct digest digest = push_manifest("a", artifact_json("text/sbom", 7));
    const char *text = list(&all);

    cr_assert(strstr(text, text_of(&digest)), "%s", text);
    cr_assert(strstr(text, "\"artifactType\":\"text/sbom\""), "%s", text);
    cr_assert(strstr(text, "\"annotations\":{\"number\":\"7\"}"), "%s", text);
}

Test(referrers, can_be_filtered_by_type)
{
    struct referrers_query query = {.artifact_type = SPAN("text/b")};

    push_manifest("a", artifact_json("text/a", 1));
    push_manifest("a", artifact_json("text/b", 2));
    cr_assert_eq(count_of(list(&query), "\"digest\""), 1);
    query.artifact_type = SPAN("text/c");
    cr_assert_str_eq(list(&query), "");
}

Test(referrers, deleted_are_not_listed)
{
    struct digest digest = push_manifest("a", artifact_json("text/a", 1));

    cr_assert_eq(manifest_delete(&store, "a", &digest, &err), 0);
    cr_assert_str_eq(list(&all), "");
    push_manifest("a", artifact_json("text/a", 1));
    cr_assert_eq(count_of(list(&all), "\"digest\""), 1);
}

Test(referrers, pages_cover_all_once)
{
    for (size_t limit = 1; limit <= 6; limit++) {
        struct referrers_query query = {.artifact_type = {"", 0},
                                        .limit = limit};
        struct digest last;
        size_t seen = 0;

        for (int i = 0; i < 5; i++)
            push_manifest("a", artifact_json("text/a", i));
        do {
            size_t count = count_of(list(&query), "\"digest\"");

            cr_assert_leq(count, limit);
            seen += count;
            last = page.last;
            query.last = &last;
        } while (page.more);
        cr_assert_eq(seen, 5, "limit %zu", limit);
    }
}

/* Stores a manifest as registry:2 does: no entry of ours. */
static void push_foreign(const char *json)
{
    struct layout_path path;
    struct digest digest;

    digest_of_bytes(HASH_SHA256, span_of(json), &digest);
    path = layout_blob(&digest);
    cr_assert_eq(driver_put(store.driver, path.text, span_of(json),
                            DRIVER_DURABLE, &err),
                 0);
    path = layout_revision_link("a", &digest);
    cr_assert_eq(link_write(&store, &path, &digest, &err), 0);
}

Test(referrers, stored_by_another_program_are_found)
{
    push_foreign(artifact_json("text/a", 1));
    cr_assert_eq(count_of(list(&all), "\"digest\""), 1);
    push_foreign(artifact_json("text/a", 2));
    cr_assert_eq(count_of(list(&all), "\"digest\""), 2);
}

/* In hexadecimal, as a literal of its own. */
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* Litter among the revisions, and a note of a strange hand. */
Test(referrers, are_found_beside_what_does_not_belong_there)
{
    static const char *const litter[] = {"sha256/abc/link", "sha256/file",
                                         "sha256/.tmp/link",
                                         "sha256/" ZEROS "/data"};

    for (size_t i = 0; i < ARRAY_SIZE(litter); i++) {
        CLEANUP(buf) struct buf path = BUF_INIT(512);

        buf_add_format(&path, "repositories/a/_manifests/revisions/%s",
                       litter[i]);
        cr_assert_eq(driver_put(store.driver, buf_text(&path), SPAN("x"),
                                DRIVER_DURABLE, &err),
                     0, "%s", err.text);
    }
    cr_assert_eq(driver_put(store.driver, layout_referrers_scanned("a").text,
                            SPAN("md5 7\nsha256 -1\n\nsha256 many\n"),
                            DRIVER_DURABLE, &err),
                 0, "%s", err.text);
    push_foreign(artifact_json("text/a", 1));
    cr_assert_eq(count_of(list(&all), "\"digest\""), 1);
}

Test(referrers, the_index_can_be_lost)
{
    push_manifest("a", artifact_json("text/a", 1));
    list(&all);
    cr_assert_eq(driver_remove(store.driver, "repositories/a/_berth",
                               DRIVER_DURABLE, &err),
                 0, "%s", err.text);
    cr_assert_eq(count_of(list(&all), "\"digest\""), 1);
}

Test(referrers, of_a_fallback_tag_count_by_their_own_subject)
{
    struct digest stranger =
        push_manifest("a", "{\"schemaVersion\":2,\"manifests\":[],\"x\":1}");
    char json[2048], tag[129];
    struct digest listed, index;

    digest_of_bytes(HASH_SHA256, span_of(artifact_json("text/a", 1)), &listed);
    push_foreign(artifact_json("text/a", 1));
    snprintf(json, sizeof(json),
             "{\"schemaVersion\":2,\"manifests\":["
             "{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"digest\":\"%s\",\"size\":1},"
             "{\"mediaType\":\"" MEDIA_TYPE_OCI_INDEX
             "\",\"digest\":\"%s\",\"size\":1}]}",
             text_of(&listed), text_of(&stranger));
    index = push_manifest("a", json);
    snprintf(tag, sizeof(tag), "sha256-%.64s", subject.hex);
    cr_assert_eq(tag_set(&store, "a", tag, &index, &err), 0);
    cr_assert_eq(count_of(list(&all), "\"digest\""), 1, "%s", list(&all));
    cr_assert(strstr(list(&all), text_of(&listed)));
}

/* --- a storage that fails for a while --- */

static const struct driver_ops *plain;
static struct driver_ops failing;
static bool fails;

static int get_or_fail(struct driver *driver, const char *path,
                       struct buf *into, struct driver_stat *out,
                       struct err *error)
{
    if (fails && strncmp(path, LAYOUT_BLOBS, strlen(LAYOUT_BLOBS)) == 0)
        return err_set(error, ERR_IO, "%s: broken", path);
    return plain->get(driver, path, into, out, error);
}

/* Directories that have not changed for a long time. */
static int stat_of_old(struct driver *driver, const char *path,
                       struct driver_stat *out, struct err *error)
{
    if (plain->stat(driver, path, out, error) < 0)
        return -1;
    if (out->is_directory)
        out->mtime_ns = INT64_C(1000000000000000000);
    return 0;
}

Test(referrers, that_could_not_be_read_are_read_next_time)
{
    push_foreign(artifact_json("text/a", 1));
    plain = store.driver->ops;
    failing = *plain;
    failing.get = get_or_fail;
    failing.stat = stat_of_old;
    store.driver->ops = &failing;
    fails = true;
    cr_assert_str_eq(list(&all), "");
    fails = false;
    cr_assert_eq(count_of(list(&all), "\"digest\""), 1);
}

static int put_no_entry(struct driver *driver, const char *path,
                        struct span bytes, enum driver_durability durability,
                        struct err *error)
{
    if (strstr(path, "/_berth/referrers/") != NULL)
        return err_set(error, ERR_IO, "%s: broken", path);
    return plain->put(driver, path, bytes, durability, error);
}

Test(referrers, a_manifest_is_not_there_without_its_entry)
{
    struct span bytes = span_of(artifact_json("text/a", 1));
    CLEANUP(manifest) struct manifest *manifest = NULL;
    struct digest digest;

    digest_of_bytes(HASH_SHA256, bytes, &digest);
    cr_assert_eq(manifest_parse(bytes, SPAN(""), &manifest, &err), 0);
    plain = store.driver->ops;
    failing = *plain;
    failing.put = put_no_entry;
    store.driver->ops = &failing;
    cr_assert_eq(manifest_put(&store, "a", &digest, manifest, bytes, &err), -1);
    err_clear(&err);
    cr_assert_eq(manifest_check(&store, "a", &digest, &err), -1);
    cr_assert_eq(err.code, ERR_MANIFEST_UNKNOWN);
}

static int put_durable_entry(struct driver *driver, const char *path,
                             struct span bytes,
                             enum driver_durability durability,
                             struct err *error)
{
    if (strstr(path, "/_berth/referrers/") != NULL)
        cr_assert_eq(durability, DRIVER_DURABLE);
    return plain->put(driver, path, bytes, durability, error);
}

/*
 * The index is rebuilt from what the revisions' directory tells by its time;
 * an entry lost in a power cut after that was noted would never be missed.
 */
Test(referrers, an_entry_is_durable_before_its_manifest)
{
    plain = store.driver->ops;
    failing = *plain;
    failing.put = put_durable_entry;
    store.driver->ops = &failing;
    push_manifest("a", artifact_json("text/a", 1));
}

static int puts_done;

static int count_put(struct driver *driver, const char *path, struct span bytes,
                     enum driver_durability durability, struct err *error)
{
    puts_done++;
    return plain->put(driver, path, bytes, durability, error);
}

/* A scan may come with each request; each entry put again is two fsyncs. */
Test(referrers, entries_that_are_right_are_not_written_again)
{
    struct digest digest = push_manifest("a", artifact_json("text/a", 1));
    struct layout_path entry = layout_referrer("a", &subject, &digest);

    push_foreign(artifact_json("text/a", 2));
    plain = store.driver->ops;
    failing = *plain;
    failing.put = count_put;
    store.driver->ops = &failing;
    cr_assert_eq(count_of(list(&all), "\"digest\""), 2);
    cr_expect_eq(puts_done, 1, "%d", puts_done);
    cr_assert_eq(count_of(list(&all), "\"digest\""), 2);
    cr_expect_eq(puts_done, 1, "%d", puts_done);
    cr_assert_eq(plain->put(store.driver, entry.text, SPAN("damaged"),
                            DRIVER_DURABLE, &err),
                 0);
    cr_assert_eq(count_of(list(&all), "\"digest\""), 2);
    cr_expect_eq(puts_done, 2, "%d", puts_done);
}
