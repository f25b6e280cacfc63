/* SPDX-License-Identifier: MIT */
#include "store/collect_clock.h"
#include "store/collect_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "store/untagged.h"

#define STATE_BYTES_MAX 4096

/* Clocks that go apart by more do not measure the same time. */
#define APART_MAX (3600 * CLOCK_NS_PER_SECOND)

#define SET_OF_LATE "the clock has been set of late"

/* --- the file: a line for each number, "grace 86400" --- */

static void print_state(const struct collect_state *state, struct buf *into)
{
    buf_add_format(into,
                   "wall %" PRId64 "\nboot %" PRId64 "\nboot_id %s\n"
                   "grace %" PRIu64 "\ngrace_until %" PRId64 "\n"
                   "held_until %" PRId64 "\n",
                   state->wall_ns, state->boot_ns, state->boot_id, state->grace,
                   state->grace_until, state->held_until);
}

static int parse_number(struct span text, int64_t *out)
{
    uint64_t number;

    if (num_parse(text, INT64_MAX, &number) < 0)
        return -1;
    *out = (int64_t)number;
    return 0;
}

/* What another release adds is passed over. */
static int parse_line(struct span line, struct collect_state *state)
{
    struct span value = line, key = span_cut(&value, ' ');
    int64_t grace;

    if (span_equals(key, SPAN("wall")))
        return parse_number(value, &state->wall_ns);
    if (span_equals(key, SPAN("boot")))
        return parse_number(value, &state->boot_ns);
    if (span_equals(key, SPAN("grace_until")))
        return parse_number(value, &state->grace_until);
    if (span_equals(key, SPAN("held_until")))
        return parse_number(value, &state->held_until);
    if (span_equals(key, SPAN("boot_id")))
        snprintf(state->boot_id, sizeof(state->boot_id), "%.*s",
                 SPAN_ARGS(value));
    if (!span_equals(key, SPAN("grace")))
        return 0;
    if (parse_number(value, &grace) < 0)
        return -1;
    state->grace = (uint64_t)grace;
    return 0;
}

static int parse_state(struct span text, struct collect_state *state)
{
    while (text.len > 0)
        if (parse_line(span_cut(&text, '\n'), state) < 0)
            return -1;
    return state->wall_ns > 0 && state->grace > 0 ? 0 : -1;
}

static int load_state(struct collection *c, bool *is_damaged, struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(STATE_BYTES_MAX);

    *is_damaged = false;
    if (driver_get(c->store->driver, LAYOUT_COLLECTION, &text, NULL, err) < 0) {
        if (err->code != ERR_NOT_FOUND && err->code != ERR_TOO_LARGE)
            return -1;
        *is_damaged = err->code == ERR_TOO_LARGE;
        err_clear(err);
        return 0;
    }
    *is_damaged = parse_state(buf_span(&text), &c->state) < 0;
    return 0;
}

int collect_state_save(struct collection *c, struct err *err)
{
    CLEANUP(buf) struct buf text = BUF_INIT(STATE_BYTES_MAX);

    print_state(&c->state, &text);
    return driver_put(c->store->driver, LAYOUT_COLLECTION, buf_span(&text),
                      DRIVER_DURABLE, err);
}

/* --- the grace --- */

static uint64_t lease_of(uint64_t grace)
{
    return grace + grace / 4 + 1;
}

/*
 * Programs keep the grace they were started with: where it was larger, some
 * may renew by the larger one for a while, and promise by it.
 */
static uint64_t choose_grace(struct collection *c, int64_t now)
{
    struct collect_state *state = &c->state;
    uint64_t grace = c->options->grace;

    if (state->grace > grace && state->grace_until == 0)
        state->grace_until = now + (int64_t)lease_of(state->grace);
    if (state->grace > grace && now < state->grace_until) {
        grace = state->grace;
    } else {
        state->grace = grace;
        state->grace_until = 0;
    }
    return grace > c->options->wanted_grace ? grace : c->options->wanted_grace;
}

/* --- clocks --- */

