/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>

#include "driver/driver_suite.h"

static const struct driver_file two_files[] = {
    {"current/link", {"one", 3}},
    {"index/sha256/aa/link", {"two", 3}},
};

void suite_put_directory_brings_all_its_files(struct subject *subject)
{
    OK(driver_put_directory(subject->driver, "a/tags/v1", two_files, 2, &err));
    expect_text(subject->driver, "a/tags/v1/current/link", "one");
    expect_text(subject->driver, "a/tags/v1/index/sha256/aa/link", "two");
    OK(driver_put_directory(subject->driver, "top", two_files, 1, &err));
    expect_text(subject->driver, "top/current/link", "one");
}

void suite_put_directory_refuses_what_is_there(struct subject *subject)
{
    given(subject->driver, "a/tags/v1/other", "x");
    FAILS(ERR_EXISTS, driver_put_directory(subject->driver, "a/tags/v1",
                                           two_files, 2, &err));
    expect_missing(subject->driver, "a/tags/v1/current/link");
    expect_text(subject->driver, "a/tags/v1/other", "x");
    FAILS(ERR_EXISTS, driver_put_directory(subject->driver, "a/tags/v1/other",
                                           two_files, 2, &err));
    FAILS(ERR_EXISTS,
          driver_put_directory(subject->driver, "a/tags/v1/other/below",
                               two_files, 2, &err));
    expect_text(subject->driver, "a/tags/v1/other", "x");
}

void suite_put_directory_fills_an_empty_directory(struct subject *subject)
{
    OK(driver_make_directory(subject->driver, "a/tags/v1", &err));
    OK(driver_put_directory(subject->driver, "a/tags/v1", two_files, 2, &err));
    expect_text(subject->driver, "a/tags/v1/current/link", "one");
}

void suite_make_directory_is_fine_with_one_that_is_there(
    struct subject *subject)
{
    struct driver_stat st;

    OK(driver_make_directory(subject->driver, "a/b/c", &err));
    OK(driver_make_directory(subject->driver, "a/b/c", &err));
    OK(driver_make_directory(subject->driver, "a/b", &err));
    OK(driver_stat(subject->driver, "a/b/c", &st, &err));
    cr_assert(st.is_directory);
    given(subject->driver, "a/b/c/link", "x");
    OK(driver_make_directory(subject->driver, "a/b/c", &err));
    FAILS(ERR_EXISTS,
          driver_make_directory(subject->driver, "a/b/c/link", &err));
    FAILS(ERR_EXISTS,
          driver_make_directory(subject->driver, "a/b/c/link/d", &err));
    expect_text(subject->driver, "a/b/c/link", "x");
}

/* --- list --- */

struct listing {
    struct driver *driver; /* NULL, or where to put something at each visit */
    struct buf names;      /* "a/ b c/ " */
    size_t count, stop_after;
    int stop_result;
};

static int note_name(void *context, const char *name, bool is_directory,
                     struct err *err)
{
    struct listing *listing = context;

    buf_add_format(&listing->names, "%s%s ", name, is_directory ? "/" : "");
    if (listing->driver != NULL) {
        CLEANUP(buf) struct buf path = BUF_INIT(100);

        buf_add_format(&path, "other/%s", name);
        if (driver_put(listing->driver, buf_text(&path), SPAN("x"),
                       DRIVER_RELAXED, err) < 0)
            return -1;
    }
    if (++listing->count != listing->stop_after)
        return 0;
    return listing->stop_result < 0 ? err_set(err, ERR_INTERNAL, "enough")
                                    : listing->stop_result;
}

static void expect_list(struct driver *driver, const char *path,
                        const char *after, const char *names)
{
    struct listing listing = {.names = BUF_INIT(1 << 20)};

    OK(driver_list(driver, path, after, note_name, &listing, &err));
    cr_assert_str_eq(buf_text(&listing.names), names);
    buf_cleanup(&listing.names);
}

