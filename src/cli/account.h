/* SPDX-License-Identifier: MIT */
/*
 * Users and groups by number and by name.
 *
 * The libc asks modules for them (LDAP, sssd), which a program linked without
 * shared libraries cannot load safely: it would mix two versions of the libc.
 * Such a program (configure --enable-static-programs) knows those of
 * /etc/passwd and /etc/group.
 *
 * What is returned stays valid until the same kind is asked for again; NULL
 * when there is none.
 */
#ifndef BERTH_CLI_ACCOUNT_H
#define BERTH_CLI_ACCOUNT_H

#include <grp.h>
#include <pwd.h>
#include <sys/types.h>

#include "base/compiler.h"

const struct passwd *account_user(uid_t uid);
const struct passwd *account_user_named(const char *name);
const struct group *account_group(gid_t gid);
const struct group *account_group_named(const char *name);

/* As initgroups(3): all the groups of this user, and `gid`; -1 with errno. */
int account_join_groups(const char *user, gid_t gid) WARN_UNUSED;

#endif
