/* shape.c: the rows as XML needs them: what stands behind a name, where. */
#include "codec/xml.h"
#include "schema/inner.h"

enum { TOP, RESOURCE, COMPLEX };

/* References to children stand beside the attributes [TS-0004 6.3.5.29]. */
static const struct attribute references = { "ch", "childResource", V_STRUCTS, OPT, NP, NP, 0,
	                                     C_childResourceRef };

static struct xml_context inside(const struct attribute *a)
{
	struct xml_context top = { TOP, NULL }, in = { COMPLEX, NULL };

	if (a->kind == V_CONTENT)
		return top;
	in.of = schema_complex(a->kind == V_ACRS ? C_setOfAcrs : a->enum_max & UINT16_MAX);
	return in;
}

/* Attributes that many types have stand first [TS-0004 6.3.6], then the type's own in the order of
 * its table, then references to children, and children. */
static const char *const first[] = { "ty", "ri", "pi", "ct", "lt", "lbl", "acpi", "et", "daci",
	                             "at", "aa", "lnk", "st", "cr" };
enum { REFERENCES = COUNT_OF(first) + 4096, CHILDREN };

static unsigned rank_of(struct xml_context in, const struct attribute *a)
{
	const struct resource_type *t = in.of;
	const struct complex *c = in.of;
	const struct attribute *rows;
	size_t n;
	unsigned i;

	for (i = 0; in.what == RESOURCE && i < COUNT_OF(first); i++) {
		if (bytes_equal(bytes_str(a->short_name), bytes_str(first[i])))
			return i;
	}
	if (a == &references)
		return REFERENCES;
	if (in.what == TOP)
		return 0;
	rows = in.what == RESOURCE ? t->attributes : c->members;
	n = in.what == RESOURCE ? t->attributes_n : c->members_n;
	for (i = 0; i < n && a != &rows[i];)
		i++;
	return COUNT_OF(first) + i; /* of none: behind them all */
}

/* What an empty element of it is: nothing, or the value that is empty. */
static bool has_empty(const struct xml_shape *s)
{
	const struct complex *c = s->inside.of;

	if (s->form != XML_STRUCT)
		return s->form == XML_ANY || s->repeat;
	return s->repeat || s->inside.what != COMPLEX || c->flags & X_EMPTY;
}

static void shape_of(struct xml_context in, const struct attribute *a, struct xml_shape *out)
{
	static const enum xml_form forms[] = {
		[FORM_TEXT] = XML_TEXT, [FORM_NUMBER] = XML_NUMBER, [FORM_BOOL] = XML_BOOL,
		[FORM_ANY] = XML_ANY, [FORM_STRUCT] = XML_STRUCT,
	};
	bool list;

	*out = (struct xml_shape){ .form = forms[value_form(a, &list)] };
	out->repeat = list && (out->form == XML_STRUCT || a->flags & F_REPEAT);
	out->list = list && !out->repeat;
	out->mark = (a->flags & F_MARK) != 0;
	out->text = (a->flags & F_TEXT) != 0;
	if (out->form == XML_STRUCT)
		out->inside = inside(a);
	/* Where the CSE alone writes, an empty text is none: the parent of the CSEBase. */
	out->empty = has_empty(out) || (a->flags & F_SERVER && a->create == NP && out->form == XML_TEXT);
	out->vanish = out->form == XML_STRUCT && out->inside.of == schema_complex(C_childResourceRef);
	out->rank = rank_of(in, a);
}

static bool look_resource(struct bytes name, bool repeat, struct xml_shape *out)
{
	const struct resource_type *t = resource_type_named(name);

	if (!t)
		return false;
	*out = (struct xml_shape){ .form = XML_STRUCT, .repeat = repeat, .empty = true,
	                           .rank = CHILDREN, .inside = { RESOURCE, t } };
	return true;
}

static const struct attribute *member_row(struct xml_context in, struct bytes name)
{
	if (in.what == COMPLEX)
		return complex_member(in.of, name);
	if (in.what == TOP)
		return complex_member(schema_complex(C_root), name);
	if (in.what != RESOURCE)
		return NULL;
	return bytes_equal(name, BYTES("ch")) ? &references : type_attribute(in.of, name);
}

const char *schema_long_name(struct xml_context in, struct bytes name)
{
	const struct attribute *a = member_row(in, name);
	const struct resource_type *t = a ? NULL : resource_type_named(name);

	return a ? a->long_name : t ? t->name : NULL;
}

static bool look(struct xml_context in, struct bytes name, struct xml_shape *out)
{
	bool qualified = bytes_find(name, ':') < name.n;
	const struct attribute *a = member_row(in, name);

	if (a)
		shape_of(in, a, out);
	return a || (qualified && look_resource(name, in.what == RESOURCE, out));
}

static struct bytes text_member(struct xml_context in)
{
	const struct complex *c = in.of;

	for (size_t i = 0; in.what == COMPLEX && i < c->members_n; i++) {
		if (c->members[i].flags & F_TEXT)
			return bytes_str(c->members[i].short_name);
	}
	return BYTES_NONE;
}

/* Namespaces of the domains of TS-0023 (6.5.1 there); another prefix is its own. */
static const struct { const char *prefix, *space; } domains[] = {
	{ "cod", "commondomain" }, { "hd", "homedomain" }, { "agd", "agriculturedomain" },
	{ "cid", "citydomain" }, { "hed", "healthdomain" }, { "ind", "industrydomain" },
	{ "mad", "managementdomain" }, { "rad", "railwaydomain" }, { "ved", "vehiculardomain" },
};

static struct bytes space_of(struct bytes prefix)
{
	for (size_t i = 0; i < COUNT_OF(domains); i++) {
		if (bytes_equal(prefix, bytes_str(domains[i].prefix)))
			return bytes_str(domains[i].space);
	}
	return prefix;
}

static struct bytes prefix_of(struct bytes space)
{
	for (size_t i = 0; i < COUNT_OF(domains); i++) {
		if (bytes_equal(space, bytes_str(domains[i].space)))
			return bytes_str(domains[i].prefix);
	}
	return bytes_find(space, '/') < space.n || bytes_find(space, ':') < space.n ? BYTES_NONE : space;
}

const struct xml_schema schema_xml = { look, text_member, space_of, prefix_of };
