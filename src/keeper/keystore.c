/* keystore.c: the octets of the key store; pictures in doc/protocol/keystore.md.
 *
 * The header is in clear and is associated data of every record, so that a
 * record counts only in its place of its writing of the file. */
#include "keeper/vault.h"

#include "crypt/crypt.h"

enum {
	FORMAT = 3, FORMAT_UNSHARED = 2, FORMAT_BEFORE = 1, KDF_SCRYPT = 1, KDF_LOG_N = 15, KDF_R = 8, KDF_P = 1,
	HEADER = 128, TAG = CRYPT_AEAD_TAG,
	/* in place of a record's index */
	SEAL_OF_HEADER = -1, SEAL_OF_ADMINISTRATION = -2,
};

static struct bytes magic(void)
{
	return BYTES("HOLDFKEY");
}

/* HMAC(salt, label 0 machine identity): a part is shown in the header. */
static void machine_mac(const struct vault *v, const char *label, const struct machine *m,
                        uint8_t out[32])
{
	static const struct machine none;

	crypt_hmac_labelled(BYTES_OF(v->salt), bytes_str(label), BYTES_OF((m ? m : &none)->identity), out);
}

static err_t derive_master(struct vault *v, struct bytes passphrase, const uint8_t salt[32])
{
	err_t err;

	secret_free(&v->master);
	TRY(secret_new(32, &v->master));
	err = crypt_scrypt(passphrase, bytes_make(salt, 32), KDF_LOG_N, v->master.p);
out:
	return err;
}

err_t keystore_unlock(struct vault *v, const struct vault_setup *setup)
{
	const struct machine *m = v->machine_parts ? setup->machine : NULL;
	struct bytes given = setup->machine_salt;
	uint8_t check[32], salt[32];
	err_t err;

	if (!given.n) {
		machine_mac(v, "holdfast machine check", m, check);
		bytes_copy(v->machine_check, check, VAULT_CHECK);
	}
	machine_mac(v, "holdfast machine", m, salt);
	secret_free(&v->machine_salt);
	TRY(secret_copy(given.n == sizeof(salt) ? given : BYTES_OF(salt), &v->machine_salt));
	TRY(derive_master(v, setup->passphrase, v->machine_salt.p));
	vault_subkey(v, BYTES("holdfast keystore check"), BYTES_NONE, check);
	bytes_copy(v->passphrase_check, check, VAULT_CHECK);
out:
	secret_wipe(salt, sizeof(salt));
	return err;
}

/* --- the header ------------------------------------------------------------ */

struct header {
	unsigned form;
	uint8_t file_salt[VAULT_SALT];
	uint64_t generation;
	uint32_t records;
};

static err_t header_print(const struct vault *v, const struct header *h, struct buf *out)
{
	struct wire_out w = wire_out(out);
	struct bytes sp = bytes_str(v->sp), cse = bytes_str(v->cse);

	wire_put_fixed(&w, magic());
	wire_put_u16(&w, FORMAT);
	wire_put_u8(&w, KDF_SCRYPT);
	wire_put_u8(&w, KDF_LOG_N);
	wire_put_u8(&w, KDF_R);
	wire_put_u8(&w, KDF_P);
	wire_put_u16(&w, (uint16_t)v->machine_parts);
	wire_put_fixed(&w, BYTES_OF(v->salt));
	wire_put_fixed(&w, BYTES_OF(v->machine_check));
	wire_put_fixed(&w, BYTES_OF(v->passphrase_check));
	wire_put_fixed(&w, BYTES_OF(h->file_salt));
	wire_put_u64(&w, h->generation);
	wire_put_u32(&w, h->records);
	wire_put_u16(&w, (uint16_t)sp.n);
	wire_put_u16(&w, (uint16_t)cse.n);
	wire_put_fixed(&w, sp);
	wire_put_fixed(&w, cse);
	wire_put_bytes(&w, bytes_of_buf(&v->shares));
	return w.err;
}

/* Format and derivation, which this version has only one of. */
static bool header_known(struct wire_in *in, unsigned *form)
{
	bool known = bytes_equal(wire_get_fixed(in, magic().n), magic());

	*form = wire_get_u16(in);
	known &= *form >= FORMAT_BEFORE && *form <= FORMAT;
	known &= wire_get_u8(in) == KDF_SCRYPT;
	known &= wire_get_u8(in) == KDF_LOG_N;
	known &= wire_get_u8(in) == KDF_R;
	known &= wire_get_u8(in) == KDF_P;
	return known;
}

