/* wire: any octets from any role to any role: nothing that its row does not
 * allow gets through, and a link that refused once is dead. Each refusal is
 * logged: run with -close_fd_mask=2. */
#include "wire/wire.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A body read as anything: no reading leaves it. */
static void read_body(struct bytes body)
{
	struct wire_in in = wire_in(body);

	while (in.err == ERR_OK) {
		unsigned how = wire_get_u8(&in) % 6;
		struct bytes got = BYTES_NONE;

		if (how == 0)
			(void)wire_get_u16(&in);
		else if (how == 1)
			(void)wire_get_u32(&in);
		else if (how == 2)
			(void)wire_get_u64(&in);
		else if (how == 3)
			got = wire_get_fixed(&in, 7);
		else
			got = wire_get_bytes(&in, 100);
		must(got.n <= 100 && (got.n == 0 || (got.p >= body.p && got.p + got.n <= body.p + body.n)));
	}
	must(wire_done(&in) == ERR_SYNTAX);
}

static void check(const struct link *l, const struct message *m)
{
	const struct message_row *row = message_row(m->type);

	must(row && row->from & 1u << l->peer && row->to & 1u << l->self && m->body.n <= row->max);
	/* One question was open: only its answers may come. */
	must(row->kind < MESSAGE_ANSWERS || m->ref == 1);
	read_body(m->body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message m;
	struct link l;
	bool found = true;
	err_t err = ERR_OK;

	if (size < 2)
		return 0;
	link_init(&l, -1, data[0] % ROLE_COUNT, data[1] % ROLE_COUNT, 0);
	for (unsigned type = 1; type < MSG_TYPE_COUNT; type++) {
		if (message_row(type))
			(void)!link_send(&l, (enum message_type)type, 1, BYTES_NONE);
	}
	if (buf_add(&l.in, bytes_make(data + 2, size - 2)) == ERR_OK) {
		while (err == ERR_OK && found) {
			err = link_next(&l, &m, &found);
			if (err == ERR_OK && found)
				check(&l, &m);
		}
		if (err == ERR_REFUSED)
			must(link_send(&l, MSG_STOP, 0, BYTES_NONE) == ERR_CLOSED);
	}
	link_close(&l);
	return 0;
}
