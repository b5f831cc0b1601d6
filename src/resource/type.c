/* type.c: what the types do; the type of a row; what may be searched. */
#include "resource/engine.h"

enum { NUMBERS = 256 }; /* above those of all types but their announced variants */

static const struct resource_hooks no_hooks;

#define ROWS(short_name) &no_hooks
#define HOOKS(short_name) &resource_hooks_##short_name
#define TYPE(short_name, how) extern const struct resource_hooks resource_hooks_##short_name;
#include "schema/types.def"
#undef TYPE

/* In the order of resource_types(). */
static const struct resource_hooks *const hooks[] = {
#define TYPE(short_name, how) how(short_name),
#include "schema/types.def"
#undef TYPE
};

const struct resource_hooks *resource_hooks(const struct resource_type *type)
{
	static const struct resource_hooks *by_number[NUMBERS];
	const struct resource_type *const *types;
	const struct resource_hooks *original;
	size_t n;

	if (!by_number[0]) {
		n = resource_types(&types);
		by_number[0] = &no_hooks; /* no type has the number 0 */
		for (size_t i = 0; i < n; i++)
			by_number[types[i]->number] = hooks[i];
	}
	if (type->number < NUMBERS)
		return by_number[type->number] ? by_number[type->number] : &no_hooks;
	if (type->number < TYPE_ANNOUNCED || type->number - TYPE_ANNOUNCED >= NUMBERS)
		return &no_hooks;
	original = by_number[type->number - TYPE_ANNOUNCED];
	return original && original->announced ? original->announced : &no_hooks;
}

const struct resource_type *resource_row_type(const struct store_row *row)
{
	const struct resource_type *general = resource_type(row->type), *special = NULL;
	struct cbor value;
	bool found;

	if (!general || !general->selector)
		return general;
	if (body_get(row->body, bytes_str(general->selector), &value, &found) == ERR_OK && found)
		special = type_specialization(general, &value);
	/* Its definition was taken away: what is general of it is still known. */
	return special ? special : general;
}

err_t row_specialization(const struct store_row *row, struct cbor *out, bool *found)
{
	const struct resource_type *type = resource_type(row->type);
	err_t err = ERR_OK;

	*found = false;
	if (type && type->selector)
		TRY(body_get(row->body, bytes_str(type->selector), out, found));
out:
	return err;
}

/* What is in no index, content above all, is not given away piece by piece to
 * one who may learn only that the resource exists. */
enum search resource_search(struct bytes short_name)
{
	const struct resource_type *const *types;
	enum search found = SEARCH_UNKNOWN;
	size_t n = schema_types(&types);

	for (size_t i = 0; i < n; i++) {
		const struct attribute *a = type_attribute(types[i], short_name);

		if (a && !(a->flags & (F_INDEX | F_COLUMN)))
			return SEARCH_SHOWN;
		if (a)
			found = SEARCH_OPEN;
	}
	return found;
}

bool resource_brings_key(const struct cbor *v)
{
	const struct resource_type *type;
	struct cbor ty, item;
	struct bytes rest = v->s;
	bool found = false;

	if (v->kind != CBOR_MAP && v->kind != CBOR_ARRAY)
		return false;
	if (v->kind == CBOR_MAP && cbor_find(v->raw, BYTES("ty"), &ty, &found) == ERR_OK && found &&
	    ty.kind == CBOR_UINT && ty.u <= UINT32_MAX) {
		type = resource_type((uint32_t)ty.u);
		if (type && type->direct)
			return true;
	}
	while (rest.n && cbor_next(&rest, &item) == ERR_OK) {
		if (resource_brings_key(&item))
			return true;
	}
	return false;
}
