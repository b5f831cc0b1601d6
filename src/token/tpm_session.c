/* tpm_session.c: connection, primary key, sessions.
 *
 * A simulator has no resource manager: what a process of ours that was killed left
 * behind is flushed when there is no room. */
#include "token/tpm.h"

#include "base/log.h"
#include "crypt/crypt.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

enum { LEFT_MAX = 64 };

static const struct {
	TSS2_RC rc;
	err_t err;
	const char *text;
} results[] = {
	{ TPM2_RC_POLICY_FAIL, ERR_BAD_STATE, "the machine is not in the measured state that the key is bound to" },
	{ TPM2_RC_POLICY, ERR_BAD_STATE, "what was approved is approved no more" },
	{ TPM2_RC_PCR_CHANGED, ERR_BAD_STATE, "the measured state changed meanwhile" },
	{ TPM2_RC_AUTH_FAIL, ERR_REFUSED, "the key was made by another node's key store" },
	{ TPM2_RC_BAD_AUTH, ERR_REFUSED, "the key was made by another node's key store" },
	{ TPM2_RC_LOCKOUT, ERR_REFUSED, "the TPM locks out after too many wrong authorisations" },
	{ TPM2_RC_INTEGRITY, ERR_MISSING, "the key was wrapped by another TPM, or its hierarchy was cleared" },
	{ TPM2_RC_ECC_POINT, ERR_SYNTAX, "no point of the curve" },
	{ TPM2_RC_CURVE, ERR_UNSUPPORTED, "the TPM does not have the curve" },
	{ TPM2_RC_SCHEME, ERR_UNSUPPORTED, "the TPM does not have the scheme" },
	{ TPM2_RC_COMMAND_CODE, ERR_UNSUPPORTED, "the TPM does not have the command" },
	{ TPM2_RC_INITIALIZE, ERR_ABSENT, "the TPM was reset" },
	{ TPM2_RC_HANDLE, ERR_ABSENT, "a handle is gone: the TPM was reset" },
	{ TPM2_RC_REFERENCE_H0, ERR_ABSENT, "a key's handle is gone: the TPM was reset" },
	{ TPM2_RC_REFERENCE_S0, ERR_ABSENT, "the session is gone: the TPM was reset" },
	{ TPM2_RC_OBJECT_MEMORY, ERR_ABSENT, "no room for another key in the TPM" },
	{ TPM2_RC_SESSION_MEMORY, ERR_ABSENT, "no room for another session in the TPM" },
	{ TPM2_RC_SESSION_HANDLES, ERR_ABSENT, "no room for another session in the TPM" },
	{ TPM2_RC_FAILURE, ERR_ABSENT, "the TPM is in failure mode" },
};

/* Without the number of the handle or parameter that it is about. */
static TSS2_RC plain(TSS2_RC rc)
{
	return rc & TPM2_RC_FMT1 ? rc & 0xbf : rc;
}

