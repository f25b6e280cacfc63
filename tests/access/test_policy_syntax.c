/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include "access/policy.h"
#include "base/buf.h"
#include "base/sections.h"
#include "base/tight.h"

static struct policy *policy;
static struct err err;

static void teardown(void)
{
    policy_cleanup(&policy);
}

TestSuite(policy_syntax, .fini = teardown);

static int parse(struct span text)
{
    CLEANUP(tight) struct span exact = tight_copy(text);

    policy_cleanup(&policy);
    err_clear(&err);
    return policy_parse(exact, "f", &policy, &err);
}

static unsigned rights(const char *user, const char *repository)
{
    return policy_rights(policy, user, repository, NULL);
}

static const struct {
    const char *text, *message;
} mistakes[] = {
    /* Lines. */
    {"alice = pull", "f:1: a line before the first [section]"},
    {"[x]\nalice pull", "f:2: expected name = right, right"},
    {"[x]\n\n# c\nalice = pul", "f:4: \"pul\" is not one of: pull, push, "
                                "delete, catalog, admin"},
    {"[x]\nalice = pull # why", "f:2: \"pull # why\" is not one of: pull, "
                                "push, delete, catalog, admin"},
    {"[x]\na = pull\rb = push", "f:2: \"pull\rb = push\" is not one of: pull, "
                                "push, delete, catalog, admin"},
    {"[x]\n= pull", "f:2: a name is 1 to 255 bytes of UTF-8 without control "
                    "characters"},
    {"[x]\n@ = pull", "f:2: a name is 1 to 255 bytes of UTF-8 without control "
                      "characters"},
    {"[x]\nZo\xEB = pull", "f:2: a name is 1 to 255 bytes of UTF-8 without "
                           "control characters"},
    {"[x]\na\tb = pull", "f:2: a name is 1 to 255 bytes of UTF-8 without "
                         "control characters"},
    {"[x]\na, b = pull", "f:2: a name with ',' in it has to be in quotes"},
    {"[x]\na#b = pull", "f:2: a name with '#' in it has to be in quotes"},
    {"[x]\na\"b = pull", "f:2: a name with '\"' in it has to be in quotes"},
    {"[x]\n$everybody = pull",
     "f:2: $everybody is neither $authenticated nor $anonymous"},
    {"[x]\n$\"anonymous\" = pull",
     "f:2: $\"anonymous\" is neither $authenticated nor $anonymous"},
    /* Quotes. */
    {"[x]\n\"a = pull", "f:2: a quote without an end"},
    {"[x]\n\"a\\\" = pull", "f:2: a quote without an end"},
    {"[x]\n\"a\\n\" = pull", "f:2: between quotes, \\ stands before \" or \\"},
    {"[x]\n\"a\"b = pull", "f:2: what is behind the quotes?"},
    {"[x]\n\"a\"", "f:2: expected name = right, right"},
    {"[x]\n\"\" = pull", "f:2: a name is 1 to 255 bytes of UTF-8 without "
                         "control characters"},
    /* Sections. */
    {"[x", "f:1: a [ without a ] at the end"},
    {"[", "f:1: a [ without a ] at the end"},
    {"[x] # c", "f:1: a [ without a ] at the end"},
    {"[]", "f:1: no repository can have a name like []"},
    {"[/]", "f:1: no repository can have a name like [/]"},
    {"[/x]", "f:1: no repository can have a name like [/x]"},
    {"[x/]", "f:1: no repository can have a name like [x/]"},
    {"[x//*]", "f:1: no repository can have a name like [x//*]"},
    {"[*..*]", "f:1: no repository can have a name like [*..*]"},
    {"[Team/*]", "f:1: no repository can have a name like [Team/*]"},
    {"[a[bc]d]", "f:1: no repository can have a name like [a[bc]d]"},
    {"[team/**]", "f:1: ** is no more than *, which stands for any characters, "
                  "'/' too"},
    {"[x]\n[y]\n[x]\n[y]", "f:3: the section x is in line 1 already"},
    {"[*]\n[?]\n[ * ]", "f:3: the section * is in line 1 already"},
    {"[groups]\n[x]\n[groups]", "f:3: [groups] is in line 1 already"},
    {"[x]\na = pull\nb = pull\nb =\na = push", "f:4: b is in line 3 already"},
    {"[groups]\ng =\n[x]\n@g = pull\n@g = push",
     "f:5: @g is in line 4 already"},
    {"[x]\n$anonymous = pull\n$anonymous =",
     "f:3: $anonymous is in line 2 already"},
    {"[x]\na = pull\n\"a\" = push", "f:3: \"a\" is in line 2 already"},
    /* Groups. */
    {"[groups]\nalice", "f:2: expected group = user, @group"},
    {"[groups]\n\"g = alice", "f:2: a quote without an end"},
    {"[groups]\n@g = alice", "f:2: the name of a group begins with no @ here"},
    {"[groups]\ng = a,", "f:2: a name is 1 to 255 bytes of UTF-8 without "
                         "control characters"},
    {"[groups]\ng = a, , b", "f:2: a name is 1 to 255 bytes of UTF-8 without "
                             "control characters"},
    {"[groups]\ng = a = b", "f:2: a name with '=' in it has to be in quotes"},
    {"[groups]\ng = $authenticated",
     "f:2: a group has users and groups in it, not $authenticated"},
    {"[groups]\ng = a\nh = b\ng = c", "f:4: the group g is in line 2 already"},
    {"[groups]\ng = @h", "f:2: there is no group h"},
    {"[x]\n@h = pull", "f:2: there is no group h"},
    {"[groups]\ng = @g", "f:2: the group g is in itself"},
    {"[groups]\na = x\nb = @c\nc = @d, @a\nd = y, @b",
     "f:4: the group c is in itself, by way of d"},
};

