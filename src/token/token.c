/* token.c: a token's life: loaded, opened, lost, found again. */
#include "token/token.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "token/serve.h"

enum { RETRY_MS = 500 };

static const struct token_backend *const backends[] = {
#define TOKEN_BACKEND(name, table) &table,
#include "token/backend.def"
#undef TOKEN_BACKEND
};

err_t token_fault(struct token *t, err_t err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)text_vprint(t->state.why, sizeof(t->state.why), fmt, ap);
	va_end(ap);
	/* It travels as printable text, whatever the maker's code put in. */
	for (char *c = t->state.why; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	return err;
}

void token_paired(const struct token *t, struct bytes label, uint8_t out[32])
{
	crypt_hmac_sha256(secret_view(&t->pairing), label, out);
}

err_t token_load(struct token *t, struct bytes config)
{
	const char *why = NULL;
	err_t err;

	*t = (struct token){ 0 };
	err = token_config_parse(config, &t->config, &why);
	if (err != ERR_OK)
		return token_fault(t, err, "%s", why);
	t->state.kind = t->config.kind;
	for (size_t i = 0; i < COUNT_OF(backends); i++) {
		if (backends[i]->kind == t->config.kind)
			t->backend = backends[i];
	}
	if (!t->backend)
		return token_fault(t, ERR_UNSUPPORTED, "this program was built without it");
	TRY(token_fault(t, ERR_OK, "waits for the keeper"));
	err = t->backend->load(t);
	t->loaded = err == ERR_OK;
out:
	return err;
}

static void close_it(struct token *t)
{
	if (t->state.present)
		t->backend->close(t);
	t->state.present = t->state.unfit = false;
}

void token_unload(struct token *t)
{
	if (t->backend) {
		close_it(t);
		t->backend->unload(t);
	}
	secret_free(&t->pin);
	secret_free(&t->pairing);
	*t = (struct token){ 0 };
}

/* Open, unless it was tried a moment ago, or the PIN was wrong. */
static err_t open_it(struct token *t)
{
	int64_t now = clock_steady();
	err_t err;

	if (t->state.present)
		return ERR_OK;
	if (!t->loaded || !t->pairing.n || t->refused || now < t->retry_at)
		return ERR_ABSENT;
	t->retry_at = now + RETRY_MS;
	err = t->backend->open(t);
	if (err == ERR_OK) {
		t->state.present = true;
		t->state.why[0] = '\0';
		if (t->pair == TOKEN_PAIR_FIRST)
			t->pair = TOKEN_PAIR_KNOWN;
		log_event(LOG_NOTE, "token open", "name=%s abilities=%u", t->state.name, t->state.can);
		return ERR_OK;
	}
	t->refused = err == ERR_REFUSED;
	log_event(LOG_WARN, "token not open", "error=%s why=%s", err_name(err), t->state.why);
	return ERR_ABSENT;
}

err_t token_use(struct token *t, token_run run, struct token_work *w)
{
	struct token_work from = *w;
	size_t n = w->out.buf->n;
	err_t err;

	TRY(open_it(t));
	err = run(t, w);
	if (err != ERR_ABSENT)
		return err;
	/* Lost under way: a session that ended, a token pulled and put back. */
	log_event(LOG_WARN, "token lost", "why=%s", t->state.why);
	close_it(t);
	t->retry_at = 0;
	TRY(open_it(t));
	*w = from;
	w->out.buf->n = n;
	err = run(t, w);
	/* There, and yet it fails in the words of one that is gone: a fault of its own. */
	if (err == ERR_ABSENT && t->backend->check(t) == ERR_OK)
		err = ERR_CRYPTO;
	if (err == ERR_ABSENT)
		close_it(t);
out:
	return err;
}

/* A key that did not fit: does it now? */
static void look_at_state(struct token *t)
{
	struct token_key k = { .reference = bytes_make(t->unfit, t->unfit_n) };

	if (!t->state.present || !t->state.unfit || t->backend->fit(t, &k) != ERR_OK)
		return;
	log_event(LOG_NOTE, "measured state", "keys=usable again");
	t->state.unfit = false;
}

void token_unfit(struct token *t, const struct token_key *k)
{
	if (bytes_put(t->unfit, sizeof(t->unfit), k->reference) != ERR_OK)
		return;
	t->unfit_n = k->reference.n;
	t->state.unfit = true;
}

void token_tell(const struct token *t, struct token_state *out)
{
	*out = t->state;
	if (out->present)
		(void)text_print(out->why, sizeof(out->why), "%s%s", out->unfit ?
			"the machine is not in the measured state (PCRs) that its keys are bound to" : "",
			out->unfit && t->approvals.known ? "; after an update that is meant: holdfast provider approve" : "");
}

void token_look(struct token *t)
{
	bool before = t->state.present;

	if (before && t->backend->check(t) != ERR_OK) {
		log_event(LOG_WARN, "token lost", "why=%s", t->state.why);
		close_it(t);
		t->retry_at = 0;
	}
	if (!t->state.present && t->pairing.n)
		(void)(open_it(t) == ERR_OK);
	look_at_state(t);
}
