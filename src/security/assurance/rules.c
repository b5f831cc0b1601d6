/* rules.c: which level a request needs. A rule is a canonical CBOR map in the store
 * under its number (doc/protocol/store.md); they are few, and all in memory.
 *
 * A rule that cannot be judged applies: the stricter side. A rule stays when the
 * resource it names is deleted: who makes it anew finds it guarded. */
#include "security/assurance/assurance.h"

#include "codec/cbor.h"
#include "primitive/context.h"

enum { RECORD_MAX = 1024, KEY_MAX = 16, LEVEL_MIN = 2, LEVEL_MAX = 4, OPERATIONS_ALL = 63 };

struct assurance_rules {
	struct store *store;
	size_t n;
	uint32_t last; /* number given last */
	struct assurance_rule rule[ASSURANCE_RULES_MAX];
};

/* --- the record ------------------------------------------------------------------- */

struct field {
	const char *key;
	size_t at, size;
	bool text;
};
#define TEXT(key, member) { key, offsetof(struct assurance_rule, member), \
	sizeof(((struct assurance_rule *)0)->member), true }
#define NUMBER(key, member) { key, offsetof(struct assurance_rule, member), \
	sizeof(((struct assurance_rule *)0)->member), false }

/* In canonical order. Every number is 32 bits wide. */
static const struct field fields[] = {
	TEXT("du", during), NUMBER("lv", level), NUMBER("nr", number), NUMBER("op", operations),
	TEXT("ou", outside), TEXT("to", address), NUMBER("ty", type),
};

static err_t field_write(const struct assurance_rule *rule, const struct field *f, struct buf *out)
{
	const uint8_t *p = (const uint8_t *)rule + f->at;
	uint32_t number;

	if (f->text)
		return cbor_put_text(out, bytes_str((const char *)p));
	bytes_copy(&number, p, sizeof(number));
	return cbor_put_uint(out, number);
}

static err_t rule_write(const struct assurance_rule *rule, struct buf *out)
{
	err_t err;

	TRY(cbor_put_map(out, COUNT_OF(fields)));
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		TRY(cbor_put_text(out, bytes_str(fields[i].key)));
		TRY(field_write(rule, &fields[i], out));
	}
out:
	return err;
}

static err_t field_read(struct assurance_rule *rule, const struct field *f, const struct cbor *v)
{
	uint8_t *p = (uint8_t *)rule + f->at;
	uint32_t number = (uint32_t)v->u;

	if (v->kind != (f->text ? CBOR_TEXT : CBOR_UINT) || (!f->text && v->u > UINT32_MAX))
		return ERR_TAMPERED;
	if (f->text)
		return bytes_put_str((char *)p, f->size, v->s);
	bytes_copy(p, &number, sizeof(number));
	return ERR_OK;
}

static err_t rule_read(struct bytes map, struct assurance_rule *out)
{
	err_t err = ERR_OK;

	*out = (struct assurance_rule){ 0 };
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		struct cbor v;
		bool found;

		TRY(cbor_find(map, bytes_str(fields[i].key), &v, &found));
		TRY(found ? field_read(out, &fields[i], &v) : ERR_TAMPERED);
	}
out:
	return err == ERR_OK ? ERR_OK : ERR_TAMPERED;
}

/* --- the set ---------------------------------------------------------------------- */

static err_t load_one(void *self, struct bytes key, struct bytes value)
{
	struct assurance_rules *r = self;
	struct assurance_rule *rule = &r->rule[r->n];
	uint64_t number;
	err_t err;

	if (bytes_equal(key, BYTES("last"))) {
		TRY(bytes_to_u64(value, UINT32_MAX, &number));
		r->last = (uint32_t)number;
		return ERR_OK;
	}
	TRY(r->n < ASSURANCE_RULES_MAX ? ERR_OK : ERR_TAMPERED);
	TRY(rule_read(value, rule));
	r->n++;
out:
	return err == ERR_OK ? ERR_OK : ERR_TAMPERED;
}

err_t assurance_reload(struct assurance_rules *r)
{
	r->n = 0;
	r->last = 0;
	return store_record_walk(r->store, STORE_ASSURANCE, load_one, r);
}

err_t assurance_open(struct store *s, struct assurance_rules **out)
{
	struct assurance_rules *r = mem_new(1, sizeof(*r));
	err_t err;

	*out = NULL;
	TRY(r ? ERR_OK : ERR_MEMORY);
	r->store = s;
	TRY(assurance_reload(r));
	*out = r;
	r = NULL;
out:
	assurance_close(r);
	return err;
}

