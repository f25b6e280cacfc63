/* SPDX-License-Identifier: MIT */
/*
 * A user, a repository and a policy: a first line, a second, and the rest.
 * What was accepted decides as the manual page says, which is written out here
 * without any order or search.
 */
#include "fuzz.h"

#include "access/policy.h"
#include "access/policy_internal.h"
#include "oci/name.h"
#include "plain_pattern.h"

static const struct policy_section *best_section(const struct policy *policy,
                                                 const char *repository)
{
    const struct policy_section *best = NULL;

    for (size_t i = 0; i < policy->section_count; i++) {
        const struct policy_section *section = &policy->sections[i];

        if (plain_matches(section->pattern, repository) &&
            (best == NULL || plain_is_better(section->pattern, section->line,
                                             best->pattern, best->line)))
            best = section;
    }
    return best;
}

static bool is_in(const struct policy *policy, const char *user,
                  const char *name)
{
    for (size_t i = 0; i < policy->membership_count; i++) {
        const struct policy_membership *membership = &policy->memberships[i];
        const struct policy_group *group = &policy->groups[membership->group];

        for (size_t j = 0; j < group->count; j++) {
            size_t outer = policy->ancestors[group->first + j];

            if (strcmp(membership->user, user) == 0 &&
                strcmp(policy->groups[outer].name, name) == 0)
                return true;
        }
    }
    return false;
}

static bool is_for(const struct policy *policy, const struct policy_rule *rule,
                   const char *user)
{
    switch (rule->kind) {
    case RULE_USER:
        return strcmp(rule->name, user) == 0;
    case RULE_GROUP:
        return is_in(policy, user, rule->name);
    case RULE_AUTHENTICATED:
        return user[0] != '\0';
    case RULE_ANONYMOUS:
        return true;
    }
    return false;
}

/* Of the lines that are for the user, all of the first kind there is. */
static unsigned expected_rights(const struct policy *policy,
                                const struct policy_section *section,
                                const char *user, int *first_line)
{
    *first_line = 0;
    for (int kind = RULE_USER; kind <= RULE_ANONYMOUS; kind++) {
        unsigned rights = 0;

        for (size_t i = 0; i < section->count; i++) {
            const struct policy_rule *rule = &policy->rules[section->first + i];

            if ((int)rule->kind != kind || !is_for(policy, rule, user))
                continue;
            rights |= rule->rights;
            if (*first_line == 0 || rule->line < *first_line)
                *first_line = rule->line;
        }
        if (*first_line != 0)
            return rights;
    }
    return 0;
}

static void check_decision(const struct policy *policy, const char *user,
                           const char *repository)
{
    const struct policy_section *section = best_section(policy, repository);
    struct policy_reason reason;
    unsigned rights = policy_rights(policy, user, repository, &reason);
    int line = 0;

    MUST(policy_rights(policy, user, repository, NULL) == rights);
    MUST((rights & ~(unsigned)RIGHTS_ALL) == 0);
    MUST((rights & RIGHT_ADMIN) == 0 || rights == RIGHTS_ALL);
    MUST((reason.pattern != NULL) == (section != NULL));
    if (section == NULL) {
        MUST(rights == 0 && reason.principal == NULL);
        return;
    }
    MUST(reason.section_line == section->line);
    MUST(strcmp(reason.pattern, section->pattern) == 0);
    MUST(rights == expected_rights(policy, section, user, &line));
    MUST(reason.line == line);
    MUST((reason.rights & ~rights) == 0);
    MUST(rights == 0 || policy_grants_somewhere(policy, user, rights));
}

/* Users and repositories of the file itself are the likeliest to matter. */
static void check_all(const struct policy *policy, const char *user,
                      const char *repository)
{
    check_decision(policy, user, repository);
    check_decision(policy, "", repository);
    for (size_t i = 0; i < policy->membership_count && i < 8; i++)
        check_decision(policy, policy->memberships[i].user, repository);
    for (size_t i = 0; i < policy->section_count && i < 8; i++)
        if (name_is_valid(span_of(policy->sections[i].pattern)))
            check_decision(policy, user, policy->sections[i].pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = fuzz_input(data, size);
    CLEANUP(fuzz_text) char *user = fuzz_text(span_cut(&rest, '\n'));
    CLEANUP(fuzz_text) char *repository = fuzz_text(span_cut(&rest, '\n'));
    CLEANUP(policy) struct policy *policy = NULL;
    struct err err = {0};

    if (policy_parse(rest, "file", &policy, &err) < 0) {
        MUST(err.code == ERR_SYNTAX && policy == NULL);
        MUST(strncmp(err.text, "file:", 5) == 0);
        return 0;
    }
    check_all(policy, user,
              name_is_valid(span_of(repository)) ? repository : "team/app");
    return 0;
}
