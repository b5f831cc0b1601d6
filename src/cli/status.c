/* status.c: what runs, and how well each process is confined. */
#include "cli/door.h"

#include "base/file.h"
#include "cli/processes.h"

#include <stdio.h>

err_t processes_read(const struct cli *c, struct process *out, size_t max, size_t *n)
{
	struct buf text = buf_make(512 * 1024);
	struct bytes rest;
	char path[1024];
	err_t err;

	*n = 0;
	TRY(file_path(path, sizeof(path), c->dir, "run/status"));
	TRY(file_read(path, 256 * 1024, &text));
	for (rest = bytes_of_buf(&text); rest.n > 0 && *n < max;) {
		struct bytes line = bytes_cut(&rest, '\n'), fields[6];
		struct process *p = &out[*n];

		for (size_t i = 0; i < COUNT_OF(fields); i++)
			fields[i] = bytes_cut(&line, ' ');
		if (fields[4].n == 0)
			continue;
		TRY(bytes_put_str(p->role, sizeof(p->role), fields[0]));
		TRY(bytes_put_str(p->number, sizeof(p->number), fields[1]));
		TRY(bytes_put_str(p->pid, sizeof(p->pid), fields[2]));
		TRY(bytes_put_str(p->user, sizeof(p->user), fields[3]));
		TRY(bytes_put_str(p->state, sizeof(p->state), fields[4]));
		TRY(bytes_put_str(p->held, sizeof(p->held), fields[5]));
		TRY(bytes_put_str(p->missing, sizeof(p->missing), bytes_sub(line, 0, sizeof(p->missing) - 1)));
		++*n;
	}
out:
	buf_free(&text);
	return err;
}

/* A process as a row, so that it is printed as everything else is. */
static err_t put_process(const struct process *p, struct buf *rows)
{
	const char *const values[] = { p->role, p->number, p->pid, p->user, p->state, p->held, p->missing };
	static const char *const keys[] = { "role", "number", "pid", "user", "state", "protections", "missing" };
	struct cbor_member m[COUNT_OF(keys)];
	size_t at[COUNT_OF(keys) + 1];
	struct buf text = buf_make(8192);
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		struct bytes v = bytes_str(values[i]);

		at[i] = text.n;
		TRY(cbor_put_text(&text, bytes_is_utf8(v) ? v : BYTES("(unprintable)")));
		at[i + 1] = text.n;
	}
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		m[i] = (struct cbor_member){ bytes_str(keys[i]), bytes_sub(bytes_of_buf(&text), at[i], at[i + 1] - at[i]) };
	err = cbor_put_members(rows, m, COUNT_OF(keys));
out:
	buf_free(&text);
	return err;
}

static err_t print_processes(const struct cli *c)
{
	static const struct column columns[] = {
		{ "role", "PROCESS", COLUMN_PLAIN, NULL }, { "number", "NUMBER", COLUMN_PLAIN, NULL },
		{ "pid", "PID", COLUMN_PLAIN, NULL }, { "user", "USER", COLUMN_PLAIN, NULL },
		{ "state", "STATE", COLUMN_PLAIN, NULL }, { "protections", "PROTECTIONS", COLUMN_PLAIN, NULL },
		{ "missing", "MISSING", COLUMN_PLAIN, NULL },
	};
	static struct process processes[PROCESSES_MAX];
	struct buf rows = buf_make(1 << 20);
	size_t n;
	err_t err;

	TRY(processes_read(c, processes, PROCESSES_MAX, &n));
	for (size_t i = 0; i < n; i++)
		TRY(put_process(&processes[i], &rows));
	err = output_rows(c, bytes_of_buf(&rows), columns, COUNT_OF(columns), "no processes");
out:
	buf_free(&rows);
	return err;
}

static err_t print_node(const struct cli *c, struct bytes row)
{
	static const struct column columns[] = {
		{ "state", "state", COLUMN_PLAIN, NULL }, { "provider_id", "provider", COLUMN_PLAIN, NULL },
		{ "cse", "CSE-ID", COLUMN_PLAIN, NULL }, { "name", "CSE name", COLUMN_PLAIN, NULL },
		{ "version", "version", COLUMN_PLAIN, NULL }, { "uptime", "uptime, s", COLUMN_PLAIN, NULL },
		{ "lab", "lab mode", COLUMN_YES, NULL }, { "keeper", "keeper", COLUMN_PLAIN, NULL },
		{ "why", "locked because", COLUMN_PLAIN, NULL },
		{ "provider", "key provider", COLUMN_PLAIN, NULL }, { "protection", "protection level", COLUMN_PLAIN, NULL },
		{ "keys", "keys", COLUMN_PLAIN, NULL }, { "store", "store", COLUMN_PLAIN, NULL },
		{ "rows", "resources", COLUMN_PLAIN, NULL }, { "associations", "associations", COLUMN_PLAIN, NULL },
		{ "succeeded", "succeeded", COLUMN_PLAIN, NULL }, { "refused", "refused", COLUMN_PLAIN, NULL },
		{ "failed", "failed", COLUMN_PLAIN, NULL }, { "audit", "audit records", COLUMN_PLAIN, NULL },
		{ "anchored", "anchored", COLUMN_PLAIN, NULL },
	};

	return output_record(c, row, columns, COUNT_OF(columns));
}

int run_status(struct cli *c)
{
	struct buf rows = buf_make(65536);
	struct cbor state = { 0 };
	bool found = false;
	struct door d;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = door_command(&d, ADMIN_STATUS, BYTES_NONE, &rows);
	door_close(&d);
	if (err == ERR_OK && c->json)
		printf("{\"node\":");
	if (err == ERR_OK)
		err = print_node(c, bytes_of_buf(&rows));
	if (err == ERR_OK) {
		printf(c->json ? ",\"processes\":" : "\n");
		if (print_processes(c) != ERR_OK)
			printf(c->json ? "[]" : "the processes are not to be seen from here (run/status)\n");
		printf(c->json ? "}\n" : "%s", "");
		err = cbor_find(bytes_of_buf(&rows), BYTES("state"), &state, &found);
	}
	/* A node that is locked, or found itself rolled back, is not well. */
	if (err == ERR_OK && !(found && bytes_equal(state.s, BYTES("open"))))
		err = ERR_BAD_STATE;
	buf_free(&rows);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}
