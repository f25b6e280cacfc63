/* SPDX-License-Identifier: MIT */
#include "backup_mark.h"

#include <errno.h>
#include <fcntl.h>

#include "aside.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/json.h"
#include "base/json_writer.h"

#define MARK_BYTES_MAX 4096

int backup_mark_write(int directory, const struct backup_mark *mark,
                      struct err *err)
{
    CLEANUP(buf) struct buf line = BUF_INIT(MARK_BYTES_MAX);
    struct json_writer json;

    json_writer_begin(&json, &line);
    json_writer_flag(&json, "complete", mark->is_complete);
    json_writer_time(&json, "began", mark->began);
    if (mark->is_complete)
        json_writer_time(&json, "ended", mark->ended);
    if (mark->counts != NULL) {
        json_writer_number(&json, "repositories", mark->counts->repositories);
        json_writer_number(&json, "problems", mark->counts->problems);
    }
    json_writer_end(&json);
    return aside_put(directory, BACKUP_MARK, buf_span(&line), err);
}

static bool parse_time(const struct json *document, const char *key,
                       int64_t *out)
{
    struct span text;

    return json_as_string(json_member(document, key), &text) &&
           clock_parse_rfc3339(text, out) == 0;
}

int backup_mark_read(int directory, struct backup_mark *out, struct err *err)
{
    static const struct json_limits limits = {16, 64};
    CLEANUP(fd)
    int fd = openat(directory, BACKUP_MARK,
                    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    CLEANUP(buf) struct buf text = BUF_INIT(MARK_BYTES_MAX);
    CLEANUP(json) struct json *document = NULL;
    struct backup_mark mark = {0};

    if (fd < 0)
        return err_set_errno(err, errno, BACKUP_MARK);
    if (fd_read_all(fd, &text, err) < 0)
        return err_wrap(err, BACKUP_MARK);
    if (json_parse(buf_span(&text), &limits, &document, err) < 0 ||
        !parse_time(document, "began", &mark.began))
        return err_set(err, ERR_NOT_FOUND, BACKUP_MARK " says nothing");
    mark.is_complete = parse_time(document, "ended", &mark.ended);
    *out = mark;
    return 0;
}
