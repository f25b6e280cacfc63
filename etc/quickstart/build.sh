# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Building out of tree; sourced by quickstart and check. Wants say.sh and TOP.

# make and configure split words at spaces and give meaning to other
# characters, so a checkout with such a path is built through a symbolic link
# without them. Copying the sources instead would cost a second tree and lose
# what make knows about file times. Sets SOURCES.
set_sources() { # LINK
    SOURCES=$TOP
    case $TOP in
    *[!A-Za-z0-9_/.,+@-]*)
        ln -sfn -- "$TOP" "$1"
        SOURCES=$1 ;;
    esac
}

# autoreconf writes configure and friends beside configure.ac (git ignores
# them), and it is slow: only when they are missing or old.
prepare_sources() { # LOG
    [ ! -e "$TOP/config.status" ] ||
        die "this checkout is configured in place; run 'make distclean' in it first"
    if [ -x "$TOP/configure" ] && [ -f "$TOP/Makefile.in" ] &&
        [ -z "$(find "$TOP/configure.ac" "$TOP/Makefile.am" -newer "$TOP/configure")" ]; then
        return
    fi
    (cd "$SOURCES" && as_owner autoreconf -i) >"$1" 2>&1 ||
        { show_end "$1"; die "autoreconf failed (whole log: $1)"; }
}

# Configures DIRECTORY (below build/) unless that was done in the same way
# before, then makes TARGETS; make itself knows what is up to date.
build_tree() { # DIRECTORY LOG CONFIGURE-ARGUMENT... -- TARGET...
    local dir=$1 log=$2 args=() stamp
    shift 2
    while [ "$1" != -- ]; do args+=("$1"); shift; done
    shift
    stamp="$SOURCES ${args[*]} $(gcc -dumpfullversion) $(dpkg --print-architecture)"
    as_owner mkdir -p -- "$TOP/$dir"
    : >"$log"
    if [ ! -f "$TOP/$dir/Makefile" ] ||
        [ "$(cat "$TOP/$dir/.configured" 2>/dev/null)" != "$stamp" ]; then
        # Of a moved checkout every dependency names the old place.
        find "$TOP/$dir" -mindepth 1 -maxdepth 1 ! -name log ! -name tmp ! -name check \
            -exec rm -rf -- {} +
        (cd "$SOURCES/$dir" && as_owner "$SOURCES/configure" -q "${args[@]}") \
            >>"$log" 2>&1 </dev/null ||
            { show_end "$log"; return 1; }
        printf '%s\n' "$stamp" | as_owner tee "$TOP/$dir/.configured" >/dev/null
    fi
    (cd "$SOURCES/$dir" && as_owner make -s -j "$(nproc)" "$@") \
        >>"$log" 2>&1 </dev/null || { show_end "$log" 25; return 1; }
}
