/* token.c: the provider whose keys lie on a token or in a TPM, each served by a
 * process of its own (wire/token_link.h). What is believed about levels: proof.c. */
#include "provider/token.h"

#include "base/log.h"
#include "crypt/crypt.h"
#include "crypt/der.h"
#include "provider/approval.h"
#include "provider/held.h"
#include "wire/token_wait.h"

enum { FORMAT = 1, HEAD = 2 + TOKEN_IDENTITY, FIELDS_MAX = 7168, ANSWER_MAX = 5120 };

unsigned token_number(struct bytes name)
{
	uint64_t n = 0;

	if (!bytes_starts(name, BYTES("token.")) ||
	    bytes_to_u64(bytes_sub(name, 6, name.n), TOKENS_MAX, &n) != ERR_OK)
		return 0;
	return (unsigned)n;
}

/* --- questions ------------------------------------------------------------------- */

/* Ask there and then, or put the call aside (wait.h). */
static err_t ask(unsigned number, struct bytes question, struct buf *answer)
{
	bool known;
	uint64_t ref;
	err_t err;

	if (wait_may()) {
		err = wait_look(question, &known, answer);
		if (known || err != ERR_OK)
			return err;
	}
	if (!wait_may())
		return token_link_ask(number, question, answer);
	TRY(token_link_send(number, question, &ref));
	err = wait_asked(question, number, ref);
out:
	return err;
}

/* --- the provider ------------------------------------------------------------------ */

/* Which link leads to the key's token; 0 none. */
static unsigned where(const struct provider_key *k)
{
	struct bytes identity = bytes_sub(secret_view(&k->blob), 2, TOKEN_IDENTITY);
	bool told;

	for (unsigned n = 1; n <= TOKENS_MAX; n++) {
		if (token_is_attached(n, &told) && told &&
		    bytes_equal(identity, BYTES_OF(token_state_of(n)->identity)))
			return n;
	}
	/* One that has not said yet who it is: it will look itself. */
	return token_is_attached(k->blob.p[1], &told) && !told ? k->blob.p[1] : 0;
}

unsigned token_place(const struct provider_key *k)
{
	unsigned n = where(k);

	n = n ? n : k->blob.p[1];
	return n <= TOKENS_MAX ? n : 0;
}

bool token_is_gone(const struct provider_key *k)
{
	return where(k) == 0;
}

struct question {
	struct buf body, answer;
	struct wire_out w;
};

static void begin(struct question *q, enum token_op op)
{
	*q = (struct question){ .body = buf_make(FIELDS_MAX), .answer = buf_make(ANSWER_MAX) };
	q->w = wire_out(&q->body);
	wire_put_u16(&q->w, (uint16_t)op);
}

static void begin_key(struct question *q, enum token_op op, const struct provider_key *k)
{
	struct bytes blob = secret_view(&k->blob);

	begin(q, op);
	wire_put_u8(&q->w, (uint8_t)k->class);
	wire_put_fixed(&q->w, bytes_sub(blob, 2, TOKEN_IDENTITY));
	wire_put_bytes(&q->w, bytes_sub(blob, HEAD, blob.n));
}

static void end(struct question *q)
{
	struct buf *both[] = { &q->body, &q->answer };

	for (size_t i = 0; i < COUNT_OF(both); i++) {
		if (both[i]->p)
			secret_wipe(both[i]->p, both[i]->cap);
		buf_free(both[i]);
	}
}

/* Ask, and take exactly n octets. */
static err_t finish(struct question *q, unsigned number, uint8_t *out, size_t n)
{
	struct wire_in in;
	struct bytes got;
	err_t err;

	TRY(q->w.err);
	TRY(number ? ERR_OK : ERR_ABSENT);
	TRY(ask(number, bytes_of_buf(&q->body), &q->answer));
	in = wire_in(bytes_of_buf(&q->answer));
	got = wire_get_fixed(&in, n);
	TRY(wire_done(&in) == ERR_OK ? ERR_OK : ERR_CRYPTO);
	bytes_copy(out, got.p, n);
out:
	end(q);
	return err;
}

