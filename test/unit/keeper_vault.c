/* keeper_vault: the files: who may open them, what is found out, what survives. */
#define _GNU_SOURCE
#include "base/disk.h"
#include "keeper_files.h"
#include "keeper_help.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/holdfast-vault-XXXXXX";
static int dir = -1;
static const uint8_t psk[32] = "a key that nobody sees in clear.";

static struct machine machine_of(const char *id, const char *uuid)
{
	struct machine m = { .parts = (*id ? MACHINE_ID : 0) | (*uuid ? MACHINE_UUID : 0) };

	assert_int_equal(bytes_put_str(m.id, sizeof(m.id), bytes_str(id)), ERR_OK);
	assert_int_equal(bytes_put_str(m.uuid, sizeof(m.uuid), bytes_str(uuid)), ERR_OK);
	machine_choose(&m, m.parts);
	return m;
}

/* --- what a passphrase gives ------------------------------------------------------ */

/* The library's function, which takes long on purpose, is asked once for each question: the same
 * key stores are opened some hundred times here. */
int EVP_PBE_scrypt(const char *pass, size_t pass_n, const unsigned char *salt, size_t salt_n, uint64_t n,
                   uint64_t r, uint64_t p, uint64_t memory, unsigned char *key, size_t key_n)
{
	static struct asked {
		uint8_t pass[64], salt[64], key[32];
		size_t pass_n, salt_n;
		uint64_t n;
	} all[64];
	static size_t next;
	int (*of_library)(const char *, size_t, const unsigned char *, size_t, uint64_t, uint64_t, uint64_t, uint64_t,
	                  unsigned char *, size_t);
	struct asked *a;

	must(pass_n <= sizeof(a->pass) && salt_n <= sizeof(a->salt) && key_n == sizeof(a->key) && r == 8 && p == 1);
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		a = &all[i];
		if (a->n != n || !bytes_equal(bytes_make(a->pass, a->pass_n), bytes_make(pass, pass_n)) ||
		    !bytes_equal(bytes_make(a->salt, a->salt_n), bytes_make(salt, salt_n)))
			continue;
		bytes_copy(key, a->key, key_n);
		return 1;
	}
	*(void **)&of_library = dlsym(RTLD_NEXT, "EVP_PBE_scrypt");
	if (of_library(pass, pass_n, salt, salt_n, n, r, p, memory, key, key_n) != 1)
		return 0;
	a = &all[next++ % COUNT_OF(all)];
	*a = (struct asked){ .pass_n = pass_n, .salt_n = salt_n, .n = n };
	bytes_copy(a->pass, pass, pass_n);
	bytes_copy(a->salt, salt, salt_n);
	bytes_copy(a->key, key, key_n);
	return 1;
}

static void clear_folder(void)
{
	(void)unlinkat(dir, "keystore", 0);
	(void)unlinkat(dir, "counter", 0);
	(void)unlinkat(dir, "keystore.new", 0);
}

static err_t make_node(const struct machine *m)
{
	struct keeper_node node = { .sp = BYTES("//sp.example.org"), .cse = BYTES("/in-cse"),
		                    .days = 397, .passphrase = BYTES("correct horse"), .machine = m };
	struct buf pem = buf_make(10000);
	struct vault v;
	err_t err;

	vault_init(&v, dir);
	err = keeper_make_node(&v, &node, &pem);
	vault_close(&v);
	buf_free(&pem);
	return err;
}

static err_t open_with(struct vault *v, struct bytes passphrase, const struct machine *m)
{
	struct vault_setup setup = { .passphrase = passphrase, .machine = m };

	vault_init(v, dir);
	return vault_open(v, &setup);
}

static err_t open_again(struct vault *v)
{
	return open_with(v, BYTES("correct horse"), NULL);
}

static err_t try_open(void)
{
	struct vault v;
	err_t err = open_again(&v);

	assert_int_equal(v.open, err == ERR_OK);
	if (err != ERR_OK) {
		assert_null(v.master.p); /* nothing stays behind a refusal */
		assert_int_equal(v.keys_n, 0);
	}
	vault_close(&v);
	return err;
}

static int setup(void **state)
{
	if (keeper_start() != ERR_OK || !mkdtemp(folder))
		return -1;
	dir = open(folder, O_RDONLY | O_DIRECTORY);
	return dir < 0;
}

static int teardown(void **state)
{
	clear_folder();
	close(dir);
	return rmdir(folder);
}

static int fresh(void **state)
{
	clear_folder();
	return make_node(NULL) != ERR_OK;
}

static void add_key(struct vault *v, const char *name)
{
	struct vault_key key = { .origin = ORIGIN_IMPORTED, .version = 3, .uses = 5, .created = 6,
		                 .not_after = 7, .policy = TO(GATE), .provider = &software_provider };
	struct vault_key *out;

	key.key.class = KEY_SYMMETRIC_32;
	assert_int_equal(software_provider.import(&key.key, BYTES_OF(psk)), ERR_OK);
	assert_int_equal(vault_add(v, bytes_str(name), &key, &out), ERR_OK);
}

/* --- tests ------------------------------------------------------------------------ */

