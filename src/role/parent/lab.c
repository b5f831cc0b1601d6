/* lab.c: holdfastd --lab, for interoperability labs and old clients.
 *
 * Lab mode has a directory of its own: the first start of a directory decides,
 * and leaves a file "lab" in it. A node that was ever started in earnest is never
 * started this way, and a lab's never without. Every listener is on a loopback
 * address or the start is refused. */
#define _GNU_SOURCE
#include "base/log.h"
#include "role/parent/parent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAB_ADMIN "CAdmin"
#define LAB_SP_ID "//lab.example"
#define LAB_CSE_ID "/in-cse"
#define LAB_CSE_NAME "cse-in"
enum { LAB_DEPTH = 3, LAB_PORT_MAX = 5 };

static const struct {
	const char *word, *value, *option, *text;
} words[] = {
#define LAB(word, value, option, text) { word, value, option, text },
#include "role/parent/lab.def"
#undef LAB
};

/* --- the command line ------------------------------------------------------------ */

static bool is_port(const char *text)
{
	uint64_t port;

	return bytes_to_u64(bytes_str(text), 65535, &port) == ERR_OK;
}

bool lab_argument(struct arguments *a, int argc, char **argv, int *at)
{
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		const char *value = *at + 1 < argc ? argv[*at + 1] : NULL;

		if (!bytes_equal(bytes_str(argv[*at]), bytes_str(words[i].word)))
			continue;
		/* A port is told as wrong at once; the others by their options. */
		if (!value || !*value || (!*words[i].option && !is_port(value)))
			return false;
		a->lab_word[i] = value;
		++*at;
		return true;
	}
	return false;
}

static const char *word_of(const struct parent *p, const char *word)
{
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (bytes_equal(bytes_str(words[i].word), bytes_str(word)))
			return p->arguments.lab_word[i];
	}
	return NULL;
}

static const char *word_or(const struct parent *p, const char *word, const char *otherwise)
{
	const char *value = word_of(p, word);

	return value ? value : otherwise;
}

err_t lab_help(struct buf *out)
{
	static const char head[] =
		"usage: holdfastd --lab [-d DIRECTORY] [OPTION VALUE]...\n"
		"\n"
		"A node for interoperability laboratories and old clients: plain HTTP on a\n"
		"loopback address, nobody is authenticated, nothing is protected.\n"
		"\n"
		"  -d DIRECTORY  its own state, made by the first start; without it a temporary\n"
		"                directory, in memory, that is removed at the end\n";
	static const char tail[] =
		"\n"
		"What a request may do there:\n"
		"  any AE registers itself; From: S, C, a name of its own (Cname), or empty\n"
		"  a registered AE may retrieve the CSEBase and discover from it; what is found is\n"
		"    still what its policies let it discover\n"
		"  anyone may create an accessControlPolicy under the CSEBase\n"
		"  a resource without policies is its creator's, and nobody else's\n"
		"  an originator that is not registered is judged by the policies, too\n"
		"  the administrator may do everything\n"
		"  the CSEs of --remote-cses register themselves, and speak for the AEs behind them\n"
		"\n"
		"Example, two nodes:\n"
		"  holdfastd --lab --lab-port 8080 --cse-id /id-in --remote-cses /id-mn\n"
		"  holdfastd --lab --lab-port 8081 --cse-id /id-mn --cse-name cse-mn --cse-type MN \\\n"
		"            --register-to http://127.0.0.1:8080 --registrar-id /id-in\n";
	err_t err;

	TRY(buf_add(out, bytes_str(head)));
	for (size_t i = 0; i < COUNT_OF(words); i++)
		TRY(buf_printf(out, "  %s %s\n                %s\n", words[i].word, words[i].value,
		               words[i].text));
	TRY(buf_add(out, bytes_str(tail)));
out:
	return err;
}

/* --- the directory --------------------------------------------------------------- */