bool tpm_says(TSS2_RC rc, TSS2_RC what)
{
	return (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER && plain(rc) == what;
}

err_t tpm_result(struct token *t, const char *what, TSS2_RC rc)
{
	TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

	if (rc == TSS2_RC_SUCCESS)
		return ERR_OK;
	if (layer == TSS2_TCTI_RC_LAYER)
		return token_fault(t, ERR_ABSENT, "%s: the TPM cannot be reached", what);
	for (size_t i = 0; layer == TSS2_TPM_RC_LAYER && i < COUNT_OF(results); i++) {
		if (plain(rc) == results[i].rc)
			return token_fault(t, results[i].err, "%s: %s", what, results[i].text);
	}
	/* The connection, seen from above; or a session out of step. */
	if (layer == TSS2_ESAPI_RC_LAYER || layer == TSS2_SYS_RC_LAYER)
		return token_fault(t, ERR_ABSENT, "%s: %s", what, Tss2_RC_Decode(rc));
	return token_fault(t, ERR_CRYPTO, "%s: %s", what, Tss2_RC_Decode(rc));
}

/* --- connection ------------------------------------------------------------------- */

static err_t connect_tcti(struct token *t)
{
	struct tpm *p = t->own;

	if (p->tcti)
		return ERR_OK;
	if (Tss2_TctiLdr_Initialize(t->config.tcti, &p->tcti) == TSS2_RC_SUCCESS)
		return ERR_OK;
	p->tcti = NULL;
	return token_fault(t, ERR_ABSENT, "the TPM cannot be reached: %s", t->config.tcti);
}

static bool is_device(const struct token *t)
{
	return bytes_starts(bytes_str(t->config.tcti), BYTES("device:"));
}

/* A device is opened with the rights that the process has before its sandbox. */
err_t tpm_load(struct token *t)
{
	struct tpm *p = mem_new(1, sizeof(*p));
	err_t err = ERR_OK;

	if (!p)
		return ERR_MEMORY;
	t->own = p;
	/* The stack's own log says less than ours, in another form. */
	(void)setenv("TSS2_LOG", "all+none", 1);
	p->session = p->policy = p->counter = p->copies = ESYS_TR_NONE;
	for (size_t i = 0; i < TPM_SLOTS; i++)
		p->slots[i].handle = ESYS_TR_NONE;
	p->library = dlopen(is_device(t) ? "libtss2-tcti-device.so.0" : "libtss2-tcti-swtpm.so.0",
	                    RTLD_NOW | RTLD_LOCAL);
	if (!p->library)
		err = token_fault(t, ERR_MISSING, "the library for this kind of TPM is not installed");
	else if (is_device(t))
		err = connect_tcti(t);
	return err;
}

static void disconnect(struct tpm *p)
{
	Esys_Finalize(&p->esys);
	Tss2_TctiLdr_Finalize(&p->tcti);
}

void tpm_unload(struct token *t)
{
	struct tpm *p = t->own;

	if (!p)
		return;
	Tss2_TctiLdr_Finalize(&p->tcti);
	if (p->library)
		dlclose(p->library);
	mem_free(p);
	t->own = NULL;
}

/* --- what was left behind ------------------------------------------------------------ */

static void flush_range(struct tpm *p, TPM2_HANDLE first)
{
	TPMS_CAPABILITY_DATA *seen = NULL;
	TPMI_YES_NO more;
	ESYS_TR h;

	if (Esys_GetCapability(p->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_CAP_HANDLES,
	                       first, LEFT_MAX, &more, &seen) != TSS2_RC_SUCCESS)
		return;
	for (UINT32 i = 0; i < seen->data.handles.count; i++) {
		if (Esys_TR_FromTPMPublic(p->esys, seen->data.handles.handle[i], ESYS_TR_NONE,
		                          ESYS_TR_NONE, ESYS_TR_NONE, &h) == TSS2_RC_SUCCESS)
			(void)Esys_FlushContext(p->esys, h);
	}
	Esys_Free(seen);
}

static bool no_room(TSS2_RC rc)
{
	rc = plain(rc);
	return rc == TPM2_RC_OBJECT_MEMORY || rc == TPM2_RC_SESSION_MEMORY ||
	       rc == TPM2_RC_SESSION_HANDLES;
}

static void make_room(struct token *t)
{
	struct tpm *p = t->own;

	log_event(LOG_NOTE, "TPM cleared", "why=handles that an earlier process left");
	flush_range(p, TPM_TRANSIENT);
	flush_range(p, TPM_LOADED_SESSION);
}

/* --- the primary key -------------------------------------------------------------------- */

/* A storage key for P-256 and AES-128; the same again from the same TPM. */
static const TPM2B_PUBLIC primary_template = { .publicArea = {
	.type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256,
	.objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_FIXEDTPM |
	                    TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
	                    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA,
	.parameters.eccDetail = {
		.symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB },
		.scheme.scheme = TPM2_ALG_NULL, .curveID = TPM2_ECC_NIST_P256,
		.kdf.scheme = TPM2_ALG_NULL,
	},
} };

