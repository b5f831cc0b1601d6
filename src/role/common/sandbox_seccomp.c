/* sandbox_seccomp.c: the lists of system calls, from sandbox_calls.def.
 *
 * What is not on the list ends the process; the parent sees the signal and
 * says so. Builds with sanitizers run without, because they need more. */
#define _GNU_SOURCE
#include "role/common/sandbox.h"

#include "base/secret.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Which arguments a call may have. All of a test's comparisons must hold. */
enum test {
	ANY, NOT, no_code, itself, terminal, non_blocking, internet4, internet6,
	local, TEST_COUNT
};

struct comparison {
	unsigned argument;
	enum scmp_compare op;
	uint64_t a, b;
};

static const struct comparison tests[TEST_COUNT][2] = {
	[no_code] = { { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
	[itself] = { { 0, SCMP_CMP_EQ, 0, 0 } }, /* the number is put in below */
	/* TCGETS, TCSETS and kin: not TIOCSTI, which types for others. */
	[terminal] = { { 1, SCMP_CMP_MASKED_EQ, ~7ull, TCGETS & ~7 } },
	[non_blocking] = { { 1, SCMP_CMP_EQ, FIONBIO, 0 } },
	[internet4] = { { 0, SCMP_CMP_EQ, AF_INET, 0 }, { 1, SCMP_CMP_MASKED_EQ, 15, SOCK_STREAM } },
	[internet6] = { { 0, SCMP_CMP_EQ, AF_INET6, 0 }, { 1, SCMP_CMP_MASKED_EQ, 15, SOCK_STREAM } },
	[local] = { { 0, SCMP_CMP_EQ, AF_UNIX, 0 }, { 1, SCMP_CMP_MASKED_EQ, 15, SOCK_STREAM } },
};
static const unsigned tests_n[TEST_COUNT] = {
	[no_code] = 1, [itself] = 1, [terminal] = 1, [non_blocking] = 1,
	[internet4] = 2, [internet6] = 2, [local] = 2,
};

static const struct call {
	int number;
	unsigned roles;
	enum test test;
	int other; /* only where there is none such: its number is negative */
} calls[] = {
#define CALL(name, roles) { SCMP_SYS(name), (roles), ANY, -1 },
#define CALL_IF(name, roles, test) { SCMP_SYS(name), (roles), test, -1 },
#define CALL_NOT(name, roles) { SCMP_SYS(name), (roles), NOT, -1 },
#define CALL_FOR(name, roles, other) { SCMP_SYS(name), (roles), ANY, SCMP_SYS(other) },
#include "role/common/sandbox_calls.def"
};

/* What is left behind when a role has begun its work. */
enum kernel { EITHER, HIDES, SHOWS };
static const struct left {
	int number;
	unsigned roles;
	uint32_t action;
	enum kernel kernel;
} lefts[] = {
#define LEFT(name, roles) { SCMP_SYS(name), (roles), SCMP_ACT_KILL_PROCESS, EITHER },
#define LEFT_NOT(name, roles) { SCMP_SYS(name), (roles), SCMP_ACT_ERRNO(ENOSYS), EITHER },
#define LEFT_ZERO(name, roles) { SCMP_SYS(name), (roles), SCMP_ACT_ERRNO(0), EITHER },
#define LEFT_HIDDEN(name, roles) { SCMP_SYS(name), (roles), SCMP_ACT_ERRNO(ENOSYS), HIDES },
#define LEFT_SHOWN(name, roles) { SCMP_SYS(name), (roles), SCMP_ACT_ERRNO(ENOSYS), SHOWS },
#include "role/common/sandbox_calls.def"
};

/* What nobody here ever does; the parent's list, inherited by every worker. */
static const int never[] = {
	SCMP_SYS(acct), SCMP_SYS(add_key), SCMP_SYS(bpf), SCMP_SYS(clock_adjtime),
	SCMP_SYS(clock_settime), SCMP_SYS(delete_module), SCMP_SYS(finit_module),
	SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fsopen), SCMP_SYS(init_module),
	SCMP_SYS(io_uring_setup), SCMP_SYS(ioperm), SCMP_SYS(iopl),
	SCMP_SYS(kexec_file_load), SCMP_SYS(kexec_load), SCMP_SYS(keyctl),
	SCMP_SYS(mount), SCMP_SYS(mount_setattr), SCMP_SYS(move_mount),
	SCMP_SYS(name_to_handle_at), SCMP_SYS(open_by_handle_at), SCMP_SYS(open_tree),
	SCMP_SYS(perf_event_open), SCMP_SYS(pivot_root), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(ptrace), SCMP_SYS(quotactl),
	SCMP_SYS(reboot), SCMP_SYS(request_key), SCMP_SYS(setdomainname),
	SCMP_SYS(sethostname), SCMP_SYS(setns), SCMP_SYS(settimeofday),
	SCMP_SYS(swapoff), SCMP_SYS(swapon), SCMP_SYS(umount2), SCMP_SYS(unshare),
	SCMP_SYS(userfaultfd), SCMP_SYS(vhangup),
};

static err_t add(scmp_filter_ctx ctx, const struct call *call)
{
	struct scmp_arg_cmp args[2];
	uint32_t action = call->test == NOT ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW;
	int rc;

	for (unsigned i = 0; i < tests_n[call->test]; i++) {
		const struct comparison *c = &tests[call->test][i];

		args[i] = (struct scmp_arg_cmp){ c->argument, c->op, c->a, c->b };
		if (call->test == itself)
			args[i].datum_a = (uint64_t)getpid();
	}
	rc = seccomp_rule_add_array(ctx, action, call->number, tests_n[call->test], args);
	/* A call that this processor's kernel does not have needs no rule. */
	return rc == 0 || (call->number < 0 && (rc == -EDOM || rc == -EINVAL)) ? ERR_OK : ERR_IO;
}

static err_t load(scmp_filter_ctx ctx)
{
	/* A tree instead of a chain; older libraries have chains only. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0)
		return ERR_IO;
	return seccomp_load(ctx) == 0 ? ERR_OK : ERR_IO;
}

err_t sandbox_seccomp(const struct sandbox *s, unsigned *held, struct buf *missing)
{
	scmp_filter_ctx ctx;
	err_t err = ERR_OK;

	if (s->no_seccomp)
		return buf_printf(missing, "%sthe list of system calls: built with sanitizers",
		                  missing->n ? "; " : "");
	/* A maker's library tries this and that, and goes on when it is refused. */
	ctx = seccomp_init(sandbox_row(s->role)->makers ? SCMP_ACT_ERRNO(EPERM)
	                                                : SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		return ERR_MEMORY;
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		if (calls[i].roles & 1u << s->role && calls[i].other < 0)
			TRY(add(ctx, &calls[i]));
	}
	TRY(load(ctx));
	*held |= HELD_SYSTEM_CALLS;
out:
	seccomp_release(ctx);
	return err;
}

/* Is the call given up by this role, on this kernel? */
static bool leaves(const struct left *l, enum role role)
{
	enum kernel here = secret_hidden() ? HIDES : SHOWS;

	return l->roles & 1u << role && l->number >= 0 && (l->kernel == EITHER || l->kernel == here);
}

err_t sandbox_settle(enum role role)
{
	/* What it does not name is for the first list to judge. */
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	err_t err = ERR_OK;

	if (!ctx)
		return ERR_MEMORY;
	/* Set since the first list; another call to say so is not on it. */
	if (seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) != 0)
		TRY(ERR_IO);
	for (size_t i = 0; i < COUNT_OF(lefts); i++) {
		if (leaves(&lefts[i], role) &&
		    seccomp_rule_add(ctx, lefts[i].action, lefts[i].number, 0) != 0)
			TRY(ERR_IO);
	}
	err = load(ctx);
out:
	seccomp_release(ctx);
	return err;
}

static bool is_left(enum role role, int number)
{
	for (size_t i = 0; i < COUNT_OF(lefts); i++) {
		if (leaves(&lefts[i], role) && lefts[i].number == number)
			return true;
	}
	return false;
}

unsigned sandbox_count(enum role role, bool settled)
{
	unsigned n = 0;

	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		bool again = false;

		/* One that is allowed in two forms is one. */
		for (size_t j = 0; j < i; j++)
			again |= calls[j].number == calls[i].number && calls[j].roles & 1u << role;
		n += calls[i].roles & 1u << role && calls[i].test != NOT && calls[i].other < 0 &&
		     calls[i].number >= 0 && !again && !(settled && is_left(role, calls[i].number));
	}
	return n;
}

err_t sandbox_parent(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	err_t err = ERR_OK;

	if (!ctx)
		return ERR_MEMORY;
	for (size_t i = 0; i < COUNT_OF(never); i++) {
		int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), never[i], 0);

		if (rc != 0 && never[i] >= 0)
			TRY(ERR_IO);
	}
	err = load(ctx);
out:
	seccomp_release(ctx);
	return err;
}
