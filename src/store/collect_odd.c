/* SPDX-License-Identifier: MIT */
/*
 * A directory among the repositories that can be none by its name. Somebody
 * has put it there, perhaps a repository he renamed, and nobody serves it; but
 * what its links name stays, as that of a repository which cannot be read.
 */
#include "store/collect_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "store/link.h"

#define LINK "link" /* what such files are called in all repositories */

struct odd {
    struct collection *c;
    struct buf path; /* of where the walk stands */
};

static void walk_here(struct odd *odd);

/* Then nobody knows what is needed, and no bytes go. */
static void is_unknown(struct odd *odd, const struct err *err)
{
    odd->c->result->is_blind = true;
    collect_complain(odd->c, buf_text(&odd->path), err);
}

static void keep(struct odd *odd, const struct digest *digest)
{
    marks_add(&odd->c->live, marks_of_digest(digest));
}

static void keep_link(struct odd *odd)
{
    struct layout_path link;
    struct digest digest;
    struct err err = {0};
    int len =
        snprintf(link.text, sizeof(link.text), "%s", buf_text(&odd->path));

    if (len < 0 || (size_t)len >= sizeof(link.text))
        err_set(&err, ERR_TOO_LARGE, "too long a path");
    else if (link_read(odd->c->store, &link, &digest, &err) == 0)
        keep(odd, &digest);
    if (err.code != ERR_NONE && err.code != ERR_NOT_FOUND)
        is_unknown(odd, &err);
}

/* A link that was emptied still stands in a directory named by the digest. */
static void keep_named(struct odd *odd, size_t parent_len, const char *hex)
{
    struct span parent = {buf_text(&odd->path), parent_len};
    const char *slash = memrchr(parent.ptr, '/', parent.len);
    char text[DIGEST_TEXT_MAX];
    struct digest digest;
    struct err invalid = {0};

    parent = span_from(parent, (size_t)(slash - parent.ptr) + 1);
    snprintf(text, sizeof(text), "%.*s:%s", SPAN_ARGS(parent), hex);
    if (digest_parse(span_of(text), &digest, &invalid) == 0)
        keep(odd, &digest);
}

static int visit(void *context, const char *name, bool is_directory,
                 struct err *err)
{
    struct odd *odd = context;
    size_t len = odd->path.len;
    struct err failure = {0};

    (void)err;
    buf_add_format(&odd->path, "/%s", name);
    if (odd->path.overflowed) {
        err_set(&failure, ERR_TOO_LARGE, "too long a path");
        is_unknown(odd, &failure);
    } else if (is_directory) {
        keep_named(odd, len, name);
        walk_here(odd);
    } else if (strcmp(name, LINK) == 0) {
        keep_link(odd);
    }
    buf_truncate(&odd->path, len);
    odd->path.overflowed = false;
    return collect_is_over(odd->c);
}

static void walk_here(struct odd *odd)
{
    struct err err = {0};

    if (driver_list_if_there(odd->c->store->driver, buf_text(&odd->path), NULL,
                             visit, odd, &err) < 0)
        is_unknown(odd, &err);
}

void collect_keep_odd(struct collection *c, const char *path)
{
    struct odd odd = {.c = c, .path = BUF_INIT(PATH_MAX - 1)};
    struct err err = {0};

    err_set(&err, ERR_NAME_INVALID,
            "is no name of a repository; what it has links to stays");
    collect_complain(c, path, &err);
    /* So that it stays in place: a list goes on with the path it was given. */
    (void)buf_reserve(&odd.path, PATH_MAX - 1);
    buf_add(&odd.path, span_of(path));
    walk_here(&odd);
    buf_cleanup(&odd.path);
}
