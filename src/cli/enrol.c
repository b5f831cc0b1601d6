/* enrol.c: an entity gets a credential of this node.
 *
 * This is the entity's side: its key is made here and stays here (in the
 * profile folder). The node gets the public key with a proof of possession, or
 * the pre-shared key sealed to the keeper's import key, so that neither door
 * nor core sees it [CM6; TS-0003 8.3]. */
#include "cli/door.h"
#include "cli/peer.h"

#include "base/file.h"
#include "base/secret.h"
#include "client/join.h"
#include "crypt/crypt.h"
#include "crypt/seal.h"
#include "primitive/id.h"
#include "primitive/request.h"

#include <stdio.h>
#include <sys/stat.h>

enum { KIND_AE = 1, KIND_CSE = 2, PSK_OCTETS = 32, PATH_SIZE = 1024, PEM_MAX = 65536, DAYS_MAX = 3650 };

struct enrol {
	struct cli *cli;
	unsigned kind;
	struct conf conf;
	struct door door;
	struct profile profile;
	struct buf entity;  /* absolute */
	struct buf subject; /* of the certificate */
	struct buf fields, rows;
	unsigned replay;
	uint64_t days, protection;
	unsigned factor;
	char credential[256];
	bool said; /* why it failed was said */
};

/* --- the line --------------------------------------------------------------------------- */

static int check_replay(struct enrol *e)
{
	static const char *const modes[] = { "window", "strict", "off" };
	const char *mode = e->cli->option[CLI_REPLAY];

	if (!mode)
		return CLI_OK;
	for (unsigned i = 0; i < COUNT_OF(modes); i++) {
		if (bytes_equal(bytes_str(mode), bytes_str(modes[i]))) {
			e->replay = i;
			return CLI_OK;
		}
	}
	return cli_usage(e->cli, "--replay is window, strict or off");
}

enum { POSSESSION = 1, NETWORK = 2, PROTECTION_DEFAULT = 1, PROTECTION_MAX = 3 };

/* What the credential is worth as evidence; the node records it, and who says so. */
static int check_worth(struct enrol *e)
{
	const char *factor = e->cli->option[CLI_FACTOR];

	e->factor = factor && bytes_equal(bytes_str(factor), BYTES("network")) ? NETWORK : POSSESSION;
	if (factor && e->factor == POSSESSION && !bytes_equal(bytes_str(factor), BYTES("possession")))
		return cli_usage(e->cli, "--factor is possession or network");
	return cli_number(e->cli, CLI_PROTECTION, PROTECTION_MAX, PROTECTION_DEFAULT,
	                  &e->protection) == ERR_OK ? CLI_OK : CLI_USAGE;
}

static int check_identity(struct enrol *e)
{
	struct bytes identity = bytes_str(e->cli->option[CLI_IDENTITY]);

	if (identity.n == 0)
		return CLI_OK;
	if (!e->cli->option[CLI_PSK])
		return cli_usage(e->cli, "--identity goes with --psk");
	if (identity.n >= 124 || !bytes_is_printable(identity) || bytes_find(identity, ' ') < identity.n)
		return cli_usage(e->cli, "--identity must be printable, without blanks, as net@sp.example.org");
	return CLI_OK;
}

static int check_line(struct enrol *e)
{
	struct cli *c = e->cli;
	struct stat st;
	int code;

	if (c->option[CLI_CERTIFICATE] && (e->kind != KIND_CSE || c->option[CLI_OUT] || c->option[CLI_PSK]))
		return cli_usage(c, "--certificate is for a CSE, without --out and --psk: its node has the key");
	if (!c->option[CLI_ID] || (!c->option[CLI_OUT] && !c->option[CLI_CERTIFICATE]))
		return cli_usage(c, "--id and --out are needed");
	if (cli_number(c, CLI_DAYS, DAYS_MAX, 0, &e->days) != ERR_OK)
		return CLI_USAGE;
	code = check_replay(e);
	if (code == CLI_OK)
		code = check_worth(e);
	if (code == CLI_OK)
		code = check_identity(e);
	if (code != CLI_OK)
		return code;
	if (c->option[CLI_OUT] && stat(c->option[CLI_OUT], &st) == 0)
		return cli_fail(c, ERR_EXISTS, "%s exists already; --out names a folder that is to be made", c->option[CLI_OUT]);
	if (conf_read(c, &e->conf) != ERR_OK)
		return CLI_FAILED;
	return CLI_OK;
}

