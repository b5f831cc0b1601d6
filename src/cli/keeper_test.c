/* keeper_test.c: may this token or TPM hold the keeper's keys? A run that its maker
 * or owner can make before a node relies on it; the keys it makes are destroyed. */
#include "cli/token.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypt/crypt.h"
#include "crypt/der.h"
#include "wire/keeper_calls.h"
#include "wire/token_link.h"

#include <stdio.h>

enum { NUMBER = 1, KEYS_MAX = 16, SEALED_MAX = 256, OPEN_MS = 30000, SPEED_MS = 1000, SPEED_LEAST = 20 };
enum need { OPTIONAL, NEEDED };

struct made {
	enum key_class class;
	uint8_t identity[TOKEN_IDENTITY], reference[TOKEN_REFERENCE_MAX], public_key[65];
	size_t reference_n;
};

struct trial {
	struct cli *cli;
	const char *uri;
	struct token_child child;
	struct made keys[KEYS_MAX]; /* to be destroyed at the end */
	size_t keys_n;
	uint8_t pairing[TOKEN_PAIRING];
	char says[200];
};

/* --- asking ------------------------------------------------------------------------- */

struct ask {
	struct buf body, answer;
	struct wire_out w;
	struct wire_in r;
};

static void begin(struct ask *a, enum token_op op)
{
	*a = (struct ask){ .body = buf_make(8192), .answer = buf_make(8192) };
	a->w = wire_out(&a->body);
	wire_put_u16(&a->w, (uint16_t)op);
}

static void begin_key(struct ask *a, enum token_op op, const struct made *k)
{
	begin(a, op);
	wire_put_u8(&a->w, (uint8_t)k->class);
	wire_put_fixed(&a->w, BYTES_OF(k->identity));
	wire_put_bytes(&a->w, bytes_make(k->reference, k->reference_n));
}

static err_t send(struct ask *a)
{
	err_t err = a->w.err != ERR_OK ? a->w.err
	                               : token_link_ask(NUMBER, bytes_of_buf(&a->body), &a->answer);

	a->r = wire_in(bytes_of_buf(&a->answer));
	return err;
}

static void finish(struct ask *a)
{
	buf_free(&a->body);
	buf_free(&a->answer);
}

/* An answer of exactly n octets. */
static err_t octets(struct ask *a, uint8_t *out, size_t n)
{
	struct bytes got;
	err_t err;

	TRY(send(a));
	got = wire_get_fixed(&a->r, n);
	TRY(wire_done(&a->r));
	bytes_copy(out, got.p, n);
out:
	finish(a);
	return err;
}

static err_t take(struct trial *t, struct ask *a, enum key_class class, struct made **out)
{
	struct made *k = &t->keys[t->keys_n];
	struct bytes part;
	err_t err;

	must(t->keys_n < KEYS_MAX);
	TRY(send(a));
	*k = (struct made){ .class = class };
	part = wire_get_fixed(&a->r, TOKEN_IDENTITY);
	bytes_copy(k->identity, part.p, part.n);
	part = wire_get_bytes(&a->r, TOKEN_REFERENCE_MAX);
	bytes_copy(k->reference, part.p, part.n);
	k->reference_n = part.n;
	part = a->r.rest.n ? wire_get_bytes(&a->r, 65) : BYTES_NONE;
	bytes_copy(k->public_key, part.p, part.n);
	TRY(wire_done(&a->r));
	t->keys_n++;
	*out = k;
out:
	finish(a);
	return err;
}

static err_t make(struct trial *t, enum key_class class, enum pair_use use, struct made **out)
{
	struct ask a;

	begin(&a, TOKEN_MAKE);
	wire_put_u8(&a.w, (uint8_t)class);
	wire_put_u8(&a.w, (uint8_t)use);
	return take(t, &a, class, out);
}

static err_t import(struct trial *t, enum pair_use use, struct bytes raw, struct made **out)
{
	enum key_class class = raw.n == 16 ? KEY_SYMMETRIC_16 : KEY_SYMMETRIC_32;
	struct ask a;

	begin(&a, TOKEN_IMPORT);
	wire_put_u8(&a.w, (uint8_t)class);
	wire_put_bytes(&a.w, raw);
	wire_put_u8(&a.w, (uint8_t)use);
	return take(t, &a, class, out);
}

static err_t mac(const struct made *k, enum token_part part, struct bytes message, uint8_t out[32])
{
	struct ask a;

	begin_key(&a, TOKEN_MAC, k);
	wire_put_u8(&a.w, (uint8_t)part);
	wire_put_bytes(&a.w, message);
	return octets(&a, out, 32);
}

