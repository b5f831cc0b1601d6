/* network_enrol.c: who came with a key of the underlying network becomes a credential;
 * and the bounds on asking for one. */
#include "base/clock.h"
#include "base/log.h"
#include "primitive/id.h"
#include "primitive/status.h"
#include "role/core/network_work.h"

/* The usage that the key is for: an association [TS-0004 6.3.4.2.39]. */
enum { SUID_ASSOCIATION = 22 };

#define DAY_MS (INT64_C(24) * 3600 * 1000)

err_t network_begin(struct core *c)
{
	if (!c->network)
		c->network = mem_new(1, sizeof(*c->network));
	return c->network ? ERR_OK : ERR_MEMORY;
}

void network_free(struct core *c)
{
	mem_free(c->network);
	c->network = NULL;
}

/* --- bounds ------------------------------------------------------------------------------ */

bool network_may_ask(struct network_work *w, enum network_id which)
{
	int64_t now = clock_steady(), second = now / 1000;

	if (now < w->down_until[which])
		return false;
	if (second != w->second[which]) {
		w->second[which] = second;
		w->asked[which] = 0;
	}
	return w->asked[which]++ < NETWORK_A_SECOND;
}

void network_is_there(struct network_work *w, enum network_id which, err_t result)
{
	bool away = result == ERR_TIMEOUT || result == ERR_IO || result == ERR_CLOSED;

	if (away && clock_steady() >= w->down_until[which])
		log_event(LOG_WARN, "the underlying network does not answer",
		          "who is known already comes in all the same");
	w->down_until[which] = away ? clock_steady() + NETWORK_DOWN_MS : 0;
}

static struct network_blamed *place_of(struct network_work *w, const struct network_source *s)
{
	unsigned at = 0;

	for (size_t i = 0; i < sizeof(s->octets); i++)
		at = at * 31 + s->octets[i];
	return &w->blamed[at % NETWORK_BLAMES];
}

bool network_is_blamed(struct network_work *w, const struct network_source *s)
{
	const struct network_blamed *b = place_of(w, s);

	return b->n >= NETWORK_BLAME_MAX && clock_steady() < b->since + NETWORK_BLAME_MS &&
	       bytes_equal(BYTES_OF(b->source.octets), BYTES_OF(s->octets));
}

/* Of what was shown; all else is a network that is away, or talks nonsense, or a failure here. */
static bool is_refusal(err_t result)
{
	return result == ERR_MISSING || result == ERR_REFUSED || result == ERR_EXPIRED;
}

/* Who is pushed out of its place is forgiven. */
void network_blame(struct network_work *w, const struct network_source *s, err_t result)
{
	struct network_blamed *b = place_of(w, s);
	int64_t now = clock_steady();

	if (!is_refusal(result))
		return;
	if (!bytes_equal(BYTES_OF(b->source.octets), BYTES_OF(s->octets)) ||
	    now >= b->since + NETWORK_BLAME_MS)
		*b = (struct network_blamed){ .source = *s, .since = now };
	b->n++;
}

/* --- the keeper ----------------------------------------------------------------------------- */

/* The list is read so many rows a second: what one call does not reach the next one does. */
err_t network_import_key(struct core *c, uint8_t out[NETWORK_POINT])
{
	struct network_work *w = c->network;
	struct buf fields = buf_make(KEEPER_INPUT_MAX);
	struct keeper_key_row row = { .more = true };
	err_t err = ERR_OK;

	while (w->import[0] == 0 && row.more) {
		uint8_t index[4];

		put_be32(index, w->import_at);
		TRY(keeper_call(&c->keeper, OP_KEY_LIST, BYTES_OF(index), &fields));
		TRY(keeper_key_row_read(bytes_of_buf(&fields), &row));
		w->import_at++;
		if (bytes_equal(row.name, BYTES("import")) && row.public_key.n == NETWORK_POINT)
			bytes_copy(w->import, row.public_key.p, NETWORK_POINT);
	}
	TRY(w->import[0] ? ERR_OK : ERR_MISSING);
	bytes_copy(out, w->import, NETWORK_POINT);
out:
	/* Found, or not there: from the beginning next time. */
	if (err != ERR_LIMIT)
		w->import_at = 0;
	buf_free(&fields);
	return err;
}

