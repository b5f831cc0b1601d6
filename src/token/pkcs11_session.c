/* pkcs11_session.c: library, slot, session, PIN.
 *
 * Each opening starts the library anew, so that slots are enumerated again: some
 * libraries look for tokens at C_Initialize only. A wrong PIN is tried once:
 * tokens count, and lock. */
#include "token/pkcs11.h"

#include "base/log.h"
#include "crypt/crypt.h"

#include <dlfcn.h>
#include <stdlib.h>

enum { SLOTS_MAX = 64, PIN_TEXT = 32 };

static const struct {
	CK_RV rv;
	err_t err;
	const char *text;
} results[] = {
	{ CKR_OK, ERR_OK, "" },
	{ CKR_HOST_MEMORY, ERR_MEMORY, "out of memory" },
	{ CKR_DEVICE_MEMORY, ERR_FULL, "the token has no room for another object" },
	{ CKR_DEVICE_REMOVED, ERR_ABSENT, "the token was removed" },
	{ CKR_TOKEN_NOT_PRESENT, ERR_ABSENT, "there is no token in the slot" },
	{ CKR_TOKEN_NOT_RECOGNIZED, ERR_ABSENT, "the token in the slot is not recognised" },
	{ CKR_DEVICE_ERROR, ERR_ABSENT, "the token does not work" },
	{ CKR_SLOT_ID_INVALID, ERR_ABSENT, "there is no such slot" },
	{ CKR_GENERAL_ERROR, ERR_ABSENT, "the library says no more than that it failed" },
	{ CKR_SESSION_CLOSED, ERR_ABSENT, "the session was closed" },
	{ CKR_SESSION_HANDLE_INVALID, ERR_ABSENT, "the session is gone" },
	{ CKR_SESSION_COUNT, ERR_ABSENT, "the token allows no further session" },
	{ CKR_USER_NOT_LOGGED_IN, ERR_ABSENT, "the token forgot the log-in" },
	{ CKR_KEY_HANDLE_INVALID, ERR_ABSENT, "the key's handle is gone" },
	{ CKR_OBJECT_HANDLE_INVALID, ERR_ABSENT, "the object's handle is gone" },
	{ CKR_CRYPTOKI_NOT_INITIALIZED, ERR_ABSENT, "the library forgot that it was started" },
	{ CKR_PIN_INCORRECT, ERR_REFUSED, "wrong PIN; it is not tried again, because the token counts" },
	{ CKR_PIN_LOCKED, ERR_REFUSED, "the PIN is locked: too many wrong ones; its maker's tool unlocks it" },
	{ CKR_PIN_EXPIRED, ERR_REFUSED, "the PIN has expired; change it with the maker's tool" },
	{ CKR_PIN_LEN_RANGE, ERR_REFUSED, "the token does not take a PIN of this length" },
	{ CKR_PIN_INVALID, ERR_REFUSED, "the token does not take a PIN with these characters" },
	{ CKR_USER_PIN_NOT_INITIALIZED, ERR_REFUSED, "the token has no user PIN yet" },
	{ CKR_MECHANISM_INVALID, ERR_UNSUPPORTED, "the token does not have the mechanism" },
	{ CKR_MECHANISM_PARAM_INVALID, ERR_UNSUPPORTED, "the token does not take the parameters" },
	{ CKR_FUNCTION_NOT_SUPPORTED, ERR_UNSUPPORTED, "the library does not have the function" },
	{ CKR_KEY_INDIGESTIBLE, ERR_UNSUPPORTED, "the token does not hash keys" },
	{ CKR_KEY_SIZE_RANGE, ERR_UNSUPPORTED, "the token does not take keys of this size" },
	{ CKR_KEY_FUNCTION_NOT_PERMITTED, ERR_TYPE, "the key is for another use" },
	{ CKR_KEY_TYPE_INCONSISTENT, ERR_TYPE, "the key is for another use" },
	{ CKR_ENCRYPTED_DATA_INVALID, ERR_TAMPERED, "not sealed by this key, or altered" },
	{ CKR_ENCRYPTED_DATA_LEN_RANGE, ERR_TAMPERED, "not sealed by this key, or altered" },
	{ CKR_WRAPPED_KEY_INVALID, ERR_TAMPERED, "not wrapped by this key, or altered" },
	{ CKR_WRAPPED_KEY_LEN_RANGE, ERR_TAMPERED, "not wrapped by this key, or altered" },
	{ CKR_CURVE_NOT_SUPPORTED, ERR_UNSUPPORTED, "the token does not have the curve" },
	{ CKR_TEMPLATE_INCONSISTENT, ERR_UNSUPPORTED, "the token does not make such keys" },
	{ CKR_ATTRIBUTE_VALUE_INVALID, ERR_UNSUPPORTED, "the token does not make such keys" },
};

