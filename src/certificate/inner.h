/* inner.h: what the files of the room share. */
#ifndef CERTIFICATE_INNER_H
#define CERTIFICATE_INNER_H

#include "certificate/certificate.h"
#include "crypt/der.h"

/* ecdsa-with-SHA256. */
void put_algorithm(struct der *d);
/* CN=Holdfast CA <first 8 octets of its key identifier>. */
void put_ca_name(struct der *d, const struct certificate_ca *ca);
/* Is this the subjectPublicKeyInfo somewhere in it? */
bool certificate_holds_key(struct bytes all, struct bytes public_key);

#endif
