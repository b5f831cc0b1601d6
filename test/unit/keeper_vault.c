/* keeper_vault: the files: who may open them, what is found out, what survives. */
#include "keeper_help.h"

#include <fcntl.h>
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

/* --- files ---------------------------------------------------------------------- */

struct file {
	uint8_t octets[8192];
	size_t n;
};

static void file_get(const char *name, struct file *f)
{
	int fd = openat(dir, name, O_RDONLY);
	ssize_t n = read(fd, f->octets, sizeof(f->octets));

	assert_true(fd >= 0 && n > 0);
	f->n = (size_t)n;
	close(fd);
}

static void file_put(const char *name, const struct file *f)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->octets, f->n), f->n);
	close(fd);
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
	file_get("keystore", &one);
	for (size_t i = 0; i + 32 <= one.n; i++) {
		assert_memory_not_equal(one.octets + i, psk, 8);
		assert_memory_not_equal(one.octets + i, vault_find(&v, BYTES("root"))->key.blob.p, 8);
		assert_memory_not_equal(one.octets + i, vault_find(&v, BYTES("ca"))->key.blob.p, 8);
		assert_memory_not_equal(one.octets + i, "psk/one", 7);
	}
	/* written twice: no record looks the same */
	assert_int_equal(vault_save(&v), ERR_OK);
	file_get("keystore", &two);
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

	file_get("keystore", &good);
	for (size_t i = 0; i < COUNT_OF(header); i++) {
		bad = good;
		bad.octets[header[i]] ^= 1;
		file_put("keystore", &bad);
		assert_int_not_equal(try_open(), ERR_OK);
	}
	at = 128 + 16 + 7;
	while (at < good.n) {
		size_t n = get_be32(good.octets + at), places[] = { at + 3, at + 4 + n / 2, at + 3 + n };

		for (size_t i = 0; i < COUNT_OF(places); i++) {
			bad = good;
			bad.octets[places[i]] ^= 0x80;
			file_put("keystore", &bad);
			assert_int_equal(try_open(), ERR_TAMPERED);
		}
		at += 4 + n;
	}
	assert_int_equal(at, good.n);
	file_put("keystore", &good);
	assert_int_equal(try_open(), ERR_OK);
}

static void test_cut_and_longer(void **state)
{
	struct file good, bad;

	file_get("keystore", &good);
	for (size_t n = 1; n < good.n; n += 101) {
		bad = good;
		bad.n = n;
		file_put("keystore", &bad);
		assert_int_equal(try_open(), ERR_TAMPERED);
	}
	bad = good;
	bad.octets[bad.n++] = 0;
	file_put("keystore", &bad);
	assert_int_equal(try_open(), ERR_TAMPERED);
	(void)unlinkat(dir, "keystore", 0);
	assert_int_equal(try_open(), ERR_MISSING);
}

