/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <unistd.h>

/* What one value may take of a line, so that the others find room. */
#define VALUE_MAX 640

#define LOG_FRAME sizeof("<6>\n")

static bool is_plain(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];

        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return value.len > 0;
}

/* Adds one byte; false when it would take more than `room`. */
static bool add_escaped(struct buf *line, unsigned char c, size_t room)
{
    bool quoted = c == '"' || c == '\\';
    bool is_binary = c < ' ' || c >= 0x7f;
    size_t needed = quoted ? 2 : is_binary ? 4 : 1;

    if (needed > room)
        return false;
    if (quoted)
        buf_add_format(line, "\\%c", c);
    else if (is_binary)
        buf_add_format(line, "\\x%02x", c);
    else
        buf_add_char(line, (char)c);
    return true;
}

static void add_quoted(struct buf *line, struct span value)
{
    size_t end;

    buf_add_char(line, '"');
    end = line->len + VALUE_MAX;
    for (size_t i = 0; i < value.len; i++) {
        if (!add_escaped(line, (unsigned char)value.ptr[i], end - line->len)) {
            buf_add(line, SPAN("..."));
            break;
        }
    }
    buf_add_char(line, '"');
}

void log_add(struct buf *line, const char *key, struct span value)
{
    size_t start = line->len;

    if (line->overflowed)
        return;
    buf_add_format(line, " %s=", key);
    if (value.len <= VALUE_MAX && is_plain(value))
        buf_add(line, value);
    else
        add_quoted(line, value);
    /* A pair that does not fit is left out, not cut in two. */
    if (line->overflowed)
        buf_truncate(line, start);
}

void log_write(enum log_priority priority, const struct buf *line)
{
    CLEANUP(buf) struct buf whole = BUF_INIT(LOG_LINE_MAX + LOG_FRAME);
    struct span pairs = buf_span(line);
    ssize_t ignored;

    if (pairs.len > 0 && pairs.ptr[0] == ' ')
        pairs = span_from(pairs, 1);
    buf_add_format(&whole, "<%d>", (int)priority);
    buf_add(&whole, pairs);
    buf_add_char(&whole, '\n');
    /* When the log cannot be written, serving still matters more. */
    ignored = write(STDERR_FILENO, whole.ptr, whole.len);
    (void)ignored;
}

void log_message(enum log_priority priority, const char *format, ...)
{
    CLEANUP(buf) struct buf text = BUF_INIT(LOG_LINE_MAX / 4);
    CLEANUP(buf) struct buf line = BUF_INIT(LOG_LINE_MAX);
    va_list args;

    va_start(args, format);
    buf_add_format_args(&text, format, args);
    va_end(args);
    log_add(&line, "message", buf_span(&text));
    log_write(priority, &line);
}
