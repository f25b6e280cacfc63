/* SPDX-License-Identifier: MIT */
/* What there is: repositories, and the tags of those that are named. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json_writer.h"
#include "cli/columns.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/tree.h"
#include "oci/name.h"
#include "oci/pattern.h"
#include "store/catalog.h"
#include "store/image.h"
#include "store/repository.h"
#include "store/tag.h"

/* A line of JSON: a name, a tag, a digest, and the platforms. */
#define LINE_MAX_BYTES (64 * 1024)
#define SHORT_DIGEST (sizeof("sha256:0123456789ab") - 1)

struct words {
    const char *file;
    bool json;
    bool is_long;
    bool names; /* and nothing else */
    char **kept;
};

struct list {
    struct store store;
    const struct words *words;
    const char *pattern; /* of the repositories; NULL = all */
    const char *name;    /* of the repository whose tags are listed */
    struct columns columns;
    bool failed;
};

static int parse_words(char **words, struct words *out)
{
    char **kept = words;

    out->kept = words;
    while (*words != NULL) {
        if (!command_value(&words, "-c", &out->file) &&
            !command_flag(&words, "--json", &out->json) &&
            !command_flag(&words, "-l", &out->is_long) &&
            !command_flag(&words, "-1", &out->names) &&
            !command_word(&words, &kept))
            return -1;
    }
    *kept = NULL;
    return out->is_long && out->names ? -1 : 0;
}

static void print_line(const struct buf *line)
{
    fwrite(buf_text(line), 1, line->len, stdout);
}

static void complain(struct list *list, const char *name, const char *tag,
                     const struct err *err)
{
    fprintf(stderr, "berth: %s%s%s: %s\n", name, tag != NULL ? ":" : "",
            tag != NULL ? tag : "", err->text);
    list->failed = true;
}

/* --- repositories --- */

static int count_tag(void *context, const char *tag UNUSED,
                     struct err *err UNUSED)
{
    (*(uint64_t *)context)++;
    return 0;
}

static int count_manifest(void *context,
                          const struct repository_link *link UNUSED,
                          struct err *err UNUSED)
{
    (*(uint64_t *)context)++;
    return 0;
}

static int count_all(const struct list *list, const char *name, uint64_t *tags,
                     uint64_t *manifests, struct err *err)
{
    *tags = *manifests = 0;
    if (tag_list(&list->store, name, NULL, count_tag, tags, err) < 0) {
        if (err->code != ERR_NAME_UNKNOWN)
            return -1;
        err_clear(err);
    }
    return repository_walk(&list->store, name, REPOSITORY_MANIFESTS,
                           count_manifest, manifests, err);
}

static void print_repository_json(const char *name, const uint64_t *tags,
                                  const uint64_t *manifests)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct json_writer json;

    json_writer_begin(&json, &line);
    json_writer_text(&json, "repository", span_of(name));
    if (tags != NULL) {
        json_writer_number(&json, "tags", *tags);
        json_writer_number(&json, "manifests", *manifests);
    }
    json_writer_end(&json);
    print_line(&line);
}

static void list_counted(struct list *list, const char *name)
{
    struct err err = {0};
    uint64_t tags, manifests;

    if (count_all(list, name, &tags, &manifests, &err) < 0) {
        complain(list, name, NULL, &err);
        return;
    }
    if (list->words->json) {
        print_repository_json(name, &tags, &manifests);
        return;
    }
    columns_add(&list->columns, span_of(name));
    columns_add_number(&list->columns, tags);
    columns_add_number(&list->columns, manifests);
}

static int list_repository(void *context, const char *name,
                           struct err *err UNUSED)
{
    struct list *list = context;

    if (interrupt_came())
        return 1;
    if (list->pattern != NULL && !pattern_matches(list->pattern, name))
        return 0;
    if (list->words->is_long)
        list_counted(list, name);
    else if (list->words->json)
        print_repository_json(name, NULL, NULL);
    else
        puts(name);
    return 0;
}

static int list_repositories(struct list *list, struct err *err)
{
    int result;

    columns_begin(&list->columns, "<>>", "");
    columns_add(&list->columns, SPAN("REPOSITORY"));
    columns_add(&list->columns, SPAN("TAGS"));
    columns_add(&list->columns, SPAN("MANIFESTS"));
    result = catalog_list(&list->store, NULL, list_repository, list, err);
    if (list->words->is_long && !list->words->json)
        columns_print(&list->columns);
    columns_cleanup(&list->columns);
    return result;
}

/* --- tags --- */

struct tag_look {
    const char *tag;
    struct digest digest;
    int64_t set_ns;
    struct image_summary summary;
    bool is_known; /* the summary is there */
};

static void tag_look_cleanup(struct tag_look *look)
{
    image_summary_cleanup(&look->summary);
}

static void print_platforms(struct json_writer *json, struct span platforms)
{
    json_writer_begin_array(json, "platforms");
    while (platforms.len > 0)
        json_writer_text(json, NULL, span_cut(&platforms, ','));
    json_writer_end_array(json);
}

