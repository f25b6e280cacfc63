/* SPDX-License-Identifier: MIT */
#include <config.h>

#include "access/crypto.h"

#include <openssl/crypto.h>

void crypto_begin(void)
{
#ifdef BERTH_STATIC_PROGRAMS
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
#endif
}
