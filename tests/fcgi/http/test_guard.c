/* SPDX-License-Identifier: MIT */
/* Who is let through to a route, and what the others are told. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "access/token.h"
#include "base/clock.h"
#include "fcgi/http/serve_fixture.h"
#include "store/layout.h"

#define REALM "https://registry.test/token"
#define CHALLENGE                                                              \
    "\r\nWWW-Authenticate: Bearer realm=\"" REALM "\",service=\"registry."     \
    "test\""

static char policy[80], keys[80];

static void setup(void)
{
    serve_setup();
    snprintf(policy, sizeof(policy), "%s/policy", serve_directory);
    snprintf(keys, sizeof(keys), "%s/keys", serve_directory);
}

TestSuite(guard, .init = setup, .fini = serve_teardown);

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");

    cr_assert_not_null(out);
    fputs(text, out);
    fclose(out);
}

/* With a policy, and tokens or none. */
static void configure(const char *rules, bool with_tokens)
{
    char settings[512];

    snprintf(settings, sizeof(settings), "root = /nowhere\n%s%s\n%s%s%s",
             rules != NULL ? "policy = " : "", rules != NULL ? policy : "",
             with_tokens ? "token_realm = " REALM "\n"
                           "token_service = registry.test\n"
                           "token_keys = "
                         : "",
             with_tokens ? keys : "", with_tokens ? "\n" : "");
    if (rules != NULL)
        write_file(policy, rules);
    serve_write_settings(settings);
}

static void make_keys(void)
{
    char id[TOKEN_KEY_ID_LENGTH + 1];
    struct err err = {0};
    bool had_former;

    cr_assert_eq(
        token_keys_generate(keys, JOSE_HS256, (uid_t)-1, id, &had_former, &err),
        0, "%s", err.text);
}

/* The parameter of a request with a token for these rights in a/b. */
static const char *token_for(const char *user, unsigned rights, bool catalog)
{
    static struct buf text = BUF_INIT(TOKEN_MAX);
    const struct token_grant grant = {"a", rights};
    const struct token_claims claims = {
        .issuer = "berth",
        .service = "registry.test",
        .subject = user,
        .now = clock_now_ns() / CLOCK_NS_PER_SECOND,
        .lifetime = 60,
        .lists_catalog = catalog,
        .count = 1,
        .grants = &grant,
    };
    struct err err = {0};
    void *set;

    cr_assert_eq(token_keys_kind.read(keys, &set, &err), 0, "%s", err.text);
    buf_clear(&text);
    buf_add(&text, SPAN("HTTP_AUTHORIZATION=Bearer "));
    cr_assert_eq(token_issue(set, &claims, &text, &err), 0, "%s", err.text);
    token_keys_kind.free(set);
    return buf_text(&text);
}

static void expect(int status, const char *part)
{
    cr_expect_eq(status_of_answer(), status, "%s", buf_text(&answer));
    cr_expect_not_null(strstr(buf_text(&answer), part), "%s\n%s", part,
                       buf_text(&answer));
}

Test(guard, a_policy_lets_through_whom_the_web_server_names)
{
    configure("[a]\nalice = pull, push\n", false);
    request("GET", "/v2/a/bytes", "REMOTE_USER=alice");
    expect(200, "hello");
    request("PUT", "/v2/a/bytes", "REMOTE_USER=alice");
    expect(201, "");
    request("DELETE", "/v2/a/bytes", "REMOTE_USER=alice");
    expect(403, "\"code\":\"DENIED\"");
    request("GET", "/v2/a/bytes", "REMOTE_USER=bob");
    expect(403, "\"code\":\"DENIED\"");
    request("GET", "/v2/a/bytes", NULL);
    expect(403, "\"code\":\"DENIED\"");
    request("GET", "/v2/b/bytes", "REMOTE_USER=alice");
    expect(403, "\"code\":\"DENIED\"");
    cr_expect_null(strstr(buf_text(&answer), "WWW-Authenticate"));
    cr_expect_eq(calls, 2);
}

