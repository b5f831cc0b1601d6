/* bootstrap.c: the device's side of GBA and AKMA. */
#include "client/bootstrap.h"

#include "base/secret.h"
#include "client/client.h"
#include "client/digest.h"

enum { QUESTION_MAX = 1024, ROUNDS_MAX = 3, HTTP_OK = 200, HTTP_ASKS = 401, BODY_MAX = 16384, NAF_MAX = GAA_NAME_MAX + GAA_UA };

#define PREFIX_GBA "3GPP-bootstrapping;"
#define PREFIX_AKMA "3GPP-AKMA;"

struct run {
	const struct bootstrap *b;
	struct usim usim;
	struct usim_answer said;  /* the module's last word */
	struct digest digest;
	char impi[USIM_TEXT_MAX];
	struct buf naf;           /* NAF_Id */
	struct bootstrap_info info;
	struct profile bsf;
	char *why;
	size_t why_size;
};

static err_t explain(struct run *r, err_t err, const char *text)
{
	(void)text_print(r->why, r->why_size, "%s", text);
	return err;
}

/* --- the module -------------------------------------------------------------------------- */

static err_t put_words(struct buf *line, const char *word, const struct bytes *hex, size_t n)
{
	err_t err;

	TRY(buf_add(line, bytes_str(word)));
	for (size_t i = 0; i < n; i++) {
		TRY(buf_add_byte(line, ' '));
		TRY(buf_add_hex(line, hex[i]));
	}
out:
	return err;
}

static err_t ask_module(struct run *r, const char *word, const struct bytes *hex, size_t n)
{
	struct buf line = buf_make(QUESTION_MAX);
	err_t err;

	TRY(put_words(&line, word, hex, n));
	TRY(usim_ask(&r->usim, bytes_of_buf(&line), &r->said));
out:
	buf_free(&line);
	return err == ERR_OK ? ERR_OK : explain(r, err, "the module does not answer, or with something else");
}

static err_t authenticate(struct run *r)
{
	const struct bytes challenge[] = { BYTES_OF(r->digest.rand), BYTES_OF(r->digest.autn) };

	return ask_module(r, r->b->way == BOOTSTRAP_UICC ? "GBA" : "AKA", challenge, COUNT_OF(challenge));
}

/* --- the bootstrapping server ---------------------------------------------------------------- */

struct heard {
	unsigned http;
	struct buf head, body;
};

static void heard_free(struct heard *h)
{
	buf_free(&h->head);
	buf_free(&h->body);
}

/* One exchange on a connection of its own. */
static err_t ask_bsf(struct run *r, struct bytes authorization, struct heard *h)
{
	struct client_connection *c = NULL;
	struct buf request = buf_make(4096);
	struct bytes body;
	err_t err;

	buf_clear(&h->head);
	buf_clear(&h->body);
	TRY(client_connect(&r->bsf, &c, r->why, r->why_size));
	TRY(buf_printf(&request, "GET / HTTP/1.1\r\nHost: %s:%s\r\nUser-Agent: 3gpp-gba\r\nConnection: close\r\n"
	               "Authorization: ", r->bsf.host, r->bsf.port));
	TRY(buf_add(&request, authorization));
	TRY(buf_add(&request, BYTES("\r\n\r\n")));
	err = client_exchange(c, bytes_of_buf(&request), &h->http, &body);
	if (err != ERR_OK)
		(void)explain(r, err, "the bootstrapping server gave no answer");
	TRY(err);
	TRY(buf_add(&h->head, client_head(c)));
	TRY(buf_add(&h->body, body));
out:
	client_disconnect(c);
	buf_free(&request);
	return err;
}

/* 401 with a challenge. */
static err_t challenged(struct run *r, const struct heard *h)
{
	err_t err;

	if (h->http != HTTP_ASKS)
		return explain(r, ERR_REFUSED, "the network does not know the subscriber, or refuses");
	err = digest_challenge(digest_field(bytes_of_buf(&h->head), BYTES("WWW-Authenticate")), &r->digest);
	return err == ERR_OK ? ERR_OK : explain(r, err, "the bootstrapping server asks for another way than AKAv1-MD5 with auth-int");
}

/* RES, or AUTS where the module has seen later numbers than the network counts. */
static err_t answer_challenge(struct run *r, struct heard *h)
{
	struct buf field = buf_make(2048);
	struct bytes auts = BYTES_NONE;
	err_t err;

	TRY(authenticate(r));
	if (r->said.said == USIM_MAC)
		TRY(explain(r, ERR_REFUSED, "this is not the network of the subscription: its challenge is not authentic"));
	if (r->said.said == USIM_SYNC)
		auts = BYTES_OF(r->said.auts);
	else if (r->said.said != USIM_RES)
		TRY(explain(r, ERR_SYNTAX, "the module does not answer the challenge"));
	r->digest.password = bytes_make(r->said.res, r->said.said == USIM_RES ? r->said.res_n : 0);
	TRY(digest_authorization(&r->digest, BYTES("GET"), auts, &field));
	TRY(ask_bsf(r, bytes_of_buf(&field), h));
out:
	buf_free(&field);
	return err;
}

