/* order.c: orders: their challenge, their signatures, and how they are carried out.
 *
 *   PREPARE: verified --event--> core records it --RECORDED--> EXECUTE: taken
 *                                                                |
 *                       at once <--------------------------------+--> waits
 *                                                                       | delay over
 *                          carried out <--RECORDED-- core <--event------+
 *
 * Nothing is carried out of which the core has not said that it is recorded.
 * What an order does is in order_run.c. */
#include "keeper/order.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"

enum { RETRY_MS = 10000, SAVE_EVERY_MS = 60000 };

/* --- the challenge ------------------------------------------------------------- */

#define CHALLENGE BYTES("holdfast challenge")

err_t run_order_challenge(struct call *c)
{
	const struct vault *v = &c->ks->vault;
	uint8_t nonce[ORDER_NONCE], key[32], identity[KEEPER_IDENTITY];
	err_t err;

	TRY(wire_done(&c->in));
	vault_subkey(v, CHALLENGE, BYTES_NONE, key);
	administration_challenge(&v->admin, BYTES_OF(key), nonce);
	secret_wipe(key, sizeof(key));
	keeper_identity(v, identity);
	wire_put_fixed(&c->out, BYTES_OF(identity));
	wire_put_u64(&c->out, v->admin.sequence);
	wire_put_fixed(&c->out, BYTES_OF(nonce));
	wire_put_u32(&c->out, v->admin.standing.delay);
	wire_put_u8(&c->out, (uint8_t)v->admin.n);
out:
	return err;
}

/* Of this keeper, of now, and not yet used. */
static err_t check_fresh(const struct vault *v, const struct order *o)
{
	uint8_t key[32], identity[KEEPER_IDENTITY];
	err_t err;

	keeper_identity(v, identity);
	if (!bytes_equal(BYTES_OF(identity), BYTES_OF(o->keeper)))
		return ERR_TYPE;
	vault_subkey(v, CHALLENGE, BYTES_NONE, key);
	err = administration_fresh(&v->admin, BYTES_OF(key), o);
	secret_wipe(key, sizeof(key));
	return err;
}

/* --- lists --------------------------------------------------------------------------- */

static err_t put_row(struct call *c, err_t (*row)(const struct administration *, uint32_t, struct wire_out *))
{
	uint32_t index = wire_get_u32(&c->in);
	err_t err = wire_done(&c->in);

	return err == ERR_OK ? row(&c->ks->vault.admin, index, &c->out) : err;
}

err_t run_administrator_list(struct call *c)
{
	return put_row(c, administration_row);
}

err_t run_pending_list(struct call *c)
{
	return put_row(c, administration_waiting_row);
}

err_t run_standing(struct call *c)
{
	err_t err;

	TRY(wire_done(&c->in));
	standing_put(&c->out, &c->ks->vault.admin.standing);
out:
	return err;
}

/* --- prepare ------------------------------------------------------------------------ */

/* For the record. */
static void describe(const struct order_held *h, char out[KEEPER_EVENT_NAME])
{
	order_describe(h->kind, bytes_make(h->body, h->body_n), h->who.by, out);
}

static err_t hold(struct call *c, struct bytes object, struct order_held *h)
{
	struct order o;
	err_t err;

	TRY(order_parse(object, &o));
	h->kind = o.kind;
	bytes_copy(h->body, o.body.p, o.body.n);
	h->body_n = o.body.n;
	err = administration_signatures(&c->ks->vault.admin, object, &c->in, &h->who);
	describe(h, c->ks->subject);
	c->subject = bytes_str(c->ks->subject);
	TRY(err);
	TRY(check_fresh(&c->ks->vault, &o));
	TRY(h->who.persons >= order_persons(c, h) ? ERR_OK : ERR_REFUSED);
	err = order_run(c, h, false);
out:
	return err;
}

err_t run_order_prepare(struct call *c)
{
	struct keeper_state *ks = c->ks;
	struct bytes object = wire_get_bytes(&c->in, ORDER_MAX);
	struct order_held *h;
	err_t err;

	if (ks->held && clock_steady() - ks->held->since < ORDER_RECORD_MS)
		return ERR_BAD_STATE;
	orders_forget(ks);
	h = mem_new(1, sizeof(*h));
	if (!h)
		return ERR_MEMORY;
	TRY(hold(c, object, h));
	h->since = clock_steady();
	crypt_random(&h->ticket, sizeof(h->ticket));
	h->event = c->event = ++ks->events; /* told by the record of this call */
	wire_put_u32(&c->out, h->ticket);
	ks->held = h;
	return ERR_OK;
out:
	mem_free(h);
	return err;
}