/* One that nobody is enrolled with is left from what a crash cut short: it makes way. */
err_t network_import(struct core *c, const struct credential *credential, struct bytes sealed,
                     unsigned suid)
{
	struct network_work *w = c->network;
	struct bytes identity = bytes_str(credential->psk_identity);
	struct buf name = buf_make(KEEPER_NAME_MAX);
	char key[KEEPER_NAME_MAX + 1];
	err_t err;

	TRY(w->fresh_n < NETWORK_FRESH ? ERR_OK : ERR_LIMIT);
	TRY(text_print(key, sizeof(key), "psk/%s", credential->psk_identity) ? ERR_OK : ERR_LIMIT);
	/* Whatever comes of it here: it may be there. */
	TRY(bytes_put_str(w->fresh[w->fresh_n++], sizeof(w->fresh[0]), bytes_str(key)));
	err = keeper_import_psk_for(&c->keeper, identity, sealed, credential->not_after, suid, &name);
	if (err == ERR_EXISTS) {
		TRY(keeper_destroy(&c->keeper, bytes_str(key)));
		err = keeper_import_psk_for(&c->keeper, identity, sealed, credential->not_after, suid, &name);
	}
	if (err == ERR_TAMPERED)
		bytes_zero(w->import, sizeof(w->import)); /* rotated: looked up again */
out:
	buf_free(&name);
	return err;
}

/* The keys of credentials that are not there, down to the n-th. */
static void destroy_fresh(struct core *c, size_t n)
{
	struct network_work *w = c->network;

	while (w->fresh_n > n) {
		const char *name = w->fresh[--w->fresh_n];
		err_t err = keeper_destroy(&c->keeper, bytes_str(name));

		if (err != ERR_OK && err != ERR_MISSING)
			log_event(LOG_ERROR, "key not destroyed", "name=%s", name);
	}
}

void network_settled(struct core *c, bool durable)
{
	if (!c->network)
		return;
	if (!durable)
		destroy_fresh(c, 0);
	c->network->fresh_n = 0;
}

/* --- the credential --------------------------------------------------------------------------- */

/* The subscriber's own is of the network; what is derived for one behind it is a key in
 * software like any, and the subscriber knows it, too. */
static err_t fill(struct core *c, const struct network_id_parts *p, const struct network_grant *g,
                  struct credential *out)
{
	const struct cse_identity *cse = resources_cse(c->room.resources);
	struct buf entity = buf_make(2 * FACT_ID_MAX);
	int64_t unfinished = c->now + 1000 * (int64_t)options_number(&c->worker->options, OPT_join_time);
	int64_t longest = c->now + DAY_MS * (int64_t)options_number(&c->worker->options, OPT_credential_days);
	bool behind = p->stem.n > 0;
	err_t err;

	/* As the network says, and no longer than any credential of this node. */
	*out = (struct credential){ .kind = ENTITY_AE, .psk = true, .enrolled = c->now,
		                    .not_after = g->not_after < longest ? g->not_after : longest,
		                    .factor = behind ? FACTOR_POSSESSION : FACTOR_NETWORK,
		                    .protection = g->grant.protection, .unfinished = unfinished };
	if (behind && out->protection > PROTECTION_LOW)
		out->protection = PROTECTION_LOW;
	if (!behind && id_form(bytes_str(g->grant.id)) == ID_SP_CSE)
		out->kind = ENTITY_CSE;
	if (out->unfinished > out->not_after)
		out->unfinished = out->not_after;
	TRY(id_absolute(bytes_str(g->grant.id), cse->sp_id, cse->cse_id, &entity));
	TRY(bytes_put_str(out->entity, sizeof(out->entity), bytes_of_buf(&entity)));
	TRY(bytes_put_str(out->name, sizeof(out->name), bytes_sub(bytes_str(g->grant.id), 0, sizeof(out->name) - 1)));
	TRY(bytes_put_str(out->app_id, sizeof(out->app_id), bytes_str(g->grant.app_id)));
	TRY(bytes_put_str(out->by, sizeof(out->by), bytes_str(g->grant.by)));
	/* All keys of a subscriber are of one environment: one factor. */
	if (!behind)
		TRY(bytes_put_str(out->environment, sizeof(out->environment), bytes_str(g->grant.by)));
	TRY(bytes_put_str(out->psk_identity, sizeof(out->psk_identity), p->whole));
	err = text_print(out->id, sizeof(out->id), "12-%.*s", BYTES_FMT(p->whole)) ? ERR_OK : ERR_LIMIT;
out:
	buf_free(&entity);
	return err;
}

