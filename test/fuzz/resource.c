/* Whole primitives built from the rows: of any type, with attributes that its rows name and
 * values that are nearly right, put to the resource engine over a store in memory, some of
 * them one after the other. What was taken is shown again as it is stored: canonical, each
 * member one that the rows know and of a value that they accept, and the same in JSON and XML. */
#include "base/clock.h"
#include "codec/json.h"
#include "codec/xml.h"
#include "permit/mint.h"
#include "resource/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1767225600000) /* 20260101T000000 */
enum { CSE_BASE = 5, STEPS = 12, MEMBERS = 64, CONTENT = 1 << 20, DEPTH = 3, ITEMS = 3, PLACES = 16 };

/* --- what the input says ------------------------------------------------------------- */

struct input {
	const uint8_t *p;
	size_t n;
	const struct resource_type *type; /* whose content is written */
};

static unsigned take(struct input *in, unsigned below)
{
	if (in->n == 0 || below == 0)
		return 0;
	in->n--;
	return *in->p++ % below;
}

/* --- values ------------------------------------------------------------------------------ */

/* How a value of a kind is made, and texts that some of its rules let pass. */
struct sample {
	char how; /* t text, n number, b truth, f float, s complex, a any; capital: a list of them */
	const char *texts[4];
};

static const struct sample samples[] = {
	[V_STRING] = { 't', { "x", "", "a b", "\xc3\xa9" } },
	[V_UINT] = { 'n', { 0 } }, [V_POSITIVE] = { 'n', { 0 } }, [V_BOOL] = { 'b', { 0 } },
	[V_TIMESTAMP] = { 't', { "20270101T000000", "20260101T000001", "20991231T235959,999", "19990101T000000" } },
	[V_URI] = { 't', { "http://127.0.0.1:9/x", "/in-cse/Cfuzz", "cse-in/a", "coap://[::1]" } },
	[V_ID] = { 't', { "cse-in/a", "/in-cse", "//demo.example/in-cse/a", "a" } },
	[V_LIST_STRING] = { 'T', { "x", "key:value", "a b", "" } },
	[V_LIST_URI] = { 'T', { "/in-cse/Cfuzz", "http://127.0.0.1:9/", "cse-in/b", "mqtt://h" } },
	[V_LIST_ID] = { 'T', { "cse-in/a", "cse-in/b", "a", "//demo.example/in-cse/c" } },
	[V_LIST_UINT] = { 'N', { 0 } }, [V_ENUM] = { 'n', { 0 } }, [V_ACRS] = { 's', { 0 } },
	[V_NAME] = { 't', { "a", "b", "c", "la" } },
	[V_CONTENT_INFO] = { 't', { "text/plain:0", "application/json:0:0", "x/y:2", "text" } },
	[V_ANY] = { 'a', { 0 } }, [V_MAP] = { 'a', { 0 } }, [V_FLOAT] = { 'f', { 0 } },
	[V_INT] = { 'n', { 0 } }, [V_ENUM0] = { 'n', { 0 } }, [V_LIST_ENUM] = { 'N', { 0 } },
	[V_STAMP] = { 't', { "20270101T000000", "1000", "0", "x" } },
	[V_DURATION] = { 't', { "PT1S", "P1D", "PT0S", "P1Y" } },
	[V_LIST_DURATION] = { 'T', { "PT1S", "P1D", "PT0S", "P" } },
	[V_BASE64] = { 't', { "AAAA", "", "QQ==", "Q" } },
	[V_SCALAR] = { 'a', { 0 } },
	[V_NAMED] = { 't', { "a@b.example", "a", "@", "r@x" } },
	[V_LIST_NAMED] = { 'T', { "a@b.example", "a", "b@c.example", "r@x" } },
	[V_SCHEDULE] = { 't', { "* * * * * * *", "0 0 12 * * * *", "*/5 * * * * * *", "x" } },
	[V_SCHEDULES] = { 'T', { "* * * * * * *", "0 0 12 * * * *", "1-5 * * * * * *", "" } },
	[V_LIST_FLOAT] = { 'F', { 0 } }, [V_CIRCLE] = { 'F', { 0 } }, [V_LIST_BOOL] = { 'B', { 0 } },
	[V_COUNTRIES] = { 'T', { "DE", "FR", "de", "X" } },
	[V_SERIALIZATIONS] = { 'T', { "json", "application/xml", "application/vnd.onem2m-res+cbor", "text" } },
	[V_IPV4] = { 't', { "127.0.0.1", "10.0.0.1", "1", "::1" } },
	[V_LIST_IPV4] = { 'T', { "127.0.0.1", "10.0.0.0/8", "10.0.0.0/33", "" } },
	[V_IPV6] = { 't', { "::1", "fe80::1", "1", ":" } },
	[V_LIST_IPV6] = { 'T', { "::1", "fe80::/10", "::/129", "" } },
	[V_ORIGINATORS] = { 'T', { "all", "*", "Cfuzz", "//demo.example/in-cse/C*" } },
	[V_STRUCT] = { 's', { 0 } }, [V_STRUCTS] = { 'S', { 0 } },
	[V_SPECIALIZATION] = { 'a', { 0 } }, [V_CONTENT] = { 'a', { 0 } },
	[V_REQUESTS] = { 'S', { 0 } }, [V_MIN_MAX] = { 'N', { 0 } },
	[V_NUMBER_OF] = { 'n', { 0 } }, [V_LIST_NUMBER_OF] = { 'N', { 0 } },
	[V_TEXT_OF] = { 't', { "YQ.YQ.YQ", "2a", "http://127.0.0.1:9/", "YQ==" } },
	[V_LIST_TEXT_OF] = { 'T', { "YQ..YQ", "3", "http://127.0.0.1:9/", "audio:AVP" } },
};

