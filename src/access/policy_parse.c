/* SPDX-License-Identifier: MIT */
/* From the text to the tables of policy_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "access/policy.h"
#include "access/policy_internal.h"
#include "base/memory.h"
#include "base/sections.h"

struct parser {
    int line;
    struct policy *policy;
    char *room; /* for the next text */
    bool in_groups;
    int groups_line; /* of [groups]; 0 = not yet */
    struct policy_inclusion *inclusions;
    size_t inclusion_count;
};

/* --- lines --- */

static int begin_groups(struct parser *parser, struct err *err)
{
    if (parser->groups_line != 0)
        return err_set(err, ERR_SYNTAX, "[groups] is in line %d already",
                       parser->groups_line);
    parser->groups_line = parser->line;
    parser->in_groups = true;
    return 0;
}

/* What is in the brackets; in quotes it is no word of ours. */
static int begin_section(void *context, struct span inside, int line,
                         struct err *err)
{
    struct parser *parser = context;
    struct policy *policy = parser->policy;
    struct policy_section section = {.line = line, .first = policy->rule_count};
    struct pattern pattern = {.line = line, .number = policy->section_count};
    struct policy_word word;

    parser->line = line;
    if (span_equals(inside, SPAN("groups")))
        return begin_groups(parser, err);
    if (span_starts_with(inside, SPAN("\""))) {
        if (policy_word_take(&inside, '\0', &parser->room, &word, err) < 0)
            return -1;
        section.pattern = word.name;
    } else {
        section.pattern = policy_word_keep(&parser->room, inside);
    }
    if (pattern_parse(section.pattern, &pattern, err) < 0)
        return -1;
    parser->in_groups = false;
    pattern_list_add(&policy->patterns, &pattern);
    policy->sections = memory_grow(policy->sections, policy->section_count,
                                   sizeof(*policy->sections));
    policy->sections[policy->section_count++] = section;
    return 0;
}

static int add_member(struct parser *parser, const struct policy_word *word,
                      struct err *err)
{
    struct policy *policy = parser->policy;
    size_t group = policy->group_count - 1;

    if (word->sign == '$')
        return err_set(err, ERR_SYNTAX,
                       "a group has users and groups in it, not %s",
                       word->text);
    if (word->sign == '@') {
        parser->inclusions =
            memory_grow(parser->inclusions, parser->inclusion_count,
                        sizeof(*parser->inclusions));
        parser->inclusions[parser->inclusion_count++] =
            (struct policy_inclusion){
                .name = word->name, .outer = group, .line = parser->line};
        return 0;
    }
    policy->memberships =
        memory_grow(policy->memberships, policy->membership_count,
                    sizeof(*policy->memberships));
    policy->memberships[policy->membership_count++] =
        (struct policy_membership){word->name, group};
    return 0;
}

static int read_group(struct parser *parser, struct span rest, struct err *err)
{
    struct policy *policy = parser->policy;
    struct policy_word word;

    if (policy_word_take(&rest, '=', &parser->room, &word, err) < 0)
        return -1;
    if (rest.ptr == NULL)
        return err_set(err, ERR_SYNTAX, "expected group = user, @group");
    if (word.sign != '\0')
        return err_set(err, ERR_SYNTAX,
                       "the name of a group begins with no %c here", word.sign);
    policy->groups = memory_grow(policy->groups, policy->group_count,
                                 sizeof(*policy->groups));
    policy->groups[policy->group_count++] =
        (struct policy_group){.name = word.name, .line = parser->line};
    rest = span_trim(rest);
    for (bool more = rest.len > 0; more; more = rest.ptr != NULL)
        if (policy_word_take(&rest, ',', &parser->room, &word, err) < 0 ||
            add_member(parser, &word, err) < 0)
            return -1;
    return 0;
}

static int set_principal(struct policy_rule *rule,
                         const struct policy_word *word, struct err *err)
{
    rule->principal = word->text;
    rule->name = word->name;
    rule->kind = word->sign == '@' ? RULE_GROUP : RULE_USER;
    if (word->sign != '$')
        return 0;
    rule->name = "";
    if (strcmp(word->text, "$authenticated") == 0)
        rule->kind = RULE_AUTHENTICATED;
    else if (strcmp(word->text, "$anonymous") == 0)
        rule->kind = RULE_ANONYMOUS;
    else
        return err_set(err, ERR_SYNTAX,
                       "%s is neither $authenticated nor $anonymous",
                       word->text);
    return 0;
}

static int read_rule(struct parser *parser, struct span rest, struct err *err)
{
    struct policy *policy = parser->policy;
    struct policy_rule rule = {.line = parser->line};
    struct policy_word word;

    if (policy->section_count == 0)
        return err_set(err, ERR_SYNTAX, "a line before the first [section]");
    if (policy_word_take(&rest, '=', &parser->room, &word, err) < 0 ||
        set_principal(&rule, &word, err) < 0)
        return -1;
    if (rest.ptr == NULL)
        return err_set(err, ERR_SYNTAX, "expected name = right, right");
    if (rights_parse(rest, &rule.rights, err) < 0)
        return -1;
    policy->rules =
        memory_grow(policy->rules, policy->rule_count, sizeof(*policy->rules));
    policy->rules[policy->rule_count++] = rule;
    policy->sections[policy->section_count - 1].count++;
    return 0;
}

static int read_line(void *context, struct span text, int line, struct err *err)
{
    struct parser *parser = context;

    parser->line = line;
    return parser->in_groups ? read_group(parser, text, err)
                             : read_rule(parser, text, err);
}

/* --- order --- */

static int compare_rules(const void *a, const void *b)
{
    const struct policy_rule *x = a, *y = b;
    int order;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* A name once in a section, or which line counts? */
static int sort_rules(struct policy_rule *rules, size_t count, const char *file,
                      struct err *err)
{
    const struct policy_rule *again = NULL;

    if (count > 0)
        qsort(rules, count, sizeof(*rules), compare_rules);
    for (size_t i = 1; i < count; i++)
        if (rules[i - 1].kind == rules[i].kind &&
            strcmp(rules[i - 1].name, rules[i].name) == 0 &&
            (again == NULL || rules[i].line < again->line))
            again = &rules[i];
    if (again == NULL)
        return 0;
    return err_set(err, ERR_SYNTAX, "%s:%d: %s is in line %d already", file,
                   again->line, again->principal, again[-1].line);
}

static int sort_all_rules(struct policy *policy, const char *file,
                          struct err *err)
{
    for (size_t i = 0; i < policy->section_count; i++) {
        const struct policy_section *section = &policy->sections[i];

        if (section->count > 0 && sort_rules(policy->rules + section->first,
                                             section->count, file, err) < 0)
            return -1;
    }
    return 0;
}

int policy_parse(struct span text, const char *file, struct policy **out,
                 struct err *err)
{
    CLEANUP(policy) struct policy *policy = memory_new(sizeof(*policy));
    struct parser parser = {.policy = policy};
    int result;

    /* What is too long has no texts; see policy_word_take. */
    if (text.len <= SECTIONS_SIZE_MAX)
        policy->texts = memory_new(2 * text.len + 1);
    parser.room = policy->texts;
    result = sections_parse(text, file, begin_section, read_line, &parser, err);
    if (result == 0)
        result = policy_groups_resolve(policy, parser.inclusions,
                                       parser.inclusion_count, file, err);
    free(parser.inclusions);
    if (result < 0 || sort_all_rules(policy, file, err) < 0 ||
        pattern_list_sort(&policy->patterns, file, err) < 0)
        return -1;
    *out = policy;
    policy = NULL;
    return 0;
}
