/* SPDX-License-Identifier: MIT */
/*
 * YAML as a tree. The only user of libyaml; berth(1) alone links it.
 *
 *     CLEANUP(yaml_tree) struct yaml_tree *tree = NULL;
 *     if (yaml_tree_parse(text, "config.yml", &tree, err) < 0)
 *         return -1;
 *     for (struct yaml_tree *child = tree->child; child; child = child->next)
 *         ...
 *
 * One document of YAML 1.1. Aliases and merge keys (`<<`) are resolved, so
 * what is written once may appear several times in the tree; the limits hold
 * for the tree. A key that a mapping has twice is an error: programs differ in
 * which of them they take.
 */
#ifndef BERTH_BASE_YAML_TREE_H
#define BERTH_BASE_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

#define YAML_BYTES_MAX ((size_t)256 * 1024)
#define YAML_NODES_MAX 5000
#define YAML_DEPTH_MAX 32

enum yaml_kind {
    YAML_SCALAR,
    YAML_MAPPING,
    YAML_SEQUENCE,
};

struct yaml_tree {
    enum yaml_kind kind;
    char *key;    /* in a mapping; NULL elsewhere */
    char *text;   /* of a scalar; NULL elsewhere; holds no NUL */
    bool quoted;  /* a text whatever it looks like: "true" */
    char *origin; /* the name given to yaml_tree_parse */
    size_t line;  /* of its key, if it has one; counted from 1 */
    struct yaml_tree *child, *next;
};

/*
 * An empty text is null. ERR_SYNTAX with a text that begins
 * with "ORIGIN:LINE: ".
 */
int yaml_tree_parse(struct span text, const char *origin,
                    struct yaml_tree **out, struct err *err) WARN_UNUSED;

/* The same for a file. */
int yaml_tree_read_file(const char *file, struct yaml_tree **out,
                        struct err *err) WARN_UNUSED;

void yaml_tree_free(struct yaml_tree *node);
void yaml_tree_cleanup(struct yaml_tree **node);

/* An empty mapping, to be filled with yaml_tree_set. */
struct yaml_tree *yaml_tree_new_mapping(const char *origin, size_t line);

/* A member of a mapping; NULL when there is none or `mapping` is none. */
struct yaml_tree *yaml_tree_member(const struct yaml_tree *mapping,
                                   const char *key);

/*
 * Makes `value` the member `key` of a mapping (NULL: the next element of a
 * sequence), in the place of the one that is there. Takes ownership.
 */
void yaml_tree_set(struct yaml_tree *container, const char *key,
                   struct yaml_tree *value);

/* True for NULL, too, so that what is absent and what is empty are one. */
bool yaml_tree_is_null(const struct yaml_tree *node);

/* An unquoted word of YAML 1.1 (true, yes, on, ...); false for all else. */
bool yaml_tree_as_boolean(const struct yaml_tree *node, bool *out) WARN_UNUSED;

#endif
