/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/compiler.h"
#include "oci/digest_set.h"

#define MANY 1000

static struct digest numbered(enum hash_algorithm algorithm, int number)
{
    struct digest digest;

    digest_of_bytes(algorithm,
                    (struct span){(const char *)&number, sizeof(number)},
                    &digest);
    return digest;
}

Test(digest_set, each_digest_is_new_once_however_many_there_are)
{
    CLEANUP(digest_set) struct digest_set set = {0};

    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MANY; i++) {
            struct digest digest = numbered(HASH_SHA256, i);

            cr_assert_eq(digest_set_add(&set, &digest), round == 0, "%d", i);
        }
    cr_expect_eq(set.count, MANY);
}

Test(digest_set, tells_algorithms_apart)
{
    CLEANUP(digest_set) struct digest_set set = {0};
    struct digest one = numbered(HASH_SHA256, 1);
    struct digest other = numbered(HASH_SHA512, 1);

    memcpy(other.hex, one.hex, 2 * hash_size(HASH_SHA256));
    cr_expect(digest_set_add(&set, &one));
    cr_expect(digest_set_add(&set, &other));
    cr_expect_not(digest_set_add(&set, &one));
    cr_expect_not(digest_set_add(&set, &other));
}
