/* SPDX-License-Identifier: MIT */
/*
 * That a token is not judged again shows with keys that would refuse it: they
 * change, and their serials do not.
 */
#include <criterion/criterion.h>
#include <pthread.h>

#include "access/token_cache.h"
#include "token_fixture.h"

static struct token_cache cache = TOKEN_CACHE_INIT;
static const struct token_serials serials = {1, 2, 3};
static struct buf text = TOKEN_BUF;

static void begin(void)
{
    token_scene_begin();
    sign(&text, OUR_EC, ES256_HEADER, OUR_CLAIMS);
}

static void end(void)
{
    buf_cleanup(&text);
    token_cache_clear(&cache);
    token_scene_end();
}

TestSuite(token_cache, .init = begin, .fini = end);

static int ask(const struct token_trust *whom,
               const struct token_serials *states, struct span compact,
               int64_t now)
{
    CLEANUP(token) struct token *token = NULL;
    struct err err = {0};

    if (token_cache_verify(&cache, whom, states, compact, now, &token, &err) <
        0)
        return -1;
    cr_assert_str_eq(token->subject, "alice");
    cr_assert_eq(token_rights(token, "team/app"), RIGHT_PULL | RIGHT_PUSH);
    return 0;
}

/* We have no keys any more. */
static struct token_trust keyless(void)
{
    struct token_trust none = trust;

    none.keys = none.certificates = none.jwks = NULL;
    return none;
}

Test(token_cache, a_good_token_is_judged_once)
{
    struct token_trust none = keyless();

    cr_assert_eq(ask(&none, &serials, buf_span(&text), NOW), -1);
    cr_assert_eq(ask(&trust, &serials, buf_span(&text), NOW), 0);
    cr_assert_eq(ask(&none, &serials, buf_span(&text), NOW), 0);
}

Test(token_cache, it_is_forgotten_when_it_expires)
{
    struct token_trust none = keyless();

    cr_assert_eq(ask(&trust, &serials, buf_span(&text), NOW), 0);
    cr_assert_eq(ask(&none, &serials, buf_span(&text), NOW + 299), 0);
    cr_assert_eq(ask(&none, &serials, buf_span(&text), NOW + 300), -1);
    cr_assert_eq(ask(&trust, &serials, buf_span(&text), NOW + 300), -1);
}

Test(token_cache, other_keys_judge_anew)
{
    static const struct token_serials others[] = {
        {4, 2, 3}, {1, 4, 3}, {1, 2, 4}, {0, 2, 3}};
    struct token_trust none = keyless();

    cr_assert_eq(ask(&trust, &serials, buf_span(&text), NOW), 0);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        cr_assert_eq(ask(&none, &others[i], buf_span(&text), NOW), -1);
}

Test(token_cache, other_names_judge_anew)
{
    struct token_trust service = trust, issuer = trust, trusted = keyless();

    cr_assert_eq(ask(&trust, &serials, buf_span(&text), NOW), 0);
    service.service = "mirror";
    cr_assert_eq(ask(&service, &serials, buf_span(&text), NOW), -1);
    issuer.issuer = "quay";
    cr_assert_eq(ask(&issuer, &serials, buf_span(&text), NOW), -1);
    trusted.trusted_issuer = NULL;
    cr_assert_eq(ask(&trusted, &serials, buf_span(&text), NOW), -1);
}

Test(token_cache, another_token_is_another)
{
    struct token_trust none = keyless();
    struct span longer;

    cr_assert_eq(ask(&trust, &serials, buf_span(&text), NOW), 0);
    for (size_t i = 0; i < text.len; i++) {
        char was = text.ptr[i];

        text.ptr[i] ^= 1;
        cr_assert_eq(ask(&none, &serials, buf_span(&text), NOW), -1);
        text.ptr[i] = was;
        cr_assert_eq(ask(&none, &serials, span_first(buf_span(&text), i), NOW),
                     -1);
    }
    longer = (struct span){text.ptr, text.len + 1};
    cr_assert_eq(ask(&none, &serials, longer, NOW), -1);
}

Test(token_cache, more_tokens_than_it_holds_are_all_judged_right)
{
    for (int i = 0; i < 3 * TOKEN_CACHE_SLOTS; i++) {
        CLEANUP(buf) struct buf one = TOKEN_BUF;

        sign(&one, OUR_EC, ES256_HEADER, OUR_CLAIMS);
        cr_assert_eq(ask(&trust, &serials, buf_span(&one), NOW), 0);
        cr_assert_eq(ask(&trust, &serials, buf_span(&one), NOW), 0);
    }
}

/* Half of them ask with a token of their own. */
static void *ask_often(void *number)
{
    CLEANUP(buf) struct buf one = TOKEN_BUF;
    int64_t failures = 0;

    if (number != NULL)
        sign(&one, OUR_EC, ES256_HEADER, OUR_CLAIMS);
    for (int i = 0; i < 200; i++)
        failures += ask(&trust, &serials, buf_span(number ? &one : &text),
                        i % 10 == 0 ? NOW + 300 : NOW) < 0;
    return failures == 20 ? NULL : &text;
}

Test(token_cache, threads_share_it)
{
    pthread_t threads[8];

    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, ask_often,
                                    i % 2 ? &threads : NULL),
                     0);
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *result;

        pthread_join(threads[i], &result);
        cr_assert_null(result);
    }
}
