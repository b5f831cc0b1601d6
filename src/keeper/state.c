/* state.c: the keeper's beginning and end, and its callers'. */
#include "base/log.h"
#include "crypt/crypt.h"
#include "keeper/backup.h"
#include "provider/proof.h"
#include "wire/token_wait.h"

#include <openssl/crypto.h>

/* Numbers of EC keys and keys in MAC contexts; does not grow. */
enum { SECURE_HEAP = 1024 * 1024, SECURE_SMALLEST = 32 };

/* The secure heap could not be locked: counted as memory that is not. */
static bool heap_not_locked;

static err_t secure_heap(void)
{
	int made = 1;

	/* The leak checker does not look into it for pointers. */
#ifndef HOLDFAST_SANITIZE
	if (!CRYPTO_secure_malloc_initialized())
		made = CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_SMALLEST);
#endif
	heap_not_locked |= made != 1;
	return made ? ERR_OK : ERR_MEMORY;
}

err_t keeper_start(void)
{
	struct secret first;
	err_t err;

	TRY(secure_heap());
	crypt_start();
	/* The first page is mapped now, so that its protection is known. */
	TRY(secret_new(32, &first));
	secret_free(&first);
out:
	return err;
}

void keeper_init(struct keeper_state *ks, int directory)
{
	*ks = (struct keeper_state){ 0 };
	vault_init(&ks->vault, directory);
	token_link_hooks((struct token_hooks){ proof_answered, proof_lost });
}

void keeper_end(struct keeper_state *ks)
{
	while (ks->callers_n)
		keeper_caller_end(ks, ks->callers[0]);
	for (size_t i = 0; i < COUNT_OF(ks->programs); i++)
		mem_free(ks->programs[i]); /* hold no handles */
	orders_forget(ks);
	backup_forget(ks);
	seen_free(&ks->seen);
	if (ks->rebinding)
		vault_drop(&ks->vault);
	vault_close(&ks->vault);
}

err_t keeper_caller_new(struct keeper_state *ks, enum role role, unsigned number,
                        struct keeper_caller **out)
{
	struct keeper_caller *who;

	if (ks->callers_n == KEEPER_CALLERS_MAX)
		return ERR_FULL;
	who = mem_new(1, sizeof(*who));
	if (!who)
		return ERR_MEMORY;
	who->role = role;
	who->number = number;
	ks->callers[ks->callers_n++] = who;
	*out = who;
	return ERR_OK;
}

void keeper_caller_end(struct keeper_state *ks, struct keeper_caller *who)
{
	if (who->role == ROLE_CORE)
		orders_forget(ks);
	for (size_t i = 0; i < ks->callers_n; i++) {
		if (ks->callers[i] == who) {
			ks->callers[i] = ks->callers[--ks->callers_n];
			handles_close_all(who);
			wait_drop_caller(who);
			mem_free(who);
			return;
		}
	}
	must(!"a caller of this keeper");
}

unsigned keeper_warnings(const struct keeper_state *ks)
{
	unsigned missing = 0;

	if (!secret_locked() || heap_not_locked)
		missing |= 1;
	if (!secret_hidden())
		missing |= 2;
	if (ks->vault.open && !ks->vault.machine_parts)
		missing |= 4;
	if (ks->vault.open && ks->vault.machine_parts && !ks->vault.shares.n)
		missing |= 8;
	if (ks->vault.witness.copied || ks->was_copied)
		missing |= 16;
	for (size_t i = 0; i < ks->vault.keys_n; i++)
		missing |= ks->vault.keys[i]->state == KEY_LOST ? 64 : 0;
	if (ks->vault.witness.fd < 0 || ks->witness != ERR_OK)
		missing |= 32;
	return missing;
}
