/* SPDX-License-Identifier: MIT */
/*
 * What CNCF Distribution (registry:2, registry:3) makes of a manifest.
 *
 * Its collector reads every manifest of every repository before it deletes
 * anything, and stops at the first one it cannot read: then nothing is ever
 * collected. It reads with Go's decoder into structs, which is laxer than our
 * parser in some ways (keys in any case, no member needed) and stricter in
 * others (media types it does not know, platforms). The rules here were found
 * by trying release 2.8.2, and for release 3 by reading 3.1.1.
 */
#ifndef BERTH_OCI_DISTRIBUTION_H
#define BERTH_OCI_DISTRIBUTION_H

#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

enum distribution_release {
    DISTRIBUTION_2, /* 2.8 */
    DISTRIBUTION_3,
};

#define DISTRIBUTION_RELEASES (DISTRIBUTION_3 + 1)

/* The longest manifest either release reads, in bytes. */
#define DISTRIBUTION_MANIFEST_MAX (4 * 1024 * 1024)

/*
 * Returns 0 when that release can read the stored bytes as a manifest. Else
 * ERR_MANIFEST_INVALID with the reason as text, in which nothing is the
 * author's; ERR_SYNTAX when they are no JSON by our strict reading, so that
 * it cannot be told: Go's reads some of such texts (a key twice, bytes that
 * are not UTF-8).
 */
int distribution_reads(struct span bytes, enum distribution_release release,
                       struct err *err) WARN_UNUSED;

#endif