static void print_tag_json(const struct list *list, const struct tag_look *look)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    char digest[DIGEST_TEXT_MAX];
    struct json_writer json;

    digest_format(&look->digest, digest);
    json_writer_begin(&json, &line);
    json_writer_text(&json, "repository", span_of(list->name));
    json_writer_text(&json, "tag", span_of(look->tag));
    json_writer_text(&json, "digest", span_of(digest));
    if (look->set_ns > 0)
        json_writer_time(&json, "set", look->set_ns / CLOCK_NS_PER_SECOND);
    if (look->is_known) {
        json_writer_text(&json, "mediaType", span_of(look->summary.media_type));
        json_writer_number(&json, "bytes", look->summary.size);
        print_platforms(&json, buf_span(&look->summary.platforms));
    }
    json_writer_end(&json);
    print_line(&line);
}

static void print_tag(struct list *list, const struct tag_look *look)
{
    struct columns *columns = &list->columns;
    char digest[DIGEST_TEXT_MAX];
    struct span text = {digest, digest_format(&look->digest, digest)};

    columns_add(columns, span_of(look->tag));
    columns_add(columns,
                list->words->is_long ? text : span_first(text, SHORT_DIGEST));
    if (look->is_known)
        columns_add_size(columns, look->summary.size);
    else
        columns_add(columns, SPAN("?"));
    columns_add_time(columns, look->set_ns);
    columns_add(columns, buf_span(&look->summary.platforms));
    if (list->words->is_long)
        columns_add(columns, span_of(look->summary.media_type));
}

static int look_at_tag(const struct list *list, const char *tag,
                       struct tag_look *look, struct err *err)
{
    struct tag_info info;

    look->tag = tag;
    if (tag_look(&list->store, list->name, tag, &info, err) < 0)
        return -1;
    look->digest = info.digest;
    look->set_ns = info.pushed_ns;
    look->is_known = image_summarize(&list->store, list->name, &look->digest,
                                     &look->summary, err) == 0;
    if (look->is_known)
        return 0;
    /* The tag is listed; that its manifest is gone, or not to be read, too. */
    return err->code == ERR_MANIFEST_UNKNOWN || err->code == ERR_TOO_LARGE ||
                   err->code == ERR_MANIFEST_INVALID
               ? 0
               : -1;
}

static int list_tag(void *context, const char *tag, struct err *err UNUSED)
{
    struct list *list = context;
    CLEANUP(tag_look) struct tag_look look = {0};
    struct err failure = {0};

    if (interrupt_came())
        return 1;
    if (list->words->names && !list->words->json) {
        puts(tag);
        return 0;
    }
    if (look_at_tag(list, tag, &look, &failure) < 0) {
        complain(list, list->name, tag, &failure);
        return 0;
    }
    if (!look.is_known)
        complain(list, list->name, tag, &failure);
    if (list->words->json)
        print_tag_json(list, &look);
    else
        print_tag(list, &look);
    return 0;
}

static void begin_tags(struct list *list)
{
    static const char *const heads[] = {"TAG", "DIGEST",    "SIZE",
                                        "SET", "PLATFORMS", "TYPE"};

    columns_begin(&list->columns, list->words->is_long ? "<<><<<" : "<<><<",
                  "");
    for (size_t i = 0; i < list->columns.count; i++)
        columns_add(&list->columns, span_of(heads[i]));
}

static int list_tags(struct list *list, const char *name, struct err *err)
{
    int result;

    if (!name_is_valid(span_of(name)))
        return err_set(err, ERR_NAME_INVALID, "\"%s\" is no repository name",
                       name);
    list->name = name;
    begin_tags(list);
    result = tag_list(&list->store, name, NULL, list_tag, list, err);
    if (result == 0 && !list->words->names && !list->words->json)
        columns_print(&list->columns);
    columns_cleanup(&list->columns);
    if (result < 0 && err->code == ERR_NAME_UNKNOWN)
        return err_set(err, ERR_NAME_UNKNOWN,
                       "%s: no such repository (berth list '%s*' lists what "
                       "begins like that)",
                       name, name);
    return result;
}

/* --- the command --- */

static void list_word(struct list *list, const char *word)
{
    struct err err = {0};
    bool is_pattern = strpbrk(word, "*?") != NULL;
    int result;

    list->pattern = word;
    result = is_pattern ? list_repositories(list, &err)
                        : list_tags(list, word, &err);
    if (result == 0)
        return;
    (void)command_failed(&err);
    list->failed = true;
}

static void list_words(struct list *list, char **words)
{
    bool many = words[1] != NULL && !list->words->json;

    for (size_t i = 0; words[i] != NULL && !interrupt_came(); i++) {
        if (many)
            printf("%s%s:\n", i > 0 ? "\n" : "", words[i]);
        list_word(list, words[i]);
    }
}

int command_list(char **argv)
{
    CLEANUP(tree) struct tree tree = {0};
    struct words words = {0};
    struct list list = {.words = &words};
    struct err err = {0};

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    if (tree_open(words.file, &tree, &err) < 0)
        return command_no_tree(&err);
    interrupt_catch();
    list.store = tree.store;
    if (words.kept[0] != NULL)
        list_words(&list, words.kept);
    else if (list_repositories(&list, &err) < 0)
        return command_failed(&err);
    if (interrupt_came())
        return COMMAND_INTERRUPTED;
    return list.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