static void test_everything_comes_back(void **state)
{
	struct vault v;
	struct vault_key *key;
	uint64_t generation;

	assert_int_equal(open_again(&v), ERR_OK);
	assert_int_equal(v.keys_n, 5);
	generation = v.generation;
	add_key(&v, "psk/one");
	assert_int_equal(vault_save(&v), ERR_OK);
	assert_int_equal(v.generation, generation + 1);
	vault_close(&v);
	assert_int_equal(open_again(&v), ERR_OK);
	assert_int_equal(v.generation, generation + 1);
	key = vault_find(&v, BYTES("psk/one"));
	assert_non_null(key);
	assert_bytes(secret_view(&key->key.blob), BYTES_OF(psk));
	assert_int_equal(key->version, 3);
	assert_int_equal(key->uses, 5);
	assert_int_equal(key->created, 6);
	assert_int_equal(key->not_after, 7);
	assert_int_equal(key->policy, TO(GATE));
	assert_int_equal(key->origin, ORIGIN_IMPORTED);
	assert_string_equal(v.sp, "//sp.example.org");
	assert_string_equal(v.cse, "/in-cse");
	vault_close(&v);
}

static void test_many_keys(void **state)
{
	char name[32];
	struct vault v;

	assert_int_equal(open_again(&v), ERR_OK);
	for (unsigned i = 0; i < 1000; i++) {
		struct buf b = buf_make(31);

		assert_int_equal(buf_printf(&b, "psk/%u", i), ERR_OK);
		assert_int_equal(bytes_put_str(name, sizeof(name), bytes_of_buf(&b)), ERR_OK);
		add_key(&v, name);
		buf_free(&b);
	}
	assert_int_equal(vault_save(&v), ERR_OK);
	vault_close(&v);
	assert_int_equal(open_again(&v), ERR_OK);
	assert_int_equal(v.keys_n, 1005);
	while (v.keys_n > 5) {
		vault_remove(&v, vault_find(&v, bytes_str(v.keys[v.keys_n / 2 + 2]->name)));
	}
	vault_close(&v);
}

