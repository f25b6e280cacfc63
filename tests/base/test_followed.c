/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/followed.h"
#include "base/memory.h"

static char directory[] = "/tmp/berth-followed-XXXXXX";
static char path[64], other[64];
static struct err complaint;
static int reads, frees;

/* A file means its first line; "wrong" is wrong. */
static int read_line(const char *from, void **value, struct err *err)
{
    char line[64] = "";
    FILE *in = fopen(from, "r");

    if (in == NULL)
        return err_set_errno(err, errno, "%s", from);
    reads++;
    cr_assert_not_null(fgets(line, sizeof(line), in));
    fclose(in);
    if (strcmp(line, "wrong") == 0)
        return err_set(err, ERR_SYNTAX, "%s:1: wrong", from);
    if (strcmp(line, "unreadable") == 0)
        return err_set(err, ERR_IO, "%s: for now", from);
    *value = memory_copy_text(line);
    return 0;
}

static void free_line(void *value)
{
    frees++;
    free(value);
}

static const struct followed_kind kind = {read_line, free_line};
static struct followed file;

/* As an editor does that renames over the old file. */
static void write_line(const char *to, const char *line)
{
    char fresh[80];
    FILE *out;

    snprintf(fresh, sizeof(fresh), "%s.new", to);
    out = fopen(fresh, "w");
    cr_assert_not_null(out);
    fputs(line, out);
    fclose(out);
    cr_assert_eq(rename(fresh, to), 0);
}

/* As one does that writes over the old bytes, and then sets the time back. */
static void write_in_place(const char *to, const char *line)
{
    int fd = open(to, O_WRONLY);
    struct stat st;

    cr_assert(fd >= 0);
    cr_assert_eq(fstat(fd, &st), 0);
    cr_assert_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
    cr_assert_eq(
        futimens(fd, (const struct timespec[]){st.st_atim, st.st_mtim}), 0);
    close(fd);
}

static void expect(const char *from, const char *line, enum err_code code)
{
    struct followed_state *state;

    err_clear(&complaint);
    state = followed_get(&file, from, &complaint);
    cr_expect_eq(complaint.code, code, "%s", complaint.text);
    if (line == NULL)
        cr_expect_null(state);
    else if (state == NULL)
        cr_expect_fail("nothing instead of %s", line);
    else
        cr_expect_str_eq(state->value, line);
    followed_put(state);
}

static void setup(void)
{
    followed_init(&file, &kind);
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/file", directory);
    snprintf(other, sizeof(other), "%s/other", directory);
}

static void teardown(void)
{
    followed_forget(&file);
    unlink(path);
    unlink(other);
    rmdir(directory);
}

TestSuite(followed, .init = setup, .fini = teardown);

Test(followed, a_file_is_read_once_and_again_when_it_changed)
{
    write_line(path, "one");
    expect(path, "one", ERR_NONE);
    expect(path, "one", ERR_NONE);
    cr_expect_eq(reads, 1);
    write_line(path, "second");
    expect(path, "second", ERR_NONE);
    cr_expect_eq(reads, 2);
    cr_expect_eq(frees, 1);
}

Test(followed, nothing_is_in_force_until_there_was_a_good_one)
{
    expect(path, NULL, ERR_NOT_FOUND);
    expect(path, NULL, ERR_NONE);
    write_line(path, "wrong");
    expect(path, NULL, ERR_SYNTAX);
    expect(path, NULL, ERR_NONE);
    write_line(path, "right");
    expect(path, "right", ERR_NONE);
}

Test(followed, a_wrong_file_leaves_the_last_good_one_and_is_told_once)
{
    write_line(path, "good");
    expect(path, "good", ERR_NONE);
    write_line(path, "wrong");
    expect(path, "good", ERR_SYNTAX);
    expect(path, "good", ERR_NONE);
    cr_expect_eq(reads, 2);
}

Test(followed, a_file_that_has_gone_leaves_the_last_good_one)
{
    write_line(path, "good");
    expect(path, "good", ERR_NONE);
    unlink(path);
    expect(path, "good", ERR_NOT_FOUND);
    expect(path, "good", ERR_NONE);
    write_line(path, "back");
    expect(path, "back", ERR_NONE);
}

Test(followed, the_reason_is_why_the_file_cannot_be_read)
{
    write_line(path, "one");
    expect(path, "one", ERR_NONE);
    snprintf(other, sizeof(other), "%.40s/below", path);
    expect(other, NULL, ERR_NOT_FOUND);
    cr_expect_eq(complaint.sys_errno, ENOTDIR);
}

Test(followed, what_cannot_be_read_for_now_is_tried_again)
{
    write_line(path, "unreadable");
    expect(path, NULL, ERR_IO);
    expect(path, NULL, ERR_NONE);
    cr_expect_eq(reads, 2);
}

Test(followed, what_cannot_be_read_is_told_once_until_it_changes)
{
    write_line(path, "unreadable");
    expect(path, NULL, ERR_IO);
    expect(path, NULL, ERR_NONE);
    write_line(path, "wrong");
    expect(path, NULL, ERR_SYNTAX);
    write_line(path, "unreadable");
    expect(path, NULL, ERR_IO);
    write_line(path, "right");
    err_set(&complaint, ERR_INTERNAL, "of somebody else");
    followed_put(followed_get(&file, path, &complaint));
    cr_expect_eq(complaint.code, ERR_INTERNAL);
}

Test(followed, each_of_many_changes_in_a_moment_is_seen)
{
    char line[8];

    write_line(path, "00");
    for (int i = 0; i < 20; i++) {
        snprintf(line, sizeof(line), "%02d", i);
        write_in_place(path, line);
        expect(path, line, ERR_NONE);
    }
}

Test(followed, another_path_is_a_change)
{
    write_line(path, "one");
    write_line(other, "other");
    expect(path, "one", ERR_NONE);
    expect(other, "other", ERR_NONE);
    expect(path, "one", ERR_NONE);
}

Test(followed, the_state_of_another_path_is_never_in_force)
{
    write_line(path, "one");
    expect(path, "one", ERR_NONE);
    expect(other, NULL, ERR_NOT_FOUND);
    expect(path, "one", ERR_NONE);
    write_line(other, "wrong");
    expect(other, NULL, ERR_SYNTAX);
    write_line(other, "unreadable");
    expect(path, "one", ERR_NONE);
    expect(other, NULL, ERR_IO);
}

Test(followed, a_state_lives_as_long_as_somebody_uses_it)
{
    struct followed_state *first, *second;

    write_line(path, "one");
    first = followed_get(&file, path, &complaint);
    write_line(path, "second");
    second = followed_get(&file, path, &complaint);
    cr_expect_eq(frees, 0);
    cr_expect_str_eq(first->value, "one");
    cr_expect_neq(first->serial, second->serial);
    followed_put(first);
    cr_expect_eq(frees, 1);
    followed_forget(&file);
    cr_expect_str_eq(second->value, "second");
    followed_put(second);
    cr_expect_eq(frees, 2);
    followed_init(&file, &kind); /* for the end of the test */
}
