/* stem.c: S-type AE-IDs between the CSE where an AE registers and the IN-CSE [TS-0001 10.2.2.2,
 * 10.2.2.5].
 *
 *   AE --CREATE AE--> MN --CREATE AEAnnc, else UPDATE--> IN: the service subscription
 *   AE <----2001----- MN <------------2001/2004--------- IN     says yes, or no
 *
 * At the IN-CSE the subscription alone decides: its serviceSubscribedNode of that CSE has a rule
 * that names AE-ID, App-ID and Credential-ID. Where there is no subscription, nobody is announced;
 * but for the laboratory, which has none [doc/decision/086-stems.md]. */
#include "primitive/id.h"
#include "request/reach.h"
#include "request/work.h"
#include "resource/stem.h"

enum { PRIMITIVE_MAX = 65536, TEXT_MAX = 1024 };

#define MADE_UP BYTES("S")

/* --- who announces ------------------------------------------------------------------------- */

struct bytes stem_announcer(struct work *w)
{
	struct bytes from = w->request.from, tail = from, cse;
	bool may = w->request.operation == OPERATION_UPDATE ||
	           (w->request.operation == OPERATION_CREATE && w->request.type == TYPE_AE_ANNOUNCED);

	if (!may || !bytes_starts(from, BYTES("/")))
		return BYTES_NONE;
	while (bytes_find(tail, '/') < tail.n)
		(void)bytes_cut(&tail, '/');
	if (tail.n + 1 >= from.n || tail.n == 0 || tail.p[0] != 'S' ||
	    (id_form(tail) != ID_AE_STEM && id_form(tail) != ID_ASSIGN))
		return BYTES_NONE;
	cse = bytes_sub(from, 0, from.n - tail.n - 1);
	/* One of another provider announces nothing here. */
	if (id_form(cse) != ID_SP_CSE &&
	    (id_form(cse) != ID_ABS_CSE || !id_behind_sp(cse, resources_cse(w->room->resources)->sp_id).n))
		return BYTES_NONE;
	w->announces = tail;
	return cse;
}

/* --- at the IN-CSE --------------------------------------------------------------------------- */

static struct bytes text_at(struct bytes map, const char *key)
{
	struct bytes text;

	return cbor_find_text(map, key, &text) == ERR_OK ? text : BYTES_NONE;
}

/* The attributes that the request brings. */
static struct bytes asked(const struct work *w)
{
	struct cbor v;
	bool found = false;

	if (!w->request.has_content ||
	    cbor_find(w->request.content, BYTES("m2m:aeA"), &v, &found) != ERR_OK || !found || v.kind != CBOR_MAP)
		return BYTES_NONE;
	return v.raw;
}

static struct bytes credential_of(struct bytes map)
{
	struct bytes mark = STEM_CREDENTIAL;
	struct cbor list, item;
	bool found = false;

	if (cbor_find(map, BYTES("lbl"), &list, &found) != ERR_OK || !found || list.kind != CBOR_ARRAY)
		return BYTES_NONE;
	while (list.s.n && cbor_next(&list.s, &item) == ERR_OK) {
		if (item.kind == CBOR_TEXT && bytes_starts(item.s, mark))
			return bytes_sub(item.s, mark.n, item.s.n);
	}
	return BYTES_NONE;
}

static err_t is_free(void *self, struct bytes stem, bool *yes)
{
	struct work *w = self;
	const struct cse_identity *cse = resources_cse(w->room->resources);
	struct buf absolute = buf_make(TEXT_MAX);
	uint64_t id;
	err_t err;

	TRY(id_absolute(stem, cse->sp_id, cse->cse_id, &absolute));
	TRY(behind_is_strange(w, bytes_of_buf(&absolute), yes));
	TRY(store_find_ident(w->room->store, stem, &id));
	*yes = *yes && !id;
out:
	buf_free(&absolute);
	return err;
}

/* A certain one may be announced already, and is nobody's of ours. */
static err_t is_of_others(struct work *w, struct bytes stem, bool *yes)
{
	const struct cse_identity *cse = resources_cse(w->room->resources);
	struct buf absolute = buf_make(TEXT_MAX);
	err_t err;

	*yes = true;
	if (bytes_equal(stem, MADE_UP))
		return ERR_OK;
	TRY(id_absolute(stem, cse->sp_id, cse->cse_id, &absolute));
	err = behind_is_strange(w, bytes_of_buf(&absolute), yes);
out:
	buf_free(&absolute);
	return err;
}

