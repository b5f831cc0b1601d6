/* serve.c: the operations of token_ops.def, on whatever back end there is.
 *
 * A reference is: u8 count of parts, then each part as bytes; a part is the back
 * end's own. Of an imported key the parts of enum token_part are made here. */
#include "token/serve.h"

#include "base/log.h"
#include "crypt/crypt.h"

enum { HASH = 32 };

/* --- references --------------------------------------------------------------- */

static err_t get_part(struct bytes reference, unsigned part, struct token_key *k)
{
	struct wire_in in = wire_in(reference);
	unsigned count = wire_get_u8(&in);

	if (count == 0 || count > PART_COUNT)
		return ERR_SYNTAX;
	if (part >= count)
		return ERR_UNSUPPORTED;
	for (unsigned i = 0; i <= part; i++)
		k->reference = wire_get_bytes(&in, TOKEN_REFERENCE_MAX);
	return in.err;
}

err_t token_get_key(struct token *t, struct token_work *w, unsigned part, struct token_key *k)
{
	struct bytes identity, reference;
	err_t err;

	*k = (struct token_key){ .class = (enum key_class)wire_get_u8(&w->in) };
	identity = wire_get_fixed(&w->in, TOKEN_IDENTITY);
	reference = wire_get_bytes(&w->in, TOKEN_REFERENCE_MAX);
	TRY(w->in.err);
	if (!bytes_equal(identity, BYTES_OF(t->state.identity)))
		return token_fault(t, ERR_MISSING, "another token in the place of the one that has the key");
	err = get_part(reference, part, k);
	w->key = *k;
out:
	return err;
}

static void put_parts(struct token_work *w, const struct token_made *parts, unsigned count)
{
	struct buf reference = buf_make(TOKEN_REFERENCE_MAX);
	struct wire_out out = wire_out(&reference);

	wire_put_u8(&out, (uint8_t)count);
	for (unsigned i = 0; i < count; i++)
		wire_put_bytes(&out, bytes_make(parts[i].reference, parts[i].reference_n));
	wire_put_bytes(&w->out, bytes_of_buf(&reference));
	if (out.err != ERR_OK)
		w->out.err = out.err;
	buf_free(&reference);
}

void token_put_reference(struct token *t, struct token_work *w, const struct token_made *parts,
                         unsigned count)
{
	wire_put_fixed(&w->out, BYTES_OF(t->state.identity));
	put_parts(w, parts, count);
}

/* --- the life of keys ------------------------------------------------------------ */

static err_t run_make(struct token *t, struct token_work *w)
{
	struct token_key k = { .class = (enum key_class)wire_get_u8(&w->in) };
	struct token_made made = { 0 };
	err_t err;

	k.use = (enum pair_use)wire_get_u8(&w->in);
	TRY(wire_done(&w->in));
	TRY(t->backend->make(t, &k, &made));
	token_put_reference(t, w, &made, 1);
	wire_put_bytes(&w->out, bytes_make(made.public_key, made.public_n));
out:
	return err;
}

/* What TLS 1.3 makes of a pre-shared key, the same in each handshake. */
static void tls13_parts(struct bytes raw, uint8_t derived[HASH], uint8_t finished[HASH])
{
	uint8_t nothing[HASH], early[HASH], binder[HASH];

	crypt_sha256(BYTES_NONE, nothing);
	crypt_hkdf_extract(BYTES_NONE, raw, early);
	crypt_expand_label(BYTES_OF(early), BYTES("derived"), BYTES_OF(nothing), derived, HASH);
	crypt_expand_label(BYTES_OF(early), BYTES("ext binder"), BYTES_OF(nothing), binder, HASH);
	crypt_expand_label(BYTES_OF(binder), BYTES("finished"), BYTES_NONE, finished, HASH);
	secret_wipe(early, sizeof(early));
	secret_wipe(binder, sizeof(binder));
}

