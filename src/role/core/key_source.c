/* key_source.c: a handshake comes with a key that a MAF or a MEF gave [TS-0003 8.2.2.3, 8.8]:
 * its identity is RelativeKeyID@FQDN. The key is retrieved as its target, over an association
 * of this node's own with that function. Where the function is this node's, the keeper has it
 * and takes it by its name: it comes out nowhere.
 *
 *   NETWORK_KEY -> of a configured source, within the limits -> retrieved
 *     -> for this usage and this node, not ended -> the key to the keeper, its client enrolled
 *     -> recorded -> commit -> NETWORK_KEYED
 *
 * What was retrieved is good for trust.fresh: then it is asked for again, and who took the
 * registration back in the meantime is refused. Nobody has shown anything when NETWORK_KEY
 * comes: the bounds of network.c hold. */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypt/seal.h"
#include "primitive/id.h"
#include "primitive/status.h"
#include "resource/trust.h"
#include "role/service/key_source.h"
#include "role/core/network_work.h"
#include "wire/wire.h"

#include <openssl/evp.h>

enum { FETCHES = 16, WAITS = 16, FETCH_MS = 6000, A_SECOND = 20, KEY = 32, DECODED = 33, URI = 512,
       IMPORT = 256, SUID_KM = 21, SUID_KPSA = 22, SUID_KC = 32 };

struct wait {
	struct neighbour *to; /* NULL: free */
	uint64_t ref;
	struct network_source source;
};

struct fetch {
	uint64_t number; /* 0: free */
	char identity[FACT_ID_MAX];
	int64_t deadline; /* clock_steady */
	struct wait waits[WAITS];
};

struct key_sources {
	uint64_t numbers;
	int64_t second;
	unsigned asked;
	struct fetch fetches[FETCHES];
};

/* A key and what its registration says of it. */
struct given {
	struct buf import; /* as the keeper takes it: sealed for the identity, or its name there */
	uint64_t suid;
	struct bytes client, targets; /* absolute; content of the array */
	uint64_t targets_n;
	int64_t until;
	const char *reason;
};

static err_t refuse(struct given *g, const char *reason)
{
	g->reason = reason;
	return ERR_REFUSED;
}

/* --- what a registration says ------------------------------------------------------------- */

static err_t read_registration(struct bytes body, struct given *g)
{
	struct cbor suid, targets, client;
	bool has_suid, has_targets, has_client;
	err_t err;

	TRY(cbor_find(body, BYTES("suid"), &suid, &has_suid));
	TRY(cbor_find(body, BYTES("tgis"), &targets, &has_targets));
	TRY(cbor_find(body, BYTES("cr"), &client, &has_client));
	if (!has_suid || !has_targets || !has_client || suid.kind != CBOR_UINT || client.kind != CBOR_TEXT ||
	    targets.kind != CBOR_ARRAY)
		return refuse(g, "that is no registration of a key");
	g->suid = suid.u;
	g->targets = targets.s;
	g->targets_n = targets.u;
	g->client = client.s;
out:
	return err;
}

/* In clear for as long as it takes to seal it. The text lies in the buffer of the courier's link, which
 * is the core's. */
static err_t seal_key(struct core *c, struct bytes identity, struct bytes text, struct given *g)
{
	uint8_t decoded[DECODED] = { 0 }, import[NETWORK_POINT];
	err_t err;

	TRY(network_import_key(c, import));
	if (text.n != KEY_VALUE_TEXT || EVP_DecodeBlock(decoded, text.p, KEY_VALUE_TEXT) != DECODED)
		err = refuse(g, "the key has not 32 octets");
	else
		err = seal_to_keeper(bytes_make(decoded, KEY), identity, import, &g->import);
out:
	secret_wipe(decoded, sizeof(decoded));
	secret_wipe((uint8_t *)(uintptr_t)text.p, text.n);
	return err;
}

