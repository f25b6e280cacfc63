/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "oci/media_type.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/tag.h"
#include "store/untagged.h"

TestSuite(untagged, .init = fixture_setup, .fini = fixture_teardown);

/* --- manifests by letters --- */

#define LETTERS 26
static struct digest digests[LETTERS];
static char told[1024];
static const char *ignored_tag;

static char letter_of(const struct digest *digest)
{
    for (int i = 0; i < LETTERS; i++)
        if (digest_equals(&digests[i], digest))
            return (char)('A' + i);
    return '?';
}

static void put(char letter, const char *json)
{
    struct digest digest = push_manifest("a", json);

    digests[letter - 'A'] = digest;
    object_age(layout_revision_link("a", &digest).text);
}

static void image(char letter)
{
    char json[512];

    snprintf(json, sizeof(json),
             "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
             "\",\"config\":{\"mediaType\":\"" MEDIA_TYPE_OCI_CONFIG
             "\",\"digest\":\"sha256:%064d\",\"size\":1},\"layers\":[]}",
             letter);
    put(letter, json);
}

/* An index of these, with a subject unless that is '-'. */
static void list(char letter, const char *children, char subject)
{
    CLEANUP(buf) struct buf json = BUF_INIT(8192);

    buf_add_format(&json,
                   "{\"schemaVersion\":2,\"annotations\":{\"x\":\"%c\"},"
                   "\"manifests\":[",
                   letter);
    for (size_t i = 0; i < strlen(children); i++)
        buf_add_format(&json,
                       "%s{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
                       "\",\"digest\":\"%s\",\"size\":1}",
                       i > 0 ? "," : "", text_of(&digests[children[i] - 'A']));
    buf_add(&json, SPAN("]"));
    if (subject != '-')
        buf_add_format(&json,
                       ",\"subject\":{\"mediaType\":\"" MEDIA_TYPE_OCI_MANIFEST
                       "\",\"digest\":\"%s\",\"size\":1}",
                       text_of(&digests[subject - 'A']));
    buf_add(&json, SPAN("}"));
    put(letter, buf_text(&json));
}

static void tag(const char *name, char letter)
{
    cr_assert_eq(tag_set(&store, "a", name, &digests[letter - 'A'], &err), 0,
                 "%s", err.text);
}

/* Used just now. */
static void use(char letter)
{
    manifest_lease(&store, "a", &digests[letter - 'A']);
}

static bool has(char letter)
{
    struct err ignored = {0};

    return manifest_check(&store, "a", &digests[letter - 'A'], &ignored) == 0;
}

/* "A- " went, "B=v1 " is tagged, "C! " young, "D<E " part, "F@E " referrer. */
static int note(void *context, const struct untagged_manifest *manifest,
                struct err *error)
{
    size_t len = strlen(told);
    char *to = told + len;
    size_t room = sizeof(told) - len;
    char letter = letter_of(manifest->digest);

    (void)context;
    (void)error;
    switch (manifest->verdict) {
    case UNTAGGED_GOES:
        snprintf(to, room, "%c- ", letter);
        break;
    case UNTAGGED_TAGGED:
        snprintf(to, room, "%c=%s ", letter, manifest->tag);
        break;
    case UNTAGGED_YOUNG:
        snprintf(to, room, "%c! ", letter);
        break;
    case UNTAGGED_PART:
        snprintf(to, room, "%c<%c ", letter, letter_of(manifest->of));
        break;
    case UNTAGGED_REFERRER:
        snprintf(to, room, "%c@%c ", letter, letter_of(manifest->of));
        break;
    case UNTAGGED_RENEWED:
        snprintf(to, room, "%c~ ", letter);
        break;
    }
    return 0;
}

static bool is_ignored(void *context, const char *name)
{
    (void)context;
    return ignored_tag != NULL && strcmp(name, ignored_tag) == 0;
}

static struct untagged_removed removed;

static int run(bool dry_run)
{
    struct untagged how = {
        .cutoff_ns = untagged_cutoff(clock_now_ns(), 1, FIXTURE_GRACE),
        .dry_run = dry_run,
        .visit = note,
        .ignores_tag = is_ignored,
    };

    told[0] = '\0';
    removed = (struct untagged_removed){0};
    return untagged_remove(&store, "a", &how, &removed, &err);
}

