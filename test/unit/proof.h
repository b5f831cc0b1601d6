/* proof.h: handshakes as they are shown to the core, made by the book: only what is
 * judged is in them. Real ones go through the scenarios. */
#ifndef UNIT_PROOF_H
#define UNIT_PROOF_H

#include "crypt/crypt.h"
#include "wire/wire.h"

#include <string.h>

enum proof_form { PROOF_TLS13, PROOF_TLS13_SHA384, PROOF_TLS13_RETRY, PROOF_TLS12, PROOF_FORMS };

struct proof_made {
	struct buf transcript;
	uint8_t signed_digest[32]; /* of what the node's key signed */
	uint8_t input[160];        /* in TLS 1.3 that itself */
	size_t input_n;
};

/* Whose handshakes they are; none: the one key of all clients of a test. */
static struct crypt_key *proof_client;

static inline struct crypt_key *proof_key(void)
{
	static struct crypt_key key;

	if (proof_client)
		return proof_client;
	if (!key.pkey)
		must(crypt_p256_new(&key) == ERR_OK);
	return &key;
}

/* When the server's hello is from, and a number of it: another handshake each. */
static int64_t proof_at;
static unsigned proof_number;

static inline void proof_message(struct buf *out, unsigned type, struct bytes body)
{
	uint8_t head[4] = { (uint8_t)type, 0, (uint8_t)(body.n >> 8), (uint8_t)body.n };

	must(buf_add(out, BYTES_OF(head)) == ERR_OK && buf_add(out, body) == ERR_OK);
}

static inline void proof_hello(struct buf *out, unsigned type, const uint8_t *random, unsigned suite)
{
	uint8_t body[40] = { 3, 3 };

	memcpy(body + 2, random, 32);
	body[35] = (uint8_t)(suite >> 8);
	body[36] = (uint8_t)suite;
	proof_message(out, type, BYTES_OF(body));
}

/* One certificate behind the other; lengths of 16 bits. */
static inline void proof_certificates(struct buf *out, bool tls13, const struct bytes *der, size_t n)
{
	struct buf list = buf_make(32768), body = buf_make(32768);
	uint8_t head[4] = { 0 };

	for (size_t i = 0; i < n; i++) {
		put_be16(head + 1, (uint16_t)der[i].n);
		must(buf_add(&list, bytes_make(head, 3)) == ERR_OK && buf_add(&list, der[i]) == ERR_OK);
		if (tls13)
			must(buf_add(&list, BYTES("\0\0")) == ERR_OK);
	}
	put_be16(head + 2, (uint16_t)list.n);
	must(buf_add(&body, bytes_make(head + (tls13 ? 0 : 1), tls13 ? 4 : 3)) == ERR_OK && buf_add(&body, bytes_of_buf(&list)) == ERR_OK);
	proof_message(out, 11, bytes_of_buf(&body));
	buf_free(&list);
	buf_free(&body);
}

static inline void proof_certificate(struct buf *out, bool tls13, struct bytes der)
{
	proof_certificates(out, tls13, &der, 1);
}

/* 64 blanks, who, 0, the hash of the transcript so far. */
static inline struct bytes proof_input(struct bytes so_far, const char *who, bool sha384, uint8_t input[160])
{
	size_t n = strlen(who);

	memset(input, ' ', 64);
	memcpy(input + 64, who, n);
	input[64 + n] = 0;
	if (sha384)
		crypt_sha384(so_far, input + 65 + n);
	else
		crypt_sha256(so_far, input + 65 + n);
	return bytes_make(input, 65 + n + (sha384 ? 48 : 32));
}

static inline void proof_sign(struct buf *out, struct bytes input)
{
	struct buf signature = buf_make(128), body = buf_make(256);
	uint8_t head[4] = { 4, 3 };

	must(crypt_p256_sign(proof_key(), input, &signature) == ERR_OK);
	head[3] = (uint8_t)signature.n;
	must(buf_add(&body, BYTES_OF(head)) == ERR_OK && buf_add(&body, bytes_of_buf(&signature)) == ERR_OK);
	proof_message(out, 15, bytes_of_buf(&body));
	buf_free(&signature);
	buf_free(&body);
}

