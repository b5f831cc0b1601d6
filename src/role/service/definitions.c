/* definitions.c: the folder of definitions, before the sandbox closes. */
#include "role/service/definitions.h"

#include "base/file.h"
#include "base/log.h"
#include "schema/schema.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEFINITIONS_FILE_MAX = 1 << 20, PATH_OCTETS = 1024, FILES_MAX = 256, NAME_OCTETS = 128 };

static void take_file(const char *folder, const char *name)
{
	struct buf text = buf_make(DEFINITIONS_FILE_MAX);
	char path[PATH_OCTETS];
	size_t line = 0;
	err_t err;

	TRY(file_path(path, sizeof(path), folder, name));
	TRY(file_read(path, DEFINITIONS_FILE_MAX, &text));
	TRY(schema_load(bytes_of_buf(&text), &line));
	log_event(LOG_DEBUG, "definitions", "file=%s", name);
out:
	if (err != ERR_OK)
		log_event(LOG_WARN, "definitions left out", "file=%s line=%zu why=%s", name, line,
		          err_name(err));
	buf_free(&text);
}

/* Names in their order, so that of two files that clash the same one wins always. */
struct names {
	char list[FILES_MAX][NAME_OCTETS];
	size_t n;
};

static int order(const void *a, const void *b)
{
	return bytes_compare(bytes_str(a), bytes_str(b));
}

static bool take_folder(const char *folder)
{
	static struct names names;
	DIR *dir = opendir(folder);
	struct dirent *e;

	names.n = 0;
	while (dir && (e = readdir(dir)) != NULL && names.n < FILES_MAX) {
		struct bytes name = bytes_str(e->d_name);

		if (e->d_name[0] != '.' && bytes_ends(name, BYTES(".rows")) &&
		    bytes_put_str(names.list[names.n], NAME_OCTETS, name) == ERR_OK)
			names.n++;
	}
	if (dir)
		closedir(dir);
	qsort(names.list, names.n, NAME_OCTETS, order);
	for (size_t i = 0; i < names.n; i++)
		take_file(folder, names.list[i]);
	return dir != NULL;
}

/* Beside the program as it is built, or above it as it is installed. */
static bool take_installed(void)
{
	static const char *const places[] = { "share/holdfast/definitions",
		                              "../share/holdfast/definitions" };
	char self[PATH_OCTETS / 2], folder[PATH_OCTETS];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	while (n > 0 && self[n - 1] != '/')
		n--;
	if (n <= 1)
		return false;
	self[n - 1] = '\0';
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		if (file_path(folder, sizeof(folder), self, places[i]) == ERR_OK && take_folder(folder))
			return true;
	}
	return false;
}

void definitions_load(const struct options *o)
{
	const char *folder = options_text(o, OPT_node_definitions);

	if (!(*folder ? take_folder(folder) : take_installed()))
		log_event(LOG_NOTE, "no definitions", "folder=%s", *folder ? folder : "installed");
}
