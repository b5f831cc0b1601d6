/* state.c: a client on an association shows in which measured state its machine is.
 *
 *   GET  /.well-known/holdfast/state  -> {"nonce": 64 hex digits, "seconds": 60}
 *   POST /.well-known/holdfast/state  {"attest": hex of TPMS_ATTEST, "signature": hex, ECDSA in DER}
 *        -> {"until": ms}
 *   or {"refused": why}. Whether it counts the core says. doc/protocol/state.md */
#include "codec/json.h"
#include "role/gate/gate.h"

enum { BODY_MAX = 4096, ATTEST_MAX = 512, SIGNATURE_MAX = 80, NONCE = 32, NONCE_SECONDS = 60, WHY_MAX = 160 };

static err_t member(struct bytes map, const char *key, uint8_t *out, size_t most, size_t *n)
{
	struct cbor v;
	bool found;
	err_t err;

	TRY(cbor_find(map, bytes_str(key), &v, &found));
	if (!found || v.kind != CBOR_TEXT || v.s.n == 0 || v.s.n % 2 || v.s.n / 2 > most)
		return ERR_SYNTAX;
	*n = v.s.n / 2;
	err = bytes_from_hex(v.s, out, *n);
out:
	return err;
}

static err_t tell(struct gate *g, struct connection *c, struct bytes attest, struct bytes signature)
{
	struct wire_out out = wire_out(&g->message);

	buf_clear(&g->message);
	wire_put_u64(&out, c->number);
	wire_put_bytes(&out, attest);
	wire_put_bytes(&out, signature);
	return out.err == ERR_OK ? link_send(&g->core, MSG_STATE_SHOW, c->id, bytes_of_buf(&g->message)) : out.err;
}

static err_t show(struct gate *g, struct connection *c, struct bytes body)
{
	static const struct codec_limits limits = { .octets = BODY_MAX, .depth = 2, .members = 4, .items = 8,
		                                    .string = 2 * ATTEST_MAX };
	uint8_t attest[ATTEST_MAX], signature[SIGNATURE_MAX];
	struct buf map = buf_make(2 * BODY_MAX);
	size_t attest_n, signature_n;
	err_t err;

	TRY(json_to_cbor(body, &limits, &map));
	TRY(member(bytes_of_buf(&map), "attest", attest, sizeof(attest), &attest_n));
	TRY(member(bytes_of_buf(&map), "signature", signature, sizeof(signature), &signature_n));
	err = tell(g, c, bytes_make(attest, attest_n), bytes_make(signature, signature_n));
	if (err != ERR_OK)
		err = ERR_CLOSED;
out:
	buf_free(&map);
	return err;
}

bool state_takes(struct gate *g, struct connection *c, struct bytes message)
{
	struct bytes target = bytes_sub(message, c->parser.target.at, c->parser.target.n);
	bool shows = c->parser.method == HTTP_POST;
	err_t err;

	if (!c->number || !bytes_equal(target, BYTES("/.well-known/holdfast/state")) ||
	    (!shows && c->parser.method != HTTP_GET))
		return false;
	c->form.close = c->parser.close;
	err = shows ? show(g, c, http_body(&c->parser, message)) : tell(g, c, BYTES_NONE, BYTES_NONE);
	if (err != ERR_OK && (err == ERR_CLOSED || !shows))
		page_refuse(g, c, 503, BYTES("the node does not answer"));
	else if (err != ERR_OK)
		page_refuse(g, c, 400, BYTES("attest and signature are asked for, in hex"));
	return true;
}

static err_t put_page(struct bytes nonce, uint64_t until, struct buf *out)
{
	char hex[2 * NONCE + 1];

	if (nonce.n != NONCE)
		return buf_printf(out, "{\"until\":%llu}", (unsigned long long)until);
	bytes_to_hex(nonce, hex, sizeof(hex));
	return buf_printf(out, "{\"nonce\":\"%s\",\"seconds\":%d}", hex, NONCE_SECONDS);
}

err_t state_answered(struct gate *g, const struct message *m)
{
	struct connection *c = connections_find(g->connections, m->ref);
	struct wire_in in = wire_in(m->body);
	unsigned verdict = wire_get_u8(&in);
	struct bytes why = wire_get_bytes(&in, WHY_MAX), nonce = wire_get_bytes(&in, NONCE);
	uint64_t until = wire_get_u64(&in);
	struct buf body = buf_make(256);
	err_t err;

	TRY(wire_done(&in));
	if (!c || c->state != CONNECTION_SERVING)
		goto out;
	if (verdict != ERR_OK) {
		page_refuse(g, c, verdict == ERR_LIMIT || verdict == ERR_LOCKED ? 503 : 403, why);
		goto out;
	}
	TRY(put_page(nonce, until, &body));
	page_answer(g, c, &(struct page){ 200, "OK", "application/json", bytes_of_buf(&body), NULL });
out:
	buf_free(&body);
	return err;
}
