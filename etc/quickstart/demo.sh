# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# quickstart demo: builds a tiny image with tar and a C compiler, pushes and
# pulls it with curl alone, then with the client found. Sourced by quickstart;
# wants URL, HOST (name:port), USERPW (may be empty) and CACERT (may be empty).

DEMO_NAME=berth/hello
DEMO_TYPE=application/vnd.oci.image.manifest.v1+json

# The password goes to curl by a file descriptor: an argument could be read
# by everybody in the list of processes.
demo_curl() {
    local config=
    [ -z "$USERPW" ] || config="user = \"$(printf '%s' "$USERPW" | sed 's/[\\"]/\\&/g')\""
    printf '%s\n' "$config" | curl -q -sS --fail-with-body --noproxy '*' --max-time 60 -K - \
        ${CACERT:+--cacert "$CACERT"} "$@"
}

sha256() { sha256sum -- "$1" | cut -d ' ' -f 1; }

platform() {
    case $(dpkg --print-architecture 2>/dev/null || uname -m) in
    amd64 | x86_64) echo amd64 ;;
    arm64 | aarch64) echo arm64 ;;
    i386 | i686) echo 386 ;;
    armhf | armel) echo arm ;;
    ppc64el) echo ppc64le ;;
    mips64el) echo mips64le ;;
    *) dpkg --print-architecture ;;
    esac
}

# One static program in one layer; fixed times and owners, so that each demo
# makes the same bytes as long as the compiler does.
demo_image() { # DIRECTORY
    local dir=$1
    mkdir -p "$dir/root"
    printf '%s\n' '#include <stdio.h>' 'int main(void)' '{' \
        '    return puts("Hello from your own registry.") < 0;' '}' >"$dir/hello.c"
    gcc -O1 -static -s -o "$dir/root/hello" "$dir/hello.c" || return 1
    tar -C "$dir/root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
        -cf "$dir/layer.tar" hello
    gzip -n -9 -c "$dir/layer.tar" >"$dir/layer"
    printf '{"architecture":"%s","os":"linux","config":{"Cmd":["/hello"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"quickstart demo"}]}' \
        "$(platform)" "$(sha256 "$dir/layer.tar")" >"$dir/config"
    printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:%s","size":%s}]}' \
        "$DEMO_TYPE" "$(sha256 "$dir/config")" "$(stat -c %s "$dir/config")" \
        "$(sha256 "$dir/layer")" "$(stat -c %s "$dir/layer")" >"$dir/manifest"
}

demo_push_blob() { # FILE
    local digest location answer
    digest=sha256:$(sha256 "$1")
    answer=$(demo_curl -o /dev/null -D - -X POST \
        "$URL/v2/$DEMO_NAME/blobs/uploads/") || return 1
    location=$(printf '%s' "$answer" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    case $location in
    http*) ;;
    /*) location=$URL$location ;;
    *) return 1 ;;
    esac
    case $location in *\?*) location="$location&" ;; *) location="$location?" ;; esac
    demo_curl -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' \
        --data-binary "@$1" "${location}digest=$digest"
}

demo_pull() { # DIRECTORY; everything that was pushed must come back
    local dir=$1 part
    demo_curl -o "$dir/back.manifest" -H "Accept: $DEMO_TYPE" \
        "$URL/v2/$DEMO_NAME/manifests/1" || return 1
    cmp "$dir/manifest" "$dir/back.manifest" || return 1
    for part in config layer; do
        demo_curl -o "$dir/back.$part" \
            "$URL/v2/$DEMO_NAME/blobs/sha256:$(sha256 "$dir/$part")" || return 1
        cmp "$dir/$part" "$dir/back.$part" || return 1
    done
}

demo_with_client() { # DIRECTORY; the first client that can pull by itself
    local dir=$1 image=$HOST/$DEMO_NAME:1 verify=true
    [ -n "$USERPW" ] && return 0 # it would need a login, which is not ours to do
    # Most clients know no IPv6 address in the name of an image.
    case $HOST in \[*) return 0 ;; esac
    [ -n "$TLS_ON" ] || verify=false
    if command -v docker >/dev/null && timeout 10 docker version >/dev/null 2>&1; then
        [ -z "$TLS_ON" ] || [ -e "/etc/docker/certs.d/$HOST/ca.crt" ] || return 0
        docker pull -q "$image" && docker run --rm "$image"
    elif command -v podman >/dev/null; then
        podman pull -q --tls-verify=$verify ${CACERT:+--cert-dir "$dir/certs"} "$image"
    elif command -v skopeo >/dev/null; then
        skopeo copy -q --src-tls-verify=$verify ${CACERT:+--src-cert-dir "$dir/certs"} \
            "docker://$image" "dir:$dir/pulled"
    else
        return 0
    fi || return 1
    say "    and with a client of this machine: $image"
}

demo() {
    local dir=$WORK/demo
    rm -rf -- "$dir"
    mkdir -p "$dir/certs"
    [ -z "$CACERT" ] || cp -- "$CACERT" "$dir/certs/ca.crt"
    step "building a tiny image"
    demo_image "$dir" || die "the demo image could not be built"
    step "pushing it to $URL as $DEMO_NAME:1"
    demo_push_blob "$dir/config" && demo_push_blob "$dir/layer" &&
        demo_curl -o /dev/null -X PUT -H "Content-Type: $DEMO_TYPE" \
            --data-binary "@$dir/manifest" "$URL/v2/$DEMO_NAME/manifests/1" ||
        die "the push failed"
    step "pulling it again"
    demo_pull "$dir" || die "the pull did not give back what was pushed"
    demo_with_client "$dir" || die "the client could not pull $HOST/$DEMO_NAME:1"
    rm -rf -- "$dir"
    say "The demo worked: $HOST/$DEMO_NAME:1 went in and came out unchanged."
}
