/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/token.h"
#include "base/clock.h"
#include "base/json.h"
#include "fcgi/fixture.h"

extern const struct route token_route;

#define REALM "BERTH_TOKEN_REALM=https://registry.test/token"
#define SERVICE "BERTH_TOKEN_SERVICE=registry.test"

static char directory[] = "/tmp/berth-token-XXXXXX";
static char keys[64], policy[64];
static char keys_parameter[96], policy_parameter[96];
static struct followed_kind const *const kind = &token_keys_kind;
static struct token *token;

static void write_keys(enum jose_algorithm algorithm)
{
    char id[TOKEN_KEY_ID_LENGTH + 1];
    bool had_former;

    cr_assert_eq(
        token_keys_generate(keys, algorithm, (uid_t)-1, id, &had_former, &err),
        0, "%s", err.text);
}

static void setup(void)
{
    route_setup(&token_route);
    cr_assert_not_null(mkdtemp(directory));
    snprintf(keys, sizeof(keys), "%s/keys", directory);
    snprintf(policy, sizeof(policy), "%s/policy", directory);
    snprintf(keys_parameter, sizeof(keys_parameter), "BERTH_TOKEN_KEYS=%s",
             keys);
    snprintf(policy_parameter, sizeof(policy_parameter), "BERTH_POLICY=%s",
             policy);
    write_keys(JOSE_ES256);
}

static void teardown(void)
{
    token_free(token);
    unlink(keys);
    unlink(policy);
    rmdir(directory);
    route_teardown();
}

TestSuite(token_route, .init = setup, .fini = teardown);

static void write_policy(const char *text)
{
    FILE *out = fopen(policy, "w");

    cr_assert_not_null(out);
    fputs(text, out);
    fclose(out);
}

/* A user's request; "" is nobody. With the policy if there is one. */
static void ask_as(const char *user, const char *method, const char *target,
                   const char *body)
{
    char user_parameter[300];

    snprintf(user_parameter, sizeof(user_parameter), "REMOTE_USER=%s", user);
    ask(&(struct question){
        .method = method,
        .target = target,
        .body = span_of(body),
        .parameters = {REALM, SERVICE, keys_parameter, user_parameter,
                       access(policy, F_OK) == 0 ? policy_parameter : NULL}});
}

/* Reads the token of the answer, as a program that gets it would. */
static void read_token(void)
{
    const struct json_limits limits = {16, 64};
    CLEANUP(json) struct json *document = NULL;
    struct token_trust trust = {.service = "registry.test", .issuer = "berth"};
    struct span text, again;
    int64_t now = clock_now_ns() / CLOCK_NS_PER_SECOND;
    void *set;

    cr_assert_eq(answer.status, 200, "%.*s", SPAN_ARGS(answer.body));
    cr_expect_str_eq(header("Cache-Control"), "no-store");
    cr_assert_eq(json_parse(answer.body, &limits, &document, &err), 0);
    cr_assert(json_as_string(json_member(document, "token"), &text));
    cr_assert(json_as_string(json_member(document, "access_token"), &again));
    cr_expect(span_equals(text, again));
    cr_assert_eq(kind->read(keys, &set, &err), 0, "%s", err.text);
    trust.keys = set;
    token_free(token);
    cr_assert_eq(token_verify(&trust, text, now, &token, &err), 0, "%s",
                 err.text);
    kind->free(set);
}

static void ask_for(const char *user, const char *query)
{
    char target[4096];

    snprintf(target, sizeof(target), "/token?service=registry.test%s", query);
    ask_as(user, "GET", target, "");
    read_token();
    cr_expect_str_eq(token->subject, user);
}

static void expect_rights(const char *repository, unsigned rights)
{
    cr_expect_eq(token_rights(token, repository), rights, "%s: %x", repository,
                 token_rights(token, repository));
}

Test(token_route, without_a_policy_a_user_gets_what_is_asked)
{
    ask_for("alice", "&scope=repository:team/app:pull,push");
    expect_rights("team/app", RIGHT_PULL | RIGHT_PUSH);
    expect_rights("team/other", 0);
    cr_expect_not(token->lists_catalog);
    ask_for("alice", "&scope=registry:catalog:*&scope=repository:a:*");
    expect_rights("a", RIGHT_PULL | RIGHT_PUSH | RIGHT_DELETE);
    cr_expect(token->lists_catalog);
}