/* Of an answer to our retrieve; its key is wiped. */
static err_t read_answer(struct core *c, struct bytes identity, struct bytes primitive, struct given *g)
{
	struct response_primitive r;
	struct cbor mkr, kv, et;
	bool found, has_key, has_end;
	err_t err;

	if (response_read(primitive, &r) != ERR_OK || r.status != RSC_OK)
		return refuse(g, "the function gives no such key");
	TRY(cbor_find(r.content, BYTES("sec:mkr"), &mkr, &found));
	if (!found || mkr.kind != CBOR_MAP)
		return refuse(g, "that is no registration of a key");
	TRY(read_registration(mkr.raw, g));
	TRY(cbor_find(mkr.raw, BYTES("kv"), &kv, &has_key));
	TRY(cbor_find(mkr.raw, BYTES("et"), &et, &has_end));
	if (!has_key || !has_end || kv.kind != CBOR_TEXT || et.kind != CBOR_TEXT ||
	    clock_parse(et.s, &g->until) != ERR_OK)
		return refuse(g, "this node is no target of the key");
	TRY(seal_key(c, identity, kv.s, g));
out:
	return err;
}

/* The registration is here. */
static err_t read_own(struct core *c, struct bytes relative, struct given *g)
{
	const struct store_row *row;
	struct cbor name;
	uint64_t id;
	bool found;
	err_t err;

	TRY(store_find_ident(c->store, relative, &id));
	if (!id)
		return refuse(g, "no such key is registered");
	TRY(store_get(c->store, id, &row));
	TRY(row ? ERR_OK : ERR_TAMPERED);
	TRY(cbor_find(row->body, BYTES("@key"), &name, &found));
	if (!found || name.kind != CBOR_TEXT)
		return refuse(g, "no such key is registered");
	TRY(read_registration(row->body, g));
	g->until = row->expires;
	TRY(buf_add(&g->import, name.s));
out:
	return err;
}

/* --- is it good here --------------------------------------------------------------------- */

static err_t is_target(const struct given *g, struct bytes own, bool *yes)
{
	struct bytes content = g->targets;
	struct cbor item;
	err_t err = ERR_OK;

	*yes = false;
	for (uint64_t i = 0; i < g->targets_n; i++) {
		TRY(cbor_next(&content, &item));
		*yes |= item.kind == CBOR_TEXT && bytes_equal(item.s, own);
	}
out:
	return err;
}

/* Kc and Kpsa open associations with this CSE; Km those with its MAF [TS-0003 10.3]. */
static err_t check(struct core *c, struct given *g)
{
	const struct cse_identity *cse = resources_cse(c->room.resources);
	struct buf own = buf_make(2 * FACT_ID_MAX);
	bool master = g->suid == SUID_KM, target;
	uint64_t maf;
	err_t err;

	TRY(trust_base(c->room.resources, TRUST_MAF, &maf));
	if (g->suid != SUID_KC && g->suid != SUID_KPSA && !(master && maf)) {
		err = refuse(g, "the key is for another usage");
		goto out;
	}
	if (master)
		TRY(buf_printf(&own, "%.*s.%.*s", BYTES_FMT(bytes_sub(cse->cse_id, 1, cse->cse_id.n)),
		               BYTES_FMT(bytes_sub(cse->sp_id, 2, cse->sp_id.n))));
	else
		TRY(buf_printf(&own, "%.*s%.*s", BYTES_FMT(cse->sp_id), BYTES_FMT(cse->cse_id)));
	TRY(is_target(g, bytes_of_buf(&own), &target));
	if (!target)
		err = refuse(g, "this node is no target of the key");
	else if (g->until <= c->now)
		err = refuse(g, "the key has ended");
out:
	buf_free(&own);
	return err;
}

/* --- enrolled ------------------------------------------------------------------------------ */