static err_t is_taken(struct core *c, struct bytes stem, bool *yes)
{
	const struct cse_identity *cse = resources_cse(c->room.resources);
	struct buf entity = buf_make(2 * FACT_ID_MAX);
	bool live;
	err_t err;

	*yes = false;
	TRY(id_absolute(stem, cse->sp_id, cse->cse_id, &entity));
	TRY(registry_entity_live(c->room.registry, bytes_of_buf(&entity), c->now, yes, &live));
	if (!*yes)
		TRY(join_is_here(c, stem, yes));
out:
	buf_free(&entity);
	return err;
}

err_t network_record(struct core *c, struct bytes identity, const struct network_grant *g, err_t verdict)
{
	struct audit_record record = {
		.kind = AUDIT_ADMIN, .at = c->now, .rule = BYTES("NETWORK [CM11]"),
		.status = verdict == ERR_OK ? RSC_OK : is_refusal(verdict) ? RSC_ORIGINATOR_HAS_NO_PRIVILEGE
		                                                           : RSC_INTERNAL_SERVER_ERROR,
		.originator = bytes_str(g->grant.by[0] ? g->grant.by : "network"),
		.credential = bytes_str(g->credential.id), .target = identity,
		.text = bytes_str(g->reason),
	};

	return batch_record_of(c, &record, verdict);
}

static err_t enrol(struct core *c, const struct network_id_parts *p, struct network_grant *g)
{
	struct join_ask ask = { .way = JOIN_BY_NETWORK, .id = p->stem, .subscriber = g->subscriber, .now = c->now };
	err_t err = ERR_OK;

	if (p->stem.n)
		TRY(is_taken(c, p->stem, &ask.taken));
	TRY(join_authorise(c->store, &ask, &g->grant, &g->reason));
	g->reason = "the key of the network could not be enrolled";
	TRY(fill(c, p, g, &g->credential));
	TRY(network_import(c, &g->credential, g->sealed, SUID_ASSOCIATION));
	TRY(registry_enrol(c->room.registry, &g->credential));
	g->reason = p->stem.n ? "a key derived for a device behind a subscriber" : "a key of the network";
	err = network_record(c, p->whole, g, ERR_OK);
	if (err != ERR_OK)
		g->reason = "it could not be recorded";
out:
	return err;
}

err_t network_mark(struct core *c, size_t *fresh)
{
	*fresh = c->network->fresh_n;
	return batch_mark(c);
}

void network_unmark(struct core *c, size_t fresh, err_t result)
{
	batch_unmark(c, result);
	if (result == ERR_OK)
		return;
	node_reload_registers(c);
	destroy_fresh(c, fresh);
}

err_t network_enrol(struct core *c, const struct network_id_parts *p, struct network_grant *g)
{
	size_t fresh;
	err_t err;

	TRY(network_mark(c, &fresh));
	err = enrol(c, p, g);
	network_unmark(c, fresh, err);
	if (err != ERR_OK)
		g->credential.id[0] = '\0';
out:
	return err;
}

/* --- what ends with it -------------------------------------------------------------------------- */

struct behind {
	struct core *core;
	struct bytes own;   /* identity of the subscriber's */
	char next[FACT_ID_MAX], key[KEEPER_NAME_MAX + 1];
};

static err_t find_behind(void *self, const struct credential *c)
{
	struct behind *b = self;
	struct bytes own = bytes_str(c->psk_identity), stem = bytes_cut(&own, ':');

	if (b->next[0] || c->revoked || stem.n == 0 || !bytes_equal(own, b->own) ||
	    !bytes_starts(bytes_str(c->by), BYTES(JOIN_BY_NETWORK_TEXT)))
		return ERR_OK;
	(void)text_print(b->key, sizeof(b->key), "psk/%s", c->psk_identity);
	return bytes_put_str(b->next, sizeof(b->next), bytes_str(c->id));
}

err_t network_revoke_behind(struct core *c, const struct credential *of)
{
	struct behind b = { .core = c, .own = bytes_str(of->psk_identity) };
	bool found;
	err_t err = ERR_OK;

	if (!bytes_starts(bytes_str(of->by), BYTES(JOIN_BY_NETWORK_TEXT)))
		goto out;
	do {
		b.next[0] = '\0';
		TRY(registry_credentials(c->room.registry, find_behind, &b));
		if (!b.next[0])
			break;
		TRY(registry_revoke(c->room.registry, bytes_str(b.next), &found));
		/* With the commit. Revoked is what counts; the key may outlive it in the key store. */
		if (registered_touch(c, bytes_str(b.key), bytes_str(b.next)) != ERR_OK)
			log_event(LOG_WARN, "key not destroyed", "name=%s", b.key);
	} while (found);
out:
	return err;
}
