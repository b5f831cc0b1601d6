/* reach.c: where an entity is reached, and the exchange with it [TS-0001 9.6.5,
 * 9.6.21; TS-0004 7.3.2.6, 7.5.1.2].
 *
 * A URL is itself. An AE or a CSE is reached at its points of access where it says
 * that it is reachable, and by its polling channel where it has one. Whether a
 * URL may be reached at all is the courier's to say. */
#include "request/reach.h"

#include "primitive/id.h"
#include "primitive/release.h"
#include "request/work.h"
#include "wire/wire.h"

enum { URL_MAX = 2048, ID_TEXT = 1024 };

/* By their numbers in SEND. */
static const char *const forms[] = { "ct=json", "ct=cbor", "ct=xml" };

static bool ends_with_form(struct bytes target, unsigned *form, struct bytes *place)
{
	for (unsigned i = 0; i < COUNT_OF(forms); i++) {
		struct bytes end = bytes_str(forms[i]);

		if (!bytes_ends(target, end) || target.n == end.n)
			continue;
		*place = bytes_sub(target, 0, target.n - end.n - 1);
		*form = i;
		return target.p[place->n] == '?' || target.p[place->n] == '&';
	}
	return false;
}

bool reach_is_url(struct bytes to)
{
	return bytes_starts(to, BYTES("https://")) || bytes_starts(to, BYTES("http://"));
}

struct bytes reach_place(struct bytes target)
{
	struct bytes place;
	unsigned form;

	return reach_is_url(target) && ends_with_form(target, &form, &place) ? place : target;
}

/* An item of contentSerialization takes the form: by a media type of oneM2M, by its bare name, or
 * by a media type that says nothing else, which is all that some receivers read. */
static bool takes(const struct cbor *item, struct bytes form, bool *plain)
{
	if (item->kind != CBOR_TEXT || !bytes_ends(item->s, form))
		return false;
	*plain = bytes_starts(item->s, BYTES("application/")) && item->s.n == sizeof("application/") - 1 + form.n;
	return true;
}

/* What the entity takes [TS-0004 7.5.1.1]: JSON when it says nothing, or takes that, too. */
static unsigned form_of(const struct store_row *row)
{
	struct bytes rest;
	struct cbor csz, item;
	bool found = false, one = false, plain, all_plain = true;

	if (cbor_find(row->body, BYTES("csz"), &csz, &found) != ERR_OK || !found || csz.kind != CBOR_ARRAY)
		return 0;
	for (unsigned i = 0; i < COUNT_OF(forms); i++) {
		rest = csz.s;
		while (rest.n && cbor_next(&rest, &item) == ERR_OK) {
			if (takes(&item, bytes_str(forms[i] + 3), &plain)) {
				one = true;
				all_plain &= plain;
			}
		}
		if (one)
			return i << OUTBOUND_FORM | (all_plain ? SEND_PLAIN : 0);
	}
	return 0;
}

static void add(struct reach *out, struct bytes target, unsigned flags)
{
	if (out->n == REACH_MAX || target.n == 0 || target.n > SEND_TARGET_MAX)
		return;
	out->list[out->n].target = target;
	out->list[out->n++].flags = flags;
}

static err_t add_access_points(struct work *w, const struct store_row *row, struct reach *out)
{
	unsigned flags = (row->type == TYPE_REMOTE_CSE ? SEND_TO : 0) | form_of(row);
	struct cbor poa, reachable, item;
	struct bytes list;
	bool found;
	err_t err;

	TRY(cbor_find(row->body, BYTES("rr"), &reachable, &found));
	if (!found || reachable.kind != CBOR_BOOL || !reachable.u)
		goto out;
	TRY(cbor_find(row->body, BYTES("poa"), &poa, &found));
	if (!found || poa.kind != CBOR_ARRAY)
		goto out;
	TRY(arena_copy(&w->room->arena, poa.s, &list));
	for (uint64_t i = 0; i < poa.u; i++) {
		TRY(cbor_next(&list, &item));
		if (item.kind == CBOR_TEXT && reach_is_url(item.s))
			add(out, item.s, flags);
	}
out:
	return err;
}

