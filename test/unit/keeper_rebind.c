/* keeper_rebind: a key store whose machine is gone: who opens it again, what is recorded
 * before it counts, and that no cut of the power on the way locks anybody out. */
#include "keeper_files.h"
#include "keeper_people.h"

#include "crypt/seal.h"
#include "wire/backup.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/holdfast-rebind-XXXXXX";
static int dir = -1;
static struct machine here, there;

static struct machine machine_of(const char *id)
{
	struct machine m = { .parts = MACHINE_ID };

	assert_int_equal(bytes_put_str(m.id, sizeof(m.id), bytes_str(id)), ERR_OK);
	machine_choose(&m, m.parts);
	return m;
}

/* A key store bound to "here", of these administrators; closed. */
static void make(unsigned persons)
{
	struct keeper_node node = { .sp = BYTES("//sp.example.org"), .cse = BYTES("/in-cse"), .days = 397,
		                    .passphrase = BYTES("correct horse"), .machine = &here, .delay = DELAY_S };
	struct bed b;

	(void)unlinkat(dir, "keystore", 0);
	(void)unlinkat(dir, "counter", 0);
	bed_init(&b, dir);
	assert_int_equal(keeper_make_node(&b.ks.vault, &node, &b.pem), ERR_OK);
	for (int i = 0; i < PERSONS; i++) {
		if (persons & 1u << i)
			add_person(&b, i);
	}
	assert_int_equal(vault_save(&b.ks.vault), ERR_OK);
	bed_end(&b);
}

/* The keeper starts on that machine, as its process does it. */
static err_t start(struct bed *b, const struct machine *m)
{
	struct vault_setup setup = { .passphrase = BYTES("correct horse"), .machine = m };

	bed_init(b, dir);
	b->ks.unlock = setup;
	return vault_open(&b->ks.vault, &setup);
}

static err_t try_start(const struct machine *m)
{
	struct bed b;
	err_t err = start(&b, m);

	bed_end(&b);
	return err;
}

struct ceremony {
	struct buf shares;
	uint8_t point[65]; /* restore key */
};

static err_t request(struct bed *b, struct ceremony *c)
{
	struct restore_request r;
	struct bytes request;
	err_t err;

	begin(b, OP_REBIND_BEGIN);
	b->by[ROLE_DOOR]->rates[OP_REBIND_BEGIN] = (struct rate){ 0 };
	b->by[ROLE_DOOR]->rates[OP_REBIND] = (struct rate){ 0 };
	err = ask(b, ROLE_DOOR);
	if (err != ERR_OK)
		return err;
	request = wire_get_bytes(&b->r, 4096);
	assert_int_equal(restore_request_parse(request, &r), ERR_OK);
	assert_int_equal(crypt_p256_verify(r.audit.p, r.covered, r.signature), ERR_OK);
	bytes_copy(c->point, r.point.p, 65);
	buf_clear(&c->shares);
	assert_int_equal(buf_add(&c->shares, wire_get_bytes(&b->r, 8192)), ERR_OK);
	assert_int_equal(wire_done(&b->r), ERR_OK);
	return ERR_OK;
}

/* The share of one, sealed to the keeper that asks. */
static void put_share(struct bed *b, struct ceremony *c, int who)
{
	struct buf sealed = buf_make(BACKUP_SEALED_SHARE);
	uint8_t own[65], share[33];
	struct backup file;

	assert_int_equal(backup_parse(bytes_of_buf(&c->shares), &file), ERR_OK);
	assert_int_equal(crypt_p256_point(&keys[who], own), ERR_OK);
	for (unsigned i = 0; i < file.n; i++) {
		if (!bytes_equal(file.custodians[i].point, BYTES_OF(own)))
			continue;
		assert_int_equal(seal_open(&keys[who], BACKUP_SHARE_LABEL, file.custodians[i].sealed, share), ERR_OK);
		assert_int_equal(seal_to(c->point, BACKUP_RESTORE_LABEL, BYTES_OF(share), &sealed), ERR_OK);
	}
	assert_int_equal(sealed.n, BACKUP_SEALED_SHARE);
	wire_put_bytes(&b->w, bytes_of_buf(&sealed));
	buf_free(&sealed);
}

static err_t rebind(struct bed *b, struct ceremony *c, int first, int second)
{
	begin(b, OP_REBIND);
	wire_put_u8(&b->w, second < 0 ? 1 : 2);
	put_share(b, c, first);
	if (second >= 0)
		put_share(b, c, second);
	return ask(b, ROLE_DOOR);
}

/* The number of the event that the keeper waits for. */
static uint64_t announced(struct bed *b)
{
	assert_int_equal(keeper_tick(&b->ks), 1000);
	assert_int_equal(b->told, MSG_KEEPER_EVENT);
	return get_be64(b->notice.p + b->notice.n - 8);
}

static err_t recorded(struct bed *b, uint64_t event)
{
	begin(b, OP_ORDER_RECORDED);
	wire_put_u64(&b->w, event);
	return ask(b, ROLE_CORE);
}

