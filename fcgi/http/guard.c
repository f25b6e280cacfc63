/* SPDX-License-Identifier: MIT */
#include "http/guard.h"

#include <stdatomic.h>

#include "base/log.h"
#include "store/guarded.h"

struct caller_rules guard_rules(const struct settings *settings)
{
    return (struct caller_rules){
        .policy = settings->policy,
        .realm = settings->token_realm,
        .service = settings->token_service,
        .issuer = settings->token_issuer,
        .keys = settings->token_keys,
        .trusted_issuer = settings->trusted_issuer,
        .certificates = settings->trusted_certificates,
        .jwks = settings->trusted_jwks,
    };
}

static bool is_guarded(const struct settings *settings)
{
    return settings->policy[0] != '\0' || settings->token_realm[0] != '\0';
}

void guard_mark(const struct call *call, const struct action *action)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;
    bool guarded = is_guarded(call->settings);
    struct err err = {0};

    if (!guarded && (action == NULL || action->access != ACCESS_PING))
        return;
    if (guarded_set(call->store, guarded, &err) < 0 &&
        !atomic_flag_test_and_set(&told))
        log_message(LOG_PRIORITY_WARNING,
                    "the web server cannot be told whether it may send blobs "
                    "by itself: %s",
                    err.text);
}

/*
 * Blobs the web server sends by itself are asked of nobody here. So it must
 * not do that, and nothing works until it does not.
 */
static int check_direct(const struct call *call, struct err *err)
{
    const struct settings *settings = call->settings;

    if (request_parameter(call->request, "BERTH_DIRECT").len == 0)
        return 0;
    if (!is_guarded(settings))
        return 0;
    return err_set(err, ERR_MISCONFIGURED,
                   "the web server sends blobs by itself, past %s: see "
                   "berth_direct and berth_policy in its settings.conf",
                   settings->policy[0] != '\0' ? "the policy" : "tokens");
}

/* Where the web server asks nobody, tokens have to be asked for here. */
static int check_bearer(const struct call *call, struct err *err)
{
    if (request_parameter(call->request, "BERTH_BEARER").len == 0 ||
        call->settings->token_realm[0] != '\0')
        return 0;
    return err_set(err, ERR_MISCONFIGURED,
                   "the web server asks nobody for a password, as there are "
                   "to be tokens, and token_realm is not set");
}

/* One field, or what the web server made of several is no credentials. */
static int find_authorization(const struct request *request, struct span *out,
                              struct err *err)
{
    static const struct span name = {"HTTP_AUTHORIZATION=", 19};

    *out = SPAN("");
    for (const char *const *p = request->parameters; *p != NULL; p++) {
        if (!span_starts_with(span_of(*p), name))
            continue;
        if (out->len > 0)
            return err_set(err, ERR_UNAUTHORIZED, "two Authorization fields");
        *out = span_from(span_of(*p), name.len);
    }
    return 0;
}

int guard_enter(const struct call *call, const struct action *action,
                struct caller *out, struct err *err)
{
    struct caller_rules rules = guard_rules(call->settings);
    struct span authorization = SPAN("");
    struct err complaint = {0};
    int result;

    if (action != NULL && action->access == ACCESS_PUBLIC)
        return 0;
    if (check_direct(call, err) < 0 || check_bearer(call, err) < 0)
        return -1;
    if ((action != NULL && action->access == ACCESS_LOGIN) ||
        rules.realm[0] == '\0')
        result = caller_begin_named(call->callers, &rules,
                                    call->request->remote_user, out, &complaint,
                                    err);
    else if (find_authorization(call->request, &authorization, err) < 0)
        result = -1;
    else
        result = caller_begin_bearer(call->callers, &rules, authorization, out,
                                     &complaint, err);
    if (complaint.code != ERR_NONE)
        log_message(LOG_PRIORITY_ERROR, "%s", complaint.text);
    return result;
}

static unsigned right_of(enum action_access access)
{
    switch (access) {
    case ACCESS_PULL:
        return RIGHT_PULL;
    case ACCESS_PUSH:
        return RIGHT_PUSH;
    case ACCESS_DELETE:
        return RIGHT_DELETE;
    case ACCESS_CATALOG:
        return RIGHT_CATALOG;
    case ACCESS_NONE:
    case ACCESS_PUBLIC:
    case ACCESS_LOGIN:
    case ACCESS_PING:
        break;
    }
    return 0;
}

static bool is_admitted(const struct call *call, const struct action *action)
{
    unsigned right = right_of(action->access);

    if (right == 0)
        return action->access != ACCESS_NONE;
    if (right == RIGHT_CATALOG)
        return caller_may_somewhere(call->caller, right);
    return caller_may(call->caller, right, call->name);
}

/*
 * docker gives up at once on an error with a detail; one without, whose message
 * is the usual one, it tries four times more, for 50 seconds.
 */
static int deny(const struct call *call, const struct action *action,
                struct err *err)
{
    CLEANUP(buf) struct buf right = BUF_INIT(64);
    const char *name = call->caller->name;

    rights_print(right_of(action->access), &right);
    err_set(err, ERR_DENIED, "%s may not do that",
            name[0] != '\0' ? name : "nobody");
    return err_detail(err, "%s is not granted", buf_text(&right));
}

int guard_admit(const struct call *call, const struct action *action,
                struct err *err)
{
    if (is_admitted(call, action))
        return 0;
    if (call->caller->has_token)
        return err_set(err, ERR_UNAUTHORIZED, "the token is not good for that");
    return deny(call, action, err);
}

/* The actions of a scope that would do, as registry:2 asks for them. */
static const char *actions_for(unsigned right)
{
    switch (right) {
    case RIGHT_PUSH:
        return "pull,push";
    case RIGHT_DELETE:
        return "delete";
    default:
        return "pull";
    }
}

/* What a token for this would have to be good for. */
static void add_scope(const struct call *call, const struct action *action,
                      struct buf *into)
{
    unsigned right = right_of(action->access);
    struct span from;

    if (right == RIGHT_CATALOG)
        buf_add(into, SPAN(",scope=\"registry:catalog:*\""));
    if (call->name[0] == '\0' || right == 0)
        return;
    buf_add_format(into, ",scope=\"repository:%s:%s", call->name,
                   actions_for(right));
    if (right == RIGHT_PUSH && request_query(call->request, "from", &from) &&
        name_is_valid(from))
        buf_add_format(into, " repository:%.*s:pull", SPAN_ARGS(from));
    buf_add_char(into, '"');
}

void guard_challenge(const struct call *call, const struct action *action,
                     struct response *response)
{
    CLEANUP(buf) struct buf challenge = BUF_INIT(4096);
    const struct settings *settings = call->settings;
    const struct caller *caller = call->caller;

    if (settings->token_realm[0] == '\0')
        return;
    buf_add_format(&challenge, "Bearer realm=\"%s\",service=\"%s\"",
                   settings->token_realm, settings->token_service);
    if (action != NULL)
        add_scope(call, action, &challenge);
    if (caller->token != NULL)
        buf_add(&challenge, SPAN(",error=\"insufficient_scope\""));
    else if (caller->token_is_bad)
        buf_add(&challenge, SPAN(",error=\"invalid_token\""));
    response_header(response, "WWW-Authenticate", "%s", buf_text(&challenge));
}
