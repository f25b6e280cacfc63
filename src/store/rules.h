/* SPDX-License-Identifier: MIT */
/*
 * What holds for the repositories of a pattern: the text of berth-rules(5),
 * parsed once and asked for each request.
 *
 *     [*]
 *     protect = v*, release-?
 *     untagged = 7d
 *     [ci-*]
 *     protect =
 *     keep_last = 10
 *     keep_newer = 30d
 *     quota = 50G
 *
 * Four things are said: which tags are protected, which tags are kept (the
 * keep_ keys together), when untagged manifests go, and the quota. Each is
 * decided by itself: by the most specific section that matches the repository
 * (oci/pattern.h) and says anything of it. So a section for one repository
 * that is about its quota leaves its tags as protected as they were.
 */
#ifndef BERTH_STORE_RULES_H
#define BERTH_STORE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/err.h"
#include "base/followed.h"
#include "base/span.h"

#define RULES_AGE_MAX 315360000  /* seconds: ten years */
#define RULES_KEEP_MAX 100000000 /* tags */
#define RULES_NO_QUOTA UINT64_MAX

/* Never changed once it is there; threads may share it. */
struct rules;

/* Those of a registry without such a file: nothing is said of anything. */
const struct rules *rules_none(void);

/*
 * Parses the text of `file`, a name for messages, see base/sections.h.
 * ERR_SYNTAX with "FILE:LINE: " in front, or "FILE: " when it is too long.
 */
int rules_parse(struct span text, const char *file, struct rules **out,
                struct err *err) WARN_UNUSED;
void rules_free(struct rules *rules);
void rules_cleanup(struct rules **rules);

/* A file with rules in it, a struct rules; see base/followed.h. */
extern const struct followed_kind rules_kind;

/*
 * What is in force of the file the settings name, "" for none. NULL when it is
 * not known: there has been no good one yet. `*state` holds it and ends with
 * followed_put. `complaint` as in followed_get.
 */
const struct rules *rules_get(struct followed *file, const char *path,
                              struct followed_state **state,
                              struct err *complaint);

/* The file by itself; other codes than ERR_SYNTAX when it cannot be read. */
int rules_read(const char *path, struct rules **out,
               struct err *err) WARN_UNUSED;

/* A list of patterns of tags, see pattern_matches. */
struct rules_tags {
    const char *const *patterns;
    size_t count;
};

/* The first pattern that matches, or NULL. */
const char *rules_tags_match(const struct rules_tags *tags, const char *tag);

/* Which section decided. */
struct rules_origin {
    const char *section; /* its pattern; NULL = none says anything of it */
    int line;            /* of the section */
};

/* All that holds for one repository; texts are those of the rules. */
struct rules_found {
    struct rules_origin protect_origin;
    struct rules_tags protect; /* tags nobody moves or deletes */

    /* A tag that none of these keeps may go; with an origin there is one. */
    struct rules_origin keep_origin;
    uint64_t keep_last;  /* as many, by the time they were pushed; 0 = unsaid */
    uint64_t keep_newer; /* pushed since as many seconds; 0 = unsaid */
    struct rules_tags keep_matching;

    /* Manifests that nothing names go when older than this. */
    struct rules_origin untagged_origin;
    uint64_t untagged; /* seconds; 0 = never */

    /*
     * Bytes that all the repositories whose quota this section decides may
     * have together; RULES_NO_QUOTA = any number.
     */
    struct rules_origin quota_origin;
    uint64_t quota;
};

/* What holds for the repository of this valid name. Allocates nothing. */
void rules_find(const struct rules *rules, const char *repository,
                struct rules_found *out);

/*
 * The sections that say a quota, in the order of the file, from 0 on; false
 * behind the last. Which repositories one counts for, rules_find says.
 */
struct rules_quota {
    struct rules_origin origin;
    uint64_t bytes; /* RULES_NO_QUOTA as above */
};
bool rules_quota_at(const struct rules *rules, size_t index,
                    struct rules_quota *out);

/*
 * A name for which sections these are: another one when, by what they say of
 * quotas, one of them may decide for other repositories.
 */
const char *rules_quotas_name(const struct rules *rules);

/*
 * Whether any section has retention in it: keeps tags, or lets untagged
 * manifests go.
 */
bool rules_have_retention(const struct rules *rules);

#endif
