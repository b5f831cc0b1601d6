/* action_input.c: inputs of actions at other CSEs: asked for when the action fires, one after the other, as its
 * creator could ask; what is shown decides that CSE. With the last answer the request is made. What was
 * gathered stands with the question that is under way, so none is lost by a restart. One that is not shown ends
 * it: nothing is made of a part. */
#include "request/action.h"

#include "request/later_work.h"
#include "resource/action.h"

enum { GATHERED_MAX = 64 * 1024, ASKED_MS = 60000, DIGEST = 16, SEED_MAX = 64 * 1024, RESULT_MAX = 4096 };

static const char reason[] = "action";

struct gathered {
	uint64_t action, left;              /* of its chain */
	struct bytes names;                 /* see names_of */
	struct bytes values[ACTION_INPUTS]; /* empty: of a resource here */
	size_t n;
};

/* What is named is what was named when the first was asked for. */
static err_t names_of(const struct action *a, char text[2 * DIGEST + 1])
{
	struct buf names = buf_make(SEED_MAX);
	uint8_t digest[32], n[8];
	err_t err = ERR_OK;

	for (size_t i = 0; i < a->inputs_n; i++) {
		put_be64(n, a->inputs[i].n);
		TRY(buf_add(&names, BYTES_OF(n)));
		TRY(buf_add(&names, a->inputs[i]));
	}
	store_digest(bytes_of_buf(&names), digest);
	bytes_to_hex(bytes_make(digest, DIGEST), text, 2 * DIGEST + 1);
out:
	buf_free(&names);
	return err;
}

/* [ action, names, [ values, null for those of resources here ] ] */
static err_t own_gathered(const struct action *a, const struct gathered *g, struct later_own *own)
{
	static const uint8_t null = 0xf6;
	char names[2 * DIGEST + 1];
	size_t at = own->values.n;
	err_t err;

	later_own_begin(own, BYTES("@in"));
	TRY(names_of(a, names));
	TRY(cbor_put_array(&own->values, 3));
	TRY(cbor_put_uint(&own->values, a->id));
	TRY(cbor_put_text(&own->values, bytes_str(names)));
	TRY(cbor_put_array(&own->values, g->n));
	for (size_t i = 0; i < g->n; i++)
		TRY(buf_add(&own->values, g->values[i].n ? g->values[i] : bytes_make(&null, 1)));
	TRY(own->values.n - at <= GATHERED_MAX ? ERR_OK : ERR_LIMIT);
out:
	later_own_end(own, err);
	return err;
}

/* From is its creator, as the request that it makes says. */
static err_t from_of(struct work *w, const struct action *a, struct buf *out)
{
	struct bytes asked, from;
	err_t err;

	TRY(action_primitive(w->room->resources, a->id, &asked));
	TRY(cbor_find_text(asked, "fr", &from));
	err = buf_add(out, from);
out:
	return err;
}

static err_t keep_question(struct work *w, const struct action *a, const struct gathered *g, struct bytes to)
{
	struct later_own own = { .values = buf_make(GATHERED_MAX + LATER_OCTETS) };
	struct buf primitive = buf_make(LATER_OCTETS), rqi = buf_make(96), from = buf_make(1024);
	struct outbound_request r = { .operation = OPERATION_RETRIEVE, .to = to, .rvi = BYTES("3") };
	struct later_order order = { .originator = a->creator, .credential = a->credential, .now = w->in->now,
		                     .due = w->in->now, .expires = w->in->now + ASKED_MS };
	struct arena arena;
	err_t err;

	arena_init(&arena, 4 * LATER_OCTETS);
	TRY(from_of(w, a, &from));
	TRY(buf_printf(&rqi, "inp-%llx-%llx-%llx-%zx", (unsigned long long)w->in->now, (unsigned long long)a->id,
	               (unsigned long long)a->times, g->n));
	r.from = bytes_of_buf(&from);
	r.rqi = bytes_of_buf(&rqi);
	TRY(outbound_compose(&r, &primitive));
	order.primitive = bytes_of_buf(&primitive);
	TRY(own_gathered(a, g, &own));
	later_own_uint(&own, BYTES("@bg"), g->left);
	err = later_order(w->room, &own, &order, &arena);
out:
	arena_free(&arena);
	buf_free(&own.values);
	buf_free(&primitive);
	buf_free(&rqi);
	buf_free(&from);
	return err;
}

