/* answer.c: reading what a gate sent about a request, and answers that are made
 * without serving. */
#include "primitive/release.h"
#include "request/later_work.h"
#include "request/work.h"
#include "wire/wire.h"

enum { RQI_MAX = 512 };

err_t request_arrival_read(struct bytes body, unsigned gate, int64_t now,
                           struct request_arrival *out)
{
	struct wire_in in = wire_in(body);
	struct bytes address;
	err_t err;

	*out = (struct request_arrival){ .gate = gate, .now = now };
	out->association = wire_get_u64(&in);
	out->address_n = wire_get_u8(&in);
	address = wire_get_fixed(&in, sizeof(out->address));
	TRY(in.err);
	out->primitive = in.rest;
	if (out->address_n & ARRIVAL_EXPORTS) {
		TRY(in.rest.n >= 2 * ARRIVAL_EXPORTED ? ERR_OK : ERR_SYNTAX);
		out->primitive.n -= 2 * ARRIVAL_EXPORTED;
		out->exported = bytes_sub(in.rest, out->primitive.n, 2 * ARRIVAL_EXPORTED);
		out->address_n &= ~(unsigned)ARRIVAL_EXPORTS;
	}
	TRY(out->address_n == 0 || out->address_n == 4 || out->address_n == 16 ? ERR_OK
	                                                                      : ERR_SYNTAX);
	bytes_copy(out->address, address.p, address.n);
out:
	return err;
}

/* A text member of a primitive, as far as it can be read. */
static struct bytes text_member(struct bytes primitive, struct bytes key, size_t max)
{
	struct cbor value;
	bool found;

	if (cbor_find(primitive, key, &value, &found) != ERR_OK || !found ||
	    value.kind != CBOR_TEXT || value.s.n > max || !bytes_is_utf8(value.s))
		return BYTES_NONE;
	return value.s;
}

struct bytes answer_identifier(struct bytes primitive)
{
	return text_member(primitive, BYTES("rqi"), RQI_MAX);
}

struct bytes answer_release(const struct work *w)
{
	return w->request.rqi.n || w->request.rvi.n ? release_of_answer(w->request.rvi) : BYTES("3");
}

bool request_only_reads(struct bytes primitive)
{
	struct cbor value;
	bool found;

	return cbor_find(primitive, BYTES("op"), &value, &found) == ERR_OK && found &&
	       value.kind == CBOR_UINT && value.u == OPERATION_RETRIEVE;
}

err_t request_refuse(struct bytes primitive, unsigned status, struct buf *answer)
{
	struct response_primitive response = {
		.status = status, .rqi = answer_identifier(primitive), .rvi = BYTES("3"),
	};

	must(status_row(status));
	return response_write(&response, answer);
}

/* Too many that wait, too much for one request: it may be asked again, or for less. */
static unsigned failed_status(err_t why)
{
	return why == ERR_LIMIT ? RSC_NOT_ACCEPTABLE : RSC_INTERNAL_SERVER_ERROR;
}

err_t request_failed(struct request_room *room, const struct request_arrival *in,
                     err_t why, struct buf *answer)
{
	struct audit_record record = {
		.kind = AUDIT_DECISION, .at = in->now, .association = in->association,
		.originator = text_member(in->primitive, BYTES("fr"), FACT_ID_MAX),
		.target = text_member(in->primitive, BYTES("to"), RQI_MAX),
		.request = answer_identifier(in->primitive), .resource = in->deferred,
		.status = failed_status(why), .rule = bytes_str(err_name(why)),
		.text = bytes_str(err_text(why)),
	};
	size_t answered = answer->n;
	err_t err;

	TRY(work_mark(room));
	err = audit_append(room->audit, &record);
	if (err == ERR_OK && in->deferred)
		err = later_failed(room, in);
	else if (err == ERR_OK)
		err = request_refuse(in->primitive, failed_status(why), answer);
	if (err == ERR_OK) {
		store_release_mark(room->store);
	} else {
		work_undo(room);
		answer->n = answered;
	}
out:
	return err;
}