static err_t sign(const struct made *k, struct bytes input, uint8_t out[TOKEN_SIGNATURE])
{
	struct ask a;

	begin_key(&a, TOKEN_SIGN, k);
	wire_put_bytes(&a.w, input);
	return octets(&a, out, TOKEN_SIGNATURE);
}

static err_t agree(const struct made *k, const uint8_t point[CRYPT_POINT], uint8_t out[32])
{
	struct ask a;

	begin_key(&a, TOKEN_AGREE, k);
	wire_put_fixed(&a.w, bytes_make(point, CRYPT_POINT));
	return octets(&a, out, 32);
}

static err_t destroy(const struct made *k)
{
	struct ask a;

	begin_key(&a, TOKEN_DESTROY, k);
	return octets(&a, NULL, 0);
}

/* Wrong in itself: what was answered does not hold. */
static err_t wrong(struct trial *t, const char *what)
{
	(void)text_print(t->says, sizeof(t->says), "%s", what);
	return ERR_TAMPERED;
}

/* --- the checks ------------------------------------------------------------------------ */

static err_t signs_well(struct trial *t, const struct made *k)
{
	uint8_t digest[32], raw[TOKEN_SIGNATURE];
	struct buf der = buf_make(100);
	err_t err;

	crypt_sha256(BYTES("holdfast keeper test"), digest);
	TRY(sign(k, BYTES_OF(digest), raw));
	TRY(der_signature(raw, &der));
	if (crypt_p256_verify(k->public_key, BYTES("holdfast keeper test"), bytes_of_buf(&der)) != ERR_OK)
		err = wrong(t, "its signature does not verify with the public key that it gave");
out:
	buf_free(&der);
	return err;
}

static err_t check_sign(struct trial *t)
{
	struct made *k;
	err_t err;

	TRY(make(t, KEY_EC_P256, PAIR_SIGN, &k));
	err = signs_well(t, k);
out:
	return err;
}

static err_t check_agree(struct trial *t)
{
	uint8_t point[CRYPT_POINT], mine[32], theirs[32];
	struct crypt_key own = { 0 };
	struct made *k;
	err_t err;

	TRY(make(t, KEY_EC_P256, PAIR_AGREE, &k));
	TRY(crypt_p256_new(&own));
	TRY(crypt_p256_point(&own, point));
	TRY(agree(k, point, theirs));
	TRY(crypt_p256_ecdh(&own, k->public_key, mine));
	if (!bytes_equal(BYTES_OF(mine), BYTES_OF(theirs)))
		err = wrong(t, "it agrees on another secret than its peer");
out:
	crypt_key_free(&own);
	return err;
}

static err_t check_purpose(struct trial *t)
{
	uint8_t digest[32] = { 1 }, out[TOKEN_SIGNATURE];
	struct made *signs, *agrees;
	err_t err;

	TRY(make(t, KEY_EC_P256, PAIR_SIGN, &signs));
	TRY(make(t, KEY_EC_P256, PAIR_AGREE, &agrees));
	if (agree(signs, agrees->public_key, out) == ERR_OK)
		return wrong(t, "a key for signatures agreed with a peer");
	if (sign(agrees, BYTES_OF(digest), out) == ERR_OK)
		err = wrong(t, "a key for agreement signed");
out:
	return err;
}

static err_t check_mac(struct trial *t)
{
	uint8_t one[32], two[32], other[32];
	struct made *k, *l;
	err_t err;

	TRY(make(t, KEY_SYMMETRIC_32, PAIR_ANY, &k));
	TRY(make(t, KEY_SYMMETRIC_32, PAIR_ANY, &l));
	TRY(mac(k, PART_KEY, BYTES("m"), one));
	TRY(mac(k, PART_KEY, BYTES("m"), two));
	TRY(mac(l, PART_KEY, BYTES("m"), other));
	if (!bytes_equal(BYTES_OF(one), BYTES_OF(two)) || bytes_equal(BYTES_OF(one), BYTES_OF(other)))
		err = wrong(t, "one secret has two MACs, or two secrets have one");
out:
	return err;
}

static err_t check_known(struct trial *t, struct bytes raw, const struct made *k)
{
	uint8_t expected[32], got[32];
	err_t err;

	TRY(mac(k, PART_KEY, BYTES("what do ya want for nothing?"), got));
	crypt_hmac_sha256(raw, BYTES("what do ya want for nothing?"), expected);
	if (!bytes_equal(BYTES_OF(got), BYTES_OF(expected)))
		err = wrong(t, "its HMAC-SHA-256 is another");
out:
	return err;
}

