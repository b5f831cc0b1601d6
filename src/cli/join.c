/* join.c: claim tickets, for the operator; joining by one, on the device. */
#include "cli/asking.h"
#include "cli/certificate.h"

#include "base/file.h"
#include "client/join.h"
#include "chain/chain.h"

#include <openssl/evp.h>

#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, PEM_MAX = 65536, COUNT_MAX = 100000, HOURS_MAX = 366 * 24, DAYS_MAX = 3650,
       PROTECTION_MAX = 3, HOUR_MINUTES = 60, MAKER_COUNT = 1000, MAKER_HOURS = 365 * 24 };

extern char **environ;

/* --- the operator ------------------------------------------------------------------------ */

/* What a claim says of the node: where it is, and what its anchor is. */
static int claim_of_node(struct cli *c, struct claim *out)
{
	struct buf pem = buf_make(PEM_MAX), der = buf_make(PEM_MAX);
	const char *server = c->option[CLI_SERVER];
	struct bytes host;
	char path[PATH_SIZE];
	struct conf conf;
	err_t err;

	*out = (struct claim){ .has_ticket = false };
	if (conf_read(c, &conf) != ERR_OK)
		return CLI_FAILED;
	host = bytes_str(server ? server : conf.listen);
	if (!server && (bytes_starts(host, BYTES("0.0.0.0:")) || bytes_starts(host, BYTES("[::]:"))))
		return cli_usage(c, "the node listens on every address: say --server host:port");
	TRY(bytes_put_str(out->address, sizeof(out->address), host));
	TRY(bytes_put_str(out->domain, sizeof(out->domain), bytes_sub(bytes_str(conf.sp), 2, SIZE_MAX)));
	TRY(bytes_put_str(out->cse, sizeof(out->cse), bytes_sub(bytes_str(conf.cse), 1, SIZE_MAX)));
	TRY(file_path(path, sizeof(path), c->dir, "node/ca.pem"));
	TRY(file_read(path, PEM_MAX, &pem));
	TRY(crypt_certificate_der(bytes_of_buf(&pem), &der));
	crypt_sha256(bytes_of_buf(&der), out->anchor);
out:
	buf_free(&pem);
	buf_free(&der);
	return err == ERR_OK ? CLI_OK : cli_fail(c, err, "node/ca.pem cannot be read: %s", err_text(err));
}

/* As a picture where somebody looks on and qrencode is there; the text says the same. */
static void print_picture(struct bytes claim)
{
	static char program[] = "qrencode", type[] = "-t", ansi[] = "ANSIUTF8";
	char *argv[] = { program, type, ansi, NULL };
	posix_spawn_file_actions_t actions;
	int fd[2], status;
	pid_t child;

	if (!isatty(STDOUT_FILENO) || pipe(fd) != 0)
		return;
	(void)fflush(stdout);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, fd[0], STDIN_FILENO);
	(void)posix_spawn_file_actions_addclose(&actions, fd[1]);
	if (posix_spawnp(&child, program, &actions, NULL, argv, environ) == 0) {
		close(fd[0]);
		(void)!write(fd[1], claim.p, claim.n);
		close(fd[1]);
		(void)waitpid(child, &status, 0);
	} else {
		close(fd[0]);
		close(fd[1]);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
}

struct bounds {
	uint64_t count, hours, protection, days;
	enum { CLAIM, MAKER, SUBSCRIBER } kind;
	const char *ids; /* NULL: --ids as it stands */
};

static int read_bounds(struct cli *c, struct bounds *b)
{
	uint64_t count = b->kind ? MAKER_COUNT : 1, hours = b->kind ? MAKER_HOURS : 24;

	if (!b->ids && !c->option[CLI_IDS])
		return cli_usage(c, "--ids is needed: which identifiers may join, as 'Csensor*' or Cdev7");
	if (cli_number(c, CLI_COUNT, COUNT_MAX, count, &b->count) != ERR_OK ||
	    cli_number(c, CLI_HOURS, HOURS_MAX, hours, &b->hours) != ERR_OK ||
	    cli_number(c, CLI_PROTECTION, PROTECTION_MAX, 1, &b->protection) != ERR_OK ||
	    cli_number(c, CLI_DAYS, DAYS_MAX, 0, &b->days) != ERR_OK)
		return CLI_USAGE;
	return b->count && b->hours ? CLI_OK : cli_usage(c, "--count and --hours are at least 1");
}

