#!/bin/sh
# SPDX-License-Identifier: MIT
#
# analyze.sh DIRECTORY: the static analysers over src/ and fcgi/, each finding
# being an error: gcc -fanalyzer, clang-tidy (.clang-tidy) and cppcheck
# (cppcheck-suppressions). What they find differs from version to version: ours
# are Debian 12's, gcc 12, clang-tidy 14 and cppcheck 2.10.
set -eu
. "$(dirname -- "$0")/build.sh"

directory=$1
configure_in "$directory" --enable-werror CC=gcc CFLAGS='-g -O1 -fanalyzer'
status=0
cd "$top"
sources=$(find src fcgi -name '*.c' | sort)
includes="-D_GNU_SOURCE -DHAVE_CONFIG_H -DROUTE=version_route -Isrc -Ifcgi"
# shellcheck disable=SC2046
libraries=$(pkg-config --cflags json-c libcrypto)

echo "gcc -fanalyzer"
make_in "$directory" all >"$directory/gcc.log" 2>&1 || {
	status=1
	grep -E 'warning:|error:' "$directory/gcc.log" >&2
}

echo "cppcheck"
# shellcheck disable=SC2086
cppcheck --quiet -j "$(nproc)" --std=c11 --error-exitcode=1 \
	--enable=warning,style,performance,portability \
	--suppressions-list=tests/analysis/cppcheck-suppressions \
	--template='{file}:{line}: {id}: {message}' $includes src fcgi ||
	status=1

echo "clang-tidy"
# One file a run: after the first it misses va_start.
# shellcheck disable=SC2086
printf '%s\n' $sources | xargs -P "$(nproc)" -n 1 sh -c '
	flags=$0
	exec clang-tidy --quiet --warnings-as-errors="*" "$@" -- $flags' \
	"$includes $libraries -I$directory -std=gnu11" \
	>"$directory/tidy.log" 2>"$directory/tidy.err" || {
	status=1
	grep -E 'warning:|error:' "$directory/tidy.log" >&2
}
exit $status
