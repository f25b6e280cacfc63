/* SPDX-License-Identifier: MIT */
/*
 * What every driver must do, written once and run over each of them.
 *
 * A test of a driver fills a `struct subject` and makes one Criterion test of
 * each name in DRIVER_SUITE:
 *
 *     #define RUN(name) Test(driver_mem, name) { suite_##name(&subject); }
 *     DRIVER_SUITE(RUN)
 */
#ifndef BERTH_TESTS_DRIVER_SUITE_H
#define BERTH_TESTS_DRIVER_SUITE_H

#include <criterion/criterion.h>

#include "base/clock.h"
#include "driver/driver.h"

#define SUITE_GRACE_SECONDS 3600
#define SUITE_GRACE_NS (SUITE_GRACE_SECONDS * CLOCK_NS_PER_SECOND)

struct subject {
    struct driver *driver; /* empty, with a grace of SUITE_GRACE_SECONDS */

    /* Makes the lease of the object older. */
    void (*age)(struct subject *subject, const char *path, int64_t seconds);
};

#define DRIVER_SUITE(X)                                                        \
    X(what_was_put_can_be_got)                                                 \
    X(put_replaces_the_whole_object)                                           \
    X(get_appends_up_to_the_maximum_of_its_buffer)                             \
    X(get_reads_objects_of_any_size)                                           \
    X(what_is_not_there_is_not_found)                                          \
    X(stat_tells_kind_size_and_time)                                           \
    X(get_tells_of_the_bytes_it_read)                                          \
    X(put_does_not_replace_a_directory)                                        \
    X(a_reader_gives_exactly_its_range)                                        \
    X(a_reader_keeps_what_it_opened)                                           \
    X(a_reader_fails_when_the_object_is_shorter)                               \
    X(put_directory_brings_all_its_files)                                      \
    X(put_directory_refuses_what_is_there)                                     \
    X(put_directory_fills_an_empty_directory)                                  \
    X(make_directory_is_fine_with_one_that_is_there)                           \
    X(list_visits_in_order)                                                    \
    X(list_begins_behind_a_name)                                               \
    X(list_ends_when_the_visitor_says_so)                                      \
    X(list_lets_the_visitor_use_the_driver)                                    \
    X(list_of_many_names_is_complete)                                          \
    X(a_directory_tells_when_its_children_change)                              \
    X(a_directory_is_told_from_one_in_its_place)                               \
    X(an_emptied_directory_stays)                                              \
    X(remove_takes_an_object)                                                  \
    X(remove_takes_a_directory_with_all_below)                                 \
    X(remove_if_takes_only_what_fits_the_condition)                            \
    X(remove_if_takes_only_what_is_old)                                        \
    X(put_if_puts_only_where_there_is_what_was_seen)                           \
    X(put_if_makes_no_directory_that_has_to_be_there)                          \
    X(move_if_moves_only_what_was_seen)                                        \
    X(move_if_takes_a_directory_with_all_below)                                \
    X(readers_see_whole_objects_while_writers_replace_them)                    \
    X(one_of_many_put_directories_wins)                                        \
    X(an_upload_becomes_an_object)                                             \
    X(an_upload_is_created_once)                                               \
    X(a_suspended_upload_is_resumed_at_its_end)                                \
    X(an_upload_that_is_appended_to_is_young)                                  \
    X(an_upload_can_be_cut_back)                                               \
    X(an_upload_has_one_writer)                                                \
    X(a_second_writer_gets_its_turn)                                           \
    X(a_second_writer_finds_the_upload_committed)                              \
    X(commit_replaces_what_is_there)                                           \
    X(commit_gives_a_fresh_lease_to_old_bytes)                                 \
    X(an_upload_that_cannot_be_committed_stays)                                \
    X(commit_of_a_removed_upload_makes_no_object)                              \
    X(an_aborted_upload_is_gone)                                               \
    X(abort_spares_what_took_its_place)                                        \
    X(put_gives_a_fresh_lease)                                                 \
    X(protect_renews_old_leases_and_leaves_young_ones)                         \
    X(protect_names_what_is_missing)                                           \
    X(retire_takes_only_what_is_old)                                           \
    X(retire_after_protect_takes_nothing)                                      \
    X(protect_after_retire_finds_nothing)                                      \
    X(restore_brings_back_with_a_fresh_lease)                                  \
    X(restore_yields_to_what_is_new)                                           \
    X(purge_empties_one_run)                                                   \
    X(paths_of_any_length_can_be_retired)                                      \
    X(retire_without_a_run_leaves_no_trash)                                    \
    X(purge_counts_what_it_takes)                                              \
    X(trash_is_listed_by_run_and_path)                                         \
    X(remove_empty_takes_only_an_empty_directory)                              \
    X(sweep_spares_all_that_has_a_path)                                        \
    X(protect_and_retire_never_both_succeed)                                   \
    X(space_is_told)                                                           \
    X(a_record_begins_with_zeros)                                              \
    X(a_record_is_shared_by_all_who_open_it)                                   \
    X(a_removed_record_begins_again)                                           \
    X(a_record_is_locked_by_slot)                                              \
    X(shared_locks_of_a_record_go_together)                                    \
    X(closing_a_record_lets_its_locks_go)                                      \
    X(records_count_what_many_threads_add)

#define DECLARE_CASE(name) void suite_##name(struct subject *subject);
DRIVER_SUITE(DECLARE_CASE)
#undef DECLARE_CASE

/* The call, whose last argument is `&err`, succeeds. */
#define OK(call)                                                               \
    do {                                                                       \
        struct err err = {0};                                                  \
        int result_ = (call);                                                  \
        cr_assert(result_ == 0, "%s: %s: %s", #call, err_name(err.code),       \
                  err.text);                                                   \
    } while (0)

/* It fails with this code. */
#define FAILS(expected, call)                                                  \
    do {                                                                       \
        struct err err = {0};                                                  \
        int result_ = (call);                                                  \
        cr_assert(result_ == -1, "%s: did not fail", #call);                   \
        cr_assert(err.code == (expected), "%s: %s: %s", #call,                 \
                  err_name(err.code), err.text);                               \
    } while (0)

/* Puts a text. */
void given(struct driver *driver, const char *path, const char *text);

/* The object is there and has these bytes. */
void expect_text(struct driver *driver, const char *path, const char *text);

/* Neither get nor stat finds it. */
void expect_missing(struct driver *driver, const char *path);

/* Its mtime lies between `since_ns` and now, give or take a clock tick. */
void expect_fresh(struct driver *driver, const char *path, int64_t since_ns);

int64_t mtime_of(struct driver *driver, const char *path);

/* Creates or resumes an upload that must be free. */
struct writer *open_writer(struct driver *driver, const char *path,
                           enum driver_upload_mode mode);

#endif
