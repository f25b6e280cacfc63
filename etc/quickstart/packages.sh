# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Debian packages, installed without starting, restarting or enabling any
# service; sourced by quickstart and check. Wants say.sh, PROGRAM, TOP and a
# directory WORK for its log.

# The two names Debian itself asks before it starts or restarts a service.
POLICY=/usr/sbin/policy-rc.d
POLICY_SAVED=/usr/sbin/policy-rc.d.before-berth
POLICY_MARK='# berth: nothing starts while packages are installed'

APT=(apt-get -y --no-install-recommends -o Acquire::Retries=2
    -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef
    -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=60)

require_debian() {
    local ID='' ID_LIKE='' VERSION_ID='' PRETTY_NAME='this system'
    # shellcheck disable=SC1091
    [ ! -r /etc/os-release ] || . /etc/os-release
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        die "$PRETTY_NAME has no apt: this command is for Debian 12 and newer;" \
            "elsewhere build with ./configure (see README)"
    fi
    [ "$ID" = debian ] && [ "${VERSION_ID%%.*}" -lt 12 ] 2>/dev/null &&
        die "$PRETTY_NAME is too old: Berth needs Debian 12 or newer"
    [ "$ID" = debian ] ||
        warn "$PRETTY_NAME is not Debian; package names may differ"
}

# Prints those of the named packages that are not installed. "a|b" is
# satisfied by either; "a?" is wanted only where the release has it.
missing_packages() {
    local word name found
    local -A have=()
    while read -r name found; do
        [ "$found" = ii ] && have[$name]=1
    done < <(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' 2>/dev/null)
    for word in "$@"; do
        found=
        for name in ${word//[|?]/ }; do
            [ -z "${have[$name]:-}" ] || found=$name
        done
        [ -n "$found" ] || printf '%s\n' "$word"
    done
}

# a|b -> the first that apt can install, else the first; a? -> a or nothing.
known_package() {
    local name
    for name in ${1//[|?]/ }; do
        if [ -n "$(apt-cache policy -- "$name" 2>/dev/null |
            sed -n '/Candidate: (none)/d;/Candidate:/p')" ]; then
            printf '%s\n' "$name"
            return
        fi
    done
    case $1 in *\?) ;; *) printf '%s\n' "${1%%|*}" ;; esac
}

# Without the optional ones that apt has looked for before and does not know.
wanted_packages() {
    local word
    while read -r word; do
        case $word in
        *\?) [ -z "$(ls /var/lib/apt/lists/*Packages* 2>/dev/null)" ] ||
            [ -n "$(known_package "$word")" ] || continue ;;
        esac
        printf '%s\n' "$word"
    done
}

policy_deny() {
    policy_restore
    if [ -e "$POLICY" ] || [ -L "$POLICY" ]; then
        mv -f -- "$POLICY" "$POLICY_SAVED"
    fi
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY.berth"
    chmod 755 "$POLICY.berth"
    mv -f -- "$POLICY.berth" "$POLICY"
}

# Somebody else's newer file stays.
policy_restore() {
    rm -f -- "$POLICY.berth"
    if [ -f "$POLICY" ] && grep -qsxF "$POLICY_MARK" "$POLICY"; then
        rm -f -- "$POLICY"
    fi
    if [ -e "$POLICY_SAVED" ] || [ -L "$POLICY_SAVED" ]; then
        if [ -e "$POLICY" ] || [ -L "$POLICY" ]; then
            rm -f -- "$POLICY_SAVED"
        else
            mv -f -- "$POLICY_SAVED" "$POLICY"
        fi
    fi
}

# Mends what a killed run left behind, unless another run is at it just now.
policy_mend() {
    mkdir -p /run/lock
    (flock -n 8 && policy_restore) 8>/run/lock/berth-packages.lock
}

# Who holds one of apt's locks: "PID NAME", nothing when they are free.
apt_lock_holder() {
    local file inode pid
    for file in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock \
        /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
        inode=$(stat -c %i -- "$file" 2>/dev/null) || continue
        pid=$(awk -v inode="$inode" '$2 != "->" && $4 == "WRITE" {
            n = split($6, part, ":"); if (part[n] == inode) { print $5; exit } }' \
            /proc/locks 2>/dev/null)
        if [ -n "$pid" ]; then
            printf '%s %s\n' "$pid" "$(process_name "$pid")"
            return 0
        fi
    done
    return 1
}

wait_for_apt() {
    local holder left=${BERTH_APT_WAIT:-60} said=
    while holder=$(apt_lock_holder); do
        [ "$left" -gt 0 ] ||
            die "apt is locked by ${holder#* } (process ${holder% *});" \
                "try again when it has finished"
        [ -n "$said" ] ||
            say "    apt is busy (${holder#* }, process ${holder% *}); waiting up to $left s"
        said=1
        sleep 1
        left=$((left - 1))
    done
}

# One sentence for the failures people meet; the log for the rest.
apt_failed() { # LOG WHAT
    local log=$1 holder
    if grep -qE 'Could not get lock|Unable to (acquire|lock)' "$log"; then
        holder=$(apt_lock_holder) || holder='? another program'
        die "apt is locked by ${holder#* } (process ${holder% *});" \
            "try again when it has finished"
    elif grep -qE "enough free space|No space left" "$log"; then
        die "the disk is too full to install packages:" \
            "$(df -Ph / | awk 'NR == 2 { print $4 }') left on /"
    elif grep -qE 'resolv|Failed to fetch|Could not connect|Connection (failed|timed)|Network is unreachable|Unable to connect' "$log"; then
        show_end "$log" 4
        die "the Debian mirror cannot be reached, so $2 cannot be installed:" \
            "check the network and /etc/apt/sources.list"
    elif grep -qE 'Unable to locate package|no installation candidate' "$log"; then
        show_end "$log" 4
        die "Debian's package lists do not know all of: $2"
    fi
    show_end "$log"
    die "apt-get could not install: $2 (whole log: $log)"
}

