#!/bin/sh
# SPDX-License-Identifier: MIT
#
# sanitizers.sh DIRECTORY [PYTEST-ARGUMENT...]: builds with ASan, LeakSanitizer
# and UBSan, by gcc and by clang, and runs `make check` with each; then the
# end-to-end tests with clang's programs, the conformance ones unless told
# otherwise. Any report is a failure: they go to files that are counted, as
# Criterion passes a test that leaks, and a test sees only the answers of the
# programs it started. gcc's UBSan knows no files beside its ASan and writes to
# standard error, which for make check is in its logs.
set -eu
. "$(dirname -- "$0")/build.sh"

directory=$1
shift
[ $# -gt 0 ] || set -- -k conformance
status=0
mkdir -p "$directory"
# Programs that a test starts may run as somebody else, and write there too.
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
chmod 1777 "$reports"
export UBSAN_OPTIONS="print_stacktrace=1:log_path=$reports/report"

check() { # COMPILER
	echo "make check, $1"
	configure_in "$directory/$1" --enable-sanitizers --enable-werror \
		CC="$1" CFLAGS='-g -O1'
	ASAN_OPTIONS="detect_leaks=1:log_path=$reports/$1" \
		make_in "$directory/$1" check >"$directory/$1.log" 2>&1 || {
		status=1
		grep -E 'FAIL|error:|ERROR' "$directory/$1.log" >&2 ||
			tail -n 20 "$directory/$1.log" >&2
	}
	if grep -rFH --include='*.log' 'runtime error:' "$directory/$1" >&2; then
		status=1
	fi
}

end_to_end() {
	echo "end to end, clang"
	(cd "$top" && BERTH_BUILD="$directory/clang" PYTHONDONTWRITEBYTECODE=1 \
		ASAN_OPTIONS="detect_leaks=1:log_path=$reports/e2e" \
		/usr/bin/python3 -m pytest -q -p no:cacheprovider "$@" tests/e2e) \
		>"$directory/e2e.log" 2>&1 || status=1
	tail -n 1 "$directory/e2e.log"
}

check gcc
check clang
end_to_end "$@"
for report in "$reports"/*; do
	[ -f "$report" ] || continue
	status=1
	cp "$report" "$directory"
	echo "report: $directory/$(basename "$report")" >&2
	grep -E 'ERROR|runtime error|SUMMARY' "$report" | head -n 4 >&2
done
exit $status
