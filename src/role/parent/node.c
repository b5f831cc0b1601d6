/* node.c: the node's directory, as `holdfast init` makes it.
 *
 *   holdfast.conf  keeper/  store/  node/  run/{lock,workers,status,admin.sock,empty/} */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/log.h"
#include "role/service/key_source.h"
#include "role/service/network_check.h"
#include "role/parent/parent.h"
#include "token/config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static err_t fail(const char *what, const char *path)
{
	log_event(LOG_ERROR, what, "path=%s why=%s", path, strerror(errno));
	return ERR_IO;
}

err_t node_open(struct parent *p)
{
	struct node *n = &p->node;
	struct stat s;

	if (!realpath(p->arguments.directory, n->path)) {
		(void)fail("no node directory (holdfast init DIR makes one, -d DIR names it)",
		           p->arguments.directory);
		return ERR_MISSING;
	}
	n->fd = open(n->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (n->fd < 0 || fstat(n->fd, &s) != 0)
		return fail("no node directory", n->path);
	n->owner = s.st_uid;
	if (s.st_uid != 0 && s.st_uid != geteuid()) {
		log_event(LOG_WARN, "not our directory", "path=%s owner=%u", n->path,
		          (unsigned)s.st_uid);
	}
	if (s.st_mode & 022) {
		log_event(LOG_ERROR, "directory refused",
		          "path=%s why=others may write in it: chmod go-w", n->path);
		return ERR_REFUSED;
	}
	return ERR_OK;
}

err_t node_fault(char *where, size_t size, const char *text, err_t err)
{
	if (bytes_put_str(where, size, bytes_str(text)) != ERR_OK && size)
		where[0] = '\0';
	return err;
}

/* Who may write the configuration may do everything: only its owner. */
static err_t read_file(const struct node *n, struct buf *out, char *where, size_t size)
{
	int fd = openat(n->fd, "holdfast.conf", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat s;
	ssize_t got;
	err_t err = ERR_OK;

	if (fd < 0)
		return node_fault(where, size, strerror(errno), ERR_IO);
	if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode))
		TRY(node_fault(where, size, "not a file", ERR_IO));
	if (s.st_mode & 022)
		TRY(node_fault(where, size, "others may write it: chmod go-w", ERR_REFUSED));
	if (s.st_uid != geteuid() && s.st_uid != n->owner && s.st_uid != 0)
		TRY(node_fault(where, size, "it belongs to another user", ERR_REFUSED));
	TRY(buf_reserve(out, OPTIONS_FILE_MAX + 1));
	do {
		got = read(fd, out->p + out->n, OPTIONS_FILE_MAX + 1 - out->n);
		out->n += got > 0 ? (size_t)got : 0;
	} while (got > 0 && out->n <= OPTIONS_FILE_MAX);
	if (got < 0)
		err = node_fault(where, size, strerror(errno), ERR_IO);
out:
	close(fd);
	return err;
}

static err_t check_tokens(struct options *o, char *where, size_t size)
{
	struct token_config config;
	const char *why;

	for (unsigned i = 1; i <= TOKENS_MAX; i++) {
		struct bytes text = bytes_str(options_text(o, (enum option_id)(OPT_token_1 + i - 1)));

		if (!text.n || token_config_parse(text, &config, &why) == ERR_OK)
			continue;
		(void)text_print(where, size, "token.%u: %s", i, why);
		return ERR_SYNTAX;
	}
	return ERR_OK;
}

