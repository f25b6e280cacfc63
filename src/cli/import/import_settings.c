/* SPDX-License-Identifier: MIT */
#include "import.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "base/num.h"
#include "store/settings.h"

#define CATALOG_LIMIT_MAX 50000
#define DEFAULT_ROOT "/var/lib/registry" /* of Distribution */
#define DEFAULT_AGE 604800               /* seconds; 168h */
#define NS_PER_SECOND UINT64_C(1000000000)

static const struct yaml_tree *find(const struct import *import,
                                    const char *path)
{
    const struct yaml_tree *node = import->tree;
    CLEANUP(buf) struct buf key = BUF_INIT(256);

    for (struct span rest = span_of(path); rest.ptr != NULL;) {
        buf_clear(&key);
        buf_add(&key, span_cut(&rest, '.'));
        node = yaml_tree_member(node, buf_text(&key));
    }
    return yaml_tree_is_null(node) ? NULL : node;
}

/* Leaves `out` alone where nothing is said. */
static int find_boolean(const struct import *import, const char *path,
                        bool *out, struct err *err)
{
    const struct yaml_tree *node = find(import, path);

    if (node == NULL || yaml_tree_as_boolean(node, out))
        return 0;
    return import_complain(import, node, path,
                           "must be true or false, without quotes", err);
}

static int find_text(const struct import *import, const char *path,
                     const char **out, struct err *err)
{
    const struct yaml_tree *node = find(import, path);

    if (node == NULL)
        return 0;
    if (node->kind != YAML_SCALAR)
        return import_complain(import, node, path, "must be a text", err);
    *out = node->text;
    return 0;
}

/*
 * Adds the line, when the programs would take it: what berth.conf admits is
 * for settings.c to say. `path` is the key it comes from.
 */
static int set(struct import *import, const char *path, const char *key,
               const char *value, struct err *err)
{
    CLEANUP(buf) struct buf variable = BUF_INIT(YAML_BYTES_MAX + 64);
    const struct yaml_tree *node = find(import, path);
    struct settings settings = {0};

    buf_add(&variable, SPAN("BERTH_"));
    for (const char *c = key; *c != '\0'; c++)
        buf_add_char(&variable, (char)toupper((unsigned char)*c));
    buf_add_format(&variable, "=%s", value);
    if (settings_override(&settings,
                          (const char *const[]){buf_text(&variable), NULL},
                          err) < 0) {
        CLEANUP(buf) struct buf what = BUF_INIT(ERR_TEXT_MAX);

        buf_add_format(&what, "does not fit: %s", strchr(err->text, ' ') + 1);
        return node != NULL
                   ? import_complain(import, node, path, buf_text(&what), err)
                   : err_wrap(err, "%s", path);
    }
    buf_add_format(&import->settings, "\n# %s%s\n%s = %s\n", path,
                   node != NULL ? "" : ", which is not set", key, value);
    return 0;
}

static int set_root(struct import *import, struct err *err)
{
    const char *path = "storage.filesystem.rootdirectory";
    const char *root = DEFAULT_ROOT;
    struct span text;

    if (yaml_tree_member(yaml_tree_member(import->tree, "storage"),
                         "filesystem") == NULL) {
        buf_add(&import->settings, SPAN("\n# The images are not in a directory "
                                        "yet; see above.\n#root = \n"));
        return 0;
    }
    if (find_text(import, path, &root, err) < 0)
        return -1;
    text = span_of(root);
    for (size_t i = 0; i < text.len; i++)
        if (iscntrl((unsigned char)text.ptr[i]))
            return import_complain(import, find(import, path), path,
                                   "holds a control character", err);
    if (!span_equals(span_trim(text), text))
        return import_complain(import, find(import, path), path,
                               "begins or ends with a blank", err);
    return set(import, path, "root", root, err);
}

static int set_delete(struct import *import, struct err *err)
{
    const char *path = "storage.delete.enabled";
    bool enabled = false;

    if (find_boolean(import, path, &enabled, err) < 0)
        return -1;
    return set(import, path, "delete", enabled ? "yes" : "no", err);
}