static err_t check_import(struct trial *t)
{
	struct bytes raw = BYTES("Jefe............................");
	struct made *k;
	err_t err;

	TRY(import(t, PAIR_ANY, raw, &k));
	err = check_known(t, raw, k);
out:
	return err;
}

static err_t check_short_key(struct trial *t)
{
	struct bytes raw = BYTES("Jefe............");
	struct made *k;
	err_t err;

	TRY(import(t, PAIR_ANY, raw, &k));
	err = check_known(t, raw, k);
out:
	return err;
}

static err_t check_tls13(struct trial *t)
{
	struct bytes raw = BYTES("a pre-shared key of 32 octets...");
	uint8_t nothing[32], early[32], derived[32], expected[32], got[32];
	struct made *k;
	err_t err;

	TRY(import(t, PAIR_ANY, raw, &k));
	TRY(mac(k, PART_DERIVED, BYTES("(EC)DHE"), got));
	crypt_sha256(BYTES_NONE, nothing);
	crypt_hkdf_extract(BYTES_NONE, raw, early);
	crypt_expand_label(BYTES_OF(early), BYTES("derived"), BYTES_OF(nothing), derived, 32);
	crypt_hkdf_extract(BYTES_OF(derived), BYTES("(EC)DHE"), expected);
	if (!bytes_equal(BYTES_OF(got), BYTES_OF(expected)))
		return wrong(t, "the handshake secret is another");
	err = mac(k, PART_FINISHED, BYTES("hash"), got);
out:
	return err;
}

static err_t check_extract(struct trial *t)
{
	struct bytes raw = BYTES("a pre-shared key of 32 octets...");
	uint8_t expected[32], got[32];
	struct made *k;
	struct ask a;
	err_t err;

	TRY(import(t, PAIR_ANY, raw, &k));
	begin_key(&a, TOKEN_EXTRACT, k);
	wire_put_bytes(&a.w, BYTES("salt"));
	TRY(octets(&a, got, 32));
	crypt_hkdf_extract(BYTES("salt"), raw, expected);
	if (!bytes_equal(BYTES_OF(got), BYTES_OF(expected)))
		err = wrong(t, "it hashes something else");
out:
	return err;
}

/* SEAL and UNSEAL, WRAP: what comes back, in full. */
static err_t text(struct trial *t, const struct made *k, enum token_op op, struct bytes input, struct buf *out)
{
	struct bytes got;
	struct ask a;
	err_t err;

	begin_key(&a, op, k);
	if (op != TOKEN_WRAP)
		wire_put_bytes(&a.w, BYTES("additional"));
	wire_put_bytes(&a.w, input);
	TRY(send(&a));
	got = wire_get_bytes(&a.r, SEALED_MAX);
	TRY(wire_done(&a.r));
	buf_clear(out);
	err = buf_add(out, got);
out:
	finish(&a);
	return err;
}

static err_t check_seal(struct trial *t)
{
	struct bytes plain = BYTES("octets to be sealed");
	struct buf sealed = buf_make(SEALED_MAX), opened = buf_make(SEALED_MAX);
	struct made *k;
	err_t err;

	TRY(make(t, KEY_SYMMETRIC_32, SECRET_SEAL, &k));
	TRY(text(t, k, TOKEN_SEAL, plain, &sealed));
	TRY(text(t, k, TOKEN_UNSEAL, bytes_of_buf(&sealed), &opened));
	if (!bytes_equal(bytes_of_buf(&opened), plain)) {
		err = wrong(t, "other octets come back");
		goto out;
	}
	sealed.p[sealed.n - 20] ^= 1;
	if (text(t, k, TOKEN_UNSEAL, bytes_of_buf(&sealed), &opened) == ERR_OK)
		err = wrong(t, "what was altered is opened");
out:
	buf_free(&sealed);
	buf_free(&opened);
	return err;
}

static err_t check_aes_gcm(struct trial *t)
{
	return token_state_of(NUMBER)->can & TOKEN_CAN_GCM ? ERR_OK : ERR_UNSUPPORTED;
}