err_t p11_result(struct token *t, const char *what, CK_RV rv)
{
	if (rv == CKR_OK)
		return ERR_OK;
	for (size_t i = 0; i < COUNT_OF(results); i++) {
		if (results[i].rv == rv)
			return token_fault(t, results[i].err, "%s: %s", what, results[i].text);
	}
	return token_fault(t, ERR_CRYPTO, "%s: result 0x%lx", what, (unsigned long)rv);
}

/* --- the library ------------------------------------------------------------------ */

static err_t set_environment(struct token *t)
{
	struct bytes value = bytes_str(t->config.env);
	char name[CONFIG_TEXT];
	err_t err;

	if (!value.n)
		return ERR_OK;
	TRY(bytes_put_str(name, sizeof(name), bytes_cut(&value, '=')));
	/* What the dynamic linker reads is not for an option to set. */
	if (bytes_starts(bytes_str(name), BYTES("LD_")) || setenv(name, (const char *)value.p, 1) != 0)
		err = token_fault(t, ERR_REFUSED, "x-env: this name is not set");
out:
	return err;
}

err_t p11_load(struct token *t)
{
	CK_RV (*list)(CK_FUNCTION_LIST **) = NULL;
	struct p11 *p = mem_new(1, sizeof(*p));
	err_t err;

	if (!p)
		return ERR_MEMORY;
	t->own = p;
	TRY(set_environment(t));
	p->library = dlopen(t->config.module, RTLD_NOW | RTLD_LOCAL);
	if (!p->library)
		return token_fault(t, ERR_MISSING, "the library cannot be loaded: %s", t->config.module);
	*(void **)&list = dlsym(p->library, "C_GetFunctionList");
	if (!list || list(&p->f) != CKR_OK || !p->f || p->f->version.major != 2)
		err = token_fault(t, ERR_TYPE, "not a PKCS#11 library of version 2: %s", t->config.module);
out:
	return err;
}

void p11_unload(struct token *t)
{
	struct p11 *p = t->own;

	if (p && p->started)
		(void)p->f->C_Finalize(NULL);
	if (p && p->library)
		dlclose(p->library);
	mem_free(p);
	t->own = NULL;
}

static err_t start(struct token *t)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	struct p11 *p = t->own;
	CK_RV rv;

	if (p->started)
		(void)p->f->C_Finalize(NULL);
	p->started = false;
	rv = p->f->C_Initialize(&args);
	if (rv == CKR_CANT_LOCK)
		rv = p->f->C_Initialize(NULL);
	if (rv != CKR_OK)
		return token_fault(t, ERR_ABSENT, "the library does not start: result 0x%lx (what it reads and writes: x-env=, x-files=)",
		                   (unsigned long)rv);
	p->started = true;
	return ERR_OK;
}

/* --- the slot ---------------------------------------------------------------------- */

/* A field of blanks-padded characters against a text; an empty text fits all. */
static bool fits(const char *wanted, const unsigned char *field, size_t n)
{
	while (n > 0 && (field[n - 1] == ' ' || field[n - 1] == '\0'))
		n--;
	return !*wanted || bytes_equal(bytes_str(wanted), bytes_make(field, n));
}

static bool is_wanted(const struct token_config *c, CK_SLOT_ID slot, const CK_TOKEN_INFO *info)
{
	return (!c->has_slot || c->slot == slot) && fits(c->label, info->label, 32) &&
	       fits(c->serial, info->serialNumber, 16) &&
	       fits(c->manufacturer, info->manufacturerID, 32) &&
	       fits(c->model, info->model, 16);
}

