/* registry_proof.c: the client's own proof in a handshake, judged on this side of the
 * gate [TS-0003 8.2.2.2; RFC 8446 4.4; RFC 5246 7.4.8].
 *
 *   ServerHello                         its random begins with the time [RFC 5246 7.4.1.2],
 *                                       which the hashes below cover
 *   ClientHello .. server Certificate   its hash is what the keeper signed, which the
 *                                       keeper said itself (CREDENTIAL_USED): so these
 *                                       are messages of just this handshake
 *   .. client Certificate               its hash is what the client signed
 *   CertificateVerify                   the signature, by the key that was enrolled
 *
 * So a gate cannot open an association that no client opened, nor one that was opened
 * elsewhere or before: it could have the keeper sign once more what it has recorded, so
 * each proof is taken once, and while it is fresh. Only lengths and types are read; certificates are compared as
 * octets. A device of a maker's has no record here: its certificates are read, up to the
 * maker's [chain/chain.h]. */
#include "security/association/registry_inner.h"

#include "base/clock.h"
#include "chain/chain.h"

enum {
	HEAD = 4, MESSAGES_MAX = 16, RANDOM = 32, HASH_MAX = 48, BLANKS = 64,
	CLIENT_HELLO = 1, SERVER_HELLO = 2, ENCRYPTED_EXTENSIONS = 8, CERTIFICATE = 11,
	SERVER_KEY_EXCHANGE = 12, CERTIFICATE_VERIFY = 15, MESSAGE_HASH = 254,
	ECDSA_SECP256R1_SHA256 = 0x0403,
};

/* The messages of a transcript, each with its head. */
struct transcript {
	struct bytes all;
	struct bytes m[MESSAGES_MAX];
	size_t n;
	bool tls13, sha384;
	struct buf again; /* after a HelloRetryRequest: the transcript that is hashed */
};

static unsigned type_of(struct bytes message)
{
	return message.p[0];
}

static struct bytes body_of(struct bytes message)
{
	return bytes_sub(message, HEAD, message.n);
}

static size_t get_be24(const uint8_t *p)
{
	return (size_t)p[0] << 16 | get_be16(p + 1);
}

static err_t split(struct bytes in, struct transcript *t)
{
	t->all = in;
	while (in.n) {
		size_t n;

		if (in.n < HEAD || t->n == MESSAGES_MAX)
			return ERR_SYNTAX;
		n = HEAD + get_be24(in.p + 1);
		if (n > in.n)
			return ERR_SYNTAX;
		t->m[t->n] = bytes_sub(in, 0, n);
		t->tls13 |= type_of(t->m[t->n]) == ENCRYPTED_EXTENSIONS;
		t->n++;
		in = bytes_sub(in, n, in.n);
	}
	return ERR_OK;
}

/* The n-th message of the type; NULL without. */
static const struct bytes *find(const struct transcript *t, unsigned type, unsigned nth)
{
	for (size_t i = 0; i < t->n; i++) {
		if (type_of(t->m[i]) == type && nth-- == 0)
			return &t->m[i];
	}
	return NULL;
}

/* The last message of the type; NULL without. */
static const struct bytes *last_of(const struct transcript *t, unsigned type)
{
	for (size_t i = t->n; i > 0; i--) {
		if (type_of(t->m[i - 1]) == type)
			return &t->m[i - 1];
	}
	return NULL;
}

/* From the first message to the end of this one. */
static struct bytes until(const struct transcript *t, const struct bytes *last)
{
	return bytes_make(t->all.p, (size_t)(last->p + last->n - t->all.p));
}

static size_t hash(const struct transcript *t, struct bytes octets, uint8_t out[HASH_MAX])
{
	if (t->sha384) {
		crypt_sha384(octets, out);
		return 48;
	}
	crypt_sha256(octets, out);
	return 32;
}

/* --- TLS 1.3 ---------------------------------------------------------------------- */

static bool is_retry(struct bytes hello)
{
	static const uint8_t retry[RANDOM] = {
		0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
		0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
	};

	return bytes_equal(bytes_sub(body_of(hello), 2, RANDOM), BYTES_OF(retry));
}

static err_t read_suite(struct transcript *t, struct bytes hello)
{
	struct bytes body = body_of(hello), suite;

	if (body.n < 2 + RANDOM + 1)
		return ERR_SYNTAX;
	suite = bytes_sub(body, 2 + RANDOM + 1 + (size_t)body.p[2 + RANDOM], 2);
	if (suite.n != 2)
		return ERR_SYNTAX;
	t->sha384 = get_be16(suite.p) == 0x1302;
	return ERR_OK;
}

