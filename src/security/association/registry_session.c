/* registry_session.c: sessions: what an association that is gone may be taken up again by
 * [RFC 8446 2.2]. They are here and not with the gates: none is used twice, none outlives
 * its credential, and none is more than the association that it is of.
 *
 *   association --keep--> session (sealed record) --take: the client's binder is right-->
 *     gone from the store, and a claim of that gate and handshake --open--> association
 *
 * A session is a key of one connection, known to the gate that had it. What is checked
 * here is that who comes with it knows it, at a gate that need not. */
#include "security/association/registry_inner.h"

#include "base/secret.h"
#include "crypt/crypt.h"
#include "wire/wire.h"

enum { RECORD_MAX = 1024, VERSION = 1, HASH = 32, AES_128_GCM_SHA256 = 0x1301, CHACHA20_SHA256 = 0x1303, NOT_PRINTABLE = 0xff };

/* --- in memory ------------------------------------------------------------------------ */

static struct session **bucket(const struct registry *r, struct bytes id)
{
	return &r->session_heads[hash_bytes(&r->credentials.key, id) & (r->buckets - 1)];
}

static struct session *find(const struct registry *r, struct bytes id)
{
	struct session *s = id.n == SESSION_ID ? *bucket(r, id) : NULL;

	while (s && !bytes_equal(BYTES_OF(s->id), id))
		s = s->next;
	return s;
}

static err_t add(struct registry *r, const struct session *like)
{
	struct session *s = mem_new(1, sizeof(*s)), **head;

	if (!s)
		return ERR_MEMORY;
	*s = *like;
	head = bucket(r, BYTES_OF(s->id));
	s->next = *head;
	*head = s;
	s->newer = NULL;
	s->older = r->session_newest;
	if (s->older)
		s->older->newer = s;
	else
		r->session_oldest = s;
	r->session_newest = s;
	r->sessions_n++;
	return ERR_OK;
}

static void forget(struct registry *r, struct session *s)
{
	struct session **at = bucket(r, BYTES_OF(s->id));

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	*(s->newer ? &s->newer->older : &r->session_newest) = s->older;
	*(s->older ? &s->older->newer : &r->session_oldest) = s->newer;
	r->sessions_n--;
	mem_free(s);
}

void sessions_free(struct registry *r)
{
	while (r->session_newest)
		forget(r, r->session_newest);
}

static err_t remove_one(struct registry *r, struct session *s)
{
	err_t err;

	r->sessions_changed = true;
	TRY(store_record_delete(r->store, STORE_SESSION, BYTES_OF(s->id)));
	forget(r, s);
out:
	return err;
}

/* --- as records --------------------------------------------------------------------------- */

static err_t write_record(const struct session *s, const struct resumable *c, struct buf *out)
{
	struct wire_out w = wire_out(out);

	wire_put_u8(&w, VERSION);
	wire_put_u64(&w, s->number);
	wire_put_u64(&w, (uint64_t)s->ends);
	wire_put_bytes(&w, bytes_str(s->credential));
	wire_put_u16(&w, c->suite);
	wire_put_fixed(&w, BYTES_OF(c->secret));
	wire_put_fixed(&w, BYTES_OF(c->fingerprint));
	wire_put_u64(&w, (uint64_t)c->enrolled);
	wire_put_u64(&w, (uint64_t)c->proved);
	wire_put_u64(&w, (uint64_t)c->until);
	wire_put_u64(&w, c->requests);
	wire_put_u64(&w, c->octets);
	return w.err;
}

