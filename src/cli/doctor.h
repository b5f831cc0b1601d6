/* doctor.h: what the checks of `holdfast doctor` share. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/door.h"

enum { SAYS_MAX = 512 };

enum verdict { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_SKIPPED };

struct doctor {
	struct cli *cli;
	struct conf conf;
	bool root_started; /* the workers have users of their own */
	struct door door;
	bool asks;           /* the node answers */
	bool hangs;          /* it runs, and does not */
	struct buf status;   /* row of ADMIN_STATUS */
	/* of the check at hand */
	char says[SAYS_MAX];
	const char *means, *repair; /* of its row, or of what was found */
	unsigned warnings;   /* keeper_status.warnings */
};

enum verdict doctor_say(struct doctor *d, enum verdict v, const char *words, const char *which);

/* What this reason of the keeper means, and what to do; unknown ones leave the check's row. */
void doctor_locked(struct doctor *d, struct bytes why);

/* Refusals of the keeper among the last records of the audit log. */
enum doctor_refusals { DOCTOR_ORDERS, DOCTOR_SHARES, DOCTOR_CALLERS };
enum verdict doctor_refused(struct doctor *d, enum doctor_refusals class, const char *none);

/* Clone alarms among them. */
enum verdict doctor_clones(struct doctor *d);

#endif
