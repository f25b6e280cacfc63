/* SPDX-License-Identifier: MIT */
/*
 * Every key of CNCF Distribution 2.8 and 3.x, and what becomes of it.
 */
#ifndef BERTH_CLI_IMPORT_RULES_H
#define BERTH_CLI_IMPORT_RULES_H

#include <stdbool.h>

enum import_verdict {
    IMPORT_SECTION, /* other rules tell of its members */
    IMPORT_SET,     /* import_config.c makes a key of berth.conf of it */
    IMPORT_MOOT,    /* nothing to do: so in any case, or without meaning */
    IMPORT_TODO,    /* something the administrator used to have is missing */
    IMPORT_ACCESS,  /* and it decided what users can do */
};

struct import_rule {
    const char *path; /* "http.tls.key"; '*' is any one step */
    enum import_verdict verdict;
    bool unless_false; /* `false` asks for nothing */
    /* What to do instead, or why nothing. '%' is the value. */
    const char *advice;
    /* Members known below, which the advice is for; NULL: any. */
    const char *members;
};

/* The rule whose path is exactly this one; NULL when the key is unknown. */
const struct import_rule *import_rule_find(const char *path);

#endif
