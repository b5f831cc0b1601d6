/* record.c: one audit record of what became of a request, in the transaction of
 * what it records. Texts are cut; a secret is never among them: content is
 * recorded by digest only. */
#include "request/queue.h"
#include "request/work.h"

enum { ORIGINATOR_MAX = 192, TARGET_MAX = 256, IDENTIFIER_MAX = 128 };

/* At most n octets, cut between characters. */
static struct bytes cut(struct bytes text, size_t n)
{
	if (text.n <= n)
		return text;
	while (n && (text.p[n] & 0xc0) == 0x80)
		n--;
	return bytes_sub(text, 0, n);
}

struct bytes record_text(const struct work *w, char out[192])
{
	const char *what = w->status ? w->what : w->outcome.what;
	const char *detail = w->status ? w->detail : w->outcome.detail;
	struct bytes parts[3] = { bytes_str(what), BYTES(": "), bytes_str(detail) };
	size_t at = 0;

	for (size_t i = 0; i < (parts[2].n ? 3 : 1); i++) {
		struct bytes part = bytes_sub(parts[i], 0, 191 - at);

		bytes_copy(out + at, part.p, part.n);
		at += part.n;
	}
	return cut(bytes_make(out, at), 190);
}

/* A change, or a refusal that an auditor looks for, is durable before its answer
 * leaves; so are the records of it. */
static bool is_durable(const struct work *w)
{
	const struct status_row *row = status_row(work_status(w));

	if (row && row->security)
		return true;
	return w->request.operation != OPERATION_RETRIEVE && status_is_success(work_status(w));
}

static void compose(const struct work *w, char text[192], struct audit_record *out)
{
	*out = (struct audit_record){
		.kind = AUDIT_DECISION, .at = w->in->now,
		.originator = cut(w->originator.n ? w->originator : w->request.from,
		                  ORIGINATOR_MAX),
		.association = w->in->association, .operation = w->request.operation,
		.target = cut(w->request.to, TARGET_MAX),
		.request = cut(w->request.rqi, IDENTIFIER_MAX), .status = work_status(w),
		.rule = bytes_str(w->status ? w->rule : w->decision.text),
		.text = record_text(w, text),
	};
	if (w->association)
		out->credential = bytes_str(w->association->facts.credential);
}

err_t record_request(struct work *w)
{
	struct audit_record record;
	char text[192];
	err_t err;

	compose(w, text, &record);
	if (w->outcome.changed && status_is_success(work_status(w))) {
		record.resource = w->outcome.resource;
		record.version = w->outcome.version;
		record.digest = BYTES_OF(w->outcome.digest);
	}
	TRY(audit_append(w->room->audit, &record));
	if (is_durable(w))
		w->room->must_commit = true;
out:
	return err;
}

/* --- requests within a request that may be undone together ------------------------------- */

struct recorded {
	struct recorded *next;
	struct audit_record record;
};

err_t record_remember(struct work *w, const struct work *member)
{
	struct arena *a = &w->room->arena;
	struct recorded **last = &w->recorded, *one;
	char text[192];
	void *p;
	err_t err;

	while (*last)
		last = &(*last)->next;
	TRY(arena_take(a, sizeof(*one), &p));
	one = p;
	one->next = NULL;
	compose(member, text, &one->record);
	TRY(arena_copy(a, one->record.originator, &one->record.originator));
	TRY(arena_copy(a, one->record.rule, &one->record.rule));
	TRY(arena_copy(a, one->record.text, &one->record.text));
	if (status_is_success(one->record.status))
		one->record.text = BYTES("undone with its transaction");
	*last = one;
out:
	return err;
}

err_t record_undone(struct work *w)
{
	err_t err = ERR_OK;

	for (const struct recorded *i = w->recorded; i; i = i->next) {
		TRY(audit_append(w->room->audit, &i->record));
		w->room->must_commit = true;
	}
out:
	return err;
}

err_t work_mark(struct request_room *room)
{
	err_t err;

	TRY(store_mark(room->store));
	audit_mark(room->audit);
	replay_mark(room->replay);
	quota_mark(room->quota);
	room->later.added = false;
	room->acted = 0;
	if (room->queue)
		queue_mark(room->queue);
out:
	return err;
}

void work_undo(struct request_room *room)
{
	store_undo_to_mark(room->store);
	audit_undo_to_mark(room->audit);
	replay_undo_to_mark(room->replay);
	quota_undo_to_mark(room->quota);
	/* Its row is gone, and the number may be another's. */
	room->later.stale |= room->later.added;
	room->acted = 0;
	if (room->queue)
		queue_undo_to_mark(room->queue);
}
