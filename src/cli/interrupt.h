/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C, and SIGTERM, between two steps of long work. Each step leaves the
 * tree in order, so a command that is killed loses nothing either; one that
 * is interrupted ends its step, says how far it came and cleans up.
 *
 *     interrupt_catch();
 *     while (... && !interrupt_came())
 *         ...
 *     if (interrupt_came())
 *         return COMMAND_INTERRUPTED;
 */
#ifndef BERTH_CLI_INTERRUPT_H
#define BERTH_CLI_INTERRUPT_H

#include <stdbool.h>

/* From now on a first signal only shows; a second one ends the process. */
void interrupt_catch(void);
bool interrupt_came(void);

#endif
