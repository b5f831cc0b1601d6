/* doctor.c: a node's health, check by check, from doctor.def. Files are looked
 * at from here; the rest is asked of the running node. */
#include "cli/doctor.h"

#include "base/clock.h"
#include "base/file.h"
#include "cli/administrator.h"
#include "cli/certificate.h"
#include "cli/processes.h"
#include "cli/provider.h"
#include "crypt/algorithms.h"
#include "wire/order.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, SOON_DAYS = 30, ANCHOR_LAG_MS = 60 * 1000,
       ROOM_NONE = 1 << 20, ROOM_LITTLE = 64 << 20 };

enum verdict doctor_say(struct doctor *d, enum verdict v, const char *words, const char *which)
{
	(void)text_print(d->says, sizeof(d->says), "%s%s", words, which);
	return v;
}
#define say doctor_say

/* --- files ----------------------------------------------------------------------- */

static bool stat_of(const struct doctor *d, const char *name, struct stat *st)
{
	char path[PATH_SIZE];

	return file_path(path, sizeof(path), d->cli->dir, name) == ERR_OK && stat(path, st) == 0;
}

static enum verdict check_folder(struct doctor *d)
{
	struct stat st;

	if (!stat_of(d, ".", &st))
		return say(d, DOCTOR_FAIL, "the folder cannot be read", "");
	if (st.st_mode & 022)
		return say(d, DOCTOR_FAIL, "others may write in it", "");
	return say(d, DOCTOR_OK, "only its owner may write in it", "");
}

static enum verdict check_conf(struct doctor *d)
{
	struct stat st;

	if (!stat_of(d, "holdfast.conf", &st))
		return say(d, DOCTOR_FAIL, "there is no holdfast.conf", "");
	if (st.st_mode & 022)
		return say(d, DOCTOR_FAIL, "others may write holdfast.conf", "");
	if (st.st_mode & 044)
		return say(d, DOCTOR_WARN, "others may read holdfast.conf", "");
	return say(d, DOCTOR_OK, "readable by its owner only", "");
}

/* The names of what ends within a year, or is legacy and enabled. */
static enum verdict check_algorithms(struct doctor *d)
{
	int64_t now = clock_now(), later = now + INT64_C(365) * 86400 * 1000;
	struct buf names = buf_make(SAYS_MAX / 2);
	struct bytes bad;
	const struct algorithm *row;
	enum verdict v;

	if (algorithm_policy(bytes_str(d->conf.refuse), bytes_str(d->conf.legacy), now, &bad) != ERR_OK)
		return say(d, DOCTOR_FAIL, "algorithms.refuse or algorithms.legacy name what cannot be "
		           "refused or enabled; the node will not start", "");
	for (size_t i = 0; (row = algorithm_row(i)); i++) {
		bool ends = algorithm_accepted(row, now) && !algorithm_accepted(row, later);
		bool weak = algorithm_accepted(row, now) && row->status == ALGORITHM_LEGACY;

		if ((ends || weak) && buf_printf(&names, " %s%s", row->name, ends ? " (ends within a year)" : "") != ERR_OK)
			break;
	}
	if (names.n == 0 || buf_add_byte(&names, '\0') != ERR_OK)
		v = say(d, DOCTOR_OK, "nothing legacy is accepted, and nothing ends within a year", "");
	else
		v = say(d, DOCTOR_WARN, "accepted, though legacy or soon refused:", (const char *)names.p);
	buf_free(&names);
	return v;
}

static enum verdict check_passphrase(struct doctor *d)
{
	const char *file = d->conf.passphrase;
	struct stat st;

	if (file[0] == '\0')
		return say(d, DOCTOR_OK, "no passphrase file; it is given at start", "");
	if (!(file[0] == '/' ? stat(file, &st) == 0 : stat_of(d, file, &st)))
		return say(d, DOCTOR_FAIL, "the passphrase file cannot be found: ", file);
	if (st.st_mode & 077)
		return say(d, DOCTOR_FAIL, "others may read the passphrase file: ", file);
	if (file[0] != '/')
		return say(d, DOCTOR_WARN, "it lies beside the key store: a copy of this disk has both: ", file);
	return say(d, DOCTOR_OK, "readable by its owner only: ", file);
}

/* `init` leaves the first administrator's file here when it is told no other place. */
static enum verdict check_order_file(struct doctor *d)
{
	struct stat st;

