/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/caller.h"
#include "access/token.h"
#include "base/clock.h"
#include "base/memory.h"

static char directory[] = "/tmp/berth-caller-XXXXXX";
static char policy[64], keys[64];
static struct caller_source *source;
static struct caller_rules rules;
static struct caller caller;
static struct err err, complaint;

static void setup(void)
{
    char id[TOKEN_KEY_ID_LENGTH + 1];
    bool had_former;

    cr_assert_not_null(mkdtemp(directory));
    snprintf(policy, sizeof(policy), "%s/policy", directory);
    snprintf(keys, sizeof(keys), "%s/keys", directory);
    cr_assert_eq(
        token_keys_generate(keys, JOSE_HS256, (uid_t)-1, id, &had_former, &err),
        0, "%s", err.text);
    rules =
        (struct caller_rules){"", "", "registry.test", "berth", "", "", "", ""};
    source = caller_source_new();
}

static void teardown(void)
{
    caller_end(&caller);
    caller_source_free(source);
    unlink(policy);
    unlink(keys);
    rmdir(directory);
}

TestSuite(caller, .init = setup, .fini = teardown);

/* As an editor does that renames over the old file. */
static void write_policy(const char *text)
{
    char fresh[80];
    FILE *out;

    snprintf(fresh, sizeof(fresh), "%s.new", policy);
    out = fopen(fresh, "w");
    cr_assert_not_null(out);
    fputs(text, out);
    fclose(out);
    cr_assert_eq(rename(fresh, policy), 0);
    rules.policy = policy;
}

static void ask_for_tokens(void)
{
    rules.realm = "https://registry.test/token";
    rules.keys = keys;
}

/* Whom the web server has let in. */
static int named(const char *name)
{
    caller_end(&caller);
    err_clear(&err);
    err_clear(&complaint);
    return caller_begin_named(source, &rules, span_of(name), &caller,
                              &complaint, &err);
}

static int bearing(const char *authorization)
{
    caller_end(&caller);
    err_clear(&err);
    err_clear(&complaint);
    return caller_begin_bearer(source, &rules, span_of(authorization), &caller,
                               &complaint, &err);
}

/* "Bearer " and a token of this user for these rights in team/app. */
static const char *token_for(const char *user, unsigned rights, bool catalog)
{
    static struct buf text = BUF_INIT(TOKEN_MAX);
    const struct token_grant grant = {"team/app", rights};
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
    struct followed_state *state;

    state = caller_source_keys(source, &rules, &complaint);
    cr_assert_not_null(state, "%s", complaint.text);
    buf_clear(&text);
    buf_add(&text, SPAN("Bearer "));
    cr_assert_eq(token_issue(state->value, &claims, &text, &err), 0, "%s",
                 err.text);
    followed_put(state);
    return buf_text(&text);
}

Test(caller, without_policy_and_tokens_everybody_may_do_everything)
{
    cr_assert_eq(named(""), 0);
    cr_expect_eq(caller_rights(&caller, "any"), RIGHTS_ALL);
    cr_expect(caller_may_somewhere(&caller, RIGHT_CATALOG));
    cr_expect_not(caller_is_limited(&caller));
    cr_assert_eq(named("alice"), 0);
    cr_expect_str_eq(caller.name, "alice");
    cr_expect_eq(caller_rights(&caller, "any"), RIGHTS_ALL);
}

Test(caller, a_policy_says_what_a_name_may_do)
{
    write_policy("[team/*]\nalice = pull, push\n$anonymous = pull\n");
    cr_assert_eq(named("alice"), 0);
    cr_expect_eq(caller_rights(&caller, "team/app"), RIGHT_PULL | RIGHT_PUSH);
    cr_expect_eq(caller_rights(&caller, "other"), 0u);
    cr_expect(caller_is_limited(&caller));
    cr_assert_eq(named(""), 0);
    cr_expect_eq(caller_rights(&caller, "team/app"), RIGHT_PULL);
    cr_expect_not(caller_may(&caller, RIGHT_PULL | RIGHT_PUSH, "team/app"));
    cr_expect_not(caller_may_somewhere(&caller, RIGHT_CATALOG));
}

Test(caller, a_policy_that_was_never_good_lets_nobody_do_anything)
{
    rules.policy = policy;
    cr_assert_eq(named("alice"), 0);
    cr_expect_eq(complaint.code, ERR_NOT_FOUND);
    cr_expect_eq(caller_rights(&caller, "team/app"), 0u);
    cr_expect_not(caller_may_somewhere(&caller, RIGHT_PULL));
    write_policy("alice = pull\n");
    cr_assert_eq(named("alice"), 0);
    cr_expect_eq(complaint.code, ERR_SYNTAX);
    cr_expect_eq(caller_rights(&caller, "team/app"), 0u);
}

Test(caller, of_two_files_that_are_wrong_both_are_told)
{
    ask_for_tokens();
    write_policy("[*]\nalice = fly\n");
    unlink(keys);
    cr_assert_eq(bearing("Bearer a.b.c"), -1);
    cr_expect(strstr(complaint.text, policy), "%s", complaint.text);
    cr_expect(strstr(complaint.text, keys), "%s", complaint.text);
}

/* As where the web server names other files for another virtual host. */
Test(caller, a_policy_of_another_path_is_never_in_force)
{
    write_policy("[*]\nalice = pull\n");
    cr_assert_eq(named("alice"), 0);
    rules.policy = "/nowhere/policy";
    cr_assert_eq(named("alice"), 0);
    cr_expect_eq(caller_rights(&caller, "team/app"), 0u);
}