static TSS2_RC create_primary(struct tpm *p, ESYS_TR *handle)
{
	TPM2B_SENSITIVE_CREATE nothing = { 0 };
	TPML_PCR_SELECTION none = { 0 };
	TPM2B_DATA outside = { 0 };

	return Esys_CreatePrimary(p->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
	                          ESYS_TR_NONE, &nothing, &primary_template, &outside, &none, handle,
	                          NULL, NULL, NULL, NULL);
}

static err_t open_primary(struct token *t, ESYS_TR *handle)
{
	struct tpm *p = t->own;
	TPM2B_NAME *name = NULL;
	uint8_t hash[32];
	TSS2_RC rc;
	err_t err;

	rc = create_primary(p, handle);
	if (no_room(rc)) {
		make_room(t);
		rc = create_primary(p, handle);
	}
	TRY(tpm_result(t, "primary key", rc));
	TRY(tpm_result(t, "primary key", Esys_TR_GetName(p->esys, *handle, &name)));
	crypt_sha256(bytes_make(name->name, name->size), hash);
	bytes_copy(t->state.identity, hash, TOKEN_IDENTITY);
	Esys_Free(name);
	TRY(tpm_result(t, "primary key", Esys_ContextSave(p->esys, *handle, &p->primary)));
	err = tpm_primary_made(t, *handle);
out:
	return err;
}

/* --- sessions ---------------------------------------------------------------------------- */

static TSS2_RC start_session(struct tpm *p, ESYS_TR salt, TPM2_SE kind, ESYS_TR *out)
{
	TPMT_SYM_DEF symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128,
		                   .mode.aes = TPM2_ALG_CFB };
	TPMA_SESSION keep = TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT;
	TSS2_RC rc = Esys_StartAuthSession(p->esys, salt, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
	                                   ESYS_TR_NONE, NULL, kind, &symmetric, TPM2_ALG_SHA256, out);

	if (rc == TSS2_RC_SUCCESS && kind != TPM2_SE_TRIAL)
		rc = Esys_TRSess_SetAttributes(p->esys, *out, keep, 0xff);
	return rc;
}

static err_t open_session(struct token *t, TPM2_SE kind, ESYS_TR *out)
{
	struct tpm *p = t->own;
	ESYS_TR salt;
	TSS2_RC rc;
	err_t err;

	TRY(tpm_primary(t, &salt));
	rc = start_session(p, salt, kind, out);
	if (no_room(rc)) {
		flush_range(p, TPM_LOADED_SESSION);
		rc = start_session(p, salt, kind, out);
	}
	TRY(tpm_result(t, "session", rc));
out:
	return err;
}

TPML_PCR_SELECTION tpm_pcrs(uint32_t pcrs)
{
	TPML_PCR_SELECTION s = { .count = 1 };

	s.pcrSelections[0] = (TPMS_PCR_SELECTION){ .hash = TPM2_ALG_SHA256, .sizeofSelect = 3,
		.pcrSelect = { (uint8_t)pcrs, (uint8_t)(pcrs >> 8), (uint8_t)(pcrs >> 16) } };
	return s;
}

/* A policy session is as new after each use: the PCRs are looked at each time. */
err_t tpm_policy_begin(struct token *t)
{
	struct tpm *p = t->own;

	if (p->policy == ESYS_TR_NONE)
		return open_session(t, TPM2_SE_POLICY, &p->policy);
	return tpm_result(t, "policy", Esys_PolicyRestart(p->esys, p->policy, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE));
}

static err_t state_of_making(struct token *t, uint32_t pcrs)
{
	TPML_PCR_SELECTION selection = tpm_pcrs(pcrs);
	TPM2B_DIGEST now = { 0 };
	struct tpm *p = t->own;
	err_t err;

	TRY(tpm_policy_begin(t));
	err = tpm_result(t, "policy", Esys_PolicyPCR(p->esys, p->policy, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
	                                             &now, &selection));
out:
	return err;
}

