/* keeper_keys: derivations with their known answers, enrolment of keys, what the
 * core uses, what may be seen. */
#include "keeper/enrolment.h"
#include "keeper_help.h"

static void hex32(const char *hex, uint8_t out[32])
{
	assert_int_equal(bytes_from_hex(bytes_str(hex), out, 32), ERR_OK);
}

static void sequence(uint8_t *out, size_t n, uint8_t first)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(first + i);
}

static err_t derive(struct bed *b, enum derivation d, struct bytes input, struct bytes first,
                    struct bytes second)
{
	begin(b, OP_DERIVE);
	wire_put_u8(&b->w, (uint8_t)d);
	wire_put_bytes(&b->w, input);
	wire_put_bytes(&b->w, first);
	wire_put_bytes(&b->w, second);
	return ask(b, ROLE_CORE);
}

/* Derive and look into the vault, as nobody outside can. */
static struct vault_key *derived(struct bed *b, enum derivation d, const char *input,
                                 struct bytes first, struct bytes second)
{
	struct vault_key *key;

	assert_int_equal(derive(b, d, bytes_str(input), first, second), ERR_OK);
	key = vault_find(&b->ks.vault, wire_get_bytes(&b->r, KEEPER_NAME_MAX));
	assert_non_null(key);
	return key;
}

static void assert_key(const struct vault_key *key, const char *hex)
{
	uint8_t want[32];

	hex32(hex, want);
	assert_bytes(secret_view(&key->key.blob), BYTES_OF(want));
}

static int setup(void **state)
{
	int rc = bed_setup(state);
	uint8_t key[32];
	struct bed *b = *state;

	sequence(key, 32, 0);
	rc |= import_psk(b, BYTES("ke"), BYTES_OF(key), tomorrow()) != ERR_OK;
	sequence(key, 32, 0x20);
	rc |= import_psk(b, BYTES("kpsa"), BYTES_OF(key), tomorrow()) != ERR_OK;
	sequence(key, 32, 0x40);
	rc |= import_psk(b, BYTES("esprim"), BYTES_OF(key), tomorrow()) != ERR_OK;
	return rc;
}

/* [TS-0003 10.3] with the choices G2 to G5; known answers of the fact sheet C.4 */
static void test_known_answers_of_ke(void **state)
{
	struct bed *b = *state;

	assert_key(derived(b, DERIVE_KM, "psk/ke", BYTES("maf.example.org"), BYTES_NONE),
	           "3c84807f737a531c808f78cfddbf8f474644de4a8b32147836cc2a0aa86c5fc4");
	assert_key(derived(b, DERIVE_KPSA, "psk/ke", BYTES("//sp.example.org/cse1"), BYTES_NONE),
	           "5f4d99d9bfc442cfe0b907d146c84785513c65d11471b24762e85599efb0eafd");
	assert_key(derived(b, DERIVE_USAGE, "psk/ke", BYTES("21"), BYTES("maf.example.org")),
	           "c2a552413ed3e6fc950c0c3b5b95cc532b8cdb0b09b614dfab7f5f3507cb3be7");
}

static void test_known_answers_of_e2e(void **state)
{
	static const struct { enum derivation d; const char *key; } chain[] = {
		{ DERIVE_E2E_MSG_AUTH, "dea583cad11a24348936d1b0758c80de6655da402641122a9430256a61b18d91" },
		{ DERIVE_E2E_MSG_CONF, "d3772ce8a362a4a74272d142b993de8d0598f2fca9cf5b338f5cb8667b4cd086" },
		{ DERIVE_E2E_ATT_AUTH, "591beb286da60569211ed5932353b5fcbe568013095e45506a4c341db3cfab71" },
		{ DERIVE_E2E_ATT_CONF, "1dd839e3ff8a4354fa329385c1076261b98aef731596da7595ec626be0204918" },
	};
	struct bed *b = *state;
	uint8_t salt[32] = { 0 };
	char name[KEEPER_NAME_MAX + 1];
	struct vault_key *key = derived(b, DERIVE_E2E_MASTER, "psk/kpsa", BYTES_OF(salt), BYTES_NONE);

	assert_key(key, "9724f70a32773a1840904e49bb789f73e0023efea2db9f987f43fc932319b1cb");
	assert_int_equal(bytes_put_str(name, sizeof(name), bytes_str(key->name)), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(chain); i++)
		assert_key(derived(b, chain[i].d, name, BYTES_NONE, BYTES_NONE), chain[i].key);
}

#define RECEIVER BYTES("{\"esks\":[1],\"espa\":[10,12],\"esri\":\"R1\",\"esrv\":" \
	"\"A00112233445566778899aabbccddeeff\",\"esrx\":\"20300101T000000\"}")
#define ORIGINATOR BYTES("{\"esk\":1,\"espa\":[12],\"esri\":\"O1\",\"esrv\":" \
	"\"Affeeddccbbaa99887766554433221100\",\"esrx\":\"20291231T000000\"}")

static void test_known_answer_of_esprim(void **state)
{
	assert_key(derived(*state, DERIVE_ESPRIM, "psk/esprim", RECEIVER, ORIGINATOR),
	           "3adb59de01491b54a75cc22a533d4a834897cbdafd3aa9630d6b96929ba686dc");
}

