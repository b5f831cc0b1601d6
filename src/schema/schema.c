/* schema.c: the table of resource types; what is composed from rows.
 *
 * Composed are the specializations (rows of the general type and their own) and
 * the announced variants [TS-0001 9.6.26; TS-0004 7.4.x.1]: number 10000 + n,
 * short name + "A", the attributes that may be announced, and the link. */
#include "schema/inner.h"

#include "base/hash.h"

#define TYPE(short_name, how) extern const struct resource_type resource_type_##short_name;
#include "schema/types.def"
#undef TYPE

static const struct resource_type *const built[] = {
#define TYPE(short_name, how) &resource_type_##short_name,
#include "schema/types.def"
#undef TYPE
};

enum { NUMBERS = 256, BUCKETS = 1024 };

/* Types by a name: chains of positions in `all`, oldest first; 0 ends. */
struct chains {
	uint16_t first[BUCKETS], last[BUCKETS], next[COUNT_OF(built) + TYPES_MAX + 1];
};

static struct {
	bool ready;
	struct resource_type types[TYPES_MAX];
	size_t types_n;
	struct attribute rows[COMPOSED_ROWS_MAX];
	size_t rows_n;
	char text[TYPES_MAX * 512]; /* names that are no literals */
	size_t text_n;
	const struct resource_type *all[COUNT_OF(built) + TYPES_MAX];
	size_t all_n;
	const struct resource_type *by_number[2][NUMBERS]; /* [1]: announced */
	bool is_parent[2][NUMBERS];
	struct chains names, selectors; /* member names; what chooses a specialization */
} schema;

/* --- finding by name ------------------------------------------------------------------ */

static size_t bucket_of(struct bytes name)
{
	static const struct hash_key fixed; /* what is in the table is ours */

	return hash_bytes(&fixed, name) % BUCKETS;
}

static void chain_add(struct chains *c, size_t bucket)
{
	uint16_t position = (uint16_t)schema.all_n; /* of the newest, from 1 */

	if (c->last[bucket])
		c->next[c->last[bucket]] = position;
	else
		c->first[bucket] = position;
	c->last[bucket] = position;
}

static const struct resource_type *chain_at(uint16_t position)
{
	return position ? schema.all[position - 1] : NULL;
}

static void list_type(const struct resource_type *t)
{
	schema.all[schema.all_n++] = t;
	chain_add(&schema.names, bucket_of(bytes_str(t->short_name)));
	if (t->definition)
		chain_add(&schema.selectors, bucket_of(bytes_str(t->definition)));
	else if (t->management)
		chain_add(&schema.selectors, t->management % BUCKETS);
}

/* --- announced variants ---------------------------------------------------------------- */

/* What every announced resource has, whatever its original. */
static const struct attribute announced_rows[] = {
	{ "rn", "resourceName", V_NAME, OPT, NP, NP, F_COLUMN | F_ONCE | F_MARK, 0 },
	{ "ty", "resourceType", V_UINT, NP, NP, NP, F_COLUMN | F_SERVER, 0 },
	{ "ri", "resourceID", V_STRING, NP, NP, NP, F_COLUMN | F_SERVER, 0 },
	{ "pi", "parentID", V_STRING, NP, NP, NP, F_COLUMN | F_SERVER, 0 },
	{ "ct", "creationTime", V_TIMESTAMP, NP, NP, NP, F_COLUMN | F_SERVER, 0 },
	{ "lt", "lastModifiedTime", V_TIMESTAMP, NP, NP, NP, F_COLUMN | F_SERVER, 0 },
	{ "et", "expirationTime", V_TIMESTAMP, OPT, OPT, NP, F_COLUMN, 0 },
	{ "acpi", "accessControlPolicyIDs", V_LIST_URI, OPT, OPT, NP, F_POLICY, 16 },
	{ "lbl", "labels", V_LIST_STRING, OPT, OPT, NP, F_INDEX, 0 },
	{ "daci", "dynamicAuthorizationConsultationIDs", V_LIST_URI, OPT, OPT, NP, 0, 0 },
	{ "lnk", "link", V_URI, MAN, NP, NP, F_ONCE | F_INDEX, 0 },
	{ "ast", "announcementSyncType", V_ENUM, OPT, OPT, NP, 0, 2 },
};

/* Originals stand below these too when announced. */
static const uint32_t announced_parents[] = {
	TYPE_CSE_BASE, TYPE_REMOTE_CSE, TYPE_AE_ANNOUNCED, TYPE_CSE_BASE_ANNOUNCED, TYPE_ANNOUNCED + TYPE_REMOTE_CSE,
};

