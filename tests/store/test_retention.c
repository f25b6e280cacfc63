/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "driver/driver_mem.h"
#include "store/fixture.h"
#include "store/layout.h"
#include "store/manifest_store.h"
#include "store/retention.h"
#include "store/tag.h"

#define DAY 86400

static struct rules *rules;
static struct digest image;
static struct retention_result result;
static char told[2048], told_manifests[256];

static void setup(void)
{
    struct digest config, layer;

    fixture_setup();
    config = push_blob("a", SPAN("config"));
    layer = push_blob("a", SPAN("layer"));
    image = push_manifest("a", image_json(&config, &layer));
}

static void teardown(void)
{
    rules_cleanup(&rules);
    fixture_teardown();
}

TestSuite(retention, .init = setup, .fini = teardown);

static void load(const char *text)
{
    rules_cleanup(&rules);
    cr_assert_eq(rules_parse(span_of(text), "f", &rules, &err), 0, "%s",
                 err.text);
    store.rules = rules;
}

/* A tag that was pushed so many seconds ago. */
static void push(const char *tag, int64_t ago)
{
    struct layout_path current = layout_tag_current("a", tag);

    cr_assert_eq(tag_set(&store, "a", tag, &image, &err), 0, "%s", err.text);
    cr_assert_eq(driver_mem_age(store.driver, current.text, -ago, &err), 0);
}

static int note(void *context, const struct retention_tag *tag,
                struct err *error)
{
    static const char *const words[] = {
        [RETENTION_GOES] = "goes",     [RETENTION_PROTECTED] = "protected",
        [RETENTION_MATCHING] = "like", [RETENTION_LAST] = "last",
        [RETENTION_NEWER] = "newer",   [RETENTION_PUSHED] = "pushed",
    };
    size_t len = strlen(told);

    (void)context;
    (void)error;
    snprintf(told + len, sizeof(told) - len, "%s:%s%s%s ", tag->tag,
             words[tag->verdict], tag->pattern != NULL ? "=" : "",
             tag->pattern != NULL ? tag->pattern : "");
    return 0;
}

static int note_manifest(void *context,
                         const struct untagged_manifest *manifest,
                         struct err *error)
{
    size_t len = strlen(told_manifests);

    (void)context;
    (void)error;
    snprintf(told_manifests + len, sizeof(told_manifests) - len, "%s ",
             manifest->verdict == UNTAGGED_GOES ? "goes" : "stays");
    return 0;
}

static int apply(bool dry_run)
{
    const struct retention how = {
        .now_ns = clock_now_ns(),
        .grace = 60,
        .dry_run = dry_run,
        .visit_tag = note,
        .visit_manifest = note_manifest,
    };

    told[0] = told_manifests[0] = '\0';
    result = (struct retention_result){0};
    err_clear(&err);
    return retention_apply(&store, "a", &how, &result, &err);
}

static int append(void *context, const char *tag, struct err *error)
{
    (void)error;
    buf_add_format(context, "%s ", tag);
    return 0;
}

static void expect_tags(const char *expected)
{
    CLEANUP(buf) struct buf tags = BUF_INIT(1024);

    cr_assert_eq(tag_list(&store, "a", NULL, append, &tags, &err), 0);
    cr_expect_str_eq(buf_text(&tags), expected, "%s, not %s", buf_text(&tags),
                     expected);
}

/* --- decisions --- */

#define GOES(tag) tag ":goes "

static const struct {
    const char *rules, *told;
} decisions[] = {
    {"", ""},
    {"protect = *", ""},
    {"quota = 1", ""},
    {"keep_last = 2", "now:last day:last " GOES("v1") GOES("week") GOES("old")},
    {"keep_last = 5", "now:last day:last v1:last week:last old:last "},
    {"keep_last = 100", "now:last day:last v1:last week:last old:last "},
    {"keep_newer = 3d",
     "now:newer day:newer v1:newer " GOES("week") GOES("old")},
    {"keep_newer = 3650d",
     "now:newer day:newer v1:newer week:newer old:newer "},
    {"keep_newer = 1s",
     GOES("now") GOES("day") GOES("v1") GOES("week") GOES("old")},
    {"keep_matching = v*",
     GOES("now") GOES("day") "v1:like=v* " GOES("week") GOES("old")},
    {"keep_matching = *", "now:like=* day:like=* v1:like=* week:like=* "
                          "old:like=* "},
    {"keep_matching = week, ?ld",
     GOES("now") GOES("day") GOES("v1") "week:like=week old:like=?ld "},
    /* One that keeps is enough; the first that does is told. */
    {"keep_last = 1\nkeep_newer = 3d\nkeep_matching = old",
     "now:last day:newer v1:newer " GOES("week") "old:like=old "},
    {"protect = old, v*\nkeep_matching = v*\nkeep_last = 1",
     "now:last " GOES("day") "v1:protected=v* " GOES(
         "week") "old:protected=old "},
    /* Those that are kept anyway count among the last as well. */
    {"protect = now\nkeep_last = 2",
     "now:protected=now day:last " GOES("v1") GOES("week") GOES("old")},
};

static void push_all(void)
{
    push("week", 7 * DAY);
    push("v1", 2 * DAY);
    push("old", 60 * DAY);
    push("now", 60);
    push("day", DAY);
}

Test(retention, decides_by_the_rules)
{
    for (size_t i = 0; i < ARRAY_SIZE(decisions); i++) {
        char text[512];

        push_all();
        snprintf(text, sizeof(text), "[a]\n%s\n", decisions[i].rules);
        load(text);
        cr_assert_eq(apply(true), 0, "%s", err.text);
        cr_expect_str_eq(told, decisions[i].told, "%s: %s, not %s",
                         decisions[i].rules, told, decisions[i].told);
        expect_tags("day now old v1 week ");
    }
}