static void test_known_answer_of_exporter(void **state)
{
	struct bed *b = *state;
	uint8_t exported[48];
	struct vault_key *key = NULL;

	sequence(exported, 48, 0x40);
	for (int i = 0; i < 2; i++) { /* the second time it is there */
		struct bytes name;

		assert_int_equal(derive(b, DERIVE_EXPORTER, BYTES_NONE, BYTES_OF(exported), BYTES_NONE), ERR_OK);
		name = wire_get_bytes(&b->r, KEEPER_NAME_MAX);
		assert_true(bytes_starts(name, BYTES("exported/10/")));
		assert_true(!key || key == vault_find(&b->ks.vault, name));
		key = vault_find(&b->ks.vault, name);
		assert_non_null(key);
		assert_bytes(wire_get_bytes(&b->r, 16), bytes_make(exported, 16));
		assert_int_equal(wire_done(&b->r), ERR_OK);
		assert_bytes(secret_view(&key->key.blob), bytes_make(exported + 16, 32));
	}
	assert_int_equal(derive(b, DERIVE_EXPORTER, BYTES("psk/ke"), BYTES_OF(exported), BYTES_NONE), ERR_SYNTAX);
	assert_int_equal(derive(b, DERIVE_EXPORTER, BYTES_NONE, bytes_make(exported, 47), BYTES_NONE), ERR_SYNTAX);
}

static err_t release(struct bed *b, struct bytes name, enum role by)
{
	begin(b, OP_RELEASE);
	wire_put_bytes(&b->w, name);
	return ask(b, by);
}

/* Only what an exporter gave, or was derived of that, and to the core alone. */
static void test_release(void **state)
{
	static const char *const kept[] = { "psk/ke", "node", "ca", "root", "audit", "import" };
	struct bed *b = *state;
	struct vault_key *ke, *km, *other;
	uint8_t exported[48];

	sequence(exported, 48, 0x40);
	ke = derived(b, DERIVE_EXPORTER, "", BYTES_OF(exported), BYTES_NONE);
	km = derived(b, DERIVE_KM, ke->name, BYTES("maf.example.org"), BYTES_NONE);
	other = derived(b, DERIVE_KM, "psk/ke", BYTES("maf.example.org"), BYTES_NONE);
	assert_int_equal(release(b, bytes_str(ke->name), ROLE_CORE), ERR_OK);
	assert_bytes(wire_get_fixed(&b->r, 32), bytes_make(exported + 16, 32));
	assert_int_equal(release(b, bytes_str(km->name), ROLE_CORE), ERR_OK);
	assert_bytes(wire_get_fixed(&b->r, 32), secret_view(&km->key.blob));
	for (enum role r = ROLE_GATE; r <= ROLE_DOOR; r++) {
		if (b->by[r] && r != ROLE_CORE)
			assert_int_equal(release(b, bytes_str(ke->name), r), ERR_REFUSED);
	}
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		assert_int_equal(release(b, bytes_str(kept[i]), ROLE_CORE), ERR_REFUSED);
	assert_int_equal(release(b, bytes_str(other->name), ROLE_CORE), ERR_REFUSED);
	assert_int_equal(release(b, BYTES("exported/10/none"), ROLE_CORE), ERR_MISSING);
}

static void test_derive_is_idempotent_and_apart(void **state)
{
	struct bed *b = *state;
	struct vault_key *a = derived(b, DERIVE_KM, "psk/ke", BYTES("one"), BYTES_NONE);
	size_t n = b->ks.vault.keys_n;

	assert_ptr_equal(derived(b, DERIVE_KM, "psk/ke", BYTES("one"), BYTES_NONE), a);
	assert_int_equal(b->ks.vault.keys_n, n);
	assert_ptr_not_equal(derived(b, DERIVE_KM, "psk/ke", BYTES("two"), BYTES_NONE), a);
	assert_ptr_not_equal(derived(b, DERIVE_KPSA, "psk/ke", BYTES("one"), BYTES_NONE), a);
	assert_int_equal(b->ks.vault.keys_n, n + 2);
	/* it ends with what it came from */
	assert_true(a->not_after == vault_find(&b->ks.vault, BYTES("psk/ke"))->not_after);
}

static void test_derive_refusals(void **state)
{
	struct bed *b = *state;
	struct bytes x = BYTES("x"), ke = BYTES("psk/ke"), none = BYTES_NONE;
	struct vault_key *km = derived(b, DERIVE_KM, "psk/ke", BYTES("maf"), BYTES_NONE);

	/* no such derivation, no such key, a key of another purpose */
	assert_int_equal(derive(b, (enum derivation)0, ke, x, none), ERR_UNSUPPORTED);
	assert_int_equal(derive(b, (enum derivation)11, ke, x, none), ERR_UNSUPPORTED);
	assert_int_equal(derive(b, DERIVE_KM, BYTES("psk/nobody"), x, none), ERR_MISSING);
	assert_int_equal(derive(b, DERIVE_KM, BYTES("root"), x, none), ERR_REFUSED);
	assert_int_equal(derive(b, DERIVE_KM, BYTES("node"), x, none), ERR_REFUSED);
	assert_int_equal(derive(b, DERIVE_E2E_MASTER, bytes_str(km->name), x, none), ERR_REFUSED);
	assert_int_equal(derive(b, DERIVE_E2E_MSG_AUTH, ke, none, none), ERR_REFUSED);
	/* parameters of another form */
	assert_int_equal(derive(b, DERIVE_KM, ke, none, none), ERR_SYNTAX);
	assert_int_equal(derive(b, DERIVE_KM, ke, x, x), ERR_SYNTAX);
	assert_int_equal(derive(b, DERIVE_KM, ke, BYTES("\xff"), none), ERR_SYNTAX);
	assert_int_equal(derive(b, DERIVE_USAGE, ke, BYTES("2"), BYTES("1maf")), ERR_SYNTAX);
	assert_int_equal(derive(b, DERIVE_USAGE, ke, BYTES("211"), BYTES("maf")), ERR_SYNTAX);
	assert_int_equal(derive(b, DERIVE_USAGE, ke, BYTES("21"), none), ERR_SYNTAX);
	assert_int_equal(derive(b, DERIVE_ESPRIM, BYTES("psk/esprim"), x, ORIGINATOR), ERR_SYNTAX);
	assert_int_equal(derive(b, DERIVE_ESPRIM, BYTES("psk/esprim"), RECEIVER, none), ERR_SYNTAX);
	assert_int_equal(derive(b, DERIVE_E2E_MSG_AUTH, ke, x, none), ERR_SYNTAX);
}

