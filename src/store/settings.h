/* SPDX-License-Identifier: MIT */
/*
 * Every key of berth.conf(5), its type, default and limits.
 *
 * A key is set by the file (`delete = no`), by the environment
 * (BERTH_DELETE=no) and by the web server for one request (a FastCGI
 * parameter of the same name); the later wins.
 */
#ifndef BERTH_STORE_SETTINGS_H
#define BERTH_STORE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/config.h"
#include "base/err.h"

#define SETTINGS_PATH_MAX 1024
#define SETTINGS_TEXT_MAX 512
#define SETTINGS_AGE_MAX 315360000 /* seconds of upload_age: ten years */
#define SETTINGS_DEFAULT_FILE "/etc/berth/berth.conf"

enum blob_transfer {
    BLOB_TRANSFER_BODY,     /* the program sends the bytes itself */
    BLOB_TRANSFER_X_ACCEL,  /* nginx sends the file: X-Accel-Redirect */
    BLOB_TRANSFER_SENDFILE, /* Apache, lighttpd: X-Sendfile */
};

enum log_level {
    LOG_ALL,    /* a line per request */
    LOG_ERRORS, /* only requests answered 5xx */
};

struct settings {
    char root[SETTINGS_PATH_MAX];   /* holds docker/registry/v2 */
    bool delete;                    /* DELETE of tags, manifests and blobs */
    bool readonly;                  /* nothing can be pushed or deleted */
    bool sparse;                    /* manifests may refer to absent parts */
    bool warn_distribution;         /* of what stops registry:2's collector */
    uint64_t grace;                 /* seconds; see driver.h */
    uint64_t upload_age;            /* seconds; see upload_purge.h; 0 = never */
    struct config_share free_floor; /* see room.h; 0 = none */
    uint64_t manifest_limit;        /* bytes of one manifest */
    uint64_t catalog_limit;         /* repositories in one page */
    char policy[SETTINGS_PATH_MAX]; /* see policy.h; "" = there is none */
    char rules[SETTINGS_PATH_MAX];  /* see rules.h; "" = there are none */

    /* Bearer tokens, see token.h; without a realm there are none. */
    char token_realm[SETTINGS_TEXT_MAX];   /* URL where clients ask for them */
    char token_service[SETTINGS_TEXT_MAX]; /* who they are for */
    char token_issuer[SETTINGS_TEXT_MAX];  /* who we say we are */
    char token_keys[SETTINGS_PATH_MAX];    /* what we sign with */
    uint64_t token_lifetime;               /* seconds */
    char htpasswd[SETTINGS_PATH_MAX];      /* the web server's; "" = unknown */

    /* Tokens of another server. */
    char trusted_issuer[SETTINGS_TEXT_MAX];
    char trusted_certificates[SETTINGS_PATH_MAX];
    char trusted_jwks[SETTINGS_PATH_MAX];

    enum blob_transfer blob_transfer;
    enum log_level log;
};

/*
 * Defaults, then the file, then the environment. `file` NULL means the one
 * BERTH_CONFIG names, else SETTINGS_DEFAULT_FILE, which may be absent; a file
 * that was named must exist. An unknown key or a bad value fails with
 * ERR_SYNTAX and a text that begins with "FILE:LINE: ".
 */
int settings_load(const char *file, struct settings *out,
                  struct err *err) WARN_UNUSED;

/*
 * Sets what the parameters of one request say: `parameters` is a
 * NULL-terminated array of "NAME=value"; those that begin with BERTH_ and
 * name a key are used, others are not ours.
 */
int settings_override(struct settings *settings, const char *const *parameters,
                      struct err *err) WARN_UNUSED;

/* Prints every key with its value in the form of the file. */
void settings_print(const struct settings *settings, struct buf *into);

/*
 * Settings that follow their file: a request asks for the current ones, and a
 * changed file counts from then on, without a restart. A file that became
 * unreadable, wrong or empty keeps the last good settings; `complaint` (may be
 * NULL) then gets the reason, once per change. Safe to call from several
 * threads. Only `root` and `grace` stay as they were at the start, when an
 * empty file is ERR_SYNTAX.
 */
struct settings_source;

int settings_source_new(const char *file, struct settings_source **out,
                        struct err *err) WARN_UNUSED;
void settings_source_get(struct settings_source *source, struct settings *out,
                         struct err *complaint);
void settings_source_free(struct settings_source *source);

#endif
