/* SPDX-License-Identifier: MIT */
/*
 * Texts an administrator writes in the manner of Subversion's authz file:
 *
 *     # a comment
 *     [section]
 *     a line
 *
 * Blanks around a line do not count, nor do empty lines, a byte order mark and
 * a carriage return at the end of a line.
 */
#ifndef BERTH_BASE_SECTIONS_H
#define BERTH_BASE_SECTIONS_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

#define SECTIONS_SIZE_MAX (4 * 1024 * 1024) /* bytes of a text */
#define SECTIONS_LINE_MAX (64 * 1024)       /* bytes of a line */

/*
 * What is in the brackets of a section, or a line, without blanks around it,
 * and the number of its line. Fails with ERR_SYNTAX; the file and the line
 * are put in front of that.
 */
typedef int sections_visit(void *context, struct span text, int line,
                           struct err *err);

/*
 * Visits sections and lines in their order; lines may come before the first
 * section. `file` is a name for messages: ERR_SYNTAX has "FILE:LINE: " in
 * front, or "FILE: " when the text is too long.
 */
int sections_parse(struct span text, const char *file, sections_visit *section,
                   sections_visit *line, void *context,
                   struct err *err) WARN_UNUSED;

/*
 * Appends the text of a file. ERR_SYNTAX with "FILE: " in front for what is
 * too long or no file; other codes when it cannot be read.
 */
int sections_read(const char *path, struct buf *text,
                  struct err *err) WARN_UNUSED;

#endif
