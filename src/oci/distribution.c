/* SPDX-License-Identifier: MIT */
#include "oci/distribution.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "oci/media_type.h"

static const struct json_limits limits = {.containers = 16384, .values = 65536};

#define IN_2 (1U << DISTRIBUTION_2)
#define IN_3 (1U << DISTRIBUTION_3)
#define IN_BOTH (IN_2 | IN_3)

/* The Go types its structs are made of. */
enum go_type {
    GO_STRING,
    GO_INTEGER,
    GO_STRINGS, /* []string */
    GO_MAP,     /* map[string]string */
    GO_BYTES,   /* []byte, in base64 */
    GO_STRUCT,
    GO_STRUCTS, /* a slice of them */
};

struct go_struct;

struct go_field {
    const char *name;
    enum go_type type;
    unsigned releases; /* that have it */
    const struct go_struct *of;
};

#define FIELDS_MAX 8

struct go_struct {
    struct go_field fields[FIELDS_MAX + 1]; /* ends without a name */
};

static const struct go_struct platform = {{
    {"architecture", GO_STRING, IN_BOTH, NULL},
    {"os", GO_STRING, IN_BOTH, NULL},
    {"os.version", GO_STRING, IN_BOTH, NULL},
    {"os.features", GO_STRINGS, IN_BOTH, NULL},
    {"variant", GO_STRING, IN_BOTH, NULL},
}};

/* The platform of a manifest list has one more. */
static const struct go_struct list_platform = {{
    {"architecture", GO_STRING, IN_BOTH, NULL},
    {"os", GO_STRING, IN_BOTH, NULL},
    {"os.version", GO_STRING, IN_BOTH, NULL},
    {"os.features", GO_STRINGS, IN_BOTH, NULL},
    {"variant", GO_STRING, IN_BOTH, NULL},
    {"features", GO_STRINGS, IN_BOTH, NULL},
}};

#define DESCRIPTOR_WITH(platform_struct)                                       \
    {                                                                          \
        {                                                                      \
            {"mediaType", GO_STRING, IN_BOTH, NULL},                           \
                {"size", GO_INTEGER, IN_BOTH, NULL},                           \
                {"digest", GO_STRING, IN_BOTH, NULL},                          \
                {"urls", GO_STRINGS, IN_BOTH, NULL},                           \
                {"annotations", GO_MAP, IN_BOTH, NULL},                        \
                {"platform", GO_STRUCT, IN_BOTH, &(platform_struct)},          \
                {"data", GO_BYTES, IN_3, NULL},                                \
                {"artifactType", GO_STRING, IN_3, NULL},                       \
        }                                                                      \
    }

static const struct go_struct descriptor = DESCRIPTOR_WITH(platform);
static const struct go_struct list_descriptor = DESCRIPTOR_WITH(list_platform);

/* What is read first, to choose one of the others. */
static const struct go_struct versioned = {{
    {"schemaVersion", GO_INTEGER, IN_BOTH, NULL},
    {"mediaType", GO_STRING, IN_BOTH, NULL},
}};

static const struct go_struct docker_image = {{
    {"config", GO_STRUCT, IN_BOTH, &descriptor},
    {"layers", GO_STRUCTS, IN_BOTH, &descriptor},
}};

static const struct go_struct oci_image = {{
    {"config", GO_STRUCT, IN_BOTH, &descriptor},
    {"layers", GO_STRUCTS, IN_BOTH, &descriptor},
    {"annotations", GO_MAP, IN_BOTH, NULL},
}};

static const struct go_struct docker_list = {{
    {"manifests", GO_STRUCTS, IN_BOTH, &list_descriptor},
}};

/* Release 2 reads OCI indexes as manifest lists. */
static const struct go_struct oci_index = {{
    {"manifests", GO_STRUCTS, IN_2, &list_descriptor},
    {"manifests", GO_STRUCTS, IN_3, &descriptor},
    {"annotations", GO_MAP, IN_3, NULL},
}};

struct reading {
    enum distribution_release release;
    const struct go_struct *into;
    const char *wrong; /* the field with a value of another type */
};

static bool is_string(const struct json *value)
{
    struct span text;

    return json_as_string(value, &text);
}

/* Whole, and an int64. */
static bool is_integer(const struct json *value)
{
    CLEANUP(buf) struct buf text = BUF_INIT(JSON_NUMBER_MAX + 1);
    struct span digits;
    uint64_t number;

    if (json_as_u64(value, &number))
        return number <= INT64_MAX;
    if (json_kind(value) != JSON_NUMBER)
        return false;
    json_print(value, &text);
    digits = buf_span(&text);
    if (digits.len < 2 || digits.len > 19 || digits.ptr[0] != '-')
        return false;
    return strspn(digits.ptr + 1, "0123456789") == digits.len - 1;
}

/* A slice of them, in which null stands for "". */
static bool is_strings(const struct json *value)
{
    if (json_kind(value) != JSON_ARRAY)
        return false;
    for (size_t i = 0; i < json_array_length(value); i++) {
        const struct json *each = json_at(value, i);

        if (json_kind(each) != JSON_NULL && !is_string(each))
            return false;
    }
    return true;
}

static int visit_text(void *context UNUSED, struct span key UNUSED,
                      const struct json *value)
{
    return json_kind(value) == JSON_NULL || is_string(value) ? 0 : 1;
}

static bool is_map(const struct json *value)
{
    return json_kind(value) == JSON_OBJECT &&
           json_each_member(value, visit_text, NULL) == 0;
}

