/* SPDX-License-Identifier: MIT */
/*
 * The body of a 206 with several ranges: multipart/byteranges (RFC 9110
 * section 14.6). Clients that pull parts of a layer (zstd:chunked, eStargz)
 * ask for many ranges at once.
 */
#ifndef BERTH_FCGI_MULTIPART_H
#define BERTH_FCGI_MULTIPART_H

#include "http/range.h"
#include "http/route.h"
#include "store/blob.h"

/*
 * Describes the answer: status, Content-Type with a boundary, and the parts as
 * a stream. The set has at least two ranges.
 */
int multipart_respond(struct call *call, const struct blob *blob,
                      const struct range_set *set) WARN_UNUSED;

#endif