/* --- pre-shared keys -------------------------------------------------------------- */

static err_t import_raw(struct bed *b, struct bytes identity, struct bytes sealed, int64_t until)
{
	begin(b, OP_IMPORT_PSK);
	wire_put_bytes(&b->w, identity);
	wire_put_bytes(&b->w, sealed);
	wire_put_u64(&b->w, (uint64_t)until);
	return ask(b, ROLE_CORE);
}

static void test_import(void **state)
{
	struct bed *b = *state;
	uint8_t key[64] = { 3 };
	struct buf sealed = buf_make(512);
	err_t got;

	b->by[ROLE_CORE]->rates[OP_IMPORT_PSK] = (struct rate){ 0 };
	assert_int_equal(import_psk(b, BYTES("a@b"), bytes_make(key, 16), tomorrow()), ERR_OK);
	assert_bytes(wire_get_bytes(&b->r, 128), BYTES("psk/a@b"));
	assert_int_equal(b->told, MSG_KEEPER_EVENT);
	assert_int_equal(get_be16(b->notice.p), OP_IMPORT_PSK);
	assert_int_equal(b->notice.p[4], ERR_OK);
	assert_int_equal(import_psk(b, BYTES("a@b"), bytes_make(key, 16), tomorrow()), ERR_EXISTS);
	for (size_t n = 1; n <= 64; n++) {
		if (n != 16 && n != 32 && n % 5 == 0)
			assert_int_equal(import_psk(b, BYTES("len"), bytes_make(key, n), tomorrow()), ERR_RANGE);
	}
	assert_int_equal(import_psk(b, BYTES("late"), bytes_make(key, 16), clock_now() - 1), ERR_RANGE);
	assert_int_equal(import_psk(b, BYTES("late"), bytes_make(key, 16), 0), ERR_RANGE);
	assert_int_equal(import_psk(b, BYTES(""), bytes_make(key, 16), tomorrow()), ERR_SYNTAX);
	assert_int_equal(import_psk(b, BYTES("a b"), bytes_make(key, 16), tomorrow()), ERR_SYNTAX);
	assert_int_equal(import_psk(b, BYTES("a\n"), bytes_make(key, 16), tomorrow()), ERR_SYNTAX);
	/* sealed for one identity, offered for another; altered anywhere */
	b->by[ROLE_CORE]->rates[OP_IMPORT_PSK] = (struct rate){ 0 };
	seal_psk(b, BYTES("alice"), bytes_make(key, 16), &sealed);
	assert_int_equal(import_raw(b, BYTES("bob"), bytes_of_buf(&sealed), tomorrow()), ERR_TAMPERED);
	for (size_t i = 0; i < sealed.n; i += 4) {
		sealed.p[i] ^= 1;
		got = import_raw(b, BYTES("alice"), bytes_of_buf(&sealed), tomorrow());
		assert_int_equal(got, ERR_TAMPERED);
		sealed.p[i] ^= 1;
	}
	assert_int_equal(import_raw(b, BYTES("alice"), bytes_sub(bytes_of_buf(&sealed), 0, 81), tomorrow()),
	                 ERR_TAMPERED);
	assert_int_equal(import_raw(b, BYTES("alice"), bytes_of_buf(&sealed), tomorrow()), ERR_OK);
	assert_bytes(secret_view(&vault_find(&b->ks.vault, BYTES("psk/alice"))->key.blob),
	             bytes_make(key, 16));
	buf_free(&sealed);
}

static struct vault_key *taken(struct bed *b, const char *identity, struct bytes from, enum role by, err_t expected)
{
	char name[64];

	begin(b, OP_IMPORT_PSK);
	wire_put_bytes(&b->w, bytes_str(identity));
	wire_put_bytes(&b->w, from);
	wire_put_u64(&b->w, (uint64_t)tomorrow());
	wire_put_u8(&b->w, 22);
	assert_int_equal(ask(b, by), expected);
	(void)text_print(name, sizeof(name), "psk/%s", identity);
	return vault_find(&b->ks.vault, bytes_str(name));
}

/* What the MAF or MEF of this node has serves a handshake, too, and is shown to nobody for that:
 * what RELEASE would give to the core, and nothing else. */
static void test_import_by_name(void **state)
{
	static const char *const kept[] = { "psk/ke", "node", "ca", "root", "audit", "import" };
	struct bed *b = *state;
	struct vault_key *ke, *km, *other, *made;
	uint8_t exported[48];

	b->by[ROLE_CORE]->rates[OP_IMPORT_PSK] = b->by[ROLE_CORE]->rates[OP_RELEASE] = (struct rate){ 0 };
	sequence(exported, 48, 0x50);
	ke = derived(b, DERIVE_EXPORTER, "", BYTES_OF(exported), BYTES_NONE);
	km = derived(b, DERIVE_KM, ke->name, BYTES("maf.example.org"), BYTES_NONE);
	other = derived(b, DERIVE_KM, "psk/ke", BYTES("maf.example.org"), BYTES_NONE);
	made = taken(b, "ke@here", bytes_str(ke->name), ROLE_CORE, ERR_OK);
	assert_bytes(wire_get_bytes(&b->r, 128), BYTES("psk/ke@here"));
	assert_int_equal(wire_done(&b->r), ERR_OK);
	assert_bytes(secret_view(&made->key.blob), bytes_make(exported + 16, 32));
	assert_int_equal(made->suid, 22);
	assert_int_equal(open_psk(b, BYTES("ke@here")), ERR_OK);
	made = taken(b, "km@here", bytes_str(km->name), ROLE_CORE, ERR_OK);
	assert_bytes(secret_view(&made->key.blob), secret_view(&km->key.blob));
	assert_int_equal(release(b, BYTES("psk/ke@here"), ROLE_CORE), ERR_REFUSED);
	taken(b, "ke@here", bytes_str(ke->name), ROLE_CORE, ERR_EXISTS);
	for (enum role r = ROLE_GATE; r <= ROLE_DOOR; r++) {
		if (b->by[r] && r != ROLE_CORE)
			assert_null(taken(b, "no@here", bytes_str(ke->name), r, ERR_REFUSED));
	}
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		assert_null(taken(b, "no@here", bytes_str(kept[i]), ROLE_CORE, ERR_TAMPERED));
	assert_null(taken(b, "no@here", bytes_str(other->name), ROLE_CORE, ERR_TAMPERED));
	assert_null(taken(b, "no@here", BYTES("exported/10/none"), ROLE_CORE, ERR_MISSING));
}