static err_t find_slot(struct token *t, CK_TOKEN_INFO *info)
{
	struct p11 *p = t->own;
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = 0;
	bool found = false;
	err_t err;

	/* Asking for the number first is what makes some libraries look. */
	TRY(p11_result(t, "list of slots", p->f->C_GetSlotList(CK_TRUE, NULL, &n)));
	n = SLOTS_MAX;
	TRY(p11_result(t, "list of slots", p->f->C_GetSlotList(CK_TRUE, slots, &n)));
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO seen;

		if (p->f->C_GetTokenInfo(slots[i], &seen) != CKR_OK ||
		    !is_wanted(&t->config, slots[i], &seen))
			continue;
		if (found)
			return token_fault(t, ERR_ABSENT, "more than one token fits: name it by serial=");
		found = true;
		p->slot = slots[i];
		*info = seen;
	}
	if (!found)
		err = token_fault(t, ERR_ABSENT, "no slot holds the token; the library shows %lu with one (what x-files= names must belong to the user of holdfast-token)",
		                  (unsigned long)n);
out:
	return err;
}

static void put_trimmed(struct buf *to, const unsigned char *field, size_t n)
{
	while (n > 0 && field[n - 1] == ' ')
		n--;
	for (size_t i = 0; i < n; i++)
		(void)(buf_add_byte(to, field[i] >= ' ' && field[i] <= '~' ? field[i] : '?') == ERR_OK);
}

/* Maker, model, serial number and label: what the standard has to tell tokens apart. */
static void know(struct token *t, const CK_TOKEN_INFO *info)
{
	struct buf text = buf_make(256);
	uint8_t hash[32];

	put_trimmed(&text, info->manufacturerID, 32);
	put_trimmed(&text, (const unsigned char *)"/", 1);
	put_trimmed(&text, info->model, 16);
	put_trimmed(&text, (const unsigned char *)"/", 1);
	put_trimmed(&text, info->serialNumber, 16);
	put_trimmed(&text, (const unsigned char *)"/", 1);
	put_trimmed(&text, info->label, 32);
	crypt_sha256(bytes_of_buf(&text), hash);
	bytes_copy(t->state.identity, hash, TOKEN_IDENTITY);
	buf_clear(&text);
	put_trimmed(&text, info->label, 32);
	put_trimmed(&text, (const unsigned char *)" (", 2);
	put_trimmed(&text, info->model, 16);
	put_trimmed(&text, (const unsigned char *)")", 1);
	(void)text_print(t->state.name, sizeof(t->state.name), "%.*s", BYTES_FMT(bytes_of_buf(&text)));
	buf_free(&text);
}

static bool offers(struct token *t, CK_MECHANISM_TYPE what)
{
	struct p11 *p = t->own;
	CK_MECHANISM_INFO info;

	return p->f->C_GetMechanismInfo(p->slot, what, &info) == CKR_OK;
}

static void abilities(struct token *t)
{
	static const struct {
		CK_MECHANISM_TYPE first, second;
		unsigned can;
	} rows[] = {
		{ CKM_EC_KEY_PAIR_GEN, CKM_ECDSA, TOKEN_CAN_P256 },
		{ CKM_EC_EDWARDS_KEY_PAIR_GEN, CKM_EDDSA, TOKEN_CAN_ED25519 },
		{ CKM_EC_KEY_PAIR_GEN, CKM_ECDH1_DERIVE, TOKEN_CAN_AGREE },
		{ CKM_GENERIC_SECRET_KEY_GEN, CKM_SHA256_HMAC, TOKEN_CAN_HMAC },
		{ CKM_SHA256, CKM_SHA256_HMAC, TOKEN_CAN_EXTRACT },
		{ CKM_AES_KEY_GEN, CKM_AES_GCM, TOKEN_CAN_GCM },
		{ CKM_AES_KEY_GEN, CKM_AES_KEY_WRAP, TOKEN_CAN_WRAP },
	};

	t->state.can = TOKEN_CAN_RANDOM;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (offers(t, rows[i].first) && offers(t, rows[i].second))
			t->state.can |= rows[i].can;
	}
}

/* --- the session --------------------------------------------------------------------- */

