/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "access/policy_internal.h"
#include "access/right.h"

const char *policy_word_keep(char **room, struct span text)
{
    char *kept = *room;

    if (text.len > 0)
        memcpy(kept, text.ptr, text.len);
    kept[text.len] = '\0';
    *room += text.len + 1;
    return kept;
}

/* The length of what is in quotes, with them; 0 without an end. */
static size_t quoted_length(struct span text)
{
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            return i + 1;
    }
    return 0;
}

/* What is between the quotes: \" is a quote, \\ a backslash. */
static int unquote(struct span quoted, char **room, const char **out,
                   struct err *err)
{
    char *name = *room;
    size_t len = 0;

    for (size_t i = 1; i + 1 < quoted.len; i++) {
        if (quoted.ptr[i] == '\\') {
            i++;
            if (quoted.ptr[i] != '"' && quoted.ptr[i] != '\\')
                return err_set(err, ERR_SYNTAX,
                               "between quotes, \\ stands before \" or \\");
        }
        name[len++] = quoted.ptr[i];
    }
    name[len] = '\0';
    *room += len + 1;
    *out = name;
    return 0;
}

static int take_quoted(struct span *rest, size_t start, char end, char **room,
                       struct policy_word *out, struct err *err)
{
    size_t len = quoted_length(span_from(*rest, start));
    struct span tail;

    if (len == 0)
        return err_set(err, ERR_SYNTAX, "a quote without an end");
    tail = span_trim(span_from(*rest, start + len));
    if (tail.len > 0 && tail.ptr[0] != end)
        return err_set(err, ERR_SYNTAX, "what is behind the quotes?");
    out->text = policy_word_keep(room, span_first(*rest, start + len));
    if (unquote((struct span){rest->ptr + start, len}, room, &out->name, err) <
        0)
        return -1;
    *rest = tail.len > 0 ? span_from(tail, 1) : (struct span){NULL, 0};
    return 0;
}

static int take_bare(struct span *rest, size_t start, char end, char **room,
                     struct policy_word *out, struct err *err)
{
    struct span text = span_trim(span_cut(rest, end));

    for (size_t i = 0; i < text.len; i++)
        if (strchr(",=#\"", text.ptr[i]) != NULL)
            return err_set(err, ERR_SYNTAX,
                           "a name with '%c' in it has to be in quotes",
                           text.ptr[i]);
    out->text = policy_word_keep(room, text);
    out->name = out->text + start;
    return 0;
}

int policy_word_take(struct span *rest, char end, char **room,
                     struct policy_word *out, struct err *err)
{
    size_t start;
    int result;

    *rest = span_trim(*rest);
    out->sign = '\0';
    if (rest->len > 0 && (rest->ptr[0] == '@' || rest->ptr[0] == '$'))
        out->sign = rest->ptr[0];
    start = out->sign != '\0' ? 1 : 0;
    if (rest->len > start && rest->ptr[start] == '"')
        result = take_quoted(rest, start, end, room, out, err);
    else
        result = take_bare(rest, start, end, room, out, err);
    if (result < 0)
        return -1;
    if (!user_name_is_valid(span_of(out->name)))
        return err_set(err, ERR_SYNTAX,
                       "a name is 1 to %d bytes of UTF-8 without control "
                       "characters",
                       USER_NAME_MAX);
    return 0;
}
