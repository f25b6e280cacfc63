# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A private certificate authority and a server certificate; sourced by
# quickstart. Wants say.sh, TLS (their directory) and LISTEN.

# The names and addresses a client may use for this machine, as openssl's
# subjectAltName: a certificate counts only for what is listed in it.
certificate_names() {
    local word
    {
        printf 'DNS:localhost\nIP:127.0.0.1\nIP:::1\n'
        for word in "$(uname -n)" "$(hostname -f 2>/dev/null)"; do
            case $word in
            '' | *[!A-Za-z0-9.-]*) ;;
            *) printf 'DNS:%s\n' "$word" ;;
            esac
        done
        case $LISTEN in
        0.0.0.0 | ::)
            for word in $(hostname -I 2>/dev/null); do printf 'IP:%s\n' "$word"; done ;;
        *) printf 'IP:%s\n' "$LISTEN" ;;
        esac
    } | sort -u | paste -sd ,
}

make_authority() {
    [ ! -s "$TLS/ca.crt" ] || [ ! -s "$TLS/ca.key" ] || return 0
    openssl ecparam -name prime256v1 -genkey -noout -out "$TLS/ca.key" &&
        openssl req -x509 -new -key "$TLS/ca.key" -sha256 -days 3650 \
            -subj "/CN=Berth on $(uname -n | cut -c 1-40)" -config "$TLS/openssl.cnf" \
            -extensions authority -out "$TLS/ca.crt"
}

# 820 days: some clients refuse certificates of more than 825.
make_certificate() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$TLS/server.key" &&
        openssl req -new -key "$TLS/server.key" -subj "/CN=$(uname -n | cut -c 1-60)" \
            -config "$TLS/openssl.cnf" -out "$TLS/server.csr" &&
        openssl x509 -req -in "$TLS/server.csr" -CA "$TLS/ca.crt" -CAkey "$TLS/ca.key" \
            -set_serial "0x$(openssl rand -hex 15)" -sha256 -days 820 \
            -extfile "$TLS/openssl.cnf" -extensions server -out "$TLS/server.only" &&
        cat "$TLS/server.only" "$TLS/ca.crt" >"$TLS/server.crt" &&
        printf '%s\n' "$1" >"$TLS/names"
}

# The keys stay beside the data, so that clients go on trusting the same
# authority after a stop; a new certificate only when the names changed, the
# old one ends within a month, or another authority signed it.
make_tls() {
    local names log="$RUN/tls.log"
    names=$(certificate_names)
    mkdir -p -- "$TLS"
    cat >"$TLS/openssl.cnf" <<END
[req]
distinguished_name = empty
prompt = no
[empty]
[authority]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $names
END
    (
        umask 077
        make_authority || exit 1
        [ "$(cat "$TLS/names" 2>/dev/null)" = "$names" ] &&
            openssl x509 -in "$TLS/server.crt" -noout -checkend 2592000 &&
            openssl verify -CAfile "$TLS/ca.crt" "$TLS/server.crt" ||
            make_certificate "$names"
    ) >"$log" 2>&1 || { show_end "$log"; die "openssl could not make the certificates"; }
    rm -f -- "$TLS/openssl.cnf" "$TLS/server.csr" "$TLS/server.only"
    chmod 644 "$TLS/ca.crt"
}

say_trust() {
    local host=$1
    cat <<END

Clients trust this registry by its authority's certificate; copy it to each:
  $TLS/ca.crt
  docker      to /etc/docker/certs.d/$host/ca.crt
  podman, buildah, skopeo
              to /etc/containers/certs.d/$host/ca.crt
  containerd  to /etc/containerd/certs.d/$host/ca.crt, and a hosts.toml beside it:
              server = "https://$host"
              [host."https://$host"]
              ca = "ca.crt"
  all others  to /usr/local/share/ca-certificates/berth.crt, then update-ca-certificates
END
}