static err_t fill(struct core *c, struct bytes identity, const struct key_source *s,
                  const struct given *g, struct credential *out)
{
	int64_t fresh = c->now + 1000 * (int64_t)options_number(&c->worker->options, OPT_trust_fresh);
	struct enrolment e = { .name = s->fqdn, .entity = g->client, .factor = FACTOR_POSSESSION };
	struct admin a = { .core = c };
	struct entity_terms terms;
	err_t err;

	/* What an operator says of it here holds, by whatever it comes. */
	registry_terms(c->room.registry, g->client, c->now, &terms);
	if (terms.dead)
		return ERR_REFUSED;
	/* An AE of this node, or another CSE of this provider; never itself. */
	e.kind = id_form(g->client) == ID_ABS_CSE ? ENTITY_CSE : ENTITY_AE;
	TRY(enrol_check(&a, &e));
	*out = (struct credential){ .kind = (enum entity_kind)e.kind, .psk = true, .enrolled = c->now,
		                    .not_after = g->until < fresh ? g->until : fresh,
		                    .factor = FACTOR_POSSESSION, .protection = PROTECTION_LOW,
		                    .suid = g->suid == SUID_KM ? SUID_KM : 0 };
	TRY(bytes_put_str(out->name, sizeof(out->name), bytes_sub(s->fqdn, 0, sizeof(out->name) - 1)));
	TRY(bytes_put_str(out->entity, sizeof(out->entity), g->client));
	TRY(bytes_put_str(out->app_id, sizeof(out->app_id), bytes_str(terms.app_id)));
	out->replay_mode = terms.replay_mode;
	TRY(text_print(out->by, sizeof(out->by), REGISTRY_BY_TRUST "%.*s", BYTES_FMT(s->fqdn)) ? ERR_OK : ERR_LIMIT);
	TRY(bytes_put_str(out->environment, sizeof(out->environment),
	                  bytes_sub(s->fqdn, 0, sizeof(out->environment) - 1)));
	TRY(bytes_put_str(out->psk_identity, sizeof(out->psk_identity), identity));
	err = text_print(out->id, sizeof(out->id), "12-%.*s", BYTES_FMT(identity)) ? ERR_OK : ERR_LIMIT;
out:
	return err;
}

static err_t enrol(struct core *c, const struct credential *credential, const struct given *g)
{
	bool found;
	err_t err;

	/* The one of last time has ended. */
	TRY(registry_revoke(c->room.registry, bytes_str(credential->id), &found));
	TRY(network_import(c, credential, bytes_of_buf(&g->import), (unsigned)g->suid));
	TRY(registry_enrol(c->room.registry, credential));
out:
	return err;
}

static err_t record(struct core *c, struct bytes identity, const struct key_source *s,
                    const struct given *g, err_t verdict)
{
	struct audit_record record = {
		.kind = AUDIT_ADMIN, .at = c->now, .rule = BYTES("SAEF [TS-0003 8.2.2.3]"),
		.status = verdict == ERR_OK ? RSC_OK : RSC_ORIGINATOR_HAS_NO_PRIVILEGE,
		.originator = verdict == ERR_OK ? g->client : s->fqdn, .target = identity,
		.text = bytes_str(verdict == ERR_OK ? "a key of a MAF or MEF" : g->reason),
	};

	return batch_record_of(c, &record, verdict);
}

/* With its record, or not at all. */
static err_t enrol_recorded(struct core *c, const struct credential *credential, const struct key_source *s,
                            const struct given *g)
{
	size_t fresh;
	err_t err;

	TRY(network_mark(c, &fresh));
	err = enrol(c, credential, g);
	if (err == ERR_OK)
		err = record(c, bytes_str(credential->psk_identity), s, g, ERR_OK);
	network_unmark(c, fresh, err);
out:
	return err;
}

/* The answer to those who wait. */
static err_t take(struct core *c, struct bytes identity, const struct key_source *s, struct given *g,
                  err_t verdict)
{
	struct credential credential;
	bool there = false;
	err_t err = ERR_OK;

	if (verdict == ERR_OK)
		verdict = check(c, g);
	/* Revoked while it was asked for, or enrolled otherwise. */
	if (verdict == ERR_OK)
		verdict = network_credential(c, identity, true, &there);
	if (there)
		goto out;
	if (verdict == ERR_OK && fill(c, identity, s, g, &credential) != ERR_OK)
		verdict = refuse(g, "its client is none that may be here");
	if (verdict == ERR_OK)
		verdict = enrol_recorded(c, &credential, s, g);
	if (!g->reason)
		g->reason = err_text(verdict);
	if (verdict != ERR_OK)
		err = record(c, identity, s, g, verdict);
out:
	buf_free(&g->import);
	return err == ERR_OK ? verdict : err;
}

/* --- asking --------------------------------------------------------------------------------- */

static struct fetch *fetch_at(struct key_sources *k, uint64_t number, struct bytes identity)
{
	for (size_t i = 0; k && i < FETCHES; i++) {
		struct fetch *f = &k->fetches[i];

		if (identity.n ? f->number && bytes_equal(bytes_str(f->identity), identity) : f->number == number)
			return f;
	}
	return NULL;
}

static bool may_ask(struct key_sources *k)
{
	int64_t second = clock_steady() / 1000;

	if (second != k->second) {
		k->second = second;
		k->asked = 0;
	}
	return k->asked++ < A_SECOND;
}