	if (stat_of(d, "administrator.pass", &st))
		return say(d, DOCTOR_WARN, "an administrator's passphrase lies in the node's folder: "
		           "administrator.pass", "");
	if (stat_of(d, "administrator", &st))
		return say(d, DOCTOR_WARN, "an administrator's file lies in the node's folder: administrator", "");
	return say(d, DOCTOR_OK, "no administrator's file lies in the node's folder", "");
}

/* A folder that is one worker's alone, with everything in it. */
static enum verdict check_kept(struct doctor *d, const char *name, uint64_t user)
{
	char path[PATH_SIZE];
	struct stat st;
	DIR *dir;
	struct dirent *e;
	bool loose = false;

	if (!stat_of(d, name, &st) || file_path(path, sizeof(path), d->cli->dir, name) != ERR_OK)
		return say(d, DOCTOR_FAIL, "it is missing: ", name);
	if (st.st_mode & 077)
		return say(d, DOCTOR_FAIL, "others may look into it: ", name);
	if (d->root_started && st.st_uid != user && st.st_uid != 0)
		return say(d, DOCTOR_FAIL, "it belongs to another user than its worker: ", name);
	dir = opendir(path);
	if (!dir)
		return say(d, DOCTOR_WARN, "its files cannot be seen by this user: ", name);
	while ((e = readdir(dir))) {
		if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			loose |= (st.st_mode & 07) != 0;
	}
	closedir(dir);
	if (loose)
		return say(d, DOCTOR_WARN, "a file in it has open permissions (the folder still hides it): ", name);
	return say(d, DOCTOR_OK, "closed to everybody but its worker", "");
}

static enum verdict check_keeper_files(struct doctor *d)
{
	return check_kept(d, "keeper", d->conf.user_base + ROLE_KEEPER);
}

static enum verdict check_store_files(struct doctor *d)
{
	return check_kept(d, "store", d->conf.user_base + ROLE_CORE);
}

/* What a worker may still write: not what is kept back for root. */
static enum verdict check_room(struct doctor *d)
{
	static const char *const folders[] = { "store", "keeper" };
	enum verdict v = DOCTOR_OK;
	char path[PATH_SIZE];
	struct statvfs s;

	(void)say(d, v, "there is room on the disk", "");
	for (size_t i = 0; i < COUNT_OF(folders) && v != DOCTOR_FAIL; i++) {
		uint64_t left;

		if (file_path(path, sizeof(path), d->cli->dir, folders[i]) != ERR_OK || statvfs(path, &s) != 0)
			continue;
		left = (uint64_t)s.f_bavail * s.f_frsize;
		if (left < ROOM_NONE)
			v = say(d, DOCTOR_FAIL, "no room is left on the disk of ", folders[i]);
		else if (left < ROOM_LITTLE && v == DOCTOR_OK)
			v = say(d, DOCTOR_WARN, "less than 64 MB are left on the disk of ", folders[i]);
	}
	return v;
}

static enum verdict check_public_files(struct doctor *d)
{
	static const char *const names[] = { "node", "node/ca.pem", "node/node.pem" };
	struct stat st;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (!stat_of(d, names[i], &st))
			return say(d, DOCTOR_FAIL, "it is missing: ", names[i]);
		if (st.st_mode & 022)
			return say(d, DOCTOR_FAIL, "others may write it: ", names[i]);
	}
	return say(d, DOCTOR_OK, "nobody else may change the trust anchor", "");
}

static enum verdict check_listener(struct doctor *d)
{
	struct bytes listen = bytes_str(d->conf.listen);

	if (listen.n == 0)
		return say(d, DOCTOR_WARN, "nothing listens: listen.https is empty", "");
	if (bytes_starts(listen, BYTES("0.0.0.0:")) || bytes_starts(listen, BYTES("[::]:")))
		return say(d, DOCTOR_WARN, "on all interfaces: ", d->conf.listen);
	return say(d, DOCTOR_OK, "on ", d->conf.listen);
}

static enum verdict check_certificates(struct doctor *d)
{
	static const char *const names[] = { "node/ca.pem", "node/node.pem" };
	int64_t soonest = INT64_MAX;
	char days[64];

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct buf pem = buf_make(65536);
		struct certificate x;
		char path[PATH_SIZE];
		bool read = file_path(path, sizeof(path), d->cli->dir, names[i]) == ERR_OK &&
		            file_read(path, 65000, &pem) == ERR_OK &&
		            certificate_read(bytes_of_buf(&pem), &x) == ERR_OK;

