/* objects.c: keys, their public halves and certificates, and agreed secrets, by
 * handle. A handle means something in this process only; the keeper hears names. */
#include "pkcs11/module.h"

#include "base/secret.h"

enum { KIND_BITS = 3, KIND_MASK = 7, CALLS_MAX = 64, ANSWER_MAX = 65536 };

CK_OBJECT_HANDLE object_handle(size_t index, enum object_kind kind)
{
	return (CK_OBJECT_HANDLE)(index + 1) << KIND_BITS | kind;
}

static size_t index_of(CK_OBJECT_HANDLE handle)
{
	return (size_t)(handle >> KIND_BITS) - 1; /* of 0: too large for any */
}

struct key *object_key(CK_OBJECT_HANDLE handle, unsigned kinds)
{
	unsigned kind = handle & KIND_MASK;
	size_t i = index_of(handle);

	if (!(kinds & 1u << kind) || kind == OBJECT_SECRET || i >= module.keys_n || module.keys[i]->gone)
		return NULL;
	if (key_is_symmetric(module.keys[i]->class) != (kind == OBJECT_SEALING))
		return NULL;
	if (kind == OBJECT_CERTIFICATE && module.keys[i]->certificate.n == 0)
		return NULL;
	return module.keys[i];
}

struct agreed *object_secret(CK_OBJECT_HANDLE handle)
{
	size_t i = index_of(handle);

	if ((handle & KIND_MASK) != OBJECT_SECRET || i >= SECRETS_MAX || !module.secrets[i].session)
		return NULL;
	return &module.secrets[i];
}

bool object_exists(CK_OBJECT_HANDLE handle)
{
	return object_key(handle, OBJECT_OF_KEY) || object_secret(handle);
}

void secrets_forget(CK_SESSION_HANDLE session)
{
	for (size_t i = 0; i < SECRETS_MAX; i++) {
		struct agreed *a = &module.secrets[i];

		if (a->session && (session == 0 || a->session == session))
			secret_wipe(a, sizeof(*a));
	}
}

void objects_forget(void)
{
	for (size_t i = 0; i < module.keys_n; i++) {
		buf_free(&module.keys[i]->certificate);
		mem_free(module.keys[i]);
	}
	mem_free(module.keys);
	module.keys = NULL;
	module.keys_n = 0;
	secrets_forget(0);
}

/* --- what the keeper says ----------------------------------------------------- */

err_t key_row_read(struct wire_in *in, struct key_row *out)
{
	size_t want;

	out->name = wire_get_bytes(in, KEEPER_NAME_MAX);
	out->class = wire_get_u8(in);
	out->purpose = wire_get_u8(in);
	out->public_key = wire_get_bytes(in, POINT);
	want = out->class == KEY_EC_P256 ? POINT : out->class == KEY_ED25519 ? ED_POINT : 0;
	if (in->err != ERR_OK || !bytes_is_printable(out->name) || out->public_key.n != want)
		return ERR_SYNTAX;
	if (out->class == KEY_SYMMETRIC_32 && (out->purpose == SEAL_PROGRAM || out->purpose == WRAP_PROGRAM))
		return ERR_OK;
	return want && out->purpose >= SIGN_PROGRAM && out->purpose <= AGREE_PROGRAM ? ERR_OK : ERR_SYNTAX;
}

/* What stands behind app/USER/. */
static struct bytes label_of(struct bytes name)
{
	(void)bytes_cut(&name, '/');
	(void)bytes_cut(&name, '/');
	return name;
}

static struct key *find(const struct key_row *row)
{
	for (size_t i = 0; i < module.keys_n; i++) {
		struct key *k = module.keys[i];

		/* Made anew under the old name it is another key. */
		if (bytes_equal(bytes_str(k->name), row->name) &&
		    bytes_equal(bytes_make(k->public_key, k->public_n), row->public_key))
			return k;
	}
	return NULL;
}

static err_t take(const struct key_row *row)
{
	struct key *k = find(row);
	err_t err = ERR_OK;

	if (row->class == KEY_ED25519 && !module.with_ed25519)
		return ERR_OK;
	if (k) {
		k->gone = false;
		return ERR_OK;
	}
	if (module.keys_n == KEYS_MAX)
		return ERR_FULL;
	k = mem_new(1, sizeof(*k));
	if (!k)
		return ERR_MEMORY;
	TRY(bytes_put_str(k->name, sizeof(k->name), row->name));
	k->label = label_of(bytes_str(k->name));
	k->class = (enum key_class)row->class;
	k->purpose = (enum sign_purpose)row->purpose;
	TRY(bytes_put(k->public_key, sizeof(k->public_key), row->public_key));
	k->public_n = row->public_key.n;
	k->certificate = buf_make(CERTIFICATE_MAX);
	if (k->public_n)
		certificate_load(k);
	module.keys[module.keys_n++] = k;
	k = NULL;
out:
	mem_free(k);
	return err;
}

/* One answer; *next is where to go on, 0 at the end. */
static err_t take_rows(struct bytes answer, uint32_t *next)
{
	struct wire_in in = wire_in(answer);
	uint32_t rows;
	err_t err = ERR_OK;

	*next = wire_get_u32(&in);
	rows = wire_get_u32(&in);
	for (uint32_t i = 0; i < rows && i < PROGRAM_ROWS; i++) {
		struct key_row row;

		TRY(key_row_read(&in, &row));
		TRY(take(&row));
	}
	err = wire_done(&in);
out:
	return err;
}

err_t objects_refresh(void)
{
	struct buf answer = buf_make(ANSWER_MAX);
	uint32_t at = 0, next = 0;
	uint8_t field[4];
	err_t err = ERR_OK;

	if (!module.keys)
		module.keys = mem_new(KEYS_MAX, sizeof(struct key *));
	if (!module.keys)
		return ERR_MEMORY;
	for (size_t i = 0; i < module.keys_n; i++)
		module.keys[i]->gone = true;
	for (int calls = 0; calls < CALLS_MAX; calls++, at = next) {
		put_be32(field, at);
		TRY(door_ask(OP_PROGRAM_KEYS, BYTES_OF(field), &answer));
		TRY(take_rows(bytes_of_buf(&answer), &next));
		if (next <= at)
			break;
	}
out:
	buf_free(&answer);
	return err;
}