static err_t header_parse(struct vault *v, struct wire_in *in, struct header *h)
{
	struct bytes salt, machine, passphrase, file_salt, sp, cse, shares = BYTES_NONE;
	size_t sp_n, cse_n;
	err_t err;

	v->why = "not a key store of a format that this program knows";
	if (!header_known(in, &h->form))
		return ERR_TAMPERED;
	v->machine_parts = wire_get_u16(in);
	salt = wire_get_fixed(in, VAULT_SALT);
	machine = wire_get_fixed(in, VAULT_CHECK);
	passphrase = wire_get_fixed(in, VAULT_CHECK);
	file_salt = wire_get_fixed(in, VAULT_SALT);
	h->generation = wire_get_u64(in);
	h->records = wire_get_u32(in);
	sp_n = wire_get_u16(in);
	cse_n = wire_get_u16(in);
	sp = wire_get_fixed(in, sp_n);
	cse = wire_get_fixed(in, cse_n);
	if (h->form == FORMAT)
		shares = wire_get_bytes(in, VAULT_SHARES_MAX);
	v->why = "the header of the key store is cut or altered";
	if (in->err != ERR_OK || h->records > VAULT_KEYS_MAX ||
	    v->machine_parts > (MACHINE_ID | MACHINE_UUID))
		return ERR_TAMPERED;
	if (bytes_put_str(v->sp, sizeof(v->sp), sp) != ERR_OK ||
	    bytes_put_str(v->cse, sizeof(v->cse), cse) != ERR_OK)
		return ERR_TAMPERED;
	buf_clear(&v->shares);
	TRY(buf_add(&v->shares, shares));
	TRY(bytes_put(v->salt, VAULT_SALT, salt));
	TRY(bytes_put(v->machine_check, VAULT_CHECK, machine));
	TRY(bytes_put(v->passphrase_check, VAULT_CHECK, passphrase));
	TRY(bytes_put(h->file_salt, VAULT_SALT, file_salt));
out:
	return err;
}

/* Machine first, then passphrase, so that the refusal says which it is. */
static err_t header_unlock(struct vault *v, const struct vault_setup *setup)
{
	uint8_t machine[VAULT_CHECK], passphrase[VAULT_CHECK];
	struct machine here = { 0 };
	struct vault_setup mine = *setup;
	err_t err;

	bytes_copy(machine, v->machine_check, VAULT_CHECK);
	bytes_copy(passphrase, v->passphrase_check, VAULT_CHECK);
	if (setup->machine)
		here = *setup->machine;
	machine_choose(&here, v->machine_parts);
	mine.machine = &here;
	v->elsewhere = !setup->machine_salt.n;
	v->why = "this machine's identity cannot be read whole, and the key store is bound to it";
	if (here.parts != v->machine_parts && v->elsewhere)
		return ERR_BAD_STATE;
	TRY(keystore_unlock(v, &mine));
	v->why = "bound to another machine";
	if (!secret_equal(BYTES_OF(machine), BYTES_OF(v->machine_check)))
		return ERR_BAD_STATE;
	v->elsewhere = false;
	v->why = "wrong passphrase";
	if (!secret_equal(BYTES_OF(passphrase), BYTES_OF(v->passphrase_check)))
		return ERR_REFUSED;
out:
	return err;
}

/* --- records ---------------------------------------------------------------- */

static err_t file_aead(const struct vault *v, const struct header *h, struct crypt_aead *out)
{
	uint8_t key[32];
	err_t err;

	vault_subkey(v, BYTES("holdfast keystore file"), BYTES_OF(h->file_salt), key);
	err = crypt_aead_init(out, key);
	secret_wipe(key, sizeof(key));
	return err;
}

/* The key is of this writing of the file, so the index is a nonce. */
static void record_nonce(uint32_t index, uint8_t nonce[CRYPT_AEAD_NONCE])
{
	bytes_zero(nonce, CRYPT_AEAD_NONCE);
	put_be32(nonce + CRYPT_AEAD_NONCE - 4, index);
}

/* Append u32 length and the sealed octets. */
static err_t seal(struct crypt_aead *a, uint32_t index, struct bytes aad, struct bytes plain,
                  struct buf *out)
{
	uint8_t nonce[CRYPT_AEAD_NONCE], n[4];
	err_t err;

	record_nonce(index, nonce);
	put_be32(n, (uint32_t)(plain.n + TAG));
	TRY(buf_reserve(out, sizeof(n) + plain.n + TAG));
	TRY(buf_add(out, BYTES_OF(n)));
	TRY(crypt_aead_seal(a, nonce, aad, plain, out->p + out->n));
	out->n += plain.n + TAG;
out:
	return err;
}

/* Who may order what, and what waits. */
static err_t administration_seal(struct vault *v, struct crypt_aead *a, struct bytes head,
                                 struct buf *out)
{
	struct buf part = buf_make(ADMINISTRATION_MAX);
	err_t err;

	TRY(administration_print(&v->admin, &part));
	TRY(seal(a, (uint32_t)SEAL_OF_ADMINISTRATION, head, bytes_of_buf(&part), out));
out:
	/* A key that waits to replace another lies in it, sealed. */
	buf_free(&part);
	return err;
}

