/* registrar.c: this CSE at its registrar [TS-0001 10.2.2; TS-0004 7.4.4]:
 *
 *   OUT --CREATE remoteCSE--> IN --UPDATE at half its life, or when who is behind
 *    ^                         |    us changed--> IN
 *    +----- gone there --------+
 *
 * What fails is tried again, ever more seldom. Here stands the registrar's own
 * remoteCSE, the mirror, by which requests find their way to it. */
#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "role/core/core.h"

enum { REMOTE_CSE = 16, CONTENT_MAX = 65536, MEMBERS = 12, RETRY_MIN_MS = 1000, RETRY_MAX_MS = 60000 };

static struct bytes own_name(const struct core *c)
{
	struct bytes id = resources_cse(c->room.resources)->cse_id;

	return bytes_sub(id, 1, id.n);
}

static struct bytes url_of(const struct core *c)
{
	return bytes_str(options_text(&c->worker->options, OPT_registrar_url));
}

/* --- content ------------------------------------------------------------------------- */

/* Members of one map, values in one buffer. */
struct content {
	struct buf values;
	struct { const char *key; size_t at; } m[MEMBERS];
	size_t n;
};

static struct buf *begin(struct content *k, const char *key)
{
	must(k->n < MEMBERS);
	k->m[k->n].key = key;
	k->m[k->n++].at = k->values.n;
	return &k->values;
}

/* { "m2m:csr": members } */
static err_t finish(struct content *k, struct buf *out)
{
	struct cbor_member m[MEMBERS];
	err_t err;

	for (size_t i = 0; i < k->n; i++) {
		size_t end = i + 1 < k->n ? k->m[i + 1].at : k->values.n;

		m[i].key = bytes_str(k->m[i].key);
		m[i].value = bytes_sub(bytes_of_buf(&k->values), k->m[i].at, end - k->m[i].at);
	}
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:csr")));
	TRY(cbor_put_members(out, m, k->n));
out:
	buf_free(&k->values);
	return err;
}

static size_t words(struct bytes text)
{
	size_t n = 0;

	while (text.n)
		n += bytes_cut(&text, ' ').n > 0;
	return n;
}

static err_t put_words(struct buf *out, struct bytes text)
{
	err_t err;

	TRY(cbor_put_array(out, words(text)));
	while (text.n) {
		struct bytes word = bytes_cut(&text, ' ');

		if (word.n)
			TRY(cbor_put_text(out, word));
	}
out:
	return err;
}

/* A list has one member at least [TS-0004 6.3.3]: of none there is no list, and what was is gone. */
static err_t put_descendants(struct core *c, bool create, struct content *k)
{
	struct descendants all;
	struct buf *out;
	err_t err;

	arena_reset(&c->room.arena);
	TRY(resource_descendants(c->room.resources, &c->room.arena, c->room.registrar, &all));
	if (!all.n && create)
		goto out;
	out = begin(k, "dcse");
	if (!all.n) {
		err = cbor_put_null(out);
		goto out;
	}
	TRY(cbor_put_array(out, all.n));
	for (size_t i = 0; i < all.n; i++)
		TRY(cbor_put_text(out, all.list[i]));
out:
	return err;
}

/* What may change while we are registered. */
static err_t put_changing(struct core *c, bool create, struct content *k)
{
	struct bytes poa = bytes_str(options_text(&c->worker->options, OPT_node_poa));
	err_t err;

	TRY(put_descendants(c, create, k));
	TRY(put_words(begin(k, "poa"), poa));
	TRY(cbor_put_bool(begin(k, "rr"), words(poa) > 0));
out:
	return err;
}

/* The same without what changes with time. */
static err_t digest_of(struct core *c, uint8_t digest[32])
{
	struct content k = { .values = buf_make(CONTENT_MAX) };
	err_t err;

	TRY(put_changing(c, false, &k));
	crypt_sha256(bytes_of_buf(&k.values), digest);
out:
	buf_free(&k.values);
	return err;
}

static err_t put_end(struct core *c, struct content *k)
{
	int64_t life = 1000 * (int64_t)options_number(&c->worker->options, OPT_registrar_time);
	char stamp[CLOCK_STAMP_LENGTH + 1];

	clock_stamp(c->now + life, stamp);
	return cbor_put_text(begin(k, "et"), bytes_str(stamp));
}

