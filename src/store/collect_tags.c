/* SPDX-License-Identifier: MIT */
/*
 * What tags have named before: an entry for each manifest, which nobody needs
 * once the repository does not have that any more. registry:2 takes away the
 * same with the manifest, if its collector is told to remove it.
 */
#include "store/collect_internal.h"

#include <stdio.h>

#include "oci/name.h"
#include "store/tag.h"

struct entries {
    struct collection *c;
    const char *name, *tag;
    enum hash_algorithm algorithm; /* of the directory at hand */
};

/* What is not there any more, or cannot be read, is as good as current. */
static bool is_current(const struct entries *entries,
                       const struct digest *digest)
{
    struct digest current;
    struct err err = {0};

    return tag_resolve(entries->c->store, entries->name, entries->tag, &current,
                       &err) < 0 ||
           digest_equals(&current, digest);
}

static void sweep_entry(struct entries *entries, const struct digest *digest)
{
    struct collection *c = entries->c;
    struct layout_path link =
        layout_tag_index_link(entries->name, entries->tag, digest);
    struct layout_path directory = layout_parent(&link);
    struct collect_item item = {
        .kind = COLLECT_TAG_ENTRY,
        .repository = entries->name,
        .what = link.text,
        .reason = "the repository has no more what the tag named once"};
    struct driver_stat stat;
    struct err err = {0};

    if (driver_stat(c->store->driver, link.text, &stat, &err) < 0 ||
        stat.is_fixed || stat.mtime_ns >= c->cutoff_ns ||
        is_current(entries, digest))
        return;
    item.bytes = stat.size;
    /* Who sets the tag to it puts the entry first, and so renews it. */
    if (collect_take(c, &item, link.text, c->cutoff_ns) == COLLECT_TAKEN &&
        !c->options->dry_run)
        collect_tidy_now(c, &directory);
}

static int visit_entry(void *context, const char *hex, bool is_directory,
                       struct err *err)
{
    struct entries *entries = context;
    char text[DIGEST_TEXT_MAX];
    struct digest digest;
    struct err invalid = {0};

    (void)err;
    snprintf(text, sizeof(text), "%s:%s",
             digest_algorithm_name(entries->algorithm), hex);
    if (is_directory && digest_parse(span_of(text), &digest, &invalid) == 0 &&
        !marks_has(&entries->c->here, marks_of_digest(&digest)))
        sweep_entry(entries, &digest);
    return collect_is_over(entries->c);
}

static int visit_tag(void *context, const char *tag, bool is_directory,
                     struct err *err)
{
    struct entries *entries = context;

    (void)err;
    if (!is_directory || !tag_is_valid(span_of(tag)))
        return 0;
    entries->tag = tag;
    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct layout_path path = layout_tag_index(entries->name, tag, i);
        struct err unreadable = {0};

        entries->algorithm = i;
        if (driver_list_if_there(entries->c->store->driver, path.text, NULL,
                                 visit_entry, entries, &unreadable) < 0)
            collect_complain(entries->c, path.text, &unreadable);
    }
    return collect_is_over(entries->c);
}

void collect_sweep_tags(struct collection *c, const char *name)
{
    struct layout_path path = layout_tags(name);
    struct entries entries = {.c = c, .name = name};
    struct err err = {0};

    if (c->is_whole)
        return;
    if (driver_list_if_there(c->store->driver, path.text, NULL, visit_tag,
                             &entries, &err) < 0)
        collect_complain(c, path.text, &err);
}