static void put_ticket(struct wire_out *w, struct cli *c, const char *id, const uint8_t digest[32],
                       const struct bounds *b)
{
	wire_put_bytes(w, bytes_str(id));
	wire_put_fixed(w, bytes_make(digest, 32));
	wire_put_bytes(w, bytes_str(b->ids ? b->ids : c->option[CLI_IDS]));
	wire_put_bytes(w, bytes_str(c->option[CLI_APP_ID]));
	wire_put_u8(w, (uint8_t)b->protection);
	wire_put_u32(w, (uint32_t)b->days);
	wire_put_u32(w, (uint32_t)b->count);
	wire_put_u32(w, (uint32_t)(b->hours * HOUR_MINUTES));
	wire_put_u8(w, (uint8_t)b->kind);
}

static int print_claim(struct cli *c, const struct claim *claim)
{
	struct buf text = buf_make(CLAIM_MAX);
	err_t err = claim_write(claim, &text);

	if (err == ERR_OK && c->json)
		printf("{\"ticket\":\"%s\",\"claim\":\"%.*s\"}\n", claim->ticket, BYTES_FMT(bytes_of_buf(&text)));
	else if (err == ERR_OK) {
		printf("%.*s\n", BYTES_FMT(bytes_of_buf(&text)));
		print_picture(bytes_of_buf(&text));
		fprintf(stderr, claim->has_ticket ? "give it to the device by a way that you trust; it is not shown again:\n"
		                                    "  holdfast join CLAIM --id ID --out FOLDER\n"
		                                  : "give it to the maker's devices by a way that they trust; it holds no secret:\n"
		                                    "  holdfast join CLAIM --id ID --device FOLDER --out FOLDER\n");
	}
	if (text.p)
		secret_wipe(text.p, text.cap);
	buf_free(&text);
	return err == ERR_OK ? CLI_OK : cli_fail(c, err, "no claim can be written: %s", err_text(err));
}