static bool are_apart(int64_t a_ns, int64_t b_ns)
{
    int64_t apart;

    return __builtin_sub_overflow(a_ns, b_ns, &apart) || apart > APART_MAX ||
           apart < -APART_MAX;
}

/*
 * Whether the machine has been on since. Where its sandbox hides what tells
 * one start from another, a clock that began anew does.
 */
static bool is_same_start(const struct collect_state *last, int64_t boot_ns,
                          const char *boot_id)
{
    return strcmp(boot_id, last->boot_id) == 0 && boot_ns >= last->boot_ns;
}

/* NULL when the times in the tree can be relied on. */
static const char *find_fault(const struct collection *c, int64_t wall_ns,
                              int64_t boot_ns, const char *boot_id,
                              bool is_damaged)
{
    const struct collect_state *last = &c->state;

    if (is_damaged)
        return "what the last collection noted cannot be read";
    if (are_apart(c->t0_ns, wall_ns))
        return "the clock of the storage is not that of this machine";
    if (last->wall_ns == 0)
        return NULL;
    if (is_same_start(last, boot_ns, boot_id) &&
        are_apart(wall_ns - last->wall_ns, boot_ns - last->boot_ns))
        return "the clock has been set since the last collection";
    if (wall_ns < last->wall_ns - APART_MAX)
        return "the clock has been set back since the last collection";
    return NULL;
}

static void hold(struct collection *c, const char *fault, int64_t now,
                 uint64_t grace)
{
    int64_t until = now + (int64_t)lease_of(grace);

    if (fault != NULL || c->state.held_until > until)
        c->state.held_until = until;
    if (c->state.held_until <= now) {
        c->state.held_until = 0;
        return;
    }
    c->result->held_until = c->state.held_until;
    c->result->why = fault != NULL ? fault : SET_OF_LATE;
}

int collect_check_clock(const struct store *store, const char **fault,
                        struct err *err)
{
    char boot_id[CLOCK_BOOT_ID_MAX];
    int64_t boot_ns = clock_boot_ns(boot_id), wall_ns = clock_now_ns();
    struct collection c = {.store = store, .t0_ns = wall_ns};
    bool is_damaged;

    if (load_state(&c, &is_damaged, err) < 0)
        return -1;
    *fault = find_fault(&c, wall_ns, boot_ns, boot_id, is_damaged);
    if (*fault == NULL && c.state.held_until > wall_ns / CLOCK_NS_PER_SECOND)
        *fault = SET_OF_LATE;
    return 0;
}

int collect_find_grace(const struct store *store, uint64_t grace, uint64_t *out,
                       struct err *err)
{
    const struct collect_options options = {.grace = grace};
    struct collection c = {.store = store, .options = &options};
    bool is_damaged;

    if (load_state(&c, &is_damaged, err) < 0)
        return -1;
    if (is_damaged)
        c.state = (struct collect_state){0};
    *out = choose_grace(&c, clock_now_ns() / CLOCK_NS_PER_SECOND);
    return 0;
}

int collect_state_begin(struct collection *c, uint64_t *noted_grace,
                        struct err *err)
{
    char boot_id[CLOCK_BOOT_ID_MAX];
    int64_t boot_ns = clock_boot_ns(boot_id), wall_ns = clock_now_ns();
    int64_t now = wall_ns / CLOCK_NS_PER_SECOND;
    const char *fault;
    bool is_damaged;
    uint64_t grace;

    if (load_state(c, &is_damaged, err) < 0)
        return -1;
    fault = find_fault(c, wall_ns, boot_ns, boot_id, is_damaged);
    if (is_damaged)
        c->state = (struct collect_state){0};
    *noted_grace = c->state.grace;
    grace = choose_grace(c, now);
    c->cutoff_ns = c->t0_ns - (int64_t)lease_of(grace) * CLOCK_NS_PER_SECOND;
    c->untagged_cutoff_ns =
        untagged_cutoff(c->t0_ns, c->options->untagged_age, grace);
    hold(c, fault, now, grace);
    c->state.wall_ns = wall_ns;
    c->state.boot_ns = boot_ns;
    memcpy(c->state.boot_id, boot_id, sizeof(boot_id));
    return 0;
}
