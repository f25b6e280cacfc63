/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/sections.h"
#include "base/tight.h"
#include "store/rules.h"

static struct rules *rules;
static struct rules_found found;
static struct err err;

static void teardown(void)
{
    rules_cleanup(&rules);
}

TestSuite(rules, .fini = teardown);

static int parse(struct span text)
{
    CLEANUP(tight) struct span exact = tight_copy(text);

    rules_cleanup(&rules);
    err_clear(&err);
    return rules_parse(exact, "f", &rules, &err);
}

static void load(const char *text)
{
    cr_assert_eq(parse(span_of(text)), 0, "%s", err.text);
}

static void find(const char *repository)
{
    rules_find(rules, repository, &found);
}

/* --- mistakes --- */

static const struct {
    const char *text, *message;
} mistakes[] = {
    {"protect = v*", "f:1: a line before the first [section]"},
    {"[x]\nprotect", "f:2: expected key = value"},
    {"[x]\n\nprotekt = a", "f:3: unknown key \"protekt\""},
    {"[x]\n= a", "f:2: unknown key \"\""},
    {"[x]\nPROTECT = a", "f:2: unknown key \"PROTECT\""},
    {"[x\nprotect = a", "f:1: a [ without a ] at the end"},
    {"[]", "f:1: no repository can have a name like []"},
    {"[X]", "f:1: no repository can have a name like [X]"},
    {"[a/**]", "f:1: ** is no more than *, which stands for any characters, "
               "'/' too"},
    {"[x]\n[y]\n[x]", "f:3: the section x is in line 1 already"},
    {"[x]\nprotect = a\nprotect = b", "f:3: protect is in line 2 already"},
    {"[x]\nprotect = a,,b", "f:2: no tag can have a name like \"\""},
    {"[x]\nprotect = a,", "f:2: no tag can have a name like \"\""},
    {"[x]\nprotect = a b", "f:2: no tag can have a name like \"a b\""},
    {"[x]\nprotect = a # why", "f:2: no tag can have a name like \"a # why\""},
    {"[x]\nprotect = v**", "f:2: ** is no more than *, which stands for any "
                           "characters"},
    {"[x]\nkeep_matching =", "f:2: keep_matching without a pattern keeps "
                             "nothing; * keeps all"},
    {"[x]\nkeep_last = 0", "f:2: keep_last must lie between 1 and 100000000"},
    {"[x]\nkeep_last = -1", "f:2: keep_last must be a number"},
    {"[x]\nkeep_last = 10d", "f:2: keep_last must be a number"},
    {"[x]\nkeep_last =", "f:2: keep_last must be a number"},
    {"[x]\nkeep_last = never", "f:2: keep_last must be a number"},
    {"[x]\nkeep_newer = 0", "f:2: keep_newer must lie between 1 and 315360000"},
    {"[x]\nkeep_newer = 1w",
     "f:2: keep_newer must be a number of seconds such as 24h"},
    {"[x]\nuntagged = 0", "f:2: untagged must lie between 1 and 315360000"},
    {"[x]\nuntagged = Never",
     "f:2: untagged must be a number of seconds such as 24h"},
    {"[x]\nquota = much", "f:2: quota must be a number of bytes such as 4M"},
    {"[x]\nquota = 99999999999T",
     "f:2: quota must be a number of bytes such as 4M"},
    {"[x]\nquota = 18446744073709551615",
     "f:2: quota must lie between 0 and 18446744073709551614"},
    {"[x]\nquota = -1", "f:2: quota must be a number of bytes such as 4M"},
};

Test(rules, mistakes_are_named_with_their_lines)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        cr_expect_eq(parse(span_of(mistakes[i].text)), -1, "%s",
                     mistakes[i].text);
        cr_expect_eq(err.code, ERR_SYNTAX);
        cr_expect_str_eq(err.text, mistakes[i].message);
        cr_expect_null(rules);
    }
}

Test(rules, hostile_texts_end_soon)
{
    CLEANUP(tight) struct span nul = tight_copy(SPAN("[x]\nprotect = a\0b"));
    CLEANUP(tight)
    struct span line = tight_repeat("[x]\n#", "x", SECTIONS_LINE_MAX, "");
    CLEANUP(tight)
    struct span size =
        tight_repeat("", "# 45678\n", SECTIONS_SIZE_MAX / 8, "\n");
    CLEANUP(tight)
    struct span commas = tight_repeat("[x]\nprotect = a", ",a", 30000, "");
    CLEANUP(tight)
    struct span sections = tight_repeat("", "[*a]\n", 100000, "");

    cr_expect_eq(parse(nul), -1);
    cr_expect_str_eq(err.text, "f:2: a NUL byte; is this a text?");
    cr_expect_eq(parse(line), -1);
    cr_expect_str_eq(err.text, "f:2: a line of more than 65536 bytes");
    cr_expect_eq(parse(size), -1);
    cr_expect_str_eq(err.text, "f: more than 4194304 bytes");
    cr_assert_eq(parse(commas), 0, "%s", err.text);
    find("x");
    cr_expect_eq(found.protect.count, 30001);
    cr_expect_eq(parse(sections), -1);
    cr_expect_str_eq(err.text, "f:2: the section *a is in line 1 already");
}

/* --- what holds --- */