static bool is_base64(const struct json *value)
{
    struct span text;
    size_t count = 0, padding = 0;

    if (!json_as_string(value, &text))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '\r' || c == '\n')
            continue;
        if (c == '=')
            padding++;
        else if (padding > 0 || c == '\0' ||
                 strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789+/",
                        c) == NULL)
            return false;
        count++;
    }
    return count % 4 == 0 && padding <= 2;
}

static bool fits(struct reading *reading, const struct go_field *field,
                 const struct json *value);

static int visit_member(void *context, struct span key,
                        const struct json *value)
{
    struct reading *reading = context;
    const struct go_field *field = reading->into->fields;

    for (; field->name != NULL; field++) {
        if ((field->releases & (1U << reading->release)) == 0 ||
            !json_keys_match(key, span_of(field->name)))
            continue;
        if (fits(reading, field, value))
            return 0;
        if (reading->wrong == NULL)
            reading->wrong = field->name;
        return 1;
    }
    return 0;
}

static bool fits_struct(struct reading *reading, const struct go_struct *into,
                        const struct json *value)
{
    const struct go_struct *outer = reading->into;
    int result;

    if (json_kind(value) == JSON_NULL)
        return true;
    if (json_kind(value) != JSON_OBJECT)
        return false;
    reading->into = into;
    result = json_each_member(value, visit_member, reading);
    reading->into = outer;
    return result == 0;
}

static bool fits_structs(struct reading *reading, const struct go_struct *into,
                         const struct json *value)
{
    if (json_kind(value) != JSON_ARRAY)
        return false;
    for (size_t i = 0; i < json_array_length(value); i++)
        if (!fits_struct(reading, into, json_at(value, i)))
            return false;
    return true;
}

/* A null leaves any field as it is. */
static bool fits(struct reading *reading, const struct go_field *field,
                 const struct json *value)
{
    if (json_kind(value) == JSON_NULL)
        return true;
    switch (field->type) {
    case GO_STRING:
        return is_string(value);
    case GO_INTEGER:
        return is_integer(value);
    case GO_STRINGS:
        return is_strings(value);
    case GO_MAP:
        return is_map(value);
    case GO_BYTES:
        return is_base64(value);
    case GO_STRUCT:
        return fits_struct(reading, field->of, value);
    case GO_STRUCTS:
        return fits_structs(reading, field->of, value);
    }
    return false;
}

static int read_into(const struct json *document, const struct go_struct *into,
                     enum distribution_release release, struct err *err)
{
    struct reading reading = {.release = release};

    if (fits_struct(&reading, into, document))
        return 0;
    return err_set(err, ERR_MANIFEST_INVALID,
                   "%s is of a type it does not expect", reading.wrong);
}

struct search {
    const char *key;
    const struct json *found;
};

static int visit_found(void *context, struct span key, const struct json *value)
{
    struct search *search = context;

    if (json_kind(value) != JSON_NULL &&
        json_keys_match(key, span_of(search->key)))
        search->found = value;
    return 0;
}

/* As Go finds it: in any case, the last one. */
static const struct json *find(const struct json *document, const char *key)
{
    struct search search = {key, NULL};

    json_each_member(document, visit_found, &search);
    return search.found;
}

/* An index is tried first; a document that cannot be one makes it panic. */
static int read_untyped(const struct json *document,
                        enum distribution_release release, struct err *err)
{
    if (read_into(document, &oci_index, release, err) < 0)
        return -1;
    if (find(document, "manifests") != NULL)
        return 0;
    return read_into(document, &oci_image, release, err);
}

static int read_typed(const struct json *document, struct span type,
                      enum distribution_release release, struct err *err)
{
    static const struct {
        const char *type;
        const struct go_struct *into;
    } readers[] = {
        {MEDIA_TYPE_DOCKER_MANIFEST, &docker_image},
        {MEDIA_TYPE_OCI_MANIFEST, &oci_image},
        {MEDIA_TYPE_DOCKER_LIST, &docker_list},
        {MEDIA_TYPE_OCI_INDEX, &oci_index},
    };

    if (type.len == 0)
        return read_untyped(document, release, err);
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
        if (span_equals(type, span_of(readers[i].type)))
            return read_into(document, readers[i].into, release, err);
    return err_set(err, ERR_MANIFEST_INVALID, "mediaType is none it knows");
}

static int read_document(const struct json *document,
                         enum distribution_release release, struct err *err)
{
    struct span type = {"", 0};
    uint64_t version = 0;

    if (json_kind(document) != JSON_OBJECT)
        return err_set(err, ERR_MANIFEST_INVALID, "it is no JSON object");
    if (read_into(document, &versioned, release, err) < 0)
        return -1;
    if (!json_as_u64(find(document, "schemaVersion"), &version))
        version = 0;
    if (version == 1 && release == DISTRIBUTION_2)
        return 0;
    if (version != 2)
        return err_set(err, ERR_MANIFEST_INVALID,
                       "schemaVersion is none it knows");
    if (!json_as_string(find(document, "mediaType"), &type))
        type = SPAN("");
    return read_typed(document, type, release, err);
}

int distribution_reads(struct span bytes, enum distribution_release release,
                       struct err *err)
{
    CLEANUP(json) struct json *document = NULL;

    if (bytes.len == 0)
        return err_set(err, ERR_MANIFEST_INVALID, "it is empty");
    if (bytes.len > DISTRIBUTION_MANIFEST_MAX)
        return err_set(err, ERR_MANIFEST_INVALID, "it is longer than 4 MiB");
    if (json_parse(bytes, &limits, &document, err) < 0)
        return -1;
    return read_document(document, release, err);
}