static void test_record_in_another_place(void **state)
{
	struct file good, bad;
	size_t first = 128 + 16 + 7, second, third, n;

	file_get("keystore", &good);
	first += 4 + get_be32(good.octets + first); /* after the header's seal */
	second = first + 4 + get_be32(good.octets + first);
	second += 4 + get_be32(good.octets + second); /* the second and third EC key have one length */
	third = second + 4 + get_be32(good.octets + second);
	n = 4 + get_be32(good.octets + third);
	bad = good;
	/* the same record twice */
	if (third - second == n) {
		bytes_copy(bad.octets + third, good.octets + second, n);
		file_put("keystore", &bad);
		assert_int_equal(try_open(), ERR_TAMPERED);
	}
	/* a record of an earlier writing */
	file_put("keystore", &good);
	{
		struct vault v;

		assert_int_equal(open_again(&v), ERR_OK);
		assert_int_equal(vault_save(&v), ERR_OK);
		vault_close(&v);
	}
	file_get("keystore", &bad);
	bytes_copy(bad.octets + second, good.octets + second, third - second);
	file_put("keystore", &bad);
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

	file_get("keystore", &keystore);
	file_get("counter", &counter);
	save_once();
	file_get("keystore", &newer);
	/* an older key store */
	file_put("keystore", &keystore);
	assert_int_equal(open_again(&v), ERR_ROLLBACK);
	assert_true(bytes_find(bytes_str(v.why), 'o') > 0 && !v.open);
	/* one step ahead of the counter is a crash between the two: mended */
	file_put("keystore", &newer);
	file_put("counter", &counter);
	assert_int_equal(try_open(), ERR_OK);
	file_put("keystore", &keystore);
	assert_int_equal(try_open(), ERR_ROLLBACK);
	file_put("keystore", &newer);
	/* two steps are an older counter */
	save_once();
	file_put("counter", &counter);
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
	file_get("counter", &good);
	for (size_t slot = 0; slot <= 512; slot += 512) {
		for (size_t at = 0; at < COUNTER_SLOT; at += 50) {
			torn = good;
			for (size_t i = at; i < COUNTER_SLOT; i++)
				torn.octets[slot + i] = 0xee;
			file_put("counter", &torn);
			assert_int_equal(open_again(&v), ERR_OK);
			assert_int_equal(v.count.sequence, 42);
			assert_int_equal(v.count.generation, v.generation);
			vault_close(&v);
			/* and it was mended */
			file_get("counter", &torn);
			assert_memory_equal(torn.octets, torn.octets + 512, COUNTER_SLOT);
		}
	}
	/* a write that was cut between the slots: the newer counts */
	anchor_once(43);
	file_get("counter", &torn);
	bytes_copy(torn.octets + 512, good.octets + 512, COUNTER_SLOT);
	file_put("counter", &torn);
	assert_int_equal(open_again(&v), ERR_OK);
	assert_int_equal(v.count.sequence, 43);
	vault_close(&v);
	/* both gone */
	torn.octets[20] ^= 1;
	torn.octets[512 + 20] ^= 1;
	file_put("counter", &torn);
	assert_int_equal(try_open(), ERR_TAMPERED);
	torn.n = 100;
	file_put("counter", &torn);
	assert_int_equal(try_open(), ERR_TAMPERED);
}

static void test_losing_a_slot_is_no_way_back(void **state)
{
	struct file keystore, counter;

	file_get("keystore", &keystore);
	save_once();
	file_get("counter", &counter);
	file_put("keystore", &keystore);
	for (size_t slot = 0; slot <= 512; slot += 512) {
		counter.octets[slot + 70] ^= 1;
		file_put("counter", &counter);
		assert_int_equal(try_open(), ERR_ROLLBACK);
		counter.octets[slot + 70] ^= 1;
	}
}

static void test_counter_of_another(void **state)
{
	struct file counter;

	file_get("counter", &counter);
	clear_folder();
	assert_int_equal(make_node(NULL), ERR_OK);
	file_put("counter", &counter);
	assert_int_equal(try_open(), ERR_TAMPERED);
}

static void test_anchor_survives(void **state)
{
	uint8_t hash[32] = { 5 }, other[32] = { 6 };
	struct file before, after;
	struct vault v;

	anchor_once(5);
	file_get("keystore", &before);
	assert_int_equal(open_again(&v), ERR_OK);
	assert_int_equal(v.count.sequence, 5);
	assert_bytes(BYTES_OF(v.count.hash), BYTES_OF(hash));
	assert_int_equal(vault_anchor(&v, 4, BYTES_OF(hash)), ERR_ROLLBACK);
	assert_int_equal(vault_anchor(&v, 5, BYTES_OF(other)), ERR_ROLLBACK);
	assert_int_equal(vault_anchor(&v, 5, BYTES_OF(hash)), ERR_OK);
	assert_int_equal(vault_anchor(&v, 6, BYTES_OF(other)), ERR_OK);
	vault_close(&v);
	/* only the counter was written */
	file_get("keystore", &after);
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
	file_get("keystore", &before);
	/* a directory stands where the new file would */
	assert_int_equal(mkdirat(dir, "keystore.new", 0700), 0);
	add_key(&v, "psk/one");
	there = v.generation == 1;
	assert_int_equal(vault_save(&v), ERR_IO);
	assert_true(there && v.generation == 1);
	file_get("keystore", &after);
	assert_memory_equal(before.octets, after.octets, after.n);
	assert_int_equal(unlinkat(dir, "keystore.new", AT_REMOVEDIR), 0);
	assert_int_equal(vault_save(&v), ERR_OK);
	key = vault_find(&v, BYTES("psk/one"));
	assert_non_null(key);
	vault_close(&v);
	assert_int_equal(try_open(), ERR_OK);
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
		TEST(flipped_octets),
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
		TEST(write_fails),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
