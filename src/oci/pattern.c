/* SPDX-License-Identifier: MIT */
#include "oci/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "oci/name.h"

static bool is_wildcard(char c)
{
    return c == '*' || c == '?';
}

bool pattern_matches(const char *pattern, const char *name)
{
    const char *behind = NULL; /* the last star */
    const char *resume = NULL; /* what it may take next */

    while (*name != '\0') {
        if (*pattern == '*') {
            behind = ++pattern;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (behind != NULL) {
            pattern = behind;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* --- what a pattern may be --- */

/*
 * A letter goes beside everything: if none of the names a pattern stands for is
 * possible with letters for its wildcards, none is possible at all.
 */
static bool is_possible(const char *pattern, bool (*is_valid)(struct span name))
{
    char name[NAME_MAX_LENGTH];
    size_t len = strlen(pattern);

    if (len > sizeof(name))
        return false;
    for (size_t i = 0; i < len; i++)
        name[i] = is_wildcard(pattern[i]) ? 'a' : pattern[i];
    return is_valid((struct span){name, len});
}

int pattern_parse(const char *text, struct pattern *out, struct err *err)
{
    size_t len = strlen(text), prefix = strcspn(text, "*?"), literals = len;

    for (size_t i = prefix; i < len; i++)
        literals -= is_wildcard(text[i]) ? 1 : 0;
    if (strstr(text, "**") != NULL)
        return err_set(err, ERR_SYNTAX,
                       "** is no more than *, which stands for any "
                       "characters, '/' too");
    if (!is_possible(text, name_is_valid))
        return err_set(err, ERR_SYNTAX,
                       "no repository can have a name like [%s]", text);
    out->text = text;
    out->prefix = prefix;
    out->literals = literals;
    return 0;
}

int pattern_check_tag(const char *text, struct err *err)
{
    if (strstr(text, "**") != NULL)
        return err_set(err, ERR_SYNTAX,
                       "** is no more than *, which stands for any characters");
    if (!is_possible(text, tag_is_valid))
        return err_set(err, ERR_SYNTAX, "no tag can have a name like \"%s\"",
                       text);
    return 0;
}

/* --- their order --- */

static bool is_exact(const struct pattern *pattern)
{
    return pattern->text[pattern->prefix] == '\0';
}

void pattern_list_add(struct pattern_list *list, const struct pattern *pattern)
{
    list->items = memory_grow(list->items, list->count, sizeof(*list->items));
    list->items[list->count++] = *pattern;
}

static int compare_lines(const struct pattern *x, const struct pattern *y)
{
    return (x->line > y->line) - (x->line < y->line);
}

static int compare_texts(const void *a, const void *b)
{
    const struct pattern *x = a, *y = b;
    int order = strcmp(x->text, y->text);

    return order != 0 ? order : compare_lines(x, y);
}

/*
 * Names first, to be searched; then the others, as the header says. Of those
 * with prefixes of one length, all that match a name have the same prefix; so
 * to sort by that as well changes nothing, and it can be searched.
 */
static int compare_patterns(const void *a, const void *b)
{
    const struct pattern *x = a, *y = b;
    int order;

    if (is_exact(x) != is_exact(y))
        return is_exact(x) ? -1 : 1;
    if (is_exact(x))
        return strcmp(x->text, y->text);
    if (x->prefix != y->prefix)
        return x->prefix > y->prefix ? -1 : 1;
    order = memcmp(x->text, y->text, x->prefix);
    if (order != 0)
        return order;
    if (x->literals != y->literals)
        return x->literals > y->literals ? -1 : 1;
    return compare_lines(x, y);
}

static int check_twins(const struct pattern_list *list, const char *file,
                       struct err *err)
{
    const struct pattern *again = NULL;

    for (size_t i = 1; i < list->count; i++)
        if (strcmp(list->items[i - 1].text, list->items[i].text) == 0 &&
            (again == NULL || list->items[i].line < again->line))
            again = &list->items[i];
    if (again == NULL)
        return 0;
    return err_set(err, ERR_SYNTAX,
                   "%s:%d: the section %s is in line %d already", file,
                   again->line, again->text, again[-1].line);
}

int pattern_list_sort(struct pattern_list *list, const char *file,
                      struct err *err)
{
    if (list->count == 0)
        return 0;
    qsort(list->items, list->count, sizeof(*list->items), compare_texts);
    if (check_twins(list, file, err) < 0)
        return -1;
    qsort(list->items, list->count, sizeof(*list->items), compare_patterns);
    while (list->exact_count < list->count &&
           is_exact(&list->items[list->exact_count]))
        list->exact_count++;
    return 0;
}

/* --- those that match --- */

static const struct pattern *find_exact(const struct pattern_list *list,
                                        const char *name)
{
    size_t low = 0, high = list->exact_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(list->items[middle].text, name);

        if (order == 0)
            return &list->items[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* How it stands to those that begin with the first `len` of `name`. */
static int compare_prefix(const struct pattern *pattern, size_t len,
                          const char *name)
{
    if (pattern->prefix != len)
        return pattern->prefix > len ? -1 : 1;
    return memcmp(pattern->text, name, len);
}

/* The first from `low` on that is not before those. */
static size_t find_prefix(const struct pattern_list *list, size_t low,
                          size_t len, const char *name)
{
    size_t high = list->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_prefix(&list->items[middle], len, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct pattern *begin(struct pattern_search *search)
{
    search->has_begun = true;
    search->prefix = strlen(search->name);
    search->next = search->list->exact_count;
    return find_exact(search->list, search->name);
}

const struct pattern *pattern_next(struct pattern_search *search)
{
    const struct pattern_list *list = search->list;
    const char *name = search->name;
    const struct pattern *exact = !search->has_begun ? begin(search) : NULL;

    if (exact != NULL)
        return exact;
    for (;;) {
        size_t len = search->prefix;
        size_t i = find_prefix(list, search->next, len, name);

        for (;
             i < list->count && compare_prefix(&list->items[i], len, name) == 0;
             i++) {
            search->next = i + 1;
            if (pattern_matches(list->items[i].text + len, name + len))
                return &list->items[i];
        }
        search->next = i;
        if (i == list->count || len == 0)
            return NULL;
        /* What is there is shorter, or as long and behind the name. */
        search->prefix =
            list->items[i].prefix < len ? list->items[i].prefix : len - 1;
    }
}
