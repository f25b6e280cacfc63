#!/bin/sh
# SPDX-License-Identifier: MIT
#
# berth import-config: what becomes of each key of registry:2. Run by make
# check in the build directory.
set -eu

berth=./src/berth
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in $(env | sed -n 's/^\(\(REGISTRY\|BERTH\)_[A-Za-z0-9_]*\)=.*/\1/p'); do
    unset "$name"
done
config=$work/config.yml

fail() {
    echo "FAIL: $*" >&2
    sed 's/^/out: /' "$work/out" >&2
    sed 's/^/err: /' "$work/err" >&2
    exit 1
}

# import STATUS [NAME=VALUE...]: the command on what stands on standard input.
import() {
    wanted=$1
    shift
    cat >"$config"
    status=0
    env "$@" $berth import-config "$config" >"$work/out" 2>"$work/err" ||
        status=$?
    [ "$status" = "$wanted" ] || fail "$* status $status, wanted $wanted"
}

out() { grep -qxF -- "$1" "$work/out" || fail "no line '$1'"; }
out_has() { grep -qF -- "$1" "$work/out" || fail "nothing of '$1' in the output"; }
err_has() { grep -qF -- "$1" "$work/err" || fail "nothing of '$1' is said"; }
not_out() { ! grep -qF -- "$1" "$work/out" || fail "'$1' in the output"; }

# wrong TEXT: refused in one sentence, nothing printed.
wrong() {
    import 1
    [ ! -s "$work/out" ] || fail "something is printed"
    [ "$(wc -l <"$work/err")" = 1 ] || fail "not one sentence"
    err_has "$1"
}

# The programs take what was printed, but for keys of theirs to come.
takes() {
    cp "$work/out" "$work/berth.conf"
    $berth configtest -c /dev/null 2>/dev/null | grep -q '^upload_age' ||
        sed -i '/^upload_age/d' "$work/berth.conf"
    # configtest would look for the files that are named as well.
    BERTH_ROOT=$work ./fcgi/version -n -c "$work/berth.conf" >"$work/test" 2>&1 || {
        cat "$work/test" >&2
        fail "a program refuses it"
    }
}

minimal='version: 0.1
storage: {filesystem: {rootdirectory: /srv/r}}'

# --- what berth.conf can say is said there; then nothing is left ---

import 0 <<END
$minimal
END
out 'root = /srv/r'
out 'delete = no'
out 'readonly = no'
out 'upload_age = 168h'
[ ! -s "$work/err" ] || fail 'something is said of what was honoured'
takes

import 0 <<'END'
version: 0.1
log: {accesslog: {disabled: true}}
storage:
  filesystem:
  delete: {enabled: true}
  maintenance:
    readonly: {enabled: yes}
    uploadpurging: {enabled: true, age: 36h30m, interval: 1h, dryrun: false}
catalog: {maxentries: 50}
validation: {manifests: {indexes: {platforms: None}}}
END
out 'root = /var/lib/registry'
out 'delete = yes'
out 'readonly = yes'
out 'upload_age = 131400s'
out 'catalog_limit = 50'
out 'log = errors'
out 'sparse = yes'
out_has 'storage.maintenance.uploadpurging.interval (line 8): '
takes

for off in 'enabled: false, age: 1h' 'dryrun: true, age: 1h'; do
    import 0 <<END
version: 0.1
storage: {filesystem: , maintenance: {uploadpurging: {$off}}}
END
    out 'upload_age = 0'
done
for age in 1.5h=5400s 2h=2h 90m=5400s 1h0.5s=3601s '"0"=1s' 1ns=1s; do
    import 0 <<END
version: 0.1
storage: {filesystem: , maintenance: {uploadpurging: {age: ${age%=*}}}}
END
    out "upload_age = ${age#*=}"
done

import 3 <<END
$minimal
catalog: {maxentries: 60000}
END
out 'catalog_limit = 50000'
err_has 'catalog.maxentries (line 3): '

import 0 <<END
version: 0.1
storage: filesystem
END
out 'root = /var/lib/registry'

# --- access: in both outputs, with what to do ---

