/* admin_access.c: who may do what at the CSEBase itself, and at MAF and MEF. A closed node's
 * CSEBase has no policy, and no request can give it one (4005): the operator does, rule by
 * rule, in one accessControlPolicy for each, cse/base-access, that belongs to the node. To
 * whom a rule grants something is decided by the same decision as everywhere. */
#include "resource/trust.h"
#include "role/core/core.h"

enum {
	BASE = 1, RULES_MAX = 64, TYPES_MAX = 16, ORIGINATOR_MAX = 256,
	POLICY_MAX = 65536, OPERATIONS_ALL = 63
};

/* Names of the policies, by place. */
static const char *const policies[TRUST_PLACES] = { "base-access", "maf-access", "mef-access" };

static err_t refuse(struct admin *a, err_t err, const char *text)
{
	admin_say(a, text);
	return err;
}

/* --- the policy in the store -------------------------------------------------------- */

/* Content of the array pv.acr, a view into the row; empty without a policy. */
static err_t read_rules(struct core *c, enum trust_place place, uint64_t *id, struct cbor *rules)
{
	const struct store_row *row;
	struct cbor pv;
	bool found;
	err_t err;

	*rules = (struct cbor){ .kind = CBOR_ARRAY };
	TRY(store_find_child(c->store, BASE, bytes_str(policies[place]), id));
	if (*id == 0)
		return ERR_OK;
	TRY(store_get(c->store, *id, &row));
	TRY(row && row->type == TYPE_ACP ? ERR_OK : ERR_BAD_STATE);
	TRY(cbor_find(row->body, BYTES("pv"), &pv, &found));
	TRY(found && pv.kind == CBOR_MAP ? ERR_OK : ERR_TAMPERED);
	if (pv.u == 0) /* empty privileges */
		return ERR_OK;
	TRY(cbor_find(pv.raw, BYTES("acr"), rules, &found));
	TRY(found && rules->kind == CBOR_ARRAY ? ERR_OK : ERR_TAMPERED);
out:
	return err;
}

static err_t put_one(struct buf *out, struct bytes key, struct bytes value)
{
	struct cbor_member m = { key, value };

	return cbor_put_members(out, &m, 1);
}

/* { "acr": [ rules ] } */
static err_t put_set(struct buf *out, size_t n, struct bytes rules)
{
	struct buf array = buf_make(POLICY_MAX);
	err_t err;

	TRY(cbor_put_array(&array, n));
	TRY(buf_add(&array, rules));
	TRY(put_one(out, BYTES("acr"), bytes_of_buf(&array)));
out:
	buf_free(&array);
	return err;
}

/* The node itself governs the policy: there has to be one rule. */
static err_t put_self(struct core *c, struct buf *out)
{
	const struct cse_identity *cse = resources_cse(c->room.resources);
	struct buf originators = buf_make(ORIGINATOR_MAX), operations = buf_make(8), rule = buf_make(512);
	struct cbor_member m[2];
	err_t err;

	TRY(cbor_put_array(&originators, 1));
	TRY(cbor_put_text(&originators, cse->cse_id));
	TRY(cbor_put_uint(&operations, OPERATIONS_ALL));
	m[0] = (struct cbor_member){ BYTES("acor"), bytes_of_buf(&originators) };
	m[1] = (struct cbor_member){ BYTES("acop"), bytes_of_buf(&operations) };
	TRY(cbor_put_members(&rule, m, 2));
	TRY(put_set(out, 1, bytes_of_buf(&rule)));
out:
	buf_free(&originators);
	buf_free(&operations);
	buf_free(&rule);
	return err;
}

/* {"m2m:acp": {...}}: privileges of n rules; on creation (name not NULL) name and
 * selfPrivileges too. */
static err_t put_policy(struct core *c, const char *name, size_t n, struct bytes rules, struct buf *out)
{
	struct buf pv = buf_make(POLICY_MAX), pvs = buf_make(1024), rn = buf_make(64);
	struct buf policy = buf_make(POLICY_MAX);
	struct cbor_member m[3];
	size_t members = 1;
	err_t err;

	TRY(put_set(&pv, n, rules));
	m[0] = (struct cbor_member){ BYTES("pv"), bytes_of_buf(&pv) };
	if (name) {
		TRY(put_self(c, &pvs));
		TRY(cbor_put_text(&rn, bytes_str(name)));
		m[members++] = (struct cbor_member){ BYTES("pvs"), bytes_of_buf(&pvs) };
		m[members++] = (struct cbor_member){ BYTES("rn"), bytes_of_buf(&rn) };
	}
	TRY(cbor_put_members(&policy, m, members));
	TRY(put_one(out, BYTES("m2m:acp"), bytes_of_buf(&policy)));
out:
	buf_free(&pv);
	buf_free(&pvs);
	buf_free(&rn);
	buf_free(&policy);
	return err;
}