err_t keystore_print(struct vault *v, uint64_t generation, struct buf *out)
{
	struct header h = { .generation = generation, .records = (uint32_t)v->keys_n };
	struct buf head = buf_make(HEADER + VAULT_SP_MAX + VAULT_CSE_MAX + 4 + VAULT_SHARES_MAX);
	struct crypt_aead aead = { 0 };
	struct secret page = { 0 };
	size_t n;
	err_t err;

	crypt_random(h.file_salt, sizeof(h.file_salt));
	TRY(header_print(v, &h, &head));
	TRY(file_aead(v, &h, &aead));
	TRY(secret_new(KEYRECORD_MAX, &page));
	TRY(buf_add(out, bytes_of_buf(&head)));
	TRY(seal(&aead, (uint32_t)SEAL_OF_HEADER, bytes_of_buf(&head), BYTES_NONE, out));
	TRY(administration_seal(v, &aead, bytes_of_buf(&head), out));
	for (size_t i = 0; i < v->keys_n; i++) {
		TRY(keyrecord_print(v->keys[i], &page, &n));
		TRY(seal(&aead, (uint32_t)i, bytes_of_buf(&head), bytes_make(page.p, n), out));
	}
out:
	secret_free(&page);
	crypt_aead_free(&aead);
	buf_free(&head);
	return err;
}

static err_t record_parse(struct vault *v, struct bytes plain)
{
	struct wire_in in = wire_in(plain);
	struct vault_key k = { 0 }, *own;
	struct bytes name;
	err_t err;

	TRY(keyrecord_get(&in, &k, &name));
	TRY(vault_add(v, name, &k, &own));
out:
	return err;
}

/* Open the next sealed part into the page. */
static err_t unseal(struct crypt_aead *a, uint32_t index, struct bytes aad, struct wire_in *in,
                    struct secret *page, struct bytes *plain)
{
	struct bytes sealed = wire_get_bytes(in, KEYRECORD_MAX + TAG);
	uint8_t nonce[CRYPT_AEAD_NONCE];
	err_t err;

	TRY(in->err);
	record_nonce(index, nonce);
	TRY(crypt_aead_open(a, nonce, aad, sealed, page->p));
	*plain = bytes_make(page->p, sealed.n - TAG);
out:
	return err == ERR_SYNTAX ? ERR_TAMPERED : err;
}

static err_t administration_unseal(struct vault *v, struct crypt_aead *a, struct bytes head,
                                   struct wire_in *in)
{
	struct bytes sealed = wire_get_bytes(in, ADMINISTRATION_MAX + TAG);
	struct buf part = buf_make(ADMINISTRATION_MAX + TAG);
	uint8_t nonce[CRYPT_AEAD_NONCE];
	err_t err;

	TRY(in->err);
	TRY(buf_reserve(&part, sealed.n));
	record_nonce((uint32_t)SEAL_OF_ADMINISTRATION, nonce);
	TRY(crypt_aead_open(a, nonce, head, sealed, part.p));
	TRY(administration_parse(&v->admin, bytes_make(part.p, sealed.n - TAG)));
out:
	buf_free(&part);
	return err == ERR_SYNTAX ? ERR_TAMPERED : err;
}

static err_t records_parse(struct vault *v, const struct header *h, struct bytes head,
                           struct wire_in *in)
{
	struct crypt_aead aead = { 0 };
	struct secret page = { 0 };
	struct bytes plain;
	err_t err;

	TRY(file_aead(v, h, &aead));
	TRY(secret_new(KEYRECORD_MAX, &page));
	v->why = "the header of the key store was altered";
	TRY(unseal(&aead, (uint32_t)SEAL_OF_HEADER, head, in, &page, &plain));
	v->why = "a record of the key store was altered";
	/* The first form had no administrators; the header's seal covers which it is. */
	if (h->form != FORMAT_BEFORE)
		TRY(administration_unseal(v, &aead, head, in));
	for (uint32_t i = 0; i < h->records; i++) {
		TRY(unseal(&aead, i, head, in, &page, &plain));
		TRY(record_parse(v, plain));
	}
	v->why = "the key store is longer than its records";
	if (wire_done(in) != ERR_OK)
		err = ERR_TAMPERED;
out:
	secret_free(&page);
	crypt_aead_free(&aead);
	return err;
}

err_t keystore_shares(struct vault *v, struct bytes file)
{
	struct wire_in in = wire_in(file);
	struct header h = { 0 };

	return header_parse(v, &in, &h);
}

err_t keystore_parse(struct vault *v, struct bytes file, const struct vault_setup *setup)
{
	struct wire_in in = wire_in(file);
	struct header h = { 0 };
	err_t err;

	TRY(header_parse(v, &in, &h));
	/* A backup is under a key of its own, which v->master then is. */
	if (setup)
		TRY(header_unlock(v, setup));
	v->generation = h.generation;
	TRY(records_parse(v, &h, bytes_sub(file, 0, file.n - in.rest.n), &in));
out:
	return err;
}