/* "a-b" sorts before "a/...", yet after "a"; capitals before small letters. */
static void given_some_names(struct driver *driver)
{
    static const char *const paths[] = {"r/a/x/y", "r/a-b",  "r/a.b", "r/a0/x",
                                        "r/B",     "r/_u/x", "rr/no", "r-/no"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        given(driver, paths[i], "x");
    OK(driver_make_directory(driver, "r/empty", &err));
}

void suite_list_visits_in_order(struct subject *subject)
{
    struct listing none = {.names = BUF_INIT(100)};

    given_some_names(subject->driver);
    expect_list(subject->driver, "r", NULL, "B _u/ a/ a-b a.b a0/ empty/ ");
    expect_list(subject->driver, "r/a", "", "x/ ");
    expect_list(subject->driver, "r/empty", NULL, "");
    FAILS(ERR_NOT_FOUND,
          driver_list(subject->driver, "none", NULL, note_name, &none, &err));
    FAILS(ERR_NOT_FOUND,
          driver_list(subject->driver, "r/B", NULL, note_name, &none, &err));
}

void suite_list_begins_behind_a_name(struct subject *subject)
{
    given_some_names(subject->driver);
    expect_list(subject->driver, "r", "", "B _u/ a/ a-b a.b a0/ empty/ ");
    expect_list(subject->driver, "r", "a", "a-b a.b a0/ empty/ ");
    expect_list(subject->driver, "r", "a-", "a-b a.b a0/ empty/ ");
    expect_list(subject->driver, "r", "a-b", "a.b a0/ empty/ ");
    expect_list(subject->driver, "r", "empty", "");
    expect_list(subject->driver, "r", "z", "");
}

void suite_list_ends_when_the_visitor_says_so(struct subject *subject)
{
    struct listing two = {
        .names = BUF_INIT(100), .stop_after = 2, .stop_result = 1};
    struct listing fails = {
        .names = BUF_INIT(100), .stop_after = 1, .stop_result = -1};

    given_some_names(subject->driver);
    OK(driver_list(subject->driver, "r", NULL, note_name, &two, &err));
    cr_assert_str_eq(buf_text(&two.names), "B _u/ ");
    FAILS(ERR_INTERNAL,
          driver_list(subject->driver, "r", NULL, note_name, &fails, &err));
    cr_assert_str_eq(buf_text(&fails.names), "B ");
    buf_cleanup(&two.names);
    buf_cleanup(&fails.names);
}

void suite_list_lets_the_visitor_use_the_driver(struct subject *subject)
{
    struct listing listing = {.names = BUF_INIT(100),
                              .driver = subject->driver};

    given_some_names(subject->driver);
    OK(driver_list(subject->driver, "r", NULL, note_name, &listing, &err));
    expect_list(subject->driver, "other", NULL, "B _u a a-b a.b a0 empty ");
    buf_cleanup(&listing.names);
}

void suite_list_of_many_names_is_complete(struct subject *subject)
{
    CLEANUP(buf) struct buf expected = BUF_INIT(1 << 20);

    for (unsigned int i = 0; i < 3000; i++) {
        CLEANUP(buf) struct buf path = BUF_INIT(100);

        buf_add_format(&path, "many/%06u", i * 7919 % 3000);
        OK(driver_put(subject->driver, buf_text(&path), SPAN("x"),
                      DRIVER_RELAXED, &err));
        buf_add_format(&expected, "%06u ", i);
    }
    expect_list(subject->driver, "many", NULL, buf_text(&expected));
    expect_list(subject->driver, "many", "002997", "002998 002999 ");
}

/* --- versions --- */

/* What changes last shows when a clock tick has passed. */
static struct driver_version version_of(struct subject *subject,
                                        const char *path)
{
    int64_t deadline_ns = clock_monotonic_ns() + 10 * CLOCK_NS_PER_SECOND;
    struct driver_stat st;

    do {
        OK(driver_stat(subject->driver, path, &st, &err));
        cr_assert(clock_monotonic_ns() < deadline_ns, "never known");
    } while (!driver_version_is_known(&st.version));
    return st.version;
}

static void expect_changed(struct subject *subject, const char *what)
{
    static struct driver_version seen[20];
    static size_t count;

    seen[count] = version_of(subject, "r");
    for (size_t i = 0; i < count; i++)
        cr_assert(!driver_version_equals(&seen[i], &seen[count]),
                  "%s: as at %zu", what, i);
    cr_assert(++count < ARRAY_SIZE(seen));
}

void suite_a_directory_tells_when_its_children_change(struct subject *subject)
{
    struct driver *driver = subject->driver;
    struct driver_condition one = {.member = "current/link",
                                   .bytes = {"one", 3}};
    struct driver_version before, after;
    struct writer *writer;
    struct driver_stat st;

    given(driver, "r/a", "x");
    given(driver, "r/b/x", "x");
    expect_changed(subject, "the beginning");
    given(driver, "r/c", "x");
    expect_changed(subject, "put");
    OK(driver_remove(driver, "r/c", DRIVER_RELAXED, &err));
    expect_changed(subject, "remove");
    OK(driver_put_directory(driver, "r/d", two_files, 2, &err));
    expect_changed(subject, "put_directory");
    OK(driver_remove_if(driver, "r/d", &one, &err));
    expect_changed(subject, "remove_if");
    OK(driver_make_directory(driver, "r/e/f", &err));
    expect_changed(subject, "make_directory");
    OK(driver_remove(driver, "r/e", DRIVER_DURABLE, &err));
    expect_changed(subject, "remove of a directory");
    writer = open_writer(driver, "r/upload", DRIVER_UPLOAD_CREATE);
    expect_changed(subject, "open_upload");
    OK(writer_commit(writer, "r/b/y", &err));
    expect_changed(subject, "commit to another");
    OK(driver_retire(driver, "run", "r/a", INT64_MAX, &err));
    expect_changed(subject, "retire");
    OK(driver_restore(driver, "run", "r/a", &err));
    expect_changed(subject, "restore");

    before = version_of(subject, "r");
    given(driver, "r/b/z", "x");
    OK(driver_stat(driver, "r/a", &st, &err));
    cr_assert(!driver_version_is_known(&st.version), "of an object");
    after = version_of(subject, "r");
    cr_assert(driver_version_equals(&before, &after), "by what lies deeper");
}

void suite_a_directory_is_told_from_one_in_its_place(struct subject *subject)
{
    struct driver_version before, after;

    given(subject->driver, "r/tags/a", "x");
    before = version_of(subject, "r/tags");
    OK(driver_remove(subject->driver, "r", DRIVER_DURABLE, &err));
    given(subject->driver, "r/tags/a", "x");
    after = version_of(subject, "r/tags");
    cr_assert(!driver_version_equals(&before, &after));
}

void suite_an_emptied_directory_stays(struct subject *subject)
{
    given(subject->driver, "a/tags/v1", "x");
    OK(driver_remove(subject->driver, "a/tags/v1", DRIVER_DURABLE, &err));
    expect_list(subject->driver, "a/tags", NULL, "");
}

/* --- remove --- */

void suite_remove_takes_an_object(struct subject *subject)
{
    given(subject->driver, "a/one", "1");
    given(subject->driver, "a/two", "2");
    given(subject->driver, "a/three", "3");
    OK(driver_remove(subject->driver, "a/one", DRIVER_DURABLE, &err));
    OK(driver_remove(subject->driver, "a/three", DRIVER_RELAXED, &err));
    expect_missing(subject->driver, "a/one");
    expect_text(subject->driver, "a/two", "2");
    FAILS(ERR_NOT_FOUND,
          driver_remove(subject->driver, "a/one", DRIVER_DURABLE, &err));
    FAILS(ERR_NOT_FOUND,
          driver_remove(subject->driver, "none/one", DRIVER_DURABLE, &err));
    FAILS(ERR_NOT_FOUND,
          driver_remove(subject->driver, "a/two/one", DRIVER_RELAXED, &err));
}

void suite_remove_takes_a_directory_with_all_below(struct subject *subject)
{
    given_some_names(subject->driver);
    OK(driver_remove(subject->driver, "r/a", DRIVER_DURABLE, &err));
    OK(driver_remove(subject->driver, "r/a0", DRIVER_RELAXED, &err));
    expect_list(subject->driver, "r", NULL, "B _u/ a-b a.b empty/ ");
    expect_missing(subject->driver, "r/a/x/y");
    FAILS(ERR_NOT_FOUND,
          driver_remove(subject->driver, "r/a", DRIVER_DURABLE, &err));
    OK(driver_remove(subject->driver, "r", DRIVER_DURABLE, &err));
    expect_text(subject->driver, "r-/no", "x");
    expect_text(subject->driver, "rr/no", "x");
}

void suite_remove_if_takes_only_what_fits_the_condition(struct subject *subject)
{
    struct driver_condition condition = {"current/link", {"on", 2}, NULL, 0};
    struct driver *driver = subject->driver;

    OK(driver_put_directory(driver, "a/tags/v1", two_files, 2, &err));
    given(driver, "a/there", "x");
    FAILS(ERR_EXISTS, driver_remove_if(driver, "a/tags/v1", &condition, &err));
    condition.bytes = SPAN("one more");
    FAILS(ERR_EXISTS, driver_remove_if(driver, "a/tags/v1", &condition, &err));
    condition.bytes = SPAN("one");
    condition.absent = "a/there";
    FAILS(ERR_EXISTS, driver_remove_if(driver, "a/tags/v1", &condition, &err));
    condition.absent = NULL;
    condition.member = "nothing/link";
    FAILS(ERR_EXISTS, driver_remove_if(driver, "a/tags/v1", &condition, &err));
    expect_text(driver, "a/tags/v1/current/link", "one");
    expect_text(driver, "a/tags/v1/index/sha256/aa/link", "two");
    condition.member = "current/link";
    condition.absent = "a/not/there";
    OK(driver_remove_if(driver, "a/tags/v1", &condition, &err));
    expect_missing(driver, "a/tags/v1");
    expect_missing(driver, "a/tags/v1/current/link");
    FAILS(ERR_NOT_FOUND,
          driver_remove_if(driver, "a/tags/v1", &condition, &err));
}

void suite_remove_if_takes_only_what_is_old(struct subject *subject)
{
    static const char *const link[] = {"a/tags/v1/current/link"};
    struct driver_condition condition = {"current/link", {"one", 3}, NULL, 0};
    struct driver *driver = subject->driver;
    struct driver_stat st;
    size_t missing;

    OK(driver_put_directory(driver, "a/tags/v1", two_files, 2, &err));
    OK(driver_stat(driver, link[0], &st, &err));
    condition.before_ns = st.mtime_ns;
    FAILS(ERR_EXISTS, driver_remove_if(driver, "a/tags/v1", &condition, &err));
    subject->age(subject, link[0], 2 * SUITE_GRACE_SECONDS);
    OK(driver_protect(driver, link, 1, &missing, &err));
    FAILS(ERR_EXISTS, driver_remove_if(driver, "a/tags/v1", &condition, &err));
    subject->age(subject, link[0], 2 * SUITE_GRACE_SECONDS);
    OK(driver_remove_if(driver, "a/tags/v1", &condition, &err));
    expect_missing(driver, "a/tags/v1");
}

/* --- from several threads --- */

#define WRITERS 3

struct racing {
    struct driver *driver;
    pthread_barrier_t together;
    atomic_int won, refused;
};

static void *put_one_directory(void *context)
{
    struct racing *race = context;
    struct err err = {0};

    pthread_barrier_wait(&race->together);
    if (driver_put_directory(race->driver, "a/tags/v1", two_files, 2, &err) ==
        0)
        atomic_fetch_add(&race->won, 1);
    else if (err.code == ERR_EXISTS)
        atomic_fetch_add(&race->refused, 1);
    return NULL;
}

void suite_one_of_many_put_directories_wins(struct subject *subject)
{
    for (int round = 0; round < 20; round++) {
        struct racing race = {.driver = subject->driver};
        pthread_t threads[WRITERS];

        pthread_barrier_init(&race.together, NULL, WRITERS);
        for (int i = 0; i < WRITERS; i++)
            cr_assert(
                !pthread_create(&threads[i], NULL, put_one_directory, &race));
        for (int i = 0; i < WRITERS; i++)
            pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&race.together);
        cr_assert(race.won == 1 && race.refused == WRITERS - 1);
        OK(driver_remove(subject->driver, "a", DRIVER_DURABLE, &err));
    }
}

