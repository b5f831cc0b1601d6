/* registry.c: enrolling, and the register of live associations. */
#include "security/association/registry_inner.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "wire/wire.h"

enum { LIVE_BUCKETS = 4096, CREDENTIAL_OCTETS = 4096 };

/* --- live associations in memory ---------------------------------------------------- */

static struct live **bucket(const struct registry *r, uint64_t number)
{
	/* Numbers are drawn at random. */
	return &r->heads[number & (r->buckets - 1)];
}

struct live *registry_live(const struct registry *r, uint64_t number)
{
	struct live *l = *bucket(r, number);

	while (l && l->a.number != number)
		l = l->next;
	return l;
}

struct live **registry_entity(const struct registry *r, const char *entity)
{
	return &r->entities[hash_bytes(&r->credentials.key, bytes_str(entity)) & (r->buckets - 1)];
}

static void add(struct registry *r, struct live *l)
{
	struct live **head = bucket(r, l->a.number);
	struct live **entity = registry_entity(r, l->a.facts.entity);

	l->next = *head;
	*head = l;
	l->next_of_entity = *entity;
	*entity = l;
	l->older = r->newest;
	if (r->newest)
		r->newest->newer = l;
	r->newest = l;
	l->of->live++;
	r->live_n++;
}

static void forget(struct registry *r, struct live *l)
{
	struct live **at = bucket(r, l->a.number);
	struct live **of_entity = registry_entity(r, l->a.facts.entity);

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	while (*of_entity != l)
		of_entity = &(*of_entity)->next_of_entity;
	*of_entity = l->next_of_entity;
	if (l->newer)
		l->newer->older = l->older;
	else
		r->newest = l->older;
	if (l->older)
		l->older->newer = l->newer;
	if (l->of)
		l->of->live--;
	r->live_n--;
	mem_free(l);
}

/* Associations of a credential that is none any more. */
void registry_end_all_of(struct registry *r, struct enrolled *e)
{
	for (struct live *l = r->newest; l; l = l->older) {
		if (l->of != e)
			continue;
		l->ended = true;
		l->of = NULL;
	}
	e->live = 0;
}

/* --- opening -------------------------------------------------------------------------- */

err_t registry_open(struct store *s, struct registry **out)
{
	struct registry *r = mem_new(1, sizeof(*r));
	struct hash_key key;
	err_t err = ERR_MEMORY;

	*out = NULL;
	if (!r)
		goto out;
	r->store = s;
	r->started = clock_now() / 1000 * 1000;
	r->buckets = LIVE_BUCKETS;
	r->heads = mem_new(r->buckets, sizeof(*r->heads));
	r->entities = mem_new(r->buckets, sizeof(*r->entities));
	r->session_heads = mem_new(r->buckets, sizeof(*r->session_heads));
	r->claims = mem_new(CLAIMS, sizeof(*r->claims));
	if (!r->heads || !r->entities || !r->session_heads || !r->claims)
		goto out;
	crypt_random(&key, sizeof(key));
	TRY(credentials_init(&r->credentials, &key));
	TRY(credentials_load(&r->credentials, s));
	TRY(sessions_load(r));
	registry_await_joining(r);
	*out = r;
	r = NULL;
out:
	registry_close(r);
	return err;
}

void registry_set_policy(struct registry *r, const struct registry_policy *policy)
{
	r->policy = *policy;
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	while (r->newest)
		forget(r, r->newest);
	if (r->session_heads)
		sessions_free(r);
	mem_free(r->session_heads);
	mem_free(r->claims);
	for (unsigned gate = 0; gate < GATES; gate++)
		notices_forget(r, gate);
	seen_free(&r->proofs);
	credentials_free(&r->credentials);
	mem_free(r->heads);
	mem_free(r->entities);
	mem_free(r);
}

/* --- credentials ----------------------------------------------------------------------- */

static bool is_zero(const uint8_t *p, size_t n)
{
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= p[i];
	return any == 0;
}

static bool is_terminated(const char *text, size_t size)
{
	return bytes_find(bytes_make(text, size), 0) < size;
}

