/* admin.h: administrative commands, as command and core see them.
 *
 * ADMIN from the command to the door: u16 command, fields. The door puts u32
 * user and u32 process of the peer in front when it relays to the core. The
 * answer: any number of ADMIN_ROW (one canonical CBOR map each), then ADMIN_DONE:
 * u8 err_t, text bytes. Fields:
 *
 *   STATUS, CREDENTIAL_LIST, ASSOCIATION_LIST, AUDIT_VERIFY, STORE_VERIFY, STORE_ROTATE, STORE_REWRAP, STORE_STATUS,
 *   ANCHOR,
 *   ASSURANCE_LIST, TICKET_LIST, REVOKED_LIST  none
 *   ENROL_CERTIFICATE  name, u8 entity kind, entity (absolute ID), App-ID, u8 replay
 *                      mode, u32 days (0: default), u8 factor (1 possession, 2 network), u8
 *                      protection level of its environment, u8 bound, environment's name,
 *                      public key (65), proof of possession
 *   ENROL_PSK          the same up to the environment's name, then
 *                      PSK identity, sealed key (keeper_calls.h IMPORT_PSK)
 *   ENROL_PEER         the same up to the environment's name, then the certificate's
 *                      domain name, its SHA-256 (32), u64 its end in ms,
 *                      its public key (65), and itself (DER)
 *   REVOKE             Credential-ID
 *   AUDIT_LIST         u64 from, u32 limit
 *   KEY_SIGN           key name, text
 *   ASSURANCE_REQUIRE  u8 level, u8 operations (0: all), u32 type (0: any), structured
 *                      address, network ("": none), schedule ("": always)
 *   ASSURANCE_REMOVE   u32 number
 *   ACCESS_GRANT       originator, u8 operations, u8 n, n u32 types that may be created, place
 *   ACCESS_WITHDRAW    u32 number of the rule, from 1, place
 *   ACCESS_LIST        place: u8 0 the CSEBase (or left out), 1 the MAF, 2 the MEF
 *   TRUST_OPEN, TRUST_LIST  u8 place
 *   TRUST_COMMAND      registration, u8 class (1 certificate, 2 configuration, 3 object), then
 *                      URI; or path, type, arguments ("": none) of an object
 *   TICKET_CREATE      id (16 hex digits), SHA-256 of its secret (32), pattern of
 *                      identifiers, App-ID, u8 protection level, u32 days (0: default),
 *                      u32 uses, u32 minutes it is good for, u8 1: an accepted maker, its
 *                      id the first digits of the SHA-256 of its certificate
 *   TICKET_KILL        id
 *   TREE_EXPORT        address; answers rows { "o": octets }, one behind the other
 *   TREE_PIECE         u8 1 the first, octets
 *   TREE_IMPORT        address of the parent, name ("": as it was), SHA-256 of all pieces (32);
 *                      answers { "resources": n }
 *   COMPARE            public key (65), u64 sequence, hash (32), u64 at, signature; answers
 *                      { "one_history", "record", "at", "records_here" }
 *   ASSOCIATION_SHOW   u64 number
 *   ASSOCIATION_APPROVE  u64 number, u32 seconds
 *   STATE_ACCEPT       Credential-ID, public key (65), u32 set of PCRs, SHA-256 over their
 *                      values (32); the last three all zeros: none any more
 *
 * ENROL_CERTIFICATE answers one row { "id": Credential-ID, "certificate": DER,
 * "until": ms }; ENROL_PSK and ENROL_PEER { "id", "until" }; KEY_SIGN { "name",
 * "signature": hex, "public": hex }: over "holdfast
 * statement" 0 text, DER ECDSA with SHA-256, or Ed25519. KEY_SIGN counts as a
 * change, so that its record is durable before the signature leaves. */
#ifndef WIRE_ADMIN_H
#define WIRE_ADMIN_H

#include "wire/wire.h"

enum admin_command {
#define ADMIN(number, name, function, effect, when, text) ADMIN_##name = (number),
#include "wire/admin.def"
#undef ADMIN
	ADMIN_COUNT = 64
};

struct admin_row {
	const char *name;
	bool changes;
	const char *text;
};
/* NULL when there is none. */
const struct admin_row *admin_row(unsigned command);

enum { ADMIN_FIELD_MAX = 4096 };

#endif
