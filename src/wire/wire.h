/* wire.h: messages between our own processes. Domain 2 of the draft [5.1].
 *
 *    0       4    6    8              16
 *    +-------+----+----+--------------+------------------+
 *    | size  |type| 0  |  reference   |  body: size octets
 *    +-------+----+----+--------------+------------------+
 *
 * All integers big-endian. The reference is chosen by the asker and comes back
 * in the answer. Rows of messages.def say who may send what to whom, how large,
 * and whether it asks or answers; link_next() refuses everything else with ERR_REFUSED and the
 * link is dead from then on. One write and one read per loop turn carry many
 * messages. A link blocks only inside link_wait(). */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include "base/bytes.h"

enum role {
#define ROLE(name, program, text) ROLE_##name,
#include "wire/roles.def"
#undef ROLE
	ROLE_COUNT
};

/* The user of a process: the option user.base, of which this is the default, and its role; of a token:
 * that, TOKEN_USERS and its number. */
enum { USER_BASE = 62000, TOKEN_USERS = 16 };

enum message_type {
#define MESSAGE(number, name, from, to, max, kind, text) MSG_##name = (number),
#include "wire/messages.def"
#undef MESSAGE
	MSG_TYPE_COUNT = 64
};

enum operation {
#define OPERATION(number, name, who, rate, audited, text) OP_##name = (number),
#include "wire/operations.def"
#undef OPERATION
	OP_COUNT = 64
};

/* Sets of roles, for the columns of the tables. */
#define TO(role) ROLES_##role
enum role_set {
	ROLES_NONE = 0,
#define ROLE(name, program, text) ROLES_##name = 1 << ROLE_##name,
#include "wire/roles.def"
#undef ROLE
	ROLES_ALL = ROLES_KEEPER | ROLES_CORE | ROLES_GATE | ROLES_COURIER | ROLES_DOOR |
	            ROLES_TOKEN | ROLES_NETWORK
};

enum message_kind { MESSAGE_TELLS, MESSAGE_ASKS, MESSAGE_ANSWERS, MESSAGE_PART };

/* SEND: u32 ms it may take, u8 flags, u8 serialisation (0 JSON, 1 CBOR, 2 XML), URL bytes,
 * primitive bytes. SENT: u8 err_t, answer primitive bytes (empty unless ERR_OK). */
enum {
	SEND_REPEAT = 1, /* may go twice, when a kept connection ended unanswered */
	SEND_TO = 2,     /* To stands behind the path of the URL; else the URL is all */
	SEND_PLAIN = 4,  /* media type of the serialisation alone: application/json, not application/vnd... */
	SEND_TARGET_MAX = 2048,
};

/* NETWORK_KEY: identity bytes, as the keeper has it, u8 length of the source's address,
 * address 16. NETWORK_KEYED: u8 err_t.
 * NETWORK_FETCH: u8 network (of network/adapters.def), u8 its UICC's key is wanted,
 * identity bytes, as the network knows it; target bytes (empty: the key itself; else the
 * absolute AE-ID of the device whose key is derived from it), identity bytes that the key
 * is sealed for, import point 65.
 * NETWORK_FETCHED: u8 err_t, subscriber bytes, u64 end (ms), sealed bytes, as of IMPORT_PSK. */
enum { NETWORK_IDENTITY_MAX = 124 };

struct message_row {
	const char *name;
	unsigned from, to; /* role sets */
	size_t max;
	enum message_kind kind;
};

/* The row of a type, NULL when there is none. */
const struct message_row *message_row(unsigned type);

const char *role_name(enum role role);    /* "core" */
const char *role_program(enum role role); /* "holdfast-core" */

enum { WIRE_HEAD = 16, WIRE_BODY_MAX = 8 * 1024 * 1024, WIRE_ASKED_MAX = 65536 };

struct message {
	enum message_type type;
	uint64_t ref;
	struct bytes body; /* a view into the link, valid until the next read */
};

