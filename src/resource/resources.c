/* resources.c: opening the room, and the CSEBase [TS-0001 9.6.3]. */
#include "resource/engine.h"

#include "base/clock.h"
#include "primitive/id.h"
#include "primitive/release.h"
#include "resource/action.h"
#include "resource/lock.h"
#include "resource/statistics.h"

enum { ACCESS_POINTS_MAX = 8 };

static err_t keep_identity(struct resources *r, const struct cse_identity *cse)
{
	const uint8_t *p;
	err_t err;

	if (!id_is_sp(cse->sp_id) || !id_is_sp_relative_cse(cse->cse_id) ||
	    !id_is_resource_name(cse->cse_name))
		return ERR_SYNTAX;
	r->cse_text = buf_make(URI_MAX);
	TRY(buf_reserve(&r->cse_text, cse->sp_id.n + cse->cse_id.n + cse->cse_name.n));
	TRY(buf_add(&r->cse_text, cse->sp_id));
	TRY(buf_add(&r->cse_text, cse->cse_id));
	TRY(buf_add(&r->cse_text, cse->cse_name));
	p = r->cse_text.p;
	r->cse.sp_id = bytes_make(p, cse->sp_id.n);
	r->cse.cse_id = bytes_make(p + cse->sp_id.n, cse->cse_id.n);
	r->cse.cse_name = bytes_make(p + cse->sp_id.n + cse->cse_id.n, cse->cse_name.n);
	r->cse.cse_type = cse->cse_type;
	r->base_ri = bytes_sub(r->cse.cse_id, 1, r->cse.cse_id.n);
out:
	return err;
}

static bool is_supported(const struct resources *r, const struct resource_type *t)
{
	return resource_type(t->number) == t && !t->not_built &&
	       (!t->of_infrastructure || r->cse.cse_type == IN_CSE);
}

static err_t put_supported_types(struct resources *r, struct arena *a, struct attribute_set *set)
{
	const struct resource_type *const *types;
	size_t all = schema_types(&types), n = 0;
	struct bytes value;
	err_t err;

	for (size_t i = 0; i < all; i++)
		n += is_supported(r, types[i]);
	buf_clear(&r->scratch);
	TRY(cbor_put_array(&r->scratch, n));
	for (size_t i = 0; i < all; i++) {
		if (is_supported(r, types[i]))
			TRY(cbor_put_uint(&r->scratch, types[i]->number));
	}
	TRY(arena_copy(a, bytes_of_buf(&r->scratch), &value));
	TRY(set_put(set, BYTES("srt"), value));
out:
	return err;
}

static err_t put_releases(struct resources *r, struct arena *a, struct attribute_set *set)
{
	const struct release *list;
	struct bytes texts[16];
	size_t n = releases(&list);

	must(n <= COUNT_OF(texts));
	for (size_t i = 0; i < n; i++)
		texts[i] = bytes_str(list[i].indicator);
	return set_put_texts(r, a, set, BYTES("srv"), texts, n);
}

/* What of the CSEBase follows from the program and its configuration. */
static err_t put_access_points(struct resources *r, struct arena *a, struct bytes urls,
                               struct attribute_set *set)
{
	struct bytes texts[ACCESS_POINTS_MAX];
	size_t n = 0;

	while (urls.n && n < ACCESS_POINTS_MAX) {
		texts[n] = bytes_cut(&urls, ' ');
		n += texts[n].n > 0;
	}
	return set_put_texts(r, a, set, BYTES("poa"), texts, n);
}

static err_t base_attributes(struct resources *r, struct arena *a, struct bytes poa,
                             struct attribute_set *set)
{
	const struct bytes serializations[] = { BYTES("application/json"),
		                                BYTES("application/cbor"),
		                                BYTES("application/xml") };
	err_t err;

	TRY(set_put_uint(r, a, set, BYTES("cst"), r->cse.cse_type));
	TRY(set_put_text(r, a, set, BYTES("csi"), r->cse.cse_id));
	TRY(put_supported_types(r, a, set));
	TRY(set_put_texts(r, a, set, BYTES("csz"), serializations, COUNT_OF(serializations)));
	TRY(put_releases(r, a, set));
	TRY(put_access_points(r, a, poa, set));
out:
	return err;
}

