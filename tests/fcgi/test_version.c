/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "fcgi/fixture.h"

extern const struct route version_route;

static void setup(void)
{
    route_setup(&version_route);
}

TestSuite(version, .init = setup, .fini = route_teardown);

Test(version, both_spellings_of_the_root_say_that_this_is_a_registry)
{
    static const char *const targets[] = {"/v2/", "/v2", "/v2/?ns=docker.io"};

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        ASK("GET", targets[i]);
        expect_head("200 OK", "Content-Type: application/json\n"
                              "Content-Length: 2\n");
        expect_body(SPAN("{}"));
        expect_head_like_get((struct question){.target = targets[i]});
    }
}

Test(version, the_root_can_only_be_read)
{
    expect_methods("/v2/", NULL, "GET, HEAD");
    expect_methods("/v2", NULL, "GET, HEAD");
    expect_methods("/v2/", "BERTH_READONLY=yes", "GET, HEAD");
    expect_methods("/v2/", "BERTH_DELETE=no", "GET, HEAD");
}

Test(version, what_no_program_answers_is_unknown_in_the_oci_form)
{
    static const char *const targets[] = {"/v2/a",
                                          "/v2/a/b",
                                          "/v2/a/manifests",
                                          "/v2/_oci/ext/discover",
                                          "/v2/a/blobs/",
                                          "/v2/a/tags/list/",
                                          "/",
                                          "/v1/",
                                          "/v22",
                                          "/V2/"};

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        ASK("GET", targets[i]);
        expect_error("404 Not Found", "UNSUPPORTED", NULL, "");
        ASK("POST", targets[i], .body = SPAN("body"));
        expect_error("404 Not Found", "UNSUPPORTED", NULL, "");
        expect_head_like_get((struct question){.target = targets[i]});
    }
}

Test(version, a_path_two_programs_could_read_differently_is_refused)
{
    static const struct {
        const char *target, *detail;
    } cases[] = {
        {"/v2//", "the path is not in its normal form"},
        {"/v2/../v2/", "the path is not in its normal form"},
        {"/v2/./", "the path is not in its normal form"},
        {"/v2%2f", "the path has an escape that has no place there"},
        {"/v2/%zz", "the path has an escape that has no place there"},
        {"/v2/%00", "the path has a character that has no place there"},
        {"/v2/%5c", "the path has a character that has no place there"},
        {"v2/", "the path does not begin with a slash"},
        {"", "the path does not begin with a slash"},
        {"/v2/?a=%", "the query has a broken escape"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ASK("GET", cases[i].target);
        expect_error("400 Bad Request", "UNSUPPORTED", cases[i].detail, "");
    }
}