Test(rules, no_file_says_nothing_of_anything)
{
    rules_find(rules_none(), "a/b", &found);
    cr_expect_null(found.protect_origin.section);
    cr_expect_eq(found.protect.count, 0);
    cr_expect_null(found.keep_origin.section);
    cr_expect_null(found.untagged_origin.section);
    cr_expect_eq(found.untagged, 0);
    cr_expect_null(found.quota_origin.section);
    cr_expect_eq(found.quota, RULES_NO_QUOTA);
    cr_expect_not(rules_have_retention(rules_none()));
}

Test(rules, all_keys_are_read)
{
    load("\xEF\xBB\xBF# rules\r\n[ team/* ]\r\n"
         "  protect = v*, latest ,release-?\n"
         "keep_last=10\nkeep_newer = 30d\nkeep_matching = stable-*, v*\n"
         "untagged = 7d\nquota = 50G\n");
    find("team/app");
    cr_expect_str_eq(found.protect_origin.section, "team/*");
    cr_expect_eq(found.protect_origin.line, 2);
    cr_expect_eq(found.protect.count, 3);
    cr_expect_str_eq(found.protect.patterns[1], "latest");
    cr_expect_eq(found.keep_last, 10);
    cr_expect_eq(found.keep_newer, 30 * 86400);
    cr_expect_eq(found.keep_matching.count, 2);
    cr_expect_eq(found.untagged, 7 * 86400);
    cr_expect_eq(found.quota, UINT64_C(50) << 30);
    find("team");
    cr_expect_null(found.protect_origin.section);
    cr_expect_eq(found.quota, RULES_NO_QUOTA);
}

Test(rules, the_first_pattern_of_a_tag_that_matches_is_named)
{
    load("[*]\nprotect = v?, v*, latest");
    find("a");
    cr_expect_str_eq(rules_tags_match(&found.protect, "v1"), "v?");
    cr_expect_str_eq(rules_tags_match(&found.protect, "v12"), "v*");
    cr_expect_str_eq(rules_tags_match(&found.protect, "latest"), "latest");
    cr_expect_null(rules_tags_match(&found.protect, "Latest"));
    cr_expect_null(rules_tags_match(&found.protect, "latest2"));
    cr_expect_null(rules_tags_match(&found.protect, "xv1"));
}

Test(rules, each_subject_is_decided_by_the_most_specific_that_speaks_of_it)
{
    load("[*]\nprotect = v*\nkeep_newer = 90d\nuntagged = 30d\nquota = 1T\n"
         "[team/*]\nquota = 50G\n"
         "[team/app]\nkeep_last = 3\n");
    find("team/app");
    cr_expect_str_eq(found.protect_origin.section, "*");
    cr_expect_str_eq(found.keep_origin.section, "team/app");
    cr_expect_eq(found.keep_last, 3);
    cr_expect_eq(found.keep_newer, 0, "the keep_ keys belong together");
    cr_expect_str_eq(found.untagged_origin.section, "*");
    cr_expect_str_eq(found.quota_origin.section, "team/*");
    find("team/other");
    cr_expect_str_eq(found.keep_origin.section, "*");
    cr_expect_str_eq(found.quota_origin.section, "team/*");
    find("x");
    cr_expect_eq(found.quota, UINT64_C(1) << 40);
}

Test(rules, a_section_can_take_back_what_a_wider_one_says)
{
    load("[*]\nprotect = *\nuntagged = 1d\nquota = 0\n"
         "[free/*]\nprotect =\nuntagged = never\nquota = none\n");
    find("free/a");
    cr_expect_str_eq(found.protect_origin.section, "free/*");
    cr_expect_eq(found.protect.count, 0);
    cr_expect_null(rules_tags_match(&found.protect, "v1"));
    cr_expect_eq(found.untagged, 0);
    cr_expect_str_eq(found.untagged_origin.section, "free/*");
    cr_expect_eq(found.quota, RULES_NO_QUOTA);
    find("a");
    cr_expect_eq(found.quota, 0);
}

Test(rules, quotas_are_listed_as_in_the_file)
{
    struct rules_quota quota;

    load("[b]\nquota = 2\n[c]\nprotect = x\n[a]\nquota = none\n[*]\nquota = 1");
    cr_assert(rules_quota_at(rules, 0, &quota));
    cr_expect_str_eq(quota.origin.section, "b");
    cr_expect_eq(quota.bytes, 2);
    cr_assert(rules_quota_at(rules, 1, &quota));
    cr_expect_str_eq(quota.origin.section, "a");
    cr_expect_eq(quota.bytes, RULES_NO_QUOTA);
    cr_assert(rules_quota_at(rules, 2, &quota));
    cr_expect_eq(quota.origin.line, 7);
    cr_expect_not(rules_quota_at(rules, 3, &quota));
    cr_expect_not(rules_quota_at(rules_none(), 0, &quota));
}

Test(rules, retention_is_keeping_tags_or_dropping_manifests)
{
    load("[a]\nprotect = x\nquota = 1\nuntagged = never");
    cr_expect_not(rules_have_retention(rules));
    load("[a]\nkeep_matching = *");
    cr_expect(rules_have_retention(rules));
    load("[a]\nuntagged = 1d");
    cr_expect(rules_have_retention(rules));
}

Test(rules, a_file_that_is_not_there_is_no_mistake_in_it)
{
    cr_assert_eq(rules_read("/nonexistent/rules", &rules, &err), -1);
    cr_expect_eq(err.code, ERR_NOT_FOUND);
    cr_assert_eq(rules_read("/dev/null", &rules, &err), -1);
    cr_expect_eq(err.code, ERR_SYNTAX);
}
