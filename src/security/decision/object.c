/* object.c: accessControlObjectDetails: which child may be created where
 * [TS-0003 7.1.3]. For mgmtObj (13) and flexContainer (28) as `ty` the
 * specialization must be named too. */
#include "security/decision/rule.h"

#include "primitive/resource_type.h"

static enum verdict type_listed(const struct cbor *item, const struct decision_facts *f)
{
	if (item->kind != CBOR_UINT)
		return VERDICT_MALFORMED;
	return item->u == f->create_type ? VERDICT_YES : VERDICT_NO;
}

/* The one member of the choice, or the value itself. */
static bool specialization_value(struct cbor *spty)
{
	struct bytes key;
	bool found;

	if (spty->kind == CBOR_MAP && (spty->u != 1 || cbor_pair(&spty->s, &key, spty, &found) != ERR_OK ||
	                               !(bytes_equal(key, BYTES("cnd")) || bytes_equal(key, BYTES("mgd")))))
		return false;
	return spty->kind == CBOR_UINT || spty->kind == CBOR_TEXT;
}

/* spty is the mgmtDefinition, a number, or the containerDefinition, a text. */
static bool specialization_matches(const struct cbor *spty, struct bytes have)
{
	uint64_t number;

	if (spty->kind == CBOR_TEXT)
		return bytes_equal(spty->s, have);
	return bytes_to_u64(have, UINT64_MAX, &number) == ERR_OK && number == spty->u;
}

static enum verdict detail_allows(const struct cbor *detail, const struct decision_facts *f)
{
	static const char *const names[] = { "ty", "spty", "chty" };
	bool has[3] = { false, false, false }, found;
	struct cbor ty, spty, chty;
	struct cbor *const parts[3] = { &ty, &spty, &chty };
	enum verdict listed;
	size_t seen = 0;

	if (detail->kind != CBOR_MAP)
		return VERDICT_MALFORMED;
	for (size_t i = 0; i < 3; i++) {
		if (cbor_find(detail->raw, bytes_str(names[i]), parts[i], &found) != ERR_OK)
			return VERDICT_MALFORMED;
		has[i] = found;
		seen += found;
	}
	if (seen != detail->u || !has[2] || (has[0] && ty.kind != CBOR_UINT) ||
	    (has[1] && !specialization_value(&spty)))
		return VERDICT_MALFORMED;
	if (has[0] && !has[1] && (ty.u == TYPE_MGMT_OBJ || ty.u == TYPE_FLEX_CONTAINER))
		return VERDICT_MALFORMED;
	listed = rule_any_of(&chty, type_listed, f);
	if (listed != VERDICT_YES)
		return listed;
	if (has[0] && ty.u != f->resource_type)
		return VERDICT_NO;
	if (has[1] && !specialization_matches(&spty, f->specialization))
		return VERDICT_NO;
	return VERDICT_YES;
}

enum verdict rule_objects(const struct cbor *acod, const struct decision_facts *f)
{
	return rule_any_of(acod, detail_allows, f);
}
