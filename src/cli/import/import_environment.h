/* SPDX-License-Identifier: MIT */
/*
 * The REGISTRY_* variables, put over the configuration of CNCF Distribution
 * as its own parser does: by name in lexical order, a '_' for each step down,
 * the value YAML.
 */
#ifndef BERTH_CLI_IMPORT_ENVIRONMENT_H
#define BERTH_CLI_IMPORT_ENVIRONMENT_H

#include "base/compiler.h"
#include "base/err.h"
#include "base/yaml_tree.h"

/* Told of each variable that Distribution does not heed, and why. */
typedef void import_ignored(void *context, const char *variable,
                            const char *why);

/*
 * `variables` is a NULL-terminated array of "NAME=value". ERR_SYNTAX with the
 * name of the variable whose value is no YAML, or whose index does not
 * continue its list.
 */
int import_environment(struct yaml_tree **tree, const char *const *variables,
                       import_ignored *ignored, void *context,
                       struct err *err) WARN_UNUSED;

#endif
