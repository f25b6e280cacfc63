/* SPDX-License-Identifier: MIT */
/* To be called before libcrypto is used for anything but hashes. */
#ifndef BERTH_ACCESS_CRYPTO_H
#define BERTH_ACCESS_CRYPTO_H

/*
 * A program that is linked without shared libraries passes over the machine's
 * openssl.cnf, which is another libcrypto's and may name modules that it could
 * not load.
 */
void crypto_begin(void);

#endif
