/* SPDX-License-Identifier: MIT */
#include "http/etag.h"

void etag_headers(struct response *response, const struct digest *digest)
{
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    response_header(response, "Docker-Content-Digest", "%s", text);
    response_header(response, "ETag", "\"%s\"", text);
}

static struct span without_quotes(struct span tag)
{
    tag = span_trim(tag);
    if (tag.len >= 2 && tag.ptr[0] == '"' && tag.ptr[tag.len - 1] == '"')
        return (struct span){tag.ptr + 1, tag.len - 2};
    return tag;
}

static bool names(struct span tag, const struct digest *digest)
{
    char text[DIGEST_TEXT_MAX];

    digest_format(digest, text);
    return span_equals(without_quotes(tag), span_of(text));
}

bool etag_is_known(const struct request *request, const struct digest *digest)
{
    struct span rest = request->if_none_match;

    while (rest.len > 0) {
        struct span tag = span_trim(span_cut(&rest, ','));

        if (span_starts_with(tag, SPAN("W/")))
            tag = span_from(tag, 2);
        if (span_equals(tag, SPAN("*")) || names(tag, digest))
            return true;
    }
    return false;
}

bool etag_admits_range(const struct request *request,
                       const struct digest *digest)
{
    return request->if_range.len == 0 || names(request->if_range, digest);
}
