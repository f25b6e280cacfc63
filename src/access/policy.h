/* SPDX-License-Identifier: MIT */
/*
 * Who may do what: the text of berth-policy(5), parsed once and asked for each
 * request.
 *
 *     [groups]
 *     team-a = alice, bob
 *     [team-a/app*]
 *     @team-a = pull, push
 *     $anonymous = pull
 *
 * One section decides about a repository, the most specific one that matches
 * its name. In it decides the line of the user, else the lines of the groups
 * the user is in, taken together, else that of $authenticated (when there is a
 * user), else that of $anonymous. Where there is no such line or no such
 * section, nothing is allowed.
 */
#ifndef BERTH_ACCESS_POLICY_H
#define BERTH_ACCESS_POLICY_H

#include <stdbool.h>

#include "access/right.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/followed.h"
#include "base/span.h"

/* Never changed once it is there; threads may share it. */
struct policy;

/*
 * Parses the text of `file`, a name for messages, see base/sections.h.
 * ERR_SYNTAX with "FILE:LINE: " in front, or "FILE: " when it is too long.
 * Takes time and memory that grow with the length as a sort does, whatever the
 * text.
 */
int policy_parse(struct span text, const char *file, struct policy **out,
                 struct err *err) WARN_UNUSED;
void policy_free(struct policy *policy);
void policy_cleanup(struct policy **policy);

/* A file with a policy in it, a struct policy; see base/followed.h. */
extern const struct followed_kind policy_kind;

/* The file by itself; other codes than ERR_SYNTAX when it cannot be read. */
int policy_read(const char *path, struct policy **out,
                struct err *err) WARN_UNUSED;

/*
 * What decided. Texts are the policy's, NULL where there was nothing. Of the
 * lines of several groups it is the first; others may have granted more.
 */
struct policy_reason {
    const char *pattern; /* of the section */
    int section_line;
    const char *principal; /* as the file has it: alice, @team-a, "a, b" */
    int line;
    unsigned rights; /* of this line */
};

/*
 * The rights of a user, "" being nobody in particular, in the repository of
 * this valid name. `reason` may be NULL. Allocates nothing.
 */
unsigned policy_rights(const struct policy *policy, const char *user,
                       const char *repository, struct policy_reason *reason);

/* Whether a section, were it to decide, would give the user this right. */
bool policy_grants_somewhere(const struct policy *policy, const char *user,
                             unsigned right);

#endif