static err_t add_channel(struct work *w, uint64_t entity, struct reach *out)
{
	struct store_scan scan = { .parent = entity, .type = TYPE_POLLING_CHANNEL, .limit = 1 };
	struct buf text = buf_make(32);
	struct bytes target;
	uint64_t id;
	size_t n;
	err_t err;

	TRY(store_children(w->room->store, &scan, &id, &n));
	if (n == 0)
		goto out;
	TRY(buf_add(&text, BYTES(REACH_CHANNEL)));
	TRY(buf_add_u64(&text, id));
	TRY(arena_copy(&w->room->arena, bytes_of_buf(&text), &target));
	add(out, target, 0);
out:
	buf_free(&text);
	return err;
}

/* Is "1" all that it has for supportedReleaseVersions? */
static bool is_of_first(const struct store_row *row)
{
	struct cbor srv, item;
	bool found = false;

	return cbor_find(row->body, BYTES("srv"), &srv, &found) == ERR_OK && found && srv.kind == CBOR_ARRAY &&
	       srv.u == 1 && cbor_next(&srv.s, &item) == ERR_OK && item.kind == CBOR_TEXT &&
	       release_number(item.s) == RELEASE_1;
}

struct bytes reach_release(const struct reach *reach)
{
	return reach->first ? BYTES_NONE : BYTES("3");
}

bool reach_is_revoked(struct work *w, struct bytes absolute)
{
	struct entity_terms terms;

	registry_terms(w->room->registry, absolute, w->in->now, &terms);
	return terms.dead;
}

static err_t is_revoked(struct work *w, uint64_t entity, bool *yes)
{
	struct buf absolute = buf_make(ID_TEXT);
	err_t err;

	TRY(reach_identity(w, entity, &absolute));
	*yes = reach_is_revoked(w, bytes_of_buf(&absolute));
out:
	buf_free(&absolute);
	return err;
}

err_t reach_row(struct work *w, uint64_t id, struct reach *out)
{
	const struct store_row *row;
	bool channel_first, revoked;
	err_t err;

	*out = (struct reach){ .entity = id };
	TRY(store_get(w->room->store, id, &row));
	if (!row || (row->type != TYPE_AE && row->type != TYPE_REMOTE_CSE))
		goto out;
	TRY(is_revoked(w, id, &revoked));
	if (revoked)
		goto out;
	TRY(store_get(w->room->store, id, &row));
	if (!row)
		goto out;
	/* An AE that has a polling channel is told there [TS-0004 7.3.3.9.1]; elsewhere only when it
	 * does not poll. */
	channel_first = row->type == TYPE_AE;
	out->first = is_of_first(row);
	if (channel_first)
		TRY(add_channel(w, id, out));
	TRY(store_get(w->room->store, id, &row));
	TRY(row ? add_access_points(w, row, out) : ERR_TAMPERED);
	if (!channel_first)
		TRY(add_channel(w, id, out));
out:
	return err;
}

void reach_provider(struct bytes url, struct reach *out)
{
	*out = (struct reach){ .entity = 0 };
	add(out, url, SEND_TO);
}

static err_t reach_abroad(struct work *w, const struct provider *p, struct reach *out)
{
	const struct cse_identity *cse = resources_cse(w->room->resources);
	struct buf own = buf_make(512);
	err_t err;

	reach_provider(p->url, out);
	TRY(buf_add(&own, cse->sp_id));
	TRY(buf_add(&own, cse->cse_id));
	TRY(arena_copy(&w->room->arena, bytes_of_buf(&own), &out->from));
out:
	buf_free(&own);
	return err;
}

/* At another CSE: by the CSE on the way there, as a request is forwarded. Whether
 * the receiver takes it is for the CSE where it is registered. */
