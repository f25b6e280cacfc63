/* SPDX-License-Identifier: MIT */
/*
 * The text of an answer, header and body, of a server that may be anything.
 */
#ifndef BERTH_CLI_WEB_ANSWER_H
#define BERTH_CLI_WEB_ANSWER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"

#define WEB_ANSWER_MAX (128 * 1024) /* bytes of it that are looked at */
#define WEB_CODE_MAX 64

struct web_answer {
    int status;              /* 100 to 999; 0 when there was no answer */
    bool continued;          /* "100 Continue" came before it */
    struct span fields;      /* lines, borrowed from `text` */
    struct span body;        /* borrowed, too */
    char code[WEB_CODE_MAX]; /* of the first error of the OCI form, or "" */
    struct buf text;         /* all of it */
    int curl;                /* exit status of curl; -1 when it was ended */
    struct buf trouble;      /* why, as curl says it */
};

#define WEB_ANSWER_INIT                                                        \
    {                                                                          \
        .text = BUF_INIT(WEB_ANSWER_MAX), .trouble = BUF_INIT(1024)            \
    }

void web_answer_cleanup(struct web_answer *answer);

/*
 * Fills all but the last two from `text`. Answers 1xx are passed over. What is
 * no complete header leaves `status` 0.
 */
void web_answer_parse(struct web_answer *answer);

/* The value of a field; false when the header has none. */
bool web_answer_field(const struct web_answer *answer, const char *name,
                      struct span *value);

/*
 * The next value of a field, of those that have it several times; `*rest` is
 * `answer->fields` to begin with. False at the end.
 */
bool web_answer_next_field(struct span *rest, const char *name,
                           struct span *value);

/* The field is there and begins with `prefix`, in either case. */
bool web_answer_field_begins(const struct web_answer *answer, const char *name,
                             const char *prefix);

/* "403 DENIED", "404, text/html", "no answer: ...". */
void web_answer_describe(const struct web_answer *answer, struct buf *into);

/*
 * Appends what a terminal may show of bytes that come from anybody: printable
 * ASCII, the rest as \xNN, and no more than a line of it.
 */
void web_clean(struct buf *into, struct span bytes);

#endif