/* Without it docker tries four times more. */
Test(guard, a_refusal_has_a_detail_that_tells_the_right)
{
    configure("[a]\nalice = pull\n", false);
    request("PUT", "/v2/a/bytes", "REMOTE_USER=alice");
    expect(403, "\"detail\":\"push is not granted\"");
    request("DELETE", "/v2/b/bytes", "REMOTE_USER=alice");
    expect(403, "\"detail\":\"delete is not granted\"");
}

Test(guard, a_field_of_the_client_names_nobody)
{
    configure("[a]\nalice = pull\n", false);
    request("GET", "/v2/a/bytes", "HTTP_REMOTE_USER=alice");
    expect(403, "");
    request("GET", "/v2/a/bytes", "HTTP_AUTHORIZATION=Basic YWxpY2U6eA==");
    expect(403, "");
    cr_expect_eq(calls, 0);
}

Test(guard, the_log_names_who_asked)
{
    configure("[a]\nalice = pull\n", false);
    request("GET", "/v2/a/bytes", "REMOTE_USER=alice");
    cr_expect_not_null(strstr(last_log_line(), " user=alice"), "%s",
                       last_log_line());
}

Test(guard, a_missing_policy_denies_everything_and_the_log_says_so_once)
{
    configure("", false);
    unlink(policy);
    request("GET", "/v2/a/bytes", "REMOTE_USER=alice");
    expect(403, "");
    request("GET", "/v2/a/bytes", "REMOTE_USER=alice");
    expect(403, "");
    cr_expect_eq(log_lines_with("/policy: No such file"), 1);
    configure("[*]\nalice = pull\n", false);
    request("GET", "/v2/a/bytes", "REMOTE_USER=alice");
    expect(200, "");
}

Test(guard, without_a_token_the_challenge_says_which_would_do)
{
    make_keys();
    configure(NULL, true);
    request("GET", "/v2/a/bytes", NULL);
    expect(401, CHALLENGE ",scope=\"repository:a:pull\"\r\n");
    cr_expect_not_null(strstr(buf_text(&answer), "\"code\":\"UNAUTHORIZED\""));
    request("PUT", "/v2/a/bytes?from=other/one", NULL);
    expect(401, CHALLENGE ",scope=\"repository:a:pull,push "
                          "repository:other/one:pull\"\r\n");
    request("PUT", "/v2/a/bytes?from=NO\"", NULL);
    expect(401, CHALLENGE ",scope=\"repository:a:pull,push\"\r\n");
    request("DELETE", "/v2/a/bytes", NULL);
    expect(401, CHALLENGE ",scope=\"repository:a:delete\"\r\n");
    cr_expect_eq(calls, 0);
}

Test(guard, who_may_not_ask_does_not_hear_what_there_is)
{
    make_keys();
    configure(NULL, true);
    request("GET", "/v2/unknown", NULL);
    expect(401, CHALLENGE "\r\n");
    request("PATCH", "/v2/a/bytes", NULL);
    expect(401, CHALLENGE "\r\n");
    request("GET", "/v2/UPPER/bytes", NULL);
    expect(401, CHALLENGE "\r\n");
}

Test(guard, who_is_not_asked_may_do_nothing)
{
    configure(NULL, false);
    request("GET", "/public", NULL);
    expect(200, "rights=0");
}

Test(guard, a_bad_token_and_one_for_less_are_told_apart)
{
    make_keys();
    configure(NULL, true);
    request("GET", "/v2/a/bytes", "HTTP_AUTHORIZATION=Bearer a.b.c");
    expect(401, CHALLENGE
           ",scope=\"repository:a:pull\",error=\"invalid_token\"\r\n");
    request("PUT", "/v2/a/bytes", token_for("alice", RIGHT_PULL, false));
    expect(401, CHALLENGE ",scope=\"repository:a:pull,push\","
                          "error=\"insufficient_scope\"\r\n");
    cr_expect_eq(calls, 0);
    request("GET", "/v2/a/bytes", token_for("alice", RIGHT_PULL, false));
    expect(200, "hello");
}

