/* SPDX-License-Identifier: MIT */
#include "base/yaml_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/memory.h"

/* A document of libyaml on its way to a tree. */
struct loader {
    yaml_document_t *document;
    const char *origin;
    size_t nodes;
    struct err *err;
};

static int complain(struct loader *l, const yaml_node_t *at, const char *what)
{
    return err_set(l->err, ERR_SYNTAX, "%s:%zu: %s", l->origin,
                   at->start_mark.line + 1, what);
}

static struct yaml_tree *new_node(enum yaml_kind kind, const char *origin,
                                  size_t line)
{
    struct yaml_tree *node = memory_new(sizeof(*node));

    node->kind = kind;
    node->origin = memory_copy_text(origin);
    node->line = line;
    return node;
}

struct yaml_tree *yaml_tree_new_mapping(const char *origin, size_t line)
{
    return new_node(YAML_MAPPING, origin, line);
}

void yaml_tree_free(struct yaml_tree *node)
{
    while (node != NULL) {
        struct yaml_tree *next = node->next;

        yaml_tree_free(node->child);
        free(node->key);
        free(node->text);
        free(node->origin);
        free(node);
        node = next;
    }
}

void yaml_tree_cleanup(struct yaml_tree **node)
{
    yaml_tree_free(*node);
    *node = NULL;
}

struct yaml_tree *yaml_tree_member(const struct yaml_tree *mapping,
                                   const char *key)
{
    struct yaml_tree *child;

    if (mapping == NULL || mapping->kind != YAML_MAPPING)
        return NULL;
    for (child = mapping->child; child != NULL; child = child->next)
        if (strcmp(child->key, key) == 0)
            break;
    return child;
}

void yaml_tree_set(struct yaml_tree *container, const char *key,
                   struct yaml_tree *value)
{
    struct yaml_tree **place = &container->child;
    char *copy = key != NULL ? memory_copy_text(key) : NULL;

    free(value->key); /* which `key` may be */
    value->key = copy;
    value->next = NULL;
    while (*place != NULL && (copy == NULL || strcmp((*place)->key, copy) != 0))
        place = &(*place)->next;
    if (*place != NULL) {
        value->next = (*place)->next;
        (*place)->next = NULL;
        yaml_tree_free(*place);
    }
    *place = value;
}

/* --- from libyaml's document --- */

static int load(struct loader *l, int index, size_t depth,
                struct yaml_tree **out);

static int load_scalar(struct loader *l, const yaml_node_t *from,
                       struct yaml_tree *to)
{
    const char *text = (const char *)from->data.scalar.value;

    if (strlen(text) != from->data.scalar.length)
        return complain(l, from, "a NUL byte; is this a text?");
    to->text = memory_copy_text(text);
    to->quoted = from->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return 0;
}

static int load_sequence(struct loader *l, const yaml_node_t *from,
                         size_t depth, struct yaml_tree *to)
{
    for (const yaml_node_item_t *item = from->data.sequence.items.start;
         item < from->data.sequence.items.top; item++) {
        struct yaml_tree *child;

        if (load(l, *item, depth, &child) < 0)
            return -1;
        yaml_tree_set(to, NULL, child);
    }
    return 0;
}

static const char *key_of(struct loader *l, int index)
{
    const yaml_node_t *key = yaml_document_get_node(l->document, index);

    if (key->type != YAML_SCALAR_NODE ||
        strlen((const char *)key->data.scalar.value) !=
            key->data.scalar.length) {
        complain(l, key, "a key must be a text");
        return NULL;
    }
    return (const char *)key->data.scalar.value;
}

static int load_members(struct loader *l, const yaml_node_t *from, size_t depth,
                        struct yaml_tree *to)
{
    for (const yaml_node_pair_t *pair = from->data.mapping.pairs.start;
         pair < from->data.mapping.pairs.top; pair++) {
        const char *key = key_of(l, pair->key);
        struct yaml_tree *child;

        if (key == NULL)
            return -1;
        if (strcmp(key, "<<") == 0)
            continue;
        if (yaml_tree_member(to, key) != NULL)
            return complain(l, yaml_document_get_node(l->document, pair->key),
                            "the key is there twice");
        if (load(l, pair->value, depth, &child) < 0)
            return -1;
        child->line =
            yaml_document_get_node(l->document, pair->key)->start_mark.line + 1;
        yaml_tree_set(to, key, child);
    }
    return 0;
}

