/* keeper_policy: what a key may be used for, by whom, how often and until when;
 * its versions; records of the form before; and that no two derivations meet. */
#include "keeper_help.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct vault_key *key_of(struct bed *b, const char *name)
{
	struct vault_key *key = vault_find(&b->ks.vault, bytes_str(name));

	assert_non_null(key);
	return key;
}

static struct vault_key *add(struct bed *b, const char *name, enum key_class class, uint32_t purposes)
{
	struct vault_key *out, key = vault_key_new(key_provider_first(), class, ORIGIN_IMPORTED, 0);

	key.purposes = purposes;
	key.policy = TO(CORE) | TO(GATE);
	assert_int_equal(key.provider->make(&key.key), ERR_OK);
	assert_int_equal(vault_add(&b->ks.vault, bytes_str(name), &key, &out), ERR_OK);
	return out;
}

static err_t derive_of(struct bed *b, enum derivation d, const char *input, const char *first,
                       const char *second)
{
	begin(b, OP_DERIVE);
	wire_put_u8(&b->w, (uint8_t)d);
	wire_put_bytes(&b->w, bytes_str(input));
	wire_put_bytes(&b->w, bytes_str(first));
	wire_put_bytes(&b->w, bytes_str(second));
	return ask(b, ROLE_CORE);
}

/* --- policy ----------------------------------------------------------------------- */

static void test_uses(void **state)
{
	struct bed *b = *state;

	add(b, "psk/derives", KEY_SYMMETRIC_32, USE_DERIVE);
	add(b, "psk/shakes", KEY_SYMMETRIC_32, USE_HANDSHAKE);
	assert_int_equal(derive_of(b, DERIVE_KM, "psk/derives", "maf", ""), ERR_OK);
	assert_int_equal(open_psk(b, BYTES("derives")), ERR_MISSING);
	assert_int_equal(open_psk(b, BYTES("shakes")), ERR_OK);
	assert_int_equal(derive_of(b, DERIVE_KM, "psk/shakes", "maf", ""), ERR_REFUSED);
}

static void test_roles(void **state)
{
	struct bed *b = *state;
	struct vault_key *key = add(b, "psk/roles", KEY_SYMMETRIC_32, USE_HANDSHAKE | USE_DERIVE);

	key->policy = TO(GATE);
	assert_int_equal(derive_of(b, DERIVE_KM, "psk/roles", "maf", ""), ERR_REFUSED);
	assert_int_equal(open_psk(b, BYTES("roles")), ERR_OK);
	key->policy = TO(CORE);
	assert_int_equal(derive_of(b, DERIVE_KM, "psk/roles", "maf", ""), ERR_OK);
	assert_int_equal(open_psk(b, BYTES("roles")), ERR_MISSING);
	/* what the node lives by is opened by nobody */
	for (int role = ROLE_CORE; role <= ROLE_COURIER; role++) {
		assert_int_equal(open_key(b, b->by[role], BYTES("ca")), ERR_REFUSED);
		assert_int_equal(open_key(b, b->by[role], BYTES("audit")), ERR_REFUSED);
		assert_int_equal(open_key(b, b->by[role], BYTES("import")), ERR_REFUSED);
		assert_int_equal(open_key(b, b->by[role], BYTES("root")), ERR_REFUSED);
	}
}

static void test_security_usage(void **state)
{
	struct bed *b = *state;
	struct vault_key *key = add(b, "psk/suid", KEY_SYMMETRIC_32, USE_HANDSHAKE | USE_DERIVE);
	static const char object[] = "{\"a\":1}", other[] = "{\"a\":2}";

	key->suid = 13; /* pre-provisioned, for ESPrim */
	assert_int_equal(open_psk(b, BYTES("suid")), ERR_MISSING);
	assert_int_equal(derive_of(b, DERIVE_ESPRIM, "psk/suid", object, other), ERR_OK);
	assert_int_equal(derive_of(b, DERIVE_E2E_MASTER, "psk/suid", "salt", ""), ERR_REFUSED);
	key->suid = 14; /* ESData */
	assert_int_equal(derive_of(b, DERIVE_ESPRIM, "psk/suid", other, object), ERR_REFUSED);
	assert_int_equal(derive_of(b, DERIVE_E2E_MASTER, "psk/suid", "salt", ""), ERR_OK);
	key->suid = 12; /* associations */
	assert_int_equal(open_psk(b, BYTES("suid")), ERR_OK);
	assert_int_equal(derive_of(b, DERIVE_KM, "psk/suid", "maf", ""), ERR_REFUSED);
	/* a derived key carries its usage with it */
	assert_int_equal(derive_of(b, DERIVE_USAGE, "psk/derives", "23", "target"), ERR_OK);
	key = vault_find(&b->ks.vault, wire_get_bytes(&b->r, KEEPER_NAME_MAX));
	assert_int_equal(key->suid, 23);
	assert_int_equal(derive_of(b, DERIVE_E2E_MASTER, key->name, "salt", ""), ERR_REFUSED);
	assert_int_equal(derive_of(b, DERIVE_ESPRIM, key->name, object, other), ERR_OK);
}

