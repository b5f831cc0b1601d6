/* inspect.c: explain a file in plain words. Looks, verifies nothing but what is
 * said, and needs no running node. */
#include "cli/cli.h"

#include "base/clock.h"
#include "base/file.h"
#include "cli/certificate.h"
#include "cli/document.h"
#include "client/profile.h"
#include "wire/backup.h"

#include <stdio.h>
#include <sys/stat.h>

enum { FILE_MAX = 1 << 20, PATH_SIZE = 1024, KEY_STORE_FORM = 3, SHARES_MAX = 4096 };

/* Lines "title: text", or members of one JSON object. */
struct sheet {
	const struct cli *cli;
	bool first;
};

static void line(struct sheet *s, const char *title, const char *text)
{
	struct buf json = buf_make(65536);

	if (bytes_str(text).n && json_put_string(&json, bytes_is_utf8(bytes_str(text)) ? bytes_str(text)
	                                                                             : BYTES("(unprintable)")) == ERR_OK) {
		if (s->cli->json)
			printf("%s\"%s\":%.*s", s->first ? "{" : ",", title, BYTES_FMT(bytes_of_buf(&json)));
		else
			printf("%-14s %.*s\n", title, (int)json.n - 2, (const char *)json.p + 1);
		s->first = false;
	}
	buf_free(&json);
}

static void line_time(struct sheet *s, const char *title, int64_t ms)
{
	char stamp[CLOCK_STAMP_LENGTH + 1] = "", text[96];
	int64_t days = (ms - clock_now()) / 86400000;

	if (ms <= 0)
		return;
	clock_stamp(ms, stamp);
	(void)text_print(text, sizeof(text), days > 0 ? "%s (in %lld days)" : "%s", stamp, (long long)days);
	line(s, title, text);
}

static int finish(struct sheet *s)
{
	if (s->cli->json)
		printf("}\n");
	return CLI_OK;
}

/* --- kinds of files --------------------------------------------------------------------- */

static void certificate_lines(struct sheet *s, const struct certificate *x)
{
	char hex[65];

	bytes_to_hex(BYTES_OF(x->fingerprint), hex, sizeof(hex));
	line(s, "subject", x->subject);
	line(s, "names", x->names);
	line(s, "purpose", x->purpose);
	line(s, "issuer", x->issuer);
	line_time(s, "valid from", x->from);
	line_time(s, "valid until", x->until);
	line(s, "key", x->key);
	line(s, "serial", x->serial);
	line(s, "permitted", x->constraints);
	line(s, "fingerprint", hex);
}

static int inspect_certificate(struct cli *c, const struct certificate *x)
{
	struct sheet s = { c, true };
	struct bytes names = bytes_str(x->names);

	line(&s, "what", x->ca ? "certificate of a certification authority: what it signs is trusted by who trusts it"
	                       : "certificate of an entity: public; it proves nothing without its private key");
	certificate_lines(&s, x);
	if (bytes_starts(names, BYTES("URI:m2m:")))
		line(&s, "meaning", "an AE of oneM2M: its absolute AE-ID stands behind m2m: [TS-0003 10.1.1]");
	else if (bytes_starts(names, BYTES("DNS:")) && !x->ca)
		line(&s, "meaning", "a CSE of oneM2M: its public domain name [TS-0001 6.5.1.1]");
	if (x->until < clock_now())
		line(&s, "warning", "it has EXPIRED");
	return finish(&s);
}

/* Who opens it on another machine. */
static void line_rebind(struct sheet *s, struct bytes shares)
{
	struct buf text = buf_make(1024);
	struct backup b;
	err_t err;

	if (backup_parse(shares, &b) != ERR_OK) {
		line(s, "rebound by", "nobody: no administrators have shares of what binds it");
		return;
	}
	TRY(buf_printf(&text, "%u of:", b.m));
	for (unsigned i = 0; i < b.n; i++)
		TRY(buf_printf(&text, " %.*s", BYTES_FMT(b.custodians[i].name)));
	TRY(buf_add_byte(&text, '\0'));
	line(s, "rebound by", (const char *)text.p);
out:
	if (err != ERR_OK)
		line(s, "rebound by", "administrators");
	buf_free(&text);
}

static int inspect_key_store(struct cli *c, struct bytes file)
{
	struct sheet s = { c, true };
	struct wire_in in = wire_in(bytes_sub(file, 8, file.n));
	unsigned format = wire_get_u16(&in), kdf = wire_get_u8(&in), log_n = wire_get_u8(&in);
	unsigned machine, r = wire_get_u8(&in), p = wire_get_u8(&in);
	uint64_t generation;
	uint32_t records;
	struct bytes sp, cse, shares = BYTES_NONE;
	size_t sp_n, cse_n;
	char text[256];

	machine = wire_get_u16(&in);
	(void)wire_get_fixed(&in, 32 + 16 + 16 + 32); /* salts and checks */
	generation = wire_get_u64(&in);
	records = wire_get_u32(&in);
	sp_n = wire_get_u16(&in);
	cse_n = wire_get_u16(&in);
	sp = wire_get_fixed(&in, sp_n);
	cse = wire_get_fixed(&in, cse_n);
	if (format == KEY_STORE_FORM)
		shares = wire_get_bytes(&in, SHARES_MAX);
	if (in.err != ERR_OK || format < 1 || format > KEY_STORE_FORM || kdf != 1)
		return cli_fail(c, ERR_SYNTAX, "the key store is cut, or of a format that this program does not know");
	line(&s, "what", "key store of a Holdfast node: keys sealed with AES-256-GCM; useless without its passphrase"
	     " and, when bound, its machine");
	(void)text_print(text, sizeof(text), "%.*s%.*s", BYTES_FMT(sp), BYTES_FMT(cse));
	line(&s, "node", text);
	(void)text_print(text, sizeof(text), "%llu (grows with every writing; the file counter refuses older ones)",
	                 (unsigned long long)generation);
	line(&s, "generation", text);
	(void)text_print(text, sizeof(text), "%u", records);
	line(&s, "keys", text);
	(void)text_print(text, sizeof(text), "scrypt, N = 2^%u, r = %u, p = %u", log_n, r, p);
	line(&s, "passphrase", text);
	line(&s, "machine", machine ? "bound: a copy does not open on another machine" : "NOT bound: a copy opens anywhere");
	if (machine)
		line_rebind(&s, shares);
	return finish(&s);
}

