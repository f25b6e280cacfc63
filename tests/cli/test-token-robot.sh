#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth token robot: what becomes of a file of passwords, and of two at once.
# Run by make check in the build directory.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in $(env | sed -n 's/^\(BERTH_[A-Za-z0-9_]*\)=.*/\1/p'); do
    unset "$name"
done
export BERTH_CONFIG=/dev/null
. "${srcdir:-.}/tests/cli/expect.sh"

file=$work/htpasswd
robot() { $berth token robot "$@" --file "$file"; }
fail() {
    echo "FAIL: $*" >&2
    exit 1
}
# same TEXT: what the file holds, byte for byte; TEXT is for printf.
same() {
    # shellcheck disable=SC2059
    printf "$1" | cmp - "$file" || fail "the file is not \"$1\""
}

# --- a new file, and a password that is told once ---

robot add ci >"$work/password" 2>"$work/said"
[ "$(stat -c %a "$file")" = 640 ] || fail 'a new file is not 0640'
grep -qxE '[0-9A-Za-z]{32}' "$work/password" || fail 'no password of 32 letters'
[ "$(wc -l <"$work/password")" = 1 ] || fail 'more than a password is printed'
grep -q 'docker login -u robot-ci --password-stdin' "$work/said" || fail 'no word how to log in'
grep -q "chgrp www-data $file" "$work/said" || fail 'no word who has to read it'
! grep -qf "$work/password" "$work/said" "$file" || fail 'the password is elsewhere too'
# shellcheck disable=SC2016
grep -qxE 'robot-ci:\$2y\$05\$[./0-9A-Za-z]{53}' "$file" || fail 'no line of bcrypt'
[ "$(umask 077 && $berth token robot add a --file "$work/masked" 2>"$work/said" >"$work/other" &&
    stat -c %a "$work/masked")" = 640 ] || fail 'the umask counts'

expect 1 'robot-ci is in ' robot add ci
cp -p "$file" "$work/before"
robot add ci --replace >"$work/other" 2>"$work/said"
! cmp -s "$work/password" "$work/other" || fail 'the password is not another one'
! cmp -s "$file" "$work/before" || fail 'the line is not another one'
! grep -q 'is new\|tokens' "$work/said" || fail 'says what is not so'
expect 0 'robot-ci is removed from' robot revoke ci
same ''
expect 1 "berth: robot-ci is not in $file" robot revoke ci

# --- what people and other programs wrote stays ---

printf '# robots\r\n\nalice:x&y\n robot-a:1\n#robot-b:2\nrobot-a:3\nrobot-X:4\nbob:z' >"$file"
expect 0 'a' robot list
[ "$(cat "$work/said")" = "a
a" ] || fail 'lists more than robots'
robot revoke a >"$work/said"
same '# robots\r\n\nalice:x&y\n#robot-b:2\nrobot-X:4\nbob:z'
robot add b >"$work/password" 2>"$work/said"
[ "$(sed '$d' "$file")" = "$(printf '# robots\r\n\nalice:x&y\n#robot-b:2\nrobot-X:4\nbob:z')" ] ||
    fail 'adding changed other lines'
robot revoke b >"$work/said"
same '# robots\r\n\nalice:x&y\n#robot-b:2\nrobot-X:4\nbob:z\n'

# --- owner, group, mode and link stay, and nothing is left beside ---

mkdir "$work/real"
mv "$file" "$work/real/passwords"
ln -s real/passwords "$file"
chmod 604 "$work/real/passwords"
mine='604'
if [ "$(id -u)" = 0 ]; then
    chown 33:1 "$work/real/passwords"
    mine='604 33 1'
fi
echo left >"$work/real/.passwords.berth" # by one that was killed
robot add ci >"$work/password" 2>"$work/said"
[ -L "$file" ] || fail 'the link has become a file'
case $(stat -c '%a %u %g' "$work/real/passwords") in
"$mine"*) ;;
*) fail "owner, group or mode changed: $(stat -c '%a %u %g' "$work/real/passwords")" ;;
esac
[ "$(ls -A "$work/real")" = passwords ] || fail 'something is left beside the file'
grep -q '^robot-ci:' "$work/real/passwords" || fail 'the file the link leads to is not changed'

# An ACL is how a web server may read what is not its group's.
if setfacl -m u:33:r,u:34:rw "$work/real/passwords" 2>/dev/null; then
    setfacl -d -m u:35:r "$work/real"
    getfacl -cpn "$work/real/passwords" >"$work/acl"
    robot revoke ci >"$work/said"
    getfacl -cpn "$work/real/passwords" | cmp - "$work/acl" || fail 'the ACL changed'
    setfacl -b "$work/real/passwords"
    getfacl -cpn "$work/real/passwords" >"$work/acl"
    robot add ci >"$work/password" 2>"$work/said"
    getfacl -cpn "$work/real/passwords" | cmp - "$work/acl" || fail 'an ACL came'