/* The example of RFC 3394 4.6, both ways. */
static err_t check_wrap(struct trial *t)
{
	static const uint8_t expected[TOKEN_WRAPPED] = {
		0x28, 0xc9, 0xf4, 0x04, 0xc4, 0xb8, 0x10, 0xf4, 0xcb, 0xcc, 0xb3, 0x5c, 0xfb, 0x87, 0xf8, 0x26,
		0x3f, 0x57, 0x86, 0xe2, 0xd8, 0x0e, 0xd3, 0x26, 0xcb, 0xc7, 0xf0, 0xe7, 0x1a, 0x99, 0xf4, 0x3b,
		0xfb, 0x98, 0x8b, 0x9b, 0x7a, 0x02, 0xdd, 0x21,
	};
	struct buf wrapped = buf_make(SEALED_MAX);
	uint8_t kek[32], raw[32];
	struct made *k, *inner;
	struct ask a;
	err_t err;

	for (unsigned i = 0; i < 32; i++) {
		kek[i] = (uint8_t)i;
		raw[i] = (uint8_t)(i < 16 ? 0x11 * i : i - 16);
	}
	TRY(import(t, SECRET_WRAP, BYTES_OF(kek), &k));
	TRY(text(t, k, TOKEN_WRAP, BYTES_OF(raw), &wrapped));
	if (!bytes_equal(bytes_of_buf(&wrapped), BYTES_OF(expected))) {
		err = wrong(t, "what it wraps is not as RFC 3394 has it");
		goto out;
	}
	begin_key(&a, TOKEN_UNWRAP, k);
	wire_put_bytes(&a.w, BYTES_OF(expected));
	TRY(take(t, &a, KEY_SYMMETRIC_32, &inner));
	err = check_known(t, BYTES_OF(raw), inner);
out:
	buf_free(&wrapped);
	return err;
}

static err_t check_ed25519(struct trial *t)
{
	uint8_t raw[TOKEN_SIGNATURE];
	struct made *k;
	err_t err;

	TRY(make(t, KEY_ED25519, PAIR_SIGN, &k));
	TRY(sign(k, BYTES("message"), raw));
	if (crypt_ed25519_verify(k->public_key, BYTES("message"), BYTES_OF(raw)) != ERR_OK)
		err = wrong(t, "its signature does not verify");
out:
	return err;
}

/* Is the key as one that was made on the token? */
static err_t try_made(const struct made *k)
{
	struct ask a;

	begin_key(&a, TOKEN_TRY, k);
	wire_put_u8(&a.w, 1);
	return octets(&a, NULL, 0);
}

static err_t check_local(struct trial *t)
{
	uint8_t raw[32] = { 7 };
	struct made *k, *came;
	err_t err;

	TRY(make(t, KEY_EC_P256, PAIR_SIGN, &k));
	err = try_made(k);
	TRY(err == ERR_TAMPERED ? ERR_UNSUPPORTED : err);
	if (token_state_of(NUMBER)->kind != TOKEN_KIND_PKCS11)
		return ERR_OK; /* a TPM certifies its keys */
	TRY(import(t, PAIR_ANY, BYTES_OF(raw), &came));
	if (try_made(came) != ERR_TAMPERED)
		err = wrong(t, "a key that came from outside is called made on it");
out:
	return err;
}

static err_t check_random(struct trial *t)
{
	uint8_t both[2][32];
	struct ask a;
	err_t err = ERR_OK;

	for (size_t i = 0; i < 2; i++) {
		begin(&a, TOKEN_RANDOM);
		wire_put_u16(&a.w, 32);
		TRY(octets(&a, both[i], 32));
	}
	if (bytes_equal(BYTES_OF(both[0]), BYTES_OF(both[1])))
		err = wrong(t, "the same octets twice");
out:
	return err;
}

static err_t open_token(struct trial *t);
static void close_token(struct trial *t);

static err_t check_again(struct trial *t)
{
	struct made *k;
	err_t err;

	TRY(make(t, KEY_EC_P256, PAIR_SIGN, &k));
	close_token(t);
	TRY(open_token(t));
	err = signs_well(t, k);
out:
	return err;
}

static err_t check_destroyed(struct trial *t)
{
	uint8_t digest[32] = { 1 }, raw[TOKEN_SIGNATURE];
	struct made *k;
	err_t err;

	TRY(make(t, KEY_EC_P256, PAIR_SIGN, &k));
	TRY(signs_well(t, k));
	TRY(destroy(k));
	t->keys_n--;
	/* What a TPM wrapped is gone with its reference. */
	if (token_state_of(NUMBER)->kind == TOKEN_KIND_PKCS11 && sign(k, BYTES_OF(digest), raw) == ERR_OK)
		err = wrong(t, "the destroyed key signed");
out:
	return err;
}