Test(token_route, a_login_asks_for_no_rights_and_gets_a_token)
{
    ask_for("alice", "&account=alice&client_id=docker&offline_token=true");
    cr_expect_eq(token->count, 0);
}

Test(token_route, the_policy_limits_what_is_granted_and_refuses_nothing)
{
    write_policy("[team/*]\nalice = pull\n[free]\nalice = admin\n");
    ask_for("alice", "&scope=repository:team/app:pull,push"
                     "&scope=repository:free:pull,push"
                     "&scope=repository:other:pull");
    expect_rights("team/app", RIGHT_PULL);
    expect_rights("free", RIGHT_PULL | RIGHT_PUSH);
    expect_rights("other", 0);
    cr_expect_eq(token->count, 2);
    ask_for("bob", "&scope=repository:team/app:pull");
    cr_expect_eq(token->count, 0);
}

Test(token_route, several_scopes_may_come_in_one_parameter)
{
    ask_for("alice", "&scope=repository:a:pull%20repository:b:push");
    expect_rights("a", RIGHT_PULL);
    expect_rights("b", RIGHT_PUSH);
    ask_for("alice", "&scope=repository:a:pull+repository:b:push+"
                     "repository:a:delete");
    expect_rights("a", RIGHT_PULL | RIGHT_DELETE);
    expect_rights("b", RIGHT_PUSH);
    cr_expect_eq(token->count, 2);
}

Test(token_route, scopes_that_are_none_grant_nothing)
{
    ask_for("alice", "&scope=&scope=x&scope=repository:UPPER:pull"
                     "&scope=repository:a:fly");
    cr_expect_eq(token->count, 0);
}

Test(token_route, nobody_gets_a_token_where_the_policy_lets_nobody_in)
{
    write_policy("[public/*]\n$anonymous = pull\n[team/*]\nalice = pull\n");
    ask_for("", "&scope=repository:public/a:pull,push"
                "&scope=repository:team/a:pull");
    expect_rights("public/a", RIGHT_PULL);
    expect_rights("team/a", 0);
}

static void expect_question(void)
{
    cr_expect_eq(answer.status, 401);
    cr_expect_str_eq(header("WWW-Authenticate"),
                     "Basic realm=\"registry.test\"");
    cr_expect_null(header("Cache-Control"));
}

Test(token_route, nobody_is_asked_for_a_password_elsewhere)
{
    ask_as("", "GET", "/token?scope=repository:a:pull", "");
    expect_question();
    write_policy("[team/*]\nalice = pull\n");
    ask_as("", "GET", "/token?scope=repository:team/a:pull", "");
    expect_question();
}

Test(token_route, a_form_is_read_as_a_query_is)
{
    ask_as("alice", "POST", "/token",
           "grant_type=password&service=registry.test&client_id=x"
           "&username=alice&password=y"
           "&scope=repository%3Aa%3Apull+repository%3Ab%3Apush");
    read_token();
    expect_rights("a", RIGHT_PULL);
    expect_rights("b", RIGHT_PUSH);
}

/* Only the web server checks passwords; clients then use its way. */
Test(token_route, a_password_in_a_form_is_checked_by_nobody)
{
    write_policy("[*]\n$anonymous = pull\nalice = push\n");
    ask_as("", "POST", "/token",
           "grant_type=password&username=alice&password=secret"
           "&service=registry.test&scope=repository:a:pull");
    expect_question();
    ask_as("", "POST", "/token",
           "grant_type=refresh_token&refresh_token=x&service=registry.test");
    expect_question();
    cr_expect_gt(answer.body_left, 0, "nobody waits for it");
    cr_expect_null(strstr(answer.body.ptr, "secret"));
}

Test(token_route, a_form_that_is_too_long_is_refused)
{
    static char form[70 * 1024];

    memset(form, 'a', sizeof(form) - 1);
    ask_as("alice", "POST", "/token", form);
    cr_expect_eq(answer.status, 414);
}