/* A first ClientHello that was answered by a HelloRetryRequest stands in the transcript
 * as a message of its hash [RFC 8446 4.4.1]. */
static err_t fold_retry(struct transcript *t)
{
	uint8_t message[HEAD + HASH_MAX] = { MESSAGE_HASH };
	size_t n = hash(t, t->m[0], message + HEAD);
	struct bytes rest = bytes_sub(t->all, t->m[0].n, t->all.n);
	err_t err;

	message[3] = (uint8_t)n;
	t->again = buf_make(PROOF_OCTETS_MAX + HEAD + HASH_MAX);
	TRY(buf_add(&t->again, bytes_make(message, HEAD + n)));
	TRY(buf_add(&t->again, rest));
	t->n = 0;
	err = split(bytes_of_buf(&t->again), t);
out:
	return err;
}

/* What is signed [RFC 8446 4.4.3]. */
static err_t signed_input(const struct transcript *t, const struct bytes *last, struct bytes who,
                          struct buf *out)
{
	uint8_t blanks[BLANKS], digest[HASH_MAX];
	size_t n = hash(t, until(t, last), digest);
	err_t err;

	for (size_t i = 0; i < BLANKS; i++)
		blanks[i] = ' ';
	TRY(buf_add(out, BYTES_OF(blanks)));
	TRY(buf_add(out, who));
	TRY(buf_add_byte(out, 0));
	TRY(buf_add(out, bytes_make(digest, n)));
out:
	return err;
}

static err_t inputs_of_tls13(struct transcript *t, struct buf *ours, struct buf *theirs)
{
	const struct bytes *hello = find(t, SERVER_HELLO, 0), *server, *client;
	err_t err;

	TRY(hello ? read_suite(t, *hello) : ERR_SYNTAX);
	if (is_retry(*hello))
		TRY(fold_retry(t));
	server = find(t, CERTIFICATE, 0);
	client = find(t, CERTIFICATE, 1);
	TRY(server && client ? ERR_OK : ERR_SYNTAX);
	TRY(signed_input(t, server, BYTES("TLS 1.3, server CertificateVerify"), ours));
	TRY(signed_input(t, client, BYTES("TLS 1.3, client CertificateVerify"), theirs));
out:
	return err;
}

/* --- TLS 1.2 ---------------------------------------------------------------------- */

/* Both randoms and the parameters of the key exchange, a named curve [RFC 8422 5.4]. */
static err_t inputs_of_tls12(struct transcript *t, struct buf *ours, struct buf *theirs)
{
	const struct bytes *client = find(t, CLIENT_HELLO, 0), *server = find(t, SERVER_HELLO, 0);
	const struct bytes *exchange = find(t, SERVER_KEY_EXCHANGE, 0);
	struct bytes params;
	err_t err;

	TRY(client && server && exchange ? ERR_OK : ERR_SYNTAX);
	params = body_of(*exchange);
	TRY(params.n > 4 && params.n >= 4u + params.p[3] ? ERR_OK : ERR_SYNTAX);
	TRY(buf_add(ours, bytes_sub(body_of(*client), 2, RANDOM)));
	TRY(buf_add(ours, bytes_sub(body_of(*server), 2, RANDOM)));
	TRY(buf_add(ours, bytes_sub(params, 0, 4u + params.p[3])));
	/* All messages before the CertificateVerify. */
	TRY(buf_add(theirs, bytes_sub(t->all, 0, t->all.n - t->m[t->n - 1].n)));
out:
	return err;
}

/* --- both ------------------------------------------------------------------------------ */

/* What the client shows of itself. Views into the transcript, but `input`. */
struct shown {
	struct bytes der[CHAIN_MAX]; /* its certificates, the first ones */
	size_t n;
	struct bytes signature;
	struct buf input;            /* what it is over */
};

/* The client's message, as octets: a certificate, in TLS 1.3 with extensions behind it. */
static err_t client_certificates(const struct transcript *t, struct shown *s)
{
	const struct bytes *message = find(t, CERTIFICATE, 1);
	struct bytes in;
	size_t n;

	if (!message)
		return ERR_SYNTAX;
	in = body_of(*message);
	if (t->tls13) /* certificate_request_context */
		in = in.n ? bytes_sub(in, 1 + (size_t)in.p[0], in.n) : in;
	in = bytes_sub(in, 3, in.n);
	while (in.n && s->n < CHAIN_MAX) {
		n = in.n > 3 ? get_be24(in.p) : 0;
		s->der[s->n] = bytes_sub(in, 3, n);
		if (n == 0 || s->der[s->n].n != n)
			return ERR_SYNTAX;
		s->n++;
		in = bytes_sub(in, 3 + n, in.n);
		if (t->tls13)
			in = in.n >= 2 ? bytes_sub(in, 2 + get_be16(in.p), in.n) : BYTES_NONE;
	}
	return s->n ? ERR_OK : ERR_SYNTAX;
}

