/* SPDX-License-Identifier: MIT */
/*
 * A mark in the tree that a policy or tokens decide about each blob.
 *
 * The shipped configurations of web servers look for it, and answer for no
 * blob by themselves while it is there. The file of the policy would not do:
 * it is gone for a moment while an editor writes it anew.
 */
#ifndef BERTH_STORE_GUARDED_H
#define BERTH_STORE_GUARDED_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/err.h"
#include "store/store.h"

/* Makes it be there, or not; one look when it is so already. */
int guarded_set(const struct store *store, bool guarded,
                struct err *err) WARN_UNUSED;

#endif
