/* profile.c: a client's folder, read and written. */
#define _GNU_SOURCE
#include "base/file.h"
#include "client/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, FILE_SIZE_MAX = 65536 };

static const char *const credential_names[] = {
	[PROFILE_CERTIFICATE] = "certificate", [PROFILE_PSK] = "psk", [PROFILE_NONE] = "none",
};

static void say(char *why, size_t size, const char *what, struct bytes which)
{
	if (!bytes_is_printable(which))
		which = BYTES("(unprintable)");
	(void)text_print(why, size, "%s%s%.*s", what, which.n ? ": " : "", BYTES_FMT(which));
}

/* --- profile.conf -------------------------------------------------------------- */

err_t profile_address(struct bytes address, struct profile *out)
{
	size_t colon = address.n;
	struct bytes host, port;
	uint64_t n;
	err_t err;

	while (colon > 0 && address.p[colon - 1] != ':')
		colon--;
	if (colon < 2)
		return ERR_SYNTAX;
	host = bytes_sub(address, 0, colon - 1);
	port = bytes_sub(address, colon, address.n);
	if (host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = bytes_sub(host, 1, host.n - 2);
	else if (bytes_find(host, ':') < host.n)
		return ERR_SYNTAX;
	if (host.n == 0 || !bytes_is_printable(host) || bytes_find(host, ' ') < host.n ||
	    bytes_find(host, '[') < host.n || bytes_find(host, ']') < host.n ||
	    bytes_find(host, '/') < host.n)
		return ERR_SYNTAX;
	TRY(bytes_to_u64(port, 65535, &n));
	if (n == 0)
		return ERR_RANGE;
	TRY(bytes_put_str(out->host, sizeof(out->host), host));
	err = bytes_put_str(out->port, sizeof(out->port), port);
out:
	return err;
}

static err_t set_name(struct profile *p, struct bytes v)
{
	return bytes_put_str(p->name, sizeof(p->name), v);
}

static err_t set_originator(struct profile *p, struct bytes v)
{
	return bytes_put_str(p->originator, sizeof(p->originator), v);
}

static err_t set_address(struct profile *p, struct bytes v)
{
	return profile_address(v, p);
}

static err_t set_credential(struct profile *p, struct bytes v)
{
	for (unsigned i = PROFILE_CERTIFICATE; i < COUNT_OF(credential_names); i++) {
		if (bytes_equal(v, bytes_str(credential_names[i]))) {
			p->credential = (enum profile_credential)i;
			return ERR_OK;
		}
	}
	return ERR_RANGE;
}

static const struct {
	const char *name;
	err_t (*set)(struct profile *p, struct bytes value);
} settings[] = {
	{ "address", set_address }, { "name", set_name },
	{ "originator", set_originator }, { "credential", set_credential },
};

static err_t parse_line(struct bytes line, struct profile *out, unsigned *seen)
{
	struct bytes value = line, name = bytes_trim(bytes_cut(&value, '='));

	if (bytes_find(line, '=') == line.n || !bytes_is_printable(bytes_trim(line)))
		return ERR_SYNTAX;
	value = bytes_trim(value);
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		if (!bytes_equal(name, bytes_str(settings[i].name)))
			continue;
		if (*seen & 1u << i)
			return ERR_DUPLICATE;
		*seen |= 1u << i;
		return value.n ? settings[i].set(out, value) : ERR_SYNTAX;
	}
	return ERR_UNSUPPORTED;
}

err_t profile_parse(struct bytes conf, struct profile *out, char *why, size_t why_size)
{
	unsigned seen = 0;

	while (conf.n > 0) {
		struct bytes line = bytes_trim(bytes_cut(&conf, '\n'));
		err_t err;

		if (line.n == 0 || line.p[0] == '#')
			continue;
		err = parse_line(line, out, &seen);
		if (err != ERR_OK) {
			say(why, why_size, err_text(err), line);
			return err;
		}
	}
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		if (!(seen & 1u << i)) {
			say(why, why_size, "profile.conf lacks", bytes_str(settings[i].name));
			return ERR_MISSING;
		}
	}
	return ERR_OK;
}

