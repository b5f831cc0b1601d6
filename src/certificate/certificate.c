/* certificate.c: the fields of a certificate, in order. */
#include "certificate/inner.h"

#include "base/clock.h"
#include "crypt/crypt.h"

enum { KEY_ID = 20, SKEW_MS = 300000 };

#define OID_ECDSA_SHA256 BYTES("\x2a\x86\x48\xce\x3d\x04\x03\x02")
#define OID_EC_PUBLIC_KEY BYTES("\x2a\x86\x48\xce\x3d\x02\x01")
#define OID_P256 BYTES("\x2a\x86\x48\xce\x3d\x03\x01\x07")
#define OID_COMMON_NAME BYTES("\x55\x04\x03")
#define OID_SUBJECT_KEY_ID BYTES("\x55\x1d\x0e")
#define OID_KEY_USAGE BYTES("\x55\x1d\x0f")
#define OID_SUBJECT_ALT_NAME BYTES("\x55\x1d\x11")
#define OID_BASIC_CONSTRAINTS BYTES("\x55\x1d\x13")
#define OID_NAME_CONSTRAINTS BYTES("\x55\x1d\x1e")
#define OID_CRL_NUMBER BYTES("\x55\x1d\x14")
#define OID_AUTHORITY_KEY_ID BYTES("\x55\x1d\x23")
#define OID_EXT_KEY_USAGE BYTES("\x55\x1d\x25")
#define OID_SERVER_AUTH BYTES("\x2b\x06\x01\x05\x05\x07\x03\x01")
#define OID_CLIENT_AUTH BYTES("\x2b\x06\x01\x05\x05\x07\x03\x02")

/* GeneralName [RFC 5280 4.2.1.6]. */
enum { NAME_DNS = DER_CONTEXT + 2, NAME_URI = DER_CONTEXT + 6 };

/* Leftmost 160 bits of SHA-256 of the public key [RFC 7093 2 (1)]. */
static void key_id(struct bytes public_key, uint8_t out[KEY_ID])
{
	uint8_t hash[32];

	crypt_sha256(public_key, hash);
	bytes_copy(out, hash, KEY_ID);
}

void put_algorithm(struct der *d)
{
	size_t s = der_begin(d);

	der_put(d, DER_OID, OID_ECDSA_SHA256);
	der_end(d, s, DER_SEQUENCE);
}

/* CN=Holdfast CA <first 8 octets of its key identifier>: unlike any other CA's,
 * and no longer than a name may be, whatever the domain. */
void put_ca_name(struct der *d, const struct certificate_ca *ca)
{
	size_t name = der_begin(d), set = name, pair = name, text;
	uint8_t id[KEY_ID];
	char hex[2 * KEY_ID + 1];

	key_id(ca->public_key, id);
	bytes_to_hex(bytes_make(id, 8), hex, sizeof(hex));
	der_put(d, DER_OID, OID_COMMON_NAME);
	text = der_begin(d);
	der_raw(d, BYTES("Holdfast CA "));
	der_raw(d, bytes_str(hex));
	der_end(d, text, DER_UTF8_STRING);
	der_end(d, pair, DER_SEQUENCE);
	der_end(d, set, DER_SET);
	der_end(d, name, DER_SEQUENCE);
}

static void put_validity(struct der *d, int64_t from, int64_t until)
{
	size_t s = der_begin(d);

	der_time(d, from);
	der_time(d, until);
	der_end(d, s, DER_SEQUENCE);
}

static void put_public_key(struct der *d, struct bytes point)
{
	size_t info = der_begin(d), algorithm = info;

	der_put(d, DER_OID, OID_EC_PUBLIC_KEY);
	der_put(d, DER_OID, OID_P256);
	der_end(d, algorithm, DER_SEQUENCE);
	der_bits(d, point);
	der_end(d, info, DER_SEQUENCE);
}

/* --- extensions: put_x writes the value, extension() wraps what it wrote ----- */

struct extension {
	size_t whole, value;
};

static struct extension extension_begin(struct der *d, struct bytes oid, bool critical)
{
	struct extension e = { .whole = der_begin(d) };

	der_put(d, DER_OID, oid);
	if (critical)
		der_true(d);
	e.value = der_begin(d);
	return e;
}

static void extension_end(struct der *d, struct extension e)
{
	der_end(d, e.value, DER_OCTET_STRING);
	der_end(d, e.whole, DER_SEQUENCE);
}

static void put_key_ids(struct der *d, struct bytes subject, struct bytes issuer)
{
	struct extension e = extension_begin(d, OID_SUBJECT_KEY_ID, false);
	uint8_t id[KEY_ID];
	size_t s;

	key_id(subject, id);
	der_put(d, DER_OCTET_STRING, BYTES_OF(id));
	extension_end(d, e);
	key_id(issuer, id);
	e = extension_begin(d, OID_AUTHORITY_KEY_ID, false);
	s = der_begin(d);
	der_put(d, DER_CONTEXT + 0, BYTES_OF(id));
	der_end(d, s, DER_SEQUENCE);
	extension_end(d, e);
}

