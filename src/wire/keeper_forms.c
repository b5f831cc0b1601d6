/* keeper_forms.c: what the keeper tells and signs, as octets: the same for who makes and
 * who checks them. */
#include "wire/keeper_calls.h"

void keeper_event_put(const struct keeper_event *e, struct wire_out *w)
{
	enum { USER_TEXT = 20 };
	struct buf text = buf_make(KEEPER_EVENT_NAME);
	struct bytes subject = bytes_sub(e->subject, 0, KEEPER_EVENT_NAME);

	if (e->role == ROLE_PROGRAM) {
		subject = bytes_is_printable(e->subject) ? e->subject : BYTES("?");
		if (w->err == ERR_OK)
			w->err = buf_printf(&text, "%.*s user %u",
			                    BYTES_FMT(bytes_sub(subject, 0, KEEPER_EVENT_NAME - USER_TEXT)), e->user);
		subject = bytes_of_buf(&text);
	}
	wire_put_u16(w, (uint16_t)e->op);
	wire_put_u8(w, (uint8_t)e->role);
	wire_put_u8(w, (uint8_t)e->number);
	wire_put_u8(w, (uint8_t)e->status);
	wire_put_bytes(w, subject);
	wire_put_u64(w, e->event);
	buf_free(&text);
}

void keeper_anchor_message(const struct keeper_anchor *a, uint8_t out[ANCHOR_MESSAGE])
{
	struct bytes label = BYTES("holdfast audit anchor\0");

	must(label.n + 48 == ANCHOR_MESSAGE);
	bytes_copy(out, label.p, label.n);
	put_be64(out + label.n, a->sequence);
	bytes_copy(out + label.n + 8, a->hash, sizeof(a->hash));
	put_be64(out + label.n + 40, (uint64_t)a->at);
}