static err_t import_for(struct bed *b, const char *identity, struct bytes key, unsigned suid)
{
	struct buf sealed = buf_make(512);
	err_t err;

	seal_psk(b, bytes_str(identity), key, &sealed);
	begin(b, OP_IMPORT_PSK);
	wire_put_bytes(&b->w, bytes_str(identity));
	wire_put_bytes(&b->w, bytes_of_buf(&sealed));
	wire_put_u64(&b->w, (uint64_t)tomorrow());
	wire_put_u8(&b->w, (uint8_t)suid);
	err = ask(b, ROLE_CORE);
	buf_free(&sealed);
	return err;
}

/* A key for one usage serves that one. */
static void test_import_for_a_usage(void **state)
{
	static const struct { const char *identity; uint8_t suid; err_t opens; } rows[] = {
		{ "any@b", 0, ERR_OK }, { "qWsj+6vcQ4pzCWd+Y++JGw==@bsf", 22, ERR_OK }, { "prim@b", 23, ERR_MISSING },
	};
	struct bed *b = *state;
	uint8_t key[32] = { 5 };

	b->by[ROLE_CORE]->rates[OP_IMPORT_PSK] = (struct rate){ 0 };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char name[64];

		assert_int_equal(import_for(b, rows[i].identity, BYTES_OF(key), rows[i].suid), ERR_OK);
		assert_int_equal(open_psk(b, bytes_str(rows[i].identity)), rows[i].opens);
		(void)text_print(name, sizeof(name), "psk/%s", rows[i].identity);
		assert_int_equal(vault_find(&b->ks.vault, bytes_str(name))->suid, rows[i].suid);
		assert_int_equal(derive(b, DERIVE_KM, bytes_str(name), BYTES("maf"), BYTES_NONE), rows[i].suid ? ERR_REFUSED : ERR_OK);
	}
}

static err_t destroy(struct bed *b, struct bytes name)
{
	begin(b, OP_DESTROY);
	wire_put_bytes(&b->w, name);
	return ask(b, ROLE_CORE);
}

static err_t assign(struct bed *b, const char *identity, const char *assigned, int64_t until, enum role by)
{
	begin(b, OP_ASSIGN_PSK);
	wire_put_bytes(&b->w, bytes_str(identity));
	wire_put_bytes(&b->w, bytes_str(assigned));
	wire_put_u64(&b->w, (uint64_t)until);
	return ask(b, by);
}

/* A key for the MAF under an identity of the MAF's own, too: the same key, for the same, and no longer. */
static void test_assign(void **state)
{
	enum { FOR_MAF = 21, OTHER = 22 };
	static const struct { const char *identity, *assigned; int64_t later; err_t err; } refused[] = {
		{ "ke", "km@maf", 0, ERR_REFUSED },               /* for any usage */
		{ "assoc@mef", "km@maf", 0, ERR_REFUSED },        /* for associations */
		{ "nobody", "km@maf", 0, ERR_MISSING },
		{ "../node", "km@maf", 0, ERR_MISSING },
		{ "kpm@mef", "km@maf", 60000, ERR_RANGE },        /* longer than it is */
		{ "kpm@mef", "km@maf", -2 * 86400000ll, ERR_RANGE }, /* over already */
		{ "kpm@mef", "kpm@mef", 0, ERR_EXISTS },
		{ "kpm@mef", "ke", 0, ERR_EXISTS },
		{ "kpm@mef", "", 0, ERR_SYNTAX },
		{ "kpm@mef", "a b", 0, ERR_SYNTAX },
	};
	struct bed *b = *state;
	uint8_t key[32] = { 6 };
	struct vault_key *from, *made;
	int64_t until;
	size_t n;

	b->by[ROLE_CORE]->rates[OP_IMPORT_PSK] = b->by[ROLE_CORE]->rates[OP_ASSIGN_PSK] = (struct rate){ 0 };
	assert_int_equal(import_for(b, "kpm@mef", BYTES_OF(key), FOR_MAF), ERR_OK);
	assert_int_equal(import_for(b, "assoc@mef", BYTES_OF(key), OTHER), ERR_OK);
	from = vault_find(&b->ks.vault, BYTES("psk/kpm@mef"));
	until = from->not_after;
	n = b->ks.vault.keys_n;
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		err_t err = assign(b, refused[i].identity, refused[i].assigned, until + refused[i].later, ROLE_CORE);

		if (err != refused[i].err)
			fail_msg("%zu: %s", i, err_name(err));
	}
	assert_int_equal(assign(b, "kpm@mef", "km@maf", 0, ROLE_CORE), ERR_RANGE); /* without end */
	for (enum role r = ROLE_GATE; r <= ROLE_DOOR; r++) {
		if (b->by[r] && r != ROLE_CORE)
			assert_int_equal(assign(b, "kpm@mef", "km@maf", until, r), ERR_REFUSED);
	}
	assert_int_equal(b->ks.vault.keys_n, n);
	assert_int_equal(open_psk(b, BYTES("km@maf")), ERR_MISSING);
	assert_int_equal(assign(b, "kpm@mef", "km@maf", until - 1000, ROLE_CORE), ERR_OK);
	assert_int_equal(b->told, MSG_KEEPER_EVENT);
	assert_int_equal(get_be16(b->notice.p), OP_ASSIGN_PSK);
	made = vault_find(&b->ks.vault, BYTES("psk/km@maf"));
	assert_non_null(made);
	assert_bytes(secret_view(&made->key.blob), BYTES_OF(key));
	assert_int_equal(made->suid, FOR_MAF);
	assert_true(made->not_after == until - 1000);
	assert_int_equal(open_psk(b, BYTES("km@maf")), ERR_OK);
	assert_int_equal(derive(b, DERIVE_KM, BYTES("psk/km@maf"), BYTES("maf"), BYTES_NONE), ERR_REFUSED);
	/* twice under one name: not; each ends alone */
	assert_int_equal(assign(b, "kpm@mef", "km@maf", until, ROLE_CORE), ERR_EXISTS);
	assert_int_equal(destroy(b, BYTES("psk/kpm@mef")), ERR_OK);
	assert_int_equal(open_psk(b, BYTES("km@maf")), ERR_OK);
	assert_int_equal(destroy(b, BYTES("psk/km@maf")), ERR_OK);
	assert_int_equal(open_psk(b, BYTES("km@maf")), ERR_MISSING);
}