static char *text_take(const char *s, const char *suffix)
{
	size_t n = bytes_str(s).n, m = bytes_str(suffix).n;
	char *out = schema.text + schema.text_n;

	if (sizeof(schema.text) - schema.text_n < n + m + 1)
		return NULL;
	bytes_copy(out, s, n);
	bytes_copy(out + n, suffix, m);
	out[n + m] = '\0';
	schema.text_n += n + m + 1;
	return out;
}

const char *schema_text(struct bytes text)
{
	char *out = schema.text + schema.text_n;

	if (sizeof(schema.text) - schema.text_n <= text.n)
		return NULL;
	bytes_copy(out, text.p, text.n);
	out[text.n] = '\0';
	schema.text_n += text.n + 1;
	return out;
}

static bool is_among(const struct attribute *rows, size_t n, const char *short_name)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes_equal(bytes_str(rows[i].short_name), bytes_str(short_name)))
			return true;
	}
	return false;
}

static err_t row_take(const struct attribute *a)
{
	if (schema.rows_n == COMPOSED_ROWS_MAX)
		return ERR_LIMIT;
	schema.rows[schema.rows_n++] = *a;
	return ERR_OK;
}

static err_t type_take(const struct resource_type *t)
{
	if (schema.types_n == TYPES_MAX || t->attributes_n > TYPE_ROWS_MAX)
		return ERR_LIMIT;
	schema.types[schema.types_n] = *t;
	list_type(&schema.types[schema.types_n++]);
	return ERR_OK;
}

/* The original's attributes that may be announced, as they come from its CSE. What the original
 * cannot be without, and is always announced, comes always [TS-0004 table 7.4.26.1-3]. */
static err_t announced_attributes(const struct resource_type *original)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(announced_rows); i++)
		TRY(row_take(&announced_rows[i]));
	for (size_t i = 0; i < original->attributes_n; i++) {
		struct attribute a = original->attributes[i];

		if (a.announce == NP ||
		    is_among(announced_rows, COUNT_OF(announced_rows), a.short_name))
			continue;
		a.create = a.announce == MAN && a.create == MAN ? MAN : OPT;
		a.update = OPT;
		a.flags &= F_INDEX | F_PERSON | F_MARK | F_TEXT | F_REPEAT;
		a.announce = NP;
		TRY(row_take(&a));
	}
out:
	return err;
}

static err_t announce(const struct resource_type *original)
{
	struct resource_type t = { .number = TYPE_ANNOUNCED + original->number, .base = original };
	const struct attribute *rows = schema.rows + schema.rows_n;
	err_t err;

	t.name = text_take(original->name, "Annc");
	t.short_name = text_take(original->short_name, "A");
	if (!t.name || !t.short_name)
		return ERR_LIMIT;
	TRY(announced_attributes(original));
	t.attributes = rows;
	t.attributes_n = (size_t)(schema.rows + schema.rows_n - rows);
	t.parents = announced_parents;
	t.parents_n = COUNT_OF(announced_parents);
	t.selector = original->selector;
	t.prefix = original->prefix;
	t.definition = original->definition;
	t.management = original->management;
	TRY(type_take(&t));
out:
	return err;
}

/* --- specializations ---------------------------------------------------------------------- */

static err_t special_attributes(const struct resource_type *general, const struct specialization *s)
{
	err_t err = ERR_OK;

	/* A row of its own takes the place of a general one of that name. */
	for (size_t i = 0; i < general->attributes_n; i++) {
		if (!is_among(s->rows, s->rows_n, general->attributes[i].short_name))
			TRY(row_take(&general->attributes[i]));
	}
	for (size_t i = 0; i < s->rows_n; i++)
		TRY(row_take(&s->rows[i]));
out:
	return err;
}

static bool is_taken(const struct resource_type *general, const struct specialization *s)
{
	struct cbor selector = { .kind = s->definition ? CBOR_TEXT : CBOR_UINT, .u = s->management,
		                 .s = bytes_str(s->definition ? s->definition : "") };

	return type_specialization(general, &selector) != NULL;
}

static err_t compose(const struct resource_type *general, const struct specialization *s)
{
	const struct attribute *rows = schema.rows + schema.rows_n;
	struct resource_type t = *general;
	err_t err;

	TRY(special_attributes(general, s));
	t.name = s->name;
	t.short_name = s->short_name;
	t.attributes = rows;
	t.attributes_n = (size_t)(schema.rows + schema.rows_n - rows);
	t.prefix = s->prefix;
	t.definition = s->definition;
	t.management = s->management;
	t.base = general;
	TRY(type_take(&t));
out:
	return err;
}

static err_t specialize(const struct resource_type *general, const struct specialization *s)
{
	err_t err;

	if (is_taken(general, s))
		return ERR_DUPLICATE;
	TRY(compose(general, s));
	if (general->announced)
		TRY(announce(&schema.types[schema.types_n - 1]));
	if (general->instances)
		TRY(compose(resource_type(general->instances), s));
out:
	return err;
}

/* --- the table ------------------------------------------------------------------------------- */

