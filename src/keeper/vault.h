/* vault.h: the keys of this node, in memory and in the files keystore, counter.
 *
 * Files and octets: doc/protocol/keystore.md. Every change of the set of keys
 * writes the whole key store anew (tmp, fsync, rename, fsync of the directory)
 * under a key of that writing, with a higher generation, then the counter.
 * Counts of uses are written with the next change and at the end. */
#ifndef KEEPER_VAULT_H
#define KEEPER_VAULT_H

#include "base/hash.h"
#include "administration/administration.h"
#include "provider/counter.h"
#include "provider/machine.h"
#include "keyrecord/before.h"
#include "provider/witness.h"

enum {
	VAULT_KEYS_MAX = 65536,
	VAULT_SP_MAX = 128,   /* //sp.example.org */
	VAULT_CSE_MAX = 64,   /* /in-cse */
	VAULT_PASSPHRASE_MIN = 8,
	VAULT_PASSPHRASE_MAX = 1024,
	VAULT_SALT = 32,
	VAULT_CHECK = 16,
	VAULT_SHARES_MAX = 4096,
};

struct vault {
	int directory; /* -1: in memory only, for tests */
	int counter;   /* locked while open, but for one that had to be made anew; -1 none */
	bool by_root;  /* this process is root's: what it makes is given to the owner of the folder */
	bool open;
	const char *why; /* why it is not open: for the log */
	bool elsewhere;  /* because this is not the machine that it is bound to */
	unsigned machine_parts;
	uint8_t salt[VAULT_SALT];
	uint8_t machine_check[VAULT_CHECK], passphrase_check[VAULT_CHECK];
	char sp[VAULT_SP_MAX + 1], cse[VAULT_CSE_MAX + 1];
	struct secret master;
	struct secret machine_salt; /* what the machine contributed to it */
	struct buf shares;          /* of that, for the administrators: repair.c */
	uint8_t shares_of[32];      /* for whom and what they were made */
	struct administration admin;
	uint64_t generation;
	struct counter count;
	struct witness witness; /* its descriptor is the process's */
	bool counter_late; /* the counter does not yet say what the key store is */
	bool dirty, owed; /* not yet written: whatever it is; that a key is gone, or out of use */
	struct vault_key **keys; /* owned, in no order */
	size_t keys_n, keys_cap;
	uint32_t *slots; /* index + 1 by hash of name; a power of two, 0 free */
	size_t slots_n;
	struct hash_key hash;
};

/* An empty, closed vault that will use the directory (borrowed). */
void vault_init(struct vault *v, int directory);

/* Wipe and close; harmless on an initialised one. What is owed to the files is written. */
void vault_close(struct vault *v);
/* The same, and nothing is written; why it is closed stays. */
void vault_drop(struct vault *v);

struct vault_setup {
	struct bytes passphrase;
	const struct machine *machine; /* parts 0: not bound */
	struct bytes machine_salt;     /* of a machine that is gone: in place of it */
	struct bytes sp, cse;          /* for vault_create */
};

/* A new, empty key store of generation 0 in memory; the first vault_save writes
 * it. ERR_EXISTS when the directory has one, ERR_RANGE: passphrase too short,
 * ERR_SYNTAX: no such SP-ID or CSE-ID. */
err_t vault_create(struct vault *v, const struct vault_setup *setup) MUST_USE;

/* Read and open. v->why says more:
 *   ERR_MISSING   no key store          ERR_BAD_STATE    bound to another machine,
 *   ERR_REFUSED   wrong passphrase                   or in use
 *   ERR_TAMPERED  altered or cut        ERR_ROLLBACK older than the counter, or
 *                                                    the counter is gone
 * The vault is then closed. */
err_t vault_open(struct vault *v, const struct vault_setup *setup) MUST_USE;

/* Write everything. On error (ERR_FULL, ERR_IO) the files are as before, or
 * already new; those of a first writing are gone. */
err_t vault_save(struct vault *v) MUST_USE;

/* v->shares as the file has them, of a closed vault; not yet authenticated. */
err_t vault_shares(struct vault *v) MUST_USE;

/* Bind to this machine instead of the one before, and write. On error as before. */
err_t vault_rebind(struct vault *v, const struct vault_setup *setup) MUST_USE;