		buf_free(&pem);
		if (!read)
			return say(d, DOCTOR_FAIL, "no certificate in ", names[i]);
		if (x.until <= clock_now())
			return say(d, DOCTOR_FAIL, "expired: ", names[i]);
		soonest = x.until < soonest ? x.until : soonest;
	}
	soonest = (soonest - clock_now()) / 86400000;
	(void)text_print(days, sizeof(days), "%lld days", (long long)soonest);
	return say(d, soonest < SOON_DAYS ? DOCTOR_WARN : DOCTOR_OK, "the next one ends in ", days);
}

/* --- the running node ------------------------------------------------------------------ */

static bool text_is(struct bytes row, const char *key, const char *text)
{
	struct cbor v;
	bool found;

	return cbor_find(row, bytes_str(key), &v, &found) == ERR_OK && found &&
	       v.kind == CBOR_TEXT && bytes_equal(v.s, bytes_str(text));
}

static enum verdict check_running(struct doctor *d)
{
	if (d->hangs) {
		d->means = "it serves nobody while its core or its door hangs, or has long work";
		d->repair = "see what its log says and what the processes of run/status wait for; then restart it";
		return say(d, DOCTOR_FAIL, "a node runs here, and does not answer", "");
	}
	if (!d->asks)
		return say(d, DOCTOR_FAIL, "no node runs here, or this user may not ask it", "");
	return say(d, DOCTOR_OK, "it answers", "");
}

static enum verdict check_orders(struct doctor *d)
{
	return doctor_refused(d, DOCTOR_ORDERS, "no order was refused of late");
}

static enum verdict check_shares(struct doctor *d)
{
	return doctor_refused(d, DOCTOR_SHARES, "no program wanted more than its share of late");
}

static enum verdict check_callers(struct doctor *d)
{
	return doctor_refused(d, DOCTOR_CALLERS, "everybody asked the keeper for what is his business");
}

static enum verdict check_clones(struct doctor *d)
{
	return doctor_clones(d);
}

static enum verdict check_unlocked(struct doctor *d)
{
	struct bytes row = bytes_of_buf(&d->status);
	struct cbor why = { 0 };
	char text[SAYS_MAX] = "";
	bool found;

	if (text_is(row, "keeper", "open"))
		return say(d, DOCTOR_OK, "the key store is open", "");
	if (!text_is(row, "keeper", "locked"))
		return say(d, DOCTOR_FAIL, "the keeper is away", "");
	if (cbor_find(row, BYTES("why"), &why, &found) == ERR_OK && found && why.kind == CBOR_TEXT) {
		doctor_locked(d, why.s);
		(void)text_print(text, sizeof(text), ": %.*s", (int)(why.s.n < 200 ? why.s.n : 200),
		                 (const char *)why.s.p);
	}
	return say(d, DOCTOR_FAIL, "the key store is LOCKED", text);
}

static enum verdict check_rollback(struct doctor *d)
{
	if (text_is(bytes_of_buf(&d->status), "state", "ROLLBACK"))
		return say(d, DOCTOR_FAIL, "the store is OLDER than the keeper's anchor", "");
	return say(d, DOCTOR_OK, "the store is as new as the keeper's anchor", "");
}

static enum verdict check_lab(struct doctor *d)
{
	if (row_number(bytes_of_buf(&d->status), "lab"))
		return say(d, DOCTOR_WARN, "this node runs in LAB MODE", "");
	return say(d, DOCTOR_OK, "off", "");
}

/* The token that new keys go to. */
static enum verdict say_unproved(struct doctor *d)
{
	struct buf result = buf_make(65536);
	struct keeper_provider_row row;
	char why[PROVIDER_WHY] = "";
	bool found = true;

	for (uint32_t i = 0; found && provider_ask(&d->door, i, &result, &row, &found) == ERR_OK; i++) {
		char name[16];

		if (found && text_print(name, sizeof(name), "%.*s", BYTES_FMT(row.name)) &&
		    text_is(bytes_of_buf(&d->status), "provider", name))
			provider_why(d->cli, &d->door, &row, why, sizeof(why));
	}
	buf_free(&result);
	return say(d, DOCTOR_WARN, "new keys go to a token that counts as level 1 of 3: ", why);
}

