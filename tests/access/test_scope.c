/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "access/scope.h"
#include "base/compiler.h"

static struct scope scope;

static void expect(const char *text, const char *repository, unsigned rights)
{
    cr_assert(scope_parse(span_of(text), &scope), "%s", text);
    cr_expect(span_equals(scope.repository, span_of(repository)), "%s", text);
    cr_expect_eq(scope.rights, rights, "%s: %x", text, scope.rights);
}

Test(scope, names_a_repository_and_what_to_do_there)
{
    expect("repository:app:pull", "app", RIGHT_PULL);
    expect("repository:team/app:pull,push", "team/app",
           RIGHT_PULL | RIGHT_PUSH);
    expect("repository:a/b/c:push,pull,delete", "a/b/c",
           RIGHT_PULL | RIGHT_PUSH | RIGHT_DELETE);
}

Test(scope, a_star_is_what_can_be_done_to_images_and_nothing_beyond)
{
    expect("repository:app:*", "app", RIGHT_PULL | RIGHT_PUSH | RIGHT_DELETE);
}

Test(scope, actions_nobody_knows_are_passed_over)
{
    expect("repository:app:pull,fly", "app", RIGHT_PULL);
    expect("repository:app:", "app", 0);
    expect("repository:app:PULL,admin,catalog", "app", 0);
    expect("repository:app:pull,,pull", "app", RIGHT_PULL);
}

Test(scope, a_class_of_repositories_is_one_of_them)
{
    expect("repository(plugin):team/p:pull", "team/p", RIGHT_PULL);
}

Test(scope, the_catalog_is_the_one_thing_of_the_registry)
{
    expect("registry:catalog:*", "", RIGHT_CATALOG);
}

Test(scope, what_is_none_grants_nothing)
{
    static const char *const bad[] = {
        "",
        ":",
        "::",
        "repository",
        "repository:app",
        "app:pull",
        "repository::pull",
        "repository:App:pull",
        "repository:../app:pull",
        "repository:a//b:pull",
        "repository:host:5000/app:pull",
        "repository:app pull",
        "Repository:app:pull",
        "repositories:app:pull",
        "registry:catalog:pull",
        "registry:other:*",
        "registry::*",
        "repository(plugin:app:pull:",
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        cr_expect_not(scope_parse(span_of(bad[i]), &scope), "%s", bad[i]);
}
