/* SPDX-License-Identifier: MIT */
#include "store/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/sections.h"
#include "oci/pattern.h"

/* What is decided by itself, see the header. */
enum subject {
    SUBJECT_PROTECT,
    SUBJECT_KEEP,
    SUBJECT_UNTAGGED,
    SUBJECT_QUOTA,
    SUBJECT_LAST = SUBJECT_QUOTA,
};
#define SUBJECT_COUNT (SUBJECT_LAST + 1)

/* A part of the array of all patterns of tags. */
struct list {
    size_t first, count;
};

struct section {
    const char *pattern;
    int line;
    bool says[SUBJECT_COUNT];
    struct list protect, keep_matching;
    uint64_t keep_last, keep_newer, untagged, quota;
};

struct rules {
    char *texts; /* all patterns are in here */
    struct section *sections;
    size_t section_count;
    struct pattern_list patterns; /* of the sections, by their numbers */
    const char **tags;            /* patterns of tags */
    size_t tag_count;
    char quotas_name[HASH_HEX_MAX];
};

const struct rules *rules_none(void)
{
    static const struct rules none;

    return &none;
}

void rules_free(struct rules *rules)
{
    if (rules == NULL)
        return;
    free(rules->texts);
    free(rules->sections);
    free(rules->patterns.items);
    free(rules->tags);
    free(rules);
}

void rules_cleanup(struct rules **rules)
{
    rules_free(*rules);
    *rules = NULL;
}

/* --- from the text --- */

/* A key: a list of patterns, or a number, or a word instead of one. */
struct key {
    struct config_key number; /* with its name; also that of a list */
    enum subject subject;
    bool is_list;
    bool may_be_empty;
    const char *word; /* NULL = there is none */
    uint64_t meaning; /* of the word */
};

#define FIELD(field)                                                           \
    .number.name = #field, .number.offset = offsetof(struct section, field)

static const struct key keys[] = {
    {FIELD(protect), .subject = SUBJECT_PROTECT, .is_list = true,
     .may_be_empty = true},
    {FIELD(keep_last), .subject = SUBJECT_KEEP, .number.type = CONFIG_COUNT,
     .number.minimum = 1, .number.maximum = RULES_KEEP_MAX},
    {FIELD(keep_newer), .subject = SUBJECT_KEEP, .number.type = CONFIG_DURATION,
     .number.minimum = 1, .number.maximum = RULES_AGE_MAX},
    {FIELD(keep_matching), .subject = SUBJECT_KEEP, .is_list = true},
    {FIELD(untagged), .subject = SUBJECT_UNTAGGED,
     .number.type = CONFIG_DURATION, .number.minimum = 1,
     .number.maximum = RULES_AGE_MAX, .word = "never", .meaning = 0},
    {FIELD(quota), .subject = SUBJECT_QUOTA, .number.type = CONFIG_SIZE,
     .number.maximum = RULES_NO_QUOTA - 1, .word = "none",
     .meaning = RULES_NO_QUOTA},
};

struct parser {
    struct rules *rules;
    char *room;                    /* for the next text */
    int said_in[ARRAY_SIZE(keys)]; /* the line of each in this section */
};

/* Each text of the file once, and a NUL behind it where something ended it. */
static const char *keep_text(struct parser *parser, struct span text)
{
    char *kept = parser->room;

    if (text.len > 0)
        memcpy(kept, text.ptr, text.len);
    kept[text.len] = '\0';
    parser->room += text.len + 1;
    return kept;
}

static int begin_section(void *context, struct span inside, int line,
                         struct err *err)
{
    struct parser *parser = context;
    struct rules *rules = parser->rules;
    struct pattern pattern = {.line = line, .number = rules->section_count};
    struct section section = {.line = line};

    section.pattern = keep_text(parser, inside);
    if (pattern_parse(section.pattern, &pattern, err) < 0)
        return -1;
    memset(parser->said_in, 0, sizeof(parser->said_in));
    pattern_list_add(&rules->patterns, &pattern);
    rules->sections = memory_grow(rules->sections, rules->section_count,
                                  sizeof(*rules->sections));
    rules->sections[rules->section_count++] = section;
    return 0;
}

static int read_list(struct parser *parser, const struct key *key,
                     struct section *section, struct span value,
                     struct err *err)
{
    struct list *list =
        (struct list *)(void *)((char *)section + key->number.offset);
    struct rules *rules = parser->rules;

    list->first = rules->tag_count;
    for (bool more = value.len > 0; more; more = value.ptr != NULL) {
        const char *text = keep_text(parser, span_trim(span_cut(&value, ',')));

        if (pattern_check_tag(text, err) < 0)
            return -1;
        rules->tags =
            memory_grow(rules->tags, rules->tag_count, sizeof(*rules->tags));
        rules->tags[rules->tag_count++] = text;
    }
    list->count = rules->tag_count - list->first;
    if (list->count == 0 && !key->may_be_empty)
        return err_set(err, ERR_SYNTAX,
                       "%s without a pattern keeps nothing; * keeps all",
                       key->number.name);
    return 0;
}

static int read_number(const struct key *key, struct section *section,
                       struct span value, struct err *err)
{
    const struct config_table table = {&key->number, 1};

    if (key->word == NULL || !span_equals(value, span_of(key->word)))
        return config_set(&table, section, span_of(key->number.name), value,
                          err);
    memcpy((char *)section + key->number.offset, &key->meaning,
           sizeof(key->meaning));
    return 0;
}

static int find_key(struct span name, size_t *out, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (!span_equals(name, span_of(keys[i].number.name)))
            continue;
        *out = i;
        return 0;
    }
    return err_set(err, ERR_SYNTAX, "unknown key \"%.*s\"", SPAN_ARGS(name));
}