void orders_forget(struct keeper_state *ks)
{
	mem_free(ks->held);
	ks->held = NULL;
	for (size_t i = 0; i < ks->vault.admin.pending_n; i++)
		ks->vault.admin.pending[i]->event = 0;
}

/* --- execute ------------------------------------------------------------------------- */

/* As an order finds it. */
struct found {
	struct administration admin;
	struct keys_before keys;
	unsigned place;
};

/* A backup that is restored takes everything's place: nothing is kept of before. */
static err_t remember(struct call *c, unsigned kind, struct found *f)
{
	struct vault *v = &c->ks->vault;

	*f = (struct found){ .admin = v->admin, .place = c->ks->place };
	return kind == ORDER_RESTORE ? ERR_OK : keys_remember(&f->keys, v->keys, v->keys_n);
}

static void undo_keys(struct call *c, struct found *f)
{
	vault_restore(&c->ks->vault, &f->keys);
	c->ks->place = f->place;
	for (unsigned n = 1; n <= TOKENS_MAX; n++)
		evidence_pin(&c->ks->vault, n);
}

/* Keep what was done, or be as before. */
static err_t settle(struct call *c, struct found *f, err_t err)
{
	struct vault *v = &c->ks->vault;

	if (err == ERR_OK)
		err = vault_save(v);
	if (err == ERR_OK) {
		mem_free(c->ks->gone);
		keys_keep(&f->keys, v->keys, v->keys_n);
		approvals_tell(v); /* what is withdrawn goes when that is on disk */
	} else {
		if (v->admin.pending_n > f->admin.pending_n)
			mem_free(v->admin.pending[v->admin.pending_n - 1]);
		v->admin = f->admin;
		undo_keys(c, f);
	}
	c->ks->gone = NULL;
	return err;
}

static err_t wait_for_delay(struct call *c, const struct order_held *h)
{
	struct administration *a = &c->ks->vault.admin;
	uint64_t delay = a->standing.delay * UINT64_C(1000);
	struct waiting_order o = { .kind = h->kind, .bounded = h->who.bounded };
	err_t err;

	bytes_copy(o.by, h->who.by, sizeof(o.by));
	TRY(administration_wait(a, &o, bytes_make(h->body, h->body_n), delay));
	wire_put_u8(&c->out, 1);
	wire_put_u32(&c->out, a->numbers);
	wire_put_u64(&c->out, delay);
out:
	return err;
}

static bool waits(struct call *c, const struct order_held *h)
{
	struct standing to;

	if (h->kind == ORDER_POLICY && standing_parse(bytes_make(h->body, h->body_n), &to) == ERR_OK)
		return !standing_narrows(&c->ks->vault.admin.standing, &to);
	return order_row(h->kind)->delayed;
}

static err_t take(struct call *c, const struct order_held *h)
{
	struct found before;
	err_t err;

	TRY(remember(c, h->kind, &before));
	c->ks->vault.admin.sequence++;
	if (waits(c, h)) {
		err = wait_for_delay(c, h);
	} else {
		wire_put_u8(&c->out, 0);
		err = order_run(c, h, true);
	}
	err = settle(c, &before, err);
	/* The core's keys are of before: nothing may mix. */
	if (h->kind == ORDER_RESTORE) {
		vault_drop(&c->ks->vault);
		c->ks->vault.why = "restored from a backup: stop the node, put its folders store and node back, start it";
	}
out:
	return err;
}

err_t run_order_execute(struct call *c)
{
	uint32_t ticket = wire_get_u32(&c->in);
	struct order_held *h = c->ks->held;
	err_t err;

	TRY(wire_done(&c->in));
	if (!h || h->ticket != ticket)
		return ERR_MISSING;
	if (!h->recorded && clock_steady() - h->since < ORDER_RECORD_MS)
		return ERR_BAD_STATE;
	describe(h, c->ks->subject);
	c->subject = bytes_str(c->ks->subject);
	c->ks->held = NULL;
	err = h->recorded ? take(c, h) : ERR_TIMEOUT;
	mem_free(h);
out:
	return err;
}

/* --- what the core has recorded, and what time brings ----------------------------------- */

