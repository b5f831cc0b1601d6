/* channel_transcript.c: what was said in a handshake, kept for those who judge the
 * client's proof on the other side of this process: the keeper its binder, the core its
 * CertificateVerify. A handshake whose messages do not fit proves nothing. */
#include "security/association/channel_inside.h"

enum { CLIENT_HELLO = 1, CERTIFICATE_VERIFY = 15, HEAD = 4, RECORD_HEAD = 5, EXTENSION_PSK = 41, BINDER = 32 };

/* libssl tells of each message, whole, before it works on one that came. */
static void on_handshake_message(int sent, int version, int type, const void *p, size_t n, SSL *ssl, void *self)
{
	struct channel_state *state = self;
	const uint8_t *octets = p;

	if (type == SSL3_RT_HEADER && state && n == RECORD_HEAD) {
		state->records++;
		state->fresh_records++;
		state->fresh_octets += get_be16(octets + 3);
	}
	if (type != SSL3_RT_HANDSHAKE || !state || state->whole || n < HEAD)
		return;
	if (!sent && octets[0] == CLIENT_HELLO)
		state->hello = state->transcript.n;
	if (state->transcript.max == 0)
		state->transcript = buf_make(TRANSCRIPT_OCTETS_MAX);
	if (buf_add(&state->transcript, bytes_make(octets, n)) != ERR_OK) {
		channel_forget(ssl);
		return;
	}
	state->whole = !sent && octets[0] == CERTIFICATE_VERIFY;
}

void channel_transcript_keep(SSL_CTX *ctx)
{
	SSL_CTX_set_msg_callback(ctx, on_handshake_message);
}

struct bytes channel_transcript(const SSL *ssl)
{
	const struct channel_state *state = channel_state_of(ssl);

	return state && state->whole ? bytes_of_buf(&state->transcript) : BYTES_NONE;
}

void channel_forget(SSL *ssl)
{
	struct channel_state *state = channel_state_of(ssl);

	buf_free(&state->transcript);
	state->transcript = buf_make(1); /* what comes later does not fit either */
	state->whole = false;
	state->hello = 0;
}

/* --- the pre_shared_key extension [RFC 8446 4.1.2, 4.2.11] ------------------------ */

/* A vector behind its length of 1 or 2 octets. */
static err_t take_vector(struct bytes *in, size_t head, struct bytes *out)
{
	size_t n;

	if (in->n < head)
		return ERR_SYNTAX;
	n = head == 1 ? in->p[0] : get_be16(in->p);
	if (in->n - head < n)
		return ERR_SYNTAX;
	*out = bytes_sub(*in, head, n);
	*in = bytes_sub(*in, head + n, in->n);
	return ERR_OK;
}

static err_t find_extension(struct bytes hello, unsigned wanted, struct bytes *out)
{
	struct bytes in = bytes_sub(hello, HEAD + 2 + 32, hello.n), skipped, list, body;
	err_t err;

	TRY(take_vector(&in, 1, &skipped)); /* session */
	TRY(take_vector(&in, 2, &skipped)); /* suites */
	TRY(take_vector(&in, 1, &skipped)); /* compression */
	TRY(take_vector(&in, 2, &list));
	while (list.n >= 2) {
		unsigned type = get_be16(list.p);

		list = bytes_sub(list, 2, list.n);
		TRY(take_vector(&list, 2, &body));
		if (type == wanted) {
			*out = body;
			return ERR_OK;
		}
	}
	err = ERR_MISSING;
out:
	return err;
}

/* Identities and binders stand in the same order. */
static err_t find_binder(struct bytes identities, struct bytes binders, struct bytes wanted,
                         uint8_t out[BINDER])
{
	struct bytes identity, binder;
	err_t err;

	while (identities.n && binders.n) {
		TRY(take_vector(&identities, 2, &identity));
		TRY(identities.n >= 4 ? ERR_OK : ERR_SYNTAX); /* obfuscated_ticket_age */
		identities = bytes_sub(identities, 4, identities.n);
		TRY(take_vector(&binders, 1, &binder));
		if (!bytes_equal(identity, wanted))
			continue;
		return binder.n == BINDER ? bytes_put(out, BINDER, binder) : ERR_SYNTAX;
	}
	err = ERR_MISSING;
out:
	return err;
}

struct bytes transcript_hello(const struct channel_state *state)
{
	struct bytes all = bytes_of_buf(&state->transcript);

	return bytes_sub(all, state->hello, all.n);
}

err_t transcript_binder(const struct channel_state *state, struct bytes identity, uint8_t binder[32])
{
	struct bytes all = bytes_of_buf(&state->transcript), hello = bytes_sub(all, state->hello, all.n);
	struct bytes extension, identities, binders;
	err_t err;

	TRY(find_extension(hello, EXTENSION_PSK, &extension));
	TRY(take_vector(&extension, 2, &identities));
	TRY(take_vector(&extension, 2, &binders));
	err = find_binder(identities, binders, identity, binder);
out:
	return err;
}