/* The absolute identifier, and what the certificate will be made out to. */
static int check_entity(struct enrol *e)
{
	struct bytes id = bytes_str(e->cli->option[CLI_ID]), sp = bytes_str(e->conf.sp);
	err_t err = id_absolute(id, sp, bytes_str(e->conf.cse), &e->entity);
	enum id_form form = err == ERR_OK ? id_form(bytes_of_buf(&e->entity)) : ID_INVALID;
	struct bytes behind = id_behind_sp(bytes_of_buf(&e->entity), sp);

	/* Of another provider only a CSE is enrolled, whose name is its own business. */
	if (form != (e->kind == KIND_CSE ? ID_ABS_CSE : ID_ABS_AE) || (behind.n == 0 && e->kind == KIND_AE))
		return cli_usage(e->cli, e->kind == KIND_CSE ? "--id must be the CSE-ID of another CSE, as /mn-1"
		                                             : "--id must be an AE-ID, as Cdev1 or Sapp");
	if (e->kind == KIND_AE)
		err = buf_add(&e->subject, bytes_of_buf(&e->entity));
	else if (behind.n == 0)
		err = ERR_OK;
	else /* <CSE-ID>.<public name of the IN-CSE> [TS-0001 6.5.1.1] */
		err = buf_printf(&e->subject, "%.*s.%s",
		                 BYTES_FMT(bytes_sub(behind, 1, behind.n)),
		                 e->conf.node_name);
	return err == ERR_OK ? CLI_OK : cli_fail(e->cli, err, "the identifier is too long");
}

/* From of its requests: the stem of an AE, SP-relative for a CSE. */
static struct bytes originator_of(const struct enrol *e)
{
	struct bytes id = bytes_of_buf(&e->entity), behind = id_behind_sp(id, bytes_str(e->conf.sp));
	size_t at = id.n;

	if (e->kind == KIND_CSE)
		return behind.n ? behind : id;
	while (at > 0 && id.p[at - 1] != '/')
		at--;
	return bytes_sub(id, at, id.n);
}

static int start_profile(struct enrol *e)
{
	const char *server = e->cli->option[CLI_SERVER];
	struct profile *p = &e->profile;
	char path[PATH_SIZE];
	err_t err;

	if (!server)
		server = e->conf.listen;
	if (profile_address(bytes_str(server), p) != ERR_OK)
		return cli_usage(e->cli, "--server must be host:port");
	if (!e->cli->option[CLI_SERVER] && (bytes_equal(bytes_str(p->host), BYTES("0.0.0.0")) ||
	                                    bytes_equal(bytes_str(p->host), BYTES("::"))))
		return cli_usage(e->cli, "the node listens on every address: say --server host:port");
	TRY(bytes_put_str(p->name, sizeof(p->name), bytes_str(e->conf.node_name)));
	TRY(bytes_put_str(p->originator, sizeof(p->originator), originator_of(e)));
	TRY(file_path(path, sizeof(path), e->cli->dir, "node/ca.pem"));
	TRY(file_read(path, PEM_MAX, &p->anchor));
out:
	return err == ERR_OK ? CLI_OK : cli_fail(e->cli, err, "node/ca.pem cannot be read: %s", err_text(err));
}

/* --- what both kinds send ----------------------------------------------------------------- */

