/* SPDX-License-Identifier: MIT */
#include "store/tree_checked.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/fixture.h"

#define HOUR_NS (3600 * CLOCK_NS_PER_SECOND)

struct checked checked;

static char last[64];
static unsigned int times;

static void end_repetition(void)
{
    size_t len = strlen(checked.found);

    if (times > 1)
        snprintf(checked.found + len, sizeof(checked.found) - len, "*%u",
                 times);
}

static void note_name(const char *name)
{
    size_t len;

    if (strcmp(last, name) == 0) {
        times++;
        return;
    }
    end_repetition();
    times = 1;
    snprintf(last, sizeof(last), "%s", name);
    len = strlen(checked.found);
    snprintf(checked.found + len, sizeof(checked.found) - len, "%s%s",
             len > 0 ? " " : "", name);
}

static void note_finding(void *context, const struct tree_finding *finding)
{
    static const char letters[] = "lamyf";
    size_t len = strlen(checked.outcomes);

    (void)context;
    if (finding->reason != NULL)
        snprintf(checked.reason, sizeof(checked.reason), "%s", finding->reason);
    if (finding->damage == TREE_QUARANTINED) {
        checked.quarantined++;
        return;
    }
    snprintf(checked.outcomes + len, sizeof(checked.outcomes) - len, "%c",
             letters[finding->outcome]);
    note_name(tree_damage_name(finding->damage));
}

static void note_hurt(void *context, const struct tree_hurt *image)
{
    size_t len = strlen(checked.hurt);

    (void)context;
    if (image->tag != NULL)
        snprintf(checked.hurt + len, sizeof(checked.hurt) - len, " %s:%s ",
                 image->name, image->tag);
}

void check_with(const struct tree_check_options *options,
                const char *const *names, size_t count)
{
    const struct tree_check_visitor visitor = {.finding = note_finding,
                                               .hurt = note_hurt};

    last[0] = '\0';
    times = 0;
    memset(&checked, 0, sizeof(checked));
    tree_check(&store, options, &visitor, names, count, &checked.result);
    end_repetition();
}

int64_t hour_ago_ns(void)
{
    return clock_now_ns() - HOUR_NS;
}

void check(bool repair, bool data)
{
    const struct tree_check_options options = {
        .repair = repair, .data = data, .cutoff_ns = hour_ago_ns()};

    check_with(&options, NULL, 0);
}

bool has_image(const char *images, const char *image)
{
    char with_blanks[SAID_MAX], wanted[64];

    snprintf(with_blanks, sizeof(with_blanks), " %s ", images ? images : "");
    snprintf(wanted, sizeof(wanted), " %s ", image);
    return strstr(with_blanks, wanted) != NULL;
}

const struct damage_list *const damage_lists[] = {
    &damages_of_bytes, &damages_of_links, &damages_of_others};
const size_t damage_list_count = ARRAY_SIZE(damage_lists);
