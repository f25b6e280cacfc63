/* SPDX-License-Identifier: MIT */
/*
 * Who owned what before `berth adopt`: a text file in the tree.
 *
 *     berth adopted 1
 *     made yes                  _berth itself was made for it
 *     to 106                    whose the files are to become
 *     0 0 755 .
 *     33 33 700 ./repositories/odd%0aname
 *     end
 *
 * A line has owner, group, octal mode and path. It is there only for what
 * differs from what its directory has, as lines say (a file has the mode of
 * its directory without the bits to search and setgid); so the tree of one
 * user is one line. The lines stand in the order of adopt_walk.h, in which
 * they are also read, one at a time.
 *
 * The file has its name only when it is complete and on disk. As the programs
 * can write where it stands, it counts only when it belongs to us and nobody
 * else can write to it.
 */
#ifndef BERTH_CLI_ADOPT_RECORD_H
#define BERTH_CLI_ADOPT_RECORD_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/compiler.h"
#include "base/err.h"

/* Below the tree, like its directory; see store/layout.h. */
#define ADOPT_DIRECTORY "_berth"
#define ADOPT_RECORD "_berth/adopted"
#define ADOPT_RECORD_NEW "_berth/adopted.new"

struct adopt_state {
    uid_t uid;
    gid_t gid;
    mode_t mode; /* 07777 of directories, 0777 of files */
};

struct adopt_state adopt_state_of(const struct stat *st);
bool adopt_state_equals(const struct adopt_state *a,
                        const struct adopt_state *b);

/* What is made in a directory of this state. */
struct adopt_state adopt_state_inherited(const struct adopt_state *directory,
                                         bool is_directory);

/*
 * Writing: begin, add in order, commit. `tree` is a descriptor of the
 * directory the paths are below.
 */
struct adopt_writer;

int adopt_record_begin(int tree, uid_t to, struct adopt_writer **out,
                       struct err *err) WARN_UNUSED;
/* Whether the directory of the record was made for it. */
bool adopt_record_made_directory(const struct adopt_writer *writer);
int adopt_record_add(struct adopt_writer *writer, const char *path,
                     const struct adopt_state *state,
                     struct err *err) WARN_UNUSED;
/* Durable when it returns 0. */
int adopt_record_commit(struct adopt_writer *writer,
                        struct err *err) WARN_UNUSED;
/* Leaves nothing of a record that was not committed. */
void adopt_writer_free(struct adopt_writer *writer);
void adopt_writer_cleanup(struct adopt_writer **writer);

/* Reading. ERR_NOT_FOUND when there is none. */
struct adopt_reader;

int adopt_record_open(int tree, struct adopt_reader **out,
                      struct err *err) WARN_UNUSED;
uid_t adopt_record_to(const struct adopt_reader *reader);
/*
 * Fills `out` when the record has the path and leaves it alone otherwise.
 * Each path must come later in the order than the one before.
 */
int adopt_record_find(struct adopt_reader *reader, const char *path,
                      struct adopt_state *out, struct err *err) WARN_UNUSED;
void adopt_reader_free(struct adopt_reader *reader);
void adopt_reader_cleanup(struct adopt_reader **reader);

/* Removes the record, and the directory if it was made for it. */
int adopt_record_remove(int tree, struct err *err) WARN_UNUSED;

/* The order: step by step as bytes, a directory before what is in it. */
int adopt_path_compare(const char *a, const char *b);

#endif
