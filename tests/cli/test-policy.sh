#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth policy check, and what berth configtest says of a policy. Run by make
# check in the build directory.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BERTH_CONFIG BERTH_ROOT BERTH_POLICY 2>/dev/null || true

. "${srcdir:-.}/tests/cli/expect.sh"

# says STATUS LINE ARGUMENT...: all that berth policy check prints.
says() {
    wanted=$1 line=$2
    shift 2
    expect "$wanted" "$line" $berth policy check "$@"
    if [ "$(cat "$work/said")" != "$line" ]; then
        echo "FAIL: policy check $*: not only \"$line\"" >&2
        cat "$work/said" >&2
        exit 1
    fi
}

p=$work/policy
cat >"$p" <<'END'
[groups]
team-a = alice, bob, "Smith, J"
admins = alice
[team-a/*]
bob =
@admins = delete
@team-a = pull, push
[*]
@admins = admin
$anonymous = pull
END
mkdir "$work/images"
printf 'root = %s/images\npolicy = %s\n' "$work" "$p" >"$work/conf"
printf 'root = %s/images\npolicy = %s/none\n' "$work" "$work" >"$work/gone"
printf 'root = %s/images\n' "$work" >"$work/open"
printf '[x]\nalice = pull\nbob = hull\n' >"$work/wrong"

# A file by itself, or the one in force.
says 0 "$p has no mistakes" --policy "$p"
says 0 "$p has no mistakes" -c "$work/conf"
expect 0 'no mistakes' env BERTH_CONFIG="$work/conf" $berth policy check
expect 0 'no mistakes' env BERTH_POLICY="$p" $berth policy check -c /dev/null
says 1 "berth: $work/wrong:3: \"hull\" is not one of: pull, push, delete, \
catalog, admin" --policy "$work/wrong"
says 1 "berth: $work/wrong:3: \"hull\" is not one of: pull, push, delete, \
catalog, admin" --policy "$work/wrong" alice x
says 1 "berth: $work/none: No such file or directory" -c "$work/gone"
says 1 'berth: the configuration names no policy' -c "$work/open"
expect 1 "$work/nothing: No such file" $berth policy check -c "$work/nothing"

# Who may do what, and why.
says 0 "pull, push: $p:7: @team-a = pull, push, in [team-a/*] of line 4" \
    --policy "$p" 'Smith, J' team-a/app
says 0 "pull, push, delete: $p:6: @admins = delete, and lines of other \
groups, in [team-a/*] of line 4" -c "$work/conf" alice team-a/app
says 1 "nothing: $p:5: bob =, in [team-a/*] of line 4" \
    --policy "$p" bob team-a/app
says 1 "nothing: $p:4: no line in [team-a/*] is for eve" \
    --policy "$p" eve team-a/app
says 0 "admin: $p:9: @admins = admin, in [*] of line 8" \
    --policy "$p" alice other
says 0 "pull: $p:10: \$anonymous = pull, in [*] of line 8" \
    --policy "$p" '$anonymous' other
says 1 "nothing: $p:4: no line in [team-a/*] is for \$anonymous" \
    --policy "$p" '$anonymous' team-a/app
printf '[a]\n' >"$work/small"
says 1 "nothing: $work/small: no section is for b" \
    --policy "$work/small" alice b

expect 2 'usage: ' $berth policy
expect 2 'usage: ' $berth policy show
expect 2 'usage: ' $berth policy check --policy
expect 2 'usage: ' $berth policy check --policy "$p" alice
expect 2 'usage: ' $berth policy check --policy "$p" alice x y
expect 2 'usage: ' $berth policy check --policy "$p" --all
expect 2 'the name of no repository' $berth policy check --policy "$p" a Team
expect 2 'the name of no user' $berth policy check --policy "$p" '' x

# A policy that would deny everything is a mistake of the configuration.
expect 0 "policy = $p" $berth configtest -c "$work/conf"
expect 1 "berth: $work/none: No such file" $berth configtest -c "$work/gone"
expect 1 'deny everything' $berth configtest -c "$work/gone"
expect 1 "berth: $work/wrong:3: \"hull\" is not one of" \
    env BERTH_POLICY="$work/wrong" $berth configtest -c "$work/conf"
grep -q '^# it holds no registry yet' "$work/said"

# The sample is right, and does what it says.
sample=${srcdir:-.}/etc/policy
expect 0 'no mistakes' $berth policy check --policy "$sample"
says 0 "pull, push, delete, catalog: $sample:21: @team-a = pull, push, delete, \
catalog, in [team-a/*] of line 20" --policy "$sample" alice team-a/app
for asked in 'carol team-a/app' 'alice team-b/app' 'robot-ci team-b/website' \
    'robot-ci base/debian' '$anonymous base/debian' 'alice other'; do
    # shellcheck disable=SC2086
    expect 1 'nothing: ' $berth policy check --policy "$sample" $asked
done
for asked in '$anonymous public/app' 'zoe base/debian' \
    'robot-deploy team-b/website' 'robot-deploy team-a/app'; do
    # shellcheck disable=SC2086
    expect 0 'pull' $berth policy check --policy "$sample" $asked
done
expect 0 'admin: ' $berth policy check --policy "$sample" erin other