static void put_basic_constraints(struct der *d, bool ca)
{
	struct extension e = extension_begin(d, OID_BASIC_CONSTRAINTS, true);
	size_t s = der_begin(d);

	if (ca) {
		der_true(d);
		der_unsigned(d, BYTES("\0")); /* no CA below it */
	}
	der_end(d, s, DER_SEQUENCE);
	extension_end(d, e);
}

/* One octet of named bits, as a BIT STRING without trailing zero bits. */
static void put_key_usage(struct der *d, struct bytes bits)
{
	struct extension e = extension_begin(d, OID_KEY_USAGE, true);

	der_put(d, DER_BIT_STRING, bits);
	extension_end(d, e);
}

static void put_ext_key_usage(struct der *d, bool server)
{
	struct extension e = extension_begin(d, OID_EXT_KEY_USAGE, false);
	size_t s = der_begin(d);

	if (server)
		der_put(d, DER_OID, OID_SERVER_AUTH);
	der_put(d, DER_OID, OID_CLIENT_AUTH);
	der_end(d, s, DER_SEQUENCE);
	extension_end(d, e);
}

/* Permitted: the domain and what is below it as dNSName, the domain as host of
 * a URI (the scheme and host of an absolute AE-ID). */
static void put_name_constraints(struct der *d, struct bytes domain)
{
	struct extension e = extension_begin(d, OID_NAME_CONSTRAINTS, true);
	size_t all = der_begin(d), permitted = all, subtree = all;

	der_put(d, NAME_DNS, domain);
	der_end(d, subtree, DER_SEQUENCE);
	subtree = der_begin(d);
	der_put(d, NAME_URI, domain);
	der_end(d, subtree, DER_SEQUENCE);
	der_end(d, permitted, DER_CONTEXT_CONSTRUCTED + 0);
	der_end(d, all, DER_SEQUENCE);
	extension_end(d, e);
}

/* Critical, because the subject is empty [RFC 5280 4.1.2.6]. */
static void put_alt_name(struct der *d, const struct certificate_ask *ask)
{
	struct extension e = extension_begin(d, OID_SUBJECT_ALT_NAME, true);
	bool ae = ask->kind == CERTIFY_AE;
	size_t names = der_begin(d), name = names;

	if (ae)
		der_raw(d, BYTES("m2m:")); /* then //host/... */
	der_raw(d, ask->subject);
	der_end(d, name, ae ? NAME_URI : NAME_DNS);
	der_end(d, names, DER_SEQUENCE);
	extension_end(d, e);
}

static void put_extensions(struct der *d, const struct certificate_ca *ca,
                           const struct certificate_ask *ask)
{
	struct bytes issuer = ca->public_key;
	size_t tagged = der_begin(d), list = tagged;

	put_key_ids(d, ask ? ask->public_key : issuer, issuer);
	put_basic_constraints(d, !ask);
	if (ask) {
		put_key_usage(d, BYTES("\x07\x80")); /* digitalSignature */
		put_ext_key_usage(d, ask->kind != CERTIFY_AE);
		put_alt_name(d, ask);
	} else {
		put_key_usage(d, BYTES("\x01\x06")); /* keyCertSign, cRLSign */
		put_name_constraints(d, ca->domain);
	}
	der_end(d, list, DER_SEQUENCE);
	der_end(d, tagged, DER_CONTEXT_CONSTRUCTED + 3);
}

/* --- the whole ---------------------------------------------------------------- */

/* ask NULL: the CA's own. */
static void put_body(struct der *d, const struct certificate_ca *ca,
                     const struct certificate_ask *ask, struct bytes serial)
{
	size_t body = der_begin(d), version = body, empty;

	der_unsigned(d, BYTES("\x02")); /* v3 */
	der_end(d, version, DER_CONTEXT_CONSTRUCTED + 0);
	der_unsigned(d, serial);
	put_algorithm(d);
	put_ca_name(d, ca);
	if (ask) {
		put_validity(d, clock_now() - SKEW_MS, ask->not_after);
		empty = der_begin(d);
		der_end(d, empty, DER_SEQUENCE);
		put_public_key(d, ask->public_key);
	} else {
		put_validity(d, ca->created - SKEW_MS, ca->not_after);
		put_ca_name(d, ca);
		put_public_key(d, ca->public_key);
	}
	put_extensions(d, ca, ask);
	der_end(d, body, DER_SEQUENCE);
}

/* What stands since `whole` is signed, and becomes with that one value [RFC 5280 4.1, 5.1]. */
static err_t sign(struct der *d, const struct certificate_ca *ca, size_t whole)
{
	struct buf signature = buf_make(256);
	err_t err;

	TRY(d->err);
	TRY(ca->sign(ca->self, bytes_make(d->out->p + whole, d->out->n - whole), &signature));
	put_algorithm(d);
	der_bits(d, bytes_of_buf(&signature));
	der_end(d, whole, DER_SEQUENCE);
	err = d->err;
out:
	buf_free(&signature);
	return err;
}