static enum verdict check_protection(struct doctor *d)
{
	uint64_t level = row_number(bytes_of_buf(&d->status), "protection");
	char text[64];

	(void)text_print(text, sizeof(text), "protection level %llu of 3", (unsigned long long)level);
	if (level < 2 && !text_is(bytes_of_buf(&d->status), "provider", "software"))
		return say_unproved(d);
	if (level < 2)
		return say(d, DOCTOR_WARN, "keys are kept by software: ", text);
	return say(d, DOCTOR_OK, text, "");
}

static enum verdict check_tokens(struct doctor *d)
{
	struct buf result = buf_make(65536), away = buf_make(SAYS_MAX - 1);
	struct keeper_provider_row row;
	bool found = true;
	size_t tokens = 0;
	char text[SAYS_MAX] = "";

	for (uint32_t i = 0; found && provider_ask(&d->door, i, &result, &row, &found) == ERR_OK; i++) {
		tokens += found && i > 0;
		if (found && (!row.present || row.unfit) &&
		    buf_printf(&away, "%s%.*s %s: %.*s", away.n ? "; " : "", BYTES_FMT(row.name),
		               row.unfit ? "refuses its keys" : "is away", BYTES_FMT(row.why)) != ERR_OK)
			break;
	}
	(void)text_print(text, sizeof(text), "%.*s", BYTES_FMT(bytes_of_buf(&away)));
	buf_free(&away);
	buf_free(&result);
	if (text[0])
		return say(d, DOCTOR_FAIL, text, "");
	return say(d, DOCTOR_OK, tokens ? "all of them are there" : "none is configured", "");
}

static enum verdict check_lost(struct doctor *d)
{
	if (d->warnings & 64)
		return say(d, DOCTOR_WARN, "keys were lost with a token that is gone: holdfast key list shows them as lost", "");
	return say(d, DOCTOR_OK, "no key was lost with a token", "");
}

static enum verdict check_administrators(struct doctor *d)
{
	struct buf result = buf_make(65536);
	struct administrator_row row;
	char text[64];
	uint8_t index[4];
	uint32_t n = 0;
	err_t err;

	do {
		put_be32(index, n);
		err = door_call(&d->door, OP_ADMINISTRATOR_LIST, BYTES_OF(index), &result);
		if (err == ERR_OK)
			err = administrator_row_get(bytes_of_buf(&result), &row);
		/* behind these come the bounded ones */
	} while (err == ERR_OK && !row.bounds.orders && n++ < ADMINISTRATORS_MAX);
	buf_free(&result);
	if (err != ERR_MISSING && err != ERR_OK)
		return say(d, DOCTOR_WARN, "the keeper does not list them: ", err_text(err));
	if (n == 0)
		return say(d, DOCTOR_WARN, "there is none (the key store is of an older form): it takes no orders", "");
	if (n == 1)
		return say(d, DOCTOR_WARN, "there is one: nothing that takes two persons can be ordered, "
		           "and what takes all of them takes only that one", "");
	(void)text_print(text, sizeof(text), "%u of them", (unsigned)n);
	return say(d, DOCTOR_OK, text, "");
}

static enum verdict check_machine(struct doctor *d)
{
	if (d->warnings & 4)
		return say(d, DOCTOR_WARN, "the key store is not bound to this machine", "");
	return say(d, DOCTOR_OK, "the key store is bound to this machine", "");
}

static enum verdict check_rebind(struct doctor *d)
{
	if (d->warnings & 4)
		return say(d, DOCTOR_OK, "bound to no machine: it opens on any", "");
	if (d->warnings & 8)
		return say(d, DOCTOR_WARN, "no administrators could open the key store on another machine: only a backup could be restored there", "");
	return say(d, DOCTOR_OK, "administrators have shares of what binds the key store", "");
}

static enum verdict check_copies(struct doctor *d)
{
	if (d->warnings & 16)
		return say(d, DOCTOR_FAIL, "another keeper has used a copy of this key store: seen since this node was started", "");
	if (d->warnings & 32)
		return say(d, DOCTOR_WARN, "there is no witness, or it cannot be written: a copy in use would not be noticed", "");
	return say(d, DOCTOR_OK, "no copy of the key store is in use where the witness sees it", "");
}