/* A pull-through cache takes no pushes either. */
static int set_readonly(struct import *import, struct err *err)
{
    const char *path = "storage.maintenance.readonly.enabled";
    const char *remote = "";
    bool readonly = false;

    if (find_boolean(import, path, &readonly, err) < 0 ||
        find_text(import, "proxy.remoteurl", &remote, err) < 0)
        return -1;
    if (remote[0] != '\0')
        return set(import, "proxy.remoteurl", "readonly", "yes", err);
    return set(import, path, "readonly", readonly ? "yes" : "no", err);
}

static int set_sparse(struct import *import, struct err *err)
{
    const char *path = "validation.manifests.indexes.platforms";
    const char *list = "validation.manifests.indexes.platformlist";
    const struct yaml_tree *node = find(import, path);
    const char *platforms = "all";

    if (find_text(import, path, &platforms, err) < 0)
        return -1;
    if (strcasecmp(platforms, "none") == 0)
        return set(import, path, "sparse", "yes", err);
    if (find(import, list) != NULL)
        import_tell(import, IMPORT_LIST_TODO, list, find(import, list),
                    "Berth wants the images of all platforms, or with "
                    "sparse = yes of none");
    if (strcasecmp(platforms, "list") == 0)
        import_tell(import, IMPORT_LIST_TODO, path, node,
                    "Berth wants the images of all platforms, or with "
                    "sparse = yes of none");
    else if (strcasecmp(platforms, "all") != 0)
        return import_complain(import, node, path, "must be all, none or list",
                               err);
    return 0;
}

static int set_catalog_limit(struct import *import, struct err *err)
{
    const char *path = "catalog.maxentries";
    const struct yaml_tree *node = find(import, path);
    CLEANUP(buf) struct buf value = BUF_INIT(32);
    const char *text = "0";
    uint64_t entries;

    if (find_text(import, path, &text, err) < 0)
        return -1;
    if (text[0] == '-' &&
        num_parse(span_of(text + 1), INT64_MAX, &entries) == 0)
        entries = 0;
    else if (num_parse(span_of(text), INT64_MAX, &entries) < 0)
        return import_complain(import, node, path, "must be a number", err);
    if (entries == 0)
        return 0;
    if (entries > CATALOG_LIMIT_MAX)
        import_tell(import, IMPORT_LIST_TODO, path, node,
                    "50000 is the most; the rest is behind a link");
    buf_add_format(&value, "%" PRIu64,
                   entries > CATALOG_LIMIT_MAX ? CATALOG_LIMIT_MAX : entries);
    return set(import, path, "catalog_limit", buf_text(&value), err);
}

static int set_log(struct import *import, struct err *err)
{
    const char *path = "log.accesslog.disabled";
    bool disabled = false;

    if (find_boolean(import, path, &disabled, err) < 0)
        return -1;
    return disabled ? set(import, path, "log", "errors", err) : 0;
}

/* --- tokens of another server --- */

static bool has_tokens(const struct import *import)
{
    return yaml_tree_member(yaml_tree_member(import->tree, "auth"), "token") !=
           NULL;
}

/* One left out would open the registry, where Distribution does not start. */
static int check_tokens(const struct import *import, struct err *err)
{
    static const char *const needed[] = {
        "auth.token.realm", "auth.token.service", "auth.token.issuer"};

    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        if (find(import, needed[i]) == NULL)
            return err_set(err, ERR_SYNTAX, "%s: there is no %s", import->file,
                           needed[i]);
    }
    if (find(import, "auth.token.rootcertbundle") == NULL &&
        find(import, "auth.token.jwks") == NULL)
        return err_set(err, ERR_SYNTAX,
                       "%s: there is no auth.token.rootcertbundle, and no "
                       "auth.token.jwks",
                       import->file);
    return 0;
}

