/* What passes between the keeper and a token's process, and how a token is named:
 * hostile octets at both ends. The first octet chooses the parser. */
#include "base/log.h"
#include "crypt/crypt.h"
#include "token/token.h"
#include "wire/token_link.h"

#include <fcntl.h>
#include <unistd.h>

/* A back end that does what it is asked, so that everything before it is reached. */
static err_t fine(struct token *t)
{
	return ERR_OK;
}

static void none(struct token *t)
{
}

static err_t made(struct token *t, const struct token_key *k, struct token_made *out)
{
	out->reference_n = 16;
	out->public_n = k->class == KEY_EC_P256 ? 65 : 0;
	return ERR_OK;
}

static err_t imported(struct token *t, enum pair_use use, struct bytes raw, struct token_made *out)
{
	must(raw.n == 16 || raw.n == 32);
	out->reference_n = 16;
	return ERR_OK;
}

static err_t gone(struct token *t, const struct token_key *k)
{
	return ERR_OK;
}

static err_t used(struct token *t, const struct token_key *k, struct bytes input, uint8_t *out)
{
	must(k->reference.n <= TOKEN_REFERENCE_MAX && input.n <= TOKEN_MESSAGE_MAX);
	bytes_zero(out, 32);
	return ERR_OK;
}

static err_t signs(struct token *t, const struct token_key *k, struct bytes input, uint8_t *out)
{
	must(k->class == KEY_ED25519 || input.n == 32);
	bytes_zero(out, TOKEN_SIGNATURE);
	return ERR_OK;
}

static err_t chance(struct token *t, uint8_t *out, size_t n)
{
	must(n > 0 && n <= TOKEN_RANDOM_MAX);
	bytes_zero(out, n);
	return ERR_OK;
}

static err_t shows(struct token *t, bool make, struct buf *certificate, struct token_made *out)
{
	out->reference_n = make ? 16 : 0;
	return buf_add(certificate, BYTES("certificate"));
}

static err_t opens(struct token *t, const struct token_key *k, struct bytes sealed, struct bytes seed,
                   struct buf *out)
{
	must(k->reference.n <= TOKEN_REFERENCE_MAX && sealed.n <= TOKEN_SEALED_MAX && seed.n <= TOKEN_SEALED_MAX);
	return buf_add(out, sealed);
}

static err_t certifies(struct token *t, const struct token_key *k, const struct token_key *other,
                       struct bytes nonce, struct token_statement *out)
{
	must(nonce.n == 32 && other->reference.n <= TOKEN_REFERENCE_MAX);
	out->n = 100;
	return ERR_OK;
}

static err_t fits(struct token *t, const struct token_key *k)
{
	return k->reference.n == 1 ? ERR_BAD_STATE : ERR_OK;
}

static err_t gcm(struct token *t, const struct token_gcm *g, struct buf *out)
{
	must(g->additional.n <= TOKEN_ADDITIONAL_MAX && g->input.n <= TOKEN_MESSAGE_MAX + TOKEN_SEAL_MORE);
	return buf_add(out, g->open ? bytes_sub(g->input, 16, g->input.n) : g->input);
}

static err_t wraps(struct token *t, const struct token_key *k, struct bytes raw, struct buf *out)
{
	must(raw.n == 32);
	return buf_add(out, BYTES("0123456789012345678901234567890123456789"));
}

static err_t unwraps(struct token *t, const struct token_key *k, struct bytes wrapped, struct token_made *out)
{
	must(wrapped.n == TOKEN_WRAPPED);
	return made(t, k, out);
}

static const struct token_backend backend = {
	.name = "fuzz", .kind = TOKEN_KIND_PKCS11, .load = fine, .unload = none, .open = fine, .close = none,
	.check = fine, .make = made, .import = imported, .destroy = gone, .sign = signs, .agree = used,
	.mac = used, .extract = used, .random = chance,
	.fit = fits, .certify = certifies, .evidence = shows, .activate = opens, .gcm = gcm, .wrap = wraps, .unwrap = unwraps,
	.approve = fine,
};

static void ask_token(struct bytes call)
{
	static struct token t = { .backend = &backend, .loaded = true };
	static struct buf result;

	if (!result.max)
		result = buf_make(16384);
	t.state.present = true;
	t.state.can = call.n % 2 ? TOKEN_CAN_GCM : 0;
	bytes_zero(t.state.identity, sizeof(t.state.identity)); /* zeros are easily met */
	must(token_serve(&t, call, &result) == ERR_OK);
	must(result.n >= 1 && result.p[0] < ERR_COUNT && (result.p[0] == ERR_OK || result.n == 1));
}

/* Octets from the token's end of the link. */
static void answer_keeper(struct bytes octets)
{
	struct buf answer = buf_make(16384);
	uint64_t ref;
	int fd[2];

	must(link_pair(fd) == ERR_OK);
	token_attach(1, fd[0]);
	must(token_link_send(1, BYTES("\0\5"), &ref) == ERR_OK);
	if (octets.n && write(fd[1], octets.p, octets.n) < 0)
		must(!"written");
	close(fd[1]);
	token_read(1);
	token_detach(1);
	must(!token_state_of(1)->present);
	buf_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct bytes rest = bytes_make(data + 1, n ? n - 1 : 0);
	struct token_config config;
	struct token_state state;
	struct wire_in in;
	const char *why = NULL;

	log_level_set(LOG_ERROR);
	crypt_start();
	if (n == 0 || n > 8192)
		return 0;
	switch (data[0] % 4) {
	case 0:
		if (token_config_parse(rest, &config, &why) != ERR_OK)
			must(why && *why);
		else
			(void)token_config_port(&config), (void)token_config_read_file(&config);
		break;
	case 1:
		in = wire_in(rest);
		if (token_state_get(&in, &state) == ERR_OK)
			must(bytes_is_printable(bytes_str(state.name)) && bytes_is_printable(bytes_str(state.why)));
		break;
	case 2:
		ask_token(rest);
		break;
	default:
		answer_keeper(rest);
	}
	return 0;
}
