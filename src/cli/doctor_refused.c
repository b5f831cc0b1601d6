/* doctor_refused.c: what the keeper said no to, in words of a maker: why it is locked, and
 * which refusals stand in the audit log; and the clone alarms that stand there. */
#include "cli/doctor.h"

#include "base/clock.h"

enum { LOOKED_AT = 1000, DAY_MS = 86400 * 1000, KIND_ASSOCIATION = 5, KIND_KEEPER = 7, ROWS_MAX = 4 * 1024 * 1024 };

static const struct {
	const char *words, *means, *repair;
} locked[] = {
#define LOCKED(words, means, repair) { words, means, repair },
#include "cli/doctor_locked.def"
#undef LOCKED
};

void doctor_locked(struct doctor *d, struct bytes why)
{
	for (size_t i = 0; i < COUNT_OF(locked); i++) {
		if (!text_contains(why, bytes_str(locked[i].words)))
			continue;
		d->means = locked[i].means;
		d->repair = locked[i].repair;
		return;
	}
}

/* --- the audit log ------------------------------------------------------------------- */

static const struct refusal {
	enum doctor_refusals class;
	unsigned op;
	err_t status;
	const char *says, *repair;
} refusals[] = {
#define REFUSED(class, op, status, says, repair) { DOCTOR_##class, op, status, says, repair },
#include "cli/doctor_refused.def"
#undef REFUSED
};

struct found {
	enum doctor_refusals class;
	const struct refusal *row; /* of the newest */
	unsigned n;
	char whose[128];
};

/* "operation 57 asked by door 0: refused" */
static bool is_of(const struct refusal *r, struct bytes text)
{
	struct bytes rest = text, head = bytes_cut(&rest, ':');
	uint64_t op = 0;

	if (!bytes_starts(head, BYTES("operation ")) ||
	    !bytes_equal(bytes_trim(rest), bytes_str(err_text(r->status))))
		return false;
	head = bytes_sub(head, 10, head.n);
	if (bytes_to_u64(bytes_cut(&head, ' '), 65535, &op) != ERR_OK)
		return false;
	/* Orders have rows of their own. */
	return r->op ? op == r->op : op != OP_ORDER_PREPARE && op != OP_ORDER_EXECUTE;
}

/* A record of that kind and of the last day, with a text; who or what it is about stands at `key`. */
static bool is_recent(struct bytes map, unsigned kind, const char *key, struct bytes *text, struct bytes *whose)
{
	if (row_number(map, "k") != kind || (int64_t)row_number(map, "t") < clock_now() - DAY_MS ||
	    cbor_find_text(map, "tx", text) != ERR_OK)
		return false;
	if (cbor_find_text(map, key, whose) != ERR_OK)
		*whose = BYTES_NONE;
	return true;
}

static void count(struct found *f, struct bytes whose)
{
	f->n++;
	(void)text_print(f->whose, sizeof(f->whose), "%.*s", BYTES_FMT(bytes_sub(whose, 0, sizeof(f->whose) - 1)));
}

static void look_for_refusal(struct bytes map, struct found *f)
{
	struct bytes text, subject;

	if (!is_recent(map, KIND_KEEPER, "to", &text, &subject))
		return;
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		if (refusals[i].class != f->class || !is_of(&refusals[i], text))
			continue;
		f->row = &refusals[i];
		count(f, subject);
	}
}

static void look_for_clone(struct bytes map, struct found *f)
{
	struct bytes text, who;

	if (is_recent(map, KIND_ASSOCIATION, "fr", &text, &who) && text_contains(text, BYTES("clone alarm")))
		count(f, who);
}

static err_t look(struct doctor *d, void (*at)(struct bytes map, struct found *f), struct found *f)
{
	uint64_t last = row_number(bytes_of_buf(&d->status), "audit");
	struct buf rows = buf_make(ROWS_MAX);
	char text[DOOR_TEXT_MAX];
	uint8_t fields[12];
	struct bytes rest;
	struct cbor row;
	err_t err;

	put_be64(fields, last > LOOKED_AT ? last - LOOKED_AT : 1);
	put_be32(fields + 8, LOOKED_AT + 100);
	TRY(door_ask(&d->door, ADMIN_AUDIT_LIST, BYTES_OF(fields), &rows, text));
	for (rest = bytes_of_buf(&rows); rest.n > 0;) {
		TRY(cbor_next(&rest, &row));
		at(row.raw, f);
	}
out:
	buf_free(&rows);
	return err;
}

enum verdict doctor_refused(struct doctor *d, enum doctor_refusals class, const char *none)
{
	struct found f = { .class = class };
	char more[256];
	err_t err = look(d, look_for_refusal, &f);

	if (err != ERR_OK)
		return doctor_say(d, DOCTOR_WARN, "the audit log cannot be read: ", err_text(err));
	if (!f.n)
		return doctor_say(d, DOCTOR_OK, none, "");
	d->repair = f.row->repair;
	(void)text_print(more, sizeof(more), " (%s; %u of such in the last day)", f.whose[0] ? f.whose : "nobody named", f.n);
	return doctor_say(d, DOCTOR_WARN, f.row->says, more);
}

enum verdict doctor_clones(struct doctor *d)
{
	struct found f = { .n = 0 };
	char more[256];
	err_t err = look(d, look_for_clone, &f);

	if (err != ERR_OK)
		return doctor_say(d, DOCTOR_WARN, "the audit log cannot be read: ", err_text(err));
	if (!f.n)
		return doctor_say(d, DOCTOR_OK, "no credential was seen in two hands of late", "");
	(void)text_print(more, sizeof(more), " (the newest: %s; %u of such in the last day)", f.whose[0] ? f.whose : "nobody named", f.n);
	return doctor_say(d, DOCTOR_WARN, "clone alarm: a credential in two hands, or its device moves more than clone.* lets it", more);
}