static void put_value(struct input *in, const struct attribute *a, unsigned depth, struct buf *out);

/* Mostly what must be there, some of what may, and rarely what may not. */
static bool wanted(struct input *in, enum option create)
{
	unsigned dice = take(in, 16);

	if (create == NP)
		return dice == 15 && take(in, 16) == 15;
	return create == MAN ? dice != 15 : dice > 12;
}

static void put_members(struct input *in, const struct attribute *rows, size_t n, unsigned depth, struct buf *out)
{
	struct buf values = buf_make(CONTENT);
	struct cbor_member m[MEMBERS];
	size_t at[MEMBERS + 1] = { 0 }, taken = 0;

	for (size_t i = 0; i < n && taken < MEMBERS; i++) {
		if (!wanted(in, rows[i].create))
			continue;
		m[taken].key = bytes_str(rows[i].short_name);
		put_value(in, &rows[i], depth, &values);
		at[++taken] = values.n;
	}
	for (size_t i = 0; i < taken; i++)
		m[i].value = bytes_sub(bytes_of_buf(&values), at[i], at[i + 1] - at[i]);
	if (cbor_put_members(out, m, taken) != ERR_OK)
		must(cbor_put_map(out, 0) == ERR_OK);
	buf_free(&values);
}

static const struct complex *inside_of(const struct attribute *a)
{
	return schema_complex(a->kind == V_ACRS ? C_setOfAcrs : a->enum_max & UINT16_MAX);
}

static void put_one(struct input *in, const struct attribute *a, char how, unsigned depth, struct buf *out)
{
	static const int64_t numbers[] = { 1, 2, 3, 0, -1, 63, 1000, INT64_MAX };
	static const double floats[] = { 0.5, 1, -90.25, 1e300 };
	const char *const *texts = samples[a->kind].texts;
	const struct complex *c;

	switch (how) {
	case 't': must(cbor_put_text(out, bytes_str(texts[take(in, 4)])) == ERR_OK); return;
	case 'n': must(cbor_put_int(out, numbers[take(in, 8)]) == ERR_OK); return;
	case 'b': must(cbor_put_bool(out, take(in, 2)) == ERR_OK); return;
	case 'f': must(cbor_put_float(out, floats[take(in, 4)]) == ERR_OK); return;
	case 's':
		c = inside_of(a);
		if (c && depth < DEPTH)
			put_members(in, c->members, c->members_n, depth + 1, out);
		else
			must(cbor_put_map(out, 0) == ERR_OK);
		return;
	default: put_one(in, &(struct attribute){ .kind = V_STRING }, "tnbf"[take(in, 4)], depth, out); return;
	}
}