static err_t link_policy(struct core *c, const struct permit *system, enum trust_place place)
{
	struct buf address = buf_make(ORIGINATOR_MAX);
	struct bytes link;
	uint64_t base;
	err_t err;

	TRY(trust_base(c->room.resources, place, &base));
	TRY(buf_printf(&address, "%.*s/%s", BYTES_FMT(resources_cse(c->room.resources)->cse_name),
	               policies[place]));
	link = bytes_of_buf(&address);
	TRY(resource_link(c->room.resources, system, base, &link, 1, c->now));
out:
	buf_free(&address);
	return err;
}

/* The rules as they are to be, through the engine: checked as any policy is. */
static err_t write_rules(struct admin *a, enum trust_place place, uint64_t id, size_t n, struct bytes rules)
{
	struct core *c = a->core;
	const struct permit *system = permit_for_system("access to a base");
	struct request_primitive request = { .operation = id ? OPERATION_UPDATE : OPERATION_CREATE,
		.type = TYPE_ACP, .has_content = true, .result_content = 0 };
	struct target target = { .place = TARGET_HERE, .id = id ? id : BASE,
		                 .type = id ? TYPE_ACP : 5 };
	struct resource_ask ask = { .request = &request, .target = &target, .permit = system,
		                    .arena = &c->room.arena, .now = c->now };
	struct buf content = buf_make(POLICY_MAX), answer = buf_make(POLICY_MAX);
	struct outcome outcome = { 0 };
	err_t err;

	arena_reset(&c->room.arena);
	resource_begin(c->room.resources);
	TRY(put_policy(c, id ? NULL : policies[place], n, rules, &content));
	request.content = bytes_of_buf(&content);
	TRY(id ? resource_update(c->room.resources, &ask, &answer, &outcome)
	       : resource_create(c->room.resources, &ask, &answer, &outcome));
	if (!status_is_success(outcome.status)) {
		err = refuse(a, ERR_SYNTAX, outcome.what ? outcome.what : "no such rule can be made");
		goto out;
	}
	if (!id)
		TRY(link_policy(c, system, place));
out:
	buf_free(&content);
	buf_free(&answer);
	return err;
}

/* --- the commands --------------------------------------------------------------------- */

/* acod: only these types may be created. */
static err_t put_types(const uint32_t *types, size_t n, struct buf *out)
{
	struct buf list = buf_make(256), detail = buf_make(256);
	err_t err;

	TRY(cbor_put_array(&list, n));
	for (size_t i = 0; i < n; i++)
		TRY(cbor_put_uint(&list, types[i]));
	TRY(put_one(&detail, BYTES("chty"), bytes_of_buf(&list)));
	TRY(cbor_put_array(out, 1));
	TRY(buf_add(out, bytes_of_buf(&detail)));
out:
	buf_free(&list);
	buf_free(&detail);
	return err;
}

struct grant {
	enum trust_place place;
	struct bytes originator;
	unsigned operations;
	uint32_t types[TYPES_MAX];
	size_t types_n;
};

/* accessControlAuthenticationFlag is always set: nobody without an association. */
static err_t put_rule(const struct grant *g, struct buf *out)
{
	struct buf flag = buf_make(4), originators = buf_make(512), operations = buf_make(8), types = buf_make(512);
	struct cbor_member m[4];
	size_t n = 0;
	err_t err;

	TRY(cbor_put_bool(&flag, true));
	TRY(cbor_put_array(&originators, 1));
	TRY(cbor_put_text(&originators, g->originator));
	TRY(cbor_put_uint(&operations, g->operations));
	m[n++] = (struct cbor_member){ BYTES("acaf"), bytes_of_buf(&flag) };
	m[n++] = (struct cbor_member){ BYTES("acor"), bytes_of_buf(&originators) };
	m[n++] = (struct cbor_member){ BYTES("acop"), bytes_of_buf(&operations) };
	if (g->types_n) {
		TRY(put_types(g->types, g->types_n, &types));
		m[n++] = (struct cbor_member){ BYTES("acod"), bytes_of_buf(&types) };
	}
	TRY(cbor_put_members(out, m, n));
out:
	buf_free(&flag);
	buf_free(&originators);
	buf_free(&operations);
	buf_free(&types);
	return err;
}

