/* SPDX-License-Identifier: MIT */
/*
 * /token: a short-lived token for whom the web server has let in, or for
 * nobody where the policy lets nobody in to something (Distribution's "token
 * authentication specification", and its OAuth2 form by POST). It is good for
 * what was asked and the policy grants, and never refused for granting less.
 * /token/jwks: the keys by which others check our tokens (RFC 7517).
 */
#include <inttypes.h>
#include <stdio.h>

#include "access/scope.h"
#include "access/token.h"
#include "access/token_keys.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "http/guard.h"
#include "http/http_error.h"

extern const struct route token_route;

#define FORM_MAX (64 * 1024)

/* So much fits into a field of a request that every web server admits. */
#define SENT_MAX 7000
#define GRANTS_MAX 64

/* What was asked, by GET or by POST. */
struct asked {
    const struct query_pair *pairs;
    size_t count;
};

struct granted {
    bool catalog;
    size_t count;
    struct token_grant grants[GRANTS_MAX];
};

static struct span asked_for(const struct asked *asked, struct span name)
{
    for (size_t i = 0; i < asked->count; i++)
        if (span_equals(asked->pairs[i].name, name))
            return asked->pairs[i].value;
    return SPAN("");
}

/* Forms write blanks as '+'. */
static bool is_service(struct span value, const char *service)
{
    size_t i = 0;

    while (i < value.len && service[i] != '\0' &&
           (value.ptr[i] == service[i] ||
            (value.ptr[i] == '+' && service[i] == ' ')))
        i++;
    return i == value.len && service[i] == '\0';
}

/* The web server lets people without a name in here as well. */
static int ask_for_password(struct call *call, const char *detail)
{
    err_set(call->err, ERR_UNAUTHORIZED, "no name and password");
    err_detail(call->err, "%s", detail);
    http_error_response(call->err, call->response);
    response_header(call->response, "WWW-Authenticate", "Basic realm=\"%s\"",
                    call->settings->token_service);
    return 0;
}

static unsigned rights_of(const struct call *call, const char *repository)
{
    /* Without a policy everybody may do everything whom the server lets in. */
    if (!call->caller->has_policy && call->caller->name[0] == '\0')
        return 0;
    return caller_rights(call->caller, repository);
}

static bool may_see_catalog(const struct call *call)
{
    return (call->caller->has_policy || call->caller->name[0] != '\0') &&
           caller_may_somewhere(call->caller, RIGHT_CATALOG);
}

static int too_much(struct call *call)
{
    err_set(call->err, ERR_TOO_MANY_TAGS, "too many scopes");
    return err_detail(call->err, "a token for so much is too long to be sent");
}

/* The grant for a repository, a new one if need be; NULL for one too many. */
static struct token_grant *grant_for(struct granted *granted, const char *name)
{
    struct token_grant *grant;

    for (size_t i = 0; i < granted->count; i++)
        if (strcmp(granted->grants[i].name, name) == 0)
            return &granted->grants[i];
    if (granted->count == GRANTS_MAX)
        return NULL;
    grant = &granted->grants[granted->count++];
    *grant = (struct token_grant){.rights = 0};
    snprintf(grant->name, sizeof(grant->name), "%s", name);
    return grant;
}

static int grant_scope(struct call *call, const struct scope *scope,
                       struct granted *granted)
{
    char name[NAME_MAX_LENGTH + 1];
    struct token_grant *grant;
    unsigned rights;

    if (scope->repository.len == 0) {
        granted->catalog = granted->catalog || may_see_catalog(call);
        return 0;
    }
    snprintf(name, sizeof(name), "%.*s", SPAN_ARGS(scope->repository));
    rights = scope->rights & rights_of(call, name);
    if (rights == 0)
        return 0;
    grant = grant_for(granted, name);
    if (grant == NULL)
        return too_much(call);
    grant->rights |= rights;
    return 0;
}

/* Several scopes come as several parameters, or as one with blanks in it,
 * which HTML forms write as '+'. */
static int grant_all(struct call *call, const struct asked *asked,
                     struct granted *granted)
{
    for (size_t i = 0; i < asked->count; i++) {
        struct span rest = asked->pairs[i].value;

        if (!span_equals(asked->pairs[i].name, SPAN("scope")))
            continue;
        while (rest.len > 0) {
            size_t len = 0;
            struct scope scope;

            while (len < rest.len && rest.ptr[len] != ' ' &&
                   rest.ptr[len] != '+')
                len++;
            if (scope_parse(span_first(rest, len), &scope) &&
                grant_scope(call, &scope, granted) < 0)
                return -1;
            rest = span_from(rest, len < rest.len ? len + 1 : len);
        }
    }
    return 0;
}

/* The keys, or NULL; ends with followed_put. */
static struct followed_state *get_keys(const struct call *call)
{
    struct caller_rules rules = guard_rules(call->settings);
    struct err complaint = {0};
    struct followed_state *keys =
        caller_source_keys(call->callers, &rules, &complaint);

