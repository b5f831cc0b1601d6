/* mefClientCmd [TS-0003 8.3.9]: one command at a time, the rest waits.
 *
 *   NO_MORE_COMMANDS --an operator gives one--> issued --read again--> reissued
 *        ^                                         | the client's status, with its cmdID
 *        +---- none waits -------------------------+---- one waits ---> issued
 *
 * Every command has an identifier of its own, NO_MORE_COMMANDS too, so that none is carried
 * out twice. A status for another than the current one is discarded. */
#include "resource/engine.h"
#include "resource/trust.h"

enum { ISSUED = 10, REISSUED = 11, DONE_MAX = 256 };

/* Members of the body that are ours: identifiers given, what waits, what became of them. */
#define LAST "@n"
#define WAITING "@wait"
#define DONE "@done"

static const char name[] = "cmd";

/* What a client may say of a command [TS-0003 table 8.3.9.5.1-1]. */
static bool is_status(uint64_t code)
{
	static const unsigned codes[] = { 20, 40, 41, 42, 43, 100, 101, 201, 202, 300, 301, 302, 303, 304, 305 };

	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		if (code == codes[i])
			return true;
	}
	return false;
}

static err_t put_map(struct buf *out, const char *key, struct bytes value)
{
	struct cbor_member m = { bytes_str(key), value };

	return cbor_put_members(out, &m, 1);
}

/* { "ccid": 0, "cma": { "nmca": { "rdu": an hour } } } */
static err_t describe_none(struct buf *out)
{
	struct buf rdu = buf_make(32), inner = buf_make(64), args = buf_make(64);
	uint8_t zero[1] = { 0 };
	struct cbor_member m[2] = { { BYTES("ccid"), BYTES_OF(zero) } };
	err_t err;

	TRY(cbor_put_text(&rdu, BYTES("PT1H")));
	TRY(put_map(&inner, "rdu", bytes_of_buf(&rdu)));
	TRY(put_map(&args, "nmca", bytes_of_buf(&inner)));
	m[1] = (struct cbor_member){ BYTES("cma"), bytes_of_buf(&args) };
	TRY(cbor_put_members(out, m, COUNT_OF(m)));
out:
	buf_free(&rdu);
	buf_free(&inner);
	buf_free(&args);
	return err;
}

/* The current command; `description` lives as long as the arena. */
static err_t issue(struct resources *r, struct arena *a, struct attribute_set *set,
                   struct bytes description, uint64_t *number)
{
	err_t err;

	*number = set_uint(set, BYTES(LAST), 0) + 1;
	TRY(set_put_uint(r, a, set, BYTES(LAST), *number));
	TRY(set_put_uint(r, a, set, BYTES("mcci"), *number));
	TRY(set_put_uint(r, a, set, BYTES("mccs"), ISSUED));
	TRY(set_put(set, BYTES("mccd"), description));
out:
	return err;
}

static err_t issue_none(struct resources *r, struct arena *a, struct attribute_set *set)
{
	struct buf none = buf_make(128);
	struct bytes kept;
	uint64_t number;
	err_t err;

	TRY(describe_none(&none));
	TRY(arena_copy(a, bytes_of_buf(&none), &kept));
	TRY(issue(r, a, set, kept, &number));
out:
	buf_free(&none);
	return err;
}

/* The first that waits, or none. */
static err_t issue_next(struct resources *r, struct arena *a, struct attribute_set *set)
{
	struct cbor list, first;
	struct bytes rest, encoded;
	uint64_t number;
	err_t err;

	if (!set_get(set, BYTES(WAITING), &list) || list.kind != CBOR_ARRAY || list.u == 0)
		return issue_none(r, a, set);
	rest = list.s;
	TRY(cbor_next(&rest, &first));
	buf_clear(&r->scratch);
	TRY(cbor_put_array(&r->scratch, list.u - 1));
	TRY(buf_add(&r->scratch, rest));
	TRY(arena_copy(a, bytes_of_buf(&r->scratch), &encoded));
	TRY(set_put(set, BYTES(WAITING), encoded));
	TRY(issue(r, a, set, first.raw, &number));
out:
	return err;
}

/* --- with the registration ------------------------------------------------------------- */

err_t command_none(struct resource_work *w)
{
	struct store_row row = { .parent = w->row.id, .type = TYPE_MEF_COMMAND, .created = w->now, .modified = w->now,
		                 .name = bytes_str(name) };
	struct attribute_set set = { .n = 0 };
	err_t err;

	row.id = store_next_id(w->r->store);
	TRY(issue_none(w->r, w->arena, &set));
	TRY(set_put_text(w->r, w->arena, &set, BYTES(INTERNAL_CREATOR), w->ask->originator));
	TRY(set_encode(w->r, w->arena, &set, &row.body));
	TRY(work_account(w, BYTES_NONE, row.body));
	TRY(store_insert(w->r->store, &row));
out:
	return err;
}

/* --- given by an operator ----------------------------------------------------------------- */

static err_t find(struct resources *r, struct bytes registration, struct store_row *row, struct arena *a)
{
	const struct store_row *found = NULL;
	struct place place;
	uint64_t id = 0;
	err_t err;

	TRY(tree_walk(r, registration, &place));
	if (place.where == TARGET_HERE && place.type == TYPE_MEF_CLIENT && !place.virtual_child)
		TRY(store_find_child(r->store, place.id, bytes_str(name), &id));
	if (!id)
		return ERR_MISSING;
	TRY(store_get(r->store, id, &found));
	TRY(found ? ERR_OK : ERR_TAMPERED);
	*row = *found;
	TRY(arena_copy(a, found->body, &row->body));
out:
	return err;
}

