/* probe.c: one key of each token, by which its measured state is looked at. */
#include "provider/probe.h"

#include "base/clock.h"
#include "base/log.h"
#include "wire/token_link.h"

enum { AGAIN_MS = 60000, HEAD = 2 + TOKEN_IDENTITY, BODY_MAX = 1100 };

static struct probe {
	enum key_class class;
	uint8_t blob[KEY_BLOB_MAX];
	size_t n; /* 0: none is known */
	bool asked, missing;
	uint64_t ref;
	int64_t at; /* when it was asked; 0: not since the token came */
} probes[TOKENS_MAX + 1];

static bool is_pair(enum key_class class)
{
	return class == KEY_EC_P256 || class == KEY_ED25519;
}

void probe_note(const struct provider_key *k)
{
	struct probe *p = &probes[k->blob.p[1] <= TOKENS_MAX ? k->blob.p[1] : 0];

	if (p->n && is_pair(p->class) && !is_pair(k->class))
		return;
	if (bytes_put(p->blob, sizeof(p->blob), secret_view(&k->blob)) != ERR_OK)
		return;
	p->n = k->blob.n;
	p->class = k->class;
}

void probe_look(unsigned number, bool there)
{
	struct buf body = buf_make(BODY_MAX);
	struct wire_out w = wire_out(&body);
	struct probe *p = &probes[number];

	if (!there)
		p->at = 0;
	if (!there || !p->n || (p->at && clock_steady() - p->at < AGAIN_MS))
		return;
	wire_put_u16(&w, TOKEN_TRY);
	wire_put_u8(&w, (uint8_t)p->class);
	wire_put_fixed(&w, bytes_make(p->blob + 2, TOKEN_IDENTITY));
	wire_put_bytes(&w, bytes_make(p->blob + HEAD, p->n - HEAD));
	p->at = clock_steady();
	p->asked = w.err == ERR_OK && token_link_send(number, bytes_of_buf(&body), &p->ref) == ERR_OK;
	buf_free(&body);
}

bool probe_answered(unsigned number, uint64_t ref, err_t status)
{
	struct probe *p = &probes[number];

	if (!p->asked || p->ref != ref)
		return false;
	p->asked = false;
	if (status == ERR_MISSING && !p->missing)
		log_event(LOG_WARN, "keys not on the token", "token=%u", number);
	p->missing = status == ERR_MISSING;
	return true;
}

const char *probe_why(unsigned number)
{
	return probes[number].missing
	       ? "it does not hold the keys of this node: it is another, or they were deleted, or it was cleared" : "";
}