static void test_destroy(void **state)
{
	static const char *const kept[] = { "root", "ca", "node", "audit", "import" };
	struct bed *b = *state;
	uint8_t key[32] = { 8 };
	struct vault_key *master;
	size_t n = b->ks.vault.keys_n;

	b->by[ROLE_CORE]->rates[OP_IMPORT_PSK] = (struct rate){ 0 };
	for (size_t i = 0; i < COUNT_OF(kept); i++)
		assert_int_equal(destroy(b, bytes_str(kept[i])), ERR_REFUSED);
	assert_int_equal(destroy(b, BYTES("psk/nobody")), ERR_MISSING);
	assert_int_equal(destroy(b, BYTES("psk")), ERR_MISSING);
	/* with a key goes all that was derived from it, and nothing beside */
	assert_int_equal(import_psk(b, BYTES("old"), BYTES_OF(key), tomorrow()), ERR_OK);
	assert_int_equal(import_psk(b, BYTES("older"), BYTES_OF(key), tomorrow()), ERR_OK);
	assert_int_equal(import_psk(b, BYTES("old/er"), BYTES_OF(key), tomorrow()), ERR_OK);
	master = derived(b, DERIVE_E2E_MASTER, "psk/old", BYTES("salt"), BYTES_NONE);
	(void)derived(b, DERIVE_E2E_MSG_AUTH, master->name, BYTES_NONE, BYTES_NONE);
	(void)derived(b, DERIVE_KM, "psk/old", BYTES("maf"), BYTES_NONE);
	(void)derived(b, DERIVE_KM, "psk/older", BYTES("maf"), BYTES_NONE);
	assert_int_equal(b->ks.vault.keys_n, n + 7);
	assert_int_equal(destroy(b, BYTES("psk/old")), ERR_OK);
	assert_int_equal(b->ks.vault.keys_n, n + 4); /* with the withdrawn one, until its delay is over */
	assert_null(vault_find(&b->ks.vault, BYTES("psk/old")));
	assert_non_null(vault_find(&b->ks.vault, BYTES("psk/older")));
	assert_non_null(vault_find(&b->ks.vault, BYTES("psk/old/er")));
	assert_int_equal(destroy(b, BYTES("psk/old")), ERR_MISSING);
}

/* --- the core's own keys ------------------------------------------------------------ */

static void test_data_keys(void **state)
{
	struct bed *b = *state;
	uint8_t key[32], second[32], sealed[SEALED_KEY_MAX];
	struct bytes s;

	b->by[ROLE_CORE]->rates[OP_DATA_KEY_NEW] = (struct rate){ 0 };
	begin(b, OP_DATA_KEY_NEW);
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	bytes_copy(key, wire_get_fixed(&b->r, 32).p, 32);
	s = wire_get_bytes(&b->r, SEALED_KEY_MAX);
	assert_int_equal(wire_done(&b->r), ERR_OK);
	bytes_copy(sealed, s.p, s.n);
	s.p = sealed;
	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n)
			sealed[i] ^= 0x10;
		begin(b, OP_DATA_KEY_OPEN);
		wire_put_bytes(&b->w, s);
		assert_int_equal(ask(b, ROLE_CORE), i < s.n ? ERR_TAMPERED : ERR_OK);
		if (i < s.n)
			sealed[i] ^= 0x10;
	}
	assert_bytes(b->r.rest, BYTES_OF(key));
	begin(b, OP_DATA_KEY_OPEN);
	wire_put_bytes(&b->w, bytes_make(sealed, s.n - 1));
	assert_int_equal(ask(b, ROLE_CORE), ERR_TAMPERED);
	begin(b, OP_DATA_KEY_NEW);
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	bytes_copy(second, wire_get_fixed(&b->r, 32).p, 32);
	assert_memory_not_equal(key, second, 32);
}

static void index_key(struct bed *b, struct bytes attribute, uint8_t out[32])
{
	begin(b, OP_INDEX_KEY);
	wire_put_bytes(&b->w, attribute);
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	assert_int_equal(b->r.rest.n, 32);
	bytes_copy(out, b->r.rest.p, 32);
}

static void test_index_keys(void **state)
{
	uint8_t one[32], again[32], two[32];

	index_key(*state, BYTES("lbl"), one);
	index_key(*state, BYTES("lbl"), again);
	index_key(*state, BYTES("rn"), two);
	assert_memory_equal(one, again, 32);
	assert_memory_not_equal(one, two, 32);
}

