/* registry_credential.c: enrolled credentials: their record, and finding them by
 * Credential-ID, fingerprint, PSK identity and entity. */
#include "security/association/registry_inner.h"

#include "codec/cbor.h"

enum { BUCKETS_FIRST = 256, RECORD_MAX = 4096 };

/* --- the record: a canonical CBOR map (doc/protocol/store.md) ----------------------- */

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_TIME, FIELD_BOOL, FIELD_OCTETS };

struct field {
	const char *key;
	enum field_kind kind;
	size_t at, size; /* in struct credential */
	bool later;      /* records from before it existed lack it */
};

#define FIELD(key, kind, member) { key, kind, offsetof(struct credential, member), \
	sizeof(((struct credential *)0)->member), false }
#define LATER(key, kind, member) { key, kind, offsetof(struct credential, member), \
	sizeof(((struct credential *)0)->member), true }

/* In canonical order. */
static const struct field fields[] = {
	FIELD("ai", FIELD_TEXT, app_id),
	FIELD("at", FIELD_TIME, enrolled),
	LATER("bo", FIELD_BOOL, bound),
	LATER("by", FIELD_TEXT, by),
	FIELD("en", FIELD_TEXT, entity),
	LATER("ev", FIELD_TEXT, environment),
	LATER("fa", FIELD_NUMBER, factor),
	LATER("fo", FIELD_OCTETS, former),
	FIELD("fp", FIELD_OCTETS, fingerprint),
	FIELD("id", FIELD_TEXT, id),
	FIELD("kd", FIELD_NUMBER, kind),
	FIELD("na", FIELD_TIME, not_after),
	LATER("nf", FIELD_OCTETS, next_fingerprint),
	FIELD("nm", FIELD_TEXT, name),
	LATER("nn", FIELD_TIME, next_not_after),
	LATER("np", FIELD_OCTETS, next_point),
	LATER("ns", FIELD_OCTETS, next_serial),
	FIELD("pi", FIELD_TEXT, psk_identity),
	LATER("pl", FIELD_NUMBER, protection),
	FIELD("ps", FIELD_BOOL, psk),
	LATER("pt", FIELD_OCTETS, point),
	FIELD("rm", FIELD_NUMBER, replay_mode),
	FIELD("rv", FIELD_BOOL, revoked),
	LATER("sk", FIELD_OCTETS, state_point),
	LATER("sn", FIELD_OCTETS, serial),
	LATER("st", FIELD_OCTETS, state),
	LATER("su", FIELD_NUMBER, suid),
	LATER("tc", FIELD_OCTETS, clock),
	LATER("uf", FIELD_TIME, unfinished),
};

static err_t field_write(const struct credential *c, const struct field *f, struct buf *out)
{
	const uint8_t *p = (const uint8_t *)c + f->at;
	int64_t time;
	unsigned number;
	bool yes;

	switch (f->kind) {
	case FIELD_TEXT:
		return cbor_put_text(out, bytes_str((const char *)p));
	case FIELD_TIME:
		bytes_copy(&time, p, sizeof(time));
		return cbor_put_int(out, time);
	case FIELD_NUMBER:
		bytes_copy(&number, p, sizeof(number));
		return cbor_put_uint(out, number);
	case FIELD_BOOL:
		bytes_copy(&yes, p, sizeof(yes));
		return cbor_put_bool(out, yes);
	case FIELD_OCTETS:
		break;
	}
	return cbor_put_bytes(out, bytes_make(p, f->size));
}

err_t credential_write(const struct credential *c, struct buf *out)
{
	err_t err;

	TRY(cbor_put_map(out, COUNT_OF(fields)));
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		TRY(cbor_put_text(out, bytes_str(fields[i].key)));
		TRY(field_write(c, &fields[i], out));
	}
out:
	return err;
}

static const enum cbor_kind field_cbor[] = {
	[FIELD_TEXT] = CBOR_TEXT, [FIELD_NUMBER] = CBOR_UINT, [FIELD_TIME] = CBOR_UINT,
	[FIELD_BOOL] = CBOR_BOOL, [FIELD_OCTETS] = CBOR_BYTES,
};