static void test_number_of_uses(void **state)
{
	struct bed *b = *state;
	struct vault_key *key = add(b, "psk/twice", KEY_SYMMETRIC_32, USE_DERIVE);
	uint64_t generation = b->ks.vault.generation;

	key->uses_max = 2;
	assert_int_equal(derive_of(b, DERIVE_KM, "psk/twice", "a", ""), ERR_OK);
	/* the use was written before the new key was */
	assert_int_equal(b->ks.vault.generation, generation + 2);
	assert_int_equal(derive_of(b, DERIVE_KM, "psk/twice", "b", ""), ERR_OK);
	assert_int_equal(derive_of(b, DERIVE_KM, "psk/twice", "c", ""), ERR_MISSING);
}

static err_t open_for(struct bed *b, const char *name, unsigned assurance)
{
	begin(b, OP_OPEN_KEY);
	wire_put_bytes(&b->w, bytes_str(name));
	wire_put_u8(&b->w, (uint8_t)assurance);
	return ask(b, ROLE_CORE);
}

static err_t sign_by(struct bed *b, uint32_t handle)
{
	begin(b, OP_SIGN);
	wire_put_u32(&b->w, handle);
	wire_put_u8(&b->w, SIGN_STATEMENT);
	wire_put_fixed(&b->w, BYTES_OF(TAG));
	wire_put_bytes(&b->w, BYTES("holdfast statement\0here"));
	return ask(b, ROLE_CORE);
}

static void test_assurance_and_state(void **state)
{
	struct bed *b = *state;
	struct vault_key *key = add(b, "user/s", KEY_EC_P256, 1u << SIGN_STATEMENT);
	uint32_t handle;

	key->assurance = 3;
	assert_int_equal(open_key(b, b->by[ROLE_CORE], BYTES("user/s")), ERR_REFUSED);
	assert_int_equal(open_for(b, "user/s", 2), ERR_REFUSED);
	assert_int_equal(open_for(b, "user/s", 3), ERR_OK);
	handle = answer_handle(b);
	assert_int_equal(sign_by(b, handle), ERR_OK);
	/* out of use stops what is open */
	key->state = KEY_DEPRECATED;
	assert_int_equal(sign_by(b, handle), ERR_REFUSED);
	assert_int_equal(open_for(b, "user/s", 4), ERR_REFUSED);
	key->state = KEY_WITHDRAWN;
	assert_int_equal(sign_by(b, handle), ERR_MISSING);
	assert_int_equal(open_for(b, "user/s", 4), ERR_MISSING);
	key->state = KEY_ACTIVE;
	assert_int_equal(sign_by(b, handle), ERR_OK);
	key->not_after = 1;
	assert_int_equal(sign_by(b, handle), ERR_MISSING);
}

/* --- versions ---------------------------------------------------------------------- */

static void test_versions(void **state)
{
	struct bed *b = *state;
	struct vault_key *old = key_of(b, "import"), *new,
		key = vault_key_new(key_provider_first(), KEY_EC_P256, ORIGIN_MADE, 0);
	struct buf sealed = buf_make(512);
	uint8_t secret[32] = "a pre-shared key of a device ...";

	seal_psk(b, BYTES("before"), BYTES_OF(secret), &sealed);
	assert_int_equal(key.provider->make(&key.key), ERR_OK);
	assert_int_equal(vault_renew(&b->ks.vault, old, &key, &new), ERR_OK);
	assert_string_equal(new->name, "import");
	assert_string_equal(old->name, "import#1");
	assert_int_equal(new->version, 2);
	assert_int_equal(new->purposes, USE_OPEN);
	assert_int_equal(old->state, KEY_OLD);
	assert_ptr_equal(key_of(b, "import"), new);
	assert_ptr_equal(key_of(b, "import#1"), old);
	/* the new one opens what is sealed to it */
	assert_int_equal(import_psk(b, BYTES("after"), BYTES_OF(secret), tomorrow()), ERR_OK);
	buf_free(&sealed);
	/* a name with a version is no name that anybody may give */
	assert_int_equal(import_psk(b, BYTES("x#1"), BYTES_OF(secret), tomorrow()), ERR_SYNTAX);
	assert_int_equal(create_key(b, "user/x#1", KEY_EC_P256, SIGN_STATEMENT), ERR_SYNTAX);
}

/* --- the form before ----------------------------------------------------------------- */

static void copy_file(int from, int to, const char *name)
{
	uint8_t octets[8192];
	int in = openat(from, name, O_RDONLY), out = openat(to, name, O_WRONLY | O_CREAT, 0600);
	ssize_t n = read(in, octets, sizeof(octets));

	assert_true(n > 0 && out >= 0 && write(out, octets, (size_t)n) == n);
	close(in);
	close(out);
}

