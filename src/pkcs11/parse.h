/* parse.h: what the module reads that others wrote. Private to the room. */
#ifndef PKCS11_PARSE_H
#define PKCS11_PARSE_H

#include "wire/keeper_calls.h"
#include "wire/signature.h"

enum { SIGNATURE = SIGNATURE_RAW /* or Ed25519 */, POINT = 65, ED_POINT = 32 };

/* A row of PROGRAM_KEYS; views lie in the answer. */
struct key_row {
	struct bytes name, public_key;
	unsigned class, purpose;
};
err_t key_row_read(struct wire_in *in, struct key_row *out) MUST_USE;

/* certificate.c: parts of a DER certificate, as they stand, headers included. */
struct certificate {
	struct bytes serial, issuer, subject, public_key_info;
};
err_t certificate_read(struct bytes der, struct certificate *out) MUST_USE;

#endif
