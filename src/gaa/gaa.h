/* gaa.h: keys of the underlying network: the derivations of 3GPP's Generic
 * Authentication Architecture (GBA) and of AKMA [TS 33.220 annex B; TS 33.535 annex A;
 * TS-0003 8.3.2.3; CM11].
 *
 *   CK || IK = Ks --"gba-me", "gba-u"--> Ks_NAF, Ks_ext_NAF, Ks_int_NAF
 *   K_AUSF --0x80--> K_AKMA --0x82--> K_AF;  K_AUSF --0x81--> A-TID
 *   key of the service --SUID, target--> key of a device behind its owner
 *
 * Who has which key is not known here; nothing is kept. */
#ifndef GAA_GAA_H
#define GAA_GAA_H

#include "crypt/crypt.h"

enum {
	GAA_KEY = 32, GAA_RAND = 16,
	GAA_UA = 5,           /* octets of a Ua security protocol identifier [TS 33.220 annex H] */
	GAA_NAME_MAX = 256,   /* octets of IMPI, SUPI and FQDN */
};

/* KDF of TS 33.220 B.2: HMAC-SHA-256(key, FC || P0 || L0 || P1 || L1 ...), L of two
 * octets. ERR_LIMIT: a parameter of more than 65535 octets, or all too long. */
struct gaa_parameters {
	unsigned fc;
	const struct bytes *p;
	size_t n;
};
err_t gaa_kdf(struct bytes key, const struct gaa_parameters *s, uint8_t out[GAA_KEY]) MUST_USE;

/* NAF_Id and AF_ID: FQDN || Ua security protocol identifier, appended. ERR_SYNTAX: no
 * FQDN, or one too long. */
err_t gaa_service(struct bytes fqdn, const uint8_t ua[GAA_UA], struct buf *out) MUST_USE;

/* Which of the two keys that Ks has for a service. */
enum gaa_place {
	GAA_ME, /* Ks_NAF, or Ks_ext_NAF where Ks is in the UICC: for the device */
	GAA_U,  /* Ks_int_NAF: does not leave the UICC */
};
struct gaa_session {
	struct bytes ks;      /* CK || IK, 32 octets */
	struct bytes rand;    /* 16 octets */
	struct bytes impi;    /* the subscriber's private identity, UTF-8 */
};
/* ERR_RANGE: lengths. */
err_t gaa_naf_key(const struct gaa_session *s, enum gaa_place place, struct bytes naf_id,
                  uint8_t out[GAA_KEY]) MUST_USE;

/* K_AKMA and A-TID of K_AUSF (32 octets); K_AF of K_AKMA. */
err_t gaa_anchor_key(struct bytes kausf, struct bytes supi, uint8_t out[GAA_KEY]) MUST_USE;
err_t gaa_temporary_id(struct bytes kausf, struct bytes supi, uint8_t out[GAA_KEY]) MUST_USE;
err_t gaa_application_key(struct bytes kakma, struct bytes af_id, uint8_t out[GAA_KEY]) MUST_USE;

/* The key of one device behind the owner of a network's key: usage-constrained, of that
 * key as Ke [TS-0003 10.3.5]. suid: two digits; target: the device's absolute AE-ID.
 * Who has it learns nothing of the network's key, nor of another device's. */
err_t gaa_device_key(struct bytes naf_key, struct bytes suid, struct bytes target,
                     uint8_t out[GAA_KEY]) MUST_USE;

/* When a key ends, as networks write it: "2026-01-31T12:00:00.5+01:00" [RFC 3339 5.6], in
 * ms since 1970. ERR_SYNTAX, ERR_RANGE. */
err_t gaa_time(struct bytes text, int64_t *ms) MUST_USE;

#endif
