/* SPDX-License-Identifier: MIT */
/* What a policy decides; what it cannot say is in test_policy_syntax.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/policy.h"
#include "base/buf.h"
#include "base/sections.h"
#include "base/tight.h"

#define ALL RIGHTS_ALL

static struct policy *policy;
static struct policy_reason reason;

static void load(const char *text)
{
    CLEANUP(tight) struct span exact = tight_text(text);
    struct err err = {0};

    policy_cleanup(&policy);
    cr_assert_eq(policy_parse(exact, "policy", &policy, &err), 0, "%s",
                 err.text);
}

static unsigned rights(const char *user, const char *repository)
{
    return policy_rights(policy, user, repository, &reason);
}

static void teardown(void)
{
    policy_cleanup(&policy);
}

TestSuite(policy, .fini = teardown);

Test(policy, nothing_is_allowed_where_nothing_is_said)
{
    load("");
    cr_expect_eq(rights("alice", "app"), 0);
    cr_expect_null(reason.pattern);
    load("[team/*]\nalice = admin\n");
    cr_expect_eq(rights("alice", "app"), 0);
    cr_expect_null(reason.pattern);
    cr_expect_eq(rights("bob", "team/app"), 0);
    cr_expect_str_eq(reason.pattern, "team/*");
    cr_expect_null(reason.principal);
    cr_expect_eq(rights("", "team/app"), 0);
    load("[team/*]\n");
    cr_expect_eq(rights("alice", "team/app"), 0);
}

Test(policy, an_exact_name_beats_a_glob)
{
    load("[*]\na = pull\n"
         "[team/ap?]\na = push\n"
         "[team/app]\na = delete\n"
         "[zeta]\na = catalog\n"
         "[alpha]\na = pull, catalog\n");
    cr_expect_eq(rights("a", "team/app"), RIGHT_DELETE);
    cr_expect_eq(rights("a", "team/apx"), RIGHT_PUSH);
    cr_expect_eq(rights("a", "team/apps"), RIGHT_PULL);
    cr_expect_eq(rights("a", "zeta"), RIGHT_CATALOG);
    cr_expect_eq(rights("a", "alpha"), RIGHT_PULL | RIGHT_CATALOG);
    cr_expect_eq(rights("a", "alphabet"), RIGHT_PULL);
}

Test(policy, the_longest_text_before_a_wildcard_comes_first)
{
    load("[t*/secret/of/the/house]\na = pull\n"
         "[team/*]\na = push\n"
         "[team/a?]\na = delete\n");
    cr_expect_eq(rights("a", "team/secret/of/the/house"), RIGHT_PUSH);
    cr_expect_eq(rights("a", "to/secret/of/the/house"), RIGHT_PULL);
    cr_expect_eq(rights("a", "team/ab"), RIGHT_DELETE);
    cr_expect_eq(rights("a", "team/abc"), RIGHT_PUSH);
}

Test(policy, then_the_more_literal_characters)
{
    load("[team/*]\na = pull\n[team/*/x]\na = push\n[team/*/x?]\na = delete\n");
    cr_expect_eq(rights("a", "team/1/x"), RIGHT_PUSH);
    cr_expect_eq(rights("a", "team/1/xy"), RIGHT_DELETE);
    cr_expect_eq(rights("a", "team/1/y"), RIGHT_PULL);
}

Test(policy, then_the_earlier_in_the_file)
{
    load("[*-a]\na = pull\n[?-a]\na = push\n");
    cr_expect_eq(rights("a", "x-a"), RIGHT_PULL);
    load("[?-a]\na = push\n[*-a]\na = pull\n");
    cr_expect_eq(rights("a", "x-a"), RIGHT_PUSH);
    cr_expect_eq(rights("a", "xx-a"), RIGHT_PULL);
}

Test(policy, a_glob_is_found_among_many)
{
    CLEANUP(buf) struct buf text = BUF_INIT(64 * 1024);
    char name[64], user[64];

    for (int i = 0; i < 500; i++)
        buf_add_format(&text, "[t%d-%d/*]\nu%d = pull\n", i % 13, i, i);
    buf_add(&text, SPAN("[t*]\nlast = pull\n[*z]\nlast = push\n"));
    load(buf_text(&text));
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "t%d-%d/app/z", i % 13, i);
        snprintf(user, sizeof(user), "u%d", i);
        cr_expect_eq(rights(user, name), RIGHT_PULL, "%s", name);
        snprintf(name, sizeof(name), "t%d-%d-z", i % 13, i);
        cr_expect_eq(rights("last", name), RIGHT_PULL, "%s", name);
    }
    cr_expect_eq(rights("last", "a/z"), RIGHT_PUSH);
    cr_expect_eq(rights("last", "zz"), RIGHT_PUSH);
    cr_expect_eq(rights("last", "a"), 0);
}

Test(policy, exactly_one_section_decides)
{
    load("[*]\nalice = admin\n$anonymous = pull\n[team/*]\nbob = pull\n");
    cr_expect_eq(rights("alice", "team/app"), 0);
    cr_expect_eq(rights("", "team/app"), 0);
    cr_expect_eq(rights("alice", "other/app"), ALL);
}

