/* vault.c: the set of keys, and when it is written. */
#include "keeper/vault.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "base/disk.h"
#include "wire/name.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYSTORE_MAX = 128 * 1024 * 1024 };

void vault_init(struct vault *v, int directory)
{
	*v = (struct vault){ .directory = directory, .counter = -1, .why = "not opened",
		             .by_root = directory >= 0 && geteuid() == 0,
		             .witness.fd = -1,
		             .shares = buf_make(VAULT_SHARES_MAX) };
	administration_init(&v->admin);
	crypt_random(&v->hash, sizeof(v->hash));
}

void vault_drop(struct vault *v)
{
	for (size_t i = 0; i < v->keys_n; i++)
		keyrecord_free(v->keys[i]);
	mem_free(v->keys);
	mem_free(v->slots);
	secret_free(&v->master);
	secret_free(&v->machine_salt);
	buf_free(&v->shares);
	administration_free(&v->admin);
	if (v->counter >= 0)
		close(v->counter);
	*v = (struct vault){ .directory = v->directory, .counter = -1, .why = v->why,
		             .elsewhere = v->elsewhere, .hash = v->hash, .by_root = v->by_root,
		             .witness = v->witness,
		             .shares = buf_make(VAULT_SHARES_MAX) };
	administration_init(&v->admin);
}

void vault_close(struct vault *v)
{
	/* What has gone by of a delay counts, too. */
	if (v->open && (v->dirty || v->admin.pending_n) && vault_save(v) != ERR_OK)
		log_event(LOG_ERROR, "key store not written", "counts of uses are lost");
	vault_drop(v);
}

struct vault_key vault_key_new(const struct key_provider *p, enum key_class class,
                               enum key_origin origin, int64_t not_after)
{
	return (struct vault_key){ .origin = origin, .version = 1, .minimum = 1,
		                   .owner = KEY_NO_OWNER, .created = clock_now(),
		                   .not_after = not_after, .provider = p,
		                   .key = { .class = class } };
}

bool vault_key_ended(const struct vault_key *key, int64_t now)
{
	return (key->not_after != 0 && key->not_after <= now) || key->state == KEY_WITHDRAWN || key->state == KEY_LOST ||
	       (key->uses_max != 0 && key->uses >= key->uses_max);
}

void vault_subkey(const struct vault *v, struct bytes label, struct bytes more, uint8_t out[32])
{
	crypt_hmac_labelled(secret_view(&v->master), label, more, out);
}

void keeper_identity(const struct vault *v, uint8_t out[KEEPER_IDENTITY])
{
	uint8_t hash[32];

	crypt_sha256(BYTES_OF(v->salt), hash);
	bytes_copy(out, hash, KEEPER_IDENTITY);
}

/* The slot of a name: its key's, or the free one where it would stand. */
static uint32_t *slot_of(const struct vault *v, struct bytes name)
{
	size_t mask = v->slots_n - 1, i = (size_t)hash_bytes(&v->hash, name) & mask;

	while (v->slots[i] && !bytes_equal(bytes_str(v->keys[v->slots[i] - 1]->name), name))
		i = (i + 1) & mask;
	return &v->slots[i];
}

struct vault_key *vault_find(const struct vault *v, struct bytes name)
{
	uint32_t at = v->slots_n ? *slot_of(v, name) : 0;

	return at ? v->keys[at - 1] : NULL;
}

static void slots_fill(struct vault *v)
{
	bytes_zero(v->slots, v->slots_n * sizeof(*v->slots));
	for (size_t i = 0; i < v->keys_n; i++)
		*slot_of(v, bytes_str(v->keys[i]->name)) = (uint32_t)i + 1;
}

/* Out of the index; what stands behind moves up. Returns what was in its slot. */
static uint32_t slot_drop(struct vault *v, const struct vault_key *key)
{
	uint32_t *slot = slot_of(v, bytes_str(key->name)), at = *slot, moved;
	size_t mask = v->slots_n - 1, i = (size_t)(slot - v->slots);

	must(at && v->keys[at - 1] == key);
	*slot = 0;
	while ((moved = v->slots[i = (i + 1) & mask]) != 0) {
		v->slots[i] = 0;
		*slot_of(v, bytes_str(v->keys[moved - 1]->name)) = moved;
	}
	return at;
}

