/* probe.c: every key of each token, by which its state is looked at. */
#include "provider/probe.h"

#include "base/clock.h"
#include "base/log.h"
#include "provider/held.h"
#include "wire/token_link.h"

enum { AGAIN_MS = 60000, BODY_MAX = 1100 };

static bool is_of(const struct held *h, unsigned number)
{
	return h->n && h->blob[1] == number;
}

/* One after the other: none while another is asked about. */
static struct held *next(unsigned number)
{
	struct held *found = NULL;

	for (size_t i = 0; i < HELD_MAX; i++) {
		struct held *h = &held[i];
		bool lately = h->tried_at && clock_steady() - h->tried_at < AGAIN_MS;

		if (is_of(h, number) && lately && h->tried)
			return NULL;
		if (is_of(h, number) && !lately && !found)
			found = h;
	}
	return found;
}

void probe_look(unsigned number, bool there)
{
	struct buf body = buf_make(BODY_MAX);
	struct wire_out w = wire_out(&body);
	struct held *h;

	for (size_t i = 0; i < HELD_MAX && !there; i++) {
		if (is_of(&held[i], number))
			held[i].tried_at = 0;
	}
	h = there ? next(number) : NULL;
	if (!h)
		return;
	wire_put_u16(&w, TOKEN_TRY);
	wire_put_u8(&w, (uint8_t)h->class);
	wire_put_fixed(&w, bytes_make(h->blob + 2, TOKEN_IDENTITY));
	wire_put_bytes(&w, held_reference(h));
	/* Others may have come from outside. */
	wire_put_u8(&w, !key_is_symmetric(h->class) && !proof_is_by(number, bytes_make(h->blob, h->n)));
	h->tried_at = clock_steady();
	h->tried = w.err == ERR_OK && token_link_send(number, bytes_of_buf(&body), &h->tried_ref) == ERR_OK;
	buf_free(&body);
}

bool probe_answered(unsigned number, uint64_t ref, err_t status)
{
	for (size_t i = 0; i < HELD_MAX; i++) {
		struct held *h = &held[i];

		if (!is_of(h, number) || !h->tried || h->tried_ref != ref)
			continue;
		h->tried = false;
		if (h->found != status && (status == ERR_MISSING || status == ERR_TAMPERED))
			log_event(LOG_WARN, status == ERR_MISSING ? "keys not on the token" : "key made elsewhere", "token=%u", number);
		h->found = status;
		return true;
	}
	return false;
}

const char *probe_why(unsigned number)
{
	const char *why = "";

	for (size_t i = 0; i < HELD_MAX; i++) {
		if (is_of(&held[i], number) && held[i].found == ERR_MISSING)
			return "it does not hold the keys of this node: it is another, or they were deleted, or it was cleared";
		if (is_of(&held[i], number) && held[i].found == ERR_TAMPERED)
			why = "a key on it was made elsewhere, or could be read out, by its own word: it was put in the place of one that was made on it";
	}
	return why;
}

bool probe_is_foreign(const struct provider_key *k)
{
	const struct held *h = held_note(k);

	return !h || (h->found == ERR_TAMPERED || h->found == ERR_UNSUPPORTED);
}
