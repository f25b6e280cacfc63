/* SPDX-License-Identifier: MIT */
#include "store/quota.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/num.h"
#include "store/quota_look.h"
#include "store/rules.h"

/* For a recount of another process, and for those who write something. */
#define WAIT_MS 10000

/* How long a request may wait because of the last recount. */
#define PATIENCE_MS 1000

/*
 * Which repositories a section covers depends on the others, too. So with
 * other sections there is another record, and nothing is known of it yet.
 */
void quota_of_section(const struct store *store, const char *section,
                      uint64_t limit, struct quota *out)
{
    struct digest digest = {.algorithm = HASH_SHA256};
    const char *all = rules_quotas_name(store->rules);
    struct hash hash;

    hash_init(&hash, HASH_SHA256);
    hash_update(&hash, all, strlen(all));
    hash_update(&hash, section, strlen(section));
    hash_final(&hash, digest.hex);
    *out = (struct quota){section, limit, layout_quota(&digest)};
}

bool quota_find(const struct store *store, const char *name, struct quota *out)
{
    struct rules_found found;

    rules_find(store->rules, name, &found);
    if (found.quota == RULES_NO_QUOTA)
        return false;
    quota_of_section(store, found.quota_origin.section, found.quota, out);
    return true;
}

static struct quota_count count_of(const struct store *store,
                                   const struct quota *quota)
{
    return (struct quota_count){store->driver, quota->record.text};
}

/* --- recounting --- */

static int look(void *context, uint64_t *bytes, struct err *err)
{
    return quota_look(context, bytes, err);
}

static int recount(const struct store *store, const struct quota *quota,
                   uint64_t seen, struct err *err)
{
    struct quota_count count = count_of(store, quota);
    struct quota_look what = {store, quota->section};
    struct quota_recount how = {.look = look,
                                .context = &what,
                                .wait_ms = WAIT_MS,
                                .patience_ms = PATIENCE_MS,
                                .seen = seen};

    return quota_count_recount(&count, &how, err);
}

int quota_recount(const struct store *store, const struct quota *quota,
                  struct err *err)
{
    return recount(store, quota, UINT64_MAX, err);
}

int quota_recount_all(const struct store *store, struct err *err)
{
    struct rules_quota section;
    int result = 0;

    for (size_t i = 0;
         store->rules != NULL && rules_quota_at(store->rules, i, &section);
         i++) {
        struct err failure = {0};
        struct quota quota;

        if (section.bytes == RULES_NO_QUOTA)
            continue;
        quota_of_section(store, section.origin.section, section.bytes, &quota);
        if (quota_recount(store, &quota, &failure) == 0 || result < 0)
            continue;
        *err = failure;
        result = err_wrap(err, "the quota of %s", quota.section);
    }
    return result;
}

/* --- taking --- */

static int refuse(const struct quota *quota, const struct quota_state *state,
                  struct err *err)
{
    if (!state->is_known)
        return err_set(err, ERR_BUSY, "the bytes of %s cannot be counted",
                       quota->section);
    err_set(err, ERR_QUOTA_EXCEEDED, "the quota of %s", quota->section);
    return err_detail(err,
                      "the quota of %s is %" PRIu64 " bytes, of which %" PRIu64
                      " are used",
                      quota->section, quota->limit, state->bytes);
}

int quota_take(const struct store *store, const struct quota *quota,
               uint64_t added, uint64_t moved, struct record **held,
               struct err *err)
{
    struct quota_count count = count_of(store, quota);
    struct quota_need need = {added, moved, quota->limit};
    struct quota_state state;
    bool fits;

    if (quota_count_take(&count, &need, held, &state, &fits, err) < 0)
        return -1;
    if (fits)
        return 0;
    if (recount(store, quota, state.recounts, err) < 0 ||
        quota_count_take(&count, &need, held, &state, &fits, err) < 0)
        return -1;
    return fits ? 0 : refuse(quota, &state, err);
}

static int find_fit(const struct store *store, const struct quota *quota,
                    uint64_t bytes, struct quota_state *state, bool *fits,
                    struct err *err)
{
    uint64_t sum;

    if (quota_read(store, quota, state, err) < 0)
        return -1;
    *fits = state->is_known && num_add(state->bytes, bytes, &sum) == 0 &&
            sum <= quota->limit;
    return 0;
}

int quota_check(const struct store *store, const struct quota *quota,
                uint64_t bytes, struct err *err)
{
    struct quota_state state;
    bool fits;

    if (find_fit(store, quota, bytes, &state, &fits, err) < 0)
        return -1;
    if (fits)
        return 0;
    if (recount(store, quota, state.recounts, err) < 0 ||
        find_fit(store, quota, bytes, &state, &fits, err) < 0)
        return -1;
    return fits ? 0 : refuse(quota, &state, err);
}

int quota_read(const struct store *store, const struct quota *quota,
               struct quota_state *out, struct err *err)
{
    struct quota_count count = count_of(store, quota);

    return quota_count_read(&count, out, err);
}