/* Room for one more key; the index stays at most half full. */
static err_t keys_grow(struct vault *v)
{
	size_t cap = v->keys_cap ? v->keys_cap * 2 : 16;
	struct vault_key **keys;
	uint32_t *slots;

	if (v->keys_n < v->keys_cap)
		return ERR_OK;
	if (v->keys_n >= VAULT_KEYS_MAX)
		return ERR_FULL;
	slots = mem_new(cap * 2, sizeof(*slots));
	keys = slots ? mem_grow(v->keys, v->keys_cap, cap, sizeof(struct vault_key *)) : NULL;
	if (!keys) {
		mem_free(slots);
		return ERR_MEMORY;
	}
	mem_free(v->slots);
	v->keys = keys;
	v->keys_cap = cap;
	v->slots = slots;
	v->slots_n = cap * 2;
	slots_fill(v);
	return ERR_OK;
}

err_t vault_add(struct vault *v, struct bytes name, struct vault_key *key, struct vault_key **out)
{
	struct vault_key *own = NULL;
	err_t err;

	TRY(name_is_kept(name) ? ERR_OK : ERR_SYNTAX);
	TRY(vault_find(v, name) ? ERR_EXISTS : ERR_OK);
	TRY(keys_grow(v));
	TRY(key->provider->load(&key->key));
	own = mem_new(1, sizeof(*own));
	TRY(own ? ERR_OK : ERR_MEMORY);
	TRY(bytes_put_str(key->name, sizeof(key->name), name));
	*own = *key;
	v->keys[v->keys_n++] = own;
	*slot_of(v, name) = (uint32_t)v->keys_n;
	*out = own;
out:
	if (err != ERR_OK)
		key->provider->unload(&key->key);
	return err;
}

void vault_remove(struct vault *v, struct vault_key *key)
{
	uint32_t at = slot_drop(v, key);
	struct vault_key *last = v->keys[--v->keys_n];

	if (last != key)
		*slot_of(v, bytes_str(last->name)) = at;
	v->keys[at - 1] = last;
	v->dirty = v->owed = true;
	if (key->before)
		key->gone = true;
	else
		keyrecord_free(key);
}

void vault_restore(struct vault *v, struct keys_before *b)
{
	keys_restore(b, v->keys, &v->keys_n);
	slots_fill(v);
}

err_t vault_rename(struct vault *v, struct vault_key *key, struct bytes name)
{
	uint32_t at;
	err_t err;

	if (!name_is_kept(name))
		return ERR_SYNTAX;
	if (vault_find(v, name))
		return ERR_EXISTS;
	at = slot_drop(v, key);
	err = bytes_put_str(key->name, sizeof(key->name), name);
	*slot_of(v, bytes_str(key->name)) = at;
	return err;
}

err_t vault_renew(struct vault *v, struct vault_key *old, struct vault_key *key,
                  struct vault_key **out)
{
	char name[sizeof(old->name)], kept[sizeof(old->name) + 16];
	err_t err;

	must(bytes_put_str(name, sizeof(name), bytes_str(old->name)) == ERR_OK);
	keyrecord_succeed(key, old);
	err = text_print(kept, sizeof(kept), "%s#%u", name, old->version)
		? vault_rename(v, old, bytes_str(kept)) : ERR_LIMIT;
	if (err != ERR_OK) {
		key->provider->unload(&key->key);
		return err;
	}
	TRY(vault_add(v, bytes_str(name), key, out));
	old->state = KEY_OLD;
	v->dirty = true;
out:
	if (err != ERR_OK)
		must(vault_rename(v, old, bytes_str(name)) == ERR_OK);
	return err;
}