# dpkg runs in a session of its own: a Ctrl-C must not reach it half way, it
# would leave packages unconfigured. The shell's trap waits for it.
apt_protected() { # LOG ARGUMENTS...
    local log=$1 pid rc=0
    shift
    setsid "${APT[@]}" "$@" >>"$log" 2>&1 </dev/null 8>&- &
    pid=$!
    APT_RUNNING=$pid
    wait "$pid" || rc=$?
    APT_RUNNING=
    return "$rc"
}

# For the trap: wait for a dpkg that is under way, then finish as always.
packages_abort() {
    if [ -n "${APT_RUNNING:-}" ] && kill -0 "$APT_RUNNING" 2>/dev/null; then
        say "    letting dpkg finish, stopping it half way would break packages"
        while kill -0 "$APT_RUNNING" 2>/dev/null; do wait "$APT_RUNNING"; done
    fi
    APT_RUNNING=
    [ -z "${POLICY_HELD:-}" ] || leave_quiet
}

require_disk() { # MEGABYTES DIRECTORY WHY
    local free
    free=$(df -Pk -- "$2" | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -ge "$1" ] ||
        die "little disk: $3 needs about $1 MB, $2 has $free MB left"
}

# Enabled services and Apache modules as they are now, one word each.
enabled_now() {
    find /etc/systemd/system -type l -path '*.wants/*' -printf 'unit:%f\n' 2>/dev/null
    find /etc/rc[2-5].d -name 'S*' -printf 'init:%f\n' 2>/dev/null | sed 's/:S[0-9]*/:/'
    find /etc/apache2/mods-enabled -name '*.load' -printf 'apache:%f\n' 2>/dev/null
}

# What the packages enabled would run at the next boot, on the very ports the
# machine's own servers use; so it is switched off again.
disable_new() { # FILE with enabled_now from before
    local word names=
    while read -r word; do
        case $word in
        unit:*.service | unit:*.socket)
            systemctl -q disable "${word#unit:}" >/dev/null 2>&1
            rm -f -- /etc/systemd/system/*.wants/"${word#unit:}"
            names="$names ${word#unit:}" ;;
        init:*)
            update-rc.d "${word#init:}" disable >/dev/null 2>&1
            names="$names ${word#init:}.service" ;;
        apache:*)
            grep -q ^apache: "$1" || continue # all of Apache is new
            word=${word#apache:}
            a2dismod -q -f "${word%.load}" >/dev/null 2>&1 || true ;;
        esac
    done < <(enabled_now | sort -u | comm -13 "$1" -)
    names=$(printf '%s\n' $names | sort -u | paste -sd ' ')
    [ -z "$names" ] || say "    left switched off, also at boot: $names"
}

install_packages() { # WHY NAME...
    local why=$1 log="$WORK/apt.log" word names=()
    shift
    mapfile -t words < <(missing_packages "$@" | wanted_packages)
    if [ "${#words[@]}" -eq 0 ]; then
        step "packages for $why: all there"
        return
    fi
    is_root || die "these packages are missing and only root can install them: ${words[*]}"
    step "packages for $why: ${#words[@]} missing"
    require_disk "${INSTALL_MB:-700}" /usr "installing ${#words[@]} packages and what they need"
    mkdir -p /run/lock
    exec 8>/run/lock/berth-packages.lock
    flock -w 600 8 || die "another quickstart or check has been installing packages for ten minutes"
    wait_for_apt
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 NEEDRESTART_MODE=l \
        APT_LISTCHANGES_FRONTEND=none APT_LISTBUGS_FRONTEND=none UCF_FORCE_CONFFOLD=1
    : >"$log"
    # A third-party source that is away must not stop us: what counts is
    # whether the packages can be had.
    "${APT[@]}" update >>"$log" 2>&1 </dev/null 8>&- || true
    for word in "${words[@]}"; do
        mapfile -t -O "${#names[@]}" names < <(known_package "$word")
    done
    if [ "${#names[@]}" -eq 0 ]; then exec 8>&-; return; fi
    say "    ${names[*]}"
    "${APT[@]}" install --download-only --no-upgrade "${names[@]}" \
        >>"$log" 2>&1 </dev/null 8>&- || apt_failed "$log" "${names[*]}"
    install_quietly "$log" "${names[@]}"
    exec 8>&-
}

# The record of what was enabled is taken before and used after; one that a
# killed run left behind today still tells the state before that run.
install_quietly() { # LOG NAME...
    local log=$1
    shift
    [ -n "$(find "$WORK/enabled.before" -mmin -720 2>/dev/null)" ] ||
        enabled_now | sort -u >"$WORK/enabled.before"
    POLICY_HELD=1
    policy_deny
    if [ -n "$(ls -A /var/lib/dpkg/updates)" ] ||
        dpkg --audit 2>/dev/null | grep -q .; then
        setsid dpkg --configure -a --force-confold >>"$log" 2>&1 </dev/null 8>&- || true
    fi
    apt_protected "$log" install --no-upgrade "$@" || apt_failed "$log" "$*"
    leave_quiet
}

leave_quiet() {
    POLICY_HELD=
    disable_new "$WORK/enabled.before"
    rm -f -- "$WORK/enabled.before"
    policy_restore
}
