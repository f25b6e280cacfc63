/* SPDX-License-Identifier: MIT */
#include "check_print.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/json_writer.h"

#define LINE_MAX_BYTES (16 * 1024)

/* --- for machines --- */

static const char *outcome_name(enum tree_outcome outcome)
{
    switch (outcome) {
    case TREE_LEFT:
        return "left";
    case TREE_MENDABLE:
        return "mendable";
    case TREE_MENDED:
        return "mended";
    case TREE_YOUNG:
        return "young";
    case TREE_FAILED:
        return "failed";
    }
    return "";
}

static void add_text(struct json_writer *json, const char *key,
                     const char *text)
{
    if (text != NULL)
        json_writer_text(json, key, span_of(text));
}

static void add_digest(struct json_writer *json, const char *key,
                       const struct digest *digest)
{
    char text[DIGEST_TEXT_MAX];

    if (digest == NULL)
        return;
    digest_format(digest, text);
    json_writer_text(json, key, span_of(text));
}

static void json_begin(struct json_writer *json, struct buf *line,
                       const char *kind)
{
    json_writer_begin(json, line);
    add_text(json, "kind", kind);
}

static void json_end(struct json_writer *json, struct buf *line)
{
    json_writer_end(json);
    fputs(buf_text(line), stdout);
}

static void json_finding(const struct tree_finding *finding)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct json_writer json;

    json_begin(&json, &line, "finding");
    add_text(&json, "damage", tree_damage_name(finding->damage));
    json_writer_flag(&json, "harmful", tree_damage_is_harmful(finding->damage));
    add_text(&json, "outcome", outcome_name(finding->outcome));
    add_text(&json, "repository", finding->name);
    add_text(&json, "tag", finding->tag);
    add_digest(&json, "digest", finding->digest);
    add_text(&json, "path", finding->path);
    add_text(&json, "reason", finding->reason);
    json_end(&json, &line);
}

static void json_hurt(const struct tree_hurt *hurt)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct json_writer json;

    json_begin(&json, &line, "hurt");
    add_text(&json, "repository", hurt->name);
    add_text(&json, "tag", hurt->tag);
    add_digest(&json, "manifest", hurt->manifest);
    add_digest(&json, "lost", hurt->lost);
    json_end(&json, &line);
}

static void json_summary(const struct tree_check_result *result)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct json_writer json;

    json_begin(&json, &line, "summary");
    json_writer_number(&json, "damages", result->damages);
    json_writer_number(&json, "mended", result->mended);
    json_writer_number(&json, "notices", result->notices);
    json_writer_number(&json, "hurt", result->hurt);
    json_writer_number(&json, "blobs", result->blobs);
    json_writer_number(&json, "bytes", result->bytes);
    json_end(&json, &line);
}

/* --- for people --- */

static const char *outcome_text(enum tree_outcome outcome)
{
    switch (outcome) {
    case TREE_LEFT:
        return "";
    case TREE_MENDABLE:
        return " [--repair sees to it]";
    case TREE_MENDED:
        return " [seen to]";
    case TREE_YOUNG:
        return " [too young, or just changing: later]";
    case TREE_FAILED:
        return " [not mended]";
    }
    return "";
}

static void print_image(const char *name, const char *tag,
                        const struct digest *digest)
{
    char text[DIGEST_TEXT_MAX];

    printf("%s%s%s", name != NULL ? name : "", tag != NULL ? ":" : "",
           tag != NULL ? tag : "");
    if (digest == NULL)
        return;
    digest_format(digest, text);
    printf("%s%s", name != NULL ? "@" : "", text);
}

static void print_finding(const struct tree_finding *finding)
{
    const char *reason = finding->reason;

    if (finding->name != NULL || finding->digest != NULL) {
        print_image(finding->name, finding->tag, finding->digest);
        fputs(": ", stdout);
    }
    printf("%s: %s", tree_damage_name(finding->damage),
           tree_damage_text(finding->damage));
    if (finding->path != NULL)
        printf(": %s", finding->path);
    printf("%s%s%s\n", reason != NULL ? ": " : "", reason != NULL ? reason : "",
           outcome_text(finding->outcome));
}

static void print_hurt(const struct tree_hurt *hurt)
{
    char lost[DIGEST_TEXT_MAX];

    digest_format(hurt->lost, lost);
    fputs("hurt: ", stdout);
    print_image(hurt->name, hurt->tag, hurt->manifest);
    printf(" lacks %s\n", lost);
}

static void print_summary(const struct tree_check_result *result,
                          const struct tree_check_options *options)
{
    if (options->data)
        printf("read: blobs: %" PRIu64 ", bytes: %" PRIu64 "\n", result->blobs,
               result->bytes);
    printf("damages: %" PRIu64, result->damages);
    if (options->repair)
        printf(", seen to: %" PRIu64, result->mended);
    printf("; images hurt: %" PRIu64 "; notices: %" PRIu64 "\n", result->hurt,
           result->notices);
    if (result->hurt > 0)
        puts("push the images that are hurt again, or delete them");
    else if (result->damages > 0 && !options->repair)
        puts("berth check --repair mends what can be mended");
}

/* --- either --- */

void check_print_finding(const struct tree_finding *finding, bool is_json)
{
    if (is_json)
        json_finding(finding);
    else
        print_finding(finding);
}

void check_print_hurt(const struct tree_hurt *hurt, bool is_json)
{
    if (is_json)
        json_hurt(hurt);
    else
        print_hurt(hurt);
}

void check_print_summary(const struct tree_check_result *result,
                         const struct tree_check_options *options, bool is_json)
{
    if (is_json)
        json_summary(result);
    else
        print_summary(result, options);
}
