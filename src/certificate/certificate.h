/* certificate.h: X.509 certificates composed from fixed fields
 * [RFC 5280; TS-0003 10.1.1].
 *
 * Every certificate: version 3, a random serial of 16 octets, ECDSA P-256 with
 * SHA-256, uncompressed point. The CA's: path length 0, nameConstraints that
 * permit the service provider's domain and nothing beside it. An entity's: empty
 * subject, one name in a critical subjectAltName. Nothing that an asker says
 * gets in but the public key and one checked name. */
#ifndef CERTIFICATE_CERTIFICATE_H
#define CERTIFICATE_CERTIFICATE_H

#include "wire/keeper_calls.h"

enum { CERTIFICATE_MAX = 2048, CERTIFICATE_SERIAL = 16 };

/* What the CA's certificate and key identifiers are made of. */
struct certificate_ca {
	struct bytes public_key; /* 65 octets */
	int64_t created, not_after;
	struct bytes domain;     /* sp.example.org */
	/* ECDSA with SHA-256 by the CA's key, DER, appended. */
	err_t (*sign)(void *self, struct bytes input, struct buf *out) MUST_USE;
	void *self;
};

struct certificate_ask {
	enum certify_kind kind;
	struct bytes public_key; /* 65 octets */
	struct bytes subject;    /* checked: absolute AE-ID, or domain name */
	int64_t not_after;       /* ms */
};

/* sp.example.org of //sp.example.org: a view. */
struct bytes certificate_domain(struct bytes sp);

/* Is the subject well formed, of this service provider, and not the name of the node
 * of that CSE-ID in another's hand? ERR_SYNTAX, ERR_REFUSED. */
err_t certificate_check_subject(struct bytes sp, struct bytes cse, const struct certificate_ask *ask) MUST_USE;

/* Proof of possession: over label, kind, subject and key; or, with a request, over that
 * [RFC 2986]. ERR_SYNTAX, ERR_TAMPERED. */
err_t certificate_check_proof(const struct certificate_ask *ask, struct bytes request,
                              struct bytes proof) MUST_USE;

/* The CA's own, from its record: the same but for signature and, after a
 * renewal, the times. Appended. */
err_t certificate_of_ca(const struct certificate_ca *ca, struct buf *der) MUST_USE;

err_t certificate_of_entity(const struct certificate_ca *ca, const struct certificate_ask *ask,
                            uint8_t serial[CERTIFICATE_SERIAL], struct buf *der) MUST_USE;

/* Which certificates of the CA are revoked: n entries of 16 octets of serial and u64
 * since when (ms). Version 2, its number the seconds of this_update. Appended. */
struct certificate_revoked {
	int64_t this_update, next_update;
	size_t n;
	struct bytes entries;
};
err_t certificate_revoked(const struct certificate_ca *ca, const struct certificate_revoked *list,
                          struct buf *der) MUST_USE;

/* That a certificate of this CA for this public key is good: an OCSPResponse [RFC 6960 4.2],
 * to be stapled; signed by the CA itself. ERR_REFUSED for a certificate that this CA did
 * not sign, or of another key; ERR_RANGE for times that are not in order or too far. */
struct certificate_good {
	int64_t this_update, next_update;
	struct bytes certificate, public_key;
};
err_t certificate_good(const struct certificate_ca *ca, const struct certificate_good *good,
                       struct buf *der) MUST_USE;

/* DER as PEM [RFC 7468], appended. */
err_t certificate_pem(struct bytes der, struct buf *out) MUST_USE;

#endif