Test(policy, a_star_is_any_characters_and_slashes)
{
    load("[a*z]\nu = pull\n[b/?]\nu = pull\n[c*d*e]\nu = pull\n"
         "[f?g]\nu = pull\n");
    cr_expect_eq(rights("u", "az"), RIGHT_PULL);
    cr_expect_eq(rights("u", "a/b/c/z"), RIGHT_PULL);
    cr_expect_eq(rights("u", "a/b/c"), 0);
    cr_expect_eq(rights("u", "b/c"), RIGHT_PULL);
    cr_expect_eq(rights("u", "b"), 0);
    cr_expect_eq(rights("u", "b/cd"), 0);
    cr_expect_eq(rights("u", "cxdxdye"), RIGHT_PULL);
    cr_expect_eq(rights("u", "cde"), RIGHT_PULL);
    cr_expect_eq(rights("u", "ced"), 0);
    cr_expect_eq(rights("u", "f/g"), RIGHT_PULL);
    cr_expect_eq(rights("u", "fg"), 0);
}

/* With a step back for each star this would not end. */
Test(policy, a_hostile_glob_is_cheap)
{
    CLEANUP(tight)
    struct span text = tight_repeat("[", "a*", 120, "b]\nu = pull\n");
    CLEANUP(tight) struct span name = tight_repeat("", "a", 255, "");
    char repository[256] = "";
    struct err err = {0};

    cr_assert_eq(policy_parse(text, "policy", &policy, &err), 0, "%s",
                 err.text);
    memcpy(repository, name.ptr, name.len);
    for (int i = 0; i < 1000; i++)
        cr_expect_eq(rights("u", repository), 0);
    repository[254] = 'b';
    cr_expect_eq(rights("u", repository), RIGHT_PULL);
}

Test(policy, the_line_of_the_user_decides)
{
    load("[groups]\nteam = alice, bob\n"
         "[app]\n@team = pull, push\nbob =\nalice = delete\n"
         "$authenticated = admin\n");
    cr_expect_eq(rights("alice", "app"), RIGHT_DELETE);
    cr_expect_eq(rights("bob", "app"), 0);
    cr_expect_str_eq(reason.principal, "bob");
    cr_expect_eq(reason.line, 5);
    cr_expect_eq(reason.section_line, 3);
}

Test(policy, the_groups_of_a_user_add_up)
{
    load("[groups]\nreaders = alice, bob\nwriters = alice\nothers = eve\n"
         "[app]\n@others = admin\n@writers = push\n@readers = pull\n"
         "$authenticated = admin\n");
    cr_expect_eq(rights("alice", "app"), RIGHT_PULL | RIGHT_PUSH);
    cr_expect_str_eq(reason.principal, "@writers");
    cr_expect_eq(reason.line, 7);
    cr_expect_eq(reason.rights, RIGHT_PUSH);
    cr_expect_eq(rights("bob", "app"), RIGHT_PULL);
}

Test(policy, a_group_with_an_empty_line_is_denied)
{
    load("[groups]\ngone = bob\n[app]\n@gone =\n$authenticated = pull\n");
    cr_expect_eq(rights("bob", "app"), 0);
    cr_expect_str_eq(reason.principal, "@gone");
    cr_expect_eq(rights("alice", "app"), RIGHT_PULL);
}

Test(policy, who_has_a_name_falls_back_to_authenticated_then_to_anonymous)
{
    load("[both]\n$anonymous = pull\n$authenticated = push\n"
         "[open]\n$anonymous = pull\n"
         "[closed]\n$authenticated = pull\n"
         "[odd]\n$anonymous = pull\n$authenticated =\n");
    cr_expect_eq(rights("alice", "both"), RIGHT_PUSH);
    cr_expect_eq(rights("", "both"), RIGHT_PULL);
    cr_expect_eq(rights("alice", "open"), RIGHT_PULL);
    cr_expect_str_eq(reason.principal, "$anonymous");
    cr_expect_eq(rights("", "open"), RIGHT_PULL);
    cr_expect_eq(rights("alice", "closed"), RIGHT_PULL);
    cr_expect_eq(rights("", "closed"), 0);
    cr_expect_eq(rights("alice", "odd"), 0);
    cr_expect_eq(rights("", "odd"), RIGHT_PULL);
}

Test(policy, groups_are_in_groups_whatever_their_order)
{
    load("[groups]\n"
         "all = @admins, @team, guest, @admins\n"
         "admins = @root, carol\n"
         "root = dave\n"
         "team = alice, @admins, alice\n"
         "[x]\n@all = pull\n[y]\n@team = pull\n@root = push\n[z]\n@root = "
         "admin\n");
    cr_expect_eq(rights("dave", "x"), RIGHT_PULL);
    cr_expect_eq(rights("dave", "y"), RIGHT_PULL | RIGHT_PUSH);
    cr_expect_eq(rights("dave", "z"), ALL);
    cr_expect_eq(rights("carol", "y"), RIGHT_PULL);
    cr_expect_eq(rights("carol", "z"), 0);
    cr_expect_eq(rights("guest", "x"), RIGHT_PULL);
    cr_expect_eq(rights("guest", "y"), 0);
    cr_expect_eq(rights("", "x"), 0);
}