/* `holdfast init` beside us makes the directory; it is the only one that knows how. */
static err_t run_init(const struct parent *p, const char *directory)
{
	const char *const args[] = {
		"holdfast", "init", directory, "--sp", word_or(p, "--sp-id", LAB_SP_ID),
		"--cse-id", word_or(p, "--cse-id", LAB_CSE_ID),
		"--cse-name", word_or(p, "--cse-name", LAB_CSE_NAME), "--listen", "", NULL
	};
	struct buf path = buf_make(PATH_MAX);
	char program[PATH_MAX];
	int status;
	pid_t pid;
	err_t err;

	TRY(buf_printf(&path, "%sholdfast", p->programs));
	TRY(bytes_put_str(program, sizeof(program), bytes_of_buf(&path)));
	pid = fork();
	if (pid == 0) {
		/* What to do next is for a node's administrator. */
		(void)dup2(p->null_fd, STDOUT_FILENO);
		execv(program, (char *const *)(uintptr_t)args);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		err = ERR_IO;
out:
	buf_free(&path);
	return err;
}

static err_t mark(const char *directory)
{
	int at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	if (at < 0)
		return ERR_IO;
	fd = openat(at, "lab", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	close(at);
	if (fd < 0)
		return ERR_IO;
	close(fd);
	return ERR_OK;
}

static bool has(const char *directory, const char *name)
{
	int at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool yes = at >= 0 && faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

	if (at >= 0)
		close(at);
	return yes;
}

static err_t refuse(const char *directory, const char *why)
{
	log_event(LOG_ERROR, "start refused", "path=%s why=%s", directory, why);
	return ERR_REFUSED;
}

/* Remove what is beneath a directory; links are removed, never followed. */
static void remove_below(int at, unsigned depth)
{
	DIR *d = fdopendir(dup(at));
	struct dirent *e;

	while (d && (e = readdir(d))) {
		int fd;

		if (bytes_equal(bytes_str(e->d_name), BYTES(".")) ||
		    bytes_equal(bytes_str(e->d_name), BYTES("..")))
			continue;
		if (unlinkat(at, e->d_name, 0) == 0 || depth == LAB_DEPTH)
			continue;
		fd = openat(at, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0) {
			remove_below(fd, depth + 1);
			close(fd);
		}
		(void)unlinkat(at, e->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
}

/* A process that outlives us however we end, and removes the temporary
 * directory: by then this one has no right to it any more. */
static err_t start_sweeper(const char *directory)
{
	int at = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), ends[2];
	pid_t pid;
	char octet;

	if (at < 0 || pipe2(ends, O_CLOEXEC) != 0)
		return ERR_IO;
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		(void)setsid();
		while (read(ends[0], &octet, 1) < 0 && errno == EINTR)
			;
		remove_below(at, 0);
		(void)rmdir(directory);
		_exit(0);
	}
	close(at);
	close(ends[0]);
	/* The other end stays open as long as we run. */
	return pid > 0 ? ERR_OK : ERR_IO;
}

static err_t temporary(struct parent *p)
{
	const char *base = getenv("TMPDIR");
	struct buf path = buf_make(PATH_MAX - 1);
	err_t err;

	TRY(buf_printf(&path, "%s/holdfast-lab-XXXXXX", base && *base ? base : "/tmp"));
	TRY(bytes_put_str(p->arguments.directory, sizeof(p->arguments.directory), bytes_of_buf(&path)));
	if (!mkdtemp(p->arguments.directory) || chmod(p->arguments.directory, 0755) != 0)
		TRY(ERR_IO);
	p->arguments.lab_made = true;
	err = start_sweeper(p->arguments.directory);
out:
	buf_free(&path);
	return err;
}

static err_t make(struct parent *p)
{
	err_t err = ERR_OK;

	if (!p->arguments.directory[0])
		TRY(temporary(p));
	TRY(run_init(p, p->arguments.directory));
	err = mark(p->arguments.directory);
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "no lab directory", "path=%s", p->arguments.directory);
	return err;
}

err_t lab_prepare(struct parent *p)
{
	const char *directory = p->arguments.directory;

	if (!p->arguments.lab) {
		if (has(directory, "lab"))
			return refuse(directory, "it is the directory of a lab; holdfastd --lab");
		return ERR_OK;
	}
	/* One that is there and empty is as good as none. */
	if (!*directory || !has(directory, "holdfast.conf"))
		return p->arguments.check ? refuse(directory, "there is no node in it") : make(p);
	if (has(directory, "lab") || p->arguments.check)
		return ERR_OK;
	/* The lock is made by the first start. */
	if (has(directory, "run/lock"))
		return refuse(directory, "this node was started without --lab before; "
		              "a lab needs a directory of its own");
	return mark(directory);
}

/* --- the options ------------------------------------------------------------------ */

/* --lab-port, else --listen or the file's address, else 127.0.0.1:8080. */
static err_t set_listener(const struct parent *p, struct options *o)
{
	const char *port = word_of(p, "--lab-port");
	struct buf place = buf_make(64);
	err_t err = ERR_OK;

	if (port)
		TRY(buf_printf(&place, "127.0.0.1:%s", port));
	else if (!*options_text(o, OPT_listen_lab_http))
		TRY(buf_add(&place, BYTES("127.0.0.1:8080")));
	if (place.n)
		TRY(options_set(o, BYTES("listen.lab_http"), bytes_of_buf(&place)));
out:
	buf_free(&place);
	return err;
}

/* Whose directory it is was decided when it was made. */
static bool is_identity(const char *option)
{
	static const char *const ids[] = { "node.sp_id", "node.cse_id", "node.cse_name" };

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		if (bytes_equal(bytes_str(option), bytes_str(ids[i])))
			return true;
	}
	return false;
}

