/* SPDX-License-Identifier: MIT */
#include "access/right.h"

#include "base/json.h"

static const struct {
    const char *name;
    unsigned right;
} names[] = {
    {"pull", RIGHT_PULL},     {"push", RIGHT_PUSH},
    {"delete", RIGHT_DELETE}, {"catalog", RIGHT_CATALOG},
    {"admin", RIGHT_ADMIN},
};

/* The right of this name, 0 for none. */
static unsigned right_parse(struct span name)
{
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (span_equals(name, span_of(names[i].name)))
            return names[i].right;
    return 0;
}

int rights_parse(struct span list, unsigned *out, struct err *err)
{
    unsigned rights = 0;

    list = span_trim(list);
    for (bool more = list.len > 0; more; more = list.ptr != NULL) {
        struct span name = span_trim(span_cut(&list, ','));
        unsigned right = right_parse(name);

        if (right == 0)
            return err_set(err, ERR_SYNTAX,
                           "\"%.*s\" is not one of: pull, push, delete, "
                           "catalog, admin",
                           SPAN_ARGS(name));
        rights |= right == RIGHT_ADMIN ? RIGHTS_ALL : right;
    }
    *out = rights;
    return 0;
}

void rights_print(unsigned rights, struct buf *into)
{
    const char *between = "";

    if ((rights & RIGHT_ADMIN) != 0)
        rights = RIGHT_ADMIN;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if ((rights & names[i].right) == 0)
            continue;
        buf_add_format(into, "%s%s", between, names[i].name);
        between = ", ";
    }
}

/* Of ASCII, and U+0080 to U+009F. */
static bool has_control(struct span text)
{
    unsigned char former = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c < ' ' || c == 0x7F || (former == 0xC2 && c < 0xA0))
            return true;
        former = c;
    }
    return false;
}

bool user_name_is_valid(struct span name)
{
    return name.len > 0 && name.len <= USER_NAME_MAX && !has_control(name) &&
           json_is_utf8(name);
}
