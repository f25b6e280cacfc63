/* SPDX-License-Identifier: MIT */
/*
 * Whether two hosts may serve one tree: what the driver relies on has to hold
 * between them. Run on both at the same time.
 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/shared/agent.h"
#include "store/layout.h"
#include "tree.h"

#define WAIT_DEFAULT "1m"
#define ROUNDS 5

/* A request that asks, and an answer: what is slower shows stale tags. */
#define FRESH_NS (2 * CLOCK_NS_PER_SECOND)

/* Leases live for hours, see driver.h; a clock that is off more is wrong. */
#define SKEW_NS (60 * CLOCK_NS_PER_SECOND)

/* How long the lock of a process that died may stay. */
#define DEATH_NS (5 * CLOCK_NS_PER_SECOND)

struct lead {
    struct meet *meet;
    struct agent here;
    struct buf answer; /* of the last thing that was asked or done */
    struct err failure;
    unsigned int failed; /* tests */
};

/* The other does it. */
static const char *there(struct lead *lead, const char *what)
{
    buf_clear(&lead->answer);
    if (lead->failure.code == ERR_NONE &&
        meet_say(lead->meet, what, &lead->failure) == 0)
        (void)!meet_hear(lead->meet, &lead->answer, &lead->failure);
    return buf_text(&lead->answer);
}

/* We do it. */
static const char *here(struct lead *lead, const char *what)
{
    agent_do(&lead->here, what, &lead->answer);
    return buf_text(&lead->answer);
}

static void judge(struct lead *lead, bool is_good, const char *good,
                  const char *bad)
{
    if (lead->failure.code != ERR_NONE)
        return;
    printf("%s: %s\n", is_good ? "ok" : "FAILED", is_good ? good : bad);
    fflush(stdout);
    lead->failed += !is_good;
}

static bool says(const char *answer, const char *wanted)
{
    return strcmp(answer, wanted) == 0;
}

/* --- the tests --- */

static void test_locks(struct lead *lead)
{
    bool is_good = says(here(lead, "lock-write"), "got") &&
                   says(there(lead, "lock-write"), "refused") &&
                   says(there(lead, "lock-read"), "refused");

    is_good = is_good && says(here(lead, "unlock"), "done") &&
              says(there(lead, "lock-write"), "got") &&
              says(here(lead, "lock-write"), "refused") &&
              says(there(lead, "unlock"), "done") &&
              says(here(lead, "lock-write"), "got");
    judge(lead, is_good, "a lock of one is refused to the other",
          "a lock of one is not refused to the other: NFS needs version 4 or "
          "lockd, and no \"nolock\" or \"local_lock\"");
    is_good = says(here(lead, "lock-read"), "got") &&
              says(there(lead, "lock-read"), "got") &&
              says(here(lead, "lock-write"), "refused");
    judge(lead, is_good, "both may have a lock to read",
          "locks to read do not work between the two");
    there(lead, "unlock");
    here(lead, "unlock");
}

static void test_death(struct lead *lead)
{
    bool is_good = says(there(lead, "child-lock"), "got") &&
                   says(here(lead, "lock-write"), "refused");
    int64_t end_ns;

    there(lead, "child-kill");
    end_ns = clock_monotonic_ns() + DEATH_NS;
    while (is_good && !says(here(lead, "lock-write"), "got") &&
           clock_monotonic_ns() < end_ns)
        clock_sleep_ms(1);
    is_good = is_good && says(buf_text(&lead->answer), "got");
    here(lead, "unlock");
    judge(lead, is_good, "a lock goes with the process that has it",
          "the lock of a process that died stays");
}

/* Asks the other to read a file that it has just seen otherwise. */
static bool is_fresh(struct lead *lead, int round, int64_t *longest_ns)
{
    struct meet_name file = meet_name(lead->meet, "fresh");
    char ask[128], text[32], create[128];
    int64_t began_ns = clock_monotonic_ns(), took_ns;
    bool is_good;

    snprintf(text, sizeof(text), "text %d", round);
    snprintf(ask, sizeof(ask), "read %s", file.text);
    if (meet_write(lead->meet, file.text, text, &lead->failure) < 0)
        return false;
    is_good = says(there(lead, ask), text);
    snprintf(ask, sizeof(ask), "read %s%d", file.text, round);
    is_good = says(there(lead, ask), "absent") && is_good;
    snprintf(create, sizeof(create), "create %s%d", file.text, round);
    here(lead, create);
    is_good = says(there(lead, ask), "created") && is_good;
    took_ns = (clock_monotonic_ns() - began_ns) / 3;
    if (took_ns > *longest_ns)
        *longest_ns = took_ns;
    return is_good;
}

static void test_freshness(struct lead *lead)
{
    int64_t longest_ns = 0;
    char good[128], bad[256];
    bool is_good = true;

    for (int i = 0; i < ROUNDS; i++)
        is_good = is_fresh(lead, i, &longest_ns) && is_good;
    snprintf(good, sizeof(good),
             "what one writes the other sees: %d ms at most",
             (int)(longest_ns / 1000000));
    snprintf(bad, sizeof(bad),
             "what one writes the other sees late, or not: %d ms: mount with "
             "\"actimeo=0,lookupcache=none\"",
             (int)(longest_ns / 1000000));
    judge(lead, is_good && longest_ns < FRESH_NS, good, bad);
}

static int64_t number(const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 10);

    return end != text && *end == '\0' ? value : INT64_MAX;
}

static int64_t distance(int64_t a)
{
    return a < 0 ? -a : a;
}