Test(guard, what_the_web_server_says_is_nothing_where_tokens_are_asked_for)
{
    make_keys();
    configure("[a]\nalice = pull\n", true);
    request("GET", "/v2/a/bytes", "REMOTE_USER=alice");
    expect(401, CHALLENGE);
    cr_expect_eq(calls, 0);
}

Test(guard, a_right_taken_out_of_the_policy_is_gone_whatever_the_token_says)
{
    const char *token;

    make_keys();
    configure("[a]\nalice = pull\n", true);
    token = token_for("alice", RIGHT_PULL | RIGHT_PUSH, false);
    request("GET", "/v2/a/bytes", token);
    expect(200, "hello");
    request("PUT", "/v2/a/bytes", token);
    expect(401, "insufficient_scope");
    configure("[a]\nalice =\n", true);
    request("GET", "/v2/a/bytes", token);
    expect(401, "insufficient_scope");
}

Test(guard, without_any_key_no_token_is_good)
{
    configure(NULL, true);
    request("GET", "/v2/a/bytes", "HTTP_AUTHORIZATION=Bearer a.b.c");
    expect(401, "invalid_token");
}

static bool is_marked(void)
{
    struct driver_stat st;
    struct err err = {0};

    return driver_stat(serve_driver(), LAYOUT_GUARDED, &st, &err) == 0;
}

/* An editor may take the file of a policy away for a moment. */
Test(guard, the_tree_tells_the_web_server_whether_it_may_send_blobs_by_itself)
{
    request("GET", "/v2/a/bytes", NULL);
    cr_expect_not(is_marked());
    configure("[*]\n$anonymous = pull\n", false);
    unlink(policy);
    request("GET", "/v2/unknown", NULL);
    cr_expect(is_marked());
    configure(NULL, false);
    request("GET", "/v2/a/bytes", NULL);
    cr_expect(is_marked());
    request("GET", "/v2/", NULL);
    cr_expect_not(is_marked());
    make_keys();
    configure(NULL, true);
    request("GET", "/v2/", NULL);
    expect(401, "");
    cr_expect(is_marked());
}

/* A web server that sends blobs by itself would pass by what is decided. */
Test(guard, nothing_works_without_a_realm_where_the_web_server_asks_nobody)
{
    configure("[*]\n$anonymous = pull\n", false);
    request("GET", "/v2/a/bytes", "BERTH_BEARER=1");
    expect(503, "\"code\":\"UNAVAILABLE\"");
    cr_expect_not_null(strstr(last_log_line(), "token_realm"), "%s",
                       last_log_line());
    configure(NULL, false);
    request("GET", "/v2/a/bytes", "BERTH_BEARER=1");
    expect(503, "");
    request("GET", "/v2/a/bytes", "BERTH_BEARER=");
    expect(200, "hello");
    make_keys();
    configure(NULL, true);
    request("GET", "/v2/a/bytes", "BERTH_BEARER=1");
    expect(401, "");
}

Test(guard, nothing_works_while_the_web_server_sends_blobs_by_itself)
{
    configure("[*]\n$anonymous = pull\n", false);
    request("GET", "/v2/a/bytes", "BERTH_DIRECT=1");
    expect(503, "\"code\":\"UNAVAILABLE\"");
    cr_expect_not_null(strstr(last_log_line(), "berth_direct"), "%s",
                       last_log_line());
    request("GET", "/v2/a/bytes", "BERTH_DIRECT=");
    expect(200, "hello");
    make_keys();
    configure(NULL, true);
    request("GET", "/v2/a/bytes", "BERTH_DIRECT=1");
    expect(503, "");
    configure(NULL, false);
    request("GET", "/v2/a/bytes", "BERTH_DIRECT=1");
    expect(200, "hello");
}
