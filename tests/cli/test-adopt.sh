#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth adopt, as root types it: owners, modes and times there and back. Run
# by make check in the build directory. Skipped (77) unless root, as nobody
# else can give a file away; tests/cli/test_adopt.c runs as anybody.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset BERTH_CONFIG BERTH_ROOT 2>/dev/null || true

. "${srcdir:-.}/tests/cli/expect.sh"

expect 2 'usage: ' $berth adopt --user
expect 2 'usage: ' $berth adopt --undo --user nobody
expect 2 'usage: ' $berth adopt extra
if [ "$(id -u)" != 0 ]; then
    expect 1 'only root can give files to another user' $berth adopt
    echo 'the rest needs root' >&2
    exit 77
fi

chmod 755 "$work"
root=$work/images
tree=$root/docker/registry/v2
conf=$work/berth.conf
echo "root = $root" >"$conf"
adopt() { $berth adopt -c "$conf" "$@"; }

# Owner, group, mode, and of files the time, which is their lease.
state() {
    find "$root" -type d -printf '%p %U %G %m\n' -o \
        -printf '%p %U %G %m %T@ %y\n' | sort
}

mkdir "$root"
expect 1 'holds no registry yet' adopt --user nobody:www-data
for blob in aa/aa1 aa/aa2 bb/bb1; do
    mkdir -p "$tree/blobs/sha256/$blob"
    echo $blob >"$tree/blobs/sha256/$blob/data"
done
mkdir -p "$tree/repositories/team/app/_layers" "$tree/repositories/o d
d"
echo x >"$tree/repositories/team/app/_layers/link"
echo y >"$tree/repositories/o d
d/link"
chown -R root:root "$root"
find "$root" -type d -exec chmod 755 {} + -o -exec chmod 644 {} +
chown -R 1234:4321 "$tree/repositories/team"
chmod 2770 "$tree/repositories/team/app"
chmod 600 "$tree/blobs/sha256/bb/bb1/data"
chown nobody:www-data "$tree/blobs/sha256/aa/aa1/data"
chmod 640 "$tree/blobs/sha256/aa/aa1/data" # as adopt will make it
state >"$work/before"

expect 1 'there is no user nobody-of-that-name' \
    adopt --user nobody-of-that-name
expect 1 'there is no group none-of-that-name' adopt --user nobody:none-of-that-name
expect 1 'was not adopted' adopt --undo
expect 0 'would be given to nobody:www-data' adopt --user nobody --dry-run
state | cmp - "$work/before"

expect 0 'now belong to nobody:www-data (modes 2750 and 0640); 1 were right' \
    adopt --user nobody
expect 0 'now belong to' adopt --user nobody:www-data
grep -q '^0 directories and 0 files' "$work/said"
grep -qF "berth adopt -c $conf --undo" "$work/said"
! find "$tree" -path '*/_berth/adopted' -prune -o \
    \( -type d ! -perm 2750 -o -type f ! -perm 640 -o ! -user nobody -o \
    ! -group www-data \) -print | grep .
[ "$(stat -c '%U %a' "$tree/_berth/adopted")" = 'root 600' ]
[ "$(stat -c '%U %G %a' "$root/docker/registry")" = 'root root 755' ]

# What came since; a lease that was renewed stays renewed.
install -d -o nobody -g www-data -m 2750 "$tree/repositories/team/new"
install -o nobody -g www-data -m 640 /dev/null "$tree/repositories/team/new/link"
touch -d '2020-01-01' "$tree/blobs/sha256/aa/aa2/data"
expect 0 'have the owners and modes again' adopt --undo
[ "$(stat -c '%u %g %a' "$tree/repositories/team/new")" = '1234 4321 755' ]
[ "$(stat -c '%u %g %a' "$tree/repositories/team/new/link")" = '1234 4321 644' ]
[ "$(stat -c '%Y' "$tree/blobs/sha256/aa/aa2/data")" = "$(date -d 2020-01-01 +%s)" ]
rm -r "$tree/repositories/team/new"
touch -d "@$(awk -v p="$tree/blobs/sha256/aa/aa2/data" '$1 == p { print $5 }' \
    "$work/before")" "$tree/blobs/sha256/aa/aa2/data"
state | cmp - "$work/before"
expect 1 'was not adopted' adopt --undo

# Killed at any moment it can be taken back.
for i in $(seq 300); do : >"$tree/blobs/sha256/aa/extra$i"; done
state >"$work/before"
steps='3 50 200'
strace -qq -o /dev/null true 2>/dev/null || {
    echo 'no strace here: not killed midway; test_adopt.c stops it instead' >&2
    steps=
}
for steps in $steps; do
    status=0
    strace -qq -o /dev/null -e trace=fchown \
        -e inject=fchown:signal=KILL:when=$steps \
        $berth adopt -c "$conf" --user nobody >/dev/null 2>&1 || status=$?
    [ "$status" != 0 ]
    [ -e "$tree/_berth/adopted" ]
    ! state | cmp -s - "$work/before"
    expect 0 'have the owners and modes again' adopt --undo
    state | cmp - "$work/before"
done

# What is not its own is left alone and told.
echo secret >"$work/outside"
ln -s "$work/outside" "$tree/blobs/link"
ln "$tree/blobs/sha256/bb/bb1/data" "$work/second"
before=$(stat -c '%U %a' "$work/outside" "$work/second")
expect 3 './blobs/link is a symbolic link' adopt --user nobody
grep -qF 'bb1/data has more than one name' "$work/said"
[ "$(stat -c '%U %a' "$work/outside" "$work/second")" = "$before" ]
expect 3 'have the owners' adopt --undo
rm "$tree/blobs/link" "$work/second"
state | cmp - "$work/before"

# A way the programs cannot go is told, and not changed.
chmod 700 "$root"
expect 3 "the programs cannot enter $root:" adopt --user nobody
[ "$(stat -c %a "$root")" = 700 ]
expect 0 '' adopt --undo
chmod 755 "$root"

# A link in the place of the tree leads nowhere.
mv "$root/docker" "$work/moved"
ln -s "$work/moved" "$root/docker"
expect 1 'docker below' adopt --user nobody
