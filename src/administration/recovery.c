/* recovery.c: a recovery key in shares: out to who keeps them, and together again. No key
 * store is looked at here. */
#include "administration/recovery.h"

#include "crypt/seal.h"
#include "crypt/shamir.h"

enum { SHARES = BACKUP_CUSTODIANS };

/* Those who can open a share, as custodians; how many are needed. */
void recovery_plan(const struct administration *a, struct backup *b)
{
	b->name = BYTES("machine");
	for (size_t i = 0; i < a->n && b->n < BACKUP_CUSTODIANS; i++) {
		const struct administrator *one = &a->all[i];

		if (one->class == KEY_EC_P256)
			b->custodians[b->n++] = (struct backup_custodian){
				bytes_str(one->name), bytes_make(one->public_key, one->public_n), BYTES_NONE };
	}
	b->m = administration_persons(a, order_row(ORDER_REBIND));
}

/* What the shares would be of: a hash over machine and persons. */
void recovery_digest(const uint8_t check[RECOVERY_CHECK], const struct backup *b, uint8_t out[32])
{
	crypt_sha256(bytes_make(check, RECOVERY_CHECK), out);
	out[0] ^= (uint8_t)b->m;
	for (unsigned i = 0; i < b->n; i++) {
		uint8_t before[32];

		bytes_copy(before, out, sizeof(before));
		crypt_sha256_two(BYTES_OF(before), b->custodians[i].point, out);
	}
}

err_t recovery_share(struct recovery *p, struct bytes content_key)
{
	uint8_t scalar[32], shares[SHARES][SHAMIR_SHARE];
	struct crypt_key recovery = { 0 };
	struct buf sealed = buf_make(BACKUP_SEALED_SHARE);
	err_t err;

	do {
		crypt_random(scalar, sizeof(scalar));
		err = crypt_p256_from_scalar(scalar, &recovery);
	} while (err == ERR_RANGE);
	TRY(err);
	TRY(crypt_p256_point(&recovery, p->point));
	shamir_split(scalar, p->b.m, p->b.n, shares);
	for (unsigned i = 0; i < p->b.n; i++) {
		buf_clear(&sealed);
		TRY(seal_to(p->b.custodians[i].point.p, BACKUP_SHARE_LABEL, BYTES_OF(shares[i]), &sealed));
		bytes_copy(p->sealed[i], sealed.p, BACKUP_SEALED_SHARE);
		p->b.custodians[i].sealed = BYTES_OF(p->sealed[i]);
	}
	TRY(seal_to(p->point, BACKUP_KEY_LABEL, content_key, &p->content_key));
	p->b.point = BYTES_OF(p->point);
	p->b.content_key = bytes_of_buf(&p->content_key);
out:
	secret_wipe(scalar, sizeof(scalar));
	secret_wipe(shares, sizeof(shares));
	crypt_key_free(&recovery);
	buf_free(&sealed);
	return err;
}

err_t recovery_join(const struct crypt_key *restore, struct wire_in *in, const struct backup *b,
                    struct recovered *out)
{
	uint8_t shares[SHARES][SHAMIR_SHARE], scalar[32], point[65];
	struct crypt_key recovery = { 0 };
	unsigned n = wire_get_u8(in);
	err_t err;

	TRY(n >= b->m && n <= SHARES ? ERR_OK : ERR_REFUSED);
	for (unsigned i = 0; i < n; i++) {
		struct bytes sealed = wire_get_bytes(in, BACKUP_SEALED_SHARE);

		TRY(in->err);
		TRY(sealed.n == BACKUP_SEALED_SHARE ? ERR_OK : ERR_TAMPERED);
		TRY(seal_open(restore, BACKUP_RESTORE_LABEL, sealed, shares[i]));
		out->whose |= 1u << (shares[i][0] & 31);
	}
	TRY(wire_done(in));
	TRY(shamir_join((const uint8_t (*)[SHAMIR_SHARE])shares, n, scalar));
	TRY(crypt_p256_from_scalar(scalar, &recovery));
	TRY(crypt_p256_point(&recovery, point));
	TRY(bytes_equal(BYTES_OF(point), b->point) ? ERR_OK : ERR_TAMPERED);
	out->n = n;
	TRY(secret_new(32, &out->content_key));
	err = b->content_key.n == BACKUP_SEALED_KEY
	          ? seal_open(&recovery, BACKUP_KEY_LABEL, b->content_key, out->content_key.p) : ERR_TAMPERED;
out:
	secret_wipe(shares, sizeof(shares));
	secret_wipe(scalar, sizeof(scalar));
	crypt_key_free(&recovery);
	return err == ERR_RANGE ? ERR_TAMPERED : err;
}

void recovery_names(const struct backup *b, uint32_t whose, char by[ORDER_BY_MAX])
{
	by[0] = 0;
	for (unsigned i = 0; i < b->n; i++) {
		char before[ORDER_BY_MAX];

		bytes_copy(before, by, ORDER_BY_MAX);
		if (whose & 2u << i)
			(void)text_print(by, ORDER_BY_MAX, "%s%s%.*s", before, before[0] ? "," : "",
			                 BYTES_FMT(b->custodians[i].name));
	}
}
