/* probe.c: one key of each token, by which its measured state is looked at. */
#include "provider/probe.h"

#include "wire/token_link.h"

enum { HEAD = 2 + TOKEN_IDENTITY, BODY_MAX = 1100 };

static struct probe {
	enum key_class class;
	uint8_t blob[KEY_BLOB_MAX];
	size_t n; /* 0: none is known */
	bool asked;
	uint64_t ref;
} probes[TOKENS_MAX + 1];

void probe_note(const struct provider_key *k)
{
	struct probe *p = &probes[k->blob.p[1] <= TOKENS_MAX ? k->blob.p[1] : 0];

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
		p->asked = false;
	if (!there || p->asked || !p->n)
		return;
	wire_put_u16(&w, TOKEN_TRY);
	wire_put_u8(&w, (uint8_t)p->class);
	wire_put_fixed(&w, bytes_make(p->blob + 2, TOKEN_IDENTITY));
	wire_put_bytes(&w, bytes_make(p->blob + HEAD, p->n - HEAD));
	p->asked = w.err == ERR_OK && token_link_send(number, bytes_of_buf(&body), &p->ref) == ERR_OK;
	buf_free(&body);
}

bool probe_answered(unsigned number, uint64_t ref)
{
	return probes[number].asked && probes[number].ref == ref;
}