static void test_anchor(void **state)
{
	struct bed *b = *state;
	struct vault_key *audit = vault_find(&b->ks.vault, BYTES("audit"));
	uint8_t hash[32] = { 1 }, other[32] = { 2 }, message[22 + 48] = "holdfast audit anchor";
	static const struct { uint64_t sequence; int hash; err_t want; } steps[] = {
		{ 7, 1, ERR_OK }, { 7, 1, ERR_OK }, { 7, 2, ERR_ROLLBACK }, { 6, 1, ERR_ROLLBACK },
		{ 0, 1, ERR_ROLLBACK }, { 8, 2, ERR_OK }, { 7, 1, ERR_ROLLBACK } };

	begin(b, OP_ANCHOR_READ);
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	assert_int_equal(wire_get_u64(&b->r), 0);
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		begin(b, OP_ANCHOR);
		wire_put_u64(&b->w, steps[i].sequence);
		wire_put_fixed(&b->w, steps[i].hash == 1 ? BYTES_OF(hash) : BYTES_OF(other));
		assert_int_equal(ask(b, ROLE_CORE), steps[i].want);
	}
	begin(b, OP_ANCHOR_READ);
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	bytes_copy(message + 22, b->r.rest.p, 48);
	assert_int_equal(wire_get_u64(&b->r), 8);
	assert_bytes(wire_get_fixed(&b->r, 32), BYTES_OF(other));
	assert_true((int64_t)wire_get_u64(&b->r) > 0);
	assert_int_equal(crypt_p256_verify(audit->key.public_key, BYTES_OF(message),
	                                   wire_get_bytes(&b->r, 80)), ERR_OK);
	assert_int_equal(wire_done(&b->r), ERR_OK);
}

/* --- what may be seen ----------------------------------------------------------------- */

static void test_list_and_check_values(void **state)
{
	struct bed *b = *state;
	struct keeper_key_row row = { .more = true };
	uint8_t mac[32];
	uint32_t i = 0;

	b->by[ROLE_DOOR]->rates[OP_KEY_LIST] = (struct rate){ 0 };
	for (; row.more && i < 20; i++) {
		struct vault_key *key;

		begin(b, OP_KEY_LIST);
		wire_put_u32(&b->w, i);
		assert_int_equal(ask(b, ROLE_DOOR), ERR_OK);
		assert_int_equal(keeper_key_row_read(b->r.rest, &row), ERR_OK);
		key = vault_find(&b->ks.vault, row.name);
		assert_non_null(key);
		assert_int_equal(row.policy, bytes_equal(row.name, BYTES("node")) ? TO(GATE) | TO(COURIER)
		                             : bytes_starts(row.name, BYTES("psk/")) && key->origin == ORIGIN_IMPORTED
		                                       ? TO(GATE) | TO(CORE) : TO(CORE));
		assert_int_equal(row.purposes, key->purposes);
		crypt_hmac_sha256(secret_view(&key->key.blob), BYTES("holdfast check value"), mac);
		if (row.public_key.n)
			bytes_zero(mac, 4);
		assert_memory_equal(row.check, mac, 4);
	}
	begin(b, OP_KEY_LIST);
	wire_put_u32(&b->w, (uint32_t)b->ks.vault.keys_n);
	b->by[ROLE_DOOR]->rates[OP_KEY_LIST] = (struct rate){ 0 };
	assert_int_equal(ask(b, ROLE_DOOR), ERR_MISSING);
	begin(b, OP_MAC_CHECK);
	wire_put_bytes(&b->w, BYTES("psk/ke"));
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	crypt_hmac_sha256(secret_view(&vault_find(&b->ks.vault, BYTES("psk/ke"))->key.blob),
	                  BYTES("holdfast check value"), mac);
	assert_bytes(b->r.rest, bytes_make(mac, 4));
	begin(b, OP_MAC_CHECK);
	wire_put_bytes(&b->w, BYTES("node"));
	assert_int_equal(ask(b, ROLE_CORE), ERR_TYPE);
}

static void test_status(void **state)
{
	struct bed *b = *state;

	begin(b, OP_STATUS);
	assert_int_equal(ask(b, ROLE_DOOR), ERR_OK);
	assert_int_equal(wire_get_u8(&b->r), 0);
	assert_int_equal(wire_get_u8(&b->r), 1);
	assert_int_equal(wire_get_u64(&b->r), b->ks.vault.generation);
	assert_int_equal(wire_get_u32(&b->r), b->ks.vault.keys_n);
	assert_int_equal(wire_get_u32(&b->r), handles_count(&b->ks));
	assert_bytes(wire_get_bytes(&b->r, 32), BYTES("software"));
	assert_true(wire_get_u8(&b->r) & 4); /* not bound to a machine */
	assert_int_equal(wire_get_bytes(&b->r, 160).n, 0);
	assert_int_equal(wire_done(&b->r), ERR_OK);
}

/* --- generated keys ---------------------------------------------------------------- */

static err_t generate(struct bed *b, const char *name, unsigned class, unsigned purpose)
{
	return create_key(b, name, class, purpose);
}

