/* SPDX-License-Identifier: MIT */
/* The children of a directory, in memory and on a file system. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/fs_fixture.h"
#include "store/children.h"
#include "store/children_index.h"
#include "store/fixture.h"

#define MANY 800 /* some blocks */
#define INDEX "repositories/r/_berth/x"

static const struct children children = {
    .directory = "r/tags", .index = INDEX, .indexed_from = 100};

static bool on_disk;

static void begin(void)
{
    on_disk = false;
    fixture_setup();
}

/* The same again on a file system, whose times are believed at once. */
static void begin_on_disk(void)
{
    fixture_teardown();
    fs_begin();
    fixture.fs->settle_ns = INT64_MIN;
    store.driver = fixture.subject.driver;
    on_disk = true;
}

static void end(void)
{
    if (on_disk)
        fs_end();
    else
        fixture_teardown();
}

TestSuite(children, .init = begin, .fini = end);

/* `body` is run with either driver. */
#define BOTH(name)                                                             \
    static void name(void);                                                    \
    Test(children, name)                                                       \
    {                                                                          \
        name();                                                                \
        begin_on_disk();                                                       \
        name();                                                                \
    }                                                                          \
    static void name(void)

/* --- what is in it --- */

static void put_child(const char *name)
{
    char path[300];

    snprintf(path, sizeof(path), "r/tags/%s", name);
    OK(driver_put(store.driver, path, SPAN("x"), DRIVER_RELAXED, &err));
}

static void remove_child(const char *name)
{
    char path[300];

    snprintf(path, sizeof(path), "r/tags/%s", name);
    OK(driver_remove(store.driver, path, DRIVER_RELAXED, &err));
}

/* Always the same ones, of any length and letter. */
static const char *random_name(unsigned int number)
{
    static const char letters[] = "abcxyzABC019_-.~\x80\xff";
    static char name[256];
    unsigned int state = number * 2654435761u;
    size_t len;

    len = 1 + (state >> 16) % (number % 50 == 0 ? 200 : 40);
    for (size_t i = 0; i < len; i++) {
        state = state * 1103515245u + 12345;
        name[i] = letters[(state >> 16) % (sizeof(letters) - 1)];
    }
    snprintf(name + len, sizeof(name) - len, "%u", number);
    return name;
}

static void put_random(unsigned int first, unsigned int end)
{
    for (unsigned int i = first; i < end; i++)
        put_child(random_name(i));
}

/* --- pages --- */

struct page {
    struct buf names;
    size_t left;
};

static int add(void *context, const char *name, struct err *error)
{
    struct page *page = context;

    (void)error;
    if (page->left-- == 0)
        return 1;
    buf_add_format(&page->names, "%s\n", name);
    return 0;
}

static int add_child(void *context, const char *name, bool is_directory,
                     struct err *error)
{
    (void)is_directory;
    return add(context, name, error);
}

/* The page is the one that the directory itself gives. */
static void expect_page(const char *after, size_t count)
{
    struct page ours = {BUF_INIT(1 << 20), count};
    struct page plain = {BUF_INIT(1 << 20), count};

    OK(children_list(store.driver, &children, after, add, &ours, &err));
    OK(driver_list(store.driver, "r/tags", after, add_child, &plain, &err));
    cr_assert_str_eq(buf_text(&ours.names), buf_text(&plain.names),
                     "%zu behind '%s'", count, after ? after : "");
    buf_cleanup(&ours.names);
    buf_cleanup(&plain.names);
}

static void expect_all(void)
{
    expect_page(NULL, SIZE_MAX);
}

/* Makes the index where there is to be one. */
static void read_once(void)
{
    struct page page = {BUF_INIT(1 << 20), 0};

    OK(children_list(store.driver, &children, NULL, add, &page, &err));
    buf_cleanup(&page.names);
}

/* --- the index --- */

/* Its bytes; "" when there is none. */
static struct buf index_bytes(void)
{
    struct buf bytes = BUF_INIT(1 << 20);
    struct err error = {0};

    if (driver_get(store.driver, INDEX, &bytes, NULL, &error) < 0)
        cr_assert(error.code == ERR_NOT_FOUND);
    return bytes;
}

static void expect_index(bool is_there)
{
    CLEANUP(buf) struct buf bytes = index_bytes();

    cr_assert((bytes.len > 0) == is_there, "%zu bytes", bytes.len);
}

static void put_index(struct span bytes)
{
    OK(driver_put(store.driver, INDEX, bytes, DRIVER_RELAXED, &err));
}

/* Answers from now on as if no directory could be read. */
static const struct driver_ops *plain;
static struct driver_ops changed;