static int read_line(void *context, struct span value, int line,
                     struct err *err)
{
    struct parser *parser = context;
    struct rules *rules = parser->rules;
    struct span name = span_trim(span_cut(&value, '='));
    struct section *section;
    size_t key;

    if (rules->section_count == 0)
        return err_set(err, ERR_SYNTAX, "a line before the first [section]");
    if (value.ptr == NULL)
        return err_set(err, ERR_SYNTAX, "expected key = value");
    if (find_key(name, &key, err) < 0)
        return -1;
    if (parser->said_in[key] != 0)
        return err_set(err, ERR_SYNTAX, "%s is in line %d already",
                       keys[key].number.name, parser->said_in[key]);
    parser->said_in[key] = line;
    section = &rules->sections[rules->section_count - 1];
    section->says[keys[key].subject] = true;
    value = span_trim(value);
    return keys[key].is_list
               ? read_list(parser, &keys[key], section, value, err)
               : read_number(&keys[key], section, value, err);
}

/* Over the patterns, in their order: the first of two that are equal wins. */
static void name_quotas(struct rules *rules)
{
    struct hash hash;

    hash_init(&hash, HASH_SHA256);
    for (size_t i = 0; i < rules->section_count; i++) {
        const struct section *section = &rules->sections[i];

        if (section->says[SUBJECT_QUOTA])
            hash_update(&hash, section->pattern, strlen(section->pattern) + 1);
    }
    hash_final(&hash, rules->quotas_name);
}

const char *rules_quotas_name(const struct rules *rules)
{
    return rules->quotas_name;
}

int rules_parse(struct span text, const char *file, struct rules **out,
                struct err *err)
{
    CLEANUP(rules) struct rules *rules = memory_new(sizeof(*rules));
    struct parser parser = {.rules = rules};

    /* What is too long has no texts; see keep_text. */
    if (text.len <= SECTIONS_SIZE_MAX)
        rules->texts = memory_new(text.len + 1);
    parser.room = rules->texts;
    if (sections_parse(text, file, begin_section, read_line, &parser, err) <
            0 ||
        pattern_list_sort(&rules->patterns, file, err) < 0)
        return -1;
    name_quotas(rules);
    *out = rules;
    rules = NULL;
    return 0;
}

/* --- as a file --- */

int rules_read(const char *path, struct rules **out, struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(SECTIONS_SIZE_MAX);

    if (sections_read(path, &text, err) < 0)
        return -1;
    return rules_parse(buf_span(&text), path, out, err);
}

static int read_state(const char *path, void **value, struct err *err)
{
    struct rules *rules = NULL;

    if (rules_read(path, &rules, err) < 0)
        return -1;
    *value = rules;
    return 0;
}

static void free_state(void *value)
{
    rules_free(value);
}

const struct followed_kind rules_kind = {read_state, free_state};

const struct rules *rules_get(struct followed *file, const char *path,
                              struct followed_state **state,
                              struct err *complaint)
{
    *state = NULL;
    if (path[0] == '\0')
        return rules_none();
    *state = followed_get(file, path, complaint);
    return *state != NULL ? (*state)->value : NULL;
}

/* --- what holds --- */

const char *rules_tags_match(const struct rules_tags *tags, const char *tag)
{
    for (size_t i = 0; i < tags->count; i++)
        if (pattern_matches(tags->patterns[i], tag))
            return tags->patterns[i];
    return NULL;
}

static struct rules_tags tags_of(const struct rules *rules,
                                 const struct list *list)
{
    return (struct rules_tags){
        list->count > 0 ? rules->tags + list->first : NULL, list->count};
}

/* What the section says of what no other has said anything of. */
static void take(const struct rules *rules, const struct section *section,
                 struct rules_found *out)
{
    const struct rules_origin origin = {section->pattern, section->line};

    if (section->says[SUBJECT_PROTECT] && out->protect_origin.section == NULL) {
        out->protect_origin = origin;
        out->protect = tags_of(rules, &section->protect);
    }
    if (section->says[SUBJECT_KEEP] && out->keep_origin.section == NULL) {
        out->keep_origin = origin;
        out->keep_last = section->keep_last;
        out->keep_newer = section->keep_newer;
        out->keep_matching = tags_of(rules, &section->keep_matching);
    }
    if (section->says[SUBJECT_UNTAGGED] &&
        out->untagged_origin.section == NULL) {
        out->untagged_origin = origin;
        out->untagged = section->untagged;
    }
    if (section->says[SUBJECT_QUOTA] && out->quota_origin.section == NULL) {
        out->quota_origin = origin;
        out->quota = section->quota;
    }
}

void rules_find(const struct rules *rules, const char *repository,
                struct rules_found *out)
{
    struct pattern_search search = {.list = &rules->patterns,
                                    .name = repository};
    const struct pattern *pattern;

    *out = (struct rules_found){.quota = RULES_NO_QUOTA};
    while ((pattern = pattern_next(&search)) != NULL)
        take(rules, &rules->sections[pattern->number], out);
}

bool rules_quota_at(const struct rules *rules, size_t index,
                    struct rules_quota *out)
{
    for (size_t i = 0; i < rules->section_count; i++) {
        const struct section *section = &rules->sections[i];

        if (!section->says[SUBJECT_QUOTA] || index-- > 0)
            continue;
        out->origin = (struct rules_origin){section->pattern, section->line};
        out->bytes = section->quota;
        return true;
    }
    return false;
}

bool rules_have_retention(const struct rules *rules)
{
    for (size_t i = 0; i < rules->section_count; i++) {
        const struct section *section = &rules->sections[i];

        if (section->says[SUBJECT_KEEP] || section->untagged > 0)
            return true;
    }
    return false;
}