static void test_generate(void **state)
{
	static const struct { const char *name; unsigned class, purpose, public_n; } rows[] = {
		{ "user/p", KEY_EC_P256, SIGN_STATEMENT, 65 }, { "user/e", KEY_ED25519, SIGN_STATEMENT, 32 },
		{ "user/s", KEY_SYMMETRIC_16, SIGN_NOTHING, 0 }, { "user/t", KEY_SYMMETRIC_32, SIGN_NOTHING, 0 },
	};
	struct bed *b = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct vault_key *key;

		assert_int_equal(generate(b, rows[i].name, rows[i].class, rows[i].purpose), ERR_OK);
		key = vault_find(&b->ks.vault, bytes_str(rows[i].name));
		assert_non_null(key);
		assert_int_equal(key->key.public_n, rows[i].public_n);
		assert_int_equal(key->purposes, rows[i].purpose ? 1u << SIGN_STATEMENT : 0);
		assert_int_equal(generate(b, rows[i].name, rows[i].class, rows[i].purpose), ERR_EXISTS);
		/* it is listed, and no secret of it is */
		begin(b, OP_KEY_LIST);
		wire_put_u32(&b->w, (uint32_t)b->ks.vault.keys_n - 1);
		assert_int_equal(ask(b, ROLE_DOOR), ERR_OK);
		for (size_t at = 0; at + 8 <= b->out.n; at++)
			assert_memory_not_equal(b->out.p + at, key->key.blob.p, 8);
		/* no material of another's derivations */
		begin(b, OP_DERIVE);
		wire_put_u8(&b->w, DERIVE_KM);
		wire_put_bytes(&b->w, bytes_str(rows[i].name));
		wire_put_bytes(&b->w, BYTES("maf"));
		wire_put_bytes(&b->w, BYTES_NONE);
		assert_int_equal(ask(b, ROLE_CORE), ERR_REFUSED);
		/* nor a pre-shared key */
		assert_int_equal(open_psk(b, bytes_str(rows[i].name)), ERR_MISSING);
	}
	/* a symmetric key is opened by no handle */
	assert_int_equal(open_key(b, b->by[ROLE_CORE], BYTES("user/s")), ERR_REFUSED);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		begin(b, OP_DESTROY);
		wire_put_bytes(&b->w, bytes_str(rows[i].name));
		/* by order only */
		assert_int_equal(ask(b, ROLE_CORE), ERR_REFUSED);
		assert_non_null(vault_find(&b->ks.vault, bytes_str(rows[i].name)));
		vault_remove(&b->ks.vault, vault_find(&b->ks.vault, bytes_str(rows[i].name)));
	}
}

static void test_generate_refusals(void **state)
{
	static const char *const names[] = { "node", "ca", "psk/x", "", "user", "User/x", "/user/x", "exported/1" };
	struct bed *b = *state;
	size_t keys = b->ks.vault.keys_n;

	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_int_equal(generate(b, names[i], KEY_ED25519, SIGN_STATEMENT), ERR_REFUSED);
	assert_int_equal(generate(b, "user/", KEY_ED25519, SIGN_STATEMENT), ERR_SYNTAX);
	assert_int_equal(generate(b, "user/a b", KEY_ED25519, SIGN_STATEMENT), ERR_SYNTAX);
	assert_int_equal(generate(b, "user/a\n", KEY_ED25519, SIGN_STATEMENT), ERR_SYNTAX);
	for (unsigned class = 0; class < 256; class++) {
		if (class == 0 || class > KEY_SYMMETRIC_32)
			assert_int_equal(generate(b, "user/x", class, SIGN_STATEMENT), ERR_UNSUPPORTED);
	}
	for (unsigned purpose = 0; purpose < 16; purpose++) {
		if (purpose != SIGN_STATEMENT) {
			assert_int_equal(generate(b, "user/x", KEY_EC_P256, purpose), ERR_REFUSED);
			assert_int_equal(generate(b, "user/x", KEY_ED25519, purpose), ERR_REFUSED);
		}
		if (purpose != SIGN_NOTHING)
			assert_int_equal(generate(b, "user/x", KEY_SYMMETRIC_32, purpose), ERR_REFUSED);
	}
	assert_int_equal(b->ks.vault.keys_n, keys);
}

static err_t sign(struct bed *b, enum role role, uint32_t handle, unsigned purpose, struct bytes input)
{
	begin(b, OP_SIGN);
	wire_put_u32(&b->w, handle);
	wire_put_u8(&b->w, (uint8_t)purpose);
	wire_put_fixed(&b->w, BYTES_OF(TAG));
	wire_put_bytes(&b->w, input);
	return ask(b, role);
}

static uint32_t opened(struct bed *b, const char *name)
{
	assert_int_equal(open_key(b, b->by[ROLE_CORE], bytes_str(name)), ERR_OK);
	return answer_handle(b);
}

static void sign_and_verify(struct bed *b, uint32_t handle, const struct vault_key *key, struct bytes input)
{
	struct bytes signature;

	b->notices = 0;
	assert_int_equal(sign(b, ROLE_CORE, handle, SIGN_STATEMENT, input), ERR_OK);
	assert_int_equal(b->notices, 0); /* no handshake: nothing to judge by */
	signature = wire_get_bytes(&b->r, 80);
	assert_int_equal(wire_done(&b->r), ERR_OK);
	assert_int_equal(key->key.class == KEY_ED25519
	                         ? crypt_ed25519_verify(key->key.public_key, input, signature)
	                         : crypt_p256_verify(key->key.public_key, input, signature), ERR_OK);
}

/* What every other purpose takes: TLS 1.3, TLS 1.2, and what the keeper signs itself. */
static size_t other_input(unsigned which, uint8_t out[256])
{
	const struct bytes own[] = {
		BYTES("holdfast enrolment\0\1//sp.example.org/Sx"), BYTES("holdfast audit anchor\0........"),
		BYTES("\x30\x82\x01\x00 certificate"), BYTES("holdfast statement"),
		BYTES("holdfast statement\0"), BYTES("holdfast statement\0a\nb"),
		BYTES("holdfast statement\0a\0b"), BYTES("holdfast statement\0\xff"),
		BYTES("holdfast statement\0\x7f"), BYTES("Holdfast statement\0text"), BYTES(" holdfast statement\0text"),
		BYTES(""),
	};
	struct bytes context = which == 0 ? BYTES("TLS 1.3, server CertificateVerify")
	                                  : BYTES("TLS 1.3, client CertificateVerify");

	bytes_zero(out, 256);
	if (which < 2) {
		for (int i = 0; i < 64; i++)
			out[i] = ' ';
		bytes_copy(out + 64, context.p, context.n);
		return 64 + context.n + 1 + 32;
	}
	if (which == 2) { /* the randoms are a statement as far as they go */
		for (int i = 0; i < 64; i++)
			out[i] = 'x';
		bytes_copy(out, "holdfast statement", 19);
		out[64] = 3;
		out[66] = 29;
		out[67] = 32;
		for (int i = 68; i < 100; i++)
			out[i] = 'x';
		return 100;
	}
	if (which - 3 >= COUNT_OF(own))
		return SIZE_MAX;
	bytes_copy(out, own[which - 3].p, own[which - 3].n);
	return own[which - 3].n;
}

