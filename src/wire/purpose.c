/* purpose.c: the forms of what is signed. */
#include "wire/purpose.h"

enum { BLANKS = 64, RANDOM = 32 };

static bool is_tls13(struct bytes input, struct bytes context)
{
	struct bytes rest = bytes_sub(input, BLANKS + context.n, input.n);

	for (size_t i = 0; i < BLANKS; i++) {
		if (i >= input.n || input.p[i] != ' ')
			return false;
	}
	if (!bytes_equal(bytes_sub(input, BLANKS, context.n), context))
		return false;
	/* A separator, then a hash of SHA-256 or SHA-384 [RFC 8446 4.4.3]. */
	return (rest.n == 1 + 32 || rest.n == 1 + 48) && rest.p[0] == 0;
}

static bool is_tls13_server(struct bytes input)
{
	return is_tls13(input, BYTES("TLS 1.3, server CertificateVerify"));
}

static bool is_tls13_client(struct bytes input)
{
	return is_tls13(input, BYTES("TLS 1.3, client CertificateVerify"));
}

/* ServerECDHParams of a named curve [RFC 8422 5.4] after both randoms. */
static bool is_tls12_server(struct bytes input)
{
	static const struct {
		uint16_t curve;
		uint8_t point;
	} curves[] = { { 23, 65 }, { 24, 97 }, { 25, 133 }, { 29, 32 }, { 30, 56 } };
	struct bytes params = bytes_sub(input, 2 * RANDOM, input.n);

	if (params.n < 4 || params.p[0] != 3)
		return false;
	for (size_t i = 0; i < COUNT_OF(curves); i++) {
		if (get_be16(params.p + 1) == curves[i].curve)
			return params.p[3] == curves[i].point &&
			       params.n == 4u + curves[i].point;
	}
	return false;
}

/* Text without control characters, so that no statement has the form of another
 * purpose, nor of what the keeper itself signs. */
static bool is_statement(struct bytes input)
{
	struct bytes label = BYTES("holdfast statement\0"), text = bytes_sub(input, label.n, input.n);

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < ' ' || text.p[i] == 0x7f)
			return false;
	}
	return bytes_starts(input, label) && text.n > 0 && bytes_is_utf8(text);
}

static const struct {
	unsigned who;
	bool (*is)(struct bytes input);
} purposes[] = {
	[SIGN_TLS13_SERVER] = { TO(GATE), is_tls13_server },
	[SIGN_TLS13_CLIENT] = { TO(COURIER), is_tls13_client },
	[SIGN_TLS12_SERVER] = { TO(GATE), is_tls12_server },
	[SIGN_STATEMENT] = { TO(CORE), is_statement },
};

bool purpose_fits(unsigned purpose, enum role role, struct bytes input)
{
	return purpose < COUNT_OF(purposes) && purposes[purpose].who & 1u << role &&
	       purposes[purpose].is(input);
}
