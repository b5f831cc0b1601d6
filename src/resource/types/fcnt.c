/* flexContainer [TS-0001 9.6.35; TS-0004 7.4.37]: its size is that of its custom
 * attributes. With instances enabled (Release 4) each state is kept below it as a
 * flexContainerInstance, as many as its limits allow; "la" and "ol" name them. A
 * limit enables them, too, unless fcied says otherwise: clients older than fcied
 * set only that. */
#include "resource/engine.h"

#include "codec/json.h"

enum { FLEX_INSTANCE = 58 };

static err_t latest(struct resources *r, const struct store_row *parent, uint64_t *id)
{
	return instance_first(r, parent->id, FLEX_INSTANCE, true, id);
}

static err_t oldest(struct resources *r, const struct store_row *parent, uint64_t *id)
{
	return instance_first(r, parent->id, FLEX_INSTANCE, false, id);
}

static const struct virtual_child virtuals[] = {
	{ .name = "la", .operations = RIGHT_RETRIEVE | RIGHT_DELETE, .stands_for = latest,
	  .member_type = 20002 },
	{ .name = "ol", .operations = RIGHT_RETRIEVE | RIGHT_DELETE, .stands_for = oldest,
	  .member_type = 20001 },
};

static bool is_enabled(const struct resource_work *w)
{
	struct cbor v;

	if (set_get(&w->set, BYTES("fcied"), &v))
		return set_true(&w->set, BYTES("fcied"));
	return set_get(&w->set, BYTES("mni"), &v) || set_get(&w->set, BYTES("mbs"), &v) ||
	       set_get(&w->set, BYTES("mia"), &v);
}

static bool is_custom(const struct resource_work *w, struct bytes key)
{
	return !(key.n && key.p[0] == INTERNAL_MARK) && !type_attribute(w->type->base, key);
}

/* Octets of the custom attributes' values, texts as they are and others as JSON. */
static err_t custom_size(struct resource_work *w, uint64_t *size)
{
	struct cbor v;
	err_t err = ERR_OK;

	*size = 0;
	for (size_t i = 0; i < w->set.n; i++) {
		if (!is_custom(w, w->set.m[i].key))
			continue;
		TRY(cbor_read(w->set.m[i].value, &v));
		if (v.kind == CBOR_TEXT) {
			*size += v.s.n;
			continue;
		}
		buf_clear(&w->r->scratch);
		TRY(cbor_to_json(v.raw, &w->r->scratch));
		*size += w->r->scratch.n;
	}
out:
	return err;
}

/* The body of an instance: definition, labels, size, originator and the data. */
static err_t instance_body(struct resource_work *w, struct bytes *body)
{
	struct attribute_set set = { .n = 0 };
	err_t err = ERR_OK;

	for (size_t i = 0; i < w->set.n; i++) {
		struct bytes key = w->set.m[i].key;

		if (is_custom(w, key) || bytes_equal(key, BYTES("cnd")) ||
		    bytes_equal(key, BYTES("lbl")) || bytes_equal(key, BYTES("cs")))
			TRY(set_put(&set, key, w->set.m[i].value));
	}
	TRY(set_put_text(w->r, w->arena, &set, BYTES("org"), w->ask->request->from));
	TRY(set_put_text(w->r, w->arena, &set, BYTES(INTERNAL_CREATOR), w->ask->originator));
	TRY(set_encode(w->r, w->arena, &set, body));
out:
	return err;
}

static err_t keep_instance(struct resource_work *w)
{
	struct store_row row = { .parent = w->row.id, .type = FLEX_INSTANCE, .size = w->row.size,
	                         .created = w->now, .modified = w->now };
	struct buf *b = &w->r->scratch;
	err_t err;

	row.expires = instance_end(&w->set, w->now, w->row.expires);
	row.id = store_next_id(w->r->store);
	buf_clear(b);
	TRY(buf_printf(b, "fci%llu", (unsigned long long)row.id));
	TRY(arena_copy(w->arena, bytes_of_buf(b), &row.name));
	TRY(instance_body(w, &row.body));
	TRY(work_account(w, BYTES_NONE, row.body));
	TRY(store_insert(w->r->store, &row));
out:
	return err;
}

/* Room for the instance that will stand below; disabled: what was kept goes. */
static err_t count_instance(struct resource_work *w)
{
	bool enabled = is_enabled(w);
	struct instances of = { &w->set, w->row.id, FLEX_INSTANCE,
		                enabled ? set_uint(&w->set, BYTES("mni"), UINT64_MAX) : 0,
		                set_uint(&w->set, BYTES("mbs"), UINT64_MAX), enabled, w->row.size };

	if (!enabled && set_uint(&w->set, BYTES("cni"), 0) == 0)
		return ERR_OK;
	return instances_fit(w, &of);
}

static err_t changed(struct resource_work *w)
{
	err_t err;

	TRY(custom_size(w, &w->row.size));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("cs"), w->row.size));
	if (w->row.version == 0)
		TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("st"), 0));
	TRY(count_instance(w));
out:
	return err;
}

/* The row must stand before an instance stands below it. */
static err_t written(struct resource_work *w)
{
	return is_enabled(w) ? keep_instance(w) : ERR_OK;
}

static err_t child_deleted(struct resource_work *w)
{
	return instance_gone(w, FLEX_INSTANCE);
}

const struct resource_hooks resource_hooks_fcnt = {
	.virtuals = virtuals,
	.virtuals_n = COUNT_OF(virtuals),
	.created = changed,
	.updated = changed,
	.written = written,
	.child_deleted = child_deleted,
};