static inline void proof_tls13(struct proof_made *p, const struct bytes *der, size_t n, enum proof_form form)
{
	static const uint8_t retry[32] = { 0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65,
		0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c };
	const uint8_t random[32] = { (uint8_t)(proof_at / 1000 >> 24), (uint8_t)(proof_at / 1000 >> 16), (uint8_t)(proof_at / 1000 >> 8),
		(uint8_t)(proof_at / 1000), (uint8_t)proof_number, (uint8_t)(proof_number >> 8) };
	bool sha384 = form == PROOF_TLS13_SHA384;
	unsigned suite = sha384 ? 0x1302 : 0x1301;
	struct buf hashed = buf_make(16384), *t = &p->transcript;
	uint8_t input[160], folded[36] = { 254, 0, 0, 32 };
	size_t skip = 0;

	proof_hello(t, 1, random, 1);
	if (form == PROOF_TLS13_RETRY) {
		crypt_sha256(bytes_of_buf(t), folded + 4);
		skip = t->n;
		must(buf_add(&hashed, BYTES_OF(folded)) == ERR_OK);
		proof_hello(t, 2, retry, suite);
		proof_hello(t, 1, random, 2);
	}
	proof_hello(t, 2, random, suite);
	proof_message(t, 8, BYTES("\0\0"));
	proof_certificate(t, true, BYTES("the node's certificate"));
	must(buf_add(&hashed, bytes_sub(bytes_of_buf(t), skip, t->n)) == ERR_OK);
	p->input_n = proof_input(bytes_of_buf(&hashed), "TLS 1.3, server CertificateVerify", sha384, p->input).n;
	crypt_sha256(bytes_make(p->input, p->input_n), p->signed_digest);
	proof_message(t, 15, BYTES("\4\3\0\1x"));
	proof_message(t, 20, BYTES("finished"));
	proof_certificates(t, true, der, n);
	hashed.n = skip ? sizeof(folded) : 0;
	must(buf_add(&hashed, bytes_sub(bytes_of_buf(t), skip, t->n)) == ERR_OK);
	proof_sign(t, proof_input(bytes_of_buf(&hashed), "TLS 1.3, client CertificateVerify", sha384, input));
	buf_free(&hashed);
}

static inline void proof_tls12(struct proof_made *p, struct bytes der)
{
	const uint8_t random[32] = { (uint8_t)(proof_at / 1000 >> 24), (uint8_t)(proof_at / 1000 >> 16), (uint8_t)(proof_at / 1000 >> 8),
		(uint8_t)(proof_at / 1000), (uint8_t)proof_number, (uint8_t)(proof_number >> 8) };
	uint8_t exchange[4 + 32 + 8] = { 3, 0, 29, 32 };
	struct buf input = buf_make(512), *t = &p->transcript;

	must(buf_add(&input, BYTES_OF(random)) == ERR_OK && buf_add(&input, BYTES_OF(random)) == ERR_OK &&
	     buf_add(&input, bytes_make(exchange, 36)) == ERR_OK);
	crypt_sha256(bytes_of_buf(&input), p->signed_digest);
	proof_hello(t, 1, random, 1);
	proof_hello(t, 2, random, 0xc02b);
	proof_certificate(t, false, BYTES("the node's certificate"));
	proof_message(t, 12, BYTES_OF(exchange));
	proof_message(t, 14, BYTES_NONE);
	proof_certificate(t, false, der);
	proof_message(t, 16, BYTES("key exchange"));
	proof_sign(t, bytes_of_buf(t));
	buf_free(&input);
}

static inline struct proof_made proof_make(struct bytes der, enum proof_form form)
{
	struct proof_made p = { .transcript = buf_make(4096) };

	if (form == PROOF_TLS12)
		proof_tls12(&p, der);
	else
		proof_tls13(&p, &der, 1, form);
	return p;
}

#endif
