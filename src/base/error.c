/* error.c: texts of the error table, and the end of an impossible state. */
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *name;
	const char *text;
} errors[] = {
#define ERR(name, text) { #name, text },
#include "base/err.def"
#undef ERR
};

const char *err_text(err_t err)
{
	return (unsigned)err < ERR_COUNT ? errors[err].text : "unknown error";
}

const char *err_name(err_t err)
{
	return (unsigned)err < ERR_COUNT ? errors[err].name : "UNKNOWN";
}

_Noreturn void must_failed(const char *cond, const char *file, int line)
{
	/* stderr is the log; nothing of the request is printed. */
	fprintf(stderr, "impossible state: %s (%s:%d)\n", cond, file, line);
	abort();
}