/* Moves the members of `from` that `to` does not have. */
static void merge(struct yaml_tree *to, struct yaml_tree *from)
{
    struct yaml_tree *child = from->child;

    from->child = NULL;
    while (child != NULL) {
        struct yaml_tree *next = child->next;

        child->next = NULL;
        if (yaml_tree_member(to, child->key) != NULL)
            yaml_tree_free(child);
        else
            yaml_tree_set(to, child->key, child);
        child = next;
    }
}

/* A mapping or a sequence of mappings; what stands first wins. */
static int load_merged(struct loader *l, const yaml_node_pair_t *pair,
                       size_t depth, struct yaml_tree *to)
{
    CLEANUP(yaml_tree) struct yaml_tree *from = NULL;

    if (load(l, pair->value, depth, &from) < 0)
        return -1;
    if (from->kind == YAML_MAPPING)
        merge(to, from);
    for (struct yaml_tree *one = from->child;
         from->kind == YAML_SEQUENCE && one != NULL; one = one->next) {
        if (one->kind != YAML_MAPPING)
            return complain(l, yaml_document_get_node(l->document, pair->key),
                            "<< wants mappings");
        merge(to, one);
    }
    if (from->kind == YAML_SCALAR)
        return complain(l, yaml_document_get_node(l->document, pair->key),
                        "<< wants mappings");
    return 0;
}

/* Whether this key, which load_members has seen to be a text, is `<<`. */
static bool is_merge_key(const struct loader *l, int index)
{
    const yaml_node_t *key = yaml_document_get_node(l->document, index);

    return strcmp((const char *)key->data.scalar.value, "<<") == 0;
}

static int load_mapping(struct loader *l, const yaml_node_t *from, size_t depth,
                        struct yaml_tree *to)
{
    if (load_members(l, from, depth, to) < 0)
        return -1;
    for (const yaml_node_pair_t *pair = from->data.mapping.pairs.start;
         pair < from->data.mapping.pairs.top; pair++)
        if (is_merge_key(l, pair->key) && load_merged(l, pair, depth, to) < 0)
            return -1;
    return 0;
}

static int load_content(struct loader *l, const yaml_node_t *from, size_t depth,
                        struct yaml_tree *to)
{
    switch (from->type) {
    case YAML_SEQUENCE_NODE:
        to->kind = YAML_SEQUENCE;
        return load_sequence(l, from, depth + 1, to);
    case YAML_MAPPING_NODE:
        to->kind = YAML_MAPPING;
        return load_mapping(l, from, depth + 1, to);
    case YAML_SCALAR_NODE:
    case YAML_NO_NODE:
        break;
    }
    return load_scalar(l, from, to);
}

/* An alias that leads back to itself ends at the depth, a bomb at the count. */
static int load(struct loader *l, int index, size_t depth,
                struct yaml_tree **out)
{
    const yaml_node_t *from = yaml_document_get_node(l->document, index);
    CLEANUP(yaml_tree) struct yaml_tree *node = NULL;

    if (depth > YAML_DEPTH_MAX)
        return complain(l, from, "nested too deeply");
    if (++l->nodes > YAML_NODES_MAX)
        return complain(l, from, "too many values");
    node = new_node(YAML_SCALAR, l->origin, from->start_mark.line + 1);
    if (load_content(l, from, depth, node) < 0)
        return -1;
    *out = node;
    node = NULL;
    return 0;
}

static int syntax_error(const yaml_parser_t *parser, const char *origin,
                        struct err *err)
{
    size_t line = parser->error == YAML_SCANNER_ERROR ||
                          parser->error == YAML_PARSER_ERROR ||
                          parser->error == YAML_COMPOSER_ERROR
                      ? parser->problem_mark.line + 1
                      : parser->mark.line + 1;