static void refuse(struct work *w, unsigned status, const char *what)
{
	work_refuse(w, status, "TS-0001 10.2.2.2 (6)", what);
	decision_refuse(&w->decision, what);
}

static err_t judge(struct work *w, const struct resource_stem_ask *ask, bool *yes)
{
	bool profile;
	err_t err;

	TRY(is_of_others(w, ask->stem, yes));
	if (!*yes) {
		refuse(w, RSC_APP_RULE_VALIDATION_FAILED, "this AE is registered or enrolled here");
		goto out;
	}
	TRY(resource_stem_offered(w->room->resources, &w->room->arena, ask, &w->stem, &profile));
	if (!profile && !w->association && w->room->lab)
		w->stem = ask->stem;
	*yes = w->stem.n > 0;
	if (!*yes)
		refuse(w, profile ? RSC_APP_RULE_VALIDATION_FAILED : RSC_SERVICE_SUBSCRIPTION_NOT_ESTABLISHED,
		       profile ? "no serviceSubscribedAppRule lets this AE register at that CSE"
		               : "there is no service subscription profile");
out:
	return err;
}

/* An AEAnnc that is made below the CSEBase; or one with an AE-ID, which is linked anew. */
static bool is_announcement(const struct work *w, const struct store_row *row)
{
	if (w->depth || w->target.virtual_child || resources_cse(w->room->resources)->cse_type != IN_CSE ||
	    id_form(w->originator) != ID_ABS_CSE)
		return false;
	if (w->request.operation == OPERATION_CREATE)
		return w->request.type == TYPE_AE_ANNOUNCED && row->type == TYPE_CSE_BASE;
	return w->request.operation == OPERATION_UPDATE && row->type == TYPE_AE_ANNOUNCED && row->ident.n;
}

err_t stem_announced(struct work *w, const struct store_row *row, bool *yes)
{
	struct bytes content, cse;
	struct resource_stem_ask ask = { .now = w->in->now, .is_free = is_free, .self = w };
	uint64_t there;
	bool behind;
	err_t err = ERR_OK;

	*yes = false;
	if (w->status || !is_announcement(w, row))
		return ERR_OK;
	content = asked(w);
	ask.stem = resource_stem_of(w->room->resources, text_at(content, "lnk"), &cse);
	ask.cse = behind_cse(w, w->originator);
	if (!ask.stem.n || !bytes_equal(ask.cse, cse) ||
	    (w->announces.n && !bytes_equal(w->announces, ask.stem)) ||
	    (row->ident.n && row->type == TYPE_AE_ANNOUNCED && !bytes_equal(row->ident, ask.stem)))
		return ERR_OK;
	ask.credential = credential_of(content);
	ask.app_id = text_at(content, "api");
	if (!ask.app_id.n && w->request.operation == OPERATION_UPDATE)
		TRY(arena_copy(&w->room->arena, text_at(row->body, "api"), &ask.app_id));
	TRY(resource_remote(w->room->resources, cse, &there, &behind));
	if (there)
		err = judge(w, &ask, yes);
out:
	return err;
}

err_t stem_route(struct work *w, struct bytes to, struct bytes *cse, struct bytes *address)
{
	struct bytes first = forward_cse(w, to), stem = bytes_sub(first, 1, first.n), sp;
	struct buf b = buf_make(PRIMITIVE_MAX);
	bool named, profile;
	err_t err = ERR_OK;

	*cse = BYTES_NONE;
	if (id_form(first) != ID_SP_S_AE)
		return ERR_OK;
	TRY(resource_stem_at(w->room->resources, &w->room->arena, stem, cse));
	if (!cse->n)
		goto out;
	/* What was so when it registered has to be so still. */
	TRY(resource_subscribed_at(w->room->resources, &w->room->arena, *cse, stem, w->in->now, &named));
	TRY(resource_subscribes(w->room->resources, &profile));
	if (!named && (profile || !w->room->lab)) {
		*cse = BYTES_NONE;
		goto out;
	}
	sp = bytes_starts(to, BYTES("//")) ? resources_cse(w->room->resources)->sp_id : BYTES_NONE;
	TRY(buf_add(&b, *cse));
	TRY(buf_add(&b, bytes_sub(to, sp.n, to.n)));
	err = arena_copy(&w->room->arena, bytes_of_buf(&b), address);
out:
	buf_free(&b);
	return err;
}