void suite_put_if_puts_only_where_there_is_what_was_seen(
    struct subject *subject)
{
    struct driver *driver = subject->driver;
    struct driver_place place = {.within = "a"};

    given(driver, "a/b/link", "");
    FAILS(ERR_EXISTS,
          driver_put_if(driver, "a/b/link", SPAN("x"), &place, &err));
    place.bytes = SPAN("y");
    FAILS(ERR_EXISTS,
          driver_put_if(driver, "a/b/link", SPAN("x"), &place, &err));
    FAILS(ERR_EXISTS,
          driver_put_if(driver, "a/c/link", SPAN("x"), &place, &err));
    FAILS(ERR_EXISTS, driver_put_if(driver, "a/b", SPAN("x"), &place, &err));
    expect_text(driver, "a/b/link", "");
    place.bytes = SPAN("");
    OK(driver_put_if(driver, "a/b/link", SPAN("x"), &place, &err));
    expect_text(driver, "a/b/link", "x");
    FAILS(ERR_EXISTS,
          driver_put_if(driver, "a/b/link", SPAN("z"), &place, &err));
    expect_text(driver, "a/b/link", "x");
    place.bytes = (struct span){0};
    FAILS(ERR_EXISTS, driver_put_if(driver, "a/b", SPAN("z"), &place, &err));
    OK(driver_put_if(driver, "a/d/e/link", SPAN("z"), &place, &err));
    expect_text(driver, "a/d/e/link", "z");
}

