/* wire.c: bodies and tables of the messages between our processes. */
#include "wire/wire.h"

static const struct message_row rows[MSG_TYPE_COUNT] = {
#define MESSAGE(number, name, from, to, max, kind, text)                       \
	[number] = { #name, from, to, max, MESSAGE_##kind },
#include "wire/messages.def"
#undef MESSAGE
};

static const struct {
	const char *name;
	const char *program;
} roles[ROLE_COUNT] = {
#define ROLE(name, program, text) [ROLE_##name] = { #name, program },
#include "wire/roles.def"
#undef ROLE
};

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_PARENT] = "parent", [ROLE_KEEPER] = "keeper", [ROLE_CORE] = "core",
	[ROLE_GATE] = "gate", [ROLE_COURIER] = "courier", [ROLE_DOOR] = "door",
	[ROLE_CLIENT] = "client", [ROLE_PROGRAM] = "program", [ROLE_TOKEN] = "token",
	[ROLE_NETWORK] = "network",
};

const struct message_row *message_row(unsigned type)
{
	return type < MSG_TYPE_COUNT && rows[type].name ? &rows[type] : NULL;
}

const char *role_name(enum role role)
{
	return (unsigned)role < ROLE_COUNT ? role_names[role] : "unknown";
}

const char *role_program(enum role role)
{
	return (unsigned)role < ROLE_COUNT ? roles[role].program : "unknown";
}

struct bytes wire_get_fixed(struct wire_in *in, size_t n)
{
	struct bytes b;

	if (in->err != ERR_OK || in->rest.n < n) {
		in->err = ERR_SYNTAX;
		return BYTES_NONE;
	}
	b = bytes_sub(in->rest, 0, n);
	in->rest = bytes_sub(in->rest, n, in->rest.n);
	return b;
}

uint8_t wire_get_u8(struct wire_in *in)
{
	struct bytes b = wire_get_fixed(in, 1);

	return b.n ? b.p[0] : 0;
}

uint16_t wire_get_u16(struct wire_in *in)
{
	struct bytes b = wire_get_fixed(in, 2);

	return b.n ? get_be16(b.p) : 0;
}

uint32_t wire_get_u32(struct wire_in *in)
{
	struct bytes b = wire_get_fixed(in, 4);

	return b.n ? get_be32(b.p) : 0;
}

uint64_t wire_get_u64(struct wire_in *in)
{
	struct bytes b = wire_get_fixed(in, 8);

	return b.n ? get_be64(b.p) : 0;
}

struct bytes wire_get_bytes(struct wire_in *in, size_t max)
{
	uint32_t n = wire_get_u32(in);

	if (in->err == ERR_OK && n > max)
		in->err = ERR_SYNTAX;
	return wire_get_fixed(in, n);
}

err_t wire_done(const struct wire_in *in)
{
	return in->err == ERR_OK && in->rest.n == 0 ? ERR_OK : ERR_SYNTAX;
}

void wire_put_fixed(struct wire_out *out, struct bytes b)
{
	if (out->err == ERR_OK)
		out->err = buf_add(out->buf, b);
}

void wire_put_u8(struct wire_out *out, uint8_t v)
{
	wire_put_fixed(out, bytes_make(&v, 1));
}

void wire_put_u16(struct wire_out *out, uint16_t v)
{
	uint8_t b[2];

	put_be16(b, v);
	wire_put_fixed(out, BYTES_OF(b));
}

void wire_put_u32(struct wire_out *out, uint32_t v)
{
	uint8_t b[4];

	put_be32(b, v);
	wire_put_fixed(out, BYTES_OF(b));
}

void wire_put_u64(struct wire_out *out, uint64_t v)
{
	uint8_t b[8];

	put_be64(b, v);
	wire_put_fixed(out, BYTES_OF(b));
}

void wire_put_bytes(struct wire_out *out, struct bytes b)
{
	must(b.n <= UINT32_MAX);
	wire_put_u32(out, (uint32_t)b.n);
	wire_put_fixed(out, b);
}
