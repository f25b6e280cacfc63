/* SPDX-License-Identifier: MIT */
#include "import_environment.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/num.h"

#define PREFIX "REGISTRY_"

/* One variable on its way to its place. */
struct override {
    const char *name; /* without the value */
    const char *value;
    import_ignored *ignored;
    void *context;
    struct err *err;
};

/* Fields that Distribution calls otherwise than its file does. */
static const struct {
    const char *parent, *variable, *key;
} renamed[] = {
    {"health", "filecheckers", "file"},
    {"health", "httpcheckers", "http"},
    {"health", "tcpcheckers", "tcp"},
    {"notifications", "eventconfig", "events"},
};

static void ignore(const struct override *o, const char *why)
{
    o->ignored(o->context, o->name, why);
}

/* The step in lower case, as the file has it. */
static void add_key(struct span step, const struct yaml_tree *parent,
                    struct buf *out)
{
    for (size_t i = 0; i < step.len; i++)
        buf_add_char(out, (char)tolower((unsigned char)step.ptr[i]));
    for (size_t i = 0; parent->key != NULL && i < ARRAY_SIZE(renamed); i++) {
        if (strcmp(parent->key, renamed[i].parent) != 0 ||
            strcmp(buf_text(out), renamed[i].variable) != 0)
            continue;
        buf_clear(out);
        buf_add(out, span_of(renamed[i].key));
    }
}

/*
 * A mapping of any type, which Distribution does not look into: from the
 * third step on below storage and auth, when it was written as YAML (which
 * has a line) and not made by another variable. So
 * REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED does nothing when the file
 * has storage.maintenance.readonly.
 */
static bool is_closed(const char *section, size_t depth,
                      const struct yaml_tree *node)
{
    return depth >= 3 && node->line > 0 &&
           (strcmp(section, "storage") == 0 || strcmp(section, "auth") == 0);
}

/* yaml_tree_set appends, so the link it found empty is filled. */
static struct yaml_tree **appended(struct yaml_tree **place)
{
    if (*place == NULL)
        abort();
    return place;
}

/* The link of the member `step`, which is made when it is not there. */
static struct yaml_tree **member_place(const struct override *o,
                                       struct yaml_tree *mapping,
                                       struct span step)
{
    CLEANUP(buf) struct buf key = BUF_INIT(SIZE_MAX / 2);
    struct yaml_tree **place = &mapping->child;

    add_key(step, mapping, &key);
    while (*place != NULL &&
           !span_equals_nocase(span_of((*place)->key), buf_span(&key)))
        place = &(*place)->next;
    if (*place == NULL)
        yaml_tree_set(mapping, buf_text(&key),
                      yaml_tree_new_mapping(o->name, 0));
    return appended(place);
}

/* The link of an element, or of a new one behind the last. */
static struct yaml_tree **element_place(const struct override *o,
                                        struct yaml_tree *sequence,
                                        struct span step)
{
    struct yaml_tree **place = &sequence->child;
    uint64_t index;

    if (num_parse(step, YAML_NODES_MAX, &index) < 0) {
        err_set(o->err, ERR_SYNTAX, "%s: %.*s is no index of a list", o->name,
                SPAN_ARGS(step));
        return NULL;
    }
    for (; index > 0 && *place != NULL; index--)
        place = &(*place)->next;
    if (index > 0) {
        err_set(o->err, ERR_SYNTAX, "%s: the list ends before index %.*s",
                o->name, SPAN_ARGS(step));
        return NULL;
    }
    if (*place == NULL)
        yaml_tree_set(sequence, NULL, yaml_tree_new_mapping(o->name, 0));
    return appended(place);
}

static int replace(const struct override *o, struct yaml_tree **place)
{
    struct yaml_tree *old = *place, *value;

    if (yaml_tree_parse(span_of(o->value), o->name, &value, o->err) < 0)
        return -1;
    value->key = old->key;
    value->next = old->next;
    old->key = NULL;
    old->next = NULL;
    *place = value;
    yaml_tree_free(old);
    return 0;
}

/*
 * Makes a section of what is not set, by the step that comes: an index makes
 * a list. The word in `storage: filesystem` becomes a member.
 */
static void open_section(struct yaml_tree *node, size_t depth, struct span rest)
{
    bool word =
        depth == 1 && node->kind == YAML_SCALAR && !yaml_tree_is_null(node) &&
        (strcmp(node->key, "storage") == 0 || strcmp(node->key, "auth") == 0);
    char *text = node->text;
    uint64_t index;

    if (node->kind == YAML_SCALAR && !word && !yaml_tree_is_null(node))
        return;
    if (node->kind == YAML_SCALAR) {
        node->kind = YAML_MAPPING;
        node->text = NULL;
        if (word)
            yaml_tree_set(node, text,
                          yaml_tree_new_mapping(node->origin, node->line));
        node->line = 0;
        free(text);
    }
    if (node->kind == YAML_MAPPING && node->child == NULL && node->line == 0 &&
        num_parse(span_cut(&rest, '_'), YAML_NODES_MAX, &index) == 0)
        node->kind = YAML_SEQUENCE;
}

/* The link to what the variable names; NULL with `err` set or ignored. */
static struct yaml_tree **find_place(const struct override *o,
                                     struct yaml_tree **root, struct span path)
{
    struct yaml_tree **place = root;
    const char *section = "";

    for (size_t depth = 0; path.ptr != NULL; depth++) {
        struct yaml_tree *node = *place;
        struct span step;

        open_section(node, depth, path);
        step = span_cut(&path, '_');
        if (node->kind == YAML_SCALAR) {
            ignore(o, "it leads into what is no section");
            return NULL;
        }
        if (node->kind == YAML_MAPPING && is_closed(section, depth, node)) {
            ignore(o, "the section is written in the file, below which "
                      "docker-registry heeds no variable either");
            return NULL;
        }
        place = node->kind == YAML_SEQUENCE ? element_place(o, node, step)
                                            : member_place(o, node, step);
        if (place == NULL)
            return NULL;
        if (depth == 0)
            section = (*place)->key;
    }
    return place;
}

static int apply(const struct override *o, struct yaml_tree **root)
{
    struct yaml_tree **place =
        find_place(o, root, span_of(o->name + strlen(PREFIX)));

    if (place == NULL)
        return o->err->code == ERR_NONE ? 0 : -1;
    return replace(o, place);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Copies those that are ours, NUL instead of the first '='. */
static char **copy_sorted(const char *const *variables, size_t *count)
{
    size_t all = 0;
    char **copies;

    while (variables[all] != NULL)
        all++;
    copies = memory_new((all + 1) * sizeof(*copies));
    for (size_t i = 0; i < all; i++) {
        char *equals;

        if (strncmp(variables[i], PREFIX, strlen(PREFIX)) != 0)
            continue;
        copies[*count] = memory_copy_text(variables[i]);
        equals = strchr(copies[*count], '=');
        if (equals == NULL) {
            free(copies[*count]);
            continue;
        }
        *equals = '\0';
        ++*count;
    }
    qsort(copies, *count, sizeof(*copies), compare_names);
    return copies;
}

int import_environment(struct yaml_tree **root, const char *const *variables,
                       import_ignored *ignored, void *context, struct err *err)
{
    size_t count = 0;
    char **copies = copy_sorted(variables, &count);
    int result = 0;

    for (size_t i = 0; i < count; i++) {
        struct override o = {copies[i], copies[i] + strlen(copies[i]) + 1,
                             ignored, context, err};

        if (result == 0)
            result = apply(&o, root);
    }
    for (size_t i = 0; i < count; i++)
        free(copies[i]);
    free(copies);
    return result;
}
