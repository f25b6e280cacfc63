/* SPDX-License-Identifier: MIT */
/*
 * The scope of a token: what a client asks for, as in
 * "repository:team/app:pull,push" or "registry:catalog:*" (Distribution's
 * "token scope documentation").
 */
#ifndef BERTH_ACCESS_SCOPE_H
#define BERTH_ACCESS_SCOPE_H

#include <stdbool.h>

#include "access/right.h"
#include "base/span.h"

/* What an action is called in scopes and tokens; 0 for one we do not know. */
unsigned scope_action_rights(struct span action);

struct scope {
    struct span repository; /* a valid name, or empty for the registry */
    unsigned rights;        /* of those asked for that we know */
};

/*
 * Reads one scope; the spans point into `text`. "*" is pull, push and delete.
 * A class behind the type ("repository(plugin)") is passed over, unknown
 * actions are too. False for what is no scope, or of another type, or of no
 * repository that can be.
 */
bool scope_parse(struct span text, struct scope *out);

#endif