/* One end of a socket pair. */
struct link {
	int fd;
	enum role self, peer;
	unsigned peer_number; /* which gate */
	bool dead;
	struct buf in;
	size_t in_at; /* octets of `in` already given out */
	struct buf out;
	/* open questions of ours, so that an answer nobody asked for is refused */
	uint64_t *asked;
	size_t asked_at, asked_n, asked_cap; /* open are those from asked_at to asked_n */
};

void link_init(struct link *l, int fd, enum role self, enum role peer,
               unsigned peer_number);

/* Close and forget; harmless on a zeroed one. */
void link_close(struct link *l);

/* Queue a message. ERR_REFUSED when the table does not allow us to send it,
 * ERR_LIMIT when the peer does not read (more than max queued), or answered none of
 * WIRE_ASKED_MAX questions. One that asks is remembered by reference. */
err_t link_send(struct link *l, enum message_type type, uint64_t ref,
                struct bytes body) MUST_USE;

/* Write what is queued; what does not fit now stays. ERR_CLOSED, ERR_IO. */
err_t link_flush(struct link *l) MUST_USE;
bool link_wants_write(const struct link *l);

/* The same on links that carry secrets: where the octets lay that left, none is left. */
err_t link_flush_wipe(struct link *l) MUST_USE;
/* A view of a message that was read, its body or a part of it: none of that is left. */
void link_wipe(struct link *l, struct bytes view);

/* One read. ERR_OK also when nothing was there; ERR_CLOSED at the end. */
err_t link_read(struct link *l) MUST_USE;

/* The next whole message; *found false when there is none. ERR_REFUSED for a
 * message that its row does not allow; the link is then dead. */
err_t link_next(struct link *l, struct message *out, bool *found) MUST_USE;

/* Block until octets can be read, at most ms. ERR_TIMEOUT. */
err_t link_wait(struct link *l, int ms) MUST_USE;

/* Send a descriptor with a one-message body, alone in its datagram of the
 * stream; control links only. Blocks. */
err_t link_send_fd(struct link *l, enum message_type type, uint64_t ref,
                   struct bytes body, int fd) MUST_USE;

/* Receive on a control link, keeping at most one descriptor per read in *fd
 * (-1 when none came). Otherwise as link_read. */
err_t link_read_fd(struct link *l, int *fd) MUST_USE;

/* A connected pair, close-on-exec, with room for bursts. */
err_t link_pair(int fd[2]) MUST_USE;

/* --- bodies: fixed layout, no outside format ---------------------------- */

struct wire_in {
	struct bytes rest;
	err_t err; /* sticky: read all, check once */
};

static inline struct wire_in wire_in(struct bytes body)
{
	return (struct wire_in){ body, ERR_OK };
}

uint8_t wire_get_u8(struct wire_in *in);
uint16_t wire_get_u16(struct wire_in *in);
uint32_t wire_get_u32(struct wire_in *in);
uint64_t wire_get_u64(struct wire_in *in);

/* n octets as they stand. */
struct bytes wire_get_fixed(struct wire_in *in, size_t n);

/* u32 length, then at most max octets. */
struct bytes wire_get_bytes(struct wire_in *in, size_t max);

/* ERR_OK when all was well and nothing is left over, else ERR_SYNTAX. */
err_t wire_done(const struct wire_in *in) MUST_USE;

struct wire_out {
	struct buf *buf;
	err_t err; /* sticky */
};

static inline struct wire_out wire_out(struct buf *buf)
{
	return (struct wire_out){ buf, ERR_OK };
}

void wire_put_u8(struct wire_out *out, uint8_t v);
void wire_put_u16(struct wire_out *out, uint16_t v);
void wire_put_u32(struct wire_out *out, uint32_t v);
void wire_put_u64(struct wire_out *out, uint64_t v);
void wire_put_fixed(struct wire_out *out, struct bytes b);
void wire_put_bytes(struct wire_out *out, struct bytes b);

#endif
