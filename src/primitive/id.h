/* id.h: identifiers, checked and made absolute once, at the edge [TS-0004 6.2.3;
 * TS-0001 7.2]. All are case-sensitive. */
#ifndef PRIMITIVE_ID_H
#define PRIMITIVE_ID_H

#include "base/bytes.h"

enum id_form {
	ID_INVALID,
	ID_AE_STEM,      /* Cdev1, Sapp */
	ID_SP_S_AE,      /* /Sapp */
	ID_SP_C_AE,      /* /cse/Cdev1 */
	ID_ABS_AE,       /* //sp/Sapp, //sp/cse/Cdev1 */
	ID_SP_CSE,       /* /cse */
	ID_ABS_CSE,      /* //sp/cse */
	ID_ASSIGN        /* "S" or "C" alone, asking for a stem */
};

enum id_form id_form(struct bytes id);

/* Absolute form of an originator's identifier at the CSE `sp_id` + `cse_id`
 * (a stem C... is under this CSE, S... under the SP). ERR_SYNTAX. */
err_t id_absolute(struct bytes id, struct bytes sp_id, struct bytes cse_id,
                  struct buf *out) MUST_USE;

/* "/cse/Cdev1" of "//sp/cse/Cdev1" at that provider; empty for what is of another, whose
 * name may well begin like it. */
struct bytes id_behind_sp(struct bytes absolute, struct bytes sp_id);

/* (ALPHA/DIGIT)(ALPHA/DIGIT/-/./_)*, at most 128 octets. */
bool id_is_resource_name(struct bytes name);

/* "//" lower-case FQDN; "/" unreserved; */
bool id_is_sp(struct bytes id);
bool id_is_sp_relative_cse(struct bytes id);

/* An AE-ID-Stem, or any one segment, against a pattern. */
bool id_stem_matches(struct bytes stem, struct bytes pattern);

/* An identifier against an acor pattern: '*' matches within one segment
 * [TS-0003 7.1.3]. Both absolute. */
bool id_matches(struct bytes id, struct bytes pattern);

#endif
