/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "access/policy_internal.h"
#include "base/memory.h"

/*
 * How many pairs of a group and one it is in there may be, itself included:
 * what a request and the memory cost by groups in groups is bound by it.
 */
#define ANCESTORS_MAX (256 * 1024)

/* The name of a group, which is there once; sorted. */
struct entry {
    const char *name;
    size_t number;
    int line;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int sort_entries(struct entry *entries, size_t count, const char *file,
                        struct err *err)
{
    const struct entry *again = NULL;

    if (count > 0)
        qsort(entries, count, sizeof(*entries), compare_entries);
    for (size_t i = 1; i < count; i++)
        if (strcmp(entries[i - 1].name, entries[i].name) == 0 &&
            (again == NULL || entries[i].line < again->line))
            again = &entries[i];
    if (again == NULL)
        return 0;
    return err_set(err, ERR_SYNTAX, "%s:%d: the group %s is in line %d already",
                   file, again->line, again->name, again[-1].line);
}

static const struct entry *find_entry(const struct entry *entries, size_t count,
                                      const char *name)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(entries[middle].name, name);

        if (order == 0)
            return &entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static int say_unknown(const char *file, int line, const char *name,
                       struct err *err)
{
    return err_set(err, ERR_SYNTAX, "%s:%d: there is no group %s", file, line,
                   name);
}

/* Those a section names are there. */
static int check_rules(const struct policy *policy, const struct entry *names,
                       const char *file, struct err *err)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        const struct policy_rule *rule = &policy->rules[i];

        if (rule->kind == RULE_GROUP &&
            find_entry(names, policy->group_count, rule->name) == NULL)
            return say_unknown(file, rule->line, rule->name, err);
    }
    return 0;
}

/* --- which groups a group is in --- */

struct walk {
    struct policy *policy;
    const char *file;
    struct policy_inclusion *inclusions; /* sorted by inner and outer group */
    size_t count;
    size_t *next;    /* of each group: the inclusion to follow next */
    size_t *path;    /* from where we began to where we are, outwards */
    size_t depth;    /* groups in the path */
    bool *is_inside; /* the path */
    size_t *seen_by; /* the last group, plus 1, that this one was noted for */
    size_t used;     /* of the ancestors */
};

static int compare_inclusions(const void *a, const void *b)
{
    const struct policy_inclusion *x = a, *y = b;

    if (x->inner != y->inner)
        return x->inner < y->inner ? -1 : 1;
    return (x->outer > y->outer) - (x->outer < y->outer);
}

static int note(struct walk *walk, size_t group, size_t ancestor,
                struct err *err)
{
    struct policy *policy = walk->policy;

    if (walk->seen_by[ancestor] == group + 1)
        return 0;
    walk->seen_by[ancestor] = group + 1;
    if (walk->used == ANCESTORS_MAX)
        return err_set(err, ERR_SYNTAX,
                       "%s:%d: too many groups in groups, with %s", walk->file,
                       policy->groups[group].line, policy->groups[group].name);
    policy->ancestors =
        memory_grow(policy->ancestors, walk->used, sizeof(size_t));
    policy->ancestors[walk->used++] = ancestor;
    policy->groups[group].count++;
    return 0;
}

/* Those it is in are done: it is in what they are in. */
static int finish(struct walk *walk, size_t group, struct err *err)
{
    struct policy *policy = walk->policy;
    size_t end = walk->next[group];
    size_t i = end;

    policy->groups[group].first = walk->used;
    if (note(walk, group, group, err) < 0)
        return -1;
    while (i > 0 && walk->inclusions[i - 1].inner == group)
        i--;
    for (; i < end; i++) {
        const struct policy_group *outer =
            &policy->groups[walk->inclusions[i].outer];

        for (size_t j = 0; j < outer->count; j++)
            if (note(walk, group, policy->ancestors[outer->first + j], err) < 0)
                return -1;
    }
    return 0;
}