    return err_set(err, ERR_SYNTAX, "%s:%zu: not YAML: %s", origin, line,
                   parser->problem != NULL ? parser->problem : "no memory");
}

static int load_document(yaml_document_t *document, const char *origin,
                         struct yaml_tree **out, struct err *err)
{
    struct loader loader = {document, origin, 0, err};

    if (yaml_document_get_root_node(document) == NULL) {
        *out = new_node(YAML_SCALAR, origin, 1);
        (*out)->text = memory_copy_text("");
        return 0;
    }
    return load(&loader, 1, 0, out);
}

/* What follows the document must be the end. */
static int check_end(yaml_parser_t *parser, const char *origin, struct err *err)
{
    yaml_document_t document;
    int result = 0;

    if (!yaml_parser_load(parser, &document))
        return syntax_error(parser, origin, err);
    if (yaml_document_get_root_node(&document) != NULL)
        result = err_set(err, ERR_SYNTAX, "%s:%zu: a second document", origin,
                         document.start_mark.line + 1);
    yaml_document_delete(&document);
    return result;
}

static int parse(yaml_parser_t *parser, const char *origin,
                 struct yaml_tree **out, struct err *err)
{
    CLEANUP(yaml_tree) struct yaml_tree *tree = NULL;
    yaml_document_t document;
    int result;

    if (!yaml_parser_load(parser, &document))
        return syntax_error(parser, origin, err);
    result = load_document(&document, origin, &tree, err);
    yaml_document_delete(&document);
    if (result < 0 || check_end(parser, origin, err) < 0)
        return -1;
    *out = tree;
    tree = NULL;
    return 0;
}

int yaml_tree_parse(struct span text, const char *origin,
                    struct yaml_tree **out, struct err *err)
{
    yaml_parser_t parser;
    int result;

    if (text.len > YAML_BYTES_MAX)
        return err_set(err, ERR_TOO_LARGE, "%s: longer than %zu bytes", origin,
                       YAML_BYTES_MAX);
    if (!yaml_parser_initialize(&parser))
        return err_set(err, ERR_INTERNAL, "%s: no memory", origin);
    if (text.len == 0)
        text = SPAN(""); /* libyaml wants a pointer even then */
    yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr,
                                 text.len);
    result = parse(&parser, origin, out, err);
    yaml_parser_delete(&parser);
    return result;
}

int yaml_tree_read_file(const char *file, struct yaml_tree **out,
                        struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(YAML_BYTES_MAX + 1);
    FILE *stream = fopen(file, "re");
    char *room;
    int error;

    if (stream == NULL)
        return err_set_errno(err, errno, "%s", file);
    errno = 0;
    room = buf_reserve(&text, YAML_BYTES_MAX + 1);
    buf_grown(&text, fread(room, 1, YAML_BYTES_MAX + 1, stream));
    error = ferror(stream) ? errno : 0;
    fclose(stream);
    if (error != 0)
        return err_set_errno(err, error, "%s", file);
    return yaml_tree_parse(buf_span(&text), file, out, err);
}

/* --- what scalars mean --- */

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

bool yaml_tree_is_null(const struct yaml_tree *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};

    return node == NULL || (node->kind == YAML_SCALAR && !node->quoted &&
                            is_one_of(node->text, nulls));
}

/* The words of Go's yaml.v2, which are those of YAML 1.1. */
bool yaml_tree_as_boolean(const struct yaml_tree *node, bool *out)
{
    static const char *const yes[] = {"y",   "Y",    "yes",  "Yes",
                                      "YES", "true", "True", "TRUE",
                                      "on",  "On",   "ON",   NULL};
    static const char *const no[] = {"n",   "N",     "no",    "No",
                                     "NO",  "false", "False", "FALSE",
                                     "off", "Off",   "OFF",   NULL};

    if (node == NULL || node->kind != YAML_SCALAR || node->quoted)
        return false;
    if (!is_one_of(node->text, yes) && !is_one_of(node->text, no))
        return false;
    *out = is_one_of(node->text, yes);
    return true;
}