static err_t run_import(struct token *t, struct token_work *w)
{
	enum key_class class = (enum key_class)wire_get_u8(&w->in);
	struct bytes raw = wire_get_bytes(&w->in, HASH);
	uint8_t derived[HASH], finished[HASH];
	struct token_made parts[PART_COUNT] = { { { 0 }, 0, { 0 }, 0 } };
	enum pair_use use = w->in.rest.n ? (enum pair_use)wire_get_u8(&w->in) : PAIR_ANY;
	err_t err;

	TRY(wire_done(&w->in));
	if (raw.n == 0 || raw.n != (class == KEY_SYMMETRIC_16 ? 16 : class == KEY_SYMMETRIC_32 ? HASH : 0))
		return ERR_RANGE;
	if (use != PAIR_ANY && (raw.n != HASH || (use != SECRET_SEAL && use != SECRET_WRAP)))
		return ERR_RANGE;
	TRY(t->backend->import(t, use, raw, &parts[PART_KEY]));
	if (use != PAIR_ANY) {
		token_put_reference(t, w, parts, 1);
		return ERR_OK;
	}
	tls13_parts(raw, derived, finished);
	TRY(t->backend->import(t, use, BYTES_OF(derived), &parts[PART_DERIVED]));
	TRY(t->backend->import(t, use, BYTES_OF(finished), &parts[PART_FINISHED]));
	token_put_reference(t, w, parts, PART_COUNT);
out:
	secret_wipe(derived, sizeof(derived));
	secret_wipe(finished, sizeof(finished));
	return err;
}

static err_t run_count(struct token *t, struct token_work *w)
{
	bool on = wire_get_u8(&w->in) != 0;
	uint64_t n;
	err_t err;

	TRY(wire_done(&w->in));
	TRY(t->backend->count ? ERR_OK : ERR_UNSUPPORTED);
	TRY(t->backend->count(t, on, &n));
	wire_put_u64(&w->out, n);
out:
	return err;
}

static err_t run_destroy(struct token *t, struct token_work *w)
{
	struct wire_in from = w->in;
	struct token_key k;
	err_t err = ERR_OK;

	for (unsigned part = 0; part < PART_COUNT; part++) {
		w->in = from;
		err = token_get_key(t, w, part, &k);
		if (err == ERR_UNSUPPORTED && part > 0)
			return ERR_OK; /* there are no more */
		TRY(err);
		TRY(wire_done(&w->in));
		TRY(t->backend->destroy(t, &k));
	}
out:
	return err;
}

/* --- uses -------------------------------------------------------------------------- */

static err_t run_sign(struct token *t, struct token_work *w)
{
	uint8_t signature[TOKEN_SIGNATURE];
	struct token_key k;
	struct bytes input;
	err_t err;

	TRY(token_get_key(t, w, PART_KEY, &k));
	input = wire_get_bytes(&w->in, TOKEN_MESSAGE_MAX);
	TRY(wire_done(&w->in));
	if (k.class != KEY_ED25519 && (k.class != KEY_EC_P256 || input.n != HASH))
		return ERR_TYPE;
	TRY(t->backend->sign(t, &k, input, signature));
	wire_put_fixed(&w->out, BYTES_OF(signature));
out:
	return err;
}

static err_t run_agree(struct token *t, struct token_work *w)
{
	struct token_key k;
	struct bytes peer;
	uint8_t x[HASH];
	err_t err;

	TRY(token_get_key(t, w, PART_KEY, &k));
	peer = wire_get_fixed(&w->in, CRYPT_POINT);
	TRY(wire_done(&w->in));
	if (k.class != KEY_EC_P256)
		return ERR_TYPE;
	TRY(t->backend->agree(t, &k, peer, x));
	wire_put_fixed(&w->out, BYTES_OF(x));
out:
	secret_wipe(x, sizeof(x));
	return err;
}

