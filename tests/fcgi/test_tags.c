/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/fixture.h"
#include "store/tag.h"

extern const struct route tags_route;

static struct digest digest;

static void setup(void)
{
    route_setup(&tags_route);
    digest =
        push_manifest("team/app", "{\"schemaVersion\":2,\"manifests\":[]}");
}

TestSuite(tags_route, .init = setup, .fini = route_teardown);

#define LIST "/v2/team/app/tags/list"

static void tag(const char *name)
{
    set_tag("team/app", name, &digest);
}

static void tag_three(void)
{
    tag("v1");
    tag("V2");
    tag("latest");
}

Test(tags_route, come_in_the_order_of_their_bytes)
{
    tag_three();
    ASK("GET", LIST);
    expect_head("200 OK", "Content-Type: application/json\n"
                          "Content-Length: 48\n");
    expect_body(
        SPAN("{\"name\":\"team/app\",\"tags\":[\"V2\",\"latest\",\"v1\"]}\n"));
    cr_expect_not(answer.changed_store);
    expect_head_like_get((struct question){.target = LIST});
}

Test(tags_route, of_a_repository_without_tags_are_none)
{
    ASK("GET", LIST);
    expect_head("200 OK", "Content-Type: application/json\n"
                          "Content-Length: 30\n");
    expect_body(SPAN("{\"name\":\"team/app\",\"tags\":[]}\n"));
}

Test(tags_route, a_page_that_is_not_the_last_links_to_the_next)
{
    tag_three();
    ASK("GET", LIST "?n=1");
    expect_head("200 OK", "Content-Type: application/json\n"
                          "Link: <" LIST "?last=V2&n=1>; rel=\"next\"\n"
                          "Content-Length: 34\n");
    expect_body(SPAN("{\"name\":\"team/app\",\"tags\":[\"V2\"]}\n"));
    ASK("GET", LIST "?last=V2&n=1");
    expect_head("200 OK", "Content-Type: application/json\n"
                          "Link: <" LIST "?last=latest&n=1>; rel=\"next\"\n"
                          "Content-Length: 38\n");
    ASK("GET", LIST "?last=latest&n=1");
    expect_head("200 OK", "Content-Type: application/json\n"
                          "Content-Length: 34\n");
    expect_body(SPAN("{\"name\":\"team/app\",\"tags\":[\"v1\"]}\n"));
    expect_head_like_get((struct question){.target = LIST "?n=1"});
}

Test(tags_route, begin_behind_last_whether_that_is_there_or_not)
{
    static const struct {
        const char *query;
        struct span body;
    } cases[] = {
        {"last=V2", SPAN("{\"name\":\"team/app\",\"tags\":[\"latest\","
                         "\"v1\"]}\n")},
        {"last=a", SPAN("{\"name\":\"team/app\",\"tags\":[\"latest\","
                        "\"v1\"]}\n")},
        {"last=v1", SPAN("{\"name\":\"team/app\",\"tags\":[]}\n")},
        {"last=v1&n=5", SPAN("{\"name\":\"team/app\",\"tags\":[]}\n")},
        {"last=", SPAN("{\"name\":\"team/app\",\"tags\":[\"V2\",\"latest\","
                       "\"v1\"]}\n")},
        {"n=99999999", SPAN("{\"name\":\"team/app\",\"tags\":[\"V2\","
                            "\"latest\",\"v1\"]}\n")},
        {"n=3", SPAN("{\"name\":\"team/app\",\"tags\":[\"V2\",\"latest\","
                     "\"v1\"]}\n")},
    };

    tag_three();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cr_expect_eq(ASK("GET", text(LIST "?%s", cases[i].query)), 200);
        expect_body(cases[i].body);
        cr_expect_null(header("Link"));
    }
}

Test(tags_route, a_last_longer_than_any_tag_is_a_place_like_others)
{
    char longest[TAG_MAX_LENGTH + 1];

    memset(longest, 'b', TAG_MAX_LENGTH);
    longest[TAG_MAX_LENGTH] = '\0';
    tag(longest);
    tag("a");
    tag("c");
    ASK("GET", text(LIST "?last=%sb", longest));
    expect_body(SPAN("{\"name\":\"team/app\",\"tags\":[\"c\"]}\n"));
}

Test(tags_route, a_page_of_none_is_empty_and_has_no_next)
{
    tag_three();
    ASK("GET", LIST "?n=0");
    expect_head("200 OK", "Content-Type: application/json\n"
                          "Content-Length: 30\n");
    expect_body(SPAN("{\"name\":\"team/app\",\"tags\":[]}\n"));
}

Test(tags_route, of_an_unknown_repository_are_unknown)
{
    static const char *const queries[] = {"", "?n=0", "?n=5", "?last=a"};

    for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
        ASK("GET", text("/v2/team/none/tags/list%s", queries[i]));
        expect_error("404 Not Found", "NAME_UNKNOWN", "team/none", "");
        ASK("GET", text("/v2/team/tags/list%s", queries[i]));
        expect_error("404 Not Found", "NAME_UNKNOWN", "team", "");
    }
    expect_head_like_get(
        (struct question){.target = "/v2/team/none/tags/list"});
}

Test(tags_route, a_count_that_is_no_number_is_refused)
{
    static const char *const counts[] = {"", "x", "-1", "%31x",
                                         "99999999999999999999999"};

    for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
        ASK("GET", text(LIST "?n=%s", counts[i]));
        expect_error("400 Bad Request", "PAGINATION_NUMBER_INVALID",
                     "n must be a whole number", "");
    }
}

Test(tags_route, an_invalid_name_is_refused)
{
    const char *const names[] = {"A", "_x", "a/-b", "a..b", text("%0256d", 0)};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        ASK("GET", text("/v2/%s/tags/list", names[i]));
        expect_error("400 Bad Request", "NAME_INVALID", names[i], "");
    }
}

Test(tags_route, a_repository_may_be_called_like_an_endpoint)
{
    push_manifest("tags/list", "{\"schemaVersion\":2,\"manifests\":[]}");
    ASK("GET", "/v2/tags/list/tags/list");
    expect_body(SPAN("{\"name\":\"tags/list\",\"tags\":[]}\n"));
}

Test(tags_route, other_paths_are_no_lists)
{
    static const char *const targets[] = {"/v2/tags/list", "/v2/team/app/tags",
                                          "/v2/team/app/tags/list/",
                                          "/v2/team/app/tags/lists"};

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        ASK("GET", targets[i]);
        expect_error("404 Not Found", "UNSUPPORTED", NULL, "");
    }
}

Test(tags_route, can_only_be_read)
{
    expect_methods(LIST, NULL, "GET, HEAD");
    expect_methods(LIST, "BERTH_READONLY=yes", "GET, HEAD");
    expect_methods(LIST, "BERTH_DELETE=no", "GET, HEAD");
}
