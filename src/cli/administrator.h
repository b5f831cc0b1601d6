/* administrator.h: an administrator's own file: a key sealed by a passphrase.
 *
 *    0          8     10    11      12  13  14            46
 *    +----------+-----+-----+-------+---+---+-------------+------+-------+--------+--------+
 *    | HOLDFADM | 1   | kdf |log2 N | r | p | salt (32)   | name | class | public | sealed |
 *    +----------+-----+-----+-------+---+---+-------------+------+-------+--------+--------+
 *
 * name, public and sealed: u32 n, octets. sealed: AES-256-GCM of the scalar or seed
 * (32) under scrypt(passphrase, salt), nonce zero (the salt is of one writing), all
 * that stands before it associated. Custodians of backups have the same file. */
#ifndef CLI_ADMINISTRATOR_H
#define CLI_ADMINISTRATOR_H

#include "base/secret.h"
#include "cli/cli.h"
#include "crypt/crypt.h"
#include "wire/order.h"

struct administrator_file {
	char name[ADMINISTRATOR_NAME + 1];
	enum key_class class;
	uint8_t public_key[65];
	size_t public_n;
	struct crypt_key key; /* when it was opened with its passphrase */
};

/* Make a fresh key and its file, mode 0600. Says why not. */
err_t administrator_make(const struct cli *c, const char *path, const char *name,
                         enum key_class class, struct bytes passphrase,
                         struct administrator_file *out) MUST_USE;

/* What can be read without the passphrase. Says why not. */
err_t administrator_look(const struct cli *c, const char *path,
                         struct administrator_file *out) MUST_USE;

/* The `index`th of the line's --administrator, or the node's own first one, opened
 * with its passphrase. Says why not. */
err_t administrator_open(const struct cli *c, size_t index, struct administrator_file *out) MUST_USE;

/* How many the line names; the node's own when it names none. */
size_t administrator_count(const struct cli *c);

void administrator_close(struct administrator_file *a);

/* Appended. */
err_t administrator_sign(const struct administrator_file *a, struct bytes text,
                         struct buf *out) MUST_USE;

/* A row of ADMINISTRATOR_LIST. */
err_t administrator_row_get(struct bytes row, struct administrator_row *out) MUST_USE;

/* A passphrase: the `index`th line of the file of --administrator-passphrase, else
 * the file PATH.pass, else asked for at the terminal. */
err_t administrator_passphrase(const struct cli *c, const char *path, size_t index,
                               struct secret *out) MUST_USE;

#endif
