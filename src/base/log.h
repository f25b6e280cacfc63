/* SPDX-License-Identifier: MIT */
/*
 * Log lines in logfmt on standard error, one write(2) each, so that lines of
 * many processes do not mix. A line begins with its syslog priority ("<6>"),
 * as systemd reads it. Only programs log; src/ below the programs never does.
 */
#ifndef BERTH_BASE_LOG_H
#define BERTH_BASE_LOG_H

#include "base/buf.h"
#include "base/span.h"

enum log_priority {
    LOG_PRIORITY_ERROR = 3,
    LOG_PRIORITY_WARNING = 4,
    LOG_PRIORITY_INFO = 6,
};

/* With its frame a line fits in PIPE_BUF, so that a pipe takes it whole. */
#define LOG_LINE_MAX 4088

/*
 * ` key=value`, quoted and escaped where the value needs it. A long value is
 * cut and ends in "..."; a pair that finds no room in the line is left out.
 */
void log_add(struct buf *line, const char *key, struct span value);

/* Writes "<priority>" and the pairs as one line. */
void log_write(enum log_priority priority, const struct buf *line);

/* A whole line `message="..."` in one call; at most 640 bytes of it. */
void log_message(enum log_priority priority, const char *format, ...)
    PRINTF_LIKE(2, 3);

#endif