static void expect_told(const char *entry)
{
    cr_expect(strstr(told, entry) != NULL, "%s not in %s", entry, told);
}

static void expect_run(bool dry_run)
{
    cr_assert_eq(run(dry_run), 0, "%s", err.text);
}

/* Those that are there, in order. */
static void expect_left(const char *letters)
{
    for (char c = 'A'; c < 'A' + LETTERS; c++)
        if (digests[c - 'A'].hex[0] != '\0')
            cr_expect_eq(has(c), strchr(letters, c) != NULL, "%c: %s", c, told);
}

/* --- what goes --- */

Test(untagged, what_no_tag_names_goes)
{
    image('A');
    image('B');
    tag("v1", 'A');
    expect_run(false);
    cr_expect_str_eq(told, "B- A=v1 ");
    cr_expect_eq(removed.count, 1);
    cr_expect_eq(removed.stayed, 1);
    expect_left("A");
    cr_expect_not(object_exists(layout_revision("a", &digests[1]).text));
}

Test(untagged, a_dry_run_tells_the_same_and_removes_nothing)
{
    image('A');
    image('B');
    tag("v1", 'A');
    expect_run(true);
    cr_expect_str_eq(told, "B- A=v1 ");
    expect_left("AB");
    ignored_tag = "v1";
    expect_run(true);
    expect_told("A- ");
    expect_told("B- ");
    expect_left("AB");
}

Test(untagged, what_was_used_of_late_stays)
{
    image('A');
    image('B');
    use('A');
    expect_run(false);
    cr_expect_str_eq(told, "B- A! ");
    expect_left("A");
}

Test(untagged, parts_stay_with_their_index)
{
    image('A');
    image('B');
    image('C');
    list('D', "AB", '-');
    list('E', "D", '-');
    list('F', "BC", '-');
    tag("v1", 'E');
    expect_run(false);
    expect_left("ABDE");
    expect_told("A<D ");
    expect_told("D<E ");
    expect_told("E=v1 ");
}

/* Whatever their digests: of so many, some come in the other order. */
Test(untagged, an_index_goes_before_its_parts_and_a_subject_before_referrers)
{
    for (char c = 'A'; c <= 'H'; c++) {
        char part[] = {c, '\0'}, index[] = {'\0', '-', ' ', '\0'};
        char one[] = {c, '-', ' ', '\0'};

        image(c);
        list((char)(c + 8), part, '-');
        list((char)(c + 16), "", c);
        expect_run(true);
        for (char d = 'A'; d <= c; d++) {
            one[0] = d;
            index[0] = (char)(d + 8);
            cr_assert(strstr(told, index) < strstr(told, one), "%s", told);
            index[0] = (char)(d + 16);
            cr_assert(strstr(told, one) < strstr(told, index), "%s", told);
        }
    }
    expect_run(false);
    expect_left("");
}

Test(untagged, referrers_stay_with_what_they_refer_to)
{
    image('A');
    list('B', "", 'A');
    list('C', "", 'B');
    image('D');
    list('E', "", 'D');
    tag("v1", 'A');
    expect_run(false);
    expect_left("ABC");
    expect_told("B@A ");
    expect_told("C@B ");
}

Test(untagged, a_tagged_referrer_keeps_no_subject)
{
    image('A');
    list('B', "", 'A');
    tag("signature", 'B');
    expect_run(false);
    expect_left("B");
}

Test(untagged, an_index_that_refers_to_its_own_part_goes_too)
{
    image('A');
    list('B', "A", 'A');
    expect_run(false);
    expect_left("");
}

Test(untagged, one_that_is_there_twice_counts_once)
{
    image('A');
    list('B', "AAAA", '-');
    expect_run(false);
    cr_expect_str_eq(told, "B- A- ");
    expect_left("");
}

