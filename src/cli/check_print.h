/* SPDX-License-Identifier: MIT */
/* What `berth check` prints of the tree: lines for people, or JSON Lines. */
#ifndef BERTH_CLI_CHECK_PRINT_H
#define BERTH_CLI_CHECK_PRINT_H

#include <stdbool.h>

#include "store/tree_check.h"

void check_print_finding(const struct tree_finding *finding, bool is_json);
void check_print_hurt(const struct tree_hurt *hurt, bool is_json);
void check_print_summary(const struct tree_check_result *result,
                         const struct tree_check_options *options,
                         bool is_json);

#endif