/* --- tests -------------------------------------------------------------------------- */

static void test_a_quorum(void **state)
{
	struct ceremony c = { .shares = buf_make(8192) };
	struct file before, after;
	uint64_t event;
	struct bed b;

	make(1 << ANNA | 1 << BERT | 1 << CARL);
	assert_int_equal(start(&b, &there), ERR_BAD_STATE);
	file_get(dir, "keystore", &before);
	/* one where two are needed; each try needs a request */
	assert_int_equal(request(&b, &c), ERR_OK);
	assert_int_equal(rebind(&b, &c, ANNA, -1), ERR_REFUSED);
	assert_int_equal(rebind(&b, &c, ANNA, CARL), ERR_BAD_STATE);
	assert_int_equal(request(&b, &c), ERR_OK);
	assert_int_equal(rebind(&b, &c, ANNA, ANNA), ERR_DUPLICATE);
	assert_false(b.ks.vault.open);
	assert_int_equal(request(&b, &c), ERR_OK);
	assert_int_equal(rebind(&b, &c, ANNA, CARL), ERR_OK);
	/* for the core alone, and nothing is written, until it has recorded it */
	assert_int_equal(open_psk(&b, BYTES("x")), ERR_LOCKED);
	begin(&b, OP_ORDER_CHALLENGE);
	assert_int_equal(ask(&b, ROLE_DOOR), ERR_LOCKED);
	file_get(dir, "keystore", &after);
	assert_bytes(bytes_make(after.octets, after.n), bytes_make(before.octets, before.n));
	event = announced(&b);
	assert_true(event != 0);
	assert_memory_equal(b.notice.p + 9, "REBIND this-machine by anna,carl", 32);
	assert_int_equal(recorded(&b, event + 1), ERR_OK); /* another's record is not it */
	assert_true(b.ks.rebinding);
	assert_int_equal(recorded(&b, event), ERR_OK);
	assert_false(b.ks.rebinding);
	assert_int_equal(open_psk(&b, BYTES("x")), ERR_MISSING); /* served */
	assert_int_equal(b.ks.vault.admin.pending_n, 0);
	bed_end(&b);
	assert_int_equal(try_start(&there), ERR_OK);
	assert_int_equal(try_start(&here), ERR_BAD_STATE);
	buf_free(&c.shares);
}

/* A core that does not record it: as if nothing had been. */
static void test_without_a_record(void **state)
{
	struct ceremony c = { .shares = buf_make(8192) };
	struct file before, after;
	struct bed b;

	make(1 << ANNA | 1 << CARL);
	file_get(dir, "keystore", &before);
	assert_int_equal(start(&b, &there), ERR_BAD_STATE);
	assert_int_equal(request(&b, &c), ERR_OK);
	assert_int_equal(rebind(&b, &c, CARL, ANNA), ERR_OK);
	(void)announced(&b);
	bed_end(&b);
	file_get(dir, "keystore", &after);
	assert_bytes(bytes_make(after.octets, after.n), bytes_make(before.octets, before.n));
	assert_int_equal(try_start(&there), ERR_BAD_STATE);
	assert_int_equal(try_start(&here), ERR_OK);
	buf_free(&c.shares);
}

static void test_who_can(void **state)
{
	struct ceremony c = { .shares = buf_make(8192) };
	struct bed b;

	/* one administrator is all there are */
	make(1 << ANNA);
	assert_int_equal(start(&b, &there), ERR_BAD_STATE);
	assert_int_equal(request(&b, &c), ERR_OK);
	assert_int_equal(rebind(&b, &c, ANNA, -1), ERR_OK);
	bed_end(&b);
	/* two, of whom one can open nothing: there are no shares, and the status says so */
	make(1 << ANNA | 1 << BERT);
	assert_int_equal(start(&b, &here), ERR_OK);
	assert_int_equal(keeper_warnings(&b.ks) & 8, 8);
	bed_end(&b);
	assert_int_equal(start(&b, &there), ERR_BAD_STATE);
	assert_int_equal(request(&b, &c), ERR_MISSING);
	bed_end(&b);
	/* an open one, one without passphrase, a machine without identity: nothing to repair */
	make(1 << ANNA | 1 << CARL);
	assert_int_equal(start(&b, &here), ERR_OK);
	assert_int_equal(keeper_warnings(&b.ks) & 8, 0);
	assert_int_equal(request(&b, &c), ERR_BAD_STATE);
	bed_end(&b);
	assert_int_equal(start(&b, &there), ERR_BAD_STATE);
	b.ks.unlock.passphrase = BYTES_NONE;
	assert_int_equal(request(&b, &c), ERR_BAD_STATE);
	bed_end(&b);
	assert_int_equal(start(&b, &(struct machine){ 0 }), ERR_BAD_STATE);
	assert_int_equal(request(&b, &c), ERR_BAD_STATE);
	bed_end(&b);
	buf_free(&c.shares);
}