static err_t welcomed(struct run *r, const struct heard *h, int64_t *until)
{
	struct bytes confirmed = digest_field(bytes_of_buf(&h->head), BYTES("Authentication-Info"));
	err_t err;

	if (h->http != HTTP_OK)
		return explain(r, ERR_REFUSED, "the network refuses the subscriber");
	/* From here on the body is the network's. */
	if (digest_confirm(&r->digest, confirmed, bytes_of_buf(&h->body)) != ERR_OK)
		return explain(r, ERR_REFUSED, "the answer is not of the subscription's network");
	if (bootstrap_info_read(bytes_of_buf(&h->body), &r->info) != ERR_OK)
		return explain(r, ERR_SYNTAX, "the bootstrapping server's answer has no B-TID");
	err = gaa_time(r->info.lifetime, until);
	return err == ERR_OK ? ERR_OK : explain(r, ERR_SYNTAX, "the end of the key cannot be read");
}

static err_t bootstrap(struct run *r, int64_t *until)
{
	struct heard h = { .head = buf_make(HTTP_HEAD_MAX), .body = buf_make(BODY_MAX) };
	struct buf field = buf_make(2048);
	err_t err;

	r->digest = (struct digest){ .username = bytes_str(r->impi), .uri = BYTES("/") };
	TRY(bytes_put_str(r->digest.realm, sizeof(r->digest.realm), bytes_str(r->bsf.host)));
	TRY(digest_first(&r->digest, &field));
	TRY(ask_bsf(r, bytes_of_buf(&field), &h));
	for (unsigned round = 0; round == 0 || r->said.said == USIM_SYNC; round++) {
		TRY(round < ROUNDS_MAX ? ERR_OK
		                       : explain(r, ERR_REFUSED, "the network does not take up the module's sequence number"));
		TRY(challenged(r, &h));
		TRY(answer_challenge(r, &h));
	}
	TRY(welcomed(r, &h, until));
out:
	heard_free(&h);
	buf_free(&field);
	return err;
}

/* --- what the device keeps ---------------------------------------------------------------------- */

err_t bootstrap_info_read(struct bytes body, struct bootstrap_info *out)
{
	static const struct {
		struct bytes begin, end;
	} marks[] = { { BYTES("<btid>"), BYTES("</btid>") }, { BYTES("<lifetime>"), BYTES("</lifetime>") } };
	struct bytes found[COUNT_OF(marks)] = { { 0 } };
	err_t err;

	*out = (struct bootstrap_info){ .btid = "" };
	for (size_t i = 0; i < COUNT_OF(marks); i++) {
		size_t begins = 0;

		for (size_t at = 0; at < body.n; at++) {
			struct bytes rest = bytes_sub(body, at, body.n);

			if (!bytes_starts(rest, marks[i].begin))
				continue;
			begins++;
			rest = bytes_sub(rest, marks[i].begin.n, rest.n);
			found[i] = bytes_sub(rest, 0, bytes_find(rest, '<'));
			TRY(bytes_starts(bytes_sub(rest, found[i].n, rest.n), marks[i].end) ? ERR_OK : ERR_SYNTAX);
		}
		found[i] = bytes_trim(found[i]);
		/* Neither needs an entity; what has one is not taken for what it stands for. */
		TRY(begins == 1 && found[i].n && bytes_is_printable(found[i]) &&
		    bytes_find(found[i], '&') == found[i].n ? ERR_OK : ERR_SYNTAX);
	}
	TRY(bytes_put_str(out->btid, sizeof(out->btid), found[0]));
	out->lifetime = found[1];
out:
	return err == ERR_OK ? ERR_OK : ERR_SYNTAX;
}

/* Ks_NAF here; Ks_ext_NAF by the module, which keeps Ks. */
static err_t naf_key(struct run *r, uint8_t key[GAA_KEY])
{
	const struct gaa_session session = { BYTES_OF(r->said.ks), BYTES_OF(r->digest.rand), bytes_str(r->impi) };
	const struct bytes naf = bytes_of_buf(&r->naf);
	err_t err;

	if (r->b->way == BOOTSTRAP_ME) {
		if (!r->said.has_ks)
			return explain(r, ERR_MISSING, "the module does not give CK and IK: --uicc");
		return gaa_naf_key(&session, GAA_ME, naf, key);
	}
	TRY(ask_module(r, "NAF", &naf, 1));
	if (r->said.said != USIM_KEY)
		return explain(r, ERR_UNSUPPORTED, "the module derives no keys of services");
	bytes_copy(key, r->said.key, GAA_KEY);
out:
	return err;
}

