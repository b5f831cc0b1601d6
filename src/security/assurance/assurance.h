/* assurance.h: what an authentication is worth: levels 1 to 4, computed from
 * evidence [draft 8.1.1; ISO/IEC 29115; decision D10]; and the rules that ask for a
 * level. The computing is pure: no store, no clock, no link.
 *
 *   1  the same entity as before, no more: every proof has aged, or its identity was
 *      not checked
 *   2  one factor, checked at enrolment, its key in an environment of level 1 at least
 *   3  two factors of different kinds, their keys in different environments of level
 *      2 at least
 *   4  as 3, every key in tamper-resistant hardware (level 3) that is bound to its node
 *
 * Two keys in one environment are one factor. A level ends with the first piece of
 * evidence that it stands on: what is not renewed decays. */
#ifndef ASSURANCE_ASSURANCE_H
#define ASSURANCE_ASSURANCE_H

#include "security/facts.h"
#include "store/store.h"

struct assurance {
	unsigned level;      /* 0: no evidence, 1..4 */
	int64_t until;       /* ms; the level may be lower from then on; 0: level 0 */
	const char *missing; /* what the next level needs; "" at 4; never NULL */
};

/* Evidence beyond EVIDENCE_MAX is not looked at. */
void assurance_compute(const struct evidence *e, size_t n, int64_t now, struct assurance *out);

/* "possession", "network", "state", "person". */
const char *assurance_factor_name(unsigned factor);

/* --- rules: which level a request needs ------------------------------------------ */

enum { ASSURANCE_RULES_MAX = 256, ASSURANCE_ADDRESS_MAX = 512 };

/* All conditions that are set must hold; the highest level of all rules that apply
 * counts. */
struct assurance_rule {
	uint32_t number;     /* from 1, never given again */
	unsigned level;      /* 2..4 */
	char address[ASSURANCE_ADDRESS_MAX]; /* structured, "cse-in/valve": it and all below */
	unsigned operations; /* set of enum access_bit; 0: every one */
	uint32_t type;       /* of the target, or of what is created; 0: any */
	char outside[64];    /* applies to peers outside this network, "10.0.0.0/8", and to
	                      * those whose address is not known; "": to all */
	char during[64];     /* applies within this schedule entry of 7 fields, UTC; "": always */
};

struct assurance_rules;

/* The rules in the store. ERR_TAMPERED when a record is none of ours. */
err_t assurance_open(struct store *s, struct assurance_rules **out) MUST_USE;
void assurance_close(struct assurance_rules *r);

/* Durable with the transaction; number is given here. ERR_RANGE (level), ERR_SYNTAX
 * (network, schedule, operations), ERR_FULL. */
err_t assurance_require(struct assurance_rules *r, struct assurance_rule *rule) MUST_USE;
/* ERR_MISSING. */
err_t assurance_remove(struct assurance_rules *r, uint32_t number) MUST_USE;
/* Rolled back: the rules as the store has them. */
err_t assurance_reload(struct assurance_rules *r) MUST_USE;

size_t assurance_count(const struct assurance_rules *r);
const struct assurance_rule *assurance_rule(const struct assurance_rules *r, size_t index);

/* The level that an operation on the row of this structured address needs; 0: none.
 * type: of the row; on Create also of what is created. What cannot be determined
 * makes its rule apply. */
unsigned assurance_needed(const struct assurance_rules *r, const struct decision_facts *f,
                          struct bytes address);

#endif
