/* hostile-network.c: what a holdfast-network taken over can do.
 *
 * Stands in for holdfast-network in a copied folder of programs. It never confines
 * itself. Each start plays the next case; findings go to "hostile.txt" beside the
 * program, a line each: <case> refused|FELL|end <text>. The case 0 answers each question
 * by the first letter of its identity, as D2-hostile-network.py wants it:
 *   A  a key of its own for an allowed subscriber    B  for one who is not
 *   C  sealed for another identity                   D  sealed to nobody
 *   E  with an end that is past                      F  with an end far away
 */
#include "hostile.h"
#include "base/clock.h"
#include "crypt/seal.h"



static void answer(const struct message *m)
{
	struct wire_in in = wire_in(m->body);
	static const uint8_t key[32] = { [0 ... 31] = 'A' }, garbage[113] = { 4 };
	struct buf sealed = buf_make(512), body = buf_make(2048);
	struct wire_out out = wire_out(&body);
	struct bytes own, whole, point;
	int64_t end = clock_now() + 3600000;
	uint8_t letter;
	err_t err;

	(void)wire_get_u8(&in);
	(void)wire_get_u8(&in);
	own = wire_get_bytes(&in, 1024);
	(void)wire_get_bytes(&in, 1024);
	whole = wire_get_bytes(&in, 1024);
	point = wire_get_fixed(&in, CRYPT_POINT);
	TRY(wire_done(&in));
	letter = own.n ? own.p[0] : 0;
	TRY(seal_to_keeper(BYTES_OF(key), letter == 'C' ? BYTES("somebody") : whole, point.p, &sealed));
	if (letter == 'E')
		end = clock_now() - 1;
	if (letter == 'F')
		end = INT64_C(7258118400000); /* 2200 */
	wire_put_u8(&out, ERR_OK);
	wire_put_bytes(&out, letter == 'B' ? BYTES("nobody@ims") : BYTES("one@ims"));
	wire_put_u64(&out, (uint64_t)end);
	wire_put_bytes(&out, letter == 'D' ? BYTES_OF(garbage) : bytes_of_buf(&sealed));
	TRY(out.err);
	TRY(link_send(&core, MSG_NETWORK_FETCHED, m->ref, bytes_of_buf(&body)));
	err = link_flush(&core);
out:
	if (err != ERR_OK)
		say("FELL", "the hostile program is broken", "");
	buf_free(&sealed);
	buf_free(&body);
}

static void lie(void)
{
	struct message m;
	bool found = false;

	for (int i = 0; i < 600; i++) {
		if (link_wait(&core, 100) == ERR_OK && link_read(&core) != ERR_OK)
			return;
		while (link_next(&core, &m, &found) == ERR_OK && found)
			answer(&m);
	}
}

static const struct foreign rows[] = {
	{ MSG_NETWORK_FETCHED, "an answer to what was not asked" },
	{ MSG_NETWORK_KEY, "a question, as if it were a gate" },
	{ MSG_REQUEST, "a request, as if it were a gate" },
	{ MSG_CREDENTIAL_USED, "a notice, as if it were the keeper" },
	{ MSG_ADMIN, "a command, as if it were the door" },
	{ 63, "a message of no row" },
};

static void play(void)
{
	if (case_number == 0)
		lie();
	else
		play_foreign(rows, COUNT_OF(rows), 1);
}

int main(int argc, char **argv)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (n < 0 || worker_start(ROLE_NETWORK, argc, argv, &w) != ERR_OK)
		return 1;
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, "hostile.txt");
	if (!report_open(path))
		return 1;
	link_init(&core, worker_take_link(&w, WORKER_LINK_NEIGHBOUR, ROLE_CORE, 0), ROLE_NETWORK, ROLE_CORE, 0);
	if (!ready(BYTES_NONE))
		return 1;
	if (worker_take_link(&w, WORKER_LINK_NEIGHBOUR, ROLE_KEEPER, 0) >= 0)
		say("FELL", "a link to the keeper", "");
	play();
	say("end", "of the case", "");
	return 0;
}
