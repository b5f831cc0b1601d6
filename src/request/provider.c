/* provider.c: other service providers (Mcc'), as mcc.providers names them [TS-0001 6.5].
 *
 * Their IN-CSE speaks for whoever is theirs and for nobody else, and its requests end
 * here: we carry none from one provider to another. Below our IN-CSE they are believed
 * from our registrar. Who is not named does not exist. */
#include "primitive/id.h"
#include "request/work.h"

/* "//sp.example/in-cse=https://in.sp.example", or "//sp.example" below the IN-CSE. */
static bool read_entry(struct bytes entry, bool in, struct provider *out)
{
	struct bytes rest = entry, first = bytes_cut(&rest, '=');

	*out = (struct provider){ .url = rest };
	if (!in) {
		out->sp = first;
		return rest.n == 0 && id_is_sp(first);
	}
	out->cse = first;
	out->sp = bytes_sub(first, 0, 2 + bytes_find(bytes_sub(first, 2, first.n), '/'));
	return id_form(first) == ID_ABS_CSE && bytes_starts(rest, BYTES("https://"));
}

bool provider_of(const struct request_room *room, struct bytes absolute, struct provider *out)
{
	const struct cse_identity *own = resources_cse(room->resources);
	struct bytes rest = room->providers;

	if (!bytes_starts(absolute, BYTES("//")) || id_behind_sp(absolute, own->sp_id).n)
		return false;
	while (rest.n) {
		struct bytes entry = bytes_cut(&rest, ' ');

		if (entry.n && read_entry(entry, own->cse_type == IN_CSE, out) &&
		    id_behind_sp(absolute, out->sp).n)
			return true;
	}
	return false;
}

bool request_is_provider(const struct request_room *room, struct bytes absolute)
{
	struct provider p;

	return provider_of(room, absolute, &p) && bytes_equal(p.cse, absolute);
}

bool provider_asks(const struct work *w)
{
	struct bytes sp = resources_cse(w->room->resources)->sp_id;

	return w->association && w->association->facts.entity_is_cse &&
	       id_behind_sp(bytes_str(w->association->facts.entity), sp).n == 0;
}

bool provider_speaks(const struct work *w, bool by_registrar)
{
	struct provider p;

	if (!provider_of(w->room, w->claimed, &p))
		return false;
	return by_registrar || bytes_equal(p.cse, bytes_str(w->association->facts.entity));
}