static err_t read_record(struct bytes key, struct bytes value, struct session *s, struct resumable *c)
{
	struct wire_in in = wire_in(value);
	unsigned version = wire_get_u8(&in);
	struct bytes credential, secret, fingerprint;
	err_t err;

	*s = (struct session){ .number = wire_get_u64(&in), .ends = (int64_t)wire_get_u64(&in) };
	credential = wire_get_bytes(&in, FACT_ID_MAX - 1);
	*c = (struct resumable){ .suite = wire_get_u16(&in) };
	secret = wire_get_fixed(&in, SESSION_SECRET);
	fingerprint = wire_get_fixed(&in, sizeof(c->fingerprint));
	c->enrolled = (int64_t)wire_get_u64(&in);
	c->proved = (int64_t)wire_get_u64(&in);
	c->until = (int64_t)wire_get_u64(&in);
	c->requests = wire_get_u64(&in);
	c->octets = wire_get_u64(&in);
	TRY(wire_done(&in));
	TRY(version == VERSION && key.n == SESSION_ID ? ERR_OK : ERR_TAMPERED);
	bytes_copy(s->id, key.p, SESSION_ID);
	bytes_copy(c->secret, secret.p, SESSION_SECRET);
	bytes_copy(c->fingerprint, fingerprint.p, fingerprint.n);
	TRY(bytes_put_str(s->credential, sizeof(s->credential), credential));
out:
	return err == ERR_OK ? ERR_OK : ERR_TAMPERED;
}

static err_t load_one(void *self, struct bytes key, struct bytes value)
{
	struct registry *r = self;
	struct resumable c;
	struct session s;
	err_t err;

	TRY(read_record(key, value, &s, &c));
	secret_wipe(&c, sizeof(c));
	TRY(add(r, &s));
out:
	return err;
}

err_t sessions_load(struct registry *r)
{
	sessions_free(r);
	r->sessions_changed = false;
	return store_record_walk(r->store, STORE_SESSION, load_one, r);
}

/* --- keeping ------------------------------------------------------------------------------ */

int64_t registry_session_life(const struct registry *r, const struct association *a, int64_t now)
{
	int64_t left = a->facts.until - now;

	if (!r->policy.session || a->version != 0x0304)
		return 0;
	return left < r->policy.session ? left : r->policy.session;
}

/* What of it counts is not known while it is live: a crash must not give it back. */
static err_t put(struct registry *r, struct session *s, const struct live *l, const struct session_key *key, bool ended)
{
	struct buf record = buf_make(RECORD_MAX);
	struct resumable c = {
		.suite = key->suite, .enrolled = l->of->c.enrolled, .proved = l->proved, .until = l->a.facts.until,
		.requests = ended ? l->a.requests : UINT64_MAX, .octets = ended ? l->a.octets : UINT64_MAX,
	};
	err_t err;

	bytes_copy(c.secret, key->secret.p, SESSION_SECRET);
	bytes_copy(c.fingerprint, l->fingerprint, sizeof(c.fingerprint));
	TRY(write_record(s, &c, &record));
	r->sessions_changed = true;
	TRY(store_record_put(r->store, STORE_SESSION, BYTES_OF(s->id), bytes_of_buf(&record)));
out:
	secret_wipe(&c, sizeof(c));
	if (record.p)
		secret_wipe(record.p, record.n);
	buf_free(&record);
	return err;
}

/* What is written may be undone: then the registry is read again. */
static err_t keep(struct registry *r, struct live *l, struct session *s, const struct session_key *key)
{
	struct session *before = find(r, BYTES_OF(l->session));
	err_t err = ERR_OK;

	if (before)
		TRY(remove_one(r, before));
	TRY(put(r, s, l, key, false));
	TRY(add(r, s));
	bytes_copy(l->session, s->id, SESSION_ID);
out:
	return err == ERR_OK || err == ERR_MEMORY ? err : ERR_IO;
}

err_t registry_session_keep(struct registry *r, unsigned gate, struct bytes body, int64_t now)
{
	struct wire_in in = wire_in(body);
	uint64_t number = wire_get_u64(&in);
	struct bytes id = wire_get_fixed(&in, SESSION_ID);
	struct session_key key = { .suite = wire_get_u16(&in) };
	struct live *l = registry_live(r, number);
	struct session s = { .number = number };
	err_t err;

	key.secret = wire_get_bytes(&in, SESSION_SECRET);
	TRY(wire_done(&in));
	TRY(id.p[0] == NOT_PRINTABLE && key.secret.n == SESSION_SECRET ? ERR_OK : ERR_SYNTAX);
	if (!registry_association(r, number, gate, now) || !l->of || !registry_session_life(r, &l->a, now))
		return ERR_MISSING;
	if (key.suite != AES_128_GCM_SHA256 && key.suite != CHACHA20_SHA256)
		return ERR_UNSUPPORTED;
	if (r->sessions_n >= SESSIONS_MAX || find(r, id) || l->sessions++ >= SESSIONS_OF_ONE)
		return ERR_LIMIT;
	bytes_copy(s.id, id.p, SESSION_ID);
	s.ends = now + registry_session_life(r, &l->a, now);
	TRY(bytes_put_str(s.credential, sizeof(s.credential), bytes_str(l->of->c.id)));
	err = keep(r, l, &s, &key);
out:
	return err;
}

