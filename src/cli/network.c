/* network.c: the device's side of keys from the underlying network. */
#include "cli/saving.h"

#include "base/clock.h"
#include "client/bootstrap.h"
#include "primitive/id.h"

#include <stdio.h>
#include <sys/stat.h>

static const char ua_default[] = "0100000007"; /* shared key TLS 1.3 [TS 33.220 annex H] */

/* "in-cse.sp.example": whom the key is for. */
static int read_line(struct cli *c, struct bootstrap *b)
{
	const char *ua = c->option[CLI_UA] ? c->option[CLI_UA] : ua_default;

	*b = (struct bootstrap){ .module = c->option[CLI_MODULE], .bsf = c->option[CLI_BSF], .naf = c->option[CLI_NAF] };
	if (!b->module || !b->naf || !c->option[CLI_SERVER] || !c->option[CLI_ID] || !c->option[CLI_OUT])
		return cli_usage(c, "--module, --naf, --server, --id and --out are needed");
	if (c->option[CLI_AKMA] && (c->option[CLI_UICC] || b->bsf))
		return cli_usage(c, "--akma goes without --uicc and --bsf: the module has the key");
	b->way = c->option[CLI_AKMA] ? BOOTSTRAP_AKMA : c->option[CLI_UICC] ? BOOTSTRAP_UICC : BOOTSTRAP_ME;
	if (b->way != BOOTSTRAP_AKMA && !b->bsf)
		return cli_usage(c, "--bsf is needed: where the network's bootstrapping server is");
	if (bytes_from_hex(bytes_str(ua), b->ua, sizeof(b->ua)) != ERR_OK)
		return cli_usage(c, "--ua is 10 hex digits");
	if (id_form(bytes_str(c->option[CLI_ID])) != ID_AE_STEM && id_form(bytes_str(c->option[CLI_ID])) != ID_SP_CSE)
		return cli_usage(c, "--id must be an AE-ID, as Cgw1, or a CSE-ID, as /gw-1");
	return CLI_OK;
}

/* A profile makes way for a newer key of the same one: of a network, for the same node. */
static int check_place(struct cli *c, const struct profile *made, bool *there)
{
	struct profile old = { .host = "" };
	struct stat st;
	char why[256];
	bool same;

	*there = stat(c->option[CLI_OUT], &st) == 0;
	if (!*there)
		return CLI_OK;
	same = profile_read(c->option[CLI_OUT], &old, why, sizeof(why)) == ERR_OK && bootstrap_is_of_network(&old) &&
	       bytes_equal(bytes_str(old.originator), bytes_str(made->originator)) &&
	       bytes_equal(bytes_str(old.name), bytes_str(made->name));
	profile_free(&old);
	return same ? CLI_OK : cli_fail(c, ERR_EXISTS, "%s exists, and is no profile of this with a key of a network",
	                                c->option[CLI_OUT]);
}

static int saved(struct cli *c, err_t err, const struct profile *p, int64_t until)
{
	char stamp[CLOCK_STAMP_LENGTH + 1] = "";

	if (err != ERR_OK)
		return cli_fail(c, err, "the profile %s cannot be written: %s", c->option[CLI_OUT], err_text(err));
	if (until)
		clock_stamp(until, stamp);
	if (c->json) {
		const char *const members[][2] = { { "identity", p->identity }, { "profile", c->option[CLI_OUT] },
			                           { "until", stamp } };

		output_members(members, COUNT_OF(members));
		printf("\n");
	} else {
		printf("%s; profile %s (key file 0600)%s%s\n", p->identity, c->option[CLI_OUT],
		       until ? ", until " : "", stamp);
	}
	return CLI_OK;
}

int save_profile(struct cli *c, const struct profile *p, int64_t until)
{
	return saved(c, profile_write(c->option[CLI_OUT], p), p, until);
}

static err_t keep_profile(struct cli *c, const struct profile *p, bool there)
{
	return there ? profile_replace(c->option[CLI_OUT], p) : profile_write(c->option[CLI_OUT], p);
}

int run_network_bootstrap(struct cli *c)
{
	struct profile made = { .host = "" };
	struct bootstrap b;
	int64_t until;
	char why[256];
	bool there;
	int code = read_line(c, &b);
	err_t err = ERR_OK;

	if (code != CLI_OK)
		return code;
	if (profile_address(bytes_str(c->option[CLI_SERVER]), &made) != ERR_OK)
		return cli_usage(c, "--server must be host:port");
	TRY(bytes_put_str(made.name, sizeof(made.name), bytes_str(b.naf)));
	TRY(bytes_put_str(made.originator, sizeof(made.originator), bytes_str(c->option[CLI_ID])));
	code = check_place(c, &made, &there);
	if (code != CLI_OK)
		goto out;
	err = bootstrap_run(&b, &made, &until, why, sizeof(why));
	code = err == ERR_OK ? saved(c, keep_profile(c, &made, there), &made, until) : cli_fail(c, err, "%s", why);
out:
	profile_free(&made);
	return err == ERR_OK || code != CLI_OK ? code : cli_fail(c, err, "an argument is too long");
}

/* --- devices behind ------------------------------------------------------------------- */

/* "in-cse.sp.example" is //sp.example/in-cse. */
static err_t entity_of(const struct profile *owner, struct bytes id, struct buf *out)
{
	struct bytes domain = bytes_str(owner->name), cse = bytes_cut(&domain, '.');
	struct buf sp = buf_make(300), own = buf_make(300);
	err_t err;

	TRY(buf_printf(&sp, "//%.*s", BYTES_FMT(domain)));
	TRY(buf_printf(&own, "/%.*s", BYTES_FMT(cse)));
	TRY(id_absolute(id, bytes_of_buf(&sp), bytes_of_buf(&own), out));
out:
	buf_free(&sp);
	buf_free(&own);
	return err;
}

int run_network_behind(struct cli *c)
{
	struct profile owner = { .host = "" }, made = { .host = "" };
	struct buf entity = buf_make(600);
	struct bytes id = bytes_str(c->option[CLI_ID]);
	char why[256] = "";
	int code = CLI_OK;
	err_t err = ERR_OK;

	if (!c->option[CLI_AS] || !c->option[CLI_OUT] || id_form(id) != ID_AE_STEM)
		return cli_usage(c, "--as, --out and --id (an AE-ID, as Csensor1) are needed");
	if (profile_read(c->option[CLI_AS], &owner, why, sizeof(why)) != ERR_OK)
		return cli_fail(c, ERR_MISSING, "%s: %s", c->option[CLI_AS], why);
	TRY(entity_of(&owner, id, &entity));
	TRY(bootstrap_behind(&owner, id, bytes_of_buf(&entity), &made));
	TRY(bytes_put_str(made.host, sizeof(made.host), bytes_str(owner.host)));
	TRY(bytes_put_str(made.port, sizeof(made.port), bytes_str(owner.port)));
	TRY(bytes_put_str(made.name, sizeof(made.name), bytes_str(owner.name)));
	TRY(bytes_put_str(made.originator, sizeof(made.originator), id));
	code = save_profile(c, &made, 0);
out:
	profile_free(&owner);
	profile_free(&made);
	buf_free(&entity);
	if (err == ERR_OK)
		return code;
	return cli_fail(c, err, err == ERR_REFUSED ? "%s has no key of a network: holdfast network bootstrap"
	                                           : "no key can be derived from %s", c->option[CLI_AS]);
}
