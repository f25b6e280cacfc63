/* SPDX-License-Identifier: MIT */
/* From the text to the tables of policy_internal.h. */
#include <stdlib.h>
#include <string.h>

#include "access/policy.h"
#include "access/policy_internal.h"
#include "base/memory.h"

struct parser {
    const char *file;
    int line;
    struct policy *policy;
    char *room; /* for the next text */
    bool in_groups;
    int groups_line; /* of [groups]; 0 = not yet */
    struct policy_inclusion *inclusions;
    size_t inclusion_count;
};

/* Doubles where the number is a power of two, so that it need not be kept. */
void *policy_grow(void *array, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return array;
    return memory_resize(array, (count > 0 ? 2 * count : 1) * size);
}

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
static int begin_section(struct parser *parser, struct span inside,
                         struct err *err)
{
    struct policy *policy = parser->policy;
    struct policy_section section = {.line = parser->line,
                                     .first = policy->rule_count};
    struct policy_word word;

    if (span_equals(inside, SPAN("groups")))
        return begin_groups(parser, err);
    if (span_starts_with(inside, SPAN("\""))) {
        if (policy_word_take(&inside, '\0', &parser->room, &word, err) < 0)
            return -1;
        section.pattern = word.name;
    } else {
        section.pattern = policy_word_keep(&parser->room, inside);
    }
    if (policy_pattern_check(span_of(section.pattern), &section, err) < 0)
        return -1;
    parser->in_groups = false;
    policy->sections = policy_grow(policy->sections, policy->section_count,
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
            policy_grow(parser->inclusions, parser->inclusion_count,
                        sizeof(*parser->inclusions));
        parser->inclusions[parser->inclusion_count++] =
            (struct policy_inclusion){
                .name = word->name, .outer = group, .line = parser->line};
        return 0;
    }
    policy->memberships =
        policy_grow(policy->memberships, policy->membership_count,
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
    policy->groups = policy_grow(policy->groups, policy->group_count,
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
        policy_grow(policy->rules, policy->rule_count, sizeof(*policy->rules));
    policy->rules[policy->rule_count++] = rule;
    policy->sections[policy->section_count - 1].count++;
    return 0;
}

static int read_line(struct parser *parser, struct span line, struct err *err)
{
    if (line.len > POLICY_LINE_MAX)
        return err_set(err, ERR_SYNTAX, "a line of more than %d bytes",
                       POLICY_LINE_MAX);
    if (line.len > 0 && memchr(line.ptr, '\0', line.len) != NULL)
        return err_set(err, ERR_SYNTAX, "a NUL byte; is this a text?");
    line = span_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return 0;
    if (line.ptr[0] == '[') {
        if (line.ptr[line.len - 1] != ']')
            return err_set(err, ERR_SYNTAX, "a [ without a ] at the end");
        return begin_section(
            parser, span_trim((struct span){line.ptr + 1, line.len - 2}), err);
    }
    return parser->in_groups ? read_group(parser, line, err)
                             : read_rule(parser, line, err);
}

static int read_lines(struct parser *parser, struct span text, struct err *err)
{
    while (text.len > 0) {
        struct span line = span_cut(&text, '\n');

        if (span_ends_with(line, SPAN("\r")))
            line.len--;
        parser->line++;
        if (read_line(parser, line, err) < 0)
            return err_wrap(err, "%s:%d", parser->file, parser->line);
    }
    return 0;
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

/*
 * Repositories by name, to be searched; then globs as berth-policy(5) says. Of
 * those with prefixes of one length, all that match a name have the same
 * prefix; so to sort by that as well changes nothing, and it can be searched.
 */
static int compare_sections(const void *a, const void *b)
{
    const struct policy_section *x = a, *y = b;
    int order;

    if (policy_pattern_is_exact(x) != policy_pattern_is_exact(y))
        return policy_pattern_is_exact(x) ? -1 : 1;
    if (policy_pattern_is_exact(x))
        return strcmp(x->pattern, y->pattern);
    if (x->prefix != y->prefix)
        return x->prefix > y->prefix ? -1 : 1;
    order = memcmp(x->pattern, y->pattern, x->prefix);
    if (order != 0)
        return order;
    if (x->literals != y->literals)
        return x->literals > y->literals ? -1 : 1;
    return (x->line > y->line) - (x->line < y->line);
}

static int sort_sections(struct policy *policy, const char *file,
                         struct err *err)
{
    size_t count = policy->section_count;
    struct policy_entry *patterns = memory_new((count + 1) * sizeof(*patterns));
    int result;

    for (size_t i = 0; i < count; i++) {
        patterns[i].name = policy->sections[i].pattern;
        patterns[i].line = policy->sections[i].line;
    }
    result = policy_entries_sort(patterns, count, "section", file, err);
    free(patterns);
    if (result < 0 || count == 0)
        return result;
    qsort(policy->sections, count, sizeof(*policy->sections), compare_sections);
    while (policy->exact_count < count &&
           policy_pattern_is_exact(&policy->sections[policy->exact_count]))
        policy->exact_count++;
    return 0;
}

int policy_parse(struct span text, const char *file, struct policy **out,
                 struct err *err)
{
    CLEANUP(policy) struct policy *policy = NULL;
    struct parser parser = {.file = file};
    int result;

    if (text.len > POLICY_SIZE_MAX)
        return err_set(err, ERR_SYNTAX, "%s: more than %d bytes", file,
                       POLICY_SIZE_MAX);
    if (span_starts_with(text, SPAN("\xEF\xBB\xBF")))
        text = span_from(text, 3);
    policy = memory_new(sizeof(*policy));
    policy->texts = memory_new(2 * text.len + 1); /* see policy_word_take */
    parser.policy = policy;
    parser.room = policy->texts;
    result = read_lines(&parser, text, err);
    if (result == 0)
        result = policy_groups_resolve(policy, parser.inclusions,
                                       parser.inclusion_count, file, err);
    free(parser.inclusions);
    if (result < 0 || sort_all_rules(policy, file, err) < 0 ||
        sort_sections(policy, file, err) < 0)
        return -1;
    *out = policy;
    policy = NULL;
    return 0;
}