/* Exactly one means of proof, for one entity, with an end. */
static bool is_whole(const struct credential *c)
{
	bool has_print = !is_zero(c->fingerprint, sizeof(c->fingerprint));
	bool has_point = c->point[0] == 4; /* uncompressed */

	if (!is_terminated(c->id, sizeof(c->id)) || !is_terminated(c->name, sizeof(c->name)) ||
	    !is_terminated(c->entity, sizeof(c->entity)) ||
	    !is_terminated(c->app_id, sizeof(c->app_id)) ||
	    !is_terminated(c->psk_identity, sizeof(c->psk_identity)))
		return false;
	if (!c->id[0] || !c->entity[0] || c->not_after <= 0 || c->enrolled < 0 || c->replay_mode > 2)
		return false;
	if (c->kind != ENTITY_AE && c->kind != ENTITY_CSE)
		return false;
	if (c->factor > FACTOR_NETWORK || c->protection > PROTECTION_HIGH ||
	    !is_terminated(c->environment, sizeof(c->environment)) ||
	    !is_terminated(c->by, sizeof(c->by)) || c->unfinished < 0)
		return false;
	if (has_point == c->psk)
		return false;
	return c->psk ? c->psk_identity[0] && !has_print : has_print && !c->psk_identity[0];
}

err_t registry_put_record(struct registry *r, const struct credential *c)
{
	struct buf map = buf_make(CREDENTIAL_OCTETS);
	err_t err;

	TRY(credential_write(c, &map));
	r->changed = true;
	TRY(store_record_put(r->store, STORE_CREDENTIAL, bytes_str(c->id), bytes_of_buf(&map)));
out:
	buf_free(&map);
	return err;
}

err_t registry_enrol(struct registry *r, const struct credential *c)
{
	struct credentials *all = &r->credentials;
	struct enrolled *same, *twin, *added;
	int64_t until;
	err_t err = ERR_RANGE;

	if (!is_whole(c))
		goto out;
	err = ERR_EXISTS;
	same = credentials_by_id(all, bytes_str(c->id));
	if (same && !same->c.revoked)
		goto out;
	twin = c->psk ? credentials_by_psk(all, bytes_str(c->psk_identity))
	              : credentials_by_fingerprint(all, c->fingerprint);
	/* A revoked identity may get a new key, never its old certificate. */
	if (twin && (twin != same || !c->psk))
		goto out;
	TRY(registry_put_record(r, c));
	TRY(credentials_add(all, c, &added));
	until = registry_forgotten_at(c);
	if (until && (r->unfinished == 0 || until < r->unfinished))
		r->unfinished = until;
	if (same) {
		registry_end_all_of(r, same);
		credentials_remove(all, same);
	}
out:
	return err;
}

err_t registry_revoke(struct registry *r, struct bytes id, bool *found)
{
	struct enrolled *e = credentials_by_id(&r->credentials, id);
	struct credential c;
	err_t err = ERR_OK;

	*found = e != NULL;
	if (!e || e->c.revoked)
		goto out;
	c = e->c;
	c.revoked = true;
	TRY(registry_put_record(r, &c));
	e->c.revoked = true;
	registry_end_all_of(r, e);
out:
	return err;
}

err_t registry_find(struct registry *r, struct bytes id, const struct credential **out)
{
	struct enrolled *e = credentials_by_id(&r->credentials, id);

	*out = e ? &e->c : NULL;
	return ERR_OK;
}

/* Associations that ended stay ended: what was revoked for a moment has to come
 * again. */
static void relink(struct registry *r, struct live *l)
{
	struct enrolled *e = credentials_by_id(&r->credentials, bytes_str(l->a.facts.credential));

	if (l->ended || !e || e->c.revoked) {
		l->ended = true;
		l->of = NULL;
		return;
	}
	l->of = e;
	e->live++;
}

err_t registry_reload(struct registry *r)
{
	struct credentials fresh = { 0 };
	err_t err = ERR_OK;

	if (r->sessions_changed)
		TRY(sessions_load(r));
	if (!r->changed)
		goto out;
	TRY(credentials_init(&fresh, &r->credentials.key));
	TRY(credentials_load(&fresh, r->store));
	credentials_keep_usage(&r->credentials, &fresh);
	credentials_free(&r->credentials);
	r->credentials = fresh;
	fresh = (struct credentials){ 0 };
	r->changed = false;
	registry_await_joining(r);
	for (struct live *l = r->newest; l; l = l->older)
		relink(r, l);
out:
	credentials_free(&fresh);
	return err;
}

