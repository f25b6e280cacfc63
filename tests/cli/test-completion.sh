#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What bash completes behind berth: each command, each option that the command
# has in its synopsis, repositories and tags. Run by make check in the build
# directory; skipped without bash.
set -eu

command -v bash >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BERTH_CONFIG BERTH_RULES BERTH_GRACE 2>/dev/null || true
export BERTH_ROOT="$work/images"
tree=$work/images/docker/registry/v2
berth=$PWD/src/berth
completion=${srcdir:-.}/etc/completion/berth

. "${srcdir:-.}/tests/cli/images.sh"

# completes LINE: what is proposed at its end, in one line.
completes() {
    bash -c '
        . "$1"
        COMP_LINE=$2 COMP_POINT=${#2}
        # As readline does: at blanks and at what COMP_WORDBREAKS has.
        read -r -a COMP_WORDS <<<"${2//:/ : }"
        [[ $2 == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        COMP_WORDBREAKS=" :="
        shopt -u progcomp
        _berth "$3" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf "%s\n" "${COMPREPLY[@]}"' bash "$completion" "$1" "$berth" |
        sort | tr '\n' ' '
}

# proposes WANTED LINE
proposes() {
    said=$(completes "$2")
    [ "$said" = "$1" ] || {
        echo "FAIL: \"$2\" proposes \"$said\", wanted \"$1\"" >&2
        exit 1
    }
}

amd=$(image team/app amd64 layer)
image team/other arm64 layer >"$work/said"
name_tag team/app v1.0 "$amd" >"$work/said"
name_tag team/app v1.1 "$amd" >"$work/said"
name_tag team/app latest "$amd" >"$work/said"

# Each command of the overview, and each option of its synopsis.
commands=$("$berth" --help | sed -n 's/^  \([a-z][a-z-]*\).*/\1/p' | sort -u)
[ "$(echo "$commands" | wc -l)" -ge 10 ]
for command in $commands; do
    case " $(completes 'berth ')" in
    *" $command "*) ;;
    *) echo "FAIL: berth $command is not completed" >&2 && exit 1 ;;
    esac
    options=$("$berth" "$command" --help | grep -oE -- '(^|[ [|(])--?[a-z0-9][a-z-]*' |
        tr -d ' [|(' | sort -u)
    for option in $options; do
        case " $(completes "berth $command -")" in
        *" $option "*) ;;
        *) echo "FAIL: berth $command $option is not completed" >&2 && exit 1 ;;
        esac
    done
done

proposes 'list ' 'berth li'
proposes 'team/app team/other ' 'berth list '
proposes 'team/app ' 'berth inspect --json team/a'
proposes 'latest v1.0 v1.1 ' 'berth rm --yes team/app:'
proposes 'v1.0 v1.1 ' 'berth inspect team/app:v'
proposes ' ' 'berth inspect team/none:'
proposes "ES256 HS256 RS256 " "berth token key --algorithm "
case " $(completes 'berth token ')" in
*' key '*' robot '*) ;;
*) echo 'FAIL: berth token key' >&2 && exit 1 ;;
esac
: >"$work/settings"
proposes "$work/settings " "berth list -c $work/sett"
echo 'completion: passed'
