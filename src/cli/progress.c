/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define BAR_WIDTH 30
#define INTERVAL_NS (CLOCK_NS_PER_SECOND / 10)

void progress_begin(struct progress *progress, const char *what, uint64_t total)
{
    *progress = (struct progress){
        .what = what, .total = total, .is_watched = isatty(STDERR_FILENO)};
}

static void draw_bar(const struct progress *progress, uint64_t done)
{
    static const char marks[] = "##############################";
    static const char blanks[] = "                              ";
    double part = (double)done / (double)progress->total;
    int filled = (int)(part * BAR_WIDTH);

    _Static_assert(sizeof(marks) - 1 == BAR_WIDTH, "a mark for each step");
    fprintf(stderr, "\r%s [%.*s%.*s] %3d%%", progress->what, filled, marks,
            BAR_WIDTH - filled, blanks, (int)(part * 100));
}

void progress_set(struct progress *progress, uint64_t done)
{
    int64_t now_ns;

    if (!progress->is_watched)
        return;
    now_ns = clock_monotonic_ns();
    if (now_ns < progress->next_ns)
        return;
    progress->next_ns = now_ns + INTERVAL_NS;
    progress->is_drawn = true;
    if (progress->total == 0)
        fprintf(stderr, "\r%s: %" PRIu64, progress->what, done);
    else
        draw_bar(progress, done < progress->total ? done : progress->total);
}

/* "\033[K" deletes to the end of the line (ECMA-48, EL). */
void progress_end(struct progress *progress)
{
    if (progress->is_drawn)
        fputs("\r\033[K", stderr);
    progress->is_drawn = false;
}