static err_t send_retrieve(struct core *c, const struct fetch *f, const struct key_source *s,
                           struct bytes relative)
{
	const struct cse_identity *cse = resources_cse(c->room.resources);
	struct buf from = buf_make(URI), rqi = buf_make(URI), primitive = buf_make(4096);
	struct outbound_request r = { .operation = OPERATION_RETRIEVE, .to = relative, .rvi = BYTES("3"), .originated = c->now };
	struct outbound_need need = { .target = s->url, .flags = SEND_REPEAT | SEND_TO };
	err_t err;

	TRY(buf_printf(&from, "%.*s%.*s", BYTES_FMT(cse->sp_id), BYTES_FMT(cse->cse_id)));
	TRY(buf_printf(&rqi, "key-%llx-%llx", (unsigned long long)c->now, (unsigned long long)f->number));
	r.from = bytes_of_buf(&from);
	r.rqi = bytes_of_buf(&rqi);
	TRY(outbound_compose(&r, &primitive));
	need.primitive = bytes_of_buf(&primitive);
	TRY(held_send(c, (uint64_t)SOURCE_REF << 56 | f->number, &need, FETCH_MS));
out:
	buf_free(&from);
	buf_free(&rqi);
	buf_free(&primitive);
	return err;
}

static err_t ask(struct core *c, struct bytes identity, const struct key_source *s,
                 struct bytes relative, struct fetch **out)
{
	struct fetch *f = fetch_at(c->sources, 0, BYTES_NONE);
	err_t err;

	if (!f || !may_ask(c->sources))
		return ERR_LIMIT;
	*f = (struct fetch){ .number = ++c->sources->numbers, .deadline = clock_steady() + FETCH_MS };
	TRY(bytes_put_str(f->identity, sizeof(f->identity), identity));
	TRY(send_retrieve(c, f, s, relative));
	*out = f;
out:
	if (err != ERR_OK)
		f->number = 0;
	return err;
}

static err_t wait_for(struct fetch *f, const struct wait *w)
{
	for (size_t i = 0; i < WAITS; i++) {
		if (f->waits[i].to)
			continue;
		f->waits[i] = *w;
		return ERR_PENDING;
	}
	return ERR_LIMIT;
}

/* ERR_PENDING: it waits; anything else is the answer. */
static err_t judge(struct core *c, struct bytes identity, const struct wait *w)
{
	struct given g = { .import = buf_make(IMPORT) };
	struct key_source s;
	struct bytes relative;
	struct fetch *f;
	bool there, of_source = key_source_of(&c->worker->options, identity, &s, &relative);
	err_t err;

	if (!c->open || c->rollback || !of_source)
		return ERR_LOCKED;
	TRY(network_credential(c, identity, true, &there));
	if (there)
		return ERR_OK; /* it came meanwhile */
	if (network_is_blamed(c->network, &w->source))
		return ERR_LIMIT;
	if (!s.url.n) {
		if (!may_ask(c->sources))
			return ERR_LIMIT;
		err = read_own(c, relative, &g);
		err = take(c, identity, &s, &g, err);
		network_blame(c->network, &w->source, err);
		return err;
	}
	f = fetch_at(c->sources, 0, identity);
	if (!f)
		TRY(ask(c, identity, &s, relative, &f));
	err = wait_for(f, w);
out:
	return err;
}

err_t source_want(struct core *c, struct neighbour *from, const struct message *m)
{
	struct wire_in in = wire_in(m->body);
	struct bytes identity = wire_get_bytes(&in, FACT_ID_MAX - 4), address;
	struct wait w = { .to = from, .ref = m->ref };
	struct key_source s;
	struct bytes relative;
	err_t err, verdict;

	w.source.n = wire_get_u8(&in);
	address = wire_get_fixed(&in, sizeof(w.source.octets));
	TRY(wire_done(&in));
	if (!key_source_of(&c->worker->options, identity, &s, &relative))
		return network_want(c, from, m);
	bytes_copy(w.source.octets, address.p, address.n);
	TRY(network_begin(c));
	if (!c->sources)
		c->sources = mem_new(1, sizeof(*c->sources));
	TRY(c->sources ? ERR_OK : ERR_MEMORY);
	verdict = judge(c, identity, &w);
	if (verdict == ERR_PENDING)
		return ERR_OK;
	if (verdict != ERR_OK)
		log_event(LOG_INFO, "no key of a MAF or MEF", "gate=%u why=%s", from->link.peer_number, err_text(verdict));
	TRY(network_tell(c, from, m->ref, verdict));
out:
	return err;
}

