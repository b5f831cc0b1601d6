/* ask.c: may this be certified, and does the asker hold the key? */
#include "certificate/inner.h"

#include "crypt/crypt.h"
#include "wire/name.h"

enum { POINT = 65 };

struct bytes certificate_domain(struct bytes sp)
{
	return bytes_sub(sp, 2, sp.n);
}

/* <CSE-ID without slash>.<SP domain> [TS-0001 6.5.1.1] */
static bool is_own_name(struct bytes sp, struct bytes cse, struct bytes name)
{
	struct bytes domain = certificate_domain(sp);

	cse = bytes_sub(cse, 1, cse.n);
	return name.n == cse.n + 1 + domain.n &&
	       name_same_domain(bytes_sub(name, 0, cse.n), cse) && name.p[cse.n] == '.' &&
	       name_same_domain(bytes_sub(name, cse.n + 1, domain.n), domain);
}

static bool is_below(struct bytes name, struct bytes domain)
{
	return name.n > domain.n + 1 && name.p[name.n - domain.n - 1] == '.' &&
	       bytes_ends(name, domain);
}

err_t certificate_check_subject(struct bytes sp, struct bytes cse, const struct certificate_ask *ask)
{
	if (ask->kind == CERTIFY_AE) {
		if (!bytes_starts(ask->subject, sp))
			return bytes_starts(ask->subject, BYTES("//")) ? ERR_REFUSED : ERR_SYNTAX;
		return name_is_absolute_ae(ask->subject, sp) ? ERR_OK : ERR_SYNTAX;
	}
	if (!name_is_domain(ask->subject))
		return ERR_SYNTAX;
	if (ask->kind == CERTIFY_NODE_SELF)
		return is_own_name(sp, cse, ask->subject) ? ERR_OK : ERR_REFUSED;
	return is_below(ask->subject, certificate_domain(sp)) && !is_own_name(sp, cse, ask->subject) ? ERR_OK
	                                                                           : ERR_REFUSED;
}

/* ECDSA over "holdfast enrolment" 0 kind subject public key. */
static err_t check_own_proof(const struct certificate_ask *ask, struct bytes proof)
{
	struct buf message = buf_make(512);
	err_t err;

	TRY(buf_add(&message, BYTES("holdfast enrolment\0")));
	TRY(buf_add_byte(&message, (uint8_t)ask->kind));
	TRY(buf_add(&message, ask->subject));
	TRY(buf_add(&message, ask->public_key));
	TRY(crypt_p256_verify(ask->public_key.p, bytes_of_buf(&message), proof));
out:
	buf_free(&message);
	return err;
}

static bool holds(struct bytes all, struct bytes part)
{
	for (size_t i = 0; i + part.n <= all.n; i++)
		if (bytes_equal(bytes_sub(all, i, part.n), part))
			return true;
	return false;
}

bool certificate_holds_key(struct bytes all, struct bytes public_key)
{
	/* a P-256 subjectPublicKeyInfo */
	static const uint8_t info[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
		0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };
	uint8_t whole[sizeof(info) + POINT];

	if (public_key.n != POINT)
		return false;
	bytes_copy(whole, info, sizeof(info));
	bytes_copy(whole + sizeof(info), public_key.p, POINT);
	return holds(all, BYTES_OF(whole));
}

/* ECDSA over what a certification request has been signed over. It is not taken apart
 * here: that it is DER, begins as no other message does that our keys sign, and holds
 * this very key, says enough. */
static err_t check_request(const struct certificate_ask *ask, struct bytes request, struct bytes proof)
{
	/* SEQUENCE, of up to 65535 octets */
	if (request.n < 2 || request.p[0] != 0x30)
		return ERR_SYNTAX;
	if (!certificate_holds_key(request, ask->public_key))
		return ERR_TAMPERED;
	return crypt_p256_verify(ask->public_key.p, request, proof);
}

err_t certificate_check_proof(const struct certificate_ask *ask, struct bytes request, struct bytes proof)
{
	return request.n ? check_request(ask, request, proof) : check_own_proof(ask, proof);
}
