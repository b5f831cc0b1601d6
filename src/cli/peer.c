/* peer.c: a node of another authority is trusted by its certificate alone: node/
 * peers.pem holds what was enrolled, and each certificate there is an anchor for
 * itself. Whose it is says the credential; revoking that ends it. */
#include "cli/peer.h"

#include "base/file.h"
#include "cli/certificate.h"
#include "crypt/crypt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, PEM_MAX = 65536, DER_MAX = 8192, PEERS_MAX = 4 * 1024 * 1024 - PEM_MAX };

void peer_free(struct peer *p)
{
	buf_free(&p->pem);
	buf_free(&p->der);
}

static int check(struct cli *c, const char *path, const struct certificate *x)
{
	struct bytes names = bytes_str(x->names);

	if (x->ca)
		return cli_fail(c, ERR_SYNTAX, "%s is an authority's certificate, not a node's", path);
	if (x->point[0] != 4)
		return cli_fail(c, ERR_SYNTAX, "%s is not for a P-256 key in uncompressed form", path);
	if (!bytes_starts(names, BYTES("DNS:")) || bytes_find(names, ' ') < names.n)
		return cli_fail(c, ERR_SYNTAX, "%s has no domain name of its own, as a node's has", path);
	return CLI_OK;
}

int peer_read(struct cli *c, const char *path, struct peer *out)
{
	struct buf file = buf_make(PEM_MAX);
	struct certificate x;
	int code = CLI_OK;
	err_t err;

	*out = (struct peer){ .pem = buf_make(PEM_MAX), .der = buf_make(DER_MAX) };
	TRY(file_read(path, PEM_MAX, &file));
	TRY(certificate_read(bytes_of_buf(&file), &x));
	code = check(c, path, &x);
	if (code != CLI_OK)
		goto out;
	TRY(crypt_certificate_der(bytes_of_buf(&file), &out->der));
	TRY(crypt_certificate_pem(bytes_of_buf(&out->der), &out->pem));
	bytes_copy(out->fingerprint, x.fingerprint, sizeof(out->fingerprint));
	bytes_copy(out->point, x.point, sizeof(out->point));
	out->until = x.until;
	err = bytes_put_str(out->name, sizeof(out->name), bytes_sub(bytes_str(x.names), 4, SIZE_MAX));
out:
	buf_free(&file);
	if (code != CLI_OK)
		return code;
	return err == ERR_OK ? CLI_OK : cli_fail(c, err, "%s is no certificate: %s", path, file_text(err));
}

/* A whole file in the place of the old one: who reads it sees the one or the other. */
int peer_trust(struct cli *c, const struct peer *p)
{
	char path[PATH_SIZE], fresh[PATH_SIZE];
	struct buf all = buf_make(PEERS_MAX);
	err_t err;

	TRY(file_path(path, sizeof(path), c->dir, "node/peers.pem"));
	TRY(file_path(fresh, sizeof(fresh), c->dir, "node/peers.pem.new"));
	if (access(path, F_OK) == 0)
		TRY(file_read(path, PEERS_MAX, &all));
	TRY(buf_add(&all, bytes_of_buf(&p->pem)));
	(void)unlink(fresh);
	TRY(file_write_new(fresh, bytes_of_buf(&all), 0644));
	err = rename(fresh, path) == 0 ? ERR_OK : ERR_IO;
out:
	buf_free(&all);
	return err == ERR_OK ? CLI_OK
	                     : cli_fail(c, err, "node/peers.pem cannot be written: %s", err_text(err));
}