static void put_common(struct enrol *e, struct wire_out *w)
{
	wire_put_bytes(w, bytes_str(e->cli->argument[0]));
	wire_put_u8(w, (uint8_t)e->kind);
	wire_put_bytes(w, bytes_of_buf(&e->entity));
	wire_put_bytes(w, bytes_str(e->cli->option[CLI_APP_ID]));
	wire_put_u8(w, (uint8_t)e->replay);
	wire_put_u32(w, (uint32_t)e->days);
	wire_put_u8(w, (uint8_t)e->factor);
	wire_put_u8(w, (uint8_t)e->protection);
	wire_put_u8(w, e->cli->option[CLI_BOUND] != NULL);
	wire_put_bytes(w, bytes_str(e->cli->option[CLI_ENVIRONMENT]));
}

static err_t read_answer(struct enrol *e, struct cbor *certificate, bool *has_certificate)
{
	struct cbor id, until;
	bool has_id, has_until;
	err_t err;

	TRY(cbor_find(bytes_of_buf(&e->rows), BYTES("id"), &id, &has_id));
	TRY(cbor_find(bytes_of_buf(&e->rows), BYTES("until"), &until, &has_until));
	TRY(cbor_find(bytes_of_buf(&e->rows), BYTES("certificate"), certificate, has_certificate));
	if (!has_id || !has_until || id.kind != CBOR_TEXT || until.kind != CBOR_UINT)
		return ERR_SYNTAX;
	err = bytes_put_str(e->credential, sizeof(e->credential), id.s);
out:
	return err;
}

/* --- certificate ---------------------------------------------------------------------------- */

/* The private key as PEM, on pages of its own. */
static err_t keep_key(struct enrol *e, const struct crypt_key *key)
{
	struct buf pem = buf_make(4096);
	err_t err;

	TRY(buf_reserve(&pem, 4096)); /* so that growing leaves no copy */
	TRY(crypt_p256_to_pem(key, &pem));
	err = secret_copy(bytes_of_buf(&pem), &e->profile.key);
out:
	if (pem.p)
		secret_wipe(pem.p, pem.cap);
	buf_free(&pem);
	return err;
}

static err_t enrol_certificate(struct enrol *e)
{
	struct crypt_key key = { 0 };
	struct buf proof = buf_make(256);
	uint8_t point[CRYPT_POINT];
	struct wire_out w = wire_out(&e->fields);
	struct cbor certificate;
	bool found;
	err_t err;

	TRY(crypt_p256_new(&key));
	TRY(crypt_p256_point(&key, point));
	TRY(client_proof(&key, e->kind == KIND_CSE ? CERTIFY_CSE : CERTIFY_AE,
	                 bytes_of_buf(&e->subject), BYTES_OF(point), &proof));
	TRY(keep_key(e, &key));
	put_common(e, &w);
	wire_put_bytes(&w, BYTES_OF(point));
	wire_put_bytes(&w, bytes_of_buf(&proof));
	TRY(w.err);
	err = door_command(&e->door, ADMIN_ENROL_CERTIFICATE, bytes_of_buf(&e->fields), &e->rows);
	e->said = err != ERR_OK;
	TRY(err);
	TRY(read_answer(e, &certificate, &found));
	if (!found || certificate.kind != CBOR_BYTES)
		TRY(ERR_SYNTAX);
	e->profile.credential = PROFILE_CERTIFICATE;
	err = crypt_certificate_pem(certificate.s, &e->profile.certificate);
out:
	crypt_key_free(&key);
	buf_free(&proof);
	return err;
}

/* --- pre-shared key --------------------------------------------------------------------------- */