/* --- taking -------------------------------------------------------------------------------- */

/* PskBinderEntry of a resumption [RFC 8446 4.2.11.2, 7.1]. */
static void binder_of(const uint8_t secret[SESSION_SECRET], struct bytes hash, uint8_t out[HASH])
{
	uint8_t early[HASH], nothing[HASH], binder[HASH], finished[HASH];

	crypt_sha256(BYTES_NONE, nothing);
	crypt_hkdf_extract(BYTES_NONE, bytes_make(secret, SESSION_SECRET), early);
	crypt_expand_label(BYTES_OF(early), BYTES("res binder"), BYTES_OF(nothing), binder, HASH);
	crypt_expand_label(BYTES_OF(binder), BYTES("finished"), BYTES_NONE, finished, HASH);
	crypt_hmac_sha256(BYTES_OF(finished), hash, out);
	secret_wipe(early, sizeof(early));
	secret_wipe(binder, sizeof(binder));
	secret_wipe(finished, sizeof(finished));
}

/* What was used up so far, when that is known. */
static void count_up(const struct registry *r, const struct session *s, struct resumable *c)
{
	const struct live *l = registry_live(r, s->number);

	if (!l)
		return;
	c->requests = l->a.requests;
	c->octets = l->a.octets;
}

/* Why not; NULL when it may. */
static const char *judge(struct registry *r, const struct session *s, const struct resumable *c, int64_t now)
{
	const struct enrolled *e = credentials_by_id(&r->credentials, bytes_str(s->credential));
	static const uint8_t zeros[32];

	if (!r->policy.session)
		return "sessions are not resumed here";
	if (!e || e->c.revoked || e->c.enrolled != c->enrolled)
		return "the credential of the session is revoked";
	if (s->ends <= now || c->until <= now || e->c.not_after <= now ||
	    (r->policy.lifetime && c->proved + r->policy.lifetime <= now)) /* a shorter one than when it was kept */
		return "the session has ended";
	if (!e->c.psk && !bytes_equal(BYTES_OF(c->fingerprint), BYTES_OF(e->c.fingerprint)) &&
	    !(bytes_equal(BYTES_OF(c->fingerprint), BYTES_OF(e->c.next_fingerprint)) &&
	      !bytes_equal(BYTES_OF(e->c.next_fingerprint), BYTES_OF(zeros))))
		return "the certificate of the session was replaced";
	if ((r->policy.requests && c->requests >= r->policy.requests) || (r->policy.octets && c->octets >= r->policy.octets))
		return "what the association may do is used up";
	return NULL;
}

static void claim(struct registry *r, unsigned gate, const uint8_t *tag, const struct session *s, const struct resumable *c,
                  int64_t now)
{
	struct claim *at = &r->claims[r->claims_next];

	r->claims_next = (r->claims_next + 1) % CLAIMS;
	*at = (struct claim){ .at = now, .gate = gate, .session = *s, .what = *c };
	bytes_copy(at->tag, tag, TAG);
	secret_wipe(at->what.secret, sizeof(at->what.secret));
}