static err_t keep(struct run *r, const char *prefix, const char *identity, struct bytes key, struct profile *out)
{
	err_t err;

	out->credential = PROFILE_PSK;
	if (!text_print(out->identity, sizeof(out->identity), "%s%s", prefix, identity))
		return explain(r, ERR_LIMIT, "the identity is too long");
	TRY(secret_copy(key, &out->key));
out:
	return err;
}

static err_t by_gba(struct run *r, struct profile *out, int64_t *until)
{
	uint8_t key[GAA_KEY];
	err_t err;

	r->bsf = (struct profile){ .credential = PROFILE_BARE };
	if (!r->b->bsf || profile_address(bytes_str(r->b->bsf), &r->bsf) != ERR_OK)
		return explain(r, ERR_SYNTAX, "the bootstrapping server is host:port");
	TRY(ask_module(r, "IMPI", NULL, 0));
	TRY(r->said.said == USIM_IMPI ? ERR_OK : explain(r, ERR_SYNTAX, "the module names no subscriber"));
	TRY(bytes_put_str(r->impi, sizeof(r->impi), bytes_str(r->said.text)));
	TRY(bootstrap(r, until));
	TRY(naf_key(r, key));
	TRY(keep(r, PREFIX_GBA, r->info.btid, BYTES_OF(key), out));
out:
	secret_wipe(key, sizeof(key));
	return err;
}

static err_t by_akma(struct run *r, struct profile *out)
{
	const struct bytes af = bytes_of_buf(&r->naf);
	err_t err;

	TRY(ask_module(r, "AF", &af, 1));
	if (r->said.said != USIM_KEY || !r->said.text[0])
		return explain(r, ERR_UNSUPPORTED, "the module has no keys of AKMA");
	TRY(keep(r, PREFIX_AKMA, r->said.text, BYTES_OF(r->said.key), out));
out:
	return err;
}

err_t bootstrap_run(const struct bootstrap *b, struct profile *out, int64_t *until, char *why,
                    size_t why_size)
{
	struct run r = { .b = b, .usim.fd = -1, .naf = buf_make(NAF_MAX), .why = why, .why_size = why_size };
	err_t err;

	*until = 0;
	why[0] = '\0';
	TRY(gaa_service(bytes_str(b->naf), b->ua, &r.naf));
	err = usim_open(b->module, &r.usim);
	if (err != ERR_OK)
		(void)explain(&r, err, err == ERR_TAMPERED ? "others can listen where the module should" : "the module cannot be reached");
	TRY(err);
	TRY(b->way == BOOTSTRAP_AKMA ? by_akma(&r, out) : by_gba(&r, out, until));
out:
	if (err != ERR_OK && !why[0])
		(void)explain(&r, err, err_text(err));
	usim_close(&r.usim);
	secret_wipe(&r.said, sizeof(r.said));
	buf_free(&r.naf);
	return err;
}

/* --- for devices behind ------------------------------------------------------------------------- */

/* The identity without its prefix; empty: of no network. */
static struct bytes network_identity(const struct profile *p)
{
	static const struct bytes prefixes[] = { BYTES(PREFIX_GBA), BYTES(PREFIX_AKMA) };
	struct bytes identity = bytes_str(p->identity);

	for (size_t i = 0; i < COUNT_OF(prefixes) && p->credential == PROFILE_PSK; i++) {
		if (bytes_starts(identity, prefixes[i]))
			return bytes_sub(identity, prefixes[i].n, identity.n);
	}
	return BYTES_NONE;
}

bool bootstrap_is_of_network(const struct profile *p)
{
	return network_identity(p).n > 0;
}

/* The same of the identity without its prefix: the node reads it so. */
err_t bootstrap_behind(const struct profile *owner, struct bytes id, struct bytes entity, struct profile *out)
{
	struct bytes identity = network_identity(owner);
	uint8_t key[GAA_KEY];
	err_t err;

	if (identity.n == 0)
		return ERR_REFUSED;
	TRY(gaa_device_key(secret_view(&owner->key), BYTES("22"), entity, key));
	if (!text_print(out->identity, sizeof(out->identity), "%.*s:%.*s", BYTES_FMT(id), BYTES_FMT(identity)))
		TRY(ERR_LIMIT);
	out->credential = PROFILE_PSK;
	TRY(secret_copy(BYTES_OF(key), &out->key));
out:
	secret_wipe(key, sizeof(key));
	return err;
}