static err_t check_speed(struct trial *t)
{
	int64_t begin_at = clock_steady(), now = begin_at;
	unsigned n = 0;
	struct made *k;
	err_t err;

	TRY(make(t, KEY_EC_P256, PAIR_SIGN, &k));
	for (; now - begin_at < SPEED_MS; now = clock_steady(), n++)
		TRY(signs_well(t, k));
	(void)text_print(t->says, sizeof(t->says), "%u signatures a second, one after the other", n);
	if (n < SPEED_LEAST)
		err = ERR_UNSUPPORTED;
out:
	return err;
}

static const struct check {
	const char *name;
	enum need need;
	const char *asks, *costs;
	err_t (*run)(struct trial *t);
} checks[] = {
#define CONFORMS(name, need, asks, costs) { #name, need, asks, costs, check_##name },
#include "cli/conformance.def"
#undef CONFORMS
};

/* --- the run ------------------------------------------------------------------------------ */

static err_t open_token(struct trial *t)
{
	struct ask a;
	err_t err = ERR_IO;

	if (token_start(t->cli, t->uri, NUMBER, &t->child) != CLI_OK)
		return err;
	token_attach(NUMBER, t->child.link_fd);
	t->child.link_fd = -1; /* the link's now */
	begin(&a, TOKEN_OPEN);
	wire_put_fixed(&a.w, BYTES_OF(t->pairing));
	wire_put_u8(&a.w, TOKEN_PAIR_TRIAL);
	TRY(token_link_open(NUMBER, bytes_of_buf(&a.body)));
	err = token_await(NUMBER, OPEN_MS);
out:
	finish(&a);
	return err;
}

static void close_token(struct trial *t)
{
	token_detach(NUMBER);
	token_end(&t->child);
}

static void print(struct trial *t, const struct check *check, const char *verdict, bool first)
{
	if (t->cli->json) {
		printf("%s\n{\"check\":\"%s\",\"result\":\"%s\",\"asks\":\"%s\",\"says\":\"%s\",\"costs\":\"%s\"}",
		       first ? "[" : ",", check->name, verdict, check->asks, t->says, check->costs);
		return;
	}
	printf("%-8s %-10s %s%s%s\n", verdict, check->name, check->asks, t->says[0] ? ": " : "", t->says);
	if (!bytes_equal(bytes_str(verdict), BYTES("ok")))
		printf("%-19s costs: %s\n", "", check->costs);
}

/* What it refuses is a lack; what it does wrongly, or breaks down over, is a fault. */
static const char *verdict_of(struct trial *t, const struct check *check, err_t err)
{
	if (err == ERR_OK)
		return "ok";
	if (!t->says[0])
		(void)text_print(t->says, sizeof(t->says), "%s", err == ERR_REFUSED
		        ? "a key that could be read out, or the token refused" : err_text(err));
	return check->need == NEEDED || err != ERR_UNSUPPORTED ? "FAIL" : "lacks";
}

static int run_checks(struct trial *t)
{
	size_t failed = 0, lacks = 0;

	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		const char *verdict;

		t->says[0] = '\0';
		t->keys_n = t->keys_n < KEYS_MAX - 3 ? t->keys_n : 0;
		verdict = verdict_of(t, &checks[i], checks[i].run(t));
		failed += bytes_equal(bytes_str(verdict), BYTES("FAIL"));
		lacks += bytes_equal(bytes_str(verdict), BYTES("lacks"));
		print(t, &checks[i], verdict, i == 0);
		while (t->keys_n > 0)
			(void)(destroy(&t->keys[--t->keys_n]) == ERR_OK);
	}
	if (t->cli->json)
		printf("\n]\n");
	else
		printf("%zu of %zu as asked, %zu lacking, %zu failed\n"
		       "protection level: 1 until evidence is verified; what a token says of itself raises nothing\n",
		       COUNT_OF(checks) - failed - lacks, COUNT_OF(checks), lacks, failed);
	return failed ? CLI_FAILED : CLI_OK;
}

int run_keeper_test(struct cli *c)
{
	struct trial t = { .cli = c, .uri = c->argument[0], .child = { .link_fd = -1 } };
	int code = token_check(c, t.uri);
	err_t err;

	if (code != CLI_OK)
		return code;
	log_level_set(LOG_ERROR); /* what the link has to say is said below */
	crypt_random(t.pairing, sizeof(t.pairing));
	err = open_token(&t);
	if (err == ERR_OK) {
		if (!c->json)
			printf("%s\n", token_state_of(NUMBER)->name);
		code = run_checks(&t);
	} else {
		code = cli_fail(c, err, "the token does not open: %s", token_state_of(NUMBER)->why[0]
		                ? token_state_of(NUMBER)->why : err_text(err));
	}
	close_token(&t);
	secret_wipe(t.pairing, sizeof(t.pairing));
	return code;
}