/* Were the files removed beneath an open vault? Then they are written anew, and
 * *mended is true. ERR_FULL, ERR_IO: they could not be. */
err_t vault_mend(struct vault *v, bool *mended) MUST_USE;

/* Tell the witness how far the key store is. *copied: another keeper uses a copy of it.
 * ERR_FULL, ERR_IO: it cannot be told. */
err_t vault_witness(struct vault *v, bool *copied) MUST_USE;

/* Keep an anchor of the audit chain, in the counter only. ERR_ROLLBACK when
 * sequence is lower than the last, or equal with another hash. */
err_t vault_anchor(struct vault *v, uint64_t sequence, struct bytes hash) MUST_USE;

/* A key that is not yet in any vault: of now, version 1, opened by no handle. */
struct vault_key vault_key_new(const struct key_provider *p, enum key_class class,
                               enum key_origin origin, int64_t not_after);

/* The key of a name, NULL when there is none. */
struct vault_key *vault_find(const struct vault *v, struct bytes name);

/* Take over `key` (its blob too, also on error) under `name`; loads it. Not yet
 * written. ERR_EXISTS, ERR_FULL, ERR_SYNTAX (name). */
err_t vault_add(struct vault *v, struct bytes name, struct vault_key *key,
                struct vault_key **out) MUST_USE;

/* Wipe and forget. Not yet written. */
void vault_remove(struct vault *v, struct vault_key *key);

/* Those of then again (keyrecord/before.h). */
void vault_restore(struct vault *v, struct keys_before *b);

/* Has the key ended, was it withdrawn, or is it used up? */
bool vault_key_ended(const struct vault_key *key, int64_t now);

/* Give the key another name, which is free. Not yet written. */
err_t vault_rename(struct vault *v, struct vault_key *key, struct bytes name) MUST_USE;

/* A key that is not in the vault takes the place of `old`, by the same policy and
 * one version later; `old` stays as NAME#VERSION. Takes over `key`, also on error. */
err_t vault_renew(struct vault *v, struct vault_key *old, struct vault_key *key,
                  struct vault_key **out) MUST_USE;

/* Its number, as orders and requests name it: of the salt. */
void keeper_identity(const struct vault *v, uint8_t out[KEEPER_IDENTITY]);

/* A key for one use of the master key: HMAC(master, label 0 more). */
void vault_subkey(const struct vault *v, struct bytes label, struct bytes more, uint8_t out[32]);

/* pairing.c: the pairing secret of a token lies in the vault under "token/N";
 * without one a fresh one is made (and *made is true: save), and the token is told
 * to take it as its first. Its answer is the token's state. ERR_LOCKED, ERR_ABSENT. */
err_t token_open(struct vault *v, unsigned number, bool *made) MUST_USE;

/* Paired now, and present: its keys are to be made under an approver, so the state of today
 * is approved first; not yet told (approvals_tell). */
err_t token_first(struct vault *v, unsigned number) MUST_USE;

/* The record "what/N" of a token, NULL when there is none. */
struct vault_key *token_record(const struct vault *v, const char *what, unsigned number);

/* What is approved of each token's measured states, to those that are there. */
void approvals_tell(struct vault *v);

/* evidence.c: what was accepted of this token is what it has to answer for. */
void evidence_pin(const struct vault *v, unsigned number);

/* repair.c: the shares are those of today's administrators and of this machine; fresh
 * ones when they are not. Empty: not bound, or too few administrators can open one. */
err_t shares_renew(struct vault *v) MUST_USE;

/* --- private to the room: the files -------------------------------------- */

/* The whole key store, or what is in it, from v. */
err_t keystore_print(struct vault *v, uint64_t generation, struct buf *out) MUST_USE;
/* setup NULL: v->master opens it. */
err_t keystore_parse(struct vault *v, struct bytes file, const struct vault_setup *setup) MUST_USE;

/* The shares of the file, without opening it. Errors of keystore_parse. */
err_t keystore_shares(struct vault *v, struct bytes file) MUST_USE;

/* Passphrase and machine to master key and checks, with v->salt. */
err_t keystore_unlock(struct vault *v, const struct vault_setup *setup) MUST_USE;

#endif