/* What says which specialization it is, or announces. */
static bool put_selector(const struct resource_type *type, const struct attribute *a, struct buf *out)
{
	bool management = bytes_equal(bytes_str(a->short_name), BYTES("mgd"));

	while (type && !type->management && !type->definition)
		type = type->base;
	if (!type)
		return false;
	if (management && type->management)
		must(cbor_put_uint(out, type->management) == ERR_OK);
	else if (type->definition && bytes_equal(bytes_str(a->short_name), BYTES("cnd")))
		must(cbor_put_text(out, bytes_str(type->definition)) == ERR_OK);
	else
		return false;
	return true;
}

static void put_value(struct input *in, const struct attribute *a, unsigned depth, struct buf *out)
{
	char how = samples[a->kind].how;
	unsigned dice = take(in, 32);
	size_t items;

	if (dice > 1 && put_selector(in->type, a, out))
		return;
	if (dice == 0)
		must(cbor_put_null(out) == ERR_OK);
	else if (dice == 1) /* of another kind */
		put_one(in, &(struct attribute){ .kind = V_STRING }, "tnbf"[take(in, 4)], depth, out);
	else if (how >= 'a')
		put_one(in, a, how, depth, out);
	else {
		items = take(in, ITEMS + 1);
		must(cbor_put_array(out, items) == ERR_OK);
		for (size_t i = 0; i < items; i++)
			put_one(in, a, (char)(how - 'A' + 'a'), depth, out);
	}
}

/* --- a request ---------------------------------------------------------------------------- */

struct ground {
	struct input in;
	struct store *store;
	struct resources *r;
	struct arena arena;
	struct buf places[PLACES]; /* addresses of what was made, the CSEBase first */
	const struct resource_type *types[PLACES];
	unsigned places_n;
};

/* Any type; mostly the next one that may stand there. */
static const struct resource_type *choose_type(struct ground *g, const struct resource_type *parent)
{
	const struct resource_type *const *types;
	size_t n = schema_types(&types), first = (take(&g->in, 256) << 8 | take(&g->in, 256)) % n, at = first;

	if (take(&g->in, 16) == 0)
		return types[first];
	while (!type_allows_parent(types[at], parent->number) && (at = (at + 1) % n) != first)
		;
	return types[at];
}

/* {"m2m:cnt": {...}} */
static void put_content(struct ground *g, const struct resource_type *type, struct buf *out)
{
	struct buf member = buf_make(256);

	must(type_member(type, &member) == ERR_OK);
	must(cbor_put_map(out, 1) == ERR_OK);
	must(cbor_put_text(out, bytes_of_buf(&member)) == ERR_OK);
	g->in.type = type;
	put_members(&g->in, type->attributes, type->attributes_n, 0, out);
	buf_free(&member);
}

struct pairs {
	struct buf values;
	const char *keys[8];
	size_t at[9], n;
};

/* Where the value of the next member goes. */
static struct buf *value_of(struct pairs *p, const char *key)
{
	p->keys[p->n] = key;
	p->at[p->n++] = p->values.n;
	return &p->values;
}

static void put_pairs(struct pairs *p, struct buf *out)
{
	struct cbor_member m[8];

	p->at[p->n] = p->values.n;
	for (size_t i = 0; i < p->n; i++)
		m[i] = (struct cbor_member){ bytes_str(p->keys[i]),
			bytes_sub(bytes_of_buf(&p->values), p->at[i], p->at[i + 1] - p->at[i]) };
	must(cbor_put_members(out, m, p->n) == ERR_OK);
	buf_free(&p->values);
}

