/* dropfs.c: a disk that forgets what was not synced.
 *
 * usage: dropfs MOUNTPOINT MEGABYTES SNAPSHOT
 *
 * A FUSE file system with one file, "disk". Writes go to a volatile image; a
 * sync copies what was written since into the durable image. On SIGUSR1 the
 * power is cut: the durable image is written to SNAPSHOT (then SNAPSHOT.done
 * appears), and every later read, write and sync fails. A loop device on
 * "disk" is then a block device that drops unsynced writes. */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

static char *volatile_image, *durable_image;
static unsigned char *dirty;
static size_t size;
static int cut;
static const char *snapshot;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int fs_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	memset(st, 0, sizeof(*st));
	if (strcmp(path, "/") == 0) {
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		return 0;
	}
	if (strcmp(path, "/disk") != 0)
		return -ENOENT;
	st->st_mode = S_IFREG | 0600;
	st->st_nlink = 1;
	st->st_size = (off_t)size;
	return 0;
}

static int fs_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t off,
                      struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	(void)path, (void)off, (void)fi, (void)flags;
	fill(buf, "disk", NULL, 0, 0);
	return 0;
}

static int fs_open(const char *path, struct fuse_file_info *fi)
{
	if (strcmp(path, "/disk") != 0)
		return -ENOENT;
	fi->direct_io = 1;
	return 0;
}

static int fs_read(const char *path, char *buf, size_t n, off_t at, struct fuse_file_info *fi)
{
	(void)path, (void)fi;
	if ((size_t)at >= size)
		return 0;
	if (n > size - (size_t)at)
		n = size - (size_t)at;
	pthread_mutex_lock(&lock);
	memcpy(buf, volatile_image + at, n);
	pthread_mutex_unlock(&lock);
	return (int)n;
}

static int fs_write(const char *path, const char *buf, size_t n, off_t at, struct fuse_file_info *fi)
{
	int result = (int)n;

	(void)path, (void)fi;
	if ((size_t)at + n > size)
		return -ENOSPC;
	pthread_mutex_lock(&lock);
	if (cut) {
		result = -EIO;
	} else {
		memcpy(volatile_image + at, buf, n);
		for (size_t p = (size_t)at / PAGE; p <= ((size_t)at + n - 1) / PAGE; p++)
			dirty[p] = 1;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

static int fs_fsync(const char *path, int data, struct fuse_file_info *fi)
{
	int result = 0;

	(void)path, (void)data, (void)fi;
	pthread_mutex_lock(&lock);
	if (cut)
		result = -EIO;
	for (size_t p = 0; !cut && p < size / PAGE; p++) {
		if (dirty[p])
			memcpy(durable_image + p * PAGE, volatile_image + p * PAGE, PAGE);
		dirty[p] = 0;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

static const struct fuse_operations operations = {
	.getattr = fs_getattr, .readdir = fs_readdir, .open = fs_open,
	.read = fs_read, .write = fs_write, .fsync = fs_fsync,
};

static void *wait_for_cut(void *unused)
{
	sigset_t set;
	int sig, fd;
	char done[4096];
	size_t at = 0;

	(void)unused;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &sig);
	pthread_mutex_lock(&lock);
	cut = 1;
	pthread_mutex_unlock(&lock);
	fd = open(snapshot, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	while (fd >= 0 && at < size) {
		ssize_t n = write(fd, durable_image + at, size - at);

		if (n <= 0)
			exit(3);
		at += (size_t)n;
	}
	close(fd);
	snprintf(done, sizeof(done), "%s.done", snapshot);
	close(open(done, O_CREAT | O_WRONLY, 0600));
	return NULL;
}

int main(int argc, char **argv)
{
	char foreground[] = "-f", *fuse_argv[] = { argv[0], argv[1], foreground, NULL };
	pthread_t thread;
	sigset_t set;

	if (argc != 4)
		return 2;
	size = (size_t)atol(argv[2]) << 20;
	snapshot = argv[3];
	volatile_image = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	durable_image = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	dirty = calloc(size / PAGE, 1);
	if (volatile_image == MAP_FAILED || durable_image == MAP_FAILED || !dirty)
		return 3;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&thread, NULL, wait_for_cut, NULL) != 0)
		return 3;
	return fuse_main(3, fuse_argv, &operations, NULL);
}
