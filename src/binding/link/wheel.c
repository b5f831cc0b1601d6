/* wheel.c: the deadlines of all connections under one timer.
 *
 * Each entry stands in the slot of a time not later than its deadline. A
 * deadline that moves away, as on every request, costs nothing: the slot finds
 * out when its time comes and moves the entry on. */
#include "binding/link/inside.h"

void wheel_init(struct wheel *w, int64_t now)
{
	*w = (struct wheel){ .now = now - now % WHEEL_TICK_MS };
}

void wheel_remove(struct timed *t)
{
	if (!t->from)
		return;
	*t->from = t->next;
	if (t->next)
		t->next->from = t->from;
	t->from = NULL;
	t->next = NULL;
}

static void wheel_insert(struct wheel *w, struct timed *t)
{
	int64_t farthest = w->now + (int64_t)(WHEEL_SLOTS - 1) * WHEEL_TICK_MS;
	int64_t when = t->deadline < w->now + WHEEL_TICK_MS ? w->now + WHEEL_TICK_MS : t->deadline;
	struct timed **head;

	if (when > farthest)
		when = farthest;
	/* Up to the end of a tick, so that the deadline has passed when it is looked at. */
	t->slotted = when;
	head = &w->slot[(when + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS % WHEEL_SLOTS];
	t->next = *head;
	t->from = head;
	if (t->next)
		t->next->from = &t->next;
	*head = t;
}

void wheel_set(struct wheel *w, struct timed *t, int64_t deadline)
{
	t->deadline = deadline;
	if (t->from && t->slotted <= deadline)
		return;
	wheel_remove(t);
	if (deadline != INT64_MAX)
		wheel_insert(w, t);
}

void wheel_run(struct wheel *w, int64_t now, void (*expired)(void *self, struct timed *t),
               void *self)
{
	while (w->now + WHEEL_TICK_MS <= now) {
		struct timed **head;

		w->now += WHEEL_TICK_MS;
		head = &w->slot[w->now / WHEEL_TICK_MS % WHEEL_SLOTS];
		while (*head) {
			struct timed *t = *head;

			wheel_remove(t);
			if (t->deadline <= w->now)
				expired(self, t);
			else if (t->deadline != INT64_MAX)
				wheel_insert(w, t);
		}
	}
}
