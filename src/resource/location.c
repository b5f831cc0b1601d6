/* location.c: where an originator is, as far as somebody trusted says so.
 *
 * A locationPolicy names whose places its container holds (locationTargetID). Only
 * an instance that the named source itself wrote counts, and only while it is
 * fresh: what an originator says of its own place permits nothing. */
#include "resource/engine.h"

#include "base/number.h"
#include "primitive/id.h"

enum { FRESH_MS = 15 * 60 * 1000, POLICIES_MAX = 16, LOCATION_POLICY = 10, CONTAINER = 3,
       CONTENT_INSTANCE = 4 };

/* "52.5,13.4": latitude and longitude in degrees. */
static bool read_place(struct bytes text, double *latitude, double *longitude)
{
	struct bytes east = text, north = bytes_cut(&east, ',');

	return number_parse(bytes_trim(north), latitude) == ERR_OK &&
	       number_parse(bytes_trim(east), longitude) == ERR_OK && *latitude >= -90 &&
	       *latitude <= 90 && *longitude >= -180 && *longitude <= 180;
}

/* The newest instance of the policy's container, when the source wrote it. */
static err_t place_of(struct resources *r, const struct store_row *policy, struct bytes source,
                      int64_t now, struct location *out)
{
	const struct store_row *row;
	struct place container;
	struct cbor loi, con, creator;
	bool has, written;
	double latitude, longitude;
	uint64_t id;
	err_t err;

	TRY(body_get(policy->body, BYTES("loi"), &loi, &has));
	if (!has || loi.kind != CBOR_TEXT)
		goto out;
	TRY(tree_walk(r, loi.s, &container));
	if (container.where != TARGET_HERE || container.type != CONTAINER || container.virtual_child)
		goto out;
	TRY(instance_first(r, container.id, CONTENT_INSTANCE, true, &id));
	if (id == 0)
		goto out;
	TRY(store_get(r->store, id, &row));
	if (!row || row_expired(row, now) || row->created + FRESH_MS <= now || row->created < out->at)
		goto out;
	TRY(body_get(row->body, BYTES(INTERNAL_CREATOR), &creator, &written));
	TRY(body_get(row->body, BYTES("con"), &con, &has));
	if (!written || !has || creator.kind != CBOR_TEXT || !bytes_equal(creator.s, source) ||
	    con.kind != CBOR_TEXT || !read_place(con.s, &latitude, &longitude))
		goto out;
	*out = (struct location){ true, latitude, longitude, row->created };
out:
	return err;
}

err_t resource_location(struct resources *r, struct bytes source, struct bytes originator,
                        int64_t now, struct location *out)
{
	struct store_find find = { .name = BYTES("lot"), .value = originator, .limit = POLICIES_MAX };
	const struct store_row *row;
	uint64_t ids[POLICIES_MAX];
	size_t n;
	err_t err = ERR_OK;

	*out = (struct location){ .known = false };
	/* Nobody is the source of its own place. */
	if (source.n == 0 || originator.n == 0 || bytes_equal(source, originator))
		goto out;
	TRY(store_index_find(r->store, &find, ids, &n));
	for (size_t i = 0; i < n && resource_spend(r, 1); i++) {
		TRY(store_get(r->store, ids[i], &row));
		if (row && row->type == LOCATION_POLICY && !row_expired(row, now))
			TRY(place_of(r, row, source, now, out));
	}
out:
	return err;
}