static void carry_out(struct keeper_state *ks, size_t at)
{
	static struct keeper_caller myself = { .role = ROLE_KEEPER };
	struct buf nothing = buf_make(1024);
	struct call c = { .ks = ks, .who = &myself, .out = wire_out(&nothing) };
	struct administration *a = &ks->vault.admin;
	struct order_held *h = mem_new(1, sizeof(*h));
	struct waiting_order *p = a->pending[at];
	struct found before;
	err_t err;

	if (h && remember(&c, p->kind, &before) == ERR_OK) {
		h->kind = p->kind;
		h->who.bounded = p->bounded;
		bytes_copy(h->who.by, p->by, sizeof(h->who.by));
		bytes_copy(h->body, p->body, p->body_n);
		h->body_n = p->body_n;
		describe(h, ks->subject);
		a->pending[at] = a->pending[--a->pending_n];
		ks->gone = p;
		err = order_run(&c, h, true);
		/* What has become impossible does not come again. */
		if (err != ERR_OK) {
			mem_free(ks->gone);
			ks->gone = NULL;
			undo_keys(&c, &before);
			before.admin = *a;
		}
		err = settle(&c, &before, ERR_OK) == ERR_OK ? err : ERR_IO;
		dispatch_event(ks, &myself, OP_ORDER_EXECUTE, err, bytes_str(ks->subject), 0);
	}
	mem_free(h);
	buf_free(&nothing);
}

err_t run_order_recorded(struct call *c)
{
	struct administration *a = &c->ks->vault.admin;
	uint64_t event = wire_get_u64(&c->in);
	err_t err;

	TRY(wire_done(&c->in));
	if (c->ks->held && c->ks->held->event == event)
		c->ks->held->recorded = true;
	for (size_t i = 0; i < a->pending_n; i++) {
		if (a->pending[i]->event == event && event) {
			carry_out(c->ks, i);
			break;
		}
	}
out:
	return err;
}

/* Announce what is due; it is carried out when the core says that it is recorded. */
static void announce(struct keeper_state *ks, struct waiting_order *p, int64_t now)
{
	static const struct keeper_caller myself = { .role = ROLE_KEEPER };
	char subject[KEEPER_EVENT_NAME];
	struct bytes what = order_subject(p->kind, bytes_make(p->body, p->body_n));

	if (p->event && now - p->told < RETRY_MS)
		return;
	p->event = ++ks->events;
	p->told = now;
	(void)text_print(subject, sizeof(subject), "%s %.*s by %s is due", order_row(p->kind)->name,
	                 BYTES_FMT(what), p->by);
	dispatch_event(ks, &myself, OP_ORDER_EXECUTE, ERR_OK, bytes_str(subject), p->event);
}

/* Withdrawn keys whose delay is over. Is one left, or something owed to the file? */
static bool erase_due(struct keeper_state *ks, uint64_t elapsed)
{
	struct vault *v = &ks->vault;
	bool left = false;

	for (size_t i = v->keys_n; i > 0; i--) {
		struct vault_key *key = v->keys[i - 1];

		if (key->state == KEY_WITHDRAWN && key->erase_at <= elapsed)
			vault_remove(v, key);
		else
			left |= key->state == KEY_WITHDRAWN;
	}
	return left || v->owed;
}

/* Who removes the files takes nothing: the keys are here [T2 T5]. */
static void mend(struct keeper_state *ks)
{
	static const struct keeper_caller myself = { .role = ROLE_KEEPER };
	bool mended;
	err_t err = vault_mend(&ks->vault, &mended);

	if (!mended && err == ERR_OK)
		return;
	log_event(LOG_ERROR, "key store removed", "its files were removed while in use; written anew: %s",
	          err_text(err));
	if (mended)
		dispatch_event(ks, &myself, OP_STATUS, ERR_MISSING,
		               BYTES("the files of the key store were removed; they were written anew"), 0);
}

int keeper_tick(struct keeper_state *ks)
{
	struct administration *a = &ks->vault.admin;
	int64_t now = clock_steady();
	uint64_t elapsed;
	bool busy;

	if (!ks->vault.open)
		return -1;
	mend(ks);
	keeper_look_for_copies(ks, now);
	elapsed = administration_now(a);
	busy = a->pending_n > 0;
	for (size_t i = 0; i < a->pending_n; i++) {
		if (a->pending[i]->due <= elapsed)
			announce(ks, a->pending[i], now);
	}
	busy |= erase_due(ks, elapsed);
	if (!busy && !ks->vault.dirty)
		return -1;
	/* So that a crash gives back no more than this of a delay. */
	if (busy && now - a->counted >= SAVE_EVERY_MS && vault_save(&ks->vault) != ERR_OK)
		log_event(LOG_WARN, "key store not written", "a delay will be longer");
	return busy ? 1000 : -1;
}
