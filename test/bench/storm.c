/* storm: all devices end, or come back, together; simulated time, the node's own rules.
 *
 * usage: bench-storm DEVICES SECONDS HANDSHAKES
 * Prints `name ours limit ratio`: the fullest second against the mean over the time, with the
 * rules, beside the same without. HANDSHAKES a second is what the gates can do (measured
 * elsewhere); who waits longer for his than HANDSHAKE_MAX gives up and comes again, after a
 * pause that doubles, drawn by chance. Who is told when to come comes then. */
#include "binding/link/admission.h"
#include "security/association/registry_inner.h"

#include <stdio.h>
#include <stdlib.h>

enum { TICK = 10000, SECOND = 1000000, HANDSHAKE_MAX = 10 * SECOND, END = 2000, TICKS = END * (SECOND / TICK) };

struct device { int64_t at; unsigned attempts, gave_up; struct device *next; };

static uint64_t seed = 88172645463325252u;

/* xorshift64: the same each time. */
static uint64_t draw(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static double peak_to_mean(const unsigned *bins, size_t seconds, size_t devices)
{
	unsigned most = 0;

	for (size_t i = 0; i < END; i++)
		most = bins[i] > most ? bins[i] : most;
	return most * (double)seconds / (double)devices;
}

/* Opened together, for five times the time; the last fifth is where they end. */
static double ends(size_t devices, size_t seconds, bool jitter)
{
	unsigned *bins = calloc(END, sizeof(*bins));
	int64_t life = 5 * (int64_t)seconds * 1000, least = life - life / 5;
	double ratio;

	for (size_t i = 0; i < devices; i++) {
		int64_t at = (jitter ? registry_jittered(life) : life) - least;

		bins[at / 1000 < END ? at / 1000 : END - 1]++;
	}
	ratio = peak_to_mean(bins, seconds, devices);
	free(bins);
	return ratio;
}

struct restart { double ratio, attempts; unsigned most_attempts, most_gave_up, gave_up; size_t in, last; };

/* Who comes in which tick, and who is there and waits, in the order of coming. */
struct crowd {
	struct device *coming[TICKS], *first, *last;
	size_t outside;
};

static void send(struct crowd *c, struct device *d, int64_t at)
{
	size_t tick = (size_t)(at / TICK);

	d->at = at;
	tick = tick < TICKS ? tick : TICKS - 1;
	d->next = c->coming[tick];
	c->coming[tick] = d;
}

static void arrive(struct crowd *c, size_t tick)
{
	for (struct device *d = c->coming[tick], *next; d; d = next) {
		next = d->next;
		d->next = NULL;
		*(c->last ? &c->last->next : &c->first) = d;
		c->last = d;
	}
}

static struct device *take(struct crowd *c)
{
	struct device *d = c->first;

	c->first = d->next;
	if (!c->first)
		c->last = NULL;
	return d;
}

/* Waited too long: again, after a pause. */
static void give_up(struct crowd *c, struct restart *r, int64_t now)
{
	while (c->first && now - c->first->at > HANDSHAKE_MAX) {
		struct device *d = take(c);
		unsigned pause = 2u << (d->gave_up < 5 ? d->gave_up : 5);

		d->gave_up++;
		r->gave_up++;
		r->most_gave_up = d->gave_up > r->most_gave_up ? d->gave_up : r->most_gave_up;
		send(c, d, now + TICK + (int64_t)draw((uint64_t)pause * SECOND));
	}
}

/* The gates work off who is there, first come first served; each handshake costs the same,
 * also that of who is then told to come again. */
static struct restart restart(size_t devices, size_t seconds, uint64_t rate, double handshakes)
{
	struct device *all = calloc(devices, sizeof(*all));
	struct crowd *c = calloc(1, sizeof(*c));
	unsigned *bins = calloc(END, sizeof(*bins));
	struct admission gate = { .admitted = 0 };
	struct restart r = { .in = 0 };
	double credit = 0;

	for (size_t i = 0; i < devices; i++)
		send(c, &all[i], SECOND + (int64_t)draw(SECOND / 10));
	for (size_t tick = SECOND / TICK; r.in < devices && tick < TICKS - 1; tick++) {
		int64_t now = (int64_t)tick * TICK;

		arrive(c, tick);
		give_up(c, &r, now);
		for (credit = (credit > 1 ? 1 : credit) + handshakes * TICK / SECOND; credit >= 1 && c->first; credit -= 1) {
			struct device *d = take(c);

			r.attempts++;
			d->attempts++;
			r.most_attempts = d->attempts > r.most_attempts ? d->attempts : r.most_attempts;
			if (!admission_takes(&gate, rate, now)) {
				send(c, d, now + TICK + (int64_t)admission_book(&gate, rate, now) * SECOND);
				continue;
			}
			bins[now / SECOND]++;
			r.in++;
			r.last = (size_t)(now / SECOND);
		}
	}
	r.ratio = peak_to_mean(bins, seconds, devices);
	free(all);
	free(c);
	free(bins);
	return r;
}

/* Giving up is of a connection, not of a device: who does comes again. A device that is not in
 * at the end is locked out. */
static void print(const char *what, const struct restart *r, size_t devices)
{
	fprintf(stderr, "%s: %zu of %zu devices in, the last after %zu s, %zu locked out; handshakes: %.2f a device, %u at most; connections that ended after "
	        "%d s in the queue, and were tried again: %.2f a device, %u at most\n", what, r->in, devices, r->last, devices - r->in, r->attempts / (double)devices,
	        r->most_attempts, HANDSHAKE_MAX / SECOND, r->gave_up / (double)devices, r->most_gave_up);
}

int main(int argc, char **argv)
{
	size_t devices = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000, seconds = argc > 2 ? strtoul(argv[2], NULL, 10) : 300;
	double handshakes = argc > 3 ? strtod(argv[3], NULL) : 1000;
	uint64_t rate = (devices + seconds - 1) / seconds;
	struct restart with, without;

	if (!devices || !seconds || seconds > END / 4 || handshakes < 1)
		return 2;
	printf("storm-end %.3f %.3f 1\n", ends(devices, seconds, true), ends(devices, seconds, false));
	with = restart(devices, seconds, rate, handshakes);
	without = restart(devices, seconds, 0, handshakes);
	print("with the rules", &with, devices);
	print("without", &without, devices);
	printf("storm-restart %.3f %.3f 1\n", with.ratio, without.ratio);
	return with.in == devices && without.in == devices ? 0 : 1;
}
