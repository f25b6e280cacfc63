/* SPDX-License-Identifier: MIT */
#include "oci/reference.h"

#include <stdio.h>
#include <string.h>

#include "base/plain.h"

/* Of what was typed, so that the sentence fits into an error. */
#define SHOWN_MAX 200

static int refuse(struct err *err, enum err_code code, struct span text,
                  const char *reason)
{
    CLEANUP(buf) struct buf shown = BUF_INIT(SHOWN_MAX);

    plain_add(&shown, text);
    return err_set(err, code, "\"%s\": %s",
                   shown.overflowed ? "..." : buf_text(&shown), reason);
}

static bool contains(struct span text, const char *part)
{
    return text.len > 0 &&
           memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

/* Why a text is no name, in the order in which people err. */
static const char *name_fault(struct span name)
{
    if (name.len == 0)
        return "a repository is wanted before it";
    if (name.len > NAME_MAX_LENGTH)
        return "a repository name has at most 255 bytes";
    if (contains(name, "://"))
        return "a repository has no URL here: leave out all before its name";
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z')
            return "a repository name has no capital letters";
    return "no repository name: components of a-z 0-9, with . _ __ - between, "
           "joined by /";
}

static const char *tag_fault(struct span tag)
{
    if (contains(tag, "/"))
        return "no tag; leave out the host that clients put before a "
               "repository";
    if (tag.len > TAG_MAX_LENGTH)
        return "a tag has at most 128 bytes";
    return "no tag: a letter, a digit or _, then those, . and -";
}

static int take_name(struct span name, struct span text,
                     struct image_reference *out, struct err *err)
{
    if (!name_is_valid(name))
        return refuse(err, ERR_NAME_INVALID, text, name_fault(name));
    snprintf(out->name, sizeof(out->name), "%.*s", SPAN_ARGS(name));
    return 0;
}

static int take_tag(struct span tag, struct span text,
                    struct image_reference *out, struct err *err)
{
    if (!tag_is_valid(tag))
        return refuse(err, ERR_TAG_INVALID, text, tag_fault(tag));
    snprintf(out->tag, sizeof(out->tag), "%.*s", SPAN_ARGS(tag));
    return 0;
}

static int take_digest(struct span digest, struct span text,
                       struct image_reference *out, struct err *err)
{
    struct err failure = {0};

    out->has_digest = true;
    if (digest_parse(digest, &out->digest, &failure) == 0)
        return 0;
    return refuse(err, failure.code, text,
                  failure.code == ERR_DIGEST_UNSUPPORTED
                      ? "a digest is of sha256 or sha512"
                      : "behind @ belongs a digest in full: sha256: and 64 "
                        "digits of 0-9 a-f");
}

int image_reference_parse(struct span text, struct image_reference *out,
                          struct err *err)
{
    struct image_reference reference = {0};
    struct span digest = text, tag, name;

    tag = span_cut(&digest, '@');
    /* A URL has a colon that begins no tag. */
    if (contains(tag, "://"))
        return refuse(err, ERR_NAME_INVALID, text, name_fault(tag));
    name = span_cut(&tag, ':');
    if (take_name(name, text, &reference, err) < 0 ||
        (tag.ptr != NULL && take_tag(tag, text, &reference, err) < 0) ||
        (digest.ptr != NULL && take_digest(digest, text, &reference, err) < 0))
        return -1;
    *out = reference;
    return 0;
}

static bool is_host(struct span first)
{
    return first.len > 0 && (memchr(first.ptr, '.', first.len) != NULL ||
                             memchr(first.ptr, ':', first.len) != NULL ||
                             span_equals(first, SPAN("localhost")));
}

int image_reference_parse_foreign(struct span text, struct image_reference *out,
                                  struct err *err)
{
    struct span rest = text;
    struct span first = span_cut(&rest, '/');

    return image_reference_parse(
        rest.ptr != NULL && is_host(first) ? rest : text, out, err);
}

void image_reference_print(const struct image_reference *reference,
                           struct buf *into)
{
    char digest[DIGEST_TEXT_MAX];

    buf_add(into, span_of(reference->name));
    if (reference->tag[0] != '\0')
        buf_add_format(into, ":%s", reference->tag);
    if (!reference->has_digest)
        return;
    digest_format(&reference->digest, digest);
    buf_add_format(into, "@%s", digest);
}