/* The reference of a new key, and its public part. */
static err_t finish_new(struct question *q, struct provider_key *k, bool pair)
{
	struct bytes identity, reference, public_key = BYTES_NONE;
	size_t public_n = !pair ? 0 : k->class == KEY_ED25519 ? 32 : KEY_POINT;
	struct wire_in in;
	err_t err;

	TRY(q->w.err);
	TRY(ask(k->place, bytes_of_buf(&q->body), &q->answer));
	in = wire_in(bytes_of_buf(&q->answer));
	identity = wire_get_fixed(&in, TOKEN_IDENTITY);
	reference = wire_get_bytes(&in, TOKEN_REFERENCE_MAX);
	if (in.rest.n)
		public_key = wire_get_bytes(&in, KEY_POINT);
	TRY(wire_done(&in) == ERR_OK && reference.n && public_key.n == public_n ? ERR_OK : ERR_CRYPTO);
	TRY(secret_new(HEAD + reference.n, &k->blob));
	k->blob.p[0] = FORMAT;
	k->blob.p[1] = (uint8_t)k->place;
	bytes_copy(k->blob.p + 2, identity.p, identity.n);
	bytes_copy(k->blob.p + HEAD, reference.p, reference.n);
	bytes_copy(k->public_key, public_key.p, public_key.n);
	k->public_n = public_key.n;
out:
	end(q);
	return err;
}

err_t token_count(unsigned number, bool on, uint64_t *out)
{
	uint8_t octets[8] = { 0 };
	struct question q;
	err_t err;

	begin(&q, TOKEN_COUNT);
	wire_put_u8(&q.w, on);
	err = finish(&q, number, octets, sizeof(octets));
	*out = get_be64(octets);
	return err;
}

static bool is_pair(const struct provider_key *k)
{
	return k->class == KEY_EC_P256 || k->class == KEY_ED25519;
}

static err_t token_make(struct provider_key *k)
{
	struct question q;

	begin(&q, TOKEN_MAKE);
	wire_put_u8(&q.w, (uint8_t)k->class);
	wire_put_u8(&q.w, (uint8_t)k->use);
	return finish_new(&q, k, is_pair(k));
}

static err_t token_import(struct provider_key *k, struct bytes raw)
{
	struct question q;

	if (is_pair(k))
		return ERR_UNSUPPORTED;
	begin(&q, TOKEN_IMPORT);
	wire_put_u8(&q.w, (uint8_t)k->class);
	wire_put_bytes(&q.w, raw);
	wire_put_u8(&q.w, (uint8_t)k->use);
	return finish_new(&q, k, false);
}

/* The key is not asked for: its token may be away, and everything else shall open. */
static err_t token_load(struct provider_key *k)
{
	bool symmetric = key_is_symmetric(k->class);

	if (approval_is(k))
		return approval_check(k);
	if (k->blob.n <= HEAD || k->blob.p[0] != FORMAT || (!is_pair(k) && !symmetric) ||
	    k->public_n != (k->class == KEY_EC_P256 ? KEY_POINT : k->class == KEY_ED25519 ? 32 : 0))
		return ERR_TAMPERED;
	(void)held_note(k);
	return ERR_OK;
}

static void token_unload(struct provider_key *k)
{
	held_forget(k);
	secret_free(&k->blob);
}

static void token_destroy(struct provider_key *k)
{
	struct question q;

	if (approval_is(k))
		return;
	begin_key(&q, TOKEN_DESTROY, k);
	if (finish(&q, where(k), NULL, 0) != ERR_OK)
		log_event(LOG_WARN, "key left on the token", "why=the token is not there, or refuses");
}

/* r and s, or an Ed25519 signature. */
static err_t raw_signature(struct provider_key *k, struct bytes input, uint8_t out[TOKEN_SIGNATURE])
{
	struct question q;

	begin_key(&q, TOKEN_SIGN, k);
	wire_put_bytes(&q.w, input);
	return finish(&q, where(k), out, TOKEN_SIGNATURE);
}

static err_t token_sign_digest(struct provider_key *k, const uint8_t digest[32], struct buf *out)
{
	uint8_t signature[TOKEN_SIGNATURE];
	err_t err;

	if (k->class != KEY_EC_P256)
		return ERR_TYPE;
	TRY(raw_signature(k, bytes_make(digest, 32), signature));
	err = der_signature(signature, out);
out:
	return err;
}