/* --- the folder ------------------------------------------------------------------ */

static err_t read_part(const char *dir, const char *name, struct buf *out)
{
	char path[PATH_SIZE];
	err_t err;

	TRY(file_path(path, sizeof(path), dir, name));
	err = file_read(path, FILE_SIZE_MAX, out);
out:
	return err;
}

/* A key file that others may read is no secret. */
static err_t key_is_private(const char *dir, const char *name)
{
	char path[PATH_SIZE];
	struct stat st;
	err_t err;

	TRY(file_path(path, sizeof(path), dir, name));
	if (stat(path, &st) != 0)
		return ERR_MISSING;
	if (st.st_mode & 077)
		return ERR_REFUSED;
out:
	return err;
}

static err_t read_key(const char *dir, const char *name, bool hex, struct secret *out)
{
	struct buf text = buf_make(FILE_SIZE_MAX);
	struct bytes line;
	err_t err;

	TRY(key_is_private(dir, name));
	/* room at once, so that growing leaves no copies behind */
	TRY(buf_reserve(&text, 16384));
	TRY(read_part(dir, name, &text));
	line = bytes_of_buf(&text);
	if (!hex) {
		TRY(secret_copy(line, out));
		goto out;
	}
	line = bytes_trim(bytes_cut(&line, '\n'));
	if (line.n < 32 || line.n > 2 * PROFILE_PSK_MAX)
		TRY(ERR_SYNTAX);
	TRY(secret_new(line.n / 2, out));
	err = bytes_from_hex(line, out->p, out->n);
out:
	if (text.p)
		secret_wipe(text.p, text.cap);
	buf_free(&text);
	return err;
}

static err_t read_own(const char *dir, struct profile *out, const char **which)
{
	err_t err;

	*which = "cert.pem";
	TRY(read_part(dir, *which, &out->certificate));
	*which = "key.pem";
	err = read_key(dir, *which, false, &out->key);
out:
	return err;
}

static err_t read_certificate(const char *dir, struct profile *out, const char **which)
{
	err_t err;

	*which = "ca.pem";
	TRY(read_part(dir, *which, &out->anchor));
	err = read_own(dir, out, which);
out:
	return err;
}

static err_t read_psk(const char *dir, struct profile *out, const char **which)
{
	struct buf text = buf_make(FILE_SIZE_MAX);
	struct bytes line;
	err_t err;

	*which = "psk.identity";
	TRY(read_part(dir, *which, &text));
	line = bytes_of_buf(&text);
	line = bytes_trim(bytes_cut(&line, '\n'));
	if (line.n == 0 || !bytes_is_printable(line))
		TRY(ERR_SYNTAX);
	TRY(bytes_put_str(out->identity, sizeof(out->identity), line));
	*which = "psk.key";
	err = read_key(dir, *which, true, &out->key);
out:
	buf_free(&text);
	return err;
}

static void profile_start(struct profile *p)
{
	*p = (struct profile){ .anchor = buf_make(FILE_SIZE_MAX),
		               .certificate = buf_make(FILE_SIZE_MAX) };
}

/* Why a part was not taken. */
static void say_part(err_t err, const char *which, char *why, size_t why_size)
{
	if (err == ERR_REFUSED)
		say(why, why_size, "others may read the key file (chmod 600)", bytes_str(which));
	else if (err != ERR_OK && why[0] == '\0')
		say(why, why_size, err == ERR_MISSING ? "no such file in the profile"
		    : err == ERR_IO ? "it does not open for this user" : err_text(err), bytes_str(which));
}

err_t profile_read_device(const char *dir, struct profile *out, char *why, size_t why_size)
{
	const char *which = "";
	err_t err;

	profile_start(out);
	why[0] = '\0';
	err = read_own(dir, out, &which);
	say_part(err, which, why, why_size);
	if (err != ERR_OK)
		profile_free(out);
	return err;
}

