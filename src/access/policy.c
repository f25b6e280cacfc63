/* SPDX-License-Identifier: MIT */
#include "access/policy.h"

#include <stdlib.h>
#include <string.h>

#include "access/policy_internal.h"
#include "base/buf.h"
#include "base/sections.h"

void policy_free(struct policy *policy)
{
    if (policy == NULL)
        return;
    free(policy->texts);
    free(policy->sections);
    free(policy->patterns.items);
    free(policy->rules);
    free(policy->groups);
    free(policy->memberships);
    free(policy->ancestors);
    free(policy);
}

void policy_cleanup(struct policy **policy)
{
    policy_free(*policy);
    *policy = NULL;
}

/* --- which line of which section --- */

static const struct policy_section *find_section(const struct policy *policy,
                                                 const char *repository)
{
    struct pattern_search search = {.list = &policy->patterns,
                                    .name = repository};
    const struct pattern *first = pattern_next(&search);

    return first != NULL ? &policy->sections[first->number] : NULL;
}

static const struct policy_rule *find_rule(const struct policy *policy,
                                           const struct policy_section *section,
                                           enum policy_rule_kind kind,
                                           const char *name)
{
    size_t low = section->first, high = low + section->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct policy_rule *rule = &policy->rules[middle];
        int order = rule->kind != kind ? (rule->kind < kind ? -1 : 1)
                                       : strcmp(rule->name, name);

        if (order == 0)
            return rule;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The number of the first membership whose user is not before this one. */
static size_t find_memberships(const struct policy *policy, const char *user)
{
    size_t low = 0, high = policy->membership_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(policy->memberships[middle].user, user) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The lines of the group and of those it is in; `*first` is that of them. */
static unsigned rights_of_group(const struct policy *policy,
                                const struct policy_section *section,
                                const struct policy_group *group,
                                const struct policy_rule **first)
{
    unsigned rights = 0;

    for (size_t i = 0; i < group->count; i++) {
        size_t ancestor = policy->ancestors[group->first + i];
        const struct policy_rule *rule = find_rule(
            policy, section, RULE_GROUP, policy->groups[ancestor].name);

        if (rule == NULL)
            continue;
        rights |= rule->rights;
        if (*first == NULL || rule->line < (*first)->line)
            *first = rule;
    }
    return rights;
}

static unsigned rights_of_groups(const struct policy *policy,
                                 const struct policy_section *section,
                                 const char *user,
                                 const struct policy_rule **first)
{
    unsigned rights = 0;

    for (size_t i = find_memberships(policy, user);
         i < policy->membership_count &&
         strcmp(policy->memberships[i].user, user) == 0;
         i++)
        rights |= rights_of_group(policy, section,
                                  &policy->groups[policy->memberships[i].group],
                                  first);
    return rights;
}

/* `*rule` is what decided, or the first of that; NULL = nothing did. */
static unsigned decide(const struct policy *policy,
                       const struct policy_section *section, const char *user,
                       const struct policy_rule **rule)
{
    *rule = NULL;
    if (user[0] != '\0') {
        unsigned rights;

        *rule = find_rule(policy, section, RULE_USER, user);
        if (*rule != NULL)
            return (*rule)->rights;
        rights = rights_of_groups(policy, section, user, rule);
        if (*rule != NULL)
            return rights;
        *rule = find_rule(policy, section, RULE_AUTHENTICATED, "");
    }
    if (*rule == NULL)
        *rule = find_rule(policy, section, RULE_ANONYMOUS, "");
    return *rule != NULL ? (*rule)->rights : 0;
}

unsigned policy_rights(const struct policy *policy, const char *user,
                       const char *repository, struct policy_reason *reason)
{
    const struct policy_section *section = find_section(policy, repository);
    const struct policy_rule *rule = NULL;
    unsigned rights =
        section != NULL ? decide(policy, section, user, &rule) : 0;

    if (reason == NULL)
        return rights;
    *reason = (struct policy_reason){0};
    if (section != NULL) {
        reason->pattern = section->pattern;
        reason->section_line = section->line;
    }
    if (rule != NULL) {
        reason->principal = rule->principal;
        reason->line = rule->line;
        reason->rights = rule->rights;
    }
    return rights;
}

bool policy_grants_somewhere(const struct policy *policy, const char *user,
                             unsigned right)
{
    const struct policy_rule *rule;

    for (size_t i = 0; i < policy->section_count; i++)
        if ((decide(policy, &policy->sections[i], user, &rule) & right) ==
            right)
            return true;
    return false;
}

/* --- as a file --- */

int policy_read(const char *path, struct policy **out, struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(SECTIONS_SIZE_MAX);

    if (sections_read(path, &text, err) < 0)
        return -1;
    return policy_parse(buf_span(&text), path, out, err);
}

static int read_state(const char *path, void **value, struct err *err)
{
    struct policy *policy = NULL;

    if (policy_read(path, &policy, err) < 0)
        return -1;
    *value = policy;
    return 0;
}

static void free_state(void *value)
{
    policy_free(value);
}

const struct followed_kind policy_kind = {read_state, free_state};
