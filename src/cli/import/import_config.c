/* SPDX-License-Identifier: MIT */
/* From the configuration of CNCF Distribution (registry:2) to berth.conf. */
#include "cli/command.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import.h"
#include "import_environment.h"
#include "import_rules.h"

#define LIST_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define PATH_BYTES_MAX ((size_t)YAML_BYTES_MAX * 2)

static const char *const headings[IMPORT_LISTS] = {
    [IMPORT_LIST_ACCESS] =
        "ATTENTION: these decided what users can do, and berth.conf cannot "
        "say it:",
    [IMPORT_LIST_TODO] = "To be done elsewhere, or not there in Berth:",
    [IMPORT_LIST_UNKNOWN] = "Not known as keys of registry:2, or not heeded "
                            "by it:",
    [IMPORT_LIST_MOOT] = "Nothing to do for these:",
};

/* What the file holds must not begin a line of berth.conf or steer a screen. */
static void add_clean(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        buf_add_char(out, iscntrl((unsigned char)*text) ? '?' : *text);
}

static void add_place(const struct import *import, const struct yaml_tree *node,
                      struct buf *out)
{
    if (strcmp(node->origin, import->file) == 0)
        buf_add_format(out, " (line %zu)", node->line);
    else
        buf_add_format(out, " (%s)", node->origin);
}

/* The names of what the advice for a section is about. */
static void add_members(const struct yaml_tree *node, struct buf *out)
{
    if (node->kind != YAML_MAPPING)
        return;
    for (const struct yaml_tree *child = node->child; child != NULL;
         child = child->next) {
        buf_add(out, child == node->child ? SPAN(" with ") : SPAN(", "));
        add_clean(out, child->key);
    }
}

void import_tell(struct import *import, enum import_list list, const char *path,
                 const struct yaml_tree *node, const char *advice)
{
    struct buf *out = &import->lists[list];

    add_clean(out, path);
    add_members(node, out);
    add_place(import, node, out);
    if (advice[0] != '\0')
        buf_add(out, SPAN(": "));
    for (; *advice != '\0'; advice++) {
        if (*advice == '%')
            add_clean(out, node->kind == YAML_SCALAR ? node->text : "...");
        else
            buf_add_char(out, *advice);
    }
    buf_add_char(out, '\n');
}

int import_complain(const struct import *import, const struct yaml_tree *node,
                    const char *path, const char *what, struct err *err)
{
    CLEANUP(buf) struct buf clean = BUF_INIT(PATH_BYTES_MAX);

    add_clean(&clean, path);
    if (strcmp(node->origin, import->file) == 0)
        return err_set(err, ERR_SYNTAX, "%s:%zu: %s %s", import->file,
                       node->line, buf_text(&clean), what);
    return err_set(err, ERR_SYNTAX, "%s: %s %s", node->origin, buf_text(&clean),
                   what);
}

static void note_ignored(void *context, const char *variable, const char *why)
{
    struct import *import = context;

    add_clean(&import->lists[IMPORT_LIST_UNKNOWN], variable);
    buf_add_format(&import->lists[IMPORT_LIST_UNKNOWN], ": %s\n", why);
}

/* --- key by key --- */

static bool has_word(const char *words, const char *word)
{
    for (struct span rest = span_of(words); rest.ptr != NULL;)
        if (span_equals(span_cut(&rest, ' '), span_of(word)))
            return true;
    return false;
}

/* Keys below a section one rule speaks for. */
static void look_for_unknown(struct import *import, const char *path,
                             const struct import_rule *rule,
                             const struct yaml_tree *node)
{
    if (rule->members == NULL || node->kind != YAML_MAPPING)
        return;
    for (const struct yaml_tree *child = node->child; child != NULL;
         child = child->next) {
        CLEANUP(buf) struct buf below = BUF_INIT(PATH_BYTES_MAX);

        if (has_word(rule->members, child->key))
            continue;
        buf_add_format(&below, "%s.%s", path, child->key);
        import_tell(import, IMPORT_LIST_UNKNOWN, buf_text(&below), child, "");
    }
}

