# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The private web server's configuration, around the files of nginx/ and
# apache/ as they are shipped; sourced by quickstart.

start_web() {
    mkdir -p -- "$RUN/berth"
    "write_$SERVER" || return 1
    case $SERVER in
    nginx) start_session web nginx -e stderr -p "$RUN" -c "$RUN/nginx.conf" ;;
    apache) start_session web apache2 -D FOREGROUND -f "$RUN/apache.conf" ;;
    esac
}

write_nginx() {
    cp -- "$TOP"/nginx/*.conf "$RUN/berth/" || return 1
    cat >"$RUN/berth/settings.conf" <<END
map "" \$berth_root    { default $RUN/data; }
map "" \$berth_sockets { default $RUN; }
map "" \$berth_policy  { default $RUN/policy; }
map "" \$berth_direct  { default 1; }
END
    cat >"$RUN/nginx.conf" <<END
daemon off;
user "$WEB_USER" "$WEB_GROUP";
worker_processes auto;
pcre_jit on;
pid $RUN/nginx.pid;
error_log $RUN/build/log/nginx-error.log;
events { worker_connections 2048; }
http {
    access_log $RUN/build/log/access.log;
    client_body_temp_path $RUN/tmp/body;
    fastcgi_temp_path $RUN/tmp/fastcgi;
    proxy_temp_path $RUN/tmp/proxy;
    uwsgi_temp_path $RUN/tmp/uwsgi;
    scgi_temp_path $RUN/tmp/scgi;
    include berth/http.conf;
    server {
        listen $(bracketed "$LISTEN"):$PORT${TLS_ON:+ ssl};
$(nginx_tls)
$(nginx_password)
        include berth/server.conf;
        location = / {
            default_type text/plain;
            return 200 "a container registry; its API is at /v2/\n";
        }
        location / {
            return 404;
        }
        include berth/errors.conf;
        error_page 494 /v2/_berth/error;
    }
}
END
}

nginx_tls() {
    [ -n "$TLS_ON" ] || return 0
    cat <<END
        ssl_certificate $RUN/tls/server.crt;
        ssl_certificate_key $RUN/tls/server.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:berth:1m;
END
}

nginx_password() {
    [ -n "$USER_NAME" ] || return 0
    cat <<END
        auth_basic "registry";
        auth_basic_user_file $RUN/htpasswd;
        set \$berth_checked \$remote_user;
END
}

# Apache refuses to serve as root, so there it is www-data that asks root's
# programs; prepare_run and start_pools give it the group that may.
write_apache() {
    local name
    cp -- "$TOP"/apache/*.conf "$RUN/berth/" || return 1
    cat >"$RUN/berth/settings.conf" <<END
Define BERTH_ROOT $RUN/data
Define BERTH_POLICY $RUN/policy
Define BERTH_DIRECT 1
Define BERTH_SOCKETS $RUN
Define BERTH_PROGRAMS $RUN/build/fcgi
Define BERTH_CONFIG $RUN/berth.conf
END
    {
        for name in mpm_event authn_core authn_file authz_core authz_user auth_basic \
            alias env headers setenvif proxy proxy_fcgi ${TLS_ON:+socache_shmcb ssl}; do
            printf 'LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n' "$name" "$name"
        done
        cat <<END
ServerRoot $RUN
ServerName localhost
DefaultRuntimeDir $RUN/tmp
PidFile $RUN/apache.pid
User $WEB_USER
Group $WEB_GROUP
ErrorLog $RUN/build/log/web.log
LogFormat "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" combined
CustomLog $RUN/build/log/access.log combined
Timeout 300
${TLS_ON:+SSLSessionCache shmcb:$RUN/tmp/sessions(512000)}
Listen $(bracketed "$LISTEN"):$PORT
<VirtualHost *:$PORT>
$(apache_tls)
$(apache_password)
    Include berth/proxy.conf
    RedirectMatch 200 "^/\$"
    ErrorDocument 200 "a container registry; its API is at /v2/"
    RedirectMatch 404 "^/(?!v2(?:/|\$)).+"
    Include berth/errors.conf
</VirtualHost>
END
    } >"$RUN/apache.conf"
}

apache_tls() {
    [ -n "$TLS_ON" ] || return 0
    cat <<END
    SSLEngine on
    SSLProtocol -all +TLSv1.2 +TLSv1.3
    SSLCertificateFile $RUN/tls/server.crt
    SSLCertificateKeyFile $RUN/tls/server.key
END
}

apache_password() {
    [ -n "$USER_NAME" ] || return 0
    cat <<END
    <Location "/v2">
        AuthType Basic
        AuthName registry
        AuthBasicProvider file
        AuthUserFile $RUN/htpasswd
        Require valid-user
    </Location>
END
}
