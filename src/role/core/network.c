/* network.c: a handshake wants a pre-shared key that the underlying network has
 * [TS-0003 8.3.2.3; CM11]. The gate says which identity; what comes of it is judged here.
 *
 *   NETWORK_KEY -> of a configured network, not revoked, within the limits -> NETWORK_FETCH
 *   NETWORK_FETCHED -> its subscriber is authorised (security/enrolment) -> the key, sealed,
 *     to the keeper; its credential, provisionally -> recorded -> commit -> NETWORK_KEYED
 *
 *   identity                 whose it is
 *   B-TID, A-KID             the subscriber's (Ks_NAF, K_AF): its network credential
 *   uicc:B-TID               the same for an application in its UICC (Ks_int_NAF)
 *   STEM:B-TID               of a device behind it: derived from the subscriber's key for
 *                            that device; a key in software, of no network
 *
 * Nobody has shown anything when NETWORK_KEY comes. So there are so many questions a
 * second, few for a source that was told no often, and none to a network that is away. */
#include "base/clock.h"
#include "base/log.h"
#include "primitive/id.h"
#include "primitive/status.h"
#include "role/common/network_place.h"
#include "role/core/core.h"
#include "role/core/network_work.h"
#include "security/enrolment/enrolment.h"
#include "wire/name.h"

/* --- whose identity is it -------------------------------------------------------------- */

static err_t split(const struct core *c, struct bytes identity, struct network_id_parts *out)
{
	struct bytes rest = identity, head = bytes_cut(&rest, ':');
	const struct options *o = &c->worker->options;

	*out = (struct network_id_parts){ .whole = identity, .own = identity };
	if (head.n < identity.n) {
		out->own = rest;
		out->uicc = bytes_equal(head, BYTES("uicc"));
		out->stem = out->uicc ? BYTES_NONE : head;
		/* One key, one identity: nothing before the colon is not the same as no colon. */
		if (!out->uicc && id_form(head) != ID_AE_STEM)
			return ERR_SYNTAX;
	}
	return name_is_key(identity) && bytes_find(out->own, ':') == out->own.n && network_of(o, out->own, &out->which)
	               ? ERR_OK : ERR_SYNTAX;
}

/* What was revoked does not come back by asking once more. */
err_t network_credential(struct core *c, struct bytes identity, bool again, bool *there)
{
	char id[FACT_ID_MAX];
	const struct credential *found;
	err_t err;

	*there = false;
	if (!text_print(id, sizeof(id), "12-%.*s", BYTES_FMT(identity)))
		return ERR_LIMIT;
	TRY(registry_find(c->room.registry, bytes_str(id), &found));
	if (found && (found->revoked || (found->not_after <= c->now && !again)))
		return ERR_REFUSED;
	*there = found && found->not_after > c->now;
out:
	return err;
}

/* --- asking ------------------------------------------------------------------------------ */

static struct neighbour *asker(struct core *c)
{
	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		if (c->neighbours[i].used && c->neighbours[i].link.peer == ROLE_NETWORK)
			return &c->neighbours[i];
	}
	return NULL;
}

static struct network_fetch *fetch_of(struct network_work *w, struct bytes identity)
{
	for (size_t i = 0; i < NETWORK_FETCHES; i++) {
		if (w->fetches[i].used && bytes_equal(bytes_str(w->fetches[i].identity), identity))
			return &w->fetches[i];
	}
	return NULL;
}

static struct network_fetch *free_fetch(struct network_work *w)
{
	for (size_t i = 0; i < NETWORK_FETCHES; i++) {
		if (!w->fetches[i].used)
			return &w->fetches[i];
	}
	return NULL;
}

/* The absolute AE-ID of a device behind: what its key is derived for. */
static err_t target_of(const struct core *c, struct bytes stem, struct buf *out)
{
	const struct cse_identity *cse = resources_cse(c->room.resources);

	return stem.n ? id_absolute(stem, cse->sp_id, cse->cse_id, out) : ERR_OK;
}

