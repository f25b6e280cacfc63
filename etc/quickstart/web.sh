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
map "" \$berth_direct  { default 1; }
END
    cat >"$RUN/nginx.conf" <<END
daemon off;
user "$RUN_USER" "$RUN_GROUP";
worker_processes auto;
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
$(nginx_tls)$(nginx_password)
        include berth/server.conf;
        location = / {
            default_type text/plain;
            return 200 "a container registry; its API is at /v2/\n";
        }
        location / {
            return 404;
        }
        include berth/errors.conf;
        error_page 494 @berth_error;
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
END
}
