#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Run by test-deb.sh on the machine: the packages are in /root/debs, nothing of
# them is installed, there is no systemd and no network but the loopback.
set -euo pipefail

URL=http://127.0.0.1:5000
trap 'echo "life.sh: line $LINENO: $BASH_COMMAND" >&2' ERR

listing() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root \
        -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/log/apt \
        -o -path /var/log/nginx -o -path /var/lib/nginx -o -path /var/log/apache2 -o -path /var/lib/apache2 \) -prune -o -printf '%y %m %u:%g %p\n' |
        grep -vE ' /etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$| /etc/\.pwd\.lock$|/ld\.so\.cache$|/var/log/dpkg\.log$' | sort
}

digest() { echo "sha256:$(sha256sum "$1" | cut -d ' ' -f 1)"; }

status() { curl -sS -o /tmp/answer -w '%{http_code}' "$@"; }

expect() { # STATUS CURL-ARGUMENT...
    local want=$1 got
    shift
    got=$(status "$@")
    [ "$got" = "$want" ] || { echo "$*: $got, not $want: $(head -c 300 /tmp/answer)" >&2; exit 1; }
}

begin_upload() { # REPOSITORY, prints the place
    curl -sS -o /dev/null -D - -X POST "$URL/v2/$1/blobs/uploads/" | tr -d '\r' | sed -n 's/^Location: //pI'
}

push_and_pull() { # TAG
    head -c 3000000 /dev/urandom >/tmp/layer
    printf '{}' >/tmp/config
    local one
    for one in layer config; do
        expect 201 -X PUT --data-binary "@/tmp/$one" -H 'Content-Type: application/octet-stream' \
            "$URL$(begin_upload team/app)?digest=$(digest "/tmp/$one")"
    done
    cat >/tmp/manifest <<END
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"$(digest /tmp/config)","size":2},
"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"$(digest /tmp/layer)","size":3000000}]}
END
    expect 201 -X PUT --data-binary @/tmp/manifest -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
        "$URL/v2/team/app/manifests/$1"
    expect 200 "$URL/v2/team/app/manifests/$1"
    cmp /tmp/manifest /tmp/answer
    expect 200 "$URL/v2/team/app/blobs/$(digest /tmp/layer)"
    cmp /tmp/layer /tmp/answer
}

listing >/tmp/before

echo '-- install'
dpkg -i /root/debs/*0berth1*.deb
[ "$(stat -c '%U:%G %a' /var/lib/berth)" = 'berth:www-data 2750' ]
berth configtest
nginx -t -q
apache2ctl -t
[ ! -e /run/berth ] # nothing was started: policy-rc.d forbids it
[ -L /etc/systemd/system/multi-user.target.wants/berth.target ]
berth-spawn start
ln -s ../sites-available/berth /etc/nginx/sites-enabled/
nginx
push_and_pull 1

echo '-- upgrade during an upload'
echo '# ours' >>/etc/berth/berth.conf
head -c 4000000 /dev/urandom >/tmp/large
place=$(begin_upload team/app)
curl -sS -o /dev/null -w '%{http_code}' --limit-rate 400k -X PUT --data-binary @/tmp/large \
    -H 'Content-Type: application/octet-stream' "$URL$place?digest=$(digest /tmp/large)" >/tmp/status &
upload=$!
old=$(cut -d ' ' -f 1 /run/berth/upload.pid)
until [ -n "$(find /var/lib/berth -path '*/_uploads/*/data' -size +0)" ]; do sleep 0.1; done
dpkg -i /root/debs/*0berth2*.deb
new=$(cut -d ' ' -f 1 /run/berth/upload.pid)
[ "$old" != "$new" ]
[ "$(readlink "/proc/$new/exe")" = /usr/libexec/berth/upload ]
wait "$upload"
[ "$(cat /tmp/status)" = 201 ]
grep -q '^# ours' /etc/berth/berth.conf
push_and_pull 2

echo '-- a policy, owned as berth-policy(5) says'
cat >/etc/berth/policy.new <<'END'
[*]
$anonymous = pull
END
chown root:www-data /etc/berth/policy.new
chmod 640 /etc/berth/policy.new
mv /etc/berth/policy.new /etc/berth/policy
echo 'policy = /etc/berth/policy' >>/etc/berth/berth.conf
expect 200 "$URL/v2/team/app/manifests/2"
expect 200 "$URL/v2/team/app/blobs/$(digest /tmp/layer)"
expect 403 -X POST "$URL/v2/team/app/blobs/uploads/"
sed -i '/^policy = /d' /etc/berth/berth.conf
rm /etc/berth/policy
expect 200 "$URL/v2/"
expect 200 "$URL/v2/team/app/manifests/2"

echo '-- tokens, by keys that root makes for the programs'
cat >>/etc/berth/berth.conf <<END
token_realm = $URL/token
token_service = here
token_keys = /etc/berth/token-keys
END
berth token key
site=/etc/nginx/sites-available/berth
cp "$site" /root/site
# shellcheck disable=SC2016
sed -i 's|^ *include berth/server.conf;|set $berth_direct ""; set $berth_bearer 1;&include berth/token.conf;|' "$site"
nginx -s reload
until [ "$(status "$URL/token/jwks")" = 200 ]; do sleep 0.1; done
grep -q '"kid"' /tmp/answer
expect 401 "$URL/v2/"
sed -i '/^token_/d' /etc/berth/berth.conf
expect 503 "$URL/v2/"
rm /etc/berth/token-keys
cp /root/site "$site"
nginx -s reload
until [ "$(status "$URL/v2/")" = 200 ]; do sleep 0.1; done

echo '-- Apache instead'
nginx -s quit
a2dissite -q 000-default
a2enmod -q proxy_fcgi headers env setenvif
a2ensite -q berth
sed -i 's/^Listen 80$/# &/' /etc/apache2/ports.conf
apache2ctl start
until [ "$(status "$URL/v2/")" = 200 ]; do sleep 0.1; done
push_and_pull 3
apache2ctl stop
sed -i 's/^# Listen 80$/Listen 80/' /etc/apache2/ports.conf
a2dismod -q -f proxy_fcgi proxy headers
a2ensite -q 000-default

echo '-- remove'
while pgrep -x nginx >/dev/null 2>&1 || [ -e /run/nginx.pid ]; do sleep 0.1; done
nginx
dpkg --remove berth-nginx berth-apache2 berth
[ ! -e /run/berth/upload.sock ]
[ ! -e /etc/nginx/sites-enabled/berth ] && [ ! -e /etc/apache2/sites-enabled/berth.conf ]
nginx -t -q
apache2ctl -t
nginx -s quit
[ -d /var/lib/berth/docker ]

echo '-- purge: the images stay'
dpkg --purge berth-nginx berth-apache2 berth | tee /tmp/said
grep -q 'images in /var/lib/berth' /tmp/said
[ -d /var/lib/berth/docker ]
getent passwd berth

echo '-- purge without images: nothing stays but the user'
dpkg -i /root/debs/*0berth2*.deb
rm -r /var/lib/berth/docker
dpkg --purge berth-nginx berth-apache2 berth
getent passwd berth
listing >/tmp/after
diff /tmp/before /tmp/after