static int cannot_list(struct driver *driver, const char *path,
                       const char *after, driver_visit *visit, void *context,
                       struct err *error)
{
    (void)driver;
    (void)after;
    (void)visit;
    (void)context;
    return err_set(error, ERR_IO, "%s is not to be read", path);
}

static struct driver_ops *change_driver(void)
{
    plain = store.driver->ops;
    changed = *plain;
    store.driver->ops = &changed;
    return &changed;
}

static void change_back(void)
{
    store.driver->ops = plain;
}

/* --- tests --- */

BOTH(pages_are_those_of_the_directory_at_any_position)
{
    static const size_t sizes[] = {1, 2, 7, 100, 1000};

    put_random(0, MANY);
    expect_all();
    expect_index(true);
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        expect_page("", sizes[i]);
        expect_page("\xff\xff\xff", sizes[i]);
        for (unsigned int number = 0; number < MANY + 10; number++) {
            char after[300];

            snprintf(after, sizeof(after), "%s", random_name(number));
            expect_page(after, sizes[i]);
            after[strlen(after) / 2] = '\0';
            expect_page(after, sizes[i]);
        }
    }
}

BOTH(an_index_answers_without_the_directory)
{
    struct page page = {BUF_INIT(1 << 20), 3};

    put_random(0, MANY);
    read_once();
    change_driver()->list = cannot_list;
    OK(children_list(store.driver, &children, NULL, add, &page, &err));
    cr_assert(page.names.len > 0);
    buf_cleanup(&page.names);
    change_back();
}

BOTH(a_few_have_no_index)
{
    put_random(0, 99);
    expect_all();
    expect_index(false);
    put_random(99, 100);
    expect_all();
    expect_index(true);
    remove_child(random_name(50));
    expect_all();
    expect_index(false);
}

BOTH(none_at_all_have_none)
{
    put_child("a");
    remove_child("a");
    expect_all();
    expect_index(false);
}

BOTH(what_comes_and_goes_is_seen_at_once)
{
    put_random(0, MANY);
    for (unsigned int i = 0; i < 20; i++) {
        read_once();
        put_child(random_name(MANY + i));
        expect_all();
        remove_child(random_name(i * 7));
        expect_all();
    }
}

BOTH(a_directory_in_its_place_has_its_own)
{
    put_random(0, MANY);
    read_once();
    OK(driver_remove(store.driver, "r/tags", DRIVER_DURABLE, &err));
    FAILS(ERR_NOT_FOUND,
          children_list(store.driver, &children, NULL, add, NULL, &err));
    put_random(300, 300 + MANY);
    expect_all();
    expect_page(random_name(5), 9);
}

BOTH(what_is_no_directory_is_not_found)
{
    FAILS(ERR_NOT_FOUND,
          children_list(store.driver, &children, NULL, add, NULL, &err));
    OK(driver_put(store.driver, "r/tags", SPAN("x"), DRIVER_RELAXED, &err));
    FAILS(ERR_NOT_FOUND,
          children_list(store.driver, &children, NULL, add, NULL, &err));
}

/* Right answers from a file of these bytes, and the right file afterwards. */
static void expect_mended(struct span bytes, const struct buf *good)
{
    CLEANUP(buf) struct buf found = {0};

    put_index(bytes);
    expect_page(random_name(7), 20);
    expect_page("z", 3);
    expect_all();
    read_once();
    found = index_bytes();
    cr_assert(span_equals(buf_span(&found), buf_span(good)), "not mended");
}

BOTH(a_file_that_was_cut_is_made_again)
{
    CLEANUP(buf) struct buf good = {0};

    put_random(0, MANY);
    read_once();
    good = index_bytes();
    cr_assert(good.len >= (size_t)4 * CHILDREN_BLOCK);
    for (size_t len = 0; len < good.len; len += CHILDREN_BLOCK / 4)
        expect_mended((struct span){good.ptr, len}, &good);
    expect_mended((struct span){good.ptr, good.len - 1}, &good);
    expect_mended(SPAN("garbage\n"), &good);
}

BOTH(a_byte_that_is_wrong_is_noticed)
{
    CLEANUP(buf) struct buf good = {0};

    put_random(0, MANY);
    read_once();
    good = index_bytes();
    for (size_t at = 0; at < good.len; at += 97) {
        CLEANUP(buf) struct buf bad = BUF_INIT(1 << 20);

        buf_add(&bad, buf_span(&good));
        bad.ptr[at] ^= 0x41;
        expect_mended(buf_span(&bad), &good);
    }
}

