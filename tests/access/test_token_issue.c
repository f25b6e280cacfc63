/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "token_fixture.h"

TestSuite(token_issue, .init = token_scene_begin, .fini = token_scene_end);

static const struct token_grant grants[] = {
    {"team/app", RIGHT_PULL | RIGHT_PUSH},
    {"team/base", RIGHT_PULL},
    {"old", RIGHT_PULL | RIGHT_PUSH | RIGHT_DELETE},
    {"secret", 0},
};

static struct token_claims claims(void)
{
    return (struct token_claims){
        .issuer = "berth",
        .service = "registry",
        .subject = "al\"ice\xc3\xa9",
        .now = NOW,
        .lifetime = 300,
        .count = ARRAY_SIZE(grants),
        .grants = grants,
    };
}

static void issue(const struct token_keys *keys,
                  const struct token_claims *what, struct buf *into)
{
    struct err err = {0};

    cr_assert_eq(token_issue(keys, what, into, &err), 0, "%s", err.text);
}

static void expect_claims(const struct token *token)
{
    cr_assert_str_eq(token->subject, "al\"ice\xc3\xa9");
    cr_assert_eq(token->expires, NOW + 300);
    cr_assert_eq(token_rights(token, "team/app"), RIGHT_PULL | RIGHT_PUSH);
    cr_assert_eq(token_rights(token, "team/base"), RIGHT_PULL);
    cr_assert_eq(token_rights(token, "old"),
                 RIGHT_PULL | RIGHT_PUSH | RIGHT_DELETE);
    cr_assert_eq(token_rights(token, "secret"), 0);
    cr_assert_not(token->lists_catalog);
}

Test(token_issue, what_we_issue_we_accept)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;
    CLEANUP(token) struct token *token = NULL;
    struct token_claims what = claims();

    issue(trust.keys, &what, &text);
    token = accepted(buf_span(&text));
    expect_claims(token);
}

static void expect_algorithm(enum jose_algorithm algorithm)
{
    CLEANUP(token_keys) struct token_keys *keys = NULL;
    CLEANUP(buf) struct buf text = TOKEN_BUF;
    CLEANUP(token) struct token *token = NULL;
    char id[TOKEN_KEY_ID_LENGTH + 1];
    struct token_claims what = claims();
    struct token_trust ours = trust;
    struct err err = {0};
    bool had_former;

    cr_assert_eq(token_keys_generate(scene_path("fresh"), algorithm, (uid_t)-1,
                                     id, &had_former, &err),
                 0, "%s", err.text);
    keys = scene_read(&token_keys_kind, "fresh", &err);
    ours.keys = keys;
    issue(keys, &what, &text);
    cr_assert_eq(token_verify(&ours, buf_span(&text), NOW, &token, &err), 0,
                 "%s", err.text);
    expect_claims(token);
}

Test(token_issue, with_each_algorithm)
{
    expect_algorithm(JOSE_ES256);
    expect_algorithm(JOSE_RS256);
    expect_algorithm(JOSE_HS256);
}

Test(token_issue, a_rotated_key_is_good_once_more_and_then_no_longer)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;
    struct token_claims what = claims();
    struct token_trust ours = trust;

    for (int rotation = 0; rotation < 3; rotation++) {
        CLEANUP(token_keys) struct token_keys *keys = NULL;
        CLEANUP(token) struct token *token = NULL;
        char id[TOKEN_KEY_ID_LENGTH + 1];
        struct err err = {0};
        bool had_former;

        cr_assert_eq(token_keys_generate(scene_path("fresh"), JOSE_ES256,
                                         (uid_t)-1, id, &had_former, &err),
                     0, "%s", err.text);
        keys = scene_read(&token_keys_kind, "fresh", &err);
        ours.keys = keys;
        if (rotation == 0)
            issue(keys, &what, &text);
        cr_assert_eq(token_verify(&ours, buf_span(&text), NOW, &token, &err),
                     rotation < 2 ? 0 : -1, "%d", rotation);
    }
}

Test(token_issue, two_tokens_are_never_the_same)
{
    CLEANUP(buf) struct buf first = TOKEN_BUF;
    CLEANUP(buf) struct buf second = TOKEN_BUF;
    struct token_claims what = claims();

    issue(trust.keys, &what, &first);
    issue(trust.keys, &what, &second);
    cr_assert_str_neq(buf_text(&first), buf_text(&second));
}

Test(token_issue, the_catalog_alone)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;
    CLEANUP(token) struct token *token = NULL;
    struct token_claims what = claims();

    what.count = 0;
    what.lists_catalog = true;
    what.subject = "";
    issue(trust.keys, &what, &text);
    token = accepted(buf_span(&text));
    cr_assert(token->lists_catalog);
    cr_assert_eq(token->count, 0);
    cr_assert_str_eq(token->subject, "");
}

Test(token_issue, too_many_scopes_are_refused)
{
    CLEANUP(buf) struct buf text = TOKEN_BUF;
    struct token_claims what = claims();
    struct token_grant *many =
        calloc(TOKEN_GRANTS_MAX + 1, sizeof(struct token_grant));
    struct err err = {0};

    for (int i = 0; i <= TOKEN_GRANTS_MAX; i++)
        strcpy(many[i].name, "a");
    what.grants = many;
    what.count = TOKEN_GRANTS_MAX + 1;
    cr_assert_eq(token_issue(trust.keys, &what, &text, &err), -1);
    cr_assert_eq(err.code, ERR_TOO_LARGE);
    err_clear(&err);
    what.count = 100;
    for (int i = 0; i < 100; i++)
        memset(many[i].name, 'a', NAME_MAX_LENGTH);
    cr_assert_eq(token_issue(trust.keys, &what, &text, &err), -1);
    cr_assert_eq(err.code, ERR_TOO_LARGE);
    cr_assert_eq(text.len, 0);
    free(many);
}
