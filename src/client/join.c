/* join.c: the joiner's side of doc/protocol/joining.md. */
#include "client/join.h"

#include "client/client.h"
#include "codec/json.h"
#include "crypt/crypt.h"
#include "primitive/id.h"

enum { PEM_MAX = 65536, BODY_MAX = 4096, KEY_PEM = 4096, AE = 1, CSE = 2 };

static const char path_anchor[] = "/.well-known/holdfast/anchor";
static const char path_join[] = "/.well-known/holdfast/join";

struct visit {
	const struct claim *claim;
	struct profile guest;  /* how the node is visited */
	struct buf entity, subject, name;
	unsigned kind;
	char *why;
	size_t why_size;
};

static err_t explain(const struct visit *v, err_t err, const char *text)
{
	(void)text_print(v->why, v->why_size, "%s", text);
	return err;
}

err_t client_proof(const struct crypt_key *key, unsigned kind, struct bytes subject,
                   struct bytes point, struct buf *proof)
{
	struct buf message = buf_make(1024);
	err_t err;

	TRY(buf_add(&message, BYTES("holdfast enrolment\0")));
	TRY(buf_add_byte(&message, (uint8_t)kind));
	TRY(buf_add(&message, subject));
	TRY(buf_add(&message, point));
	TRY(crypt_p256_sign(key, bytes_of_buf(&message), proof));
out:
	buf_free(&message);
	return err;
}

/* --- who is to join ------------------------------------------------------------------ */

static err_t name_entity(struct visit *v, struct bytes id)
{
	struct buf sp = buf_make(300), cse = buf_make(300);
	enum id_form form = id_form(id);
	err_t err;

	if (form != ID_AE_STEM && form != ID_SP_CSE)
		return explain(v, ERR_SYNTAX, "the identifier must be an AE-ID, as Cdev1 or Sapp, or a CSE-ID, as /mn-1");
	v->kind = form == ID_SP_CSE ? CSE : AE;
	TRY(buf_printf(&sp, "//%s", v->claim->domain));
	TRY(buf_printf(&cse, "/%s", v->claim->cse));
	TRY(id_absolute(id, bytes_of_buf(&sp), bytes_of_buf(&cse), &v->entity));
	TRY(buf_printf(&v->name, "%s.%s", v->claim->cse, v->claim->domain));
	if (v->kind == AE)
		TRY(buf_add(&v->subject, bytes_of_buf(&v->entity)));
	else
		TRY(buf_printf(&v->subject, "%.*s.%.*s", BYTES_FMT(bytes_sub(id, 1, id.n)),
		               BYTES_FMT(bytes_of_buf(&v->name))));
out:
	buf_free(&sp);
	buf_free(&cse);
	return err;
}

/* --- one question ------------------------------------------------------------------------ */

static err_t ask(struct visit *v, const char *method, const char *path, struct bytes body,
                 struct buf *answer)
{
	struct client_connection *c = NULL;
	struct buf request = buf_make(2 * BODY_MAX);
	struct bytes got;
	unsigned http = 0;
	err_t err;

	TRY(client_connect(&v->guest, &c, v->why, v->why_size));
	TRY(buf_printf(&request, "%s %s HTTP/1.1\r\nHost: %.*s\r\n", method, path,
	               BYTES_FMT(bytes_of_buf(&v->name))));
	if (body.n)
		TRY(buf_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.n));
	TRY(buf_add(&request, BYTES("\r\n")));
	TRY(buf_add(&request, body));
	err = client_exchange(c, bytes_of_buf(&request), &http, &got);
	if (err != ERR_OK) {
		(void)explain(v, err, "the node gave no answer");
		goto out;
	}
	TRY(buf_add(answer, got));
	if (http != 200)
		err = explain(v, ERR_REFUSED, http == 503 ? "the node says: try again later"
		                              : http == 404 ? "joining is off at the node"
		                                            : "the node refuses; its audit log says why (holdfast audit list)");
out:
	client_disconnect(c);
	buf_free(&request);
	return err;
}

/* The first visit: nobody is authenticated, and nothing is believed but the one
 * certificate whose fingerprint the claim has. */
