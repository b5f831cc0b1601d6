/* admin_list.c: commands that look. None returns a secret: there is none here. */
#include "base/clock.h"
#include "role/core/core.h"

#include <arpa/inet.h>

enum { AUDIT_ROWS_MAX = 10000 };

/* --- status --------------------------------------------------------------------- */

static err_t count_one(void *self, const struct association *a)
{
	(*(uint64_t *)self)++;
	return ERR_OK;
}

static err_t put_node(struct core *c, struct row *r)
{
	uint64_t rows = 0, associations = 0, head = 0;
	uint8_t hash[32];
	err_t err = ERR_OK;

	if (!c->open)
		return ERR_OK;
	TRY(store_count(c->store, &rows));
	TRY(registry_associations(c->room.registry, count_one, &associations));
	audit_head(c->room.audit, &head, hash);
	row_uint(r, "rows", rows);
	row_uint(r, "associations", associations);
	row_uint(r, "audit", head);
	row_uint(r, "anchored", c->anchored);
out:
	return err;
}

static void put_keeper(struct core *c, struct row *r)
{
	struct keeper_status s;

	if (!c->keeper_up || keeper_status(&c->keeper, &s) != ERR_OK) {
		row_text(r, "keeper", BYTES("away"));
		return;
	}
	row_text(r, "keeper", s.locked ? BYTES("locked") : BYTES("open"));
	row_text(r, "provider", bytes_str(s.provider));
	row_uint(r, "protection", s.level);
	row_uint(r, "generation", s.generation);
	row_uint(r, "keys", s.keys);
	row_uint(r, "warnings", s.warnings | (c->copied ? 16 : 0));
	if (s.locked)
		row_text(r, "why", bytes_str(s.why));
}

err_t admin_status(struct admin *a)
{
	struct core *c = a->core;
	const struct options *o = &c->worker->options;
	struct row r = row_begin();
	err_t err;

	TRY(wire_done(&a->in));
	row_text(&r, "name", bytes_str(options_text(o, OPT_node_cse_name)));
	row_text(&r, "cse", bytes_str(options_text(o, OPT_node_cse_id)));
	row_text(&r, "provider_id", bytes_str(options_text(o, OPT_node_sp_id)));
	row_text(&r, "version", BYTES(HOLDFAST_VERSION));
	row_text(&r, "state", c->rollback ? BYTES("ROLLBACK") : c->open ? BYTES("open")
	                      : c->locked ? BYTES("locked") : BYTES("not open"));
	row_uint(&r, "uptime", (uint64_t)((c->now - c->started) / 1000));
	row_text(&r, "store", bytes_str(options_text(o, OPT_store_engine)));
	row_bool(&r, "lab", options_flag(o, OPT_lab));
	row_uint(&r, "batches", c->batches);
	row_uint(&r, "accepted", c->answered[1]);
	row_uint(&r, "succeeded", c->answered[2]);
	row_uint(&r, "refused", c->answered[4]);
	row_uint(&r, "failed", c->answered[5] + c->answered[6] + c->answered[0]);
	put_keeper(c, &r);
	TRY(put_node(c, &r));
	return admin_row_out(a, &r);
out:
	buf_free(&r.values);
	return err;
}

/* --- credentials and associations --------------------------------------------------- */

static err_t credential_row(void *self, const struct credential *c)
{
	struct row r = row_begin();

	row_text(&r, "id", bytes_str(c->id));
	row_text(&r, "name", bytes_str(c->name));
	row_text(&r, "kind", c->kind == ENTITY_CSE ? BYTES("CSE") : BYTES("AE"));
	row_text(&r, "entity", bytes_str(c->entity));
	row_text(&r, "app_id", bytes_str(c->app_id));
	row_text(&r, "by", c->psk ? BYTES("psk") : BYTES("certificate"));
	row_uint(&r, "until", (uint64_t)c->not_after);
	row_uint(&r, "enrolled", (uint64_t)c->enrolled);
	row_text(&r, "replay", c->replay_mode == REPLAY_STRICT ? BYTES("strict")
	                                                       : BYTES("window"));
	row_bool(&r, "revoked", c->revoked);
	row_text(&r, "factor", bytes_str(assurance_factor_name(c->factor)));
	row_uint(&r, "protection", c->protection);
	row_bool(&r, "bound", c->bound);
	row_text(&r, "environment", bytes_str(c->environment));
	if (c->psk)
		row_text(&r, "psk_identity", bytes_str(c->psk_identity));
	else
		row_hex(&r, "fingerprint", BYTES_OF(c->fingerprint));
	return admin_row_out(self, &r);
}

err_t admin_credential_list(struct admin *a)
{
	err_t err;

	TRY(wire_done(&a->in));
	TRY(registry_credentials(a->core->room.registry, credential_row, a));
out:
	return err;
}

static struct bytes address_text(const struct association *a, char text[INET6_ADDRSTRLEN])
{
	int family = a->address_n == 4 ? AF_INET : AF_INET6;

	if ((a->address_n != 4 && a->address_n != 16) ||
	    !inet_ntop(family, a->address, text, INET6_ADDRSTRLEN))
		return BYTES("unknown");
	return bytes_str(text);
}

static err_t association_row(void *self, const struct association *a)
{
	struct admin *admin = self;
	char text[INET6_ADDRSTRLEN];
	struct row r = row_begin();

	row_uint(&r, "number", a->number);
	row_uint(&r, "gate", a->gate);
	row_text(&r, "credential", bytes_str(a->facts.credential));
	row_text(&r, "entity", bytes_str(a->facts.entity));
	row_uint(&r, "assurance", association_level(admin->core, a));
	row_text(&r, "address", address_text(a, text));
	row_uint(&r, "port", a->port);
	row_uint(&r, "version", a->version);
	row_uint(&r, "suite", a->suite);
	row_uint(&r, "opened", (uint64_t)a->opened);
	row_uint(&r, "until", (uint64_t)a->facts.until);
	row_uint(&r, "requests", a->requests);
	return admin_row_out(admin, &r);
}

err_t admin_association_list(struct admin *a)
{
	err_t err;

	TRY(wire_done(&a->in));
	TRY(registry_associations(a->core->room.registry, association_row, a));
out:
	return err;
}

/* --- audit and store ------------------------------------------------------------------ */

static err_t audit_row(void *self, struct bytes map)
{
	return admin_encoded_row_out(self, map);
}

err_t admin_audit_list(struct admin *a)
{
	uint64_t from = wire_get_u64(&a->in);
	uint32_t limit = wire_get_u32(&a->in);
	err_t err;

	TRY(wire_done(&a->in));
	if (limit == 0 || limit > AUDIT_ROWS_MAX)
		limit = AUDIT_ROWS_MAX;
	TRY(audit_walk(a->core->room.audit, from ? from : 1, limit, audit_row, a));
out:
	return err;
}

err_t admin_anchor(struct admin *a)
{
	struct keeper_anchor anchor;
	struct row r = row_begin();
	err_t err;

	TRY(wire_done(&a->in));
	TRY(keeper_anchor_read(&a->core->keeper, &anchor));
	row_uint(&r, "sequence", anchor.sequence);
	row_hex(&r, "hash", BYTES_OF(anchor.hash));
	row_uint(&r, "at", (uint64_t)anchor.at);
	row_hex(&r, "signature", bytes_make(anchor.signature, anchor.signature_n));
	return admin_row_out(a, &r);
out:
	buf_free(&r.values);
	return err;
}