static err_t compose(struct core *c, bool create, struct buf *out)
{
	const struct cse_identity *cse = resources_cse(c->room.resources);
	struct content k = { .values = buf_make(CONTENT_MAX) };
	struct buf base = buf_make(256);
	err_t err;

	TRY(put_changing(c, create, &k));
	TRY(put_end(c, &k));
	if (create) {
		TRY(buf_printf(&base, "%.*s/%.*s", BYTES_FMT(cse->cse_id), BYTES_FMT(cse->cse_name)));
		TRY(cbor_put_text(begin(&k, "cb"), bytes_of_buf(&base)));
		TRY(cbor_put_text(begin(&k, "csi"), cse->cse_id));
		TRY(cbor_put_uint(begin(&k, "cst"), cse->cse_type));
		TRY(cbor_put_text(begin(&k, "rn"), own_name(c)));
		TRY(put_words(begin(&k, "srv"), BYTES("2a 3 4")));
	}
	err = finish(&k, out);
out:
	buf_free(&base);
	return err;
}

/* --- the mirror ------------------------------------------------------------------------ */

static err_t mirror_content(struct core *c, bool create, struct buf *out)
{
	struct content k = { .values = buf_make(CONTENT_MAX) };
	struct buf base = buf_make(256);
	err_t err;

	TRY(put_words(begin(&k, "poa"), url_of(c)));
	TRY(cbor_put_bool(begin(&k, "rr"), true));
	if (create) {
		/* What its CSEBase is called is not known here: "-" names it all the same [TS-0004 6.2.4]. */
		TRY(buf_printf(&base, "%.*s/-", BYTES_FMT(c->room.registrar)));
		TRY(cbor_put_text(begin(&k, "cb"), bytes_of_buf(&base)));
		TRY(cbor_put_text(begin(&k, "csi"), c->room.registrar));
		TRY(cbor_put_text(begin(&k, "rn"), bytes_sub(c->room.registrar, 1, c->room.registrar.n)));
		TRY(put_words(begin(&k, "srv"), BYTES("2a 3 4")));
	}
	err = finish(&k, out);
out:
	buf_free(&base);
	return err;
}

/* As the server's own work, with the type's checks. */
static err_t mirror_write(struct core *c, uint64_t there, struct buf *primitive)
{
	struct target target = { .place = TARGET_HERE, .id = there ? there : 1 };
	struct request_primitive request;
	struct buf own = buf_make(256), content = buf_make(CONTENT_MAX);
	const struct cse_identity *cse = resources_cse(c->room.resources);
	struct outcome outcome;
	struct resource_ask ask = { .request = &request, .target = &target,
		                    .permit = permit_for_system("mirror of the registrar"),
		                    .arena = &c->room.arena, .now = c->now };
	err_t err;

	TRY(buf_printf(&own, "%.*s%.*s", BYTES_FMT(cse->sp_id), BYTES_FMT(cse->cse_id)));
	ask.originator = bytes_of_buf(&own);
	TRY(request_read(bytes_of_buf(primitive), c->now, &request));
	resource_begin(c->room.resources);
	if (there)
		TRY(resource_update(c->room.resources, &ask, &content, &outcome));
	else
		TRY(resource_create(c->room.resources, &ask, &content, &outcome));
	err = status_is_success(outcome.status) ? ERR_OK : ERR_REFUSED;
	if (err != ERR_OK)
		log_event(LOG_ERROR, "no mirror of the registrar", "status=%u why=%s", outcome.status,
		          outcome.what ? outcome.what : "");
out:
	buf_free(&own);
	buf_free(&content);
	return err;
}

static err_t mirror(struct core *c)
{
	struct audit_record record = { .kind = AUDIT_CHANGE, .at = c->now, .target = c->room.registrar,
		                       .rule = BYTES("registrar"), .text = BYTES("mirror of the registrar") };
	struct buf content = buf_make(CONTENT_MAX), primitive = buf_make(CONTENT_MAX);
	struct outbound_request r = { .from = BYTES("/x"), .rqi = BYTES("mirror"), .rvi = BYTES("3"),
		                      .to = BYTES("-") };
	uint64_t there;
	bool behind;
	err_t err;

	arena_reset(&c->room.arena);
	TRY(resource_remote(c->room.resources, c->room.registrar, &there, &behind));
	there = behind ? 0 : there;
	TRY(mirror_content(c, !there, &content));
	r.operation = there ? OPERATION_UPDATE : OPERATION_CREATE;
	r.type = there ? 0 : REMOTE_CSE;
	r.content = bytes_of_buf(&content);
	TRY(outbound_compose(&r, &primitive));
	TRY(batch_mark(c));
	err = mirror_write(c, there, &primitive);
	if (err == ERR_OK)
		err = audit_append(c->room.audit, &record);
	batch_unmark(c, err);
	c->room.must_commit |= err == ERR_OK;
out:
	buf_free(&content);
	buf_free(&primitive);
	return err;
}

/* --- what the registrar said -------------------------------------------------------------- */

