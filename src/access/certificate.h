/* SPDX-License-Identifier: MIT */
/*
 * The public keys of certificates, of which nothing else counts here: neither
 * names nor dates nor who signed them. Whoever put one into the bundle trusts
 * its key, as CNCF Distribution's `rootcertbundle` has it.
 */
#ifndef BERTH_ACCESS_CERTIFICATE_H
#define BERTH_ACCESS_CERTIFICATE_H

#include "base/buf.h"
#include "base/compiler.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Appends a JWK Set (RFC 7517) of the RSA and P-256 keys in a bundle of PEM
 * certificates; other keys are passed over. Each has as `kid` what Docker's
 * libtrust would call it. ERR_SYNTAX for a certificate that cannot be read.
 */
int certificate_print_jwks(struct span pem, struct buf *into,
                           struct err *err) WARN_UNUSED;

#endif
