/* options.h: the configuration, from options.def. */
#ifndef ROLE_OPTIONS_H
#define ROLE_OPTIONS_H

#include "wire/wire.h"

enum option_id {
#define OPTION(name, kind, def, min, max, unit, roles, when, text) OPT_##name,
#include "role/common/options.def"
#undef OPTION
	OPT_COUNT
};

enum option_kind { OPTION_NUMBER, OPTION_TEXT, OPTION_FLAG };

struct option_row {
	const char *name; /* as in the file: dots for the first underscore, "gate.workers" */
	enum option_kind kind;
	const char *initial, *unit, *text;
	const char *choices; /* words separated by blanks, NULL: any text */
	uint64_t min, max;
	unsigned roles;
	bool reloads;
};
const struct option_row *option_row(enum option_id id);

struct options {
	char *text[OPT_COUNT];     /* owned; NULL: the default */
	uint64_t number[OPT_COUNT];
};

/* All defaults. */
err_t options_init(struct options *o) MUST_USE;
void options_free(struct options *o);
uint64_t options_number(const struct options *o, enum option_id id);
bool options_flag(const struct options *o, enum option_id id);
const char *options_text(const struct options *o, enum option_id id); /* never NULL */

/* One assignment, checked against the row. ERR_MISSING: no such option. */
err_t options_set(struct options *o, struct bytes name, struct bytes value) MUST_USE;

/* A whole file's text, over the defaults: what the file does not name is the
 * default. On error nothing of *o changed, and `where` says line and reason,
 * with the nearest name when there is no such option. `lab` is no option of a
 * file: only holdfastd --lab sets it. */
err_t options_parse(struct options *o, struct bytes file, char *where, size_t where_size) MUST_USE;

/* The table as a file: every option commented out, with its default. */
err_t options_print(struct buf *out) MUST_USE;

enum { OPTIONS_FILE_MAX = 65536, OPTION_NAME_MAX = 48 };

/* To and from START and RELOAD bodies: only options that `role` sees. */
err_t options_write(const struct options *o, enum role role, bool reload, struct buf *out) MUST_USE;
/* algorithms.refuse and algorithms.legacy become this process's policy. *bad: the
 * name that is not in the table, or cannot be refused or enabled. */
err_t options_algorithms(const struct options *o, struct bytes *bad) MUST_USE;

err_t options_read(struct options *o, struct bytes body) MUST_USE;

#endif