static void assert_old_node(const struct vault *v)
{
	static const struct { const char *name; uint32_t purposes; unsigned policy; } rows[] = {
		{ "root", USE_NODE, TO(CORE) }, { "ca", USE_CERTIFY, TO(CORE) },
		{ "node", 1u << 1 | 1u << 2 | 1u << 3, TO(GATE) | TO(COURIER) },
		{ "audit", USE_ANCHOR, TO(CORE) }, { "import", USE_OPEN, TO(CORE) },
		{ "user/s", 1u << SIGN_STATEMENT, TO(CORE) },
		{ "psk/p@sp.example.org", USE_HANDSHAKE | USE_DERIVE, TO(GATE) | TO(CORE) },
	};
	uint8_t psk[32];

	assert_int_equal(v->keys_n, COUNT_OF(rows));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct vault_key *key = vault_find(v, bytes_str(rows[i].name));

		assert_non_null(key);
		assert_int_equal(key->purposes, rows[i].purposes);
		assert_int_equal(key->policy, rows[i].policy);
		assert_int_equal(key->minimum, 1);
		assert_int_equal(key->owner, KEY_NO_OWNER);
	}
	assert_int_equal(bytes_from_hex(BYTES("f1bdc994f7e2a78e1b473db55b1e6f57e478d40ad7c1f44776f59bd4112caf98"),
	                                psk, 32), ERR_OK);
	assert_bytes(secret_view(&vault_find(v, BYTES("psk/p@sp.example.org"))->key.blob), BYTES_OF(psk));
}

/* A node's files as version 1 of the format left them. */
static void test_migration(void **state)
{
	int from = open(SOURCE_DIR "/test/vectors/keystore-1", O_RDONLY | O_DIRECTORY);
	char folder[] = "/tmp/holdfast-policy-XXXXXX";
	struct vault_setup setup = { .passphrase = BYTES("correct horse") };
	struct vault v;
	int to;

	assert_non_null(mkdtemp(folder));
	to = open(folder, O_RDONLY | O_DIRECTORY);
	copy_file(from, to, "keystore");
	copy_file(from, to, "counter");
	for (int i = 0; i < 2; i++) { /* as it was, then as it was written anew */
		vault_init(&v, to);
		assert_int_equal(vault_open(&v, &setup), ERR_OK);
		assert_old_node(&v);
		assert_int_equal(vault_save(&v), ERR_OK);
		vault_close(&v);
	}
	(void)unlinkat(to, "keystore", 0);
	(void)unlinkat(to, "counter", 0);
	close(from);
	close(to);
	assert_int_equal(rmdir(folder), 0);
}

/* --- derivations ----------------------------------------------------------------------- */

enum { TREE_MAX = 4096 };

static struct { char name[KEEPER_NAME_MAX + 1]; uint8_t key[32]; } tree[TREE_MAX];
static size_t tree_n;

/* Every question that the derivations take, over parameters that differ little and
 * whose concatenations are alike. */
static void grow(struct bed *b, const char *input)
{
	static const char *const firsts[] = { "", "a", "ab", "21", "22", "{}", "{a}", "21a" };
	static const char *const seconds[] = { "", "a", "b", "ab", "{}", "{a}" };

	for (unsigned d = DERIVE_KM; d <= DERIVE_E2E_ATT_CONF; d++) {
		for (size_t i = 0; i < COUNT_OF(firsts) * COUNT_OF(seconds); i++) {
			struct vault_key *key;

			if (derive_of(b, (enum derivation)d, input, firsts[i / COUNT_OF(seconds)],
			              seconds[i % COUNT_OF(seconds)]) != ERR_OK)
				continue;
			key = vault_find(&b->ks.vault, wire_get_bytes(&b->r, KEEPER_NAME_MAX));
			assert_non_null(key);
			assert_true(tree_n < TREE_MAX);
			bytes_copy(tree[tree_n].key, key->key.blob.p, 32);
			assert_int_equal(bytes_put_str(tree[tree_n++].name, sizeof(tree[0].name),
			                               bytes_str(key->name)), ERR_OK);
		}
	}
}

static void test_no_two_paths_meet(void **state)
{
	struct bed *b = *state;
	size_t level;

	add(b, "psk/r1", KEY_SYMMETRIC_32, USE_DERIVE);
	add(b, "psk/r2", KEY_SYMMETRIC_32, USE_DERIVE);
	grow(b, "psk/r1");
	grow(b, "psk/r2");
	level = tree_n;
	assert_true(level > 50);
	for (size_t at = 0; at < level; at++)
		grow(b, tree[at].name);
	for (size_t at = level, end = tree_n; at < end && tree_n < TREE_MAX - 100; at++)
		grow(b, tree[at].name);
	assert_true(tree_n > 500);
	for (size_t i = 0; i < tree_n; i++) {
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(tree[i].name, tree[j].name);
			assert_memory_not_equal(tree[i].key, tree[j].key, 32);
		}
	}
}

#define TEST(name) cmocka_unit_test(test_##name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(uses), TEST(roles), TEST(security_usage), TEST(number_of_uses),
		TEST(assurance_and_state), TEST(versions), TEST(migration), TEST(no_two_paths_meet),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