static err_t choose_identity(struct enrol *e)
{
	const char *given = e->cli->option[CLI_IDENTITY];
	struct bytes stem = originator_of(e), sp = bytes_str(e->conf.sp);

	if (given)
		return bytes_put_str(e->profile.identity, sizeof(e->profile.identity), bytes_str(given));
	if (e->kind == KIND_CSE)
		stem = bytes_sub(stem, 1, stem.n);
	return text_print(e->profile.identity, sizeof(e->profile.identity), "%.*s@%.*s",
	                  BYTES_FMT(stem), BYTES_FMT(bytes_sub(sp, 2, sp.n))) ? ERR_OK : ERR_LIMIT;
}

static err_t enrol_psk(struct enrol *e)
{
	uint8_t import[CRYPT_POINT];
	struct buf sealed = buf_make(512);
	struct wire_out w = wire_out(&e->fields);
	struct cbor certificate;
	bool found;
	err_t err;

	TRY(choose_identity(e));
	TRY(door_public_key(&e->door, BYTES("import"), import));
	TRY(secret_new(PSK_OCTETS, &e->profile.key));
	crypt_random(e->profile.key.p, PSK_OCTETS);
	TRY(seal_to_keeper(secret_view(&e->profile.key), bytes_str(e->profile.identity), import, &sealed));
	put_common(e, &w);
	wire_put_bytes(&w, bytes_str(e->profile.identity));
	wire_put_bytes(&w, bytes_of_buf(&sealed));
	TRY(w.err);
	err = door_command(&e->door, ADMIN_ENROL_PSK, bytes_of_buf(&e->fields), &e->rows);
	e->said = err != ERR_OK;
	TRY(err);
	TRY(read_answer(e, &certificate, &found));
	e->profile.credential = PROFILE_PSK;
out:
	buf_free(&sealed);
	return err;
}

/* --- a node that has its certificate already --------------------------------------------------- */

static int enrol_peer(struct enrol *e)
{
	struct wire_out w = wire_out(&e->fields);
	struct peer peer;
	int code = peer_read(e->cli, e->cli->option[CLI_CERTIFICATE], &peer);

	if (code != CLI_OK)
		goto out;
	put_common(e, &w);
	wire_put_bytes(&w, bytes_str(peer.name));
	wire_put_fixed(&w, BYTES_OF(peer.fingerprint));
	wire_put_u64(&w, (uint64_t)peer.until);
	wire_put_fixed(&w, BYTES_OF(peer.point));
	wire_put_bytes(&w, bytes_of_buf(&peer.der));
	if (w.err != ERR_OK) {
		code = cli_fail(e->cli, w.err, "too long");
		goto out;
	}
	/* What is trusted without being enrolled opens nothing; the reverse would not work. */
	code = peer_trust(e->cli, &peer);
	if (code == CLI_OK && door_command(&e->door, ADMIN_ENROL_PEER, bytes_of_buf(&e->fields),
	                                   &e->rows) != ERR_OK)
		code = CLI_FAILED;
out:
	peer_free(&peer);
	return code;
}

/* --- the whole ---------------------------------------------------------------------------------- */

/* The node has it, we cannot keep it: take it back. */
static void take_back(struct enrol *e)
{
	struct wire_out w = wire_out(&e->fields);
	char text[DOOR_TEXT_MAX];

	buf_clear(&e->fields);
	buf_clear(&e->rows);
	wire_put_bytes(&w, bytes_str(e->credential));
	if (w.err != ERR_OK ||
	    door_ask(&e->door, ADMIN_REVOKE, bytes_of_buf(&e->fields), &e->rows, text) != ERR_OK)
		fprintf(stderr, "holdfast: revoke it by hand: holdfast revoke %s\n", e->credential);
}

/* Nobody may retrieve the CSEBase of a closed node: what an entity may do first is
 * register, and then see what is its own. */