int run_ticket_create(struct cli *c)
{
	struct buf fields = buf_make(4096), rows = buf_make(4096);
	struct wire_out w = wire_out(&fields);
	uint8_t id[CLAIM_TICKET / 2], digest[32];
	struct bounds b = { .kind = CLAIM };
	struct claim claim;
	int code = read_bounds(c, &b);

	if (code == CLI_OK)
		code = claim_of_node(c, &claim);
	if (code != CLI_OK)
		return code;
	crypt_random(id, sizeof(id));
	crypt_random(claim.secret, sizeof(claim.secret));
	bytes_to_hex(BYTES_OF(id), claim.ticket, sizeof(claim.ticket));
	claim.has_ticket = true;
	crypt_sha256(BYTES_OF(claim.secret), digest);
	put_ticket(&w, c, claim.ticket, digest, &b);
	code = ask_node(c, ADMIN_TICKET_CREATE, &w, &rows);
	if (code == CLI_OK)
		code = print_claim(c, &claim);
	secret_wipe(claim.secret, sizeof(claim.secret));
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

int run_ticket_list(struct cli *c)
{
	static const char *const states[] = { "live", "killed", "killed: used once too often",
		                              "killed: wrong secrets", NULL };
	static const struct column columns[] = {
		{ "id", "TICKET", COLUMN_PLAIN, NULL }, { "ids", "IDENTIFIERS", COLUMN_PLAIN, NULL },
		{ "maker", "MAKER", COLUMN_YES, NULL }, { "subscriber", "NETWORK", COLUMN_YES, NULL }, { "used", "USED", COLUMN_PLAIN, NULL }, { "uses", "OF", COLUMN_PLAIN, NULL },
		{ "wrong", "WRONG", COLUMN_PLAIN, NULL }, { "until", "UNTIL", COLUMN_TIME, NULL },
		{ "state", "STATE", COLUMN_NAMED, states },
	};

	return ask_rows(c, ADMIN_TICKET_LIST, NULL, columns, COUNT_OF(columns), "no tickets");
}

int run_ticket_kill(struct cli *c)
{
	struct buf fields = buf_make(64), rows = buf_make(4096);
	struct wire_out w = wire_out(&fields);
	int code;

	wire_put_bytes(&w, bytes_str(c->argument[0]));
	code = ask_node(c, ADMIN_TICKET_KILL, &w, &rows);
	if (code == CLI_OK)
		printf(c->json ? "{\"killed\":\"%s\"}\n" : "nobody joins by ticket %s any more\n", c->argument[0]);
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

/* --- makers -------------------------------------------------------------------------------- */

/* The gates take whose chain ends in it; whom it may vouch for the core knows. */
static int trust_maker(struct cli *c, struct bytes pem)
{
	char path[PATH_SIZE], fresh[PATH_SIZE];
	struct buf all = buf_make(PEM_MAX);
	err_t err;

	TRY(file_path(path, sizeof(path), c->dir, "node/makers.pem"));
	TRY(file_path(fresh, sizeof(fresh), c->dir, "node/makers.pem.new"));
	if (access(path, F_OK) == 0)
		TRY(file_read(path, PEM_MAX, &all));
	TRY(buf_add(&all, pem));
	(void)unlink(fresh);
	TRY(file_write_new(fresh, bytes_of_buf(&all), 0644));
	err = rename(fresh, path) == 0 ? ERR_OK : ERR_IO;
out:
	buf_free(&all);
	return err == ERR_OK ? CLI_OK : cli_fail(c, err, "node/makers.pem cannot be written: %s", err_text(err));
}

static int read_maker(struct cli *c, struct buf *pem, uint8_t digest[32])
{
	struct buf file = buf_make(PEM_MAX), der = buf_make(PEM_MAX);
	struct chain_certificate x;
	err_t err;

	TRY(file_read(c->argument[0], PEM_MAX, &file));
	TRY(crypt_certificate_der(bytes_of_buf(&file), &der));
	/* As the core will read it, when it verifies a device's. */
	if (chain_read(bytes_of_buf(&der), &x) != ERR_OK || !chain_may_vouch(&x)) {
		buf_free(&file);
		buf_free(&der);
		return cli_fail(c, ERR_TYPE, "%s is no certificate of an authority with a P-256 key, signed with SHA-256", c->argument[0]);
	}
	TRY(crypt_certificate_pem(bytes_of_buf(&der), pem));
	crypt_sha256(bytes_of_buf(&der), digest);
out:
	buf_free(&file);
	buf_free(&der);
	return err == ERR_OK ? CLI_OK : cli_fail(c, err, "%s is no certificate: %s", c->argument[0], file_text(err));
}

int run_maker_add(struct cli *c)
{
	struct buf fields = buf_make(4096), rows = buf_make(4096), pem = buf_make(PEM_MAX);
	struct wire_out w = wire_out(&fields);
	struct bounds b = { .kind = MAKER };
	char id[CLAIM_TICKET + 1];
	uint8_t digest[32];
	struct claim claim;
	int code = read_bounds(c, &b);

	if (code == CLI_OK)
		code = claim_of_node(c, &claim);
	if (code == CLI_OK)
		code = read_maker(c, &pem, digest);
	if (code != CLI_OK)
		goto out;
	bytes_to_hex(bytes_make(digest, CLAIM_TICKET / 2), id, sizeof(id));
	put_ticket(&w, c, id, digest, &b);
	code = ask_node(c, ADMIN_TICKET_CREATE, &w, &rows);
	if (code == CLI_OK)
		code = trust_maker(c, bytes_of_buf(&pem));
	if (code == CLI_OK)
		code = print_claim(c, &claim);
	if (code == CLI_OK && !c->json)
		fprintf(stderr, "restart the node: its gates read node/makers.pem at their start\n"
		        "take it back: holdfast ticket kill %s\n", id);
out:
	buf_free(&fields);
	buf_free(&rows);
	buf_free(&pem);
	return code;
}

/* --- subscribers of the underlying network ------------------------------------------------- */

/* The node keeps the digest of who it is, and what the operator lets it be here. */
int run_network_allow(struct cli *c)
{
	struct buf fields = buf_make(4096), rows = buf_make(4096);
	struct wire_out w = wire_out(&fields);
	const char *behind = c->option[CLI_IDS];
	char ids[256], id[CLAIM_TICKET + 1];
	struct bounds b = { .kind = SUBSCRIBER, .ids = ids };
	uint8_t digest[32];
	int code;

	if (!c->option[CLI_ID] ||
	    !text_print(ids, sizeof(ids), "%s%s%s", c->option[CLI_ID], behind ? " " : "", behind ? behind : ""))
		return cli_usage(c, "--id is needed: the AE-ID that the subscriber has here, as Cgw1");
	code = read_bounds(c, &b);
	if (code != CLI_OK)
		goto out;
	crypt_sha256(bytes_str(c->argument[0]), digest);
	bytes_to_hex(bytes_make(digest, CLAIM_TICKET / 2), id, sizeof(id));
	put_ticket(&w, c, id, digest, &b);
	code = ask_node(c, ADMIN_TICKET_CREATE, &w, &rows);
	if (code == CLI_OK)
		printf(c->json ? "{\"ticket\":\"%s\"}\n" : "the subscriber may come; take it back: holdfast ticket kill %s\n", id);
out:
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

/* --- the device ---------------------------------------------------------------------------- */

static int join(struct cli *c, const struct claim *claim)
{
	struct profile device = { .host = "" }, made = { .host = "" };
	const char *shown = c->option[CLI_DEVICE];
	char why[256] = "";
	err_t err = ERR_OK;

	if (shown && profile_read_device(shown, &device, why, sizeof(why)) != ERR_OK)
		return cli_fail(c, ERR_MISSING, "%s: %s", shown, why);
	err = client_join(claim, bytes_str(c->option[CLI_ID]), shown ? &device : NULL, &made, why, sizeof(why));
	if (err == ERR_OK) {
		err = profile_write(c->option[CLI_OUT], &made);
		(void)text_print(why, sizeof(why), "the profile %s cannot be written: %s", c->option[CLI_OUT],
		                 err_text(err));
	}
	profile_free(&device);
	profile_free(&made);
	if (err != ERR_OK)
		return cli_fail(c, err, "%s", why);
	if (c->json) {
		const char *const members[][2] = { { "joined", c->option[CLI_ID] }, { "profile", c->option[CLI_OUT] } };

		output_members(members, COUNT_OF(members));
		printf("\n");
	} else {
		printf("%s joined; profile %s (key file 0600)\n"
		       "use it soon, what is not used is forgotten: holdfast request create --as %s\n",
		       c->option[CLI_ID], c->option[CLI_OUT], c->option[CLI_OUT]);
	}
	return CLI_OK;
}

int run_join(struct cli *c)
{
	struct claim claim;
	struct stat st;
	int code;

	if (!c->option[CLI_ID] || !c->option[CLI_OUT])
		return cli_usage(c, "--id and --out are needed");
	if (stat(c->option[CLI_OUT], &st) == 0)
		return cli_fail(c, ERR_EXISTS, "%s exists already; --out names a folder that is to be made", c->option[CLI_OUT]);
	if (claim_read(bytes_str(c->argument[0]), &claim) != ERR_OK)
		return cli_usage(c, "this is no claim: HOLDFAST1/... as holdfast ticket create prints it");
	if (!claim.has_ticket && !c->option[CLI_DEVICE])
		code = cli_usage(c, "the claim has no ticket: --device FOLDER is needed, with what the maker gave");
	else
		code = join(c, &claim);
	secret_wipe(&claim, sizeof(claim));
	return code;
}

/* --- what is revoked ---------------------------------------------------------------------------- */

enum { LINE = 48, LINE_TEXT = 66 };

static err_t put_pem(struct bytes der, struct buf *out)
{
	err_t err;

	TRY(buf_add(out, BYTES("-----BEGIN X509 CRL-----\n")));
	for (size_t i = 0; i < der.n; i += LINE) {
		struct bytes part = bytes_sub(der, i, LINE);
		uint8_t text[LINE_TEXT];
		int n = EVP_EncodeBlock(text, part.p, (int)part.n);

		TRY(buf_add(out, bytes_make(text, (size_t)n)));
		TRY(buf_add_byte(out, '\n'));
	}
	TRY(buf_add(out, BYTES("-----END X509 CRL-----\n")));
out:
	return err;
}

/* On standard output, for a file or a web server that others fetch it from. */
int run_crl(struct cli *c)
{
	struct buf fields = buf_make(16), rows = buf_make(1 << 18), pem = buf_make(1 << 18);
	struct wire_out w = wire_out(&fields);
	struct cbor list;
	bool found = false;
	int code = ask_node(c, ADMIN_REVOKED_LIST, &w, &rows);

	if (code != CLI_OK)
		goto out;
	if (cbor_find(bytes_of_buf(&rows), BYTES("list"), &list, &found) != ERR_OK || !found ||
	    list.kind != CBOR_BYTES || put_pem(list.s, &pem) != ERR_OK)
		code = cli_fail(c, ERR_SYNTAX, "the node's answer holds no list");
	else if (!c->json)
		printf("%.*s", BYTES_FMT(bytes_of_buf(&pem)));
	else if (buf_add_byte(&pem, 0) == ERR_OK) {
		const char *const members[][2] = { { "crl", (const char *)pem.p } };

		output_members(members, COUNT_OF(members));
		printf("\n");
	}
out:
	buf_free(&fields);
	buf_free(&rows);
	buf_free(&pem);
	return code;
}