/* The PIN that the keeper seals: 31 letters and digits of its pairing secret. */
static void sealed_pin(struct token *t, char out[PIN_TEXT])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t raw[32];

	token_paired(t, BYTES("holdfast token pin"), raw);
	for (size_t i = 0; i < PIN_TEXT - 1; i++)
		out[i] = digits[raw[i] & 31];
	out[PIN_TEXT - 1] = '\0';
	secret_wipe(raw, sizeof(raw));
}

/* A library takes octets that it promises not to change. */
static unsigned char *mutable(struct bytes b)
{
	return (unsigned char *)(uintptr_t)b.p;
}

static err_t login_with(struct token *t, struct bytes pin)
{
	struct p11 *p = t->own;
	CK_RV rv = p->f->C_Login(p->session, CKU_USER, mutable(pin), pin.n);

	return rv == CKR_USER_ALREADY_LOGGED_IN ? ERR_OK : p11_result(t, "log in", rv);
}

/* First time: in with the PIN that was given, then a PIN that only the keeper of
 * this node can make again. */
static err_t login_sealed(struct token *t)
{
	struct p11 *p = t->own;
	char text[PIN_TEXT];
	struct bytes pin, old = secret_view(&t->pin);
	err_t err;

	sealed_pin(t, text);
	pin = bytes_str(text);
	if (t->pair == TOKEN_PAIR_FIRST && old.n) {
		TRY(login_with(t, old));
		TRY(p11_result(t, "change of the PIN",
		               p->f->C_SetPIN(p->session, mutable(old), old.n, mutable(pin), pin.n)));
		log_event(LOG_NOTE, "token paired", "its PIN is now sealed in the key store of this node");
	} else {
		TRY(login_with(t, pin));
	}
out:
	secret_wipe(text, sizeof(text));
	return err;
}

static err_t login(struct token *t, const CK_TOKEN_INFO *info)
{
	struct bytes none = { NULL, 0 };

	if (!(info->flags & CKF_LOGIN_REQUIRED))
		return ERR_OK;
	if (info->flags & CKF_USER_PIN_LOCKED)
		return p11_result(t, "log in", CKR_PIN_LOCKED);
	if (info->flags & CKF_PROTECTED_AUTHENTICATION_PATH)
		return login_with(t, none);
	if (token_config_pin_sealed(&t->config) && t->pair != TOKEN_PAIR_TRIAL)
		return login_sealed(t);
	if (!t->pin.n)
		return token_fault(t, ERR_REFUSED, "the token wants a PIN and there is none: pin-source=, "
		                   "or the credential holdfast.token.N.pin");
	return login_with(t, secret_view(&t->pin));
}

err_t p11_open(struct token *t)
{
	struct p11 *p = t->own;
	CK_TOKEN_INFO info = { .flags = 0 };
	err_t err;

	TRY(start(t));
	TRY(find_slot(t, &info));
	if (info.flags & CKF_WRITE_PROTECTED)
		return token_fault(t, ERR_ABSENT, "the token is write protected");
	TRY(p11_result(t, "session", p->f->C_OpenSession(p->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
	                                                 NULL, NULL, &p->session)));
	bytes_zero(p->handles, sizeof(p->handles));
	TRY(login(t, &info));
	know(t, &info);
	abilities(t);
out:
	if (err != ERR_OK && p->started) {
		(void)p->f->C_Finalize(NULL);
		p->started = false;
	}
	return err;
}

void p11_close(struct token *t)
{
	struct p11 *p = t->own;

	if (p->started)
		(void)p->f->C_Finalize(NULL);
	p->started = false;
}

/* The session knows whether its token is there, or the library does. */
err_t p11_check(struct token *t)
{
	struct p11 *p = t->own;
	CK_SESSION_INFO info;
	CK_TOKEN_INFO token;
	err_t err;

	TRY(p11_result(t, "session", p->f->C_GetSessionInfo(p->session, &info)));
	TRY(p11_result(t, "token", p->f->C_GetTokenInfo(p->slot, &token)));
	if (info.state != CKS_RW_USER_FUNCTIONS && token.flags & CKF_LOGIN_REQUIRED)
		err = token_fault(t, ERR_ABSENT, "the token forgot the log-in");
out:
	return err;
}