static err_t reach_elsewhere(struct work *w, struct bytes to, struct reach *out)
{
	struct bytes sp = resources_cse(w->room->resources)->sp_id, cse = to, at = BYTES_NONE, address;
	struct provider provider;
	uint64_t hop = 0;
	bool behind = true, direct;
	err_t err = ERR_OK;

	if (bytes_starts(cse, BYTES("//")))
		cse = id_behind_sp(cse, sp);
	cse = bytes_sub(cse, 0, 1 + bytes_find(bytes_sub(cse, 1, cse.n), '/'));
	if (cse.n > 1)
		TRY(resource_remote(w->room->resources, cse, &hop, &behind));
	if (!hop)
		TRY(stem_route(w, to, &at, &address));
	if (!hop && at.n)
		TRY(resource_remote(w->room->resources, at, &hop, &behind));
	direct = hop && !behind;
	if (!hop && w->room->registrar.n)
		TRY(resource_remote(w->room->resources, w->room->registrar, &hop, &behind));
	if (hop)
		TRY(reach_row(w, hop, out));
	else if (provider_of(w->room, to, &provider) && !reach_is_revoked(w, provider.cse))
		TRY(reach_abroad(w, &provider, out));
	out->entity = 0;
	out->hop = hop;
	out->direct = direct;
out:
	return err;
}

err_t reach_of(struct work *w, struct bytes to, struct reach *out)
{
	struct target target;
	struct bytes place = to;
	unsigned form = 0;
	err_t err = ERR_OK;

	*out = (struct reach){ .entity = 0 };
	if (reach_is_url(to)) {
		if (ends_with_form(to, &form, &place))
			add(out, place, form << OUTBOUND_FORM);
		else
			add(out, to, 0);
		goto out;
	}
	TRY(resource_resolve(w->room->resources, to, &target));
	if (target.place == TARGET_HERE && !target.virtual_child)
		TRY(reach_row(w, target.id, out));
	else if (target.place == TARGET_ELSEWHERE)
		TRY(reach_elsewhere(w, to, out));
out:
	if (out->from.n == 0)
		out->from = resources_cse(w->room->resources)->cse_id;
	return err;
}

err_t reach_exchange(struct work *w, const struct reach *reach, struct bytes primitive,
                     unsigned flags, struct response_primitive *out)
{
	const struct outbound_answer *answer;
	err_t err = ERR_OK;

	*out = (struct response_primitive){ .status = 0 };
	for (size_t i = 0; i < reach->n; i++) {
		TRY(outbound_ask(w, reach->list[i].target, primitive, flags | reach->list[i].flags,
		                 &answer));
		if (answer->err != ERR_OK)
			continue;
		TRY(response_read(answer->primitive, out));
		break;
	}
out:
	/* What was no response is nobody's mistake here. */
	if (err == ERR_SYNTAX || err == ERR_TYPE || err == ERR_UNSUPPORTED || err == ERR_MISSING ||
	    err == ERR_RANGE) {
		*out = (struct response_primitive){ .status = 0 };
		err = ERR_OK;
	}
	return err;
}

err_t reach_identity(struct work *w, uint64_t entity, struct buf *out)
{
	const struct cse_identity *cse = resources_cse(w->room->resources);
	const struct store_row *row;
	struct cbor csi;
	bool found = false;
	err_t err;

	TRY(store_get(w->room->store, entity, &row));
	if (!row)
		goto out;
	TRY(cbor_find(row->body, BYTES("csi"), &csi, &found));
	if (found && csi.kind == CBOR_TEXT) {
		if (!bytes_starts(csi.s, BYTES("//")))
			TRY(buf_add(out, cse->sp_id));
		TRY(buf_add(out, csi.s));
		goto out;
	}
	if (!row->ident.n)
		goto out;
	TRY(buf_add(out, cse->sp_id));
	if (row->ident.p[0] == 'C')
		TRY(buf_add(out, cse->cse_id));
	TRY(buf_add_byte(out, '/'));
	TRY(buf_add(out, row->ident));
out:
	return err;
}