void assurance_close(struct assurance_rules *r)
{
	mem_free(r);
}

/* "10.0.0.0/8" or "2001:db8::/32", by its colons. */
static unsigned octets_of(struct bytes network)
{
	return bytes_find(network, ':') < network.n ? 16 : 4;
}

static err_t check(const struct assurance_rule *rule)
{
	struct bytes outside = bytes_str(rule->outside), during = bytes_str(rule->during);

	if (rule->level < LEVEL_MIN || rule->level > LEVEL_MAX)
		return ERR_RANGE;
	if (rule->operations > OPERATIONS_ALL || !rule->address[0] ||
	    !bytes_is_printable(bytes_str(rule->address)))
		return ERR_SYNTAX;
	if (outside.n && network_holds(outside, octets_of(outside), BYTES_NONE) == VERDICT_MALFORMED)
		return ERR_SYNTAX;
	if (during.n && schedule_holds(during, 0) == VERDICT_MALFORMED)
		return ERR_SYNTAX;
	return ERR_OK;
}

static err_t key_of(uint32_t number, struct buf *out)
{
	return buf_printf(out, "%u", number);
}

static err_t put_last(struct assurance_rules *r)
{
	struct buf value = buf_make(KEY_MAX);
	err_t err;

	TRY(key_of(r->last, &value));
	TRY(store_record_put(r->store, STORE_ASSURANCE, BYTES("last"), bytes_of_buf(&value)));
out:
	buf_free(&value);
	return err;
}

err_t assurance_require(struct assurance_rules *r, struct assurance_rule *rule)
{
	struct buf key = buf_make(KEY_MAX), value = buf_make(RECORD_MAX);
	err_t err;

	TRY(check(rule));
	TRY(r->n < ASSURANCE_RULES_MAX && r->last < UINT32_MAX ? ERR_OK : ERR_FULL);
	rule->number = ++r->last;
	TRY(put_last(r));
	TRY(key_of(rule->number, &key));
	TRY(rule_write(rule, &value));
	TRY(store_record_put(r->store, STORE_ASSURANCE, bytes_of_buf(&key), bytes_of_buf(&value)));
	r->rule[r->n++] = *rule;
out:
	buf_free(&key);
	buf_free(&value);
	return err;
}

err_t assurance_remove(struct assurance_rules *r, uint32_t number)
{
	struct buf key = buf_make(KEY_MAX);
	size_t at = 0;
	err_t err;

	while (at < r->n && r->rule[at].number != number)
		at++;
	TRY(at < r->n ? ERR_OK : ERR_MISSING);
	TRY(key_of(number, &key));
	TRY(store_record_delete(r->store, STORE_ASSURANCE, bytes_of_buf(&key)));
	r->rule[at] = r->rule[--r->n];
out:
	buf_free(&key);
	return err;
}

size_t assurance_count(const struct assurance_rules *r)
{
	return r->n;
}

const struct assurance_rule *assurance_rule(const struct assurance_rules *r, size_t index)
{
	return index < r->n ? &r->rule[index] : NULL;
}

/* --- judging ------------------------------------------------------------------------ */

/* The resource itself and all below. */
static bool within(struct bytes address, struct bytes root)
{
	return bytes_starts(address, root) && (address.n == root.n || address.p[root.n] == '/');
}

static bool in_context(const struct assurance_rule *rule, const struct context_facts *c)
{
	struct bytes outside = bytes_str(rule->outside), during = bytes_str(rule->during);

	if (outside.n && network_holds(outside, octets_of(outside), bytes_make(c->address, c->address_n)) == VERDICT_YES)
		return false;
	return during.n == 0 || schedule_holds(during, c->now) != VERDICT_NO;
}

static bool applies(const struct assurance_rule *rule, const struct decision_facts *f,
                    struct bytes address)
{
	if (!within(address, bytes_str(rule->address)))
		return false;
	if (rule->operations && !(rule->operations & f->operation))
		return false;
	if (rule->type && rule->type != f->resource_type && rule->type != f->create_type)
		return false;
	return in_context(rule, &f->context);
}

unsigned assurance_needed(const struct assurance_rules *r, const struct decision_facts *f,
                          struct bytes address)
{
	unsigned level = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (r->rule[i].level > level && applies(&r->rule[i], f, address))
			level = r->rule[i].level;
	}
	return level;
}
