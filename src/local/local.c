/* local.c: whether a local socket is the one that it is taken for. A path says nothing of it: in
 * a folder that others can write, they listen there while the other does not [T13]. */
#define _GNU_SOURCE
#include "local/local.h"

#include "base/bytes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_ours(uid_t user)
{
	return user == 0 || user == geteuid();
}

/* Cuts the last part off: false when there is none more. */
static bool up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !slash[1])
		return false;
	slash[slash == path] = '\0';
	return true;
}

/* Nobody but the superuser, who asks and `user` decides what stands at path. What is ours may
 * stand in a folder of all, if that is sticky; what is his may not: anybody could be he. */
static bool is_kept(const char *path, uid_t user)
{
	char folder[PATH_MAX];
	uid_t below = user;
	struct stat s;

	if (bytes_put_str(folder, sizeof(folder), bytes_str(path)) != ERR_OK)
		return false;
	for (; up(folder); below = s.st_uid) {
		bool others;

		if (lstat(folder, &s) != 0 || !(is_ours(s.st_uid) || s.st_uid == user))
			return false;
		others = S_ISLNK(s.st_mode) ? !is_ours(s.st_uid) : s.st_mode & (S_IWGRP | S_IWOTH);
		if (others && !(s.st_mode & S_ISVTX && is_ours(below)))
			return false;
	}
	return true;
}

err_t local_listener_check(int fd, const char *path)
{
	char whole[PATH_MAX];
	struct ucred who = { 0 };
	socklen_t n = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0 || n != sizeof(who))
		return ERR_IO;
	if (is_ours(who.uid))
		return ERR_OK;
	return realpath(path, whole) && is_kept(path, who.uid) && is_kept(whole, who.uid) ? ERR_OK : ERR_TAMPERED;
}