/* What no single line can tell. */
static err_t check_whole(const struct parent *p, struct options *o, char *where, size_t size)
{
	struct bytes https = bytes_str(options_text(o, OPT_listen_https)), bad;
	bool loopback;

	if (https.n && listen_is_loopback(https, &loopback) != ERR_OK)
		return node_fault(where, size, "listen.https: address:port is expected, as "
		                  "192.0.2.1:443 or [2001:db8::1]:443", ERR_SYNTAX);
	if (!*options_text(o, OPT_node_sp_id) || !*options_text(o, OPT_node_cse_id))
		return node_fault(where, size, "node.sp_id and node.cse_id are needed", ERR_MISSING);
	if (check_tokens(o, where, size) != ERR_OK)
		return ERR_SYNTAX;
	if (network_check(o, where, size) != ERR_OK || key_source_check(o, where, size) != ERR_OK)
		return ERR_SYNTAX;
	if (options_algorithms(o, &bad) != ERR_OK) {
		(void)text_print(where, size, "algorithms: %.*s is not in the table, or cannot be refused "
		                 "(mandatory) or enabled (not legacy): holdfast algorithm list",
		                 BYTES_FMT(bad));
		return ERR_REFUSED;
	}
	if (p->arguments.lab)
		return lab_options(p, o, where, size);
	if (*options_text(o, OPT_listen_lab_http) || *options_text(o, OPT_lab_admin) ||
	    *options_text(o, OPT_lab_remote_cses))
		return node_fault(where, size, "listen.lab_http, lab.admin and lab.remote_cses are "
		                  "for holdfastd --lab only", ERR_REFUSED);
	return ERR_OK;
}

err_t node_read_options(const struct parent *p, struct options *out, char *where, size_t size)
{
	struct buf file = buf_make(OPTIONS_FILE_MAX + 1);
	struct options fresh = { 0 };
	err_t err;

	TRY(read_file(&p->node, &file, where, size));
	TRY(options_parse(&fresh, bytes_of_buf(&file), where, size));
	TRY(check_whole(p, &fresh, where, size));
	options_free(out);
	*out = fresh;
	fresh = (struct options){ 0 };
out:
	buf_free(&file);
	options_free(&fresh);
	return err;
}

/* Workers of a parent that was killed die with it, but perhaps a moment later;
 * until then they have the store, the key store and the port. */