    if (complaint.code != ERR_NONE)
        log_message(LOG_PRIORITY_ERROR, "%s", complaint.text);
    return keys;
}

static int sign(struct call *call, const struct granted *granted, int64_t now,
                struct buf *token)
{
    const struct settings *settings = call->settings;
    struct token_claims claims = {
        .issuer = settings->token_issuer,
        .service = settings->token_service,
        .subject = call->caller->name,
        .now = now,
        .lifetime = (int64_t)settings->token_lifetime,
        .lists_catalog = granted->catalog,
        .grants = granted->grants,
        .count = granted->count,
    };
    struct followed_state *keys = get_keys(call);
    int result;

    if (keys == NULL)
        return err_set(call->err, ERR_MISCONFIGURED,
                       "there is no key to sign tokens with: see token_keys "
                       "and berth token key");
    result = token_issue(keys->value, &claims, token, call->err);
    followed_put(keys);
    if (result < 0)
        return call->err->code == ERR_TOO_LARGE ? too_much(call) : -1;
    return token->len > SENT_MAX ? too_much(call) : 0;
}

static void tell(struct call *call, struct span token, int64_t now)
{
    struct buf *body = &call->response->bytes;
    char issued[CLOCK_RFC3339_MAX];

    clock_format_rfc3339(now, issued);
    response_header(call->response, "Content-Type", "application/json");
    response_header(call->response, "Cache-Control", "no-store");
    buf_add_format(body,
                   "{\"token\":\"%.*s\",\"access_token\":\"%.*s\","
                   "\"expires_in\":%" PRIu64 ",\"issued_at\":\"%s\"}\n",
                   SPAN_ARGS(token), SPAN_ARGS(token),
                   call->settings->token_lifetime, issued);
}

static int issue(struct call *call, const struct asked *asked)
{
    CLEANUP(buf) struct buf token = BUF_INIT(TOKEN_MAX);
    int64_t now = clock_now_ns() / CLOCK_NS_PER_SECOND;
    const struct settings *settings = call->settings;
    struct span service = asked_for(asked, SPAN("service"));
    struct granted granted = {.count = 0};

    if (settings->token_realm[0] == '\0')
        return err_set(call->err, ERR_ROUTE_UNKNOWN, "no token_realm is set");
    if (service.len > 0 && !is_service(service, settings->token_service)) {
        err_set(call->err, ERR_BAD_REQUEST, "a token for another service");
        return err_detail(call->err, "service has to be %s",
                          settings->token_service);
    }
    if (call->caller->name[0] == '\0' &&
        !(call->caller->has_policy &&
          caller_may_somewhere(call->caller, RIGHT_PULL)))
        return ask_for_password(call, "a name and a password are needed");
    if (grant_all(call, asked, &granted) < 0 ||
        sign(call, &granted, now, &token) < 0)
        return -1;
    tell(call, buf_span(&token), now);
    return 0;
}

static int get_token(struct call *call)
{
    const struct asked asked = {call->request->query,
                                call->request->query_count};

    return issue(call, &asked);
}

/*
 * The password of `grant_type=password` is for nobody here: the web server
 * checks the one in the Authorization field, which is where clients put it
 * when this fails. Who has none is not waited for: who sends slowly would keep
 * others from logging in.
 */
static int post_token(struct call *call)
{
    CLEANUP(buf) struct buf body = BUF_INIT(FORM_MAX);
    CLEANUP(request_form) struct request_form form = {.count = 0};
    struct asked asked;

    if (call->settings->token_realm[0] != '\0' && call->caller->name[0] == '\0')
        return ask_for_password(call, "name and password belong into an "
                                      "Authorization field");
    if (request_read_body(call->request, &body, call->err) < 0) {
        if (call->err->code == ERR_TOO_LARGE)
            return err_recode(call->err, ERR_TOO_MANY_TAGS);
        return -1;
    }
    if (request_parse_form(buf_span(&body), &form, call->err) < 0)
        return -1;
    asked = (struct asked){form.pairs, form.count};
    return issue(call, &asked);
}

static int get_jwks(struct call *call)
{
    struct followed_state *keys = get_keys(call);
    int result;

    if (keys == NULL)
        return err_set(call->err, ERR_ROUTE_UNKNOWN, "there are no keys");
    result =
        token_keys_print_public(keys->value, &call->response->bytes, call->err);
    followed_put(keys);
    if (result < 0)
        return -1;
    response_header(call->response, "Content-Type", "application/json");
    response_header(call->response, "Cache-Control", "max-age=60");
    return 0;
}

static const struct endpoint endpoints[] = {
    {.path = "/token",
     .actions = {ACTION(HTTP_GET, ACCESS_LOGIN, get_token),
                 ACTION(HTTP_POST, ACCESS_LOGIN, post_token)}},
    {.path = "/token/jwks",
     .actions = {ACTION(HTTP_GET, ACCESS_PUBLIC, get_jwks)}},
};

const struct route token_route = {
    .name = "token",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_SIZE(endpoints),
};