static void print_hint(const struct enrol *e)
{
	const char *out = e->cli->option[CLI_OUT], *app = e->cli->option[CLI_APP_ID];
	/* What it is called among credentials may be no name of a resource. */
	const char *name = id_is_resource_name(bytes_str(e->cli->argument[0])) ? e->cli->argument[0]
	                                                                     : e->profile.originator;

	printf("%-16s %s (key file 0600)\n", "profile", out);
	if (e->kind == KIND_CSE)
		return;
	printf("%-16s holdfast request create --as %s --to %s --ty 2 \\\n"
	       "%-16s   --content '{\"m2m:ae\":{\"rn\":\"%s\",\"api\":\"%s\",\"rr\":false,\"srv\":[\"3\"]}}'\n"
	       "%-16s holdfast request retrieve --as %s --to %s/%s\n",
	       "register", out, e->conf.cse_name, "", name, app ? app : "Nexample", "then", out,
	       e->conf.cse_name, name);
	if (e->profile.credential == PROFILE_CERTIFICATE)
		printf("%-16s curl --connect-to ::%s:%s --cacert %s/ca.pem --cert %s/cert.pem --key %s/key.pem \\\n"
		       "%-16s   -H 'X-M2M-Origin: %s' -H 'X-M2M-RI: 1' -H 'X-M2M-RVI: 3' https://%s/%s/%s\n",
		       "or with curl", e->profile.host, e->profile.port, out, out, out, "", e->profile.originator,
		       e->profile.name, e->conf.cse_name, name);
}

static int report(const struct enrol *e)
{
	static const struct column columns[] = {
		{ "id", "credential", COLUMN_PLAIN, NULL }, { "until", "valid until", COLUMN_TIME, NULL },
	};

	if (output_record(e->cli, bytes_of_buf(&e->rows), columns, COUNT_OF(columns)) != ERR_OK)
		return CLI_FAILED;
	if (!e->cli->option[CLI_CERTIFICATE] && !e->cli->json)
		print_hint(e);
	return CLI_OK;
}

static int run_steps(struct enrol *e)
{
	int code = check_line(e);
	err_t err;

	if (code == CLI_OK)
		code = check_entity(e);
	if (code == CLI_OK && !e->cli->option[CLI_CERTIFICATE])
		code = start_profile(e);
	if (code != CLI_OK)
		return code;
	if (door_open(e->cli, &e->door) != ERR_OK)
		return CLI_FAILED;
	if (e->cli->option[CLI_CERTIFICATE]) {
		code = enrol_peer(e);
		return code == CLI_OK ? report(e) : code;
	}
	err = e->cli->option[CLI_PSK] ? enrol_psk(e) : enrol_certificate(e);
	if (err != ERR_OK && e->credential[0] == '\0')
		return e->said ? CLI_FAILED : cli_fail(e->cli, err, "no credential was made: %s", err_text(err));
	if (err == ERR_OK)
		err = profile_write(e->cli->option[CLI_OUT], &e->profile);
	if (err != ERR_OK) {
		take_back(e);
		return cli_fail(e->cli, err, "the profile %s cannot be written: %s; nothing is enrolled",
		                e->cli->option[CLI_OUT], err_text(err));
	}
	return report(e);
}

static int enrol(struct cli *c, unsigned kind)
{
	struct enrol e = { .cli = c, .kind = kind, .door = { .link = { .fd = -1 } },
		           .entity = buf_make(256), .subject = buf_make(512),
		           .fields = buf_make(ADMIN_FIELD_MAX), .rows = buf_make(65536) };
	int code;

	e.profile.anchor = buf_make(PEM_MAX);
	e.profile.certificate = buf_make(PEM_MAX);
	code = run_steps(&e);
	door_close(&e.door);
	profile_free(&e.profile);
	buf_free(&e.entity);
	buf_free(&e.subject);
	buf_free(&e.fields);
	buf_free(&e.rows);
	return code;
}

int run_enrol_device(struct cli *c)
{
	return enrol(c, KIND_AE);
}

int run_enrol_application(struct cli *c)
{
	return enrol(c, KIND_AE);
}

int run_enrol_cse(struct cli *c)
{
	return enrol(c, KIND_CSE);
}