static void note_parents(const struct resource_type *t)
{
	for (size_t i = 0; i < t->parents_n; i++) {
		uint32_t n = t->parents[i], high = n >= TYPE_ANNOUNCED;

		must(n - high * TYPE_ANNOUNCED < NUMBERS);
		schema.is_parent[high][n - high * TYPE_ANNOUNCED] = true;
	}
}

/* Once, before the first look. What is compiled in always fits. */
static void prepare(void)
{
	if (schema.ready)
		return;
	schema.ready = true;
	for (size_t i = 0; i < COUNT_OF(built); i++) {
		must(built[i]->number < NUMBERS && built[i]->attributes_n <= TYPE_ROWS_MAX);
		list_type(built[i]);
		schema.by_number[0][built[i]->number] = built[i];
		note_parents(built[i]);
	}
	for (size_t i = 0; i < COUNT_OF(built); i++) {
		if (!built[i]->announced)
			continue;
		must(announce(built[i]) == ERR_OK);
		schema.by_number[1][built[i]->number] = &schema.types[schema.types_n - 1];
	}
	for (size_t i = 0; i < COUNT_OF(announced_parents); i++) {
		uint32_t n = announced_parents[i], high = n >= TYPE_ANNOUNCED;

		schema.is_parent[high][n - high * TYPE_ANNOUNCED] = true;
	}
	for (size_t i = 0; i < schema_management_n; i++)
		must(specialize(resource_type(13), &schema_management[i]) == ERR_OK);
}

err_t schema_specialize(const struct resource_type *general, const struct specialization *s)
{
	prepare();
	return specialize(general, s);
}

const struct resource_type *resource_type(uint32_t number)
{
	uint32_t high = number >= TYPE_ANNOUNCED, n = number - high * TYPE_ANNOUNCED;

	prepare();
	return n < NUMBERS ? schema.by_number[high][n] : NULL;
}

static bool is_member(const struct resource_type *t, struct bytes prefix, struct bytes name)
{
	return bytes_equal(name, bytes_str(t->short_name)) &&
	       bytes_equal(prefix, bytes_str(t->prefix ? t->prefix : "m2m"));
}

const struct resource_type *resource_type_named(struct bytes member)
{
	struct bytes name = member, prefix = bytes_cut(&name, ':');

	prepare();
	for (uint16_t i = name.n ? schema.names.first[bucket_of(name)] : 0; i; i = schema.names.next[i]) {
		if (is_member(chain_at(i), prefix, name))
			return chain_at(i);
	}
	return NULL;
}

const struct resource_type *type_specialization(const struct resource_type *general,
                                                const struct cbor *selector)
{
	size_t bucket = selector->kind == CBOR_UINT ? selector->u % BUCKETS : bucket_of(selector->s);

	prepare();
	for (uint16_t i = schema.selectors.first[bucket]; i; i = schema.selectors.next[i]) {
		const struct resource_type *t = chain_at(i);

		if (t->number != general->number || t == general)
			continue;
		if (selector->kind == CBOR_UINT && t->management && selector->u == t->management)
			return t;
		if (selector->kind == CBOR_TEXT && t->definition &&
		    bytes_equal(selector->s, bytes_str(t->definition)))
			return t;
	}
	return NULL;
}

size_t resource_types(const struct resource_type *const **out)
{
	*out = built;
	return COUNT_OF(built);
}

size_t schema_types(const struct resource_type *const **out)
{
	prepare();
	*out = schema.all;
	return schema.all_n;
}

err_t type_member(const struct resource_type *type, struct buf *out)
{
	err_t err;

	TRY(buf_add(out, type->prefix ? bytes_str(type->prefix) : BYTES("m2m")));
	TRY(buf_add_byte(out, ':'));
	err = buf_add(out, bytes_str(type->short_name));
out:
	return err;
}

const struct attribute *type_attribute(const struct resource_type *type, struct bytes short_name)
{
	for (size_t i = 0; short_name.n && i < type->attributes_n; i++) {
		if (bytes_is(short_name, type->attributes[i].short_name))
			return &type->attributes[i];
	}
	return NULL;
}

bool type_allows_parent(const struct resource_type *type, uint32_t parent)
{
	for (size_t i = 0; i < type->parents_n; i++) {
		if (type->parents[i] == parent)
			return true;
	}
	/* An announced resource stands below the announced parent of its original. */
	if (type->number >= TYPE_ANNOUNCED && parent >= TYPE_ANNOUNCED)
		return type_allows_parent(type->base, parent - TYPE_ANNOUNCED);
	return false;
}

bool type_has_children(const struct resource_type *type)
{
	uint32_t high = type->number >= TYPE_ANNOUNCED, n = type->number - high * TYPE_ANNOUNCED;

	prepare();
	return high || schema.is_parent[high][n];
}
