/* permit.c: proof that an access decision said yes. */
#include "permit/mint.h"

bool permit_covers(const struct permit *p, unsigned access_bit, uint64_t resource)
{
	if (!p)
		return false;
	if (p->everything)
		return true;
	return access_bit != 0 && (p->access & access_bit) == access_bit &&
	       p->resource == resource;
}

const char *permit_reason(const struct permit *p)
{
	return p ? p->reason : "none";
}

const struct permit *permit_for_system(const char *reason)
{
	/* The core has one thread; one such permit is in use at a time. */
	static struct permit system_permit;

	system_permit = (struct permit){ .everything = true };
	must(bytes_put_str(system_permit.reason, sizeof(system_permit.reason),
	                   bytes_str(reason)) == ERR_OK);
	return &system_permit;
}
