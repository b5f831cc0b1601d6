/* registry_notice.c: CREDENTIAL_USED of the keeper, kept until the gate tells of
 * the handshake. A ring for each gate: a flood of unfinished handshakes at one
 * gate pushes out only its own. */
#include "security/association/registry_inner.h"

#include "base/clock.h"
#include "wire/keeper_calls.h"

err_t registry_credential_used(struct registry *r, struct bytes body)
{
	struct wire_in in = wire_in(body);
	unsigned role = wire_get_u8(&in), gate = wire_get_u8(&in);
	struct bytes tag = wire_get_fixed(&in, TAG);
	struct notice n = { .at = clock_now(), .kind = wire_get_u8(&in) };
	struct bytes name = wire_get_bytes(&in, sizeof(n.name) - 1);
	struct bytes digest = wire_get_fixed(&in, sizeof(n.digest));
	struct gate_notices *g = r->notices[gate];
	err_t err;

	TRY(wire_done(&in));
	TRY(bytes_put_str(n.name, sizeof(n.name), name));
	bytes_copy(n.tag, tag.p, TAG);
	bytes_copy(n.digest, digest.p, digest.n);
	/* The courier's handshakes open no association. */
	if (role != ROLE_GATE)
		return ERR_OK;
	if (!g)
		g = r->notices[gate] = mem_new(1, sizeof(*g));
	if (!g)
		return ERR_MEMORY;
	g->open += g->ring[g->next].at == 0;
	g->ring[g->next] = n;
	g->next = (g->next + 1) % NOTICES;
out:
	return err;
}

static bool says(const struct notice *n, struct bytes psk)
{
	if (psk.n == 0)
		return n->kind == CREDENTIAL_USED_NODE_KEY;
	return n->kind != CREDENTIAL_USED_NODE_KEY && bytes_equal(bytes_str(n->name), psk);
}

bool notices_confirm(struct registry *r, unsigned gate, const uint8_t tag[TAG], struct bytes psk,
                     int64_t now, struct confirmation *out)
{
	struct gate_notices *g = gate < GATES ? r->notices[gate] : NULL;
	size_t left = g ? g->open : 0;
	bool confirmed = false;

	*out = (struct confirmation){ .proved = false };
	/* The newest first, and no further than the last one that is open: most are confirmed at once. */
	for (size_t i = 1; left && i <= NOTICES; i++) {
		struct notice *n = &g->ring[(g->next + NOTICES - i) % NOTICES];

		if (n->at == 0)
			continue;
		left--;
		if (!bytes_equal(BYTES_OF(n->tag), bytes_make(tag, TAG)))
			continue;
		if (!confirmed && n->at + NOTICE_LIFE >= now && says(n, psk)) {
			bytes_copy(out->digest, n->digest, sizeof(n->digest));
			out->proved = n->kind == CREDENTIAL_USED_PSK;
			confirmed = true;
		}
		n->at = 0;
		g->open--;
	}
	return confirmed;
}

void notices_forget(struct registry *r, unsigned gate)
{
	if (gate >= GATES)
		return;
	mem_free(r->notices[gate]);
	r->notices[gate] = NULL;
}
