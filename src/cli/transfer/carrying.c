/* SPDX-License-Identifier: MIT */
#include "carrying.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "store/catalog.h"
#include "store/repository.h"

#define LINE_MAX_BYTES 4096

static void complain(void *context, const char *name, const char *why)
{
    struct carrying *carrying = context;

    progress_end(&carrying->progress);
    fprintf(stderr, "berth: %s%s%s\n", name, name[0] != '\0' ? ": " : "", why);
    if (carrying->json) {
        CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
        struct json_writer json;

        json_writer_begin(&json, &line);
        json_writer_text(&json, "repository", span_of(name));
        json_writer_text(&json, "problem", span_of(why));
        json_writer_end(&json);
        fputs(buf_text(&line), stdout);
    }
}

static bool should_stop(void *context, const struct carry_counts *counts)
{
    struct carrying *carrying = context;

    progress_set(&carrying->progress, counts->tags + counts->manifests +
                                          counts->blobs + counts->kept);
    return interrupt_came();
}

static enum carry_verdict may_move(void *context, const char *name,
                                   const char *tag, const struct digest *there)
{
    const struct carrying *carrying = context;

    return carrying->may_move(carrying->context, name, tag, there);
}

static bool is_wanted(const struct carrying *carrying, const char *name)
{
    const char *const *only = carrying->only;

    while (only != NULL && *only != NULL && strcmp(*only, name) != 0)
        only++;
    return only == NULL || *only != NULL;
}

static int carry_one(void *context, const char *name, struct err *err)
{
    struct carrying *carrying = context;
    bool has_content;

    if (!is_wanted(carrying, name))
        return 0;
    if (repository_exists(carrying->carry.from, name, &has_content, err) == 0 &&
        (!has_content || carry_repository(&carrying->carry, name, err) == 0))
        return 0;
    carrying->is_over = true;
    return err_wrap(err, "%s", name);
}

static int carry_all(struct carrying *carrying, struct err *err)
{
    struct carry *carry = &carrying->carry;

    if (catalog_walk(carry->from, carry_one, carrying, err) < 0) {
        if (carrying->is_over)
            return -1;
        /* A directory that cannot be read; the rest was gone through. */
        carry->counts.problems++;
        complain(carrying, "", err->text);
        err_clear(err);
    }
    return carry->mirror ? carry_mirror(carry, err) : 0;
}

int carrying_run(struct carrying *carrying, struct err *err)
{
    int result;

    carrying->carry.complain = complain;
    carrying->carry.should_stop = should_stop;
    carrying->carry.may_move = carrying->may_move != NULL ? may_move : NULL;
    carrying->carry.context = carrying;
    progress_begin(&carrying->progress, carrying->what, 0);
    result = carry_all(carrying, err);
    progress_end(&carrying->progress);
    return result;
}

static void print_json(const struct carry_counts *counts)
{
    CLEANUP(buf) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct json_writer json;

    json_writer_begin(&json, &line);
    json_writer_number(&json, "repositories", counts->repositories);
    json_writer_number(&json, "tags", counts->tags);
    json_writer_number(&json, "manifests", counts->manifests);
    json_writer_number(&json, "blobs", counts->blobs);
    json_writer_number(&json, "bytes", counts->bytes);
    json_writer_number(&json, "kept", counts->kept);
    json_writer_number(&json, "removed", counts->removed);
    json_writer_number(&json, "problems", counts->problems);
    json_writer_end(&json);
    fputs(buf_text(&line), stdout);
}

void carrying_print(const struct carrying *carrying, const char *done)
{
    const struct carry_counts *counts = &carrying->carry.counts;

    if (carrying->json) {
        print_json(counts);
        return;
    }
    printf("%s: repositories: %" PRIu64 ", tags: %" PRIu64
           ", manifests: %" PRIu64 ", blobs: %" PRIu64 ", bytes: %" PRIu64
           "; already there: %" PRIu64,
           done, counts->repositories, counts->tags, counts->manifests,
           counts->blobs, counts->bytes, counts->kept);
    if (counts->removed > 0)
        printf("; removed: %" PRIu64, counts->removed);
    if (counts->problems > 0)
        printf("; problems: %" PRIu64, counts->problems);
    putchar('\n');
}

int carrying_status(const struct carrying *carrying, int result,
                    const struct err *err)
{
    if (result < 0 && interrupt_came()) {
        fputs("berth: interrupted; run it again to go on\n", stderr);
        return COMMAND_INTERRUPTED;
    }
    if (result < 0)
        return command_failed(err);
    return carrying->carry.counts.problems > 0 ? COMMAND_PARTLY : EXIT_SUCCESS;
}