static void test_nothing_in_clear(void **state)
{
	struct file one, two;
	struct stat st;
	struct vault v;

	assert_int_equal(open_again(&v), ERR_OK);
	add_key(&v, "psk/one");
	assert_int_equal(vault_save(&v), ERR_OK);
	file_get(dir, "keystore", &one);
	for (size_t i = 0; i + 32 <= one.n; i++) {
		assert_memory_not_equal(one.octets + i, psk, 8);
		assert_memory_not_equal(one.octets + i, vault_find(&v, BYTES("root"))->key.blob.p, 8);
		assert_memory_not_equal(one.octets + i, vault_find(&v, BYTES("ca"))->key.blob.p, 8);
		assert_memory_not_equal(one.octets + i, "psk/one", 7);
	}
	/* written twice: no record looks the same */
	assert_int_equal(vault_save(&v), ERR_OK);
	file_get(dir, "keystore", &two);
	assert_int_equal(one.n, two.n);
	for (size_t at = 300; at + 16 <= one.n; at += 16)
		assert_memory_not_equal(one.octets + at, two.octets + at, 16);
	vault_close(&v);
	assert_int_equal(fstatat(dir, "keystore", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fstatat(dir, "counter", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_not_equal(fstatat(dir, "keystore.new", &st, 0), 0);
}

static void test_wrong_passphrase(void **state)
{
	struct vault v;

	assert_int_equal(open_with(&v, BYTES("correct horsf"), NULL), ERR_REFUSED);
	assert_string_equal(v.why, "wrong passphrase");
	assert_int_equal(open_with(&v, BYTES("correct hors"), NULL), ERR_REFUSED);
	assert_int_equal(open_with(&v, BYTES(""), NULL), ERR_REFUSED);
	assert_int_equal(try_open(), ERR_OK);
}

static void test_bounds_at_birth(void **state)
{
	struct keeper_node node = { .sp = BYTES("//sp.example.org"), .cse = BYTES("/in-cse"),
		                    .days = 397, .passphrase = BYTES("1234567") };
	static const char *const sps[] = { "", "sp.example.org", "//", "//Sp.example.org", "//a..b",
		                           "//a b", "//a/", "//-a" };
	static const char *const cses[] = { "", "/", "in-cse", "//in", "/a/b", "/a b", "/-a" };
	struct buf pem = buf_make(10000);
	struct stat st;
	struct vault v;

	assert_int_equal(make_node(NULL), ERR_EXISTS);
	clear_folder();
	vault_init(&v, dir);
	assert_int_equal(keeper_make_node(&v, &node, &pem), ERR_RANGE);
	node.passphrase = BYTES("12345678");
	node.days = 0;
	assert_int_equal(keeper_make_node(&v, &node, &pem), ERR_RANGE);
	node.days = 3651;
	assert_int_equal(keeper_make_node(&v, &node, &pem), ERR_RANGE);
	node.days = 1;
	for (size_t i = 0; i < COUNT_OF(sps); i++) {
		node.sp = bytes_str(sps[i]);
		assert_int_equal(keeper_make_node(&v, &node, &pem), ERR_SYNTAX);
	}
	node.sp = BYTES("//sp.example.org");
	for (size_t i = 0; i < COUNT_OF(cses); i++) {
		node.cse = bytes_str(cses[i]);
		assert_int_equal(keeper_make_node(&v, &node, &pem), ERR_SYNTAX);
	}
	assert_int_not_equal(fstatat(dir, "counter", &st, 0), 0);
	vault_close(&v);
	buf_free(&pem);
}

static void test_other_machine(void **state)
{
	struct machine both = machine_of("machine", "uuid"), other = machine_of("machinf", "uuid");
	struct machine moved = machine_of("machine", "uuie"), blind = machine_of("machine", "");
	struct machine only = machine_of("machine", "");
	struct bytes pass = BYTES("correct horse");
	struct vault v;

	clear_folder();
	assert_int_equal(make_node(&both), ERR_OK);
	assert_int_equal(open_with(&v, pass, &other), ERR_BAD_STATE);
	assert_string_equal(v.why, "bound to another machine");
	assert_int_equal(open_with(&v, pass, &moved), ERR_BAD_STATE);
	assert_string_equal(v.why, "bound to another machine");
	assert_int_equal(open_with(&v, pass, &blind), ERR_BAD_STATE);
	assert_int_equal(open_with(&v, pass, NULL), ERR_BAD_STATE);
	assert_int_equal(open_with(&v, BYTES("correct horsf"), &both), ERR_REFUSED);
	assert_int_equal(open_with(&v, pass, &both), ERR_OK);
	assert_int_equal(v.machine_parts, MACHINE_ID | MACHINE_UUID);
	vault_close(&v);
	/* made where the UUID could not be read: it is not looked at */
	clear_folder();
	assert_int_equal(make_node(&only), ERR_OK);
	assert_int_equal(open_with(&v, pass, &moved), ERR_OK);
	vault_close(&v);
}

/* One octet in each field of the header, and in the first and last of every
 * sealed part. */
static void test_flipped_octets(void **state)
{
	static const size_t header[] = { 0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 47, 48, 63, 64, 79, 80,
		111, 112, 119, 120, 123, 124, 125, 126, 127, 128, 130, 144, 150 };
	struct file good, bad;
	size_t at;

	file_get(dir, "keystore", &good);
	for (size_t i = 0; i < COUNT_OF(header); i++) {
		bad = good;
		bad.octets[header[i]] ^= 1;
		file_put(dir, "keystore", &bad);
		assert_int_not_equal(try_open(), ERR_OK);
	}
	at = 128 + 16 + 7;
	while (at < good.n) {
		size_t n = get_be32(good.octets + at), places[] = { at + 3, at + 4 + n / 2, at + 3 + n };

		for (size_t i = 0; i < COUNT_OF(places); i++) {
			bad = good;
			bad.octets[places[i]] ^= 0x80;
			file_put(dir, "keystore", &bad);
			assert_int_equal(try_open(), ERR_TAMPERED);
		}
		at += 4 + n;
	}
	assert_int_equal(at, good.n);
	file_put(dir, "keystore", &good);
	assert_int_equal(try_open(), ERR_OK);
}

/* With the master key at hand, as if passphrase and machine were right. */
static err_t parse_with(const struct vault *with, const struct file *f, size_t *keys)
{
	struct vault v;
	err_t err;

	vault_init(&v, -1);
	assert_int_equal(secret_copy(secret_view(&with->master), &v.master), ERR_OK);
	err = keystore_parse(&v, bytes_make(f->octets, f->n), NULL);
	*keys = v.keys_n;
	vault_drop(&v);
	return err;
}

/* Every octet of the file, the lowest and the highest bit. The control is a record without
 * its seal: there a changed octet gives a key to another role, and nobody sees it. */
static void test_every_octet(void **state)
{
	struct file good, bad;
	struct secret page;
	struct vault open;
	struct vault_key k = { 0 };
	struct bytes name;
	struct wire_in in;
	size_t keys, n;

	file_get(dir, "keystore", &good);
	assert_int_equal(open_again(&open), ERR_OK);
	assert_int_equal(secret_new(KEYRECORD_MAX, &page), ERR_OK);
	assert_int_equal(keyrecord_print(vault_find(&open, BYTES("audit")), &page, &n), ERR_OK);
	assert_int_equal(page.p[5], TO(CORE));
	page.p[5] ^= TO(CORE) ^ TO(GATE);
	in = wire_in(bytes_make(page.p, n));
	assert_int_equal(keyrecord_get(&in, &k, &name), ERR_OK);
	assert_int_equal(k.policy, TO(GATE));
	secret_free(&k.key.blob);
	secret_free(&page);
	assert_int_equal(parse_with(&open, &good, &keys), ERR_OK);
	assert_int_equal(keys, open.keys_n);
	for (size_t at = 0; at < good.n; at++) {
		for (int bit = 0; bit < 8; bit += 7) {
			bad = good;
			bad.octets[at] ^= (uint8_t)(1 << bit);
			if (parse_with(&open, &bad, &keys) == ERR_OK)
				fail_msg("octet %zu, bit %d, was changed unseen", at, bit);
		}
	}
	vault_close(&open);
}

/* Every octet of the counter: of one slot, the other stands in; of both, it is refused. */
static void test_every_octet_of_the_counter(void **state)
{
	uint8_t key[32] = { 7 };
	struct counter c = { .generation = 5, .sequence = 9 }, got;
	int fd = openat(dir, "counter", O_RDWR);
	uint8_t octet[2];
	bool damaged;

	assert_int_equal(counter_write(fd, BYTES_OF(key), &c), ERR_OK);
	for (off_t at = 0; at < COUNTER_SLOT; at++) {
		bool zeros = at == 6 || at == 7; /* nothing stands there, and the MAC covers it */

		for (int slots = 1; slots <= 3; slots++) {
			for (int i = 0; i < 2; i++) {
				assert_int_equal(pread(fd, &octet[i], 1, at + i * COUNTER_SECOND), 1);
				octet[i] ^= slots & 1 << i ? 1 : 0;
				assert_int_equal(pwrite(fd, &octet[i], 1, at + i * COUNTER_SECOND), 1);
			}
			assert_int_equal(counter_read(fd, BYTES_OF(key), &got, &damaged), slots == 3 ? ERR_TAMPERED : ERR_OK);
			assert_true(damaged || zeros);
			assert_true(slots == 3 || got.generation == 5);
			for (int i = 0; i < 2; i++) {
				octet[i] ^= slots & 1 << i ? 1 : 0;
				assert_int_equal(pwrite(fd, &octet[i], 1, at + i * COUNTER_SECOND), 1);
			}
		}
	}
	assert_int_equal(counter_read(fd, BYTES_OF(key), &got, &damaged), ERR_OK);
	assert_false(damaged);
	close(fd);
}

static void test_cut_and_longer(void **state)
{
	struct file good, bad;

	file_get(dir, "keystore", &good);
	for (size_t n = 1; n < good.n; n += 101) {
		bad = good;
		bad.n = n;
		file_put(dir, "keystore", &bad);
		assert_int_equal(try_open(), ERR_TAMPERED);
	}
	bad = good;
	bad.octets[bad.n++] = 0;
	file_put(dir, "keystore", &bad);
	assert_int_equal(try_open(), ERR_TAMPERED);
	(void)unlinkat(dir, "keystore", 0);
	assert_int_equal(try_open(), ERR_MISSING);
}

static void test_record_in_another_place(void **state)
{
	struct file good, bad;
	size_t first = 128 + 16 + 7, second, third, n;

	file_get(dir, "keystore", &good);
	first += 4 + get_be32(good.octets + first); /* after the header's seal */
	second = first + 4 + get_be32(good.octets + first);
	second += 4 + get_be32(good.octets + second); /* the second and third EC key have one length */
	third = second + 4 + get_be32(good.octets + second);
	n = 4 + get_be32(good.octets + third);
	bad = good;
	/* the same record twice */
	if (third - second == n) {
		bytes_copy(bad.octets + third, good.octets + second, n);
		file_put(dir, "keystore", &bad);
		assert_int_equal(try_open(), ERR_TAMPERED);
	}
	/* a record of an earlier writing */
	file_put(dir, "keystore", &good);
	{
		struct vault v;

		assert_int_equal(open_again(&v), ERR_OK);
		assert_int_equal(vault_save(&v), ERR_OK);
		vault_close(&v);
	}
	file_get(dir, "keystore", &bad);
	bytes_copy(bad.octets + second, good.octets + second, third - second);
	file_put(dir, "keystore", &bad);
	assert_int_equal(try_open(), ERR_TAMPERED);
}

static void save_once(void)
{
	struct vault v;

	assert_int_equal(open_again(&v), ERR_OK);
	assert_int_equal(vault_save(&v), ERR_OK);
	vault_close(&v);
}

static void test_rollback(void **state)
{
	struct file keystore, counter, newer;
	struct vault v;

	file_get(dir, "keystore", &keystore);
	file_get(dir, "counter", &counter);
	save_once();
	file_get(dir, "keystore", &newer);
	/* an older key store */
	file_put(dir, "keystore", &keystore);
	assert_int_equal(open_again(&v), ERR_ROLLBACK);
	assert_true(bytes_find(bytes_str(v.why), 'o') > 0 && !v.open);
	/* one step ahead of the counter is a crash between the two: mended */
	file_put(dir, "keystore", &newer);
	file_put(dir, "counter", &counter);
	assert_int_equal(try_open(), ERR_OK);
	file_put(dir, "keystore", &keystore);
	assert_int_equal(try_open(), ERR_ROLLBACK);
	file_put(dir, "keystore", &newer);
	/* two steps are an older counter */
	save_once();
	file_put(dir, "counter", &counter);
	assert_int_equal(try_open(), ERR_ROLLBACK);
}

static void test_missing_counter(void **state)
{
	struct vault v;

	assert_int_equal(unlinkat(dir, "counter", 0), 0);
	assert_int_equal(open_again(&v), ERR_ROLLBACK);
	assert_true(bytes_starts(bytes_str(v.why), BYTES("the counter beside the key store is missing")));
	assert_int_equal(try_open(), ERR_ROLLBACK); /* and it was not made */
}

static void anchor_once(uint64_t sequence)
{
	uint8_t hash[32] = { 0 };
	struct vault v;

	hash[0] = (uint8_t)sequence;
	assert_int_equal(open_again(&v), ERR_OK);
	assert_int_equal(vault_anchor(&v, sequence, BYTES_OF(hash)), ERR_OK);
	vault_close(&v);
}

static void test_torn_counter(void **state)
{
	struct file good, torn;
	struct vault v;

	anchor_once(41);
	save_once();
	anchor_once(42);
	file_get(dir, "counter", &good);
	for (size_t slot = 0; slot <= 512; slot += 512) {
		for (size_t at = 0; at < COUNTER_SLOT; at += 50) {
			torn = good;
			for (size_t i = at; i < COUNTER_SLOT; i++)
				torn.octets[slot + i] = 0xee;
			file_put(dir, "counter", &torn);
			assert_int_equal(open_again(&v), ERR_OK);
			assert_int_equal(v.count.sequence, 42);
			assert_int_equal(v.count.generation, v.generation);
			vault_close(&v);
			/* and it was mended */
			file_get(dir, "counter", &torn);
			assert_memory_equal(torn.octets, torn.octets + 512, COUNTER_SLOT);
		}
	}
	/* a write that was cut between the slots: the newer counts */
	anchor_once(43);
	file_get(dir, "counter", &torn);
	bytes_copy(torn.octets + 512, good.octets + 512, COUNTER_SLOT);
	file_put(dir, "counter", &torn);
	assert_int_equal(open_again(&v), ERR_OK);
	assert_int_equal(v.count.sequence, 43);
	vault_close(&v);
	/* both gone */
	torn.octets[20] ^= 1;
	torn.octets[512 + 20] ^= 1;
	file_put(dir, "counter", &torn);
	assert_int_equal(try_open(), ERR_TAMPERED);
	torn.n = 100;
	file_put(dir, "counter", &torn);
	assert_int_equal(try_open(), ERR_TAMPERED);
}

static void test_losing_a_slot_is_no_way_back(void **state)
{
	struct file keystore, counter;

	file_get(dir, "keystore", &keystore);
	save_once();
	file_get(dir, "counter", &counter);
	file_put(dir, "keystore", &keystore);
	for (size_t slot = 0; slot <= 512; slot += 512) {
		counter.octets[slot + 70] ^= 1;
		file_put(dir, "counter", &counter);
		assert_int_equal(try_open(), ERR_ROLLBACK);
		counter.octets[slot + 70] ^= 1;
	}
}

static void test_counter_of_another(void **state)
{
	struct file counter;

	file_get(dir, "counter", &counter);
	clear_folder();
	assert_int_equal(make_node(NULL), ERR_OK);
	file_put(dir, "counter", &counter);
	assert_int_equal(try_open(), ERR_TAMPERED);
}

static void test_anchor_survives(void **state)
{
	uint8_t hash[32] = { 5 }, other[32] = { 6 };
	struct file before, after;
	struct vault v;

	anchor_once(5);
	file_get(dir, "keystore", &before);
	assert_int_equal(open_again(&v), ERR_OK);
	assert_int_equal(v.count.sequence, 5);
	assert_bytes(BYTES_OF(v.count.hash), BYTES_OF(hash));
	assert_int_equal(vault_anchor(&v, 4, BYTES_OF(hash)), ERR_ROLLBACK);
	assert_int_equal(vault_anchor(&v, 5, BYTES_OF(other)), ERR_ROLLBACK);
	assert_int_equal(vault_anchor(&v, 5, BYTES_OF(hash)), ERR_OK);
	assert_int_equal(vault_anchor(&v, 6, BYTES_OF(other)), ERR_OK);
	vault_close(&v);
	/* only the counter was written */
	file_get(dir, "keystore", &after);
	assert_int_equal(before.n, after.n);
	assert_memory_equal(before.octets, after.octets, after.n);
}

static void test_one_keeper_at_a_time(void **state)
{
	struct vault v, second;

	assert_int_equal(open_again(&v), ERR_OK);
	assert_int_equal(open_again(&second), ERR_BAD_STATE);
	assert_string_equal(second.why, "another keeper uses this key store");
	vault_close(&v);
	assert_int_equal(try_open(), ERR_OK);
}

static void test_no_links(void **state)
{
	assert_int_equal(renameat(dir, "keystore", dir, "keystore.new"), 0);
	assert_int_equal(symlinkat("keystore.new", dir, "keystore"), 0);
	assert_int_equal(try_open(), ERR_MISSING);
}

/* What could not be written is not kept, and the files are as before. */
static void test_write_fails(void **state)
{
	struct file before, after;
	struct vault_key *key;
	struct vault v;
	int there;

	assert_int_equal(open_again(&v), ERR_OK);
	file_get(dir, "keystore", &before);
	/* a directory stands where the new file would */
	assert_int_equal(mkdirat(dir, "keystore.new", 0700), 0);
	add_key(&v, "psk/one");
	there = v.generation == 1;
	assert_int_equal(vault_save(&v), ERR_IO);
	assert_true(there && v.generation == 1);
	file_get(dir, "keystore", &after);
	assert_memory_equal(before.octets, after.octets, after.n);
	assert_int_equal(unlinkat(dir, "keystore.new", AT_REMOVEDIR), 0);
	assert_int_equal(vault_save(&v), ERR_OK);
	key = vault_find(&v, BYTES("psk/one"));
	assert_non_null(key);
	vault_close(&v);
	assert_int_equal(try_open(), ERR_OK);
}

/* Keys come, go and get other names in any order: each is found by its name, and no other. */
static void test_names(void **state)
{
	enum { KEYS = 300, STEPS = 3000 };
	bool in[KEYS] = { false }, renamed[KEYS] = { false };
	struct vault_key *key;
	char name[32], other[32];
	struct vault v;

	assert_int_equal(open_again(&v), ERR_OK);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = step * 7919 % 1009 % KEYS;

		must(text_print(name, sizeof(name), "psk/%u%s", i, renamed[i] ? "#1" : ""));
		must(text_print(other, sizeof(other), "psk/%u%s", i, renamed[i] ? "" : "#1"));
		key = vault_find(&v, bytes_str(name));
		assert_true((key != NULL) == in[i]);
		assert_null(vault_find(&v, bytes_str(other)));
		if (!in[i]) {
			add_key(&v, name);
			in[i] = true;
		} else if (step % 3) {
			assert_string_equal(key->name, name);
			assert_int_equal(vault_rename(&v, key, bytes_str(other)), ERR_OK);
			renamed[i] = !renamed[i];
		} else {
			vault_remove(&v, key);
			in[i] = false;
		}
	}
	for (unsigned i = 0; i < KEYS; i++) {
		must(text_print(name, sizeof(name), "psk/%u%s", i, renamed[i] ? "#1" : ""));
		assert_true((vault_find(&v, bytes_str(name)) != NULL) == in[i]);
	}
	vault_drop(&v);
}

/* --- torture: the n-th step of a writing fails --------------------------------------- */

enum act { ACT_ADD, ACT_DESTROY, ACT_ANCHOR, ACTS };

static err_t act(struct vault *v, enum act what)
{
	uint8_t hash[32] = { 77 };

	if (what == ACT_ANCHOR)
		return vault_anchor(v, 77, BYTES_OF(hash));
	if (what == ACT_ADD)
		add_key(v, "psk/new");
	else
		vault_remove(v, vault_find(v, BYTES("psk/old")));
	return vault_save(v);
}

/* The same files each time: each making and opening costs a derivation of keys. */
static void begin_torture(void)
{
	static struct file keystore, counter;
	struct vault v;

	clear_folder();
	if (keystore.n) {
		file_put(dir, "keystore", &keystore);
		file_put(dir, "counter", &counter);
		return;
	}
	assert_int_equal(make_node(NULL), ERR_OK);
	assert_int_equal(open_again(&v), ERR_OK);
	add_key(&v, "psk/old");
	assert_int_equal(vault_save(&v), ERR_OK);
	vault_close(&v);
	anchor_once(7);
	file_get(dir, "keystore", &keystore);
	file_get(dir, "counter", &counter);
}

/* What a restart finds: all of before, or all of after. */
static void check_old_or_new(enum act what, bool must_be_new)
{
	bool old_key, new_key, anchored;
	struct vault v;

	assert_int_equal(open_again(&v), ERR_OK);
	old_key = vault_find(&v, BYTES("psk/old"));
	new_key = vault_find(&v, BYTES("psk/new"));
	anchored = v.count.sequence == 77;
	assert_true(anchored || v.count.sequence == 7);
	assert_int_equal(v.count.generation, v.generation);
	assert_int_equal(v.keys_n, 5 + old_key + new_key);
	assert_true(what == ACT_DESTROY || old_key);
	assert_true(what == ACT_ADD || !new_key);
	assert_true(what == ACT_ANCHOR || !anchored);
	if (must_be_new)
		assert_true(what == ACT_ADD ? new_key : what == ACT_ANCHOR ? anchored : !old_key);
	vault_close(&v);
}

/* Killed at each step: the next start opens. And killed again while it mends. */
static void test_killed_at_each_step(void **state)
{
	for (unsigned what = 0; what < ACTS; what++) {
		unsigned n = 1, failed = 1;

		for (; failed; n++) {
			struct vault v;
			err_t err;

			begin_torture();
			assert_int_equal(open_again(&v), ERR_OK);
			disk_fail_at(n, ERR_IO, true);
			err = act(&v, (enum act)what);
			failed = disk_steps() >= n;
			assert_int_equal(err, failed ? ERR_IO : ERR_OK);
			vault_close(&v); /* its last writing fails too */
			if (failed) {
				disk_fail_at(1 + n % 6, ERR_IO, true);
				(void)!open_again(&v);
				vault_close(&v);
			}
			disk_fail_at(0, ERR_OK, false);
			check_old_or_new((enum act)what, !failed);
		}
		assert_in_range(n, what == ACT_ANCHOR ? 6 : 9, 20); /* it failed at every step */
	}
}

/* One step fails, as on a full disk; the keeper goes on, and is killed later. */
static void test_full_at_each_step(void **state)
{
	for (unsigned what = 0; what < ACTS; what++) {
		unsigned failed = 1;

		for (unsigned n = 1; failed; n++) {
			for (unsigned later = 1; later < 10; later++) {
				struct vault v;
				err_t err;

				if (what == ACT_ADD ? (later + n) % 2 : later != 1 + n % 9)
					continue;
				begin_torture();
				assert_int_equal(open_again(&v), ERR_OK);
				disk_fail_at(n, ERR_FULL, false);
				err = act(&v, (enum act)what);
				failed = disk_steps() >= n;
				assert_int_equal(err, failed ? ERR_FULL : ERR_OK);
				/* the keeper in memory still works, and writes again */
				assert_non_null(vault_find(&v, BYTES("node")));
				v.dirty = true;
				disk_fail_at(later, ERR_IO, true);
				(void)!vault_save(&v);
				vault_close(&v);
				disk_fail_at(0, ERR_OK, false);
				check_old_or_new((enum act)what, false);
			}
		}
	}
}

/* A birth that fails leaves nothing, and the next one is whole. */
static void test_birth_fails_at_each_step(void **state)
{
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		struct stat st;
		err_t err;

		clear_folder();
		disk_fail_at(n, ERR_FULL, false);
		err = make_node(NULL);
		failed = disk_steps() >= n;
		disk_fail_at(0, ERR_OK, false);
		assert_int_equal(err, failed ? ERR_FULL : ERR_OK);
		if (failed) {
			assert_int_not_equal(fstatat(dir, "keystore", &st, 0), 0);
			assert_int_not_equal(fstatat(dir, "keystore.new", &st, 0), 0);
			assert_int_not_equal(fstatat(dir, "counter", &st, 0), 0);
			assert_int_equal(make_node(NULL), ERR_OK);
		}
		assert_int_equal(try_open(), ERR_OK);
	}
}

/* The asker is told, the old key store is used on, and what failed is not there. */
static void test_full_disk_is_told(void **state)
{
	struct vault_setup with = { .passphrase = BYTES("correct horse") };
	unsigned steps = 1;
	struct bed b;

	bed_init(&b, dir);
	assert_int_equal(vault_open(&b.ks.vault, &with), ERR_OK);
	for (unsigned n = 1; n <= steps; n++) {
		disk_fail_at(n, ERR_FULL, false);
		b.by[ROLE_CORE]->rates[OP_IMPORT_PSK] = (struct rate){ 0 };
		assert_int_equal(import_psk(&b, BYTES("x"), BYTES_OF(psk), tomorrow()), ERR_FULL);
		assert_null(vault_find(&b.ks.vault, BYTES("psk/x")));
		assert_int_equal(b.notice.p[4], ERR_FULL); /* on record, too */
		assert_int_equal(open_key(&b, b.by[ROLE_GATE], BYTES("node")), ERR_OK);
		/* how many there are, from one that succeeds */
		disk_fail_at(0, ERR_OK, false);
		b.by[ROLE_CORE]->rates[OP_IMPORT_PSK] = (struct rate){ 0 };
		assert_int_equal(import_psk(&b, BYTES("x"), BYTES_OF(psk), tomorrow()), ERR_OK);
		if (n == 1)
			steps = disk_steps();
		begin(&b, OP_DESTROY);
		wire_put_bytes(&b.w, BYTES("psk/x"));
		assert_int_equal(ask(&b, ROLE_CORE), ERR_OK);
	}
	assert_in_range(steps, 8, 20);
	bed_end(&b);
	assert_int_equal(try_open(), ERR_OK);
}

/* Whether the key store as a restart finds it has the key; nothing more is written. */
static bool file_has(struct bed *b, const char *name)
{
	struct vault_setup with = { .passphrase = BYTES("correct horse") };

	vault_drop(&b->ks.vault);
	assert_int_equal(vault_open(&b->ks.vault, &with), ERR_OK);
	return vault_find(&b->ks.vault, bytes_str(name)) != NULL;
}

/* What could not be written is out of use all the same, and written when there is room. */
static void test_destroyed_is_written_later(void **state)
{
	static const char *const names[] = { "psk/gone", "psk/derived" };
	struct vault_setup with = { .passphrase = BYTES("correct horse") };
	struct bed b;

	bed_init(&b, dir);
	assert_int_equal(vault_open(&b.ks.vault, &with), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		for (int ticks = 0; ticks <= 1; ticks++) {
			if (!vault_find(&b.ks.vault, bytes_str(names[i])))
				add_key(&b.ks.vault, names[i]);
			if (i)
				vault_find(&b.ks.vault, bytes_str(names[i]))->origin = (enum key_origin)DERIVE_KM;
			assert_int_equal(vault_save(&b.ks.vault), ERR_OK);
			disk_fail_at(1, ERR_FULL, false);
			begin(&b, OP_DESTROY);
			wire_put_bytes(&b.w, bytes_str(names[i]));
			assert_int_equal(ask(&b, ROLE_CORE), ERR_FULL);
			disk_fail_at(0, ERR_OK, false);
			assert_null(vault_find(&b.ks.vault, bytes_str(names[i])));
			b.ks.vault.admin.counted -= ticks * 60000; /* a minute goes by */
			(void)keeper_tick(&b.ks);
			assert_int_equal(file_has(&b, names[i]), !ticks);
		}
	}
	bed_end(&b);
	assert_int_equal(try_open(), ERR_OK);
}

/* Half of a counter's slot is written, then the keeper goes on and is cut again
 * in the other: the write begins with the worse slot. */
static void test_counter_torn_twice(void **state)
{
	uint8_t hash[32] = { 9 };
	struct vault v;

	for (unsigned n = 1; n <= 4; n++) {
		for (unsigned then = 1; then <= 5; then++) {
			begin_torture();
			assert_int_equal(open_again(&v), ERR_OK);
			disk_fail_at(n, ERR_IO, false);
			assert_int_equal(vault_anchor(&v, 77, BYTES_OF(hash)), ERR_IO);
			assert_int_equal(v.count.sequence, 7);
			disk_fail_at(then, ERR_IO, true);
			(void)!vault_anchor(&v, 77, BYTES_OF(hash));
			vault_close(&v);
			disk_fail_at(0, ERR_OK, false);
			check_old_or_new(ACT_ANCHOR, false);
		}
	}
}

/* Generated keys come back with their purpose; an altered public part does not load. */
static void test_generated_keys_come_back(void **state)
{
	static const enum key_class classes[] = { KEY_EC_P256, KEY_ED25519, KEY_SYMMETRIC_16, KEY_SYMMETRIC_32 };
	static const char *const names[] = { "user/1", "user/2", "user/3", "user/4" };
	struct buf signature = buf_make(256);
	uint8_t public_key[KEY_POINT], seed[32];
	struct vault_key *key, *added, forged;
	struct vault v;

	assert_int_equal(open_again(&v), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(classes); i++) {
		struct vault_key made = vault_key_new(key_provider_first(), classes[i], ORIGIN_GENERATED, 0);

		made.purposes = 1u << SIGN_STATEMENT;
		assert_int_equal(made.provider->make(&made.key), ERR_OK);
		assert_int_equal(vault_add(&v, bytes_str(names[i]), &made, &added), ERR_OK);
	}
	assert_int_equal(vault_save(&v), ERR_OK);
	bytes_copy(public_key, vault_find(&v, BYTES("user/2"))->key.public_key, 32);
	vault_close(&v);
	assert_int_equal(open_again(&v), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(classes); i++) {
		key = vault_find(&v, bytes_str(names[i]));
		assert_non_null(key);
		assert_int_equal(key->key.class, classes[i]);
		assert_int_equal(key->origin, ORIGIN_GENERATED);
		assert_int_equal(key->purposes, 1u << SIGN_STATEMENT);
		assert_int_equal(key->provider->id, PROVIDER_SOFTWARE);
	}
	assert_int_equal(vault_find(&v, BYTES("audit"))->purposes, USE_ANCHOR);
	key = vault_find(&v, BYTES("user/2"));
	assert_bytes(bytes_make(key->key.public_key, key->key.public_n), bytes_make(public_key, 32));
	assert_int_equal(key->provider->sign(&key->key, BYTES("text"), &signature), ERR_OK);
	assert_int_equal(crypt_ed25519_verify(public_key, BYTES("text"), bytes_of_buf(&signature)), ERR_OK);
	assert_int_equal(crypt_ed25519_verify(public_key, BYTES("texu"), bytes_of_buf(&signature)), ERR_TAMPERED);
	/* another's public part */
	bytes_copy(seed, key->key.blob.p, 32);
	forged = vault_key_new(key->provider, KEY_ED25519, ORIGIN_GENERATED, 0);
	assert_int_equal(secret_copy(BYTES_OF(seed), &forged.key.blob), ERR_OK);
	bytes_copy(forged.key.public_key, public_key, 32);
	forged.key.public_key[31] ^= 1;
	forged.key.public_n = 32;
	assert_int_equal(vault_add(&v, BYTES("user/forged"), &forged, &added), ERR_TAMPERED);
	vault_close(&v);
	buf_free(&signature);
}

/* RFC 8032 7.1, test 2: the seed is the blob. */
static void test_known_answer_of_ed25519(void **state)
{
	static const char *const seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
	static const char *const point = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
	static const char *const want = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	                                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
	struct provider_key k = { .class = KEY_ED25519, .public_n = 32 };
	struct buf signature = buf_make(256);
	char hex[129];

	assert_int_equal(secret_new(32, &k.blob), ERR_OK);
	for (size_t i = 0; i < 32; i++) {
		unsigned a, b;

		assert_int_equal(sscanf(seed + 2 * i, "%2x", &a), 1);
		assert_int_equal(sscanf(point + 2 * i, "%2x", &b), 1);
		k.blob.p[i] = (uint8_t)a;
		k.public_key[i] = (uint8_t)b;
	}
	assert_int_equal(software_provider.load(&k), ERR_OK);
	assert_int_equal(software_provider.sign(&k, BYTES("r"), &signature), ERR_OK);
	bytes_to_hex(bytes_of_buf(&signature), hex, sizeof(hex));
	assert_string_equal(hex, want);
	software_provider.unload(&k);
	buf_free(&signature);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_comes_back),
		TEST(many_keys),
		TEST(nothing_in_clear),
		TEST(wrong_passphrase),
		TEST(bounds_at_birth),
		TEST(other_machine),
		TEST(flipped_octets), TEST(every_octet), TEST(every_octet_of_the_counter),
		TEST(cut_and_longer),
		TEST(record_in_another_place),
		TEST(rollback),
		TEST(missing_counter),
		TEST(torn_counter),
		TEST(losing_a_slot_is_no_way_back),
		TEST(counter_of_another),
		TEST(anchor_survives),
		TEST(one_keeper_at_a_time),
		TEST(no_links),
		TEST(write_fails), TEST(destroyed_is_written_later), TEST(names),
		TEST(killed_at_each_step),
		TEST(full_at_each_step),
		TEST(birth_fails_at_each_step),
		TEST(full_disk_is_told),
		TEST(counter_torn_twice),
		TEST(generated_keys_come_back),
		TEST(known_answer_of_ed25519),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