static void put_request(struct ground *g, unsigned operation, struct bytes to, const struct resource_type *type, struct buf *out)
{
	static const unsigned rcn[] = { 1, 1, 1, 1, 1, 1, 9, 0, 2, 3, 4, 5, 6, 8, 10, 11, 12 };
	struct pairs p = { .values = buf_make(CONTENT) };

	must(cbor_put_text(value_of(&p, "fr"), BYTES("Cfuzz")) == ERR_OK);
	must(cbor_put_uint(value_of(&p, "op"), operation) == ERR_OK);
	must(cbor_put_text(value_of(&p, "rqi"), BYTES("1")) == ERR_OK);
	must(cbor_put_text(value_of(&p, "rvi"), BYTES("3")) == ERR_OK);
	must(cbor_put_text(value_of(&p, "to"), to) == ERR_OK);
	must(cbor_put_uint(value_of(&p, "rcn"), rcn[take(&g->in, COUNT_OF(rcn))]) == ERR_OK);
	if (operation == OPERATION_CREATE)
		must(cbor_put_uint(value_of(&p, "ty"), type->number) == ERR_OK);
	if (type)
		put_content(g, type, value_of(&p, "pc"));
	put_pairs(&p, out);
}

/* --- what must hold ------------------------------------------------------------------------- */

static void check_forms(struct bytes content)
{
	struct buf text = buf_make(4 * CONTENT), again = buf_make(CONTENT);

	must(cbor_check(content, &codec_default_limits) == ERR_OK);
	must(cbor_to_json(content, &text) == ERR_OK);
	must(json_to_cbor(bytes_of_buf(&text), &codec_default_limits, &again) == ERR_OK);
	must(bytes_equal(content, bytes_of_buf(&again)));
	buf_clear(&text);
	buf_clear(&again);
	if (cbor_to_xml(content, &schema_xml, &text) == ERR_OK)
		must(xml_to_cbor(bytes_of_buf(&text), &codec_default_limits, &schema_xml, &again) == ERR_OK);
	buf_free(&text);
	buf_free(&again);
}

/* Each member of what is stored is one of its type's rows, with a value they accept. */
static void check_stored(const struct resource_type *type, struct bytes content)
{
	struct bytes rest, key;
	struct cbor outer, inner, value;
	bool found;

	if (cbor_read(content, &outer) != ERR_OK || outer.kind != CBOR_MAP)
		return;
	rest = outer.s;
	must(cbor_pair(&rest, &key, &inner, &found) == ERR_OK && found && inner.kind == CBOR_MAP);
	rest = inner.s;
	while (cbor_pair(&rest, &key, &value, &found) == ERR_OK && found) {
		const struct attribute *a = type_attribute(type, key);

		must(a != NULL);
		must(value_ok(a, &value));
	}
}

static bool all_may(void *self, uint64_t id)
{
	return true;
}

static unsigned perform(struct ground *g, struct bytes request, struct buf *content, struct outcome *out)
{
	static const struct discovery everything = { all_may, NULL };
	static err_t (*const operations[])(struct resources *, const struct resource_ask *, struct buf *, struct outcome *) = {
		NULL, resource_create, resource_retrieve, resource_update, resource_delete };
	static struct request_primitive q;
	struct permit permit = { .everything = true };
	struct target target;
	struct resource_ask ask;
	err_t err;

	arena_reset(&g->arena);
	if (request_read(request, NOW, &q) != ERR_OK || resource_resolve(g->r, q.to, &target) != ERR_OK ||
	    target.place != TARGET_HERE || target.virtual_child)
		return 0;
	ask = (struct resource_ask){ .request = &q, .target = &target, .permit = &permit, .arena = &g->arena,
		.originator = BYTES("//demo.example/in-cse/Cfuzz"), .now = NOW, .children = &everything };
	resource_begin(g->r);
	must(store_mark(g->store) == ERR_OK);
	err = operations[q.operation](g->r, &ask, content, out);
	must(err == ERR_OK);
	if (status_is_success(out->status))
		store_release_mark(g->store);
	else
		store_undo_to_mark(g->store);
	return out->status;
}

