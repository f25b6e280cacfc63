/* SPDX-License-Identifier: MIT */
#include "adopt_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/num.h"

#define HEAD "berth adopted 1\n"
#define LINE_MAX_BYTES ((size_t)64 * 1024)
#define ID_MAX (UINT32_MAX - 1) /* the last means "leave it" to chown(2) */

struct adopt_writer {
    int tree;
    FILE *stream;
    bool made; /* the directory */
    bool committed;
};

struct adopt_reader {
    FILE *stream;
    char *line; /* of getline */
    size_t capacity;
    size_t number; /* of the line */
    bool made;
    uid_t to;
    bool ended;
    struct buf path; /* of the line read last */
    struct adopt_state state;
};

struct adopt_state adopt_state_of(const struct stat *st)
{
    mode_t kept = S_ISDIR(st->st_mode) ? 07777 : 0777;

    return (struct adopt_state){st->st_uid, st->st_gid, st->st_mode & kept};
}

bool adopt_state_equals(const struct adopt_state *a,
                        const struct adopt_state *b)
{
    return a->uid == b->uid && a->gid == b->gid && a->mode == b->mode;
}

struct adopt_state adopt_state_inherited(const struct adopt_state *directory,
                                         bool is_directory)
{
    struct adopt_state state = *directory;

    if (!is_directory)
        state.mode &= 0666;
    return state;
}

int adopt_path_compare(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    if (*a == *b)
        return 0;
    if (*a == '\0' || *b == '\0')
        return *a == '\0' ? -1 : 1;
    if (*a == '/' || *b == '/')
        return *a == '/' ? -1 : 1;
    return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

/* --- writing --- */

/* Not to be found by anybody before it is owned and closed to others. */
static int open_new(struct adopt_writer *writer, uid_t to, struct err *err)
{
    CLEANUP(fd) int fd = -1;

    if (mkdirat(writer->tree, ADOPT_DIRECTORY, 0755) == 0)
        writer->made = true;
    else if (errno != EEXIST)
        return err_set_errno(err, errno, "mkdir " ADOPT_DIRECTORY);
    if (unlinkat(writer->tree, ADOPT_RECORD_NEW, 0) < 0 && errno != ENOENT)
        return err_set_errno(err, errno, "remove " ADOPT_RECORD_NEW);
    fd = openat(writer->tree, ADOPT_RECORD_NEW,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set_errno(err, errno, "create " ADOPT_RECORD_NEW);
    writer->stream = fdopen(fd, "w");
    if (writer->stream == NULL)
        return err_set_errno(err, errno, "open " ADOPT_RECORD_NEW);
    fd_take(&fd);
    fprintf(writer->stream, HEAD "made %s\nto %" PRIu32 "\n",
            writer->made ? "yes" : "no", to);
    return 0;
}

int adopt_record_begin(int tree, uid_t to, struct adopt_writer **out,
                       struct err *err)
{
    struct adopt_writer *writer = memory_new(sizeof(*writer));

    writer->tree = tree;
    if (open_new(writer, to, err) < 0) {
        adopt_writer_free(writer);
        return -1;
    }
    *out = writer;
    return 0;
}

bool adopt_record_made_directory(const struct adopt_writer *writer)
{
    return writer->made;
}

int adopt_record_add(struct adopt_writer *writer, const char *path,
                     const struct adopt_state *state, struct err *err)
{
    fprintf(writer->stream, "%" PRIu32 " %" PRIu32 " %o ", state->uid,
            state->gid, (unsigned int)state->mode);
    for (; *path != '\0'; path++) {
        if (*path == '\n' || *path == '%')
            fprintf(writer->stream, "%%%02x", (unsigned int)*path);
        else
            putc(*path, writer->stream);
    }
    if (putc('\n', writer->stream) == EOF)
        return err_set_errno(err, errno, "write " ADOPT_RECORD_NEW);
    return 0;
}

static int sync_directory(int tree, const char *name, struct err *err)
{
    CLEANUP(fd)
    int fd =
        openat(tree, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 || fsync(fd) < 0)
        return err_set_errno(err, errno, "fsync %s", name);
    return 0;
}

int adopt_record_commit(struct adopt_writer *writer, struct err *err)
{
    if (fputs("end\n", writer->stream) == EOF || fflush(writer->stream) != 0 ||
        fsync(fileno(writer->stream)) < 0)
        return err_set_errno(err, errno, "write " ADOPT_RECORD_NEW);
    if (renameat(writer->tree, ADOPT_RECORD_NEW, writer->tree, ADOPT_RECORD) <
        0)
        return err_set_errno(err, errno, "rename " ADOPT_RECORD_NEW);
    writer->committed = true;
    if (sync_directory(writer->tree, ADOPT_DIRECTORY, err) < 0)
        return -1;
    return sync_directory(writer->tree, ".", err);
}

void adopt_writer_free(struct adopt_writer *writer)
{
    if (writer == NULL)
        return;
    if (writer->stream != NULL)
        fclose(writer->stream);
    if (!writer->committed)
        unlinkat(writer->tree, ADOPT_RECORD_NEW, 0);
    if (!writer->committed && writer->made)
        unlinkat(writer->tree, ADOPT_DIRECTORY, AT_REMOVEDIR);
    free(writer);
}

void adopt_writer_cleanup(struct adopt_writer **writer)
{
    adopt_writer_free(*writer);
    *writer = NULL;
}

/* --- reading --- */

static int damaged(const struct adopt_reader *reader, struct err *err)
{
    return err_set(err, ERR_SYNTAX, ADOPT_RECORD ":%zu: damaged",
                   reader->number);
}

/* The next line without its end; a file that ends without "end" was cut. */
static int read_line(struct adopt_reader *reader, struct span *out,
                     struct err *err)
{
    ssize_t len = getline(&reader->line, &reader->capacity, reader->stream);

    reader->number++;
    if (len < 1 || reader->line[len - 1] != '\n' ||
        (size_t)len > LINE_MAX_BYTES)
        return damaged(reader, err);
    *out = (struct span){reader->line, (size_t)len - 1};
    return 0;
}

static int parse_mode(struct span text, mode_t *out)
{
    mode_t mode = 0;

    if (text.len == 0 || text.len > 4)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '7')
            return -1;
        mode = mode * 8 + (mode_t)(text.ptr[i] - '0');
    }
    *out = mode;
    return 0;
}