static err_t put_fetch(struct core *c, const struct network_id_parts *p, struct buf *body)
{
	struct buf target = buf_make(2 * FACT_ID_MAX);
	struct wire_out w = wire_out(body);
	uint8_t import[NETWORK_POINT];
	err_t err;

	TRY(network_import_key(c, import));
	TRY(target_of(c, p->stem, &target));
	wire_put_u8(&w, (uint8_t)p->which);
	wire_put_u8(&w, p->uicc);
	wire_put_bytes(&w, p->own);
	wire_put_bytes(&w, bytes_of_buf(&target));
	wire_put_bytes(&w, p->whole);
	wire_put_fixed(&w, BYTES_OF(import));
	err = w.err;
out:
	buf_free(&target);
	return err;
}

static err_t ask(struct core *c, const struct network_id_parts *p, struct network_fetch **out)
{
	struct network_work *w = c->network;
	struct network_fetch *f = free_fetch(w);
	struct neighbour *to = asker(c);
	struct buf body = buf_make(1024);
	err_t err = ERR_OK;

	if (!to)
		TRY(ERR_CLOSED);
	if (!f || !network_may_ask(w, p->which))
		TRY(ERR_LIMIT);
	TRY(put_fetch(c, p, &body));
	*f = (struct network_fetch){ .used = true, .which = p->which, .number = ++w->numbers,
		                     .deadline = clock_steady() + NETWORK_FETCH_MS };
	TRY(bytes_put_str(f->identity, sizeof(f->identity), p->whole));
	TRY(link_send(&to->link, MSG_NETWORK_FETCH, f->number, bytes_of_buf(&body)));
	*out = f;
out:
	if (err != ERR_OK && f)
		f->used = false;
	buf_free(&body);
	return err;
}

/* --- waiting ----------------------------------------------------------------------------- */

err_t network_tell(struct core *c, struct neighbour *to, uint64_t ref, err_t result)
{
	struct pending p = { .to = to, .type = MSG_NETWORK_KEYED, .ref = ref };
	uint8_t body[1] = { (uint8_t)result };

	return batch_answer(c, &p, BYTES_OF(body));
}

static err_t wait_for(struct network_work *w, struct network_fetch *f, struct neighbour *from,
                      uint64_t ref, const struct network_source *source)
{
	for (size_t i = 0; i < NETWORK_WAITS; i++) {
		struct network_wait *x = &w->waits[i];

		if (x->to)
			continue;
		*x = (struct network_wait){ from, ref, f, *source };
		return ERR_OK;
	}
	return ERR_LIMIT;
}

/* Not if it, or what it is derived from, was revoked: also when it comes, later. */
static err_t may_come(struct core *c, const struct network_id_parts *p, bool *there)
{
	err_t err;

	TRY(network_credential(c, p->own, false, there));
	if (p->own.n < p->whole.n)
		TRY(network_credential(c, p->whole, false, there));
out:
	return err;
}

/* ERR_PENDING: it waits; anything else is the answer. */
static err_t judge(struct core *c, struct neighbour *from, const struct message *m,
                   struct bytes identity, const struct network_source *source)
{
	struct network_id_parts p;
	struct network_fetch *f;
	bool there;
	err_t err;

	if (!c->open || c->rollback)
		return ERR_LOCKED;
	TRY(split(c, identity, &p));
	TRY(may_come(c, &p, &there));
	if (there)
		return ERR_OK; /* it came meanwhile */
	if (network_is_blamed(c->network, source))
		return ERR_LIMIT;
	f = fetch_of(c->network, identity);
	if (!f)
		TRY(ask(c, &p, &f));
	TRY(wait_for(c->network, f, from, m->ref, source));
	err = ERR_PENDING;
out:
	return err;
}

err_t network_want(struct core *c, struct neighbour *from, const struct message *m)
{
	struct wire_in in = wire_in(m->body);
	struct bytes identity = wire_get_bytes(&in, NETWORK_IDENTITY_MAX), address;
	struct network_source source = { .n = wire_get_u8(&in) };
	err_t err, verdict;

	address = wire_get_fixed(&in, sizeof(source.octets));
	TRY(wire_done(&in));
	bytes_copy(source.octets, address.p, address.n);
	TRY(network_begin(c));
	verdict = judge(c, from, m, identity, &source);
	if (verdict == ERR_PENDING)
		return ERR_OK;
	if (verdict != ERR_OK)
		log_event(LOG_INFO, "no key of the network", "gate=%u why=%s", from->link.peer_number,
		          err_text(verdict));
	TRY(network_tell(c, from, m->ref, verdict));
out:
	return err;
}

