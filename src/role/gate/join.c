/* join.c: who has no credential yet, and comes to get one. Such a guest has a
 * connection on which the node is authenticated and it is not; there it may fetch the
 * node's anchor and ask to join, once, and nothing else. Whether it joins the core says.
 *
 *   GET  /.well-known/holdfast/anchor  the node's anchor (PEM)
 *   POST /.well-known/holdfast/join    {"id": "Cdev7", "key": hex point, "proof": hex,
 *                                       "ticket": id, "mac": hex}  (from a device of
 *                                       an accepted maker "holder": hex instead)
 *        -> {"id": Credential-ID, "until": ms, "certificate": PEM}  or {"refused": why}
 *
 * EST [RFC 7030] for who has a credential, or a device of an accepted maker:
 *   GET  /.well-known/est/cacerts, csrattrs
 *   POST /.well-known/est/simpleenroll, simplereenroll  base64 PKCS#10 -> PKCS#7
 * the first two for guests, too; keys are made by who uses them: serverkeygen is refused.
 *
 * Off unless join.enabled. doc/protocol/joining.md */
#include "base/clock.h"
#include "base/secret.h"
#include "binding/est/est.h"
#include "codec/json.h"
#include "crypt/crypt.h"
#include "role/gate/gate.h"

enum { BODY_MAX = 4096, MEMBER_MAX = 256, POINT = 65, PROOF_MAX = 80, MAC = 32, ID_MAX = 127,
       TICKET = 16, BY_TICKET = 1, BY_MAKER = 2, BY_ASSOCIATION = 3, ANSWER_TEXT_MAX = 160, CERTIFICATE_MAX = 4096,
       REFUSED_BLAME = 4 /* a joining that is refused counts as so many failed handshakes: few, as honest devices may share its address */ };

/* --- what is asked ---------------------------------------------------------------------- */

struct joining {
	struct bytes id, ticket;
	uint8_t point[POINT], mac[MAC];
	uint8_t proof[PROOF_MAX];
	size_t proof_n;
	struct bytes request;  /* what the proof was made over; empty: our own form */
	struct bytes holder;   /* proof of who has the association, as it stands in the request */
};

static err_t text_of(struct bytes map, const char *key, struct bytes *out)
{
	err_t err;

	TRY(cbor_find_text(map, key, out));
	err = out->n <= MEMBER_MAX && bytes_is_printable(*out) ? ERR_OK : ERR_SYNTAX;
out:
	return err;
}

static err_t read_proof(struct bytes hex, struct joining *j)
{
	if (hex.n % 2 || hex.n / 2 > sizeof(j->proof) || hex.n == 0)
		return ERR_SYNTAX;
	j->proof_n = hex.n / 2;
	return bytes_from_hex(hex, j->proof, j->proof_n);
}

/* Views into map. */
static err_t read_joining(struct bytes map, bool device, struct joining *j)
{
	struct bytes hex;
	struct cbor v;
	bool found;
	err_t err;

	TRY(text_of(map, "id", &j->id));
	TRY(j->id.n && j->id.n <= ID_MAX ? ERR_OK : ERR_SYNTAX);
	TRY(text_of(map, "key", &hex));
	TRY(bytes_from_hex(hex, j->point, POINT));
	TRY(text_of(map, "proof", &hex));
	TRY(read_proof(hex, j));
	if (device) {
		TRY(cbor_find(map, BYTES("holder"), &v, &found));
		return found ? text_of(map, "holder", &j->holder) : ERR_OK;
	}
	TRY(text_of(map, "ticket", &j->ticket));
	TRY(j->ticket.n == TICKET ? ERR_OK : ERR_SYNTAX);
	TRY(text_of(map, "mac", &hex));
	TRY(bytes_from_hex(hex, j->mac, MAC));
out:
	return err;
}

/* The device's own proof and the maker's certificate, for the core to judge; nothing of
 * others. It joins once. */
static err_t put_device(struct wire_out *out, const struct connection *c)
{
	SSL *ssl = c->whole ? c->whole->ssl : c->ssl;
	struct buf maker = buf_make(CERTIFICATE_MAX);
	uint8_t tag[CHANNEL_TAG];
	err_t err = ERR_OK;

	if (c->device) {
		channel_tag(ssl, tag);
		TRY(channel_maker(ssl, &maker));
	}
	wire_put_bytes(out, c->device ? BYTES_OF(tag) : BYTES_NONE);
	wire_put_bytes(out, c->device ? channel_transcript(ssl) : BYTES_NONE);
	wire_put_bytes(out, bytes_of_buf(&maker));
	if (c->device)
		channel_forget(ssl);
	err = out->err;
out:
	buf_free(&maker);
	return err;
}

