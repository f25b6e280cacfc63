/* SPDX-License-Identifier: MIT */
#include "store/retention.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "store/protection.h"

struct judged {
    const struct store *store;
    const char *name;
    const struct retention *how;
    struct retention_result *result;
    struct rules_found rules;
    struct retention_tag *tags;
    size_t count;
    bool is_stopped;
};

static void judged_cleanup(struct judged *judged)
{
    for (size_t i = 0; i < judged->count; i++)
        free((void *)(uintptr_t)judged->tags[i].tag);
    free(judged->tags);
}

bool retention_is_idle(const struct rules_found *rules)
{
    return rules->keep_origin.section == NULL && rules->untagged == 0;
}

/* --- tags --- */

/* One that names nothing, or was just deleted, is none of ours. */
static int add_tag(void *context, const char *name, struct err *err)
{
    struct judged *judged = context;
    struct retention_tag tag = {0};

    if (tag_look(judged->store, judged->name, name, &tag.info, err) < 0) {
        if (err->code != ERR_MANIFEST_UNKNOWN)
            return -1;
        err_clear(err);
        return 0;
    }
    tag.tag = memory_copy_text(name);
    judged->tags = memory_grow(judged->tags, judged->count, sizeof(tag));
    judged->tags[judged->count++] = tag;
    return 0;
}

/* Those pushed last first; of one moment, the later name. */
static int compare_times(const void *a, const void *b)
{
    const struct retention_tag *x = a, *y = b;

    if (x->info.pushed_ns != y->info.pushed_ns)
        return x->info.pushed_ns > y->info.pushed_ns ? -1 : 1;
    return strcmp(y->tag, x->tag);
}

static enum retention_verdict verdict_of(const struct judged *judged,
                                         struct retention_tag *tag)
{
    const struct rules_found *rules = &judged->rules;
    int64_t newer_ns = (int64_t)rules->keep_newer * CLOCK_NS_PER_SECOND;

    tag->pattern = rules_tags_match(&rules->protect, tag->tag);
    if (tag->pattern != NULL)
        return RETENTION_PROTECTED;
    tag->pattern = rules_tags_match(&rules->keep_matching, tag->tag);
    if (tag->pattern != NULL)
        return RETENTION_MATCHING;
    if (tag->rank <= rules->keep_last)
        return RETENTION_LAST;
    if (rules->keep_newer > 0 &&
        tag->info.pushed_ns >= judged->how->now_ns - newer_ns)
        return RETENTION_NEWER;
    return RETENTION_GOES;
}

static int judge(struct judged *judged, struct err *err)
{
    if (tag_list(judged->store, judged->name, NULL, add_tag, judged, err) < 0) {
        if (err->code != ERR_NAME_UNKNOWN)
            return -1;
        err_clear(err);
    }
    if (judged->count > 0)
        qsort(judged->tags, judged->count, sizeof(*judged->tags),
              compare_times);
    for (size_t i = 0; i < judged->count; i++) {
        struct retention_tag *tag = &judged->tags[i];

        tag->rank = i + 1;
        tag->verdict = verdict_of(judged, tag);
    }
    return 0;
}

static int finish(struct judged *judged, struct retention_tag *tag,
                  struct err *err)
{
    const struct retention *how = judged->how;
    bool is_deleted = true;
    int result;

    if (tag->verdict == RETENTION_GOES && !how->dry_run &&
        tag_delete_seen(judged->store, judged->name, tag->tag, &tag->info,
                        &is_deleted, err) < 0)
        return -1;
    if (!is_deleted)
        tag->verdict = RETENTION_PUSHED;
    if (tag->verdict == RETENTION_GOES)
        judged->result->tags_gone++;
    else
        judged->result->tags_kept++;
    result =
        how->visit_tag != NULL ? how->visit_tag(how->context, tag, err) : 0;
    judged->is_stopped = result > 0;
    return result < 0 ? -1 : 0;
}

static int apply_to_tags(struct judged *judged, struct err *err)
{
    if (judge(judged, err) < 0)
        return -1;
    for (size_t i = 0; i < judged->count && !judged->is_stopped; i++)
        if (finish(judged, &judged->tags[i], err) < 0)
            return -1;
    return 0;
}

/* --- manifests --- */

static int compare_names(const void *a, const void *b)
{
    const struct retention_tag *x = a, *y = b;

    return strcmp(x->tag, y->tag);
}

/* A dry run leaves the tag in place that would have gone. */
static bool would_be_gone(void *context, const char *name)
{
    const struct judged *judged = context;
    const struct retention_tag key = {.tag = name};
    const struct retention_tag *tag =
        judged->count > 0 ? bsearch(&key, judged->tags, judged->count,
                                    sizeof(key), compare_names)
                          : NULL;

    return tag != NULL && tag->verdict == RETENTION_GOES;
}

static int visit_manifest(void *context,
                          const struct untagged_manifest *manifest,
                          struct err *err)
{
    const struct judged *judged = context;
    const struct retention *how = judged->how;

    return how->visit_manifest != NULL
               ? how->visit_manifest(how->context, manifest, err)
               : 0;
}

static int apply_to_manifests(struct judged *judged, struct err *err)
{
    const struct retention *how = judged->how;
    const struct untagged untagged = {
        .cutoff_ns =
            untagged_cutoff(how->now_ns, judged->rules.untagged, how->grace),
        .dry_run = how->dry_run,
        .ignores_tag = how->dry_run ? would_be_gone : NULL,
        .visit = visit_manifest,
        .context = judged,
    };

    if (judged->count > 0)
        qsort(judged->tags, judged->count, sizeof(*judged->tags),
              compare_names);
    return untagged_remove(judged->store, judged->name, &untagged,
                           &judged->result->manifests, err);
}

int retention_apply(const struct store *store, const char *name,
                    const struct retention *how,
                    struct retention_result *result, struct err *err)
{
    CLEANUP(judged)
    struct judged judged = {
        .store = store, .name = name, .how = how, .result = result};

    if (protection_check_rules(store, err) < 0)
        return -1;
    rules_find(store->rules, name, &judged.rules);
    if (judged.rules.keep_origin.section != NULL &&
        apply_to_tags(&judged, err) < 0)
        return -1;
    if (judged.rules.untagged == 0 || judged.is_stopped)
        return 0;
    return apply_to_manifests(&judged, err);
}