Test(policy, groups_may_be_behind_and_empty)
{
    load("[x]\n@late = pull\n[groups]\nlate = alice\nnobody =\n"
         "[y]\n@nobody = admin\n@late = push\n");
    cr_expect_eq(rights("alice", "x"), RIGHT_PULL);
    cr_expect_eq(rights("alice", "y"), RIGHT_PUSH);
}

Test(policy, names_are_told_apart_by_what_stands_before_them)
{
    load("[groups]\nalice = bob\n"
         "[x]\nalice = pull\n@alice = push\n\"@alice\" = delete\n"
         "\"$anonymous\" = catalog\n");
    cr_expect_eq(rights("alice", "x"), RIGHT_PULL);
    cr_expect_eq(rights("bob", "x"), RIGHT_PUSH);
    cr_expect_eq(rights("@alice", "x"), RIGHT_DELETE);
    cr_expect_eq(rights("$anonymous", "x"), RIGHT_CATALOG);
    cr_expect_eq(rights("", "x"), 0);
    cr_expect_eq(rights("Alice", "x"), 0);
    cr_expect_eq(rights("alic", "x"), 0);
}

Test(policy, a_right_may_be_granted_somewhere)
{
    load("[groups]\nteam = carol\n"
         "[a]\nalice = pull\n[b*]\n@team = catalog\n$anonymous = push\n");
    cr_expect(policy_grants_somewhere(policy, "alice", RIGHT_PULL));
    cr_expect(policy_grants_somewhere(policy, "alice", RIGHT_PUSH));
    cr_expect_not(policy_grants_somewhere(policy, "alice", RIGHT_CATALOG));
    cr_expect(policy_grants_somewhere(policy, "carol", RIGHT_CATALOG));
    cr_expect_not(policy_grants_somewhere(policy, "carol", RIGHT_PUSH));
    cr_expect(policy_grants_somewhere(policy, "", RIGHT_PUSH));
    cr_expect_not(policy_grants_somewhere(policy, "", RIGHT_PULL));
}

Test(policy, a_file_is_followed)
{
    struct followed file;
    char path[] = "/tmp/berth-policy-XXXXXX";
    struct followed_state *state;
    struct err err = {0};
    FILE *out = fdopen(mkstemp(path), "w");

    followed_init(&file, &policy_kind);
    fputs("[x]\nalice = pull\n", out);
    fclose(out);
    state = followed_get(&file, path, &err);
    cr_assert_not_null(state, "%s", err.text);
    cr_expect_eq(policy_rights(state->value, "alice", "x", NULL), RIGHT_PULL);
    followed_put(state);

    out = fopen(path, "w");
    fputs("[x]\nalice = pull\nbob = hull\n", out);
    fclose(out);
    state = followed_get(&file, path, &err);
    cr_expect_eq(err.code, ERR_SYNTAX);
    cr_expect(strstr(err.text, ":3: \"hull\" is not"), "%s", err.text);
    cr_assert_not_null(state);
    cr_expect_eq(policy_rights(state->value, "alice", "x", NULL), RIGHT_PULL);
    followed_put(state);
    followed_forget(&file);
    unlink(path);
}

Test(policy, what_cannot_be_read_is_told_from_what_is_wrong)
{
    struct err err = {0};

    cr_expect_eq(policy_read("/nowhere/policy", &policy, &err), -1);
    cr_expect_eq(err.code, ERR_NOT_FOUND);
    cr_expect_eq(policy_read("/tmp", &policy, &err), -1);
    cr_expect_eq(err.code, ERR_SYNTAX);
    cr_expect_str_eq(err.text, "/tmp is no file");
}

Test(policy, a_file_that_is_too_long_is_wrong)
{
    char path[] = "/tmp/berth-policy-XXXXXX";
    int fd = mkstemp(path);
    struct err err = {0};

    cr_assert_eq(ftruncate(fd, SECTIONS_SIZE_MAX + 1), 0);
    close(fd);
    cr_expect_eq(policy_read(path, &policy, &err), -1);
    cr_expect_eq(err.code, ERR_SYNTAX);
    cr_expect(strstr(err.text, ": more than 4194304 bytes"), "%s", err.text);
    unlink(path);
}

/* Whoever opened it would wait, and with them all who ask. */
Test(policy, a_pipe_keeps_nobody_waiting, .timeout = 10)
{
    char path[] = "/tmp/berth-policy-XXXXXX";
    struct err err = {0};

    close(mkstemp(path));
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(policy_read(path, &policy, &err), -1);
    cr_expect_eq(err.code, ERR_SYNTAX);
    unlink(path);
}