fi

# --- many at once ---

rm -r "$work/real" "$file"
printf 'alice:x\n' >"$file"
robot add old >"$work/password" 2>"$work/said"
pids=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    robot add "n$i" >/dev/null 2>"$work/said.$i" &
    pids="$pids $!"
done
robot revoke old >/dev/null &
for pid in $pids $!; do
    wait "$pid" || fail 'one of many at once failed'
done
[ "$(robot list | sort)" = "$(printf 'n%s\n' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 | sort)" ] ||
    fail "lost by many at once: $(robot list)"
[ "$(head -n 1 "$file")" = alice:x ] || fail 'many at once lost alice'
# And on a file that is not there yet.
rm "$file"
pids=
for i in 1 2 3 4 5 6 7 8; do
    robot add "n$i" >/dev/null 2>"$work/said.$i" &
    pids="$pids $!"
done
for pid in $pids; do
    wait "$pid" || fail 'one of many at a new file failed'
done
[ "$(robot list | wc -l)" = 8 ] || fail 'lost by many at a new file'

# --- the file is the one of berth.conf, unless another is named ---

printf 'htpasswd = %s\ntoken_realm = https://r.example/token\ntoken_lifetime = 2m\n' \
    "$file" >"$work/berth.conf"
expect 0 n3 $berth token robot list -c "$work/berth.conf"
expect 0 'end within 120 seconds' $berth token robot revoke n3 -c "$work/berth.conf"
expect 0 'end within 120 seconds' $berth token robot add -c "$work/berth.conf" --replace n4
expect 1 "$work/none: No such file" $berth token robot list -c "$work/berth.conf" --file "$work/none"
expect 1 'in which file? Say --file HTPASSWD' $berth token robot list
expect 1 "$work/none.conf: No such file" $berth token robot list -c "$work/none.conf" --file "$file"

# --- what is wrong ---

cp -p "$file" "$work/before"
for name in Ci -x .ci _ci 'c i' 'c:i' '' cé "$(printf %065d 0)"; do
    case $name in
    -*) expect 2 usage: robot add "$name" ;;
    *) expect 1 'the name of a robot is' robot add "$name" ;;
    esac
done
expect 0 '' robot add "$(printf %064d 0)"
expect 0 '' robot add 0a.b_c-d
expect 0 '' robot revoke "$(printf %064d 0)"
expect 0 '' robot revoke 0a.b_c-d
cmp "$file" "$work/before"
for words in '' add revoke 'add a b' 'list a' 'list --replace' 'revoke a --replace' 'change a' \
    'add a --what'; do
    # shellcheck disable=SC2086
    expect 2 usage: robot $words
done
expect 2 usage: $berth token
expect 2 usage: $berth token robot
expect 2 usage: $berth token other

expect 1 "$work/no/htpasswd: there is no such directory" $berth token robot add a --file "$work/no/htpasswd"
expect 1 "$work/no/htpasswd: No such file" $berth token robot revoke a --file "$work/no/htpasswd"
expect 1 "$work/none: No such file" $berth token robot revoke a --file "$work/none"
[ ! -e "$work/none" ] || fail 'revoke made a file'
expect 1 "$work: Is a directory" $berth token robot add a --file "$work"
expect 1 '/dev/null is no file' $berth token robot add a --file /dev/null
ln "$file" "$work/second"
expect 1 'has several names' robot add a
rm "$work/second"
cmp "$file" "$work/before"
expect 1 'nobody got the password of robot-a; add it again, with --replace' \
    sh -c "$berth token robot add a --file '$file' >/dev/full"
robot add a --replace >"$work/password" 2>"$work/said"

# As somebody else: may not read, may not make a file there, does not own it.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    cp $berth "$work/berth"
    chmod 755 "$work" "$work/berth"
    cp -p "$file" "$work/before"
    as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
    chmod 600 "$file"
    expect 1 "$file: Permission denied" as_nobody "$work/berth" token robot add x --file "$file"
    chmod 666 "$file"
    expect 1 "make a file beside $file: Permission denied" \
        as_nobody "$work/berth" token robot add x --file "$file"
    chmod 777 "$work"
    expect 1 "$file is another's, who has to change it, or root" \
        as_nobody "$work/berth" token robot add x --file "$file"
    [ ! -e "$work/.htpasswd.berth" ] || fail 'a failure leaves something beside the file'
    cmp "$file" "$work/before"
fi