Test(untagged, where_one_cannot_be_read_nothing_goes)
{
    image('A');
    image('B');
    cr_assert_eq(driver_put(store.driver, layout_blob(&digests[0]).text,
                            SPAN("{"), DRIVER_DURABLE, &err),
                 0);
    cr_assert_eq(run(false), -1);
    cr_expect(strstr(err.text, text_of(&digests[0])) != NULL, "%s", err.text);
    expect_left("AB");
    err_clear(&err);
    /* One that reads well, and is another. */
    cr_assert_eq(driver_put(store.driver, layout_blob(&digests[0]).text,
                            SPAN("{\"schemaVersion\":2,\"layers\":[]}"),
                            DRIVER_DURABLE, &err),
                 0);
    cr_assert_eq(run(false), -1);
    expect_left("AB");
    err_clear(&err);
    cr_assert_eq(driver_remove(store.driver, layout_blob(&digests[0]).text,
                               DRIVER_DURABLE, &err),
                 0);
    cr_assert_eq(run(false), -1);
    cr_expect_eq(err.code, ERR_MANIFEST_UNKNOWN);
    expect_left("AB");
}

/* What it named, an index perhaps, may need any of the others. */
static void expect_nothing_goes_with_half_of(const char *link)
{
    image('A');
    image('B');
    tag("v1", 'A');
    tag("v2", 'B');
    cr_assert_eq(driver_put(store.driver, link, SPAN(""), DRIVER_DURABLE, &err),
                 0);
    image('C');
    cr_expect_eq(run(false), -1);
    cr_expect_eq(err.code, ERR_MANIFEST_UNKNOWN);
    expect_left("ABC");
}

Test(untagged, nothing_goes_where_the_link_of_a_manifest_is_half_written)
{
    image('B');
    expect_nothing_goes_with_half_of(
        layout_revision_link("a", &digests[1]).text);
}

Test(untagged, nothing_goes_where_a_tag_is_half_written)
{
    expect_nothing_goes_with_half_of(layout_tag_current("a", "v2").text);
}

Test(untagged, no_repository_has_nothing)
{
    expect_run(false);
    cr_expect_str_eq(told, "");
}

Test(untagged, nothing_goes_where_the_rules_are_not_known)
{
    image('A');
    store.rules = NULL;
    cr_expect_eq(run(false), -1);
    cr_expect_eq(err.code, ERR_MISCONFIGURED);
    expect_left("A");
}

Test(untagged, the_cutoff_is_never_younger_than_what_a_lease_promises)
{
    const int64_t now = INT64_C(2000000000) * CLOCK_NS_PER_SECOND;

    cr_expect_eq(untagged_cutoff(now, 1, 100), now - 125 * CLOCK_NS_PER_SECOND);
    cr_expect_eq(untagged_cutoff(now, 126, 100),
                 now - 126 * CLOCK_NS_PER_SECOND);
    cr_expect_eq(untagged_cutoff(now, UINT64_MAX, 100), 0);
    cr_expect_eq(untagged_cutoff(now, 2000000001, 100), 0);
}

/* --- somebody comes in between --- */

static const struct driver_ops *plain;
static struct driver_ops hooked;
static char user;
static void (*intrude)(void);

static int remove_if_late(struct driver *driver, const char *directory,
                          const struct driver_condition *condition,
                          struct err *error)
{
    void (*action)(void) = intrude;

    intrude = NULL;
    if (action != NULL)
        action();
    return plain->remove_if(driver, directory, condition, error);
}

static void hook(void (*action)(void))
{
    plain = store.driver->ops;
    hooked = *plain;
    hooked.remove_if = remove_if_late;
    store.driver->ops = &hooked;
    intrude = action;
}

static void use_it(void)
{
    use(user);
}

Test(untagged, what_is_used_at_the_last_moment_stays_with_its_parts)
{
    image('A');
    list('B', "A", '-');
    list('C', "", 'B');
    user = 'B';
    hook(use_it);
    expect_run(false);
    store.driver->ops = plain;
    expect_told("B~ ");
    expect_told("A<B ");
    expect_told("C@B ");
    expect_left("ABC");
}

static void push_it_again(void)
{
    image('A');
    push_manifest("a", object_text(layout_blob(&digests[0]).text));
}

Test(untagged, what_is_pushed_at_the_last_moment_stays)
{
    image('A');
    hook(push_it_again);
    expect_run(false);
    store.driver->ops = plain;
    cr_expect_str_eq(told, "A~ ");
    expect_left("A");
}

static void delete_it(void)
{
    cr_assert_eq(manifest_delete(&store, "a", &digests[0], &err), 0);
}

Test(untagged, what_another_takes_at_the_last_moment_is_gone)
{
    image('A');
    hook(delete_it);
    expect_run(false);
    store.driver->ops = plain;
    expect_left("");
}