/* The verdict is what there is to say of it; FILE stands in the same place. */
static int inspect_export(struct cli *c)
{
	if (!c->json)
		printf("an export of the audit log of a Holdfast node, as holdfast audit verify sees it:\n");
	return run_audit_verify(c);
}

/* Files that say no more than what they are, by what they begin with at an octet. */
static const struct {
	size_t at;
	const char *begins;
	const char *what;
} plain_files[] = {
	{ 0, "HOLDFTRE", "a subtree of resources, exported and sealed by a passphrase: holdfast tree import takes it in" },
	{ 0, "HOLDFADM", "the key of an administrator or custodian, sealed by a passphrase; what it signs are orders" },
	{ 4, "HOLDFORD", "an order to a keeper, public; holdfast order show says what it orders and who has signed it" },
	{ 0, "HOLDFBAK", "a backup of all keys, sealed; its custodians bring it back: holdfast backup share, backup restore" },
	{ 0, "HOLDFREQ", "a keeper's request for shares: holdfast backup share or rebind share answers it" },
	{ 0, "HOLDFSHR", "a share, sealed to the keeper that asked: for holdfast backup restore or rebind open" },
	{ 0, "HFCT", "the counter beside a key store: by it an older key store is refused" },
	{ 0, "{\"holdfast\":\"receipt\"", "a receipt of a keeper's history: holdfast keeper compare holds it against a node's" },
	{ 0, "SQLite format 3", "a database; of a node: every row of it is sealed (holdfast store verify)" },
	{ 0, "HOLDFAST1/", "a claim: who has it can join by it; holdfast join" },
};

static int inspect_plain(struct cli *c, const char *what)
{
	struct sheet s = { c, true };

	line(&s, "what", what);
	return finish(&s);
}

static int inspect_profile(struct cli *c, const char *path)
{
	static const char *const kinds[] = { "", "certificate", "pre-shared key", "none: plain HTTP to loopback, lab only" };
	struct sheet s = { c, true };
	struct certificate x;
	struct profile p;
	char why[256], text[600];
	err_t err = profile_read(path, &p, why, sizeof(why));

	if (err != ERR_OK)
		return cli_fail(c, err, "%s is no usable profile: %s", path, why);
	line(&s, "what", "profile: who a client is and whom it talks to (its key is not shown)");
	(void)text_print(text, sizeof(text), "%s port %s, authenticated as %s", p.host, p.port, p.name);
	line(&s, "node", text);
	line(&s, "originator", p.originator);
	line(&s, "credential", kinds[p.credential]);
	line(&s, "identity", p.identity);
	if (p.credential == PROFILE_CERTIFICATE && certificate_read(bytes_of_buf(&p.certificate), &x) == ERR_OK)
		certificate_lines(&s, &x);
	profile_free(&p);
	return finish(&s);
}

/* --- which it is --------------------------------------------------------------------------- */

static int inspect_file(struct cli *c, const char *path, struct bytes file)
{
	struct certificate x;
	bool document;
	int code;

	if (bytes_starts(file, BYTES("HOLDFKEY")))
		return inspect_key_store(c, file);
	if (bytes_starts(file, BYTES("{\"holdfast\":\"audit export\"")))
		return inspect_export(c);
	for (size_t i = 0; i < COUNT_OF(plain_files); i++) {
		if (bytes_starts(bytes_sub(file, plain_files[i].at, file.n), bytes_str(plain_files[i].begins)))
			return inspect_plain(c, plain_files[i].what);
	}
	if (text_contains(bytes_sub(file, 0, 4096), BYTES("PRIVATE KEY-----")))
		return inspect_plain(c, "a PRIVATE KEY: nothing of it is shown. It belongs into a profile, readable by its owner only");
	if (certificate_read(file, &x) == ERR_OK)
		return inspect_certificate(c, &x);
	code = inspect_document(c, file, &document);
	if (document)
		return code;
	return cli_fail(c, ERR_SYNTAX, "%s is nothing that Holdfast writes, no certificate and no document of oneM2M", path);
}

int run_inspect(struct cli *c)
{
	const char *path = c->argument[0];
	struct buf file = buf_make(2 * FILE_MAX);
	struct stat st;
	int code;
	err_t err;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return inspect_profile(c, path);
	err = file_read(path, FILE_MAX, &file);
	if (err == ERR_LIMIT) {
		/* only exports grow so large; their first line says it */
		FILE *f = fopen(path, "rbe");

		buf_clear(&file);
		if (f && buf_reserve(&file, 4096) == ERR_OK)
			file.n = fread(file.p, 1, 4096, f);
		if (f)
			(void)fclose(f);
		err = ERR_OK;
	}
	code = err == ERR_OK ? inspect_file(c, path, bytes_of_buf(&file))
	                     : cli_fail(c, err, "%s cannot be read: %s", path, file_text(err));
	buf_free(&file);
	return code;
}