static enum verdict check_memory(struct doctor *d)
{
	if (d->warnings & 1)
		return say(d, DOCTOR_WARN, "the keeper's memory is not locked", "");
	if (d->warnings & 2)
		return say(d, DOCTOR_WARN, "locked, but this kernel has no memfd_secret", "");
	return say(d, DOCTOR_OK, "locked, and unmapped from everywhere else", "");
}

static enum verdict check_confined(struct doctor *d)
{
	static struct process processes[PROCESSES_MAX];
	size_t n, not_ready = 0;

	if (processes_read(d->cli, processes, PROCESSES_MAX, &n) != ERR_OK)
		return say(d, DOCTOR_WARN, "run/status cannot be read", "");
	for (size_t i = 0; i < n; i++) {
		bool ready = bytes_equal(bytes_str(processes[i].state), BYTES("ready"));

		not_ready += !ready;
		if (ready && processes[i].missing[0]) {
			char text[SAYS_MAX];

			(void)text_print(text, sizeof(text), "%s: %.300s", processes[i].role, processes[i].missing);
			return say(d, DOCTOR_WARN, "", text);
		}
	}
	if (not_ready)
		return say(d, DOCTOR_WARN, "not every process is ready", "");
	return say(d, DOCTOR_OK, "every process has every protection", "");
}

static enum verdict check_audit(struct doctor *d)
{
	struct buf rows = buf_make(65536);
	char text[DOOR_TEXT_MAX], number[64];
	err_t err = door_ask(&d->door, ADMIN_AUDIT_VERIFY, BYTES_NONE, &rows, text);
	struct bytes row = bytes_of_buf(&rows);
	bool good = err == ERR_OK && row_number(row, "first_bad") == 0 && row_number(row, "anchor_agrees");
	uint64_t records = row_number(row, "records");

	buf_free(&rows);
	if (err == ERR_LOCKED)
		return say(d, DOCTOR_SKIPPED, text, "");
	(void)text_print(number, sizeof(number), "%llu records verified", (unsigned long long)records);
	return good ? say(d, DOCTOR_OK, number, "") : say(d, DOCTOR_FAIL, "the log does NOT verify: ", text);
}

/* When the first record after the anchor was written; now when there is none. */
static int64_t waits_since(struct doctor *d, uint64_t sequence)
{
	struct buf rows = buf_make(1 << 20);
	char text[DOOR_TEXT_MAX];
	uint8_t fields[12];
	uint64_t at = 0;

	put_be64(fields, sequence + 1);
	put_be32(fields + 8, 1);
	if (door_ask(&d->door, ADMIN_AUDIT_LIST, BYTES_OF(fields), &rows, text) == ERR_OK)
		at = row_number(bytes_of_buf(&rows), "t");
	buf_free(&rows);
	return at ? (int64_t)at : clock_now();
}

static enum verdict check_anchor(struct doctor *d)
{
	struct buf rows = buf_make(65536);
	char text[DOOR_TEXT_MAX], number[96];
	err_t err = door_ask(&d->door, ADMIN_ANCHOR, BYTES_NONE, &rows, text);
	uint64_t sequence = row_number(bytes_of_buf(&rows), "sequence");
	int64_t age;

	buf_free(&rows);
	if (err == ERR_LOCKED)
		return say(d, DOCTOR_SKIPPED, text, "");
	if (err != ERR_OK)
		return say(d, DOCTOR_FAIL, "no anchor can be read: ", text);
	age = clock_now() - waits_since(d, sequence);
	if (age > ANCHOR_LAG_MS) {
		(void)text_print(number, sizeof(number), "records after %llu wait for %lld s",
		                 (unsigned long long)sequence, (long long)(age / 1000));
		return say(d, DOCTOR_WARN, number, "");
	}
	(void)text_print(number, sizeof(number), "record %llu is anchored", (unsigned long long)sequence);
	return say(d, DOCTOR_OK, number, "");
}

static enum verdict check_same_disk(struct doctor *d)
{
	return say(d, DOCTOR_WARN, "store and counter lie on one disk: its rollback as a whole is not seen", "");
}

/* --- the table ----------------------------------------------------------------------------- */

static const struct check {
	const char *name, *cm, *means, *repair;
	enum verdict (*run)(struct doctor *d);
} checks[] = {
#define CHECK(name, cm, means, repair) { #name, cm, means, repair, check_##name },
#include "cli/doctor.def"
#undef CHECK
};

