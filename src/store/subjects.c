/* SPDX-License-Identifier: MIT */
#include "store/subjects.h"

#include "store/digest_list.h"
#include "store/manifest_store.h"

struct listing {
    const struct store *store;
    const char *name;
    subjects_visit *visit;
    void *context;
};

/* What cannot be read is nobody's signature. */
static int visit_revision(void *context, const struct digest *digest,
                          struct err *err)
{
    struct listing *listing = context;
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    CLEANUP(manifest) struct manifest *manifest = NULL;
    const struct descriptor *subject;
    struct err ignored = {0};

    if (manifest_get(listing->store, listing->name, digest, &bytes, &ignored) <
            0 ||
        manifest_parse(buf_span(&bytes), SPAN(""), &manifest, &ignored) < 0)
        return 0;
    subject = manifest_subject(manifest);
    return subject == NULL ? 0
                           : listing->visit(listing->context, &subject->digest,
                                            digest, err);
}

int subjects_list(const struct store *store, const char *name,
                  subjects_visit *visit, void *context, struct err *err)
{
    struct listing listing = {store, name, visit, context};

    return digest_list_links(store, layout_revisions, name, visit_revision,
                             &listing, err);
}
