#!/bin/sh
# SPDX-License-Identifier: MIT
#
# valgrind.sh DIRECTORY: the unit tests, each of which Criterion forks off, and
# with them the programs they start, under valgrind's memcheck: no error, no
# byte definitely or indirectly lost.
# Builds in DIRECTORY; valgrind-suppressions says what is not counted.
set -eu
. "$(dirname -- "$0")/build.sh"

directory=$1
configure_in "$directory" --enable-werror CC="${CC:-gcc}" CFLAGS='-g -O1'
make_in "$directory" check TESTS= >"$directory/build.log" 2>&1 || {
	tail -n 20 "$directory/build.log" >&2
	exit 1
}
# Under valgrind the default action of SIGTSTP does not stop a process.
left_out='!(driver_fs_locks/a_stopped_collector_holds_no_lock)'
reports=$directory/reports
rm -rf "$reports"
mkdir -p "$reports"
status=0
cd "$directory"
for program in tests/unit_*; do
	[ -f "$program" ] && [ -x "$program" ] || continue
	name=$(basename "$program")
	if srcdir=$top valgrind --quiet --trace-children=yes --error-exitcode=99 \
		--leak-check=full --show-leak-kinds=definite,indirect \
		--errors-for-leak-kinds=definite,indirect \
		--suppressions="$top/tests/analysis/valgrind-suppressions" \
		--log-file="$reports/$name.%p" \
		"./$program" "-j$(nproc)" --timeout=600 --filter "$left_out" >"$name.log" 2>&1; then
		echo "$name: $(grep -a Synthesis "$name.log" | sed 's/.*Synthesis: //')"
	else
		status=1
		echo "$name: FAILED, see $directory/$name.log" >&2
		tail -n 20 "$name.log" >&2
	fi
done
for report in "$reports"/*; do
	# Without a place in the code it is a remark of valgrind's on itself.
	grep -q ' at 0x' "$report" || continue
	status=1
	echo "report: $report" >&2
	head -n 12 "$report" >&2
done
exit $status