static void test_statements(void **state)
{
	struct bed *b = *state;
	uint8_t input[256];
	size_t n;

	assert_int_equal(generate(b, "user/p", KEY_EC_P256, SIGN_STATEMENT), ERR_OK);
	assert_int_equal(generate(b, "user/e", KEY_ED25519, SIGN_STATEMENT), ERR_OK);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "user/e" : "user/p";
		const struct vault_key *key = vault_find(&b->ks.vault, bytes_str(name));
		uint32_t h = opened(b, name);

		sign_and_verify(b, h, key, BYTES("holdfast statement\0all is well"));
		sign_and_verify(b, h, key, BYTES("holdfast statement\0gr\xc3\xbc\xc3\x9f"));
		assert_int_equal(key->uses, 2);
		/* every other purpose, with the very input it takes and with a statement */
		for (unsigned which = 0; (n = other_input(which, input)) != SIZE_MAX; which++) {
			for (unsigned purpose = 0; purpose < 256; purpose++)
				assert_int_equal(sign(b, ROLE_CORE, h, purpose, bytes_make(input, n)), ERR_REFUSED);
		}
		for (unsigned purpose = 0; purpose < 256; purpose++) {
			if (purpose != SIGN_STATEMENT)
				assert_int_equal(sign(b, ROLE_CORE, h, purpose, BYTES("holdfast statement\0x")), ERR_REFUSED);
		}
		assert_int_equal(key->uses, 2);
		/* it is the core's alone, in no handshake, and agrees with nobody */
		assert_int_equal(open_key(b, b->by[ROLE_GATE], bytes_str(name)), ERR_REFUSED);
		assert_int_equal(open_key(b, b->by[ROLE_COURIER], bytes_str(name)), ERR_REFUSED);
		assert_int_equal(sign(b, ROLE_GATE, h, SIGN_STATEMENT, BYTES("holdfast statement\0x")), ERR_MISSING);
	}
	assert_int_equal(software_provider.agree(&vault_find(&b->ks.vault, BYTES("user/e"))->key,
	                                         bytes_make(vault_find(&b->ks.vault, BYTES("user/p"))->key.public_key, 65),
	                                         input), ERR_TYPE);
	/* the node's key signs no statement, whoever asks */
	for (int role = ROLE_GATE; role <= ROLE_COURIER; role++) {
		assert_int_equal(open_key(b, b->by[role], BYTES("node")), ERR_OK);
		assert_int_equal(sign(b, (enum role)role, answer_handle(b), SIGN_STATEMENT,
		                      BYTES("holdfast statement\0x")), ERR_REFUSED);
	}
	/* destroyed: its handles go with it */
	{
		uint32_t h = opened(b, "user/e");

		keeper_forget_key(&b->ks, vault_find(&b->ks.vault, BYTES("user/e")));
		assert_int_equal(sign(b, ROLE_CORE, h, SIGN_STATEMENT, BYTES("holdfast statement\0x")), ERR_MISSING);
	}
}

/* A handle that another caller has opens nothing, and who tried is on record; a number that
 * nobody has is a handle that died, and is not. */
static void test_handles_of_others(void **state)
{
	struct bed *b = *state;
	struct bytes input = BYTES("input");
	uint32_t theirs;
	int before;

	begin(b, OP_OPEN_KEY);
	wire_put_bytes(&b->w, BYTES("node"));
	assert_int_equal(ask(b, ROLE_COURIER), ERR_OK);
	theirs = answer_handle(b);
	before = b->notices;
	assert_int_equal(sign(b, ROLE_GATE, theirs ^ 0x01000000, SIGN_TLS13_SERVER, input), ERR_MISSING);
	assert_int_equal(b->notices, before);
	assert_int_equal(sign(b, ROLE_GATE, theirs, SIGN_TLS13_SERVER, input), ERR_MISSING);
	assert_int_equal(b->notices, before + 1);
	assert_int_equal(b->told, MSG_KEEPER_EVENT);
	assert_int_equal(b->notice.p[2], ROLE_GATE);
	assert_int_equal(b->notice.p[4], ERR_REFUSED);
	assert_true(bytes_starts(bytes_sub(bytes_of_buf(&b->notice), 9, 200), BYTES("a handle of another caller")));
	/* a flood of it fills no log */
	for (int i = 0; i < 100; i++)
		assert_int_equal(sign(b, ROLE_GATE, theirs, SIGN_TLS13_SERVER, input), ERR_MISSING);
	assert_true(b->notices <= before + 21);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_answers_of_ke),
		cmocka_unit_test(test_known_answers_of_e2e),
		cmocka_unit_test(test_known_answer_of_esprim),
		cmocka_unit_test(test_known_answer_of_exporter),
		cmocka_unit_test(test_derive_is_idempotent_and_apart),
		cmocka_unit_test(test_derive_refusals),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_import_for_a_usage),
		cmocka_unit_test(test_assign),
		cmocka_unit_test(test_destroy),
		cmocka_unit_test(test_release),
		cmocka_unit_test(test_import_by_name),
		cmocka_unit_test(test_data_keys),
		cmocka_unit_test(test_handles_of_others),
		cmocka_unit_test(test_index_keys),
		cmocka_unit_test(test_anchor),
		cmocka_unit_test(test_list_and_check_values),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_generate),
		cmocka_unit_test(test_generate_refusals),
		cmocka_unit_test(test_statements),
	};

	return cmocka_run_group_tests(tests, setup, bed_teardown);
}