err_t registry_credentials(struct registry *r, err_t (*each)(void *self, const struct credential *c),
                           void *self)
{
	err_t err = ERR_OK;

	for (struct enrolled *e = r->credentials.newest; e; e = e->older)
		TRY(each(self, &e->c));
out:
	return err;
}

/* --- associations ------------------------------------------------------------------------ */

/* ASSOCIATION_OPEN, read. */
struct opening {
	const uint8_t *tag, *fingerprint;
	unsigned kind;
	struct bytes identity;
	int64_t not_after;
	struct association a; /* address, port, version, suite */
	struct bytes transcript;
	bool unproved;
	struct claim *claim;   /* of a session */
};

static err_t read_opening(struct bytes body, struct opening *o)
{
	struct wire_in in = wire_in(body);
	struct bytes address;
	uint64_t not_after;
	err_t err;

	*o = (struct opening){ 0 };
	o->tag = wire_get_fixed(&in, TAG).p;
	o->kind = wire_get_u8(&in);
	o->fingerprint = wire_get_fixed(&in, 32).p;
	o->identity = wire_get_bytes(&in, FACT_ID_MAX - 1);
	not_after = wire_get_u64(&in);
	o->a.version = wire_get_u16(&in);
	o->a.suite = wire_get_u16(&in);
	o->a.address_n = wire_get_u8(&in);
	address = wire_get_fixed(&in, sizeof(o->a.address));
	o->a.port = wire_get_u16(&in);
	o->transcript = wire_get_bytes(&in, PROOF_OCTETS_MAX);
	TRY(wire_done(&in));
	if (o->a.address_n != 0 && o->a.address_n != 4 && o->a.address_n != 16)
		return ERR_SYNTAX;
	bytes_copy(o->a.address, address.p, o->a.address_n);
	o->not_after = not_after > INT64_MAX ? INT64_MAX : (int64_t)not_after;
out:
	return err;
}

struct taking registry_taking(struct registry *r, const struct confirmation *said, int64_t now)
{
	struct taking k = { .now = now, .started = r->started, .seen = &r->proofs };

	bytes_copy(k.digest, said->digest, sizeof(k.digest));
	return k;
}

/* The enrolled credential that took part, or NULL and why not. Only what keeper
 * and records confirm counts; the gate's word chooses what to look for. */
static struct enrolled *judge(struct registry *r, unsigned gate, struct opening *o, int64_t now,
                              const char **reason)
{
	bool psk = o->kind == PEER_PSK, confirmed;
	struct credential used = { .not_after = 0 };
	struct confirmation said;
	struct taking k;
	struct enrolled *e;

	/* Asked first: a tag is used up by the first who names it. */
	confirmed = notices_confirm(r, gate, o->tag, psk ? o->identity : BYTES_NONE, now,
	                            &said);
	k = registry_taking(r, &said, now);
	*reason = NULL;
	if (o->kind != PEER_PSK && o->kind != PEER_CERTIFICATE)
		*reason = "nobody authenticated";
	else if (psk && o->identity.n == 0)
		*reason = "no identity was named";
	if (*reason)
		return NULL;
	e = psk ? credentials_by_psk(&r->credentials, o->identity)
	        : credentials_by_fingerprint(&r->credentials, o->fingerprint);
	if (e)
		used = registry_as_used(e, psk ? NULL : o->fingerprint);
	if (!e)
		*reason = "the credential is not enrolled";
	else if (!confirmed)
		*reason = "the keeper does not confirm the handshake";
	else if (e->c.unfinished && e->c.unfinished <= now)
		*reason = "the joining was not finished in time";
	else if (e->c.revoked)
		*reason = "the credential is revoked";
	else if (used.not_after <= now)
		*reason = "the credential has expired";
	else if (!psk && o->not_after <= now)
		*reason = "the certificate has expired";
	else if (!psk && proof_check(o->transcript, &used, &k) != ERR_OK)
		*reason = "the client's own proof is missing or does not hold";
	else if (e->live >= ASSOCIATION_LIMIT_PER_CREDENTIAL)
		*reason = "the credential has too many associations";
	else if (r->live_n >= ASSOCIATIONS_MAX)
		*reason = "there are too many associations";
	o->unproved = psk && !said.proved;
	return *reason ? NULL : e;
}

/* The proof is that of the association that it goes on with; that its owner is there again,
 * the binder said. */
