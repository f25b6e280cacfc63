#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth token key: what is made, what is kept, and who may read it. Run by make
# check in the build directory.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in $(env | sed -n 's/^\(BERTH_[A-Za-z0-9_]*\)=.*/\1/p'); do
    unset "$name"
done
. "${srcdir:-.}/tests/cli/expect.sh"

keys=$work/keys
mkdir "$work/images"
printf 'root = %s/images\ntoken_keys = %s\n' "$work" "$keys" >"$work/conf"
printf 'root = %s/images\n' "$work" >"$work/bare"
export BERTH_CONFIG="$work/conf"

fail() {
    echo "FAIL: $*" >&2
    exit 1
}
# kid: the name of the key that was just made.
kid() { sed -n 's/^kid: //p' "$work/said"; }
# holds KID...: the names of the keys in the file, in their order.
holds() {
    printf '%s\n' "$@" >"$work/wanted"
    grep -o '"kid":"[^"]*"' "$keys" | cut -d '"' -f 4 | cmp - "$work/wanted" ||
        fail "the file does not hold $*"
}

expect 2 'usage: ' $berth token key extra
expect 2 'usage: ' $berth token key -c
expect 2 'usage: ' $berth token key --algorithm
expect 2 'usage: ' $berth token key --algorithm none
expect 2 'usage: ' $berth token key --algorithm es256
expect 1 'in which file? Say token_keys = FILE' $berth token key -c "$work/bare"
! [ -e "$keys" ] || fail 'a file was made'

# --- each rotation puts a key in front and drops the third ---

expect 0 'algorithm: ES256' $berth token key
first=$(kid)
echo "$first" | grep -qxE '[A-Za-z0-9_-]{43}' || fail "kid is $first"
grep -qxF "file: $keys" "$work/said" || fail 'no word of the file'
! grep -q former "$work/said" || fail 'there is no former key'
[ "$(stat -c %a "$keys")" = 600 ] || fail 'the file is not 0600'
holds "$first"
expect 0 'signed by the former key stay good' $berth token key --algorithm RS256
second=$(kid)
holds "$second" "$first"
expect 0 'algorithm: HS256' $berth token key --algorithm HS256 -c "$work/conf"
third=$(kid)
holds "$third" "$second"
[ "$(stat -c %a "$keys")" = 600 ] || fail 'the file is not 0600 any more'
chmod 640 "$keys"
$berth token key >/dev/null
[ "$(stat -c %a "$keys")" = 640 ] || fail 'the file has lost its mode'
for file in "$keys".*; do
    ! [ -e "$file" ] || fail "$file is left"
done

# --- what is not a file of keys stays ---

cp "$keys" "$work/good"
chmod 644 "$keys"
expect 1 "$keys: mode 0644: a file of keys that others may use" $berth token key
cmp "$keys" "$work/good"
printf 'precious' >"$keys"
chmod 640 "$keys"
expect 1 "berth: $keys: " $berth token key
[ "$(cat "$keys")" = precious ] || fail 'another file is overwritten'
rm "$keys"

# --- the file is for the user whose images they are ---

if [ "$(id -u)" = 0 ]; then
    chown nobody "$work/images"
    $berth token key >/dev/null
    [ "$(stat -c %U:%a "$keys")" = nobody:600 ] || fail 'not for nobody'
    chown 1:2 "$keys"
    $berth token key >/dev/null
    [ "$(stat -c %u:%g "$keys")" = 1:2 ] || fail 'the owner changed'
    printf 'root = %s/none\ntoken_keys = %s\n' "$work" "$keys" >"$work/conf"
    expect 1 "root = $work/none: No such file" $berth token key
fi

# --- tokens that nobody could have are a mistake of the configuration ---

printf 'root = %s/images\ntoken_keys = %s\n' "$work" "$keys" >"$work/conf"
rm -f "$keys"
$berth token key >/dev/null
realm=BERTH_TOKEN_REALM=https://registry.test/token
service=BERTH_TOKEN_SERVICE=registry.test
expect 0 "token_keys = $keys" env $realm $service $berth configtest
expect 1 'without token_service' env $realm $berth configtest
expect 1 'without token_keys' \
    env $realm $service $berth configtest -c "$work/bare"
echo x >"$work/jwks"
expect 1 "$work/jwks: no JSON" \
    env $realm $service BERTH_TRUSTED_JWKS="$work/jwks" $berth configtest
chmod 644 "$keys"
expect 1 "$keys: mode 0644" env $realm $service $berth configtest
rm "$keys"
expect 1 "$keys: No such file" env $realm $service $berth configtest
expect 0 "token_keys = $keys" $berth configtest