void suite_put_if_makes_no_directory_that_has_to_be_there(
    struct subject *subject)
{
    struct driver *driver = subject->driver;
    const struct driver_place place = {.within = "tags/v1"};

    FAILS(ERR_NOT_FOUND,
          driver_put_if(driver, "tags/v1/link", SPAN("x"), &place, &err));
    expect_missing(driver, "tags");
    OK(driver_make_directory(driver, "tags/v1", &err));
    OK(driver_put_if(driver, "tags/v1/link", SPAN("x"), &place, &err));
    expect_text(driver, "tags/v1/link", "x");
}

void suite_move_if_moves_only_what_was_seen(struct subject *subject)
{
    struct driver *driver = subject->driver;
    struct driver_stat seen;

    given(driver, "a/data", "12345");
    subject->age(subject, "a/data", 100);
    OK(driver_stat(driver, "a/data", &seen, &err));
    given(driver, "a/data", "67890");
    FAILS(ERR_EXISTS, driver_move_if(driver, "a/data", "aside/x", &seen, &err));
    expect_text(driver, "a/data", "67890");
    OK(driver_stat(driver, "a/data", &seen, &err));
    seen.size++;
    FAILS(ERR_EXISTS, driver_move_if(driver, "a/data", "aside/x", &seen, &err));
    seen.size--;
    OK(driver_move_if(driver, "a/data", "aside/x", &seen, &err));
    expect_missing(driver, "a/data");
    expect_text(driver, "aside/x", "67890");
    FAILS(ERR_NOT_FOUND,
          driver_move_if(driver, "a/data", "aside/y", &seen, &err));
    OK(driver_move_if(driver, "aside/x", "b", &seen, &err));
    given(driver, "c", "12345");
    OK(driver_stat(driver, "c", &seen, &err));
    FAILS(ERR_EXISTS, driver_move_if(driver, "c", "b", &seen, &err));
    expect_text(driver, "b", "67890");
    expect_text(driver, "c", "12345");
}

void suite_move_if_takes_a_directory_with_all_below(struct subject *subject)
{
    struct driver *driver = subject->driver;
    struct driver_stat seen;

    given(driver, "a/link/b/c", "1");
    given(driver, "a/link/d", "2");
    given(driver, "a/link-e", "3");
    OK(driver_stat(driver, "a/link", &seen, &err));
    OK(driver_move_if(driver, "a/link", "aside/odd/1", &seen, &err));
    expect_missing(driver, "a/link");
    expect_text(driver, "aside/odd/1/b/c", "1");
    expect_text(driver, "aside/odd/1/d", "2");
    expect_text(driver, "a/link-e", "3");
}
