/* SPDX-License-Identifier: MIT */
#include "access/scope.h"

#include "base/compiler.h"
#include "oci/name.h"

unsigned scope_action_rights(struct span action)
{
    static const struct {
        struct span action;
        unsigned rights;
    } actions[] = {
        {{"pull", 4}, RIGHT_PULL},
        {{"push", 4}, RIGHT_PUSH},
        {{"delete", 6}, RIGHT_DELETE},
        {{"*", 1}, RIGHT_PULL | RIGHT_PUSH | RIGHT_DELETE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
        if (span_equals(action, actions[i].action))
            return actions[i].rights;
    return 0;
}

static unsigned parse_actions(struct span list)
{
    unsigned rights = 0;

    while (list.len > 0)
        rights |= scope_action_rights(span_cut(&list, ','));
    return rights;
}

/* Cuts the text behind the last ':' off its end; false without one. */
static bool cut_actions(struct span *text, struct span *actions)
{
    size_t at = text->len;

    while (at > 0 && text->ptr[at - 1] != ':')
        at--;
    if (at == 0)
        return false;
    *actions = span_from(*text, at);
    text->len = at - 1;
    return true;
}

bool scope_parse(struct span text, struct scope *out)
{
    struct span name = text, actions, type;

    if (!cut_actions(&name, &actions))
        return false;
    type = span_cut(&name, ':');
    if (span_equals(type, SPAN("registry"))) {
        *out = (struct scope){.repository = SPAN("")};
        if (span_equals(name, SPAN("catalog")) &&
            span_equals(actions, SPAN("*")))
            out->rights = RIGHT_CATALOG;
        return out->rights != 0;
    }
    type = span_cut(&type, '(');
    if (!span_equals(type, SPAN("repository")) || !name_is_valid(name))
        return false;
    *out = (struct scope){name, parse_actions(actions)};
    return true;
}