static err_t field_read(struct credential *c, const struct field *f, const struct cbor *v)
{
	uint8_t *p = (uint8_t *)c + f->at;
	unsigned number = (unsigned)v->u;
	int64_t time = (int64_t)v->u;
	bool yes = v->u != 0;

	if (v->kind != field_cbor[f->kind])
		return ERR_TAMPERED;
	switch (f->kind) {
	case FIELD_TEXT:
		return bytes_put_str((char *)p, f->size, v->s);
	case FIELD_TIME:
		bytes_copy(p, &time, sizeof(time));
		return time >= 0 ? ERR_OK : ERR_TAMPERED;
	case FIELD_NUMBER:
		bytes_copy(p, &number, sizeof(number));
		return v->u <= UINT16_MAX ? ERR_OK : ERR_TAMPERED;
	case FIELD_BOOL:
		bytes_copy(p, &yes, sizeof(yes));
		return ERR_OK;
	case FIELD_OCTETS:
		break;
	}
	return v->s.n == f->size ? bytes_put(p, f->size, v->s) : ERR_TAMPERED;
}

static err_t credential_read(struct bytes map, struct credential *out)
{
	err_t err = ERR_OK;

	*out = (struct credential){ .factor = FACTOR_POSSESSION, .protection = PROTECTION_LOW };
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		struct cbor v;
		bool found;

		TRY(cbor_find(map, bytes_str(fields[i].key), &v, &found));
		if (!found && fields[i].later)
			continue;
		/* A record without a member is none of ours: nothing is assumed. */
		TRY(found ? field_read(out, &fields[i], &v) : ERR_TAMPERED);
	}
out:
	return err == ERR_OK ? ERR_OK : ERR_TAMPERED;
}

/* --- finding ------------------------------------------------------------------------ */

static struct bytes key_of(const struct enrolled *e, enum enrolled_link by)
{
	switch (by) {
	case BY_FINGERPRINT:
		return e->c.psk ? BYTES_NONE : BYTES_OF(e->c.fingerprint);
	case BY_NEXT:
		return e->c.next_not_after ? BYTES_OF(e->c.next_fingerprint) : BYTES_NONE;
	case BY_PSK_IDENTITY:
		return e->c.psk ? bytes_str(e->c.psk_identity) : BYTES_NONE;
	case BY_ENTITY:
		return bytes_str(e->c.entity);
	default:
		return bytes_str(e->c.id);
	}
}

static struct enrolled **bucket(const struct credentials *all, enum enrolled_link by, struct bytes key)
{
	return &all->heads[by][hash_bytes(&all->key, key) & (all->buckets - 1)];
}

static struct enrolled *find(const struct credentials *all, enum enrolled_link by, struct bytes key)
{
	struct enrolled *e;

	if (key.n == 0)
		return NULL;
	for (e = *bucket(all, by, key); e; e = e->next[by])
		if (bytes_equal(key_of(e, by), key))
			break;
	return e;
}

struct enrolled *credentials_by_id(const struct credentials *all, struct bytes id)
{
	return find(all, BY_CREDENTIAL, id);
}

struct enrolled *credentials_by_fingerprint(const struct credentials *all, const uint8_t fingerprint[32])
{
	struct enrolled *e = find(all, BY_FINGERPRINT, bytes_make(fingerprint, 32));

	return e ? e : find(all, BY_NEXT, bytes_make(fingerprint, 32));
}

struct enrolled *credentials_by_psk(const struct credentials *all, struct bytes identity)
{
	return find(all, BY_PSK_IDENTITY, identity);
}

struct enrolled *credentials_of_entity(const struct credentials *all, struct bytes entity, const struct enrolled *after)
{
	struct enrolled *e = after ? after->next[BY_ENTITY] : *bucket(all, BY_ENTITY, entity);

	while (e && !bytes_equal(key_of(e, BY_ENTITY), entity))
		e = e->next[BY_ENTITY];
	return e;
}

static void link_all(struct credentials *all, struct enrolled *e)
{
	for (int by = 0; by < ENROLLED_LINKS; by++) {
		struct bytes key = key_of(e, by);
		struct enrolled **head = bucket(all, by, key);

		e->next[by] = NULL;
		if (key.n == 0)
			continue;
		e->next[by] = *head;
		*head = e;
	}
}

static void unlink_all(struct credentials *all, struct enrolled *e)
{
	for (int by = 0; by < ENROLLED_LINKS; by++) {
		struct enrolled **at = bucket(all, by, key_of(e, by));

		while (*at && *at != e)
			at = &(*at)->next[by];
		if (*at)
			*at = e->next[by];
	}
}

static err_t new_heads(struct enrolled **heads[ENROLLED_LINKS], size_t buckets)
{
	err_t err = ERR_OK;

	for (int by = 0; by < ENROLLED_LINKS; by++) {
		heads[by] = mem_new(buckets, sizeof(*heads[by]));
		if (!heads[by])
			err = ERR_MEMORY;
	}
	for (int by = 0; err != ERR_OK && by < ENROLLED_LINKS; by++) {
		mem_free(heads[by]);
		heads[by] = NULL;
	}
	return err;
}