/* The next that is at another CSE. */
static err_t ask_next(struct work *w, const struct action *a, struct gathered *g, bool *asked)
{
	struct bytes to, attribute;
	err_t err = ERR_OK;

	*asked = false;
	for (; g->n < a->inputs_n && !*asked; g->n += !*asked) {
		TRY(action_input_elsewhere(w->room->resources, a->inputs[g->n], &to, &attribute, asked));
		g->values[g->n] = BYTES_NONE;
	}
	if (*asked)
		err = keep_question(w, a, g, to);
out:
	return err;
}

err_t action_inputs_ask(struct work *w, const struct action *a, uint64_t left, bool *asked)
{
	struct gathered g = { .action = a->id, .left = left };

	return ask_next(w, a, &g, asked);
}

/* What stands with the question; *was false: it is none. Views into the arena. */
static err_t read_gathered(struct request_room *room, uint64_t row, struct gathered *g, bool *was)
{
	const struct store_row *found;
	struct cbor list, item, values;
	struct bytes kept;
	bool has;
	err_t err;

	*was = false;
	TRY(store_get(room->store, row, &found));
	if (found)
		TRY(cbor_find(found->body, BYTES("@in"), &list, was));
	if (!*was)
		goto out;
	TRY(cbor_find(found->body, BYTES("@bg"), &item, &has));
	g->left = has ? item.u : 0;
	TRY(arena_copy(&room->arena, list.s, &kept));
	TRY(cbor_next(&kept, &item));
	g->action = item.u;
	TRY(cbor_next(&kept, &item));
	g->names = item.s;
	TRY(cbor_next(&kept, &values));
	for (g->n = 0; values.s.n && g->n < ACTION_INPUTS - 1; g->n++) {
		TRY(cbor_next(&values.s, &item));
		g->values[g->n] = item.kind == CBOR_NULL ? BYTES_NONE : item.raw;
	}
out:
	return err;
}

/* The answer is the result of the action: nothing is made. */
static err_t not_shown(struct work *w, const struct action *a, const struct response_primitive *response)
{
	struct response_primitive bare = *response;
	struct buf encoded = buf_make(RESULT_MAX);
	err_t err;

	TRY(action_record(w, a, "not done: an input is not there for its creator"));
	bare.content = BYTES_NONE;
	bare.status = status_is_success(bare.status) ? RSC_NOT_FOUND : bare.status;
	TRY(response_write(&bare, &encoded));
	err = action_result(w->room->resources, permit_for_system(reason), a->id, bytes_of_buf(&encoded));
out:
	buf_free(&encoded);
	return err;
}

static err_t go_on(struct work *w, const struct action *a, struct gathered *g, const struct response_primitive *response)
{
	struct bytes to, attribute, value = BYTES_NONE;
	bool elsewhere, asked;
	err_t err;

	TRY(action_input_elsewhere(w->room->resources, a->inputs[g->n], &to, &attribute, &elsewhere));
	if (status_is_success(response->status) && elsewhere)
		value = action_input_shown(response->content, attribute);
	if (!value.n)
		return not_shown(w, a, response);
	g->values[g->n++] = value;
	if (later_full(&w->room->later, a->creator))
		return action_record(w, a, "not done: too many requests of its creator wait");
	err = ask_next(w, a, g, &asked);
	if (action_not_done(err))
		return action_record(w, a, action_not_done(err));
	TRY(err);
	if (!asked)
		err = action_make(w, a, w->in->now, g->left, g->values, &asked);
out:
	return err;
}

err_t action_inputs_answered(struct request_room *room, const struct request_arrival *in,
                             const struct response_primitive *response, bool *was)
{
	struct work w = { .room = room, .in = in };
	char named[2 * DIGEST + 1];
	struct gathered g = { .n = 0 };
	struct action a;
	bool found;
	err_t err;

	TRY(read_gathered(room, in->deferred, &g, was));
	if (!*was)
		goto out;
	TRY(action_load(room->resources, &room->arena, g.action, in->now, &a, &found));
	if (!found)
		goto out;
	TRY(names_of(&a, named));
	if (!bytes_equal(g.names, bytes_str(named)) || g.n >= a.inputs_n)
		err = action_record(&w, &a, "not done: what it takes was changed meanwhile");
	else
		err = go_on(&w, &a, &g, response);
out:
	return err;
}
