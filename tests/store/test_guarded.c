/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "store/fixture.h"
#include "store/guarded.h"
#include "store/layout.h"

TestSuite(guarded, .init = fixture_setup, .fini = fixture_teardown);

static bool is_marked(void)
{
    struct driver_stat st;

    return driver_stat(store.driver, LAYOUT_GUARDED, &st, &err) == 0;
}

Test(guarded, the_mark_comes_and_goes)
{
    cr_expect_not(is_marked());
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(guarded_set(&store, true, &err), 0, "%s", err.text);
        cr_expect(is_marked());
    }
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(guarded_set(&store, false, &err), 0, "%s", err.text);
        cr_expect_not(is_marked());
    }
}
