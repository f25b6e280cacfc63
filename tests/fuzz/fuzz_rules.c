/* SPDX-License-Identifier: MIT */
/*
 * A repository, a tag and rules: a first line, a second, and the rest. What
 * was accepted decides as the manual page says, which is written out here
 * without any order or search, from the lines once more.
 */
#include "fuzz.h"

#include <string.h>

#include "base/buf.h"
#include "oci/name.h"
#include "plain_pattern.h"
#include "store/rules.h"

/* The most specific section that says anything of one subject. */
struct best {
    char pattern[NAME_MAX_LENGTH + 1];
    int line; /* 0 = there is none */
    char *value;
};

enum {
    PROTECT,
    KEEP,
    UNTAGGED,
    QUOTA,
    SUBJECTS
};

static int subject_of(struct span key)
{
    if (span_equals(key, SPAN("protect")))
        return PROTECT;
    if (span_equals(key, SPAN("untagged")))
        return UNTAGGED;
    if (span_equals(key, SPAN("quota")))
        return QUOTA;
    MUST(span_starts_with(key, SPAN("keep_")));
    return KEEP;
}

static struct span without_end(struct span line)
{
    if (span_ends_with(line, SPAN("\r")))
        line.len--;
    return span_trim(line);
}

/* The text is known to be right. */
static void look(struct span text, const char *repository, struct best *best)
{
    char pattern[NAME_MAX_LENGTH + 1] = "";
    int section = 0;

    if (span_starts_with(text, SPAN("\xEF\xBB\xBF")))
        text = span_from(text, 3);
    for (int number = 1; text.len > 0; number++) {
        struct span value = without_end(span_cut(&text, '\n'));
        struct best *b;

        if (value.len == 0 || value.ptr[0] == '#')
            continue;
        if (value.ptr[0] == '[') {
            section = number;
            value = span_trim((struct span){value.ptr + 1, value.len - 2});
            MUST(value.len < sizeof(pattern));
            snprintf(pattern, sizeof(pattern), "%.*s", SPAN_ARGS(value));
            continue;
        }
        b = &best[subject_of(span_trim(span_cut(&value, '=')))];
        if (!plain_matches(pattern, repository) ||
            (b->line != 0 && b->line != section &&
             !plain_is_better(pattern, section, b->pattern, b->line)))
            continue;
        b->line = section;
        snprintf(b->pattern, sizeof(b->pattern), "%s", pattern);
        free(b->value);
        b->value = strndup(value.len > 0 ? value.ptr : "", value.len);
    }
}

static void check_origin(const struct rules_origin *origin,
                         const struct best *best)
{
    MUST(origin->line == best->line);
    MUST((origin->section != NULL) == (best->line != 0));
    MUST(origin->section == NULL ||
         strcmp(origin->section, best->pattern) == 0);
}

static const char *expected_protection(const struct best *best, const char *tag,
                                       char pattern[TAG_MAX_LENGTH + 1])
{
    struct span rest = span_of(best->value);

    while (rest.len > 0) {
        struct span one = span_trim(span_cut(&rest, ','));

        MUST(one.len <= TAG_MAX_LENGTH);
        snprintf(pattern, TAG_MAX_LENGTH + 1, "%.*s", SPAN_ARGS(one));
        if (one.len > 0 && plain_matches(pattern, tag))
            return pattern;
    }
    return NULL;
}

static void check(const struct rules *rules, struct span text,
                  const char *repository, const char *tag)
{
    struct best best[SUBJECTS] = {0};
    char pattern[TAG_MAX_LENGTH + 1];
    struct rules_found found;
    const char *by, *expected;

    rules_find(rules, repository, &found);
    look(text, repository, best);
    check_origin(&found.protect_origin, &best[PROTECT]);
    check_origin(&found.keep_origin, &best[KEEP]);
    check_origin(&found.untagged_origin, &best[UNTAGGED]);
    check_origin(&found.quota_origin, &best[QUOTA]);
    by = rules_tags_match(&found.protect, tag);
    expected = expected_protection(&best[PROTECT], tag, pattern);
    MUST((by != NULL) == (expected != NULL));
    MUST(by == NULL || strcmp(by, expected) == 0);
    MUST(found.keep_origin.section == NULL || found.keep_last > 0 ||
         found.keep_newer > 0 || found.keep_matching.count > 0);
    MUST(found.untagged <= RULES_AGE_MAX && found.keep_newer <= RULES_AGE_MAX);
    MUST(found.quota_origin.section != NULL || found.quota == RULES_NO_QUOTA);
    for (int i = 0; i < SUBJECTS; i++)
        free(best[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = fuzz_input(data, size);
    CLEANUP(fuzz_text) char *repository = fuzz_text(span_cut(&rest, '\n'));
    CLEANUP(fuzz_text) char *tag = fuzz_text(span_cut(&rest, '\n'));
    CLEANUP(rules) struct rules *rules = NULL;
    struct err err = {0};

    if (rules_parse(rest, "file", &rules, &err) < 0) {
        MUST(err.code == ERR_SYNTAX && rules == NULL);
        MUST(strncmp(err.text, "file:", 5) == 0);
        return 0;
    }
    check(rules, rest,
          name_is_valid(span_of(repository)) ? repository : "team/app",
          tag_is_valid(span_of(tag)) ? tag : "v1");
    return 0;
}
