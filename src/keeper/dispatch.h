/* dispatch.h: one operation being carried out. Private to the room. */
#ifndef KEEPER_DISPATCH_H
#define KEEPER_DISPATCH_H

#include "keeper/handle.h"
#include "provider/place.h"

struct call {
	struct keeper_state *ks;
	struct keeper_caller *who;
	struct wire_in in;    /* the operation's fields */
	struct wire_out out;  /* the answer's fields */
	struct bytes subject; /* name for the record of an audited operation */
	uint64_t event;       /* number of that record, when it is waited for */
};

/* A CALL's body; `again`: it was put aside (wire/token_wait.h). ERR_PENDING: it is. */
err_t dispatch_carry_out(struct keeper_state *ks, struct keeper_caller *who, struct bytes body,
                         struct buf *result, bool again) MUST_USE;

/* The same of a PROGRAM_CALL: u32 user, u32 process, then a CALL's body. */
enum { PROGRAM_HEAD = 8 };
err_t program_carry_out(struct keeper_state *ks, struct bytes call, struct buf *result,
                        bool again) MUST_USE;

typedef err_t (*operation_run)(struct call *c);

/* Names of the keys that a node has from its birth. */
#define NAME_NODE BYTES("node")
#define NAME_CA BYTES("ca")
#define NAME_AUDIT BYTES("audit")
#define NAME_IMPORT BYTES("import")
#define NAME_ROOT BYTES("root")

/* A key of that name, not ended. ERR_MISSING. */
err_t call_key(struct call *c, struct bytes name, struct vault_key **out) MUST_USE;

/* The same, when its policy lets this asker use it in this way (one of enum
 * key_use) now. ERR_REFUSED. */
err_t call_use(struct call *c, struct bytes name, uint32_t use, struct vault_key **out) MUST_USE;

/* From a key as it is today to its version of that number. ERR_MISSING, for instance because
 * it has ended. */
err_t call_version(struct call *c, uint32_t version, struct vault_key **key) MUST_USE;

/* One more use of it. Of a key that has a last one, each is written at once, so
 * that no crash gives one back. */
err_t call_count(struct call *c, struct vault_key *key) MUST_USE;

/* May keys of this class be made and used, by table, date and policy [CM26]?
 * ERR_REFUSED. */
err_t call_class(enum key_class class) MUST_USE;

/* Take over `key` as vault_add does, and write it; one that could not be written
 * is not kept. */
err_t call_keep(struct call *c, struct bytes name, struct vault_key *key,
                struct vault_key **out) MUST_USE;

/* handshakes.c */
err_t run_open_key(struct call *c) MUST_USE;
err_t run_sign(struct call *c) MUST_USE;
err_t run_psk_open(struct call *c) MUST_USE;
err_t run_tls13_extract(struct call *c) MUST_USE;
err_t run_tls13_binder(struct call *c) MUST_USE;
err_t run_tls13_show(struct call *c) MUST_USE;
err_t run_tls12_master(struct call *c) MUST_USE;
err_t run_close_handle(struct call *c) MUST_USE;

/* node.c */
err_t run_status(struct call *c) MUST_USE;
err_t run_data_key_new(struct call *c) MUST_USE;
err_t run_data_key_open(struct call *c) MUST_USE;
err_t run_data_key_rewrap(struct call *c) MUST_USE;
err_t run_index_key(struct call *c) MUST_USE;
err_t run_anchor(struct call *c) MUST_USE;
err_t run_anchor_read(struct call *c) MUST_USE;
err_t run_mac_check(struct call *c) MUST_USE;
err_t run_key_list(struct call *c) MUST_USE;

err_t run_provider_list(struct call *c) MUST_USE;

/* enrolment.c */
err_t run_certify(struct call *c) MUST_USE;
err_t run_certify_request(struct call *c) MUST_USE;
err_t run_revoked_list(struct call *c) MUST_USE;
err_t run_certificate_good(struct call *c) MUST_USE;
err_t run_import_psk(struct call *c) MUST_USE;
err_t run_assign_psk(struct call *c) MUST_USE;
err_t run_destroy(struct call *c) MUST_USE;

/* program.c */
err_t run_program_keys(struct call *c) MUST_USE;
err_t run_program_sign(struct call *c) MUST_USE;
err_t run_program_agree(struct call *c) MUST_USE;
err_t run_program_seal(struct call *c) MUST_USE;
err_t run_program_unseal(struct call *c) MUST_USE;
err_t run_program_wrap(struct call *c) MUST_USE;
err_t run_program_random(struct call *c) MUST_USE;

/* order.c */
err_t run_order_challenge(struct call *c) MUST_USE;
err_t run_order_prepare(struct call *c) MUST_USE;
err_t run_order_execute(struct call *c) MUST_USE;
err_t run_order_recorded(struct call *c) MUST_USE;
err_t run_administrator_list(struct call *c) MUST_USE;
err_t run_pending_list(struct call *c) MUST_USE;
err_t run_standing(struct call *c) MUST_USE;

/* backup.c */
err_t run_backup_read(struct call *c) MUST_USE;
err_t run_restore_begin(struct call *c) MUST_USE;
err_t run_restore_part(struct call *c) MUST_USE;

/* lost.c */
err_t run_certificates(struct call *c) MUST_USE;
err_t order_token_lost(struct call *c, struct wire_in *in, bool really) MUST_USE;

/* make.c: certificates of CA and node, as PEM. */
err_t keeper_certificates(struct vault *v, unsigned days, struct buf *pem) MUST_USE;

/* repair.c */
err_t run_rebind_begin(struct call *c) MUST_USE;
err_t run_rebind(struct call *c) MUST_USE;

/* evidence.c */
err_t run_evidence(struct call *c) MUST_USE;
err_t run_activate(struct call *c) MUST_USE;
err_t order_accept(struct call *c, struct wire_in *in, bool really) MUST_USE;

/* pairing.c */
err_t order_approve(struct call *c, struct wire_in *in, bool really) MUST_USE;

/* KEEPER_EVENT for the core, `event` 0: not waited for. */
void dispatch_event(struct keeper_state *ks, const struct keeper_caller *who, unsigned op,
                    err_t status, struct bytes subject, uint64_t event);

/* derive.c */
err_t run_derive(struct call *c) MUST_USE;
err_t run_release(struct call *c) MUST_USE;
/* The octets, valid for this call, of what came out of an exporter or was derived of that: no key
 * that a handshake or this node uses. ERR_REFUSED: any other; ERR_UNSUPPORTED: on a token. */
err_t derive_exported(struct call *c, struct bytes name, struct bytes *raw) MUST_USE;

#endif