/* The fetch is over; who waits for it is told. */
static void finish(struct core *c, struct network_fetch *f, err_t result)
{
	struct network_work *w = c->network;

	for (size_t i = 0; i < NETWORK_WAITS; i++) {
		struct network_wait *x = &w->waits[i];

		if (!x->to || x->fetch != f)
			continue;
		network_blame(w, &x->source, result);
		if (network_tell(c, x->to, x->ref, result) != ERR_OK)
			log_event(LOG_ERROR, "answer lost", "gate=%u", x->to->link.peer_number);
		*x = (struct network_wait){ .to = NULL };
	}
	f->used = false;
}

/* --- what came ----------------------------------------------------------------------------- */

static err_t read_fetched(struct bytes body, struct network_grant *g, err_t *result)
{
	struct wire_in in = wire_in(body);
	unsigned said = wire_get_u8(&in);
	err_t err;

	g->subscriber = wire_get_bytes(&in, 2 * FACT_ID_MAX);
	g->not_after = (int64_t)wire_get_u64(&in);
	g->sealed = wire_get_bytes(&in, KEEPER_INPUT_MAX);
	TRY(wire_done(&in));
	*result = said < ERR_COUNT ? (err_t)said : ERR_SYNTAX;
out:
	return err;
}

static struct network_fetch *numbered(struct network_work *w, uint64_t number)
{
	for (size_t i = 0; w && i < NETWORK_FETCHES; i++) {
		if (w->fetches[i].used && w->fetches[i].number == number)
			return &w->fetches[i];
	}
	return NULL;
}

err_t network_fetched(struct core *c, struct neighbour *from, const struct message *m)
{
	struct network_fetch *f = numbered(c->network, m->ref);
	struct network_grant g = { .reason = "the network gave no key" };
	struct network_id_parts p;
	bool there = false;
	err_t err, verdict;

	TRY(from->link.peer == ROLE_NETWORK ? ERR_OK : ERR_REFUSED);
	TRY(read_fetched(m->body, &g, &verdict));
	if (!f)
		return ERR_OK; /* too late */
	network_is_there(c->network, f->which, verdict);
	if (verdict == ERR_OK)
		verdict = split(c, bytes_str(f->identity), &p);
	if (verdict == ERR_OK && (!c->open || c->rollback))
		verdict = ERR_LOCKED;
	if (verdict == ERR_OK)
		verdict = may_come(c, &p, &there);
	if (verdict != ERR_OK)
		g.reason = err_text(verdict);
	else if (!there)
		verdict = network_enrol(c, &p, &g);
	if (verdict != ERR_OK && c->open && network_record(c, bytes_str(f->identity), &g, verdict) != ERR_OK)
		verdict = ERR_IO;
	finish(c, f, verdict);
out:
	return err;
}

/* --- time, and who is gone -------------------------------------------------------------------- */

void network_turn(struct core *c)
{
	struct network_work *w = c->network;
	int64_t now = clock_steady();

	for (size_t i = 0; w && i < NETWORK_FETCHES; i++) {
		if (!w->fetches[i].used || w->fetches[i].deadline > now)
			continue;
		network_is_there(w, w->fetches[i].which, ERR_TIMEOUT);
		finish(c, &w->fetches[i], ERR_TIMEOUT);
	}
}

int64_t network_next(const struct core *c)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; c->network && i < NETWORK_FETCHES; i++) {
		const struct network_fetch *f = &c->network->fetches[i];

		if (f->used && f->deadline < next)
			next = f->deadline;
	}
	return next;
}

void network_neighbour_lost(struct core *c, const struct neighbour *n)
{
	struct network_work *w = c->network;

	for (size_t i = 0; w && i < NETWORK_WAITS; i++) {
		if (w->waits[i].to == n)
			w->waits[i] = (struct network_wait){ .to = NULL };
	}
	for (size_t i = 0; w && n->link.peer == ROLE_NETWORK && i < NETWORK_FETCHES; i++) {
		if (w->fetches[i].used)
			finish(c, &w->fetches[i], ERR_CLOSED);
	}
}
