/* SPDX-License-Identifier: MIT */
#include "import_rules.h"

#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"

#define NO_CACHE "Berth needs no cache, and no Redis"
#define NO_BUCKET                                                              \
    "Berth keeps images in a directory; copy docker/registry/v2 out of this "  \
    "storage and let root name the directory that holds it"
#define BASIC_AUTH                                                             \
    "without it everybody may pull and push: the web server has to check "     \
    "passwords"
#define NO_PROXY                                                               \
    "Berth has no pull-through cache yet: it serves what it has, and, as "     \
    "here, nothing can be pushed (readonly = yes)"
#define NO_MIDDLEWARE "Berth has no middleware"
#define NO_EVENTS "Berth sends no notifications yet"
#define SENDS_NOWHERE "Berth reports errors to its log alone"
#define NO_CHECK "Berth checks nothing beside its work; watch it from outside"
#define ANY_URL                                                                \
    "Berth takes manifests with layers from any URL: this restriction is gone"

/* A section without rules below it speaks for all that is in it. */
static const struct import_rule rules[] = {
    {"version", IMPORT_SET, false, NULL, NULL},

    {"log", IMPORT_SECTION, false, NULL, NULL},
    {"log.level", IMPORT_MOOT, false,
     "Berth's log has no levels: log = all or errors", NULL},
    {"log.formatter", IMPORT_MOOT, false, "Berth's log is logfmt", NULL},
    {"log.fields", IMPORT_MOOT, false, "Berth's log has fields of its own",
     NULL},
    {"log.accesslog", IMPORT_SECTION, false, NULL, NULL},
    {"log.accesslog.disabled", IMPORT_SET, false, NULL, NULL},
    {"log.hooks", IMPORT_TODO, false,
     "Berth sends no mail; let what reads the log do so", NULL},
    {"log.reportcaller", IMPORT_MOOT, false, "for developers of Distribution",
     NULL},
    {"loglevel", IMPORT_MOOT, false,
     "Berth's log has no levels: log = all or errors", NULL},
    {"reporting", IMPORT_TODO, false, SENDS_NOWHERE, "bugsnag newrelic"},

    {"storage", IMPORT_SECTION, false, NULL, NULL},
    {"storage.filesystem", IMPORT_SECTION, false, NULL, NULL},
    {"storage.filesystem.rootdirectory", IMPORT_SET, false, NULL, NULL},
    {"storage.filesystem.maxthreads", IMPORT_MOOT, false,
     "as many requests run as there are workers: see /etc/berth/spawn.conf",
     NULL},
    {"storage.s3", IMPORT_ACCESS, false, NO_BUCKET,
     "accesskey secretkey sessiontoken region regionendpoint forcepathstyle "
     "accelerate bucket encrypt keyid secure skipverify v4auth chunksize "
     "multipartcopychunksize multipartcopymaxconcurrency "
     "multipartcopythresholdsize multipartcombinesmallpart rootdirectory "
     "storageclass objectacl useragent usedualstack usefipsendpoint loglevel "
     "redirectendpoint"},
    {"storage.s3aws", IMPORT_ACCESS, false, NO_BUCKET, NULL},
    {"storage.azure", IMPORT_ACCESS, false, NO_BUCKET, NULL},
    {"storage.gcs", IMPORT_ACCESS, false, NO_BUCKET, NULL},
    {"storage.swift", IMPORT_ACCESS, false, NO_BUCKET, NULL},
    {"storage.oss", IMPORT_ACCESS, false, NO_BUCKET, NULL},
    {"storage.inmemory", IMPORT_ACCESS, false,
     "Berth keeps images in a directory, named by root", NULL},
    {"storage.delete", IMPORT_SECTION, false, NULL, NULL},
    {"storage.delete.enabled", IMPORT_SET, false, NULL, NULL},
    {"storage.redirect", IMPORT_MOOT, false,
     "images in a directory are never redirected to", "disable"},
    {"storage.cache", IMPORT_MOOT, false, NO_CACHE,
     "blobdescriptor blobdescriptorsize layerinfo"},
    {"storage.tag", IMPORT_MOOT, false, "Berth looks up tags one by one",
     "concurrencylimit"},
    {"storage.maintenance", IMPORT_SECTION, false, NULL, NULL},
    {"storage.maintenance.readonly", IMPORT_SECTION, false, NULL, NULL},
    {"storage.maintenance.readonly.enabled", IMPORT_SET, false, NULL, NULL},
    {"storage.maintenance.uploadpurging", IMPORT_SECTION, false, NULL, NULL},
    {"storage.maintenance.uploadpurging.enabled", IMPORT_SET, false, NULL,
     NULL},
    {"storage.maintenance.uploadpurging.age", IMPORT_SET, false, NULL, NULL},
    {"storage.maintenance.uploadpurging.interval", IMPORT_MOOT, false,
     "pushes look after it by themselves, `berth purge` after the rest", NULL},
    {"storage.maintenance.uploadpurging.dryrun", IMPORT_SET, false, NULL, NULL},

    {"auth", IMPORT_SECTION, false, NULL, NULL},
    {"auth.htpasswd", IMPORT_SECTION, false, NULL, NULL},
    {"auth.htpasswd.path", IMPORT_ACCESS, false,
     BASIC_AUTH " (nginx: auth_basic_user_file %; Apache: AuthUserFile %)",
     NULL},
    {"auth.htpasswd.realm", IMPORT_ACCESS, false,
     BASIC_AUTH " (nginx: auth_basic \"%\"; Apache: AuthName \"%\")", NULL},
    {"auth.token", IMPORT_SECTION, false, NULL, NULL},
    {"auth.token.realm", IMPORT_SET, false, NULL, NULL},
    {"auth.token.service", IMPORT_SET, false, NULL, NULL},
    {"auth.token.issuer", IMPORT_SET, false, NULL, NULL},
    {"auth.token.rootcertbundle", IMPORT_SET, false, NULL, NULL},
    {"auth.token.jwks", IMPORT_SET, false, NULL, NULL},
    {"auth.token.signingalgorithms", IMPORT_ACCESS, false,
     "Berth takes each algorithm it knows that fits a trusted key: this "
     "restriction is gone",
     NULL},
    {"auth.token.autoredirect", IMPORT_ACCESS, true,
     "Berth sends clients to token_realm as it stands, not to the host they "
     "asked: let it be where tokens are had, for all of them",
     NULL},
    {"auth.token.autoredirectpath", IMPORT_MOOT, false,
     "Berth sends clients to token_realm as it stands", NULL},
    {"auth.silly", IMPORT_ACCESS, false,
     "without it requests without any Authorization are let in",
     "realm service"},

    {"middleware", IMPORT_TODO, false, NO_MIDDLEWARE,
     "registry repository storage"},

    {"http", IMPORT_SECTION, false, NULL, NULL},
    {"http.addr", IMPORT_TODO, false,
     "the web server listens (nginx: listen; Apache: Listen): %", NULL},
    {"http.net", IMPORT_TODO, false,
     "the web server listens (nginx: listen unix:PATH)", NULL},
    {"http.host", IMPORT_MOOT, false,
     "Berth's Location is relative, so it need not know its name", NULL},
    {"http.prefix", IMPORT_TODO, false,
     "Berth answers at /v2/ of a host, not below %: give it a name or a port "
     "of its own",
     NULL},
    {"http.secret", IMPORT_MOOT, false,
     "Berth keeps the state of uploads on disk and signs nothing", NULL},
    {"http.relativeurls", IMPORT_MOOT, false,
     "Berth's Location is always relative", NULL},
    {"http.draintimeout", IMPORT_MOOT, false,
     "a stopped program always ends the request it is at", NULL},
    {"http.tls", IMPORT_SECTION, false, NULL, NULL},
    {"http.tls.certificate", IMPORT_TODO, false,
     "the web server does TLS: ssl_certificate % in nginx, "
     "SSLCertificateFile % in Apache",
     NULL},
    {"http.tls.key", IMPORT_TODO, false,
     "the web server does TLS: ssl_certificate_key % in nginx, "
     "SSLCertificateKeyFile % in Apache",
     NULL},
    {"http.tls.clientcas", IMPORT_ACCESS, false,
     "without it clients need no certificate: ssl_client_certificate and "
     "ssl_verify_client on in nginx, SSLCACertificateFile and "
     "SSLVerifyClient require in Apache",
     NULL},
    {"http.tls.clientauth", IMPORT_ACCESS, false,
     "which clients need a certificate is for the web server to say: "
     "ssl_verify_client in nginx, SSLVerifyClient in Apache",
     NULL},
    {"http.tls.minimumtls", IMPORT_TODO, false,
     "the web server does TLS: ssl_protocols in nginx, SSLProtocol in Apache "
     "(here %)",
     NULL},
    {"http.tls.ciphersuites", IMPORT_TODO, false,
     "the web server does TLS: ssl_ciphers in nginx, SSLCipherSuite in Apache",
     NULL},
    {"http.tls.letsencrypt", IMPORT_TODO, false,
     "the web server does TLS: certbot fetches certificates for it, mod_md for "
     "Apache",
     "cachefile email hosts directoryurl"},
    {"http.headers", IMPORT_SECTION, false, NULL, NULL},
    {"http.headers.X-Content-Type-Options", IMPORT_MOOT, false,
     "Berth always says nosniff", NULL},
    {"http.headers.*", IMPORT_TODO, false,
     "the web server adds headers: add_header ... always in nginx, "
     "Header always set in Apache",
     NULL},
    {"http.debug", IMPORT_SECTION, false, NULL, NULL},
    {"http.debug.addr", IMPORT_TODO, false,
     "Berth has no port for debugging; GET /v2/ says whether it answers", NULL},
    {"http.debug.prometheus", IMPORT_SECTION, false, NULL, NULL},
    {"http.debug.prometheus.enabled", IMPORT_TODO, true,
     "Berth has no metrics yet; the web server's log has what was asked for",
     NULL},
    {"http.debug.prometheus.path", IMPORT_MOOT, false,
     "Berth has no metrics yet", NULL},
    {"http.http2", IMPORT_SECTION, false, NULL, NULL},
    {"http.http2.disabled", IMPORT_TODO, true,
     "the web server decides on HTTP/2: http2 in nginx, Protocols in Apache",
     NULL},
    {"http.h2c", IMPORT_SECTION, false, NULL, NULL},
    {"http.h2c.enabled", IMPORT_TODO, true,
     "the web server decides on HTTP/2: http2 in nginx, Protocols in Apache",
     NULL},

    {"notifications", IMPORT_SECTION, false, NULL, NULL},
    {"notifications.events", IMPORT_MOOT, false, NO_EVENTS,
     "includereferences"},
    {"notifications.endpoints", IMPORT_SECTION, false, NULL, NULL},
    {"notifications.endpoints.*", IMPORT_TODO, false, NO_EVENTS,
     "name disabled url headers timeout threshold backoff ignoredmediatypes "
     "ignore"},

    {"redis", IMPORT_MOOT, false, NO_CACHE,
     "addr addrs password username db dialtimeout readtimeout writetimeout "
     "pool tls clientname protocol sentinelusername sentinelpassword "
     "maxretries minretrybackoff maxretrybackoff contexttimeoutenabled "
     "poolfifo poolsize pooltimeout minidleconns maxidleconns maxactiveconns "
     "connmaxidletime connmaxlifetime maxredirects readonly routebylatency "
     "routerandomly mastername disableidentity identitysuffix unstableresp3"},

    {"health", IMPORT_SECTION, false, NULL, NULL},
    {"health.storagedriver", IMPORT_MOOT, false,
     "Berth keeps nothing that could be out of step with the storage",
     "enabled interval threshold"},
    {"health.file", IMPORT_SECTION, false, NULL, NULL},
    {"health.file.*", IMPORT_TODO, false,
     "to take Berth out of rotation, let the web server look for the file "
     "(nginx: if (-f FILE) { return 503; })",
     "file interval threshold"},
    {"health.http", IMPORT_SECTION, false, NULL, NULL},
    {"health.http.*", IMPORT_TODO, false, NO_CHECK,
     "uri headers statuscode timeout interval threshold"},
    {"health.tcp", IMPORT_SECTION, false, NULL, NULL},
    {"health.tcp.*", IMPORT_TODO, false, NO_CHECK,
     "addr timeout interval threshold"},

    {"catalog", IMPORT_SECTION, false, NULL, NULL},
    {"catalog.maxentries", IMPORT_SET, false, NULL, NULL},
    {"tags", IMPORT_SECTION, false, NULL, NULL},
    {"tags.maxtags", IMPORT_MOOT, false,
     "Berth lists all tags, or up to 10000 when a client asks for pages", NULL},

    {"proxy", IMPORT_SECTION, false, NULL, NULL},
    {"proxy.remoteurl", IMPORT_ACCESS, false, NO_PROXY, NULL},
    {"proxy.username", IMPORT_ACCESS, false, NO_PROXY, NULL},
    {"proxy.password", IMPORT_ACCESS, false, NO_PROXY, NULL},
    {"proxy.exec", IMPORT_ACCESS, false, NO_PROXY, "command lifetime"},
    {"proxy.ttl", IMPORT_ACCESS, false, NO_PROXY, NULL},
    {"proxy.cachewritetimeout", IMPORT_ACCESS, false, NO_PROXY, NULL},

    {"validation", IMPORT_SECTION, false, NULL, NULL},
    {"validation.enabled", IMPORT_MOOT, false,
     "Berth looks for the parts of a manifest and not at URLs", NULL},
    {"validation.disabled", IMPORT_TODO, true,
     "Berth never looks at URLs, but refuses lists without their images, which "
     "3.x then takes: sparse = yes takes them",
     NULL},
    {"validation.manifests", IMPORT_SECTION, false, NULL, NULL},
    {"validation.manifests.urls", IMPORT_SECTION, false, NULL, NULL},
    {"validation.manifests.urls.allow", IMPORT_ACCESS, false, ANY_URL, NULL},
    {"validation.manifests.urls.deny", IMPORT_ACCESS, false, ANY_URL, NULL},
    {"validation.manifests.indexes", IMPORT_SECTION, false, NULL, NULL},
    {"validation.manifests.indexes.platforms", IMPORT_SET, false, NULL, NULL},
    {"validation.manifests.indexes.platformlist", IMPORT_SET, false, NULL,
     NULL},

    {"policy", IMPORT_SECTION, false, NULL, NULL},
    {"policy.repository", IMPORT_SECTION, false, NULL, NULL},
    {"policy.repository.classes", IMPORT_ACCESS, false,
     "Berth takes every class of content: this restriction is gone", NULL},

    {"compatibility", IMPORT_SECTION, false, NULL, NULL},
    {"compatibility.schema1", IMPORT_SECTION, false, NULL, NULL},
    {"compatibility.schema1.enabled", IMPORT_ACCESS, true,
     "Berth does not take manifests of schema 1", NULL},
    {"compatibility.schema1.signingkeyfile", IMPORT_MOOT, false,
     "Berth signs nothing", NULL},
};

/* Step by step, '*' in the rule being any step. */
static bool matches(const char *rule, const char *path)
{
    struct span a = span_of(rule), b = span_of(path);

    while (a.ptr != NULL && b.ptr != NULL) {
        struct span step = span_cut(&a, '.'), given = span_cut(&b, '.');

        if (!span_equals(step, given) && !span_equals(step, SPAN("*")))
            return false;
    }
    return a.ptr == NULL && b.ptr == NULL;
}

const struct import_rule *import_rule_find(const char *path)
{
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (matches(rules[i].path, path))
            return &rules[i];
    return NULL;
}