static int enter(struct walk *walk, size_t group, struct err *err)
{
    const struct policy_group *again = &walk->policy->groups[group];

    if (walk->is_inside[group]) {
        size_t last = walk->path[walk->depth - 1];

        if (last == group)
            return err_set(err, ERR_SYNTAX, "%s:%d: the group %s is in itself",
                           walk->file, again->line, again->name);
        return err_set(err, ERR_SYNTAX,
                       "%s:%d: the group %s is in itself, by way of %s",
                       walk->file, again->line, again->name,
                       walk->policy->groups[last].name);
    }
    walk->is_inside[group] = true;
    walk->path[walk->depth++] = group;
    return 0;
}

/* Without recursion: a path may be as long as a file has lines. */
static int climb(struct walk *walk, size_t start, struct err *err)
{
    if (enter(walk, start, err) < 0)
        return -1;
    while (walk->depth > 0) {
        size_t group = walk->path[walk->depth - 1];
        size_t next = walk->next[group];

        if (next < walk->count && walk->inclusions[next].inner == group) {
            size_t outer = walk->inclusions[next].outer;

            walk->next[group]++;
            if (walk->policy->groups[outer].count == 0 &&
                enter(walk, outer, err) < 0)
                return -1;
            continue;
        }
        if (finish(walk, group, err) < 0)
            return -1;
        walk->is_inside[group] = false;
        walk->depth--;
    }
    return 0;
}

/* Sorts, leaves each out but once, and finds where those of a group begin. */
static void prepare(struct walk *walk, size_t count)
{
    struct policy_inclusion *all = walk->inclusions;

    if (count > 0)
        qsort(all, count, sizeof(*all), compare_inclusions);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare_inclusions(&all[i - 1], &all[i]) == 0)
            continue;
        all[walk->count++] = all[i];
    }
    for (size_t i = walk->count; i-- > 0;)
        walk->next[all[i].inner] = i;
}

static int find_ancestors(struct walk *walk, size_t count, struct err *err)
{
    size_t groups = walk->policy->group_count;
    int result = 0;

    walk->next = memory_new((groups + 1) * sizeof(size_t));
    walk->path = memory_new((groups + 1) * sizeof(size_t));
    walk->seen_by = memory_new((groups + 1) * sizeof(size_t));
    walk->is_inside = memory_new((groups + 1) * sizeof(bool));
    prepare(walk, count);
    for (size_t i = 0; result == 0 && i < groups; i++)
        if (walk->policy->groups[i].count == 0)
            result = climb(walk, i, err);
    free(walk->next);
    free(walk->path);
    free(walk->seen_by);
    free(walk->is_inside);
    return result;
}

static int find_inner(const struct policy *policy, const struct entry *names,
                      struct policy_inclusion *inclusions, size_t count,
                      const char *file, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct entry *found =
            find_entry(names, policy->group_count, inclusions[i].name);

        if (found == NULL)
            return say_unknown(file, inclusions[i].line, inclusions[i].name,
                               err);
        inclusions[i].inner = found->number;
    }
    return 0;
}

static int compare_memberships(const void *a, const void *b)
{
    const struct policy_membership *x = a, *y = b;

    return strcmp(x->user, y->user);
}

static struct entry *name_groups(const struct policy *policy)
{
    struct entry *names =
        memory_new((policy->group_count + 1) * sizeof(*names));

    for (size_t i = 0; i < policy->group_count; i++) {
        names[i].name = policy->groups[i].name;
        names[i].number = i;
        names[i].line = policy->groups[i].line;
    }
    return names;
}

int policy_groups_resolve(struct policy *policy,
                          struct policy_inclusion *inclusions,
                          size_t inclusion_count, const char *file,
                          struct err *err)
{
    struct walk walk = {
        .policy = policy, .file = file, .inclusions = inclusions};
    struct entry *names = name_groups(policy);
    int result = 0;

    if (sort_entries(names, policy->group_count, file, err) < 0 ||
        find_inner(policy, names, inclusions, inclusion_count, file, err) < 0 ||
        check_rules(policy, names, file, err) < 0 ||
        find_ancestors(&walk, inclusion_count, err) < 0)
        result = -1;
    free(names);
    if (policy->membership_count > 0)
        qsort(policy->memberships, policy->membership_count,
              sizeof(*policy->memberships), compare_memberships);
    return result;
}
