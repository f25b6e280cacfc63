#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A route that does not say what an action needs must not build: it would be
# open to everybody, or closed, by oversight.

program=$(mktemp) || exit 1
trap 'rm -f "$program"' EXIT
status=0

builds() {
	${CC:-cc} -fsyntax-only -D_GNU_SOURCE -I"$srcdir/src" -I"$srcdir/fcgi" \
		-x c - 2>"$program" <<-END
		#include "http/route.h"
		static int act(struct call *call) { (void)call; return 0; }
		const struct endpoint endpoints[] = {
		    {.path = "/v2/", .actions = {$1}}};
	END
}

builds 'ACTION(HTTP_GET, ACCESS_PULL, act)' || {
	echo "a right action does not build:" >&2
	cat "$program" >&2
	status=1
}
for wrong in 'ACTION(HTTP_GET, act)' 'ACTION(HTTP_GET, ACCESS_NONE, act)' \
	'ACTION(HTTP_GET, 0, act)' 'ACTION(HTTP_GET, , act)'; do
	! builds "$wrong" || {
		echo "builds: $wrong" >&2
		status=1
	}
done
exit $status
