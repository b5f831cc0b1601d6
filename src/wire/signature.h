/* signature.h: an ECDSA signature out of its DER, for those who want r and s. */
#ifndef WIRE_SIGNATURE_H
#define WIRE_SIGNATURE_H

#include "wire/wire.h"

enum { SIGNATURE_RAW = 64 };

/* r and s of P-256, 32 octets each. ERR_SYNTAX. */
err_t signature_raw(struct bytes der, uint8_t out[SIGNATURE_RAW]) MUST_USE;

#endif
