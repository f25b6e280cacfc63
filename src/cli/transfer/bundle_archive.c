/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/tar.h"
#include "bundle_internal.h"
#include "cli/interrupt.h"

/* What a table of an archive, and the documents at hand, may take. */
#define MEMBERS_MAX 1000000
#define NAMES_BYTES_MAX (UINT64_C(256) << 20)
#define DOCUMENTS_BYTES_MAX (UINT64_C(256) << 20)
#define LINKS_MAX 8 /* that lead to each other */

struct member {
    char *name;
    char *target;   /* of a link: the name it leads to; NULL = a file */
    char *document; /* the bytes, when it looks like JSON */
    uint64_t size;
    char first[BUNDLE_FIRST];
    size_t first_len;
    bool is_twice;
};

struct archive_bundle {
    struct bundle bundle;
    int fd;
    struct member *members; /* in ascending order of their names */
    size_t count, room;
    uint64_t names_bytes, documents_bytes;
};

/* --- names --- */

/*
 * The name without "./", "." and "..", as tar(1) would unpack it; NULL when it
 * leads out of the archive, or has nothing left.
 */
static char *clean_name(struct span before, struct span name)
{
    CLEANUP(buf) struct buf clean = BUF_INIT(NAMES_BYTES_MAX);
    struct span parts[] = {before, name};

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        while (parts[i].ptr != NULL) {
            struct span part = span_cut(&parts[i], '/');

            if (part.len == 0 || span_equals(part, SPAN(".")))
                continue;
            if (!span_equals(part, SPAN(".."))) {
                if (clean.len > 0)
                    buf_add_char(&clean, '/');
                buf_add(&clean, part);
                continue;
            }
            if (clean.len == 0)
                return NULL;
            while (clean.len > 0 && clean.ptr[clean.len - 1] != '/')
                buf_truncate(&clean, clean.len - 1);
            if (clean.len > 0)
                buf_truncate(&clean, clean.len - 1);
        }
    return clean.len > 0 ? memory_copy_text(buf_text(&clean)) : NULL;
}

static struct span directory_of(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash != NULL ? (struct span){name, (size_t)(slash - name)}
                         : SPAN("");
}

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->name,
                  ((const struct member *)b)->name);
}

static int compare_name(const void *name, const void *member)
{
    return strcmp(name, ((const struct member *)member)->name);
}

static struct member *look_up(const struct archive_bundle *archive,
                              const char *name)
{
    return archive->count == 0
               ? NULL
               : bsearch(name, archive->members, archive->count,
                         sizeof(*archive->members), compare_name);
}

static int resolve(const struct archive_bundle *archive, const char *name,
                   struct member **out, struct err *err)
{
    struct member *member = look_up(archive, name);

    for (int i = 0;
         member != NULL && member->target != NULL && !member->is_twice; i++)
        member = i < LINKS_MAX ? look_up(archive, member->target) : NULL;
    if (member == NULL)
        return err_set(err, ERR_NOT_FOUND, "%s: there is no %s in it",
                       archive->bundle.label, name);
    if (member->is_twice)
        return err_set(err, ERR_SYNTAX, "%s: %s is in it twice",
                       archive->bundle.label, member->name);
    *out = member;
    return 0;
}

/* --- the first time through --- */

static void free_member(struct member *member)
{
    free(member->name);
    free(member->target);
    free(member->document);
}

static bool looks_like_json(const struct member *member)
{
    size_t i = 0;

    while (i < member->first_len &&
           (member->first[i] == ' ' ||
            (member->first[i] >= '\t' && member->first[i] <= '\r')))
        i++;
    return i == member->first_len || member->first[i] == '{' ||
           member->first[i] == '[';
}

static int read_full(struct reader *bytes, char *into, size_t size,
                     struct err *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = reader_read(bytes, into + done, size - done, err);

        if (got <= 0)
            return got < 0 ? -1 : err_set(err, ERR_SYNTAX, "cut off");
        done += (size_t)got;
    }
    return 0;
}

static int read_document(struct archive_bundle *archive, struct member *member,
                         struct reader *bytes, struct err *err)
{
    size_t size = (size_t)member->size;

    archive->documents_bytes += member->size;
    if (archive->documents_bytes > DOCUMENTS_BYTES_MAX)
        return err_set(err, ERR_SYNTAX, "%s: too many documents",
                       archive->bundle.label);
    member->document = memory_new(size + 1);
    memcpy(member->document, member->first, member->first_len);
    return read_full(bytes, member->document + member->first_len,
                     size - member->first_len, err);
}

static int read_file(struct archive_bundle *archive, struct member *member,
                     struct reader *bytes, struct err *err)
{
    member->first_len =
        member->size < BUNDLE_FIRST ? (size_t)member->size : BUNDLE_FIRST;
    if (read_full(bytes, member->first, member->first_len, err) < 0)
        return -1;
    if (member->size > BUNDLE_DOCUMENT_MAX || !looks_like_json(member))
        return 0;
    return read_document(archive, member, bytes, err);
}

static int add_member(struct archive_bundle *archive,
                      const struct tar_member *found, struct member **out,
                      struct err *err)
{
    struct member member = {.size = found->size};