/* --- below it -------------------------------------------------------------------------------- */

/* The S-type stem that the AE has or wants; empty: it is none that is announced. */
static struct bytes wanted(const struct work *w)
{
	struct bytes stem = w->request.from;

	if (!w->room->infrastructure.n || w->request.operation != OPERATION_CREATE || w->request.type != TYPE_AE ||
	    w->target.type != TYPE_CSE_BASE || w->in->own)
		return BYTES_NONE;
	if (w->association) {
		stem = id_behind_sp(bytes_str(w->association->facts.entity), resources_cse(w->room->resources)->sp_id);
		stem = id_form(stem) == ID_SP_S_AE ? bytes_sub(stem, 1, stem.n) : BYTES_NONE;
	}
	return stem.n && stem.p[0] == 'S' ? stem : BYTES_NONE;
}

/* { "m2m:aeA": { "api", "lbl", "lnk" } } */
static err_t put_content(struct work *w, struct bytes stem, struct buf *out)
{
	struct bytes credential = w->association ? bytes_str(w->association->facts.credential) : BYTES_NONE;
	struct buf api = buf_make(PRIMITIVE_MAX), lbl = buf_make(TEXT_MAX), lnk = buf_make(TEXT_MAX), text = buf_make(TEXT_MAX);
	struct cbor_member m[3] = { { BYTES("api"), BYTES_NONE } };
	struct cbor ae;
	bool found;
	size_t n = 1;
	err_t err;

	TRY(cbor_find(w->request.content, BYTES("m2m:ae"), &ae, &found));
	TRY(cbor_put_text(&api, found && ae.kind == CBOR_MAP ? text_at(ae.raw, "api") : BYTES_NONE));
	m[0].value = bytes_of_buf(&api);
	if (credential.n) {
		TRY(buf_printf(&text, "%.*s%.*s", BYTES_FMT(STEM_CREDENTIAL), BYTES_FMT(credential)));
		TRY(cbor_put_array(&lbl, 1));
		TRY(cbor_put_text(&lbl, bytes_of_buf(&text)));
		m[n++] = (struct cbor_member){ BYTES("lbl"), bytes_of_buf(&lbl) };
	}
	buf_clear(&text);
	TRY(buf_printf(&text, "%.*s/%.*s", BYTES_FMT(resources_cse(w->room->resources)->cse_id), BYTES_FMT(stem)));
	TRY(cbor_put_text(&lnk, bytes_of_buf(&text)));
	m[n++] = (struct cbor_member){ BYTES("lnk"), bytes_of_buf(&lnk) };
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:aeA")));
	err = cbor_put_members(out, m, n);
out:
	buf_free(&api);
	buf_free(&lbl);
	buf_free(&lnk);
	buf_free(&text);
	return err;
}

static err_t exchange(struct work *w, struct outbound_request *r, struct response_primitive *out)
{
	struct buf primitive = buf_make(PRIMITIVE_MAX);
	struct reach reach;
	uint64_t hop;
	bool behind;
	err_t err;

	TRY(resource_remote(w->room->resources, w->room->infrastructure, &hop, &behind));
	if (!hop)
		TRY(resource_remote(w->room->resources, w->room->registrar, &hop, &behind));
	TRY(reach_row(w, hop, &reach));
	TRY(outbound_identifier(w, r->to, &r->rqi));
	TRY(outbound_compose(r, &primitive));
	err = reach_exchange(w, &reach, bytes_of_buf(&primitive), 0, out);
out:
	buf_free(&primitive);
	return err;
}

/* At the IN-CSE it is made; or, where it is there already, linked to this CSE. */
static err_t tell(struct work *w, struct bytes stem, struct response_primitive *out)
{
	struct buf content = buf_make(PRIMITIVE_MAX), from = buf_make(TEXT_MAX), to = buf_make(TEXT_MAX);
	struct bytes own = resources_cse(w->room->resources)->cse_id;
	struct outbound_request r = { .operation = OPERATION_CREATE, .type = TYPE_AE_ANNOUNCED, .rvi = BYTES("3"),
		                      .to = w->room->infrastructure };
	err_t err;

	TRY(put_content(w, stem, &content));
	TRY(buf_printf(&from, "%.*s/%.*s", BYTES_FMT(own), BYTES_FMT(stem)));
	r.content = bytes_of_buf(&content);
	r.from = bytes_of_buf(&from);
	TRY(exchange(w, &r, out));
	if (out->status != RSC_CONFLICT || bytes_equal(stem, MADE_UP))
		goto out;
	TRY(buf_printf(&to, "%.*s/%.*s", BYTES_FMT(w->room->infrastructure), BYTES_FMT(stem)));
	r.operation = OPERATION_UPDATE;
	r.type = 0;
	r.to = bytes_of_buf(&to);
	err = exchange(w, &r, out);
out:
	buf_free(&content);
	buf_free(&from);
	buf_free(&to);
	return err;
}