/* The rows from here on ask the running node. */
static bool asks_node(const struct check *check)
{
	static enum verdict (*const own[])(struct doctor *) = {
		check_folder, check_conf, check_passphrase, check_order_file, check_keeper_files,
		check_store_files, check_room, check_public_files, check_listener, check_certificates, check_running, check_same_disk,
	};

	for (size_t i = 0; i < COUNT_OF(own); i++) {
		if (own[i] == check->run)
			return false;
	}
	return true;
}

static const char *const verdicts[] = { "ok", "warn", "FAIL", "skipped" };

static void print_text(const struct doctor *d, const struct check *check, enum verdict v, const char *says)
{
	printf("%-8s %-13s %s\n", verdicts[v], check->name, says);
	if (v == DOCTOR_WARN || v == DOCTOR_FAIL)
		printf("         %-13s means: %s (%s)\n         %-13s repair: %s\n", "", d->means, check->cm,
		       "", d->repair);
}

static void print_json(const struct doctor *d, const struct check *check, enum verdict v, bool first)
{
	const char *const members[][2] = { { "check", check->name }, { "result", verdicts[v] }, { "says", d->says },
		                           { "means", d->means }, { "repair", d->repair }, { "covers", check->cm } };

	printf("%s", first ? "[\n" : ",\n");
	output_members(members, COUNT_OF(members));
}

static void print_check(const struct doctor *d, const struct check *check, enum verdict v, bool first)
{
	struct buf plain = buf_make(65536);

	if (d->cli->json)
		print_json(d, check, v, first);
	else if (json_put_string(&plain, bytes_is_utf8(bytes_str(d->says)) ? bytes_str(d->says) : BYTES("-")) == ERR_OK) {
		char text[2 * SAYS_MAX];

		(void)text_print(text, sizeof(text), "%.*s", (int)plain.n - 2, (const char *)plain.p + 1);
		print_text(d, check, v, text);
	}
	buf_free(&plain);
}

/* What the keeper says of itself, past the core. */
static void ask_keeper(struct doctor *d)
{
	struct buf result = buf_make(4096);
	struct wire_in in;

	d->warnings = (unsigned)row_number(bytes_of_buf(&d->status), "warnings");
	if (door_call(&d->door, OP_STATUS, BYTES_NONE, &result) == ERR_OK) {
		in = wire_in(bytes_of_buf(&result));
		(void)wire_get_fixed(&in, 1 + 1 + 8 + 4 + 4);
		(void)wire_get_bytes(&in, 64);
		d->warnings |= wire_get_u8(&in);
	}
	buf_free(&result);
}

static void start(struct doctor *d)
{
	char text[DOOR_TEXT_MAX];
	struct stat st;
	err_t err;

	/* The parent makes run/status as whoever it is. */
	d->root_started = stat_of(d, "run/status", &st) ? st.st_uid == 0 : geteuid() == 0;
	err = door_try(d->cli, &d->door);
	if (err == ERR_OK)
		err = door_ask(&d->door, ADMIN_STATUS, BYTES_NONE, &d->status, text);
	d->asks = err == ERR_OK;
	d->hangs = err == ERR_TIMEOUT;
	if (d->asks)
		ask_keeper(d);
}

int run_doctor(struct cli *c)
{
	struct doctor d = { .cli = c, .door = { .link = { .fd = -1 } }, .status = buf_make(65536) };
	size_t count[COUNT_OF(verdicts)] = { 0 };

	if (conf_read(c, &d.conf) != ERR_OK)
		return CLI_FAILED;
	start(&d);
	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		enum verdict v;

		d.means = checks[i].means;
		d.repair = checks[i].repair;
		if (!d.asks && asks_node(&checks[i]))
			v = say(&d, DOCTOR_SKIPPED, d.hangs ? "the node does not answer" : "the node does not run", "");
		else
			v = checks[i].run(&d);
		count[v]++;
		print_check(&d, &checks[i], v, i == 0);
	}
	if (c->json)
		printf("\n]\n");
	else
		printf("%zu ok, %zu warnings, %zu failed, %zu skipped\n", count[DOCTOR_OK], count[DOCTOR_WARN],
		       count[DOCTOR_FAIL], count[DOCTOR_SKIPPED]);
	door_close(&d.door);
	buf_free(&d.status);
	return count[DOCTOR_FAIL] ? CLI_FAILED : CLI_OK;
}
