/* SPDX-License-Identifier: MIT */
/* How a policy is kept; for the files policy_*.c and their tests alone. */
#ifndef BERTH_ACCESS_POLICY_INTERNAL_H
#define BERTH_ACCESS_POLICY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"
#include "oci/pattern.h"

/* In the order in which they are looked at, and sorted. */
enum policy_rule_kind {
    RULE_USER,
    RULE_GROUP,
    RULE_AUTHENTICATED,
    RULE_ANONYMOUS,
};

/* A line of a section. */
struct policy_rule {
    enum policy_rule_kind kind;
    const char *name;      /* of the user or group; else "" */
    const char *principal; /* as the file has it */
    unsigned rights;
    int line;
};

struct policy_section {
    const char *pattern;
    size_t first, count; /* of its rules, which are sorted by kind and name */
    int line;
};

struct policy_group {
    const char *name;
    size_t first, count; /* in `ancestors`: itself and all it is in */
    int line;
};

/* A user who is named in a group. */
struct policy_membership {
    const char *user;
    size_t group;
};

struct policy {
    char *texts;                     /* all names and patterns are in here */
    struct policy_section *sections; /* as in the file */
    size_t section_count;
    struct pattern_list patterns; /* of the sections, by their numbers */
    struct policy_rule *rules;
    size_t rule_count;
    struct policy_group *groups;
    size_t group_count;
    struct policy_membership *memberships; /* sorted by user */
    size_t membership_count;
    size_t *ancestors; /* numbers of groups */
};

/* --- words: policy_word.c --- */

struct policy_word {
    char sign;        /* '@', '$' or '\0' */
    const char *text; /* as the file has it */
    const char *name; /* without the sign, quotes and escapes */
};

/*
 * Takes the first word of `rest`, which ends before `end` or with the text, and
 * what ends it; `rest` then is NULL if nothing did. Texts are written to
 * `*room`, which moves on, by less than two bytes for each byte of the file.
 */
int policy_word_take(struct span *rest, char end, char **room,
                     struct policy_word *out, struct err *err) WARN_UNUSED;

/* The text with a NUL behind it, written as above. */
const char *policy_word_keep(char **room, struct span text);

/* --- groups: policy_groups.c --- */

/* A group that is named in a group, which is one by its number. */
struct policy_inclusion {
    const char *name;
    size_t inner; /* filled in */
    size_t outer;
    int line;
};

/*
 * Finds out which groups each group is in, and sorts the memberships.
 * ERR_SYNTAX, with the line in front, for an unknown group in a group or a
 * rule, and for a group that is in itself.
 */
int policy_groups_resolve(struct policy *policy,
                          struct policy_inclusion *inclusions,
                          size_t inclusion_count, const char *file,
                          struct err *err) WARN_UNUSED;

#endif