static int unescape(struct span text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            buf_add_char(out, text.ptr[i]);
            continue;
        }
        if (text.len - i < 3)
            return -1;
        if (memcmp(text.ptr + i, "%0a", 3) == 0)
            buf_add_char(out, '\n');
        else if (memcmp(text.ptr + i, "%25", 3) == 0)
            buf_add_char(out, '%');
        else
            return -1;
        i += 2;
    }
    return out->len > 0 ? 0 : -1;
}

static int read_entry(struct adopt_reader *reader, struct err *err)
{
    struct span rest;
    uint64_t uid, gid;

    if (read_line(reader, &rest, err) < 0)
        return -1;
    buf_clear(&reader->path);
    if (span_equals(rest, SPAN("end"))) {
        reader->ended = true;
        return 0;
    }
    if (num_parse(span_cut(&rest, ' '), ID_MAX, &uid) < 0 ||
        num_parse(span_cut(&rest, ' '), ID_MAX, &gid) < 0 ||
        parse_mode(span_cut(&rest, ' '), &reader->state.mode) < 0 ||
        unescape(rest, &reader->path) < 0)
        return damaged(reader, err);
    reader->state.uid = (uid_t)uid;
    reader->state.gid = (gid_t)gid;
    return 0;
}

static int read_head(struct adopt_reader *reader, struct err *err)
{
    struct span line;
    uint64_t to;

    if (read_line(reader, &line, err) < 0)
        return -1;
    if (!span_equals(line, span_first(SPAN(HEAD), sizeof(HEAD) - 2)))
        return damaged(reader, err);
    if (read_line(reader, &line, err) < 0)
        return -1;
    reader->made = span_equals(line, SPAN("made yes"));
    if (!reader->made && !span_equals(line, SPAN("made no")))
        return damaged(reader, err);
    if (read_line(reader, &line, err) < 0)
        return -1;
    if (!span_equals(span_cut(&line, ' '), SPAN("to")) ||
        num_parse(line, ID_MAX, &to) < 0)
        return damaged(reader, err);
    reader->to = (uid_t)to;
    return read_entry(reader, err);
}

/* Before anything is changed by half of it. */
static int check_whole(struct adopt_reader *reader, struct err *err)
{
    if (read_head(reader, err) < 0)
        return -1;
    while (!reader->ended)
        if (read_entry(reader, err) < 0)
            return -1;
    rewind(reader->stream);
    reader->number = 0;
    reader->ended = false;
    return 0;
}

static int check_owner(int fd, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_set_errno(err, errno, "stat " ADOPT_RECORD);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 022) != 0 || st.st_nlink != 1)
        return err_set(err, ERR_INTERNAL,
                       ADOPT_RECORD " was not written by berth adopt");
    return 0;
}

int adopt_record_open(int tree, struct adopt_reader **out, struct err *err)
{
    CLEANUP(fd)
    int fd = openat(tree, ADOPT_RECORD,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    CLEANUP(adopt_reader) struct adopt_reader *reader = NULL;

    if (fd < 0)
        return err_set_errno(err, errno, "open " ADOPT_RECORD);
    if (check_owner(fd, err) < 0)
        return -1;
    reader = memory_new(sizeof(*reader));
    reader->path = BUF_INIT(LINE_MAX_BYTES);
    reader->stream = fdopen(fd, "r");
    if (reader->stream == NULL)
        return err_set_errno(err, errno, "open " ADOPT_RECORD);
    fd_take(&fd);
    if (check_whole(reader, err) < 0 || read_head(reader, err) < 0)
        return -1;
    *out = reader;
    reader = NULL;
    return 0;
}

uid_t adopt_record_to(const struct adopt_reader *reader)
{
    return reader->to;
}

int adopt_record_find(struct adopt_reader *reader, const char *path,
                      struct adopt_state *out, struct err *err)
{
    while (!reader->ended) {
        int order = adopt_path_compare(buf_text(&reader->path), path);

        if (order == 0)
            *out = reader->state;
        if (order >= 0)
            return 0;
        if (read_entry(reader, err) < 0)
            return -1;
    }
    return 0;
}

void adopt_reader_free(struct adopt_reader *reader)
{
    if (reader == NULL)
        return;
    if (reader->stream != NULL)
        fclose(reader->stream);
    free(reader->line);
    buf_cleanup(&reader->path);
    free(reader);
}

void adopt_reader_cleanup(struct adopt_reader **reader)
{
    adopt_reader_free(*reader);
    *reader = NULL;
}

int adopt_record_remove(int tree, struct err *err)
{
    CLEANUP(adopt_reader) struct adopt_reader *reader = NULL;

    if (adopt_record_open(tree, &reader, err) < 0)
        return -1;
    if (unlinkat(tree, ADOPT_RECORD, 0) < 0)
        return err_set_errno(err, errno, "remove " ADOPT_RECORD);
    if (sync_directory(tree, ADOPT_DIRECTORY, err) < 0)
        return -1;
    if (reader->made)
        unlinkat(tree, ADOPT_DIRECTORY, AT_REMOVEDIR); /* if it is empty */
    return 0;
}