static bool is_symmetric(const struct token_key *k)
{
	return k->class == KEY_SYMMETRIC_16 || k->class == KEY_SYMMETRIC_32;
}

/* The part stands behind the key that it is a part of. */
static err_t run_mac(struct token *t, struct token_work *w)
{
	struct wire_in from = w->in;
	struct bytes message;
	struct token_key k;
	uint8_t mac[HASH];
	unsigned part;
	err_t err;

	TRY(token_get_key(t, w, PART_KEY, &k));
	part = wire_get_u8(&w->in);
	message = wire_get_bytes(&w->in, TOKEN_MESSAGE_MAX);
	TRY(wire_done(&w->in));
	w->in = from;
	TRY(token_get_key(t, w, part, &k));
	TRY(is_symmetric(&k) ? ERR_OK : ERR_TYPE);
	TRY(t->backend->mac(t, &k, message, mac));
	wire_put_fixed(&w->out, BYTES_OF(mac));
out:
	secret_wipe(mac, sizeof(mac));
	return err;
}

static err_t run_extract(struct token *t, struct token_work *w)
{
	struct token_key k;
	struct bytes salt;
	uint8_t out[HASH];
	err_t err;

	TRY(token_get_key(t, w, PART_KEY, &k));
	salt = wire_get_bytes(&w->in, TOKEN_MESSAGE_MAX);
	TRY(wire_done(&w->in));
	TRY(is_symmetric(&k) ? ERR_OK : ERR_TYPE);
	TRY(t->backend->extract(t, &k, salt, out));
	wire_put_fixed(&w->out, BYTES_OF(out));
out:
	secret_wipe(out, sizeof(out));
	return err;
}

static err_t run_random(struct token *t, struct token_work *w)
{
	size_t n = wire_get_u16(&w->in);
	uint8_t out[TOKEN_RANDOM_MAX];
	err_t err;

	TRY(wire_done(&w->in));
	if (n == 0 || n > sizeof(out))
		return ERR_RANGE;
	TRY(t->backend->random(t, out, n));
	wire_put_fixed(&w->out, bytes_make(out, n));
out:
	secret_wipe(out, sizeof(out));
	return err;
}

static err_t run_evidence(struct token *t, struct token_work *w)
{
	bool make = wire_get_u8(&w->in) != 0;
	struct buf certificate = buf_make(TOKEN_CERTIFICATE_MAX);
	struct token_made made = { 0 };
	err_t err;

	TRY(wire_done(&w->in));
	TRY(t->backend->evidence(t, make, &certificate, &made));
	wire_put_fixed(&w->out, BYTES_OF(t->state.identity));
	wire_put_bytes(&w->out, bytes_of_buf(&certificate));
	if (made.reference_n)
		put_parts(w, &made, 1);
	else
		wire_put_bytes(&w->out, BYTES_NONE);
out:
	buf_free(&certificate);
	return err;
}

static err_t run_activate(struct token *t, struct token_work *w)
{
	struct buf opened = buf_make(TOKEN_SEALED_MAX);
	struct bytes sealed, seed;
	struct token_key k;
	err_t err;

	TRY(token_get_key(t, w, PART_KEY, &k));
	sealed = wire_get_bytes(&w->in, TOKEN_SEALED_MAX);
	seed = wire_get_bytes(&w->in, TOKEN_SEALED_MAX);
	TRY(wire_done(&w->in));
	TRY(t->backend->activate ? ERR_OK : ERR_UNSUPPORTED);
	TRY(t->backend->activate(t, &k, sealed, seed, &opened));
	wire_put_bytes(&w->out, bytes_of_buf(&opened));
out:
	buf_free(&opened);
	return err;
}

static err_t run_try(struct token *t, struct token_work *w)
{
	struct token_key k;
	err_t err;

	TRY(token_get_key(t, w, PART_KEY, &k));
	k.made = w->in.rest.n && wire_get_u8(&w->in);
	TRY(wire_done(&w->in));
	TRY(t->backend->fit(t, &k));
out:
	return err;
}