/* The stem that the IN-CSE gave. */
static struct bytes given(const struct response_primitive *r)
{
	struct cbor v;
	bool found = false;
	struct bytes ri;

	if (!r->content.n || cbor_find(r->content, BYTES("m2m:aeA"), &v, &found) != ERR_OK || !found || v.kind != CBOR_MAP)
		return BYTES_NONE;
	ri = text_at(v.raw, "ri");
	return bytes_starts(ri, BYTES("S")) && id_form(ri) == ID_AE_STEM ? ri : BYTES_NONE;
}

static err_t announce(struct work *w, struct bytes stem)
{
	struct response_primitive r;
	bool taken;
	err_t err;

	TRY(tell(w, stem, &r));
	taken = r.status == RSC_CREATED || r.status == RSC_UPDATED;
	if (bytes_equal(stem, MADE_UP))
		stem = taken ? given(&r) : BYTES_NONE;
	w->stem_told = taken && stem.n;
	/* Without an answer nobody knows; for a name that nobody proves nothing is kept. */
	w->stem_unsure = r.status == 0 && w->association && stem.n;
	if (w->stem_told || w->stem_unsure)
		TRY(arena_copy(&w->room->arena, stem, &w->stem));
	if (w->stem_told)
		goto out;
	if (r.status == 0)
		work_refuse(w, RSC_TARGET_NOT_REACHABLE, "TS-0001 10.2.2.2 (5)", "the IN-CSE, which has to know this AE, cannot be reached");
	else
		work_refuse(w, status_row(r.status) && !status_is_success(r.status) ? r.status : RSC_INTERNAL_SERVER_ERROR,
		            "TS-0001 10.2.2.2 (8)", "the IN-CSE does not take this AE");
out:
	return err;
}

err_t stem_before(struct work *w)
{
	struct bytes stem = wanted(w);

	/* By a group or within a transaction there is no door at which the IN-CSE would be asked. */
	if (stem.n && w->depth) {
		work_refuse(w, RSC_OPERATION_NOT_ALLOWED, "TS-0001 10.2.2.2", "an AE with an S-type AE-ID registers by a request of its own");
		return ERR_OK;
	}
	/* The first time it is seen whether anything else refuses it. */
	return stem.n && w->in->memo.n ? announce(w, stem) : ERR_OK;
}

static err_t address_of(struct work *w, struct buf *out)
{
	return buf_printf(out, "%.*s/%.*s", BYTES_FMT(w->room->infrastructure), BYTES_FMT(w->stem));
}

err_t stem_after(struct work *w)
{
	struct bytes stem = wanted(w);
	struct buf address = buf_make(TEXT_MAX);
	err_t err = ERR_OK;

	if (!stem.n)
		return ERR_OK;
	if (!w->in->memo.n)
		TRY(announce(w, stem));
	if (!w->stem_told)
		goto out;
	TRY(address_of(w, &address));
	err = resource_stem_announced(w->room->resources, w->outcome.resource, bytes_of_buf(&address));
out:
	buf_free(&address);
	return err;
}

/* A number that no resource has, the same each time: for each AE-ID one word is owed. */
static uint64_t number_of(struct bytes stem)
{
	const uint64_t apart = UINT64_C(1) << 62;
	uint8_t digest[32];

	store_digest(stem, digest);
	return apart | (get_be64(digest) & (apart - 1));
}

err_t stem_undone(struct work *w)
{
	struct buf address = buf_make(TEXT_MAX);
	err_t err = ERR_OK;

	if (!w->stem_told && !w->stem_unsure)
		goto out;
	TRY(address_of(w, &address));
	TRY(resource_stem_announced(w->room->resources, number_of(w->stem), bytes_of_buf(&address)));
	w->room->must_commit = true;
out:
	buf_free(&address);
	return err;
}
