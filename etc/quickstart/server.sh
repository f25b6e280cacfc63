# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Starting the pools and the private web server; sourced by quickstart.

ROUTES=(version catalog tags referrers manifest blob upload token)
declare -A WORKERS

# The directories of the tree that exist, and the programs, as USER sees them.
# What is missing below the data directory is made for that user later.
can_serve() { # UID GID
    # shellcheck disable=SC2016
    as_user "$1" "$2" sh -c '
        [ -x "$1/fcgi/version" ] && [ -x "$1/fcgi/upload" ] || exit 1
        for tree in docker docker/registry docker/registry/v2 \
            docker/registry/v2/blobs docker/registry/v2/repositories; do
            [ ! -e "$2/$tree" ] || { [ -r "$2/$tree" ] && [ -w "$2/$tree" ] &&
                [ -x "$2/$tree" ]; } || exit 1
        done
        while [ ! -e "$2" ]; do set -- "$1" "$(dirname -- "$2")"; done
        [ -x "$2" ]' sh "$BUILD" "$DATA"
}

# www-data where that user can reach the programs and the data; else the
# owner of the checkout, who can; last root, for a tree that root wrote.
choose_user() {
    local id
    for id in "$(id -u www-data) $(id -g www-data)" "$(stat -c '%u %g' -- "$TOP")" '0 0'; do
        RUN_UID=${id% *} RUN_GID=${id#* }
        # The web servers want names.
        RUN_USER=$(id -nu "$RUN_UID" 2>/dev/null) &&
            RUN_GROUP=$(getent group "$RUN_GID" | cut -d : -f 1) &&
            [ -n "$RUN_GROUP" ] && can_serve "$RUN_UID" "$RUN_GID" && break
    done
    WEB_USER=$RUN_USER WEB_GROUP=$RUN_GROUP
    [ "$SERVER:$RUN_UID" != apache:0 ] || WEB_USER=www-data WEB_GROUP=www-data
    [ "$RUN_USER" = www-data ] ||
        say "    runs as $RUN_USER: www-data cannot use $BUILD and $DATA" \
            "(a checkout and --data outside of home directories let it)"
}

# $DATA itself stays root's (the keys of --tls lie in it), the tree is the
# run user's. What exists keeps its owner.
prepare_data() {
    local part=$DATA name
    mkdir -p -m 755 -- "$DATA" || die "cannot make the data directory $DATA"
    require_disk 100 "$DATA" "the data directory"
    for name in docker registry v2; do
        part=$part/$name
        [ -d "$part" ] ||
            install -d -m 2750 -o "$RUN_UID" -g "$RUN_GID" -- "$part" ||
            die "cannot make $part"
    done
}

# Names without spaces for what a configuration has to name.
prepare_run() {
    local dir
    mkdir -p -- "$RUN/tmp"
    ln -sfn -- "$DATA" "$RUN/data"
    ln -sfn -- "$BUILD" "$RUN/build"
    for dir in body fastcgi proxy uwsgi scgi; do
        install -d -m 700 -o "$RUN_UID" -g "$RUN_GID" -- "$RUN/tmp/$dir"
    done
    [ -z "$TLS_ON" ] || prepare_tls
    if [ -n "$USER_NAME" ]; then
        printf '%s\n' "$HTPASSWD" >"$RUN/htpasswd"
        chown "root:$WEB_GROUP" "$RUN/htpasswd"
        chmod 640 "$RUN/htpasswd"
    fi
    cat >"$RUN/berth.conf" <<END
# Made by ./quickstart; gone with ./quickstart stop.
root = $RUN/data
END
}

prepare_tls() {
    local owner
    owner=$(stat -c %u -- "$DATA")
    [ "$owner" -eq 0 ] || [ "$owner" = "$(stat -c %u -- "$TOP")" ] ||
        die "--tls keeps its keys in $DATA, which $(id -nu "$owner") owns and could exchange; chown root '$DATA'"
    [ ! -L "$TLS" ] || die "$TLS is a symbolic link"
    make_tls
    install -d -m 700 "$RUN/tls"
    install -m 600 -- "$TLS/server.crt" "$TLS/server.key" "$RUN/tls/"
}

# Sets USER_NAME and HTPASSWD, the line for the web server: a hash from the
# password given, or the one the running instance has.
settle_user() {
    local old salt password
    USER_NAME='' HTPASSWD=''
    old=$(cat "$RUN/htpasswd" 2>/dev/null)
    if [ -n "$USERPW" ]; then
        USER_NAME=${USERPW%%:*} password=${USERPW#*:}
        salt=$(printf '%s' "$old" | cut -d '$' -f 3)
        [ "${old%%:*}" = "$USER_NAME" ] && [ -n "$salt" ] &&
            HTPASSWD=$USER_NAME:$(printf '%s\n' "$password" | openssl passwd -6 -salt "$salt" -stdin)
        [ "$HTPASSWD" = "$old" ] && [ -n "$old" ] ||
            HTPASSWD=$USER_NAME:$(printf '%s\n' "$password" | openssl passwd -6 -stdin)
    elif [ -n "$KEPT_USER" ]; then
        USER_NAME=$KEPT_USER HTPASSWD=$old
    fi
}

# What the instance was made from: options, programs, shipped configuration.
fingerprint() {
    {
        printf '%s\n' "$LISTEN" "$PORT" "$SERVER" "$DATA" "$TLS_ON" "$HTPASSWD"
        stat -c '%n %Y %s %i' "$BUILD"/fcgi/* 2>/dev/null
        cat "$TOP"/nginx/*.conf "$TOP"/apache/*.conf "$TOP"/etc/quickstart/*.sh
    } | sha256sum | cut -d ' ' -f 1
}

same_instance() {
    is_running && [ "$(state fingerprint)" = "$(fingerprint)" ] && answers &&
        all_alive
}

# Every program started is there: a pool whose master is gone is not.
all_alive() {
    local pid start count=0
    while read -r _ pid start; do
        [ "$(start_time "$pid")" = "$start" ] || return 1
        count=$((count + 1))
    done < <(live_sessions)
    [ "$count" -eq $((${#ROUTES[@]} + 1)) ]
}

# GET /v2/ as a client sends it; 401 is an answer where a password is asked.
answers() {
    local code host=$LISTEN
    case $host in 0.0.0.0) host=127.0.0.1 ;; ::) host=::1 ;; esac
    code=$(curl -q -s -o /dev/null -w '%{http_code}' --noproxy '*' --max-time 5 -k \
        "$SCHEME://$(bracketed "$host"):$PORT/v2/")
    [ "$code" = 200 ] || { [ "$code" = 401 ] && [ -n "$USER_NAME" ]; }
}

wait_answer() {
    local tenths=200
    until answers; do
        [ "$tenths" -gt 0 ] && all_alive || return 1
        sleep 0.1
        tenths=$((tenths - 1))
    done
}

start_failed() {
    local name shown=
    for name in web nginx-error "${ROUTES[@]}"; do
        [ -s "$LOG/$name.log" ] && [ "${shown:-0}" -lt 2 ] || continue
        shown=$((${shown:-0} + 1))
        say "    end of $LOG/$name.log:" >&2
        show_end "$LOG/$name.log" 5
    done
    die "$1"
}

# The pools of a small installation. Two workers each would do for one person;
# these numbers also stand a few slow uploads.
WORKERS=([version]='-w 1' [catalog]='-w 1' [tags]='-w 2' [referrers]='-w 2'
    [manifest]='-w 4' [blob]='-w 4' [upload]='-w 8 -t 32' [token]='-w 2')

# spawn-fcgi -n stays in front, so that log lines come to the log, and becomes
# the program; it drops to the run user itself, but refuses to "drop" to root.
start_pools() {
    local route who=()
    [ "$RUN_UID" -eq 0 ] || who=(-u "$RUN_USER" -g "$RUN_GROUP" -U "$RUN_USER")
    [ "$WEB_GROUP" = root ] || who+=(-G "$WEB_GROUP")
    for route in "${ROUTES[@]}"; do
        # shellcheck disable=SC2086
        start_session "$route" spawn-fcgi -n -s "$RUN/$route.sock" -M 0660 -b 4096 \
            "${who[@]}" -- "$RUN/build/fcgi/$route" -c "$RUN/berth.conf" \
            ${WORKERS[$route]} || return 1
    done
}

write_state() {
    cat >"$RUN/state" <<END
listen=$LISTEN
port=$PORT
server=$SERVER
data=$DATA
tls=$TLS_ON
user=$USER_NAME
runs_as=$RUN_USER
fingerprint=$(fingerprint)
END
}

start_instance() {
    if is_running; then
        step "restarting with what changed"
        stop_instance
        require_port "$LISTEN" "$PORT"
    fi
    clean_run
    step "starting on $URL with $SERVER"
    choose_user
    prepare_data
    STARTING=1
    set_sources "$RUN/src"
    prepare_run
    rm -f -- "$LOG"/{access,web,nginx-error,version,catalog,tags,referrers,manifest,blob,upload,token}.log
    start_pools && start_web || start_failed "the programs could not be started"
    wait_answer || start_failed "the registry does not answer on $URL"
    write_state
    STARTING=
}