BOTH(blocks_in_another_order_are_noticed)
{
    CLEANUP(buf) struct buf good = {0};
    CLEANUP(buf) struct buf bad = BUF_INIT(1 << 20);

    put_random(0, MANY);
    read_once();
    good = index_bytes();
    buf_add(&bad, (struct span){good.ptr + CHILDREN_BLOCK, CHILDREN_BLOCK});
    buf_add(&bad, (struct span){good.ptr, CHILDREN_BLOCK});
    buf_add(&bad, span_from(buf_span(&good), (size_t)2 * CHILDREN_BLOCK));
    put_index(buf_span(&bad));
    expect_page(NULL, 50);
    put_index(buf_span(&bad));
    expect_all();
}

BOTH(a_file_of_an_older_state_is_not_believed)
{
    CLEANUP(buf) struct buf old = {0};
    CLEANUP(buf) struct buf good = {0};

    put_random(0, MANY);
    read_once();
    old = index_bytes();
    remove_child(random_name(3));
    read_once();
    good = index_bytes();
    cr_assert(good.len > 0 && !span_equals(buf_span(&old), buf_span(&good)));
    expect_mended(buf_span(&old), &good);
}

BOTH(a_directory_where_the_file_should_be_is_no_harm)
{
    put_random(0, MANY);
    OK(driver_make_directory(store.driver, INDEX "/in/the/way", &err));
    expect_all();
    expect_page(random_name(7), 20);
}

static enum err_code refusal;

static int refuse(struct driver *driver, const char *path, struct span bytes,
                  enum driver_durability durability, struct err *error)
{
    (void)driver;
    (void)bytes;
    (void)durability;
    return err_set(error, refusal, "%s", path);
}

BOTH(a_tree_that_takes_no_file_is_still_listed)
{
    static const enum err_code codes[] = {ERR_NO_SPACE, ERR_READ_ONLY, ERR_IO};

    put_random(0, MANY);
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        refusal = codes[i];
        change_driver()->put = refuse;
        expect_all();
        expect_page(random_name(7), 20);
        change_back();
        expect_index(false);
    }
}

Test(children, are_not_indexed_while_the_clock_may_hide_a_change)
{
    begin_on_disk();
    put_random(0, MANY);
    fixture.fs->settle_ns = 3600 * CLOCK_NS_PER_SECOND;
    expect_all();
    expect_index(false);
    fixture.fs->settle_ns = INT64_MIN;
    read_once();
    expect_index(true);
    /* Nor is one believed then that was made before. */
    fixture.fs->settle_ns = 3600 * CLOCK_NS_PER_SECOND;
    change_driver()->list = cannot_list;
    FAILS(ERR_IO,
          children_list(store.driver, &children, NULL, add, NULL, &err));
    change_back();
}

/* At the tenth name, the directory changes and others make a new index. */
struct intruder {
    struct page page;
    size_t visited;
};

static int intrude(void *context, const char *name, struct err *error)
{
    struct intruder *intruder = context;

    if (++intruder->visited == 10) {
        remove_child(random_name(11));
        put_child("~~~");
        read_once();
    }
    return add(&intruder->page, name, error);
}

static int expect_in_page(void *context, const char *name, bool is_directory,
                          struct err *error)
{
    char line[300];

    (void)is_directory;
    (void)error;
    snprintf(line, sizeof(line), "\n%s\n", name);
    cr_assert(strstr(context, line) != NULL, "%s is missing", name);
    return 0;
}

BOTH(an_index_that_is_replaced_in_between_does_no_harm)
{
    struct intruder intruder = {{BUF_INIT(1 << 20), SIZE_MAX}, 0};

    put_random(0, MANY);
    read_once();
    buf_add_char(&intruder.page.names, '\n');
    OK(children_list(store.driver, &children, NULL, intrude, &intruder, &err));
    cr_assert(intruder.visited == MANY || intruder.visited == MANY + 1, "%zu",
              intruder.visited);
    OK(driver_list(store.driver, "r/tags", NULL, expect_in_page,
                   intruder.page.names.ptr, &err));
    buf_cleanup(&intruder.page.names);
}

static int fail_at_third(void *context, const char *name, struct err *error)
{
    size_t *visited = context;

    return ++*visited == 3 ? err_set(error, ERR_INTERNAL, "at %s", name) : 0;
}

BOTH(a_visitor_may_fail)
{
    size_t visited = 0;

    put_random(0, MANY);
    FAILS(ERR_INTERNAL, children_list(store.driver, &children, NULL,
                                      fail_at_third, &visited, &err));
    visited = 0;
    expect_index(true);
    FAILS(ERR_INTERNAL, children_list(store.driver, &children, NULL,
                                      fail_at_third, &visited, &err));
    cr_assert(visited == 3);
}
