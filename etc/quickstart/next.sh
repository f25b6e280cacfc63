# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The lines to type next, fitting the client found; sourced by quickstart.

client_found() {
    local name
    for name in docker podman skopeo; do
        command -v "$name" >/dev/null && { printf '%s\n' "$name"; return; }
    done
    printf 'none\n'
}

# docker takes plain http from 127.0.0.0/8 only; the others ask to be told.
next_docker() {
    [ -z "$USER_NAME" ] || say "  docker login -u $USER_NAME $HOST"
    cat <<END
  docker pull hello-world
  docker tag hello-world $HOST/team/app:1
  docker push $HOST/team/app:1
  docker pull $HOST/team/app:1
END
}

next_podman() {
    local plain=
    [ -n "$TLS_ON" ] || plain='--tls-verify=false '
    [ -z "$USER_NAME" ] || say "  podman login ${plain}-u $USER_NAME $HOST"
    cat <<END
  podman pull docker.io/library/alpine
  podman push ${plain}docker.io/library/alpine $HOST/team/app:1
  podman pull ${plain}$HOST/team/app:1
END
}

next_skopeo() {
    local to='' from=''
    [ -n "$TLS_ON" ] || { to='--dest-tls-verify=false ' from='--tls-verify=false '; }
    [ -z "$USER_NAME" ] || say "  skopeo login ${from}-u $USER_NAME $HOST"
    cat <<END
  skopeo copy --all ${to}docker://docker.io/library/alpine docker://$HOST/team/app:1
  skopeo list-tags ${from}docker://$HOST/team/app
END
}

next_none() {
    local auth='' trust=''
    [ -z "$USER_NAME" ] || auth=" -u $USER_NAME"
    [ -z "$CACERT" ] || trust=" --cacert '$CACERT'"
    cat <<END
  ./quickstart demo${USER_NAME:+ --user $USER_NAME:PASSWORD}
  curl$auth$trust $URL/v2/_catalog
  apt-get install --no-install-recommends podman     (or docker.io, or skopeo)
END
}

say_next() {
    local client
    client=$(client_found)
    say
    say "The registry runs on $URL, its images are in $DATA"
    case $client in
    none) say "No docker, podman or skopeo here; try:" ;;
    *) say "Next, with $client:" ;;
    esac
    "next_$client"
    [ "$client" = none ] || say "  ./quickstart demo${USER_NAME:+ --user $USER_NAME:PASSWORD}      (a push and a pull with an image of its own)"
    [ -z "$TLS_ON" ] || say_trust "$HOST"
    say
    say "To see it: ./quickstart status; to end it: ./quickstart stop (the data stays)."
    if [ -z "$USER_NAME" ]; then
        case $LISTEN in
        127.* | ::1) say "Everybody on this machine may push and pull; --user NAME:PASSWORD asks for a password." ;;
        *) warn "everybody who reaches $LISTEN may push and pull; --user NAME:PASSWORD asks for a password" ;;
        esac
    fi
}