static err_t base_create(struct resources *r, struct arena *a, struct bytes poa)
{
	struct attribute_set set = { .n = 0 };
	struct store_row row = { .parent = 0, .name = r->cse.cse_name, .ident = r->base_ri };
	const struct resource_type *type = resource_type_named(BYTES("m2m:cb"));
	err_t err;

	must(type != NULL);
	row.id = store_next_id(r->store);
	/* Everything here and in the store relies on the CSEBase being row 1. */
	if (row.id != 1)
		return ERR_BAD_STATE;
	row.type = type->number;
	row.created = row.modified = clock_now();
	TRY(base_attributes(r, a, poa, &set));
	TRY(set_encode(r, a, &set, &row.body));
	TRY(store_insert(r->store, &row));
out:
	return err;
}

/* A newer program supports more; another CSE's store is not ours. */
static err_t base_refresh(struct resources *r, struct arena *a, struct bytes poa,
                          const struct store_row *found)
{
	struct attribute_set set;
	struct store_row row = *found;
	struct cbor csi;
	struct bytes body;
	err_t err;

	TRY(arena_copy(a, found->body, &row.body));
	TRY(set_load(&set, row.body));
	if (!bytes_equal(found->name, r->cse.cse_name) || !set_get(&set, BYTES("csi"), &csi) ||
	    !bytes_equal(csi.s, r->cse.cse_id)) {
		err = ERR_BAD_STATE;
		goto out;
	}
	TRY(base_attributes(r, a, poa, &set));
	TRY(set_encode(r, a, &set, &body));
	if (bytes_equal(body, row.body))
		goto out;
	row.body = body;
	row.modified = clock_now();
	TRY(store_update(r->store, &row));
out:
	return err;
}

err_t resources_open(struct store *s, const struct cse_identity *cse, struct resources **out)
{
	struct resources *r = mem_new(1, sizeof(*r));
	const struct store_row *base;
	struct arena a;
	err_t err = ERR_MEMORY;

	*out = NULL;
	arena_init(&a, 1 << 20);
	if (!r)
		goto out;
	r->store = s;
	r->effort = UINT64_MAX;
	r->scratch = buf_make(SCRATCH_MAX);
	r->identifier = buf_make(URI_MAX);
	arena_init(&r->passing, SCRATCH_MAX);
	TRY(keep_identity(r, cse));
	TRY(store_get(s, 1, &base));
	if (base)
		TRY(base_refresh(r, &a, cse->poa, base));
	else
		TRY(base_create(r, &a, cse->poa));
	TRY(subscription_watch_open(r));
	TRY(actions_open(r));
	TRY(locks_open(r));
	TRY(statistics_open(r));
	*out = r;
	r = NULL;
out:
	arena_free(&a);
	resources_close(r);
	return err;
}

void resources_close(struct resources *r)
{
	if (!r)
		return;
	arena_free(&r->passing);
	buf_free(&r->scratch);
	buf_free(&r->identifier);
	buf_free(&r->cse_text);
	mem_free(r);
}

const struct cse_identity *resources_cse(const struct resources *r)
{
	return &r->cse;
}

void resources_keys(struct resources *r, const struct resource_keys *keys)
{
	r->keys = *keys;
}

err_t resource_link(struct resources *r, const struct permit *system, uint64_t id,
                    const struct bytes *acpi, size_t n, int64_t now)
{
	const struct resource_type *type;
	struct own_change c;
	struct place place;
	err_t err;

	TRY(own_begin(r, system, id, &c));
	must(c.row.id != 0);
	for (size_t i = 0; i < n; i++) {
		TRY(tree_walk(r, acpi[i], &place));
		type = place.where == TARGET_HERE ? resource_type(place.type) : NULL;
		TRY(type && type->self_governed ? ERR_OK : ERR_MISSING);
	}
	set_drop(&c.set, BYTES("acpi"));
	if (n)
		TRY(set_put_texts(r, &c.arena, &c.set, BYTES("acpi"), acpi, n));
	c.row.modified = now;
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}