/* Body of JOIN: role/core/join.c. */
static err_t send_joining(struct gate *g, struct connection *c, const struct joining *j)
{
	struct wire_out out = wire_out(&g->message);
	err_t err;

	buf_clear(&g->message);
	wire_put_u8(&out, c->number ? BY_ASSOCIATION : c->device ? BY_MAKER : BY_TICKET);
	wire_put_bytes(&out, j->ticket);
	wire_put_bytes(&out, j->ticket.n ? BYTES_OF(j->mac) : j->holder);
	TRY(put_device(&out, c));
	wire_put_u64(&out, c->number);
	wire_put_bytes(&out, j->id);
	wire_put_bytes(&out, BYTES_OF(j->point));
	wire_put_bytes(&out, bytes_make(j->proof, j->proof_n));
	wire_put_bytes(&out, j->request);
	TRY(out.err);
	err = link_send(&g->core, MSG_JOIN, c->id, bytes_of_buf(&g->message));
out:
	return err;
}

static void serve_join(struct gate *g, struct connection *c, struct bytes message)
{
	static const struct codec_limits limits = { .octets = BODY_MAX, .depth = 2, .members = 16,
		                                    .items = 32, .string = 1024 };
	struct bytes body = http_body(&c->parser, message);
	struct buf map = buf_make(2 * BODY_MAX);
	struct joining j = { .proof_n = 0 };
	err_t err;

	if (!c->guest) {
		page_refuse(g, c, 403, BYTES("who has a credential does not join"));
		return;
	}
	TRY(json_to_cbor(body, &limits, &map));
	TRY(read_joining(bytes_of_buf(&map), c->device, &j));
	err = send_joining(g, c, &j);
	if (err != ERR_OK) {
		page_refuse(g, c, 503, BYTES("the node does not answer"));
		err = ERR_OK;
	}
out:
	if (err != ERR_OK)
		page_refuse(g, c, 400, BYTES("id, key, proof, ticket and mac are asked for"));
	buf_free(&map);
}

static void serve_anchor(struct gate *g, struct connection *c, struct bytes message)
{
	page_answer(g, c, &(struct page){ 200, "OK", "application/pem-certificate-chain",
	                             bytes_of_buf(&g->anchor), NULL });
}

/* --- EST ------------------------------------------------------------------------------------ */

static const char in_base64[] = "Content-Transfer-Encoding: base64\r\n";
static const char media_certificates[] = "application/pkcs7-mime; smime-type=certs-only";

static void answer_certificates(struct gate *g, struct connection *c, struct bytes der)
{
	struct buf body = buf_make(16 * CERTIFICATE_MAX);
	err_t err;

	TRY(est_certificates(&der, 1, &body));
	page_answer(g, c, &(struct page){ 200, "OK", media_certificates, bytes_of_buf(&body), in_base64 });
out:
	if (err != ERR_OK)
		connection_close(c);
	buf_free(&body);
}

static void serve_cacerts(struct gate *g, struct connection *c, struct bytes message)
{
	struct buf der = buf_make(CERTIFICATE_MAX);

	if (crypt_certificate_der(bytes_of_buf(&g->anchor), &der) == ERR_OK)
		answer_certificates(g, c, bytes_of_buf(&der));
	else
		connection_close(c);
	buf_free(&der);
}

static void serve_csrattrs(struct gate *g, struct connection *c, struct bytes message)
{
	struct buf body = buf_make(512);

	if (est_attributes(&body) == ERR_OK)
		page_answer(g, c, &(struct page){ 200, "OK", "application/csrattrs", bytes_of_buf(&body), in_base64 });
	else
		connection_close(c);
	buf_free(&body);
}

/* The name as our certificates have it: m2m: and the absolute AE-ID. */
static err_t name_of(const struct csr *csr, struct bytes *out)
{
	static const char ae[] = "URI:m2m:";
	struct bytes name = bytes_str(csr->name);

	*out = BYTES_NONE;
	if (name.n == 0)
		return ERR_OK;
	if (!bytes_starts(name, bytes_str(ae)) || name.n - (sizeof(ae) - 1) > ID_MAX)
		return ERR_SYNTAX;
	*out = bytes_sub(name, sizeof(ae) - 1, name.n);
	return ERR_OK;
}

static err_t read_csr(struct csr *csr, struct joining *j)
{
	err_t err;

	TRY(name_of(csr, &j->id));
	TRY(bytes_put(j->proof, sizeof(j->proof), csr->signature));
	j->proof_n = csr->signature.n;
	bytes_copy(j->point, csr->point, POINT);
	j->request = csr->info;
	j->holder = bytes_str(csr->proof);
out:
	return err;
}