static struct enrolled *judge_session(struct registry *r, unsigned gate, struct opening *o, int64_t now,
                                      const char **reason)
{
	struct enrolled *e;

	*reason = "no session was taken in this handshake";
	o->claim = session_claim(r, gate, o->tag, now);
	e = o->claim ? credentials_by_id(&r->credentials, bytes_str(o->claim->session.credential)) : NULL;
	if (!e)
		return NULL;
	*reason = NULL;
	if (e->live >= ASSOCIATION_LIMIT_PER_CREDENTIAL)
		*reason = "the credential has too many associations";
	else if (r->live_n >= ASSOCIATIONS_MAX)
		*reason = "there are too many associations";
	return *reason ? NULL : e;
}

/* It is never more than the first was, and there is one of the two. */
static void go_on(struct registry *r, struct live *l, struct claim *c)
{
	struct live *first = registry_live(r, c->session.number);

	l->a.resumed = true;
	l->proved = c->what.proved;
	if (c->what.until < l->a.facts.until)
		l->a.facts.until = c->what.until;
	if (r->policy.lifetime && l->proved + r->policy.lifetime < l->a.facts.until)
		l->a.facts.until = l->proved + r->policy.lifetime;
	l->a.requests = c->what.requests == UINT64_MAX ? 0 : c->what.requests;
	l->a.octets = c->what.octets == UINT64_MAX ? 0 : c->what.octets;
	bytes_copy(l->fingerprint, c->what.fingerprint, sizeof(l->fingerprint));
	if (first)
		first->ended = true;
	c->at = 0;
}

static uint64_t draw_number(const struct registry *r)
{
	uint64_t number;

	/* 53 bits: in JSON any reader has the number exact. */
	do {
		crypt_random(&number, sizeof(number));
		number >>= 11;
	} while (number == 0 || registry_live(r, number));
	return number;
}

int64_t registry_jittered(int64_t lifetime)
{
	uint32_t draw;

	crypt_random(&draw, sizeof(draw));
	return lifetime - (lifetime / 5 * (draw >> 8) >> 24); /* 2^24 steps: not in steps that are seen */
}

static err_t fill(struct live *l, const struct enrolled *e, const struct opening *o, int64_t lifetime)
{
	struct association_facts *f = &l->a.facts;
	int64_t until = e->c.not_after;
	err_t err;

	if (o->kind == PEER_CERTIFICATE && o->not_after < until)
		until = o->not_after;
	if (lifetime && l->a.opened + lifetime < until)
		until = l->a.opened + lifetime;
	*f = (struct association_facts){
		.number = l->a.number, .secured = true, .entity_is_cse = e->c.kind == ENTITY_CSE,
		.replay_mode = e->c.replay_mode, .suid = e->c.suid, .until = until,
	};
	TRY(bytes_put_str(f->credential, sizeof(f->credential), bytes_str(e->c.id)));
	TRY(bytes_put_str(f->entity, sizeof(f->entity), bytes_str(e->c.entity)));
out:
	return err;
}

static err_t turn_away(struct registry *r, const struct enrolled *e)
{
	return bytes_put_str(r->turned_away, sizeof(r->turned_away), bytes_str(e->c.id));
}

struct bytes registry_turned_away(const struct registry *r)
{
	return bytes_str(r->turned_away);
}

static err_t begin(struct registry *r, struct live *l, struct enrolled *e, const struct opening *o)
{
	err_t err;

	l->policy_requests = r->policy.requests;
	l->policy_octets = r->policy.octets;
	l->unproved = o->unproved;
	l->of = e;
	if (o->kind == PEER_CERTIFICATE)
		bytes_copy(l->fingerprint, o->fingerprint, sizeof(l->fingerprint));
	if (!o->claim)
		TRY(registry_first_use(r, e, o->kind == PEER_CERTIFICATE ? o->fingerprint : NULL));
	/* The end of what goes on was drawn when it began. */
	TRY(fill(l, e, o, o->claim ? 0 : registry_jittered(r->policy.lifetime)));
	if (o->claim)
		go_on(r, l, o->claim);
out:
	return err;
}