static int set_tokens(struct import *import, struct err *err)
{
    static const struct {
        const char *path, *key;
    } keys[] = {
        {"auth.token.realm", "token_realm"},
        {"auth.token.service", "token_service"},
        {"auth.token.issuer", "trusted_issuer"},
        {"auth.token.rootcertbundle", "trusted_certificates"},
        {"auth.token.jwks", "trusted_jwks"},
    };

    if (!has_tokens(import))
        return 0;
    if (check_tokens(import, err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *value = NULL;

        if (find_text(import, keys[i].path, &value, err) < 0 ||
            (value != NULL &&
             set(import, keys[i].path, keys[i].key, value, err) < 0))
            return -1;
    }
    return 0;
}

/* --- the age of uploads --- */

static int take_unit(struct span *rest, uint64_t *ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {
        {"ns", 1},
        {"us", 1000},
        {"\xc2\xb5s", 1000},
        {"ms", 1000000},
        {"s", NS_PER_SECOND},
        {"m", 60 * NS_PER_SECOND},
        {"h", 3600 * NS_PER_SECOND},
    };

    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        struct span name = span_of(units[i].name);

        if (!span_starts_with(*rest, name))
            continue;
        *rest = span_from(*rest, name.len);
        *ns = units[i].ns;
        return 0;
    }
    return -1;
}

/* The digits at the front; up to `keep` of them count. */
static struct span take_digits(struct span *rest, size_t keep)
{
    size_t len = 0;
    struct span digits;

    while (len < rest->len && isdigit((unsigned char)rest->ptr[len]))
        len++;
    digits = span_first(*rest, len < keep ? len : keep);
    *rest = span_from(*rest, len);
    return digits;
}

/* "1.5h": the fraction to six digits. */
static int take_part(struct span *rest, uint64_t *ns)
{
    struct span whole = take_digits(rest, SIZE_MAX), fraction = SPAN("");
    uint64_t value = 0, part = 0, unit;

    if (rest->len > 0 && rest->ptr[0] == '.') {
        *rest = span_from(*rest, 1);
        fraction = take_digits(rest, 6);
    }
    if ((whole.len == 0 && fraction.len == 0) || take_unit(rest, &unit) < 0 ||
        (whole.len > 0 && num_parse(whole, UINT64_MAX, &value) < 0) ||
        (fraction.len > 0 && num_parse(fraction, UINT64_MAX, &part) < 0))
        return -1;
    for (size_t i = fraction.len; i < 6; i++)
        part *= 10;
    part = part * (unit / 1000) / 1000;
    return num_multiply(value, unit, &value) < 0 ? -1
                                                 : num_add(value, part, ns);
}

/* As Go's time.ParseDuration, but not negative; seconds, rounded up. */
static int parse_duration(struct span text, uint64_t *seconds)
{
    uint64_t sum = 0, ns;

    if (span_equals(text, SPAN("0"))) {
        *seconds = 0;
        return 0;
    }
    do {
        if (take_part(&text, &ns) < 0 || num_add(sum, ns, &sum) < 0)
            return -1;
    } while (text.len > 0);
    *seconds = sum / NS_PER_SECOND + (sum % NS_PER_SECOND != 0);
    return 0;
}

/* With an age of 0 Distribution takes all uploads; here 0 is never. */
static int set_upload_age(struct import *import, struct err *err)
{
    const char *section = "storage.maintenance.uploadpurging";
    const char *path = "storage.maintenance.uploadpurging.age";
    CLEANUP(buf) struct buf value = BUF_INIT(32);
    bool enabled = true, dry = false;
    uint64_t age = DEFAULT_AGE;
    const char *text = "168h";

    if (find_boolean(import, "storage.maintenance.uploadpurging.enabled",
                     &enabled, err) < 0 ||
        find_boolean(import, "storage.maintenance.uploadpurging.dryrun", &dry,
                     err) < 0 ||
        find_text(import, path, &text, err) < 0)
        return -1;
    if (parse_duration(span_of(text), &age) < 0)
        return import_complain(import, find(import, path), path,
                               "must be a duration such as 168h", err);
    if (!enabled || dry)
        return set(import, section, "upload_age", "0", err);
    buf_add_format(&value, "%" PRIu64 "%s",
                   age % 3600 != 0 ? age : age / 3600 + (age == 0),
                   age % 3600 != 0 || age == 0 ? "s" : "h");
    return set(import, path, "upload_age", buf_text(&value), err);
}

int import_settings(struct import *import, struct err *err)
{
    if (set_root(import, err) < 0 || set_delete(import, err) < 0 ||
        set_readonly(import, err) < 0 || set_sparse(import, err) < 0 ||
        set_catalog_limit(import, err) < 0 || set_log(import, err) < 0 ||
        set_tokens(import, err) < 0)
        return -1;
    return set_upload_age(import, err);
}
