# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# A build of its own below another one; sourced by the scripts beside it.

# What the make around us was told is not meant for the builds below it.
unset MAKEFLAGS MFLAGS MAKELEVEL
top=$(cd -- "$(dirname -- "$0")/../.." && pwd)

# Configures DIRECTORY, unless it is, with the arguments for configure.
configure_in() { # DIRECTORY ARGUMENT...
	if [ -f "$1/Makefile" ]; then return; fi
	mkdir -p "$1"
	(directory=$1 && shift && cd "$directory" && "$top/configure" -q "$@")
}

make_in() { # DIRECTORY ARGUMENT...
	directory_of_make=$1
	shift
	make -s -j "$(nproc)" -C "$directory_of_make" "$@"
}
