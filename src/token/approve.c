/* approve.c: measured states that were approved for keys that exist. They are the
 * keeper's word, signed for the TPM; this process only keeps them for it. */
#include "token/serve.h"

#include "base/log.h"

static err_t take(struct wire_in *in, struct token_approvals *out)
{
	struct bytes point = wire_get_fixed(in, sizeof(out->point));
	err_t err;

	out->known = true;
	out->generation = wire_get_u64(in);
	out->n = wire_get_u8(in);
	TRY(in->err);
	TRY(out->n <= TOKEN_STATES_MAX ? ERR_OK : ERR_LIMIT);
	bytes_copy(out->point, point.p, point.n);
	for (size_t i = 0; i < out->n; i++) {
		struct token_approval *a = &out->all[i];
		struct bytes policy, signature;

		a->pcrs = wire_get_u32(in);
		policy = wire_get_fixed(in, sizeof(a->policy));
		signature = wire_get_fixed(in, sizeof(a->signature));
		TRY(in->err);
		bytes_copy(a->policy, policy.p, policy.n);
		bytes_copy(a->signature, signature.p, signature.n);
	}
	err = wire_done(in);
out:
	return err;
}

err_t token_run_approve(struct token *t, struct token_work *w)
{
	struct token_approvals fresh = { .known = false }, nothing = { .known = false };
	struct bytes identity = wire_get_fixed(&w->in, TOKEN_IDENTITY);
	err_t err;

	TRY(take(&w->in, &fresh));
	/* Of another that was here before: what is made now is of the old form. */
	t->approvals = nothing;
	if (t->state.present && !bytes_equal(identity, BYTES_OF(t->state.identity)))
		return token_fault(t, ERR_MISSING, "approved for another TPM");
	t->approvals = fresh;
	if (!t->state.present || !t->backend->approve)
		return ERR_OK;
	TRY(t->backend->approve(t));
	token_look(t); /* what was refused may be approved now */
out:
	return err;
}