    *out = NULL;
    if (found->kind == TAR_OTHER)
        return 0;
    member.name = clean_name(SPAN(""), span_of(found->name));
    if (member.name == NULL)
        return 0;
    if (found->kind != TAR_FILE) {
        member.target =
            clean_name(found->kind == TAR_LINK && found->target[0] != '/'
                           ? directory_of(member.name)
                           : SPAN(""),
                       span_of(found->target));
        if (member.target == NULL) {
            free_member(&member);
            return 0;
        }
        archive->names_bytes += strlen(member.target);
    }
    archive->names_bytes += strlen(member.name);
    if (archive->count == archive->room) {
        archive->room = archive->room ? 2 * archive->room : 256;
        archive->members = memory_resize(
            archive->members, archive->room * sizeof(*archive->members));
    }
    *out = &archive->members[archive->count++];
    **out = member;
    if (archive->count > MEMBERS_MAX || archive->names_bytes > NAMES_BYTES_MAX)
        return err_set(err, ERR_SYNTAX, "%s: too many files",
                       archive->bundle.label);
    return 0;
}

static int rewind_archive(struct archive_bundle *archive,
                          struct tar_reader **tar, struct err *err)
{
    if (lseek(archive->fd, 0, SEEK_SET) < 0)
        return err_set_errno(err, errno, "%s", archive->bundle.label);
    return tar_reader_open(archive->fd, archive->bundle.label, tar, err);
}

static int read_table(struct archive_bundle *archive, struct err *err)
{
    CLEANUP(tar_reader) struct tar_reader *tar = NULL;
    struct tar_member found;
    int result;

    if (rewind_archive(archive, &tar, err) < 0)
        return -1;
    while ((result = tar_reader_next(tar, &found, err)) > 0) {
        struct member *member;

        if (interrupt_came())
            return err_set(err, ERR_BUSY, "interrupted");
        if (add_member(archive, &found, &member, err) < 0 ||
            (member != NULL && member->target == NULL &&
             read_file(archive, member, tar_reader_bytes(tar), err) < 0))
            return -1;
    }
    return result;
}

static void sort_table(struct archive_bundle *archive)
{
    if (archive->count > 1)
        qsort(archive->members, archive->count, sizeof(*archive->members),
              compare_members);
    for (size_t i = 1; i < archive->count; i++)
        if (compare_members(&archive->members[i - 1], &archive->members[i]) ==
            0)
            archive->members[i - 1].is_twice = archive->members[i].is_twice =
                true;
}

/* --- what a bundle does --- */

static int find(struct bundle *bundle, const char *name,
                struct bundle_file *out, struct err *err)
{
    struct member *member;

    if (resolve((struct archive_bundle *)bundle, name, &member, err) < 0)
        return -1;
    *out = (struct bundle_file){.name = member->name,
                                .size = member->size,
                                .first_len = member->first_len};
    memcpy(out->first, member->first, member->first_len);
    return 0;
}

static int get(struct bundle *bundle, const char *name, struct buf *into,
               struct err *err)
{
    struct member *member;

    if (resolve((struct archive_bundle *)bundle, name, &member, err) < 0)
        return -1;
    if (member->document == NULL)
        return err_set(err, ERR_SYNTAX, "%s: %s is no JSON of a fair size",
                       bundle->label, member->name);
    buf_add(into, (struct span){member->document, (size_t)member->size});
    return into->overflowed ? err_set(err, ERR_TOO_LARGE, "%s: %s is too large",
                                      bundle->label, member->name)
                            : 0;
}

struct pass {
    const char *const *names;
    size_t count;
    bundle_visit *visit;
    void *context;
    size_t seen;
};

static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, *(const char *const *)b);
}

static int visit_member(struct archive_bundle *archive, struct pass *pass,
                        const struct tar_member *found, struct tar_reader *tar,
                        struct err *err)
{
    char *name = clean_name(SPAN(""), span_of(found->name));
    const char *const *wanted =
        name == NULL ? NULL
                     : bsearch(name, pass->names, pass->count,
                               sizeof(*pass->names), compare_texts);
    const struct member *known = wanted != NULL ? look_up(archive, name) : NULL;

    free(name);
    if (known == NULL)
        return 0;
    if (known->size != found->size)
        return err_set(err, ERR_SYNTAX, "%s: it changes meanwhile",
                       archive->bundle.label);
    pass->seen++;
    return pass->visit(pass->context, (size_t)(wanted - pass->names),
                       tar_reader_bytes(tar), err);
}

static int read_names(struct bundle *bundle, const char *const *names,
                      size_t count, bundle_visit *visit, void *context,
                      struct err *err)
{
    struct archive_bundle *archive = (struct archive_bundle *)bundle;
    struct pass pass = {names, count, visit, context, 0};
    CLEANUP(tar_reader) struct tar_reader *tar = NULL;
    struct tar_member found;
    int result = 1;

    if (count == 0)
        return 0;
    if (rewind_archive(archive, &tar, err) < 0)
        return -1;
    while (pass.seen < count &&
           (result = tar_reader_next(tar, &found, err)) > 0)
        if (found.kind == TAR_FILE &&
            visit_member(archive, &pass, &found, tar, err) < 0)
            return -1;
    if (result < 0)
        return -1;
    return pass.seen == count
               ? 0
               : err_set(err, ERR_SYNTAX, "%s: it changes meanwhile",
                         bundle->label);
}

static void free_archive(struct bundle *bundle)
{
    struct archive_bundle *archive = (struct archive_bundle *)bundle;

    for (size_t i = 0; i < archive->count; i++)
        free_member(&archive->members[i]);
    free(archive->members);
    fd_cleanup(&archive->fd);
    free(archive);
}

int bundle_open_archive(int fd, const char *label, struct bundle **out,
                        struct err *err)
{
    static const struct bundle_ops ops = {find, get, read_names, free_archive};
    struct archive_bundle *archive = memory_new(sizeof(*archive));

    archive->bundle = (struct bundle){&ops, label};
    archive->fd = fd;
    if (read_table(archive, err) < 0) {
        free_archive(&archive->bundle);
        return -1;
    }
    sort_table(archive);
    *out = &archive->bundle;
    return 0;
}