static err_t fetch_anchor(struct visit *v)
{
	struct buf pem = buf_make(PEM_MAX), der = buf_make(PEM_MAX);
	uint8_t digest[32];
	err_t err;

	must(v->claim != NULL);
	TRY(ask(v, "GET", path_anchor, BYTES_NONE, &pem));
	if (crypt_certificate_der(bytes_of_buf(&pem), &der) != ERR_OK) {
		err = explain(v, ERR_SYNTAX, "the node sent no certificate");
		goto out;
	}
	crypt_sha256(bytes_of_buf(&der), digest);
	if (!bytes_equal(BYTES_OF(digest), BYTES_OF(v->claim->anchor))) {
		err = explain(v, ERR_REFUSED, "this is not the node of the claim: its anchor is another");
		goto out;
	}
	TRY(crypt_certificate_pem(bytes_of_buf(&der), &v->guest.anchor));
out:
	buf_free(&pem);
	buf_free(&der);
	return err;
}

/* --- the second visit ---------------------------------------------------------------------- */

static err_t put_hex(struct buf *out, const char *key, struct bytes octets)
{
	err_t err;

	TRY(buf_printf(out, ",\"%s\":\"", key));
	TRY(buf_add_hex(out, octets));
	TRY(buf_add_byte(out, '"'));
out:
	return err;
}

/* The secret itself goes nowhere. */
static err_t ticket_mac(const struct claim *claim, struct bytes id, struct bytes point, uint8_t mac[32])
{
	struct buf message = buf_make(1024);
	struct crypt_hmac h = { 0 };
	uint8_t key[CRYPT_SHA256_SIZE];
	err_t err;

	crypt_sha256(BYTES_OF(claim->secret), key);
	TRY(buf_add(&message, BYTES("holdfast joining\0")));
	TRY(buf_add(&message, id));
	TRY(buf_add_byte(&message, 0));
	TRY(buf_add(&message, point));
	TRY(crypt_hmac_init(&h, BYTES_OF(key)));
	crypt_hmac(&h, bytes_of_buf(&message), mac);
out:
	secret_wipe(key, sizeof(key));
	crypt_hmac_free(&h);
	buf_free(&message);
	return err;
}

/* That the device itself wants this key certified, for this entity: by the key that its
 * maker gave it. */
static err_t put_holder(const struct visit *v, struct bytes point, struct buf *out)
{
	struct buf message = buf_make(1024), signature = buf_make(128);
	struct crypt_key key = { NULL };
	err_t err;

	TRY(crypt_p256_from_pem(secret_view(&v->guest.key), &key));
	TRY(buf_add(&message, BYTES("holdfast renewal\0")));
	TRY(buf_add(&message, bytes_of_buf(&v->entity)));
	TRY(buf_add(&message, point));
	TRY(crypt_p256_sign(&key, bytes_of_buf(&message), &signature));
	TRY(put_hex(out, "holder", bytes_of_buf(&signature)));
out:
	crypt_key_free(&key);
	buf_free(&message);
	buf_free(&signature);
	return err;
}

static err_t put_question(const struct visit *v, struct bytes id, struct bytes point,
                          struct bytes proof, struct buf *out)
{
	uint8_t mac[32];
	err_t err;

	TRY(buf_add(out, BYTES("{\"id\":")));
	TRY(json_put_string(out, id));
	TRY(put_hex(out, "key", point));
	TRY(put_hex(out, "proof", proof));
	if (v->claim->has_ticket) {
		TRY(buf_printf(out, ",\"ticket\":\"%s\"", v->claim->ticket));
		TRY(ticket_mac(v->claim, id, point, mac));
		TRY(put_hex(out, "mac", BYTES_OF(mac)));
	}
	if (v->guest.credential == PROFILE_CERTIFICATE)
		TRY(put_holder(v, point, out));
	TRY(buf_add_byte(out, '}'));
out:
	return err;
}

