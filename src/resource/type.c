/* type.c: the table of resource types and their rows. */
#include "resource/engine.h"

#define TYPE(short_name) extern const struct resource_type resource_type_##short_name;
#include "resource/types.def"
#undef TYPE

static const struct resource_type *const types[] = {
#define TYPE(short_name) &resource_type_##short_name,
#include "resource/types.def"
#undef TYPE
};

const struct resource_type *resource_type(uint32_t number)
{
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (types[i]->number == number)
			return types[i];
	}
	return NULL;
}

const struct resource_type *resource_type_named(struct bytes member)
{
	if (!bytes_starts(member, BYTES("m2m:")))
		return NULL;
	member = bytes_sub(member, 4, member.n);
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (bytes_equal(member, bytes_str(types[i]->short_name)))
			return types[i];
	}
	return NULL;
}

size_t resource_types(const struct resource_type *const **out)
{
	*out = types;
	return COUNT_OF(types);
}

const struct attribute *type_attribute(const struct resource_type *type, struct bytes short_name)
{
	for (size_t i = 0; short_name.n && i < type->attributes_n; i++) {
		const char *s = type->attributes[i].short_name;

		if (s[0] == (char)short_name.p[0] && bytes_equal(short_name, bytes_str(s)))
			return &type->attributes[i];
	}
	return NULL;
}

/* What is in no index, content above all, is not given away piece by piece to
 * one who may learn only that the resource exists. */
enum search resource_search(struct bytes short_name)
{
	enum search found = SEARCH_UNKNOWN;

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		const struct attribute *a = type_attribute(types[i], short_name);

		if (a && !(a->flags & (F_INDEX | F_COLUMN)))
			return SEARCH_SHOWN;
		if (a)
			found = SEARCH_OPEN;
	}
	return found;
}

bool type_allows_parent(const struct resource_type *type, uint32_t parent)
{
	for (size_t i = 0; i < type->parents_n; i++) {
		if (type->parents[i] == parent)
			return true;
	}
	return false;
}

bool type_has_children(const struct resource_type *type)
{
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (type_allows_parent(types[i], type->number))
			return true;
	}
	return false;
}
