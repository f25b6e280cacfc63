/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/yaml_tree.h"

static struct yaml_tree *tree;
static struct err err;

static int parse(const char *text)
{
    yaml_tree_cleanup(&tree);
    err_clear(&err);
    return yaml_tree_parse(span_of(text), "a.yml", &tree, &err);
}

static void forget(void)
{
    yaml_tree_cleanup(&tree);
}

TestSuite(yaml_tree, .fini = forget);

static const struct yaml_tree *at(const char *path)
{
    const struct yaml_tree *node = tree;
    char key[64];

    for (struct span rest = span_of(path); rest.ptr != NULL;) {
        struct span step = span_cut(&rest, '.');

        snprintf(key, sizeof(key), "%.*s", SPAN_ARGS(step));
        node = yaml_tree_member(node, key);
    }
    return node;
}

Test(yaml_tree, a_document_is_its_sections_and_lines)
{
    cr_assert_eq(parse("# head\nstorage:\n  delete:\n    enabled: true\n"
                       "list: [a, 'b']\n"),
                 0, "%s", err.text);
    cr_assert_eq(tree->kind, YAML_MAPPING);
    cr_assert_str_eq(at("storage.delete.enabled")->text, "true");
    cr_assert_eq(at("storage.delete.enabled")->line, 4);
    cr_assert_eq(at("storage")->line, 2);
    cr_assert_eq(at("list")->kind, YAML_SEQUENCE);
    cr_assert_not(at("list")->child->quoted);
    cr_assert(at("list")->child->next->quoted);
    cr_assert_str_eq(at("list")->child->next->text, "b");
    cr_assert_null(at("list")->child->next->next);
    cr_assert_str_eq(at("list")->origin, "a.yml");
    cr_assert_null(at("storage.nothing"));
}

Test(yaml_tree, an_empty_text_is_null)
{
    cr_assert_eq(parse(""), 0);
    cr_assert(yaml_tree_is_null(tree));
    cr_assert_eq(parse(NULL), 0);
    cr_assert(yaml_tree_is_null(tree));
    cr_assert_eq(parse("# nothing\n"), 0);
    cr_assert(yaml_tree_is_null(tree));
}

Test(yaml_tree, what_is_wrong_is_said_with_its_line)
{
    static const struct {
        const char *text, *said;
    } wrong[] = {
        {"a: 1\nb: [1, 2\n", "a.yml:3: not YAML"},
        {"a: 1\n\tb: 2\n", "a.yml:2: not YAML"},
        {"a: 1\nb: 2\na: 3\n", "a.yml:3: the key is there twice"},
        {"a: 1\n---\nb: 1\n", "a.yml:2: a second document"},
        {"a: *nothing\n", "a.yml:1: not YAML"},
        {"[a, b]: 1\n", "a.yml:1: a key must be a text"},
        {"a: \"\\0\"\n", "a.yml:1: a NUL byte"},
        {"a: 1\n<<: 2\n", "a.yml:2: << wants mappings"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        cr_expect_eq(parse(wrong[i].text), -1, "%s", wrong[i].text);
        cr_expect_eq(err.code, ERR_SYNTAX);
        cr_expect(strncmp(err.text, wrong[i].said, strlen(wrong[i].said)) == 0,
                  "%s", err.text);
    }
}

Test(yaml_tree, an_alias_is_what_it_names)
{
    cr_assert_eq(parse("a: &x {k: v}\nb: *x\n"), 0);
    cr_assert_str_eq(at("b.k")->text, "v");
}

Test(yaml_tree, merged_keys_do_not_hide_those_of_the_mapping)
{
    cr_assert_eq(parse("a: &x {k: 1, l: 2}\nb: &y {l: 3, m: 4}\n"
                       "c: {<<: *x, k: 5}\nd:\n  <<: [*y, *x]\n"),
                 0, "%s", err.text);
    cr_assert_str_eq(at("c.k")->text, "5");
    cr_assert_str_eq(at("c.l")->text, "2");
    cr_assert_str_eq(at("d.l")->text, "3");
    cr_assert_str_eq(at("d.k")->text, "1");
    cr_assert_null(at("c.<<"));
}

Test(yaml_tree, aliases_of_aliases_end_at_the_count)
{
    CLEANUP(buf) struct buf text = BUF_INIT(4096);

    buf_add(&text, SPAN("l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n"));
    for (int i = 1; i < 12; i++)
        buf_add_format(&text,
                       "l%d: &l%d [*l%d,*l%d,*l%d,*l%d,*l%d,*l%d,*l%d]\n", i, i,
                       i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    cr_assert_eq(parse(buf_text(&text)), -1);
    cr_assert_not_null(strstr(err.text, "too many values"));
}

Test(yaml_tree, an_alias_within_itself_ends_at_the_depth)
{
    cr_assert_eq(parse("a: &a [*a]\n"), -1);
    cr_assert_not_null(strstr(err.text, "nested too deeply"), "%s", err.text);
}

Test(yaml_tree, depth_and_length_have_a_limit)
{
    CLEANUP(buf) struct buf text = BUF_INIT(YAML_BYTES_MAX + 64);

    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        buf_add_char(&text, '[');
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        buf_add_char(&text, ']');
    cr_assert_eq(parse(buf_text(&text)), 0, "%s", err.text);
    buf_clear(&text);
    for (int i = 0; i < YAML_DEPTH_MAX + 2; i++)
        buf_add_char(&text, '[');
    for (int i = 0; i < YAML_DEPTH_MAX + 2; i++)
        buf_add_char(&text, ']');
    cr_assert_eq(parse(buf_text(&text)), -1);
    buf_clear(&text);
    while (text.len <= YAML_BYTES_MAX)
        buf_add_char(&text, '#');
    cr_assert_eq(parse(buf_text(&text)), -1);
    cr_assert_eq(err.code, ERR_TOO_LARGE);
}

Test(yaml_tree, booleans_are_unquoted_words)
{
    bool value = false;

    cr_assert_eq(parse("a: yes\nb: 'true'\nc: Off\nd: maybe\ne: 1\nf:\n"), 0);
    cr_assert(yaml_tree_as_boolean(at("a"), &value) && value);
    cr_assert(yaml_tree_as_boolean(at("c"), &value) && !value);
    cr_assert_not(yaml_tree_as_boolean(at("b"), &value));
    cr_assert_not(yaml_tree_as_boolean(at("d"), &value));
    cr_assert_not(yaml_tree_as_boolean(at("e"), &value));
    cr_assert_not(yaml_tree_as_boolean(at("f"), &value));
    cr_assert_not(yaml_tree_as_boolean(NULL, &value));
}

Test(yaml_tree, what_is_set_takes_the_place_of_the_old)
{
    cr_assert_eq(parse("a: 1\nb: 2\n"), 0);
    yaml_tree_set(tree, "a", yaml_tree_new_mapping("here", 7));
    cr_assert_eq(tree->child->line, 7);
    cr_assert_str_eq(tree->child->key, "a");
    cr_assert_str_eq(tree->child->next->key, "b");
    yaml_tree_set(tree, "c", yaml_tree_new_mapping("here", 8));
    cr_assert_eq(at("c")->line, 8);
}

Test(yaml_tree, a_file_that_is_not_there_is_named)
{
    cr_assert_eq(yaml_tree_read_file("/nonexistent/a.yml", &tree, &err), -1);
    cr_assert_eq(err.code, ERR_NOT_FOUND);
    cr_assert_not_null(strstr(err.text, "/nonexistent/a.yml"));
}
