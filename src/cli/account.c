/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "account.h"

#ifndef BERTH_STATIC_PROGRAMS

const struct passwd *account_user(uid_t uid)
{
    return getpwuid(uid);
}

const struct passwd *account_user_named(const char *name)
{
    return getpwnam(name);
}

const struct group *account_group(gid_t gid)
{
    return getgrgid(gid);
}

const struct group *account_group_named(const char *name)
{
    return getgrnam(name);
}

int account_join_groups(const char *user, gid_t gid)
{
    return initgroups(user, gid);
}

#else

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define GROUPS_MAX 256 /* of one user */

/* With `name` NULL, by the number. */
static const struct passwd *find_user(const char *name, uid_t uid)
{
    FILE *file = fopen("/etc/passwd", "re");
    const struct passwd *user = NULL;

    if (file == NULL)
        return NULL;
    while ((user = fgetpwent(file)) != NULL) {
        if (name != NULL ? strcmp(user->pw_name, name) == 0
                         : user->pw_uid == uid)
            break;
    }
    fclose(file);
    return user;
}

static const struct group *find_group(const char *name, gid_t gid)
{
    FILE *file = fopen("/etc/group", "re");
    const struct group *group = NULL;

    if (file == NULL)
        return NULL;
    while ((group = fgetgrent(file)) != NULL) {
        if (name != NULL ? strcmp(group->gr_name, name) == 0
                         : group->gr_gid == gid)
            break;
    }
    fclose(file);
    return group;
}

static bool has_member(const struct group *group, const char *user)
{
    for (char **member = group->gr_mem; *member != NULL; member++) {
        if (strcmp(*member, user) == 0)
            return true;
    }
    return false;
}

const struct passwd *account_user(uid_t uid)
{
    return find_user(NULL, uid);
}

const struct passwd *account_user_named(const char *name)
{
    return find_user(name, 0);
}

const struct group *account_group(gid_t gid)
{
    return find_group(NULL, gid);
}

const struct group *account_group_named(const char *name)
{
    return find_group(name, 0);
}

int account_join_groups(const char *user, gid_t gid)
{
    gid_t groups[GROUPS_MAX] = {gid};
    const struct group *group;
    size_t count = 1;
    FILE *file = fopen("/etc/group", "re");

    while (file != NULL && (group = fgetgrent(file)) != NULL) {
        if (group->gr_gid == gid || !has_member(group, user))
            continue;
        if (count == GROUPS_MAX) {
            fclose(file);
            errno = EINVAL;
            return -1;
        }
        groups[count++] = group->gr_gid;
    }
    if (file != NULL)
        fclose(file);
    return setgroups(count, groups);
}

#endif