static bool is_of_another(const struct options *o, const char *option, struct bytes value)
{
	for (enum option_id id = 0; id < OPT_COUNT; id++) {
		if (bytes_equal(bytes_str(option_row(id)->name), bytes_str(option)))
			return !bytes_equal(bytes_str(options_text(o, id)), value);
	}
	return true;
}

/* IN, MN, ASN are 1, 2, 3 in the file. */
static struct bytes value_of(const char *option, const char *text)
{
	static const char *const kinds[] = { "IN", "MN", "ASN" };
	static const char *const numbers[] = { "1", "2", "3" };

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (bytes_equal(bytes_str(option), BYTES("node.cse_type")) &&
		    bytes_equal(bytes_str(text), bytes_str(kinds[i])))
			return bytes_str(numbers[i]);
	}
	return bytes_str(text);
}

/* One word of the command line as its option. */
static err_t set_word(struct options *o, const char *option, const char *text)
{
	struct bytes value = value_of(option, text);

	if (is_identity(option) && is_of_another(o, option, value))
		return ERR_REFUSED;
	return options_set(o, bytes_str(option), value);
}

static err_t set_words(const struct parent *p, struct options *o, char *where, size_t size)
{
	struct buf text = buf_make(size - 1);
	err_t err = ERR_OK, failed = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(words) && failed == ERR_OK; i++) {
		if (!p->arguments.lab_word[i] || !*words[i].option)
			continue;
		failed = set_word(o, words[i].option, p->arguments.lab_word[i]);
		if (failed != ERR_OK)
			TRY(buf_printf(&text, "%s: %s", words[i].word, failed == ERR_REFUSED ?
			               "the directory is another CSE's" : "no such value"));
	}
	if (text.n)
		TRY(bytes_put_str(where, size, bytes_of_buf(&text)));
	err = failed;
out:
	buf_free(&text);
	return err;
}

/* Others reach a laboratory where it listens. */
static err_t set_access_point(struct options *o)
{
	struct buf url = buf_make(300);
	err_t err;

	TRY(buf_printf(&url, "http://%s", options_text(o, OPT_listen_lab_http)));
	TRY(options_set(o, BYTES("node.poa"), bytes_of_buf(&url)));
out:
	buf_free(&url);
	return err;
}

static err_t set_all(const struct parent *p, struct options *o, char *where, size_t size)
{
	bool named = word_of(p, "--store") != NULL;
	err_t err;

	TRY(options_set(o, BYTES("lab"), BYTES("yes")));
	TRY(set_words(p, o, where, size));
	TRY(set_listener(p, o));
	if (p->arguments.lab_made && !named)
		TRY(options_set(o, BYTES("store.engine"), BYTES("memory")));
	if (!*options_text(o, OPT_lab_admin))
		TRY(options_set(o, BYTES("lab.admin"), BYTES(LAB_ADMIN)));
	if (!*options_text(o, OPT_node_poa))
		TRY(set_access_point(o));
out:
	return err;
}

err_t lab_options(const struct parent *p, struct options *o, char *where, size_t size)
{
	static const enum option_id listeners[] = { OPT_listen_lab_http, OPT_listen_https };
	err_t err;

	TRY(set_all(p, o, where, size));
	for (size_t i = 0; i < COUNT_OF(listeners); i++) {
		struct bytes place = bytes_str(options_text(o, listeners[i]));
		bool loopback = false;

		if (place.n && (listen_is_loopback(place, &loopback) != ERR_OK || !loopback))
			return node_fault(where, size, "lab mode listens on loopback addresses only",
			                  ERR_REFUSED);
	}
out:
	if (err != ERR_OK && !*where)
		return node_fault(where, size, "the options of lab mode do not fit", err);
	return err;
}

void lab_announce(const struct parent *p)
{
	log_event(LOG_WARN, "LAB MODE", "this node protects nothing; never use it for real data");
	log_event(LOG_WARN, "LAB MODE", "off: encryption and authentication of connections on %s",
	          options_text(&p->options, OPT_listen_lab_http));
	log_event(LOG_WARN, "LAB MODE", "off: enrolment; applications register themselves");
	log_event(LOG_WARN, "LAB MODE", "off: a policy of the CSEBase; who is registered may read it, and anyone may add policies");
	if (*options_text(&p->options, OPT_lab_remote_cses))
		log_event(LOG_WARN, "LAB MODE", "off: authentication of the CSEs %s",
		          options_text(&p->options, OPT_lab_remote_cses));
	log_event(LOG_WARN, "LAB MODE", "off: access decisions for originator %s",
	          options_text(&p->options, OPT_lab_admin));
	log_event(LOG_WARN, "LAB MODE", "off: the list of places the courier may reach, for this "
	          "machine: plain http to every loopback address and port");
	if (p->arguments.lab_made)
		log_event(LOG_WARN, "LAB MODE", "off: the store; nothing survives the end; directory %s",
		          p->node.path);
}
