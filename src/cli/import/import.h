/* SPDX-License-Identifier: MIT */
/*
 * What the files of import-config share.
 *
 *     import_config.c        the command: reads, judges key by key, prints
 *     import_environment.c   the REGISTRY_* variables over the file
 *     import_rules.c         every key, and what becomes of it
 *     import_settings.c      the keys of berth.conf
 */
#ifndef BERTH_CLI_IMPORT_H
#define BERTH_CLI_IMPORT_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/yaml_tree.h"

/* What is told of keys, in the order of telling. */
enum import_list {
    IMPORT_LIST_ACCESS,  /* what users can do changes */
    IMPORT_LIST_TODO,    /* something is missing */
    IMPORT_LIST_UNKNOWN, /* no key, or not heeded */
    IMPORT_LIST_MOOT,    /* nothing to do */
};
#define IMPORT_LISTS (IMPORT_LIST_MOOT + 1)

struct import {
    const char *file;
    struct yaml_tree *tree;
    struct buf lists[IMPORT_LISTS]; /* a line each */
    struct buf settings;            /* berth.conf without its head */
};

/* Adds "path (line 3): advice" to a list; '%' in it is the value. */
void import_tell(struct import *import, enum import_list list, const char *path,
                 const struct yaml_tree *node, const char *advice);

/* ERR_SYNTAX "FILE:LINE: PATH WHAT"; returns -1. */
int import_complain(const struct import *import, const struct yaml_tree *node,
                    const char *path, const char *what, struct err *err);

/* Fills `settings`, and tells what they cannot say. */
int import_settings(struct import *import, struct err *err) WARN_UNUSED;

#endif