static err_t compose(const struct certificate_ca *ca, const struct certificate_ask *ask,
                     struct bytes serial, struct buf *out)
{
	struct der d = { .out = out };
	size_t whole = der_begin(&d);

	put_body(&d, ca, ask, serial);
	return sign(&d, ca, whole);
}

err_t certificate_of_ca(const struct certificate_ca *ca, struct buf *der)
{
	uint8_t hash[32];

	crypt_sha256_two(BYTES("holdfast ca serial"), ca->public_key, hash);
	hash[0] = (uint8_t)((hash[0] & 0x3f) | 0x40);
	return compose(ca, NULL, bytes_make(hash, CERTIFICATE_SERIAL), der);
}

err_t certificate_of_entity(const struct certificate_ca *ca, const struct certificate_ask *ask,
                            uint8_t serial[CERTIFICATE_SERIAL], struct buf *der)
{
	/* Positive and of 16 octets always: the first two bits are 01. */
	crypt_random(serial, CERTIFICATE_SERIAL);
	serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
	return compose(ca, ask, bytes_make(serial, CERTIFICATE_SERIAL), der);
}

/* --- the list of what is revoked [RFC 5280 5] -------------------------------------- */

static void put_revoked(struct der *d, const struct certificate_revoked *list)
{
	size_t all = der_begin(d);

	for (size_t i = 0; i < list->n; i++) {
		struct bytes entry = bytes_sub(list->entries, i * REVOKED_ENTRY, REVOKED_ENTRY);
		size_t one = der_begin(d);

		must(entry.p != NULL && entry.n == REVOKED_ENTRY);
		der_unsigned(d, bytes_sub(entry, 0, CERTIFICATE_SERIAL));
		der_time(d, (int64_t)get_be64(entry.p + CERTIFICATE_SERIAL));
		der_end(d, one, DER_SEQUENCE);
	}
	der_end(d, all, DER_SEQUENCE);
}

static void put_list_extensions(struct der *d, const struct certificate_ca *ca, int64_t at)
{
	size_t tagged = der_begin(d), list = tagged, s;
	struct extension e = extension_begin(d, OID_AUTHORITY_KEY_ID, false);
	uint8_t id[KEY_ID], number[8];

	key_id(ca->public_key, id);
	s = der_begin(d);
	der_put(d, DER_CONTEXT + 0, BYTES_OF(id));
	der_end(d, s, DER_SEQUENCE);
	extension_end(d, e);
	e = extension_begin(d, OID_CRL_NUMBER, false);
	put_be64(number, (uint64_t)at / 1000);
	der_unsigned(d, BYTES_OF(number));
	extension_end(d, e);
	der_end(d, list, DER_SEQUENCE);
	der_end(d, tagged, DER_CONTEXT_CONSTRUCTED + 0);
}

err_t certificate_revoked(const struct certificate_ca *ca, const struct certificate_revoked *list,
                          struct buf *der)
{
	struct der d = { .out = der };
	size_t whole = der_begin(&d), body = whole;

	must(list->entries.n == list->n * REVOKED_ENTRY);
	der_unsigned(&d, BYTES("\x01")); /* v2 */
	put_algorithm(&d);
	put_ca_name(&d, ca);
	der_time(&d, list->this_update);
	der_time(&d, list->next_update);
	if (list->n)
		put_revoked(&d, list);
	put_list_extensions(&d, ca, list->this_update);
	der_end(&d, body, DER_SEQUENCE);
	return sign(&d, ca, whole);
}

/* --- PEM ------------------------------------------------------------------------ */

static err_t base64_line(struct bytes raw, struct buf *out)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	err_t err = ERR_OK;

	for (size_t i = 0; i < raw.n; i += 3) {
		struct bytes part = bytes_sub(raw, i, 3);
		uint32_t v = (uint32_t)part.p[0] << 16 | (part.n > 1 ? (uint32_t)part.p[1] << 8 : 0) |
		             (part.n > 2 ? part.p[2] : 0);

		for (size_t k = 0; k < 4; k++)
			TRY(buf_add_byte(out, k <= part.n ? (uint8_t)digits[v >> (18 - 6 * k) & 63]
			                                  : '='));
	}
	TRY(buf_add_byte(out, '\n'));
out:
	return err;
}

err_t certificate_pem(struct bytes der, struct buf *out)
{
	err_t err;

	TRY(buf_add(out, BYTES("-----BEGIN CERTIFICATE-----\n")));
	for (size_t i = 0; i < der.n; i += 48)
		TRY(base64_line(bytes_sub(der, i, 48), out));
	TRY(buf_add(out, BYTES("-----END CERTIFICATE-----\n")));
out:
	return err;
}