static bool asks_for_nothing(const struct import_rule *rule,
                             const struct yaml_tree *node)
{
    bool value = false;

    if (yaml_tree_as_boolean(yaml_tree_member(node, "disabled"), &value) &&
        value)
        return true;
    return rule->unless_false && yaml_tree_as_boolean(node, &value) && !value;
}

static void judge(struct import *import, const char *path,
                  const struct import_rule *rule, const struct yaml_tree *node)
{
    static const enum import_list lists[] = {
        [IMPORT_MOOT] = IMPORT_LIST_MOOT,
        [IMPORT_TODO] = IMPORT_LIST_TODO,
        [IMPORT_ACCESS] = IMPORT_LIST_ACCESS,
    };

    look_for_unknown(import, path, rule, node);
    if (rule->verdict == IMPORT_SET)
        return;
    if (asks_for_nothing(rule, node))
        import_tell(import, IMPORT_LIST_MOOT, path, node,
                    "so set, it asks for nothing");
    else
        import_tell(import, lists[rule->verdict], path, node, rule->advice);
}

/* The storage driver and the kind of auth can stand there without more. */
static bool says_something(const struct yaml_tree *node, const char *section)
{
    return !yaml_tree_is_null(node) || strcmp(section, "storage") == 0 ||
           strcmp(section, "auth") == 0;
}

static int walk(struct import *import, const struct yaml_tree *node,
                const char *path, struct err *err);

static int visit(struct import *import, const struct yaml_tree *node,
                 const char *section, const char *path, struct err *err)
{
    const struct import_rule *rule = import_rule_find(path);

    if (rule == NULL && node->child != NULL)
        return walk(import, node, path, err);
    if (rule == NULL) {
        import_tell(import, IMPORT_LIST_UNKNOWN, path, node, "");
        return 0;
    }
    if (rule->verdict != IMPORT_SECTION) {
        if (says_something(node, section))
            judge(import, path, rule, node);
        return 0;
    }
    if (yaml_tree_is_null(node))
        return 0;
    if (node->kind == YAML_SCALAR)
        return import_complain(import, node, path, "must be a section", err);
    return walk(import, node, path, err);
}

/* At most YAML_DEPTH_MAX deep. */
static int walk(struct import *import, const struct yaml_tree *node,
                const char *path, struct err *err)
{
    size_t index = 0;

    for (const struct yaml_tree *child = node->child; child != NULL;
         child = child->next) {
        CLEANUP(buf) struct buf below = BUF_INIT(PATH_BYTES_MAX);

        if (path[0] != '\0')
            buf_add_format(&below, "%s.", path);
        if (child->key != NULL)
            buf_add(&below, span_of(child->key));
        else
            buf_add_format(&below, "%zu", index++);
        if (visit(import, child, path, buf_text(&below), err) < 0)
            return -1;
    }
    return 0;
}

/* --- the document as a whole --- */

/* `storage: filesystem` is short for a section without members. */
static void expand_word(struct yaml_tree *tree, const char *key)
{
    const struct yaml_tree *word = yaml_tree_member(tree, key);
    struct yaml_tree *section;

    if (word == NULL || word->kind != YAML_SCALAR || yaml_tree_is_null(word))
        return;
    section = yaml_tree_new_mapping(word->origin, word->line);
    yaml_tree_set(section, word->text,
                  yaml_tree_new_mapping(word->origin, word->line));
    yaml_tree_set(tree, key, section);
}

static int check_version(const struct import *import, struct err *err)
{
    const struct yaml_tree *version = yaml_tree_member(import->tree, "version");

    if (yaml_tree_is_null(version))
        return err_set(err, ERR_SYNTAX,
                       "%s: it has no version, which must be 0.1: is it a "
                       "configuration of registry:2?",
                       import->file);
    if (version->kind != YAML_SCALAR || strcmp(version->text, "0.1") != 0)
        return import_complain(import, version, "version", "must be 0.1", err);
    return 0;
}

