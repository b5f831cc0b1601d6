/* purpose.h: what each purpose of a signature signs: its form, octet for octet, and
 * which role has it signed. No input has the forms of two. */
#ifndef WIRE_PURPOSE_H
#define WIRE_PURPOSE_H

#include "wire/keeper_calls.h"

/* Is this what an asker of that role may have signed for the purpose? Those of
 * programs are not: they are asked for otherwise. */
bool purpose_fits(unsigned purpose, enum role role, struct bytes input);

#endif
