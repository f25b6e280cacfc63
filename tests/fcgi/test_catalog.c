/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/fixture.h"

extern const struct route catalog_route;

static void setup(void)
{
    route_setup(&catalog_route);
}

TestSuite(catalog_route, .init = setup, .fini = route_teardown);

static void make_repositories(const char *const *names)
{
    for (; *names != NULL; names++)
        push_blob(*names, SPAN("layer"));
}

static const char *const three[] = {"a", "a/b", "c", NULL};

Test(catalog_route, of_an_empty_store_is_empty)
{
    ASK("GET", "/v2/_catalog");
    expect_head("200 OK", "Content-Type: application/json\n"
                          "Content-Length: 20\n");
    expect_body(SPAN("{\"repositories\":[]}\n"));
}

Test(catalog_route, names_every_repository)
{
    make_repositories(three);
    ASK("GET", "/v2/_catalog");
    expect_head("200 OK", "Content-Type: application/json\n"
                          "Content-Length: 33\n");
    expect_body(SPAN("{\"repositories\":[\"a\",\"a/b\",\"c\"]}\n"));
    cr_expect_not(answer.changed_store);
}

Test(catalog_route, a_page_that_is_not_the_last_links_to_the_next)
{
    make_repositories(three);
    ASK("GET", "/v2/_catalog?n=2");
    expect_head("200 OK", "Content-Type: application/json\n"
                          "Link: </v2/_catalog?last=a/b&n=2>; rel=\"next\"\n"
                          "Content-Length: 29\n");
    expect_body(SPAN("{\"repositories\":[\"a\",\"a/b\"]}\n"));
    expect_head_like_get((struct question){.target = "/v2/_catalog?n=2"});
}

Test(catalog_route, a_page_that_just_takes_all_links_to_nothing)
{
    static const char *const targets[] = {
        "/v2/_catalog?n=3", "/v2/_catalog?n=4", "/v2/_catalog?n=50000000000"};

    make_repositories(three);
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        ASK("GET", targets[i]);
        expect_head("200 OK", "Content-Type: application/json\n"
                              "Content-Length: 33\n");
    }
}

/* Follows the links and writes down the names. */
static const char *names_by_pages_of(int n)
{
    static char names[1024];
    char target[512];
    size_t len = 0;

    snprintf(target, sizeof(target), "/v2/_catalog?n=%d", n);
    for (int pages = 0; pages < 20; pages++) {
        struct span list;

        cr_assert_eq(ASK("GET", target), 200);
        list = span_from(answer.body, strlen("{\"repositories\":["));
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%.*s ",
                                (int)list.len - 3, list.ptr);
        if (header("Link") == NULL)
            return names;
        cr_assert_eq(sscanf(header("Link"), "<%500[^>]>", target), 1);
    }
    return "no end";
}

Test(catalog_route, pages_of_one_show_each_repository_once)
{
    /* In plain byte order "a-b" would stand before "a/b". */
    static const char *const names[] = {"a-b", "a/b",   "a",
                                        "a.b", "a/b/c", NULL};

    make_repositories(names);
    cr_expect_str_eq(names_by_pages_of(1),
                     "\"a\" \"a/b\" \"a/b/c\" \"a-b\" \"a.b\" ");
    cr_expect_str_eq(names_by_pages_of(2),
                     "\"a\",\"a/b\" \"a/b/c\",\"a-b\" \"a.b\" ");
}

Test(catalog_route, begins_behind_last_whether_that_is_there_or_not)
{
    static const struct {
        const char *last;
        struct span body;
    } cases[] = {
        {"a", SPAN("{\"repositories\":[\"a/b\",\"c\"]}\n")},
        {"a/b", SPAN("{\"repositories\":[\"c\"]}\n")},
        {"a/a", SPAN("{\"repositories\":[\"a/b\",\"c\"]}\n")},
        {"b", SPAN("{\"repositories\":[\"c\"]}\n")},
        {"c", SPAN("{\"repositories\":[]}\n")},
        {"z", SPAN("{\"repositories\":[]}\n")},
        {"", SPAN("{\"repositories\":[\"a\",\"a/b\",\"c\"]}\n")},
        {"../..", SPAN("{\"repositories\":[\"a\",\"a/b\",\"c\"]}\n")},
    };

    make_repositories(three);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ASK("GET", text("/v2/_catalog?last=%s", cases[i].last));
        cr_expect_eq(answer.status, 200);
        expect_body(cases[i].body);
    }
}