Test(retention, does_what_a_dry_run_tells)
{
    push_all();
    load("[*]\nkeep_last = 2\nkeep_matching = v*");
    cr_assert_eq(apply(true), 0);
    cr_expect_eq(result.tags_gone, 2);
    cr_expect_eq(result.tags_kept, 3);
    cr_assert_eq(apply(false), 0);
    cr_expect_eq(result.tags_gone, 2);
    expect_tags("day now v1 ");
    cr_assert_eq(apply(false), 0);
    cr_expect_eq(result.tags_gone, 0);
}

Test(retention, of_one_moment_the_later_name_is_newer)
{
    struct layout_path one = layout_tag_current("a", "b1");
    struct layout_path two = layout_tag_current("a", "b2");
    int64_t difference;

    push("b2", DAY);
    push("b1", DAY);
    difference = object_mtime(one.text) - object_mtime(two.text);
    load("[*]\nkeep_last = 1");
    cr_assert_eq(apply(true), 0);
    cr_expect_str_eq(told,
                     difference > 0 ? "b1:last b2:goes " : "b2:last b1:goes ");
}

Test(retention, a_tag_in_the_future_is_new)
{
    push("tomorrow", -DAY);
    push("now", 0);
    load("[*]\nkeep_newer = 1d");
    cr_assert_eq(apply(true), 0);
    cr_expect_str_eq(told, "tomorrow:newer now:newer ");
}

Test(retention, a_repository_that_is_not_there_has_nothing)
{
    const struct retention how = {.now_ns = clock_now_ns()};

    load("[*]\nkeep_last = 1\nuntagged = 1d");
    cr_expect_eq(retention_apply(&store, "none", &how, &result, &err), 0);
}

Test(retention, nothing_goes_where_the_rules_are_not_known)
{
    push_all();
    store.rules = NULL;
    cr_expect_eq(apply(false), -1);
    cr_expect_eq(err.code, ERR_MISCONFIGURED);
    store.rules = rules_none();
    cr_expect_eq(apply(false), 0);
    expect_tags("day now old v1 week ");
}

Test(retention, tags_that_name_nothing_are_passed_over)
{
    push("old", 60 * DAY);
    cr_assert_eq(driver_put(store.driver, layout_tag_current("a", "bad").text,
                            SPAN("x"), DRIVER_DURABLE, &err),
                 0);
    load("[*]\nkeep_newer = 1d");
    cr_assert_eq(apply(false), 0);
    cr_expect_str_eq(told, "old:goes ");
    expect_tags("bad ");
}

/* --- manifests --- */

Test(retention, a_manifest_goes_with_its_last_tag)
{
    struct layout_path link = layout_revision_link("a", &image);

    push("old", 60 * DAY);
    object_age(link.text);
    load("[*]\nkeep_newer = 1d");
    cr_assert_eq(apply(true), 0);
    cr_expect_str_eq(told_manifests, "", "not without untagged");
    load("[*]\nkeep_newer = 1d\nuntagged = 1d");
    cr_assert_eq(apply(true), 0);
    cr_expect_str_eq(told_manifests, "goes ");
    cr_expect(object_exists(link.text));
    cr_assert_eq(apply(false), 0);
    cr_expect_str_eq(told_manifests, "goes ");
    cr_expect_not(object_exists(link.text));
}

Test(retention, a_manifest_with_another_tag_stays)
{
    push("old", 60 * DAY);
    push("v1", 60 * DAY);
    object_age(layout_revision_link("a", &image).text);
    load("[*]\nkeep_matching = v*\nuntagged = 1d");
    cr_assert_eq(apply(true), 0);
    cr_expect_str_eq(told_manifests, "stays ");
    cr_assert_eq(apply(false), 0);
    cr_expect_str_eq(told_manifests, "stays ");
    expect_tags("v1 ");
}

Test(retention, untagged_alone_leaves_all_tags)
{
    push("old", 60 * DAY);
    object_age(layout_revision_link("a", &image).text);
    load("[*]\nuntagged = 1d");
    cr_assert_eq(apply(false), 0);
    cr_expect_str_eq(told, "");
    cr_expect_str_eq(told_manifests, "stays ");
    expect_tags("old ");
}

/* --- somebody comes in between --- */

static const struct driver_ops *plain;
static struct driver_ops hooked;
static const struct digest *pushed;

static int remove_if_late(struct driver *driver, const char *directory,
                          const struct driver_condition *condition,
                          struct err *error)
{
    const struct digest *digest = pushed;

    pushed = NULL;
    if (digest != NULL)
        cr_assert_eq(tag_set(&store, "a", "old", digest, error), 0);
    return plain->remove_if(driver, directory, condition, error);
}

static void expect_kept_when_pushed(const struct digest *digest)
{
    push("old", 60 * DAY);
    load("[*]\nkeep_newer = 1d");
    plain = store.driver->ops;
    hooked = *plain;
    hooked.remove_if = remove_if_late;
    store.driver->ops = &hooked;
    pushed = digest;
    cr_assert_eq(apply(false), 0, "%s", err.text);
    store.driver->ops = plain;
    cr_expect_str_eq(told, "old:pushed ");
    cr_expect_eq(result.tags_gone, 0);
    expect_tags("old ");
}

Test(retention, a_tag_that_moves_at_the_last_moment_stays)
{
    struct digest blob = push_blob("a", SPAN("another"));
    struct digest other = push_manifest("a", image_json(&blob, &blob));

    expect_kept_when_pushed(&other);
}

Test(retention, a_tag_pushed_again_at_the_last_moment_stays)
{
    expect_kept_when_pushed(&image);
}