err_t vault_create(struct vault *v, const struct vault_setup *setup)
{
	struct stat st;
	err_t err;

	must(!v->open);
	if (v->directory >= 0 && (fstatat(v->directory, "keystore", &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	                          fstatat(v->directory, "counter", &st, AT_SYMLINK_NOFOLLOW) == 0))
		return ERR_EXISTS;
	if (setup->passphrase.n < VAULT_PASSPHRASE_MIN)
		return ERR_RANGE;
	if (!name_is_sp(setup->sp) || !name_is_cse(setup->cse))
		return ERR_SYNTAX;
	TRY(bytes_put_str(v->sp, sizeof(v->sp), setup->sp));
	TRY(bytes_put_str(v->cse, sizeof(v->cse), setup->cse));
	crypt_random(v->salt, sizeof(v->salt));
	v->machine_parts = setup->machine ? setup->machine->parts : 0;
	TRY(keystore_unlock(v, setup));
	v->open = true;
out:
	if (err != ERR_OK)
		vault_drop(v);
	return err;
}

/* --- files ---------------------------------------------------------------- */

/* A new file of ours. The first ones are made by whoever runs `holdfast init`:
 * made by root, they go to whom the directory belongs. */
static int file_create(const struct vault *v, const char *name, bool first)
{
	int fd = openat(v->directory, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd >= 0 && first && v->by_root &&
	    (fstat(v->directory, &st) != 0 || fchown(fd, st.st_uid, st.st_gid) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static err_t replace_file(const struct vault *v, struct bytes content, bool first)
{
	int directory = v->directory, fd = file_create(v, "keystore.new", first);
	err_t err;

	if (fd < 0)
		return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
	TRY(disk_write(fd, content, 0));
	TRY(disk_sync(fd));
	TRY(disk_rename(directory, "keystore.new", "keystore"));
out:
	close(fd);
	if (err != ERR_OK)
		(void)unlinkat(directory, "keystore.new", 0);
	return err;
}

/* The counter file and its lock: one keeper per key store. */
static err_t counter_open(struct vault *v, bool create)
{
	if (v->counter >= 0)
		return ERR_OK;
	v->counter = create ? file_create(v, "counter", true)
	                    : openat(v->directory, "counter", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (v->counter < 0) {
		v->why = "the counter beside the key store is missing: the key store may be an old "
		         "copy; it stays locked";
		return create ? ERR_IO : ERR_ROLLBACK;
	}
	/* A fresh one nobody else has open; and at work there is no such call. */
	if (!create && flock(v->counter, LOCK_EX | LOCK_NB) != 0) {
		v->why = "another keeper uses this key store";
		return ERR_BAD_STATE;
	}
	return ERR_OK;
}

static void counter_key(const struct vault *v, uint8_t out[32])
{
	vault_subkey(v, BYTES("holdfast counter"), BYTES_NONE, out);
}

/* Never ahead of the key store: a counter that is on disk before the renaming is
 * would lock the node after a power cut. */
static err_t counter_store(struct vault *v)
{
	uint8_t key[32];
	err_t err = ERR_OK;

	if (v->directory < 0)
		return ERR_OK;
	counter_key(v, key);
	if (v->counter_late)
		TRY(disk_sync(v->directory));
	v->counter_late = true;
	TRY(counter_write(v->counter, BYTES_OF(key), &v->count));
	v->counter_late = false;
out:
	secret_wipe(key, sizeof(key));
	return err;
}

static err_t save(struct vault *v, struct buf *file)
{
	bool first = v->generation == 0;
	err_t err;

	TRY(counter_open(v, first));
	/* Two steps ahead of the counter would look like an old counter. */
	if (v->counter_late)
		TRY(counter_store(v));
	TRY(keystore_print(v, v->generation + 1, file));
	TRY(replace_file(v, bytes_of_buf(file), first));
	/* From here on the new file may be what a restart finds. */
	v->count.generation = ++v->generation;
	v->dirty = v->owed = false;
	v->counter_late = true;
	TRY(counter_store(v));
	if (first)
		TRY(disk_sync(v->directory)); /* the counter's own name */
out:
	return err;
}

err_t vault_save(struct vault *v)
{
	struct buf file = buf_make(KEYSTORE_MAX);
	bool first = v->generation == 0;
	err_t err = ERR_OK;

	must(v->open);
	TRY(shares_renew(v));
	if (v->directory >= 0)
		err = save(v, &file);
	else
		v->generation++;
	/* A beginning that failed leaves nothing that would stop the next. */
	if (err != ERR_OK && first) {
		if (v->generation)
			(void)unlinkat(v->directory, "keystore", 0);
		(void)unlinkat(v->directory, "counter", 0);
		if (v->counter >= 0)
			close(v->counter);
		v->counter = -1;
		v->generation = v->count.generation = 0;
		v->counter_late = false;
	}
out:
	buf_free(&file);
	return err;
}

/* The other binding in memory; what was there before in *old. */
static err_t bind_to(struct vault *v, const struct vault_setup *setup, struct vault *old)
{
	*old = *v;
	v->master = v->machine_salt = (struct secret){ 0 };
	v->machine_parts = setup->machine->parts;
	return keystore_unlock(v, setup);
}

static void binding_free(struct vault *of)
{
	secret_free(&of->master);
	secret_free(&of->machine_salt);
}

err_t vault_rebind(struct vault *v, const struct vault_setup *setup)
{
	uint64_t generation = v->generation;
	uint8_t before[32], after[32];
	struct vault old;
	err_t err;

	must(v->open);
	/* What is owed to the counter is owed under the key before. */
	TRY(v->counter_late ? counter_store(v) : ERR_OK);
	counter_key(v, before);
	err = bind_to(v, setup, &old);
	counter_key(v, after);
	if (err == ERR_OK && v->directory >= 0)
		err = counter_prepare(v->counter, BYTES_OF(before), BYTES_OF(after), &v->count);
	if (err == ERR_OK)
		err = vault_save(v);
	if (v->generation != generation) { /* on disk: the counter can be made up for */
		binding_free(&old);
		err = ERR_OK;
	} else {
		binding_free(v);
		v->master = old.master;
		v->machine_salt = old.machine_salt;
		v->machine_parts = old.machine_parts;
		bytes_copy(v->machine_check, old.machine_check, VAULT_CHECK);
		bytes_copy(v->passphrase_check, old.passphrase_check, VAULT_CHECK);
	}
out:
	secret_wipe(before, sizeof(before));
	secret_wipe(after, sizeof(after));
	return err;
}

/* Is what we hold still the counter of the directory? */
static bool counter_is_there(const struct vault *v)
{
	struct stat here, held;

	return fstatat(v->directory, "counter", &here, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(v->counter, &held) == 0 && here.st_ino == held.st_ino;
}

err_t vault_mend(struct vault *v, bool *mended)
{
	struct stat st;
	bool counter = v->counter < 0 || counter_is_there(v);
	err_t err;

	*mended = false;
	if (v->directory < 0 || v->counter < 0 ||
	    (counter && fstatat(v->directory, "keystore", &st, AT_SYMLINK_NOFOLLOW) == 0))
		return ERR_OK;
	if (!counter) {
		close(v->counter);
		v->counter = -1;
		TRY(counter_open(v, true));
	}
	TRY(vault_save(v));
	*mended = true;
out:
	return err;
}

err_t vault_anchor(struct vault *v, uint64_t sequence, struct bytes hash)
{
	struct counter before = v->count;
	err_t err;

	must(v->open && hash.n == sizeof(v->count.hash));
	if (sequence < v->count.sequence)
		return ERR_ROLLBACK;
	if (sequence == v->count.sequence && v->count.at != 0)
		return bytes_equal(hash, BYTES_OF(v->count.hash)) ? ERR_OK : ERR_ROLLBACK;
	v->count.sequence = sequence;
	bytes_copy(v->count.hash, hash.p, hash.n);
	v->count.at = clock_now();
	err = counter_store(v);
	if (err != ERR_OK) {
		/* A slot may hold the new anchor: the next writing must win over it. */
		before.writes = v->count.writes;
		v->count = before;
	}
	return err;
}

static err_t read_file(struct vault *v, struct buf *out)
{
	int fd = openat(v->directory, "keystore", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = 1;
	err_t err = ERR_OK;

	if (fd < 0) {
		v->why = "there is no key store: run holdfast init";
		return ERR_MISSING;
	}
	while (n > 0 && err == ERR_OK) {
		err = buf_reserve(out, 65536);
		n = err == ERR_OK ? read(fd, out->p + out->n, 65536) : 0;
		if (n > 0)
			out->n += (size_t)n;
	}
	close(fd);
	return n < 0 ? ERR_IO : err;
}

err_t vault_shares(struct vault *v)
{
	struct buf file = buf_make(KEYSTORE_MAX);
	const char *why = v->why;
	err_t err;

	TRY(read_file(v, &file));
	TRY(keystore_shares(v, bytes_of_buf(&file)));
	v->why = why;
out:
	buf_free(&file);
	return err;
}

/* The counter's word on how old the key store may be. */
static err_t counter_judge(struct vault *v)
{
	bool damaged = false;
	uint8_t key[32];
	err_t err;

	counter_key(v, key);
	err = counter_read(v->counter, BYTES_OF(key), &v->count, &damaged);
	secret_wipe(key, sizeof(key));
	v->why = "neither slot of the counter is whole: it was altered, or belongs to another key "
	         "store; the key store stays locked";
	if (err != ERR_OK)
		return err;
	v->why = "the key store is older than the counter says: an old copy was put back; it stays "
	         "locked";
	if (v->generation < v->count.generation)
		return ERR_ROLLBACK;
	v->why = "the counter is older than the key store: an old counter was put back; the key "
	         "store stays locked";
	/* One step is a crash between the two files. */
	if (v->generation > v->count.generation + 1)
		return ERR_ROLLBACK;
	if (!damaged && v->generation == v->count.generation)
		return ERR_OK;
	log_event(LOG_WARN, "counter mended", "damaged=%d generation=%llu", damaged,
	          (unsigned long long)v->generation);
	v->why = "the counter could not be written";
	v->count.generation = v->generation;
	v->counter_late = true; /* nor is it known whether the renaming is on disk */
	return counter_store(v);
}

#define WITNESS BYTES("holdfast witness")

/* The same of a witness that lies elsewhere, and so did not go back with them. */
static err_t witness_judge(struct vault *v)
{
	uint8_t identity[KEEPER_IDENTITY], key[32];
	bool ahead;

	keeper_identity(v, identity);
	witness_begin(&v->witness, identity);
	vault_subkey(v, WITNESS, BYTES_NONE, key);
	ahead = witness_is_ahead(&v->witness, BYTES_OF(key), &v->count);
	secret_wipe(key, sizeof(key));
	v->why = "key store and counter are older than the witness (keeper.witness) says: old copies were put "
	         "back, or a copy was used; the key store stays locked";
	return ahead ? ERR_ROLLBACK : ERR_OK;
}

err_t vault_witness(struct vault *v, bool *copied)
{
	uint8_t key[32];
	err_t err;

	vault_subkey(v, WITNESS, BYTES_NONE, key);
	err = witness_mark(&v->witness, BYTES_OF(key), &v->count, copied);
	secret_wipe(key, sizeof(key));
	return err;
}

err_t vault_open(struct vault *v, const struct vault_setup *setup)
{
	struct buf file = buf_make(KEYSTORE_MAX);
	err_t err;

	must(!v->open && v->directory >= 0);
	v->why = "the key store could not be read";
	TRY(read_file(v, &file));
	TRY(counter_open(v, false));
	TRY(keystore_parse(v, bytes_of_buf(&file), setup));
	TRY(counter_judge(v));
	TRY(witness_judge(v));
	v->open = true;
	v->why = "open";
out:
	buf_free(&file);
	if (err != ERR_OK)
		vault_drop(v);
	return err;
}
