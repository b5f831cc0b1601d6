/* token_calls.c: the one body that both ends of a token link read and write. */
#include "wire/token_calls.h"

err_t token_state_put(struct wire_out *out, const struct token_state *s)
{
	wire_put_u8(out, (uint8_t)(s->present ? s->unfit ? 2 : 1 : 0));
	wire_put_u8(out, (uint8_t)s->kind);
	wire_put_fixed(out, BYTES_OF(s->identity));
	wire_put_bytes(out, bytes_str(s->name));
	wire_put_u32(out, s->can);
	wire_put_bytes(out, bytes_str(s->why));
	wire_put_u32(out, s->pcrs);
	wire_put_fixed(out, BYTES_OF(s->measured));
	wire_put_fixed(out, BYTES_OF(s->counter));
	wire_put_u64(out, s->generation);
	return out->err;
}

/* Text that goes to the log and to people: printable, whoever wrote it. */
static err_t get_text(struct wire_in *in, char *to, size_t size)
{
	struct bytes text = wire_get_bytes(in, size - 1);

	if (in->err != ERR_OK || !bytes_is_printable(text))
		return ERR_SYNTAX;
	return bytes_put_str(to, size, text);
}

err_t token_state_get(struct wire_in *in, struct token_state *s)
{
	unsigned present = wire_get_u8(in);
	struct bytes identity, measured, counter;
	err_t err;

	*s = (struct token_state){ .present = present == 1 || present == 2, .unfit = present == 2 };
	s->kind = (enum token_kind)wire_get_u8(in);
	identity = wire_get_fixed(in, TOKEN_IDENTITY);
	TRY(in->err);
	bytes_copy(s->identity, identity.p, identity.n);
	TRY(get_text(in, s->name, sizeof(s->name)));
	s->can = wire_get_u32(in);
	TRY(get_text(in, s->why, sizeof(s->why)));
	s->pcrs = wire_get_u32(in);
	measured = wire_get_fixed(in, TOKEN_MEASURED);
	counter = wire_get_fixed(in, TOKEN_COUNTER);
	s->generation = wire_get_u64(in);
	bytes_copy(s->measured, measured.p, measured.n);
	bytes_copy(s->counter, counter.p, counter.n);
	err = wire_done(in);
out:
	return err;
}