/* Exactly one driver, as Distribution demands. */
static int check_storage(const struct import *import, struct err *err)
{
    const struct yaml_tree *storage = yaml_tree_member(import->tree, "storage");
    const struct yaml_tree *driver = NULL;

    for (const struct yaml_tree *child = storage ? storage->child : NULL;
         child != NULL && child->key != NULL; child = child->next) {
        if (has_word("maintenance cache delete redirect tag", child->key))
            continue;
        if (driver != NULL)
            return import_complain(import, child, "storage", "has two drivers",
                                   err);
        driver = child;
    }
    if (driver == NULL)
        return err_set(err, ERR_SYNTAX,
                       "%s: no storage driver, such as storage.filesystem",
                       import->file);
    return 0;
}

static int import_all(struct import *import, const char *const *variables,
                      struct err *err)
{
    if (yaml_tree_read_file(import->file, &import->tree, err) < 0)
        return -1;
    if (import->tree->kind != YAML_MAPPING && !yaml_tree_is_null(import->tree))
        return err_set(err, ERR_SYNTAX, "%s:%zu: keys expected", import->file,
                       import->tree->line);
    if (import_environment(&import->tree, variables, note_ignored, import,
                           err) < 0 ||
        check_version(import, err) < 0)
        return -1;
    expand_word(import->tree, "storage");
    expand_word(import->tree, "auth");
    if (check_storage(import, err) < 0 ||
        walk(import, import->tree, "", err) < 0)
        return -1;
    return import_settings(import, err);
}

/* --- what is printed --- */

static void print_lines(FILE *to, const char *before, const struct buf *lines)
{
    struct span rest = buf_span(lines);

    while (rest.len > 0) {
        struct span line = span_cut(&rest, '\n');

        fprintf(to, "%s%.*s\n", before, SPAN_ARGS(line));
    }
}

/* Standard output has all of it, standard error what somebody has to do. */
static int print_all(const struct import *import)
{
    CLEANUP(buf) struct buf file = BUF_INIT(LIST_BYTES_MAX);
    bool open = false;

    add_clean(&file, import->file);
    printf("# From %s of registry:2 by berth import-config; see "
           "berth.conf(5).\n",
           buf_text(&file));
    for (size_t i = 0; i < IMPORT_LISTS; i++) {
        if (import->lists[i].len == 0)
            continue;
        printf("#\n# %s\n", headings[i]);
        print_lines(stdout, "#   ", &import->lists[i]);
        if (i == IMPORT_LIST_MOOT)
            continue;
        fprintf(stderr, "berth: %s\n", headings[i]);
        print_lines(stderr, "berth:   ", &import->lists[i]);
        open = true;
    }
    fputs(buf_text(&import->settings), stdout);
    if (fflush(stdout) != 0) {
        perror("berth: standard output");
        return EXIT_FAILURE;
    }
    return open ? COMMAND_PARTLY : EXIT_SUCCESS;
}

int command_import_config(char **words)
{
    struct import import = {.settings = BUF_INIT(LIST_BYTES_MAX)};
    struct err err = {0};
    int status;

    if (words[0] == NULL || words[0][0] == '-' || words[1] != NULL)
        return COMMAND_USAGE;
    import.file = words[0];
    for (size_t i = 0; i < IMPORT_LISTS; i++)
        import.lists[i] = BUF_INIT(LIST_BYTES_MAX);
    if (import_all(&import, (const char *const *)environ, &err) < 0)
        status = command_failed(&err);
    else
        status = print_all(&import);
    for (size_t i = 0; i < IMPORT_LISTS; i++)
        buf_cleanup(&import.lists[i]);
    buf_cleanup(&import.settings);
    yaml_tree_free(import.tree);
    return status;
}