err_t registry_open_association(struct registry *r, unsigned gate, struct bytes body, int64_t now,
                                const struct association **out, const char **reason)
{
	struct live *l = NULL;
	const char *suspicion;
	struct enrolled *e;
	struct opening o;
	err_t err;

	*out = NULL;
	r->turned_away[0] = '\0';
	*reason = "the message is malformed";
	if (read_opening(body, &o) != ERR_OK)
		return ERR_REFUSED;
	e = o.kind == PEER_SESSION ? judge_session(r, gate, &o, now, reason) : judge(r, gate, &o, now, reason);
	if (!e)
		return ERR_REFUSED;
	*reason = "the credential opens associations too fast";
	if (!bucket_spend(&e->usage.openings, r->policy.openings, now)) {
		TRY(turn_away(r, e));
		return ERR_REFUSED;
	}
	suspicion = clone_suspicion(r, e, &o.a, now);
	if (suspicion && r->policy.action != CLONE_RECORD) {
		TRY(turn_away(r, e));
		*reason = suspicion;
		if (r->policy.action == CLONE_END)
			registry_end_all_of(r, e);
		return ERR_BAD_STATE;
	}
	*reason = "no room for the association";
	l = mem_new(1, sizeof(*l));
	if (!l)
		return ERR_MEMORY;
	l->a = o.a;
	l->a.gate = gate;
	l->a.opened = l->a.last_used = l->proved = now;
	l->a.number = draw_number(r);
	TRY(begin(r, l, e, &o));
	add(r, l);
	*out = &l->a;
	*reason = suspicion ? suspicion : "";
	l = NULL;
out:
	mem_free(l);
	return err;
}

static bool is_over(const struct live *l, int64_t now)
{
	return l->ended || (l->spent && !l->held) || l->a.facts.until <= now;
}

const struct association *registry_association(struct registry *r, uint64_t number, unsigned gate,
                                               int64_t now)
{
	const struct live *l = registry_live(r, number);

	return l && l->a.gate == gate && !l->spent && !is_over(l, now) ? &l->a : NULL;
}

const struct association *registry_association_held(struct registry *r, uint64_t number,
                                                    unsigned gate, int64_t now)
{
	const struct live *l = registry_live(r, number);

	return l && l->a.gate == gate && l->held && !is_over(l, now) ? &l->a : NULL;
}

void registry_hold(struct registry *r, uint64_t number, bool begins)
{
	struct live *l = registry_live(r, number);

	if (l && begins)
		l->held++;
	else if (l && l->held)
		l->held--;
}

void registry_touch(struct registry *r, uint64_t number, int64_t now)
{
	struct live *l = registry_live(r, number);

	if (!l)
		return;
	l->a.requests++;
	l->a.last_used = now;
	/* This one is served; the next needs a new association. */
	l->spent |= l->policy_requests && l->a.requests >= l->policy_requests;
}

void registry_count(struct registry *r, uint64_t number, size_t octets)
{
	struct live *l = registry_live(r, number);

	if (!l)
		return;
	l->a.octets += octets;
	l->spent |= l->policy_octets && l->a.octets >= l->policy_octets;
}

size_t registry_sessions(const struct registry *r)
{
	return r->sessions_n;
}

/* Not noted: what it used up stays unknown, and where that counts nobody goes on with it. */
static void end_in_order(struct registry *r, struct live *l)
{
	if (store_in_transaction(r->store) && session_settle(r, l) != ERR_OK)
		log_event(LOG_WARN, "session", "not settled");
	forget(r, l);
}

void registry_close_association(struct registry *r, uint64_t number, unsigned gate)
{
	struct live *l = registry_live(r, number);

	if (l && l->a.gate == gate)
		end_in_order(r, l);
}

void registry_gate_lost(struct registry *r, unsigned gate)
{
	for (struct live *l = r->newest, *older; l; l = older) {
		older = l->older;
		if (l->a.gate == gate)
			end_in_order(r, l);
	}
	notices_forget(r, gate);
	registry_sessions_untake(r, gate);
}

void registry_sweep(struct registry *r, int64_t now, void (*each)(void *self, const struct association *a),
                    void *self)
{
	for (struct live *l = r->newest, *older; l; l = older) {
		older = l->older;
		if (!is_over(l, now))
			continue;
		if (each)
			each(self, &l->a);
		forget(r, l);
	}
}

err_t registry_associations(struct registry *r, err_t (*each)(void *self, const struct association *a),
                            void *self)
{
	err_t err = ERR_OK;

	for (struct live *l = r->newest; l; l = l->older)
		if (!l->ended)
			TRY(each(self, &l->a));
out:
	return err;
}