Test(policy_syntax, a_mistake_is_told_with_its_line)
{
    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
        cr_expect_eq(parse(span_of(mistakes[i].text)), -1, "%s",
                     mistakes[i].text);
        cr_expect_eq(err.code, ERR_SYNTAX, "%s", mistakes[i].text);
        cr_expect_str_eq(err.text, mistakes[i].message);
        cr_expect_null(policy);
    }
}

Test(policy_syntax, a_binary_file_is_refused)
{
    cr_expect_eq(parse(SPAN("[x]\n# a\0b\n")), -1);
    cr_expect_str_eq(err.text, "f:2: a NUL byte; is this a text?");
    cr_expect_eq(parse(SPAN("\xFF\xFE[\0x\0]\0")), -1);
    cr_expect_str_eq(err.text, "f:1: a NUL byte; is this a text?");
}

Test(policy_syntax, a_bom_and_carriage_returns_are_fine)
{
    cr_assert_eq(parse(SPAN("\xEF\xBB\xBF[groups]\r\ng = alice\r\n\r\n"
                            "# c\r\n[x]\r\n@g = pull\r\nbob =\r\n")),
                 0, "%s", err.text);
    cr_expect_eq(rights("alice", "x"), RIGHT_PULL);
    cr_expect_eq(rights("bob", "x"), 0);
    cr_expect_eq(parse(SPAN("[x]\r\n\xEF\xBB\xBF[y]\r\n")), -1);
}

Test(policy_syntax, blanks_do_not_count)
{
    cr_assert_eq(parse(SPAN(" [groups] \n\tg\t=\talice ,@h\n h=bob\n"
                            "[ x* ]\n  @g=pull,push  \n  # c\n"
                            "Domain Users = delete")),
                 0, "%s", err.text);
    cr_expect_eq(rights("alice", "x"), RIGHT_PULL | RIGHT_PUSH);
    cr_expect_eq(rights("bob", "x"), RIGHT_PULL | RIGHT_PUSH);
    cr_expect_eq(rights("Domain Users", "x"), RIGHT_DELETE);
}

Test(policy_syntax, quotes_make_any_name)
{
    cr_assert_eq(
        parse(SPAN("[groups]\n\"a, b\" = \"CN=x, OU=\\\"y\\\"\", C\\D, "
                   "\"E\\\\F\"\n"
                   "[x]\n@\"a, b\" = pull\n\" z \" = push\n\"#\"=delete\n")),
        0, "%s", err.text);
    cr_expect_eq(rights("CN=x, OU=\"y\"", "x"), RIGHT_PULL);
    cr_expect_eq(rights("C\\D", "x"), RIGHT_PULL);
    cr_expect_eq(rights("E\\F", "x"), RIGHT_PULL);
    cr_expect_eq(rights(" z ", "x"), RIGHT_PUSH);
    cr_expect_eq(rights("z", "x"), 0);
    cr_expect_eq(rights("#", "x"), RIGHT_DELETE);
}

Test(policy_syntax, a_repository_may_be_called_groups)
{
    cr_assert_eq(parse(SPAN("[\"groups\"]\na = pull\n[groups/*]\na = push\n")),
                 0, "%s", err.text);
    cr_expect_eq(rights("a", "groups"), RIGHT_PULL);
    cr_expect_eq(rights("a", "groups/x"), RIGHT_PUSH);
    cr_expect_eq(parse(SPAN("[\"groups\"]\n[\"groups\"]")), -1);
    cr_expect_eq(parse(SPAN("[\"a\" b]")), -1);
}

