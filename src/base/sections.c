/* SPDX-License-Identifier: MIT */
#include "base/sections.h"

#include <string.h>

#include "base/files.h"

struct parser {
    int line;
    sections_visit *visit_section, *visit_line;
    void *context;
};

static int parse_section(const struct parser *parser, struct span line,
                         struct err *err)
{
    struct span inside = {line.ptr + 1, line.len - 2};

    if (line.ptr[line.len - 1] != ']')
        return err_set(err, ERR_SYNTAX, "a [ without a ] at the end");
    return parser->visit_section(parser->context, span_trim(inside),
                                 parser->line, err);
}

static int parse_line(const struct parser *parser, struct span line,
                      struct err *err)
{
    if (line.len > SECTIONS_LINE_MAX)
        return err_set(err, ERR_SYNTAX, "a line of more than %d bytes",
                       SECTIONS_LINE_MAX);
    if (line.len > 0 && memchr(line.ptr, '\0', line.len) != NULL)
        return err_set(err, ERR_SYNTAX, "a NUL byte; is this a text?");
    line = span_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return 0;
    if (line.ptr[0] == '[')
        return parse_section(parser, line, err);
    return parser->visit_line(parser->context, line, parser->line, err);
}

int sections_parse(struct span text, const char *file, sections_visit *section,
                   sections_visit *line, void *context, struct err *err)
{
    struct parser parser = {0, section, line, context};

    if (text.len > SECTIONS_SIZE_MAX)
        return err_set(err, ERR_SYNTAX, "%s: more than %d bytes", file,
                       SECTIONS_SIZE_MAX);
    if (span_starts_with(text, SPAN("\xEF\xBB\xBF")))
        text = span_from(text, 3);
    while (text.len > 0) {
        struct span next = span_cut(&text, '\n');

        if (span_ends_with(next, SPAN("\r")))
            next.len--;
        parser.line++;
        if (parse_line(&parser, next, err) < 0)
            return err_wrap(err, "%s:%d", file, parser.line);
    }
    return 0;
}

int sections_read(const char *path, struct buf *text, struct err *err)
{
    CLEANUP(fd) int fd = -1;
    struct stat st;

    if (fd_open_file(path, &fd, &st, err) < 0)
        return -1;
    if (fd_read_all(fd, text, err) == 0)
        return 0;
    err_wrap(err, "%s", path);
    return err->code == ERR_TOO_LARGE ? err_recode(err, ERR_SYNTAX) : -1;
}