static err_t wait_for_workers(struct node *n)
{
	int64_t end = clock_steady() + LIFE_MS;
	bool said = false;

	/* Read only: the workers cannot write through it. */
	n->life_fd = openat(n->run_fd, "workers", O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (n->life_fd < 0)
		return fail("no lock", n->path);
	while (flock(n->life_fd, LOCK_EX | LOCK_NB) != 0) {
		if (!said)
			log_event(LOG_NOTE, "waiting", "path=%s why=workers of a parent that died are "
			          "still ending", n->path);
		said = true;
		if (clock_steady() >= end) {
			log_event(LOG_ERROR, "runs already", "path=%s why=workers of a parent that "
			          "died do not end", n->path);
			return ERR_TIMEOUT;
		}
		(void)poll(NULL, 0, LIFE_STEP_MS);
	}
	return ERR_OK;
}

/* The run directory belongs to the user that the parent runs as. */
static err_t open_run(struct parent *p)
{
	struct node *n = &p->node;
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (mkdirat(n->fd, "run", 0755) != 0 && errno != EEXIST)
		return fail("no run directory", n->path);
	n->run_fd = openat(n->fd, "run", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (n->run_fd < 0 || (p->root && fchown(n->run_fd, 0, 0) != 0) ||
	    fchmod(n->run_fd, 0755) != 0)
		return fail("no run directory", n->path);
	n->lock_fd = openat(n->run_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (n->lock_fd < 0)
		return fail("no lock", n->path);
	/* Of the process, not of the open file: a worker that was forked and not yet
	 * started when its parent was killed holds nothing. */
	if (fcntl(n->lock_fd, F_SETLK, &whole) != 0) {
		log_event(LOG_ERROR, "runs already", "path=%s", n->path);
		return ERR_EXISTS;
	}
	if (wait_for_workers(n) != ERR_OK)
		return ERR_EXISTS;
	/* Of a start that was not ended in order. */
	(void)unlinkat(n->run_fd, "status", 0);
	if (mkdirat(n->run_fd, "empty", 0555) != 0 && errno != EEXIST)
		return fail("no empty directory", n->path);
	n->empty_fd = openat(n->run_fd, "empty", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return n->empty_fd >= 0 ? ERR_OK : fail("no empty directory", n->path);
}

/* Give a directory that is root's to the worker that will own it. Only root's:
 * anybody else could exchange the names meanwhile. */
static err_t give(int fd, uint32_t user)
{
	DIR *d = fdopendir(dup(fd));
	struct dirent *e;
	err_t err = ERR_OK;

	if (!d)
		return ERR_IO;
	while ((e = readdir(d))) {
		if (e->d_type == DT_REG && fchownat(fd, e->d_name, user, user, AT_SYMLINK_NOFOLLOW) != 0)
			err = ERR_IO;
	}
	closedir(d);
	if (err == ERR_OK && fchown(fd, user, user) != 0)
		err = ERR_IO;
	return err;
}

uint32_t parent_user(const struct parent *p, unsigned place)
{
	return p->root ? (uint32_t)options_number(&p->options, OPT_user_base) + place : geteuid();
}

/* What its worker cannot open, as after a copy was put back by another user: the worker would take
 * it for missing. */
static err_t check_files(int fd, const char *name, uint32_t user)
{
	static const char *const files[] = { "keystore", "counter", "holdfast.db", "holdfast.db-wal" };
	struct stat s;
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		if (fstatat(fd, files[i], &s, AT_SYMLINK_NOFOLLOW) != 0 ||
		    (S_ISREG(s.st_mode) && s.st_uid == user && (s.st_mode & 0600) == 0600))
			continue;
		log_event(LOG_ERROR, "file refused", "name=%s/%s owner=%u needed=%u mode=%o why=%s", name,
		          files[i], (unsigned)s.st_uid, (unsigned)user, (unsigned)s.st_mode & 07777,
		          !S_ISREG(s.st_mode) ? "it is no file" : s.st_uid != user
		          ? "its worker cannot open it: chown it to the needed owner"
		          : "its worker cannot open it: chmod u+rw");
		err = ERR_REFUSED;
	}
	return err;
}

/* A directory that a worker keeps: its own, and nobody else's. */
static err_t open_kept(struct parent *p, const char *name, enum role role, int *out)
{
	uint32_t user = parent_user(p, role);
	int fd = openat(p->node.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat s;

	if (fd < 0 || fstat(fd, &s) != 0)
		return fail("not a node directory", name);
	if (p->root && s.st_uid == 0) {
		if (give(fd, user) != ERR_OK)
			return fail("cannot be given to its worker", name);
		s.st_uid = user;
	}
	*out = fd;
	if (s.st_uid != user) {
		log_event(LOG_ERROR, "directory refused", "name=%s owner=%u needed=%u", name,
		          (unsigned)s.st_uid, user);
		return ERR_REFUSED;
	}
	if (fchmod(fd, 0700) != 0)
		return fail("directory refused", name);
	return check_files(fd, name, user);
}

err_t node_prepare(struct parent *p)
{
	struct node *n = &p->node;
	err_t err;

	TRY(open_run(p));
	TRY(open_kept(p, "keeper", ROLE_KEEPER, &n->keeper_fd));
	TRY(open_kept(p, "store", ROLE_CORE, &n->store_fd));
	n->public_fd = openat(n->fd, "node", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (n->public_fd < 0)
		return fail("not a node directory", "node");
	TRY(node_open_passphrase(p));
	node_open_witness(p);
	err = node_open_pins(p);
out:
	return err;
}

void node_close(struct parent *p)
{
	if (p->node.run_fd >= 0) {
		(void)unlinkat(p->node.run_fd, "admin.sock", 0);
		(void)unlinkat(p->node.run_fd, "status", 0);
	}
}
