/* SPDX-License-Identifier: MIT */
/* Entity tags (RFC 9110 section 8.8.3): ours is the quoted digest. */
#ifndef BERTH_FCGI_HTTP_ETAG_H
#define BERTH_FCGI_HTTP_ETAG_H

#include <stdbool.h>

#include "http/request.h"
#include "http/response.h"
#include "oci/digest.h"

/*
 * What every answer with content says of it: Docker-Content-Digest and ETag.
 */
void etag_headers(struct response *response, const struct digest *digest);

/*
 * True when If-None-Match names this digest, quoted, weak or bare: the client
 * has the content, the answer is 304.
 */
bool etag_is_known(const struct request *request, const struct digest *digest);

/* True when If-Range is absent or names this digest: Range counts. */
bool etag_admits_range(const struct request *request,
                       const struct digest *digest);

#endif