/* Shares of an administrator who is none any more, or of another key store, open nothing. */
static void test_old_shares(void **state)
{
	struct ceremony c = { .shares = buf_make(8192) }, old = { .shares = buf_make(8192) };
	struct bed b;

	make(1 << ANNA | 1 << CARL);
	assert_int_equal(start(&b, &there), ERR_BAD_STATE);
	assert_int_equal(request(&b, &old), ERR_OK);
	bed_end(&b);
	make(1 << ANNA | 1 << CARL);
	assert_int_equal(start(&b, &there), ERR_BAD_STATE);
	assert_int_equal(request(&b, &c), ERR_OK);
	bytes_copy(old.point, c.point, sizeof(c.point));
	assert_int_equal(rebind(&b, &old, ANNA, CARL), ERR_TAMPERED);
	assert_false(b.ks.vault.open);
	bed_end(&b);
	buf_free(&c.shares);
	buf_free(&old.shares);
}

/* The power is cut after each of the three writings of a rebinding. */
static void test_cuts(void **state)
{
	struct file keystore[2], counter[2], mixed;
	struct vault_setup setup = { .passphrase = BYTES("correct horse"), .machine = &there };
	struct counter c = { 0 };
	bool damaged;
	struct bed b;

	make(1 << ANNA | 1 << CARL);
	file_get(dir, "keystore", &keystore[0]);
	file_get(dir, "counter", &counter[0]);
	assert_int_equal(start(&b, &here), ERR_OK);
	assert_int_equal(vault_rebind(&b.ks.vault, &setup), ERR_OK);
	bed_end(&b);
	file_get(dir, "keystore", &keystore[1]);
	file_get(dir, "counter", &counter[1]);
	/* the first slot is the other binding's already, the key store is not */
	mixed = counter[0];
	bytes_copy(mixed.octets, counter[1].octets, COUNTER_SECOND);
	file_put(dir, "counter", &mixed);
	file_put(dir, "keystore", &keystore[0]);
	assert_int_equal(try_start(&there), ERR_BAD_STATE);
	assert_int_equal(try_start(&here), ERR_OK);
	/* so is the key store */
	file_put(dir, "counter", &mixed);
	file_put(dir, "keystore", &keystore[1]);
	assert_int_equal(try_start(&here), ERR_BAD_STATE);
	assert_int_equal(try_start(&there), ERR_OK);
	/* control: without the prepared slot nothing would open */
	file_put(dir, "counter", &counter[0]);
	file_put(dir, "keystore", &keystore[1]);
	assert_int_equal(try_start(&there), ERR_TAMPERED);
	/* what is prepared is what is written then */
	file_put(dir, "counter", &counter[0]);
	assert_int_equal(start(&b, &there), ERR_TAMPERED);
	bed_end(&b);
	{
		uint8_t one[32] = { 1 }, two[32] = { 2 };
		int fd = openat(dir, "counter", O_RDWR);

		c = (struct counter){ .writes = 4, .generation = 7 };
		assert_int_equal(counter_write(fd, BYTES_OF(one), &c), ERR_OK);
		assert_int_equal(counter_prepare(fd, BYTES_OF(one), BYTES_OF(two), &c), ERR_OK);
		assert_int_equal(counter_read(fd, BYTES_OF(one), &c, &damaged), ERR_OK);
		assert_true(damaged && c.generation == 7);
		assert_int_equal(counter_read(fd, BYTES_OF(two), &c, &damaged), ERR_OK);
		assert_true(damaged && c.generation == 8);
		close(fd);
	}
}

/* A full disk: it is as before, in memory and on disk. */
static void test_it_cannot_be_written(void **state)
{
	struct vault_setup setup = { .passphrase = BYTES("correct horse"), .machine = &there };
	struct bed b;

	make(1 << ANNA | 1 << CARL);
	assert_int_equal(start(&b, &here), ERR_OK);
	assert_int_equal(mkdirat(dir, "keystore.new", 0700), 0); /* nothing can be written beside */
	assert_int_equal(vault_rebind(&b.ks.vault, &setup), ERR_IO);
	assert_int_equal(unlinkat(dir, "keystore.new", AT_REMOVEDIR), 0);
	assert_int_equal(vault_save(&b.ks.vault), ERR_OK);
	bed_end(&b);
	assert_int_equal(try_start(&there), ERR_BAD_STATE);
	assert_int_equal(try_start(&here), ERR_OK);
}

static int setup(void **state)
{
	if (keeper_start() != ERR_OK || !mkdtemp(folder))
		return -1;
	dir = open(folder, O_RDONLY | O_DIRECTORY);
	here = machine_of("here");
	there = machine_of("there");
	return dir < 0 || people_make() != ERR_OK;
}

static int teardown(void **state)
{
	people_free();
	(void)unlinkat(dir, "keystore", 0);
	(void)unlinkat(dir, "counter", 0);
	close(dir);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_quorum),
		cmocka_unit_test(test_without_a_record),
		cmocka_unit_test(test_who_can),
		cmocka_unit_test(test_old_shares),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_it_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