static err_t take_certificate(struct visit *v, struct bytes answer, struct profile *out)
{
	struct codec_limits limits = codec_default_limits;
	struct buf map = buf_make(PEM_MAX);
	struct cbor pem;
	bool found = false;
	err_t err;

	limits.octets = PEM_MAX;
	TRY(json_to_cbor(answer, &limits, &map));
	TRY(cbor_find(bytes_of_buf(&map), BYTES("certificate"), &pem, &found));
	if (!found || pem.kind != CBOR_TEXT)
		TRY(ERR_SYNTAX);
	TRY(buf_add(&out->certificate, pem.s));
out:
	buf_free(&map);
	return err == ERR_OK ? ERR_OK : explain(v, err, "the node's answer has no certificate");
}

static err_t keep_key(const struct crypt_key *key, struct profile *out)
{
	struct buf pem = buf_make(KEY_PEM);
	err_t err;

	TRY(buf_reserve(&pem, KEY_PEM));
	TRY(crypt_p256_to_pem(key, &pem));
	TRY(secret_copy(bytes_of_buf(&pem), &out->key));
out:
	if (pem.p)
		secret_wipe(pem.p, pem.cap);
	buf_free(&pem);
	return err;
}

static err_t join(struct visit *v, struct bytes id, struct profile *out)
{
	struct buf proof = buf_make(256), question = buf_make(BODY_MAX), answer = buf_make(PEM_MAX);
	struct crypt_key key = { NULL };
	uint8_t point[CRYPT_POINT];
	err_t err;

	TRY(crypt_p256_new(&key));
	TRY(crypt_p256_point(&key, point));
	TRY(client_proof(&key, v->kind, bytes_of_buf(&v->subject), BYTES_OF(point), &proof));
	TRY(put_question(v, id, BYTES_OF(point), bytes_of_buf(&proof), &question));
	TRY(ask(v, "POST", path_join, bytes_of_buf(&question), &answer));
	TRY(take_certificate(v, bytes_of_buf(&answer), out));
	TRY(keep_key(&key, out));
out:
	crypt_key_free(&key);
	buf_free(&proof);
	buf_free(&question);
	buf_free(&answer);
	return err;
}

/* --- the whole ---------------------------------------------------------------------------------- */

static err_t begin(struct visit *v, struct bytes id, struct profile *out)
{
	err_t err;

	v->guest = (struct profile){ .credential = PROFILE_GUEST, .anchor = buf_make(PEM_MAX),
		                     .certificate = buf_make(PEM_MAX) };
	TRY(name_entity(v, id));
	TRY(profile_address(bytes_str(v->claim->address), &v->guest));
	TRY(bytes_put_str(v->guest.name, sizeof(v->guest.name), bytes_of_buf(&v->name)));
	TRY(profile_address(bytes_str(v->claim->address), out));
	TRY(bytes_put_str(out->name, sizeof(out->name), bytes_of_buf(&v->name)));
	TRY(bytes_put_str(out->originator, sizeof(out->originator), id));
	out->credential = PROFILE_CERTIFICATE;
out:
	return err;
}

/* The device shows what its maker gave it. */
static err_t show_device(struct visit *v, const struct profile *device)
{
	err_t err = ERR_OK;

	if (!device)
		goto out;
	v->guest.credential = PROFILE_CERTIFICATE;
	TRY(buf_add(&v->guest.certificate, bytes_of_buf(&device->certificate)));
	TRY(secret_copy(secret_view(&device->key), &v->guest.key));
out:
	return err;
}

err_t client_join(const struct claim *claim, struct bytes id, const struct profile *device,
                  struct profile *out, char *why, size_t why_size)
{
	struct visit v = { .claim = claim, .why = why, .why_size = why_size, .entity = buf_make(512),
		           .subject = buf_make(512), .name = buf_make(300) };
	err_t err;

	why[0] = '\0';
	*out = (struct profile){ .anchor = buf_make(PEM_MAX), .certificate = buf_make(PEM_MAX) };
	TRY(begin(&v, id, out));
	TRY(fetch_anchor(&v));
	TRY(buf_add(&out->anchor, bytes_of_buf(&v.guest.anchor)));
	TRY(show_device(&v, device));
	TRY(join(&v, id, out));
out:
	if (err != ERR_OK && why[0] == '\0')
		(void)explain(&v, err, err_text(err));
	profile_free(&v.guest);
	buf_free(&v.entity);
	buf_free(&v.subject);
	buf_free(&v.name);
	return err;
}