Test(policy_syntax, names_and_lines_have_a_limit)
{
    CLEANUP(tight)
    struct span name = tight_repeat("[x]\n", "n", USER_NAME_MAX, " = pull");
    CLEANUP(tight)
    struct span longer =
        tight_repeat("[x]\n", "n", USER_NAME_MAX + 1, " = pull");
    CLEANUP(tight) struct span pattern = tight_repeat("[", "n", 255, "]");
    CLEANUP(tight)
    struct span pattern_longer = tight_repeat("[", "n", 255, "*]");
    CLEANUP(tight)
    struct span line =
        tight_repeat("#", "x", SECTIONS_LINE_MAX - 1, "\r\n[x]\n");
    CLEANUP(tight)
    struct span line_longer = tight_repeat("\n#", "x", SECTIONS_LINE_MAX, "\n");

    cr_expect_eq(parse(name), 0, "%s", err.text);
    cr_expect_eq(parse(longer), -1);
    cr_expect_eq(parse(pattern), 0, "%s", err.text);
    cr_expect_eq(parse(pattern_longer), -1);
    cr_expect_eq(parse(line), 0, "%s", err.text);
    cr_expect_eq(parse(line_longer), -1);
    cr_expect_str_eq(err.text, "f:2: a line of more than 65536 bytes");
}

Test(policy_syntax, a_file_has_a_limit)
{
    CLEANUP(tight)
    struct span most = tight_repeat("", "# 45678\n", SECTIONS_SIZE_MAX / 8, "");
    CLEANUP(tight)
    struct span longer =
        tight_repeat("", "# 45678\n", SECTIONS_SIZE_MAX / 8, "\n");

    cr_expect_eq(parse(most), 0, "%s", err.text);
    cr_expect_eq(parse(longer), -1);
    cr_expect_str_eq(err.text, "f: more than 4194304 bytes");
}

/* --- the largest files --- */

/* Lines with another name for each %, to the limit. */
static void fill(struct buf *text, const char *line)
{
    for (unsigned i = 0; text->len + 64 < SECTIONS_SIZE_MAX; i++) {
        for (const char *c = line; *c != '\0'; c++) {
            if (*c == '%')
                buf_add_format(text, "%x", i * 2654435761u);
            else
                buf_add_char(text, *c);
        }
        buf_add_char(text, '\n');
    }
}

/* Quadratic work would take minutes; analysers make all of it slower. */
Test(policy_syntax, the_largest_files_are_read_soon)
{
    static const char *const texts[][2] = {
        {"", "[%]"},
        {"", "[%*]\na="},
        {"[x]\n", "%="},
        {"[groups]\n", "%=a,%"},
        {"[groups]\nall=\n", "%=@all,a"},
        {"[groups]\ng=a\n[x]\n", "\"%\"=pull,push"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        CLEANUP(buf) struct buf text = BUF_INIT(SECTIONS_SIZE_MAX);
        clock_t start;
        int result;

        buf_add(&text, span_of(texts[i][0]));
        fill(&text, texts[i][1]);
        start = clock();
        result = parse(buf_span(&text));
        cr_expect_lt(clock() - start, 20 * CLOCKS_PER_SEC, "%s", texts[i][1]);
        cr_expect(result == 0 || strstr(err.text, "too many groups in groups"),
                  "%s: %s", texts[i][1], err.text);
    }
}

/* As many links as lines: deeper than a stack would be. */
Test(policy_syntax, a_long_chain_of_groups_is_refused)
{
    CLEANUP(buf) struct buf text = BUF_INIT(SECTIONS_SIZE_MAX);

    buf_add(&text, SPAN("[groups]\n"));
    for (unsigned i = 0; text.len + 32 < SECTIONS_SIZE_MAX; i++)
        buf_add_format(&text, "%x=@%x\n", i, i + 1);
    buf_truncate(&text, text.len - 1);
    buf_add(&text, SPAN(",@0\n"));
    cr_expect_eq(parse(buf_span(&text)), -1);
    buf_clear(&text);
    buf_add(&text, SPAN("[groups]\n0=\n"));
    for (unsigned i = 1; text.len + 32 < SECTIONS_SIZE_MAX; i++)
        buf_add_format(&text, "%x=@%x\n", i, i - 1);
    cr_expect_eq(parse(buf_span(&text)), -1);
    cr_expect(strstr(err.text, ": too many groups in groups"), "%s", err.text);
}
