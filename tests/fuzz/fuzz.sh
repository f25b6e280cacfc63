#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fuzz.sh DIRECTORY SECONDS [TARGET...]: builds the targets with libFuzzer, ASan
# and UBSan in DIRECTORY and runs each, or those named, for so many seconds.
# What they learn stays in DIRECTORY/corpus/<target>, what they find in
# DIRECTORY/findings; exit code 1 when that is anything. With SECONDS "keep",
# nothing is run: of what was learned, that which reaches code nothing in
# tests/fuzz/corpus/<target>/ does is put there. A finding goes there too when
# it is mended, under a name that begins with "found-".
set -eu

directory=$1 seconds=${2:-60}
shift 2 || shift
case $seconds in
keep) ;;
'' | *[!0-9]*)
	echo "usage: make fuzz [TIME=SECONDS] [FUZZ='TARGET...']" >&2
	exit 2
	;;
esac
source=$(cd -- "$(dirname -- "$0")/../.." && pwd)
kept=$source/tests/fuzz/corpus
learned=$directory/corpus
findings=$directory/findings
[ $# -gt 0 ] || set -- $(ls "$kept")

if [ ! -f "$directory/Makefile" ]; then
	mkdir -p "$directory"
	(cd "$directory" && "$source/configure" -q --enable-fuzzer \
		--enable-sanitizers CC="${FUZZ_CC:-clang}" CFLAGS='-g -O1')
fi
mkdir -p "$findings"
programs=
for target; do
	programs="$programs tests/fuzz/fuzz_$target"
done
# shellcheck disable=SC2086
make -s -C "$directory" $programs

options="-timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=8192 -print_final_stats=1 -verbosity=1"
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1

run() {
	dictionary=$source/tests/fuzz/dictionary/$1
	max=4096
	[ "$1" != fastcgi ] || max=16384
	mkdir -p "$learned/$1"
	[ ! -f "$dictionary" ] || set -- "$1" "-dict=$dictionary"
	program=$1
	shift
	# shellcheck disable=SC2086
	"$directory/tests/fuzz/fuzz_$program" $options -max_len=$max "$@" \
		-max_total_time="$seconds" -artifact_prefix="$findings/$program-" \
		"$learned/$program" "$kept/$program" \
		>"$directory/$program.log" 2>&1
}

# Adds the inputs that reach code which those kept do not; how often it is
# reached does not count, or there would be thousands.
keep() {
	"$directory/tests/fuzz/fuzz_$1" -merge=1 -use_counters=0 -verbosity=0 \
		"$kept/$1" "$learned/$1" >"$directory/$1.log" 2>&1
}

status=0
for target; do
	if [ "$seconds" = keep ]; then
		keep "$target"
		echo "$target: $(find "$kept/$target" -type f | wc -l) inputs"
	elif run "$target"; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' \
			"$directory/$target.log")
		cover=$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' \
			"$directory/$target.log" | tail -n 1)
		echo "$target: nothing found in $seconds s, $runs runs, $cover edges"
	else
		status=1
		echo "$target: FOUND something, see $directory/$target.log" >&2
		tail -n 25 "$directory/$target.log" >&2
	fi
done
# Seconds on a busy machine are not those of a processor: these are.
times >"$directory/times"
echo "processor time: $(tail -n 1 "$directory/times")"
exit $status