static err_t run_certify(struct token *t, struct token_work *w)
{
	struct token_statement said = { .n = 0 };
	struct token_key k, other = { .class = KEY_EC_P256 };
	struct bytes reference, nonce;
	err_t err;

	TRY(token_get_key(t, w, PART_KEY, &k));
	reference = wire_get_bytes(&w->in, TOKEN_REFERENCE_MAX);
	nonce = wire_get_bytes(&w->in, HASH);
	TRY(wire_done(&w->in));
	TRY(nonce.n == HASH ? ERR_OK : ERR_RANGE);
	TRY(get_part(reference, PART_KEY, &other));
	TRY(t->backend->certify ? ERR_OK : ERR_UNSUPPORTED);
	TRY(t->backend->certify(t, &k, &other, nonce, &said));
	wire_put_bytes(&w->out, bytes_make(said.attest, said.n));
	wire_put_fixed(&w->out, BYTES_OF(said.signature));
out:
	return err;
}

/* The keeper is there, and says who it is. Answered also when the token is not:
 * the state says why. */
static err_t run_open(struct token *t, struct token_work *w)
{
	struct bytes pairing = wire_get_fixed(&w->in, TOKEN_PAIRING);
	struct token_state state;
	err_t err;

	t->pair = (enum token_pair)wire_get_u8(&w->in);
	TRY(wire_done(&w->in));
	secret_free(&t->pairing);
	TRY(secret_copy(pairing, &t->pairing));
	t->retry_at = 0;
	token_look(t);
	token_tell(t, &state);
	err = token_state_put(&w->out, &state);
out:
	return err;
}

static const token_run runs[] = {
	[TOKEN_MAKE] = run_make, [TOKEN_IMPORT] = run_import, [TOKEN_DESTROY] = run_destroy,
	[TOKEN_SIGN] = run_sign, [TOKEN_AGREE] = run_agree, [TOKEN_MAC] = run_mac,
	[TOKEN_EXTRACT] = run_extract, [TOKEN_RANDOM] = run_random,
	[TOKEN_EVIDENCE] = run_evidence, [TOKEN_ACTIVATE] = run_activate,
	[TOKEN_SEAL] = token_run_seal, [TOKEN_UNSEAL] = token_run_unseal,
	[TOKEN_WRAP] = token_run_wrap, [TOKEN_UNWRAP] = token_run_unwrap, [TOKEN_TRY] = run_try,
	[TOKEN_CERTIFY] = run_certify, [TOKEN_COUNT] = run_count,
};

err_t token_serve(struct token *t, struct bytes call, struct buf *result)
{
	struct token_work w = { .in = wire_in(call), .out = wire_out(result) };
	unsigned op = wire_get_u16(&w.in);
	err_t status, err;

	buf_clear(result);
	TRY(buf_reserve(result, 256));
	TRY(buf_add_byte(result, ERR_OK));
	if (w.in.err != ERR_OK)
		status = ERR_SYNTAX;
	else if (op == TOKEN_OPEN)
		status = run_open(t, &w);
	else if (op == TOKEN_APPROVE)
		status = token_run_approve(t, &w);
	else if (op < COUNT_OF(runs) && runs[op])
		status = token_use(t, runs[op], &w);
	else
		status = ERR_UNSUPPORTED;
	if (status == ERR_OK)
		status = w.out.err;
	if (status == ERR_BAD_STATE && w.key.reference.n)
		token_unfit(t, &w.key);
	if (status == ERR_BAD_STATE || status == ERR_MISSING || status == ERR_REFUSED || status == ERR_CRYPTO)
		log_event(LOG_WARN, "token refuses", "error=%s why=%s", err_name(status), t->state.why);
	if (status != ERR_OK) {
		secret_wipe(result->p, result->n);
		result->p[0] = (uint8_t)status;
		result->n = 1;
	}
out:
	return err;
}
