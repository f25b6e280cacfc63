/* SPDX-License-Identifier: MIT */
/*
 * Protected tags (rules.h): made once, and from then on neither moved nor
 * deleted by anybody, nor is anything they lead to.
 *
 * tag.c, manifest_store.c and blob.c ask here before they change anything, so
 * no program or command can forget to. Where the rules are not known
 * (store->rules is NULL) nothing is changed at all.
 *
 * To make a protected tag, and to delete a manifest or a blob where there may
 * be some, a process enters: one at a time in a repository, by a lock that is
 * gone with the process. So of two who make the same tag one is first, and
 * what is deleted is named by no tag that is made meanwhile.
 */
#ifndef BERTH_STORE_PROTECTION_H
#define BERTH_STORE_PROTECTION_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/err.h"
#include "driver/driver.h"
#include "oci/digest.h"
#include "store/rules.h"
#include "store/store.h"

/* ERR_MISCONFIGURED when the rules are not known. */
int protection_check_rules(const struct store *store,
                           struct err *err) WARN_UNUSED;

/* The same, and whether they protect the tag. */
int protection_of(const struct store *store, const char *name, const char *tag,
                  bool *is_protected, struct err *err) WARN_UNUSED;

/* Fails with ERR_DENIED. */
int protection_deny(const char *tag, struct err *err);

struct protection {
    const struct store *store;
    const char *name;
    struct writer *lock; /* NULL = it is not needed */
};

/*
 * Enters, to make a protected tag of the repository or to clear it away; waits
 * at most 5 s, then ERR_BUSY. Where no tag can be protected that costs
 * nothing. Ends with CLEANUP(protection).
 */
int protection_enter(const struct store *store, const char *name,
                     struct protection *out, struct err *err) WARN_UNUSED;
void protection_cleanup(struct protection *protection);

/*
 * Enters to delete the digest from the repository, which is there. ERR_DENIED
 * when a protected tag names it, or names a manifest that needs it: as its
 * config, a layer, a part of an index, and so on down. Reads all manifests
 * that protected tags of this repository lead to; nearly all of them before
 * others have to wait.
 */
int protection_enter_to_delete(const struct store *store, const char *name,
                               const struct digest *digest,
                               struct protection *out,
                               struct err *err) WARN_UNUSED;

#endif
