/* SPDX-License-Identifier: MIT */
/*
 * Names, tags, digests, references and upload ids, against the regular
 * expressions of the specs, and what they become in paths.
 */
#include "fuzz.h"

#include <regex.h>

#include "base/compiler.h"
#include "oci/media_type.h"
#include "oci/name.h"
#include "oci/reference.h"
#include "store/layout.h"

#define COMPONENT "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*"
#define RESTRICTED "[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,126}"

struct grammar {
    const char *pattern;
    regex_t compiled;
    bool ready;
};

static struct grammar name_grammar = {.pattern =
                                          "^" COMPONENT "(/" COMPONENT ")*$"};
static struct grammar tag_grammar = {.pattern =
                                         "^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$"};
static struct grammar uuid_grammar = {
    .pattern =
        "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"};
static struct grammar known_digest_grammar = {
    .pattern = "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$"};
static struct grammar digest_grammar = {
    .pattern = "^[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$"};
static struct grammar media_type_grammar = {.pattern = "^" RESTRICTED
                                                       "/" RESTRICTED "$"};

static bool follows(struct grammar *grammar, struct span text)
{
    CLEANUP(fuzz_text) char *copy = fuzz_text(text);

    if (!grammar->ready)
        MUST(regcomp(&grammar->compiled, grammar->pattern,
                     REG_EXTENDED | REG_NOSUB) == 0);
    grammar->ready = true;
    return strlen(copy) == text.len &&
           regexec(&grammar->compiled, copy, 0, NULL, 0) == 0;
}

/* A path below the root that no component leads astray. */
static void check_path(struct layout_path path)
{
    struct span rest = span_of(path.text);

    MUST(rest.len > 0);
    while (rest.len > 0) {
        struct span component = span_cut(&rest, '/');

        MUST(component.len > 0 && component.len <= 255);
        MUST(component.ptr[0] != '.');
    }
}

static void check_name(struct span text)
{
    CLEANUP(fuzz_text) char *name = fuzz_text(text);
    bool valid = name_is_valid(text);
    struct span rest = text;

    MUST(valid ==
         (text.len <= NAME_MAX_LENGTH && follows(&name_grammar, text)));
    if (!valid)
        return;
    check_path(layout_repository(name));
    MUST(span_equals(span_from(span_of(layout_repository(name).text),
                               sizeof("repositories/") - 1),
                     text));
    while (rest.len > 0)
        MUST(span_cut(&rest, '/').ptr[0] != '_');
}

static void check_digest(struct span text)
{
    struct err err = {0};
    struct digest digest, back;
    char formatted[DIGEST_TEXT_MAX];
    int result = digest_parse(text, &digest, &err);

    MUST((result == 0) == follows(&known_digest_grammar, text));
    if (result < 0) {
        MUST(err.code == ERR_DIGEST_INVALID ||
             (err.code == ERR_DIGEST_UNSUPPORTED &&
              follows(&digest_grammar, text)));
        return;
    }
    MUST(digest_format(&digest, formatted) == text.len);
    MUST(span_equals(span_of(formatted), text));
    check_path(layout_blob(&digest));
    check_path(layout_referrer("a", &digest, &digest));
    MUST(layout_parse_referrer(
        strrchr(layout_referrer("a", &digest, &digest).text, '/') + 1, &back));
    MUST(digest_equals(&digest, &back));
}

static void check_reference(struct span text)
{
    struct err err = {0};
    struct reference reference;

    MUST(tag_is_valid(text) == follows(&tag_grammar, text));
    if (reference_parse(text, &reference, &err) < 0)
        return;
    MUST(reference.is_digest == follows(&known_digest_grammar, text));
    MUST(reference.is_digest == !tag_is_valid(text));
    if (reference.is_digest)
        return;
    MUST(span_equals(span_of(reference.tag), text));
    check_path(layout_tag_current("a", reference.tag));
}

/* What people type: what is read is what was typed, or the reason is said. */
static void check_image_reference(struct span text)
{
    CLEANUP(buf) struct buf printed = BUF_INIT(1024);
    struct image_reference reference;
    struct err err = {0};

    if (image_reference_parse(text, &reference, &err) < 0) {
        MUST(err.code != ERR_NONE && err.text[0] != '\0');
        for (const char *at = err.text; *at != '\0'; at++)
            MUST((unsigned char)*at >= 0x20 && *at != 0x7F);
        return;
    }
    MUST(name_is_valid(span_of(reference.name)));
    MUST(reference.tag[0] == '\0' || tag_is_valid(span_of(reference.tag)));
    image_reference_print(&reference, &printed);
    MUST(span_equals(buf_span(&printed), text));
}

static void check_uuid(struct span text)
{
    CLEANUP(fuzz_text) char *uuid = fuzz_text(text);

    MUST(uuid_is_valid(text) == follows(&uuid_grammar, text));
    if (uuid_is_valid(text))
        check_path(layout_upload_state("a", uuid, HASH_SHA512, UINT64_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = fuzz_input(data, size);

    check_name(text);
    check_digest(text);
    check_reference(text);
    check_image_reference(text);
    check_uuid(text);
    MUST(media_type_is_valid(text) == follows(&media_type_grammar, text));
    return 0;
}
