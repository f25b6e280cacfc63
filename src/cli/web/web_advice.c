/* SPDX-License-Identifier: MIT */
#include "web_advice.h"

#include <stdio.h>

#include "base/compiler.h"

#define ROWS WEB_UNKNOWN /* servers with advice of their own */

/* A line break begins another line of the same advice. */
static const struct {
    const char *all; /* whatever the server */
    const char *one[ROWS];
} advices[] = {
    [WEB_ADVICE_NONE] = {NULL, {NULL}},
    [WEB_ADVICE_CHAIN] =
        {"a private CA: name its certificate with --ca, and give it to each "
         "client (README); else send the intermediate certificates too:",
         {"ssl_certificate FULLCHAIN.pem;   the server's certificate first",
          "SSLCertificateFile FULLCHAIN.pem   the server's certificate first",
          "ssl.pemfile = \"FULLCHAIN.pem\"   the server's certificate first"}},
    [WEB_ADVICE_CERTIFICATE] =
        {"a certificate that is valid now and names this host:",
         {"ssl_certificate and ssl_certificate_key in the server {} of this "
          "name, then nginx -s reload",
          "SSLCertificateFile and SSLCertificateKeyFile in the <VirtualHost> "
          "of this name, then apachectl graceful",
          "ssl.pemfile and ssl.privkey, then a restart"}},
    [WEB_ADVICE_TLS] =
        {"clients refuse plain http from anywhere but the machine itself; "
         "serve it by TLS:",
         {"see example-tls.conf", "see example-tls.conf",
          "see example-tls.conf"}},
    [WEB_ADVICE_REDIRECT] =
        {"give clients the address it leads to, or leave /v2/ out of it:",
         {"no `return 301` in the server {} itself: put it into location / {}",
          "RewriteCond %{REQUEST_URI} !^/v2(/|$)   before the RewriteRule; "
          "in place of Redirect: RedirectMatch 301 \"^/(?!v2(/|$))(.*)\" ...\n"
          ".htaccess: the same RewriteCond",
          "$HTTP[\"url\"] !~ \"^/v2(/|$)\" { url.redirect = ... }"}},
    [WEB_ADVICE_SITE] =
        {"Berth has to be at /v2/ of this very host name and port:",
         {"include berth/server.conf;   inside the server {} of this name, "
          "and include berth/http.conf; inside http {}",
          "Include berth/proxy.conf   (or berth/fcgid.conf) inside the "
          "<VirtualHost> of this name\n"
          ".htaccess: in v2/ of the document root of this name, and heeded "
          "(AllowOverride), where CGI may run (Options ExecCGI)",
          "include \"berth/berth.conf\"   in the $HTTP[\"host\"] of this "
          "name, if there are several"}},
    [WEB_ADVICE_CLOSED] =
        {"the web server has to let clients in to /v2:",
         {"no `deny` that touches /v2/ and this address",
          "no Require that refuses this address in <LocationMatch "
          "\"^/v2(?:/|$)\">; with fcgid, Require all granted for the "
          "directory of the programs\n"
          ".htaccess: the host has to allow Options ExecCGI and "
          "FollowSymLinks",
          "no url.access-deny for /v2"}},
    [WEB_ADVICE_STOPPED] =
        {"start the programs: systemctl start berth.target, or berth-spawn "
         "start; if they run, the web server looks elsewhere, or may not:",
         {"$berth_sockets in berth/settings.conf",
          "Define BERTH_SOCKETS in berth/settings.conf (with fcgid: Define "
          "BERTH_PROGRAMS)",
          "var.berth_sockets in berth/settings.conf"}},
    [WEB_ADVICE_FAILED] =
        {"the error log says why; so does `berth configtest`:",
         {"the error_log of this server {}",
          "the ErrorLog of this <VirtualHost>\n"
          ".htaccess: a line that the host does not allow (AllowOverride), or "
          "programs with other modes than 0755 or another owner (suEXEC)",
          "server.errorlog"}},
    [WEB_ADVICE_CHALLENGE] =
        {"401 must come with WWW-Authenticate, or clients never send a "
         "password:",
         {"auth_basic \"registry\"; auth_basic_user_file FILE;",
          "AuthType Basic, AuthName \"registry\", AuthUserFile FILE, Require "
          "valid-user",
          "auth.require with \"method\" => \"basic\""}},
    [WEB_ADVICE_PASSWORD] =
        {"a wrong password has to be refused:",
         {"satisfy all;   and no `allow` beside auth_basic unless meant; see "
          "auth_basic_user_file",
          "Require valid-user inside <LocationMatch \"^/v2(?:/|$)\">, not "
          "beside another Require (a <RequireAny>), with AuthBasicProvider "
          "and AuthUserFile as meant",
          "auth.backend and auth.require for \"/v2\""}},
    [WEB_ADVICE_PART] =
        {"the password has to be asked for everything below /v2:",
         {"auth_basic and auth_basic_user_file in the server {}, not in one "
          "location; no limit_except",
          "AuthType ... Require valid-user inside <LocationMatch "
          "\"^/v2(?:/|$)\">, without <Limit> or <LimitExcept>\n"
          ".htaccess: without <Limit>, <Files> or RewriteRule around it",
          "auth.require = ( \"/v2\" => ... ), without a condition around "
          "it"}},
    [WEB_ADVICE_USER] =
        {"is the password right? The error log says. Then:",
         {"auth_basic_user_file must name the file, and the workers must be "
          "able to read it",
          "AuthUserFile must name the file, and Apache must be able to read "
          "it\n"
          ".htaccess: CGIPassAuth On, or SetEnvIf Authorization \"(.+)\" "
          "HTTP_AUTHORIZATION=$1, where something in front eats the field",
          "auth.backend.htpasswd.userfile must name the file"}},
    [WEB_ADVICE_METHODS] =
        {"all of GET HEAD POST PATCH PUT DELETE have to reach Berth:",
         {"no limit_except, and no `if ($request_method ...)`, that touches "
          "/v2/",
          "no <Limit>, <LimitExcept>, AllowMethods or RewriteCond "
          "%{REQUEST_METHOD} that touches /v2; with mod_security: <Location "
          "\"/v2/\"> SecRuleEngine Off </Location>\n"
          ".htaccess: nothing, as SecRuleEngine is a 500 there with most "
          "builds; the host, or its control panel, has to let them pass",
          "no $HTTP[\"request-method\"] that denies them for /v2"}},
    [WEB_ADVICE_LENGTH] =
        {"without Content-Length docker cannot ask for a manifest:",
         {"no filter that changes bodies (sub_filter, gzip, ssi) in /v2/",
          "SetEnv ap_trust_cgilike_cl 1   inside <LocationMatch "
          "\"^/v2(?:/|$)\">, as berth/common.conf has it\n"
          ".htaccess: SetEnv ap_trust_cgilike_cl 1",
          "no mod_deflate for /v2"}},
    [WEB_ADVICE_EMPTY] =
        {"an answer to HEAD must say Content-Length: 0, too:",
         {"no filter that changes headers in /v2/",
          "Header edit Content-Length \"^0$\" \" 0\" \"expr=%{REQUEST_METHOD} "
          "== 'HEAD' && %{SERVER_PROTOCOL} =~ m#^HTTP/1#\"   as "
          "berth/common.conf has it",
          "no filter that changes headers in /v2"}},
    [WEB_ADVICE_COMPRESSION] =
        {"compression changes lengths, and digests where a client looks at "
         "what came:",
         {"gzip off;   (and brotli off;) inside the locations of /v2/, as "
          "berth/program.conf has it",
          "SetEnv no-gzip 1, SetEnv no-brotli 1   inside <LocationMatch "
          "\"^/v2(?:/|$)\">\n"
          ".htaccess: the same two lines",
          "$HTTP[\"url\"] =~ \"^/v2/\" { deflate.mimetypes = () }"}},
    [WEB_ADVICE_LIMIT] =
        {"a layer of an image is one body:",
         {"client_max_body_size 0;   in the locations of /v2/, as "
          "berth/server.conf and berth/route.conf have it",
          "LimitRequestBody 0   inside <LocationMatch \"^/v2(?:/|$)\">; with "
          "mod_fcgid FcgidMaxRequestLen, or rather berth/proxy.conf; with "
          "mod_security SecRequestBodyAccess Off\n"
          ".htaccess: LimitRequestBody 0",
          "server.max-request-size = 0"}},
    [WEB_ADVICE_UPLOAD] =
        {"uploads have to reach Berth whole, in chunks too; the error log says "
         "more:",
         {"fastcgi_request_buffering off;   as berth/server.conf has it, and "
          "room in client_body_temp_path",
          "LimitRequestBody 0, RequestReadTimeout body=10,minrate=500; with "
          "mod_fcgid FcgidMaxRequestLen; with mod_security "
          "SecRequestBodyAccess Off",
          "server.max-request-size = 0 for uploads, room in "
          "server.upload-dirs; server.stream-request-body = 0 for bodies in "
          "chunks"}},
    [WEB_ADVICE_EXPECT] =
        {"clients wait for the word before they send a large body; something "
         "in front does not pass on Expect: 100-continue",
         {NULL}},
    [WEB_ADVICE_LOCATION] =
        {"clients go on with the address in Location: nothing in front may "
         "change it:",
         {"proxy_redirect off;   where nginx passes on to another server",
          "no ProxyPassReverse for /v2, which Berth does not need",
          "no proxy.header map-urlpath for /v2"}},
    [WEB_ADVICE_RANGE] =
        {"a pull that broke off starts again from the first byte:",
         {"no `max_ranges 0;` in /v2/",
          "no MaxRanges none, no Header unset "
          "Accept-Ranges in /v2",
          "server.range-requests = \"enable\""}},
    [WEB_ADVICE_REALM] =
        {"token_realm in berth.conf has to be a URL of TLS that each client "
         "reaches; Berth's own tokens are had at https://HOST/token:",
         {"include berth/token.conf;   inside the server {}: see "
          "example-bearer.conf",
          "Include berth/token.conf   inside the <VirtualHost>: see "
          "example-bearer.conf",
          "include \"berth/token.conf\": see example-bearer.conf"}},
    [WEB_ADVICE_TOKEN] =
        {"the log of the programs says what is wrong with it; in berth.conf, "
         "token_keys, or what is trusted, has to fit who made it, and "
         "token_service what it is for; and the clocks have to agree",
         {NULL}},
    [WEB_ADVICE_DIRECT] =
        {"the web server answers pulls of blobs by itself, and must not where "
         "a policy or a token decides:",
         {"set $berth_direct \"\";   in the server {}, and $berth_policy in "
          "berth/settings.conf must name the policy",
          "SetEnvIf Request_URI \"^/v2\" berth_indirect   in the "
          "<VirtualHost>, and Define BERTH_POLICY in berth/settings.conf must "
          "name the policy",
          "nothing that sends files of the registry but berth/berth.conf"}},
};
_Static_assert(ARRAY_SIZE(advices) == WEB_ADVICE_COUNT, "all advice");

static const char *const names[ROWS] = {
    [WEB_NGINX] = "nginx",
    [WEB_APACHE] = "apache",
    [WEB_LIGHTTPD] = "lighttpd",
};

enum web_server web_server_of(struct span field)
{
    static const struct {
        const char *start;
        enum web_server server;
    } starts[] = {
        {"nginx", WEB_NGINX},       {"openresty", WEB_NGINX},
        {"angie", WEB_NGINX},       {"Apache", WEB_APACHE},
        {"lighttpd", WEB_LIGHTTPD},
    };

    for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
        if (span_starts_with(field, span_of(starts[i].start)))
            return starts[i].server;
    }
    return WEB_UNKNOWN;
}

void web_advice_print(enum web_advice advice, enum web_server server)
{
    if (advices[advice].all != NULL)
        printf("         %s\n", advices[advice].all);
    for (size_t i = 0; i < ROWS; i++) {
        struct span rest = span_of(advices[advice].one[i]);

        if (server != WEB_UNKNOWN && server != i)
            continue;
        while (rest.len > 0) {
            struct span line = span_cut(&rest, '\n');

            printf("           %s: %.*s\n", names[i], SPAN_ARGS(line));
        }
    }
}
