/* SPDX-License-Identifier: MIT */
/*
 * The file beside the tree of a backup, DIR/berth-backup, that says when it was
 * whole: one line of JSON. A backup that goes on, or was broken off, is a tree
 * in order all the same, some of it older and some newer.
 */
#ifndef BERTH_CLI_TRANSFER_BACKUP_MARK_H
#define BERTH_CLI_TRANSFER_BACKUP_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "store/carry.h"

#define BACKUP_MARK "berth-backup"

struct backup_mark {
    bool is_complete;
    int64_t began, ended; /* seconds; `ended` is 0 until it is complete */
    const struct carry_counts *counts; /* NULL until then; not read back */
};

/* Replaces the mark in the directory, durably. */
int backup_mark_write(int directory, const struct backup_mark *mark,
                      struct err *err) WARN_UNUSED;

/* ERR_NOT_FOUND when there is none, or nothing can be made of it. */
int backup_mark_read(int directory, struct backup_mark *out,
                     struct err *err) WARN_UNUSED;

#endif
