/* mgmtCmd [TS-0001 9.6.16; TS-0004 7.4.16]: what is wrong with a command has status codes
 * of its own. What it would do needs an executor on this node (work_actions). */
#include "resource/engine.h"

/* The member of execReqArgs that a command of this cmdType takes. */
static const char *const arguments[] = {
	[1] = "rst", [2] = "rbo", [3] = "uld", [4] = "dld", [5] = "swin", [6] = "swup", [7] = "swun",
};

static bool is_complete(const struct complex *of, const struct cbor *map)
{
	struct cbor value;
	bool found;

	for (size_t i = 0; i < of->members_n; i++) {
		if (of->members[i].create == MAN &&
		    (cbor_find(map->raw, bytes_str(of->members[i].short_name), &value, &found) != ERR_OK || !found))
			return false;
	}
	return true;
}

/* One set of arguments, or several. What is none at all is for the rows to say. */
static err_t check_arguments(struct resource_work *w, const struct attribute *a, const struct cbor *value)
{
	struct bytes rest = value->s;
	struct cbor item;
	err_t err = ERR_OK;

	while (value->kind == CBOR_ARRAY && rest.n) {
		TRY(cbor_next(&rest, &item));
		if (item.kind == CBOR_MAP && !is_complete(schema_complex(a->enum_max & UINT16_MAX), &item))
			return refuse(w->out, RSC_INSUFFICIENT_ARGUMENTS, "an argument is missing",
			              bytes_str(a->short_name));
	}
out:
	return err;
}

static err_t asked(struct resource_work *w)
{
	uint64_t type = set_uint(&w->set, BYTES("cmt"), 0);
	struct cbor cmt, exra, value;
	struct bytes key;
	bool found = true;
	err_t err = ERR_OK;

	/* null: it is missing, and the rows say so */
	if (w->row.version == 0 && set_get(&w->asked, BYTES("cmt"), &cmt) && cmt.kind != CBOR_NULL) {
		type = cmt.kind == CBOR_UINT ? cmt.u : 0;
		if (cmt.kind == CBOR_NULL)
			goto out; /* missing */
		if (type == 0 || type >= COUNT_OF(arguments))
			return refuse(w->out, RSC_INVALID_CMDTYPE, "no such command", BYTES("cmt"));
	}
	if (type == 0 || !set_get(&w->asked, BYTES("exra"), &exra) || exra.kind != CBOR_MAP)
		goto out;
	while (found) {
		TRY(cbor_pair(&exra.s, &key, &value, &found));
		if (found && !bytes_equal(key, bytes_str(arguments[type])))
			return refuse(w->out, RSC_INVALID_ARGUMENTS, "not of this command", key);
		if (found)
			TRY(check_arguments(w, complex_member(schema_complex(C_execReqArgs), key), &value));
	}
out:
	return err;
}

const struct resource_hooks resource_hooks_mgc = { .asked = asked };
