/* name.h: names that the keeper takes. */
#ifndef WIRE_NAME_H
#define WIRE_NAME_H

#include "base/bytes.h"

/* [A-Za-z0-9._:@/-]+, at most KEEPER_NAME_MAX. */
bool name_is_key(struct bytes name);

/* The same, or an earlier version of it: with "#" and a number behind. */
bool name_is_kept(struct bytes name);

/* app/USER/NAME -> the user. ERR_SYNTAX; the number has one spelling. */
err_t name_program_user(struct bytes name, uint32_t *user) MUST_USE;

/* The same, when programs can do something of this purpose with a key of this class: else
 * ERR_UNSUPPORTED, ERR_REFUSED. */
err_t name_program_key(struct bytes name, unsigned class, unsigned purpose, uint32_t *user) MUST_USE;

/* "//" then a lower-case domain name. */
bool name_is_sp(struct bytes name);

/* "/" then unreserved characters, beginning with letter or digit. */
bool name_is_cse(struct bytes name);

/* Labels of letters, digits, '-' and '_', with dots between; at most 253. */
bool name_is_domain(struct bytes name);

/* Absolute AE-ID: SP-ID "/" S-stem, or SP-ID CSE-ID "/" C-stem. */
bool name_is_absolute_ae(struct bytes name, struct bytes sp);

/* Equal but for the case of ASCII letters, as domain names are. */
bool name_same_domain(struct bytes a, struct bytes b);

#endif