static err_t grow(struct credentials *all)
{
	struct enrolled **heads[ENROLLED_LINKS];
	err_t err;

	TRY(new_heads(heads, all->buckets * 2));
	for (int by = 0; by < ENROLLED_LINKS; by++) {
		mem_free(all->heads[by]);
		all->heads[by] = heads[by];
	}
	all->buckets *= 2;
	for (struct enrolled *e = all->newest; e; e = e->older)
		link_all(all, e);
out:
	return err;
}

err_t credentials_init(struct credentials *all, const struct hash_key *key)
{
	*all = (struct credentials){ .buckets = BUCKETS_FIRST, .key = *key };
	return new_heads(all->heads, all->buckets);
}

void credentials_free(struct credentials *all)
{
	while (all->newest) {
		struct enrolled *e = all->newest;

		all->newest = e->older;
		mem_free(e);
	}
	for (int by = 0; by < ENROLLED_LINKS; by++)
		mem_free(all->heads[by]);
	*all = (struct credentials){ 0 };
}

err_t credentials_add(struct credentials *all, const struct credential *c, struct enrolled **out)
{
	struct enrolled *e;
	err_t err = ERR_OK;

	if (all->n >= CREDENTIALS_MAX)
		return ERR_LIMIT;
	if (all->n >= all->buckets)
		TRY(grow(all));
	e = mem_new(1, sizeof(*e));
	if (!e)
		return ERR_MEMORY;
	e->c = *c;
	e->older = all->newest;
	all->newest = e;
	link_all(all, e);
	all->n++;
	*out = e;
out:
	return err;
}

void credentials_change(struct credentials *all, struct enrolled *e, const struct credential *c)
{
	unlink_all(all, e);
	e->c = *c;
	link_all(all, e);
}

void credentials_remove(struct credentials *all, struct enrolled *e)
{
	struct enrolled **at = &all->newest;

	unlink_all(all, e);
	while (*at != e)
		at = &(*at)->older;
	*at = e->older;
	all->n--;
	mem_free(e);
}

err_t registry_entity_live(struct registry *r, struct bytes entity, int64_t now, bool *known,
                           bool *live)
{
	struct enrolled *e = NULL;

	*known = *live = false;
	while (!*live && (e = credentials_of_entity(&r->credentials, entity, e)) != NULL) {
		*known = true;
		*live = !e->c.revoked && e->c.not_after > now;
	}
	return ERR_OK;
}

void registry_terms(struct registry *r, struct bytes entity, int64_t now, struct entity_terms *out)
{
	enum { STRICT = 1 }; /* of enum replay_mode */
	struct enrolled *e = NULL;
	bool revoked = false, live = false;
	int64_t first = INT64_MAX;

	*out = (struct entity_terms){ .dead = false };
	while ((e = credentials_of_entity(&r->credentials, entity, e)) != NULL) {
		revoked |= e->c.revoked;
		out->enrolled |= !e->c.revoked;
		if (e->c.revoked || e->c.not_after <= now)
			continue;
		live = true;
		if (e->c.replay_mode == STRICT)
			out->replay_mode = STRICT;
		if (e->c.app_id[0] && e->c.enrolled < first) {
			first = e->c.enrolled;
			must(bytes_put_str(out->app_id, sizeof(out->app_id), bytes_str(e->c.app_id)) == ERR_OK);
		}
	}
	out->dead = revoked && !live;
}

static err_t load_one(void *self, struct bytes key, struct bytes value)
{
	struct credentials *all = self;
	struct enrolled *e;
	struct credential c;
	err_t err;

	TRY(credential_read(value, &c));
	if (!bytes_equal(key, bytes_str(c.id)))
		return ERR_TAMPERED;
	TRY(credentials_add(all, &c, &e));
out:
	return err;
}

err_t credentials_load(struct credentials *all, struct store *s)
{
	return store_record_walk(s, STORE_CREDENTIAL, load_one, all);
}

/* Else whoever has something undone would have fresh bounds. */
void credentials_keep_usage(const struct credentials *was, struct credentials *is)
{
	for (const struct enrolled *e = was->newest; e; e = e->older) {
		struct enrolled *now = credentials_by_id(is, bytes_str(e->c.id));

		if (now)
			now->usage = e->usage;
	}
}