Test(catalog_route, a_page_of_none_is_empty_and_has_no_next)
{
    make_repositories(three);
    ASK("GET", "/v2/_catalog?n=0");
    expect_head("200 OK", "Content-Type: application/json\n"
                          "Content-Length: 20\n");
    expect_body(SPAN("{\"repositories\":[]}\n"));
}

Test(catalog_route, the_administrator_limits_every_page)
{
    static const char *const targets[] = {"/v2/_catalog", "/v2/_catalog?n=100",
                                          "/v2/_catalog?n=2"};

    make_repositories(three);
    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        ASK("GET", targets[i], .parameters = {"BERTH_CATALOG_LIMIT=2"});
        cr_expect_str_eq(header("Link"),
                         "</v2/_catalog?last=a/b&n=2>; rel=\"next\"");
        expect_body(SPAN("{\"repositories\":[\"a\",\"a/b\"]}\n"));
    }
    ASK("GET", "/v2/_catalog?n=1", .parameters = {"BERTH_CATALOG_LIMIT=2"});
    expect_body(SPAN("{\"repositories\":[\"a\"]}\n"));
}

Test(catalog_route, a_count_that_is_no_number_is_refused)
{
    static const char *const counts[] = {
        "", "abc", "-1", "1.5", "+1", "1e3", "99999999999999999999999", "0x1"};

    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        ASK("GET", text("/v2/_catalog?n=%s", counts[i]));
        expect_error("400 Bad Request", "PAGINATION_NUMBER_INVALID",
                     "n must be a whole number", "");
    }
}

Test(catalog_route, a_last_longer_than_any_name_is_refused)
{
    ASK("GET", text("/v2/_catalog?last=%0255d", 0));
    cr_expect_eq(answer.status, 200);
    ASK("GET", text("/v2/_catalog?last=%0256d", 0));
    expect_error("400 Bad Request", "NAME_INVALID",
                 "last is no repository name", "");
}

Test(catalog_route, can_only_be_read)
{
    expect_methods("/v2/_catalog", NULL, "GET, HEAD");
    expect_methods("/v2/_catalog", "BERTH_READONLY=yes", "GET, HEAD");
    expect_methods("/v2/_catalog", "BERTH_DELETE=no", "GET, HEAD");
}

Test(catalog_route, what_may_not_be_seen_is_on_no_page)
{
    static const char *const names[] = {"a", "b", "b/c", "d", "e", NULL};
    const char *policy = under_policy("[*]\nalice = pull\n"
                                      "[b*]\nalice = catalog\n"
                                      "[e]\nalice = admin\n");

    make_repositories(names);
    ASK("GET", "/v2/_catalog?n=2", .parameters = {"REMOTE_USER=alice", policy});
    expect_head("200 OK", "Content-Type: application/json\n"
                          "Link: </v2/_catalog?last=b/c&n=2>; rel=\"next\"\n"
                          "Content-Length: 29\n");
    expect_body(SPAN("{\"repositories\":[\"b\",\"b/c\"]}\n"));
    ASK("GET", "/v2/_catalog?last=b/c&n=2",
        .parameters = {"REMOTE_USER=alice", policy});
    expect_body(SPAN("{\"repositories\":[\"e\"]}\n"));
}

Test(catalog_route, is_for_those_who_may_see_something_in_it)
{
    make_repositories(three);
    ASK("GET", "/v2/_catalog",
        .parameters = {"REMOTE_USER=alice",
                       under_policy("[*]\nalice = pull\n")});
    expect_error("403 Forbidden", "DENIED", "catalog is not granted", "");
}
