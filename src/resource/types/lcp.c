/* locationPolicy [TS-0001 9.6.10, 10.2.9; TS-0004 7.4.10]: the container for the places
 * is made with it. The CSE asks no network and no device itself: with a network as
 * source the policy is refused; of a device or by sharing others write the places. */
#include "resource/engine.h"

#include "primitive/id.h"

enum { CONTAINER = 3, NETWORK_BASED = 1 };

static err_t check_name(struct resource_work *w, struct bytes name)
{
	uint64_t id;
	err_t err;

	TRY(store_find_child(w->r->store, w->parent.id, name, &id));
	if (id || tree_virtual(w->parent_type, name) || bytes_equal(name, w->row.name))
		return refuse(w->out, RSC_CONFLICT, "a child has this name", BYTES("lon"));
out:
	return err;
}

static err_t created(struct resource_work *w)
{
	struct cbor lon;
	struct bytes id;
	err_t err = ERR_OK;

	if (set_uint(&w->set, BYTES("los"), 0) == NETWORK_BASED)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "no underlying network is connected",
		              BYTES("los"));
	if (set_get(&w->set, BYTES("lon"), &lon)) {
		if (!id_is_resource_name(lon.s))
			return refuse(w->out, RSC_BAD_REQUEST, "is no resource name", BYTES("lon"));
		TRY(check_name(w, lon.s));
	}
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("lost"), BYTES("this CSE asks nobody: who measures writes the places")));
	/* The number of the container rides in the size, which a policy has not. */
	w->row.size = store_next_id(w->r->store);
	buf_clear(&w->r->scratch);
	TRY(buf_printf(&w->r->scratch, "cnt%llu", (unsigned long long)w->row.size));
	TRY(arena_copy(w->arena, bytes_of_buf(&w->r->scratch), &id));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("loi"), id));
out:
	return err;
}

static err_t body_of_container(struct resource_work *w, struct bytes *body)
{
	struct attribute_set set = { .n = 0 };
	struct bytes id;
	struct cbor acpi;
	err_t err;

	buf_clear(&w->r->scratch);
	TRY(buf_printf(&w->r->scratch, "lcp%llu", (unsigned long long)w->row.id));
	TRY(arena_copy(w->arena, bytes_of_buf(&w->r->scratch), &id));
	TRY(set_put_text(w->r, w->arena, &set, BYTES("li"), id));
	if (set_get(&w->set, BYTES("acpi"), &acpi))
		TRY(set_put(&set, BYTES("acpi"), acpi.raw));
	TRY(set_put_uint(w->r, w->arena, &set, BYTES("cni"), 0));
	TRY(set_put_uint(w->r, w->arena, &set, BYTES("cbs"), 0));
	TRY(set_put_uint(w->r, w->arena, &set, BYTES("st"), 0));
	TRY(set_put_text(w->r, w->arena, &set, BYTES(INTERNAL_CREATOR), w->ask->originator));
	TRY(set_encode(w->r, w->arena, &set, body));
out:
	return err;
}

/* The location container, beside the policy. */
static err_t written(struct resource_work *w)
{
	struct store_row row = { .parent = w->parent.id, .type = CONTAINER, .id = w->row.size,
		                 .created = w->now, .modified = w->now, .expires = w->row.expires };
	struct cbor lon, loi;
	err_t err = ERR_OK;

	if (w->row.version != 0 || !set_get(&w->set, BYTES("loi"), &loi))
		goto out;
	TRY(arena_copy(w->arena, set_get(&w->set, BYTES("lon"), &lon) ? lon.s : loi.s, &row.name));
	TRY(body_of_container(w, &row.body));
	TRY(store_insert(w->r->store, &row));
out:
	return err;
}

/* The places go with the policy [TS-0004 7.4.10.2.4]. */
static err_t deleted(struct resource_work *w)
{
	const struct store_row *container;
	err_t err;

	TRY(store_get(w->r->store, w->row.size, &container));
	if (container && container->type == CONTAINER && container->parent == w->row.parent)
		TRY(tree_remove(w->r, container->id));
out:
	return err;
}

const struct resource_hooks resource_hooks_lcp = {
	.created = created,
	.written = written,
	.deleted = deleted,
};
