#!/bin/sh
# SPDX-License-Identifier: MIT
#
# coverage.sh DIRECTORY: how many lines of src/ and fcgi/ `make check` runs, by
# file and in all; fails below LEAST per cent. Builds in DIRECTORY.
set -eu
. "$(dirname -- "$0")/build.sh"
LEAST=85

directory=$1
configure_in "$directory" --enable-coverage CC="${CC:-gcc}" CFLAGS='-g -O0'
# What earlier runs left would be added to.
find "$directory" -name '*.gcda' -exec rm {} +
make_in "$directory" check >"$directory/check.log" 2>&1 || {
	tail -n 40 "$directory/check.log" >&2
	exit 1
}
exec python3 "$top/tests/analysis/coverage.py" "$top" "$directory" "$LEAST"
