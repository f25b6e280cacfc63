/* SPDX-License-Identifier: MIT */
/*
 * What the file system says of a tree: whether its owner can use all of it,
 * and what is neither a file nor a directory. The programs run as that owner;
 * where they cannot renew a lease, blobs are answered as not there.
 */
#ifndef BERTH_CLI_CHECK_ACCESS_H
#define BERTH_CLI_CHECK_ACCESS_H

#include "store/tree_check.h"

/* So many are told one by one, and then how many more there are. */
#define CHECK_ACCESS_TOLD_MAX 20

/*
 * Looks at `below` in the tree at `root`, as who the process is now: after
 * tree_open, the owner. Adds to `*result`.
 */
void check_access(const char *root, const char *below,
                  const struct tree_check_visitor *visitor,
                  struct tree_check_result *result);

#endif