static void again_later(struct core *c, const char *what, unsigned status)
{
	struct registration *g = &c->registration;

	if (g->state == REGISTRATION_ASKING_IN && status == RSC_NOT_FOUND)
		g->wait = 0; /* it does not know us any more: at once, once */
	g->wait = g->wait ? g->wait * 2 : RETRY_MIN_MS;
	if (g->wait > RETRY_MAX_MS)
		g->wait = RETRY_MAX_MS;
	g->state = REGISTRATION_OUT;
	g->next = clock_steady() + g->wait;
	log_event(LOG_WARN, "not registered", "registrar=%.*s what=%s status=%u again_in_ms=%lld%s",
	          BYTES_FMT(c->room.registrar), what, status, (long long)g->wait,
	          status == RSC_TARGET_NOT_REACHABLE ? " look_at=registrar.url,courier.allow" : "");
}

static void is_in(struct core *c, bool said)
{
	struct registration *g = &c->registration;

	if (g->state != REGISTRATION_ASKING_IN)
		log_event(LOG_NOTE, "registered", "registrar=%.*s as=%s", BYTES_FMT(c->room.registrar),
		          g->address);
	g->state = REGISTRATION_IN;
	g->wait = 0;
	g->renew = clock_steady() + 500 * (int64_t)options_number(&c->worker->options, OPT_registrar_time);
	if (said)
		bytes_copy(g->said, g->asked, sizeof(g->said));
	else
		bytes_zero(g->said, sizeof(g->said));
}

/* Its address there: by the identifier that was given, or by our name. */
static err_t keep_address(struct core *c, struct bytes content)
{
	struct registration *g = &c->registration;
	struct cbor csr, ri;
	bool found = false;

	if (content.n && cbor_find(content, BYTES("m2m:csr"), &csr, &found) == ERR_OK && found &&
	    csr.kind == CBOR_MAP && cbor_find(csr.raw, BYTES("ri"), &ri, &found) == ERR_OK && found &&
	    ri.kind == CBOR_TEXT && ri.s.n < 128)
		return text_print(g->address, sizeof(g->address), "%.*s/%.*s", BYTES_FMT(c->room.registrar),
		                  BYTES_FMT(ri.s)) ? ERR_OK : ERR_LIMIT;
	return text_print(g->address, sizeof(g->address), "%.*s/-/%.*s", BYTES_FMT(c->room.registrar),
	                  BYTES_FMT(own_name(c))) ? ERR_OK : ERR_LIMIT;
}

static void on_created(struct core *c, uint64_t cookie, const struct response_primitive *r)
{
	bool there = r->status == RSC_ORIGINATOR_HAS_ALREADY_REGISTERED || r->status == RSC_CONFLICT;

	if ((r->status != RSC_CREATED && !there) ||
	    keep_address(c, r->status == RSC_CREATED ? r->content : BYTES_NONE) != ERR_OK)
		again_later(c, "create", r->status);
	else
		is_in(c, !there);
}

static void on_updated(struct core *c, uint64_t cookie, const struct response_primitive *r)
{
	if (r->status == RSC_UPDATED)
		is_in(c, true);
	else
		again_later(c, "update", r->status);
}

/* --- when ------------------------------------------------------------------------------ */

static err_t ask(struct core *c, bool create)
{
	struct registration *g = &c->registration;
	struct buf content = buf_make(CONTENT_MAX);
	struct outbound_request r = { .operation = create ? OPERATION_CREATE : OPERATION_UPDATE,
		                      .type = create ? REMOTE_CSE : 0 };
	err_t err;

	TRY(compose(c, create, &content));
	r.to = create ? c->room.registrar : bytes_str(g->address);
	r.content = bytes_of_buf(&content);
	g->state = create ? REGISTRATION_ASKING : REGISTRATION_ASKING_IN;
	err = errand_ask(c, &r, create ? on_created : on_updated, 0);
out:
	buf_free(&content);
	return err;
}

void registrar_when_due(struct core *c)
{
	struct registration *g = &c->registration;
	int64_t now = clock_steady();
	err_t err = ERR_OK;

	if (!url_of(c).n || !c->room.registrar.n || c->rollback || now < g->next ||
	    g->state == REGISTRATION_ASKING || g->state == REGISTRATION_ASKING_IN)
		return;
	if (!g->mirrored)
		TRY(mirror(c));
	g->mirrored = true;
	TRY(digest_of(c, g->asked));
	if (g->state == REGISTRATION_OUT)
		err = ask(c, true);
	else if (now >= g->renew || !bytes_equal(BYTES_OF(g->asked), BYTES_OF(g->said)))
		err = ask(c, false);
out:
	if (err != ERR_OK)
		again_later(c, err_text(err), 0);
}