/* Behind those that wait already. */
static err_t put_waiting(struct resources *r, struct arena *a, struct attribute_set *set,
                         struct bytes description)
{
	struct cbor list = { .kind = CBOR_ARRAY };
	struct bytes encoded;
	err_t err;

	(void)set_get(set, BYTES(WAITING), &list);
	if (list.u >= COMMANDS_WAITING)
		return ERR_FULL;
	buf_clear(&r->scratch);
	TRY(cbor_put_array(&r->scratch, list.u + 1));
	TRY(buf_add(&r->scratch, list.s));
	TRY(buf_add(&r->scratch, description));
	TRY(arena_copy(a, bytes_of_buf(&r->scratch), &encoded));
	TRY(set_put(set, BYTES(WAITING), encoded));
out:
	return err;
}

/* Is the current one NO_MORE_COMMANDS? */
static bool is_idle(const struct attribute_set *set)
{
	struct cbor description, class;
	bool found;

	return set_get(set, BYTES("mccd"), &description) &&
	       cbor_find(description.raw, BYTES("ccid"), &class, &found) == ERR_OK && found &&
	       class.kind == CBOR_UINT && class.u == 0;
}

err_t trust_command(struct resources *r, const struct permit *system,
                    const struct trust_command *command, uint64_t *number)
{
	struct attribute_set set;
	struct store_row row;
	struct bytes had;
	struct arena a;
	err_t err;

	arena_init(&a, 1 << 20);
	TRY(find(r, command->registration, &row, &a));
	TRY(permit_covers(system, RIGHT_UPDATE, row.id) ? ERR_OK : ERR_REFUSED);
	TRY(set_load(&set, row.body));
	if (is_idle(&set)) {
		TRY(issue(r, &a, &set, command->description, number));
	} else {
		struct cbor list = { .u = 0 };

		(void)set_get(&set, BYTES(WAITING), &list);
		TRY(put_waiting(r, &a, &set, command->description));
		*number = set_uint(&set, BYTES(LAST), 0) + 1 + list.u;
	}
	had = row.body;
	TRY(set_encode(r, &a, &set, &row.body));
	TRY(account_own(r, had, row.body));
	row.size = 0;
	row.modified = command->now;
	TRY(store_update(r->store, &row));
out:
	arena_free(&a);
	return err;
}

err_t trust_commands_done(struct resources *r, uint64_t registration, struct arena *a,
                          struct bytes *text)
{
	const struct store_row *row = NULL;
	struct cbor done;
	uint64_t id;
	bool found = false;
	err_t err;

	*text = BYTES_NONE;
	TRY(store_find_child(r->store, registration, bytes_str(name), &id));
	if (id)
		TRY(store_get(r->store, id, &row));
	if (row && row->type == TYPE_MEF_COMMAND)
		TRY(body_get(row->body, BYTES(DONE), &done, &found));
	if (found && done.kind == CBOR_TEXT)
		TRY(arena_copy(a, done.s, text));
out:
	return err;
}

/* --- read and reported by its client --------------------------------------------------------- */

/* "1:20 2:43": the oldest are forgotten first. */
static err_t note_done(struct resource_work *w, uint64_t id, uint64_t status)
{
	struct buf text = buf_make(DONE_MAX * 2);
	struct cbor before = { .kind = CBOR_TEXT };
	struct bytes rest;
	err_t err;

	(void)set_get(&w->set, BYTES(DONE), &before);
	TRY(buf_printf(&text, "%.*s%s%llu:%llu", BYTES_FMT(before.s), before.s.n ? " " : "",
	               (unsigned long long)id, (unsigned long long)status));
	rest = bytes_of_buf(&text);
	while (rest.n > DONE_MAX)
		(void)bytes_cut(&rest, ' ');
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES(DONE), rest));
out:
	buf_free(&text);
	return err;
}

/* The answer to an update is the next command [TS-0003 8.3.9.3]. */
static err_t updated(struct resource_work *w)
{
	uint64_t id, status, current = set_uint(&w->before, BYTES("mcci"), 0);
	struct cbor v;
	err_t err;

	if (!set_get(&w->asked, BYTES("mcci"), &v) || !set_get(&w->asked, BYTES("mccs"), &v))
		return refuse(w->out, RSC_BAD_REQUEST, "a status is of a command", BYTES("mcci"));
	id = set_uint(&w->asked, BYTES("mcci"), 0);
	status = set_uint(&w->asked, BYTES("mccs"), 0);
	if (!is_status(status))
		return refuse(w->out, RSC_BAD_REQUEST, "is no status of a client", BYTES("mccs"));
	if (id == current) {
		TRY(note_done(w, id, status));
		TRY(issue_next(w->r, w->arena, &w->set));
		w->row.size = 1; /* the answer issues it */
	} else {
		TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("mcci"), current));
		TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("mccs"), REISSUED));
	}
	/* All of it is news to who asked. */
	set_drop(&w->before, BYTES("mccd"));
out:
	return err;
}

/* Issued the first time, reissued after. That it was is kept in the column of sizes, which
 * such a row has no other use for. */
static err_t shown(struct resource_work *w, struct attribute_set *set)
{
	struct store_row row = w->row;
	err_t err;

	if (w->row.size)
		return set_put_uint(w->r, w->arena, set, BYTES("mccs"), REISSUED);
	row.size = 1;
	TRY(store_update(w->r->store, &row));
	TRY(set_put_uint(w->r, w->arena, set, BYTES("mccs"), ISSUED));
out:
	return err;
}

const struct resource_hooks resource_hooks_mcc = { .updated = updated, .shown = shown };