Test(token_route, a_token_for_another_service_is_not_issued)
{
    ask_as("alice", "GET", "/token?service=other.test", "");
    cr_expect_eq(answer.status, 400);
    cr_expect_not_null(strstr(answer.body.ptr, "has to be registry.test"));
}

Test(token_route, a_service_may_have_blanks_in_its_name)
{
    ask(&(struct question){
        .method = "GET",
        .target = "/token?service=Docker+registry",
        .parameters = {REALM, "BERTH_TOKEN_SERVICE=Docker registry",
                       keys_parameter, "REMOTE_USER=alice"}});
    cr_expect_eq(answer.status, 200);
    ask(&(struct question){
        .method = "GET",
        .target = "/token?service=Docker%20registry%20",
        .parameters = {REALM, "BERTH_TOKEN_SERVICE=Docker registry",
                       keys_parameter, "REMOTE_USER=alice"}});
    cr_expect_eq(answer.status, 400);
}

Test(token_route, more_scopes_than_a_token_can_carry_are_refused)
{
    CLEANUP(buf) struct buf target = BUF_INIT(32 * 1024);

    buf_add(&target, SPAN("/token?x=y"));
    for (int i = 0; i < 65; i++)
        buf_add_format(&target, "&scope=repository:a%d:pull", i);
    ask_as("alice", "GET", buf_text(&target), "");
    cr_expect_eq(answer.status, 414);
}

Test(token_route, the_answer_says_how_long_it_is_good)
{
    ask_for("alice", "");
    cr_expect_not_null(strstr(answer.body.ptr, "\"expires_in\":300,"));
    cr_expect_not_null(strstr(answer.body.ptr, "\"issued_at\":\"20"));
    cr_expect_leq(token->expires - clock_now_ns() / CLOCK_NS_PER_SECOND, 300);
}

Test(token_route, its_keys_are_published_without_their_secrets)
{
    ask_as("", "GET", "/token/jwks", "");
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(header("Content-Type"), "application/json");
    cr_expect_not_null(strstr(answer.body.ptr, "\"kty\":\"EC\""));
    cr_expect_null(strstr(answer.body.ptr, "\"d\""));
    write_keys(JOSE_HS256);
    write_keys(JOSE_HS256);
    ask_as("", "GET", "/token/jwks", "");
    cr_expect_null(strstr(answer.body.ptr, "\"k\""));
}

Test(token_route, a_nul_ends_no_name)
{
    write_policy("[a]\nalice = pull\n");
    ask_as("alice", "GET", "/token?service=registry.test%00&scope=", "");
    cr_expect_eq(answer.status, 400);
    ask_for("alice", "&scope=repository:a%00b:pull");
    cr_expect_eq(token->count, 0);
    ask_for("alice", "&scope=repository:a:pull%00");
    cr_expect_eq(token->count, 0);
}

/* A complaint comes once, so it must not be lost to somebody who asks. */
Test(token_route, wrong_keys_are_logged_whoever_asks_first)
{
    char name[] = "/tmp/berth-token-log-XXXXXX", line[512] = "";
    int log = mkstemp(name);
    FILE *out;

    unlink(name);
    ask_as("", "GET", "/token/jwks", "");
    out = fopen(keys, "w");
    cr_assert_not_null(out);
    fclose(out);
    cr_assert(log >= 0 && dup2(log, STDERR_FILENO) >= 0);
    ask_as("", "GET", "/token/jwks", "");
    cr_expect_eq(answer.status, 200);
    cr_assert(pread(log, line, sizeof(line) - 1, 0) > 0);
    cr_expect_not_null(strstr(line, keys), "%s", line);
}

Test(token_route, is_not_there_without_a_realm)
{
    ask(&(struct question){.method = "GET",
                           .target = "/token",
                           .parameters = {SERVICE, "REMOTE_USER=alice"}});
    cr_expect_eq(answer.status, 404);
    ask(&(struct question){.method = "GET", .target = "/token/jwks"});
    cr_expect_eq(answer.status, 404);
}

Test(token_route, without_a_key_the_registry_says_it_is_not_set_up)
{
    unlink(keys);
    ask_as("alice", "GET", "/token?service=registry.test", "");
    cr_expect_eq(answer.status, 503);
}
