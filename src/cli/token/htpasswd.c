/* SPDX-License-Identifier: MIT */
/* The grammar; htpasswd_file.c has the file. */
#include "htpasswd.h"

/* The next line with its end; false when there is none. */
static bool next_line(struct span *rest, struct span *line)
{
    const char *end;

    if (rest->len == 0)
        return false;
    end = memchr(rest->ptr, '\n', rest->len);
    *line = span_first(*rest, end ? (size_t)(end + 1 - rest->ptr) : rest->len);
    *rest = span_from(*rest, line->len);
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Empty for a comment and for what is no user. Apache passes over blanks. */
static struct span user_of(struct span line)
{
    struct span user = span_cut(&line, ':');

    while (user.len > 0 && is_blank(user.ptr[0]))
        user = span_from(user, 1);
    if (line.ptr == NULL || (user.len > 0 && user.ptr[0] == '#'))
        return SPAN("");
    return user;
}

bool htpasswd_next_user(struct span *rest, struct span *user)
{
    struct span line;

    while (next_line(rest, &line)) {
        *user = user_of(line);
        if (user->len > 0)
            return true;
    }
    return false;
}

bool htpasswd_has(struct span text, struct span user)
{
    struct span other;

    while (htpasswd_next_user(&text, &other)) {
        if (span_equals(other, user))
            return true;
    }
    return false;
}

static void add_user(struct span user, struct span hash, struct buf *into)
{
    buf_add(into, user);
    buf_add_char(into, ':');
    buf_add(into, hash);
}

static struct span end_of(struct span line)
{
    if (span_ends_with(line, SPAN("\r\n")))
        return SPAN("\r\n");
    return span_ends_with(line, SPAN("\n")) ? SPAN("\n") : SPAN("");
}

void htpasswd_set(struct span text, struct span user, struct span hash,
                  struct buf *into)
{
    struct span rest = text, line;
    bool done = false;

    while (next_line(&rest, &line)) {
        if (!span_equals(user_of(line), user)) {
            buf_add(into, line);
        } else if (!done) {
            add_user(user, hash, into);
            buf_add(into, end_of(line));
            done = true;
        }
    }
    if (done)
        return;
    if (text.len > 0 && !span_ends_with(text, SPAN("\n")))
        buf_add_char(into, '\n');
    add_user(user, hash, into);
    buf_add_char(into, '\n');
}

void htpasswd_remove(struct span text, struct span user, struct buf *into)
{
    struct span line;

    while (next_line(&text, &line)) {
        if (!span_equals(user_of(line), user))
            buf_add(into, line);
    }
}
