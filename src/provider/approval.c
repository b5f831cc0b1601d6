/* approval.c: the record of what is approved, and its signatures. */
#include "provider/approval.h"

#include "base/log.h"
#include "crypt/tpm_policy.h"
#include "wire/signature.h"
#include "wire/token_link.h"

enum { FORMAT = 2, TEXT_MAX = 1024, BODY_MAX = 2048 };

struct approval {
	uint8_t identity[TOKEN_IDENTITY], counter[TOKEN_COUNTER];
	uint32_t pcrs;
	uint64_t generation;
	size_t n;
	uint8_t states[TOKEN_STATES_MAX][TOKEN_MEASURED];
};

/* What each token was told last. */
static struct approval told[TOKENS_MAX + 1];

bool approval_is(const struct provider_key *k)
{
	return k->blob.n > 0 && k->blob.p[0] == FORMAT;
}

static err_t read_record(const struct provider_key *k, struct approval *out)
{
	struct wire_in in = wire_in(secret_view(&k->blob));
	struct bytes part;
	err_t err;

	*out = (struct approval){ .n = 0 };
	(void)wire_get_u16(&in);
	part = wire_get_fixed(&in, TOKEN_IDENTITY);
	bytes_copy(out->identity, part.p, part.n);
	out->pcrs = wire_get_u32(&in);
	part = wire_get_fixed(&in, TOKEN_COUNTER);
	bytes_copy(out->counter, part.p, part.n);
	out->generation = wire_get_u64(&in);
	out->n = wire_get_u8(&in);
	TRY(approval_is(k) && in.err == ERR_OK && out->n <= TOKEN_STATES_MAX ? ERR_OK : ERR_TAMPERED);
	for (size_t i = 0; i < out->n; i++) {
		part = wire_get_fixed(&in, TOKEN_MEASURED);
		bytes_copy(out->states[i], part.p, part.n);
	}
	err = wire_done(&in) == ERR_OK ? ERR_OK : ERR_TAMPERED;
out:
	return err;
}

err_t approval_check(const struct provider_key *k)
{
	struct approval a;

	return read_record(k, &a);
}

static err_t write_record(unsigned number, const struct approval *a, struct provider_key *out)
{
	struct buf text = buf_make(TEXT_MAX);
	struct wire_out w = wire_out(&text);
	err_t err;

	wire_put_u8(&w, FORMAT);
	wire_put_u8(&w, (uint8_t)number);
	wire_put_fixed(&w, BYTES_OF(a->identity));
	wire_put_u32(&w, a->pcrs);
	wire_put_fixed(&w, BYTES_OF(a->counter));
	wire_put_u64(&w, a->generation);
	wire_put_u8(&w, (uint8_t)a->n);
	for (size_t i = 0; i < a->n; i++)
		wire_put_fixed(&w, BYTES_OF(a->states[i]));
	TRY(w.err);
	err = secret_copy(bytes_of_buf(&text), &out->blob);
out:
	buf_free(&text);
	return err;
}

/* The TPM that is there, nothing approved. ERR_MISSING: none that measures, or without a counter. */
static err_t of_token(unsigned number, struct approval *out)
{
	const struct token_state *s = token_state_of(number);
	bool known;

	*out = (struct approval){ .pcrs = s->pcrs, .generation = s->generation };
	bytes_copy(out->identity, s->identity, sizeof(out->identity));
	bytes_copy(out->counter, s->counter, sizeof(out->counter));
	return token_is_attached(number, &known) && known && s->present && s->pcrs && s->generation ? ERR_OK : ERR_MISSING;
}

static size_t find(const struct approval *a, struct bytes state)
{
	size_t i = 0;

	while (i < a->n && !bytes_equal(BYTES_OF(a->states[i]), state))
		i++;
	return i;
}

err_t approval_first(unsigned number, struct provider_key *out)
{
	struct approval a;
	err_t err;

	TRY(of_token(number, &a));
	bytes_copy(a.states[a.n++], token_state_of(number)->measured, TOKEN_MEASURED);
	err = write_record(number, &a, out);
out:
	return err;
}

/* Another TPM: what was approved before says nothing of it. A TPM that is further than the
 * record (an older key store was put back): the signatures of then open nothing. Other PCRs:
 * the states of before go, and are withdrawn with that. */
static err_t begin(unsigned number, const struct provider_key *old, struct approval *out)
{
	struct approval was;
	err_t err;

	TRY(of_token(number, out));
	if (!old)
		return ERR_OK;
	TRY(read_record(old, &was));
	if (!bytes_equal(BYTES_OF(was.identity), BYTES_OF(out->identity)) ||
	    !bytes_equal(BYTES_OF(was.counter), BYTES_OF(out->counter)) || was.generation < out->generation)
		return ERR_OK;
	if (was.pcrs == out->pcrs)
		*out = was;
	else
		out->generation = was.generation + (was.n > 0);
out:
	return err;
}

