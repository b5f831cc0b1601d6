/* admin.c: the table of administrative commands. */
#include "wire/admin.h"

enum { READS = 0, CHANGES = 1 };

static const struct admin_row rows[ADMIN_COUNT] = {
#define ADMIN(number, name, function, effect, when, text) [number] = { #name, (effect) == CHANGES, text },
#include "wire/admin.def"
#undef ADMIN
};

const struct admin_row *admin_row(unsigned command)
{
	return command < ADMIN_COUNT && rows[command].name ? &rows[command] : NULL;
}