Test(caller, keys_of_another_path_are_never_in_force)
{
    const char *token;

    ask_for_tokens();
    token = token_for("alice", RIGHT_PULL, false);
    cr_assert_eq(bearing(token), 0, "%s", err.text);
    rules.keys = "/nowhere/keys";
    cr_expect_eq(bearing(token), -1);
}

Test(caller, a_policy_that_became_wrong_leaves_the_last_good_one)
{
    write_policy("[*]\nalice = pull\n");
    cr_assert_eq(named("alice"), 0);
    write_policy("[*]\nalice = fly\n");
    cr_assert_eq(named("alice"), 0);
    cr_expect_eq(complaint.code, ERR_SYNTAX, "%s", complaint.text);
    cr_expect_eq(caller_rights(&caller, "team/app"), RIGHT_PULL);
    unlink(policy);
    cr_assert_eq(named("alice"), 0);
    cr_expect_eq(caller_rights(&caller, "team/app"), RIGHT_PULL);
}

Test(caller, what_was_read_at_the_start_is_there_to_fall_back_to)
{
    write_policy("[*]\nalice = pull\n");
    caller_source_read(source, &rules, &complaint);
    cr_expect_eq(complaint.code, ERR_NONE, "%s", complaint.text);
    write_policy("[*]\nalice = fly\n");
    cr_assert_eq(named("alice"), 0);
    cr_expect_eq(complaint.code, ERR_SYNTAX);
    cr_expect_eq(caller_rights(&caller, "team/app"), RIGHT_PULL);
}

Test(caller, a_name_nobody_can_have_is_denied)
{
    char text[USER_NAME_MAX + 2];

    cr_expect_eq(named("a\nb"), -1);
    cr_expect_eq(err.code, ERR_DENIED);
    cr_expect_eq(named("\xFF"), -1);
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    cr_expect_eq(named(text), -1);
    cr_expect_eq(named(text + 1), 0);
    cr_expect_eq(named("J\xC3\xBCrgen, CN=x \"y\""), 0);
}

Test(caller, a_token_says_who_and_what_for)
{
    ask_for_tokens();
    cr_assert_eq(bearing(token_for("alice", RIGHT_PULL, false)), 0, "%s",
                 err.text);
    cr_expect_str_eq(caller.name, "alice");
    cr_expect_eq(caller_rights(&caller, "team/app"), RIGHT_PULL);
    cr_expect_eq(caller_rights(&caller, "team/other"), 0u);
    cr_expect_not(caller_may_somewhere(&caller, RIGHT_CATALOG));
    cr_assert_eq(bearing(token_for("", RIGHT_PULL, true)), 0);
    cr_expect_str_eq(caller.name, "");
    cr_expect(caller_may_somewhere(&caller, RIGHT_CATALOG));
}

Test(caller, token_and_policy_both_have_to_grant)
{
    const char *token;

    ask_for_tokens();
    write_policy("[team/*]\nalice = pull, delete\n");
    token = token_for("alice", RIGHT_PULL | RIGHT_PUSH, true);
    cr_assert_eq(bearing(token), 0);
    cr_expect_eq(caller_rights(&caller, "team/app"), RIGHT_PULL);
    cr_expect_not(caller_may_somewhere(&caller, RIGHT_CATALOG));
    write_policy("[team/*]\nalice =\n");
    cr_assert_eq(bearing(token), 0, "the token is good for another minute");
    cr_expect_eq(caller_rights(&caller, "team/app"), 0u);
}

Test(caller, a_token_is_missing_or_bad)
{
    ask_for_tokens();
    cr_expect_eq(bearing(""), -1);
    cr_expect_eq(err.code, ERR_UNAUTHORIZED);
    cr_expect_not(caller.token_is_bad);
    cr_expect_eq(bearing("Basic YTpi"), -1);
    cr_expect_eq(err.code, ERR_UNAUTHORIZED);
    cr_expect_eq(bearing("Bearer"), -1);
    cr_expect_not(caller.token_is_bad);
    cr_expect_eq(bearing("Bearer a.b.c"), -1);
    cr_expect_eq(err.code, ERR_UNAUTHORIZED);
    cr_expect(caller.token_is_bad);
    cr_expect_eq(caller_rights(&caller, "team/app"), 0u);
    cr_expect_not(caller_may_somewhere(&caller, RIGHT_PULL));
}

Test(caller, the_scheme_may_have_any_case)
{
    CLEANUP(buf) struct buf text = BUF_INIT(TOKEN_MAX);

    ask_for_tokens();
    buf_add_format(&text, "bEARER  %s ",
                   token_for("alice", RIGHT_PULL, false) + 7);
    cr_expect_eq(bearing(buf_text(&text)), 0, "%s", err.text);
}

Test(caller, a_rotated_key_ends_the_tokens_of_the_one_before_the_last)
{
    CLEANUP(buf) struct buf token = BUF_INIT(TOKEN_MAX);
    char id[TOKEN_KEY_ID_LENGTH + 1];
    bool had_former;

    ask_for_tokens();
    buf_add(&token, span_of(token_for("alice", RIGHT_PULL, false)));
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(bearing(buf_text(&token)), 0, "%d: %s", i, err.text);
        cr_assert_eq(token_keys_generate(keys, JOSE_HS256, (uid_t)-1, id,
                                         &had_former, &err),
                     0, "%s", err.text);
        cr_expect(had_former);
    }
    cr_expect_eq(bearing(buf_text(&token)), -1);
}

Test(caller, the_end_leaves_nobody_who_may_anything)
{
    cr_assert_eq(named("alice"), 0);
    caller_end(&caller);
    cr_expect_eq(caller_rights(&caller, "any"), 0u);
}
