/* SPDX-License-Identifier: MIT */
/* Consent to what cannot be taken back. */
#ifndef BERTH_CLI_ASK_H
#define BERTH_CLI_ASK_H

#include <stdbool.h>

#include "base/compiler.h"

/*
 * True when `yes` (the word --yes) or when the person at the terminal answers
 * the question with y or yes. Where nobody can answer, says on standard error
 * that --yes is needed. The question is a printf format without the mark:
 * "delete 3 tags of %s".
 */
bool ask_consent(bool yes, const char *question, ...) PRINTF_LIKE(2, 3);

#endif
