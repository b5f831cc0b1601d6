/* door.h: the parts of holdfast-door.
 *
 *   command --ADMIN-----> door --ADMIN + user, process--> core
 *           --ADMIN_CALL->      --CALL-----------------> keeper
 *           <-ADMIN_ROW, ADMIN_DONE, ADMIN_RESULT- answers, by reference
 *   program --PROGRAM_ASK-> door --PROGRAM_CALL: user, process--> keeper
 *           <-PROGRAM_ANSWER-
 *
 * Programs have a socket of their own (door.programs), and places of their own
 * here, so that they cannot keep an administrator out. *
 * The door reads heads and moves bodies; it does not look into one, and keeps none: what has
 * passed is wiped. What a
 * command may ask is decided by the core and by the keeper's table. */
#ifndef ROLE_DOOR_H
#define ROLE_DOOR_H

#include "role/common/worker.h"

enum {
	DOOR_ADMINS_MAX = 16,
	DOOR_PROGRAMS_MAX = 64,
	DOOR_CLIENTS_MAX = DOOR_ADMINS_MAX + DOOR_PROGRAMS_MAX, /* programs behind the others */
	DOOR_PER_USER_MAX = 16,       /* programs of one user */
	DOOR_PROGRAM_OPEN_MAX = 2,    /* open questions of a program */
	DOOR_PENDING_MAX = 256,       /* open questions of all clients */
	DOOR_PROGRAM_PENDING_MAX = 192, /* those of programs, also of such as are gone: the rest is for administrators */
	DOOR_STOP_MS = 3 * 1000,      /* that open questions are answered in when the node stops */
	DOOR_LINES_A_SECOND = 5,      /* of the log, about who is turned away */
	DOOR_QUEUE_MAX = 16 << 20,    /* octets that a client leaves unread */
	DOOR_IDLE_MS = 60 * 1000,     /* without a whole message or an open question */
	DOOR_ANSWER_MS = 300 * 1000,  /* an open question keeps a client this long */
};

struct door_client {
	struct link link;
	bool used;
	uint32_t user, process;
	int64_t active;  /* clock_steady of its last whole message or answer */
	unsigned open;   /* questions without an answer */
};

/* An open question: which client asked it, under which reference of its own. */
struct door_pending {
	uint64_t ref;    /* ours, 0 free */
	uint64_t theirs;
	int client;      /* -1: the client is gone, its answer is dropped */
	bool program;
	const struct door_route *route;
};

struct door {
	struct worker worker;
	struct link core, keeper;
	int listener, programs; /* sockets; programs -1: not configured */
	bool stopping;
	int64_t stop_by;  /* clock_steady */
	int64_t second;   /* of the log */
	unsigned lines, quiet;
	struct door_client clients[DOOR_CLIENTS_MAX];
	struct door_pending pending[DOOR_PENDING_MAX];
	uint64_t next_ref;
};

/* clients.c: who is connected. */
void door_accept(struct door *d);
void door_accept_program(struct door *d);
void door_client_read(struct door *d, size_t i);
void door_client_drop(struct door *d, size_t i, const char *why);
void door_sweep(struct door *d, int64_t now);

static inline bool door_is_program(size_t client)
{
	return client >= DOOR_ADMINS_MAX;
}

/* relay.c: questions and answers. */
void door_question(struct door *d, size_t client, const struct message *m);
/* Everything that arrived on a neighbour's link. */
void door_answers(struct door *d, enum role from);
/* The neighbour is gone: what was asked of it ends with ERR_CLOSED. */
void door_neighbour_lost(struct door *d, enum role from);
void door_forget_client(struct door *d, size_t client);
struct link *door_neighbour(struct door *d, enum role role);

/* As link_close; what is left in it is wiped. */
void door_close(struct link *l);

#endif