static err_t token_sign(struct provider_key *k, struct bytes input, struct buf *out)
{
	uint8_t digest[32], signature[TOKEN_SIGNATURE];
	err_t err;

	if (!is_pair(k))
		return ERR_TYPE;
	if (k->class == KEY_EC_P256) {
		crypt_sha256(input, digest);
		return token_sign_digest(k, digest, out);
	}
	TRY(raw_signature(k, input, signature));
	err = buf_add(out, BYTES_OF(signature));
out:
	return err;
}

static err_t token_agree(struct provider_key *k, struct bytes peer, uint8_t out[KEY_AGREED])
{
	struct question q;

	if (k->class != KEY_EC_P256)
		return ERR_TYPE;
	if (peer.n != KEY_POINT)
		return ERR_SYNTAX;
	begin_key(&q, TOKEN_AGREE, k);
	wire_put_fixed(&q.w, peer);
	return finish(&q, where(k), out, KEY_AGREED);
}

static err_t mac_part(struct provider_key *k, enum token_part part, struct bytes message,
                      uint8_t out[32])
{
	struct question q;

	if (is_pair(k))
		return ERR_TYPE;
	begin_key(&q, TOKEN_MAC, k);
	wire_put_u8(&q.w, (uint8_t)part);
	wire_put_bytes(&q.w, message);
	return finish(&q, where(k), out, 32);
}

static err_t token_mac(struct provider_key *k, struct bytes message, uint8_t out[32])
{
	return mac_part(k, PART_KEY, message, out);
}

static err_t token_tls13(struct provider_key *k, enum token_part part, struct bytes message,
                         uint8_t out[32])
{
	return part == PART_KEY ? ERR_TYPE : mac_part(k, part, message, out);
}

static err_t token_extract(struct provider_key *k, struct bytes salt, uint8_t out[32])
{
	struct question q;

	if (is_pair(k))
		return ERR_TYPE;
	begin_key(&q, TOKEN_EXTRACT, k);
	wire_put_bytes(&q.w, salt);
	return finish(&q, where(k), out, 32);
}

/* Octets of a length that the question does not tell. */
static err_t finish_octets(struct question *q, unsigned number, struct buf *out)
{
	struct bytes got;
	struct wire_in in;
	err_t err;

	TRY(q->w.err);
	TRY(number ? ERR_OK : ERR_ABSENT);
	TRY(ask(number, bytes_of_buf(&q->body), &q->answer));
	in = wire_in(bytes_of_buf(&q->answer));
	got = wire_get_bytes(&in, TOKEN_MESSAGE_MAX + TOKEN_SEAL_MORE);
	TRY(wire_done(&in) == ERR_OK ? ERR_OK : ERR_CRYPTO);
	err = buf_add(out, got);
out:
	end(q);
	return err;
}

static err_t sealing(struct provider_key *k, enum token_op op, struct bytes additional, struct bytes input,
                     struct buf *out)
{
	struct question q;

	if (k->class != KEY_SYMMETRIC_32)
		return ERR_TYPE;
	begin_key(&q, op, k);
	wire_put_bytes(&q.w, additional);
	wire_put_bytes(&q.w, input);
	return finish_octets(&q, where(k), out);
}

static err_t token_seal(struct provider_key *k, struct bytes additional, struct bytes plain, struct buf *out)
{
	return sealing(k, TOKEN_SEAL, additional, plain, out);
}

static err_t token_unseal(struct provider_key *k, struct bytes additional, struct bytes sealed, struct buf *out)
{
	return sealing(k, TOKEN_UNSEAL, additional, sealed, out);
}

/* The key would have to be in the middle of a HMAC key: no token does that. */
static err_t token_tls12_master(struct provider_key *k, const struct tls12_ask *asked, uint8_t out[48])
{
	return ERR_UNSUPPORTED;
}

const struct key_provider token_provider = {
	.name = "token",
	.id = PROVIDER_TOKEN,
	.level = 1, /* more only by evidence that was verified */
	.make = token_make,
	.import = token_import,
	.load = token_load,
	.unload = token_unload,
	.destroy = token_destroy,
	.sign = token_sign,
	.sign_digest = token_sign_digest,
	.agree = token_agree,
	.mac = token_mac,
	.extract = token_extract,
	.seal = token_seal,
	.unseal = token_unseal,
	.tls13 = token_tls13,
	.tls12_master = token_tls12_master,
};
