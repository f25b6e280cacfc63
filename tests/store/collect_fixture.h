/* SPDX-License-Identifier: MIT */
/* One collection of the store of fixture.h, and what most tests of it ask. */
#ifndef BERTH_TESTS_COLLECT_FIXTURE_H
#define BERTH_TESTS_COLLECT_FIXTURE_H

#include "oci/digest.h"
#include "store/collect.h"

extern struct collect_options options; /* all zeros at the beginning */
extern struct collect_result result;

/*
 * Collects with the grace of the fixture, or ends the test. Returns what went,
 * as "layer a;blob -;", and complaints, as "bad repositories/...;".
 */
const char *collect_now(void);

/* Makes all leases older than the grace period. */
void age_all(void);

bool has_blob(const struct digest *digest);
bool has_layer(const char *name, const struct digest *digest);

void put_text(const char *path, const char *text);
void remove_at(const char *path);

#endif