import 3 <<END
$minimal
auth:
  htpasswd:
    realm: My images
    path: /etc/htpasswd
END
err_has 'ATTENTION'
err_has 'auth.htpasswd.path (line 6): '
err_has 'auth_basic_user_file /etc/htpasswd'
out_has '# ATTENTION'
out_has '#   auth.htpasswd.path (line 6): '
out_has 'auth_basic "My images"'
takes

import 3 <<END
$minimal
proxy: {remoteurl: https://registry-1.docker.io, username: u, password: secret}
END
err_has 'proxy.remoteurl (line 3): Berth has no pull-through cache yet'
err_has 'proxy.password (line 3): '
out 'readonly = yes'
not_out secret
takes

for key in 'auth: silly' 'policy: {repository: {classes: [image]}}' \
    'validation: {manifests: {urls: {allow: [x]}}}' \
    'validation: {manifests: {urls: {deny: [x]}}}' \
    'http: {tls: {clientcas: [a]}}' 'http: {tls: {clientauth: x}}'; do
    import 3 <<END
$minimal
$key
END
    out_has ATTENTION
    err_has ATTENTION
done

# --- tokens of another server ---

import 0 <<END
$minimal
auth:
  token:
    realm: https://auth.example.com/token?x=1
    service: registry.example.com
    issuer: Example
    rootcertbundle: /etc/registry/auth.pem
    autoredirect: false
END
out 'token_realm = https://auth.example.com/token?x=1'
out 'token_service = registry.example.com'
out 'trusted_issuer = Example'
out 'trusted_certificates = /etc/registry/auth.pem'
not_out 'trusted_jwks'
not_out ATTENTION
takes

import 3 <<END
$minimal
auth:
  token:
    realm: https://auth.example.com/token
    service: s
    issuer: i
    rootcertbundle: /b
    jwks: /j
    signingalgorithms: [ES256, RS256]
    autoredirect: true
    autoredirectpath: /auth
    relam: x
END
out 'trusted_certificates = /b'
out 'trusted_jwks = /j'
out_has ATTENTION
err_has 'auth.token.signingalgorithms (line 10): '
err_has 'auth.token.autoredirect (line 11): Berth sends clients to token_realm'
out_has 'auth.token.autoredirectpath (line 12): '
err_has 'auth.token.relam (line 13)'
takes

import 0 REGISTRY_AUTH=token REGISTRY_AUTH_TOKEN_REALM=https://a/t REGISTRY_AUTH_TOKEN_SERVICE=s \
    REGISTRY_AUTH_TOKEN_ISSUER=i REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=/b <<END
$minimal
END
out 'token_realm = https://a/t'
out 'trusted_certificates = /b'
takes
import 0 REGISTRY_AUTH_TOKEN_ISSUER=other REGISTRY_AUTH_TOKEN_JWKS=/j <<END
$minimal
auth: {token: {realm: https://a/t, service: s, issuer: i}}
END
out 'trusted_issuer = other'
out 'trusted_jwks = /j'

wrong "$config: there is no auth.token.realm" <<END
$minimal
auth: token
END
wrong "$config: there is no auth.token.realm" <<END
$minimal
auth: {token: {realm: , service: s, issuer: i, rootcertbundle: /b}}
END
wrong "$config: there is no auth.token.issuer" <<END
$minimal
auth: {token: {realm: r, service: s, rootcertbundle: /b}}
END
wrong "$config: there is no auth.token.rootcertbundle" <<END
$minimal
auth: {token: {realm: r, service: s, issuer: i}}
END
wrong "$config:3: auth.token.rootcertbundle does not fit: trusted_certificates must be an" <<END
$minimal
auth: {token: {realm: r, service: s, issuer: i, rootcertbundle: b}}
END
wrong "$config:3: auth.token.issuer does not fit: trusted_issuer must be" <<END
$minimal
auth: {token: {realm: r, service: s, issuer: "i\ntoken_realm = https://evil", rootcertbundle: /b}}
END
wrong "$config:3: auth.token.realm must be a text" <<END
$minimal
auth: {token: {realm: [r], service: s, issuer: i, rootcertbundle: /b}}
END
wrong "$config:3: auth.token must be a section" <<END
$minimal
auth: {token: yes}
END

import 3 <<'END'
version: 0.1
storage: {s3: {bucket: b, secretkey: hidden, bukcet: typo}}
END
err_has 'storage.s3 with bucket, secretkey, bukcet (line 2): '
err_has 'storage.s3.bukcet (line 2)'
not_out hidden
not_out 'root = /'
takes

# --- what is for the web server, or missing ---

import 3 <<END
$minimal
http:
  addr: :5000
  tls: {certificate: /c.pem, key: /k.pem, letsencrypt: {email: e}}
  headers: {X-Content-Type-Options: [nosniff], X-Other: [a]}
  secret: topsecret
  http2: {disabled: false}
  debug: {addr: ":5001", prometheus: {enabled: true, path: /m}}
notifications:
  endpoints: [{name: a, url: http://x/}, {name: b, disabled: true}]
health: {file: [{file: /out}]}
middleware: {storage: [{name: cloudfront}]}
END
err_has 'http.addr (line 4): the web server listens'
err_has 'ssl_certificate /c.pem'
err_has 'ssl_certificate_key /k.pem'
err_has 'http.tls.letsencrypt with email (line 5): '
err_has 'http.headers.X-Other (line 6): '
err_has 'notifications.endpoints.0 with name, url (line 11): '
err_has 'health.file.0 with file'
err_has 'middleware with storage'
err_has 'http.debug.prometheus.enabled (line 9): '
! grep -q 'endpoints.1\|X-Content-Type\|http2\|http.secret' "$work/err" ||
    fail 'something is said of what asks for nothing'
out_has 'notifications.endpoints.1 with name, disabled (line 11): so set'
out_has 'http.http2.disabled (line 8): so set, it asks for nothing'
out_has 'http.secret (line 7): '
not_out topsecret

# --- unknown keys ---

import 3 <<'END'
version: 0.1
storge: {filesystem: {rootdirectory: /srv/typo}}
storage:
  filesystem: {rootdirecotry: /srv/r}
  cache: {blobdescriptr: inmemory}
http: {adr: ":5000", "two\nroot = /evil": x}
health: {tcp: [{adr: x}]}
END
for key in 'storge.filesystem.rootdirectory (line 2)' 'storage.filesystem.rootdirecotry (line 4)' \
    'storage.cache.blobdescriptr (line 5)' 'http.adr (line 6)' \
    'http.two?root = /evil (line 6)' 'health.tcp.0.adr (line 7)'; do
    out_has "#   $key"
    err_has "$key"
done
not_out '/srv/'
! grep -q '^root = /evil' "$work/out" || fail 'a key became a line'
takes

import 3 <<END
$minimal
auth: {htpasswd: {realm: "a\nroot = /evil", path: /p}}
END
! grep -q '^root = /evil' "$work/out" || fail 'a value became a line'

# --- the environment ---

import 0 REGISTRY_STORAGE_DELETE_ENABLED=true <<END
$minimal
END
out 'delete = yes'

import 0 REGISTRY_STORAGE_DELETE_ENABLED=false \
    REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/srv/variable \
    REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED=true <<END
$minimal
END
out 'delete = no'
out 'root = /srv/variable'
out 'readonly = yes'

# The whole before its parts, whatever their order.
import 0 REGISTRY_STORAGE_DELETE_ENABLED=true \
    'REGISTRY_STORAGE={filesystem: {rootdirectory: /srv/all}}' <<END
$minimal
END
out 'root = /srv/all'
out 'delete = yes'
import 0 REGISTRY_STORAGE=filesystem REGISTRY_STORAGE_DELETE_ENABLED=true \
    REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/srv/word <<'END'
version: 0.1
END
out 'root = /srv/word'
out 'delete = yes'

# As docker-registry, which says "Ignoring environment variable".
import 3 REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED=true <<'END'
version: 0.1
storage: {filesystem: , maintenance: {readonly: {enabled: false}}}
END
out 'readonly = no'
err_has 'REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED: '

import 3 REGISTRY_HTTP_TLS_LETSENCRYPT_HOSTS_0=a REGISTRY_HEALTH_FILECHECKERS_0_FILE=/f \
    REGISTRY_NO_SUCH=1 REGISTRY_AUTH_HTPASSWD_PATH=/p REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY_X=1 <<END
$minimal
END
out 'root = /srv/r'
err_has 'http.tls.letsencrypt with hosts (REGISTRY_HTTP_TLS_LETSENCRYPT_HOSTS_0)'
err_has 'health.file.0 with file (REGISTRY_HEALTH_FILECHECKERS_0_FILE)'
err_has 'auth.htpasswd.path (REGISTRY_AUTH_HTPASSWD_PATH): '
err_has 'no.such (REGISTRY_NO_SUCH)'
err_has 'REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY_X: it leads into'

import 1 REGISTRY_HTTP_TLS_CLIENTCAS_1=a <<END
$minimal
END
err_has 'REGISTRY_HTTP_TLS_CLIENTCAS_1: the list ends before index 1'
import 1 REGISTRY_HTTP_TLS_CLIENTCAS_X=a <<END
$minimal
http: {tls: {clientcas: [a]}}
END
err_has 'REGISTRY_HTTP_TLS_CLIENTCAS_X: X is no index'
import 1 'REGISTRY_STORAGE_DELETE_ENABLED=[' <<END
$minimal
END
err_has 'REGISTRY_STORAGE_DELETE_ENABLED:'

# --- what is wrong ---

wrong "$config:2: not YAML" <<'END'
version: [
END
wrong "$config: it has no version" <<'END'
storage: filesystem
END
wrong "$config:1: version must be 0.1" <<'END'
version: 0.2
END
wrong "$config: it has no version" </dev/null
wrong "$config:1: keys expected" <<'END'
- a
END
wrong "$config: no storage driver" <<'END'
version: 0.1
storage: {delete: {enabled: true}}
END
wrong "$config:4: storage has two drivers" <<'END'
version: 0.1
storage:
  filesystem:
  inmemory:
END
wrong "$config:3: storage.delete.enabled must be true or false" <<'END'
version: 0.1
storage:
  delete: {enabled: "true"}
  filesystem:
END
wrong "$config:2: storage.filesystem.rootdirectory does not fit: root must be an" <<'END'
version: 0.1
storage: {filesystem: {rootdirectory: var/lib}}
END
wrong "$config:2: storage.filesystem.rootdirectory holds a control" <<'END'
version: 0.1
storage: {filesystem: {rootdirectory: "/a\ndelete = yes"}}
END
wrong "$config:2: storage.filesystem.rootdirectory begins or ends" <<'END'
version: 0.1
storage: {filesystem: {rootdirectory: "/a "}}
END
for age in 168 -1h h 1.h.2 99999999999999h; do
    wrong "$config:2: storage.maintenance.uploadpurging.age must be" <<END
version: 0.1
storage: {filesystem: , maintenance: {uploadpurging: {age: $age}}}
END
done
wrong "$config:3: http must be a section" <<END
$minimal
http: 1
END
wrong "$config:3: catalog.maxentries must be a number" <<END
$minimal
catalog: {maxentries: many}
END
wrong "$config:3: validation.manifests.indexes.platforms must be" <<END
$minimal
validation: {manifests: {indexes: {platforms: some}}}
END

expect_status() {
    wanted=$1
    shift
    status=0
    "$@" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" = "$wanted" ] || fail "$*: status $status, wanted $wanted"
}
expect_status 1 $berth import-config "$work/none"
err_has "$work/none: No such file"
expect_status 1 $berth import-config "$work"
[ ! -s "$work/out" ] || fail 'something is printed'
expect_status 2 $berth import-config
expect_status 2 $berth import-config a b
expect_status 1 sh -c "$berth import-config '$config' >/dev/full"

# --- what Debian ships ---

debian=/etc/docker/registry/config.yml
if [ -r $debian ]; then
    expect_status 3 $berth import-config $debian
    out 'root = /var/lib/docker-registry'
    takes
fi