static err_t change(struct approval *a, bool approve, struct bytes state)
{
	size_t at = find(a, state);

	if (approve && at < a->n)
		return ERR_EXISTS;
	if (approve && a->n == TOKEN_STATES_MAX)
		return ERR_FULL;
	if (!approve && at == a->n)
		return ERR_MISSING;
	if (approve) {
		bytes_copy(a->states[a->n++], state.p, state.n);
		return ERR_OK;
	}
	if (at != --a->n)
		bytes_copy(a->states[at], a->states[a->n], TOKEN_MEASURED);
	a->generation++;
	return ERR_OK;
}

struct asked {
	bool approve;
	uint8_t identity[TOKEN_IDENTITY], pcrs[4], state[TOKEN_MEASURED];
};

static err_t take_hex(struct bytes *rest, uint8_t *out, size_t n)
{
	struct bytes hex = bytes_cut(rest, '/');

	return hex.n == 2 * n ? bytes_from_hex(hex, out, n) : ERR_SYNTAX;
}

static err_t take_asked(struct bytes text, struct asked *out)
{
	struct bytes what = bytes_cut(&text, '/');
	err_t err;

	out->approve = bytes_equal(what, BYTES("approve"));
	TRY(out->approve || bytes_equal(what, BYTES("withdraw")) ? ERR_OK : ERR_SYNTAX);
	TRY(take_hex(&text, out->identity, sizeof(out->identity)));
	TRY(take_hex(&text, out->pcrs, sizeof(out->pcrs)));
	TRY(text.n == 2 * sizeof(out->state) ? ERR_OK : ERR_SYNTAX);
	err = bytes_from_hex(text, out->state, sizeof(out->state));
out:
	return err;
}

err_t approval_order(unsigned number, const struct provider_key *old, struct bytes text, struct provider_key *out)
{
	struct asked asked;
	struct approval a;
	err_t err;

	TRY(take_asked(text, &asked));
	TRY(number ? begin(number, old, &a) : ERR_MISSING);
	TRY(bytes_equal(BYTES_OF(asked.identity), BYTES_OF(a.identity)) ? ERR_OK : ERR_MISSING);
	TRY(get_be32(asked.pcrs) == a.pcrs ? ERR_OK : ERR_RANGE);
	TRY(change(&a, asked.approve, BYTES_OF(asked.state)));
	err = write_record(number, &a, out);
out:
	return err;
}

/* One state: set of PCRs, digest of its policy, signature. */
static err_t put_state(struct wire_out *w, const struct approval *a, size_t i, const struct key_provider *signs,
                       struct provider_key *approver)
{
	const struct tpm_condition c = { .pcrs = a->pcrs, .state = BYTES_OF(a->states[i]),
		                         .counter = BYTES_OF(a->counter), .generation = a->generation };
	uint8_t text[TPM_POLICY + TOKEN_IDENTITY], raw[SIGNATURE_RAW];
	struct buf der = buf_make(128);
	err_t err;

	tpm_policy_state(&c, text);
	bytes_copy(text + TPM_POLICY, a->identity, TOKEN_IDENTITY);
	TRY(signs->sign(approver, BYTES_OF(text), &der));
	TRY(signature_raw(bytes_of_buf(&der), raw));
	wire_put_u32(w, a->pcrs);
	wire_put_fixed(w, bytes_make(text, TPM_POLICY));
	wire_put_fixed(w, BYTES_OF(raw));
	err = w->err;
out:
	buf_free(&der);
	return err;
}

void approval_tell(unsigned number, const struct provider_key *record, const struct key_provider *signs,
                   struct provider_key *approver)
{
	struct buf body = buf_make(BODY_MAX);
	struct wire_out w = wire_out(&body);
	struct approval a;
	uint64_t ref;
	err_t err;

	TRY(read_record(record, &a));
	wire_put_u16(&w, TOKEN_APPROVE);
	wire_put_fixed(&w, BYTES_OF(a.identity));
	wire_put_fixed(&w, bytes_make(approver->public_key, approver->public_n));
	wire_put_u64(&w, a.generation);
	wire_put_u8(&w, (uint8_t)a.n);
	for (size_t i = 0; i < a.n; i++)
		TRY(put_state(&w, &a, i, signs, approver));
	TRY(w.err);
	TRY(token_link_send(number, bytes_of_buf(&body), &ref));
	told[number] = a;
out:
	buf_free(&body);
	if (err != ERR_OK && err != ERR_ABSENT)
		log_event(LOG_ERROR, "token not told what is approved", "token=%u why=%s", number, err_text(err));
}

bool approval_now(unsigned number)
{
	const struct token_state *s = token_state_of(number);

	return s->pcrs && find(&told[number], BYTES_OF(s->measured)) < told[number].n;
}
