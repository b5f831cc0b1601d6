/* error.h: how an operation inside the program ends.
 *
 * Every function that can fail returns err_t and the caller must look at it.
 * Absence is not an error: functions that look something up return ERR_OK and
 * leave the result empty. Impossible states are must(), always compiled in. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#define MUST_USE __attribute__((warn_unused_result))

#define ERR(name, text) ERR_##name,
typedef enum err {
#include "base/err.def"
	ERR_COUNT
} err_t;
#undef ERR

/* The table's text for an error; never NULL. */
const char *err_text(err_t err);

/* The table's name for an error, as "TAMPERED"; never NULL. */
const char *err_name(err_t err);

/* Leave by the label `out:` when expr fails; `err` must be in scope. */
#define TRY(expr)                                                              \
	do {                                                                   \
		err = (expr);                                                  \
		if (err != ERR_OK)                                             \
			goto out;                                              \
	} while (0)

/* A condition that cannot be false in a correct program. Ends the process. */
#define must(cond)                                                             \
	((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__))

_Noreturn void must_failed(const char *cond, const char *file, int line);

#endif