/* --- what came ------------------------------------------------------------------------------- */

static void finish(struct core *c, struct fetch *f, err_t result)
{
	for (size_t i = 0; i < WAITS; i++) {
		struct wait *w = &f->waits[i];

		if (!w->to)
			continue;
		network_blame(c->network, &w->source, result);
		if (network_tell(c, w->to, w->ref, result) != ERR_OK)
			log_event(LOG_ERROR, "answer lost", "gate=%u", w->to->link.peer_number);
	}
	*f = (struct fetch){ .number = 0 };
}

void source_answered(struct core *c, uint64_t ref, err_t result, struct bytes primitive)
{
	struct fetch *f = fetch_at(c->sources, ref & ~((uint64_t)0xff << 56), BYTES_NONE);
	struct given g = { .import = buf_make(IMPORT) };
	struct key_source s;
	struct bytes relative;
	err_t err = result;

	if (!f || !f->number)
		return; /* too late */
	if (!key_source_of(&c->worker->options, bytes_str(f->identity), &s, &relative))
		err = ERR_REFUSED;
	else if (result == ERR_OK)
		err = take(c, bytes_str(f->identity), &s, &g, read_answer(c, bytes_str(f->identity), primitive, &g));
	if (err != ERR_OK)
		log_event(LOG_INFO, "no key of a MAF or MEF", "why=%s", g.reason ? g.reason : err_text(err));
	finish(c, f, err);
}

/* --- time, and who is gone --------------------------------------------------------------------- */

void source_turn(struct core *c)
{
	int64_t now = clock_steady();

	for (size_t i = 0; c->sources && i < FETCHES; i++) {
		struct fetch *f = &c->sources->fetches[i];

		if (f->number && f->deadline <= now)
			finish(c, f, ERR_TIMEOUT);
	}
}

void source_neighbour_lost(struct core *c, const struct neighbour *n)
{
	for (size_t i = 0; c->sources && i < FETCHES * WAITS; i++) {
		struct wait *w = &c->sources->fetches[i / WAITS].waits[i % WAITS];

		if (w->to == n)
			*w = (struct wait){ .to = NULL };
	}
}

void source_free(struct core *c)
{
	mem_free(c->sources);
	c->sources = NULL;
}

/* --- what ends with a credential --------------------------------------------------------------- */

struct ended {
	struct core *core;
	struct bytes entity;
	char next[FACT_ID_MAX], key[KEEPER_NAME_MAX + 1];
};

/* By a key that it registered with the MAF or MEF of this node, or that this MAF knows it by:
 * what was assigned to it (KmID) is the same key. */
static err_t find_ended(void *self, const struct credential *credential)
{
	struct ended *e = self;
	struct key_source s;
	struct bytes relative;

	if (e->next[0] || credential->revoked || !credential->psk ||
	    !bytes_equal(bytes_str(credential->entity), e->entity) ||
	    !bytes_starts(bytes_str(credential->by), BYTES(REGISTRY_BY_TRUST)))
		return ERR_OK;
	if (credential->suid != SUID_KM &&
	    (!key_source_of(&e->core->worker->options, bytes_str(credential->psk_identity), &s, &relative) || s.url.n))
		return ERR_OK;
	(void)text_print(e->key, sizeof(e->key), "psk/%s", credential->psk_identity);
	return bytes_put_str(e->next, sizeof(e->next), bytes_str(credential->id));
}

err_t source_revoke_of(struct core *c, const struct credential *of)
{
	struct ended e = { .core = c, .entity = bytes_str(of->entity) };
	bool found;
	err_t err;

	do {
		e.next[0] = '\0';
		TRY(registry_credentials(c->room.registry, find_ended, &e));
		if (!e.next[0])
			break;
		TRY(registry_revoke(c->room.registry, bytes_str(e.next), &found));
		/* With the commit. Revoked is what counts; the key may outlive it in the key store. */
		if (registered_touch(c, bytes_str(e.key), bytes_str(e.next)) != ERR_OK)
			log_event(LOG_WARN, "key not destroyed", "name=%s", e.key);
	} while (found);
out:
	return err;
}