static void serve_enrol(struct gate *g, struct connection *c, struct bytes message)
{
	struct joining j = { .proof_n = 0 };
	struct csr csr;
	err_t err;

	if (!c->number && !c->device) {
		page_refuse(g, c, 403, BYTES("EST is for who has a credential"));
		return;
	}
	TRY(csr_read(http_body(&c->parser, message), &csr));
	TRY(read_csr(&csr, &j));
	c->est = true;
	if (send_joining(g, c, &j) != ERR_OK)
		page_refuse(g, c, 503, BYTES("the node does not answer"));
out:
	if (err != ERR_OK)
		page_refuse(g, c, 400, err == ERR_TYPE ? BYTES("P-256 keys and ecdsa-with-SHA256, no others")
		                                  : BYTES("no certification request that can be served"));
	csr_free(&csr);
}

static void serve_keygen(struct gate *g, struct connection *c, struct bytes message)
{
	page_refuse(g, c, 403, BYTES("a key is made by who uses it"));
}

/* --- doors --------------------------------------------------------------------------------- */

static const struct {
	const char *path;
	enum http_method method;
	void (*serve)(struct gate *g, struct connection *c, struct bytes message);
} doors[] = {
	{ "/.well-known/holdfast/anchor", HTTP_GET, serve_anchor },
	{ "/.well-known/holdfast/join", HTTP_POST, serve_join },
	{ "/.well-known/est/cacerts", HTTP_GET, serve_cacerts },
	{ "/.well-known/est/csrattrs", HTTP_GET, serve_csrattrs },
	{ "/.well-known/est/simpleenroll", HTTP_POST, serve_enrol },
	{ "/.well-known/est/simplereenroll", HTTP_POST, serve_enrol },
	{ "/.well-known/est/serverkeygen", HTTP_POST, serve_keygen },
};

bool join_takes(struct gate *g, struct connection *c, struct bytes message)
{
	struct bytes target = bytes_sub(message, c->parser.target.at, c->parser.target.n);

	if (!g->joining)
		return false;
	for (size_t i = 0; i < COUNT_OF(doors); i++) {
		if (!bytes_equal(target, bytes_str(doors[i].path)) || c->parser.method != doors[i].method)
			continue;
		c->form.close = c->parser.close;
		c->est = false;
		doors[i].serve(g, c, message);
		return true;
	}
	if (!c->guest)
		return false;
	page_refuse(g, c, 403, BYTES("without a credential one may join, and nothing else"));
	return true;
}

void join_admit(struct gate *g, struct connection *c, const struct channel_peer *peer)
{
	if (!g->joining || g->guests >= options_number(&g->worker.options, OPT_join_connections)) {
		clients_refused(g, &c->address, "too many who join at once");
		connection_close(c);
		return;
	}
	g->guests++;
	c->guest = true;
	c->device = peer->kind == CREDENTIAL_CERTIFICATE;
	if (!c->device)
		channel_forget(c->ssl); /* nobody judges it */
	connection_admit(c, clock_now() + GATE_GUEST_MS);
}

/* --- what became of it ------------------------------------------------------------------------ */

static err_t put_joined(struct bytes id, uint64_t until, struct bytes der, struct buf *body)
{
	struct buf pem = buf_make(2 * CERTIFICATE_MAX);
	err_t err;

	TRY(crypt_certificate_pem(der, &pem));
	TRY(buf_add(body, BYTES("{\"id\":")));
	TRY(json_put_string(body, id));
	TRY(buf_printf(body, ",\"until\":%llu,\"certificate\":", (unsigned long long)until));
	TRY(json_put_string(body, bytes_of_buf(&pem)));
	TRY(buf_add(body, BYTES("}")));
out:
	buf_free(&pem);
	return err;
}

err_t join_answered(struct gate *g, const struct message *m)
{
	struct connection *c = connections_find(g->connections, m->ref);
	struct wire_in in = wire_in(m->body);
	unsigned verdict = wire_get_u8(&in);
	struct bytes text = wire_get_bytes(&in, ANSWER_TEXT_MAX), id = wire_get_bytes(&in, ID_MAX);
	uint64_t until = wire_get_u64(&in);
	struct bytes der = wire_get_bytes(&in, CERTIFICATE_MAX);
	struct buf body = buf_make(4 * CERTIFICATE_MAX);
	err_t err;

	TRY(wire_done(&in));
	if (!c || c->state != CONNECTION_SERVING)
		goto out;
	/* Each is judged and recorded, and there are so many a second for all who join. */
	if (verdict == ERR_REFUSED && !c->number)
		connection_blame(c->whole ? c->whole : c, REFUSED_BLAME);
	if (verdict != ERR_OK) {
		page_refuse(g, c, verdict == ERR_REFUSED ? 403 : 503, text);
		goto out;
	}
	if (c->est) {
		answer_certificates(g, c, der);
		goto out;
	}
	TRY(put_joined(id, until, der, &body));
	page_answer(g, c, &(struct page){ 200, "OK", "application/json", bytes_of_buf(&body), NULL });
out:
	buf_free(&body);
	return err;
}