static err_t signature_of(const struct transcript *t, struct bytes *out)
{
	struct bytes verify = body_of(t->m[t->n - 1]);
	size_t n;

	if (verify.n < 4 || get_be16(verify.p) != ECDSA_SECP256R1_SHA256)
		return ERR_REFUSED;
	n = get_be16(verify.p + 2);
	*out = bytes_sub(verify, 4, n);
	return verify.n == 4 + n ? ERR_OK : ERR_SYNTAX;
}

/* Of now, and of this run: what was taken in the one before is not remembered. Of no time to
 * come: that would be fresh in the next run. The gate's clock is ours; k->now is of the turn,
 * which may have begun before the handshake. */
static bool is_fresh(const struct transcript *t, const struct taking *k)
{
	const struct bytes *hello = last_of(t, SERVER_HELLO);
	int64_t at;

	if (!hello || hello->n < HEAD + 2 + RANDOM)
		return false;
	at = (int64_t)get_be32(hello->p + HEAD + 2) * 1000;
	return at >= k->started && at > k->now - NOTICE_LIFE && at <= clock_now();
}

/* Messages of the very handshake in which the keeper signed that, and what the client
 * shows in it. */
static err_t look(struct transcript *t, const struct taking *k, struct shown *s)
{
	struct buf ours = buf_make(512);
	uint8_t digest[32];
	err_t err;

	TRY(t->n >= 4 && type_of(t->m[0]) == CLIENT_HELLO && type_of(t->m[t->n - 1]) == CERTIFICATE_VERIFY
	            ? ERR_OK : ERR_SYNTAX);
	TRY(t->tls13 ? inputs_of_tls13(t, &ours, &s->input) : inputs_of_tls12(t, &ours, &s->input));
	crypt_sha256(bytes_of_buf(&ours), digest);
	TRY(bytes_equal(BYTES_OF(digest), BYTES_OF(k->digest)) && is_fresh(t, k) ? ERR_OK : ERR_REFUSED);
	TRY(client_certificates(t, s));
	err = signature_of(t, &s->signature);
out:
	buf_free(&ours);
	return err;
}

err_t proof_check(struct bytes transcript, const struct credential *c, const struct taking *k)
{
	struct transcript t = { .n = 0 };
	struct shown s = { .input = buf_make(PROOF_OCTETS_MAX) };
	uint8_t digest[32];
	err_t err;

	TRY(split(transcript, &t));
	TRY(look(&t, k, &s));
	crypt_sha256(s.der[0], digest);
	TRY(bytes_equal(BYTES_OF(digest), BYTES_OF(c->fingerprint)) ? ERR_OK : ERR_REFUSED);
	TRY(crypt_p256_verify(c->point, bytes_of_buf(&s.input), s.signature));
	err = seen_once(k->seen, k->digest);
out:
	buf_free(&t.again);
	buf_free(&s.input);
	return err;
}

/* --- a device of a maker's ---------------------------------------------------------------- */

static err_t proof_of_device(const struct device_shown *shown, const struct taking *k, struct device_proved *out)
{
	struct transcript t = { .n = 0 };
	struct shown s = { .input = buf_make(PROOF_OCTETS_MAX) };
	err_t err;

	TRY(split(shown->transcript, &t));
	TRY(look(&t, k, &s));
	TRY(chain_check(s.der, s.n, shown->maker, k->now, out->point));
	TRY(crypt_p256_verify(out->point, bytes_of_buf(&s.input), s.signature));
	crypt_sha256(s.der[0], out->digest);
	crypt_sha256(shown->maker, out->maker);
	err = seen_once(k->seen, k->digest);
out:
	buf_free(&t.again);
	buf_free(&s.input);
	return err;
}

err_t registry_device(struct registry *r, unsigned gate, const struct device_shown *shown, int64_t now,
                      struct device_proved *out, const char **reason)
{
	struct confirmation said;
	struct taking k;
	err_t err;

	*reason = "the keeper does not confirm the handshake";
	if (shown->tag.n != TAG || !notices_confirm(r, gate, shown->tag.p, BYTES_NONE, now, &said))
		return ERR_REFUSED;
	*reason = "the device's own proof is missing or does not hold";
	k = registry_taking(r, &said, now);
	err = proof_of_device(shown, &k, out);
	return err == ERR_OK || err == ERR_MEMORY ? err : ERR_REFUSED;
}