err_t profile_read(const char *dir, struct profile *out, char *why, size_t why_size)
{
	struct buf conf = buf_make(FILE_SIZE_MAX);
	const char *which = "profile.conf";
	err_t err;

	profile_start(out);
	why[0] = '\0';
	TRY(read_part(dir, which, &conf));
	TRY(profile_parse(bytes_of_buf(&conf), out, why, why_size));
	if (out->credential == PROFILE_CERTIFICATE)
		TRY(read_certificate(dir, out, &which));
	else if (out->credential == PROFILE_PSK)
		TRY(read_psk(dir, out, &which));
out:
	buf_free(&conf);
	say_part(err, which, why, why_size);
	if (err != ERR_OK)
		profile_free(out);
	return err;
}

void profile_free(struct profile *p)
{
	buf_free(&p->anchor);
	buf_free(&p->certificate);
	secret_free(&p->key);
}

/* --- writing ----------------------------------------------------------------------- */

static err_t write_part(const char *dir, const char *name, struct bytes content, unsigned mode)
{
	char path[PATH_SIZE];
	err_t err;

	TRY(file_path(path, sizeof(path), dir, name));
	err = file_write_new(path, content, mode);
out:
	return err;
}

static err_t write_conf(const char *dir, const struct profile *p)
{
	struct buf text = buf_make(4096);
	struct bytes host = bytes_str(p->host);
	bool six = bytes_find(host, ':') < host.n;
	err_t err;

	TRY(buf_printf(&text, "address = %s%s%s:%s\n", six ? "[" : "", p->host, six ? "]" : "", p->port));
	TRY(buf_printf(&text, "name = %s\noriginator = %s\n", p->name, p->originator));
	TRY(buf_printf(&text, "credential = %s\n", credential_names[p->credential]));
	err = write_part(dir, "profile.conf", bytes_of_buf(&text), 0644);
out:
	buf_free(&text);
	return err;
}

static err_t write_psk(const char *dir, const struct profile *p)
{
	char hex[2 * PROFILE_PSK_MAX + 2];
	err_t err;

	must(p->key.n <= PROFILE_PSK_MAX);
	bytes_to_hex(secret_view(&p->key), hex, sizeof(hex));
	hex[2 * p->key.n] = '\n';
	TRY(write_part(dir, "psk.identity", bytes_str(p->identity), 0644));
	err = write_part(dir, "psk.key", bytes_make(hex, 2 * p->key.n + 1), 0600);
out:
	secret_wipe(hex, sizeof(hex));
	return err;
}

static void remove_parts(const char *dir)
{
	static const char *const names[] = { "profile.conf", "ca.pem", "cert.pem",
		                             "key.pem", "psk.identity", "psk.key" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char path[PATH_SIZE];

		if (file_path(path, sizeof(path), dir, names[i]) == ERR_OK)
			(void)unlink(path);
	}
	(void)rmdir(dir);
}

err_t profile_write(const char *dir, const struct profile *p)
{
	err_t err;

	if (mkdir(dir, 0700) != 0)
		return errno == EEXIST ? ERR_EXISTS : ERR_IO;
	TRY(write_conf(dir, p));
	if (p->anchor.n)
		TRY(write_part(dir, "ca.pem", bytes_of_buf(&p->anchor), 0644));
	if (p->credential == PROFILE_CERTIFICATE) {
		TRY(write_part(dir, "cert.pem", bytes_of_buf(&p->certificate), 0644));
		TRY(write_part(dir, "key.pem", secret_view(&p->key), 0600));
	} else if (p->credential == PROFILE_PSK) {
		TRY(write_psk(dir, p));
	}
out:
	if (err != ERR_OK)
		remove_parts(dir);
	return err;
}

err_t profile_replace(const char *dir, const struct profile *p)
{
	char fresh[PATH_SIZE];
	err_t err;

	if (!text_print(fresh, sizeof(fresh), "%s.new", dir))
		return ERR_LIMIT;
	remove_parts(fresh); /* of one that was cut short */
	TRY(profile_write(fresh, p));
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, dir, RENAME_EXCHANGE) != 0)
		err = errno == EINVAL || errno == ENOSYS ? ERR_UNSUPPORTED : ERR_IO;
	remove_parts(fresh);
out:
	return err;
}