/* The last field, which may be left out: the CSEBase. */
static err_t read_place(struct admin *a, enum trust_place *place)
{
	unsigned n = a->in.rest.n ? wire_get_u8(&a->in) : TRUST_CSE;
	uint64_t base;
	err_t err;

	TRY(wire_done(&a->in));
	if (n >= TRUST_PLACES)
		return ERR_SYNTAX;
	*place = (enum trust_place)n;
	TRY(trust_base(a->core->room.resources, *place, &base));
	if (!base)
		err = refuse(a, ERR_MISSING, "it is not open on this node");
out:
	return err;
}

static err_t read_grant(struct admin *a, struct grant *g)
{
	err_t err;

	g->originator = wire_get_bytes(&a->in, ORIGINATOR_MAX);
	g->operations = wire_get_u8(&a->in);
	g->types_n = wire_get_u8(&a->in);
	if (g->types_n > TYPES_MAX)
		return refuse(a, ERR_LIMIT, "too many types");
	for (size_t i = 0; i < g->types_n; i++)
		g->types[i] = wire_get_u32(&a->in);
	TRY(read_place(a, &g->place));
	if (g->originator.n == 0 || !bytes_is_printable(g->originator))
		return refuse(a, ERR_SYNTAX, "an originator is an AE-ID, a CSE-ID, an SP-ID, a group or \"all\"");
	if (g->operations == 0 || g->operations > OPERATIONS_ALL)
		return refuse(a, ERR_RANGE, "operations are letters of CRUDNL");
	TRY(bytes_put_str(a->subject, sizeof(a->subject),
	                  bytes_sub(g->originator, 0, sizeof(a->subject) - 1)));
out:
	return err;
}

err_t admin_access_grant(struct admin *a)
{
	struct buf rules = buf_make(POLICY_MAX);
	struct grant g = { .types_n = 0 };
	struct cbor before;
	uint64_t id;
	err_t err;

	TRY(read_grant(a, &g));
	TRY(read_rules(a->core, g.place, &id, &before));
	if (before.u >= RULES_MAX) {
		err = refuse(a, ERR_FULL, "there are as many rules as may be");
		goto out;
	}
	TRY(buf_add(&rules, before.s));
	TRY(put_rule(&g, &rules));
	TRY(write_rules(a, g.place, id, (size_t)before.u + 1, bytes_of_buf(&rules)));
out:
	buf_free(&rules);
	return err;
}

err_t admin_access_withdraw(struct admin *a)
{
	struct buf rules = buf_make(POLICY_MAX);
	uint32_t number = wire_get_u32(&a->in);
	struct cbor before, rule;
	enum trust_place place;
	struct bytes rest;
	uint64_t id;
	err_t err;

	TRY(read_place(a, &place));
	TRY(text_print(a->subject, sizeof(a->subject), "rule %u", number) ? ERR_OK : ERR_LIMIT);
	TRY(read_rules(a->core, place, &id, &before));
	if (number == 0 || number > before.u) {
		err = refuse(a, ERR_MISSING, "there is no rule of this number");
		goto out;
	}
	rest = before.s;
	for (uint64_t i = 1; i <= before.u; i++) {
		TRY(cbor_next(&rest, &rule));
		if (i != number)
			TRY(buf_add(&rules, rule.raw));
	}
	TRY(write_rules(a, place, id, (size_t)before.u - 1, bytes_of_buf(&rules)));
out:
	buf_free(&rules);
	return err;
}

/* { "number": n, and the rule as it stands } */
static err_t rule_row(struct admin *a, uint64_t number, const struct cbor *rule)
{
	struct cbor_member m[16] = { { BYTES("number"), BYTES_NONE } };
	struct buf count = buf_make(16), map = buf_make(POLICY_MAX);
	struct bytes content = rule->s, key;
	struct cbor value;
	size_t n = 1;
	bool found;
	err_t err;

	TRY(cbor_put_uint(&count, number));
	m[0].value = bytes_of_buf(&count);
	while (n < COUNT_OF(m)) {
		TRY(cbor_pair(&content, &key, &value, &found));
		if (!found)
			break;
		m[n++] = (struct cbor_member){ key, value.raw };
	}
	TRY(cbor_put_members(&map, m, n));
	TRY(admin_encoded_row_out(a, bytes_of_buf(&map)));
out:
	buf_free(&count);
	buf_free(&map);
	return err;
}

err_t admin_access_list(struct admin *a)
{
	struct cbor rules, rule;
	enum trust_place place;
	struct bytes rest;
	uint64_t id;
	err_t err;

	TRY(read_place(a, &place));
	TRY(read_rules(a->core, place, &id, &rules));
	rest = rules.s;
	for (uint64_t i = 1; i <= rules.u; i++) {
		TRY(cbor_next(&rest, &rule));
		TRY(rule_row(a, i, &rule));
	}
out:
	return err;
}
