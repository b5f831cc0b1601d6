/* make.c: the keys and certificates that a node is born with. */
#include "base/clock.h"
#include "keeper/enrolment.h"
#include "provider/token.h"

#define DAY_MS (INT64_C(86400) * 1000)

enum { CA_DAYS = 7305, NODE_DAYS_MAX = 3650, TOKEN_MS = 30000 };

/* One purpose a key [CM26]. Only the node's TLS key signs for an asker. */
static const struct {
	const char *name;
	enum key_class class;
	enum pair_use use;
	unsigned policy, purposes;
	unsigned days; /* 0: no end */
	bool here;     /* in software always: the store opens and the log is anchored also
	                * while a token is away */
} born[] = {
	{ "root", KEY_SYMMETRIC_32, PAIR_ANY, TO(CORE), USE_NODE, 0, true },
	{ "ca", KEY_EC_P256, PAIR_SIGN, TO(CORE), USE_CERTIFY, CA_DAYS, false },
	{ "node", KEY_EC_P256, PAIR_SIGN, TO(GATE) | TO(COURIER),
	  1u << SIGN_TLS13_SERVER | 1u << SIGN_TLS13_CLIENT | 1u << SIGN_TLS12_SERVER, 0, false },
	{ "audit", KEY_EC_P256, PAIR_SIGN, TO(CORE), USE_ANCHOR, 0, true },
	{ "import", KEY_EC_P256, PAIR_AGREE, TO(CORE), USE_OPEN, 0, false },
};

static err_t make_keys(struct vault *v, const struct keeper_node *node)
{
	const struct key_provider *provider = node->provider ? node->provider : key_provider_first();
	int64_t now = clock_now();
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(born); i++) {
		const struct key_provider *at = born[i].here ? key_provider_first() : provider;
		struct vault_key *added, key = vault_key_new(at, born[i].class, ORIGIN_MADE,
			born[i].days ? now + born[i].days * DAY_MS : 0);

		key.policy = born[i].policy;
		key.purposes = born[i].purposes;
		key.key.use = born[i].use;
		key.key.place = node->place;
		TRY(key.provider->make(&key.key));
		TRY(vault_add(v, bytes_str(born[i].name), &key, &added));
	}
out:
	return err;
}

static err_t node_certificate(struct vault *v, const struct certificate_ca *ca, unsigned days,
                              struct buf *der)
{
	struct vault_key *node = vault_find(v, BYTES("node"));
	struct certificate_ask ask = { .kind = CERTIFY_NODE_SELF,
		                       .not_after = clock_now() + days * DAY_MS };
	struct buf name = buf_make(VAULT_SP_MAX + VAULT_CSE_MAX + 1);
	uint8_t serial[CERTIFICATE_SERIAL];
	struct bytes cse = bytes_str(v->cse);
	err_t err;

	must(node);
	TRY(buf_add(&name, bytes_sub(cse, 1, cse.n)));
	TRY(buf_add_byte(&name, '.'));
	TRY(buf_add(&name, ca->domain));
	ask.subject = bytes_of_buf(&name);
	ask.public_key = bytes_make(node->key.public_key, node->key.public_n);
	TRY(certificate_of_entity(ca, &ask, serial, der));
out:
	buf_free(&name);
	return err;
}

/* The token takes the secret that binds it to this key store. */
static err_t pair(struct vault *v, unsigned place)
{
	bool made;
	err_t err;

	TRY(token_open(v, place, &made));
	TRY(token_await(place, TOKEN_MS));
	TRY(token_first(v, place));
	approvals_tell(v);
out:
	return err;
}

static err_t first_administrator(struct vault *v, const struct keeper_node *node)
{
	v->admin.standing.delay = node->delay;
	if (node->administrator.n == 0)
		return ERR_OK;
	return administration_add(&v->admin, node->administrator,
	                          node->administrator_key.n == 32 ? KEY_ED25519 : KEY_EC_P256,
	                          node->administrator_key);
}

err_t keeper_certificates(struct vault *v, unsigned days, struct buf *pem)
{
	struct buf der = buf_make(CERTIFICATE_MAX);
	struct certificate_ca ca = authority_of(v, vault_find(v, BYTES("ca")));
	err_t err;

	TRY(certificate_of_ca(&ca, &der));
	TRY(certificate_pem(bytes_of_buf(&der), pem));
	buf_clear(&der);
	TRY(node_certificate(v, &ca, days, &der));
	err = certificate_pem(bytes_of_buf(&der), pem);
out:
	buf_free(&der);
	return err;
}

err_t keeper_make_node(struct vault *v, const struct keeper_node *node, struct buf *pem)
{
	struct vault_setup setup = { .passphrase = node->passphrase, .machine = node->machine,
		                     .sp = node->sp, .cse = node->cse };
	err_t err;

	if (node->days == 0 || node->days > NODE_DAYS_MAX)
		return ERR_RANGE;
	TRY(vault_create(v, &setup));
	TRY(first_administrator(v, node));
	if (node->place)
		TRY(pair(v, node->place));
	TRY(make_keys(v, node));
	TRY(keeper_certificates(v, node->days, pem));
	/* Last, so that a node is there whole or not at all. */
	TRY(vault_save(v));
out:
	return err;
}