err_t registry_session_take(struct registry *r, unsigned gate, struct bytes body, int64_t now, struct session_taken *out)
{
	struct wire_in in = wire_in(body);
	struct bytes tag = wire_get_fixed(&in, TAG), id = wire_get_fixed(&in, SESSION_ID);
	struct bytes hash = wire_get_fixed(&in, HASH), binder = wire_get_fixed(&in, HASH);
	struct session *s, copy;
	struct resumable c = { .suite = 0 };
	struct arena a;
	struct bytes value;
	uint8_t wanted[HASH];
	err_t err;

	arena_init(&a, RECORD_MAX * 4);
	*out = (struct session_taken){ .why = "the message is malformed" };
	TRY(wire_done(&in));
	out->why = "there is no such session";
	s = find(r, id);
	TRY(s ? ERR_OK : ERR_MISSING);
	TRY(store_record_get(r->store, STORE_SESSION, id, &a, &value));
	TRY(read_record(id, value, &copy, &c));
	TRY(bytes_put_str(out->credential, sizeof(out->credential), bytes_str(s->credential)));
	binder_of(c.secret, hash, wanted);
	out->why = "who comes with the session does not know it";
	/* It stays: who has but seen its name must not end it. */
	TRY(secret_equal(BYTES_OF(wanted), binder) ? ERR_OK : ERR_TAMPERED);
	copy = *s;
	count_up(r, s, &c);
	TRY(remove_one(r, s));
	out->why = judge(r, &copy, &c, now);
	TRY(out->why ? ERR_REFUSED : ERR_OK);
	claim(r, gate, tag.p, &copy, &c, now);
	out->suite = c.suite;
	bytes_copy(out->secret, c.secret, SESSION_SECRET);
out:
	secret_wipe(&c, sizeof(c));
	arena_free(&a);
	return err;
}

struct claim *session_claim(struct registry *r, unsigned gate, const uint8_t tag[TAG], int64_t now)
{
	for (size_t i = 0; i < CLAIMS; i++) {
		struct claim *c = &r->claims[i];

		if (c->at && c->gate == gate && bytes_equal(BYTES_OF(c->tag), bytes_make(tag, TAG)))
			return c->at + NOTICE_LIFE >= now && !judge(r, &c->session, &c->what, now) ? c : NULL;
	}
	return NULL;
}

void registry_sessions_untake(struct registry *r, unsigned gate)
{
	for (size_t i = 0; i < CLAIMS; i++) {
		if (r->claims[i].gate == gate)
			r->claims[i].at = 0;
	}
}

/* --- the end ------------------------------------------------------------------------------- */

err_t registry_sessions_end(struct registry *r, struct bytes credential, size_t *n)
{
	err_t err = ERR_OK;

	*n = 0;
	for (struct session *s = r->session_newest, *older; s; s = older) {
		older = s->older;
		if (!bytes_equal(bytes_str(s->credential), credential))
			continue;
		TRY(remove_one(r, s));
		++*n;
	}
out:
	return err;
}

bool registry_sessions_due(const struct registry *r, int64_t now)
{
	/* They end about in the order in which they came. */
	return r->session_oldest && r->session_oldest->ends <= now;
}

err_t registry_sessions_sweep(struct registry *r, int64_t now, size_t limit)
{
	err_t err = ERR_OK;

	for (struct session *s = r->session_oldest, *newer; s && limit; s = newer, limit--) {
		newer = s->newer;
		if (s->ends <= now)
			TRY(remove_one(r, s));
	}
out:
	return err;
}

/* An association ended: what it used up goes with its session. */
err_t session_settle(struct registry *r, const struct live *l)
{
	struct session *s = l->sessions && l->of && (l->policy_requests || l->policy_octets) ? find(r, BYTES_OF(l->session)) : NULL;
	struct arena a;
	struct resumable c = { .suite = 0 };
	struct session copy;
	struct bytes value;
	struct session_key key;
	err_t err = ERR_OK;

	arena_init(&a, RECORD_MAX * 4);
	if (!s)
		goto out;
	TRY(store_record_get(r->store, STORE_SESSION, BYTES_OF(s->id), &a, &value));
	TRY(read_record(BYTES_OF(s->id), value, &copy, &c));
	key = (struct session_key){ .suite = c.suite, .secret = BYTES_OF(c.secret) };
	err = put(r, s, l, &key, true);
out:
	secret_wipe(&c, sizeof(c));
	arena_free(&a);
	return err;
}