static void test_clocks(struct lead *lead)
{
    struct meet_name file = meet_name(lead->meet, "age");
    int64_t before = clock_now_ns(), other = number(there(lead, "clock"));
    int64_t after = clock_now_ns(), age_here, age_there;
    int64_t apart = distance(other - (before + (after - before) / 2));
    char ask[128], good[128], bad[192];

    snprintf(ask, sizeof(ask), "age %s", file.text);
    age_here = number(here(lead, ask));
    age_there = number(there(lead, ask));
    snprintf(good, sizeof(good), "the clocks are %.3f s apart",
             (double)apart / 1e9);
    snprintf(bad, sizeof(bad),
             "%s, or that of the storage is: let NTP set all three", good);
    judge(lead,
          apart < SKEW_NS && distance(age_here) < SKEW_NS &&
              distance(age_there) < SKEW_NS,
          good, bad);
}

/* As the driver does it where the file system does not know the flag. */
static bool is_refused(const struct lead *lead, const char *from,
                       const char *to)
{
    int place = lead->meet->place;

    if (renameat2(place, from, place, to, RENAME_NOREPLACE) == 0)
        return false;
    if (errno == EINVAL && linkat(place, from, place, to, 0) == 0)
        return false;
    return errno == EEXIST;
}

static void test_rename(struct lead *lead)
{
    struct meet_name taken = meet_name(lead->meet, "taken");
    struct meet_name mine = meet_name(lead->meet, "mine");
    char ask[128];
    bool is_good;

    snprintf(ask, sizeof(ask), "create %s", taken.text);
    is_good = says(there(lead, ask), "done");
    snprintf(ask, sizeof(ask), "create %s", mine.text);
    is_good = is_good && says(here(lead, ask), "done") &&
              is_refused(lead, mine.text, taken.text);
    judge(lead, is_good, "a rename spares what the other has put there",
          "a rename takes away what the other has put there");
}

/* Files are synced by each message already. */
static void test_sync(struct lead *lead)
{
    judge(lead, fsync(lead->meet->place) == 0,
          "files and directories are synced", "a directory cannot be synced");
}

static int run_tests(struct meet *meet, unsigned int *failed, struct err *err)
{
    struct lead lead = {.meet = meet,
                        .here = {.meet = meet, .lock = -1},
                        .answer = BUF_INIT(MEET_TEXT_MAX)};
    char end[64];

    test_locks(&lead);
    test_death(&lead);
    test_freshness(&lead);
    test_clocks(&lead);
    test_rename(&lead);
    test_sync(&lead);
    snprintf(end, sizeof(end), AGENT_END "%u", lead.failed);
    there(&lead, end);
    agent_cleanup(&lead.here);
    buf_cleanup(&lead.answer);
    *failed = lead.failed;
    if (lead.failure.code == ERR_NONE)
        return 0;
    *err = lead.failure;
    return -1;
}

/* The other prints what was found. */
static int serve(struct meet *meet, unsigned int *failed, struct err *err)
{
    CLEANUP(buf) struct buf verdict = BUF_INIT(MEET_TEXT_MAX);
    uint64_t count;

    if (agent_serve(meet, &verdict, err) < 0)
        return -1;
    if (num_parse(span_from(buf_span(&verdict), strlen(AGENT_END)), UINT32_MAX,
                  &count) < 0)
        return err_set(err, ERR_SYNTAX, "another version of berth");
    *failed = (unsigned int)count;
    printf("the other has printed each test: failed: %u\n", *failed);
    return 0;
}

/* --- the command --- */

static int test_with_other(struct meet *meet, uint64_t seconds,
                           const char *place, unsigned int *failed,
                           struct err *err)
{
    printf("on the other host, within %" PRIu64
           " s, type too: berth check --shared\n",
           seconds);
    fflush(stdout);
    if (meet_begin(place, seconds, meet, err) < 0)
        return -1;
    printf("met %s\n", meet->host);
    fflush(stdout);
    return meet->leads ? run_tests(meet, failed, err)
                       : serve(meet, failed, err);
}

static int check_shared(const char *file, uint64_t seconds)
{
    CLEANUP(tree) struct tree tree = {0};
    CLEANUP(buf) struct buf place = BUF_INIT(2 * SETTINGS_PATH_MAX);
    struct meet meet = {.place = -1};
    unsigned int failed = 0;
    struct err err = {0};
    int result;

    if (tree_open(file, &tree, &err) < 0 ||
        driver_make_directory(tree.store.driver, LAYOUT_SHARED, &err) < 0)
        return command_failed(&err);
    buf_add_format(&place, "%s/" LAYOUT_ROOT "/" LAYOUT_SHARED,
                   tree.settings.root);
    result = test_with_other(&meet, seconds, buf_text(&place), &failed, &err);
    meet_end(&meet);
    if (result < 0)
        return command_failed(&err);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int command_check_shared(char **words)
{
    const char *file = NULL, *wait = WAIT_DEFAULT;
    bool shared = false;
    uint64_t seconds;

    while (*words != NULL) {
        if (!command_flag(&words, "--shared", &shared) &&
            !command_value(&words, "--wait", &wait) &&
            !command_value(&words, "-c", &file))
            return COMMAND_USAGE;
    }
    if (num_parse_duration(span_of(wait), &seconds) < 0 || seconds == 0 ||
        seconds > SETTINGS_AGE_MAX)
        return COMMAND_USAGE;
    return check_shared(file, seconds);
}