/* What was made is there, as the rows say, and can be asked for by its own address. */
static void check_made(struct ground *g, const struct resource_type *type, const struct outcome *out)
{
	struct buf *place = &g->places[g->places_n], request = buf_make(CONTENT), content = buf_make(CONTENT);
	struct input none = { 0 }, kept = g->in;
	struct outcome again = { 0 };

	*place = buf_make(1024);
	must(resource_address(g->r, out->resource, place) == ERR_OK);
	g->in = none;
	put_request(g, OPERATION_RETRIEVE, bytes_of_buf(place), NULL, &request);
	if (perform(g, bytes_of_buf(&request), &content, &again) == RSC_OK)
		check_stored(type, bytes_of_buf(&content));
	g->in = kept;
	g->types[g->places_n] = type;
	if (g->places_n + 1 < PLACES)
		g->places_n++;
	else
		buf_free(place);
	buf_free(&request);
	buf_free(&content);
}

static void step(struct ground *g)
{
	static const unsigned operations[] = { OPERATION_CREATE, OPERATION_CREATE, OPERATION_CREATE, OPERATION_UPDATE,
		                               OPERATION_UPDATE, OPERATION_RETRIEVE, OPERATION_DELETE };
	unsigned operation = operations[take(&g->in, COUNT_OF(operations))], status;
	unsigned place = g->places_n - 1 - take(&g->in, g->places_n);
	struct bytes to = bytes_of_buf(&g->places[place]);
	const struct resource_type *type = NULL;
	struct buf request = buf_make(CONTENT), content = buf_make(CONTENT);
	struct outcome out = { 0 };

	if (operation == OPERATION_CREATE)
		type = choose_type(g, g->types[place]);
	else if (operation == OPERATION_UPDATE) /* of what is there, or of something else */
		type = take(&g->in, 8) ? g->types[place] : choose_type(g, g->types[0]);
	put_request(g, operation, to, type, &request);
	status = perform(g, bytes_of_buf(&request), &content, &out);
	if (status_is_success(status) && content.n)
		check_forms(bytes_of_buf(&content));
	if (status == RSC_CREATED && type)
		check_made(g, type, &out);
	buf_free(&request);
	buf_free(&content);
}

/* --- a store in memory, without a keeper ------------------------------------------------------ */

static err_t key_new(void *self, uint8_t key[32], struct buf *sealed)
{
	bytes_zero(key, 32);
	return buf_add(sealed, bytes_make(key, 32));
}

static err_t key_open(void *self, struct bytes sealed, uint8_t key[32])
{
	return bytes_put(key, 32, sealed);
}

static err_t index_key(void *self, struct bytes attribute, uint8_t key[32])
{
	bytes_zero(key, 32);
	return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cse_identity cse = { .sp_id = BYTES("//demo.example"), .cse_id = BYTES("/in-cse"),
		                                 .cse_name = BYTES("cse-in"), .cse_type = 1 };
	static const struct store_setup setup = { .engine = "memory", .cache_rows = 1000,
		                                  .keys = { NULL, key_new, key_open, index_key } };
	static struct ground g;

	g = (struct ground){ .in = { data, size, NULL }, .places_n = 1, .types = { resource_type(CSE_BASE) } };
	clock_simulate(NOW);
	must(store_open(&setup, &g.store) == ERR_OK && store_begin(g.store) == ERR_OK);
	must(resources_open(g.store, &cse, &g.r) == ERR_OK);
	arena_init(&g.arena, 64 << 20);
	g.places[0] = buf_make(1024);
	must(buf_add(&g.places[0], BYTES("cse-in")) == ERR_OK);
	for (unsigned i = 0; i < STEPS && g.in.n; i++)
		step(&g);
	for (unsigned i = 0; i < g.places_n; i++)
		buf_free(&g.places[i]);
	arena_free(&g.arena);
	resources_close(g.r);
	store_rollback(g.store);
	store_close(g.store);
	return 0;
}
