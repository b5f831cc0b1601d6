/* executor.h: who carries out what a management object asks for.
 *
 * An attribute with F_ACTION that is set to true asks for an action on a device.
 * It is accepted only when an executor for it is installed on this node; without
 * one the answer is 5001, and nothing is stored that looks like success. None is
 * installed by this program yet: firmware and software need a verifier first. */
#ifndef RESOURCE_EXECUTOR_H
#define RESOURCE_EXECUTOR_H

#include "resource/resource.h"

struct executor {
	uint32_t type;         /* 13 mgmtObj, 12 mgmtCmd */
	uint32_t management;   /* mgmtDefinition; of a mgmtCmd its cmdType */
	const char *attribute; /* short name */
	/* Take the action on: the work's set is what the resource will be. What it
	 * refuses is the answer. It sets the status attributes as far as it got. The update may
	 * yet be undone (who may forbid it is asked last): nothing is begun before it is committed. */
	err_t (*start)(struct resource_work *w);
};

/* n rows that live as long as the room. */
void resource_executors(struct resources *r, const struct executor *rows, size_t n);

#endif
