/* fuzz keeper: CALL bodies from any role to the dispatcher.
 *
 * Input: any number of { u8 role, u8 length / 2, body }; the last role is the door
 * with what a program asks. Checked beside memory:
 * a refusal says nothing but its status, a result fits its message, and no
 * result holds a long-term key. */
#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "keeper/keeper.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OF_DOOR = 3 };
static const enum role roles[] = { ROLE_CORE, ROLE_GATE, ROLE_COURIER, [OF_DOOR] = ROLE_DOOR };

static struct keeper_state ks;
static struct buf result;
static const uint8_t psk[32] = "pre-shared key of the fuzz test";

static err_t notify(void *self, enum message_type type, struct bytes body)
{
	must(message_row(type) && body.n <= message_row(type)->max);
	return ERR_OK;
}

static void add_psk(const char *name, size_t n)
{
	struct vault_key key = { .origin = ORIGIN_IMPORTED, .version = 1, .created = 1,
		                 .provider = &software_provider };
	struct vault_key *out;

	if (vault_find(&ks.vault, bytes_str(name)))
		return;
	key.key.class = n == 16 ? KEY_SYMMETRIC_16 : KEY_SYMMETRIC_32;
	must(software_provider.import(&key.key, bytes_make(psk, n)) == ERR_OK);
	must(vault_add(&ks.vault, bytes_str(name), &key, &out) == ERR_OK);
}

/* app/1/a, for digests of user 1. */
static void add_program_key(void)
{
	struct vault_key *out, key = vault_key_new(&software_provider, KEY_EC_P256, ORIGIN_GENERATED, 0);

	if (vault_find(&ks.vault, BYTES("app/1/a")))
		return;
	key.owner = 1;
	key.purposes = 1u << SIGN_PROGRAM_DIGEST;
	must(software_provider.make(&key.key) == ERR_OK);
	must(vault_add(&ks.vault, BYTES("app/1/a"), &key, &out) == ERR_OK);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct keeper_node node = { .sp = BYTES("//a.b"), .cse = BYTES("/c"), .days = 1,
		                    .passphrase = BYTES("12345678") };
	struct buf pem = buf_make(16384);

	log_level_set(LOG_ERROR);
	must(keeper_start() == ERR_OK);
	keeper_init(&ks, -1);
	ks.notify = notify;
	must(keeper_make_node(&ks.vault, &node, &pem) == ERR_OK);
	buf_free(&pem);
	result = buf_make(KEEPER_RESULT_MAX);
	return 0;
}

/* The same keys at the start of every input. */
static void reset(void)
{
	for (size_t i = ks.vault.keys_n; i > 0; i--) {
		if (ks.vault.keys[i - 1]->origin != ORIGIN_MADE)
			vault_remove(&ks.vault, ks.vault.keys[i - 1]);
	}
	add_psk("psk/a", 16);
	add_psk("psk/b", 32);
	add_psk("psk/c/d", 32);
	add_program_key();
	ks.vault.count = (struct counter){ 0 };
	while (ks.callers_n)
		keeper_caller_end(&ks, ks.callers[0]);
}

static bool holds(struct bytes whole, struct bytes part)
{
	for (size_t i = 0; i + part.n <= whole.n; i++) {
		if (bytes_equal(bytes_sub(whole, i, part.n), part))
			return true;
	}
	return false;
}

static void check(struct bytes input)
{
	struct bytes whole = bytes_of_buf(&result);

	must(whole.n >= 1 && whole.n <= KEEPER_RESULT_MAX && whole.p[0] < ERR_COUNT);
	must(whole.p[0] == ERR_OK || whole.n == 1);
	for (size_t k = 0; k < ks.vault.keys_n; k++) {
		struct bytes start = bytes_sub(secret_view(&ks.vault.keys[k]->key.blob), 0, 8);

		/* What the input itself brought may come back: libFuzzer reads the
		 * operands of comparisons, and so comes by keys. */
		must(!holds(whole, start) || holds(input, start));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keeper_caller *callers[COUNT_OF(roles)];
	struct bytes rest = { data, size };

	reset();
	for (size_t i = 0; i < COUNT_OF(roles); i++)
		must(keeper_caller_new(&ks, roles[i], 0, &callers[i]) == ERR_OK);
	while (rest.n >= 2) {
		size_t who = rest.p[0] % (COUNT_OF(roles) + 1), n = 2u * rest.p[1];

		if (who == COUNT_OF(roles)) {
			err_t err = keeper_ask_program(&ks, callers[OF_DOOR], 0, bytes_sub(rest, 2, n), &result);

			must(err == ERR_OK || (err == ERR_SYNTAX && rest.n < 2 + 8) ||
			     (err == ERR_SYNTAX && n < 8));
			if (err != ERR_OK)
				return 0;
		} else {
			must(keeper_ask(&ks, callers[who], 0, bytes_sub(rest, 2, n), &result) == ERR_OK);
		}
		check(bytes_make(data, size));
		rest = bytes_sub(rest, 2 + n, rest.n);
	}
	return 0;
}
