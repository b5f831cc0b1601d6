/* doctor_refused.c: what the keeper said no to, in words of a maker: why it is locked, and
 * which refusals stand in the audit log. */
#include "cli/doctor.h"

#include "base/clock.h"

enum { LOOKED_AT = 1000, DAY_MS = 86400 * 1000, KIND_KEEPER = 7, ROWS_MAX = 4 * 1024 * 1024 };

static const struct {
	const char *words, *means, *repair;
} locked[] = {
#define LOCKED(words, means, repair) { words, means, repair },
#include "cli/doctor_locked.def"
#undef LOCKED
};

static bool contains(struct bytes text, struct bytes words)
{
	for (size_t i = 0; i + words.n <= text.n; i++) {
		if (bytes_starts(bytes_sub(text, i, text.n), words))
			return true;
	}
	return false;
}

void doctor_locked(struct doctor *d, struct bytes why)
{
	for (size_t i = 0; i < COUNT_OF(locked); i++) {
		if (!contains(why, bytes_str(locked[i].words)))
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

static void look_at(struct bytes map, enum doctor_refusals class, struct found *f)
{
	struct bytes text, subject = BYTES_NONE;

	if (row_number(map, "k") != KIND_KEEPER || (int64_t)row_number(map, "t") < clock_now() - DAY_MS ||
	    cbor_find_text(map, "tx", &text) != ERR_OK)
		return;
	if (cbor_find_text(map, "to", &subject) != ERR_OK)
		subject = BYTES_NONE;
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		if (refusals[i].class != class || !is_of(&refusals[i], text))
			continue;
		f->row = &refusals[i];
		f->n++;
		(void)text_print(f->whose, sizeof(f->whose), "%.*s", BYTES_FMT(bytes_sub(subject, 0, sizeof(f->whose) - 1)));
	}
}

static err_t look(struct doctor *d, enum doctor_refusals class, struct found *f)
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
		look_at(row.raw, class, f);
	}
out:
	buf_free(&rows);
	return err;
}

enum verdict doctor_refused(struct doctor *d, enum doctor_refusals class, const char *none)
{
	struct found f = { 0 };
	char more[256];
	err_t err = look(d, class, &f);

	if (err != ERR_OK)
		return doctor_say(d, DOCTOR_WARN, "the audit log cannot be read: ", err_text(err));
	if (!f.n)
		return doctor_say(d, DOCTOR_OK, none, "");
	d->repair = f.row->repair;
	(void)text_print(more, sizeof(more), " (%s; %u of such in the last day)", f.whose[0] ? f.whose : "nobody named", f.n);
	return doctor_say(d, DOCTOR_WARN, f.row->says, more);
}