err_t tpm_authorise(struct token *t, uint32_t pcrs, ESYS_TR *session)
{
	struct tpm *p = t->own;
	err_t err = ERR_OK;

	*session = p->session;
	if (!pcrs)
		return ERR_OK;
	TRY(pcrs & TPM_APPROVED ? tpm_approved(t) : state_of_making(t, pcrs));
	TRY(tpm_result(t, "policy", Esys_PolicyAuthValue(p->esys, p->policy, ESYS_TR_NONE, ESYS_TR_NONE,
	                                                 ESYS_TR_NONE)));
	*session = p->policy;
out:
	return err;
}

/* --- opened, looked at, closed ----------------------------------------------------------- */

static void know(struct token *t)
{
	struct tpm *p = t->own;
	TPMS_CAPABILITY_DATA *seen = NULL;
	TPMI_YES_NO more;
	char maker[5] = "";

	if (Esys_GetCapability(p->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
	                       TPM2_CAP_TPM_PROPERTIES, TPM2_PT_MANUFACTURER, 1, &more,
	                       &seen) == TSS2_RC_SUCCESS) {
		if (seen->data.tpmProperties.count == 1)
			put_be32((uint8_t *)maker, seen->data.tpmProperties.tpmProperty[0].value);
		Esys_Free(seen);
	}
	for (char *c = maker; *c; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	(void)text_print(t->state.name, sizeof(t->state.name), "TPM 2.0 (%s)", maker);
	t->state.can = TOKEN_CAN_P256 | TOKEN_CAN_AGREE | TOKEN_CAN_HMAC | TOKEN_CAN_RANDOM |
	               (t->config.pcrs ? TOKEN_CAN_PCR : 0);
}

err_t tpm_open(struct token *t)
{
	struct tpm *p = t->own;
	ESYS_TR primary;
	TSS2_RC rc;
	err_t err;

	TRY(connect_tcti(t));
	TRY(tpm_result(t, "start", Esys_Initialize(&p->esys, p->tcti, NULL)));
	rc = Esys_Startup(p->esys, TPM2_SU_CLEAR);
	if (rc != TPM2_RC_INITIALIZE) /* somebody did before us */
		TRY(tpm_result(t, "start", rc));
	/* Nobody else has a simulator. What was left fills some slots, and not always all. */
	if (!is_device(t)) {
		flush_range(p, TPM_TRANSIENT);
		flush_range(p, TPM_LOADED_SESSION);
	}
	TRY(open_primary(t, &primary));
	TRY(open_session(t, TPM2_SE_HMAC, &p->session));
	know(t);
	/* Without it keys are bound to one state, and what was approved opens none. */
	if (tpm_measure(t) != ERR_OK || tpm_counter(t) != ERR_OK || tpm_approve(t) != ERR_OK)
		log_event(LOG_WARN, "measured states", "why=%s", t->state.why);
out:
	if (err != ERR_OK)
		tpm_close(t);
	return err;
}

static void flush_one(struct tpm *p, ESYS_TR *h)
{
	if (*h != ESYS_TR_NONE && p->esys)
		(void)Esys_FlushContext(p->esys, *h);
	*h = ESYS_TR_NONE;
}

void tpm_close(struct token *t)
{
	struct tpm *p = t->own;

	flush_one(p, &p->session);
	flush_one(p, &p->policy);
	tpm_approvals_forget(p);
	for (size_t i = 0; i < TPM_SLOTS; i++)
		flush_one(p, &p->slots[i].handle);
	Esys_Free(p->primary);
	p->primary = NULL;
	Esys_Finalize(&p->esys);
	if (!is_device(t))
		disconnect(p);
}

err_t tpm_check(struct token *t)
{
	struct tpm *p = t->own;
	TPMS_TIME_INFO *now = NULL;
	err_t err;

	TRY(tpm_result(t, "look", Esys_ReadClock(p->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &now)));
	Esys_Free(now);
	err = tpm_measure(t);
out:
	return err;
}
